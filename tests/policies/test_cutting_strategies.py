"""Cutting strategies against figures worked out by hand, and the published equations against their own example."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import entries, lookup
from qhpcsim.policies.cutting.fixed_width import FixedWidthParams
from qhpcsim.policies.cutting.power_law import PowerLaw, SpeedupRow, most_qubits, refit
from qhpcsim.policies.cutting.qdreamer_refit import QDreamerRefitParams
from qhpcsim.policies.cutting.strategy import CutOption, CutView, nearest_below

V02, V04 = PowerLaw(0.0008, 0.3233), PowerLaw(0.0002, 0.7630)
README = ((18, 1, 520.0), (12, 2, 248.0), (9, 3, 45.0))
"""Size of the parts, cuts and speed-up that Q-Dreamer states for 36 qubits on 8 workers."""
GIB = 2.0**30


@dataclass(frozen=True)
class Cost:
    total_s: float
    feasible: str = ""


WHOLE = CutOption("no cut", (20,))
HALVES = CutOption("split 10", (10, 10), 1, 1, 0, 9.0, 12, 10, 10)
WIRES = CutOption("find_cuts 10", (10, 11), 1, 0, 1, 16.0, 16, 14, 14)
THIRDS = CutOption("split 7", (7, 7, 6), 2, 2, 0, 81.0, 108, 35, 35)
VIEW = CutView(20, 8, 64 * GIB, (WHOLE, HALVES, WIRES, THIRDS))


def choose(name, view=VIEW, params=None):
    return lookup("cutting", name).target(params).choose(view)


def predicted(*seconds):
    options = (replace(option, predicted=Cost(s)) for option, s in zip(VIEW.options, seconds, strict=True))
    return replace(VIEW, options=tuple(options))


def symmetric(one, two):
    return min(one, two) / max(one, two)


@pytest.mark.parametrize(
    ("law", "expected"), [(V02, (83.8, 562.0, 270.0)), (V04, (15.45, 48.9, 9.27))], ids=["v0.2", "v0.4"]
)
def test_the_published_laws_on_their_own_example(law, expected):
    for (size, n_cuts, stated), speedup in zip(README, expected, strict=True):
        found = law.speedup(36, size, n_cuts, 9.0**n_cuts, 8)
        rounds = math.ceil(9**n_cuts / 8)
        assert found == pytest.approx(law.eta_max * 2 ** (36 - size) / rounds ** (1 + law.p))
        assert found == pytest.approx(speedup, rel=0.01)
        low, high = (0.16, 0.45) if law is V02 else (0.029, 0.21)
        assert low <= symmetric(found, stated) <= high


def test_the_refitted_law_misses_its_own_example_too():
    law = refit([SpeedupRow(36, size, 9.0**k, 8, s) for size, k, s in README])
    found = [law.speedup(36, size, k, 9.0**k, 8) for size, k, _ in README]
    assert found == pytest.approx([356, 492, 33], rel=0.02)
    assert found.index(max(found)) == 1, "18 qubits are the best as stated, 12 by the law"


def test_refit_finds_a_law_that_made_the_rows():
    law = PowerLaw(0.003, 0.5)
    rows = [
        SpeedupRow(30, m, t, w, law.speedup(30, m, 1, t, w)) for m, t, w in ((20, 12, 1), (15, 108, 4), (10, 864, 2))
    ]
    found = refit(rows)
    assert (found.eta_max, found.p) == pytest.approx((0.003, 0.5))


def test_refit_weighs_rows_by_their_number():
    rows = [SpeedupRow(10, 5, 1, 1, 3.2), SpeedupRow(10, 5, 4, 1, 0.1), SpeedupRow(10, 5, 4, 1, 0.4, weight=1e9)]
    assert refit(rows).speedup(10, 5, 1, 4, 1) == pytest.approx(0.4, rel=1e-3)


def test_refit_needs_two_numbers_of_rounds():
    with pytest.raises(ConfigError, match="two numbers of rounds"):
        refit([SpeedupRow(30, 20, 12, 1, 2.0), SpeedupRow(30, 15, 12, 1, 3.0)])


def test_efficiency_stays_between_its_bounds():
    assert PowerLaw(5.0, 0.1).eta(2.0) == 1.0
    assert PowerLaw(1.0, 9.0).eta(1e9) == 1e-12
    assert V04.speedup(30, 30, 0, 1, 8) == 1.0


@pytest.mark.parametrize(("gib", "expected"), [(40, 31), (80, 32), (180, 32), (1e-6, 5)])
def test_sizes_fit_the_memory(gib, expected):
    assert most_qubits(36, gib * GIB) == expected
    assert most_qubits(20, gib * GIB) == min(expected, 19)


def test_every_strategy_is_described_and_chooses():
    view = replace(predicted(4.0, 3.0, 2.0, 1.0))
    view = replace(view, options=tuple(replace(each, measured_s=1.0) for each in view.options))
    for name, entry in entries("cutting").items():
        assert entry.summary and all(f"{word}:" in entry.target.__doc__ for word in ("Model", "Assumes", "Source"))
        params = QDreamerRefitParams(eta_max=0.001, p=0.5) if name == "qdreamer_refit" else None
        assert choose(name, view, params) in range(4)
        assert choose(name, replace(view, options=(view.options[0],)), params) == 0


def test_none():
    assert choose("none") == 0
    parts = CutOption("components", (10, 10))
    assert choose("none", replace(VIEW, options=(HALVES, parts, WHOLE))) == 2
    assert choose("none", replace(VIEW, options=(HALVES, parts))) == 1
    with pytest.raises(ConfigError, match="without a cut"):
        choose("none", replace(VIEW, options=(HALVES,)))


def test_nearest_below():
    assert [nearest_below(VIEW, width) for width in (25, 20, 19, 11, 10, 9, 7, 6, 1)] == [0, 0, 2, 2, 1, 3, 3, 3, 3]


def test_fixed_width_is_nearest_below():
    assert choose("fixed_width") == 1
    assert [choose("fixed_width", params=FixedWidthParams(width=w)) for w in (20, 12, 8, 3)] == [0, 2, 3, 3]


def test_min_overhead_takes_the_least_that_is_narrow_enough():
    assert choose("min_overhead") == 1
    wide = lookup("cutting", "min_overhead").params(max_width=20)
    assert choose("min_overhead", params=wide) == 0


def test_modelled_takes_the_least_time_that_can_be_run():
    assert choose("modelled", predicted(4.0, 1.5, 1.0, 3.0)) == 2
    assert choose("modelled", predicted(1.0, 1.0, 1.0, 1.0)) == 0
    view = predicted(4.0, 1.5, 1.0, 3.0)
    small = replace(view.options[2], predicted=Cost(math.inf, "memory"))
    assert choose("modelled", replace(view, options=(*view.options[:2], small, view.options[3]))) == 1
    with pytest.raises(ConfigError, match="no prediction"):
        choose("modelled")
    with pytest.raises(ConfigError, match="memory"):
        choose("modelled", replace(view, options=(small,)))


def test_oracle_takes_the_measured_best():
    options = tuple(replace(option, measured_s=s) for option, s in zip(VIEW.options, (2.0, 0.5, 1.0, 0.6), strict=True))
    assert choose("oracle", replace(VIEW, options=options)) == 1
    with pytest.raises(ConfigError, match="4 of 4 options"):
        choose("oracle")


def test_v04_by_hand():
    """24 qubits, 64 workers: sizes 10 and 11 need 2 cuts, R = 2, 12 and more 1 cut, R = 1: S = 0.0002 * 2^12 = 0.82."""
    strategy = lookup("cutting", "qdreamer_v04").target()
    assert strategy.speedup(24, 12, 64) == pytest.approx(0.0002 * 2**12)
    assert strategy.speedup(24, 10, 64) == pytest.approx(0.0002 * 2**14 / 2**1.763)
    options = (replace(WHOLE, widths=(24,)), HALVES, THIRDS)
    assert choose("qdreamer_v04", CutView(24, 64, 64 * GIB, options)) == 0, "the best S is 0.97"
    assert choose("qdreamer_v04", CutView(24, 128, 64 * GIB, options)) == 1, "81 tasks are one round: S = 3.3 at 10"


def test_v02_by_hand():
    """20 qubits, 8 workers, sizes 10 to 19: halves make 12 tasks, so R = 2 and S = 0.0008 * 2^10 / 2^1.3233 = 0.33."""
    strategy = lookup("cutting", "qdreamer_v02").target()
    assert strategy.speedup(VIEW, 10) == pytest.approx(0.0008 * 2**10 / 2**1.3233)
    assert strategy.speedup(VIEW, 11) == pytest.approx(0.0008 * 2**9 / 2**1.3233), "16 tasks of 20 counted at most"
    assert choose("qdreamer_v02") == 1, "it never asks whether S exceeds 1"
    exact = replace(VIEW, options=(WHOLE, THIRDS))
    assert strategy.speedup(exact, 10) == pytest.approx(0.0008 * 2**10 / math.ceil(30 / 8) ** 1.3233)
    assert strategy.speedup(replace(VIEW, options=(WHOLE,)), 18) == pytest.approx(0.0008 * 2**2 / 2**1.3233)
    assert choose("qdreamer_v02", replace(VIEW, n=10)) == 0, "no size between 10 and 9"


def test_refit_strategy_takes_true_task_counts():
    params = QDreamerRefitParams(eta_max=0.01, p=0.0)
    found = [PowerLaw(0.01, 0.0).speedup(20, w, k, m, 8) for w, k, m in ((10, 1, 12), (11, 1, 16), (7, 2, 108))]
    assert found == pytest.approx([5.12, 2.56, 81.92 / 14])
    assert choose("qdreamer_refit", params=params) == 3
    assert choose("qdreamer_refit", params=replace(params, eta_max=1e-6)) == 0
