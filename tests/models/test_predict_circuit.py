"""``qhpcsim predict qpu`` with circuits: one file, a folder, a column of a table."""

from __future__ import annotations

import csv
import functools
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.circuits import cache
from qhpcsim.cli import main
from qhpcsim.core.errors import CardError, QhpcsimError
from qhpcsim.models.fidelity import Slope
from qhpcsim.models.predict_circuit import COLUMNS, CircuitPredictor
from qhpcsim.models.predict_qpu import predict_table
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.requests import Request
from tests.reference import REFERENCE_DATA, reference

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
NATIVE = HEAD + "qreg q[2];\ncreg c[2];\nsx q[0];\ncz q[0],q[1];\nsx q[0];\nmeasure q -> c;\n"
"""On Heron, already in native gates: sx, cz, sx, and the readouts side by side."""
GHZ = HEAD + "qreg q[3];\ncreg c[3];\nh q[0];\ncx q[0],q[1];\ncx q[1],q[2];\nmeasure q -> c;\n"
BAD = HEAD + "qreg q[2];\nfoo q[0];\n"
BADINPUTS = "../badinputs"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache.forget()


def written(folder: Path, name: str = "a.qasm", text: str = NATIVE) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_readout_counts_once(tmp_path):
    """A shot of a circuit on Heron r2 lasts rep_delay + what the service adds + the circuit with its readout."""
    model = open_qpu("ibm_heron_r2", load=0, load_per_circuit=0, load_wide=0, execution_floor=0, time_factor_sigma=0)
    n = model.numbers
    answer = CircuitPredictor(
        "ibm_heron_r2", load=0, load_per_circuit=0, load_wide=0, execution_floor=0, time_factor_sigma=0
    ).answer(written(tmp_path), shots=1_000_000)
    circuit_s = 2 * n["time_1q"] + n["time_2q"] + n["time_readout"]
    assert answer.features.duration_s == pytest.approx(circuit_s)
    shot_s = max(n["rep_delay"] + n["time_shot_extra"] + circuit_s, 1 / n["max_shot_rate"])
    assert answer.time_s[0] == pytest.approx(1e6 * shot_s, rel=1e-12)


def test_ion_gates_add_up(tmp_path):
    """A chain of ions runs gates one at a time: the compiled gates, not the assumed two a two-qubit gate."""
    predictor = CircuitPredictor("ionq_forte", load=0, load_per_circuit=0, time_factor_sigma=0, overhead_cv=0)
    n = predictor.model.numbers
    answer = predictor.answer(written(tmp_path, text=GHZ), shots=1000)
    found = answer.features
    n_free = 1e-9 + found.duration_s - n["time_readout"] - found.n_2q * n["time_2q"]
    n_1q = n_free // n["time_1q"]
    assert found.n_2q == 2 and 1 <= n_1q <= found.n_1q
    shot_s = n["time_cooling"] + n["time_readout"] + 2 * n["time_2q"] + n_1q * n["time_1q"]
    assert answer.time_s[0] == pytest.approx(1000 * shot_s)


def test_a_circuit_answers_as_its_totals_do(tmp_path):
    """ibm_2023 knows no durations: copies of a circuit are a row of totals."""
    answer = CircuitPredictor("ibm_2023").answer(written(tmp_path, text=GHZ), shots=4000, copies=20)
    found = answer.features
    request = Request.of(20, 4000, 20 * found.depth, 20 * found.n_2q, 20 * found.n_qubits)
    told = open_qpu("ibm_2023").predict(request)
    assert answer.time_s == pytest.approx((told.median_s[0], told.p5_s[0], told.p95_s[0]))
    assert answer.fidelity is None and answer.price is None


def test_fidelity_and_price_by_hand(tmp_path):
    answer = CircuitPredictor("ibm_heron_r2").answer(written(tmp_path, text=GHZ), shots=100)
    n = open_qpu("ibm_heron_r2").numbers
    gates = answer.features.n_2q * (np.log1p(-n["error_2q"]) + 2 * np.log1p(-n["error_1q"]))
    idle_s = 3 * (answer.features.duration_s - n["time_readout"]) - 2 * answer.features.n_2q * n["time_2q"]
    success = np.exp(gates + 3 * np.log1p(-n["error_readout"]) - idle_s * (1 / n["t1"] + 1 / n["t2"]) / 2)
    assert answer.fidelity == pytest.approx(float(Slope.from_card().fidelity(success)))
    assert answer.price == pytest.approx([1.6 * time_s for time_s in answer.time_s])
    assert answer.currency == "USD"


def test_settings_reach_the_compiled_duration(tmp_path):
    slow = CircuitPredictor("ibm_heron_r2", time_2q="1ms").answer(written(tmp_path))
    assert slow.features.duration_s > 1e-3


def test_one_circuit_on_the_command_line(tmp_path, capsys):
    path = written(tmp_path, "ghz three.qasm", GHZ)
    words = ["predict", "qpu", "--card", "ibm_heron_r3", "--circuit", str(path), "--shots", "2000", "--copies", "3"]
    assert main(words) == 0
    said = capsys.readouterr().out
    answer = CircuitPredictor("ibm_heron_r3").answer(path, 2000, 3)
    for text in (
        *(f"{value:.3g} s" for value in answer.time_s), "3 circuits, 2,000 shots",
        f"depth               {answer.features.depth} ", "two-qubit gates     2", f"{answer.fidelity:.3g}",
        f"{answer.price[0]:.3g} USD", f"{1e6 * answer.features.duration_s:.3g} us",
    ):  # fmt: skip
        assert text in said
    (following,) = [line for line in said.splitlines() if line.startswith("next: qhpcsim ")]
    next_words = shlex.split(following.removeprefix("next: qhpcsim "))
    next_words[next_words.index("predicted.csv")] = str(tmp_path / "out.csv")
    assert main(next_words) == 0
    assert [row["file"] for row in rows_of(tmp_path / "out.csv")] == ["ghz three.qasm"]


def test_circuits_are_compiled_once(tmp_path, monkeypatch):
    path = written(tmp_path, text=GHZ)
    first = CircuitPredictor("ibm_heron_r2").answer(path)
    monkeypatch.setattr("qhpcsim.circuits.transpile.compiled", lambda *_, **__: pytest.fail("compiled again"))
    assert CircuitPredictor("ibm_heron_r2").answer(path) == first


def test_a_folder(tmp_path, capsys):
    folder = tmp_path / "circuits"
    folder.mkdir()
    for name, text in (("b.qasm", GHZ), ("a.qasm", BAD), ("c.txt", "no circuit"), ("d.qpy", "no QPY")):
        written(folder, name, text)
    wide = HEAD + "qreg q[200];\ncreg c[1];\nmeasure q[0] -> c[0];\n"
    written(folder, "e.qasm", wide)
    out = tmp_path / "out.csv"
    assert main(["predict", "qpu", "--card", "ibm_heron_r2", "--circuits", str(folder), "--out", str(out)]) == 2
    said = capsys.readouterr()
    rows = rows_of(out)
    assert tuple(rows[0]) == COLUMNS
    assert [row["file"] for row in rows] == ["a.qasm", "b.qasm", "d.qpy", "e.qasm"]
    assert [bool(row["error"]) for row in rows] == [True, False, True, True]
    assert "a.qasm:4: 'foo'" in rows[0]["error"] and "too wide" in rows[3]["error"]
    assert said.err.count("error: ") == len(said.err.splitlines()) == 3
    assert "1 predicted, 3 refused" in said.out
    answer = CircuitPredictor("ibm_heron_r2").answer(folder / "b.qasm")
    assert [float(rows[1][name]) for name in ("predicted_s", "p5_s", "p95_s")] == pytest.approx(answer.time_s, rel=1e-5)
    assert not any(rows[0][name] for name in COLUMNS if name not in ("file", "error"))
    (folder / "a.qasm").unlink(), (folder / "d.qpy").unlink(), (folder / "e.qasm").unlink()
    assert main(["predict", "qpu", "--card", "ibm_heron_r2", "--circuits", str(folder), "--out", str(out)]) == 0


def test_a_table_with_circuits_and_totals(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub", text=GHZ)
    head = "name,circuit,n_circuits,shots,depth_total,n_2q_total,n_qubits_total\n"
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(head + "x,,2,4000,40,20,10\ny,sub/a.qasm,5,1000,,,\nz,sub/a.qasm,1,50000,,,\n")
    (outside,) = predict_table("ibm_2023", source, out)
    assert str(outside).startswith("1 of 3 jobs outside the fitted shots")
    rows = rows_of(out)
    assert [row["name"] for row in rows] == ["x", "y", "z"]
    model = open_qpu("ibm_2023")
    told = [model.predict(Request.of(2, 4000, 40, 20, 10)).median_s[0]]
    told += [
        CircuitPredictor("ibm_2023").answer(tmp_path / "sub/a.qasm", s, c).time_s[0] for s, c in ((1000, 5), (50000, 1))
    ]
    assert [float(row["predicted_s"]) for row in rows] == pytest.approx(told, rel=1e-5)


def test_a_table_of_circuits_needs_shots_only(tmp_path):
    written(tmp_path)
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("circuit,shots\na.qasm,300\n")
    assert predict_table("ionq_forte", source, out) == []
    told = CircuitPredictor("ionq_forte").answer(tmp_path / "a.qasm", 300).time_s
    assert [float(rows_of(out)[0][name]) for name in ("predicted_s", "p5_s", "p95_s")] == pytest.approx(told, rel=1e-5)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bad.qasm,1,100,", "in.csv:3: circuit: "),
        ("bad.qasm,1,100,", "bad.qasm:4"),
        ("gone.qasm,1,100,", "in.csv:3: circuit: "),
        ("a.qasm,1,100,7", "in.csv:3: depth_total: a row has a circuit and totals"),
        ("a.qasm,0,100,", "in.csv:3: n_circuits is 0"),
        ("a.qasm,1,10000000000,", "executions are too many"),
        (",1,100,7", "no column n_2q_total"),
    ],
)
def test_a_bad_table_of_circuits_is_refused_by_line(tmp_path, line, said):
    written(tmp_path)
    written(tmp_path, "bad.qasm", BAD)
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"circuit,n_circuits,shots,depth_total\na.qasm,1,100,\n{line}\n")
    with pytest.raises(QhpcsimError) as caught:
        predict_table("ibm_heron_r2", source, out)
    assert said in caught.value.block()
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "what to predict is not said"),
        (["--circuit", "a", "--table", "b"], "--circuit and --table at once"),
        (["--circuit", "a", "--out", "b"], "--circuit prints its answer"),
        (["--circuits", "a"], "--circuits needs a file to write"),
        (["--table", "a"], "--table needs a file to write"),
        (["--table", "a", "--out", "b", "--shots", "3"], "the table says it itself"),
        (["--circuit", "a", "--shots", "0"], "--shots: 0"),
        (["--circuit", "a", "--copies", "-1"], "--copies: -1"),
        (["--circuit", "a", "--shots", "many"], "--shots"),
        (["--circuit", "gone.qasm"], "gone.qasm: cannot be read"),
        (["--circuits", "gone", "--out", "b"], "gone: no such folder"),
        (["--circuits", ".", "--out", "b"], "no circuits in the folder"),
        (["--circuits", ".", "--out", "."], "is a folder"),
        (["--circuit", "a", "--coppies", "1"], "did you mean: --copies"),
    ],
)
def test_mistakes_in_the_command(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "qpu", "--card", "ibm_heron_r2", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_device_without_gates_says_so(tmp_path):
    with pytest.raises(CardError, match="no gates to compile for"):
        CircuitPredictor("pasqal_fresnel")


@functools.cache
def cases() -> list[dict[str, str]]:
    manifest = REFERENCE_DATA / BADINPUTS / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open() as stream:
        return [row for row in csv.DictReader(stream) if row["kind"] == "qasm"]


def test_the_manifest_is_there():
    reference(f"{BADINPUTS}/manifest.csv")
    assert len(cases()) >= 16


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_reaction_to_bad_circuits(case, capsys):
    path, start = reference(f"{BADINPUTS}/{case['file']}"), time.monotonic()
    assert main(["predict", "qpu", "--card", "ibm_heron_r2", "--circuit", str(path)]) == int(case["exit_code"])
    assert time.monotonic() - start < float(case["time_limit_s"])
    said = capsys.readouterr()
    if case["expect"] == "OK":
        assert "predicted time" in said.out and said.err == ""
    else:
        assert said.out == "" and said.err.startswith("error: ")
        assert f"{path.name}:{case['line']}" in said.err if case["line"] else path.name in said.err
        assert case["field"] in said.err
        assert not case["must_never"] or case["must_never"] not in said.err.removeprefix(f"error: {path}")


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_memory_and_time_of_bad_circuits(case, tmp_path):
    code = (
        "import resource, sys\nfrom qhpcsim.cli import main\n"
        "code = main(['predict', 'qpu', '--card', 'ibm_heron_r2', '--circuit', sys.argv[1]])\n"
        "print('MB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\nsys.exit(code)"
    )
    path = reference(f"{BADINPUTS}/{case['file']}")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == int(case["exit_code"])
    assert int(done.stdout.split("MB")[-1]) < float(case["rss_limit_mb"])
    assert "Traceback" not in done.stderr
