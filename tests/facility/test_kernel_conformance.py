"""The replay kernel on a real log whose every start is known."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from qhpcsim.facility.kernel import KernelReplay
from tests.reference import reference

COLUMNS = {
    "fcfs": {"backfill": "none"},
    "easy": {"backfill": "easy"},
    "conservative_replanned": {"backfill": "conservative"},
    "conservative_kept": {"backfill": "conservative", "reservations": "kept"},
}


@pytest.fixture(scope="module")
def kth():
    """KTH-SP2 as in the original file: field 8 or else 5, field 9 or else the run time."""
    rows = []
    with gzip.open(reference("traces/KTH-SP2-1996-2.1-cln.swf.gz"), "rt") as lines:
        for line in lines:
            if line.strip() and not line.startswith(";"):
                field = [float(word) for word in line.split()]
                nodes = field[7] if field[7] > 0 else field[4]
                est = field[8] if field[8] > 0 else field[3]
                if nodes > 0:
                    rows.append((field[1], min(field[3], est), est, nodes, field[0]))
    rows.sort(key=lambda row: row[0])
    submit, hold, est, nodes, ids = np.array(rows).T
    return ids.astype(int), submit, hold, est, nodes.astype(np.int32)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_start_on_kth(kth, column):
    ids, *jobs = kth
    with gzip.open(reference("conformance/reference_KTH-SP2.csv.gz"), "rt") as lines:
        known = {int(row["job_id"]): float(row[column]) for row in csv.DictReader(lines)}
    replay = KernelReplay(*jobs, None, 100, **COLUMNS[column])
    replay.advance()
    assert len(known) == len(ids) == 28_475
    different = [j for j, start_s in zip(ids.tolist(), replay.start_s.tolist(), strict=True) if known[j] != start_s]
    assert not different
