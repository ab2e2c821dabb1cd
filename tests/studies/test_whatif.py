"""Futures that share a past: what they say of a trace worked out by hand, of hybrid jobs, and of mistakes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import qhpcsim
from qhpcsim.cli.whatif_text import sentences
from qhpcsim.config import load
from qhpcsim.core.errors import ConfigError, QhpcsimError
from qhpcsim.results.checking import check_applications, check_folder, check_hybrid_jobs, check_qpus
from qhpcsim.results.run_folder import RunFolder
from qhpcsim.scenario import Change
from qhpcsim.simulation import simulate
from qhpcsim.studies.whatif import WhatIf, whatif
from qhpcsim.studies.whatif_futures import Future, future_of, moment
from tests.job_tables import table


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Four nodes. Job 1 has all to 100 s; job 2 wants all for 50 s; job 3 two for 200 s; job 4 one for 10 s at 40 s."""
    path = tmp_path / "four.swf"
    rows = [(0, 100, 4), (10, 50, 4), (20, 200, 2), (40, 10, 1)]
    lines = [
        f"{k} {submit} -1 {run} {n} -1 -1 {n} {run} -1 1 1 1 1 1 1 -1 -1" for k, (submit, run, n) in enumerate(rows, 1)
    ]
    header = ["; UnixStartTime: 1714521600", "; MaxProcs: 4"]  # 2024-05-01 00:00 UTC
    path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
    return path


def test_the_figures_of_a_trace_worked_out_by_hand(trace: Path) -> None:
    """At 30 s jobs 2 and 3 wait; job 4 comes. As it is, they start at 100, 150, 150 s: waits 90, 130, 110 s.

    With two nodes more, job 3 starts at 30 s (wait 10 s), job 2 still at 100 s, job 4 at 150 s. Up to the last
    submission, 40 s, all four nodes are busy as it is, and all six in that future.
    """
    answer = whatif(trace, 30, ["add nodes=2"])
    as_is, more = (each.figures for each in answer.futures)
    assert (as_is["n_waiting"], as_is["n_after"]) == (2, 1)
    assert (as_is["waiting.mean_wait_s"], more["waiting.mean_wait_s"]) == (110, 50)
    assert (as_is["after.mean_wait_s"], more["after.mean_wait_s"]) == (110, 110)
    assert (as_is["mean_wait_s"], more["mean_wait_s"]) == (110, 70)
    assert (as_is["queue_empty_s"], more["queue_empty_s"]) == (120, 70)
    assert (as_is["utilisation_frac"], more["utilisation_frac"]) == (1, 1)
    # bounded slowdowns: job 2 (90 + 50)/50, job 3 (130 + 200)/200 or (10 + 200)/200, job 4 (110 + 10)/10
    assert as_is["mean_bounded_slowdown"] == pytest.approx((2.8 + 1.65 + 12) / 3)
    assert more["mean_bounded_slowdown"] == pytest.approx((2.8 + 1.05 + 12) / 3)
    assert answer.best.name == "add nodes=2"
    assert answer.is_trace and not answer.differences
    told = "\n".join(sentences(answer))
    assert "lowers it to 1 min 10 s (−36 %)" in told
    assert "One trace, one answer" in told


def test_a_moment_is_a_duration_or_a_date(trace: Path) -> None:
    by_date = whatif(trace, "2024-05-01 00:00:30", ["add nodes=2"])
    assert by_date.at_s == 30.0
    assert whatif(trace, "0.5min", ["add nodes=2"]).futures[1].figures == by_date.futures[1].figures


def test_a_clock_that_counts_from_1970_rounds_the_moment_once(tmp_path: Path) -> None:
    """On such an axis times are multiples of 2.4e-7 s; a job that the change starts does not start before it."""
    rows = [f"{k},{1714521600 + submit},{n},100,100" for k, (submit, n) in enumerate([(0, 4), (1, 2)])]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["job_id,submit_s,nodes,runtime_s,walltime_s", *rows]) + "\n", encoding="utf-8")
    answer = whatif(log, 10.3, ["add nodes=2"], overrides=["facility.nodes=4"])
    assert answer.at_s == pytest.approx(10.3, abs=1e-6)
    assert answer.futures[1].result.schedule.start_s.tolist() == [0, answer.at_s]


def test_until_leaves_later_jobs_out(trace: Path) -> None:
    figures = whatif(trace, 30, ["add nodes=2"], until=40).futures[0].figures
    assert (figures["n_after"], figures["after.mean_wait_s"]) == (0, None)


def test_several_things_together_and_names(trace: Path) -> None:
    answer = whatif(trace, 30, {"both": "add nodes=2; set policy=fcfs"})
    assert answer.futures[1].name == "both"
    assert [each.add_nodes for each in answer.futures[1].changes] == [2, 0]
    # first come, first served: job 3 may not overtake job 2
    assert answer.futures[1].result.schedule.start_s.tolist() == [0, 100, 100, 150]


def test_what_is_written_is_whole_and_valid(trace: Path, tmp_path: Path) -> None:
    answer = whatif(trace, 30, ["add nodes=2", "remove nodes=1:50s", "set workload.overrun=extend"], out=tmp_path / "w")
    told = json.loads((tmp_path / "w" / "whatif.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in told["futures"]] == [each.name for each in answer.futures]
    assert told["best"] == "add nodes=2"
    for each in told["futures"]:
        run = RunFolder.read(tmp_path / "w" / each["folder"])
        assert check_folder(run) == []
        again = simulate(load(run.path / "scenario.yaml"))
        again.write(tmp_path / "again")
        for name in ("jobs.csv", "summary.json", "events.csv.gz", "scenario.yaml"):
            expected = (run.path / name).read_bytes().replace(b"replay", b"scenario")
            assert (tmp_path / "again" / name).read_bytes().replace(b"replay", b"scenario") == expected
    assert (tmp_path / "w" / "futures.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_job_on_a_node_that_is_away_is_found(trace: Path, tmp_path: Path) -> None:
    whatif(trace, 30, ["add nodes=2"], out=tmp_path / "w")
    folder = tmp_path / "w" / "futures" / "add-nodes-2"
    jobs = folder / "jobs.csv"
    jobs.write_text(jobs.read_text(encoding="utf-8").replace(",0-3,", ",2-5,"), encoding="utf-8")
    assert any("which is away from" in broken.text for broken in check_folder(RunFolder.read(folder)))


def hybrid(*overrides: str) -> qhpcsim.Scenario:
    return load("hybrid_loop", [*overrides])


def forked(*overrides: str, at: float = 600.0, change: str = "add qpu=1") -> WhatIf:
    return whatif(hybrid(*overrides), at, [change])


@pytest.mark.parametrize("coupling", ["hold", "exclusive", "vqpu", "split", "malleable", "hold_unhold", "pilot"])
def test_a_qpu_more_leaves_the_past_of_hybrid_jobs(coupling: str, tmp_path: Path) -> None:
    """That jobs, QPU jobs and their starts before the moment are the same is checked by whatif itself; see the next."""
    answer = forked(f"coupling={coupling}")
    as_is, more = (each.result for each in answer.futures)
    assert as_is.qpu is not None and more.qpu is not None and more.hybrid is not None
    assert len(more.qpu.schedule.qpu_names) == len(as_is.qpu.schedule.qpu_names) + 1
    new = more.qpu.schedule.qpu == len(as_is.qpu.schedule.qpu_names)
    assert not (more.qpu.schedule.started_s[new] < 600.0).any()
    if coupling == "exclusive":  # a job that waits for a QPU of its own gets the new one at once
        assert (more.schedule.start_s == 600.0).any() and not (as_is.schedule.start_s == 600.0).any()
    elif coupling != "hold_unhold":  # there all sessions are open already, and stay where they are
        assert new.any()
    more.write(tmp_path / "run")
    run = RunFolder.read(tmp_path / "run")
    assert check_folder(run) == check_qpus(run).broken == check_hybrid_jobs(run).broken == []


@pytest.mark.parametrize("coupling", ["hold", "exclusive", "vqpu", "hold_unhold"])
def test_a_qpu_added_at_the_beginning_is_one_more_of_that_kind(coupling: str) -> None:
    scenario = hybrid(f"coupling={coupling}", "qpu=single")
    fork = simulate(dataclasses.replace(scenario, changes=(Change(add_qpus=1),)))
    two = simulate(hybrid(f"coupling={coupling}", "qpu=single", "qpu.qpus.qpu.count=2"))
    assert fork.qpu is not None and two.qpu is not None
    for name in ("submitted_s", "started_s", "ended_s", "qpu", "state"):
        left, right = (getattr(each.qpu.schedule, name) for each in (fork, two))  # type: ignore[union-attr]
        assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    assert np.array_equal(fork.schedule.start_s, two.schedule.start_s)
    assert fork.qpu.schedule.qpu_names == two.qpu.schedule.qpu_names == ("qpu", "qpu-2")


def test_a_foreseen_change_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the past is not an empty one."""
    from qhpcsim.core.errors import InvariantError
    from qhpcsim.studies import whatif as module

    def early(*given: object) -> tuple[Change, ...]:
        return (Change(at_s=0.0, add_qpus=1),)

    monkeypatch.setattr(module, "changes_of", early)
    with pytest.raises(InvariantError, match="the past of a future differs"):
        forked()


def test_seeds_give_intervals_of_paired_differences() -> None:
    answer = whatif(hybrid(), 600.0, ["add qpu=1"], seeds=4)
    leading = next(each for each in answer.differences if each.metric == "hybrid.mean_time_to_solution_s")
    pairs = [
        (a["hybrid.mean_time_to_solution_s"], b["hybrid.mean_time_to_solution_s"])
        for a, b in zip(answer.futures[0].by_seed, answer.futures[1].by_seed, strict=True)
    ]
    assert leading.n == 4
    assert leading.mean == pytest.approx(np.mean([b - a for a, b in pairs]))  # type: ignore[operator]
    assert leading.low < leading.mean < leading.high


def test_qpu_jobs_of_a_stream_use_a_qpu_that_joins() -> None:
    scenario = load("qpu_service")
    answer = whatif(scenario, "1h", ["add qpu=1"])
    as_is, more = (each.figures for each in answer.futures)
    assert as_is["qpu.n_jobs"] == more["qpu.n_jobs"]
    assert more["qpu.mean_wait_s"] < as_is["qpu.mean_wait_s"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("add qpu=1", "no job of this workload uses a QPU"),
        ("add nodse=1", "did you mean: nodes"),
        ("add nodes=0", "a whole number from 1"),
        ("add nodes=2:3h", "nodes are added for good"),
        ("remove nodes=4", "1 … 3"),
        ("remove nodes=1:soon", "is not a duration"),
        ("remove nodes=1:0", "a time above 0"),
        ("remove qpu=1", "QPUs cannot leave"),
        ("ad nodes=1", "did you mean: add"),
        ("add nodes", "is not VERB KEY=VALUE"),
        ("", "changes nothing"),
        ("set policy=eazy", "did you mean: easy"),
        ("set polcy=easy", "did you mean: policy"),
        ("set policy.dpeth=1", "did you mean: depth"),
        ("set policy.semantics=pyss", "cannot change while the simulation runs"),
        ("set policy=slurm", "look at nodes in different ways"),
        ("set workload.overrun=kill", "from kill to extend"),
        ("as is: add nodes=1", "the future without changes"),
    ],
)
def test_impossible_futures_are_refused_in_words(trace: Path, text: str, complaint: str) -> None:
    with pytest.raises(QhpcsimError) as caught:
        whatif(trace, 30, [text])
    assert complaint in caught.value.block()


@pytest.mark.parametrize(
    ("at", "complaint"),
    [
        ("-5", "before the beginning"),
        (351, "after the last end"),
        ("yesterday", "allowed: seconds, 3d 4h, or a date"),
        ("2023-05-01", "before the beginning"),
        ("2024-05-02", "(2024-05-01 00:00 to 2024-05-01 00:05)"),
        ("2024-13-01", "YYYY-MM-DD"),
    ],
)
def test_impossible_moments_are_refused_in_words(trace: Path, at: str | float, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        whatif(trace, at, ["add nodes=1"])
    assert complaint in caught.value.block()


def test_a_date_needs_a_workload_that_states_its_own() -> None:
    with pytest.raises(ConfigError, match="states no date of its own"):
        moment("2024-05-01", table([0], [1], [1]), 10.0)


def test_a_trace_has_no_interval(trace: Path) -> None:
    with pytest.raises(QhpcsimError, match="one trace, one answer"):
        whatif(trace, 30, ["add nodes=1"], seeds=3)


def test_applications_refuse_a_qpu_that_joins() -> None:
    with pytest.raises(ConfigError, match="applications draw the times"):
        whatif(load("quickstart", ["workload.n_applications=2", "workload.lublin.n_jobs=5"]), 60, ["add qpu=1"])


def test_texts_of_futures() -> None:
    assert future_of("big: add nodes=16, set policy=easy") == Future(
        "big", (("add", "nodes", "16"), ("set", "policy", "easy"))
    )
    assert future_of("remove nodes=8:2h") == Future("remove nodes=8:2h", (("remove", "nodes", "8:2h"),))


@pytest.mark.parametrize("coupling", ["hold", "malleable", "exclusive"])
@pytest.mark.parametrize("change", ["add nodes=8", "remove nodes=6:2h", "set policy=fcfs", "set policy.order=wfp3"])
def test_hybrid_jobs_among_others_share_their_past(coupling: str, change: str, tmp_path: Path) -> None:
    """Forks in the middle of rigid and hybrid jobs; whatif checks the past, the run's own rules the rest."""
    scenario = load("coupling_study", [f"coupling={coupling}", "workload.n_jobs=8", "workload.rigid.n_jobs=60"])
    answer = whatif(scenario, "2h", [change])
    fork = answer.futures[1].result
    assert not np.array_equal(fork.schedule.start_s, answer.futures[0].result.schedule.start_s, equal_nan=True)
    fork.write(tmp_path / "run")
    run = RunFolder.read(tmp_path / "run")
    assert check_folder(run) == check_qpus(run).broken == check_hybrid_jobs(run).broken == []


def test_applications_share_their_past(tmp_path: Path) -> None:
    scenario = load("quickstart", ["workload.n_applications=6", "workload.lublin.n_jobs=60"])
    answer = whatif(scenario, "3h", ["set policy=fcfs", "add cpu=8"])
    for seen in answer.futures[1:]:
        seen.result.write(tmp_path / "run")
        run = RunFolder.read(tmp_path / "run")
        assert check_folder(run) == check_applications(run).broken == []


def test_reservations_are_not_kept_for_hybrid_jobs() -> None:
    with pytest.raises(ConfigError, match="cannot be planned in advance"):
        whatif(hybrid(), 600.0, ["set policy=conservative, set policy.reservations=kept"])
