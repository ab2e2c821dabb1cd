"""Writes ties.csv: for each variant of a family more circuits like the one whose cut and uncut times are closest.

Run it once, after all cases of ``circuits.VARIANTS`` have been measured; then ``measure.py`` goes on with the new ones.
"""

from __future__ import annotations

import csv
import math
import sys

from circuits import FRESH, TIED, TIES, Case, cases, variant_of
from rows import MeasuredCase, read

MOST_RATIO = 3.0
"""Cut and uncut times further apart than this are no near-tie."""


def log_ratio(case: MeasuredCase) -> float:
    """Return the logarithm of the least cut over the uncut time; infinity: one of them is not known."""
    uncut = [option.time_s() for option in case.options if not option.n_cuts and option.finished]
    cut = [option.time_s() for option in case.options if option.n_cuts and option.finished]
    return math.log(min(cut) / uncut[0]) if uncut and cut else math.inf


def likest(measured: list[MeasuredCase]) -> list[tuple[Case, float]]:
    """Return the case of each variant whose ratio is nearest to one, and its logarithm, by number."""
    known = {case.number: case for case in cases() if case.number < FRESH}
    found: dict[str, tuple[float, Case]] = {}
    for each in measured:
        if each.number in known:
            ratio = log_ratio(each)
            key = variant_of(known[each.number])
            if abs(ratio) < abs(found.get(key, (math.inf,))[0]):
                found[key] = ratio, known[each.number]
    return [(case, ratio) for ratio, case in sorted(found.values(), key=lambda pair: pair[1].number)]


def more(case: Case, ratio: float, number: int) -> list[tuple[int, str, int, str, str, float]]:
    """Return two cases like one: its width and the next one towards the tie, with new seeds where there are seeds."""
    found = []
    toward = 1 if ratio > 0 else -1
    for n_qubits in (case.n_qubits, min(26, max(12, case.n_qubits + toward))):
        params = variant_of(case).partition(":")[2]
        seeded = "seed=" in case.circuit
        if not seeded and n_qubits == case.n_qubits:
            continue
        words = ",".join(filter(None, (params, f"seed={number + len(found)}" if seeded else "")))
        circuit = f"{case.family}:{n_qubits}" + (f":{words}" if words else "")
        found.append((number + len(found), case.family, n_qubits, circuit, case.kind, case.target))
    return found


def main() -> int:
    """Write the file unless it is there."""
    if TIES.exists():
        print(f"{TIES.name} is there: its cases keep their numbers")
        return 1
    rows: list[tuple[int, str, int, str, str, float]] = []
    for case, ratio in likest(read()):
        if abs(ratio) < math.log(MOST_RATIO):
            rows += more(case, ratio, TIED + len(rows))
    known = {(case.circuit, case.kind, case.target) for case in cases()}
    rows = [row for row in rows if row[3:] not in known]
    with TIES.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([Case._fields, *rows])
    print(f"{len(rows)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
