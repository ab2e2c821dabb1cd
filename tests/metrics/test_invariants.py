"""A healthy run breaks no rule; each planted fault breaks the rule that is there for it."""

import copy

import numpy as np
import pytest

from qhpcsim.metrics.invariants import check_run
from qhpcsim.scenario import Policy
from tests.metrics.runs import HAND_EASY, HAND_FCFS, make_result, random_fcfs

EASY = Policy(name="easy", backfill="easy")
CONSERVATIVE = Policy(name="conservative", backfill="conservative")


def broken(result, **changes):
    """Return the rules that a run breaks, after changes to its tables."""
    options = {"policy": result.scenario.policy, "workload": result.table, **changes}
    jobs = options.pop("jobs", result.jobs)
    summary = options.pop("summary", result.summary)
    return {v.id for v in check_run(jobs, summary, result.partitions, **options)}


@pytest.mark.parametrize("policy", [Policy(), EASY, CONSERVATIVE], ids=lambda p: p.name)
def test_hand_example_is_healthy(policy):
    starts = HAND_FCFS if policy.name == "fcfs" else HAND_EASY
    assert broken(make_result(starts=starts, policy=policy, power=(90.0, 200.0))) == set()


@pytest.mark.parametrize("seed", range(5))
def test_random_runs_are_healthy(seed):
    assert broken(random_fcfs(seed=seed, power=(90.0, 200.0))) == set()


def test_a_run_at_unix_times_is_healthy():
    result = random_fcfs(power=(90.0, 200.0))
    result.table.zero_s = 1.7e9
    assert broken(result) == set()


def cell(frame, row, column, value):
    frame = frame.copy()
    frame.loc[row, column] = value
    return frame


def test_i01_a_missing_time():
    result = make_result()
    assert broken(result, jobs=cell(result.jobs, 2, "starting_time", np.nan)) == {"I01"}


def test_i01_a_time_that_should_not_be():
    result = make_result([(0, 1, 1), (0, 9, 1)], [0, np.nan])
    assert broken(result, jobs=cell(result.jobs, 1, "starting_time", 5.0)) == {"I01"}


def test_i02_a_start_before_the_submission():
    result = make_result(starts=[0, 10, 10, 15, 15, 4.5])
    assert "I02" in broken(result)


def test_i03_a_run_time_of_its_own():
    result = make_result()
    result.table.runtime_s = result.table.runtime_s.copy()
    jobs = result.jobs
    result.table.runtime_s[0] = result.table.walltime_s[0] = 11
    assert broken(result, jobs=jobs, summary={}) == {"I03"}


def test_i03_a_wrong_wait_or_stretch():
    result = make_result()
    for column in ("waiting_time", "turnaround_time", "stretch", "execution_time"):
        assert "I03" in broken(result, jobs=cell(result.jobs, 1, column, 77.0)), column


def test_i03_a_job_that_overruns_its_limit():
    result = make_result(limits=[9, 5, 8, 20, 2, 1])
    jobs = cell(result.jobs, 0, "finish_time", 10.0)
    for column, value in (("execution_time", 10.0), ("turnaround_time", 10.0), ("stretch", 1.0)):
        jobs = cell(jobs, 0, column, value)
    assert "I03" in broken(result, jobs=jobs)


def test_i04_i05_two_jobs_on_one_node():
    result = make_result(starts=[0, 9.5, 10, 15, 15, 35])
    assert "I05" in broken(result)


def test_i04_more_nodes_than_there_are():
    # without node ids to look at, the count alone must show it
    from qhpcsim.metrics.checks.nodes import check_overcommit
    from qhpcsim.metrics.checks.tables import Tables

    result = make_result(starts=[0, 9.5, 10, 15, 15, 35])
    tables = Tables(result.jobs.assign(allocated_resources="0"), {}, result.partitions)
    assert {v.id for v in check_overcommit(tables)} == {"I04"}


@pytest.mark.parametrize("nodes", ["0-1", "0-3", "2-4", "1-3"])
def test_i05_other_nodes(nodes):
    # job 2 holds three nodes from 10 to 15, job 3 the fourth
    result = make_result()
    assert result.jobs["allocated_resources"].tolist()[1:3] == ["0-2", "3"]
    assert "I05" in broken(result, jobs=cell(result.jobs, 1, "allocated_resources", nodes))


def test_i05_swapped_nodes():
    result = make_result([(0, 1, 10), (2, 1, 10), (10, 1, 5)], [0, 2, 10], nodes=2)
    jobs = cell(result.jobs, 2, "allocated_resources", "1")
    assert broken(result) == set()
    assert broken(result, jobs=jobs) == {"I05"}


def test_i06_a_lost_job_and_a_double():
    result = make_result()
    assert broken(result, jobs=result.jobs.drop(index=3)) == {"I06"}
    assert "I06" in broken(result, jobs=cell(result.jobs, 3, "job_id", 1))
    assert "I06" in broken(result, jobs=cell(result.jobs, 3, "final_state", "DONE"))


def test_i07_a_clock_that_goes_back():
    result = make_result()
    assert broken(result, event_s=np.array([0.0, 2.0, 1.0])) == {"I07"}
    assert broken(result, event_s=np.array([0.0, 1.0, 1.0])) == set()


def test_i08_a_late_start():
    assert "I08" in broken(make_result(starts=[0, 10, 10, 15, 15, 36]))


def test_i09_overtaking():
    assert {"I08", "I09"} <= broken(make_result(starts=HAND_EASY))


def test_i10_a_head_behind_its_shadow():
    # job 3 runs beside the head's nodes until 25: the head was promised 10
    jobs = [(0, 3, 10), (1, 4, 5), (2, 1, 23)]
    assert "I10" in broken(make_result(jobs, [0, 25, 2], policy=EASY))
    assert broken(make_result(jobs, [0, 10, 15], policy=EASY)) == set()


def test_i11_not_the_first_slot():
    late = [0, 10, 2, 10, 16, 30]
    assert "I11" in broken(make_result(starts=late, policy=CONSERVATIVE))


def test_i18_idling_while_the_head_fits():
    assert "I18" in broken(make_result([(0, 2, 10), (1, 2, 5)], [0, 4], policy=EASY))


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("I06", "n_completed"),
        ("I12", "mean_queue_length"),
        ("I13", "energy_j"),
        ("I14", "utilisation_frac"),
        ("I14", "steady_utilisation_frac"),
        ("I14", "useful_utilisation_frac"),
        ("I15", "makespan_s"),
        ("I16", "mean_wait_s"),
        ("I16", "mean_bounded_slowdown"),
        ("I16", "p95_wait_s"),
        ("I16", "awrt_s"),
        ("I16", "busy_node_s"),
    ],
)
def test_a_figure_that_is_a_little_off(rule, key):
    result = random_fcfs(n=50, power=(90.0, 200.0))
    summary = copy.deepcopy(result.summary)
    summary[key] = summary[key] * (1 + 1e-6) if isinstance(summary[key], float) else summary[key] + 1
    assert rule in broken(result, summary=summary)


def test_i13_a_jobs_energy():
    result = make_result(power=(90.0, 200.0))
    assert broken(result, jobs=cell(result.jobs, 2, "consumed_energy", 1601.0)) == {"I13"}


def test_i13_a_partition_outside_its_envelope():
    result = make_result(power=(90.0, 200.0))
    summary = copy.deepcopy(result.summary)
    summary["by_partition"]["batch"]["energy_j"] = 1.0
    assert broken(result, summary=summary) == {"I13"}


def test_i15_a_makespan_shorter_than_the_work():
    result = make_result()
    found = check_run(result.jobs, {**result.summary, "makespan_s": 5.0}, result.partitions)
    assert sum(v.id == "I15" for v in found) == 3
