"""Bombs and impossible programs are refused quickly, with file and line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter

from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.qasm import checked, read_circuit
from qhpcsim.core.errors import CircuitError
from tests.circuits.programs import HEAD2, HEAD3, write

DOUBLING3 = "gate g0(a) q { rz(a) q; }\n" + "".join(
    f"gate g{n}(a) q {{ g{n - 1}(a) q; g{n - 1}(a) q; }}\n" for n in range(1, 41)
)
REFUSED = [
    ("broadcast", HEAD2 + "qreg q[9999];\n" + "h q;\n" * 200, None, "gate limit"),
    ("definitions", HEAD2 + "".join(f"gate a{n} q {{}}\n" for n in range(2100)) + "qreg q[1];", 2003, "definitions"),
    ("register", HEAD2 + "qreg q[99999999999999999999999];", 3, "18 digits"),
    ("registers", HEAD2 + "qreg q[9000];\nqreg r[9000];", 4, "width limit"),
    ("index", HEAD2 + "qreg q[2];\nx q[99999999999999999999];", 4, "18 digits"),
    ("panic", HEAD2 + "qreg q[2];\nx q [\n99999999999999999999];", 5, "18 digits"),
    ("repeats", HEAD2 + "qreg q[2];\nu0(1e12) q[0];", 4, "u0"),
    ("inf", HEAD2 + "qreg q[2];\nrz(1e400) q[0];", None, "inf"),
    ("opaque", HEAD2 + "opaque foo(a) q;\nqreg q[2];\nfoo(1) q[0];", None, "foo"),
    ("arguments", HEAD2 + "gate foo q { u3 q; }\nqreg q[2];\nfoo q[0];", None, "'foo' does not work"),
    ("in a gate", HEAD2 + "gate foo(a) q { rx(ln(a)) q; }\nqreg q[2];\nfoo(-1) q[0];", None, "'foo' does not work"),
    ("relative", HEAD2 + '\n/* \n */ include "../x";', 5, "no other file"),
    ("bare", "OPENQASM 2.0;\ninclude x;", 2, "quoted"),
    ("quotes", "OPENQASM 3.0;\ninclude '/etc/passwd';", 2, "no other file"),
    ("other", 'OPENQASM 2.0;\ninclude "stdgates.inc";', 2, "no other file"),
    ("utf16", "OPENQASM 2.0;".encode("utf-16"), 1, "binary"),
    ("nul", b"OPENQASM 2.0;\0", 1, "binary"),
    ("latin", b"OPENQASM 2.0;\n\xff", 2, "UTF-8"),
    ("comments", "// nothing\n/* at all */", None, "no qubits"),
    ("unclosed", "/* OPENQASM 2.0;", None, "no qubits"),
    ("version", "OPENQASM 2.1;", 1, "2.1"),
    ("version3", "\n\nOPENQASM 4;", 3, "'4'"),
    ("brackets", HEAD2 + "qreg q[1];\nrz(" + "(" * 20_000 + ") q[0];", 4, "nested"),
    ("doubling", HEAD3 + DOUBLING3 + "qubit q;\ng40(1) q;", None, "gate limit"),
    ("loops", HEAD3 + "qubit q;\nfor int i in [1:9999] {\nfor int j in [1:9999] { h q; } }", 4, "gate limit"),
    ("backwards", HEAD3 + "qubit q;\nfor int i in [9000000:-1:0] { h q; }", 4, "9,000,001 rounds"),
    ("unknown rounds", HEAD3 + "qubit q;\nconst int n = 5;\nfor int i in [0:n] { h q; }", 5, "numbers"),
    ("while", HEAD3 + "qubit q; bit c;\nwhile (c == true) { h q; }", 4, "while"),
    ("bits", HEAD3 + "bit[1000000000] c;", 3, "width limit"),
    ("power of two", HEAD3 + "qubit[2**30] q;", 3, "written number"),
    ("hardware", HEAD3 + "h $999999999;", 3, "width limit"),
    ("controls", HEAD3 + "qubit[2] q;\nctrl(1000000000) @ x q[0], q[1];", 4, "controls"),
    ("index3", HEAD3 + "qubit[2] q;\nh q[2];", 4, "out of range"),
    ("missing", HEAD3 + "qubit q;\nfoo q;", 4, "foo"),
    ("syntax", HEAD3 + "qubit q;\nh q\nx q;", 5, "syntax error at 'x'"),
    ("deep", HEAD3 + "qubit q;\nrz(" + "(" * 500 + "1" + ")" * 500 + ") q;", None, "nested too deeply"),
    ("signs", HEAD3 + "qubit q;\nrz(" + "-" * 5000 + "1) q;", None, "nested too deeply"),
    ("negative", HEAD3 + "qubit q;\ndelay[-5ns] q;", 4, "duration"),
    ("two hours", HEAD3 + "qubit q;\ndelay[7200s] q;", 4, "delay of 7200 s"),
]


@pytest.mark.parametrize(("name", "text", "line", "says"), REFUSED, ids=[case[0] for case in REFUSED])
def test_refused(tmp_path: Path, name: str, text: str | bytes, line: int | None, says: str) -> None:
    start = time.process_time()
    with pytest.raises(CircuitError) as caught:
        read_circuit(write(tmp_path, text))
    assert time.process_time() - start < 20  # hangs, not slowness
    assert says in caught.value.message
    assert caught.value.where.endswith("a.qasm" if line is None else f"a.qasm:{line}")
    assert len(caught.value.block()) < 700


def test_limits_can_be_set(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD2 + "qreg q[2];\ncreg c[2];\nh q;\nmeasure q -> c;")
    assert read_circuit(path, limits=Limits(n_gates=4)).size() == 4
    with pytest.raises(CircuitError, match="gate limit: 4 gates"):
        read_circuit(path, limits=Limits(n_gates=3))
    with pytest.raises(CircuitError, match="size limit"):
        read_circuit(path, limits=Limits(n_bytes=10))
    with pytest.raises(CircuitError, match="OpenQASM 3"):
        read_circuit(write(tmp_path, HEAD3 + "qubit q;"), limits=Limits(n_bytes_qasm3=10))


def test_only_regular_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.qasm", Path("/dev/zero"), Path("bad\0name")):
        with pytest.raises(CircuitError):
            read_circuit(path)


def test_many_brackets_are_fine(tmp_path: Path) -> None:
    text = HEAD2 + "qreg q[1];\ncreg c[1];\nrx(" + "(" * 9000 + "1" + ")" * 9000 + ") q[0];\nmeasure q -> c;"
    assert read_circuit(write(tmp_path, text)).size() == 2


def test_measure_all(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD2 + "qreg q[2];\nh q[0];")
    with pytest.raises(CircuitError, match="no measurement") as caught:
        read_circuit(path)
    assert "measure_all" in caught.value.hint
    assert read_circuit(path, measure_all=True).count_ops()["measure"] == 2


def test_phases_only_need_no_measurement(tmp_path: Path) -> None:
    assert read_circuit(write(tmp_path, HEAD2 + "qreg q[2];\ncz q[0],q[1];\nt q;")).size() == 3


def test_input_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD3 + "input float theta;\nqubit q;\nbit c;\nrx(2*theta) q;\nc = measure q;")
    with pytest.raises(CircuitError, match="theta"):
        read_circuit(path)
    circuit = read_circuit(path, parameters={"theta": 0.25})
    assert circuit.data[0].operation.params == [0.5]


def test_circuits_passed_in() -> None:
    theta = Parameter("theta")
    free = QuantumCircuit(1)
    free.rx(theta, 0)
    endless = QuantumCircuit(1, 1)
    with endless.while_loop((endless.clbits[0], 1)):
        endless.x(0)
    undefined = QuantumCircuit(1)
    undefined.append(Gate("foo", 1, []), [0])
    bomb = QuantumCircuit(1)
    bomb.h(0)
    for _ in range(10):
        twice = QuantumCircuit(1)
        twice.append(bomb.to_gate(), [0])
        twice.append(bomb.to_gate(), [0])
        bomb = twice
    wide = QuantumCircuit(20_000)
    loops = QuantumCircuit(1, 1)
    with loops.for_loop(range(10**9)):
        loops.h(0)
    for circuit, says in (
        (free, "theta"),
        (endless, "while_loop"),
        (undefined, "'foo'"),
        (bomb, "gate limit"),
        (wide, "width"),
        (loops, "gate limit"),
        (QuantumCircuit(0), "no qubits"),
    ):
        with pytest.raises(CircuitError, match=says) as caught:
            checked(circuit, limits=Limits(n_gates=1000))
        assert caught.value.where == "circuit"
