"""The card of a CPU, as a calibration writes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from qhpcsim.core.records import FloatArray
from qhpcsim.execution.calibrate import Calibration
from qhpcsim.models.cpu_statevector import MODEL
from qhpcsim.models.statevector_features import SCALES, TERMS, Machine

COMMAND = "qhpcsim calibrate cpu"


@dataclass(frozen=True, slots=True)
class CpuCard:
    """What a card says; ``text`` writes it."""

    about: str
    method: str
    source: str
    script: str
    machine: Machine
    memory_bytes: int
    n_active: tuple[int, int]
    prices: FloatArray
    """Seconds for one of each term."""
    draws: FloatArray
    log_interval: tuple[float, float]
    held_out: str = ""
    """Lines of entries that state the errors on circuits left out; empty: nothing was measured on this device."""

    def text(self) -> str:
        """Return the card as YAML."""
        machine, (low, high) = self.machine, self.n_active
        spread = self.draws.std(axis=0)
        prices = [
            f"  {term.name}: {{value: {price / scale:.5g}, unit: {term.unit}, uncertainty: {sd / scale:.2g}, "
            f'note: "{term.about}"}}\n'
            for term, price, sd, scale in zip(TERMS, self.prices, spread, SCALES, strict=True)
        ]
        rows = [", ".join(f"{value:.4g}" for value in row / SCALES) for row in self.draws]
        ends = ", ".join(f"{end:.4f}" for end in self.log_interval)
        system = "method: as the operating system says"
        return f"""# Written by {self.script}; do not edit by hand.
card: {self.about}
model: {MODEL}
method: {self.method}
source: "{self.source}"
licence: none needed
script: {self.script}
date: {dt.date.today()}
entries:
  threads: {{value: {machine.threads}, unit: threads, uncertainty: 0}}
  speedup: {{value: {machine.speedup:.3g}, unit: "1", uncertainty: null, note: "of all threads on one state"}}
  l2: {{value: {machine.l2_bytes:.0f}, unit: bytes, uncertainty: 0, {system}}}
  l3: {{value: {machine.l3_bytes:.0f}, unit: bytes, uncertainty: 0, {system}}}
  memory: {{value: {self.memory_bytes}, unit: bytes, uncertainty: 0, {system}}}
  n_active: {{value: [{low}, {high}], unit: qubits, uncertainty: null, note: "smallest and largest state measured"}}
{self.held_out}  log_interval: {{value: [{ends}], unit: "1", uncertainty: null,
    note: "logarithm of measured over predicted: 5 % and 95 % of circuits that the fit has not seen"}}
{"".join(prices)}  bootstrap: {{value: [{f",{chr(10)}      ".join(f"[{row}]" for row in rows)}],
    unit: "1", uncertainty: null, note: "the prices above, in their order and units, fitted to circuits drawn again"}}
"""


def card_text(found: Calibration, script: str = COMMAND, source: str = f"own measurement, {COMMAND}") -> str:
    """Return the card of a calibration.

    Args:
        found: Measured rows and their fit.
        script: What made it.
        source: Where the rows come from.
    """
    threads, host = found.machine.threads, found.host
    return CpuCard(
        about=f"{'one core' if threads == 1 else f'{threads} threads'} of {host.processor}, {host.n_cores} cores",
        method=f"fit to {len(found.rows)} measured circuits, relative errors, Huber weights, prices not negative",
        source=source,
        script=script,
        machine=found.machine,
        memory_bytes=host.memory_bytes,
        n_active=(min(row.n_active for row in found.rows), max(row.n_active for row in found.rows)),
        prices=found.fit.prices,
        draws=found.fit.draws,
        log_interval=(found.fit.log_low, found.fit.log_high),
        held_out=_held_out(found),
    ).text()


def _held_out(found: Calibration) -> str:
    """Return the entries that state the errors on circuits left out."""
    families, sizes = found.fit.families, found.fit.sizes
    errors, note = [families.mape()], "leaving each group of families out"
    if sizes is not None:
        errors.append(sizes.mape())
        note += "; fitted to 19 qubits, judged from 21"
    each = "; ".join(f"{name} {families.mape(name):.1%}" for name in sorted(set(families.groups)))
    return (
        f'  held_out_error: {{value: [{", ".join(f"{error:.4f}" for error in errors)}], unit: "1", uncertainty: null,\n'
        f'    note: "mean absolute relative error, {note}: {each}"}}\n'
        f'  coverage: {{value: {families.coverage():.3f}, unit: "1", uncertainty: null, '
        'note: "of the 90 % interval, held out"}\n'
    )
