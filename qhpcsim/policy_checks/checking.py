"""``check_policy``: contract tests on a user's policy of any kind that a user may write."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qhpcsim.core.rng import Rng
from qhpcsim.policy_checks.elsewhere import Different, compare_elsewhere
from qhpcsim.policy_checks.guard import guarded
from qhpcsim.policy_checks.report import FAILED, PASSED, SKIPPED, WARNED, CheckRow, Fault, PolicyReport
from qhpcsim.policy_checks.shaking import shakes, suspects
from qhpcsim.policy_checks.shrinking import shrunk
from qhpcsim.policy_checks.subject import Subject
from qhpcsim.policy_checks.subjects import subjects_of, written

_ELSEWHERE = 12
"""Cases that worker processes look at, too."""
_SHRINK_FACTOR = 2.0
"""Time for making an example smaller, in limits of one case."""


def check_policy(
    policy: Any,
    kind: str | None = None,
    *,
    n_cases: int = 30,
    limit_s: float = 10.0,
    processes: bool = True,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> PolicyReport:
    """Return which promises a policy keeps; each broken one with the smallest example that was found.

    Every case is run several times, with other random numbers, clocks and memory, so a check costs some seconds.
    Warnings are no failure: a rule may let jobs starve, but its author should know.

    Args:
        policy: Name of a registered policy, path of a plug-in file (``.py``), or a registered function or class. Of a
            file everything that can be checked is.
        kind: ``policy``, ``backfill``, ``order``, ``discipline``, ``qpu_choice``, ``placement`` or ``cutting``; None:
            every kind that it is registered as.
        n_cases: Workloads or questions; the first few are special, the others drawn.
        limit_s: Longest wall-clock time for one case.
        processes: Whether worker processes are asked, too; this takes some seconds more.
        seed: Of the drawn cases.
        progress: Called now and then with the fraction done.

    Raises:
        PluginError: if a file cannot be imported, registers nothing that can be checked, or has a wrong signature.
        UnknownNameError: if there is no policy of that name.
        ConfigError: if several kinds have that name, or there is no such kind.
    """
    subjects = subjects_of(policy, kind)
    rows: list[CheckRow] = []
    for k, subject in enumerate(subjects):
        draw = Rng(seed).stream(f"check/{subject.entry.kind}")
        trial = _Trial(subject, subject.cases(draw, n_cases), limit_s)
        trial.progress = _part(progress, k, len(subjects))
        rows += trial.rows(processes)
    return PolicyReport(tuple(rows), n_cases)


def _part(progress: Callable[[float], None] | None, k: int, n: int) -> Callable[[float], None]:
    return (lambda _done: None) if progress is None else (lambda done: progress((k + done) / n))


@dataclass(slots=True)
class _Trial:
    """One policy on trial."""

    subject: Subject
    cases: Sequence[Any]
    limit_s: float
    progress: Callable[[float], None] = lambda _done: None
    found: dict[str, CheckRow] = field(default_factory=dict)
    """Check -> the first fault that was found."""

    def rows(self, processes: bool) -> list[CheckRow]:
        """Return a row for every promise and warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a user's arithmetic: NaN is looked for by itself
            for k, case in enumerate(self.cases):
                if "ends" in self.found:
                    break  # every further case may cost the whole limit
                self._try(case)
                self.progress((k + 1) / (len(self.cases) + 1))
            self._warn()
            if processes and not self._failed:
                self._elsewhere()
        self.progress(1.0)
        promises = {**self.subject.promises, **self.subject.warnings}
        return [self.found.get(check) or self._kept(check, text, processes) for check, text in promises.items()]

    @property
    def _failed(self) -> bool:
        return any(row.verdict == FAILED for row in self.found.values())

    def _kept(self, check: str, promise: str, processes: bool) -> CheckRow:
        """Return the row of a promise that nothing spoke against."""
        reason = ""
        if check == "processes" and not processes:
            reason = "worker processes were not asked"
        elif self._failed and (check == "processes" or check in self.subject.warnings):
            reason = "looked at when all else is kept"
        elif "ends" in self.found:
            reason = "not looked at: it does not end"
        return self._row(check, SKIPPED if reason else PASSED, reason, promise=promise)

    def _row(self, check: str, verdict: str, finding: str, example: str = "", promise: str = "") -> CheckRow:
        known = {**self.subject.promises, **self.subject.warnings}
        return CheckRow(self.subject.title, check, promise or known.get(check, ""), verdict, finding, example)

    def _try(self, case: Any) -> None:
        """Run one case in every way, and note a fault that was not found before."""
        fault = self._fault(case)
        if fault is None or fault.check in self.found:
            return
        limit_s = min(self.limit_s, 1.0) if fault.check == "ends" else self.limit_s

        def shows(each: Any) -> bool:
            other = self._fault(each, limit_s)
            return other is not None and other.check == fault.check

        small = shrunk(case, self.subject.smaller, shows, _SHRINK_FACTOR * self.limit_s)
        said = fault if small == case else self._fault(small) or fault
        hint = suspects(written(self.subject.entry)) if fault.check == "same" else ""
        self.found[fault.check] = self._row(fault.check, FAILED, said.text + hint, self.subject.words(small))

    def _fault(self, case: Any, limit_s: float | None = None) -> Fault | None:
        """Return the first promise that a case shows to be broken; None: all are kept."""
        subject, limit_s = self.subject, limit_s or self.limit_s
        file = subject.owner.file
        try:
            answers, verify = guarded(lambda: subject.run(case), limit_s, file)
            for words, shake in shakes(subject.owner.module).items():
                with shake:
                    again, _ = guarded(lambda: subject.run(case), limit_s, file)
                if repr(again) != repr(answers):
                    return Fault("same", f"other answers {words}")
            guarded(verify, 3 * limit_s + 30.0, file)  # ours, and it imports pandas first
        except Fault as fault:
            return fault
        return None

    def _warn(self) -> None:
        if self.found:
            return

        def look() -> None:
            for each in self.subject.look_out():
                self.found.setdefault(each.check, self._row(each.check, WARNED, each.text, each.example))

        try:
            guarded(look, 3 * self.limit_s, self.subject.owner.file)
        except Fault as fault:
            self.found[fault.check] = self._row(fault.check, FAILED, fault.text, "a long stream of jobs")

    def _elsewhere(self) -> None:
        cases = self.cases[-_ELSEWHERE:]
        try:
            compare_elsewhere(self.subject, cases, _ELSEWHERE * self.limit_s)
        except Different as fault:
            self.found["processes"] = self._row("processes", FAILED, fault.text, self.subject.words(fault.case))
        except Fault as fault:
            self.found["processes"] = self._row("processes", FAILED, fault.text)
