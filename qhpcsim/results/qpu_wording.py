"""The figures of QPU jobs in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.core.wording import duration


def speak_of_qpus(figures: dict[str, Any], qpu: Mapping[str, Any], *, has_batch_jobs: bool) -> None:
    """Put the QPU side into the summary of a run, in place: its figures, its part of the answer and of the message.

    Args:
        figures: Summary of the batch jobs.
        qpu: Figures of the QPU side.
        has_batch_jobs: Whether there is anything to say of batch jobs; else the QPU jobs alone speak.
    """
    figures["qpu"] = qpu
    words = answer(qpu)
    if has_batch_jobs:
        figures["answer"] = f"{figures['answer']} {words}"
    else:
        figures["answer"], figures["message"] = words, message(qpu)


def answer(qpu: Mapping[str, Any]) -> str:
    """Return one sentence: how long users waited for the QPUs, and how busy those were."""
    nothing = message(qpu)
    if nothing:
        return nothing
    whose = "User jobs" if qpu["n_background"] else "QPU jobs"
    waited = f"{whose} waited a median of {duration(qpu['median_wait_s'])} for {_whom(qpu)}"
    return f"{waited}; {_busy(qpu)}{_left_out(qpu)}."


def message(qpu: Mapping[str, Any]) -> str:
    """Return a sentence that says so if no QPU job was completed; empty otherwise."""
    if qpu["n_completed"]:
        return ""
    if not qpu["n_jobs"]:
        return "No QPU job was completed: the workload has no QPU jobs."
    return f"No QPU job was completed: {', '.join(_lost(qpu))}."


def _whom(qpu: Mapping[str, Any]) -> str:
    names = list(qpu["by_qpu"])
    return names[0] if len(names) == 1 else f"one of {len(names)} QPUs"


def _busy(qpu: Mapping[str, Any]) -> str:
    """Return how much of the run jobs were on the QPUs."""
    shares = sorted(_per_cent(figures["utilisation_frac"]) for figures in qpu["by_qpu"].values())
    if len(shares) == 1:
        return f"the QPU was busy {shares[0]} % of the time"
    low, high = shares[0], shares[-1]
    return (
        f"the QPUs were busy {low} % of the time"
        if low == high
        else f"the QPUs were busy {low} to {high} % of the time"
    )


def _per_cent(share: float | None) -> int:
    return round(100 * (share or 0.0))


def _lost(qpu: Mapping[str, Any]) -> list[str]:
    """Return how many jobs were not completed, by kind, in words."""
    kinds = (("n_rejected", "rejected"), ("n_failed", "failed"), ("n_unfinished", "not finished"))
    return [f"{qpu[key]:,} {word}" for key, word in kinds if qpu[key]]


def _left_out(qpu: Mapping[str, Any]) -> str:
    lost = _lost(qpu)
    return f"; of {qpu['n_jobs']:,} jobs {' and '.join(lost)}" if lost else ""
