"""Placement policies on options made by hand, and what every one of them keeps to."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError, FacilityError, QhpcsimError
from qhpcsim.core.registry import entries, lookup
from qhpcsim.policies.placement.placement import Option, Placement

GPU = Option("gpu:a100_40", wait_s=90.0, run_s=10.0, fidelity=1.0, cost=4.0)
QPU = Option("qpu", wait_s=20.0, run_s=5.0, fidelity=0.6, cost=8.0)
CUT = Option("cut", wait_s=0.0, run_s=50.0, fidelity=1.0, cost=16.0)
ALL = (GPU, QPU, CUT)


def policy(name: str, **params: object) -> Placement:
    entry = lookup("placement", name)
    assert entry.params is not None
    made: Placement = entry.target(entry.params(**params))
    return made


@pytest.mark.parametrize(
    ("name", "params", "taken"),
    [
        ("least_completion", {}, "qpu"),  # 25 s
        ("best_fidelity", {}, "cut"),  # fidelity 1 like the GPU's, after 50 s instead of 100
        ("cheapest", {}, "gpu:a100_40"),
        ("fixed", {}, "gpu:a100_40"),
        ("fixed", {"alternative": "cut"}, "cut"),
        ("fixed", {"alternative": "gpu"}, "gpu:a100_40"),
        # losses: gpu 0.75 t, qpu 0.4 F + 0.5 c, cut 0.5 t + 0.75 c
        ("weighted", {"completion": 1, "fidelity": 0}, "qpu"),
        ("weighted", {"completion": 1, "fidelity": 1}, "qpu"),  # 0.75, 0.4, 0.5
        ("weighted", {"completion": 1, "fidelity": 2}, "cut"),  # 0.75, 0.8, 0.5
        ("weighted", {"completion": 1, "fidelity": 2, "cost": 1}, "gpu:a100_40"),  # 0.75, 1.3, 1.25
        ("weighted", {"completion": 0, "fidelity": 0, "cost": 1}, "gpu:a100_40"),
    ],
)
def test_choices_by_hand(name: str, params: dict[str, float], taken: str) -> None:
    assert ALL[policy(name, **params).choose(ALL)].name == taken


def test_weights_count_by_their_ratio() -> None:
    for factor in (0.01, 1.0, 30.0):
        assert policy("weighted", completion=factor, fidelity=2 * factor).choose(ALL) == 2


@pytest.mark.parametrize("name", entries("placement"))
def test_ties_go_to_the_first(name: str) -> None:
    assert policy(name).choose([GPU, GPU, GPU]) == 0


def test_a_fidelity_that_nobody_knows_counts_as_nothing() -> None:
    unknown = Option("qpu", 0.0, 1.0, math.nan, 1.0)
    assert policy("best_fidelity").choose([unknown, QPU]) == 1
    assert policy("weighted", completion=0.0, fidelity=1.0).choose([unknown, QPU]) == 1


def test_a_cost_that_nobody_knows_is_an_error_where_costs_count() -> None:
    unknown = Option("cut", 0.0, 1.0)
    for made in (policy("cheapest"), policy("weighted", cost=0.1)):
        with pytest.raises(ConfigError, match="cost of alternative cut is not known"):
            made.choose([GPU, unknown])
    assert policy("weighted").choose([GPU, unknown]) == 1


def test_what_would_never_end_comes_last() -> None:
    lost = Option("gpu", 0.0, math.inf, 1.0, 0.0)
    for name in ("least_completion", "best_fidelity", "cheapest", "weighted"):
        assert policy(name).choose([lost, QPU]) == 1
        assert policy(name).choose([lost, lost]) == 0


def test_nothing_left_says_why_for_each() -> None:
    options = [Option("gpu", why_not="too wide"), Option("qpu", why_not="no QPU")]
    with pytest.raises(FacilityError, match=r"stage x: .*gpu: too wide; qpu: no QPU"):
        policy("least_completion").choose(options, "stage x")
    with pytest.raises(FacilityError, match="gpu cannot be taken: too wide"):
        policy("fixed", alternative="gpu").choose(options)


def test_mistakes() -> None:
    with pytest.raises(ConfigError, match=r"(?s)no alternative 'qpuu'.*did you mean: qpu"):
        policy("fixed", alternative="qpuu").choose(ALL)
    with pytest.raises(ConfigError, match="weights"):
        policy("weighted", completion=0.0, fidelity=0.0)


options = st.builds(
    Option,
    name=st.sampled_from("abc"),
    wait_s=st.floats(0, 1e6),
    run_s=st.one_of(st.floats(0, 1e6), st.just(math.inf)),
    fidelity=st.one_of(st.floats(0, 1), st.just(math.nan)),
    cost=st.floats(0, 1e6),
    why_not=st.sampled_from(["", "too wide"]),
)


@pytest.mark.parametrize("name", entries("placement"))
@given(offered=st.lists(options, min_size=1, max_size=5))
def test_what_cannot_be_taken_never_is(name: str, offered: list[Option]) -> None:
    try:
        taken = policy(name).choose(offered)
    except QhpcsimError:
        assert all(option.why_not for option in offered) or (name == "fixed" and offered[0].why_not)
        return
    assert not offered[taken].why_not
    finite = [option for option in offered if not option.why_not and option.completion_s < math.inf]
    if name == "least_completion" and finite:
        assert offered[taken].completion_s == min(option.completion_s for option in finite)


@given(offered=st.lists(options, min_size=1, max_size=5))
def test_only_time_or_only_fidelity_is_what_the_single_goal_takes(offered: list[Option]) -> None:
    able = [option for option in offered if not option.why_not and option.completion_s < math.inf]
    if not able:
        return
    by_time = offered[policy("weighted", completion=1.0, fidelity=0.0).choose(offered)]
    assert by_time.completion_s == pytest.approx(min(each.completion_s for each in able), rel=1e-12, abs=1e-300)
    by_fidelity = offered[policy("weighted", completion=0.0, fidelity=1.0).choose(offered)]
    assert by_fidelity.known_fidelity == pytest.approx(max(each.known_fidelity for each in able), abs=1e-12)
