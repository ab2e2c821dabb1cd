"""Every shipped QPU card is whole; every kind of bad card is refused with card and field."""

import datetime as dt
from pathlib import Path

import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.errors import CardError, QhpcsimError
from qhpcsim.models.qpu import open_qpu, qpu_cards
from qhpcsim.models.qpu_list import qpu_rows

EXPECTED = {
    "abstract", "aqt_ibex", "ibm_2023", "ibm_eagle_r3", "ibm_heron_r1", "ibm_heron_r2", "ibm_heron_r3",
    "ibm_nighthawk_r1", "ionq_aria", "ionq_forte", "iqm_emerald", "iqm_garnet", "pasqal_fresnel", "quantinuum_h2",
    "quera_aquila", "rigetti_ankaa_3",
}  # fmt: skip

GOOD = """card: a test device
model: superconducting
method: published
source: nowhere
date: 2026-01-01
uncertainty: null
entries:
  n_qubits: {value: 5, unit: qubits}
  rep_delay: {value: 250, unit: us}
  time_layer: {value: 100, unit: ns}
  error_2q: {value: 0.01, unit: "1"}
"""


def test_all_promised_cards_are_there():
    assert set(qpu_cards()) >= EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_shipped_card_is_whole(name):
    settings = {"time_layer": "1ms"} if name == "quantinuum_h2" else {}
    model = open_qpu(name, **settings)
    for entry in model.card.entries.values():
        assert entry.licence, entry
        assert entry.date <= dt.date.today()
    assert model.card.about


def test_the_list_tells_age_and_fit_error():
    rows = {name: summary for name, summary, _ in qpu_rows()}
    assert "held-out error" in rows["ibm_2023"]
    assert "not measured on this device" in rows["ibm_heron_r2"]
    assert all("days old" in summary for summary in rows.values())


def written(folder: Path, text: str) -> str:
    path = folder / "device.yaml"
    path.write_text(text)
    return str(path)


def test_a_good_card_of_ones_own_is_read(tmp_path):
    assert open_qpu(written(tmp_path, GOOD)).numbers["rep_delay"] == pytest.approx(250e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{value: 250, unit: us}", "{value: 250}", "rep_delay: missing unit"),
        ("{value: 250, unit: us}", "{value: -250, unit: us}", "rep_delay: a time cannot be negative"),
        ("{value: 250, unit: us}", "{value: 250, unit: kg}", "rep_delay: unit 'kg' does not fit"),
        ("{value: 250, unit: us}", "{value: [1, 2], unit: us}", "rep_delay: 2 numbers"),
        ("{value: 250, unit: us}", "{value: 250, unit: us, colour: red}", "unknown field 'colour'"),
        (
            "{value: 250, unit: us}",
            "{value: 250, unit: us, valid_until: 2020-01-01}",
            "rep_delay: expired on 2020-01-01",
        ),
        ("value: 0.01", "value: 1.5", "error_2q: 1.5 is impossible"),
        ("value: 0.01", "value: .nan", "finite"),
        ("value: 5,", "value: 0,", "n_qubits: 0 is impossible"),
        ("  rep_delay:", "  rep_dealy:", "did you mean: rep_delay"),
        ("  time_layer: {value: 100, unit: ns}\n", "", "time_layer is not known"),
        ("model: superconducting", "model: supercondcting", "did you mean: superconducting"),
        ("model: superconducting\n", "", "does not name its model"),
        ("card: a test", "colour: red\ncard: a test", "unknown field 'colour'"),
    ],
)
def test_a_bad_card_is_refused_by_name(tmp_path, old, new, said):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(QhpcsimError) as caught:
        open_qpu(path)
    assert "device.yaml" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"), [({"rep_delay": "-3us"}, "rep_delay"), ({"rep": 1}, "unknown entry 'rep'")]
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(QhpcsimError, match=said):
        open_qpu("ibm_2023", **settings)


def test_laws_of_the_overhead_must_rise(tmp_path):
    law = '  overhead_levels: {value: [0.1, 0.9], unit: "1"}\n  overhead_share_one: {value: [2, 1], unit: "1"}\n'
    with pytest.raises(CardError, match="rising quantiles"):
        open_qpu(written(tmp_path, GOOD + law))


def test_unknown_cards_are_answered_with_the_nearest():
    with pytest.raises(CardError, match="did you mean: ibm_heron_r2"):
        open_qpu("ibm_herron_r2")


def test_the_head_may_name_a_model():
    assert card("qpu/ibm_2023").model == "superconducting"
