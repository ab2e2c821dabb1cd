"""The card that a calibration of a CPU writes."""

from __future__ import annotations

import datetime as dt

from qhpcsim.execution.calibrate import Calibration
from qhpcsim.models.cpu_statevector import MODEL
from qhpcsim.models.statevector_features import SCALES, TERMS


def card_text(found: Calibration, script: str = "qhpcsim calibrate cpu") -> str:
    """Return the card of a calibration."""
    f, host, threads = found.fit, found.host, found.machine.threads
    spread = f.draws.std(axis=0)
    prices = [
        f"  {term.name}: {{value: {price / scale:.5g}, unit: {term.unit}, uncertainty: {sd / scale:.2g}, "
        f'note: "{term.about}"}}'
        for term, price, sd, scale in zip(TERMS, f.prices, spread, SCALES, strict=True)
    ]
    low, high = (int(n) for n in (min(r.n_active for r in found.rows), max(r.n_active for r in found.rows)))
    sizes = f.families.mape() if f.sizes is None else f.sizes.mape()
    note = "leaving each group of families out; fitted to 19 qubits, judged from 21"
    if f.sizes is None:
        note = "leaving each group of families out; too few large circuits to judge sizes apart"
    draws = ",\n      ".join("[" + ", ".join(f"{v:.4g}" for v in row / SCALES) + "]" for row in f.draws)
    core = "one core" if threads == 1 else f"{threads} threads"
    return f"""# Written by {script}; the measured rows lie in the CSV of the same name.
card: {core} of {host.processor}, {host.n_cores} cores, Qiskit Aer state vector
model: {MODEL}
method: fit to {len(found.rows)} circuits measured on the machine, relative errors, Huber weights, prices not negative
source: own measurement, {script}
licence: none needed
script: {script}
date: {dt.date.today()}
entries:
  threads: {{value: {threads}, unit: threads, uncertainty: 0}}
  speedup: {{value: {found.machine.speedup:.3g}, unit: "1", uncertainty: null, note: "of all threads on one state"}}
  l2: {{value: {host.l2_bytes}, unit: bytes, uncertainty: 0, method: as the operating system says}}
  l3: {{value: {host.l3_bytes}, unit: bytes, uncertainty: 0, method: as the operating system says}}
  memory: {{value: {host.memory_bytes}, unit: bytes, uncertainty: 0, method: as the operating system says}}
  n_active: {{value: [{low}, {high}], unit: qubits, uncertainty: null, note: "smallest and largest state measured"}}
  held_out_error: {{value: [{f.families.mape():.4f}, {sizes:.4f}], unit: "1", uncertainty: null, note: "{note}"}}
  coverage: {{value: {f.families.coverage():.3f}, unit: "1", uncertainty: null, note: "of the 90 % interval, held out"}}
  log_interval: {{value: [{f.log_low:.4f}, {f.log_high:.4f}], unit: "1", uncertainty: null,
    note: "logarithm of measured over predicted: 5 % and 95 % of held-out circuits"}}
{chr(10).join(prices)}
  bootstrap: {{value: [{draws}],
    unit: "1", uncertainty: null, note: "the prices above, in their order and units, fitted to circuits drawn again"}}
"""
