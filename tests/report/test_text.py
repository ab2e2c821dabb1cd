"""Numbers in words."""

import pytest

from qhpcsim.report.summary_table import difference
from qhpcsim.report.text import duration, energy, number, percent, plain, unbroken

NAN = float("nan")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (0.0025, "2.50 ms"),
        (59.96, "1 min"),
        (150, "2 min 30 s"),
        (3600, "1 h"),
        (3599.9, "1 h"),
        (3900, "1 h 5 min"),
        (86400 * 3 + 4 * 3600, "3 d 4 h"),
        (86400 * 400, "400 d"),
        (-90, "−1 min 30 s"),
        (NAN, "none"),
    ],
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def test_other_words():
    assert number(1234567) == "1,234,567"
    assert number(0.01234) == "0.0123"
    assert number(1e-9) == "1.00e-09"
    assert percent(0.8049) == "80.5 %"
    assert energy(3.6e9) == "1 MWh"
    assert number(NAN) == percent(NAN) == energy(NAN) == "none"
    assert unbroken("cut to 1 h 5 min (−47 %)") == "cut to 1\u00a0h 5\u00a0min (−47\u00a0%)"


def test_plain_is_one_printable_line():
    assert plain("a\nb\x00\u202ec\ud800") == "a\ufffdb\ufffd\ufffdc\ufffd"
    assert len(plain("x" * 1000)) == 60


def test_difference_has_sign_and_unit():
    assert difference("mean_wait_s", 60.0, 120.0) == "−1 min (−50 %)"
    assert difference("utilisation_frac", 0.9, 0.85) == "+5.0 points"
    assert difference("n_jobs", 5, 5) == "same"
    assert difference("mean_wait_s", None, 5.0) == ""
