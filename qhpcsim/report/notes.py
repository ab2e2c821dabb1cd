"""What a reader must know to read the figures: the rules of the simulation in words."""

from __future__ import annotations

from qhpcsim.report.data import RunData
from qhpcsim.report.hybrid_view import HybridView
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.workflow_view import WorkflowView

_SEMANTICS = {
    "batch": "At one instant, jobs that end free their nodes first, then submissions join the queue in the order of "
    "the file, then there is one scheduling pass.",
    "each": "There is one scheduling pass after every single event, also within one instant.",
    "pyss": "Events of one instant are handled as the simulator pyss does, so that its schedules can be compared.",
    "batsched": "Events of one instant and reservations are handled as Batsim's scheduler batsched does, on concrete "
    "nodes, so that its schedules can be compared.",
}
_OVERRUN = {
    "kill": "A job is killed when its requested time is over.",
    "extend": "A job runs to its end even beyond its requested time.",
}
_ESTIMATES = {
    "requested": "The scheduler plans with the times that users requested, not with the true run times.",
    "actual": "The scheduler is told the true run times in advance: a bound, not something a machine could do.",
}


def notes(run: RunData) -> list[str]:
    """Return the notes that hold for this run, in reading order."""
    chosen = [] if run.hybrid is None else _hybrid_notes(run.hybrid)
    chosen += [] if run.workflows is None else _workflow_notes(run.workflows)
    return chosen + (_batch_notes(run) if run.has_batch else []) + ([] if run.qpu is None else _qpu_notes(run.qpu))


def _hybrid_notes(view: HybridView) -> list[str]:
    """Return how the figures of hybrid jobs are meant."""
    chosen = [
        "Time to solution is from the submission of a hybrid job to its end. Its time goes into classical phases on "
        "its nodes, calls on a QPU, waits for either, and what its coupling adds: launches and resizes.",
        "Nodes are idle while a hybrid job has them and is in no classical phase. QPU busy, calls a second, response "
        "and idle share are taken while as many hybrid jobs run as ever, so that filling and draining do not count; "
        "over the whole run where that is less than half of it. Node hours are of the whole run.",
        "A call is on a QPU from its start to its end, also while a calibration or an outage interrupts it.",
        "Whatever a hybrid job asks the batch system for is a batch job, JOB.PART, and counts as one in all that is "
        "said of batch jobs.",
    ]
    if len(view.activity.own_qpus.start_s):
        chosen.append(
            "Hybrid jobs hold QPUs of their own as they hold nodes: their calls do not go through the QPU service."
        )
    return chosen


def _workflow_notes(view: WorkflowView) -> list[str]:
    """Return how the figures of applications are meant."""
    chosen = [
        "Time to solution is from the submission of an application to the end of its last stage. At an instant in "
        "which an application does several things, a call on a QPU counts first, then tasks on GPUs, on CPUs, work "
        "of its own, and only then what it waits for. A task runs from the start of its last attempt; attempts before "
        "that count as waiting.",
        "Node and GPU hours are those that pilots held. A node is idle while no task runs on it, a GPU is in use as "
        "far as tasks that run have asked for it: what is dispatched, starts up or is loaded counts as idle. A pilot "
        "that others share is its owner's.",
        "Pilots are batch jobs, APPLICATION/NUMBER, and count as such in all that is said of batch jobs.",
    ]
    if view.qpus is not None and view.qpus.summary.get("cost"):
        chosen.append("QPU cost of an application is what its calls were charged.")
    return chosen


def _batch_notes(run: RunData) -> list[str]:
    policy = run.settings.get("policy") or {}
    workload = run.settings.get("workload") or {}
    chosen = [
        _SEMANTICS.get(str(policy.get("semantics", "")), ""),
        _OVERRUN.get(str(workload.get("overrun", "")), ""),
        _ESTIMATES.get(str(policy.get("estimates", "")), ""),
        "Times are seconds on the input file's own axis; an interval includes its start and excludes its end.",
        "Wait is start minus submission; turnaround is end minus submission; slowdown is turnaround over run time. "
        "Bounded slowdown takes every run for at least 10 s long, so that tiny jobs do not decide the mean.",
        "Utilisation counts from the first submission to the last end; the filling and draining of the machine at "
        "either end pull it down, so the middle 80 % of the submissions is given beside it.",
    ]
    if any(part.busy_w is not None for part in run.partitions):
        chosen.append(
            "Energy is the integral of node power, with one level for an idle and one for a busy node; cooling and "
            "power ramps are not modelled."
        )
    return [note for note in chosen if note]


def _qpu_notes(qpus: QpuView) -> list[str]:
    """Return how the figures of QPU jobs are meant."""
    chosen = [
        "A QPU job waits from its arrival at the service, one network latency after its submission, to its start; the "
        "time that an interrupted job waits to go on is no wait. QPU time is time on the QPU with lost attempts.",
        "Shares of a QPU's time are of the whole run, which begins at 0 and ends with the last job. In the table each "
        "share is taken by itself, in the figure each instant counts once.",
    ]
    if qpus.summary.get("mean_fidelity") is not None:
        chosen.append(
            "Expected fidelity comes from the card's errors at the job's start, by a model with an error of its own."
        )
    if qpus.summary.get("cost"):
        chosen.append("Cost follows list prices; free quotas, minimum charges and taxes are not modelled.")
    if qpus.has_others:
        chosen.append(
            "Jobs of other users are drawn from a law. They count in what is said of the QPUs and in the rows named "
            "after them; all other figures are about the workload's own jobs."
        )
    return chosen
