"""List what can be named: name, summary, source. Without a KIND: all kinds with counts."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from qhpcsim.cli.output import say, table
from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.config import names
from qhpcsim.core.errors import UnknownNameError
from qhpcsim.core.registry import entries

Rows = list[tuple[str, str, str]]

KINDS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "scenarios": (
        "whole set-ups: qhpcsim run NAME",
        lambda: [(name, names.summary(path), "") for name, path in names.scenario_files().items()],
    ),
    "policies": ("rules of the batch queue: policy=NAME", lambda: _options("policy")),
    "orders": ("queue orders: policy.order=NAME", lambda: _registry("order")),
    "backfills": ("back-filling rules: policy.backfill=NAME", lambda: _registry("backfill")),
    "workloads": ("where jobs come from: workload=NAME", lambda: _options("workload")),
    "generators": ("workload generators: workload=NAME", lambda: _registry("generator")),
    "facilities": ("machines: facility=NAME", lambda: _options("facility")),
    "schedulers": ("scheduling cycles: scheduler=NAME", lambda: _options("scheduler")),
    "formats": ("workload files that can be read or written: workload.format=NAME", lambda: _registry("format")),
    "metrics": ("figures of summary.json", lambda: _registry("metric")),
    "qpus": ("calibrated QPUs: qpu.qpus.NAME.card=CARD, qhpcsim predict qpu --card CARD", lambda: _qpus()),
    "devices": ("calibrated CPUs and GPUs: qhpcsim predict statevector --card NAME", lambda: _devices()),
    "clusters": ("links between GPUs: qhpcsim predict statevector --devices 8 --cluster NAME", lambda: _clusters()),
    "circuit_families": ("circuits by name: family:n:params", lambda: _registry("circuit_family")),
    "qpu_services": ("QPUs and the service in front of them: qpu=NAME", lambda: _options("qpu")),
    "qpu_workloads": ("where QPU jobs come from: qpu_workload=NAME", lambda: _options("qpu_workload")),
    "motifs": ("shapes of hybrid applications: workload.share.NAME.motif=MOTIF", lambda: _motifs()),
    "disciplines": ("orders of a QPU's queue: qpu.discipline=NAME", lambda: _registry("discipline")),
    "choices": ("how a job finds its QPU: qpu.choice=NAME", lambda: _registry("qpu_choice")),
    "backgrounds": ("load of other users: qpu.qpus.NAME.background=BACKEND", lambda: _backgrounds()),
    "couplings": ("how hybrid jobs hold nodes and QPUs: coupling=NAME", lambda: _options("coupling")),
    "middlewares": ("what pilots and tasks cost: middleware=NAME", lambda: _options("middleware")),
    "bindings": ("how tasks find their pilot: middleware.binding=NAME", lambda: _registry("binding")),
    "scalings": ("how pilots come and go: middleware.scaling=NAME", lambda: _registry("scaling")),
    "placements": ("what runs a stage that has a choice: middleware.placement=NAME", lambda: _registry("placement")),
    "cuttings": ("how a circuit is run, whole or cut: qhpcsim cut plan --strategy NAME", lambda: _registry("cutting")),
    "engines": ("what executes tasks for real: --engine NAME", lambda: _registry("engine")),
    "gpu_kernels": ("what times gates on a GPU: qhpcsim calibrate gpu --kernels NAME", lambda: _registry("gpu_kernel")),
    "works": ("kinds of work that can be executed for real: kind of a task", lambda: _registry("work")),
    "exports": ("what a run folder can be turned into: qhpcsim convert RUN OUT --to NAME", lambda: _registry("export")),
}
"""Plural -> (what it is and where it is used, its rows)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("kind", metavar="KIND", nargs="?", help=", ".join(KINDS))
    add_plugin_argument(parser)


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    import_plugins(args)
    if args.kind is None:
        rows = [(kind, str(len(rows())), what) for kind, (what, rows) in KINDS.items()]
        say(table(rows, ("kind", "n", "what it is and where it is used"), right=False))
        say("\nnext: qhpcsim list policies")
        return 0
    kind = _plural(args.kind)
    rows = KINDS[kind][1]()
    if not rows:
        say(f"no {kind} are installed")
        return 0
    if any(source for _, _, source in rows):
        say(table(rows, ("name", "summary", "source"), right=False))
    else:
        say(table([row[:2] for row in rows], ("name", "summary"), right=False))
    return 0


def _plural(word: str) -> str:
    """Return the key of ``KINDS`` for a plural or singular word; dashes, blanks and underscores are alike."""
    lower = word.lower().replace("-", "_").replace(" ", "_")
    for kind in KINDS:
        singular = kind[:-3] + "y" if kind.endswith("ies") else kind[:-1]
        if lower in (kind, singular, f"{singular}s"):
            return kind
    raise UnknownNameError(
        f"unknown kind {word[:60]!r}",
        where="list",
        allowed=", ".join(KINDS),
        suggestion=UnknownNameError.of("kind", lower, KINDS).suggestion,
        hint="qhpcsim list",
    )


def _options(group: str) -> Rows:
    return [(name, summary, source) for name, (summary, source) in names.options(group).items()]


def _registry(kind: str) -> Rows:
    return [(entry.name, entry.summary, entry.source) for entry in entries(kind).values()]


def _clusters() -> Rows:
    from qhpcsim.models.statevector_cards import cluster_rows

    return cluster_rows()


def _motifs() -> Rows:
    """Return the motifs; the summary begins with coupling and integration mode."""
    from qhpcsim.workloads.motifs.parts import facts

    return [(each.name, f"{facts(each)}{each.summary}", each.source) for each in entries("motif").values()]


def _qpus() -> Rows:
    from qhpcsim.models.qpu_list import qpu_rows

    return qpu_rows()


def _devices() -> Rows:
    from qhpcsim.models.statevector_cards import device_rows

    return device_rows()


def _backgrounds() -> Rows:
    import numpy as np

    from qhpcsim.core.cards import card
    from qhpcsim.workloads.qpu_background import CARD, backends, background

    source = card(CARD).entry("recovery").source
    rows = []
    for backend in backends():
        level = background(backend).level
        median, most = np.interp((0.5, 0.99), level.probabilities, level.jobs)
        about = f"tolerated backlog: median {median:,.0f} jobs, 99 % of the time up to {most:,.0f}"
        rows.append((backend, about, source))
    return rows
