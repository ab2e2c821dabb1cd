"""Capacity plans with the simulator: prices, proofs, files, going on, growth and what is uncertain."""

import contextlib
import dataclasses
import json
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from qhpcsim.core.errors import StudyError
from qhpcsim.studies.plan import plan, planned
from qhpcsim.studies.plan_files import answer_of
from qhpcsim.studies.plan_monotone import chain_axis, chain_of
from qhpcsim.studies.plan_points import Space, value_at
from qhpcsim.studies.plan_read import read_study
from qhpcsim.studies.simulating import Workers, simulated

SERIAL = Workers("serial")
RIGID = """
scenario: replay
change: [workload=poisson, workload.n_jobs=60, facility.nodes=8, "workload.sizes=[1,2,4]"]
decide:
  facility.nodes: {values: 4..11, capital: 10, power_w: 500}
  policy: {values: [fcfs, easy], capital: {fcfs: 0, easy: 3}}
constraints:
  - {figure: p95_wait_s, below: 10min}
objective: capital
currency: kEUR
seeds: {min: 4, max: 12}
frontier: 2
"""
LOOP = """
scenario: hybrid_loop
change: [workload.n_jobs=8, workload.loops=10, workload.qpu_service.mean_s=10]
decide:
  facility.nodes: {values: 3..8, capital: 10}
  qpu.qpus.qpu.count: {values: 1..6, capital: 35}
constraints:
  - {figure: hybrid.mean_time_to_solution_s, below: 580s}
  - {figure: qpu_utilisation, above: 45%}
objective: capital
seeds: {min: 5, max: 40}
frontier: 0
"""


@pytest.fixture
def rigid(tmp_path):
    path = tmp_path / "rigid.yaml"
    path.write_text(RIGID)
    return read_study(path)


def test_prices_are_sums_over_what_is_decided(rigid):
    space = Space(rigid)
    assert space.n == 16
    dearest = space.at((7, 1))
    price = space.price(dearest)
    assert space.choices(dearest) == {"facility.nodes": "11", "policy": "easy"}
    assert price.capital == price.objective == 113
    assert price.energy_mwh == pytest.approx(11 * 500 * 8766 / 1e6)
    assert space.objective[space.order].tolist() == sorted(space.objective)


def test_cost_a_year_adds_capital_what_is_paid_and_energy(tmp_path):
    path = tmp_path / "s.yaml"
    words = "objective: cost_a_year\nlifetime_years: 5\nenergy_price_per_kwh: 0.3"
    path.write_text(RIGID.replace("objective: capital", words).replace("power_w: 500", "per_year: 2, power_w: 500"))
    space = Space(read_study(path))
    nodes = 4
    assert space.price(0).objective == pytest.approx(nodes * (10 / 5 + 2 + 0.5 * 8766 * 0.3))


def test_every_point_gets_the_same_jobs(rigid):
    """Without that, a generated load follows the machine and more nodes are of no use."""
    from qhpcsim.simulation import build

    space = Space(rigid)
    assert space.made_for == {"batch": 8}
    small, large = (build(space.scenario(point, 3))[0] for point in (0, space.n - 1))
    assert np.array_equal(small.submit_s, large.submit_s)
    assert np.array_equal(small.nodes, large.nodes)


def test_more_nodes_are_proven_to_help_for_fcfs_only(rigid):
    space = Space(rigid)
    axis = chain_axis(space)
    assert axis == 0
    fcfs, easy = space.at((2, 0)), space.at((2, 1))
    assert chain_of(space, fcfs, axis, 0) == tuple(space.at((k, 0)) for k in range(8))
    assert chain_of(space, easy, axis, 0) == ()


def test_no_proof_beside_qpus_or_where_a_job_does_not_fit(tmp_path, rigid):
    path = tmp_path / "loop.yaml"
    path.write_text(LOOP)
    space = Space(read_study(path))
    assert chain_of(space, 0, 0, 0) == ()
    changed = tuple(each.replace("[1,2,4]", "[1,6]") for each in rigid.change)
    space = Space(dataclasses.replace(rigid, change=changed))
    assert chain_of(space, 0, 0, 0) == ()


def test_the_plan_of_a_small_facility(rigid, tmp_path):
    answer = planned(rigid, tmp_path / "out", SERIAL)
    means = true_means(Space(rigid), ["p95_wait_s"], 30)[:, 0]
    space = answer.space
    good = np.flatnonzero(means < 600)
    assert answer.best is not None and answer.best.confirmed
    assert means[answer.best.point] < 600
    cheaper = [point for point in good if space.objective[point] < space.objective[answer.best.point]]
    assert set(cheaper) <= {each.point for each in answer.open}
    assert answer.n_search < answer.n_exhaustive
    assert [each.objective for each in answer.shown] == sorted(each.objective for each in answer.shown)
    frontier = [each.limits[0].mean for each in answer.shown if each.on_frontier]
    assert frontier == sorted(frontier, reverse=True)
    assert max(each.objective for each in answer.shown) == 113  # points dearer than the plan are shown too


def test_a_plan_goes_on_with_the_same_bytes(rigid, tmp_path):
    first = planned(rigid, tmp_path / "a", SERIAL)
    assert first.n_new == first.n_runs
    texts = [(tmp_path / "a" / name).read_bytes() for name in ("plan.json", "points.csv")]
    again = planned(rigid, tmp_path / "a", Workers("processes", 2))
    assert again.n_new == 0
    other = planned(rigid, tmp_path / "b", Workers("processes", 2))
    for folder in (again.folder, other.folder):
        assert [(folder / name).read_bytes() for name in ("plan.json", "points.csv")] == texts
    dearer = dataclasses.replace(rigid, constraints=(dataclasses.replace(rigid.constraints[0], limit=300.0),))
    more = planned(dearer, tmp_path / "a", SERIAL)  # other demands use the runs that are there
    assert more.n_new < more.n_runs


def test_a_killed_plan_goes_on(tmp_path):
    """Killed twice on its way, it ends with the bytes of one that was left alone."""
    path = tmp_path / "rigid.yaml"
    path.write_text(RIGID)
    whole = plan(path, tmp_path / "whole", SERIAL)
    words = [sys.executable, "-m", "qhpcsim", "plan", str(path), "--engine", "serial", "--out", str(tmp_path / "cut")]
    ledger = tmp_path / "cut" / "ledger.sqlite"
    for n_runs in (5, 20):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while process.poll() is None and _n_rows(ledger) < n_runs:
            time.sleep(0.01)
        process.kill()
        process.wait()
    n_kept = _n_rows(ledger)
    assert 5 <= n_kept <= whole.n_runs
    after = plan(path, tmp_path / "cut", SERIAL)
    assert after.n_new == whole.n_runs - n_kept
    for name in ("plan.json", "points.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def _n_rows(ledger):
    if not ledger.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(ledger, timeout=5)) as db:
            return db.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
    except sqlite3.OperationalError:  # the table is not made yet
        return 0


def test_points_at_the_same_price_are_shown(rigid, tmp_path):
    nodes, policy = rigid.variables
    free = dataclasses.replace(policy, capital=(0.0, 0.0))
    tied = dataclasses.replace(rigid, variables=(nodes, free), frontier=3)
    answer = planned(tied, tmp_path / "out", SERIAL)
    same = [each.point for each in answer.shown if each.objective == answer.space.objective[answer.best.point]]
    assert len(same) == 2


def test_jobs_that_do_not_end_well_are_counted(rigid, tmp_path):
    lublin = ("workload=lublin", "workload.n_jobs=60", "facility.nodes=16", "workload.load=0.3")
    nodes = dataclasses.replace(
        rigid.variables[0], values=("16", "32"), capital=(1.0, 2.0), power_w=(0.0,) * 2, per_year=(0.0,) * 2
    )
    easy = dataclasses.replace(rigid.constraints[0], limit=1e6)
    study = dataclasses.replace(rigid, change=lublin, variables=(nodes,), constraints=(easy,), frontier=0)
    answer = planned(study, tmp_path / "out", SERIAL)
    scenarios = [answer.space.scenario(answer.best.point, seed) for seed in range(12, 24)]
    killed = np.mean([simulated(scenario)["n_killed"] for scenario in scenarios])
    assert killed > 0
    assert answer.unserved["n_killed"] == pytest.approx(killed)


def test_another_scenario_is_refused(rigid, tmp_path):
    planned(rigid, tmp_path / "a", SERIAL)
    with pytest.raises(StudyError, match="another study"):
        planned(dataclasses.replace(rigid, change=(*rigid.change, "workload.load=0.6")), tmp_path / "a", SERIAL)


def test_growth_and_what_is_uncertain(tmp_path):
    path = tmp_path / "s.yaml"
    more = "growth: {by: [1.01, 4]}\nuncertain: {keys: {workload.load: 0.1:0.7}, draws: 6, seeds: 2}\n"
    path.write_text(RIGID + more)
    answer = plan(path, tmp_path / "out", SERIAL)
    assert [each.factor for each in answer.growth] == [1.01, 4]
    means = [each.limits[0].mean for each in answer.growth]
    assert means[0] < means[1]
    assert answer.growth[1].verdicts == ("fails",)
    drawn = answer.uncertain
    assert drawn.names == ("workload.load",)
    assert len(drawn.means[0]) == 6 and np.ptp(drawn.means[0]) > 0
    assert drawn.met[0] == np.mean(drawn.means[0] < 600)
    assert json.loads((tmp_path / "out" / "plan.json").read_text()) == json.loads(json.dumps(answer_of(answer)))


def test_card_numbers_are_drawn_for_all_copies_together(tmp_path):
    from qhpcsim.config import load
    from qhpcsim.studies.plan_cards import card_numbers

    scenario = load("hybrid_centre", ["qpu.qpus.ibex.count=2", "qpu.qpus.ibex.settings.time_2q=300us"])
    numbers = {number.name: number for number in card_numbers(scenario)}
    assert "aqt_ibex: time_2q" not in numbers  # set by the user
    number = numbers["aqt_ibex: time_readout"]
    assert (number.value, number.deviation, number.unit, number.qpus) == (1.5, 0.2, "ms", ("ibex",))
    moved = load("hybrid_centre", ["qpu.qpus.ibex.count=2", *number.overrides(2.0)])
    assert {moved.qpu.qpus[name].settings["time_readout"] for name in ("ibex", "ibex-2")} == {"1.9ms"}
    assert number.overrides(-100.0) == ["qpu.qpus.ibex.settings.time_readout=0.0015ms"]


def test_a_figure_that_does_not_exist_is_named(rigid, tmp_path):
    wrong = dataclasses.replace(rigid.constraints[0], figure="p95_wiat_s")
    with pytest.raises(StudyError, match="did you mean: p95_wait_s"):
        planned(dataclasses.replace(rigid, constraints=(wrong,)), tmp_path / "a", SERIAL)


def test_value_at_names_the_nearest_key():
    from qhpcsim.config import load

    scenario = load("hybrid_loop")
    assert value_at(scenario, "workload.n_jobs") == 10
    with pytest.raises(StudyError, match="did you mean: n_jobs"):
        value_at(scenario, "workload.njobs")


def true_means(space, figures, n_seeds, first=1_000_000):
    """Return the mean of figures at every point, shape (points, figures), on seeds that no plan uses."""
    return np.array(
        [
            np.mean([_run(space.scenario(point, first + seed), figures) for seed in range(n_seeds)], axis=0)
            for point in range(space.n)
        ]
    )


def _run(scenario, figures):
    row = simulated(scenario)
    return [row[name] for name in figures]


@pytest.mark.slow
def test_the_true_optimum_of_a_hybrid_facility(tmp_path):
    """The promise of `plan`: in at least 95 of 100 trials, each with at most 25 % of the exhaustive runs.

    The optimum lies about 0.6 standard deviations between seeds inside its limit: nearer ones take more than 40 seeds,
    and are named as undecided.
    """
    path = tmp_path / "loop.yaml"
    path.write_text(LOOP)
    study = read_study(path)
    space = Space(study)
    means = true_means(space, [constraint.figure for constraint in study.constraints], 60)
    good = (means[:, 0] < 580) & (means[:, 1] > 0.45)
    best = space.objective[good].min()
    right, named, shares = 0, 0, []
    for trial in range(100):
        shifted = dataclasses.replace(study, change=(*study.change, f"seed={1000 * trial}"))
        answer = planned(shifted, tmp_path / f"{trial}", SERIAL)
        is_right = answer.best is not None and space.objective[answer.best.point] == best
        right += is_right
        named += not is_right and best in [space.objective[each.point] for each in answer.open]
        shares.append(answer.n_search / answer.n_exhaustive)
    print(f"right in {right} of 100 trials, the optimum named as undecided in {named}")
    print(f"runs {100 * np.mean(shares):.1f} %, at most {100 * max(shares):.1f} %")
    assert right >= 95
    assert right + named >= 98
    assert max(shares) <= 0.25
