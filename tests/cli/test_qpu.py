"""QPU scenarios as a user runs them."""

import json
from pathlib import Path

import pytest

from qhpcsim.cli import main
from qhpcsim.cli.headline_qpu import qpu_tables

SHORT = ("qpu_service", "qpu_workload.duration_s=6h")
HYBRID = ("small_centre", "workload.n_jobs=60", "facility=small_centre_qpu", "qpu=on_premises", "qpu_workload=stream")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_run_prints_tables_answer_paths_and_next_steps(capsys):
    code, out, err = call(capsys, "run", *SHORT, "--no-report")
    assert (code, err) == (0, "")
    steps = ("How long do", "this workload", "median wait", "QPU   ", "User jobs waited", "run folder", "next:")
    order = [out.index(words) for words in steps]
    assert order == sorted(order)
    for words in ("other users", "calibrating", "mean fidelity", "cost in USD", "list disciplines"):
        assert words in out
    assert out.count("  qhpcsim ") == 3
    for name in ("qpu.csv", "qpu_intervals.csv", "qpu_quality.csv"):
        assert (Path("runs/qpu_service") / name).stat().st_size > 0
    assert "mean bounded slowdown" not in out


def test_the_next_steps_work(capsys):
    _, out, _ = call(capsys, "run", *SHORT, "qpu.discipline.window_s=1d", "--no-report")
    steps = [line.split("#")[0].split() for line in out.splitlines() if line.startswith("  qhpcsim ")]
    assert steps[0][-3:] == ["qpu.discipline=fifo", "--out", "runs/qpu_service-fifo"]
    for step in steps:
        assert call(capsys, *step[1:])[0] == 0, step


def test_a_summary_holds_the_figures_of_the_table(capsys):
    call(capsys, "run", *SHORT, "--no-report", "--quiet", "--out", "r")
    summary = json.loads(Path("r/summary.json").read_text())
    assert summary["n_jobs"] == 0
    assert summary["message"] == ""
    assert summary["answer"].startswith("User jobs waited a median of ")
    assert summary["qpu"]["n_completed"] > 0
    assert summary["qpu"]["n_background"] > 0
    jobs, _ = qpu_tables("r", summary["qpu"])
    assert f"{summary['qpu']['n_jobs']:,}" in jobs


def test_batch_and_qpu_jobs_have_a_table_each(capsys):
    code, out, _ = call(capsys, "run", *HYBRID, "--no-report", "--out", "h")
    assert code == 0
    order = [
        out.index(words) for words in ("mean bounded slowdown", "mean time on the QPU", "EASY backfilling ", "garnet;")
    ]
    assert order == sorted(order)
    assert "no QPU can run job" in out
    assert "policy=conservative" in out
    assert call(capsys, "validate", "h")[0] == 0


def test_validate_says_what_is_there_and_finds_what_is_wrong(capsys):
    code, out, _ = call(capsys, "validate", "qpu_service")
    assert code == 0
    assert "qpu       qpus (ibm_sherbrooke:" in out
    assert "qpu_workload source stream" in out
    call(capsys, "run", *SHORT, "--no-report", "--quiet", "--out", "r")
    code, out, _ = call(capsys, "validate", "r")
    assert code == 0
    assert "QPU jobs" in out
    lines = Path("r/qpu.csv").read_text().splitlines(keepends=True)
    Path("r/qpu.csv").write_text("".join(lines[:-1]))
    code, _, err = call(capsys, "validate", "r")
    assert code == 2
    assert "rules are broken" in err
    Path("r/qpu.csv").unlink()
    code, _, err = call(capsys, "validate", "r")
    assert code == 2
    assert "qpu.csv missing" in err


def test_a_run_without_qpus_takes_the_tables_away(capsys):
    call(capsys, "run", *SHORT, "--no-report", "--quiet", "--out", "r")
    assert call(capsys, "run", "small_centre", "workload.n_jobs=20", "--no-report", "--quiet", "--out", "r")[0] == 0
    assert not list(Path("r").glob("qpu*"))
    assert call(capsys, "validate", "r")[0] == 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("disciplines", ["fair_share", "round_robin"]),
        ("choices", ["least_completion", "weighted"]),
        ("choice", ["best_fidelity"]),
        ("qpu_services", ["ibm_cloud", "on_premises", "single", "none"]),
        ("qpu services", ["ibm_cloud"]),
        ("qpu-workloads", ["stream", "table", "none"]),
        ("backgrounds", ["ibm_sherbrooke", "ibmq_mumbai", "median"]),
        ("facilities", ["small_centre_qpu"]),
        ("workloads", ["none"]),
        ("scenarios", ["qpu_service"]),
    ],
)
def test_list(capsys, kind, words):
    code, out, err = call(capsys, "list", kind)
    assert (code, err) == (0, "")
    for word in words:
        assert word in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["qpu=ibm_clod"], ["unknown qpu 'ibm_clod'", "did you mean: ibm_cloud"]),
        (["qpu.discipline=fare_share"], ["did you mean: fair_share"]),
        (["qpu.qpus.ibm_sherbrooke.card=ibm_egle_r3"], ["qpu.qpus.ibm_sherbrooke.card", "did you mean: ibm_eagle_r3"]),
        (["qpu.qpus.ibm_sherbroke.card=x"], ["there is no qpu 'ibm_sherbroke'", "did you mean: ibm_sherbrooke"]),
        (["qpu.qpus.ibm_sherbrooke.card=bad.yaml"], ["bad.yaml: error_2q: 1.5 is impossible"]),
        (["qpu_workload=table", "qpu_workload.path=wide.csv"], ["wide.csv:2", "400 qubits are too many"]),
        (["qpu_workload=table", "qpu_workload.path=gone.csv"], ["gone.csv"]),
        (["qpu_workload.modes.job=-1"], ["qpu_workload.modes.job", "-1"]),
        (["qpu_workload.shape.width=0"], ["qpu_workload.shape.width", "at least 1"]),
        (["qpu=none"], ["no QPUs for the jobs of 'stream'", "qpu=single"]),
    ],
)
def test_mistakes_exit_with_two_and_leave_no_folder(capsys, arguments, words):
    Path("wide.csv").write_text(
        "submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total,qpu\n0,1,1000,10,5,400,ibm_sherbrooke\n"
    )
    Path("bad.yaml").write_text(
        "card: x\nmodel: superconducting\nentries:\n  error_2q: {value: 1.5, unit: '1', uncertainty: 0, method: m, "
        "source: s, date: 2026-01-01}\n  n_qubits: {value: 5, unit: qubits, uncertainty: 0, method: m, source: s, "
        "date: 2026-01-01}\n"
    )
    code, out, err = call(capsys, "run", "qpu_service", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    for word in words:
        assert word in err
    assert not Path("runs/qpu_service").exists()


def test_help_speaks_of_qpus(capsys):
    code, out, _ = call(capsys, "run", "--help")
    assert code == 0
    assert "qpu_workload=stream" in out
    code, out, _ = call(capsys, "list", "--help")
    assert code == 0
    assert "disciplines" in out
    assert "backgrounds" in out
