"""Tables as Parquet, made from their CSV files: the same rows and values, in a tenth of the reading time.

Each column has the type that reading the CSV file gives: whole numbers, float64 (exact) or text; empty cells are null.
The same table gives the same bytes with the same version of pyarrow. Needs ``pip install 'qhpcsim[parquet]'``.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.results import hybrid_csv, job_columns, qpu_csv, run_folder, tasks_csv, workflow_csv

TEXT_COLUMNS: dict[str, tuple[str, ...]] = {
    run_folder.JOBS: job_columns.TEXT_COLUMNS,
    run_folder.BASELINE_JOBS: job_columns.TEXT_COLUMNS,
    run_folder.EVENTS: ("event", "partition"),
    run_folder.QPU_JOBS: qpu_csv.TEXT_COLUMNS,
    run_folder.QPU_INTERVALS: ("qpu", "kind"),
    run_folder.QPU_QUALITY: ("qpu",),
    run_folder.HYBRID_JOBS: hybrid_csv.TEXT_COLUMNS,
    run_folder.PHASES: hybrid_csv.TEXT_COLUMNS,
    run_folder.WORKFLOWS: workflow_csv.TEXT_COLUMNS,
    run_folder.TASKS: tasks_csv.TEXT_COLUMNS,
    run_folder.NODE_OUTAGES: ("partition",),
    run_folder.LOST_RUNS: ("allocated_resources",),
}
"""Tables of a run -> their columns of words."""


def check_parquet() -> None:
    """Raise ``QhpcsimError`` if Parquet cannot be written here."""
    if find_spec("pyarrow") is None:
        raise QhpcsimError("pyarrow is not installed", where="--parquet", hint="pip install 'qhpcsim[parquet]'")


def write_run_parquet(folder: Path) -> list[Path]:
    """Write the Parquet form of every table of a run folder and return their paths."""
    return [write_parquet(folder / name, words) for name, words in TEXT_COLUMNS.items() if (folder / name).is_file()]


def write_parquet(csv: Path, words: Iterable[str]) -> Path:
    """Write the Parquet form of a table beside it and return its path; it appears whole or not.

    Args:
        csv: The table.
        words: Its columns of text.

    Raises:
        QhpcsimError: if pyarrow is not installed, or the file is no table.
    """
    check_parquet()
    import pyarrow
    from pyarrow import parquet

    frame = run_folder.read_table(csv, words)
    table = pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    path = run_folder.parquet_path(csv)
    scratch = path.with_name(f"{path.name}.part")
    parquet.write_table(table, scratch, compression="zstd")
    scratch.replace(path)
    return path
