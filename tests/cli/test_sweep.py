"""The verb sweep: table, sentence, and what it says when something is wrong."""

import pytest

from qhpcsim.cli import main

POINTS = ["replay", "workload=poisson", "facility.nodes=8", "workload.n_jobs=30", "--engine", "serial"]


def test_table_sentence_and_folder(capsys, tmp_path):
    assert main(["sweep", *POINTS, "workload.load=0.3,0.9", "--seeds", "4", "--out", str(tmp_path / "s")]) == 0
    told = capsys.readouterr().out
    assert "workload.load" in told.splitlines()[0]
    assert "±" in told
    assert "mean_wait_s goes from" in told
    assert "95 % intervals over 4 seeds" in told
    assert (tmp_path / "s" / "results.csv").is_file()


def test_one_seed_shows_no_interval_and_says_so(capsys, tmp_path):
    assert main(["sweep", *POINTS, "workload.load=0.3,0.9", "--out", str(tmp_path / "s")]) == 0
    told = capsys.readouterr().out
    assert "±" not in told
    assert "one seed, so no interval" in told
    assert "--seeds 20" in told


def test_equal_points_are_not_told_apart(capsys, tmp_path):
    words = ["policy=easy,conservative", "workload.load=0.05", "--metric", "mean_turnaround_s", "--seeds", "3"]
    assert main(["sweep", *POINTS, *words, "--out", str(tmp_path / "s")]) == 0
    assert "goes from" not in capsys.readouterr().out


def test_quiet_prints_the_folder_only(capsys, tmp_path):
    out = str(tmp_path / "s")
    assert main(["sweep", *POINTS, "workload.load=0.3,0.9", "--quiet", "--out", out]) == 0
    assert capsys.readouterr().out == f"{out}\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["workload.load=0.3,0.9", "--metric", "mean_wiat_s"], "did you mean: mean_wait_s"),
        (["workload.laod=0.3,0.9"], "did you mean"),
        (["workload.load=0.3,0.3"], "there twice"),
        (["workload.load=0.3,0.9", "--seeds", "0"], "--seeds: 0"),
        (["workload.load=0.3,0.9", "--engine", "proceses"], "did you mean: processes"),
    ],
)
def test_mistakes_are_explained(capsys, tmp_path, words, complaint):
    assert main(["sweep", *POINTS, *words, "--out", str(tmp_path / "s")]) == 2
    assert complaint in capsys.readouterr().err
