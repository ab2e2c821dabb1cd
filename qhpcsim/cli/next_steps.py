"""What to try after a run: commands that work as they stand."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.plugin_option import plugin_words

if TYPE_CHECKING:
    from qhpcsim.scenario import Scenario

Step = tuple[list[str], str]
"""A command and what it is good for."""


def next_steps(args: argparse.Namespace, out: Path, scenario: Scenario, result: Any) -> str:
    """Return commands to try next, as lines under ``next:``.

    Args:
        args: Of the verb ``run``.
        out: The run folder.
        scenario: What was run.
        result: What came of it.
    """
    if result.workflows is not None:
        steps = _of_applications(args, out, scenario, waited=(result.summary["mean_wait_s"] or 0.0) > 0)
    else:
        steps = _of_jobs(args, out, scenario, hybrid=result.hybrid is not None)
    return "\n".join(["", "next:", *(f"  {shlex.join(words)}  # {why}" for words, why in steps)])


def _of_applications(args: argparse.Namespace, out: Path, scenario: Scenario, *, waited: bool) -> list[Step]:
    """Return steps after a run of applications; orders and policies only where somebody waited for nodes."""
    order = "fcfs" if scenario.policy.order != "fcfs" else "sjf"
    again = _again(args, out, "policy.order", order), "the same applications and jobs in another order of the queue"
    swept = _swept(args, "policy", "fcfs,easy,conservative"), "three policies under five seeds"
    if not waited:
        again = ["qhpcsim", "list", "motifs"], "what other applications there are"
        swept = _swept(args, "middleware", "ideal,ray,dask"), "three task systems under five seeds"
    return [again, _other_resources(args, out, scenario), swept, _timeline(out)]


def _swept(args: argparse.Namespace, group: str, options: str) -> list[str]:
    """Return a sweep over options of a group, without what the run chose of it."""
    kept = [text for text in args.overrides if not text.startswith((f"{group}=", f"{group}.", "seed="))]
    return ["qhpcsim", "sweep", args.scenario, *kept, f"{group}={options}", *plugin_words(args), "--seeds", "5"]


def _other_resources(args: argparse.Namespace, out: Path, scenario: Scenario) -> Step:
    """Return a run with another choice of QPUs, or with another task system where there is nothing to choose."""
    if len(scenario.qpu.qpus) > 1:
        other = "best_fidelity" if scenario.qpu.choice.name != "best_fidelity" else "least_completion"
        return _again(args, out, "qpu.choice", other, "qpu.choice."), "another choice among the QPUs"
    if scenario.middleware.backend:
        return _again(args, out, "middleware", "ideal", "middleware."), "pilots and tasks that cost nothing"
    return _again(args, out, "middleware", "ray", "middleware."), "pilots and tasks that cost what Ray's do"


def _of_jobs(args: argparse.Namespace, out: Path, scenario: Scenario, *, hybrid: bool) -> list[Step]:
    """Return steps after a run of jobs: another policy, coupling or discipline, a check or a timeline, a list."""
    key, other, kind = "policy", _other_policy(args), "policies"
    if hybrid:
        key, kind = "coupling", "couplings"
        other = "split" if scenario.coupling.name == "malleable" else "malleable"
    elif scenario.qpu.qpus and scenario.qpu.access == "queue":
        key, kind = "qpu.discipline", "disciplines"
        other = "fifo" if scenario.qpu.discipline.name == "fair_share" else "fair_share"
    again = _again(args, out, key, other, "qpu.discipline.", "coupling.")
    checked = (["qhpcsim", "validate", str(out)], "check the run against the rules that every run must hold")
    return [
        (again, f"the same jobs under another {key.removeprefix('qpu.')}"),
        checked if scenario.workload.source == "none" else _timeline(out),
        (["qhpcsim", "list", kind], "what else there is"),
    ]


def _again(args: argparse.Namespace, out: Path, key: str, value: str, *dropped: str) -> list[str]:
    """Return the same command with one choice made anew, without the overrides that belong to the old one."""
    kept = [text for text in args.overrides if not text.startswith((f"{key}=", *dropped))]
    return ["qhpcsim", "run", args.scenario, *kept, f"{key}={value}", *plugin_words(args), "--out", f"{out}-{value}"]


def _timeline(out: Path) -> Step:
    return ["qhpcsim", "convert", str(out), f"{out.name}.perfetto.json"], "a timeline for https://ui.perfetto.dev"


def _other_policy(args: argparse.Namespace) -> str:
    return "easy" if any(text == "policy=conservative" for text in args.overrides) else "conservative"
