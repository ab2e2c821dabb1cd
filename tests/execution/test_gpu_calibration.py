"""Calibration of a GPU with a timer that follows a known law: everything but the kernel calls themselves."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.cli import main
from qhpcsim.core.errors import CardError, EngineError, UnknownNameError, WorkloadError
from qhpcsim.core.registry import entries, register
from qhpcsim.execution import gpu_aer, gpu_kernels
from qhpcsim.execution.gpu_aer import AerKernels
from qhpcsim.execution.gpu_calibration import calibrate_gpu, read_rows, write_rows
from qhpcsim.execution.gpu_calibration_card import card_text
from qhpcsim.execution.gpu_cupy import NUMBER, source
from qhpcsim.execution.gpu_kernels import GpuFacts, GpuKernels, Unavailable, open_kernels
from qhpcsim.execution.gpu_measure import N_PLACES, Kernel, measure_kernels, plan
from qhpcsim.models.gpu_groups import Operation
from qhpcsim.models.gpu_statevector import GpuStateVector

TRUTH = GpuStateVector("truth", 9e-6, 6e-6, 32768, 1.7e12, 3.1e12, 25e6, 80e9, 16e9, 256e9, 0.015, 4, 0.2)
BYTES = {"single": 8, "double": 16}


class FakeGpu(GpuKernels):
    """Follows ``TRUTH``; noise of two percent, every tenth batch disturbed, gates on five qubits twice as slow."""

    software, fusion_width = "fake 1.0", 4

    def __init__(self, noise: float = 0.02) -> None:
        self.noise, self.rng, self.asked = noise, np.random.default_rng(5), []

    def facts(self) -> GpuFacts:
        return GpuFacts("Fake: {GPU}", 80e9, 50e6)

    def fixed_s(self) -> float:
        return 0.015

    def batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
        self.asked.append((n_qubits, targets, precision))
        width = len(targets[0])
        once_s = TRUTH.passes_s([Operation(width, 1.0, 2.0 if width == 5 else 1.0)], BYTES[precision] * 2.0**n_qubits)
        disturbed = np.where(self.rng.random(5) < 0.1, 3.0, 1.0)
        return list(once_s * disturbed * np.exp(np.abs(self.noise * self.rng.standard_normal(5))))


def test_the_plan_has_all_sizes_that_fit() -> None:
    large = {(k.n_qubits, k.width, k.precision) for k in plan(80e9)}
    assert {(n, w, p) for n in range(16, 32) for w in (1, 2, 3, 4, 5) for p in BYTES} <= large
    small = plan(40e9)
    assert max(k.n_qubits for k in small if k.precision == "double") == 30
    assert max(k.n_qubits for k in small if k.precision == "single") == 31
    assert [k.n_qubits for k in small] == sorted(k.n_qubits for k in small)


def test_gates_go_to_places_all_over_the_state() -> None:
    places = Kernel(20, 3, "double").targets()
    assert places[0] == (0, 1, 2) and places[-1] == (17, 18, 19)
    assert len(places) == N_PLACES == len(set(places))
    assert all(min(each) >= 0 and max(each) < 8 and len(each) == 5 for each in Kernel(8, 5, "single").targets())


def test_a_known_roofline_is_found_again() -> None:
    found = calibrate_gpu(FakeGpu(), 0.01)
    device = found.fit.device
    assert device.bandwidth_bytes_s == pytest.approx(1.7e12, rel=0.02)
    assert device.cache_bandwidth_bytes_s == pytest.approx(3.1e12, rel=0.08)
    assert device.launch_s == pytest.approx(9e-6, rel=0.03)
    assert device.launch_small_s == pytest.approx(6e-6, rel=0.03)
    assert device.cache_bytes == 25e6, "half of the cache serves a state"
    assert np.abs(found.fit.even).mean() < 0.03 and np.abs(found.fit.odd).mean() < 0.03
    assert found.fit.wide == pytest.approx(-0.5, abs=0.05), "wide gates are judged, not fitted"
    assert not found.busy
    assert (found.fit.deviations < 0.05).all() and (found.fit.deviations > 1e-4).all()


def test_a_whole_cache_is_told_from_half() -> None:
    class Whole(FakeGpu):
        def facts(self) -> GpuFacts:
            return replace(super().facts(), cache_bytes=25e6)

    assert calibrate_gpu(Whole(), 0.01).fit.device.cache_bytes == 25e6


def test_the_card_predicts_what_the_truth_does(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(card_text(calibrate_gpu(FakeGpu(), 0.01)))
    device = GpuStateVector.open(str(path))
    for name in ("qft:28", "ghz:12", "brickwork:20:depth=8"):
        cost = circuit_cost(for_simulator(named_circuit(name)))
        assert device.predict(cost).median_s == pytest.approx(TRUTH.predict(cost).median_s, rel=0.04)
    assert device.memory_bytes == 80e9 and device.fixed_s == 0.015


def test_more_time_means_more_rounds_and_the_least_counts() -> None:
    once, often = FakeGpu(), FakeGpu(noise=0.5)
    measure_kernels(once, 1e-9)
    assert len(once.asked) == len(plan(80e9))
    rows = measure_kernels(often, 0.2)
    assert len(often.asked) > 2 * len(plan(80e9))
    assert len(rows) == len(plan(80e9))
    wrong = [row.seconds / TRUTH.passes_s([Operation(1, 1.0)], row.state_bytes) - 1 for row in rows if row.width == 1]
    assert min(wrong) >= 0.0 and np.mean(wrong) < 0.1
    assert calibrate_gpu(FakeGpu(noise=0.5), 1e-9).busy


def test_impossible_times_stop_the_calibration() -> None:
    class Broken(FakeGpu):
        def batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
            return [1e-5, -1e-7]

    with pytest.raises(EngineError, match="says -1e-07 s for a gate on 1 of 8 qubits"):
        measure_kernels(Broken(), 1.0)


def test_a_gpu_too_small_to_learn_from() -> None:
    class Tiny(FakeGpu):
        def facts(self) -> GpuFacts:
            return replace(super().facts(), memory_bytes=60e6)

    with pytest.raises(CardError, match="sizes of states inside the cache"):
        calibrate_gpu(Tiny(), 0.01)


def test_rows_are_fitted_again_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = calibrate_gpu(FakeGpu(), 0.01)
    rows, card = tmp_path / "rows.csv", tmp_path / "again.yaml"
    write_rows(rows, found.bench, found.rows)
    bench, read = read_rows(rows)
    assert bench == found.bench and len(read) == len(found.rows)
    assert main(["calibrate", "gpu", "--rows", str(rows), "--out", str(card)]) == 0
    said = capsys.readouterr().out
    assert "even sizes, fitted on odd ones" in said and " GB/s" in said
    device = GpuStateVector.open(str(card))
    assert device.bandwidth_bytes_s == pytest.approx(found.fit.device.bandwidth_bytes_s, rel=1e-3)
    assert card.with_suffix(".csv").read_text() == rows.read_text()
    assert main(["predict", "statevector", "--card", str(card), "--circuit", "qft:28"]) == 0
    assert main(["calibrate", "gpu", "--rows", str(rows), "--out", str(rows.with_suffix(".yaml"))]) == 2


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (",double,", ",half,", CardError),
        ("n_qubits", "qubits", WorkloadError),
        (",8,1,double,", ",8,9,double,", CardError),
        ("fake 1.0", "fake 2.0", CardError),
        (",16,1,single,", ",16,1,single,-", CardError),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, old: str, new: str, error: type[Exception]) -> None:
    found = calibrate_gpu(FakeGpu(), 1e-9)
    path = tmp_path / "rows.csv"
    write_rows(path, found.bench, found.rows)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(error) as caught:
        read_rows(path)
    assert str(path) in caught.value.block()


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(self: GpuKernels) -> None:
        raise Unavailable("no driver")

    for entry in entries("gpu_kernel").values():
        monkeypatch.setattr(entry.target, "__init__", unavailable)


def test_without_a_gpu_one_message_and_exit_code_two(
    no_gpu: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "gpu", "--out", str(tmp_path / "card.yaml")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("error:") == 1
    assert "aer: no driver; custatevec: no driver; cupy: no driver" in said.err
    assert "next:" in said.err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["gpu", "--threads", "2"], ["cpu", "--kernels", "aer"], ["gpu", "--kernels", "nothing"]]
)
def test_options_of_the_other_device_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *words]) == 2
    assert words[1] in capsys.readouterr().err


def test_the_first_software_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, no_gpu: None) -> None:
    monkeypatch.setattr(entries("gpu_kernel")["custatevec"].target, "__init__", lambda self: None)
    assert type(open_kernels()).__name__ == "CustatevecKernels"
    with pytest.raises(EngineError, match="cupy: no driver"):
        open_kernels("cupy")
    with pytest.raises(UnknownNameError, match="custatevec"):
        open_kernels("custate")


def test_a_plug_in_is_asked_last(monkeypatch: pytest.MonkeyPatch, no_gpu: None) -> None:
    from qhpcsim.core import registry

    shelf = dict(entries("gpu_kernel"))
    monkeypatch.setitem(registry._entries, "gpu_kernel", shelf)
    register("gpu_kernel", "a_plug_in", summary="test")(FakeGpu)
    assert isinstance(open_kernels(), FakeGpu)
    assert gpu_kernels.ORDER[0] == "aer"


def test_aer_times_gates_by_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run takes 10 ms and 40 us a gate: the difference of two runs is the gate alone, and not too short."""
    n_gates = []

    def taken_s(simulator: object, circuit: QuantumCircuit) -> float:
        n_gates.append(circuit.count_ops()["unitary"])
        return 0.01 + 4e-5 * n_gates[-1]

    monkeypatch.setattr(gpu_aer, "_taken_s", taken_s)
    found = AerKernels("CPU").batches_s(12, Kernel(12, 2, "double").targets(), "double")
    assert found == pytest.approx([4e-5] * gpu_aer.N_BATCHES)
    assert 4e-5 * (max(n_gates) - min(n_gates)) >= gpu_aer.DIFFERENCE_S
    assert max(n_gates) <= gpu_aer.MOST_GATES + 6


def test_aer_runs_the_circuits_as_they_are() -> None:
    """On Aer's CPU device: all qubits are kept, nothing is fused, the time is Aer's own."""
    aer = AerKernels("CPU")
    simulator, circuit = aer._simulator("single"), aer._circuit(16, Kernel(16, 2, "single").targets(), 2)
    result = simulator.run(circuit, shots=1).result().results[0]
    assert result.metadata["num_qubits"] == 16 and not result.metadata["fusion"]["enabled"]
    assert 0 < gpu_aer._taken_s(simulator, circuit) < 60
    assert 1e-5 < aer.fixed_s() < 60
    with pytest.raises(Unavailable, match="only CPU"):
        AerKernels()


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler to run the GPU kernel on the CPU")
@pytest.mark.parametrize("width", [1, 3, 5])
@pytest.mark.parametrize("precision", ["single", "double"])
def test_our_kernel_applies_the_matrix(tmp_path: Path, width: int, precision: str) -> None:
    """Compiled for the CPU, thread by thread, it does what numpy does."""
    import ctypes

    n, kind = 8, np.complex64 if precision == "single" else np.complex128
    (tmp_path / "gate.cpp").write_text(
        "struct float2{float x,y;}; struct double2{double x,y;}; struct Index{unsigned x;};\n"
        "static Index blockIdx, blockDim, threadIdx;\n#define __global__\n" + source(width, precision) + 'extern "C" '
        f"void run({NUMBER[precision]}* s, const {NUMBER[precision]}* m, const int* t, unsigned long long n)"
        "{blockDim.x = 4; for (unsigned i = 0; i < n + 4; ++i)"
        "{blockIdx.x = i / 4; threadIdx.x = i % 4; gate(s, m, t, n);}}"
    )
    command = ["g++", "-O1", "-w", "-shared", "-fPIC", "gate.cpp", "-o", "gate.so"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    run = ctypes.CDLL(str(tmp_path / "gate.so")).run
    rng = np.random.default_rng(width)
    shapes = ((1 << n,), (1 << width, 1 << width))
    state, matrix = ((rng.standard_normal(s) + 1j * rng.standard_normal(s)).astype(kind) for s in shapes)
    for targets in (range(width), range(n - width, n), sorted(rng.choice(n, width, replace=False).tolist())):
        axes = [n - 1 - q for q in reversed(targets)]
        moved = np.moveaxis(state.reshape([2] * n), axes, range(width))
        wanted = np.moveaxis((matrix @ moved.reshape(1 << width, -1)).reshape(moved.shape), range(width), axes).ravel()
        mine, places = state.copy(), np.array(list(targets), np.int32)
        pointers = [each.ctypes.data_as(ctypes.c_void_p) for each in (mine, matrix, places)]
        run(*pointers, ctypes.c_ulonglong(1 << (n - width)))
        assert np.abs(mine - wanted).max() < (1e-5 if precision == "single" else 1e-12) * math.sqrt(1 << width)
