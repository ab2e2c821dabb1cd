"""Couplings against closed forms: node seconds, QPU use, slow-down, at phases of constant length."""

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.records import JobState
from qhpcsim.core.registry import entries
from tests.job_tables import CONSERVATIVE, EASY, FCFS, table
from tests.middleware.hybrid_cases import constant_job, node_seconds, run, spent

RATIOS = [(100.0, 1.0), (10.0, 1.0), (1.0, 1.0), (1.0, 10.0)]
CALLS, NODES = 50, 8


@pytest.mark.parametrize(("cpu_s", "qpu_s"), RATIOS)
@pytest.mark.parametrize("coupling", ["exclusive", "hold", "vqpu", "hold_unhold"])
def test_holding_costs_all_nodes_for_all_phases(coupling, cpu_s, qpu_s):
    made = run([constant_job("a", CALLS, cpu_s, qpu_s)], coupling, NODES)
    assert node_seconds(made) == NODES * CALLS * (cpu_s + qpu_s)
    assert spent(made, "qpu") == CALLS * qpu_s
    assert made.runs[0].ended_s == CALLS * (cpu_s + qpu_s)
    assert made.runs[0].state == "COMPLETED"


@pytest.mark.parametrize(("cpu_s", "qpu_s"), RATIOS)
@pytest.mark.parametrize("resize_s", [0.0, 0.5])
def test_malleable_saving(cpu_s, qpu_s, resize_s):
    """phi (1 - n_min/N) - o/(Tc + Tq) of the node seconds; the first start is no resize."""
    made = run([constant_job("a", CALLS, cpu_s, qpu_s, min_nodes=2)], "malleable", NODES, resize_s=resize_s)
    grown = CALLS - 1
    assert node_seconds(made) == NODES * CALLS * cpu_s + 2 * CALLS * qpu_s + NODES * grown * resize_s
    phi = qpu_s / (cpu_s + qpu_s)
    saving = 1 - node_seconds(made) / (NODES * CALLS * (cpu_s + qpu_s))
    assert saving == pytest.approx(phi * (1 - 2 / NODES) - resize_s / (cpu_s + qpu_s) * grown / CALLS, abs=1e-12)


@pytest.mark.parametrize(("cpu_s", "qpu_s"), RATIOS)
def test_split_saving(cpu_s, qpu_s):
    """phi - o/(Tc + Tq) of the node seconds."""
    made = run([constant_job("a", CALLS, cpu_s, qpu_s)], "split", NODES, launch_s=0.25)
    assert node_seconds(made) == NODES * CALLS * (cpu_s + 0.25)
    assert made.runs[0].ended_s == CALLS * (cpu_s + 0.25 + qpu_s)


@pytest.mark.parametrize("tokens", [1, 2, 4, 8])
@pytest.mark.parametrize(("cpu_s", "qpu_s"), RATIOS)
def test_tokens_share_a_qpu(tokens, cpu_s, qpu_s):
    """QPU utilisation min(1, v phi) once the pipeline is full, each job slowed by max(1, v phi)."""
    jobs = [constant_job(f"j{k}", CALLS, cpu_s, qpu_s, nodes=1) for k in range(tokens)]
    made = run(jobs, "vqpu", tokens, tokens=tokens)
    phi, round_s = qpu_s / (cpu_s + qpu_s), cpu_s + qpu_s
    slowest_s = max(each.ended_s for each in made.runs)
    bound_s = CALLS * round_s * max(1.0, tokens * phi)
    assert bound_s - round_s <= slowest_s <= bound_s + tokens * round_s
    assert spent(made, "qpu") / slowest_s <= min(1.0, tokens * phi) + 1e-12


def test_exclusive_jobs_take_turns_on_the_only_qpu():
    made = run([constant_job(f"j{k}", 3, 10.0, 5.0, nodes=1) for k in range(2)], "exclusive", 8)
    assert [each.ended_s for each in made.runs] == [45.0, 90.0]


def test_nodes_given_back_serve_a_rigid_job():
    """A rigid job of 6 nodes and 4 s fits into each QPU phase of 5 s; under ``hold`` it waits for the end."""
    rigid = table([1.0], [6], [4.0])
    for coupling, start in (("malleable", 10.0), ("split", 10.0), ("hold", 45.0)):
        made = run([constant_job("a", 3, 10.0, 5.0, min_nodes=2)], coupling, NODES, policy=EASY, rigid=rigid)
        jobs, schedule = made.centre.outcome()
        assert schedule.start_s[list(jobs.job_id).index("1")] == start, coupling


def test_a_growing_job_waits_for_its_nodes():
    """The rigid job takes 8 s of a QPU phase of 5 s; the pieces start 3 s late."""
    rigid = table([1.0], [6], [8.0])
    made = run([constant_job("a", 2, 10.0, 5.0, min_nodes=2)], "malleable", NODES, policy=FCFS, rigid=rigid)
    assert made.runs[0].ended_s == 33.0
    assert spent(made, "queue") == 3.0


@pytest.mark.parametrize("coupling", sorted(entries("coupling")))
@pytest.mark.parametrize("policy", [FCFS, EASY, CONSERVATIVE], ids=lambda p: p.name)
def test_every_coupling_finishes_and_leaks_nothing(coupling, policy):
    draw = np.random.default_rng(7)
    jobs = [
        HybridJob(f"j{k}", float(k), int(draw.integers(1, 6)), draw.exponential(5, 6), draw.exponential(2, 6), 1.0)
        for k in range(12)
    ]
    rigid = table(np.cumsum(draw.exponential(4, 40)), draw.integers(1, 7, 40), draw.exponential(9, 40) + 0.1)
    made = run(jobs, coupling, NODES, tokens=2, policy=policy, rigid=rigid)
    assert {each.state for each in made.runs} == {"COMPLETED"}
    for system in made.centre.systems:
        assert system.state.free_nodes == system.state.n_nodes
        assert not system.state.queue
    jobs_table, schedule = made.centre.outcome()
    assert (schedule.state == JobState.COMPLETED_SUCCESSFULLY).all()
    assert (np.diff(jobs_table.submit_s) >= 0).all()
    first = (schedule.start_s[:, None] <= schedule.start_s) & (schedule.start_s < schedule.end_s[:, None])
    for name, limit in (("cpu", 8), ("qpu", 2)):
        here = schedule.partition == list(made.centre.partitions).index(name)
        held = (first & here[:, None] & here).T @ jobs_table.nodes.astype(float)
        assert held.max(initial=0) <= limit


def test_walltime_ends_everything_that_a_job_holds():
    job = constant_job("a", 10, 10.0, 5.0, walltime_s=32.0)
    for coupling in ("hold", "exclusive", "vqpu", "malleable"):
        made = run([job], coupling, NODES)
        assert (made.runs[0].state, made.runs[0].ended_s) == ("WALLTIME", 32.0)
        assert all(system.state.free_nodes == system.state.n_nodes for system in made.centre.systems)
        assert max(end_s for _, _, end_s in made.runs[0].phases) <= 32.0


def test_impossible_jobs_are_refused():
    with pytest.raises(FacilityError, match="asks for 9 nodes"):
        run([constant_job("a", 1, 1.0, 1.0, nodes=9)], "hold", NODES)
    with pytest.raises(ConfigError, match="finite"):
        run([constant_job("a", 1, np.nan, 1.0)], "hold", NODES)
