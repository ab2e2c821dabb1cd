"""The part of the page on applications: the same from memory and folder, its numbers against plain loops."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.task_records import TaskState, word_texts
from qhpcsim.metrics.call_costs import matched
from qhpcsim.report import write_report
from qhpcsim.report.activity_gpu_lanes import gpu_lanes
from qhpcsim.report.activity_nodes_figure import nodes_over_time
from qhpcsim.report.activity_solution_figure import solution_curves
from qhpcsim.report.activity_spent_figure import spent_rows
from qhpcsim.report.page import render
from qhpcsim.report.sources import from_result
from qhpcsim.report.workflow_tables import call_costs, motif_table, partition_table, use_table
from qhpcsim.report.workflow_view import LOOKS
from tests.report.test_page import outline, pictures, visible
from tests.report.workflow_made import centre

TITLES = ("What applications, GPUs and QPUs did", "Where the time of applications went", "Nodes that applications held")


@pytest.fixture(scope="module")
def result():
    return centre()


@pytest.fixture(scope="module")
def view(result):
    return from_result(result).workflows


@pytest.fixture(scope="module")
def page(result):
    return render(from_result(result))


def test_the_section_is_there(page):
    words = visible(page)
    assert all(title in words for title in (*TITLES, "Time to solution", "Layer by layer", "tasks.csv", "Batch jobs"))
    assert outline(page).tags.count("img") == 12
    assert all(len(alt) > 40 for alt in outline(page).alts)


@pytest.mark.parametrize("changes", [(), ("workload.n_applications=60", "middleware.waits=true")])
def test_same_page_from_memory_and_folder(changes, tmp_path):
    run = centre(*changes)
    folder = run.write(tmp_path / "run")
    direct = write_report(run, tmp_path / "a.html")
    assert write_report(folder, tmp_path / "b.html").read_bytes() == direct.read_bytes()


@pytest.mark.parametrize("lost", ["workflows.csv", "tasks.csv"])
def test_damaged_folder_is_one_clear_error(lost, result, tmp_path):
    folder = result.write(tmp_path / "run")
    (folder / lost).write_text("{[ \x00", encoding="utf-8")
    with pytest.raises(RunFolderError, match=lost.split(".")[0]):
        write_report(folder, tmp_path / "report.html")
    (folder / lost).unlink()
    with pytest.raises(RunFolderError, match=lost):
        write_report(folder, tmp_path / "report.html")


def test_every_instant_is_in_one_phase(result, view):
    """What an application does at random instants, by the rows of its tasks."""
    tasks, jobs = result.workflows.tasks, view.activity
    owner = np.array([view.columns.name.index(name) for name in word_texts(tasks.workflow, tasks.n)])
    kind = np.array(word_texts(tasks.device_class, tasks.n), dtype=object)
    pilot = np.array(word_texts(tasks.pilot, tasks.n), dtype=object)
    begun_s = dict(zip(result.table.job_id.tolist(), result.schedule.start_s.tolist(), strict=True))
    rng = np.random.default_rng(0)
    for at in rng.uniform(jobs.axis.first_s, jobs.axis.last_s, 100):
        for job in range(jobs.n):
            mine = owner == job
            runs = mine & (tasks.started_s <= at) & (at < tasks.ended_s)
            waits = mine & (tasks.submitted_s <= at) & (at < tasks.started_s)
            ready = np.array([begun_s.get(name, -np.inf) <= at for name in pilot[waits]], dtype=bool)
            on = pilot[waits] != ""
            ahead = min(
                (begun_s[name] for name in view.pilots.name if name.startswith(f"{jobs.name[job]}/")), default=0
            )
            truths = [
                (runs & (kind == "qpu")).any(),
                (runs & (kind == "gpu")).any(),
                (runs & (kind == "cpu") & (pilot != "")).any(),
                (runs & (kind == "cpu") & (pilot == "")).any(),
                (on & ready).any(),
                (kind[waits] == "qpu").any(),
                (on & ~ready).any() or jobs.submitted_s[job] <= at < ahead,
            ]
            expected = truths.index(True) if any(truths) else None
            here = (jobs.owner == job) & (jobs.start_s <= at) & (at < jobs.end_s)
            found = jobs.phase[here].tolist()
            assert found == ([] if expected is None else [expected]), (at, jobs.name[job])


def test_phases_are_all_of_the_time(view):
    jobs = view.activity
    assert jobs.spent_s.sum(axis=1) == pytest.approx(jobs.took_s, rel=1e-9)
    assert set(range(len(LOOKS))) == set(jobs.seen)
    rest = jobs.spent_s[:, -1] / jobs.took_s
    assert rest.max() < 0.05, "what is in no phase are latencies of the client and of the network"


def test_pilots_and_their_use(result, view):
    table, schedule = result.table, result.schedule
    rows = [k for k, name in enumerate(table.job_id.tolist()) if "/" in str(name)]
    held_s = sum(float(table.nodes[k]) * (schedule.end_s[k] - schedule.start_s[k]) for k in rows)
    assert view.activity.held_node_s.sum() == pytest.approx(held_s, rel=1e-12)
    tasks = result.workflows.tasks
    pilot = np.array(word_texts(tasks.pilot, tasks.n), dtype=object)
    worker = word_texts(tasks.worker, tasks.n)
    used = 0.0
    for k in rows:
        reach = dict.fromkeys(range(int(table.nodes[k])), -np.inf)
        for row in np.flatnonzero(pilot == table.job_id[k])[np.argsort(tasks.started_s[pilot == table.job_id[k]])]:
            first, _, more = worker[row].removeprefix("node").partition("+")
            if more:
                used += (int(more) + 1) * (tasks.ended_s[row] - tasks.started_s[row])
                continue
            node = int(first)
            used += max(0.0, tasks.ended_s[row] - max(tasks.started_s[row], reach[node]))
            reach[node] = max(reach[node], tasks.ended_s[row])
    assert view.activity.used_node_s.sum() == pytest.approx(used, rel=1e-9)
    found = nodes_over_time(view.activity, others=True)
    within = np.diff(found.edges_s)
    assert (found.used * within).sum() == pytest.approx(used, rel=1e-9)


def test_cost_by_motif_is_all_that_was_charged(result, view):
    costs = call_costs(view)
    assert costs["USD"].sum() == pytest.approx(result.summary["qpu"]["cost"]["USD"], rel=1e-12)
    rows = by_name(use_table(view))
    for motif, members in view.motif_rows.items():
        own = costs["USD"][members[view.columns.owner]].sum()
        assert rows[motif]["QPU cost"] == (f"{own:,.2f} USD" if own else "–")
    assert by_name(motif_table(view))["all"]["tasks"] == f"{result.workflows.tasks.n:,}"
    by_motif = result.summary["workflows"]["by_motif"].values()
    assert sum(each["cost"]["USD"] for each in by_motif) == pytest.approx(costs["USD"].sum(), rel=1e-12)


def by_name(table):
    return {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}


def test_gpu_lanes_against_plain_loops(result, view):
    """Integrals of the lanes are the GPU time held and used, row by row of the tables, and the summary's."""
    table, schedule, tasks = result.table, result.schedule, result.workflows.tasks
    pilot, figures = word_texts(tasks.pilot, tasks.n), result.summary["workflows"]["by_partition"]
    home = {str(table.job_id[k]): int(schedule.partition[k]) for k in range(table.n)}
    lanes = {lane.title.split(" · ")[0]: lane for lane in gpu_lanes(view.activity)}
    assert list(lanes) == ["a100", "h100"]
    for k, (name, part) in enumerate(result.partitions.items()):
        held_s = used_s = 0.0
        for row in range(table.n):
            if schedule.partition[row] == k and "/" in str(table.job_id[row]):
                held_s += float(table.nodes[row]) * part.gpus_per_node * (schedule.end_s[row] - schedule.start_s[row])
        for row in range(tasks.n):
            if pilot[row] and home[pilot[row]] == k:
                used_s += float(tasks.n_gpus[row]) * (tasks.ended_s[row] - tasks.started_s[row])
        assert figures.get(name, {"held_gpu_s": 0.0})["held_gpu_s"] == pytest.approx(held_s, rel=1e-12)
        assert figures.get(name, {"used_gpu_s": 0.0})["used_gpu_s"] == pytest.approx(used_s, rel=1e-9)
        if name in lanes:
            lane, within = lanes[name], np.diff(lanes[name].edges_s)
            assert (lane.used * within).sum() == pytest.approx(used_s, rel=1e-9)
            assert (lane.idle * within).sum() == pytest.approx(held_s - used_s, rel=1e-9)
            assert (lane.used + lane.idle).max() <= lane.n_gpus + 1e-9
            assert lane.n_gpus == part.nodes * part.gpus_per_node
            assert f"in use {100 * used_s / held_s:.1f} %" in lane.title
    assert [row[0] for row in partition_table(view).rows] == list(figures)


def test_gpus_are_said_where_they_cannot_be_drawn(view, result):
    """256 GPUs of which 16 are held would press the lane flat: it goes up to the most that are held."""
    large = centre("facility.partitions.a100.nodes=64")
    lanes = {lane.title.split(" · ")[0]: lane for lane in gpu_lanes(from_result(large).workflows.activity)}
    assert "256 GPUs" in lanes["a100"].title
    assert lanes["a100"].top == (lanes["a100"].used + lanes["a100"].idle).max() < 64
    assert lanes["h100"].top == 8


def test_a_clock_that_does_not_begin_at_zero(tmp_path):
    """Batch jobs are on the trace's clock, tasks on the simulation's: figures show both on one."""
    trace = tmp_path / "late.swf"
    rows = [f"{k} {90_000 + 60 * k} -1 300 2 -1 -1 2 400 -1 1 1 1 -1 -1 -1 -1 -1" for k in range(1, 20)]
    trace.write_text("; MaxProcs: 100\n" + "\n".join(rows) + "\n", encoding="utf-8")
    late = centre("workload.background=trace", f"workload.trace.path={trace}")
    jobs = from_result(late).workflows.activity
    assert jobs.nodes.start_s.min() < 3600
    assert jobs.rigid.start_s.min() == 0.0
    assert jobs.used_node_s.sum() == pytest.approx(late.summary["workflows"]["used_node_s"], rel=1e-9)
    folder = late.write(tmp_path / "run")
    direct = write_report(late, tmp_path / "a.html").read_bytes()
    assert write_report(folder, tmp_path / "b.html").read_bytes() == direct


def test_tasks_that_wait_for_another_attempt_are_not_at_work():
    """Pilots that are too short leave tasks behind: they wait, on no GPU and no node, to the end of the run."""
    short = ["workload.share.bag.pilots.gpu.walltime_s=9", "workload.share.sqd.pilots.cpu.walltime_s=20min"]
    run = centre(*short, "middleware.retries=1")
    tasks, view = run.workflows.tasks, from_result(run).workflows
    again = (tasks.state == TaskState.QUEUED) & np.isfinite(tasks.started_s)
    assert again.sum() > 10
    figures = run.summary["workflows"]
    ended = np.isfinite(tasks.ended_s) & (tasks.n_gpus > 0)
    most_s = float(((tasks.ended_s - tasks.started_s) * tasks.n_gpus)[ended].sum())
    assert figures["used_gpu_s"] <= most_s * (1 + 1e-12)
    stranded = np.array([state == "STRANDED" for state in view.columns.state])
    jobs = view.activity
    last = np.array(
        [jobs.phase[jobs.owner == k][np.argmax(jobs.end_s[jobs.owner == k])] for k in np.flatnonzero(stranded)]
    )
    assert {LOOKS[k].label for k in last} <= {"waits for nodes", "dispatch of tasks"}


def test_bars_and_curves_are_of_motifs(result, view):
    by_motif = result.summary["workflows"]["by_motif"]
    rows = {row.label: row for row in spent_rows(view.activity)}
    assert rows["all 24"].total_s == pytest.approx(result.summary["workflows"]["mean_time_to_solution_s"], rel=1e-9)
    for motif, figures in by_motif.items():
        row = rows[f"{figures['n_completed']} {motif}"]
        assert row.total_s == pytest.approx(figures["mean_time_to_solution_s"], rel=1e-9)
    assert {curve.label: len(curve.took_s) for curve in solution_curves(view.activity)} == {
        motif: figures["n_completed"] for motif, figures in by_motif.items()
    }


def test_rows_are_matched_by_equality():
    known = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0]])
    asked = np.array([[1.0, 1.0], [0.0, 3.0], [0.0, np.nan], [0.0, 1.0]])
    assert matched(asked, known).tolist() == [2, -1, -1, 0]


def test_pictures_say_units_in_both_widths(page):
    texts = [" ".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(page)][:8]
    expected = ("time (%)", "mean node hours", "nodes", "jobs that were done (%)")
    for wide, narrow, words in zip(texts[::2], texts[1::2], expected, strict=True):
        assert words in wide
        assert words in narrow
    assert not re.search(r"\bnan\b|\binf\b", visible(page))


def test_a_page_of_many_tasks_stays_small():
    many = centre('workload.share.bag.settings={qubits: "24", device: "gpu:a100_40", num_entries: "2048"}')
    assert many.workflows.tasks.n > 10_000
    assert len(render(from_result(many))) < 2_000_000
