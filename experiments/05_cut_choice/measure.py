"""Measures the cases of the study: every candidate of every case for real; rows go to calibration/cutting.

Stop it at any time; started again it goes on with the first case that is not there. ``--minutes`` ends it between two
cases; ``--most-others`` measures again what other work on the machine disturbed, keeping the old rows until then;
``--more`` measures another round and keeps the rows, too; ``--workers 2`` measures the subset for two workers.
The protocol is in PROTOCOL.md.
"""

from __future__ import annotations

import argparse
import gc
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import fmean as mean
from typing import Any

import numpy as np
import psutil
from candidates import kept, request
from circuits import Case, in_order
from load import CALM, Others, Pace
from store import Store

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_request import CutRequest
from qhpcsim.circuits.cuts import plan
from qhpcsim.core.cards import data_dir
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_outcome import PHASES, CutOutcome
from qhpcsim.execution.engine import Engine, open_engine
from qhpcsim.execution.task import Task

ROWS = data_dir("calibration") / "cutting" / "choice_rows.csv"
ROWS_2 = ROWS.with_name("choice_rows_w2.csv")
EXACT_MAX, MOST_S, LEAST_LIMIT_S, SLOWER = 20, 60.0, 10.0, 20.0
"""Widest circuit with an exact value; time-outs."""
SHORT_S, MOST_INNER = 0.25, 10
"""With several workers a run shorter than this is repeated at once and the mean taken."""
CLOSE, TIED, FAR, LONG_S = 1.5, 1.1, 10.0, 5.0
"""Ratios to the least time that decide about repeats."""
QUIET_CORES, TRIES, EVERY = 0.10, 6, 4
N_RUNS, N_CALM, N_TIED = 10, 3, 2
"""Runs of each near candidate, and calm ones among them; so many times as many of those that are tied."""
WAIT_S, TURNS_S, ALONE_S, KEPT = 0.3, 20.0, 6.0, 3
"""How long a run waits for a calm machine, how long candidates take turns, or one by itself is run again, and how many
runs are kept, the shortest."""


class OverTime(BaseException):
    """A run took too long; no ``except Exception`` on the way stops it."""


@contextmanager
def at_most(cpu_s: float) -> Iterator[None]:
    """Raise OverTime inside once this process has used that much processor time.

    The alarm is one of wall time, set again for what is left: a timer of processor time would make the kernel count
    that time in ticks of milliseconds.
    """
    end_s = time.process_time() + cpu_s

    def look(*_: object) -> None:
        left_s = end_s - time.process_time()
        if left_s <= 0.0:
            raise OverTime
        signal.setitimer(signal.ITIMER_REAL, max(left_s, 0.01))

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def by_class(outcomes: list[CutOutcome]) -> str:
    """Return the processor times of all circuits by kind: ``part/qubits+ancillas*number=total:longest`` in ms.

    Times are means over the runs.
    """
    runs: list[dict[tuple[str, int, int], list[float]]] = [{} for _ in outcomes]
    for found, outcome in zip(runs, outcomes, strict=True):
        for each in outcome.experiments:
            found.setdefault((each.partition, each.n_qubits, each.n_deferral_qubits), []).append(1e3 * each.cpu_s)
    return " ".join(
        f"{part}/{n}+{more}*{len(times)}={mean(sum(run[part, n, more]) for run in runs):.4g}"
        f":{mean(max(run[part, n, more]) for run in runs):.4g}"
        for (part, n, more), times in sorted(runs[0].items())
    )


class Measured:
    """All runs of one case."""

    def __init__(self, case: Case, engine: Engine | None, pace: Pace) -> None:
        self.case, self.engine, self.pace = case, engine, pace
        began_s = time.process_time()
        found = plan(request(case))
        self.plan_s = time.process_time() - began_s
        self.weights = np.array(found.circuit.coefficients[0])
        self.constant = found.circuit.constants[0]
        self.options = kept(found.candidates)
        self.times: dict[int, list[float]] = {}
        self.limit_s = MOST_S
        self.exact = self._exact(found.circuit.n_qubits)

    def _exact(self, n_qubits: int) -> float | None:
        """Return the value of the uncut circuit's state vector."""
        if n_qubits > EXACT_MAX or self.options[0].n_cuts or self.engine is not None:
            return None
        return float(self.weights @ run_cut(self.options[0].problem(), shots=0).values + self.constant)

    def run(self, option: int, repeat: int, most_inner: int = 1) -> dict[str, Any]:
        """Run a candidate once, or a short one up to ``most_inner`` times for their mean, and return its row."""
        candidate = self.options[option]
        gc.collect()
        slowness = [self.pace.wait(WAIT_S)]
        me = psutil.Process()
        others = Others([me, *me.children(recursive=True)])
        outcomes: list[CutOutcome] = []
        try:
            with at_most(self.limit_s):
                while not outcomes or (len(outcomes) < most_inner and sum(each.wall_s for each in outcomes) < SHORT_S):
                    outcomes.append(self._once(candidate, seed=100 * repeat + len(outcomes)))
                    slowness.append(self.pace.slowness())
        except OverTime:
            return self._row(option, repeat, status="over", cpu_s=self.limit_s, others=others.cores())
        phases = {
            f"{name}_{clock}": mean(getattr(each.phases[place], clock) for each in outcomes)
            for place, name in enumerate(PHASES)
            for clock in ("cpu_s", "wall_s")
        }
        values = [float(self.weights @ each.values + self.constant) for each in outcomes]
        stderr = float(np.sqrt(self.weights @ outcomes[0].covariance @ self.weights))
        cpu_s, wall_s = (mean(getattr(each, clock) for each in outcomes) for clock in ("cpu_s", "wall_s"))
        self.times.setdefault(option, []).append(wall_s)
        if self.engine is None:
            self.limit_s = min(MOST_S, max(LEAST_LIMIT_S, SLOWER * self.least()))
        return self._row(
            option, repeat, status="ok", cpu_s=cpu_s, wall_s=wall_s, n_inner=len(outcomes), **phases,
            circuits=by_class(outcomes) if self.engine is None else None,  # only times of one worker are scheduled
            value=values[0], stderr=stderr, others=others.cores(), slowness=max(slowness),
        )  # fmt: skip

    def _once(self, candidate: CutCandidate, seed: int) -> CutOutcome:
        """Return one run; making the library's problem is counted as its partition."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        problem = candidate.problem()
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        outcome = run_cut(problem, total_shots=candidate.shots.n_estimate, seed=seed, engine=self.engine or "serial")
        outcome.phases[0].cpu_s += cpu_s
        outcome.phases[0].wall_s += wall_s
        return outcome

    def best(self, option: int) -> float:
        """Return the least time of a candidate."""
        return min(self.times[option])

    def least(self) -> float:
        """Return the least time of all."""
        return min(map(self.best, self.times))

    def near(self, ratio: float) -> list[int]:
        """Return the candidates within a ratio of the least time."""
        return [option for option in self.times if self.best(option) <= ratio * self.least()]

    def _row(self, option: int, repeat: int, **found: Any) -> dict[str, Any]:
        """Return a row; a candidate has its full description in its first one only."""
        row = {"case": self.case.number, "option": option, "repeat": repeat, "unix_s": int(time.time()),
               "workers": 1 if self.engine is None else self.engine.options.workers}  # fmt: skip
        if not repeat:
            row |= describe(self.case, self.options[option])
            row |= {"n_options": len(self.options), "plan_s": self.plan_s, "exact": self.exact}
        return row | found


def describe(case: Case, candidate: CutCandidate) -> dict[str, Any]:
    """Return what a candidate is."""
    return {
        "family": case.family, "circuit": case.circuit, "kind": case.kind, "target": case.target,
        "name": candidate.name, "n_parts": candidate.n_parts, "widths": "+".join(map(str, candidate.widths)),
        "widths_deferred": "+".join(map(str, candidate.widths_deferred)), "n_gate_cuts": candidate.n_gate_cuts,
        "n_wire_cuts": candidate.n_wire_cuts, "overhead": candidate.overhead,
        "n_experiments": candidate.n_experiments, "n_distinct": candidate.n_distinct, "n_runs": candidate.n_runs,
        "shots": candidate.shots.n_estimate,
    }  # fmt: skip


def was_calm(row: dict[str, Any]) -> bool:
    """Return whether the machine was calm before and after a run; of one that was stopped nothing is known."""
    return bool(row.get("slowness", math.inf) <= CALM)


def rounds(measured: Measured) -> Iterator[dict[str, Any]]:
    """Yield the rows of a case for W = 1, as the protocol says."""
    runs: dict[int, list[dict[str, Any]]] = {option: [] for option in range(len(measured.options))}
    turn = list(runs)
    began_s = 0.0
    for repeat in count():
        for option in turn:
            runs[option].append(measured.run(option, repeat))
        near = measured.near(CLOSE)
        if not repeat:
            began_s = time.monotonic()
            turn = [each for each in measured.near(FAR) if each in near or measured.best(each) <= LONG_S]
        else:
            tied = measured.near(TIED)
            turn = [each for each in near if wanting(runs[each], N_TIED if len(tied) > 1 and each in tied else 1)]
        if not turn or time.monotonic() > began_s + (TURNS_S if len(near) > 1 else ALONE_S):
            break
    for option in runs.values():
        yield from shortest(option)


def wanting(runs: list[dict[str, Any]], times: int) -> bool:
    """Return whether a candidate needs another run."""
    return len(runs) < times * N_RUNS or sum(map(was_calm, runs)) < times * N_CALM


def shortest(runs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the first run, the shortest others, and, of more than one, each phase as short as it was in any.

    Only the last of these tells the times of circuits then.
    """
    ok = [row for row in runs if row["status"] == "ok"]
    later = [row for row in runs[1:] if row["status"] == "ok"]
    kept = [runs[0], *sorted(later, key=lambda row: row["wall_s"])[: KEPT - 1]]
    if len(ok) < 2:
        yield from kept
        return
    yield from (row | {"circuits": None} for row in kept)
    least = {name: min(ok, key=lambda row, name=name: row[f"{name}_wall_s"]) for name in PHASES}
    phases = {f"{name}_{clock}": row[f"{name}_{clock}"] for name, row in least.items() for clock in ("cpu_s", "wall_s")}
    whole = {clock: sum(phases[f"{name}_{clock}"] for name in PHASES) for clock in ("cpu_s", "wall_s")}
    about = {key: runs[0][key] for key in ("case", "option", "unix_s", "workers")}
    slowness, others_cores = (min(row[key] for row in ok) for key in ("slowness", "others"))
    yield about | whole | phases | {
        "repeat": len(ok), "status": "least", "circuits": least["execute"]["circuits"],
        "slowness": slowness, "others": others_cores,
    }  # fmt: skip


def quiet_rounds(measured: Measured, short: list[int]) -> Iterator[dict[str, Any]]:
    """Yield rows with several workers until each short candidate has three that nothing disturbed, or tries end."""
    n_quiet = dict.fromkeys(short, 0)
    for repeat in range(TRIES):
        for option in [option for option in short if n_quiet[option] < N_CALM]:
            row = measured.run(option, repeat, MOST_INNER)
            n_quiet[option] += row["others"] < QUIET_CORES and was_calm(row)
            yield row


def main(argv: list[str] | None = None) -> int:
    """Measure until everything is done or the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1, choices=(1, 2))
    parser.add_argument("--cases", type=int, nargs="*", help="only these numbers")
    parser.add_argument("--more", action="store_true", help="another round of cases that are there; all rounds count")
    parser.add_argument("--rows", type=Path, help="another file")
    parser.add_argument("--most-others", type=float, default=np.inf, help="measure again what more load disturbed")
    chosen = parser.parse_args(argv)
    end_s = time.monotonic() + 60.0 * chosen.minutes
    path = chosen.rows or (ROWS if chosen.workers == 1 else ROWS_2)
    store, one_worker = Store(path), Store(ROWS)
    done = set() if chosen.more else store.done(chosen.most_others)
    todo = [case for case in in_order() if case.number not in done]
    if chosen.cases:
        todo = [case for case in todo if case.number in chosen.cases]
    if chosen.workers > 1:
        todo = [case for case in todo if case.number % EVERY == 0 and len(one_worker.times_s(case.number)) > 1]
    warm()
    engine = started(chosen.workers) if chosen.workers > 1 else None
    pace = Pace()
    for place, case in enumerate(todo):
        if time.monotonic() > end_s:
            break
        began_s = time.monotonic()
        measured = Measured(case, engine, pace)
        if engine is None:
            rows = list(rounds(measured))
        else:
            times_s = one_worker.times_s(case.number)
            rows = list(quiet_rounds(measured, [option for option in times_s if times_s[option] <= MOST_S / 6]))
        number = store.next_round(case.number) if chosen.more else 1
        (store.add if chosen.more else store.put)(case.number, [row | {"round": number} for row in rows])
        load, slowness = (mean(row.get(key, 1.0) for row in rows) for key in ("others", "slowness"))
        print(f"{place + 1}/{len(todo)} {case.circuit} {case.kind} {case.target:g}: {len(rows)} rows, "
              f"{time.monotonic() - began_s:.1f} s, others {load:.2f}, slow {slowness:.2f}", flush=True)  # fmt: skip
    if engine is not None:
        engine.close()
    return 0


def started(workers: int) -> Engine:
    """Return an engine whose workers are all there and warm: each has slept through a task."""
    engine = open_engine("processes", workers=workers, warm_up=warm_up)
    for result in engine.map([Task(f"warm/{place}", time.sleep, (3.0,)) for place in range(workers)]):
        assert result.ok, result.error
    assert len(psutil.Process().children()) >= workers
    return engine


def warm() -> None:
    """Run what the protocol does not count."""
    for text, n_qubits in (("ghz:8", 8), ("ghz:12", 12)):
        candidates = plan(CutRequest.of(text, ["Z" * n_qubits])).candidates
        run_cut(candidates[1 if n_qubits == 8 else 0].problem(), shots=100)


if __name__ == "__main__":
    sys.exit(main())
