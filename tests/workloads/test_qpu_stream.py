"""The stream of QPU jobs: arrivals, users, sessions, and that the service takes what it makes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.qpu_records import QpuDemand, QpuJobState, QpuMode
from qhpcsim.core.records import Categories
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.facility.qpu_validate import check_jobs
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.qpu_scenario import QpuDevice, QpuDiscipline, QpuService, QpuWorkload, Reservation
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.qpu_shapes import Shape
from qhpcsim.workloads.qpu_stream import Count, ModeShares, StreamWorkload, generate
from qhpcsim.workloads.users import Users

ALL_MODES = ModeShares(4, 2, 3, 1)


def column_bytes(value: object) -> object:
    """A column as bytes."""
    if isinstance(value, Categories):
        return value.code.tobytes(), value.names
    return value.tobytes() if isinstance(value, np.ndarray) else value


def as_bytes(demand: QpuDemand) -> list[object]:
    return [column_bytes(getattr(demand, field.name)) for field in dataclasses.fields(demand)]


def well_formed(demand: QpuDemand) -> None:
    """Sessions come as a unit: neighbours, one user, one arrival, a chain, and an end."""
    assert (np.diff(demand.submit_s) >= 0).all()
    assert demand.job_id.tolist() == list(range(1, demand.n + 1))
    grouped = np.isin(demand.mode, (QpuMode.BATCH, QpuMode.SESSION))
    assert ((demand.session >= 0) == grouped).all()
    seen = demand.session[grouped]
    assert (np.diff(seen) >= 0).all()
    assert set(seen.tolist()) == set(range(len(set(seen.tolist()))))
    for session in set(seen.tolist()):
        jobs = np.flatnonzero(demand.session == session)
        assert np.ptp(jobs) == len(jobs) - 1
        for column in (demand.submit_s, demand.mode, demand.user.code, demand.shots, demand.depth_total):
            assert len(set(column[jobs].tolist())) == 1
        loops = demand.mode[jobs[0]] == QpuMode.SESSION
        assert demand.depends_on[jobs].tolist() == [-1, *(jobs[:-1] if loops else [-1] * (len(jobs) - 1))]
        assert demand.closes_session[jobs].tolist() == [False] * (len(jobs) - 1) + [bool(loops)]
    free = demand.session < 0
    assert (demand.depends_on[free] == -1).all()
    assert not demand.closes_session[free].any()
    assert ((demand.think_s > 0) <= (demand.depends_on >= 0)).all()


shares = st.floats(0, 5)
counts = st.builds(Count, st.just("geometric"), st.floats(1, 20)) | st.builds(
    Count, st.just("constant"), st.integers(1, 9).map(float)
)
gaps = st.builds(ServiceLaw, st.just("exponential"), st.floats(1, 1e4)) | st.builds(
    ServiceLaw, st.just("hyperexponential"), st.floats(1, 1e4), st.floats(1, 6)
)


@settings(max_examples=40, deadline=None)
@given(
    params=st.builds(
        StreamWorkload,
        n_jobs=st.integers(1, 300),
        gaps=gaps,
        modes=st.builds(ModeShares, st.floats(0.1, 5), shares, shares, shares),
        batch_jobs=counts,
        session_jobs=counts,
        think=st.none() | gaps,
        n_groups=st.integers(0, 4),
        min_fidelity=st.none() | st.floats(0, 1),
        qpu=st.sampled_from(["", "b"]),
        dedicated_user=st.sampled_from(["", "kim", "user01"]),
    ),
    seed=st.integers(0, 5),
)
def test_every_stream_is_well_formed_and_accepted(params, seed):
    demand = generate(params, Rng(seed))
    assert demand.n == params.n_jobs
    well_formed(demand)
    assert as_bytes(generate(params, Rng(seed))) == as_bytes(demand)
    service = QpuService({"a": QpuDevice(card="ibm_heron_r3"), "b": QpuDevice(card="ibm_eagle_r3")})
    opened = Fleet.open(service, Rng(seed))
    check_jobs(opened.jobs(demand), opened.service)
    if params.dedicated_user:
        users = {demand.user.names[k] for k in demand.user.code[demand.mode == QpuMode.DEDICATED].tolist()}
        assert users <= {params.dedicated_user}


@pytest.mark.parametrize("law", [ServiceLaw("exponential", 50.0), ServiceLaw("hyperexponential", 50.0, 4.0)])
def test_arrivals_have_the_law_of_their_gaps(law):
    demand = generate(StreamWorkload(n_jobs=50_000, gaps=law, modes=ModeShares(1, 0, 0, 0)), Rng(3))
    gap_s = np.diff(demand.submit_s, prepend=0.0)
    cv = law.cv or 1.0
    assert gap_s.mean() == pytest.approx(50.0, rel=4 * cv / np.sqrt(50_000))
    assert gap_s.std() / gap_s.mean() == pytest.approx(cv, rel=0.08)
    if cv == 1.0:
        assert stats.kstest(gap_s / 50, "expon").pvalue > 1e-3


def test_shares_and_lengths_are_as_asked():
    params = StreamWorkload(
        n_jobs=60_000, modes=ALL_MODES, batch_jobs=Count("constant", 3.0), session_jobs=Count(mean=6.0)
    )
    demand = generate(params, Rng(1))
    starts = np.flatnonzero((demand.session < 0) | (np.diff(demand.session, prepend=-2) != 0))
    found = np.bincount(demand.mode[starts], minlength=4) / len(starts)
    assert found == pytest.approx([0.4, 0.2, 0.3, 0.1], abs=0.015)
    whole = demand.session < demand.session.max()
    batch, session = (
        np.unique(demand.session[whole & (demand.mode == mode)], return_counts=True)[1]
        for mode in (QpuMode.BATCH, QpuMode.SESSION)
    )
    assert set(batch.tolist()) == {3}
    # Geometric of mean 6: P(1) = 1/6, variance 30.
    assert session.mean() == pytest.approx(6.0, rel=4 * np.sqrt(30 / len(session)) / 6)
    assert (session == 1).mean() == pytest.approx(1 / 6, abs=0.02)
    assert session.var() == pytest.approx(30.0, rel=0.15)
    thought = demand.think_s[demand.depends_on >= 0]
    assert stats.kstest(thought / 10, "expon").pvalue > 1e-3


def test_a_stream_lasts_as_long_as_it_is_told():
    week = generate(StreamWorkload(duration_s=7 * 86400.0), Rng(1))
    day = generate(StreamWorkload(), Rng(1))
    assert 86000 < day.submit_s[-1] < 86400 < 600_000 < week.submit_s[-1] < 7 * 86400
    assert week.n == pytest.approx(7 * 288, rel=0.1)
    both = generate(StreamWorkload(duration_s=7 * 86400.0, n_jobs=40), Rng(1))
    assert both.n == 40
    for name in ("submit_s", "shots", "depth_total", "mode"):
        assert getattr(week, name)[: day.n].tobytes() == getattr(day, name).tobytes()
        assert getattr(week, name)[:40].tobytes() == getattr(both, name).tobytes()
    assert generate(StreamWorkload(duration_s=0.0), Rng(1)).n == 0


def test_users_are_unequal_and_dealt_to_groups():
    params = StreamWorkload(n_jobs=20_000, users=Users(5, 1.0, 1.0), n_groups=2)
    demand = generate(params, Rng(1))
    share = np.bincount(demand.user.code) / demand.n
    assert share == pytest.approx(1 / np.arange(1, 6) / (1 / np.arange(1, 6)).sum(), abs=0.02)
    assert (demand.group.code == demand.user.code % 2).all()
    assert demand.group.names == ("group1", "group2")


def test_two_seeds_differ_and_shapes_do_not_move_arrivals():
    base = generate(StreamWorkload(n_jobs=50), Rng(1))
    fixed = generate(StreamWorkload(n_jobs=50, shape=Shape(shots=10)), Rng(1))
    assert base.submit_s.tobytes() == fixed.submit_s.tobytes()
    assert base.depth_total.tobytes() == fixed.depth_total.tobytes()
    assert not np.array_equal(base.submit_s, generate(StreamWorkload(n_jobs=50), Rng(2)).submit_s)


@pytest.mark.parametrize("discipline", ["fifo", "round_robin"])
def test_sessions_run_in_a_closed_loop(discipline):
    params = StreamWorkload(n_jobs=300, gaps=ServiceLaw("exponential", 600.0), modes=ModeShares(1, 1, 1, 0))
    demand = generate(params, Rng(2))
    service = QpuService({"q": QpuDevice(card="ibm_heron_r3")}, QpuDiscipline(discipline), latency_s=0.25)
    opened = Fleet.open(service, Rng(2))
    schedule = simulate_qpu(opened.jobs(demand), opened.service)
    assert (schedule.state == QpuJobState.COMPLETED).all()
    after = np.flatnonzero(demand.depends_on >= 0)
    back_s = schedule.ended_s[demand.depends_on[after]] + 0.25
    assert schedule.submitted_s[after] == pytest.approx(back_s + demand.think_s[after])
    first = demand.depends_on < 0
    assert schedule.submitted_s[first].tolist() == demand.submit_s[first].tolist()
    for _, qpu, start_s, end_s in schedule.holds:
        assert qpu == 0
        assert start_s <= end_s


def test_dedicated_jobs_find_their_reservation():
    params = StreamWorkload(n_jobs=100, modes=ModeShares(0, 0, 0, 1), dedicated_user="kim", shape=Shape(n_circuits=1))
    demand = generate(params, Rng(1))
    device = QpuDevice(card="ibm_heron_r3", reservations=(Reservation("kim", 0.0, 1e6),))
    opened = Fleet.open(QpuService({"q": device}), Rng(1))
    schedule = simulate_qpu(opened.jobs(demand), opened.service)
    assert (schedule.state == QpuJobState.COMPLETED).all()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (StreamWorkload(n_jobs=0), r"qpu_workload\.n_jobs: 0"),
        (StreamWorkload(duration_s=-1.0), r"qpu_workload\.duration_s"),
        (StreamWorkload(duration_s=float("inf")), r"qpu_workload\.duration_s"),
        (StreamWorkload(gaps=ServiceLaw("exponential", 0.0)), r"qpu_workload\.gaps\.mean_s"),
        (StreamWorkload(gaps=ServiceLaw("poisson", 1.0)), r"unknown service law 'poisson'"),
        (StreamWorkload(duration_s=1e12), "3,333,333,333 jobs\n  allowed: at most 10,000,000"),
        (StreamWorkload(modes=ModeShares(0, 0, 1, 0), session_jobs=Count(mean=1e6)), "at most 10,000,000"),
        (StreamWorkload(modes=ModeShares(0, 0, 0, 0)), r"qpu_workload\.modes"),
        (StreamWorkload(modes=ModeShares(session=-1.0)), r"qpu_workload\.modes"),
        (StreamWorkload(session_jobs=Count(mean=0.5)), r"qpu_workload\.session_jobs\.mean"),
        (StreamWorkload(batch_jobs=Count("constant", 2.5)), r"qpu_workload\.batch_jobs\.mean"),
        (StreamWorkload(batch_jobs=Count("geometrc")), "did you mean: geometric"),
        (StreamWorkload(think=ServiceLaw("lognormal", 5.0)), r"qpu_workload\.think\.cv"),
        (StreamWorkload(min_fidelity=1.5), r"qpu_workload\.min_fidelity: 1\.5"),
        (StreamWorkload(min_fidelity=float("nan")), r"qpu_workload\.min_fidelity"),
        (StreamWorkload(users=Users(count=0)), r"qpu_workload\.users\.count"),
        (StreamWorkload(shape=Shape(width=0)), r"qpu_workload\.shape\.width"),
    ],
)
def test_mistakes_name_their_key(params, said):
    with pytest.raises(QhpcsimError, match=said):
        generate(params, Rng(1))


def test_the_registry_knows_the_sources():
    assert lookup("qpu_generator", "stream").params is StreamWorkload
    none = lookup("qpu_generator", "none")
    assert none.params is QpuWorkload
    demand = none.target(QpuWorkload(), Rng(0))
    assert demand.n == 0
    opened = Fleet.open(QpuService(), Rng(0))
    assert opened.jobs(demand).n == 0
