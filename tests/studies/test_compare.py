"""Comparisons of points over common seeds."""

import numpy as np
import pytest

from qhpcsim.cli import main
from qhpcsim.core.errors import StudyError
from qhpcsim.studies.compare import compare
from qhpcsim.studies.simulating import Workers

SERIAL = Workers("serial")
LUBLIN = ["workload=lublin", "facility.nodes=64", "workload.n_jobs=200"]


def test_differences_are_those_of_the_rows(tmp_path):
    seen = compare("replay", [*LUBLIN, "policy=fcfs,easy"], 5, ["mean_wait_s"], out=tmp_path, workers=SERIAL)
    (only,) = seen.differences
    table = seen.found.table.pivot(index="seed", columns="policy", values="mean_wait_s")
    gaps = table["easy"] - table["fcfs"]
    assert only.mean == pytest.approx(gaps.mean())
    assert only.n == 5
    assert only.settled and only.mean < 0


def test_common_seeds_narrow_the_interval(tmp_path):
    """Policies change no workload: S03 of the checks."""
    words = [*LUBLIN, "policy=easy,conservative"]
    seen = compare("replay", words, 10, ["mean_wait_s"], out=tmp_path, workers=SERIAL)
    assert seen.differences[0].variance_ratio >= 2.0


def test_classes_are_corrected_together(tmp_path):
    words = [*LUBLIN, "policy=fcfs,easy"]
    seen = compare("replay", words, 5, ["mean_wait_s"], by="size_class", out=tmp_path, workers=SERIAL)
    names = [each.metric for each in seen.differences]
    assert names[0] == "mean_wait_s" and "by_size_class.1.mean_wait_s" in names
    assert all(each.p_holm >= each.p for each in seen.differences)
    with pytest.raises(StudyError, match="size_class"):
        compare("replay", words, 5, ["mean_wait_s"], by="sise_class", out=tmp_path, workers=SERIAL)


def test_seeds_are_added_until_the_interval_is_narrow(tmp_path):
    words = [*LUBLIN, "policy=easy,conservative"]
    seen = compare("replay", words, 10, ["mean_wait_s"], until="4%", out=tmp_path, workers=SERIAL)
    first = seen.differences[0]
    assert "narrow enough" in seen.stopped
    assert 0.5 * (first.high - first.low) <= 0.04 * first.mean_first
    assert first.n == len(seen.found.grid.seeds) >= 10


def test_two_equal_points_settle_nothing_for_most_seeds(tmp_path):
    """A false alarm is as rare as the level says; ten pairs of noise, corrected together."""
    words = [*LUBLIN[:2], "workload.n_jobs=50", "policy=easy", "workload.users.count=5,6,7,8"]
    seen = compare("replay", words, 6, ["mean_wait_s"], out=tmp_path, workers=SERIAL)
    assert not any(each.settled for each in seen.differences)


def test_a_run_that_is_all_warm_up_has_no_steady_state(tmp_path):
    words = ["workload=poisson", "facility.nodes=4", "workload.n_jobs=400", "workload.load=1.5", "policy=fcfs,easy"]
    with pytest.raises(StudyError, match="no steady state"):
        compare("replay", words, 4, steady=True, out=tmp_path, workers=SERIAL)


def test_a_steady_queue_is_compared(tmp_path):
    words = ["workload=poisson", "facility.nodes=4", "workload.n_jobs=3000", "workload.load=0.5,0.7"]
    seen = compare("replay", words, 4, steady=True, out=tmp_path, workers=SERIAL)
    (only,) = seen.differences
    assert only.metric == "steady.mean_wait_s"
    assert only.mean > 0
    assert np.isfinite(only.low)


def test_the_command_says_what_can_be_concluded(capsys, tmp_path):
    words = ["compare", "replay", *LUBLIN, "policy=fcfs,easy", "--seeds", "5", "--engine", "serial"]
    assert main([*words, "--out", str(tmp_path / "s")]) == 0
    told = capsys.readouterr().out
    assert "policy=easy against policy=fcfs lowers mean_wait_s by" in told
    assert "Corrected for" in told


def test_two_run_folders_have_no_interval(capsys, tmp_path):
    folders = [str(tmp_path / name) for name in ("fcfs", "easy")]
    for folder in folders:
        words = ["run", "replay", *LUBLIN, f"policy={folder.rsplit('/', 1)[1]}", "--no-report", "--out", folder]
        assert main(words) == 0
    capsys.readouterr()
    assert main(["compare", *folders]) == 0
    told = capsys.readouterr().out
    assert "mean_wait_s" in told and "One run each" in told and "interval" not in told.split("One run each")[0]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "nothing to be compared with"),
        (["policy=fcfs,easy", "--level", "1.5"], "--level: 1.5"),
        (["policy=fcfs,easy", "--interval", "bac"], "did you mean: bca"),
        (["policy=fcfs,easy", "--until-half-width", "-1"], "--until-half-width"),
        (["policy=fcfs,easy", "--metric", "mean_wiat_s", "--seeds", "2"], "did you mean: mean_wait_s"),
    ],
)
def test_mistakes_are_explained(capsys, tmp_path, words, complaint):
    assert main(["compare", "replay", *LUBLIN, *words, "--engine", "serial", "--out", str(tmp_path / "s")]) == 2
    assert complaint in capsys.readouterr().err
