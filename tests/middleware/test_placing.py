"""Placement at run time, worked out by hand: what is predicted, what is taken, what comes of it."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.circuit_times import ConstantTimes
from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.registry import entries
from qhpcsim.core.task_records import TaskState, word_texts
from qhpcsim.core.workflow_records import Alternative, Application, Choice, ClientWork, PilotAsk, Workflow, WorkflowWork
from qhpcsim.middleware.applications import Applications, TaskLayer
from qhpcsim.middleware.placing import Placer
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.task_rows import task_table
from qhpcsim.middleware.workflows import WorkflowRun
from qhpcsim.qpu_scenario import CalibrationWindow, QpuDevice, QpuService
from qhpcsim.scenario import Partition
from qhpcsim.workloads.motifs.making import motif_params
from tests.job_tables import EASY, FCFS, table
from tests.middleware.hybrid_cases import no_jobs
from tests.middleware.placing_cases import Sent, Small, bag, calls, either, flow, params, taken

TWO_QPUS = QpuService({"good": QpuDevice(), "poor": QpuDevice()})


def options_at(small: Small, at_s: float, choice: Choice, *sent: Sent) -> list:
    """Return what is predicted at a time."""
    found: list = []
    small.centre.clock.call_at(at_s, lambda _event: found.extend(small.placer.options(choice)), 1)
    small.run(*sent)
    return found


@pytest.mark.parametrize(
    ("at_s", "gpu_s", "qpu_s", "wanted", "ended_s"),
    [
        (10.0, 95.0, 30.0, "qpu", 40.0),  # GPU busy until 100, QPU until 30
        (94.0, 11.0, 10.0, "qpu", 104.0),
        (96.0, 9.0, 10.0, "gpu", 105.0),
        (200.0, 5.0, 10.0, "gpu", 205.0),
    ],
)
def test_a_busy_gpu_sends_work_to_the_qpu(at_s, gpu_s, qpu_s, wanted, ended_s):
    choice = either(bag(5), calls(10))
    busy = (Sent(0.0, flow(bag(100), name="a")), Sent(0.0, flow(calls(30), name="b")))
    predicted = options_at(Small(), at_s, choice, *busy)
    assert [option.completion_s for option in predicted] == [gpu_s, qpu_s]
    assert [option.run_s for option in predicted] == [5.0, 10.0]
    *_, run = Small().run(*busy, Sent(at_s, flow(choice)))
    assert taken(run) == [wanted] and run.ended_s == ended_s and run.state == "COMPLETED"


def test_decisions_of_one_instant_see_each_other():
    """GPU 10 s, QPU 12 s: gpu until 10, then qpu until 12 (gpu 20), gpu until 20 (qpu 24), qpu until 24 (gpu 30)."""
    runs = Small().run(*(Sent(3.0, flow(either(bag(10), calls(12)), name=str(k))) for k in range(4)))
    assert [taken(run) for run in runs] == [["gpu"], ["qpu"], ["gpu"], ["qpu"]]
    assert [run.ended_s for run in runs] == [13.0, 15.0, 23.0, 27.0]


def test_calls_under_way_through_the_network_count():
    far = QpuService(latency_s=2.0)
    runs = Small(service=far).run(*(Sent(float(k), flow(either(bag(30), calls(12)), name=str(k))) for k in range(3)))
    # 2 + 12 + 2; then at t = 1 still on its way: 2 + 12 + 12 + 2 - 1 = 27 < 30; then 38 > 30
    assert [taken(run) for run in runs] == [["qpu"], ["qpu"], ["gpu"]]
    assert [run.ended_s for run in runs] == [16.0, 28.0, 32.0]


def test_least_fidelity_forces_the_state_vector():
    choice = either(bag(50), calls(1, fidelity=np.array([0.4])))
    (free,) = Small().run(Sent(0.0, flow(choice)))
    (bound,) = Small(params(min_fidelity=0.9)).run(Sent(0.0, flow(choice)))
    assert (taken(free), taken(bound)) == (["qpu"], ["gpu"])
    none = Choice((choice.alternatives[1], Alternative("gpu", why_not="the state does not fit")))
    with pytest.raises(
        FacilityError, match=r"reach the fidelity 0.9 \(the best has 0.4\); gpu: the state does not fit"
    ):
        Small(params(min_fidelity=0.9)).run(Sent(0.0, flow(none)))


def test_least_fidelity_keeps_jobs_from_poor_qpus():
    """Both QPUs are as fast; without a limit the service spreads the jobs."""
    work = calls(10, 10, fidelity=np.array([0.95, 0.5]))
    for least, where, ended_s, fidelity in ((0.0, [0, 1], 10.0, 0.725), (0.9, [0, 0], 20.0, 0.95)):
        small = Small(params(min_fidelity=least), service=TWO_QPUS)
        choice = either(bag(1000), work)
        assert small.placer.options(choice)[1].fidelity == pytest.approx(fidelity)
        (run,) = small.run(Sent(0.0, flow(choice)))
        assert small.centre.qpu.jobs.where == where and run.ended_s == ended_s


def test_parts_multiply_their_fidelities():
    work = calls(1, 1, fidelity=np.array([0.9]))
    choice = Choice((Alternative("one", flow(work)), Alternative("cut", flow(work), parts=3)))
    assert [option.fidelity for option in Small().placer.options(choice)] == pytest.approx([0.9, 0.729])


def test_too_wide_for_the_gpu():
    ways = (
        Alternative("gpu", why_not="60 qubits"),
        Alternative("cut", flow(bag(5, 5))),
        Alternative("qpu", flow(calls(8))),
    )
    busy = Sent(0.0, flow(calls(6), name="b"))
    (idle,) = Small().run(Sent(1.0, flow(Choice(ways))))
    _, loaded = Small().run(busy, Sent(1.0, flow(Choice(ways))))
    assert (taken(idle), taken(loaded)) == (["qpu"], ["cut"])  # 8 against 10, 13 against 10


def test_costs_by_hand():
    """Half a node (1 of 2 GPUs) for 2 x 90 s at 40 an hour: 1; two calls of 3 each: 6."""
    choice = either(bag(90, 90), calls(1, 1, cost=np.array([3.0])))
    priced = Small(params("cheapest", node_hour_price=40.0), gpus=2).placer.options(choice)
    assert [option.cost for option in priced] == pytest.approx([1.0, 6.0])
    unpriced = Small(gpus=2).placer.options(choice)
    assert math.isnan(unpriced[0].cost) and unpriced[1].cost == 6.0
    (cheap,) = Small(params("cheapest", node_hour_price=40.0), gpus=2).run(Sent(0.0, flow(choice)))
    assert taken(cheap) == ["gpu"]
    capped = Small(params(max_cost=2.0, node_hour_price=40.0), gpus=2).placer.options(choice)
    assert [option.why_not for option in capped] == ["", "costs 6, above 2"]
    unknown = Small(params(max_cost=20.0), gpus=2).placer.options(choice)
    assert [option.why_not for option in unknown] == ["its cost is not known", ""]
    with pytest.raises(ConfigError, match="cost of alternative gpu is not known"):
        Small(params("cheapest")).run(Sent(0.0, flow(choice)))


def test_starts_of_gpu_workers_and_dispatch_count():
    """Two slots: (4 + 3) twice one after the other, against 0.5 s for each of the four tasks to be dispatched."""
    small = Small(gpus=2, costs=PoolCosts(gpu_cold_s=3.0, dispatch_s=0.5))
    (option, _) = options_at(small, 1.0, either(bag(4, 4, 4, 4), calls(1)))
    assert option.completion_s == 14.0
    many = Small(gpus=2, costs=PoolCosts(dispatch_s=5.0))
    assert options_at(many, 1.0, either(bag(4, 4, 4, 4), calls(1)))[0].completion_s == 20.0


def test_a_calibration_window_that_is_known_counts():
    shut = QpuService({"q": QpuDevice(windows=(CalibrationWindow(1000.0, 0.0, 100.0, "drain"),))})
    small = Small(service=shut)
    assert options_at(small, 40.0, either(bag(65), calls(10)))[1].completion_s == 70.0
    *_, run = Small(service=shut).run(Sent(40.0, flow(either(bag(65), calls(10)))))
    assert taken(run) == ["gpu"] and run.ended_s == 105.0


@settings(max_examples=60, deadline=None)
@given(
    tasks=st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.5, 2.0)), max_size=5),
    jobs=st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.5, 2.0)), max_size=5),
    own=st.tuples(st.floats(0.1, 50), st.floats(0.5, 2.0), st.floats(0.1, 50), st.floats(0.5, 2.0)),
    at_s=st.floats(0.0, 40.0),
)
def test_adaptation_is_worse_than_the_better_choice_at_most_by_the_errors_of_prediction(tasks, jobs, own, at_s):
    """One slot, one QPU, both first come, first served, nothing comes later.

    The predicted completion of each alternative errs by at most the added errors of what runs there, so the one that
    is taken ends at most the sum of both later than the better one.
    """
    gpu_s, gpu_factor, qpu_s, qpu_factor = own
    choice = either(bag(gpu_s, predicted_s=[gpu_s * gpu_factor]), calls(qpu_s, predicted_s=[qpu_s * qpu_factor]))
    load = [Sent(0.0, flow(bag(run_s, predicted_s=[run_s * factor]), name="t")) for run_s, factor in tasks]
    load += [Sent(0.0, flow(calls(run_s, predicted_s=[run_s * factor]), name="q")) for run_s, factor in jobs]
    every = [(gpu_s, gpu_factor), (qpu_s, qpu_factor), *tasks, *jobs]
    error_s = sum(abs(run_s * factor - run_s) for run_s, factor in every)
    ends_s = {}
    for name in ("gpu", "qpu", ""):
        placement = params("fixed", alternative=name) if name else params()
        ends_s[name] = Small(placement).run(*load, Sent(at_s, flow(choice)))[-1].ended_s
    assert ends_s[""] in (ends_s["gpu"], ends_s["qpu"])
    assert ends_s[""] <= min(ends_s["gpu"], ends_s["qpu"]) + error_s + 1e-9


def test_adaptation_beats_every_fixed_choice_where_the_load_shifts():
    """The GPU is taken until 400, the QPU from 400 on; one stage of 10 s on either every 40 s.

    Adaptive: ten stages on the QPU, then ten on the GPU, 10 s each. Fixed to the GPU the first ones wait until 400;
    fixed to the QPU the last ones wait until 800.
    """
    load = (Sent(0.0, flow(bag(400), name="g")), Sent(400.0, flow(calls(400), name="q")))
    stages = [Sent(40.0 * k + 1.0, flow(either(bag(10), calls(10)), name=str(k))) for k in range(20)]

    def mean_s(placement):
        runs = Small(placement).run(*load, *stages)[2:]
        return sum(run.ended_s - run.started_s for run in runs) / len(runs), Counter(taken(run)[0] for run in runs)

    adaptive, where = mean_s(params())
    assert adaptive == 10.0 and where == {"qpu": 10, "gpu": 10}
    gpu, _ = mean_s(params("fixed", alternative="gpu"))
    starts = [max(400.0, 40.0 * k + 1.0) for k in range(20)]
    for k in range(1, 20):
        starts[k] = max(starts[k], starts[k - 1] + 10.0)
    assert gpu == pytest.approx(sum(start + 10.0 - 40.0 * k - 1.0 for k, start in enumerate(starts)) / 20)
    qpu, _ = mean_s(params("fixed", alternative="qpu"))
    assert adaptive < 0.2 * min(gpu, qpu)


@pytest.mark.parametrize("name", entries("placement"))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_task_runs_once_and_in_order(name, seed):
    rng = np.random.default_rng(seed)
    sent = []
    for k in range(6):
        works = []
        for _ in range(rng.integers(1, 4)):
            n = int(rng.integers(1, 5))
            works.append(either(bag(*rng.uniform(1, 20, n)), calls(*rng.uniform(1, 20, n), cost=np.array([1.0]))))
        sent.append(Sent(float(rng.uniform(0, 60)), flow(*works, name=str(k))))
    runs = Small(params(name, node_hour_price=1.0), gpus=2).run(*sent)
    found = task_table(runs)
    assert (found.state == TaskState.SUCCESS).all()
    workflow, motif = word_texts(found.workflow, found.n), word_texts(found.motif, found.n)
    assert set(motif) <= {"m/gpu", "m/qpu"}
    for each, run in zip(sent, runs, strict=True):
        wanted = sum(len(stage.work.alternatives[0].flow.stages[0].work.run_s) for stage in each.flow.stages)
        assert workflow.count(each.flow.name) == wanted and run.state == "COMPLETED"
        assert all(a.ended_s <= b.started_s for a, b in pairwise(run.stages))
        for stage in run.stages:
            assert stage.inner is not None and stage.ended_s == stage.inner.ended_s


def test_equal_runs_are_equal():
    def rows():
        stages = [Sent(7.0 * k, flow(either(bag(10, 9), calls(8, 8)), name=str(k))) for k in range(20)]
        found = task_table(Small().run(*stages))
        return found.started_s, found.ended_s, word_texts(found.motif, found.n)

    for one, two in zip(rows(), rows(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_failures_and_lost_pilots_count():
    """The pilot ends at 15: the second stage goes to the QPU; where there is no other way, tasks wait for ever."""
    stages = [either(bag(10), calls(100)), either(bag(10), calls(100))]
    (moved,) = Small(walltime_s=15.0).run(Sent(0.0, flow(stages[0], calls(20), stages[1])))
    assert taken(moved) == ["gpu", "qpu"] and moved.state == "COMPLETED" and moved.ended_s == 130.0
    only = Choice((Alternative("gpu", flow(bag(10))), Alternative("qpu", why_not="too wide")))
    (stranded,) = Small(walltime_s=15.0).run(Sent(0.0, flow(only, calls(20), only)))
    assert (stranded.state, stranded.n_failed, math.isnan(stranded.ended_s)) == ("STRANDED", 0, True)
    (lost,) = Small(walltime_s=15.0).run(Sent(0.0, flow(Choice((Alternative("gpu", flow(bag(20))),)))))
    assert (lost.state, lost.n_failed) == ("INCOMPLETE", 1)


def test_workflows_are_made_for_the_workers_that_are_free():
    asked: list[int] = []

    def make(n: int) -> Workflow:
        asked.append(n)
        return flow(bag(*[12.0 / n] * n))

    choice = Choice((Alternative("cut", make=make, worker=bag(1).need),))
    busy = Sent(0.0, flow(bag(100), name="b"))
    small = Small(gpus=4)
    *_, run = small.run(busy, Sent(5.0, flow(choice)))
    assert set(asked) == {1, 3, 4}, "1: to see whether it can run at all; 3 are free of 4"
    assert run.ended_s == 9.0 and len(run.all_runs()[1].stages[0].tasks) == 3


def test_impossible_choices_are_refused_before_anything_runs():
    small = Small()
    for ways, words in (
        ((Alternative("gpu", flow(bag(1))),) * 2, "names that differ"),
        (
            (Alternative("gpu", why_not="too wide"), Alternative("qpu", flow(calls(math.inf)))),
            "no QPU can run its jobs",
        ),
        ((Alternative("x", flow(either(bag(1), calls(1)))),), "has a choice itself"),
        ((), "no alternative can be taken"),
    ):
        with pytest.raises((ConfigError, FacilityError), match=words):
            WorkflowRun(flow(Choice(ways)), small.centre, small.client, placer=small.placer)
    one_way = Choice((Alternative("gpu", why_not="too wide"), Alternative("qpu", flow(calls(1)))))
    for name, words in (("gpu", "gpu cannot be taken: too wide"), ("gqu", "no alternative 'gqu'")):
        fixed = Small(params("fixed", alternative=name))
        with pytest.raises((ConfigError, FacilityError), match=words):
            WorkflowRun(flow(one_way), fixed.centre, fixed.client, placer=fixed.placer)
    with pytest.raises(ConfigError, match="nobody to choose"):
        WorkflowRun(flow(either(bag(1), calls(1))), small.centre, small.client)
    no_qpu = Small(service=QpuService(qpus={}))
    with pytest.raises(
        FacilityError, match=r"gpu: no pilot has room for a task that needs .*; qpu: the facility has no"
    ):
        Placer(no_qpu.centre, params(), None).check(either(bag(1), calls(1)), "w")


GPUS = {"gpu": Partition(nodes=1, cores_per_node=8, gpus_per_node=1)}
TIMES = ConstantTimes(simulated_s=10.0, qpu_s=100.0)


def adaptive(name="a", submit_s=0.0, walltime_s=1e5, **given) -> Application:
    settings_ = {"qubits": 4, "num_entries": 1, "alternatives": "gpu:any,qpu", **given}
    made = motif_params("adaptive_circuits", {key: str(value) for key, value in settings_.items()})
    return Application(name, "adaptive_circuits", made, submit_s, "ann", (PilotAsk("gpu", walltime_s=walltime_s),))


@pytest.mark.parametrize(("rigid_s", "wanted"), [(80.0, "gpu:any"), (300.0, "qpu")])
@pytest.mark.parametrize("policy", [FCFS, EASY])
def test_a_pilot_that_waits_in_the_batch_queue_counts(rigid_s, wanted, policy):
    """The pilot starts when the rigid job's requested time is over: 10 s of work after that, or 100 s on the QPU."""
    rigid = table([0.0], [1], [rigid_s])
    made = Applications(WorkflowWork(rigid, [adaptive(submit_s=1.0)]), TIMES, GPUS, policy, service=QpuService())
    made.simulate()
    assert taken(made.runs[0]) == [wanted]
    assert made.runs[0].ended_s == (101.0 if wanted == "qpu" else rigid_s + 10.0)


def test_jobs_ahead_in_the_queue_count():
    """Two rigid jobs of 60 s are ahead: 120 + 10 - 2 > 100."""
    made = Applications(
        WorkflowWork(table([0.0, 1.0], [1, 1], [60.0, 60.0]), [adaptive(submit_s=2.0)]), TIMES, GPUS, FCFS,
        service=QpuService(),
    )  # fmt: skip
    made.simulate()
    assert taken(made.runs[0]) == ["qpu"]


def test_sessions_of_rounds_do_not_get_in_each_others_way():
    work = WorkflowWork(no_jobs(), [adaptive(k, alternatives="qpu", rounds=3, access="session") for k in "ab"])
    made = Applications(work, TIMES, GPUS, FCFS, service=QpuService())
    made.simulate()
    assert [run.state for run in made.runs] == ["COMPLETED"] * 2
    assert len(set(made.centre.qpu.jobs.session)) == 6


def test_a_walltime_that_is_not_given_covers_the_longest_alternative_that_can_run():
    made = Applications(
        WorkflowWork(no_jobs(), [adaptive(walltime_s=0.0, rounds=2, step_s=5)]), TIMES, GPUS, FCFS,
        TaskLayer(), QpuService(),
    )  # fmt: skip
    assert made.pilots[0].plan.walltime_s == 2 * (100 + 5 + 100 + 5)


def test_client_steps_between_rounds_are_rows_too():
    made = Applications(
        WorkflowWork(no_jobs(), [adaptive(rounds=2, step_s=5)]), TIMES, GPUS, FCFS, service=QpuService()
    )
    made.simulate()
    found = made.tasks()
    assert word_texts(found.motif, found.n) == ["adaptive_circuits/gpu:any", "adaptive_circuits"] * 2
    assert made.runs[0].ended_s == 30.0
    assert isinstance(made.runs[0].workflow.stages[1].work, ClientWork)
