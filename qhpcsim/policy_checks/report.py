"""What a check of a policy found: a row for each promise, and whether all were kept."""

from __future__ import annotations

from dataclasses import dataclass

PASSED, FAILED, WARNED, SKIPPED = "passed", "failed", "warned", "skipped"


class Fault(Exception):  # noqa: N818 (it is what is looked for, not an error of ours)
    """A promise that a policy broke.

    Args:
        check: Which promise, a key of the subject's ``promises``.
        text: What happened.
    """

    def __init__(self, check: str, text: str) -> None:
        self.check, self.text = check, text
        super().__init__(f"{check}: {text}")


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One promise of one policy."""

    policy: str
    """Kind and name, such as ``order long_wait_small``."""
    check: str
    """Short name of the promise."""
    promise: str
    """What it says."""
    verdict: str
    """``passed``, ``failed``, ``warned`` or ``skipped``."""
    finding: str = ""
    """What happened, or why it was not checked; empty: nothing to say."""
    example: str = ""
    """The smallest workload, or question, that shows it, in words."""


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What ``check_policy`` found out about the policies of a file, or about one."""

    rows: tuple[CheckRow, ...]
    n_cases: int
    """Workloads and questions that each policy was tried on."""

    @property
    def ok(self) -> bool:
        """Whether no promise was broken; warnings do not count."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckRow, ...]:
        """The broken promises."""
        return tuple(row for row in self.rows if row.verdict == FAILED)

    @property
    def warned(self) -> tuple[CheckRow, ...]:
        """What is allowed and worth knowing."""
        return tuple(row for row in self.rows if row.verdict == WARNED)

    @property
    def policies(self) -> tuple[str, ...]:
        """What was checked, each as kind and name."""
        return tuple(dict.fromkeys(row.policy for row in self.rows))

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        names = " and ".join(self.policies)
        if self.failed:
            broken = ", ".join(dict.fromkeys(row.check for row in self.failed))
            return f"{names}: {len(self.failed)} of {self._n_judged} checks failed ({broken})."
        words = {0: "no warning", 1: "1 warning"}
        warned = words.get(len(self.warned), f"{len(self.warned)} warnings")
        return f"{names}: all {self._n_judged} checks passed on {self.n_cases} cases, {warned}."

    @property
    def _n_judged(self) -> int:
        return sum(row.verdict in (PASSED, FAILED) for row in self.rows)

    def __str__(self) -> str:
        """Return the sentence, then what failed and what is worth knowing."""
        lines = [self.sentence]
        for row in (*self.failed, *self.warned):
            lines.append(f"{row.verdict} {row.policy}, {row.check}: {row.finding}")
            lines += [f"  smallest example: {row.example}"] if row.example else []
        return "\n".join(lines)
