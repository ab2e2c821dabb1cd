"""The report of a plan in a real browser: fits the window, filters, tells what a point is, and prints."""

import shutil

import pytest

from qhpcsim.core.errors import ReportError
from qhpcsim.report.capacity_page import write_capacity_report
from qhpcsim.report.print_page import BROWSERS, print_page
from tests.report.browser import chromium, screenshot, set_width
from tests.report.capacity_made import answer, growth, nothing_found, uncertain, write
from tests.report.pdf_text import pages_and_words
from tests.report.test_browser import BLEEDING, OVERFLOW

OUTCOMES = {
    "found": lambda: answer(growth=growth(), uncertain=uncertain()),
    "none": lambda: nothing_found(),
    "long": lambda: answer(question="How many of " + "x" * 300 + "?", change=["workload.key=" + "y" * 400]),
}
LETTERS = """return [...document.querySelectorAll('svg')].filter(s => s.clientWidth)
  .map(s => 12 * s.clientWidth / s.viewBox.baseVal.width)"""
"""Height in pixels of the letters of each picture that is shown."""
OUTSIDE = """return [...document.querySelectorAll('svg')].filter(s => s.clientWidth).flatMap(s => {
  const box = s.getBoundingClientRect();
  return [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()])
    .filter(([, t]) => t.left < box.left - 1 || t.right > box.right + 1 || t.bottom > box.bottom + 1)
    .map(([text]) => text)})"""
SHOWN = """return [...document.querySelectorAll('.sheet-wide .frontier')].map(
  s => [...s.querySelectorAll('.point')].filter(p => p.getClientRects().length).length)"""
CHOOSE = """const each = document.querySelectorAll('.filter select')[arguments[0]];
each.value = arguments[1]; each.dispatchEvent(new Event('change'));"""


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def opened(window, folder, made):
    page = write_capacity_report(write(folder, made), folder / "report.html")
    window.get(page.as_uri())
    return page


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_page_fits_and_loads_nothing(outcome, window, tmp_path):
    opened(window, tmp_path / "p", OUTCOMES[outcome]())
    for width in (400, 1200):
        set_width(window, width)
        assert window.execute_script(OVERFLOW) <= 0
        assert window.execute_script(BLEEDING) == []
        assert window.execute_script(OUTSIDE) == []
        letters = window.execute_script(LETTERS)
        assert len(letters) == 3 and all(9 <= pixels <= 15 for pixels in letters)
        screenshot(window, width, tmp_path / "shot.png")
        assert (tmp_path / "shot.png").stat().st_size > 10_000
    assert window.get_log("browser") == []
    assert window.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_filter_leaves_what_was_asked_for(window, tmp_path):
    opened(window, tmp_path / "p", answer())
    set_width(window, 1200)
    assert window.execute_script(SHOWN) == [4, 4]
    window.execute_script(CHOOSE, 0, "2")  # the third value: 5 nodes
    assert window.execute_script(SHOWN) == [1, 1]
    assert window.execute_script("return document.querySelector('.filter output').textContent") == "1 of 5 points"
    rows = "return [...document.querySelectorAll('tr[data-v]:not(.off) td')].map(c => c.textContent)"
    assert window.execute_script(rows)[:2] == ["5", "2"]
    window.execute_script(CHOOSE, 1, "0")  # 5 nodes and 1 QPU was never tried
    assert window.execute_script(SHOWN) == [0, 0]
    window.execute_script("document.querySelector('.filter button').click()")
    assert window.execute_script(SHOWN) == [4, 4]


@pytest.mark.parametrize("width", [1200, 400])
def test_a_pointer_over_a_point_tells_what_it_is(width, window, tmp_path):
    from selenium.webdriver import ActionChains

    opened(window, tmp_path / "p", answer())
    set_width(window, width)
    sheet = ".sheet-wide" if width > 640 else ".sheet-narrow"
    point = next(each for each in window.find_elements("css selector", f"{sheet} .point") if each.is_displayed())
    window.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    ActionChains(window).move_to_element(point.find_element("css selector", ".hit")).perform()
    tip = window.find_element("css selector", ".tip")
    assert tip.is_displayed()
    assert "nodes and 2 QPUs" in tip.text and "mean wait:" in tip.text and "seeds" in tip.text
    box = window.execute_script("return arguments[0].getBoundingClientRect()", tip)
    assert box["left"] >= 0 and box["right"] <= width and box["top"] >= 0
    assert window.execute_script(OVERFLOW) <= 0


def test_without_scripts_nothing_is_missing(tmp_path):
    page = write_capacity_report(write(tmp_path / "p", answer()), tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<form class="filter" hidden>' in page  # what only a script can serve is not shown
    assert page.count("<title>5 nodes and 2 QPUs") == 4  # browsers show titles by themselves


@pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason="no Chromium or Chrome on the PATH: nothing is printed"
)
def test_it_prints_with_all_that_it_says(tmp_path):
    folder = write(tmp_path / "p", OUTCOMES["found"]())
    page = write_capacity_report(folder, folder / "report.html")
    pdf = print_page(page)
    assert pdf == (folder / "report.pdf").resolve()
    n_pages, text = pages_and_words(pdf.read_bytes())
    assert 2 <= n_pages <= 8
    words = " ".join(text.split())
    for wanted in (
        "How many?",
        "5 nodes and 2 QPUs at 120 kEUR: the cheapest choice found that meets both constraints",
        "What was validated and what was not",
        "error 2.2 % (held out: even n)",
        "dearer, looked at only",
        "qhpcsim plan study.yaml --out p",
        "scenario: hybrid_loop",
    ):
        assert wanted in words
    assert "Show all" not in words and "file://" not in words


def test_without_a_browser_it_says_what_to_install(tmp_path, monkeypatch):
    page = write_capacity_report(write(tmp_path / "p"), tmp_path / "r.html")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="no Chromium or Chrome is installed") as error:
        print_page(page)
    assert "apt install chromium" in error.value.hint


def test_a_browser_that_fails_is_explained(tmp_path, monkeypatch):
    page = write_capacity_report(write(tmp_path / "p"), tmp_path / "r.html")
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho 'no display, no sandbox' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="printed nothing: no display, no sandbox"):
        print_page(page)
    assert not (tmp_path / "r.pdf").exists()
