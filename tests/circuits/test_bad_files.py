"""Every bad OpenQASM file gets the reaction that its manifest states."""

from __future__ import annotations

import csv
import functools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.cli import main
from qhpcsim.core.errors import CircuitError
from tests.circuits.programs import HEAD2, write
from tests.reference import REFERENCE_DATA, reference

BAD = "../badinputs"
SAYS = {
    "Q10": "no qubits",
    "Q16": "no measurement",
    "Q18": "gate limit",
    "R02": "1,000,000,001",
    "R04": "9.0",
    "R06": "theta",
    "Q06": "foo",
    "Q02": "include",
}
"""Words of the manifest's prose that the message must hold."""


@functools.cache
def cases() -> list[dict[str, str]]:
    manifest = REFERENCE_DATA / BAD / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open() as stream:
        return [row for row in csv.DictReader(stream) if row["kind"] == "qasm"]


def path_of(case: dict[str, str]) -> Path:
    return reference(f"{BAD}/{case['file']}")


@pytest.mark.skipif(cases() != [], reason="the manifest is here")
def test_manifest_is_needed() -> None:
    reference(f"{BAD}/manifest.csv")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_reaction(case: dict[str, str]) -> None:
    path, start = path_of(case), time.monotonic()
    if case["expect"] == "OK":
        assert read_circuit(path).num_qubits > 0
    else:
        with pytest.raises(CircuitError) as caught:
            read_circuit(path)
        text = caught.value.block()
        assert caught.value.where.endswith(f"{path.name}:{case['line']}" if case["line"] else path.name)
        assert SAYS.get(case["id"], "") in text and case["field"] in text
        assert case["must_never"] not in text and len(caught.value.message) < 300
    assert time.monotonic() - start < float(case["time_limit_s"])


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_command_line(case: dict[str, str]) -> None:
    code = (
        "import resource, sys\nfrom qhpcsim.cli import main\ncode = main(['validate', sys.argv[1]])\n"
        "print('MB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, path_of(case)], capture_output=True, text=True, timeout=60)
    assert done.returncode == int(case["exit_code"])
    assert int(done.stdout.split("MB")[-1]) < float(case["rss_limit_mb"])
    assert "Traceback" not in done.stderr


def test_command_line_says_what_a_circuit_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEAD2 + "qreg q[3];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\n")
    assert main(["validate", str(path)]) == 2
    assert "no measurement" in capsys.readouterr().err
    assert main(["validate", "--measure-all", str(path)]) == 0
    said = capsys.readouterr().out
    assert "3 qubits (3 in use), 2 gates, 1 two-qubit gates, depth 3, 3 measurements" in said
