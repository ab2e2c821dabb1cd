"""State-vector models of CPUs and GPUs on every table of timings there is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from judged import HELD_OUT, NEVER, TRAINING, Judged, covered, of_errors

from qhpcsim.core.data import data_dir

sys.path[:0] = [str(data_dir("calibration") / name) for name in ("gpu", "cpu")]

import fit_clusters as clusters  # noqa: E402
import fit_gpu_cards as kernels  # noqa: E402
import fit_gradients as gradients  # noqa: E402
import fit_published as published  # noqa: E402
from benchmark_circuits import qcbm  # noqa: E402

from qhpcsim.circuits.cost import CircuitCost, circuit_cost  # noqa: E402
from qhpcsim.circuits.named import named_circuit  # noqa: E402
from qhpcsim.circuits.observable import Observable  # noqa: E402
from qhpcsim.circuits.simulator import for_simulator  # noqa: E402
from qhpcsim.execution.calibrate import Calibration, fitted  # noqa: E402
from qhpcsim.execution.calibration_rows import Row, read_rows  # noqa: E402
from qhpcsim.execution.host import Host  # noqa: E402
from qhpcsim.models.cpu_statevector import CpuStateVector  # noqa: E402
from qhpcsim.models.gpu_cluster import DistributedStateVector, GpuCluster  # noqa: E402
from qhpcsim.models.gpu_groups import operations  # noqa: E402
from qhpcsim.models.gpu_statevector import GpuStateVector  # noqa: E402
from qhpcsim.models.gradients import AdjointJacobian  # noqa: E402
from qhpcsim.models.statevector_features import counts  # noqa: E402

CPU, GPU, MANY, GRADIENTS = "CPU", "one GPU", "several GPUs", "gradients"
OWN = "amd_epyc_genoa_core"


def cpus() -> Iterator[Judged]:
    """Yield the CPU model on our own rows, on published rows, and from the one to the other."""
    base = CpuStateVector.open(OWN)
    host = Host("EPYC", 2, int(base.machine.l2_bytes), int(base.machine.l3_bytes), int(base.memory_bytes))
    own = fitted(read_rows(Path(data_dir("calibration")) / "cpu" / f"{OWN}.csv"), host)
    yield from _cpu(f"own rows, card {OWN}", own)
    yield from _cpu("published rows sv_A1, card amd_epyc_core", published.calibration())
    rows, costs = published.read()
    told = [base.predict(cost) for cost in costs]
    measured_s = np.array([float(row["wall_min"]) for row in rows])
    inside = np.array([t.p5_s <= m <= t.p95_s for t, m in zip(told, measured_s, strict=True)])
    predicted_s = np.array([t.median_s for t in told])
    yield Judged(CPU, "CPU state vector", f"published rows sv_A1 by card {OWN}", NEVER, predicted_s, measured_s, inside)


def _cpu(data: str, found: Calibration) -> Iterator[Judged]:
    for how, held in (("a group of families", found.fit.families), ("n ≥ 21, fitted on n ≤ 19", found.fit.sizes)):
        if held is not None:
            what = f"{HELD_OUT}: {how}"
            yield Judged(CPU, "CPU state vector", data, what, held.predicted_s, held.measured_s, held.covered)
    circuits = [row for row in found.rows if row.group != "probe"]
    if data.startswith("own"):
        told_s = np.array([counts(_cost(row), found.machine) @ found.fit.prices for row in circuits])
        measured_s = np.array([row.seconds for row in circuits])
        yield Judged(CPU, "CPU state vector", data, TRAINING, told_s, measured_s)


def _cost(row: Row) -> CircuitCost:
    observable = Observable.parse(row.observable) if row.observable else None
    return circuit_cost(for_simulator(named_circuit(row.circuit)), shots=row.shots, observable=observable)


def one_gpu() -> Iterator[Judged]:
    """Yield kernels of A100 and H100, what other software makes of them, and whole circuits."""
    for name, device, card in (("A100", kernels.A100, "a100_40"), ("H100", kernels.H100, "h100_pcie")):
        rows, sigma = kernels.qulacs(device.system), GpuStateVector.open(card).sigma
        data = f"Qulacs, unfused QCBM, 4 to 25 qubits, {name}"
        for part, errors in kernels.held_out(rows, device.cache_mb).items():
            time_s = rows.time_s[rows.n % 2 == (part != "even n")]
            yield of_errors(GPU, "GPU kernels", data, f"{HELD_OUT}: {part}", errors, time_s, sigma)
        model = kernels.with_numbers(kernels.blank(device.cache_mb), kernels.fit(rows, device.cache_mb))
        yield of_errors(GPU, "GPU kernels", data, TRAINING, rows.errors(model), rows.time_s, sigma)
    yield from _other_fusion()
    yield from _derived()
    cusvaer = [row for row in kernels.read("published_timings.csv") if row["software"].startswith("cuQuantum")]
    single_s = np.array([float(row["seconds"]) for row in cusvaer if row["n_gpus"] == "1"])
    for card in ("a100_40", "a100_80"):
        data = f"cusvaer, 11 circuits of 28 qubits, one A100, by card {card}"
        sigma = GpuStateVector.open(card).sigma
        errors = clusters.one_device(card)
        yield of_errors(GPU, "GPU circuits", data, f"{HELD_OUT}: all but `fixed`", errors, single_s, sigma)


def _other_fusion() -> Iterator[Judged]:
    """Yield rows of Qulacs' own optimiser, with our grouping of as many qubits."""
    device = GpuStateVector.open("a100_40")
    for circuit, width in (("QCBMopt ", 2), ("QCBMopt4 ", 4)):
        rows = [row for row in kernels.read("published_timings.csv") if row["circuit"].startswith(circuit)]
        sizes = [int(row["qubits"]) for row in rows]
        told_s = np.array([device.passes_s(operations(qcbm(n), width), 16.0 * 2.0**n) for n in sizes])
        measured_s = np.array([float(row["seconds"]) for row in rows])
        data = f"Qulacs, {circuit.strip()} (its own optimiser), 4 to 25 qubits, A100"
        inside = covered(told_s / measured_s - 1.0, device.sigma)
        yield Judged(GPU, f"GPU kernels, groups of {width}", data, NEVER, told_s, measured_s, inside)


def _derived() -> Iterator[Judged]:
    """Yield H100 derived from A100 by the rule by which H200 and B200 are derived from H100."""
    rows, base = kernels.qulacs(kernels.H100.system), GpuStateVector.open("a100_40")
    sigma = GpuStateVector.open("b200").sigma
    for name, ratio in (("H100 PCIe", 2.0 / 1.555), ("H100 SXM", 3.35 / 1.555)):
        device = replace(
            base,
            bandwidth_bytes_s=ratio * base.bandwidth_bytes_s,
            cache_bandwidth_bytes_s=ratio * base.cache_bandwidth_bytes_s,
            cache_bytes=1e6 * kernels.H100.cache_mb,
        )
        for size, chosen in (("4 to 19 qubits (launch)", rows.n < 20), ("20 to 25 qubits (memory)", rows.n >= 20)):
            data = f"Qulacs, unfused QCBM, {size}, H100"
            model = f"A100's card times the ratio of {name}, interval of card b200"
            yield of_errors(GPU, model, data, NEVER, rows.errors(device)[chosen], rows.time_s[chosen], sigma)


def several_gpus() -> Iterator[Judged]:
    """Yield cuStateVec behind Qiskit, Lightning and the mini-app; other software by cuStateVec's card."""
    cusvaer, lightning = clusters.cusvaer(), clusters.pennylane()
    mini_app = clusters.mini_app(lightning.fit(lightning.runs))
    names = {
        "cusvaer": ("cusvaer, 11 circuits, 29 to 36 qubits, 2 to 256 A100", "a circuit"),
        "lightning": ("Lightning, three layers, 33 to 41 qubits, 2 to 512 A100", "a size"),
        "lightning_mini_app": ("mini-app, two layers, 33 to 41 qubits, 4 to 512 A100, with start-up", "a run"),
    }
    for study in (cusvaer, lightning, mini_app):
        data, left_out = names[study.name]
        sigma = max(GpuCluster.open(f"perlmutter_{study.name}").sigma, GpuStateVector.open(study.device).sigma)
        groups = study.held_out()
        time_s = np.array([run.time_s for name in groups for run in study.runs if run.group == name])
        errors = np.concatenate(list(groups.values()))
        yield of_errors(MANY, f"several GPUs, {study.name}", data, f"{HELD_OUT}: {left_out}", errors, time_s, sigma)
        told_s, measured_s = study.told_s(study.fit(study.runs), study.runs), np.array([r.time_s for r in study.runs])
        inside = covered(told_s / measured_s - 1.0, sigma)
        yield Judged(MANY, f"several GPUs, {study.name}", data, TRAINING, told_s, measured_s, inside)
    for software in ("Atlas", "HyQuas"):
        rows = [row for row in kernels.read("published_timings.csv") if row["software"] == software]
        yield _other_software(software, [clusters._atlas_run(row) for row in rows])


def _other_software(software: str, runs: list[clusters.Run]) -> Judged:
    device, links = GpuStateVector.open("a100_40"), GpuCluster.open("perlmutter_cusvaer")
    told = [DistributedStateVector(device, links, run.n_devices).predict(run.cost) for run in runs]
    measured_s = np.array([run.time_s for run in runs])
    inside = np.array([t.p5_s <= m <= t.p95_s for t, m in zip(told, measured_s, strict=True)])
    told_s = np.array([t.median_s for t in told])
    data = f"{software}, the same circuits, 1 to 256 A100"
    return Judged(MANY, "several GPUs, cusvaer's card for other software", data, NEVER, told_s, measured_s, inside)


def jacobians() -> Iterator[Judged]:
    """Yield adjoint gradients, predicted from forward runs alone."""
    for study in gradients.forward_studies():
        runs = gradients.gradients()[study.name]
        links, device = GpuCluster.open(f"perlmutter_{study.name}"), GpuStateVector.open(study.device)
        for few in (True, False):
            some = [run for run in runs if (run.n_devices <= 8) == few]
            models = [DistributedStateVector(device, links, run.n_devices, study.start_up) for run in some]
            told = [
                AdjointJacobian.of(model).predict(run.cost, run.cost.n_active)
                for model, run in zip(models, some, strict=True)
            ]
            measured_s = np.array([run.time_s for run in some])
            inside = np.array([t.p5_s <= m <= t.p95_s for t, m in zip(told, measured_s, strict=True)])
            nodes = "1 and 2 nodes" if few else "4 to 64 nodes"
            name = "mini-app" if "mini" in study.name else "Lightning"
            data = f"{name}, Jacobian of every ⟨Z⟩, 31 to 37 qubits, {nodes} of 4 A100"
            told_s = np.array([t.median_s for t in told])
            yield Judged(GRADIENTS, "adjoint gradient", data, NEVER, told_s, measured_s, inside)
