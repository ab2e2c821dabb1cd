"""Cutting on QPUs, fragments on GPUs and classifier batches against their published runs."""

import pytest

from qhpcsim.core.cards import card
from tests.middleware.seed_cases import TOLERANCE, checked

FRAGMENTS = 0.15


@pytest.fixture(scope="module")
def cutting(scripts):
    return list(scripts["seed_checks"].cutting_checks())


def test_cutting_totals_at_every_width_and_number_of_qpus(cutting):
    assert len(cutting) == 24
    assert max(abs(each.error) for each in cutting) <= TOLERANCE
    held_out = checked(cutting)
    assert len(held_out) == 12
    assert {what.split()[5] for what in held_out} == {"2", "3"}


def test_six_qubits_are_best_on_every_number_of_qpus(cutting):
    for n_qpus in "1234":
        here = [each for each in cutting if each.what.split()[5] == n_qpus]
        assert min(here, key=lambda each: each.told).what.split()[2] == "6"
        assert min(here, key=lambda each: each.measured).what.split()[2] == "6"


def test_the_fit_of_cutting_is_the_simulation(scripts):
    """The fit's shortcut (tasks in turn, added up) against the pool with a pilot for each QPU."""
    rows, runs, fit = (scripts[name] for name in ("seed_rows", "seed_runs", "fit_applications"))
    measured = rows.cutting_runs()
    law = fit.cutting_fit(measured, fit.FITTED_QPUS)
    for run in measured:
        for n in run.total_s:
            told = runs.cutting_s(run.width, n, run.find_s, run.reconstruct_s) / run.total_s[n] - 1.0
            assert told == pytest.approx(law.error(run, n), abs=2e-3)


def test_cutting_held_out_by_number_of_qpus(scripts):
    rows, fit = scripts["seed_rows"], scripts["fit_applications"]
    runs = rows.cutting_runs()
    for left in (2, 3, 4):
        law = fit.cutting_fit(runs, tuple(n for n in (1, 2, 3, 4) if n != left))
        assert max(abs(law.error(run, left)) for run in runs) <= TOLERANCE


def test_fragments_batched_and_on_demand(scripts):
    """Both ends of both curves; the rest is the slow test's."""
    errors = checked(scripts["seed_checks"].fragment_checks((4, 16, 256)))
    assert len(errors) == 6
    assert max(map(abs, errors.values())) <= FRAGMENTS


@pytest.mark.slow
def test_fragments_on_4_to_256_gpus(scripts):
    found = list(scripts["seed_checks"].fragment_checks())
    assert len(found) == 14
    assert max(abs(each.error) for each in found) <= FRAGMENTS
    told = {tuple(each.what.split()[1:4:2]): each.told for each in found}
    ratios = [told["ondemand", n] / told["batched", n] for n in map(str, (4, 8, 16, 32, 64, 128, 256))]
    assert all(ratio > 1.5 for ratio in ratios), "the published curves do not cross"
    assert ratios[0] == pytest.approx(61279 / 19390, rel=0.1)
    assert ratios[-1] == pytest.approx(945 / 581, rel=0.1)


def test_the_counts_of_fragments_add_up(scripts):
    for n_gpus, chunks in scripts["seed_rows"].fragment_chunks().items():
        assert len(chunks) == n_gpus
        assert chunks[:, :2].sum(axis=0).tolist() == [8239, 37472]
        sizes = chunks[:, :2].sum(axis=1)
        assert sizes.max() - sizes.min() <= 1
        assert (chunks[:, 2:] <= chunks[:, :2]).all()


def test_classifier_batches_that_were_not_fitted(scripts):
    errors = checked(scripts["seed_checks"].classifier_checks())
    assert len(errors) == 12
    assert max(map(abs, errors.values())) <= TOLERANCE


@pytest.mark.parametrize("name", ["ray", "dask"])
def test_the_cards_of_backends_are_what_the_script_fits(scripts, name):
    fit = scripts["fit_backends"]
    assert (fit.HERE / f"{name}.yaml").read_text(encoding="utf-8") == getattr(fit, f"{name}_card")()


@pytest.mark.parametrize(("name", "file"), [("cutting", "cutting_qpus"), ("fragments", "fragments")])
def test_the_cards_of_applications_are_what_the_script_fits(scripts, name, file, tmp_path):
    """To a thousandth: least squares ends in the same digits on one machine only."""
    fit = scripts["fit_applications"]
    again = tmp_path / "again.yaml"
    again.write_text(getattr(fit, f"{name}_card")(), encoding="utf-8")
    stored, told = card(f"middleware/applications/{file}"), card(again)
    assert list(stored.entries) == list(told.entries)
    for key in stored.entries:
        assert told.array(key) == pytest.approx(stored.array(key), rel=1e-3), key
