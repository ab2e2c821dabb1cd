"""The verbs, as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qhpcsim.cli import main

SMALL = ("small_centre", "workload.n_jobs=60")
TABLE = "job_id,submit_s,nodes,runtime_s,walltime_s\n1,0,2,10.5,20\n2,1,3,5,5\n3,2,1,4,8\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("jobs.csv").write_text(TABLE)


def call(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def shell(*arguments, **more):
    return subprocess.run([sys.executable, "-m", "qhpcsim", *arguments], capture_output=True, text=True, **more)


def test_run_prints_table_answer_paths_and_next_steps(capsys):
    code, out, err = call(capsys, "run", *SMALL)
    assert code == 0
    assert err == ""
    for words in ("mean wait", "95 % wait", "bounded slowdown", "utilisation", "energy", "easy", "fcfs"):
        assert words in out
    order = [out.index(words) for words in ("mean wait  ", "EASY backfilling ", "run folder", "report.html", "next:")]
    assert order == sorted(order)
    assert out.count("  qhpcsim ") == 3
    for name in ("jobs.csv", "summary.json", "card.json", "scenario.yaml", "events.csv.gz", "report.html"):
        assert (Path("runs/small_centre") / name).stat().st_size > 0


def test_run_folder_is_replaced_and_a_stale_report_goes(capsys):
    Path("runs/small_centre").mkdir(parents=True)
    assert call(capsys, "run", *SMALL)[0] == 0
    assert call(capsys, "run", *SMALL, "policy=fcfs", "--no-report")[0] == 0
    assert not Path("runs/small_centre/report.html").exists()
    assert json.loads(Path("runs/small_centre/summary.json").read_text())["n_jobs"] == 60


@pytest.mark.parametrize("name", ["notes.txt", "jobs.csv"])
def test_a_folder_of_others_is_not_touched(capsys, name):
    Path("mine").mkdir()
    Path("mine", name).write_text("keep me")
    code, _, err = call(capsys, "run", *SMALL, "--out", "mine")
    assert code == 2
    assert "not a run of ours" in err
    assert Path("mine", name).read_text() == "keep me"
    assert len(list(Path("mine").iterdir())) == 1


def test_out_may_not_be_a_file(capsys):
    code, _, err = call(capsys, "run", *SMALL, "--out", "jobs.csv")
    assert code == 2
    assert "is a file" in err


def test_a_failed_run_leaves_no_empty_folder(capsys):
    code, _, err = call(capsys, "run", "replay", "workload.path=nothing.swf", "--out", "gone")
    assert code == 2
    assert "nothing.swf" in err
    assert not Path("gone").exists()


def test_quiet_prints_only_the_folder(capsys):
    assert call(capsys, "run", *SMALL, "--quiet", "--no-report", "--out", "q")[1:] == ("q\n", "")


def test_options_and_overrides_mix(capsys):
    code, _, err = call(
        capsys, "run", "--quiet", "small_centre", "--no-report", "workload.n_jobs=20", "--seed", "5", "seed=3"
    )
    assert (code, err) == (0, "")
    assert "seed: 5\n" in Path("runs/small_centre/scenario.yaml").read_text()


def test_replay_of_a_table_at_an_odd_path(capsys):
    odd = Path("a b,(c)=[d]'.csv")
    odd.write_text(TABLE)
    code, out, err = call(
        capsys, "run", "replay", f"workload.path={odd}", "facility.nodes=4", "--no-report", "--out", "x"
    )
    assert (code, err) == (0, "")
    assert "3" in out
    assert main(["run", "x/scenario.yaml", "--quiet", "--no-report", "--out", "y"]) == 0
    assert Path("x/jobs.csv").read_bytes() == Path("y/jobs.csv").read_bytes()


def test_same_seed_same_bytes(capsys):
    for out in ("a", "b"):
        call(capsys, "run", *SMALL, "--no-report", "--quiet", "--out", out)
    for name in ("jobs.csv", "summary.json", "events.csv.gz", "scenario.yaml"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()


@pytest.mark.parametrize(
    "kind",
    ["scenarios", "policies", "policy", "orders", "backfills", "formats", "generators", "metrics", "exports", "Order"],
)
def test_list(capsys, kind):
    code, out, _ = call(capsys, "list", kind)
    assert code == 0
    assert "summary" in out


def test_list_without_a_kind_counts(capsys):
    code, out, _ = call(capsys, "list")
    assert code == 0
    for kind in ("scenarios", "policies", "orders", "backfills", "formats", "generators", "metrics", "exports"):
        assert kind in out


def test_validate_says_what_is_there(capsys):
    assert "scenario quickstart" in call(capsys, "validate", "quickstart")[1]
    assert "jobs" in call(capsys, "validate", "jobs.csv")[1]
    call(capsys, "run", *SMALL, "--quiet", "--no-report", "--out", "r")
    code, out, _ = call(capsys, "validate", "r")
    assert code == 0
    assert "60 jobs" in out


def test_validate_finds_what_is_wrong(capsys):
    Path("bad.yaml").write_text("policy: esay\n")
    code, _, err = call(capsys, "validate", "bad.yaml")
    assert code == 2
    assert "bad.yaml:1: policy: unknown policy 'esay'" in err
    Path("lost.yaml").write_text("workload: {path: lost.swf}\n")
    code, _, err = call(capsys, "validate", "lost.yaml")
    assert code == 2
    assert "lost.swf" in err
    Path("bad.csv").write_text(TABLE + "4,3,many,1,1\n")
    code, _, err = call(capsys, "validate", "bad.csv")
    assert code == 2
    assert "bad.csv:5" in err
    call(capsys, "run", *SMALL, "--quiet", "--no-report", "--out", "r")
    lines = Path("r/jobs.csv").read_text().splitlines(keepends=True)
    Path("r/jobs.csv").write_text("".join(lines[:-1]))
    code, _, err = call(capsys, "validate", "r")
    assert code == 2
    assert "59" in err
    Path("r/card.json").unlink()
    assert call(capsys, "validate", "r")[0] == 2


def test_convert_a_workload_and_a_run(capsys):
    assert call(capsys, "convert", "jobs.csv", "jobs.swf")[0] == 0
    assert call(capsys, "validate", "jobs.swf")[0] == 0
    call(capsys, "run", *SMALL, "--quiet", "--no-report", "--out", "r")
    assert call(capsys, "convert", "r", "r.json")[0] == 0
    assert json.loads(Path("r.json").read_text())
    assert call(capsys, "convert", "r", "r.swf", "--to", "swf")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["convert", "jobs.csv", "jobs.csv"], "same file"),
        (["convert", "jobs.csv", "."], "is a folder"),
        (["convert", ".", "x.json"], "no finished run"),
        (["convert", "gone.swf", "x.json"], "gone.swf"),
        (["convert", "jobs.csv", "x.swf", "--to", "swff"], "did you mean: swf"),
        (["report", "gone"], "no such run folder"),
        (["report", "."], "no finished run"),
        (["validate", "gone"], "gone"),
    ],
)
def test_mistakes_in_verbs(capsys, arguments, words):
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert words in err


def test_report_draws_again(capsys):
    call(capsys, "run", *SMALL, "--quiet", "--no-report", "--out", "r")
    assert call(capsys, "report", "r")[0] == 0
    assert "<html" in Path("r/report.html").read_text()


def test_the_whole_way_through_a_shell(tmp_path):
    done = shell("run", "replay", "workload.path=jobs.csv", "facility.nodes=4", "policy=conservative", "--no-report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "runs/replay" in done.stdout
    assert "conservative" in done.stdout


def test_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "qhpcsim", "list"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == ""


def test_an_ascii_terminal_is_no_error():
    done = shell("list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")


def test_rejected_jobs_are_explained(capsys):
    Path("jobs.csv").write_text(TABLE + "4,3,17,1,1\n")
    code, out, _ = call(capsys, "run", "replay", "workload.path=jobs.csv", "facility.nodes=16", "--no-report")
    assert code == 0
    assert "1 job rejected: 17 > 16 nodes" in out
