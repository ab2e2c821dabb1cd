"""What is in the page, and what is never in it."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from qhpcsim.core.records import JobState
from qhpcsim.report.page import render
from tests.report.builds import run_data
from tests.report.synthetic import five, many, schedule, table, two_partitions


class Outline(HTMLParser):
    """Collects tags, and the addresses that a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched, self.alts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.fetched += [named[key] for key in ("src", "href", "srcset", "data") if key in named]
        if tag == "img":
            self.alts.append(named.get("alt", ""))


def outline(html):
    parser = Outline()
    parser.feed(html)
    return parser


def pictures(html):
    """Return the SVGs of the page, for each figure the wide one and then the narrow one."""
    pairs = re.findall(r'srcset="data:image/svg\+xml,([^"]+)"><img src="data:image/svg\+xml,([^"]+)"', html)
    return [unquote(unescape(svg)) for narrow, wide in pairs for svg in (wide, narrow)]


def visible(html):
    """Return the words of the page, without its pictures and style."""
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.S)


@pytest.fixture(scope="module")
def pages():
    middle = two_partitions(600)
    return {
        "five": render(run_data(five())),
        "middle": render(run_data(middle, baseline=middle)),
        "many": render(run_data(many(100_000))),
    }


@pytest.mark.parametrize("size", ["five", "middle", "many"])
def test_structure(pages, size):
    found = outline(pages[size])
    assert found.tags.count("h1") == 1
    assert found.tags.count("img") == 4
    assert all(len(alt) > 20 for alt in found.alts)
    for words in ("Summary", "Facility", "mean wait", "By job size", "How to make this run again", "Formulas"):
        assert words in pages[size]


@pytest.mark.parametrize("size", ["five", "middle", "many"])
def test_loads_nothing_from_anywhere(pages, size):
    found = outline(pages[size])
    assert all(address.startswith("data:") for address in found.fetched)
    assert not {"script", "iframe", "object", "embed"} & set(found.tags)
    assert not re.findall(r"url\((?!%23)", pages[size])  # only to parts of the same picture
    assert "@import" not in pages[size]
    for svg in pictures(pages[size]):
        assert not re.findall(r'href="(?!#|data:)', svg)


def test_stays_small(pages):
    assert len(pages["five"]) < 150_000
    assert all(len(page) < 1_500_000 for page in pages.values())


def test_same_run_same_bytes(pages):
    assert render(run_data(five())) == pages["five"]
    assert render(run_data(many(100_000))) == pages["many"]


def test_user_settings_of_matplotlib_neither_matter_nor_change(pages):
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert render(run_data(five())) == pages["five"]
        assert dict(matplotlib.rcParams) == before


def test_baseline_stands_beside(pages):
    assert "fcfs (baseline)" in pages["middle"]
    assert "difference" in pages["middle"]
    assert "(baseline)" not in visible(pages["five"])


def test_pictures_are_well_formed_and_say_units(pages):
    texts = [" ".join(ElementTree.fromstring(svg).itertext()) for svg in pictures(pages["five"])]
    assert len(texts) == 8
    for wide, narrow, words in zip(texts[::2], texts[1::2], ("(h)", "jobs in the queue", "(%)", "(%)"), strict=True):
        assert words in wide
        assert words in narrow


def test_names_are_escaped_everywhere():
    jobs, _, parts = five()
    evil = "<script>alert(1)</script>&\"'$x_1$\x00\x1b\u202e"
    jobs = table(jobs.submit_s, jobs.runtime_s, jobs.nodes, job_id=[evil] * 5)
    plan = five()[1]
    parts = {"_" + evil: next(iter(parts.values()))}
    jobs.cleaned = {evil: 3}
    html = render(run_data((jobs, plan, parts), name=evil, question=evil, answer=evil))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for svg in pictures(html):
        ElementTree.fromstring(svg)
        assert "<script" not in svg


@pytest.mark.parametrize("n", [0, 5])
def test_nothing_to_show_is_said_in_words(n):
    jobs = table(np.arange(n), np.ones(n), np.ones(n))
    plan = schedule(jobs, np.full(n, np.nan), [[]] * n, np.full(n, -1), [JobState.REJECTED] * n)
    html = render(run_data((jobs, plan, five()[2]), answer=""))
    words = visible(html)
    assert "No job finished" in words
    assert "nothing to draw" in words
    assert not re.search(r"\bnan\b|\binf\b|[-−]1\b", words)


def test_one_instant_draws_without_complaint():
    jobs = table([5.0], [0.0], [1])
    plan = schedule(jobs, [5.0], [[(0, 0)]])
    assert outline(render(run_data((jobs, plan, five()[2])))).tags.count("h1") == 1
