"""Hybrid runs of every coupling break no rule; each planted fault breaks the rule that is there for it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import RunFolderError
from qhpcsim.metrics.checks.hybrid_figures import window
from qhpcsim.qpu_scenario import CalibrationWindow, QpuDevice, QpuService
from qhpcsim.results.checking import check_folder, check_hybrid_jobs
from qhpcsim.results.result import Result
from qhpcsim.results.run_folder import read_table

COUPLINGS = ("hold", "exclusive", "vqpu", "hold_unhold", "split", "malleable", "pilot")
SMALL = ["workload.n_jobs=6", "workload.loops=4", "workload.rigid.n_jobs=40", "workload.gaps.mean_s=5min"]
KINDS_OF_RUN = {
    "plain": [],
    "short walltimes": ["workload.walltime_factor=1.1"],
    "all at once": ["workload.gaps=null", "facility.nodes=16"],
}


TWO_QPUS = QpuService(
    {"a": QpuDevice(windows=(CalibrationWindow(3600.0, 900.0, 300.0, "resume"),)), "b": QpuDevice()}, latency_s=2.0
)


def written(folder, *changes, qpus=None):
    """Return the written run of a small study."""
    scenario = qhpcsim.load("coupling_study", [*SMALL, *changes])
    if qpus is not None:
        scenario = dataclasses.replace(scenario, qpu=qpus)
    return Result.read(qhpcsim.simulate(scenario).write(folder))


@pytest.mark.parametrize("kind", KINDS_OF_RUN)
@pytest.mark.parametrize("coupling", COUPLINGS)
def test_every_coupling_is_healthy(coupling, kind, tmp_path):
    run = written(tmp_path / "run", f"coupling={coupling}", *KINDS_OF_RUN[kind])
    found = check_hybrid_jobs(run)
    assert found.broken == []
    assert check_folder(run) == []
    together = coupling in ("exclusive", "vqpu", "malleable")
    assert any("start together" in text for text in found.skipped) == together


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_far_qpus_that_are_calibrated_are_healthy(coupling, tmp_path):
    run = written(tmp_path / "run", f"coupling={coupling}", qpus=TWO_QPUS)
    assert check_hybrid_jobs(run).broken == []
    assert check_folder(run) == []


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for coupling in ("hold", "malleable", "pilot"):
        made[coupling] = written(tmp_path_factory.mktemp(coupling) / "run", f"coupling={coupling}").path
    return made


def broken(folder, file="", change=None, figures=None):
    """Return the rules that are broken after a change to a table or to the figures of hybrid jobs."""
    run = Result.read(folder)
    if file:
        name = "hybrid" if file == "hybrid.csv" else "phases" if file == "phases.csv" else "jobs"
        frame = read_table(folder / file, ("job_id", "user", "state", "kind", "final_state", "metadata"))
        run.__dict__[name] = change(frame)
    if figures:
        run.summary["hybrid"] = {**run.summary["hybrid"], **figures(run.summary["hybrid"])}
    return {violation.id for violation in check_hybrid_jobs(run).broken}


def setting(row, column, value):
    """Return a change of one cell."""

    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value(frame.loc[row, column]) if callable(value) else value
        return frame

    return change


@pytest.mark.parametrize("coupling", ["hold", "malleable", "pilot"])
def test_nothing_is_broken_without_a_fault(folders, coupling):
    assert broken(folders[coupling]) == set()


CELLS = [
    ("ended_s", np.nan),
    ("started_s", np.nan),
    ("submitted_s", np.nan),
    ("nodes", 0),
    ("cpu_s", -1.0),
    ("held_node_s", np.nan),
    ("state", "RUNNING"),
]


@pytest.mark.parametrize(("column", "value"), CELLS)
def test_i01_cells_that_a_state_does_not_allow(folders, column, value):
    assert broken(folders["hold"], "hybrid.csv", setting(2, column, value)) == {"I01"}


def test_i01_phases_without_times(folders):
    assert broken(folders["hold"], "phases.csv", setting(3, "end_s", np.nan)) == {"I01"}


def test_i02_phases_out_of_order(folders):
    hold = folders["hold"]
    assert "I02" in broken(hold, "phases.csv", setting(4, "start_s", lambda t: t - 1.0))
    assert "I02" in broken(hold, "phases.csv", setting(4, "end_s", lambda t: t + 1.0))
    assert "I02" in broken(hold, "phases.csv", lambda frame: frame.iloc[[1, 0, *range(2, len(frame))]])
    assert "I02" in broken(hold, "phases.csv", lambda frame: frame.iloc[[*range(1, len(frame)), 0]])
    assert "I02" in broken(hold, "hybrid.csv", setting(1, "ended_s", lambda t: t - 1.0))
    assert "I02" in broken(hold, "hybrid.csv", setting(1, "submitted_s", lambda t: t + 1e6))
    assert "I02" in broken(hold, "hybrid.csv", setting(1, "started_s", lambda t: t + 1.0))


def test_i03_sums_of_phases(folders):
    for column in ("cpu_s", "qpu_s", "qpu_wait_s", "queue_s", "launch_s", "resize_s"):
        assert broken(folders["malleable"], "hybrid.csv", setting(1, column, lambda t: t + 0.5)) == {"I03"}
    assert broken(folders["hold"], "hybrid.csv", setting(1, "n_calls", lambda n: n + 1)) == {"I03"}
    assert {"I03", "I16"} <= broken(folders["hold"], "phases.csv", lambda frame: frame.drop(index=3))


def test_i06_lost_jobs(folders):
    hold = folders["hold"]
    assert {"I06", "I16"} & broken(hold, figures=lambda old: {"n_jobs": old["n_jobs"] + 1}) == {"I06"}
    assert broken(hold, figures=lambda old: {"n_failed": 1}) == {"I06", "I16"}
    with pytest.raises(RunFolderError, match="twice"):
        broken(hold, "hybrid.csv", setting(1, "job_id", "h0"))
    with pytest.raises(RunFolderError, match="ghost"):
        broken(hold, "phases.csv", setting(1, "job_id", "ghost"))


def test_i16_figures(folders):
    for coupling in ("hold", "malleable"):
        figures = json.loads((folders[coupling] / "summary.json").read_text())["hybrid"]
        numbers = [key for key, value in figures.items() if isinstance(value, float)]
        assert len(numbers) == 8
        for key in numbers:
            assert broken(folders[coupling], figures=lambda old, key=key: {key: old[key] * (1 + 1e-6)}) == {"I16"}
            assert broken(folders[coupling], figures=lambda old, key=key: {key: None}) == {"I16"}
        for kind in figures["mean_phase_s"]:
            changed = {**figures["mean_phase_s"], kind: 0.0}
            assert broken(folders[coupling], figures=lambda old, new=changed: {"mean_phase_s": new}) == {"I16"}


def test_i21_nodes(folders):
    malleable = folders["malleable"]
    jobs = read_table(malleable / "jobs.csv", ("job_id", "final_state", "metadata"))
    kept = int(np.flatnonzero(jobs["job_id"] == "h1.kept")[0])
    extra = int(np.flatnonzero(jobs["job_id"] == "h1.extra2")[0])
    wrong = broken(malleable, "hybrid.csv", setting(1, "held_node_s", lambda held: held + 60.0))
    assert wrong == {"I21"}
    assert "I21" in broken(malleable, "jobs.csv", setting(kept, "finish_time", lambda t: t + 1.0))
    assert "I21" in broken(malleable, "jobs.csv", setting(extra, "finish_time", lambda t: t - 1.0))
    assert "I21" in broken(malleable, "jobs.csv", setting(extra, "requested_number_of_resources", 5))


def test_i02_gaps_between_phases(folders):
    """A row that is left out, shortened or moved leaves time of its job in no phase."""
    hold = folders["hold"]
    assert "I02" in broken(hold, "phases.csv", setting(1, "end_s", lambda t: t - 1.0))
    assert "I02" in broken(hold, "phases.csv", setting(0, "start_s", lambda t: t + 1.0))
    phases = read_table(hold / "phases.csv", ("job_id", "kind"))
    calls = np.flatnonzero(phases["kind"] == "qpu")
    for row in (2, int(calls[1]), int(calls[-1]), len(phases) - 1):
        assert "I02" in broken(hold, "phases.csv", lambda frame, row=row: frame.drop(index=row))


def test_i21_pilots(folders):
    pilot = folders["pilot"]
    jobs = read_table(pilot / "jobs.csv", ("job_id", "final_state", "metadata"))
    row = int(np.flatnonzero(jobs["job_id"] == "pilot.0")[0])
    assert "I21" in broken(pilot, "jobs.csv", setting(row, "requested_number_of_resources", 7))
    assert "I21" in broken(pilot, "jobs.csv", setting(row, "finish_time", lambda t: t - 900.0))
    assert "I21" in broken(pilot, "jobs.csv", setting(row, "starting_time", lambda t: t + 60.0))
    assert broken(pilot, "hybrid.csv", setting(1, "held_node_s", lambda held: held + 60.0)) == {"I21"}
    assert broken(pilot, "hybrid.csv", setting(1, "held_node_s", 1.0)) == {"I21"}


def test_i22_calls_that_no_qpu_served(folders):
    def shifted(frame):
        calls = np.flatnonzero(frame["kind"] == "qpu")
        frame.loc[calls[2], ["start_s", "end_s"]] -= 1e-3
        return frame

    assert "I22" in broken(folders["hold"], "phases.csv", shifted)


def test_the_window_leaves_out_instants_of_handover():
    """Two jobs one after the other, and the second begins as the first ends: never did two of them run."""
    data = qhpcsim.simulate(
        qhpcsim.load("hybrid_loop", ["workload.n_jobs=3", "workload.loops=2", "facility.nodes=1"])
    ).hybrid
    low_s, high_s = window(data.data)
    assert (low_s, high_s) == (0.0, max(run.ended_s for run in data.runs))
    busy_s = sum(b - a for run in data.runs for kind, a, b in run.phases if kind == "qpu")
    assert data.summary["qpu_utilisation"] == pytest.approx(busy_s / high_s)
