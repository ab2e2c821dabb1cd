"""``predict statevector``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from qiskit import qasm3

from qhpcsim.circuits.named import named_circuit
from qhpcsim.cli import main

CARD = "h100_sxm"


def figure(text: str, label: str) -> str:
    found = re.search(rf"^{label}\s+(.*)$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_one_circuit_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "statevector", "--card", CARD, "--circuit", "qft:28"]) == 0
    text = capsys.readouterr().out
    p5, median, p95 = (float(figure(text, label)) for label in ("p5_s", "predicted_s", "p95_s"))
    assert 0 < p5 < median < p95
    assert figure(text, "memory").startswith("4 GiB  (28 of 28")
    assert "gates" in figure(text, "dominates")


def test_observable_shrinks_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    letters = "I" * 19 + "Z"
    words = ["predict", "statevector", "--card", CARD, "--circuit", "efficient_su2:20:reps=1"]
    assert main([*words, "--observable", letters]) == 0
    assert "2 of 20 qubits are active" in figure(capsys.readouterr().out, "memory")


def test_several_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "statevector", "--card", CARD, "--circuit", "qft:30", "--devices", "4"]) == 0
    assert "exchanges" in capsys.readouterr().out


def test_folder_gives_a_row_for_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ghz:20", "brickwork:24", "dynamic:12"):
        (tmp_path / f"{name.replace(':', '_')}.qasm").write_text(qasm3.dumps(named_circuit(name)))
    (tmp_path / "notes.txt").write_text("not a circuit")
    out = tmp_path / "out.csv"
    assert main(["predict", "statevector", "--card", CARD, "--circuits", str(tmp_path), "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(rows[0]) == ["file", "predicted_s", "p5_s", "p95_s", "memory_bytes"]
    assert [row["file"] for row in rows] == ["brickwork_24.qasm", "dynamic_12.qasm", "ghz_20.qasm"]
    assert [int(row["memory_bytes"]) for row in rows] == [16 << 24, 16 << 12, 16 << 20]
    assert all(0 < float(row["p5_s"]) < float(row["predicted_s"]) < float(row["p95_s"]) for row in rows)


def test_refused_files_are_named_and_keep_their_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.qasm").write_text("OPENQASM 2.0; qreg q[2]; hh q[0];")
    (tmp_path / "good.qasm").write_text(qasm3.dumps(named_circuit("ghz:5")))
    out = tmp_path / "out.csv"
    assert main(["predict", "statevector", "--card", CARD, "--circuits", str(tmp_path), "--out", str(out)]) == 2
    assert "bad.qasm" in capsys.readouterr().err
    bad, good = list(csv.DictReader(out.read_text().splitlines()))
    assert bad["predicted_s"] == ""
    assert float(good["predicted_s"]) > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "not said"),
        (["--circuit", "qft:5", "--circuits", "."], "at once"),
        (["--circuit", "qft:5", "--out", "x.csv"], "prints its answer"),
        (["--circuits", "."], "needs a file"),
        (["--circuit", "qtf:5"], "did you mean: qft"),
        (["--circuit", "qft:5", "--shots", "0"], "--shots"),
        (["--circuit", "qft:5", "--observable", "ZZ"], "2 letters"),
        (["--circuit", "qft:5", "--devices", "3"], "power of two"),
        (["--circuit", "qft:38"], "needs"),
        (["--circuit", "qft:5", "--set", "a=b"], "--set"),
        (["--circuit", "qft:5", "--copies", "2"], "belongs to predict qpu"),
        (["--circuit", "missing.qasm"], "missing.qasm"),
    ],
)
def test_mistakes(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "statevector", "--card", CARD, *words]) == 2
    assert complaint in capsys.readouterr().err


def test_unknown_card_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "statevector", "--card", "h100sxm", "--circuit", "qft:5"]) == 2
    assert "did you mean: h100_sxm" in capsys.readouterr().err


def test_devices_are_listed_with_their_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "devices"]) == 0
    text = capsys.readouterr().out
    assert "held-out error" in text
    assert "not measured on this device" in text


def test_families_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "circuit-families"]) == 0
    assert "efficient_su2" in capsys.readouterr().out
