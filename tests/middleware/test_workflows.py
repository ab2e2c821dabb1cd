"""Workflows on a small centre, computed by hand: order, ends, sessions, failures, and the table of their tasks."""

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.rng import Rng
from qhpcsim.core.task_records import TaskState, word_texts
from qhpcsim.core.workflow_records import Bag, Calls, ClientWork, Need, Workflow
from qhpcsim.facility.centre import Centre
from qhpcsim.middleware.client import Client, ClientCosts
from qhpcsim.middleware.pilots import PilotCosts, PilotPlan, Pilots
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.task_rows import task_table
from qhpcsim.middleware.workflows import WorkflowRun
from qhpcsim.qpu_scenario import QpuDevice, QpuService, Sessions
from qhpcsim.scenario import Partition
from tests.job_tables import FCFS
from tests.middleware.hybrid_cases import no_jobs
from tests.middleware.pool_cases import binding

ONE_QPU = QpuService()


class Small:
    """A node of two cores, one pilot on it, one QPU."""

    def __init__(self, cores=2, walltime_s=1e6, service=ONE_QPU, retries=0, nodes=1, **costs):
        plan = PilotPlan("p", nodes, walltime_s, "cpu", cores)
        self.centre = Centre(no_jobs(), [plan.request()], {"cpu": Partition(nodes=nodes)}, FCFS, service, Rng(0))
        self.pool = TaskPool(self.centre.clock, binding("late"), PoolCosts(retries=retries))
        self.pilots = Pilots(self.centre, self.pool, [plan], PilotCosts())
        self.pilots.submit_all()
        self.client = Client(self.pool, ClientCosts(**costs))
        self.ended: list[str] = []

    def start(self, flow: Workflow, at_s: float = 0.0, session: int = 0) -> WorkflowRun:
        run = WorkflowRun(flow, self.centre, self.client, lambda: self.ended.append(flow.name), session)
        self.centre.clock.call_at(at_s, lambda _event: run.start(), 1)
        return run

    def run(self, flow: Workflow) -> WorkflowRun:
        run = self.start(flow)
        self.centre.run(lambda: 0.0)
        return run


def bag(*run_s: float, **more) -> Bag:
    return Bag(np.array(run_s), **more)


def calls(*qpu_s: float, **more) -> Calls:
    return Calls(np.array(qpu_s), **more)


def spans(run: WorkflowRun) -> list[tuple[float, float]]:
    return [(stage.started_s, stage.ended_s) for stage in run.stages]


def test_a_cut_circuit_by_hand():
    """find 5, three tasks of 10 on two slots 5-25, two calls of 4 one after the other 5-13, reconstruct 25-27."""
    flow = Workflow("w", "m")
    find = flow.add("find", ClientWork(5.0))
    ends = (flow.add("fan", bag(10, 10, 10), (find,)), flow.add("qpu", calls(4, 4), (find,)))
    flow.add("reconstruct", ClientWork(2.0), ends)
    small = Small()
    run = small.run(flow)
    assert spans(run) == [(0, 5), (5, 25), (5, 13), (25, 27)]
    assert (run.state, run.ended_s, run.n_failed, small.ended) == ("COMPLETED", 27.0, 0, ["w"])
    assert small.pool.pilots[0].view.load_s == 0.0


def test_a_loop_waits_for_each_answer():
    flow = Workflow("w", "m")
    for _ in range(3):
        flow.add("call", calls(2.0, mode="session"))
        flow.add("step", ClientWork(1.0))
    run = Small().run(flow)
    assert run.ended_s == 9.0 and spans(run)[4:] == [(6, 8), (8, 9)]


def test_independent_ends_and_empty_stages():
    flow = Workflow("w", "m")
    flow.add("none", bag(), ())
    flow.add("no calls", calls())
    flow.add("alone", ClientWork(3.0), ())
    run = Small().run(flow)
    assert spans(run) == [(0, 0), (0, 0), (0, 3)] and run.state == "COMPLETED"


def test_an_empty_workflow_is_over_at_once():
    small = Small()
    run = small.run(Workflow("w", "m"))
    assert (run.state, run.ended_s, small.ended) == ("COMPLETED", 0.0, ["w"])


def test_a_session_ends_with_the_last_call_that_is_sent():
    """The branch that comes second in the list is the shorter one; a user waits until the session is closed."""
    flow = Workflow("w", "m", user="ann")
    flow.add("long branch", ClientWork(20.0), ())
    flow.add("late call", calls(5, mode="session"))
    flow.add("early call", calls(5, mode="session"), ())
    small = Small(service=QpuService(sessions=Sessions(interactive_ttl_s=60.0)))
    run = small.start(flow)
    other = Workflow("o", "m", user="bob")
    other.add("call", calls(1))
    late = small.start(other, at_s=1.0, session=1)
    small.centre.run(lambda: 0.0)
    assert spans(run) == [(0, 20), (20, 25), (0, 5)]
    assert late.ended_s == 26.0  # not 85: the session does not keep the QPU for its TTL


def test_sessions_and_batches_of_workflows_do_not_mix():
    small = Small()
    flows = []
    for k, name in enumerate("ab"):
        flow = Workflow(name, "m")
        flow.add("session", calls(1.0, mode="session"))
        flow.add("batch", calls(1.0, 1.0, mode="batch"))
        flows.append(small.start(flow, session=k))
    small.centre.run(lambda: 0.0)
    assert [run.state for run in flows] == ["COMPLETED"] * 2
    assert small.centre.qpu.jobs.session == [0, 2, 1, 1, 3, 3]


def test_a_failed_task_is_tried_again_or_counted():
    flow = Workflow("w", "m")
    flow.add("bag", bag(4, 4, fails=np.array([True, False])))
    flow.add("after", ClientWork(1.0))
    lost, tried = Small(cores=1).run(flow), Small(cores=1, retries=1).run(flow)
    assert (lost.state, lost.n_failed, lost.ended_s) == ("INCOMPLETE", 1, 9.0)
    assert (tried.state, tried.n_failed, tried.ended_s) == ("COMPLETED", 0, 13.0)


def test_a_call_that_no_qpu_can_run_is_counted():
    flow = Workflow("w", "m")
    flow.add("calls", calls(np.inf, 2.0))
    run = Small().run(flow)
    assert (run.state, run.n_failed) == ("INCOMPLETE", 1)
    table = task_table([run])
    assert sorted(table.state.tolist()) == [TaskState.SUCCESS, TaskState.FAILED]
    assert word_texts(table.error, 2)[0] == "rejected by the QPU service"


def test_a_walltime_strands_what_waits():
    """One slot until 25: two tasks of 10 are done, the third is lost, the fourth waits for ever."""
    flow = Workflow("w", "m")
    flow.add("bag", bag(10, 10, 10, 10))
    flow.add("after", ClientWork(1.0))
    small = Small(cores=1, walltime_s=25.0)
    run = small.run(flow)
    assert run.state == "STRANDED" and np.isnan(run.ended_s) and run.n_failed == 1 and not small.ended
    table = task_table([run])
    assert table.state.tolist() == [TaskState.SUCCESS, TaskState.SUCCESS, TaskState.LOST_WORKER, TaskState.QUEUED]
    assert table.ended_s[:3].tolist() == [10.0, 20.0, 25.0] and np.isnan(table.ended_s[3])


def test_no_task_is_lost_wherever_the_walltime_falls():
    for walltime_s in np.arange(0.5, 22.0, 0.5):
        flow = Workflow("w", "m")
        flow.add("a", bag(3, 4, 5, 2, 1))
        flow.add("b", bag(2, 2, 2))
        run = Small(walltime_s=float(walltime_s), retries=1).run(flow)
        states = [task.state for stage in run.stages for task in stage.tasks]
        assert int(TaskState.RUNNING) not in states
        assert run.state == ("COMPLETED" if states == [int(TaskState.SUCCESS)] * 8 else "STRANDED"), walltime_s
        assert all(task.attempts <= 2 for stage in run.stages for task in stage.tasks)


@pytest.mark.parametrize(
    ("stage", "words"),
    [((Calls(np.ones(1), mode="sessions"), ()), "sessions"), ((ClientWork(-1.0), ()), "negative"),
     ((bag(np.nan), ()), "negative"), ((bag(1.0), (3,)), "waits for stages"), ((bag(1.0, pilot="q"), ()), "no pilot"),
     ((ClientWork(1.0), (0, 0)), "waits for stages")],
)  # fmt: skip
def test_workflows_that_could_not_run_are_refused(stage, words):
    flow = Workflow("w", "m")
    flow.add("first", ClientWork(1.0))
    flow.add("second", stage[0], stage[1])
    small = Small()
    with pytest.raises(ConfigError, match=words):
        WorkflowRun(flow, small.centre, small.client)


def test_who_has_neither_pilots_nor_qpus_is_told():
    flow, other = Workflow("w", "m"), Workflow("w", "m")
    flow.add("bag", bag(1.0))
    other.add("calls", calls(1.0))
    centre = Centre(no_jobs(), [], {"cpu": Partition(nodes=1)}, FCFS)
    with pytest.raises(ConfigError, match="no pilot"):
        WorkflowRun(flow, centre, None)
    with pytest.raises(ConfigError, match="facility has none"):
        WorkflowRun(other, centre, None)


def test_the_table_of_tasks():
    flow = Workflow("w", "vqe")
    flow.add("find", ClientWork(1.0, "cutting_find"))
    flow.add(
        "fan",
        bag(2.0, 4.0, kind="sub_experiments", circuit=("ghz:3", ""), shots=7, sigma=0.1, device="cpu_x",
            predicted_s=np.array([1.0, 4.0]), n_circuits=np.array([5, 2])),
    )  # fmt: skip
    flow.add("gang", bag(3.0, need=Need(0.0, nodes=2)))
    flow.add("call", calls(6.0, circuit="ghz:4", n_circuits=9, n_qubits=4, shots=11))
    run = Small(nodes=2).run(flow)
    table = task_table([run])
    texts = {
        name: word_texts(getattr(table, name), 5) for name in ("kind", "circuit", "device_class", "pilot", "worker")
    }
    assert table.submitted_s.tolist() == [0, 1, 1, 5, 8] and table.ended_s.tolist() == [1, 3, 5, 8, 14]
    assert texts["kind"] == ["cutting_find", "sub_experiments", "sub_experiments", "classical", "qpu"]
    assert texts["circuit"] == ["", "ghz:3", "", "", "ghz:4"] and texts["pilot"] == ["", "p", "p", "p", ""]
    assert texts["device_class"] == ["cpu", "cpu", "cpu", "cpu", "qpu"]
    assert texts["worker"] == ["", "node0", "node0", "node0+1", ""]
    assert table.n_qubits.tolist() == [0, 3, 0, 0, 4] and table.n_circuits.tolist() == [0, 5, 2, 1, 9]
    assert table.n_cores.tolist() == [1, 1, 1, 4, 0] and table.shots.tolist() == [0, 7, 7, 0, 11]
    assert table.predicted_s.tolist() == [1.0, 1.0, 4.0, 3.0, 6.0]
    assert table.p95_s[1] == pytest.approx(np.exp(0.16448536)) and np.isnan(table.p95_s[3])
    assert (table.state == TaskState.SUCCESS).all() and table.task_id.tolist() == [0, 1, 2, 3, 4]


def test_tasks_that_were_never_sent_have_no_row():
    flow = Workflow("w", "m")
    flow.add("bag", bag(*[10.0] * 6))
    run = Small(cores=1, walltime_s=15.0, in_flight=1).run(flow)
    assert task_table([run]).n == sum(task.index >= 0 for task in run.stages[0].tasks) < 6


def test_calls_beyond_the_limit_of_the_queue_are_counted():
    service = QpuService(qpus={"q": QpuDevice()}, queue_limit=1)
    flow = Workflow("w", "m")
    flow.add("calls", calls(1.0, 1.0, 1.0))
    run = Small(service=service).run(flow)
    states = [run.centre.qpu.jobs.state[call] for call in run.stages[0].calls]
    assert states.count(int(QpuJobState.REJECTED)) == run.n_failed > 0
