"""The verbs plan and sensitivity: tables, sentences, next commands, mistakes."""

import json

import pytest

from qhpcsim.cli import main

STUDY = """
scenario: replay
change: [workload=poisson, workload.n_jobs=40, facility.nodes=8, "workload.sizes=[1,2,4]"]
decide:
  facility.nodes: {values: [5, 8, 20], capital: 10}
constraints:
  - {figure: mean_wait_s, below: 2min}
objective: capital
currency: kEUR
seeds: {min: 4, max: 10}
growth: {by: [1.1]}
uncertain: {keys: {workload.load: 0.5:0.7}, draws: 4, seeds: 2}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return str(path)


def test_plan_tells_the_answer_and_what_next(capsys, study, tmp_path):
    out = str(tmp_path / "out")
    assert main(["plan", study, "--engine", "serial", "--out", out]) == 0
    told = capsys.readouterr().out
    answer = json.loads((tmp_path / "out" / "plan.json").read_text())
    nodes = answer["plan"]["choices"]["facility.nodes"]
    assert f"The cheapest plan found is facility.nodes={nodes} at {10 * int(nodes)} kEUR" in told
    for words in ("margin", "← plan", "still met", "draws that meet it", "Prices and watts are those", "\nnext:\n"):
        assert words in told
    assert "All points get the same jobs: those generated for batch=8 nodes." in told
    assert main(["plan", study, "--engine", "serial", "--out", out, "--quiet"]) == 0
    quiet = capsys.readouterr().out
    assert quiet in told and "───" not in quiet


def test_the_next_command_runs(capsys, study, tmp_path):
    import shlex

    main(["plan", study, "--engine", "serial", "--out", str(tmp_path / "out")])
    line = capsys.readouterr().out.split("next:\n  ")[1].split("  #")[0]
    words = shlex.split(line)
    more = ["--no-report", "--out", str(tmp_path / "run")] if words[1] == "run" else []
    assert main([*words[1:], *more]) == 0


def test_no_plan_says_why(capsys, tmp_path, study):
    path = tmp_path / "hard.yaml"
    path.write_text(STUDY.replace("2min", "1ms").replace("20]", "6]"))
    assert main(["plan", str(path), "--engine", "serial", "--out", str(tmp_path / "o")]) == 0
    told = capsys.readouterr().out
    assert "No plan was found: every point is shown to fail a constraint" in told
    assert "more values under 'decide'" in told


def test_points_that_cannot_run_are_named(capsys, tmp_path):
    path = tmp_path / "s.yaml"
    jobs = "change: [workload.loops=5, workload.nodes_per_job=4, facility.nodes=8]"
    lines = STUDY.split("growth")[0].replace("replay", "hybrid_loop").replace("[5, 8, 20]", "[3, 40]").splitlines()
    path.write_text("\n".join(jobs if line.startswith("change") else line for line in lines))
    assert main(["plan", str(path), "--engine", "serial", "--out", str(tmp_path / "o")]) == 0
    told = capsys.readouterr().out
    assert "The cheapest plan found is facility.nodes=40" in told
    assert "1 point cannot run these jobs; the first, facility.nodes=3:" in told


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("facility.nodes: {values", "facility.nods: {values", "did you mean: nodes"),
        ("mean_wait_s", "mean_wiat_s", "did you mean: mean_wait_s"),
        ("scenario: replay", "scenario: reply", "did you mean: replay"),
        ("growth: {by: [1.1]}", "growth: {by: [1.1], multiply: [workload.laod]}", "did you mean: load"),
    ],
)
def test_mistakes_are_explained(capsys, tmp_path, old, new, complaint):
    path = tmp_path / "s.yaml"
    path.write_text(STUDY.replace(old, new))
    assert main(["plan", str(path), "--engine", "serial", "--out", str(tmp_path / "o")]) == 2
    assert complaint in capsys.readouterr().err


def test_sensitivity_says_what_to_measure_next(capsys, tmp_path):
    words = ["sensitivity", "replay", "workload=poisson", "facility.nodes=4", "workload.n_jobs=60"]
    words += ["workload.load=0.3:0.9", "workload.service.mean_s=60:61", "--figure", "mean_wait_s"]
    words += ["--trajectories", "4", "--engine", "serial", "--out", str(tmp_path / "o")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[2].startswith("workload.load")
    assert "workload.load matters most" in told and "Measure it next." in told
    assert "Chance makes" in told and "--sobol 64" in told
    assert main([*words, "--sobol", "8", "--seeds", "1"]) == 0
    told = capsys.readouterr().out
    assert "in all ST (95 %)" in told and "One seed" in told
    assert main([*words, "--sobol", "9"]) == 2
    assert "a power of two" in capsys.readouterr().err
