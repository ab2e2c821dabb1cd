"""``events.csv.gz``: what happened, in the order in which the simulator did it.

Columns: ``time_s`` (the input file's own axis), ``event`` (submit, reject, start, end, kill, requeue), ``job_id``,
``nodes`` (how many), ``partition`` (empty for a rejected job). Within one instant jobs end, then jobs are submitted,
then jobs start; jobs of zero length start and end among the starts. ``kill`` is an end at the requested time or by
force, ``requeue`` one after which the job waits again because it lost a node.
The text is the same on every machine; its compressed bytes are those of the zlib at hand.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobState, JobTable, LostRuns, Schedule
from qhpcsim.results.csv_text import cell, cells
from qhpcsim.results.jobs_csv import CHUNK
from qhpcsim.results.text_grid import Block, integers, reals, rows, words
from qhpcsim.scenario import Partition

HEADER = b"time_s,event,job_id,nodes,partition\n"
EVENTS = ("submit", "reject", "start", "end", "kill", "requeue")
SUBMIT, REJECT, START, END, KILL, REQUEUE = range(len(EVENTS))
COMPRESSION = 1
"""zlib's fastest level: events must not cost more than the simulation."""
Integers = NDArray[np.int64]


def write_events(path: Path, table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> None:
    """Write ``events.csv.gz``; the same events give the same bytes (no name, no time in the gzip header)."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=COMPRESSION, mtime=0) as file,
    ):
        file.write(HEADER)
        for text in event_chunks(table, schedule, partitions):
            file.write(text)


def event_chunks(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> Iterator[bytes]:
    """Yield the rows, some thousands at a time."""
    job, kind = event_order(table, schedule)
    moment = _moments(table, schedule, job, kind)
    if schedule.lost is not None and len(schedule.lost.job):
        job, kind, moment = _with_lost_runs(schedule.lost, job, kind, moment)
    names = [cell(name).encode() for name in partitions]
    for low in range(0, len(job), CHUNK):
        part = slice(low, low + CHUNK)
        yield _text(table, schedule, names, job[part], kind[part], moment[part])


def event_order(table: JobTable, schedule: Schedule) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return the job index and the kind (index into ``EVENTS``) of every event, in order."""
    done, when = _on_nodes(schedule)
    rejected = schedule.state == JobState.REJECTED
    came = np.repeat(np.arange(table.n, dtype=np.int32), 1 + rejected)
    refused = np.zeros(len(came), np.bool_)
    refused[1:] = came[1:] == came[:-1]
    place = _places(table.submit_s[came], when, done >= 0) + np.arange(len(came))
    job = np.empty(len(came) + len(done), np.int32)
    kind = np.empty(len(job), np.int8)
    others = np.ones(len(job), np.bool_)
    others[place] = False
    job[place], kind[place] = came, np.where(refused, REJECT, SUBMIT)
    index = np.where(done >= 0, done, ~done)
    killed = np.isin(schedule.state, (JobState.COMPLETED_WALLTIME_REACHED, JobState.COMPLETED_KILLED))
    job[others], kind[others] = index, np.where(done >= 0, START, np.where(killed[index], KILL, END))
    return job, kind


def _on_nodes(schedule: Schedule) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the schedule's own order of starts and ends, and their times."""
    order = schedule.order
    return order, np.where(order >= 0, schedule.start_s[order], schedule.end_s[~order])


def _places(submit_s: NDArray[np.float64], when: NDArray[np.float64], starts: NDArray[np.bool_]) -> Integers:
    """Return how many starts and ends come before each submission: the earlier ones, and the first ends of its instant.

    Args:
        submit_s: (k,) sorted submission times.
        when: (m,) sorted times of starts and ends.
        starts: (m,) whether each is a start.
    """
    begun = np.concatenate(([0], np.cumsum(starts)))
    first = np.searchsorted(when, submit_s, side="left")
    last = np.searchsorted(when, submit_s, side="right")
    next_start = np.searchsorted(begun, begun[first], side="right") - 1
    return np.minimum(last, next_start)


def _moments(
    table: JobTable, schedule: Schedule, job: NDArray[np.int32], kind: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return the time of each event."""
    ended = np.where(kind >= END, schedule.end_s[job], schedule.start_s[job])
    return np.where(kind <= REJECT, table.submit_s[job], ended)


def _with_lost_runs(
    lost: LostRuns, job: NDArray[np.int32], kind: NDArray[np.int8], moment: FloatArray
) -> tuple[NDArray[np.int32], NDArray[np.int8], FloatArray]:
    """Return the events with the starts and ends of lost runs among them.

    A lost run ends before the first submission or start of its instant, and starts after all else.
    """
    first = np.searchsorted(moment, lost.end_s, side="left")
    stays = np.append(kind, START) >= END  # the ends that an instant begins with
    after_ends = np.array([k + int(np.argmin(stays[k:])) for k in first.tolist()], dtype=np.int64)
    at_end = np.minimum(after_ends, np.searchsorted(moment, lost.end_s, side="right"))
    at_start = np.searchsorted(moment, lost.start_s, side="right")
    place = np.concatenate([at_end, at_start])
    order = np.lexsort((np.concatenate([lost.end_s, lost.start_s]), place))
    n = len(lost.job)
    kinds = np.repeat(np.array([REQUEUE, START], np.int8), n)
    return (
        np.insert(job, place[order], np.tile(lost.job, 2)[order]),
        np.insert(kind, place[order], kinds[order]),
        np.insert(moment, place[order], np.concatenate([lost.end_s, lost.start_s])[order]),
    )


def _text(
    table: JobTable,
    schedule: Schedule,
    partitions: list[bytes],
    job: NDArray[np.int32],
    kind: NDArray[np.int8],
    moment: FloatArray,
) -> bytes:
    """Return the rows of some events."""
    left: list[Block] = [reals(table.zero_s + moment), words(kind, [name.encode() for name in EVENTS])]
    right: list[Block] = [integers(table.nodes[job]), words(schedule.partition[job], partitions)]
    ids = table.job_id[job]
    if ids.dtype != object:
        return rows([*left, integers(ids.astype(np.int64)), *right])
    texts = zip(_split(rows(left)), cells(ids.tolist()), _split(rows(right)), strict=True)
    return ("\n".join(map(",".join, texts)) + "\n").encode()


def _split(text: bytes) -> list[str]:
    return text.decode().split("\n")[:-1]
