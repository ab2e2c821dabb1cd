"""Derive the card of one EPYC 7763 core from the measured card of a younger core.

    python calibration/cpu/derive.py [--write]

Rule: every price times ``FACTOR``. AMD states 13 % more work a cycle for Zen 4 over Zen 3; the boost clocks are 3.7
and 3.5 GHz. Nobody has measured it so, hence an uncertainty of ``SIGMA`` of the logarithm on all prices together.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from qhpcsim.execution.calibration_card import CpuCard
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector import Z_90

FROM, TO = "amd_epyc_genoa_core", "epyc_7763_core"
FACTOR = 1.13 * 3.7 / 3.5
SIGMA = 0.15
L2_BYTES, L3_BYTES, MEMORY_BYTES = 512 * 2**10, 32 * 2**20, 256 * 2**30
"""Of the EPYC 7763: 512 KiB a core, 32 MiB a group of eight cores; half the memory of a node with two processors."""
SOURCE = "card {}; https://www.amd.com/en/products/processors/server/epyc (clocks, caches), AMD on Zen 4, 2022 (IPC)"


def derived() -> CpuCard:
    """Return the card of the EPYC 7763."""
    base = CpuStateVector.open(FROM)
    more = Z_90 * SIGMA
    return CpuCard(
        about="one core of AMD EPYC 7763, derived",
        method=f"derived from card {FROM}, prices times {FACTOR:.3g}; not measured",
        source=SOURCE.format(FROM),
        script="calibration/cpu/derive.py",
        machine=replace(base.machine, l2_bytes=L2_BYTES, l3_bytes=L3_BYTES),
        memory_bytes=MEMORY_BYTES,
        n_active=base.n_qubits_range,
        prices=np.asarray(base.prices * FACTOR),
        draws=np.asarray(base.draws * FACTOR),
        log_interval=(-math.hypot(base.log_low, more), math.hypot(base.log_high, more)),
    )


def main() -> None:
    """Print the factor, and write the card if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = derived()
    print(f"{TO}: prices times {FACTOR:.3f}, interval {found.log_interval}")
    if parser.parse_args().write:
        (Path(__file__).parent / f"{TO}.yaml").write_text(found.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
