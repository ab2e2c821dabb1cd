"""Standard errors mean what they say: z-scores of many runs have variance 1 and intervals cover the truth.

Counts are drawn from the exact distribution of each circuit, so that thousands of runs cost little.
"""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector
from qiskit_addon_cutting import PartitionedCuttingProblem, partition_problem
from scipy import stats

from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cut_work import cut_work
from qhpcsim.circuits.cuts import plan as candidates_of
from qhpcsim.circuits.cutting_atoms import circuit_of, ready
from qhpcsim.circuits.cutting_plan import plan, templates
from qhpcsim.circuits.cutting_terms import terms
from qhpcsim.execution import cutting_estimate
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_estimate import Counts, _Reconstruction, estimate, moments, variance_shares
from qhpcsim.execution.cutting_more import ROUNDS, missing_shots
from qhpcsim.execution.cutting_shots import shots_of
from tests.circuits.cutting_cases import distribution, random_problem

N_RUNS = 300


def planned(problem, num_samples=math.inf, seed=0):
    found = terms(problem.bases, num_samples, np.random.SeedSequence([77, seed]))
    return plan(templates(problem.subcircuits), problem.subobservables, found, len(problem.bases))


class Sampler:
    """Draws counts of experiments; each circuit is simulated once."""

    def __init__(self):
        self.known = {}

    def counts(self, found, shots, rng):
        return [
            self._one(each, n, rng) if each.n_bits else None for each, n in zip(found.experiments, shots, strict=True)
        ]

    def _one(self, experiment, shots, rng):
        if experiment.name not in self.known:
            body = ready(experiment.atoms, experiment.n_qubits, 0)
            table = distribution(circuit_of(body, "c"))
            p = np.array(list(table.values()))
            self.known[experiment.name] = np.array(list(table), dtype=np.uint64), p / p.sum()
        keys, p = self.known[experiment.name]
        return Counts(keys, rng.multinomial(shots, p).astype(float), int(shots))


def repeated(problem, shots, n_runs=N_RUNS, num_samples=math.inf, total=None, seed=0):
    """Return the (n_runs, K) values and standard errors of independent runs, and the last plan."""
    sampler, rng, values, errors = Sampler(), np.random.default_rng(seed), [], []
    found = planned(problem)
    for run in range(n_runs):
        if not math.isinf(num_samples):
            found = planned(problem, num_samples, run)
        result = estimate(found, sampler.counts(found, shots_of(found, shots, total), rng))
        values.append(result.values)
        errors.append(result.stderr)
    return np.array(values), np.array(errors)


def check(values, errors, exact, first=None):
    """Check bias, variance of z and coverage of each observable that has noise.

    Args:
        first: (K,) mean variance in first order alone; where higher orders add 3 % or more, errors may be too large.
    """
    n, n_sharp = len(values), 0
    low, high = stats.chi2.ppf([1e-5, 1 - 1e-5], n - 1) / (n - 1)
    for k in np.flatnonzero(errors.max(axis=0) > 1e-12):
        said, z = np.mean(errors[:, k] ** 2), (values[:, k] - exact[k]) / errors[:, k]
        assert abs(values[:, k].mean() - exact[k]) < 4.5 * values[:, k].std(ddof=1) / math.sqrt(n)
        # bands at 1e-5: of the variance of n normal numbers, and of a binomial count
        assert z.var(ddof=1) < high + 0.03 and values[:, k].var(ddof=1) / said < high + 0.03, k
        inside = int(np.sum(np.abs(z) < 1.959964))
        assert inside >= stats.binom.ppf(1e-5, n, 0.945), (k, inside)
        if first is None or said < 1.03 * first[k]:
            n_sharp += 1
            assert z.var(ddof=1) > low - 0.03 and values[:, k].var(ddof=1) / said > low - 0.03
            assert inside <= stats.binom.ppf(1 - 1e-5, n, 0.955), (k, inside)
    return n_sharp


@pytest.mark.parametrize("seed", range(4))
def test_standard_errors_are_calibrated(seed, monkeypatch):
    """Two and three partitions, gate and wire cuts, experiments shared by several terms."""
    calibrated(seed, N_RUNS, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 20))
def test_standard_errors_are_calibrated_closely(seed, monkeypatch):
    calibrated(seed, 3000, monkeypatch)


def calibrated(seed, n_runs, monkeypatch):
    problem, exact = random_problem(seed)
    monkeypatch.setattr(cutting_estimate, "_ORDER", 1)
    first = np.mean(repeated(problem, 400, n_runs=100, seed=seed)[1] ** 2, axis=0)
    monkeypatch.undo()
    check(*repeated(problem, 400, n_runs=n_runs, seed=seed), exact, first)


@pytest.mark.parametrize("seed", [1, 7])
def test_they_are_where_shots_are_spread_unevenly(seed):
    problem, exact = random_problem(seed)
    assert check(*repeated(problem, 0, total=20_000, seed=seed), exact) == 3


@pytest.mark.parametrize(("seed", "num_samples"), [(2, 30), (3, 12)])
def test_they_hold_the_variance_of_drawing_terms(seed, num_samples):
    """Draws are few enough to matter; their part is a little too large (it holds shot noise once more)."""
    problem, exact = random_problem(seed)
    values, errors = repeated(problem, 400, num_samples=num_samples, n_runs=200, seed=seed)
    shots_only = repeated(problem, 400, n_runs=50, seed=seed)[1]
    assert np.any(errors.mean(axis=0) > 1.15 * shots_only.mean(axis=0))
    check(values, errors, exact, np.zeros(3))


def flat_problem():
    """A cut whose partitions' values are all near zero: nothing is left in first order."""
    circuit = QuantumCircuit(4)
    circuit.ry(math.pi / 2 - 0.02, range(4))
    circuit.rzz(0.4, 0, 1)
    circuit.rzz(0.4, 2, 3)
    circuit.rzz(0.3, 1, 2)
    observables = PauliList(["ZZZZ", "IZZI"])
    exact = [Statevector(circuit).expectation_value(each).real for each in observables]
    return partition_problem(circuit, "AABB", observables), np.array(exact)


def test_where_only_noise_is_left_errors_are_too_large_rather_than_too_small():
    problem, exact = flat_problem()
    values, errors = repeated(problem, 300, n_runs=800)
    truth, said = values[:, 0].var(ddof=1), np.mean(errors[:, 0] ** 2)
    assert 2.0 * truth < said < 3.3 * truth
    z = (values - exact) / errors
    assert np.all(np.mean(np.abs(z) < 1.959964, axis=0) > 0.94)
    assert np.abs(z).max() < 5


def test_the_covariance_of_observables_gives_the_error_of_a_sum():
    problem, exact = random_problem(5)
    h = np.array([1.0, -0.7, 0.4])
    sampler, rng, found = Sampler(), np.random.default_rng(8), planned(problem)
    results = [estimate(found, sampler.counts(found, shots_of(found, 400, None), rng)) for _ in range(N_RUNS)]
    for result in results[:5]:
        assert result.covariance == pytest.approx(result.covariance.T, abs=1e-15)
    z = np.array([(h @ (each.values - exact)) / math.sqrt(h @ each.covariance @ h) for each in results])
    band = stats.chi2.ppf([1e-5, 1 - 1e-5], N_RUNS - 1) / (N_RUNS - 1)
    assert band[0] - 0.03 < z.var(ddof=1) < band[1] + 0.03


def test_covariances_are_those_of_many_runs():
    circuit = QuantumCircuit(2)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    problem = partition_problem(circuit, "AA", PauliList(["IZ", "ZI", "ZZ", "XX", "II"]))
    found, sampler, rng = planned(problem), Sampler(), np.random.default_rng(2)
    shots = shots_of(found, 500, None)
    runs = [estimate(found, sampler.counts(found, shots, rng)) for _ in range(1500)]
    seen = np.cov(np.array([each.values for each in runs]).T)
    said = np.mean([each.covariance for each in runs], axis=0)
    assert seen == pytest.approx(said, abs=6e-4)
    assert said[0, 1] > 0.5 * said[0, 0] and said[0, 3] == said[4, 4] == 0.0


def test_few_equal_outcomes_are_not_certainty():
    """100 shots of a coin that shows one side in 99.5 %: often all are equal, the error must still cover."""
    truth, n, rng = 0.99, 100, np.random.default_rng(4)
    covered = 0
    for _ in range(500):
        ones = rng.binomial(n, 0.005)
        got = moments(Counts(np.array([0, 1], np.uint64), np.array([n - ones, ones], float), n), [1])
        covered += abs(got.mean[0] - truth) < 2 * math.sqrt(got.covariance[0, 0])
    assert covered > 0.9 * 500


def test_a_sign_that_is_always_the_same_has_no_error():
    got = moments(Counts(np.array([0, 3], np.uint64), np.array([6.0, 4.0]), 10), [0, 3, 1])
    assert got.mean == pytest.approx([1.0, 1.0, 0.2])
    assert got.covariance[0].tolist() == [0.0, 0.0, 0.0] and got.covariance[1, 1] > 0
    assert moments(None, [0]).mean.tolist() == [1.0]


def test_eight_partitions():
    circuit = QuantumCircuit(8)
    circuit.ry(0.5, range(8))
    for q in (0, 3):
        circuit.rzz(0.5, q, q + 1)
    observables = PauliList(["Z" * 8, "X" * 8])
    exact = [Statevector(circuit).expectation_value(each).real for each in observables]
    problem = partition_problem(circuit, "ABCDEFGH", observables)
    values, errors = repeated(problem, 300, n_runs=300)
    for k in range(2):
        z = (values[:, k] - exact[k]) / errors[:, k]
        assert 0.7 < z.var(ddof=1) < 1.35
        assert np.mean(np.abs(z) < 1.959964) > 0.91


@pytest.mark.parametrize("seed", [1, 2])
def test_more_shots_reach_the_target_and_values_stay_unbiased(seed):
    (problem, exact), sampler, rng = random_problem(seed), Sampler(), np.random.default_rng(seed)
    found, target, values, errors, spent = planned(problem), 0.04, [], [], []
    n_runs, weights = 100, np.full((1, len(found.known)), 1.0 / len(found.known))
    for _ in range(n_runs):
        counts = sampler.counts(found, shots_of(found, 0, 20 * len(found.experiments)), rng)
        for _ in range(ROUNDS):
            result = estimate(found, counts)
            more = missing_shots(found, counts, result, weights, target)
            if not more.any():
                break
            counts = [merged(one, two) for one, two in zip(counts, sampler.counts(found, more, rng), strict=True)]
        values.append(float(weights[0] @ result.values))
        errors.append(math.sqrt(weights[0] @ result.covariance @ weights[0]))
        spent.append(sum(each.shots for each in counts if each is not None))
    assert max(errors) <= 1.01 * target
    assert min(spent) > 20 * len(found.experiments)
    assert 0.6 * target < np.std(values) < 1.25 * target  # it may be less: higher orders are counted more than once
    assert abs(np.mean(values) - float(weights[0] @ exact)) < 5.0 * target / math.sqrt(n_runs)


def merged(one, two):
    """Return the counts of both; the first is from all outcomes, in the sampler's order."""
    if one is None or two is None or not two.shots:
        return one
    return Counts(one.keys, one.numbers + two.numbers, one.shots + two.shots)


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_the_variance_are_its_first_order(seed):
    """With many shots the parts of all experiments add up to the variance of the sum, and each falls as 1/n."""
    (problem, _), sampler, rng = random_problem(seed), Sampler(), np.random.default_rng(seed)
    found = planned(problem)
    weights = rng.normal(size=(2, len(found.known)))
    counts = sampler.counts(found, np.full(len(found.experiments), 10**7), rng)
    covariance = estimate(found, counts).covariance
    shares = variance_shares(found, counts, weights)
    assert shares.sum(axis=1) == pytest.approx(np.diagonal(weights @ covariance @ weights.T), rel=1e-3)


PAIRS = ["I" * k + "ZZ" + "I" * (5 - k) for k in range(6)]
FIELD = ["I" * k + "X" + "I" * (6 - k) for k in range(7)]


@pytest.mark.parametrize("name", ["bv:7:seed=3", "efficient_su2:7:reps=1", "ghz:7"])
@pytest.mark.parametrize("strings", [PAIRS, PAIRS + FIELD])
def test_sets_are_left_out_and_change_nothing(name, strings, monkeypatch):
    """Those of partitions without noise, and of those that are factors; the model counts the ones that are summed."""
    observable = " + ".join(f"0.2*{string}" for string in strings)
    found = candidates_of(CutRequest.of(name, [observable], CutLimits(target_error=0.1))).candidates
    assert any(each.n_parts > 2 for each in found)
    n_sets = []

    class Counting(_Reconstruction):
        def _derivatives(self, chosen, rest, rows):
            n_sets.append(len(rows))
            return super()._derivatives(chosen, rest, rows)

        def estimate(self):
            short = super().estimate()
            summed = list(n_sets)
            self.noisy[:] = True
            self.factors, self.others = [], list(range(len(self.plan.parts)))
            assert super().estimate().covariance == pytest.approx(short.covariance, rel=1e-9, abs=1e-18)
            n_sets[:] = summed
            return short

    monkeypatch.setattr(cutting_estimate, "_Reconstruction", Counting)
    for candidate in found:
        n_sets.clear()
        run_cut(candidate.problem(), shots=50, seed=1)
        work = cut_work(candidate)
        assert (len(n_sets), sum(n_sets)) == (work.n_sets, work.n_set_strings), candidate.name


@pytest.mark.parametrize("seed", range(20))
def test_factors_of_the_sum_change_nothing(seed):
    """Random problems with a partition that no cut reaches joined to them, several observables, few shots."""
    (problem, _), sampler, rng = random_problem(seed), Sampler(), np.random.default_rng(seed)
    alone = QuantumCircuit(2)
    alone.ry(0.7, 0)
    alone.cx(0, 1)
    paulis = PauliList(rng.choice(["ZZ", "IZ", "XX", "II", "YI"], len(next(iter(problem.subobservables.values())))))
    joined = PartitionedCuttingProblem(
        {**problem.subcircuits, "alone": alone}, problem.bases, {**problem.subobservables, "alone": paulis}
    )
    found = planned(joined)
    counts = sampler.counts(found, np.full(len(found.experiments), 20), rng)
    sums = _Reconstruction(found, counts)
    assert sums.factors and sums.others
    short = sums.estimate()
    sums.factors, sums.others = [], list(range(len(found.parts)))
    every = sums.estimate()
    assert every.values == pytest.approx(short.values, rel=1e-9, abs=1e-15)
    assert every.covariance == pytest.approx(short.covariance, rel=1e-9, abs=1e-15)
