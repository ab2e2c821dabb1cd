"""Numbers in words."""

from qhpcsim.report.summary_table import difference
from qhpcsim.report.text import count, percent, plain, power, size, unbroken

NAN = float("nan")


def test_units():
    assert percent(0.8049) == "80.5 %"
    assert power(3200.0) == "3.20 kW"
    assert size(512 * 2**30) == "512 GiB"
    assert percent(NAN) == power(NAN) == "none"
    assert count(1, "job") == "1 job"
    assert count(1500, "QPU") == "1,500 QPUs"
    assert count(2, "policy") == "2 policies"
    assert unbroken("cut to 1 h 5 min (−47 %)") == "cut to 1\u00a0h 5\u00a0min (−47\u00a0%)"


def test_plain_is_one_printable_line():
    assert plain("a\nb\x00\u202ec\ud800") == "a\ufffdb\ufffd\ufffdc\ufffd"
    assert len(plain("x" * 1000)) == 60


def test_difference_has_sign_and_unit():
    assert difference("mean_wait_s", 60.0, 120.0) == "−1 min (−50 %)"
    assert difference("utilisation_frac", 0.9, 0.85) == "+5.0 points"
    assert difference("n_jobs", 5, 5) == "same"
    assert difference("mean_wait_s", None, 5.0) == ""
