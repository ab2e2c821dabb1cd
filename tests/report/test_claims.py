"""Time divided among claims, against a grid."""

import numpy as np
import pytest

from qhpcsim.report.claims import Spans, claimed


@pytest.mark.parametrize("seed", range(30))
def test_the_first_claim_has_an_instant(seed):
    rng = np.random.default_rng(seed)
    claims = []
    for _ in range(3):
        n = int(rng.integers(0, 9))
        start_s = rng.integers(0, 20, n).astype(float)
        claims.append(Spans(rng.integers(0, 4, n), start_s, start_s + rng.integers(0, 6, n)))
    expected = np.full((4, 30), -1)
    for k in reversed(range(3)):
        for owner, start_s, end_s in zip(*claims[k], strict=True):
            expected[owner, int(start_s) : int(end_s)] = k
    found = np.full((4, 30), -1)
    rows = claimed(claims)
    for owner, claim, start_s, end_s in zip(*rows, strict=True):
        assert (found[owner, int(start_s) : int(end_s)] == -1).all()
        found[owner, int(start_s) : int(end_s)] = claim
    assert (found == expected).all()
    assert sorted(zip(rows.owner, rows.start_s, strict=True)) == list(zip(rows.owner, rows.start_s, strict=True))


def test_neighbours_of_one_claim_are_one_stretch():
    spans = Spans(np.zeros(3, np.int64), np.array([0.0, 1.0, 2.5]), np.array([1.0, 2.0, 3.0]))
    rows = claimed([spans])
    assert list(zip(rows.start_s, rows.end_s, strict=True)) == [(0.0, 2.0), (2.5, 3.0)]


def test_nothing_is_claimed_by_nobody():
    none = Spans(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    assert len(claimed([none, none]).owner) == 0
