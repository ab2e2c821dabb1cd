"""The card that a calibration of a GPU writes."""

from __future__ import annotations

import datetime as dt

import numpy as np

from qhpcsim.execution.gpu_calibration import GpuCalibration
from qhpcsim.models.gpu_fit import FITTED_WIDTHS
from qhpcsim.models.gpu_statevector import GpuStateVector

ASSUMED = "method: assumption, licence: none needed"


def card_text(found: GpuCalibration, script: str = "qhpcsim calibrate gpu") -> str:
    """Return the card of a calibration; its numbers in the order of the shipped cards."""
    bench, device = found.bench, found.fit.device
    held = np.abs(np.concatenate([found.fit.even, found.fit.odd]))
    widths = f"{FITTED_WIDTHS[0]} to {FITTED_WIDTHS[-1]}"
    about = f'note: "even sizes by odd ones and the reverse, gates on {widths} qubits; mean absolute"'
    method = f"fit to {len(found.rows)} kernels timed on the machine, least squares of the logarithm, robust"
    return "\n".join(
        [
            f"# Written by {script}; the timed kernels lie in the CSV of the same name.",
            f"card: {_plain(bench.facts.name)}, gates by {_plain(bench.software)}",
            f"method: {method}",
            f"source: own measurement, {script}, {_plain(bench.software)}",
            "licence: none needed",
            f"script: {script}",
            f"date: {dt.date.today()}",
            "entries:",
            *_measured(device, found.fit.deviations),
            *_known(found),
            _entry("time_factor_sigma", device.sigma, "1", None, f'{ASSUMED}, note: "kernels to whole circuits"'),
            _entry("fit_error", float(held.mean()), "1", float(held.std(ddof=1) / len(held) ** 0.5), about),
            "",
        ]
    )


def _measured(device: GpuStateVector, deviations: np.ndarray) -> list[str]:
    small, launch, rate, cache = (float(sd) for sd in deviations)
    times = (1e6 * device.launch_small_s, 1e6 * device.launch_s)
    rates = (1e-9 * device.bandwidth_bytes_s, 1e-9 * device.cache_bandwidth_bytes_s)
    return [
        _entry("launch_small", times[0], "us", times[0] * small, 'note: "states of one block of threads"'),
        _entry("small_state", device.small_state_bytes / 1024, "KiB", None, f'{ASSUMED}, note: "one block"'),
        _entry("launch", times[1], "us", times[1] * launch),
        _entry("bandwidth", rates[0], "GB/s", rates[0] * rate),
        _entry("cache_bandwidth", rates[1], "GB/s", rates[1] * cache),
    ]


def _known(found: GpuCalibration) -> list[str]:
    bench, device = found.bench, found.fit.device
    driver = "method: as the driver says"
    share = 'note: "the whole second-level cache fits better"'
    if device.cache_bytes < bench.facts.cache_bytes:
        share = 'note: "half of the second-level cache fits better"'
    fixed = 'note: "a warm run of one gate, a thousand shots"'
    if bench.fixed_s is None:
        fixed = f'{ASSUMED}, note: "not measured: kernels only; as card a100_40"'
    return [
        _entry("cache", 1e-6 * device.cache_bytes, "MB", None, f"{driver}, {share}"),
        _entry("memory", 1e-9 * device.memory_bytes, "GB", 0.0, driver),
        _entry("host_bandwidth", 1e-9 * device.host_bandwidth_bytes_s, "GB/s", 0.5e-9 * device.host_bandwidth_bytes_s,
               f'{ASSUMED}, note: "half of a PCIe 4 link; for states larger than the device; not measured"'),
        _entry("host_memory", 1e-9 * device.host_memory_bytes, "GB", None, f'{ASSUMED}, note: "its share of the host"'),
        _entry("fixed", 1e3 * device.fixed_s, "ms", None, fixed),
        _entry("fusion_width", device.fusion_width, "qubits", None,
               f'{ASSUMED}, note: "gates on so many qubits become one"'),
    ]  # fmt: skip


def _entry(name: str, value: float, unit: str, sd: float | None, more: str = "") -> str:
    shown = "null" if sd is None else f"{sd:.2g}"
    quoted = '"1"' if unit == "1" else unit
    return f"  {name}: {{value: {value:.6g}, unit: {quoted}, uncertainty: {shown}{', ' + more if more else ''}}}"


def _plain(text: str) -> str:
    """Return text that YAML reads as it stands, whatever a driver calls its GPU."""
    return "".join(c for c in text if c.isalnum() or c in " .-_=/()")[:80].strip() or "unnamed"
