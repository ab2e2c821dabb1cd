"""validate-models, as a user runs it."""

import csv
from pathlib import Path

import pytest

from qhpcsim.cli import main
from tests.execution import runs

HEAD = (*runs.HEAD, "predicted_s", "p5_s", "p95_s")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    runs.write(Path("run/tasks.csv"), [(*row, 0.01, 0.001, 0.1) for row in runs.rows(widths=(4, 13))], HEAD)


def call(capsys, *arguments):
    code = main(["validate-models", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_table_sentence_files_and_next_command_in_this_order(capsys):
    code, out, err = call(capsys, "run", "--tasks", "8", "--budget", "2m", "--seed", "3")
    assert (code, err) == (0, "")
    order = ["all tasks", "8 tasks ran", "Checked: the run's own predictions for epyc", "validation.csv", "next:"]
    places = [out.index(words) for words in order]
    assert places == sorted(places)
    assert "Not checked: epyc (reconstruct), h100 (sampling), heron (qpu)" in out
    with Path("run/validation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert all(float(row["measured_s"]) > 0 for row in rows)
    assert Path("run/validation.html").stat().st_size > 10_000


def test_a_table_of_ones_own_and_another_folder(capsys):
    Path("mine.csv").write_text("circuit,kind,device_class,shots,predicted_s\nghz:3,sampling,cpu,10,0.001\n")
    code, out, _ = call(capsys, "--tasks-file", "mine.csv", "--out", "there", "--engine", "serial")
    assert code == 0
    assert "1 tasks ran" not in out and "1 task ran" in out
    assert sorted(path.name for path in Path("there").iterdir()) == ["validation.csv", "validation.html"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["which tasks to execute is not said", "RUN, or --tasks-file FILE"]),
        (["run", "--tasks-file", "x.csv"], ["both RUN and --tasks-file"]),
        (["gone"], ["gone: no tasks.csv there"]),
        (["run", "--tasks", "0"], ["--tasks: 0"]),
        (["run", "--budget", "0s"], ["--budget: no time at all"]),
        (["run", "--budget", "soon"], ["--budget", "is not a duration"]),
        (["run", "--seed", "-1"], ["--seed: -1"]),
        (["run", "--engine", "dsk"], ["unknown engine 'dsk'", "did you mean: dask", "qhpcsim list engines"]),
        (["run", "--scheduler", "slurm"], ["engine processes has no scheduler", "--engine dask"]),
        (["run", "--workers", "0"], ["0 workers"]),
        (["run", "--out", "run/tasks.csv"], ["is a file, not a folder"]),
        (["run", "--card", "nonesuch"], ["nonesuch"]),
    ],
)
def test_mistakes_exit_with_two(capsys, arguments, words):
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    for word in words:
        assert word in err


def test_a_run_without_tasks_for_this_machine_says_so(capsys):
    Path("mine.csv").write_text("circuit,kind,device_class,shots\nghz:3,sampling,qpu,10\nghz:99,sampling,cpu,1\n")
    code, _, err = call(capsys, "--tasks-file", "mine.csv")
    assert code == 2
    assert "this machine has no qpu: 1" in err
    assert "does not fit into the memory: 1" in err
