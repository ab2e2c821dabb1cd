"""Runs of applications on the terminal, and what they suggest to try next."""

import shlex

import pytest

from qhpcsim.cli import main
from qhpcsim.cli.headline_workflows import workflow_table

SMALL = ("quickstart", "workload.n_applications=6", "workload.lublin.n_jobs=30")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_run_prints_applications_first_then_jobs_and_qpus(capsys):
    code, out, err = call(capsys, "run", *SMALL, "--no-report")
    assert (code, err) == (0, "")
    steps = ("How much sooner", "mean time, easy", "mean bounded slowdown", "QPU jobs", "QPU   ", "run folder", "next:")
    order = [out.index(words) for words in steps]
    assert order == sorted(order)
    for words in ("mean time, fcfs", "garnet", "ibm_heron", "energy"):
        assert words in out


def steps(out):
    """Return the commands under ``next:``, as words."""
    return [shlex.split(line.split("  # ")[0]) for line in out.splitlines() if line.startswith("  qhpcsim ")]


def test_the_next_steps_work(capsys):
    _, out, _ = call(capsys, "run", *SMALL, "--no-report", "--out", "r")
    commands = steps(out)
    assert [words[1] for words in commands] == ["run", "run", "sweep", "convert"]
    for words in (commands[0], commands[1], commands[3]):
        assert call(capsys, *words[1:])[0] == 0


def test_other_days_are_swept_without_the_run_s_policy_and_seed(capsys):
    _, out, _ = call(capsys, "run", *SMALL, "policy=fcfs", "baseline=easy", "seed=3", "--no-report", "--out", "r")
    swept = steps(out)[2]
    assert swept[:2] == ["qhpcsim", "sweep"]
    assert [word for word in swept if word.startswith(("policy", "seed"))] == ["policy=fcfs,easy,conservative"]


def test_an_order_or_a_choice_already_made_is_not_suggested_again(capsys):
    made = ("policy.order=sjf", "qpu.choice=best_fidelity")
    _, out, _ = call(capsys, "run", *SMALL, *made, "--no-report", "--out", "r")
    first, second, *_ = steps(out)
    assert "policy.order=fcfs" in first
    assert made[0] not in first
    assert "qpu.choice=least_completion" in second
    assert made[1] not in second


@pytest.mark.parametrize(("middleware", "other"), [("ray", "ideal"), ("ideal", "ray")])
def test_without_qpus_another_task_system_is_suggested(capsys, middleware, other):
    few = ("workload.n_applications=2", "workload.share.compression.weight=0")
    _, out, _ = call(capsys, "run", "pilot_quantum", *few, f"middleware={middleware}", "--no-report", "--out", "r")
    listed, again, swept, _ = steps(out)
    assert listed == ["qhpcsim", "list", "motifs"]  # nobody waited: another order of the queue would change nothing
    assert f"middleware={other}" in again
    assert f"middleware={middleware}" not in again
    assert [word for word in swept if word.startswith("middleware")] == ["middleware=ideal,ray,dask"]


def test_validate_looks_for_the_log_in_the_background(capsys):
    trace = ("workload.background=trace", "workload.trace.path=gone.swf")
    code, _, err = call(capsys, "validate", "quickstart", *trace)
    assert code == 2
    assert "workload.trace.path: gone.swf: no such file" in err


def test_a_motif_that_never_ended_has_no_time():
    one = {"n_applications": 2, "n_completed": 0, "mean_time_to_solution_s": None, "p95_time_to_solution_s": None}
    assert workflow_table({**one, "by_motif": {"vqe": one}}).splitlines()[-1].split() == ["vqe", "2", "0", "–", "–"]
