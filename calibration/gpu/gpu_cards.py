"""The cards of the GPUs: two fitted, the others derived from them by the ratio of their memory bandwidths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gpu_card_text import ASSUMED, entry, text

SCRIPT = "calibration/gpu/fit_gpu_cards.py"
QULACS = "https://github.com/forest1040/benchmark-qulacs (8d82327), pytest-benchmark JSON, minimum over rounds, fp64"
ATLAS = "https://github.com/quantum-compiler/atlas-artifact (dd1b686), cuQuantum cusvaer 23.03"
SPEC = "NVIDIA data sheets, as collected in 2026-11"
CIRCUIT_SIGMA = 0.2
"""From kernels to whole circuits: mean error of 15 to 22 % on circuits of the Atlas artifact, see fit.md."""


@dataclass(frozen=True)
class Device:
    """A card to write: what it is, its row in the table of specifications, and the fit it rests on."""

    about: str
    spec: str
    base: str
    host_gb_s: float
    sigma: float
    """Log standard deviation of what the derivation adds; 0: measured."""


DEVICES = {
    "a100_40": Device("NVIDIA A100 SXM 40 GB", "A100-SXM4-40GB", "a100_40", 32.0, 0.0),
    "a100_80": Device("NVIDIA A100 SXM 80 GB", "A100-SXM4-80GB", "a100_40", 32.0, 0.08),
    "h100_pcie": Device("NVIDIA H100 PCIe 80 GB", "H100-PCIe-80GB", "h100_pcie", 64.0, 0.0),
    "h100_sxm": Device("NVIDIA H100 SXM 80 GB", "H100-SXM5-80GB", "h100_pcie", 64.0, 0.12),
    "h200": Device("NVIDIA H200 SXM 141 GB", "H200-SXM-141GB", "h100_pcie", 64.0, 0.15),
    "b200": Device("NVIDIA B200 SXM 180 GB", "B200 (DGX/HGX)", "h100_pcie", 64.0, 0.35),
}


def write_cards(fits: dict[str, Any], specs: dict[str, dict[str, str]], folder: Path) -> None:
    """Write a card for every device.

    Args:
        fits: Name -> (measured device, fitted logarithms, their standard deviations, held-out errors by part).
        specs: Rows of the table of specifications by device.
        folder: Where to write.
    """
    for name, device in DEVICES.items():
        measured, logs, sds, errors = fits[device.base]
        ratio = float(specs[device.spec]["mem_bw_TBps"]) / float(specs[measured.peak]["mem_bw_TBps"])
        lines = _measured_lines(measured, np.exp(logs), sds, ratio, device)
        lines += _other_lines(name, device, specs[device.spec], errors)
        (folder / f"{name}.yaml").write_text(_card(name, device, measured, ratio, lines), encoding="utf-8")
        print(f"wrote {name}.yaml")


def _card(name: str, device: Device, measured: Any, ratio: float, lines: list[str]) -> str:
    if name == device.base:
        method = "fit to the times of unfused circuits, least squares of the logarithm, robust"
        extra = "; the rows say H100 only, their bandwidth is 85 % of this card's peak and half of the SXM's"
        source = QULACS + (extra if name == "h100_pcie" else "")
    else:
        method = f"derived from card {device.base}, bandwidths times {ratio:.3g} (memory bandwidths of the data sheets)"
        source = f"{QULACS}; {SPEC}"
    return text(device.about, method, source, "none stated; facts only", SCRIPT, lines)


def _measured_lines(measured: Any, numbers: np.ndarray, sds: np.ndarray, ratio: float, device: Device) -> list[str]:
    small, launch, rate, cache = numbers
    sd = np.hypot(sds, [0.1 * (device.sigma > 0)] * 2 + [device.sigma] * 2)
    note = "" if device.sigma == 0 else 'note: "not measured on this device"'
    return [
        entry("launch_small", 1e6 * small, "us", 1e6 * small * sd[0], 'note: "states of one block of threads"'),
        entry("small_state", 32.0, "KiB", None),
        entry("launch", 1e6 * launch, "us", 1e6 * launch * sd[1]),
        entry("bandwidth", 1e-9 * rate * ratio, "GB/s", 1e-9 * rate * ratio * sd[2], note),
        entry("cache_bandwidth", 1e-9 * cache * ratio, "GB/s", 1e-9 * cache * ratio * sd[3], note),
        entry("cache", measured.cache_mb, "MB", None, f'{ASSUMED}, note: "{measured.cache_note}"'),
    ]


def _other_lines(name: str, device: Device, spec: dict[str, str], errors: dict[str, np.ndarray]) -> list[str]:
    facts = f'method: published, source: "{SPEC}"'
    fitted = f'source: "{ATLAS}", method: fit to one row a circuit'
    sigma = float(np.hypot(CIRCUIT_SIGMA, device.sigma))
    lines = [
        entry("memory", float(spec["mem_GB"]), "GB", 0.0, facts),
        entry("peak_bandwidth", float(spec["mem_bw_TBps"]), "TB/s", 0.0, facts),
        entry("host_bandwidth", device.host_gb_s / 2, "GB/s", device.host_gb_s / 4,
              f'{ASSUMED}, note: "half of the link in one direction; for states larger than the device"'),
        entry("host_memory", 256.0, "GB", None, f'{ASSUMED}, note: "its share of the host"'),
        entry("fixed", 27.0, "ms", 10.0, f'{fitted}, note: "once a run with a thousand shots, 28 qubits"'),
        entry("fusion_width", 4.0, "qubits", 0.0, f'{fitted}, note: "groups of so many qubits explain the times"'),
        entry("time_factor_sigma", sigma, "1", None,
              f'{ASSUMED}, note: "{CIRCUIT_SIGMA:g} for other circuits, {device.sigma:g} for the device"'),
    ]  # fmt: skip
    if name == device.base:
        size = np.abs(errors["even n"])
        lines.append(entry("fit_error", float(size.mean()), "1", float(size.std(ddof=1) / len(size) ** 0.5),
                           'note: "held out: even n; mean absolute; unfused kernels"'))  # fmt: skip
    return lines
