import math

import numpy as np
import pytest
from qiskit_addon_cutting import generate_cutting_experiments

from qhpcsim.circuits.cutting_terms import numpy_seed, terms
from qhpcsim.core.errors import ConfigError
from tests.circuits.cutting_cases import random_problem

SEQUENCE = np.random.SeedSequence(9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("num_samples", [math.inf, 1e9, 400, 60, 5])
def test_coefficients_are_those_of_the_library(seed, num_samples):
    problem, _ = random_problem(seed)
    with numpy_seed(SEQUENCE):
        _, weights = generate_cutting_experiments(problem.subcircuits, problem.subobservables, num_samples)
    found = terms(problem.bases, num_samples, SEQUENCE)
    assert found.coefficients == pytest.approx([weight for weight, _ in weights], rel=1e-12)
    assert (found.n_draws > 0).tolist() == [kind.name == "SAMPLED" for _, kind in weights]


def test_draws_are_whole_and_add_up_to_what_was_not_exact():
    problem, _ = random_problem(2)
    found = terms(problem.bases, 23.7, SEQUENCE)
    drawn = found.n_draws > 0
    assert drawn.any()
    kappa = math.prod(basis.kappa for basis in problem.bases)
    left = 23.7 * found.drawn_weight() / kappa
    assert found.n_draws.sum() == math.ceil(left - 1e-6)
    each = np.abs(found.coefficients[drawn]) / found.n_draws[drawn]
    assert each == pytest.approx(np.full(drawn.sum(), each[0]))


def test_drawn_terms_are_unbiased():
    """The mean over many draws is the exact coefficient of every term."""
    problem, _ = random_problem(0)
    exact = terms(problem.bases, math.inf, SEQUENCE)
    known = {tuple(row): value for row, value in zip(exact.map_ids.tolist(), exact.coefficients, strict=True)}
    total, n = dict.fromkeys(known, 0.0), 400
    for k in range(n):
        found = terms(problem.bases, 40, np.random.SeedSequence([1, k]))
        for row, value in zip(found.map_ids.tolist(), found.coefficients, strict=True):
            total[tuple(row)] += value / n
    kappa = math.prod(basis.kappa for basis in problem.bases)
    for row, value in known.items():
        p = min(abs(value) / kappa, 1.0)
        assert abs(total[row] - value) <= 5 * kappa * math.sqrt(p / (40 * n)) + 1e-12


def test_the_global_generator_is_left_as_it_was():
    problem, _ = random_problem(1)
    np.random.seed(5)
    before = np.random.random()
    np.random.seed(5)
    terms(problem.bases, 20, SEQUENCE)
    assert np.random.random() == before


def test_equal_seeds_give_equal_terms():
    problem, _ = random_problem(3)
    one, two = (terms(problem.bases, 50, np.random.SeedSequence(4)) for _ in range(2))
    other = terms(problem.bases, 50, np.random.SeedSequence(5))
    assert np.array_equal(one.map_ids, two.map_ids) and np.array_equal(one.coefficients, two.coefficients)
    assert not np.array_equal(one.map_ids, other.map_ids)


def test_no_cut_is_one_term():
    found = terms([], math.inf, SEQUENCE)
    assert found.n == 1 and found.coefficients.tolist() == [1.0] and found.map_ids.shape == (1, 0)


@pytest.mark.parametrize("num_samples", [0, 0.5, -1, math.nan])
def test_impossible_sample_numbers_are_refused(num_samples):
    with pytest.raises(ConfigError, match="num_samples"):
        terms(random_problem(0)[0].bases, num_samples, SEQUENCE)


def test_too_many_terms_are_refused_before_they_are_made():
    basis = random_problem(0)[0].bases[0]
    with pytest.raises(ConfigError, match="num_samples"):
        terms([basis] * 14, math.inf, SEQUENCE)
