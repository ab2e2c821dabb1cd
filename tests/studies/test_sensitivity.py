"""Sensitivity indices against functions whose indices are known, and on scenarios."""

import numpy as np
import pytest

from qhpcsim.core.errors import StudyError
from qhpcsim.studies.sensitivity import _noise_frac, sensitivity
from qhpcsim.studies.sensitivity_indices import morris, morris_design, sobol, sobol_design
from qhpcsim.studies.simulating import Workers

SERIAL = Workers("serial")
A, B = 7.0, 0.1
QUEUE = ["workload=poisson", "facility.nodes=4", "workload.n_jobs=60"]


def ishigami(shares):
    x = np.pi * (2.0 * shares - 1.0)
    return np.sin(x[..., 0]) + A * np.sin(x[..., 1]) ** 2 + B * x[..., 2] ** 4 * np.sin(x[..., 0])


def ishigami_indices():
    """Ishigami & Homma 1990, in closed form: first-order and total."""
    one, two = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8
    together = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = one + two + together
    return np.array([one, two, 0.0]) / total, np.array([one + together, two, together]) / total


def rng():
    return np.random.default_rng(3)


def test_sobol_of_ishigami():
    found = sobol(ishigami(sobol_design(3, 4096, rng())), rng())
    first, total = ishigami_indices()
    assert first == pytest.approx([0.3139, 0.4424, 0.0], abs=1e-4)
    assert total == pytest.approx([0.5576, 0.4424, 0.2437], abs=1e-4)
    assert found.first.value == pytest.approx(first, abs=0.02)
    assert found.total.value == pytest.approx(total, abs=0.02)
    for index in (found.first, found.total):
        assert (index.low <= index.value).all() and (index.value <= index.high).all()
    assert found.top_frac == 1.0


def test_sobol_agrees_with_scipy():
    from scipy.stats import sobol_indices

    values = ishigami(sobol_design(3, 256, rng()))
    theirs = sobol_indices(func={"f_A": values[:1], "f_B": values[1:2], "f_AB": values[2:][:, None, :]}, n=256)
    ours = sobol(values, rng())
    assert ours.total.value == pytest.approx(theirs.total_order, rel=0.05, abs=0.02)
    assert ours.first.value == pytest.approx(theirs.first_order, rel=0.05, abs=0.05)


def test_bootstrap_intervals_hold_the_truth():
    """Of 60 small studies of Ishigami's function, the 95 % interval of the largest total index."""
    _, total = ishigami_indices()
    held = 0
    for trial in range(60):
        own = np.random.default_rng(trial)
        index = sobol(ishigami(sobol_design(3, 128, own)), own).total
        held += index.low[0] <= total[0] <= index.high[0]
    assert held >= 51


G = np.array([0.0, 1.0, 4.5, 9.0])


def g_function(shares):
    """Sobol's g-function: one unknown rules, one hardly matters."""
    return np.prod((np.abs(4.0 * shares - 2.0) + G) / (1.0 + G), axis=-1)


def test_sobol_of_the_g_function():
    """Closed form: V_k = 1 / (3 (1 + a_k)²), V = Π (1 + V_k) − 1 (Saltelli & Sobol 1995)."""
    alone = 1.0 / (3.0 * (1.0 + G) ** 2)
    variance = np.prod(1.0 + alone) - 1.0
    total = alone * np.prod(1.0 + alone) / (1.0 + alone) / variance
    found = sobol(g_function(sobol_design(4, 2048, rng())), rng())
    assert found.first.value == pytest.approx(alone / variance, abs=0.02)
    assert found.total.value == pytest.approx(total, abs=0.02)
    assert (found.total.low <= total).all() and (total <= found.total.high).all()
    assert np.argsort(-found.total.value).tolist() == [0, 1, 2, 3]


def g_effects():
    """Expected |effect| of each unknown of the g-function over all steps on the grid, exactly."""
    grid = np.array(np.meshgrid(*[np.arange(4) / 3.0] * 4, indexing="ij")).reshape(4, -1).T
    found = []
    for k in range(4):
        low = grid[grid[:, k] < 0.5]
        high = low.copy()
        high[:, k] += 2.0 / 3.0
        found.append(float(np.abs(g_function(high) - g_function(low)).mean() * 1.5))
    return np.array(found)


@pytest.mark.parametrize("n_trajectories", [10, 20])
def test_morris_intervals_hold_the_truth(n_trajectories):
    """200 screenings of the g-function; plain percentiles of 10 trajectories held it in 86 to 90 %."""
    truth, held = g_effects(), np.zeros(4)
    for trial in range(200):
        own = np.random.default_rng(trial)
        design = morris_design(4, n_trajectories, own)
        found = morris(design, g_function(design), own).mean_abs
        held += (found.low <= truth) & (truth <= found.high)
    assert (held >= 0.91 * 200).all() and (held <= 0.99 * 200).all(), held / 200


def test_morris_of_a_linear_function_is_exact():
    weights = np.array([3.0, -2.0, 0.5, 0.0])
    design = morris_design(4, 8, rng())
    found = morris(design, design @ weights, rng())
    assert found.mean_abs.value == pytest.approx(np.abs(weights))
    assert found.mean_abs.low == pytest.approx(np.abs(weights))
    assert found.spread == pytest.approx(0.0, abs=1e-12)


def test_morris_trajectories_move_one_unknown_at_a_time_on_the_grid():
    design = morris_design(5, 20, rng())
    moves = np.diff(design, axis=1)
    assert ((np.abs(moves) > 1e-9).sum(axis=2) == 1).all()
    assert np.abs(moves).max(axis=2) == pytest.approx(2 / 3)
    assert (np.abs(moves).sum(axis=1) > 0.6).all()  # each unknown once in each trajectory
    assert np.isclose(design[..., None], np.arange(4) / 3).any(axis=-1).all()
    assert 0.3 < (moves.sum(axis=1) > 0).mean() < 0.7  # up as often as down


def test_morris_sees_what_bends():
    design = morris_design(3, 40, rng())
    found = morris(design, ishigami(design), rng())
    assert (found.spread > 0.1).all()


def test_chance_is_told_from_what_the_seeds_share():
    own = np.random.default_rng(1)
    points, shared = np.linspace(0, 10, 50)[:, None], own.normal(0, 5, (1, 4))
    assert _noise_frac(points + shared) == pytest.approx(0.0, abs=1e-12)
    noise = own.normal(0, 2, (50, 4))
    assert _noise_frac(points + shared + noise) == pytest.approx(1.0 / (points.var(ddof=1) + 1.0), rel=0.3)
    assert _noise_frac(points) is None


def test_load_matters_more_than_a_hundredth_of_the_service(tmp_path):
    words = [*QUEUE, "workload.load=0.3:0.9", "workload.service.mean_s=60:61"]
    found = sensitivity(
        "replay", words, "mean_wait_s", trajectories=4, n_sobol=8, seeds=3, out=tmp_path, workers=SERIAL
    )
    assert found.unknowns[found.ranked[0]].name == "workload.load"
    assert found.top_frac > 0.9
    assert found.n_points == 4 * 3 + 8 * 4
    assert found.n_runs == found.n_points * 3
    assert found.sobol.total.value[0] > 0.8
    assert 0.0 <= found.noise_frac < 1.0
    again = sensitivity(
        "replay", words, "mean_wait_s", trajectories=4, n_sobol=8, seeds=3, out=tmp_path, workers=SERIAL
    )
    assert np.array_equal(again.morris.mean_abs.value, found.morris.mean_abs.value)


def test_cards_and_whole_numbers_and_durations(tmp_path):
    words = [
        "workload.n_applications=2", "workload.background=none", "workload.share.bag.weight=0",
        "workload.share.cutting.weight=0", "workload.share.training.weight=0", "workload.share.sqd.weight=0",
        "qpu.latency_s=1ms:2s", "facility.partitions.cpu.nodes=16:18",
    ]  # fmt: skip
    found = sensitivity("hybrid_centre", words, "workflows.mean_time_to_solution_s", True, 2, 0, 1, tmp_path, SERIAL)
    names = [unknown.name for unknown in found.unknowns]
    assert names[:2] == ["qpu.latency_s", "facility.partitions.cpu.nodes"]
    assert "iqm_garnet: time_2q" in names
    assert found.unknowns[1].overrides(_base(words), 0.99) == ["facility.partitions.cpu.nodes=18"]
    assert found.noise_frac is None
    by_name = dict(zip(names, found.morris.mean_abs.value, strict=True))
    assert by_name["facility.partitions.cpu.nodes"] == 0.0  # nothing runs there


def _base(words):
    from qhpcsim.config import load

    return load("hybrid_centre", words[:-2])


@pytest.mark.parametrize(
    ("words", "figure", "complaint"),
    [
        ([], "mean_wait_s", "nothing is unknown"),
        (["workload.load=0.9:0.3"], "mean_wait_s", "low below high"),
        (["workload.laod=0.3:0.9"], "mean_wait_s", "did you mean: load"),
        (["policy.name=1:2"], "mean_wait_s", "vary a key that is one"),
        (["workload.load=0.3:0.5"], "mean_wiat_s", "did you mean: mean_wait_s"),
        (["workload.load=0.3:0.5"], "n_jobs", "whatever the unknowns are"),
        (["workload.load=0.3:0.5", "workload.load=0.3:0.6"], "mean_wait_s", "there twice"),
    ],
)
def test_mistakes_are_explained(tmp_path, words, figure, complaint):
    with pytest.raises(StudyError, match=complaint):
        sensitivity("replay", [*QUEUE, *words], figure, trajectories=2, seeds=1, out=tmp_path, workers=SERIAL)
