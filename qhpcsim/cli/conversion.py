"""Convert a workload file to another format, or a run folder to an exported file.

Formats are found out from content and file names; --from and --to name them (qhpcsim list formats, exports).
A run is exported by simulating its scenario again: the same scenario and seed give the same schedule.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from qhpcsim.cli.folder import check_run
from qhpcsim.cli.output import say
from qhpcsim.cli.plugin_option import add_plugin_argument
from qhpcsim.cli.workload_text import workload_text
from qhpcsim.core.errors import QhpcsimError, RunFolderError
from qhpcsim.core.registry import entries, lookup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("source", metavar="IN", help="workload file or run folder")
    parser.add_argument("target", metavar="OUT", help="file to write")
    parser.add_argument("--from", dest="form", metavar="F", default="auto", help="format of IN (default: found out)")
    parser.add_argument("--to", metavar="F", default="", help="format of OUT (default: by its name)")
    add_plugin_argument(parser)


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    source, target = Path(args.source), Path(args.target)
    if target.exists() and source.exists() and target.samefile(source):
        raise QhpcsimError("IN and OUT are the same file", where=args.target, hint="choose another OUT")
    if target.is_dir():
        raise QhpcsimError("is a folder", where=args.target, allowed="the name of a file to write")
    if source.is_dir():
        lost = _export(source, target, args)
    else:
        from qhpcsim.workloads.reading import read_workload, write_workload

        workload = read_workload(args.source, args.form)
        lost = write_workload(workload, target, args.to or "auto")
        say(workload_text(workload))
    say(f"wrote {target}")
    if lost:
        say(f"not in that format, so left out: {', '.join(lost)}")
    return 0


def _export(folder: Path, target: Path, args: argparse.Namespace) -> tuple[str, ...]:
    """Write an export of a run and return the columns that its format cannot hold."""
    check_run(folder)
    entry = lookup("export", args.to or _by_name(target), "--to")
    return tuple(entry.target(_again(folder, args.plugin), target) or ())


def _again(folder: Path, plugins: list[str]) -> Any:
    """Return the result of a run folder, simulated again.

    Raises:
        RunFolderError: if what comes out differs from the folder's figures.
    """
    from qhpcsim.config import load
    from qhpcsim.core.plugins import load_plugin
    from qhpcsim.simulation import simulate

    for plugin in plugins:
        load_plugin(plugin)
    result = simulate(load(folder / "scenario.yaml"))
    path = folder / "summary.json"
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(f"not JSON: {error}", where=str(path), hint="run the scenario again") from None
    if figures != json.loads(json.dumps(result.summary)):
        raise RunFolderError(
            "simulating its scenario again gives other figures: an input file or the version of qhpcsim has changed",
            where=str(folder),
            hint=f"qhpcsim run {folder / 'scenario.yaml'} --out DIR",
        )
    return result


def _by_name(target: Path) -> str:
    """Return the export that a file name asks for: its own name in it, or what its ending stands for.

    Raises:
        QhpcsimError: if nothing matches.
    """
    known = entries("export")
    words = target.name.lower().removesuffix(".gz").split(".")
    for word in reversed(words):
        if word in known:
            return word
    if words[-1] == "json" and "perfetto" in known:
        return "perfetto"
    raise QhpcsimError(
        "the name does not say which export is meant", where=str(target), allowed=", ".join(known), hint="add --to NAME"
    )
