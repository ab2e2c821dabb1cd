"""A healthy run of QPU jobs breaks no rule; each planted fault breaks the rule that is there for it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.metrics.checks.qpu import check_qpu
from qhpcsim.metrics.checks.qpu_tables import read_tables
from qhpcsim.metrics.qpu import summarise_qpu
from tests.metrics.qpu_runs import QPUS, empty_run, frames, hand_run

A, B = 0, 1


def changed(changes=(), intervals=(), drop=()):
    """Return the hand run after changes (job, column, value) and (row, column, value) to its tables."""
    jobs, held = frames()
    for job, column, value in changes:
        jobs[column] = jobs[column].astype(object)
        jobs.loc[int(job[1:]), column] = value
    for row, column, value in intervals:
        held[column] = held[column].astype(object)
        held.loc[row, column] = value
    return read_tables(jobs, held.drop(index=list(drop)), QPUS)


def broken(data, summary=None, **options):
    """Return the rules that are broken; the summary is that of the changed tables, unless one is given."""
    found = check_qpu(data, summarise_qpu(data) if summary is None else summary, **options)
    return {violation.id for violation in found.broken}


def test_the_hand_run_is_healthy() -> None:
    found = check_qpu(hand_run(), summarise_qpu(hand_run()))
    assert found.broken == []
    assert found.skipped == []


def test_a_run_without_jobs_is_healthy() -> None:
    assert broken(empty_run()) == set()


@pytest.mark.parametrize(
    "fault",
    [
        ("p0", "started_s", np.nan),
        ("p0", "ended_s", np.nan),
        ("p0", "queued_s", np.nan),
        ("p0", "submitted_s", np.nan),
        ("p0", "qpu", ""),
        ("p5", "qpu", "a"),
        ("p5", "ended_s", 60),
        ("p5", "started_s", 195),
        ("p9", "ended_s", 199),
        ("p0", "used_s", -1),
        ("p0", "billed_s", np.nan),
        ("p6", "used_s", 5),
        ("p5", "cost", 0.1),
        ("p0", "fidelity", 1.01),
    ],
    ids=lambda fault: f"{fault[0]}-{fault[1]}",
)
def test_i01_cells_that_a_state_does_not_allow(fault) -> None:
    assert broken(changed([fault])) == {"I01"}


def test_i02_times_out_of_order() -> None:
    assert broken(changed([("p3", "submitted_s", 5.5)])) == {"I02"}
    assert "I02" in broken(changed([("p0", "queued_s", 1.5)]))
    assert "I02" in broken(changed([("p4", "ended_s", 159.0)]))
    assert "I02" in broken(changed([("p4", "ended_s", 201.0)]))
    assert broken(changed(intervals=[(3, "end_s", 179.0)])) == {"I02"}


def test_i03_more_time_than_its_span() -> None:
    assert broken(changed([("p0", "used_s", 10.5), ("p0", "billed_s", 10.5)])) == {"I03"}


def test_i03_less_time_than_its_qpu_gave_it() -> None:
    fault = [("p4", "used_s", 9.0), ("p4", "billed_s", 9.0), ("p4", "drawn_s", 9.0)]
    assert broken(changed(fault)) == {"I03"}


def test_i03_done_before_its_time() -> None:
    assert broken(changed([("p0", "drawn_s", 11.0)])) == {"I03"}


def test_i04_two_jobs_at_once() -> None:
    earlier = [("p8", "started_s", 145.0), ("p8", "ended_s", 155.0), ("p8", "mode", "job"), ("p8", "session", np.nan)]
    assert broken(changed(earlier, drop=[6])) == {"I04"}


def test_i04_a_job_during_a_warm_up() -> None:
    assert broken(changed(intervals=[(4, "end_s", 20.5)])) == {"I04"}
    assert broken(changed(intervals=[(4, "start_s", 24), (4, "end_s", 26)])) == {"I04"}


def test_i06_lost_and_doubled_jobs() -> None:
    data, summary = hand_run(), summarise_qpu(hand_run())
    for key in ("n_jobs", "n_background"):
        assert "I06" in broken(data, {**summary, key: summary[key] + 1})
    assert "I06" in broken(data, {**summary, "n_unfinished": 1})


def test_i17_on_a_closed_qpu() -> None:
    # 110 to 120 the QPU is down: the job cannot have had all of its 50 s
    fault = [("p3", "used_s", 50.0), ("p3", "billed_s", 50.0), ("p3", "drawn_s", 50.0)]
    assert broken(changed(fault)) == {"I17"}
    assert broken(changed(intervals=[(5, "end_s", 151.0)])) == {"I17"}
    assert broken(changed(intervals=[(3, "start_s", 169.0)])) == {"I17"}


def test_i17_reservations() -> None:
    assert broken(changed([("p4", "mode", "job")])) == {"I17"}
    assert broken(changed([("p0", "mode", "dedicated")])) == {"I17"}
    assert broken(changed(drop=[2])) == {"I17"}


def test_i19_somebody_else_in_a_session() -> None:
    guest = [("p0", "started_s", 22.0), ("p0", "ended_s", 32.0)]
    assert broken(changed([*guest, ("p2", "started_s", 32.0), ("p2", "ended_s", 42.0)])) == {"I19"}
    assert broken(changed([("p0", "session", 12), ("p0", "mode", "batch")])) == {"I19"}


def test_i19_a_session_without_its_qpu() -> None:
    assert "I19" in broken(changed(intervals=[(0, "end_s", 39.0)]))
    assert "I19" in broken(changed(intervals=[(0, "start_s", 12.0)]))
    assert broken(changed([("p8", "session", 12)])) == {"I19"}


def test_i19_two_sessions_on_one_qpu() -> None:
    other = [(6, "qpu", "a"), (6, "start_s", 90), (6, "end_s", 105)]
    assert "I19" in broken(changed(intervals=other))


def test_i20_what_is_charged() -> None:
    assert broken(changed([("p0", "billed_s", 11)])) == {"I20"}
    assert broken(changed([("p8", "billed_s", 9)])) == {"I20"}
    assert broken(changed([("p2", "billed_s", 71)])) == {"I20"}, "the session had its QPU for 89 s"
    assert broken(changed([("p1", "billed_s", 9), ("p2", "billed_s", 80)])) == {"I20"}


def test_charges_of_a_session_that_was_cut_off_are_said_to_be_unchecked() -> None:
    cut = changed(intervals=[(0, "end_s", 200)], drop=[1, 2, 3])
    cut = changed([(f"p{j}", "qpu", "b") for j in (3, 4)], [(0, "end_s", 200)], [1, 2, 3])
    found = check_qpu(cut, {})
    assert found.skipped == ["the charges of 1 sessions that still had their QPU when the run stopped"]
    assert "I20" not in {violation.id for violation in found.broken}


def test_interrupted_jobs_are_skipped_aloud_and_only_where_others_may_interrupt() -> None:
    # p3 pauses twice: in the outage, and for 5 s that no table has
    fault = [("p3", "used_s", 35.0), ("p3", "billed_s", 35.0), ("p3", "drawn_s", 35.0)]
    data = changed(fault)
    assert broken(data) == {"I03"}
    found = check_qpu(data, summarise_qpu(data), preemptive=True)
    assert found.broken == []
    (sentence,) = found.skipped
    assert sentence.startswith("capacity and sessions against 1 jobs that others interrupted")


def leaves(tree, path=()):
    """Yield the path of every figure."""
    for key, value in tree.items():
        yield from leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


SUMMARY = summarise_qpu(hand_run())


@pytest.mark.parametrize("path", [p for p in leaves(SUMMARY) if p[-1] != "currency"], ids=".".join)
def test_i16_every_figure_that_is_a_little_off(path) -> None:
    summary = copy.deepcopy(SUMMARY)
    place = summary
    for key in path[:-1]:
        place = place[key]
    value = place[path[-1]]
    place[path[-1]] = 1.0 if value is None else value + 1 if isinstance(value, int) else value * (1 + 1e-6) + 1e-5
    assert broken(hand_run(), summary) & {"I16", "I06"}


def test_i16_a_figure_that_is_missing() -> None:
    summary = copy.deepcopy(SUMMARY)
    del summary["background"]["mean_fidelity"]
    assert broken(hand_run(), summary) == {"I16"}


def test_tables_that_are_none() -> None:
    jobs, intervals = frames()
    with pytest.raises(RunFolderError, match="no column drawn_s"):
        read_tables(jobs.drop(columns="drawn_s"), intervals, QPUS)
    with pytest.raises(RunFolderError, match="column state holds 'DONE'"):
        read_tables(jobs.replace("COMPLETED", "DONE"), intervals, QPUS)
    with pytest.raises(RunFolderError, match="column kind holds 'outages'"):
        read_tables(jobs, intervals.replace("outage", "outages"), QPUS)
