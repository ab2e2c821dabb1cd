"""The QPU part of the page: there with QPUs, alone without batch jobs, the same from memory and folder."""

import dataclasses
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.metrics.qpu import summarise_qpu
from qhpcsim.metrics.qpu_data import QpuData, QpuIntervals
from qhpcsim.report import write_report
from qhpcsim.report.page import render
from qhpcsim.report.qpu_tables import mode_table, qpu_table
from qhpcsim.report.qpu_view import QpuView, quality_of
from qhpcsim.report.sources import from_result
from tests.metrics.qpu_runs import hand_run
from tests.report.builds import run_data
from tests.report.qpu_made import DAY_S, HOUR_S, busy_service, hour, outcome, qpu_result, stream, wandering, week
from tests.report.synthetic import five
from tests.report.test_page import outline, pictures, visible

TITLES = ("What the QPUs did", "Jobs that waited for each QPU", "How long QPU jobs waited", "Fidelity over time")
BATCH_WORDS = ("Which nodes ran what", "Facility", "nodes in use", "By job size", "jobs.csv", "size class")


@pytest.fixture(scope="module")
def alone():
    return qpu_result(week())


@pytest.fixture(scope="module")
def pages(alone):
    return {
        "alone": render(from_result(alone)),
        "both": render(from_result(qpu_result(week(100), five()))),
        "others": render(from_result(qpu_result(shared()))),
    }


def shared():
    """Return a QPU that other users load, too."""
    jobs = stream(60, DAY_S, 1)
    return outcome(jobs, busy_service(DAY_S, 1, background="ibm_sherbrooke"))


def test_without_batch_jobs_the_page_is_about_qpus_alone(pages):
    words = visible(pages["alone"])
    assert all(title in words for title in TITLES)
    assert not [word for word in BATCH_WORDS if word in words]
    assert outline(pages["alone"]).tags.count("img") == 4
    assert all(len(alt) > 40 for alt in outline(pages["alone"]).alts)


def test_beside_batch_jobs_both_are_there(pages):
    words = visible(pages["both"])
    assert all(word in words for word in (*TITLES, "Which nodes ran what", "Facility", "100 QPU jobs"))
    assert outline(pages["both"]).tags.count("img") == 8


def test_without_qpus_nothing_speaks_of_them():
    assert "QPU" not in visible(render(run_data(five())))


@pytest.mark.parametrize("made", [week, hour, lambda: week(300, 9), lambda: hour(0), shared])
def test_same_page_from_memory_and_folder(made, tmp_path):
    run = qpu_result(made())
    folder = run.write(tmp_path / "run")
    direct = write_report(run, tmp_path / "a.html")
    assert write_report(folder, tmp_path / "b.html").read_bytes() == direct.read_bytes()


@pytest.mark.parametrize("lost", ["qpu.csv", "qpu_intervals.csv", "qpu_quality.csv"])
def test_damaged_folder_is_one_clear_error(lost, alone, tmp_path):
    folder = alone.write(tmp_path / "run")
    (folder / lost).write_text("{[ \x00", encoding="utf-8")
    with pytest.raises(RunFolderError, match=lost.split(".")[0]):
        write_report(folder, tmp_path / "report.html")
    (folder / lost).unlink()
    with pytest.raises(RunFolderError, match=lost):
        write_report(folder, tmp_path / "report.html")


def test_figures_of_the_summary_are_on_the_page(alone, pages):
    figures, words = alone.summary["qpu"], visible(pages["alone"])
    assert f"{figures['n_failed']}" in words
    assert f"{figures['cost']['USD']:,.2f} USD + {figures['cost']['EUR']:,.2f} EUR" in words
    for name, row in figures["by_qpu"].items():
        assert f"{name}: jobs {100 * row['utilisation_frac']:.1f} %" in " ".join(outline(pages["alone"]).alts)


def test_tables_of_the_run_worked_by_hand():
    data = hand_run()
    qpus = QpuView(data, [quality_of([])] * 2, summarise_qpu(data), ["alpha", "beta"])
    by_qpu = qpu_table(qpus)
    rows = {row[0]: dict(zip(by_qpu.head, row, strict=True)) for row in by_qpu.rows}
    assert rows["a"]["card"] == "alpha"
    assert (rows["a"]["jobs of users"], rows["a"]["jobs of others"]) == ("5", "2")
    assert (rows["a"]["outage"], rows["a"]["calibration"], rows["b"]["warm-up"]) == ("5.0 %", "5.0 %", "10.0 %")
    assert (rows["a"]["cost"], rows["b"]["cost"]) == ("74.50 USD", "4.00 EUR")
    by_mode = mode_table(qpus)
    assert by_mode.head == ["", "job", "batch", "session", "dedicated", "all", "other users"]
    cells = {row[0]: row[1:] for row in by_mode.rows}
    assert cells["jobs"] == ["2", "1", "3", "1", "7", "3"]
    assert cells["mean wait"][2:4] == ["4 s", "2 min 20 s"]
    assert cells["cost"][:4] == ["5.00 USD", "1.00 EUR", "44.50 USD", "5.00 USD"]
    assert cells["cost"][4:] == ["54.50 USD + 1.00 EUR", "20.00 USD + 3.00 EUR"]
    assert cells["charged time"][2] == "1 min 29 s"


def test_other_users_are_told_apart(pages):
    words = visible(pages["others"])
    assert "QPU jobs of other users" in words
    assert re.search(r"60 QPU jobs among [\d,]+ of other users", words)
    texts = [" ".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["others"])]
    assert all("jobs of others" in text for text in texts[:2])
    assert all("others (" in text for text in texts[4:6])


def test_pictures_say_units_in_both_widths(pages):
    texts = [" ".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["alone"])]
    expected = ("time (%)", "jobs", "jobs that had started (%)", "median error (%)")
    assert len(texts) == 8
    for wide, narrow, words in zip(texts[::2], texts[1::2], expected, strict=True):
        assert words in wide
        assert words in narrow
        assert "(days)" in wide or "wait from arrival" in wide


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_show_is_said_in_words(n):
    found = hour(n)
    found.schedule.started_s[:] = found.schedule.ended_s[:] = np.nan
    found.schedule.used_s[:] = found.schedule.billed_s[:] = 0.0
    found.schedule.qpu[:] = -1
    found.schedule.state[:] = QpuJobState.REJECTED
    found.schedule.holds, found.schedule.end_s = [], 0.0
    words = visible(render(from_result(qpu_result(found))))
    assert "No QPU job was completed" in words
    assert "No QPU job started" in words
    assert not re.search(r"\bnan\b|\binf\b|[-−]1\b", words)


def test_names_are_escaped_everywhere():
    evil = "<script>alert(1)</script>&\"'$x_1$\x00\u202e"
    found = hour()
    service = dataclasses.replace(found.service, qpus={"_" + evil: next(iter(found.service.qpus.values()))})
    found.service, found.schedule.qpu_names, found.notes = service, ("_" + evil,), (evil,)
    html = render(from_result(qpu_result(found)))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for svg in pictures(html):
        ElementTree.fromstring(svg)
        assert "<script" not in svg


def test_a_hundred_thousand_jobs_make_a_small_page():
    n, span_s = 100_000, 30 * DAY_S
    rng = np.random.default_rng(3)
    queued = np.sort(rng.random(n) * span_s)
    started = queued + rng.exponential(HOUR_S, n)
    daily = [(k, "calibration", t, t + HOUR_S, -1) for k in range(3) for t in np.arange(0, span_s, DAY_S).tolist()]
    ended = started + 20.0
    data = QpuData(
        submitted_s=queued,
        queued_s=queued,
        started_s=started,
        ended_s=ended,
        used_s=np.full(n, 20.0),
        billed_s=np.full(n, 20.0),
        qpu=rng.integers(0, 3, n).astype(np.int32),
        mode=rng.integers(0, 3, n).astype(np.int32),
        session=np.full(n, -1, np.int32),
        state=np.zeros(n, np.int8),
        background=rng.random(n) < 0.7,
        qpu_names=("a", "b", "c"),
        horizon_s=float(ended.max()),
        fidelity=rng.random(n),
        intervals=QpuIntervals.of(daily),
    )
    view = QpuView(data, [quality_of(wandering(span_s, k)) for k in range(3)], summarise_qpu(data), ["x"] * 3)
    run = from_result(qpu_result(hour(1)))
    run.qpu = view
    assert len(render(run)) < 1_000_000
