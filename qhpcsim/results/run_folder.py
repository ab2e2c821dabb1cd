"""A run's folder: what is in it, how it is written without harming others' files, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.core.errors import RunFolderError
from qhpcsim.facility.changed_sizes import grown
from qhpcsim.qpu_scenario import Duration
from qhpcsim.results.hybrid_csv import TEXT_COLUMNS as HYBRID_TEXT_COLUMNS
from qhpcsim.results.job_columns import TEXT_COLUMNS
from qhpcsim.results.qpu_csv import TEXT_COLUMNS as QPU_TEXT_COLUMNS
from qhpcsim.results.tasks_csv import TEXT_COLUMNS as TASK_TEXT_COLUMNS
from qhpcsim.results.workflow_csv import TEXT_COLUMNS as WORKFLOW_TEXT_COLUMNS
from qhpcsim.scenario import Change, NodeFailures, NodeGroup, Partition, PlannedOutage

if TYPE_CHECKING:
    import pandas as pd

SCENARIO, JOBS, EVENTS, SUMMARY, CARD = "scenario.yaml", "jobs.csv", "events.csv.gz", "summary.json", "card.json"
FILES = (SCENARIO, JOBS, EVENTS, SUMMARY, CARD)
"""``card.json`` is written last: a folder that has it is complete."""
BASELINE_JOBS = "baseline_jobs.csv"
"""The baseline's schedule, where the scenario names a baseline."""
QPU_JOBS, QPU_INTERVALS, QPU_QUALITY = "qpu.csv", "qpu_intervals.csv", "qpu_quality.csv"
QPU_FILES = (QPU_JOBS, QPU_INTERVALS, QPU_QUALITY)
"""Tables of the QPU side, where the scenario has QPUs."""
HYBRID_JOBS, PHASES = "hybrid.csv", "phases.csv"
HYBRID_FILES = (HYBRID_JOBS, PHASES)
"""Tables of hybrid jobs, where the workload has any."""
WORKFLOWS, TASKS = "workflows.csv", "tasks.csv"
WORKFLOW_FILES = (WORKFLOWS, TASKS)
"""Tables of applications, where the workload has any."""
NODE_OUTAGES, LOST_RUNS = "node_outages.csv", "lost_runs.csv"
OUTAGE_FILES = (NODE_OUTAGES, LOST_RUNS)
"""Tables of nodes' absences, where nodes fail or are serviced."""


def prepare(folder: Path) -> None:
    """Make the folder, or check that it is empty or an earlier run's.

    Raises:
        RunFolderError: if it holds other things, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("not a folder", where=str(folder), hint="choose another --out")
    if folder.is_dir():
        names = {entry.name for entry in folder.iterdir()}
        if names and not names & {SCENARIO, CARD}:
            raise RunFolderError(
                "the folder holds files that are not a run's", where=str(folder), hint="choose another --out"
            )
        for name in (CARD, JOBS, EVENTS, BASELINE_JOBS, *QPU_FILES, *HYBRID_FILES, *WORKFLOW_FILES, *OUTAGE_FILES):
            (folder / name).unlink(missing_ok=True)
            parquet_path(folder / name).unlink(missing_ok=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot make the folder: {error.strerror}", where=str(folder)) from error


def parquet_path(table: Path) -> Path:
    """Return where the Parquet form of a table lies: ``jobs.csv`` -> ``jobs.parquet``."""
    return table.with_name(f"{table.name.split('.')[0]}.parquet")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON in the order of the mapping, two spaces deep; NaN and infinity are refused."""
    text = json.dumps(values, indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


@dataclass
class RunFolder:
    """A finished run on disk."""

    path: Path
    summary: dict[str, Any]
    card: dict[str, Any]
    scenario_text: str

    @classmethod
    def read(cls, folder: str | Path) -> RunFolder:
        """Return the run in a folder; jobs are read when they are asked for.

        Raises:
            RunFolderError: if the folder or one of its files is missing or damaged.
        """
        path = Path(folder)
        if not path.is_dir():
            raise RunFolderError("no such run folder", where=str(path), hint="qhpcsim run SCENARIO --out DIR makes one")
        _check_there(path, FILES)
        summary = _json(path / SUMMARY)
        if "qpu" in summary:
            _check_there(path, QPU_FILES)
        if "hybrid" in summary:
            _check_there(path, HYBRID_FILES)
        if "workflows" in summary:
            _check_there(path, WORKFLOW_FILES)
        if "node_failures" in summary:
            _check_there(path, OUTAGE_FILES)
        text = (path / SCENARIO).read_text(encoding="utf-8", errors="replace")
        return cls(path, summary, _json(path / CARD), text)

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """The jobs as written, numbers exact; empty cells are NaN.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return read_jobs(self.path / JOBS)

    @cached_property
    def qpu(self) -> pd.DataFrame | None:
        """The QPU jobs as written, numbers exact, empty cells NaN; None for a run without QPUs.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("qpu", QPU_JOBS, QPU_TEXT_COLUMNS)

    @cached_property
    def qpu_intervals(self) -> pd.DataFrame | None:
        """What each QPU was kept for besides single jobs; None for a run without QPUs.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("qpu", QPU_INTERVALS, ("qpu", "kind"))

    @cached_property
    def qpu_quality(self) -> pd.DataFrame | None:
        """The errors of each QPU from every calibration on; None for a run without QPUs.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("qpu", QPU_QUALITY, ("qpu",))

    @cached_property
    def hybrid(self) -> pd.DataFrame | None:
        """The hybrid jobs as written, numbers exact, empty cells NaN; None for a run without any.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("hybrid", HYBRID_JOBS, HYBRID_TEXT_COLUMNS)

    @cached_property
    def phases(self) -> pd.DataFrame | None:
        """What the time of each hybrid job went into; None for a run without hybrid jobs.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("hybrid", PHASES, HYBRID_TEXT_COLUMNS)

    @cached_property
    def workflows(self) -> pd.DataFrame | None:
        """The applications as written, numbers exact, empty cells NaN; None for a run without any.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("workflows", WORKFLOWS, WORKFLOW_TEXT_COLUMNS)

    @cached_property
    def tasks(self) -> pd.DataFrame | None:
        """The tasks, QPU calls and client steps of applications; None for a run without applications.

        Raises:
            RunFolderError: if the table cannot be read.
        """
        return self._table("workflows", TASKS, TASK_TEXT_COLUMNS)

    def _table(self, side: str, name: str, words: Sequence[str]) -> pd.DataFrame | None:
        return read_table(self.path / name, words) if side in self.summary else None

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario as plain values."""
        import yaml

        try:
            loaded = yaml.safe_load(self.scenario_text)
        except yaml.YAMLError as error:
            raise RunFolderError("not YAML", where=str(self.path / SCENARIO), hint="run it again") from error
        if not isinstance(loaded, dict):
            raise RunFolderError("not a scenario", where=str(self.path / SCENARIO), hint="run it again")
        return loaded

    @property
    def partitions(self) -> dict[str, Partition]:
        """The partitions of the machine, sizes resolved; nodes that joined on the way are among them."""
        return grown(partitions_of(self.scenario.get("facility") or {}), self.changes)

    @property
    def changes(self) -> list[Change]:
        """What changed on the way, in order of time."""
        return [Change(**each) for each in self.scenario.get("changes") or ()]


def _check_there(path: Path, names: Iterable[str]) -> None:
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise RunFolderError(
            f"the run is incomplete: {', '.join(missing)} missing", where=str(path), hint="run it again"
        )


def read_jobs(path: Path) -> pd.DataFrame:
    """Return a ``jobs.csv`` as a frame, numbers exactly as written.

    Raises:
        RunFolderError: if it is no such table.
    """
    return read_table(path, TEXT_COLUMNS)


def read_table(path: Path, words: Iterable[str]) -> pd.DataFrame:
    """Return a table of a run as a frame, numbers exactly as written.

    Args:
        path: The file.
        words: Columns of text.

    Raises:
        RunFolderError: if it is no such table.
    """
    import pandas as pd

    options: dict[str, Any] = {"dtype": dict.fromkeys(words, str), "keep_default_na": False, "na_values": [""]}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        # later versions read numbers exactly without being told, and warn if they are
        options["float_precision"] = "round_trip"
    try:
        frame: pd.DataFrame = pd.read_csv(path, encoding="utf-8", **options)
    except (ValueError, pd.errors.ParserError) as error:
        raise RunFolderError(f"not a table of a run: {error}", where=str(path), hint="run it again") from error
    return frame


def partitions_of(facility: Mapping[str, Any]) -> dict[str, Partition]:
    """Return the partitions of a resolved facility given as plain values; a facility without nodes has none."""
    found: dict[str, Partition] = {}
    for name, values in (facility.get("partitions") or {}).items():
        groups = {key: NodeGroup(**group) for key, group in (values.get("groups") or {}).items()}
        found[str(name)] = Partition(**{**values, "groups": groups, **_away(values)})
    if found or not facility.get("nodes"):
        return found
    return {
        "batch": Partition(
            nodes=int(facility["nodes"]),
            idle_w=facility.get("idle_w"),
            busy_w=facility.get("busy_w"),
            **_away(facility),
        )
    }


def _away(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the failures and outages among the plain values of a partition or a facility of one."""
    found: dict[str, Any] = {"outages": tuple(PlannedOutage(**each) for each in values.get("outages") or ())}
    if values.get("failures"):
        failures = dict(values["failures"])
        failures["repair"] = Duration(**failures["repair"])
        failures["fixed_s"] = tuple(tuple(each) for each in failures["fixed_s"])
        found["failures"] = NodeFailures(**failures)
    if "requeue" in values:
        found["requeue"] = values["requeue"]
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(f"not JSON: {error}", where=str(path), hint="run it again") from error
    if not isinstance(loaded, dict):
        raise RunFolderError("not a JSON object", where=str(path), hint="run it again")
    return loaded
