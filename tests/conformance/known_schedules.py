"""Loads published workloads and schedules as job tables."""

import csv
import gzip
import json
from functools import cache

import numpy as np

from qhpcsim.core.records import JobTable
from tests.reference import reference


def job_table(ids, submit_s, runtime_s, walltime_s, nodes) -> JobTable:
    """Return a table of jobs in submission order (ties in the given order)."""
    order = np.argsort(np.asarray(submit_s, dtype=float), kind="stable")
    return JobTable(
        job_id=np.asarray(ids)[order],
        submit_s=np.asarray(submit_s, dtype=float)[order],
        runtime_s=np.asarray(runtime_s, dtype=float)[order],
        walltime_s=np.asarray(walltime_s, dtype=float)[order],
        nodes=np.asarray(nodes, dtype=np.int32)[order],
    )


@cache
def rows_of(relative: str) -> list[dict[str, str]]:
    """Return the rows of a gzipped CSV of the reference data."""
    with gzip.open(reference(relative), "rt", newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def pyss_log(name: str) -> tuple[JobTable, dict[str, np.ndarray]]:
    """Return a log's jobs and its published start times, one array per column ``start_*``."""
    rows = rows_of(f"conformance/{name}.csv.gz")
    columns = [[row[key] for row in rows] for key in ("job_id", "submit", "run", "req_time", "procs")]
    ids, submit, run, requested, procs = columns
    table = job_table([int(i) for i in ids], submit, run, requested, [int(p) for p in procs])
    starts = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key.startswith("start_")}
    return table, starts


@cache
def micro_cases() -> list[dict]:
    """Return pyss's micro-cases."""
    return json.loads(reference("conformance/pyss_micro_cases.json").read_text())["cases"]
