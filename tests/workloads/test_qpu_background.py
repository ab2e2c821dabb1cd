"""The background load of a QPU: agreement with the published series, determinism, and the rules of the law."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace

import numpy as np
import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.errors import CardError
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.backlog_level import BacklogLevel
from qhpcsim.workloads.pending_series import MINUTE_S, simulate, statistics
from qhpcsim.workloads.qpu_background import CARD, BackgroundStream, backends, background
from tests.reference import reference

SERIES = "qpu/qonductor_ibm_pending_jobs_1min.csv.gz"
DAY_S = 86400.0
FRESH_SEEDS = range(100, 112)
"""Neither the fit nor its report has seen them."""
FIGURES = ("median", "p99", "batch_gap_cv", "job_gap_cv")


@pytest.fixture(scope="module")
def series():
    with gzip.open(reference(SERIES), "rt") as lines:
        names, *rows = csv.reader(lines)
    values = np.array([[float(x) if x else np.nan for x in row[1:]] for row in rows])
    return dict(zip(names[1:], values.T, strict=True))


def means(name: str, n_minutes: int, seeds) -> dict[str, float]:
    law = background(name)
    seen = [statistics(simulate(law, n_minutes * MINUTE_S, Rng(seed)).pending(n_minutes)) for seed in seeds]
    return {figure: float(np.mean([getattr(s, figure) for s in seen])) for figure in FIGURES}


@pytest.mark.parametrize("name", backends())
def test_median_p99_and_gaps_agree_with_the_series_on_fresh_seeds(name, series):
    """Mean over twelve fresh seeds within 15 % of the data."""
    data = statistics(series[name])
    got = means(name, len(series[name]), FRESH_SEEDS)
    assert got == pytest.approx({figure: getattr(data, figure) for figure in FIGURES}, rel=0.15)


def test_the_card_holds_every_backend_of_the_series(series):
    assert backends() == tuple(series)


def test_gaps_are_burstier_than_poisson():
    """The jobs of a Poisson process seen once a minute have a cv near 1."""
    for name in backends():
        figures = statistics(simulate(background(name), 10 * DAY_S, Rng(3)).pending(14400))
        assert figures.job_gap_cv > 1.5


def test_entries_have_units_and_sources():
    read = card(CARD)
    assert len(backends()) == 12
    for name in backends():
        assert read.entry(f"{name}.levels").unit == "jobs"
        assert read.entry(f"{name}.turn").unit == "h"
        assert "Qonductor" in read.entry(f"{name}.look_gap").source


def test_levels_never_fall_and_knots_run_from_0_to_1():
    for name in backends():
        law = background(name).level
        assert law.probabilities[0] == 0.0
        assert law.probabilities[-1] == 1.0
        assert np.all(np.diff(law.probabilities) > 0)
        assert np.all(np.diff(law.jobs) >= 0)
        assert len(law.jobs) == len(law.probabilities)


def test_an_unknown_backend_gets_the_nearest_name():
    with pytest.raises(CardError, match="ibm_perth"):
        background("ibm_pert")


def test_equal_seeds_give_equal_runs_and_others_differ():
    law = background("ibm_hanoi")
    first, again, other = (simulate(law, 2 * DAY_S, Rng(seed)) for seed in (5, 5, 6))
    assert first.submit_s.tobytes() == again.submit_s.tobytes()
    assert first.service_s.tobytes() == again.service_s.tobytes()
    assert first.user.tobytes() == again.user.tobytes()
    assert first.submit_s.tobytes() != other.submit_s.tobytes()


def test_a_longer_run_begins_like_a_shorter_one():
    law = background("ibm_lagos")
    short, long = (simulate(law, days * DAY_S, Rng(1)) for days in (1, 2))
    n = len(short.submit_s)
    assert np.array_equal(long.submit_s[:n], short.submit_s)
    assert np.array_equal(long.finish_s[:n], short.finish_s)


def test_looks_do_not_depend_on_what_users_find():
    law = background("ibm_perth")
    busy, idle = BackgroundStream(law, Rng(2)), BackgroundStream(law, Rng(2))
    for _ in range(200):
        assert busy.next_look_s == idle.next_look_s
        busy.look(10_000)
        idle.look(0)


def test_qpus_of_one_law_and_different_names_are_independent():
    law = background("ibm_perth")
    one, two = (BackgroundStream(law, Rng(2), name) for name in ("qpu_a", "qpu_b"))
    assert one.next_look_s != two.next_look_s


def test_users_fill_the_queue_up_to_the_level_and_balk_above_it():
    stream = BackgroundStream(background("ibm_nairobi"), Rng(4))
    sizes = []
    for _ in range(300):
        level = stream.level.jobs(stream.next_look_s)
        batch = stream.look(0)
        sizes.append((level, 0 if batch is None else len(batch.service_s)))
    assert all(abs(n - level) <= 1.0 for level, n in sizes)
    assert sum(stream.look(10**6) is not None for _ in range(300)) <= 5


def test_initial_backlog_is_the_level_and_has_positive_services():
    stream = BackgroundStream(background("ibm_sherbrooke"), Rng(11))
    batch = stream.initial()
    assert batch is not None
    assert batch.time_s == 0.0
    assert len(batch.service_s) == pytest.approx(stream.level.jobs(0.0), abs=1)
    assert np.all(batch.service_s > 0)


def test_the_level_spends_equal_time_at_every_height():
    law = replace(background("ibmq_mumbai").level, turn_cv=0.0)
    level = BacklogLevel(law, Rng(0).stream("level"))
    heights = np.quantile([level.jobs(t) for t in np.linspace(0.0, 4 * law.turn_s, 8001)], law.probabilities)
    assert heights[1:-1] == pytest.approx(law.jobs[1:-1], rel=0.02, abs=0.7)


def test_pending_counts_submissions_less_departures():
    run = simulate(background("ibm_cairo"), DAY_S, Rng(8))
    pending = run.pending(1440)
    assert pending.min() >= 0
    for minute in (0, 700, 1439):
        inside = (run.submit_s <= minute * MINUTE_S) & (run.finish_s > minute * MINUTE_S)
        assert pending[minute] == inside.sum()
    assert np.all(np.diff(run.finish_s) > 0)
    assert np.all(run.wait_s >= 0)


def test_statistics_of_a_series_by_hand():
    """Rises at minutes 1 (2 jobs), 4 (1) and 5 (3); nan hides the rise across it."""
    figures = statistics([0, 2, 1, 1, 2, 5, np.nan, 9, 9])
    assert figures.n_batches == 3
    assert figures.n_jobs == 6
    assert figures.median == pytest.approx(2.0)
    assert figures.batch_gap_cv == pytest.approx(0.5)
    gaps = [3.0, 1.0, 0.0, 0.0]
    assert figures.job_gap_cv == pytest.approx(np.std(gaps) / np.mean(gaps))
