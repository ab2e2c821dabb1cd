"""Cards of GPUs that nobody measured: the rule by which they are derived, and what it is worth."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.statevector import Z_90
from tests.reference import REFERENCE_DATA, reference

FOLDER: Path = data_dir("calibration") / "gpu"
DERIVED = {"a100_80": "a100_40", "h100_sxm": "h100_pcie", "h200": "h100_pcie", "b200": "h100_pcie"}


@pytest.mark.parametrize("name", DERIVED)
def test_bandwidths_follow_the_data_sheets_and_the_rest_is_taken_over(name: str) -> None:
    device, base = GpuStateVector.open(name), GpuStateVector.open(DERIVED[name])
    ratio = card(f"gpu/{name}").value("peak_bandwidth") / card(f"gpu/{DERIVED[name]}").value("peak_bandwidth")
    assert device.bandwidth_bytes_s / base.bandwidth_bytes_s == pytest.approx(ratio, rel=1e-3)
    assert device.cache_bandwidth_bytes_s / base.cache_bandwidth_bytes_s == pytest.approx(ratio, rel=1e-3)
    assert (device.launch_s, device.launch_small_s) == (base.launch_s, base.launch_small_s)
    assert device.sigma > base.sigma
    found = card(f"gpu/{name}")
    assert "derived" in found.entry("bandwidth").method and "fit_error" not in found.entries
    assert found.entry("bandwidth").uncertainty > card(f"gpu/{DERIVED[name]}").entry("bandwidth").uncertainty


def test_b200_agrees_with_the_published_ratio_of_generations() -> None:
    """More than 4.5 times an A100, says NVIDIA of single GPUs (arXiv:2511.14664): the median does, of the 40 GB one."""
    ratio = GpuStateVector.open("b200").bandwidth_bytes_s / GpuStateVector.open("a100_40").bandwidth_bytes_s
    assert 4.5 < ratio < 6.5
    assert GpuStateVector.open("b200").memory_bytes == 180e9


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch):
    reference("timings/published_timings.csv")
    monkeypatch.setenv("QHPCSIM_REFERENCE_DATA", str(REFERENCE_DATA))
    monkeypatch.syspath_prepend(str(FOLDER))
    import fit_gpu_cards

    yield fit_gpu_cards
    for name in ("fit_gpu_cards", "benchmark_circuits"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("peak", "most_large"), [(2.0, 0.14), (3.35, 0.31)])
def test_the_rule_between_two_measured_generations(kernels, peak: float, most_large: float) -> None:
    """H100 from A100, as B200 from H100: launches are 1.7 times too long, and B200's interval would hold every row."""
    base = GpuStateVector.open("a100_40")
    ratio = peak / 1.555
    derived = replace(
        base,
        bandwidth_bytes_s=ratio * base.bandwidth_bytes_s,
        cache_bandwidth_bytes_s=ratio * base.cache_bandwidth_bytes_s,
        cache_bytes=50e6,
    )
    rows = kernels.qulacs(kernels.H100.system)
    wrong = rows.errors(derived)
    assert np.abs(wrong[rows.n >= 20]).mean() < most_large
    assert 1.5 < np.exp(np.mean(np.log1p(wrong[rows.n < 16]))) < 2.0
    reach = Z_90 * GpuStateVector.open("b200").sigma
    assert (np.abs(np.log1p(wrong)) < reach).all() and reach < math.log(2.0)
