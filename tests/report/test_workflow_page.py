"""The part of the page on applications: the same from memory and folder, its numbers against plain loops."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.task_records import word_texts
from qhpcsim.report import write_report
from qhpcsim.report.activity_nodes_figure import nodes_over_time
from qhpcsim.report.activity_solution_figure import solution_curves
from qhpcsim.report.activity_spent_figure import spent_rows
from qhpcsim.report.page import render
from qhpcsim.report.sources import from_result
from qhpcsim.report.workflow_tables import call_costs, matched, motif_table
from qhpcsim.report.workflow_view import LOOKS
from tests.report.test_page import outline, pictures, visible
from tests.report.workflow_made import centre

TITLES = ("What applications and QPUs did", "Where the time of applications went", "Nodes that applications held")


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
    assert outline(page).tags.count("img") == 11
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
    used = 0.0
    for k in rows:
        mine = pilot == table.job_id[k]
        spans = sorted(zip(tasks.started_s[mine], tasks.ended_s[mine], strict=True))
        reach = -np.inf
        for start_s, end_s in spans:
            used += float(table.nodes[k]) * max(0.0, end_s - max(start_s, reach))
            reach = max(reach, end_s)
    assert view.activity.used_node_s.sum() == pytest.approx(used, rel=1e-9)
    found = nodes_over_time(view.activity, others=True)
    within = np.diff(found.edges_s)
    assert (found.used * within).sum() == pytest.approx(used, rel=1e-9)


def test_cost_by_motif_is_all_that_was_charged(result, view):
    costs = call_costs(view)
    assert costs["USD"].sum() == pytest.approx(result.summary["qpu"]["cost"]["USD"], rel=1e-12)
    table = motif_table(view)
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    for motif, members in view.motif_rows.items():
        own = costs["USD"][members[view.columns.owner]].sum()
        assert rows[motif]["QPU cost"] == (f"{own:,.2f} USD" if own else "–")
    assert rows["all"]["tasks"] == f"{result.workflows.tasks.n:,}"


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
