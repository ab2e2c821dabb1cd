"""Mutated programs: a circuit or a CircuitError, soon; never another exception, never output."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qhpcsim.circuits.features import features
from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.core.errors import CircuitError
from tests.circuits.programs import HEAD2, RICH2, RICH3, write

SMALL = Limits(n_gates=10_000)
WORDS = [b"[1000000000]", b"99999999999999999999", b"1e400", b"ctrl(9) @ ", b"pow(1e9) @ ", b"while(true)", b"$99999"]
WORDS += [b"{", b"}", b"(", b")", b";", b'"', b"/*", b"//", b"include ", b"\xff", b"\0", b"**", b"^", b"input float a;"]
WORDS += [
    b"for int i in [0:99999999] ",
    b"let x = q[0:99];",
    b"def f() {",
    b"cal {",
    b"#pragma x",
    b"@x ",
    b"box ",
    b"0",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a program after a few insertions, deletions and repetitions."""
    data = draw(st.sampled_from([RICH2, RICH3])).encode()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 20)))
        piece = draw(st.sampled_from([*WORDS, b"", data[at:end] * 3]) | st.binary(max_size=4))
        data = data[:at] + piece + data[end if draw(st.booleans()) else at :]
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=mutated())
@example(data=(HEAD2 + "qreg q[1]; x q[999999999999999999991];").encode())
def test_mutations(data: bytes, tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]) -> None:
    path, start = write(tmp_path_factory.getbasetemp(), data), time.monotonic()
    try:
        assert features(read_circuit(path, measure_all=True, limits=SMALL)).width > 0
    except CircuitError as error:
        assert error.where.startswith(str(path)[:100]) and len(error.block()) < 900
    assert time.monotonic() - start < 5
    assert capfd.readouterr() == ("", "")
