"""The card of a calibration of cutting, as text."""

from __future__ import annotations

import datetime as dt

from qhpcsim.core.errors import ConfigError
from qhpcsim.execution.cutting_calibrate import CutCalibration
from qhpcsim.execution.cutting_rows import CutRow
from qhpcsim.models.cutting import MODEL
from qhpcsim.models.cutting_fit import right_choices
from qhpcsim.models.cutting_terms import SCALES, TERMS
from qhpcsim.policies.cutting.power_law import SpeedupRow, refit

COMMAND = "qhpcsim calibrate cutting"


def card_text(found: CutCalibration) -> str:
    """Return the card as YAML."""
    fit, host, add = found.fit, found.host, found.workers
    spread = fit.draws.std(axis=0)
    prices = [
        f'  {term.name}: {{value: {price / scale:.5g}, unit: "{term.unit}", uncertainty: {sd / scale:.2g}, '
        f'note: "{term.phase}: {term.about}"}}\n'
        for term, price, sd, scale in zip(TERMS, fit.prices, spread, SCALES, strict=True)
    ]
    draws = f",{chr(10)}      ".join("[" + ", ".join(f"{x:.4g}" for x in row / SCALES) + "]" for row in fit.draws)
    families = ", ".join(sorted({row.family for row in found.rows}))
    n_circuits = len({row.problem for row in found.rows})
    system = "method: as the operating system says"
    return f"""# Written by {COMMAND}; do not edit by hand.
card: the cutting pipeline on one core of {host.processor}, {host.n_cores} cores
model: {MODEL}
cpu_card: {found.cpu_card}
method: fit to {len(found.rows)} measured candidates of {n_circuits} circuits, relative errors, Huber weights, prices
  not negative; each phase by its least wall time or, where other work had the core, its least processor time
note: "families {families}: chains of random blocks, execution/cutting_design.py"
source: "own measurement, {COMMAND}"
licence: none needed
script: {COMMAND}
date: {dt.date.today()}
entries:
  memory: {{value: {host.memory_bytes}, unit: bytes, uncertainty: 0, {system}}}
  n_active: {{value: [{_range(found.rows, "n_active")}], unit: qubits, uncertainty: null, note: "widest circuit"}}
  n_runs: {{value: [{_range(found.rows, "n_runs")}], unit: "1", uncertainty: null, note: "circuits of a candidate"}}
  n_shots: {{value: [{_range(found.rows, "n_shots")}], unit: "1", uncertainty: null, note: "shots of a candidate"}}
  busy_ratio: {{value: {found.busy_ratio:.3g}, unit: "1", uncertainty: null,
    note: "median run over shortest run by wall time: 1 on a machine that does nothing else"}}
{_held_out(found)}  log_interval: {{value: [{fit.log_low:.4f}, {fit.log_high:.4f}], unit: "1", uncertainty: null,
    note: "logarithm of measured over predicted: 5 % and 95 % of candidates of families that the fit has not seen"}}
  hand_over: {{value: {add.hand_over_s * 1e6:.4g}, unit: us, uncertainty: null,
    note: "least time from handing an empty batch to another process until it is back"}}
  contention: {{value: {add.contention:.3g}, unit: "1", uncertainty: null,
    note: "processor time of circuits on {add.n_workers} workers over that on one"}}
  contenders: {{value: {add.n_workers}, unit: workers, uncertainty: 0}}
{"".join(prices)}{_power_law(found.rows)}  bootstrap: {{value: [{draws}],
    unit: "1", uncertainty: null, note: "the prices above, in their order and units, fitted to circuits drawn again"}}
"""


def _range(rows: list[CutRow], name: str) -> str:
    values = [int(getattr(row, name)) for row in rows]
    return f"{min(values)}, {max(values)}"


def _held_out(found: CutCalibration) -> str:
    """Return the entries that state the errors on families left out."""
    held = found.fit.families
    each = "; ".join(f"{name} {held.mape(name):.1%}" for name in sorted(set(held.groups)))
    n_right, n, regret = right_choices(held, [row.problem for row in found.rows])
    return (
        f'  held_out_error: {{value: {held.mape():.4f}, unit: "1", uncertainty: null,\n'
        f'    note: "mean absolute relative error of the total time, leaving each family out: {each}"}}\n'
        f'  coverage: {{value: {held.coverage():.3f}, unit: "1", uncertainty: null, '
        'note: "of the 90 % interval, held out"}\n'
        f'  right_choices: {{value: [{n_right}, {n}], unit: "1", uncertainty: null,\n'
        f'    note: "circuits whose fastest measured candidate is chosen, held out; mean regret {regret:.2%}"}}\n'
    )


def _power_law(rows: list[CutRow]) -> str:
    """Return Q-Dreamer's law fitted to the same rows, or nothing where they do not determine it."""
    try:
        law = refit(speedup_rows(rows))
    except ConfigError:
        return ""
    note = "of Q-Dreamer's power law, fitted to the speed-ups of the same runs with true numbers of sub-experiments"
    return (
        f'  qdreamer_eta_max: {{value: {law.eta_max:.4g}, unit: "1", uncertainty: null, note: "{note}"}}\n'
        f'  qdreamer_p: {{value: {law.p:.4g}, unit: "1", uncertainty: null, note: "{note}"}}\n'
    )


def speedup_rows(rows: list[CutRow]) -> list[SpeedupRow]:
    """Return the measured speed-ups of cut candidates over their circuits in one piece, with one worker."""
    whole = {row.problem: row for row in rows if not row.n_cuts and row.n_parts == 1}
    return [
        SpeedupRow(row.n_qubits, row.n_sub, row.n_experiments, 1, whole[row.problem].total_s / row.total_s)
        for row in rows
        if row.n_cuts and row.problem in whole
    ]
