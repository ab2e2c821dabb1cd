"""Say what a scenario file, workload file, circuit, calibration card or run folder holds and what is wrong with it.

Exit code 0: nothing is wrong; 2: something is.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.output import say
from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.cli.workload_text import workload_text
from qhpcsim.core.errors import RunFolderError, WorkloadError

if TYPE_CHECKING:
    from qhpcsim.scenario import Scenario

_SHOWN = 5
"""Broken rules that a message repeats."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "file", metavar="FILE", help="scenario (name or .yaml), card, workload file, circuit or run folder"
    )
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="changes to the scenario")
    parser.add_argument("--format", default="auto", help="format of a workload file (default: found out)")
    parser.add_argument("--measure-all", action="store_true", help="measure every qubit of a circuit that has none")
    add_plugin_argument(parser)


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.config.names import scenario_files

    import_plugins(args)
    path = Path(args.file)
    if args.file in scenario_files() or path.suffix in (".yaml", ".yml"):
        _yaml(args)
    elif path.is_dir():
        _run_folder(path)
    elif path.suffix in (".qasm", ".qpy"):
        _circuit(path, args.measure_all)
    else:
        _workload(args.file, args.format)
    say("ok")
    return 0


def _yaml(args: argparse.Namespace) -> None:
    from qhpcsim.config import load
    from qhpcsim.config.names import scenario_files
    from qhpcsim.core import yaml_strict

    if args.file not in scenario_files():
        data = yaml_strict.load(args.file).data
        if "card" in data and "entries" in data:
            return _card(Path(args.file))
    scenario = load(args.file, args.overrides)
    say(f"scenario {scenario.name}: {scenario.question}" if scenario.question else f"scenario {scenario.name}")
    groups = ("facility", "workload", "policy", "scheduler", *(("qpu", "qpu_workload") if scenario.qpu.qpus else ()))
    for group in groups:
        say(f"  {group:<9} {_brief(asdict(getattr(scenario, group)))}")
    for where, path in _files(scenario):
        if path and not Path(path).is_file():
            raise WorkloadError("no such file", where=f"{where}: {path}")
    return None


def _files(scenario: Scenario) -> list[tuple[str, str]]:
    """Return key and path of each file with jobs that a scenario reads; empty paths: none."""
    from qhpcsim.workloads.motif_mix import MotifMixWorkload

    workload = scenario.workload
    beside = workload.trace.path if isinstance(workload, MotifMixWorkload) and workload.background == "trace" else ""
    return [
        ("workload.path", getattr(workload, "path", "")),
        ("workload.trace.path", beside),
        ("qpu_workload.path", getattr(scenario.qpu_workload, "path", "")),
    ]


def _card(path: Path) -> None:
    from qhpcsim.core.cards import card

    entries = card(path.resolve())
    say(f"calibration card of {len(entries.entries)} entries")


def _brief(values: dict[str, Any]) -> str:
    """Return the values that say something, on one line."""
    return ", ".join(f"{key} {_word(value)}" for key, value in values.items() if value not in (None, "", {}, ()))


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "("
            + "; ".join(f"{key}: {_word(inner)}" for key, inner in value.items() if inner not in (None, "", {}, ()))
            + ")"
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _workload(path: str, form: str) -> None:
    from qhpcsim.workloads.reading import read_workload

    say(workload_text(read_workload(path, form)))


def _circuit(path: Path, measure_all: bool) -> None:
    from qhpcsim.circuits.features import features
    from qhpcsim.circuits.qasm import read_circuit

    found = features(read_circuit(path, measure_all=measure_all))
    kind = "dynamic circuit" if found.dynamic else "circuit"
    say(
        f"{kind}: {found.width:,} qubits ({found.n_qubits:,} in use), {found.n_gates:,} gates, "
        f"{found.n_2q:,} two-qubit gates, depth {found.depth:,}, {found.n_measurements:,} measurements"
    )


def _run_folder(folder: Path) -> None:
    """Say what a run folder holds and check it against the rules that every run must hold."""
    from qhpcsim.config import load
    from qhpcsim.results.checking import check_applications, check_folder, check_hybrid_jobs, check_qpus
    from qhpcsim.results.run_folder import RunFolder

    run = RunFolder.read(folder)
    scenario = load(folder / "scenario.yaml")
    jobs = f"{len(run.jobs):,} jobs" if run.qpu is None else f"{len(run.jobs):,} jobs, {len(run.qpu):,} QPU jobs"
    if run.workflows is not None and run.tasks is not None:
        jobs = f"{len(run.workflows):,} applications, {len(run.tasks):,} tasks, {jobs}"
    say(f"run of scenario {scenario.name}: {jobs}, policy {scenario.policy.name}, seed {scenario.seed}")
    broken = check_folder(run)
    sides = [] if run.qpu is None else [check_qpus(run)]
    sides += [] if run.hybrid is None else [check_hybrid_jobs(run)]
    sides += [] if run.workflows is None else [check_applications(run)]
    for side in sides:
        broken += side.broken
        for text in side.skipped:
            say(f"not checked: {text}")
    if broken:
        shown = "; ".join(f"{each.id} job {each.job}: {each.text}" for each in broken[:_SHOWN])
        raise RunFolderError(
            f"{len(broken)} rules are broken: {shown}", where=str(folder), hint="run the scenario again"
        )
