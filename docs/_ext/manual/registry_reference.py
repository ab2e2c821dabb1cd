"""Pages about what the registry holds: every kind, name, summary, source, its model and its parameters."""

from __future__ import annotations

from manual.docstrings import SECTIONS, sections
from manual.markdown import code, table, text
from manual.parameters import keys, keys_table
from qhpcsim import qpu_scenario, scenario
from qhpcsim.cli.listing import KINDS
from qhpcsim.core.registry import Entry, entries

TITLES = {
    "policy": ("Batch policies", "policies"),
    "order": ("Queue orders", "orders"),
    "backfill": ("Back-filling rules", "backfills"),
    "format": ("Workload files", "formats"),
    "generator": ("Workload generators", "generators"),
    "qpu_generator": ("QPU workloads", "qpu_workloads"),
    "qpu_model": ("QPU models", ""),
    "discipline": ("QPU queue disciplines", "disciplines"),
    "qpu_choice": ("Choice of a QPU", "choices"),
    "coupling": ("Couplings", "couplings"),
    "binding": ("Bindings", "bindings"),
    "motif": ("Motifs", "motifs"),
    "scaling": ("Scaling of pilots", "scalings"),
    "placement": ("Placements", "placements"),
    "cutting": ("Cutting strategies", "cuttings"),
    "circuit_family": ("Circuit families", "circuit_families"),
    "metric": ("Metrics", "metrics"),
    "export": ("Exports", "exports"),
    "engine": ("Engines", "engines"),
    "work": ("Work that can be executed", "works"),
    "gpu_kernel": ("GPU kernels", "gpu_kernels"),
}
"""Kind -> its heading, and what ``qhpcsim list`` calls it."""
BASES = (
    scenario.Policy, scenario.TraceWorkload, scenario.Workload, scenario.CouplingParams, scenario.BindingParams,
    scenario.ScalingParams, scenario.PlacementParams, qpu_scenario.QpuWorkload,
)  # fmt: skip
"""Parameters that every entry of a kind has; they stand on the page of scenario keys."""


def registry(*kinds: str) -> str:
    """Return a section for each kind."""
    return "\n\n".join(_kind(kind) for kind in kinds)


def _kind(kind: str) -> str:
    title, plural = TITLES.get(kind, (kind.replace("_", " ").capitalize(), ""))
    about = f"{KINDS[plural][0]}. `qhpcsim list {plural}` prints them." if plural in KINDS else "Read from cards."
    there = {name: entry for name, entry in entries(kind).items() if entry.source != "user"}
    rows = [(code(name), text(entry.summary), text(entry.source)) for name, entry in there.items()]
    more = [_entry(entry) for entry in there.values()]
    overview = table(("name", "what it is", "source"), rows)
    return "\n\n".join([f"## {title}", _sentence(about), overview, *filter(None, more)])


def _sentence(words: str) -> str:
    head, dot, tail = words.partition(". `")
    return text(head[0].upper() + head[1:]) + dot + tail


def _entry(entry: Entry) -> str:
    """Return what is to say of one entry beyond its line in the table, if anything is."""
    said = sections(entry.target)
    base = next((base for base in BASES if entry.params and issubclass(entry.params, base)), None)
    own = [] if entry.params is None else list(keys(entry.params, base=base))
    own = [key for key in own if key.path not in ("name", "source")]
    models = [f"- *{name}*: {text(said[name])}" for name in SECTIONS if said.get(name)]
    if not own and not models:
        return ""
    parts = [f"### {entry.name}", text(said[""]), "\n".join(models)]
    if own:
        parts.append(keys_table(own))
    return "\n\n".join(filter(None, parts))
