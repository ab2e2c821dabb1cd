"""Runs of applications break no rule; each column that is tampered with breaks one, or is named as free."""

from __future__ import annotations

import json

import numpy as np
import pytest

import qhpcsim
from qhpcsim.cli import main
from qhpcsim.core.errors import RunFolderError
from qhpcsim.results.checking import check_applications, check_folder, check_qpus
from qhpcsim.results.result import Result
from qhpcsim.results.run_folder import TASKS, WORKFLOWS, read_table
from qhpcsim.results.tasks_csv import COLUMNS as TASK_COLUMNS
from qhpcsim.results.tasks_csv import TEXT_COLUMNS as TASK_TEXTS
from qhpcsim.results.workflow_csv import COLUMNS as WORKFLOW_COLUMNS
from qhpcsim.results.workflow_csv import TEXT_COLUMNS as WORKFLOW_TEXTS

SMALL = [
    "workload.n_applications=24",
    "workload.background=none",
    "workload.gaps.mean_s=1min",
    "facility.partitions.a100.nodes=4",
]
SHORT = [
    "workload.share.bag.pilots.gpu.walltime_s=20",
    "workload.share.training.pilots.gpu.walltime_s=60",
    "workload.share.sqd.pilots.cpu.walltime_s=20min",
]
MORE_PILOTS = "workload.share.bag.pilots={gpu: {partition: a100, nodes: [1], count: 2, walltime_s: 1h}, late: {partition: a100, nodes: [1], walltime_s: 1h, reserve: true}}"  # noqa: E501
FRACTIONS = (
    'workload.share.bag.settings={qubits: "24", device: "gpu:a100_40", num_entries: "256", cores: "0.5", gpus: "0.25"}'
)
FEW_TASKS = 'workload.share.bag.settings={qubits: "24|26", device: "gpu:a100_40", num_entries: "32"}'
KINDS_OF_RUN = {
    "plain": [],
    "waits for the first pilot": ["middleware.waits=true"],
    "pilots too short": SHORT,
    "tasks tried again": [*SHORT, "middleware.retries=2", "workload.share.bag.pilots.gpu.count=3"],
    "another backend": ["middleware=dask"],
    "no costs": ["middleware=ideal"],
    "shared pools": ["workload.share.bag.pool=p", "workload.share.training.pool=p"],
    "few slots": ["workload.share.bag.pilots.gpu.slots_per_node=3"],
    "reserve": [MORE_PILOTS, "middleware.scaling=backlog"],
    "fractions": [FRACTIONS],
}


def written(folder, *changes):
    return Result.read(qhpcsim.simulate(qhpcsim.load("hybrid_centre", [*SMALL, *changes])).write(folder))


@pytest.mark.parametrize("kind", KINDS_OF_RUN)
def test_every_kind_of_run_is_healthy(kind, tmp_path):
    run = written(tmp_path / "run", *KINDS_OF_RUN[kind])
    found = check_applications(run)
    assert found.broken == []
    assert check_folder(run) == []
    assert check_qpus(run).broken == []
    said = " ".join(found.skipped)
    assert ("earlier attempts" in said) == (kind == "tasks tried again")
    assert ("fractions" in said) == (kind == "fractions")


def test_a_clock_that_does_not_begin_at_zero(tmp_path):
    """Rigid jobs from a trace bring the zero of its clock into jobs.csv, but not into tasks.csv."""
    trace = tmp_path / "late.swf"
    rows = [f"{k} {90_000 + 60 * k} -1 300 2 -1 -1 2 400 -1 1 1 1 -1 -1 -1 -1 -1" for k in range(1, 20)]
    trace.write_text("; MaxProcs: 100\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run = written(tmp_path / "run", "workload.background=trace", f"workload.trace.path={trace}")
    assert run.summary["workflows"]["zero_s"] == 90_060.0
    assert check_applications(run).broken == []


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two small runs with pilots too short, which hold every kind of task: lost at once, or tried again and waiting."""
    small = ["workload.n_applications=12", FEW_TASKS, *SHORT, "workload.share.bag.pilots.gpu.walltime_s=9"]
    return {
        kind: written(tmp_path_factory.mktemp(kind) / "run", *small, f"middleware.retries={retries}").path
        for kind, retries in (("lost", 0), ("again", 1))
    }


@pytest.fixture(scope="module")
def both(folders):
    return {kind: _tables(folder) for kind, folder in folders.items()}


def _tables(folder):
    return read_table(folder / WORKFLOWS, WORKFLOW_TEXTS), read_table(folder / TASKS, TASK_TEXTS)


@pytest.fixture
def folder(folders):
    return folders["lost"]


@pytest.fixture
def tables(both):
    return both["lost"]


def broken(folder, tables, workflows=None, tasks=None, figures=None):
    """Return the rules that are broken after changes, and ``error`` where the table cannot be read any more."""
    run = Result.read(folder)
    run.__dict__["workflows"] = tables[0].copy() if workflows is None else workflows(tables[0].copy())
    run.__dict__["tasks"] = tables[1].copy() if tasks is None else tasks(tables[1].copy())
    if figures:
        run.summary["workflows"] = figures(json.loads(json.dumps(run.summary["workflows"])))
    try:
        return {violation.id for violation in check_applications(run).broken}
    except RunFolderError:
        return {"error"}


def faults(folder, tables, tasks):
    """Return what is said of a changed table of tasks."""
    run = Result.read(folder)
    run.__dict__["tasks"] = tasks(tables[1].copy())
    return [violation.text for violation in check_applications(run).broken]


def setting(row, column, value):
    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return change


def others(frame, row, column):
    """Return what a cell might be tampered to: near and far numbers, nothing, other words of the column."""
    cell = frame.loc[row, column]
    if frame[column].dtype.kind in "if":
        value = 0.0 if cell != cell else float(cell)
        whole = float(value).is_integer()
        return [value - 1.0 if whole else value * (1 + 1e-6), value * 3 + 7.0, *([np.nan] if cell == cell else [])]
    words = [word for word in frame[column].dropna().unique().tolist() if word != cell]
    return [*words[:2], "ghost", *([np.nan] if cell == cell else [])]


def test_nothing_is_broken_without_a_fault(folder, tables):
    assert broken(folder, tables) == set()


@pytest.mark.parametrize("column", WORKFLOW_COLUMNS)
def test_each_column_of_applications(column, folders, both):
    for kind, state in (("lost", "COMPLETED"), ("lost", "INCOMPLETE"), ("again", "STRANDED")):
        table = both[kind][0]
        row = table.index[table["state"] == state][0]
        for value in others(table, row, column):
            if state == "STRANDED" and column == "n_tasks" and value > table.loc[row, column]:
                continue  # tasks that were not sent have no row
            found = broken(folders[kind], both[kind], workflows=setting(row, column, value))
            assert found, f"{state}: {column} is {value} instead of {table.loc[row, column]}"


FREE = {
    "kind": "what a task on a pilot does is a word of its motif; only qpu and not qpu are told apart",
    "device": "the card whose model gave the time; for a QPU call it is checked",
    "circuit": "family and parameters; the width is checked",
    "observable": "nothing else depends on it",
    "n_circuits": "it went into the time, which a model drew",
    "shots": "it went into the time, which a model drew",
    "n_qubits": "of a call whose circuit is not of the form family:n:params",
    "n_cores": "of a task that waits, or was lost without a start",
    "n_gpus": "the same",
    "worker": "which node it was, of a task that was lost before its start",
    "predicted_s": "of a task whose model states no interval, so that nothing else follows from it",
    "error_msg": "one error for another",
}
"""Columns that may be changed, at least in some way, without any other cell saying so."""
CAUGHT = {  # what of the free columns is caught nevertheless
    "kind": lambda task, value: (value == "qpu") != (task["kind"] == "qpu"),
    "device": lambda task, value: task["kind"] == "qpu",
    "circuit": lambda task, value: False,
    "observable": lambda task, value: False,
    "n_circuits": lambda task, value: not (value >= 0),
    "shots": lambda task, value: not (value >= 0),
    "n_qubits": lambda task, value: ":" in str(task["circuit"]) or task["kind"] != "qpu",
    "n_cores": lambda task, value: task["started_s"] == task["started_s"] or not (value >= 0),
    "n_gpus": lambda task, value: task["started_s"] == task["started_s"] or not (value >= 0),
    "worker": lambda task, value: task["started_s"] == task["started_s"] or not str(value).startswith("node"),
    "predicted_s": lambda task, value: task["kind"] == "qpu" or task["p5_s"] == task["p5_s"] or not task["pilot"],
    "error_msg": lambda task, value: (value != value) != (task["error_msg"] != task["error_msg"]),
}


def examples(tasks):
    """Return a row of each kind that is there, in the middle of its kind."""
    gpu, success = tasks["device_class"] == "gpu", tasks["state"] == "success"
    lost = tasks["state"] == "lost_worker"
    kinds = {
        "own work": tasks["pilot"].isna() & (tasks["device_class"] == "cpu") & success,
        "GPU task": gpu & success,
        "gang": tasks["worker"].fillna("").str.contains(r"\+") & success,
        "call": tasks["kind"] == "qpu",
        "lost in the queue": lost & tasks["started_s"].isna(),
        "lost at work": lost & tasks["started_s"].notna(),
        "waiting": tasks["state"] == "queued",
    }
    rows = {kind: np.flatnonzero(chosen) for kind, chosen in kinds.items()}
    return {kind: int(found[len(found) // 2]) for kind, found in rows.items() if len(found)}


def test_the_runs_have_tasks_of_every_kind(both):
    kinds = {"own work", "GPU task", "gang", "call", "lost in the queue", "lost at work"}
    assert kinds <= set(examples(both["lost"][1]))
    assert "waiting" in examples(both["again"][1])


@pytest.mark.parametrize("column", TASK_COLUMNS)
def test_each_column_of_tasks(column, folders, both):
    rows = [("lost", kind, row) for kind, row in examples(both["lost"][1]).items()]
    rows = [each for each in rows if each[1] != "waiting"]
    rows.append(("again", "waiting", examples(both["again"][1])["waiting"]))
    for run, kind, row in rows:
        tasks = both[run][1]
        for value in others(tasks, row, column):
            if column in FREE and not CAUGHT[column](tasks.loc[row], value):
                continue
            found = broken(folders[run], both[run], tasks=setting(row, column, value))
            assert found, f"{kind}: {column} of row {row} is {value} instead of {tasks.loc[row, column]}"


def leaves(figures, path=()):
    """Return the path of every figure."""
    for key, value in figures.items():
        yield from leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def changed(path, value):
    def change(figures):
        at = figures
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value(at[path[-1]])
        return figures

    return change


def without(path):
    def change(figures):
        at = figures
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]
        return figures

    return change


def nearby(old):
    return 1.0 if old is None else old * (1 + 1e-8) + 2e-6


def test_each_figure_is_computed_again(folder, tables):
    figures = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["workflows"]
    paths = [path for path in leaves(figures) if path != ("zero_s",)]
    assert len(paths) > 90
    for path in paths:
        assert broken(folder, tables, figures=changed(path, nearby)) == {"I16"}, path
        assert broken(folder, tables, figures=without(path)) == {"I16"}, path
    assert broken(folder, tables, figures=_with_ghost) == {"I16"}
    assert "I21" in broken(folder, tables, figures=changed(("zero_s",), lambda old: old + 1.0))


def _with_ghost(figures):
    figures["by_motif"]["ghost"] = {}
    return figures


def test_rows_that_are_gone_or_there_twice(folder, tables):
    n = len(tables[1])
    for row in (0, n // 2, n - 1):
        assert broken(folder, tables, tasks=lambda frame, row=row: frame.drop(index=row).reset_index(drop=True))
        twice = [*range(row + 1), *range(row, n)]
        assert broken(folder, tables, tasks=lambda frame, twice=twice: frame.iloc[twice].reset_index(drop=True))
    last = len(tables[0]) - 1
    assert broken(folder, tables, workflows=lambda frame: frame.drop(index=last)) == {"error"}


@pytest.mark.parametrize(("column", "value"), [("n_gpus", 5.0), ("n_cores", 65)])
def test_i21_more_than_a_node_has(column, value, folder, tables):
    row = examples(tables[1])["GPU task"]
    assert "I21" in broken(folder, tables, tasks=setting(row, column, value))


@pytest.mark.parametrize("n", [4, 5])
def test_i21_the_last_gpu_of_a_node(n, folder, tables):
    """Four tasks of one GPU each fill a node of four: one more at the same time, and only then, is too many."""
    tasks = tables[1]
    ran = tasks[(tasks["device_class"] == "gpu") & (tasks["state"] == "success")]
    pilot = ran[ran["motif"] == "circuit_execution"].groupby("pilot").size().sort_values().index[-1]
    rows = ran.index[ran["pilot"] == pilot]
    assert len(rows) > 8
    begin_s = max(ran.loc[rows, "submitted_s"].max(), ran.loc[rows, "started_s"].min())
    last_s = ran.loc[rows, "ended_s"].max()

    def together(frame):
        """Let n tasks run from begin to end on one node, and all others there for no time at all."""
        end_s = np.where(np.arange(len(rows)) < n, last_s, begin_s)
        frame.loc[rows, "worker"] = "node0"
        frame.loc[rows, "started_s"] = begin_s
        frame.loc[rows, "ended_s"] = frame.loc[rows, "completion_time"] = end_s
        frame.loc[rows, "wait_time_secs"] = begin_s - frame.loc[rows, "submitted_s"]
        frame.loc[rows, "execution_secs"] = end_s - begin_s
        return frame

    texts = faults(folder, tables, together)
    assert any("more GPUs than there are" in text for text in texts) == (n == 5), texts[:3]


def test_i22_calls_that_no_qpu_served(folder, tables):
    row = examples(tables[1])["call"]
    assert broken(folder, tables, tasks=setting(row, "predicted_s", 1.0)) == {"I22"}
    other = next(name for name in tables[1]["device"].dropna().unique() if name != tables[1].loc[row, "device"])
    assert "I22" in broken(folder, tables, tasks=setting(row, "device", other))


@pytest.mark.parametrize("name", [WORKFLOWS, TASKS])
def test_a_missing_table_or_column_is_one_clear_error(name, folder, tables, tmp_path):
    for column in tables[name == TASKS].columns:
        changes = {"workflows" if name == WORKFLOWS else "tasks": lambda frame, gone=column: frame.drop(columns=gone)}
        found = broken(folder, tables, **changes)
        assert found == {"error"} or column in ("observable",), column
    copy = tmp_path / "run"
    copy.mkdir()
    for file in folder.iterdir():
        if file.name != name:
            (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(RunFolderError, match=name):
        Result.read(copy)


def test_validate_finds_it_in_the_folder(folder, tmp_path, capsys):
    copy = tmp_path / "run"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert main(["validate", str(copy)]) == 0
    assert "12 applications" in capsys.readouterr().out
    lines = (copy / TASKS).read_text(encoding="utf-8").splitlines(keepends=True)
    (copy / TASKS).write_text("".join(lines[:-1]), encoding="utf-8")
    assert main(["validate", str(copy)]) == 2
    assert "n_tasks" in capsys.readouterr().err
