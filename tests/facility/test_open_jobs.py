"""Jobs that are submitted and ended from outside: equal to rigid ones, killed, cancelled, tied together."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError, InvariantError
from qhpcsim.core.records import Categories
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.open_jobs import NORMAL, OpenJobs
from qhpcsim.facility.replay import batch_systems, demand, drain, logs_of, replay
from qhpcsim.scenario import Partition, Policy, Scheduler
from tests.job_tables import CONSERVATIVE, EASY, FCFS, random_table, table

KEPT = Policy(name="conservative", backfill="conservative", reservations="kept")
NEVER = np.inf


class Centre:
    """Partitions of whole nodes with some open rows."""

    def __init__(self, jobs, partitions, policy=FCFS, first=0, scheduler=None):
        self.clock, self.n = Clock(), jobs.n
        wants = demand(jobs, partitions, policy, "extend")
        wants.hold_s[first:] = jobs.walltime_s[first:]
        rows = range(first, jobs.n)
        self.systems = batch_systems(self.clock, jobs, wants, partitions, policy, scheduler or Scheduler(), rows)
        self.open = OpenJobs(self.clock, self.systems, wants.home, rows, jobs.submit_s)

    def at(self, time_s, call, *args):
        self.clock.call_at(time_s, lambda _event: call(*args), NORMAL)

    def run(self):
        drain(self.clock, lambda: 0.0, None)
        _, start_s = logs_of(self.systems, self.n)
        return start_s, self.open.times(start_s)[0]


def run_open(jobs, nodes, policy):
    """Submit and end every job of a table from outside."""
    submit_s, run_s = jobs.submit_s.copy(), jobs.runtime_s
    centre = Centre(jobs, {"cpu": Partition(nodes=nodes)}, policy)

    def begun(job, now_s):
        centre.at(now_s + run_s[job], centre.open.release, job)

    for job in range(jobs.n):
        centre.at(submit_s[job], centre.open.submit, job, begun)
    return centre.run()


@pytest.mark.parametrize(
    "policy",
    [FCFS, EASY, CONSERVATIVE, KEPT, Policy(order="sjf", backfill="easy"), Policy(order="wfp3", backfill="easy")],
    ids=["fcfs", "easy", "conservative", "kept", "sjf", "wfp3"],
)
@pytest.mark.parametrize("seed", range(5))
def test_an_open_job_is_scheduled_like_a_rigid_one(policy, seed):
    jobs = random_table(seed, 200, 16, load=1.1)
    rigid = replay(jobs, {"cpu": Partition(nodes=16)}, policy, engine="general")
    start_s, end_s = run_open(jobs, 16, policy)
    assert start_s.tolist() == rigid.start_s.tolist()
    assert end_s.tolist() == (rigid.start_s + jobs.runtime_s).tolist()


def test_rigid_and_open_jobs_share_a_queue_in_order_of_submission():
    jobs = table([0, 5, NEVER], [4, 4, 4], [10, 10, NEVER], [10, 10, 100])
    centre = Centre(jobs, {"cpu": Partition(nodes=4)}, first=2)
    centre.at(3, centre.open.submit, 2, lambda job, now_s: centre.at(now_s + 7, centre.open.release, job))
    start_s, end_s = centre.run()
    assert start_s.tolist() == [0, 17, 10]
    assert end_s[2] == 17


def test_walltime_ends_a_job_that_nobody_releases():
    jobs = table([NEVER], [1], [NEVER], [30])
    centre = Centre(jobs, {"cpu": Partition(nodes=1)})
    heard = []
    centre.at(5, centre.open.submit, 0, None, lambda *what: heard.append(what))
    _, end_s = centre.run()
    assert end_s[0] == 35
    assert heard == [(0, 35, True)]
    assert centre.open.killed == {0}


def test_a_release_at_the_walltime_is_an_end_like_any_other():
    jobs = table([NEVER], [1], [NEVER], [30])
    centre = Centre(jobs, {"cpu": Partition(nodes=1)})
    centre.at(0, centre.open.submit, 0, lambda job, now_s: centre.at(now_s + 30, centre.open.release, job))
    centre.run()
    assert centre.open.killed == set()


@pytest.mark.parametrize("policy", [FCFS, EASY, CONSERVATIVE, KEPT], ids=lambda p: f"{p.name}-{p.reservations}")
def test_a_cancelled_head_makes_way_at_once(policy):
    jobs = table([0, 2, NEVER], [2, 2, 4], [20, 60, NEVER], [20, 60, 50])
    centre = Centre(jobs, {"cpu": Partition(nodes=4)}, policy, first=2)
    centre.at(1, centre.open.submit, 2)
    centre.at(7, centre.open.cancel, 2)
    start_s, _ = centre.run()
    assert start_s[:2].tolist() == [0, 7]
    assert np.isnan(start_s[2])
    assert centre.open.cancelled == {2}


def test_a_job_that_does_not_run_cannot_be_released():
    jobs = table([NEVER], [1], [NEVER], [30])
    centre = Centre(jobs, {"cpu": Partition(nodes=1)})
    with pytest.raises(InvariantError, match="does not run"):
        centre.open.release(0)


def two_partitions(jobs, codes, policy=FCFS, first=0):
    jobs.partition = Categories(np.array(codes, dtype=np.int32), ("cpu", "gpu"))
    return Centre(jobs, {"cpu": Partition(nodes=4), "gpu": Partition(nodes=2)}, policy, first)


@pytest.mark.parametrize("policy", [FCFS, EASY, CONSERVATIVE], ids=lambda p: p.name)
def test_a_het_job_starts_when_all_its_components_can(policy):
    """CPU nodes come free at 10, GPU nodes at 25; both components start at 25 and the CPU nodes stay free till then."""
    jobs = table([0, 0, NEVER, NEVER], [4, 2, 4, 2], [10, 25, NEVER, NEVER], [10, 25, 40, 40])
    centre = two_partitions(jobs, [0, 1, 0, 1], policy, first=2)
    begun = []

    def start(job, now_s):
        begun.append((job, now_s))
        centre.at(now_s + 5, centre.open.release, job)

    centre.at(1, centre.open.submit_het, [2, 3], start)
    start_s, end_s = centre.run()
    assert start_s.tolist() == [0, 0, 25, 25]
    assert end_s[2:].tolist() == [30, 30]
    assert sorted(begun) == [(2, 25), (3, 25)]


@pytest.mark.parametrize(("policy", "start"), [(FCFS, 30), (EASY, 10), (CONSERVATIVE, 10)], ids=lambda p: str(p)[:20])
def test_nodes_that_wait_for_the_other_half_are_lent_to_short_jobs(policy, start):
    """The CPU half could start at 10, the GPU half at 25; job 2 takes 15 s of one CPU node in between."""
    jobs = table([0, 0, 5, 6, NEVER, NEVER], [3, 2, 1, 1, 4, 2], [10, 25, 15, 16, NEVER, NEVER])
    jobs.walltime_s[4:] = 40
    centre = two_partitions(jobs, [0, 1, 0, 0, 0, 1], policy, first=4)
    centre.at(1, centre.open.submit_het, [4, 5], lambda job, now_s: centre.at(now_s + 5, centre.open.release, job))
    start_s, _ = centre.run()
    assert start_s.tolist() == [0, 0, start, 30, 25, 25]


@settings(deadline=None, max_examples=60)
@example(544361, EASY)  # two groups that each, but not both, fit elsewhere at one instant
@given(st.integers(0, 10**6), st.sampled_from([FCFS, EASY, CONSERVATIVE]))
def test_components_start_together_and_no_node_is_held_twice(seed, policy):
    draw = np.random.default_rng(seed)
    n_rigid, n_het = 12, 5
    rigid = sorted(tuple(map(float, draw.integers((0, 1, 1), (30, 3, 12)))) for _ in range(n_rigid))
    submit = [s for s, _, _ in rigid] + [NEVER] * (2 * n_het)
    nodes = [int(n) for _, n, _ in rigid] + [int(draw.integers(1, 5)), int(draw.integers(1, 3))] * n_het
    run = [r for _, _, r in rigid] + [50.0] * (2 * n_het)
    jobs = table(submit, nodes, run)
    centre = two_partitions(jobs, [int(k) for k in draw.integers(0, 2, n_rigid)] + [0, 1] * n_het, policy, n_rigid)
    for k in range(n_het):
        pair, length = [n_rigid + 2 * k, n_rigid + 2 * k + 1], float(draw.integers(1, 9))
        centre.at(
            float(draw.integers(0, 30)),
            centre.open.submit_het,
            pair,
            lambda job, now_s, length=length: centre.at(now_s + length, centre.open.release, job),
        )
    start_s, end_s = centre.run()
    assert not np.isnan(start_s).any()
    assert (start_s[n_rigid::2] == start_s[n_rigid + 1 :: 2]).all()
    end_s[:n_rigid] = start_s[:n_rigid] + jobs.runtime_s[:n_rigid]
    for code, limit in ((0, 4), (1, 2)):
        here = jobs.partition.code == code
        for time_s in start_s[here]:
            held = here & (start_s <= time_s) & (time_s < end_s)
            assert jobs.nodes[held].sum() <= limit


def test_open_jobs_need_plain_semantics():
    jobs = table([NEVER], [1], [NEVER], [30])
    with pytest.raises(ConfigError, match="semantics"):
        Centre(jobs, {"cpu": Partition(nodes=1)}, Policy(semantics="each"))
    centre = two_partitions(table([NEVER, NEVER], [1, 1], [9, 9]), [0, 1], KEPT)
    with pytest.raises(ConfigError, match="in advance"):
        centre.open.submit_het([0, 1])
