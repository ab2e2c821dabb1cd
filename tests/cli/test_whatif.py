"""The verb whatif: tables, sentence, next command, JSON, and what it says when something is wrong."""

import json

import pytest

from qhpcsim.cli import main

HYBRID = ["hybrid_loop", "workload.n_jobs=4", "workload.loops=5"]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    rows = ["1,0,4,100,100", "2,10,4,50,50", "3,20,2,200,200", "4,40,1,10,10"]
    path.write_text("\n".join(["job_id,submit_s,nodes,runtime_s,walltime_s", *rows]) + "\n", encoding="utf-8")
    return [str(path), "facility.nodes=4"]


def test_each_option_is_a_future_of_its_own(capsys, log):
    assert (
        main(["whatif", *log, "--at", "30", "--add", "nodes=2", "--set", "policy=fcfs", "--remove", "nodes=1:1h"]) == 0
    )
    told = capsys.readouterr().out
    names = [line.split("  ")[0] for line in told.split("\n\n")[0].splitlines()[2:]]
    assert names == ["as is", "add nodes=2", "set policy=fcfs", "remove nodes=1:1h"]
    assert "30 s after the beginning 2 jobs wait; 1 job comes later." in told
    assert "“add nodes=2” lowers it to 1 min 10 s (−36 %)" in told
    assert "“set policy=fcfs” leaves it there" in told
    assert "no drained node is left in use after 1 min 10 s" in told
    assert "One trace, one answer" in told
    assert "--out runs/whatif" in told


def test_together_makes_one_future(capsys, log):
    assert main(["whatif", *log, "--at", "30", "--add", "nodes=2", "--set", "policy=fcfs", "--together"]) == 0
    assert "“add nodes=2, set policy=fcfs” lowers" in capsys.readouterr().out


def test_names_and_quiet(capsys, log):
    assert main(["whatif", *log, "--at", "30", "--future", "bigger: add nodes=2", "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "“bigger” lowers" in told
    assert "next:" not in told and "─" not in told


def test_jobs_that_are_turned_away_are_counted(capsys, log):
    assert main(["whatif", *log, "--at", "30", "--remove", "nodes=2"]) == 0
    told = capsys.readouterr().out
    assert "In “remove nodes=2” 1 job never starts" in told
    assert "do not compare" in told
    assert "“remove nodes=2” lowers" not in told


def test_json_holds_what_the_table_says(capsys, log):
    assert main(["whatif", *log, "--at", "30", "--add", "nodes=2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["figures"]["mean_wait_s"] for each in told["futures"]] == [110.0, 70.0]
    assert told["deterministic"] is True
    assert told["futures"][1]["changes"] == [{"at_s": 30.0, "add_nodes": 2, "partition": "batch"}]


def test_out_holds_runs_that_validate(capsys, log, tmp_path):
    out = tmp_path / "w"
    assert main(["whatif", *log, "--at", "30", "--add", "nodes=2", "--out", str(out)]) == 0
    next_command = capsys.readouterr().out.split("next:\n  qhpcsim ")[1].split("  #")[0].split()
    assert main(next_command) == 0
    assert (out / "futures.svg").is_file()
    assert main(["whatif", *log, "--at", "30", "--add", "nodes=1", "--out", str(out)]) == 0
    assert sorted(path.name for path in (out / "futures").iterdir()) == ["add-nodes-1", "as-is"]
    assert main(["whatif", *log, "--at", "30", "--add", "nodes=1", "--out", str(tmp_path)]) == 2
    assert "not ours to replace" in capsys.readouterr().err


def test_seeds_tell_what_can_be_concluded(capsys):
    assert main(["whatif", *HYBRID, "--at", "1min", "--add", "qpu=1", "--seeds", "3"]) == 0
    told = capsys.readouterr().out
    assert "95 % interval" in told
    assert "add qpu=1 against as is" in told
    assert "lowers it to" not in told


def test_one_seed_says_so(capsys):
    assert main(["whatif", *HYBRID, "--at", "1min", "--add", "qpu=1"]) == 0
    assert "--seeds 20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--add", "nodes=2"], "allowed: --at TIME"),
        (["--at", "30"], "0 futures"),
        (["--at", "30", "--add", "qpu=1"], "no job of this workload uses a QPU"),
        (["--at", "30", "--add", "nodse=1"], "did you mean: nodes"),
        (["--at", "1e9", "--add", "nodes=1"], "after the last end"),
        (["--at", "-3", "--add", "nodes=1"], "before the beginning"),
        (["--at", "noon", "--add", "nodes=1"], "is not a duration"),
        (["--at", "30", "--until", "20", "--add", "nodes=1"], "a later time"),
        (["--at", "30", "--add", "nodes=1", "--add", "nodes=1"], "two futures are called"),
        (["--at", "30", "--add", "nodes=1", "--seeds", "4"], "one trace, one answer"),
        (["--at", "30", "--set", "policy.semantics=pyss"], "cannot change while"),
        (["--at", "30", "--add", "nodes=1", "engine=kernel"], "engine=auto"),
        (["--at", "30", "--adds", "nodes=1"], "did you mean: --add"),
        (["--at", "30", "--add", "nodes=1", "policy=slurm"], "not policy slurm"),
    ],
)
def test_mistakes_are_explained(capsys, log, words, complaint):
    assert main(["whatif", *log, *words]) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert "Traceback" not in told


def test_a_source_that_is_not_there(capsys):
    assert main(["whatif", "quikstart", "--at", "30", "--add", "nodes=1"]) == 2
    assert "did you mean: quickstart" in capsys.readouterr().err
    assert main(["whatif", "gone/log.swf", "--at", "30", "--add", "nodes=1"]) == 2
    assert "gone/log.swf" in capsys.readouterr().err


def test_a_machine_on_which_no_job_fits_has_no_futures(capsys, tmp_path):
    (tmp_path / "wide.csv").write_text("job_id,submit_s,nodes,runtime_s,walltime_s\n1,0,9,50,60\n2,60,8,50,60\n")
    words = ["whatif", str(tmp_path / "wide.csv"), "facility.nodes=4", "--at", "30", "--add", "nodes=1"]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "no job fits on this machine" in told and "says what the 2 jobs ask for" in told
