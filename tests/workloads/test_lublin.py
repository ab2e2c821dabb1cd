"""The Lublin–Feitelson generator: published shapes, the load asked for, independent streams."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition
from qhpcsim.workloads.daily_cycle import DailyCycle, gamma_cdf
from qhpcsim.workloads.estimates import Estimates
from qhpcsim.workloads.lublin import LublinWorkload, Model, arrivals, generate, runtimes, sizes
from qhpcsim.workloads.users import Users

CPU = {"cpu": Partition(nodes=128)}
CENTRE = {
    "cpu": Partition(nodes=64),
    "h100": Partition(nodes=16, gpus_per_node=4, gpu_type="H100"),
    "login": Partition(nodes=2),
}
MODEL = Model.of_card("all")
N = 200_000


def near(found: float, wanted: float, n: int = N) -> bool:
    return abs(found - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n)


def test_sizes_have_the_published_shares() -> None:
    drawn = sizes(MODEL, 128, N, Rng(1), "a")
    assert near((drawn == 1).mean(), 0.244)
    lower = drawn[np.isin(drawn, [2, 4, 8, 16, 32, 64, 128])]
    assert len(lower) / N > 0.576
    assert (np.log2(drawn[drawn > 1]) <= 4.5 + 0.5).mean() > 0.86
    assert drawn.max() == 128


@pytest.mark.parametrize("machine", [1, 2, 3, 5, 8, 100, 1000, 9408])
@pytest.mark.parametrize("job_class", ["all", "batch", "interactive"])
def test_sizes_fit_the_machine(machine: int, job_class: str) -> None:
    drawn = sizes(Model.of_card(job_class), machine, 20_000, Rng(1), "a")
    assert drawn.min() == 1
    assert drawn.max() <= machine
    assert machine < 4 or drawn.max() > machine / 4


@pytest.mark.parametrize("nodes", [1, 32, 128])
def test_runtimes_are_hyper_gamma_in_the_logarithm(nodes: int) -> None:
    log_run = np.log(runtimes(MODEL, np.full(50_000, nodes, np.int32), Rng(1), "a"))
    p = -0.0054 * nodes + 0.78
    first, second = stats.gamma(4.2, scale=0.94), stats.gamma(312, scale=0.03)

    def cdf(x: np.ndarray) -> np.ndarray:
        return p * first.cdf(x) / first.cdf(12) + (1 - p) * second.cdf(x) / second.cdf(12)

    assert stats.kstest(log_run, cdf).pvalue > 1e-4
    assert log_run.max() <= 12


def test_arrivals_follow_the_day() -> None:
    days = 400
    times = arrivals(MODEL, N, days * 86400.0, True, Rng(1), "a")
    assert (times[0], times[-1]) == (0.0, pytest.approx(days * 86400.0))
    share = np.bincount((times % 86400 // 1800).astype(int), minlength=48) / N
    half_hour = 1 + (np.arange(48) - 10) % 48 + 10
    law = stats.gamma(8.1737, scale=3.9631)
    wanted = law.cdf(half_hour + 0.5) - law.cdf(half_hour - 0.5)
    np.testing.assert_allclose(share, wanted / wanted.sum(), atol=0.006)
    flat = arrivals(MODEL, N, days * 86400.0, False, Rng(1), "a")
    assert stats.kstest(flat / flat[-1], "uniform").statistic < 0.02


def test_cycle_inverts_itself() -> None:
    cycle = DailyCycle.of_gamma(8.1737, 3.9631, 11)
    times = np.random.default_rng(1).uniform(0, 1e6, 1000)
    np.testing.assert_allclose(cycle.time(cycle.work(times)), times, rtol=1e-9)
    assert cycle.weight.mean() == pytest.approx(1.0)
    x = np.linspace(0, 20, 50)
    np.testing.assert_allclose(gamma_cdf(x, 8.1737), stats.gamma(8.1737).cdf(x), atol=1e-12)


@pytest.mark.parametrize("load", [0.3, 0.7, 1.2])
@pytest.mark.parametrize("n", [50, 3000])
def test_each_partition_has_the_load_asked_for(n: int, load: float) -> None:
    params = LublinWorkload(n_jobs=n, load=load, loads={"h100": 0.5, "login": 0.0})
    jobs = generate(params, CENTRE, Rng(1))
    assert jobs.n == n
    assert (np.diff(jobs.submit_s) >= 0).all()
    assert jobs.partition is not None
    for name, wanted in (("cpu", load), ("h100", 0.5)):
        mine = jobs.partition.code == jobs.partition.names.index(name)
        held = np.minimum(jobs.runtime_s, jobs.walltime_s)[mine] * jobs.nodes[mine]
        span = jobs.submit_s[mine].max() - jobs.submit_s[mine].min()
        assert held.sum() / CENTRE[name].nodes / span == pytest.approx(wanted, rel=1e-9)
        assert jobs.nodes[mine].max() <= CENTRE[name].nodes
    assert "login" not in jobs.partition.names


def test_gpu_jobs() -> None:
    jobs = generate(LublinWorkload(n_jobs=4000, gpu_fracs={"h100": 0.8}), CENTRE, Rng(1))
    assert jobs.gpus_per_node is not None
    assert jobs.gpu_type is not None
    assert jobs.partition is not None
    on_gpu = jobs.partition.code == jobs.partition.names.index("h100")
    assert set(jobs.gpus_per_node[on_gpu]) == {0, 4}
    assert (jobs.gpus_per_node[on_gpu] > 0).mean() == pytest.approx(0.8, abs=0.05)
    assert not jobs.gpus_per_node[~on_gpu].any()
    np.testing.assert_array_equal(jobs.gpu_type.code >= 0, jobs.gpus_per_node > 0)
    assert jobs.gpu_type.names == ("H100",)


def test_shared_nodes_get_parts_of_a_node() -> None:
    shared = {"s": Partition(nodes=4, cores_per_node=64, gpus_per_node=4, gpu_type="A", sharing="cores")}
    jobs = generate(LublinWorkload(n_jobs=2000), shared, Rng(1))
    assert jobs.cores_per_node is not None
    assert jobs.gpus_per_node is not None
    one = jobs.nodes == 1
    assert set(jobs.gpus_per_node[one]) == {1, 2, 4}
    assert set(jobs.gpus_per_node[~one]) == {4}
    np.testing.assert_array_equal(jobs.cores_per_node, 16 * jobs.gpus_per_node)


def test_changing_one_aspect_leaves_the_others() -> None:
    base = LublinWorkload(n_jobs=1000)
    jobs = generate(base, CPU, Rng(5))
    for changed, kept in (
        (dataclasses.replace(base, users=Users(3)), ("submit_s", "nodes", "runtime_s", "walltime_s")),
        (dataclasses.replace(base, estimates=Estimates("exact")), ("nodes", "runtime_s")),
        (dataclasses.replace(base, load=0.4), ("nodes", "runtime_s", "walltime_s")),
        (dataclasses.replace(base, daily_cycle=False), ("nodes", "runtime_s", "walltime_s")),
    ):
        other = generate(changed, CPU, Rng(5))
        for column in kept:
            np.testing.assert_array_equal(getattr(jobs, column), getattr(other, column), err_msg=column)
    assert not np.array_equal(jobs.nodes, generate(base, CPU, Rng(6)).nodes)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (LublinWorkload(n_jobs=0), "n_jobs"),
        (LublinWorkload(nodes=0), "workload.nodes"),
        (LublinWorkload(load=0.0), "load"),
        (LublinWorkload(load=float("nan")), "load"),
        (LublinWorkload(loads={"cpuu": 0.5}), "did you mean: cpu"),
        (LublinWorkload(loads={"cpu": -1.0}), "loads.cpu"),
        (LublinWorkload(job_class="bach"), "did you mean: batch"),
    ],
)
def test_mistakes(params: LublinWorkload, words: str) -> None:
    with pytest.raises(QhpcsimError, match=words):
        generate(params, CPU, Rng(1))


def test_is_registered() -> None:
    assert lookup("generator", "lublin").params is LublinWorkload
    assert generate(LublinWorkload(n_jobs=1), CPU, Rng(1)).submit_s.tolist() == [0.0]
