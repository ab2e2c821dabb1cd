"""Regions of a shared QPU: connected, disjoint, given in the stated order, asked for under the stated rules."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.circuits.topology import edges
from qhpcsim.core.errors import CircuitError, FacilityError, InvariantError, WorkloadError
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qubit_regions import QubitRegions
from qhpcsim.facility.region_calls import RegionCall
from qhpcsim.facility.region_loops import RegionLoops, SharedRun, share_qpus
from qhpcsim.facility.shared_qpus import ADMISSIONS, SharedQpu, SharedQpus, SharingRules

EAGLE = edges("heavy_hex", 127)
LINE = [SharedQpu("line", 10)]


def pieces(pairs, free):
    """The connected parts of a set of qubits, by plain search."""
    free, found = set(free), []
    while free:
        part, todo = set(), [min(free)]
        while todo:
            qubit = todo.pop()
            if qubit in free:
                free.remove(qubit)
                part.add(qubit)
                todo += [b if a == qubit else a for a, b in pairs if qubit in (a, b)]
        found.append(part)
    return found


def loops(submit_s, n_qubits, qpu_s, cpu_s=0.0, n_calls=1):
    """Jobs that all make ``n_calls`` calls."""
    n = len(submit_s)
    return RegionLoops(
        submit_s=np.array(submit_s, float),
        n_qubits=np.array(n_qubits, np.int32),
        offset=np.arange(n + 1, dtype=np.int64) * n_calls,
        qpu_s=np.repeat(np.broadcast_to(np.array(qpu_s, float), n), n_calls),
        cpu_s=np.repeat(np.broadcast_to(np.array(cpu_s, float), n), n_calls),
    )


def random_loops(seed, n, n_calls, until_s):
    draw = np.random.default_rng(seed)
    made = loops(
        np.sort(draw.uniform(0, until_s, n)), draw.integers(10, 21, n), draw.uniform(0.3, 1.8, n), 0.0, n_calls
    )
    made.cpu_s = draw.exponential(0.156, n * n_calls)
    return made


def test_a_region_is_the_breadth_first_start_of_the_first_large_enough_piece():
    # 0-1-2  3-4-5-6 with 2-3 broken by a busy qubit; 5 is also tied to 8, 8 to 7.
    regions = QubitRegions([(0, 1), (1, 2), (2, 9), (9, 3), (3, 4), (4, 5), (5, 6), (5, 8), (8, 7)], 10)
    regions.take((9,))
    assert regions.find(3) == (0, 1, 2)
    assert regions.find(4) == (3, 4, 5, 6)
    assert regions.find(6) == (3, 4, 5, 6, 8, 7)
    assert regions.find(7) is None
    assert regions.n_free == 9
    assert regions.largest_free() == 6
    regions.free((9,))
    assert regions.largest_free() == 10
    assert regions.find(10) == (0, 1, 2, 9, 3, 4, 5, 6, 8, 7)


def test_a_qubit_is_never_given_twice():
    regions = QubitRegions(EAGLE, 127)
    regions.take((4, 5))
    with pytest.raises(InvariantError, match="qubit 5 is busy"):
        regions.take((5, 6))
    with pytest.raises(InvariantError, match="qubit 7 is free"):
        regions.free((7,))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60), st.integers(0, 9)), max_size=40))
def test_regions_against_a_plain_search(steps):
    regions, held = QubitRegions(EAGLE, 127), []
    for release, n_qubits, which in steps:
        if release and held:
            regions.free(held.pop(which % len(held)))
        else:
            region, parts = regions.find(n_qubits), pieces(EAGLE, regions.free_qubits())
            largest = max(map(len, parts), default=0)
            assert (region is None) == (largest < n_qubits)
            assert regions.largest_free() == largest
            if region is not None:
                assert len(set(region)) == n_qubits
                assert set(region) <= next(part for part in parts if len(part) >= n_qubits)
                assert len(pieces(EAGLE, region)) == 1
                regions.take(region)
                held.append(region)
        busy = [qubit for region in held for qubit in region]
        assert len(busy) == len(set(busy))
        assert regions.n_free == 127 - len(busy)


def test_a_fragmented_line_by_hand():
    # Ten qubits in a row: a takes 0-3 until 5 s, b takes 4-5 until 20 s, c takes 6-9 until 5.5 s. At 6 s eight qubits
    # are free, but the busy 4-5 leave only four in a piece: d, which wants five, tries in vain until 21 s.
    jobs = loops([0.0, 0.1, 0.2, 6.0], [4, 2, 4, 5], [5.0, 19.9, 5.3, 1.0])
    run = share_qpus(jobs, LINE, SharingRules("checked", retry_s=1.0))
    assert run.started_s == pytest.approx([0.0, 0.1, 0.2, 20.0])
    assert run.admitted_s == pytest.approx([0.0, 0.1, 0.2, 6.0])
    assert run.ended_s == pytest.approx([5.0, 20.0, 5.5, 21.0])
    assert [run.qubit[a:b].tolist() for a, b in pairwise(run.region_offset)] == [
        [0, 1, 2, 3],
        [4, 5],
        [6, 7, 8, 9],
        [0, 1, 2, 3, 4],
    ]
    figures = run.figures
    assert (figures.n_polls, figures.n_blocked, figures.n_fragmented) == (0, 14, 14)
    assert (figures.needed_sum, figures.free_sum, figures.largest_sum) == (14 * 5, 14 * 8, 14 * 4)


def test_a_release_at_the_instant_of_a_try_comes_first():
    run = share_qpus(loops([0.0, 1.0], [10, 10], [2.0, 1.0]), LINE, SharingRules(poll_s=0.5))
    assert run.admitted_s.tolist() == [0.0, 2.0]
    assert run.figures.n_polls == 2


def test_checked_admits_more_calls_than_fit_and_reserved_does_not():
    # The fragmented line of above: d and e, five qubits each, see eight free ones. Without a reservation both are
    # admitted and search; with one, e sees only the three that d has left over, and waits in front of the QPU.
    jobs = loops([0.0, 0.1, 0.2, 6.0, 6.1], [4, 2, 4, 5, 5], [5.0, 19.9, 5.3, 1.0, 1.0])
    checked, reserved = (share_qpus(jobs, LINE, SharingRules(admission)) for admission in ("checked", "reserved"))
    assert checked.admitted_s[3:] == pytest.approx([6.0, 6.1])
    assert reserved.admitted_s[3:] == pytest.approx([6.0, 20.1])
    assert (reserved.ended_s - reserved.admitted_s)[4] == pytest.approx(1.0)
    assert reserved.ended_s == pytest.approx(checked.ended_s)


def test_a_queue_starts_calls_when_qubits_become_free_and_lets_small_ones_past():
    jobs = loops([0.0, 1.0, 2.0, 3.0], [8, 10, 2, 1], [4.0, 1.0, 5.0, 1.0])
    run = share_qpus(jobs, LINE, SharingRules("queued"))
    assert run.started_s.tolist() == [0.0, 7.0, 2.0, 4.0]
    assert run.admitted_s.tolist() == run.started_s.tolist()
    assert (run.figures.n_polls, run.figures.n_blocked) == (0, 0)


def test_a_call_goes_to_the_qpu_with_most_free_qubits_and_takes_its_time_there():
    jobs = loops([0.0, 1.0, 2.0], [4, 4, 2], [10.0, 10.0, 10.0])
    jobs.qpu_s = np.array([[10.0, 20.0], [10.0, 20.0], [10.0, 20.0]])
    for admission in ADMISSIONS:
        run = share_qpus(jobs, LINE * 2, SharingRules(admission))
        assert run.qpu.tolist() == [0, 1, 0]
        assert run.ended_s.tolist() == [10.0, 21.0, 12.0]


def polled(jobs: RegionLoops, n_qpus: int, reserved: bool) -> dict[str, np.ndarray | float]:
    """The rules once more, one SimPy event for each look and each search, regions by plain search."""
    near: dict[int, list[int]] = {q: [] for q in range(127)}
    for a, b in EAGLE:
        near[a].append(b)
        near[b].append(a)
    env, m = simpy.Environment(), len(jobs.qpu_s)
    busy = [set() for _ in range(n_qpus)]
    room = [127] * n_qpus
    admitted_s, started_s, ended_s = np.zeros(m), np.zeros(m), np.zeros(m)
    count = {"polls": 0, "blocked": 0, "fragmented": 0}

    def region(qpu, n_qubits):
        for start in range(127):
            seen, todo = [], deque([start])
            while todo and len(seen) < n_qubits:
                qubit = todo.popleft()
                if qubit not in busy[qpu] and qubit not in seen:
                    seen.append(qubit)
                    todo += sorted(near[qubit])
            if len(seen) == n_qubits:
                return set(seen)
        return None

    def job(j):
        yield env.timeout(jobs.submit_s[j])
        wants = int(jobs.n_qubits[j])
        for row in range(jobs.offset[j], jobs.offset[j + 1]):
            while max(room) < wants:
                count["polls"] += 1
                yield env.timeout(0.5)
            qpu = room.index(max(room))
            admitted_s[row] = env.now
            if reserved:
                room[qpu] -= wants
            while (mine := region(qpu, wants)) is None:
                count["blocked"] += 1
                count["fragmented"] += 127 - len(busy[qpu]) >= wants
                yield env.timeout(1.0)
            if not reserved:
                room[qpu] -= wants
            busy[qpu] |= mine
            started_s[row] = env.now
            yield env.timeout(jobs.qpu_s[row])
            busy[qpu] -= mine
            room[qpu] += wants
            ended_s[row] = env.now
            yield env.timeout(jobs.cpu_s[row])

    for j in range(len(jobs.submit_s)):
        env.process(job(j))
    env.run()
    return {"admitted_s": admitted_s, "started_s": started_s, "ended_s": ended_s, **count}


@pytest.mark.parametrize(("reserved", "n_calls"), [(False, 8), (True, 8), (False, 24), (True, 24)])
def test_every_call_against_a_simulation_with_an_event_for_every_try(reserved, n_calls):
    jobs = random_loops(seed=n_calls, n=120, n_calls=n_calls, until_s=100.0)
    other = polled(jobs, 2, reserved)
    run = share_qpus(jobs, [SharedQpu()] * 2, SharingRules("reserved" if reserved else "checked"))
    for name in ("admitted_s", "started_s", "ended_s"):
        np.testing.assert_allclose(getattr(run, name), other[name], atol=1e-9)
    figures = run.figures
    assert (figures.n_polls, figures.n_blocked, figures.n_fragmented) == tuple(
        other[name] for name in ("polls", "blocked", "fragmented")
    )
    assert figures.n_blocked > 10
    assert figures.n_polls > (100 if n_calls == 24 else 0)


def check_regions(run: SharedRun, jobs: RegionLoops, n_qubits: int) -> None:
    """No qubit is held twice at one time, and nobody started before he asked."""
    owners: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for row, (a, b) in enumerate(pairwise(run.region_offset)):
        for qubit in run.qubit[a:b].tolist():
            owners.setdefault((int(run.qpu[row]), qubit), []).append((run.started_s[row], run.ended_s[row]))
    for spans in owners.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert (run.asked_s <= run.admitted_s).all()
    assert (run.admitted_s <= run.started_s).all()
    np.testing.assert_allclose(run.ended_s - run.started_s, jobs.qpu_s, atol=1e-9)
    assert max(qubit for _, qubit in owners) < n_qubits


@pytest.mark.parametrize("admission", ADMISSIONS)
def test_no_qubit_is_shared_no_call_is_lost_and_equal_inputs_give_equal_bytes(admission):
    jobs = random_loops(seed=5, n=150, n_calls=15, until_s=60.0)
    run, again = (share_qpus(jobs, [SharedQpu()] * 2, SharingRules(admission)) for _ in range(2))
    check_regions(run, jobs, 127)
    assert np.isfinite(run.job_ended_s).all()
    for name in ("asked_s", "started_s", "ended_s", "qubit", "job_ended_s"):
        assert getattr(run, name).tobytes() == getattr(again, name).tobytes()
    rows = jobs.offset[1:] - 1
    np.testing.assert_allclose(run.job_ended_s, run.ended_s[rows] + jobs.cpu_s[rows])


def test_one_call_alone_takes_its_own_time_and_a_job_without_calls_ends_at_once():
    jobs = loops([0.0, 3.0], [20, 5], [1.0, 2.0], cpu_s=0.5)
    jobs.offset = np.array([0, 2, 2])
    run = share_qpus(jobs, [SharedQpu()])
    assert run.job_ended_s.tolist() == [4.0, 3.0]
    assert run.asked_s.tolist() == [0.0, 1.5]


def test_an_empty_workload():
    run = share_qpus(loops([], [], []), LINE)
    assert len(run.ended_s) == len(run.qubit) == 0
    assert run.region_offset.tolist() == [0]


def test_a_simulation_ends_when_calls_wait_for_qubits_that_nobody_gives_back():
    clock, log = Clock(), []
    service = SharedQpus(clock, LINE, SharingRules())
    for key in range(2):
        service.request(RegionCall(6, lambda call: log.append(call.key), key))
    clock.run()
    assert log == [0]


def test_a_process_can_wait_for_its_region():
    clock = Clock()
    service, log = SharedQpus(clock, LINE, SharingRules("queued")), []

    def user(name, seconds):
        ready = clock.event()
        service.request(RegionCall(7, ready.succeed))
        call = yield ready
        yield clock.timeout(seconds)
        service.release(call)
        log.append((name, clock.now))

    for name, seconds in (("a", 3.0), ("b", 2.0)):
        clock.process(user(name, seconds))
    clock.run()
    assert log == [("a", 3.0), ("b", 5.0)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"rules": SharingRules("checkd")}, FacilityError, "did you mean: checked"),
        ({"rules": SharingRules(retry_s=0.0)}, FacilityError, "retry_s = 0.0"),
        ({"rules": SharingRules(poll_s=float("nan"))}, FacilityError, "poll_s = nan"),
        ({"qpus": []}, FacilityError, "at least one SharedQpu"),
        ({"qpus": [SharedQpu("heavyhex")]}, CircuitError, "did you mean: heavy_hex"),
        ({"n_qubits": np.array([11])}, WorkloadError, "job 0 wants 11 qubits"),
        ({"n_qubits": np.array([0])}, WorkloadError, "job 0 wants 0 qubits"),
        ({"qpu_s": np.array([np.nan])}, WorkloadError, "qpu_s has a time"),
        ({"cpu_s": np.array([-1.0])}, WorkloadError, "cpu_s has a time"),
        ({"submit_s": np.array([np.inf])}, WorkloadError, "submit_s has a time"),
        ({"qpu_s": np.ones((1, 3))}, WorkloadError, r"shape \(1, 3\)"),
        ({"offset": np.array([0, 2])}, WorkloadError, "offset does not cut"),
        ({"cpu_s": np.ones(2)}, WorkloadError, "other lengths"),
    ],
)
def test_what_cannot_be_run_is_refused(change, error, message):
    jobs = loops([0.0], [2], [1.0])
    for name in set(change) & {"submit_s", "n_qubits", "offset", "qpu_s", "cpu_s"}:
        setattr(jobs, name, change[name])
    with pytest.raises(error, match=message):
        share_qpus(jobs, change.get("qpus", LINE), change.get("rules"))


def test_qubits_of_ibms_lattice_have_places_beside_their_neighbours():
    from qhpcsim.circuits.topology import heavy_hex_places

    for n_qubits in (127, 133, 156):
        places = heavy_hex_places(n_qubits)
        assert len(set(places)) == n_qubits
        steps = [(places[a], places[b]) for a, b in edges("heavy_hex", n_qubits)]
        assert all(abs(p[0] - q[0]) + abs(p[1] - q[1]) == 1 for p, q in steps)
    with pytest.raises(CircuitError, match="allowed: 127, 133, 156"):
        heavy_hex_places(20)
