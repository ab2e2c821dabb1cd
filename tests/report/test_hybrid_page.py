"""The hybrid part of the page: there with hybrid jobs, the same from memory and folder, small for long runs."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.report import write_report
from qhpcsim.report.hybrid_tables import job_table, layer_table
from qhpcsim.report.page import render
from qhpcsim.report.sources import from_result
from tests.report.builds import run_data
from tests.report.hybrid_made import TWO_QPUS, loops, study
from tests.report.synthetic import five
from tests.report.test_page import outline, pictures, visible

TITLES = (
    "What hybrid jobs and QPUs did",
    "Where the time of hybrid jobs went",
    "Nodes that hybrid jobs held",
    "Time to solution",
)
RUNS = {
    "hold": lambda: study("baseline=fcfs"),
    "malleable": lambda: study("coupling=malleable", "coupling.resize_s=5s", "workload.n_jobs=20"),
    "exclusive": lambda: study("coupling=exclusive", "baseline=fcfs"),
    "stopped": lambda: study("workload.walltime_factor=1.5"),
    "far": lambda: study("coupling=split", "coupling.launch_s=30s", qpus=TWO_QPUS),
    "one": lambda: loops("workload.n_jobs=1", "workload.loops=2"),
    "loop": lambda: loops("workload.loops=150"),
    "many": lambda: loops("workload.n_jobs=60", "workload.loops=20"),
}


@pytest.fixture(scope="module")
def results():
    return {name: make() for name, make in RUNS.items()}


@pytest.fixture(scope="module")
def pages(results):
    return {name: render(from_result(results[name])) for name in ("hold", "exclusive", "stopped", "far")}


@pytest.mark.parametrize("name", RUNS)
def test_same_page_from_memory_and_folder(name, results, tmp_path):
    folder = results[name].write(tmp_path / "run")
    direct = write_report(results[name], tmp_path / "a.html")
    assert write_report(folder, tmp_path / "b.html").read_bytes() == direct.read_bytes()


def test_the_section_is_there(pages):
    words = visible(pages["hold"])
    assert all(title in words for title in (*TITLES, "Layer by layer", "Every hybrid job", "Batch jobs", "QPUs"))
    assert outline(pages["hold"]).tags.count("img") == 11
    assert all(len(alt) > 40 for alt in outline(pages["hold"]).alts)
    assert "hybrid.csv" in words
    assert "phases.csv" in words


def test_without_hybrid_jobs_nothing_speaks_of_them():
    assert "ybrid job" not in visible(render(run_data(five())))


def test_figures_of_the_summary_are_on_the_page(results, pages):
    mine, other = (side.summary["hybrid"] for side in (results["hold"], results["hold"].baseline))
    words = visible(pages["hold"])
    for figures in (mine, other):
        assert f"{100 * figures['qpu_utilisation']:.1f} %" in words
        assert f"{100 * figures['held_idle_frac']:.1f} %" in words
        assert f"{figures['held_node_s'] / 3600:,.1f} node hours" in words
    assert "fcfs (baseline)" in words
    assert "e-1" not in re.sub(r"SHA-256.*", "", words)


def test_qpus_that_jobs_hold_themselves(results, pages):
    words = visible(pages["exclusive"])
    assert "calls do not go through the QPU service" in words
    assert "What the QPUs did" not in words
    data = results["exclusive"].hybrid.data
    share = 100 * data.spent_s[:, 3].sum() / (data.horizon_s - data.submitted_s.min())
    alt = next(alt for alt in outline(pages["exclusive"]).alts if "Gantt" in alt and "hybrid" in alt)
    stated = float(re.search(r"in calls ([\d.]+) %", alt)[1])
    assert stated == pytest.approx(share, abs=0.06 + 0.05 * share)
    assert "machine: 32 nodes" in "".join(pictures(pages["exclusive"]))


def test_jobs_that_were_stopped_have_a_row(results, pages):
    data = results["stopped"].hybrid.data
    lost = int((data.state == "WALLTIME").sum())
    assert 0 < lost < data.n
    texts = ["".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["stopped"])]
    assert f"{lost} stopped" in texts[2]
    assert "stopped at its walltime" in pages["stopped"]


def test_time_in_no_phase_is_shown(pages):
    texts = ["".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["far"])]
    assert all("in no phase" in text for text in texts[2:4])
    assert "workflow: results on their way" in visible(pages["far"])


def test_tables_add_up(results):
    for name in ("hold", "far", "malleable"):
        view = from_result(results[name]).hybrid
        layers = layer_table(view)
        assert sum(float(row[2].removesuffix(" %")) for row in layers.rows) == pytest.approx(100, abs=0.5)
        _, jobs = job_table(view)
        assert [row[0] for row in jobs.rows] == list(results[name].hybrid.data.name)
        assert {len(row) for row in jobs.rows} == {len(jobs.head)}


def test_pictures_say_units_in_both_widths(pages):
    texts = [" ".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["hold"])][:8]
    expected = ("time (%)", "mean node hours", "nodes", "jobs that were done (%)")
    for wide, narrow, words in zip(texts[::2], texts[1::2], expected, strict=True):
        assert words in wide
        assert words in narrow


@pytest.mark.parametrize("lost", ["hybrid.csv", "phases.csv"])
def test_damaged_folder_is_one_clear_error(lost, results, tmp_path):
    folder = results["hold"].write(tmp_path / "run")
    (folder / lost).write_text("{[ \x00", encoding="utf-8")
    with pytest.raises(RunFolderError, match=lost.split(".")[0]):
        write_report(folder, tmp_path / "report.html")
    (folder / lost).unlink()
    with pytest.raises(RunFolderError, match=lost):
        write_report(folder, tmp_path / "report.html")


@pytest.mark.parametrize("state", ["FAILED", "QUEUED"])
def test_nothing_to_show_is_said_in_words(state):
    run = loops("workload.n_jobs=2", "workload.loops=1")
    for each in run.hybrid.runs:
        each.state, each.phases, each.held = state, [], []
        each.started_s = np.nan
        each.ended_s = 5.0 if state == "FAILED" else np.nan
    run.table.job_id[:] = ["x", "y"]
    words = visible(render(from_result(run)))
    assert "No hybrid job was completed" in words
    assert "No hybrid job ever waited or ran" in words
    assert not re.search(r"\bnan\b|\binf\b|[-−]1\b", words)


def test_names_are_escaped_everywhere():
    evil = "<script>alert(1)</script>&\"'$x_1$\x00\u202e"
    run = loops("workload.n_jobs=2", "workload.loops=2")
    run.hybrid.jobs[0].name = "_" + evil
    run.hybrid.coupling = evil
    html = render(from_result(run))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for svg in pictures(html):
        ElementTree.fromstring(svg)
        assert "<script" not in svg


def test_tens_of_thousands_of_phases_make_a_small_page():
    for changes in (("workload.loops=1000",), ("workload.n_jobs=200", "workload.loops=50", "facility.nodes=100")):
        run = from_result(loops(*changes))
        assert len(run.hybrid.data.phase_job) > 20_000
        page = render(run)
        assert len(page) < 900_000
