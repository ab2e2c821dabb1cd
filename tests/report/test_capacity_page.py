"""The report of a capacity plan: every outcome, its pictures to scale, nothing invented, nothing hostile let in."""

import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from html.parser import HTMLParser

import pytest

from qhpcsim.core.errors import ReportError
from qhpcsim.report.capacity_axis import axis
from qhpcsim.report.capacity_data import read_capacity
from qhpcsim.report.capacity_facility import MOST_SQUARES, facility_picture
from qhpcsim.report.capacity_frontier import MOST_POINTS, frontiers
from qhpcsim.report.capacity_page import render_capacity, write_capacity_report
from qhpcsim.report.capacity_words import choice_words, figure_words
from tests.report.capacity_made import ROWS, WAIT, answer, growth, nothing_found, uncertain, write

SVG = "{http://www.w3.org/2000/svg}"


class Words(HTMLParser):
    """The visible words of a page, and the ids of its sections."""

    def __init__(self, page):
        super().__init__()
        self.parts, self.sections, self.hidden = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.hidden = tag in ("style", "script")
        if tag == "section":
            self.sections.append(dict(attrs)["id"])

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden:
            self.parts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.parts).replace("\xa0", " ").split())


def page_of(folder, made=None, rows=ROWS):
    return render_capacity(read_capacity(write(folder, made, rows)))


def drawn(picture):
    return ET.fromstring(picture)


def of_class(root, name, tag="*"):
    found = root.iter() if tag == "*" else root.iter(SVG + tag)
    return [each for each in found if name in each.get("class", "").split()]


OUTCOMES = {
    "found": lambda: answer(),
    "all sections": lambda: answer(growth=growth(), uncertain=uncertain()),
    "open": lambda: answer(certain=False, cheaper_open=[{"why": WAIT}], cheaper_untested=0),
    "untested": lambda: answer(certain=False, cheaper_untested=3, budget_spent=True),
    "none": lambda: nothing_found(),
    "spent": lambda: nothing_found(budget_spent=True, cheaper_untested=9),
    "no run": lambda: answer(basis={"choices": answer()["basis"]["choices"], "problem": "timed_out: too long"}),
    "no bound": lambda: answer(
        constraints=[each | {"bound": None, "margin": None} for each in answer()["constraints"]]
    ),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_outcome_prints_what_is_no_number(outcome, tmp_path):
    page = page_of(tmp_path / "p", OUTCOMES[outcome]())
    text = Words(page).text
    assert not re.search(r"\b(nan|inf|infinity|none|null|undefined)\b(?! stated)", text, re.IGNORECASE)
    assert "None" not in page.split("<script>")[0].replace("None stated", "")


def test_the_answer_and_its_numbers(tmp_path):
    text = Words(page_of(tmp_path / "p")).text
    assert "5 nodes and 2 QPUs at 120 kEUR: the cheapest choice found that meets both constraints" in text
    assert "every cheaper choice is shown to fail." in text
    assert "mean wait below 10 min 6 min 52 s below 8 min 18 s 1 min 42 s 95 % 40" in text
    assert "QPU utilisation above 50.0 % 61.0 % above 55.0 % 5.0 % 90 % 40" in text
    assert "5 nodes 50 kEUR 2 QPUs 70 kEUR together 120 kEUR" in text
    assert "A second sentence." in text and "The cheapest plan found is this" not in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("open", "1 cheaper choice could not be decided"),
        ("untested", "3 cheaper choices were not tried"),
        ("none", "No plan was found: every point is shown to fail a constraint"),
        ("no run", "Which models the plan uses is not known: its run gave no result (timed_out: too long)"),
    ],
)
def test_what_is_not_sure_is_said(outcome, words, tmp_path):
    text = Words(page_of(tmp_path / "p", OUTCOMES[outcome]())).text
    assert words in text
    assert "every cheaper choice" not in text or outcome == "no run"


def test_sections_come_and_go(tmp_path):
    assert Words(page_of(tmp_path / "a")).sections == [
        "facility", "assumptions", "results", "frontier", "concluded", "models", "again",
    ]  # fmt: skip
    page = Words(page_of(tmp_path / "b", OUTCOMES["all sections"]()))
    assert {"growth", "uncertain"} < set(page.sections)
    assert "mean wait below 10 min +25 % 8 min 20 s 7 min 30 s … 9 min 10 s yes" in page.text
    assert "mean wait below 10 min +50 % – no interval not decided" in page.text
    assert "seed 3: no room" in page.text
    assert "lowest … highest" in page.text  # three draws have no 5 % and no 95 %
    assert "mean wait below 10 min 6 min 40 s … 11 min 40 s 1 of 3" in page.text


def test_points_and_bars_lie_to_scale(tmp_path):
    """Equal steps of cost are equal steps on paper, and so are means and ends of intervals."""
    capacity = read_capacity(write(tmp_path / "p"))
    for picture in (frontiers(capacity)[0].wide, frontiers(capacity)[0].narrow):
        root = drawn(picture)
        points = of_class(root, "point", "g")
        assert len(points) == 4  # the fifth was proven: there is nothing to draw
        rows = sorted(ROWS[:4], key=lambda row: row[2])
        told = {each.find(SVG + "title").text.splitlines()[0]: each for each in points}
        found = [told[f"{row[0]} nodes and {row[1]} QPUs"] for row in rows]
        x = [float(of_class(each, "hit")[0].get("cx")) for each in found]
        assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.05) == pytest.approx(x[3] - x[2], abs=0.05)
        y = [float(of_class(each, "hit")[0].get("cy")) for each in found]
        unit = (y[2] - y[0]) / (900.0 - 412.0)
        assert unit > 0  # longer waits are higher up
        limit = float(of_class(root, "limit", "line")[0].get("y1"))
        assert limit - y[0] == pytest.approx(unit * (900.0 - 600.0), abs=0.1)
        for row, each, at in zip(rows, found, y, strict=True):
            ends = [float(of_class(each, "bar")[0].get(key)) for key in ("y1", "y2")]
            assert ends[0] - at == pytest.approx(unit * (row[6] - row[8]), abs=0.1)
            assert at - ends[1] == pytest.approx(unit * (row[9] - row[6]), abs=0.1)


def test_colours_say_what_is_decided(tmp_path):
    root = drawn(frontiers(read_capacity(write(tmp_path / "p")))[0].wide)
    kinds = [of_class(each, "glyph")[0].get("class").split()[1] for each in of_class(root, "point", "g")]
    assert sorted(kinds) == ["fails", "looked-at", "open", "plan"]
    assert {each.get("class") for each in of_class(root, "glyph")} == {f"glyph {kind}" for kind in kinds}


def test_one_run_has_no_interval(tmp_path):
    alone = [(*row[:5], 1, *row[6:8], "", "", "", "") for row in ROWS[:4]]
    page = page_of(tmp_path / "p", rows=alone)
    figure = frontiers(read_capacity(tmp_path / "p"))[0]
    assert of_class(drawn(figure.wide), "bar") == []
    assert "Of 4 points fewer than two seeds have the figure: no interval." in figure.caption
    assert "(no interval)" in Words(page).text


def test_a_figure_that_no_run_has(tmp_path):
    silent = [(*row[:5], 0, *[""] * 6) for row in ROWS]
    text = Words(page_of(tmp_path / "p", nothing_found(), silent)).text
    assert "No point has this figure: there is nothing to draw." in text


def test_many_points_are_thinned_in_words(tmp_path):
    rows = [("3", "1", 10.0 + k, "fails", WAIT, 5, 900.0, 0.8, 800.0, 1000.0, 0.7, 0.9) for k in range(900)]
    capacity = read_capacity(write(tmp_path / "p", rows=[*rows, ROWS[2]]))
    figure = frontiers(capacity)[0]
    assert len(of_class(drawn(figure.wide), "point", "g")) == MOST_POINTS
    assert len(of_class(drawn(figure.wide), "plan", "circle")) == 2  # in the legend and in the picture
    assert f"{MOST_POINTS} of 901 points are drawn" in figure.caption
    assert "The cheapest 500 of 901 points" in Words(render_capacity(capacity)).text


def test_waits_over_decades_stand_on_a_logarithmic_axis():
    found = axis([1.0, 10.0, 100.0], 100.0, 8)
    assert found.log
    assert found.at(10.0) - found.at(1.0) == pytest.approx(found.at(100.0) - found.at(10.0))
    assert len(found.ticks) <= 8 and all(found.low <= value <= found.high for value, _ in found.ticks)
    plain = axis([10.0, 12.0], 1e9, 8, "mean_wait_s")
    assert not plain.log and plain.beyond(1e9)  # one endless interval does not flatten all others


@pytest.mark.parametrize("values", [[5.0], [0.0], [0.0, 0.0], [-3.0, 4.0], [1e-6, 2e-6], [1e9, 1.01e9], [0.2, 80.0]])
@pytest.mark.parametrize("figure", ["", "mean_wait_s", "qpu_utilisation", "energy_j"])
def test_any_values_get_an_axis(values, figure):
    found = axis(values, max(values), 6, figure)
    assert found.low < found.high and 1 <= len(found.ticks) <= 6
    assert all(0 <= found.at(value) <= 1 for value in values)
    assert len({text for _, text in found.ticks}) == len(found.ticks)


def test_the_facility_has_a_mark_for_each_node_and_qpu():
    picture = facility_picture(answer()["basis"])
    for root in (drawn(picture.wide), drawn(picture.narrow)):
        legend, nodes = 2, 5
        given = 1000 // -(-1000 // MOST_SQUARES)
        assert len(of_class(root, "decided", "rect")) + len(of_class(root, "given", "rect")) == legend + nodes + given
        assert len(root.findall(f".//{SVG}polygon")) == 3
        assert len(of_class(root, "decided", "polygon")) == 2
        width, height = map(float, root.get("viewBox").split()[2:])
        for each in root.iter(SVG + "rect"):
            assert float(each.get("x")) + float(each.get("width")) <= width
            assert float(each.get("y")) + float(each.get("height")) <= height
    assert "big: 1,000 nodes, 64 cores each, 4 a100 GPUs each, a square is 4 nodes" in picture.words


def test_what_is_not_validated_says_so(tmp_path):
    page = page_of(tmp_path / "p")
    text = Words(page).text
    assert "reads 2 calibration cards; 1 of them states an error on data that the fit did not see, 1 does not" in text
    assert text.index("gpu/b: a GPU error 2.2 % (held out: even n)") < text.index("qpu/a: a QPU none stated")
    assert "4 of 9 with an uncertainty, 2 assumed" in text
    assert "batch policy easy: backfilling Lifka 1995" in text


def test_it_says_how_to_make_it_again(tmp_path):
    text = Words(page_of(tmp_path / "centre", answer(plugins=["my policy.py"]))).text
    assert "qhpcsim plan study.yaml --plugin 'my policy.py' --out centre" in text
    assert "9.9.9, code 0123456789abcdef" in text
    assert "from 1 to 40, 5 at the first look" in text and "from 41 on, 40 at a time" in text
    assert "scenario: hybrid_loop" in text


def test_hostile_words_stay_words(tmp_path):
    evil = "<script>alert(1)</script>\u202e\x00"
    made = answer(question=evil, scenario=evil, sentences=[evil, evil], version=evil, currency=evil, unit=evil)
    made["study"] = {"name": evil, "text": evil}
    made["basis"]["partitions"][0]["name"] = evil
    made["basis"]["cards"][0]["about"] = evil
    rows = [(*row[:4], evil, *row[5:]) for row in ROWS]
    page = page_of(tmp_path / "p", made, rows)
    assert page.count("<script>") == 1
    assert "\u202e" not in page and "\x00" not in page
    assert "alert(1)" in unescape(page)


def test_same_plan_same_page(tmp_path):
    first, second = (write_capacity_report(write(tmp_path / k / "p"), tmp_path / k / "r.html") for k in "ab")
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text(encoding="utf-8")
    assert "http-equiv" in text and not re.search(r'(src|href)="(?!data:)', text)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("plan.json", "{", "is damaged"),
        ("plan.json", '{"plan": null}', "another version wrote them"),
        ("plan.json", json.dumps(answer(n_runs=1)).replace("412.0", "NaN"), "is damaged"),
        ("points.csv", "a,b\n1,2\n", "another version wrote them"),
        ("points.csv", None, "cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_shown_says_why(name, text, complaint, tmp_path):
    write(tmp_path / "p")
    if text is None:
        (tmp_path / "p" / name).unlink()
    else:
        (tmp_path / "p" / name).write_text(text)
    with pytest.raises(ReportError, match=complaint) as error:
        read_capacity(tmp_path / "p")
    assert "qhpcsim plan" in error.value.hint


def test_keys_and_figures_in_words():
    assert choice_words("facility.partitions.h100.nodes", "1") == "1 h100 node"
    assert choice_words("qpu.qpus.garnet.count", "2") == "2 garnet QPUs"
    assert choice_words("qpu.qpus.garnet.count", "0") == "no garnet QPUs"
    assert choice_words("policy", "easy") == "policy easy"
    assert figure_words("workflows.p95_time_to_solution_s") == "95th percentile of time to solution (applications)"
    assert figure_words("mean_wait_s") == "mean wait"
