"""Common seeds (S03), seeds that have nothing to do with one another (S05), too few of them (S06)."""

import dataclasses
import json
import re

import numpy as np
import pytest
from scipy import stats

from qhpcsim.cli import main
from qhpcsim.cli.compare_text import sentences
from qhpcsim.core.rng import Rng
from qhpcsim.studies.compare import compare, compared
from qhpcsim.studies.figures import Figures
from qhpcsim.studies.simulating import Workers

SERIAL = Workers("serial")
QUEUE = ["workload=poisson", "facility.nodes=16", "workload.n_jobs=500", "workload.sizes=[1,2,4,8]"]
NARROWED = "Common seeds did not narrow the intervals"
A_NUMBER = re.compile(r"\bnan\b|\binf\b", re.IGNORECASE)


def test_common_seeds_halve_the_variance_of_easy_against_fcfs(tmp_path):
    """S03: with independent seeds, the same interval would take more than twice as many runs."""
    seen = compare("replay", [*QUEUE, "policy=fcfs,easy"], 20, ["mean_wait_s"], out=tmp_path, workers=SERIAL)
    (only,) = seen.differences
    assert only.variance_ratio >= 2.0
    assert only.settled and only.mean < 0
    assert not any(NARROWED in text for text in sentences(seen))


def test_streams_that_do_not_go_together_are_named(tmp_path):
    """The second point's runs are put under one another's seeds: nothing is common any more."""
    words = [*QUEUE, "policy=fcfs,easy"]
    found = compare("replay", words, 20, ["mean_wait_s"], out=tmp_path, workers=SERIAL).found
    n = len(found.grid.seeds)
    fcfs, easy = found.rows[:n], found.rows[n:]
    order = np.argsort([figures["mean_wait_s"] for _, figures in fcfs])
    values = sorted((figures["mean_wait_s"] for _, figures in easy), reverse=True)  # the longest where it was short
    against = list(easy)
    for place, value in zip(order, values, strict=True):
        against[place] = (easy[place][0], Figures(("mean_wait_s",), (value,)))
    seen = compared(dataclasses.replace(found, rows=[*fcfs, *against]), ["mean_wait_s"])
    assert seen.differences[0].variance_ratio < 1.0
    assert any(NARROWED in text for text in sentences(seen))


def test_neighbouring_seeds_have_nothing_in_common():
    """S05: 20,000 roots in a row, one stream of each; and two streams of one root."""
    first = np.array([Rng(seed).stream("arrivals/batch").random() for seed in range(20_000)])
    other = np.array([Rng(seed).stream("runtimes/batch").random() for seed in range(20_000)])
    for lag in (1, 2, 1000):
        assert abs(np.corrcoef(first[lag:], first[:-lag])[0, 1]) < 4.0 / np.sqrt(len(first))
    assert abs(np.corrcoef(first, other)[0, 1]) < 4.0 / np.sqrt(len(first))
    assert stats.kstest(first, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("words", [[], ["--interval", "bca"], ["--interval", "t"]])
def test_one_seed_has_no_interval_and_says_so(capsys, tmp_path, words):
    given = ["compare", "replay", *QUEUE, "policy=fcfs,easy", "--seeds", "1", "--engine", "serial"]
    assert main([*given, *words, "--out", str(tmp_path / "s")]) == 0
    told = capsys.readouterr().out
    assert "one seed, so nothing is known of chance" in told
    assert "…" not in told and "±" not in told and not A_NUMBER.search(told)


def test_one_seed_of_a_sweep_and_of_a_sensitivity_study(capsys, tmp_path):
    words = [*QUEUE, "policy=fcfs,easy", "--engine", "serial", "--out", str(tmp_path / "s")]
    assert main(["sweep", "replay", *words]) == 0
    told = capsys.readouterr().out
    assert "one seed, so no interval" in told and "±" not in told and not A_NUMBER.search(told)
    words = [*QUEUE, "workload.load=0.3:0.6", "--figure", "mean_wait_s", "--trajectories", "2", "--seeds", "1"]
    assert main(["sensitivity", "replay", *words, "--engine", "serial", "--out", str(tmp_path / "x")]) == 0
    told = capsys.readouterr().out
    assert "One seed: how much of this is chance is not known." in told and not A_NUMBER.search(told)
    answer = json.loads((tmp_path / "x" / "sensitivity.json").read_text(), parse_constant=pytest.fail)
    assert answer["noise_frac"] is None


def test_bootstrap_of_few_seeds_says_that_it_covers_less(capsys, tmp_path):
    words = ["compare", "replay", *QUEUE, "policy=fcfs,easy", "--seeds", "5", "--engine", "serial"]
    for method, warned in (("bca", True), ("hall", False), ("t", False)):
        assert main([*words, "--interval", method, "--out", str(tmp_path / "s")]) == 0
        assert ("Bootstrap intervals of 5 seeds cover less than they say" in capsys.readouterr().out) == warned
