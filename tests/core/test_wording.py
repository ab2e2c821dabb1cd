"""Numbers, durations and energies in words: one rule for terminal, answers and reports."""

import pytest

from qhpcsim.core.wording import duration, energy, number

NAN = float("nan")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (8.6667, "8.67 s"),
        (0.25, "250 ms"),
        (0.0025, "2.50 ms"),
        (3e-8, "30.0 ns"),
        (59.96, "1 min"),
        (119.6, "2 min"),
        (150, "2 min 30 s"),
        (1380, "23 min"),
        (3599, "59 min 59 s"),
        (3599.9, "1 h"),
        (3900, "1 h 5 min"),
        (86399, "1 d"),
        (86400 * 3 + 4 * 3600, "3 d 4 h"),
        (86400 * 400, "400 d"),
        (-90, "−1 min 30 s"),
        (NAN, "none"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_numbers_keep_three_digits():
    assert number(1234567) == "1,234,567"
    assert number(0.01234) == "0.0123"
    assert number(1e-9) == "1.00e-09"
    assert number(-2.5) == "−2.50"
    assert number(NAN) == "none"


def test_energies_in_the_unit_a_person_would_choose():
    assert energy(3.6e9) == "1 MWh"
    assert energy(3.6e6 * 17.12) == "17.1 kWh"
    assert energy(1800.0) == "1,800 J"
    assert energy(0.5) == "0.500 J"
    assert energy(NAN) == "none"
