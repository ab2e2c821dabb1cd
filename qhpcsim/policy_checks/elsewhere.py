"""The answers of a policy in worker processes, as a sweep would get them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from qhpcsim.core.errors import EngineError, QhpcsimError
from qhpcsim.core.plugins import load_plugin
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.engine import open_engine
from qhpcsim.execution.task import Task, in_one_line
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import Subject
from qhpcsim.policy_checks.subjects import subjects_of

_WORKERS = 2
"""Each has a hash seed of its own, so that an order that comes from a set of words shows."""


def digests(subject: Subject, cases: Sequence[Any]) -> list[str]:
    """Return a hash of everything that a policy decides in each case."""
    return [hashlib.sha256(repr(subject.run(case)[0]).encode()).hexdigest() for case in cases]


def digests_there(kind: str, name: str, cases: Sequence[Any]) -> list[str]:
    """Return what ``digests`` does; called in a worker, which imported the plug-in before."""
    return digests(subjects_of(name, kind)[0], cases)


def compare_elsewhere(subject: Subject, cases: Sequence[Any], limit_s: float) -> None:
    """Run all cases in worker processes, too.

    Raises:
        Fault: if an answer differs, or the policy cannot be used there; ``Different`` names the case.
    """
    warm_up = partial(_import, subject.owner.file) if subject.owner.file else None
    here = digests(subject, cases)
    arguments = (subject.entry.kind, subject.entry.name, cases)
    tasks = [Task(f"check-{k}", digests_there, arguments) for k in range(_WORKERS)]
    try:
        with open_engine("processes", _WORKERS, warm_up=warm_up, timeout_s=limit_s) as engine:
            results = list(engine.map_unordered(tasks))
    except QhpcsimError as error:
        raise Fault("processes", f"it cannot be used in a worker process: {error.message}") from error
    for result in results:
        if result.state is not TaskState.SUCCESS:
            raise Fault("processes", f"it cannot be used in a worker process: {result.error}")
        wrong = [k for k, digest in enumerate(result.value) if digest != here[k]]
        if wrong:
            text = "a worker process gets other answers (an order that comes from a set or a hash of words?)"
            raise Different(text, cases[wrong[0]])


def _import(file: str) -> None:
    """Import a plug-in in a worker.

    Raises:
        EngineError: if it cannot be.
    """
    try:
        load_plugin(file)
    except QhpcsimError as error:
        raise EngineError(in_one_line(error)) from error


class Different(Fault):
    """A case whose answers differ between processes.

    Args:
        text: What happened.
        case: The case.
    """

    def __init__(self, text: str, case: Any) -> None:
        super().__init__("processes", text)
        self.case = case
