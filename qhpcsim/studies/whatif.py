"""``whatif``: one past, several futures: what happens if something is changed at a moment, and what if not."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qhpcsim.config import load
from qhpcsim.config.names import scenario_files
from qhpcsim.core.errors import ConfigError, InvariantError, StudyError
from qhpcsim.core.records import JobState
from qhpcsim.policies.coupling.actions import TOKENS
from qhpcsim.results.result import Result
from qhpcsim.scenario import Change, Scenario, TraceWorkload
from qhpcsim.simulation import simulate
from qhpcsim.studies.pairs import Difference, correct, difference
from qhpcsim.studies.whatif_figures import Figures, Span, end_of, figures, span_of
from qhpcsim.studies.whatif_files import claim, write_whatif
from qhpcsim.studies.whatif_futures import AS_IS, Future, changes_of, future_of, moment

Progress = Callable[[int, int], None]
"""Takes the number of simulations that ended and of all."""
MOST_FUTURES = 20
LEADING = ("hybrid.mean_time_to_solution_s", "mean_wait_s", "qpu.mean_wait_s")
"""Figures that answer the question: the first that all futures have."""
COMPARED = (*LEADING, "queue_empty_s")
"""Figures that get an interval where there are several seeds; few, since each makes all of them less sure (Holm)."""


_LOST = ("n_never_started", "hybrid.n_not_completed")


@dataclass
class Seen:
    """One future."""

    name: str
    changes: tuple[Change, ...]
    result: Result
    """Under the first seed."""
    by_seed: list[Figures] = field(default_factory=list)

    @property
    def figures(self) -> Figures:
        """Mean of each figure over the seeds that have it; None: none has."""
        found: Figures = {}
        for name in self.by_seed[0]:
            values = [value for each in self.by_seed if (value := each[name]) is not None]
            found[name] = float(np.mean(values)) if values else None
        return found


@dataclass
class WhatIf:
    """What becomes of the jobs in each future; the first one is that without changes."""

    source: str
    """Scenario or workload file."""
    at_s: float
    """The moment, since the beginning of the workload."""
    spans: list[Span]
    """One a seed, on the simulation's axis."""
    futures: list[Seen]
    seeds: tuple[int, ...]
    differences: list[Difference] = field(default_factory=list)
    """To the future without changes; empty: one seed."""
    is_trace: bool = False
    """Nothing is drawn at random: there is one answer."""
    folder: Path | None = None

    @property
    def leading(self) -> str:
        """The figure that answers the question."""
        has = [name for name in LEADING if all(each.figures.get(name) is not None for each in self.futures)]
        return has[0] if has else "queue_empty_s"

    def n_lost(self, seen: Seen) -> float:
        """Return how many jobs more than without changes never start or, if hybrid, never complete.

        Means of a future that loses jobs do not compare with those of the others: the jobs that it loses are missing.
        """
        here, before = seen.figures, self.futures[0].figures
        return sum(max(0.0, (here.get(name) or 0.0) - (before.get(name) or 0.0)) for name in _LOST)

    @property
    def best(self) -> Seen:
        """The future that loses no jobs and whose leading figure is least; of equals the first."""
        whole = [each for each in self.futures if not self.n_lost(each)]
        return min(whole, key=lambda each: each.figures.get(self.leading) or 0.0)


def whatif(
    scenario: Scenario | str | os.PathLike[str],
    at: str | float,
    futures: Mapping[str, str] | Iterable[str],
    *,
    overrides: Sequence[str] = (),
    until: str | float | None = None,
    seeds: int = 1,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> WhatIf:
    """Return what happens in several futures that share the past up to a moment.

    Every future is a whole simulation in which something changes at the moment and nobody knows of it before; that the
    pasts are the same is checked each time.

    Args:
        scenario: A scenario, its name or file, or a workload file (replayed under EASY unless ``overrides`` say else).
        at: The moment: seconds or a duration such as ``3d 4h`` since the beginning of the workload (of a file: its
            first submission), or a date if the file states its own.
        futures: Name -> what is done, such as ``"add nodes=16, set policy=easy"``; or the texts alone.
        overrides: ``key=value`` for the scenario, from the beginning.
        until: Jobs that come later are not counted, utilisation is that up to then; None: all, up to the last
            submission.
        seeds: Runs of a generated workload, for intervals of the differences.
        out: Folder for the tables of every future; None: nothing is written.
        progress: Told of the simulations that ended and of all.

    Raises:
        ConfigError: for a moment or a change that is impossible.
        StudyError: for too many futures, or several seeds where nothing is random.
        QhpcsimError: for any other mistake in the scenario or its files.
    """
    base = scenario if isinstance(scenario, Scenario) else scenario_of(scenario, overrides)
    base = dataclasses.replace(base, baseline="", engine="general" if base.engine == "auto" else base.engine)
    asked = _asked(futures)
    _check(base, asked, seeds)
    if out is not None:
        claim(Path(out))
    numbers = tuple(range(base.seed, base.seed + seeds))
    told = _Told(progress, len(numbers) * (1 + len(asked)))
    seen: list[Seen] = []
    spans = [_under_seed(dataclasses.replace(base, seed=seed), at, until, asked, seen, told) for seed in numbers]
    name = base.name if isinstance(scenario, Scenario) else os.fspath(scenario)
    answer = WhatIf(name, spans[0].at_s, spans, seen, numbers, is_trace=not is_random(base))
    if seeds > 1:
        answer.differences = _differences(answer)
    if out is not None:
        answer.folder = Path(out)
        write_whatif(answer)
    return answer


def scenario_of(source: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Scenario:
    """Return the scenario of that name or file, or one that replays a workload file."""
    path = Path(source)
    if (path.is_file() or path.suffix) and path.suffix not in (".yaml", ".yml") and str(source) not in scenario_files():
        return load("replay", [f"workload.path={path}", *overrides])
    return load(source, overrides)


def is_random(scenario: Scenario) -> bool:
    """Return whether another seed gives another run."""
    failures = [scenario.facility.failures, *(part.failures for part in scenario.facility.partitions.values())]
    fails = any(each.mtbf_s > 0 for each in failures)
    return not isinstance(scenario.workload, TraceWorkload) or bool(scenario.qpu.qpus) or fails


def _asked(futures: Mapping[str, str] | Iterable[str]) -> list[Future]:
    if isinstance(futures, Mapping):
        return [dataclasses.replace(future_of(text), name=name) for name, text in futures.items()]
    return [future_of(text) for text in futures]


def _check(scenario: Scenario, asked: Sequence[Future], seeds: int) -> None:
    names = [AS_IS, *(each.name for each in asked)]
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if not asked or len(asked) > MOST_FUTURES:
        raise StudyError(f"{len(asked)} futures", where="whatif", allowed=f"1 … {MOST_FUTURES}", hint="--add nodes=16")
    if twice is not None:
        raise StudyError(f"two futures are called {twice!r}", where="whatif", hint="--future 'NAME: …'")
    if scenario.changes:
        raise StudyError("the scenario changes by itself already", where="changes", hint="leave its changes out")
    if seeds < 1 or (seeds > 1 and not is_random(scenario)):
        raise StudyError(
            f"{seeds}",
            where="--seeds",
            allowed="1",
            hint="a trace is deterministic: one trace, one answer, and no interval; intervals need generated jobs"
            if seeds > 1
            else "",
        )


@dataclass
class _Told:
    """Counts simulations."""

    progress: Progress | None
    n_all: int
    n: int = 0

    def run(self, scenario: Scenario) -> Result:
        """Return the result of one simulation."""
        result = simulate(scenario)
        self.n += 1
        if self.progress is not None:
            self.progress(self.n, self.n_all)
        return result


def _under_seed(
    scenario: Scenario,
    at: str | float,
    until: str | float | None,
    asked: Sequence[Future],
    seen: list[Seen],
    told: _Told,
) -> Span:
    """Simulate all futures under one seed, add their figures, and return the times that these are about."""
    as_is = told.run(scenario)
    if as_is.table.n and (as_is.schedule.state == JobState.REJECTED).all():
        hint = f"qhpcsim run with the same scenario says what the {as_is.table.n:,} jobs ask for"
        raise StudyError("no job fits on this machine", where="whatif", hint=hint)
    table = as_is.table
    stated_s = table.zero_s + moment(at, table, end_of(as_is))
    at_s = stated_s - table.zero_s  # as rounded on the file's axis, where changes are stated
    until_s = np.inf if until is None else moment(until, table, end_of(as_is), "--until")
    if until_s <= at_s:
        raise ConfigError("is not after --at", where="--until", allowed="a later time, or leave it out")
    span = span_of(as_is, at_s, until_s)
    _note(seen, 0, AS_IS, (), as_is, figures(as_is, span, as_is))
    own = scenario.facility.partitions  # a coupling may have added tokens of QPUs, which follow the QPUs
    machine = {name: part for name, part in as_is.partitions.items() if name != TOKENS or name in own}
    for k, future in enumerate(asked, start=1):
        changes = changes_of(future, scenario, machine, _qpus_in_use(as_is), stated_s)
        result = told.run(dataclasses.replace(scenario, changes=changes))
        _check_past(as_is, result, at_s)
        _note(seen, k, future.name, changes, result, figures(result, span, as_is))
    return span


def _note(seen: list[Seen], k: int, name: str, changes: tuple[Change, ...], result: Result, found: Figures) -> None:
    if k == len(seen):
        seen.append(Seen(name, changes, result))
    seen[k].by_seed.append(found)


def _qpus_in_use(result: Result) -> list[str]:
    """Return the names of the QPUs if any job uses one."""
    if result.qpu is None:
        return []
    others = result.qpu.jobs.background
    used = result.qpu.jobs.n if others is None else int((~others).sum())
    calls = result.hybrid is not None or result.workflows is not None
    return list(result.qpu.schedule.qpu_names) if used or calls else []


def _check_past(as_is: Result, future: Result, at_s: float) -> None:
    """Raise if a future has another past than that without changes.

    Raises:
        InvariantError: a bug.
    """
    for what, columns in _pasts(as_is, at_s).items():
        if not all(np.array_equal(a, b) for a, b in zip(columns, _pasts(future, at_s)[what], strict=True)):
            raise InvariantError(f"t = {at_s} s: the past of a future differs from that of another: {what}")


def _pasts(result: Result, at_s: float) -> dict[str, list[np.ndarray]]:
    table, schedule = result.table, result.schedule
    before = table.submit_s < at_s
    begun = before & (schedule.start_s < at_s)
    ended = begun & (schedule.end_s < at_s)
    found = {
        "jobs": [table.job_id[before], table.submit_s[before]],
        "starts": [table.job_id[begun], schedule.start_s[begun]],
        "ends": [table.job_id[ended], schedule.end_s[ended]],
    }
    if result.qpu is not None:
        calls = result.qpu.schedule
        sent = calls.submitted_s < at_s
        started = sent & (calls.started_s < at_s)
        found["QPU jobs"] = [np.sort(calls.submitted_s[sent])]
        order = np.lexsort((calls.qpu[started], calls.started_s[started]))
        found["QPU starts"] = [calls.started_s[started][order], calls.qpu[started][order]]
    return found


def _differences(answer: WhatIf) -> list[Difference]:
    first, found = answer.futures[0], []
    for name in COMPARED:
        for other in answer.futures[1:]:
            pairs = [
                (a, b)
                for x, y in zip(first.by_seed, other.by_seed, strict=True)
                if (a := x.get(name)) is not None and (b := y.get(name)) is not None
            ]
            if pairs:
                found.append(difference(name, (AS_IS, other.name), [a for a, _ in pairs], [b for _, b in pairs]))
    correct(found)
    return found
