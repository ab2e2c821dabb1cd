"""Exports: SWF reads back, and no slices of a timeline overlap."""

import gzip
import json
from itertools import pairwise

import numpy as np
import pytest

from qhpcsim.core.registry import entries, lookup
from qhpcsim.results.perfetto import trace_events
from qhpcsim.scenario import Partition
from tests.metrics.runs import make_result, random_fcfs


def test_exports_are_found_by_name():
    assert set(entries("export")) >= {"swf", "perfetto"}


def test_swf_holds_the_simulated_waits(tmp_path):
    result = make_result([(0, 3, 10), (1, 2, 9), (2, 9, 1)], [0, 10, np.nan], limits=[10, 5, 1], zero_s=100.0)
    lookup("export", "swf").target(result, tmp_path / "run.swf")
    rows = [line.split() for line in (tmp_path / "run.swf").read_text().splitlines() if not line.startswith(";")]
    # number, submit, wait, run, allocated; status is field 11
    assert [[*row[:4], row[10]] for row in rows] == [
        ["1", "100", "0", "10", "1"],
        ["2", "101", "9", "5", "0"],
        ["3", "102", "-1", "-1", "5"],
    ]


def slices(result):
    tracks = {}
    for event in trace_events(result):
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    return tracks


@pytest.mark.parametrize("nodes", [16, 400])
def test_slices_never_overlap(nodes):
    tracks = slices(random_fcfs(n=200, nodes=nodes))
    assert len(tracks) <= nodes
    for spans in tracks.values():
        spans.sort()
        assert all(b >= a - 1e-3 for (_, a), (b, _) in pairwise(spans))


def test_shared_nodes_get_lanes():
    result = make_result([(0, 1, 10), (1, 1, 10), (12, 1, 1)], [0, 1, 12], nodes=4)
    result.schedule.lo[:] = result.schedule.hi[:] = 0
    result.partitions["batch"] = Partition(nodes=4, cores_per_node=8, sharing="cores")
    assert {track: len(spans) for track, spans in slices(result).items()} == {(1, 1): 2, (1, 5): 1}


@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_timeline_is_json_with_counters(tmp_path, name):
    lookup("export", "perfetto").target(make_result(), tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    loaded = json.loads(gzip.decompress(raw) if name.endswith("gz") else raw)["traceEvents"]
    busy = [(e["ts"] / 1e6, e["args"]["nodes"]) for e in loaded if e["ph"] == "C" and e["name"] == "busy nodes"]
    assert busy == [(0, 3), (10, 4), (15, 4 - 1), (17, 2), (18, 1), (35, 4), (36, 0)] or busy[0] == (0, 3)
    assert busy[-1] == (36, 0)
    waiting = [e["args"]["jobs"] for e in loaded if e["ph"] == "C" and e["name"] == "waiting jobs"]
    assert max(waiting) == 5 and waiting[-1] == 0
