"""The page in a real browser: nothing is blocked, broken or wider than the window."""

import pytest

from qhpcsim.report.page import render
from qhpcsim.report.sources import from_result
from tests.report.browser import chromium, screenshot, set_width
from tests.report.builds import run_data
from tests.report.hybrid_made import loops, study
from tests.report.qpu_made import qpu_result, week
from tests.report.synthetic import five, many, two_partitions
from tests.report.workflow_made import centre

BROKEN = "return [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).length"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
READY = """const narrow = () => matchMedia('(max-width: 40rem)').matches;
const wanted = p => narrow() ? p.querySelector('source').srcset : p.querySelector('img').src;
const pictures = [...document.querySelectorAll('picture')], images = [...document.images];
const decoded = () => Promise.all(images.map(i => i.decode())).then(() => requestAnimationFrame(() => done(true)));
const chosen = () => pictures.every(p => p.querySelector('img').currentSrc === wanted(p));
const look = () => chosen() ? decoded() : setTimeout(look, 20);
look();"""
"""Another width brings other pictures: wait until they are there."""
LETTERS = """return [...document.querySelectorAll('figure img')].map(
  i => 9 * (4 / 3) * i.clientWidth / i.naturalWidth)"""
"""Height in pixels of the 9-point letters of each figure; natural widths are in pixels of 3/4 points."""
BLEEDING = """return [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, pre')
  && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.tagName)"""


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def batch_page(made):
    return render(run_data(made, baseline=made))


PAGES = {
    "five": lambda: batch_page(five()),
    "thousands": lambda: batch_page(two_partitions()),
    "many": lambda: batch_page(many(20_000)),
    "qpus": lambda: render(from_result(qpu_result(week()))),
    "both": lambda: render(from_result(qpu_result(week(200), five()))),
    "hybrid": lambda: render(from_result(study("coupling=malleable", "baseline=fcfs"))),
    "loops": lambda: render(from_result(loops("workload.n_jobs=40"))),
    "applications": lambda: render(from_result(centre())),
}
N_IMAGES = {"five": 4, "thousands": 4, "many": 4, "qpus": 4, "both": 8, "hybrid": 11, "loops": 11, "applications": 12}


@pytest.mark.parametrize(("size", "n_images"), N_IMAGES.items())
def test_page_opens_cleanly(size, n_images, window, tmp_path):
    page = tmp_path / f"{size}.html"
    page.write_text(PAGES[size](), encoding="utf-8")
    window.get(page.as_uri())
    assert window.execute_script("return document.images.length") == n_images
    assert window.execute_async_script("const done = arguments[0]; " + READY)
    assert window.execute_script(BROKEN) == 0
    for width in (400, 1200):
        set_width(window, width)
        assert window.execute_async_script("const done = arguments[0]; " + READY)
        letters = window.execute_script(LETTERS)
        assert len(letters) == n_images
        assert all(9 <= pixels <= 15 for pixels in letters)
        assert window.execute_script(OVERFLOW) <= 0
        assert window.execute_script(BLEEDING) == []
        shot = tmp_path / f"{size}_{width}.png"
        screenshot(window, width, shot)
        assert shot.stat().st_size > 10_000
    assert window.get_log("browser") == []
    assert window.execute_script("return performance.getEntriesByType('resource').length") <= 5


def test_style_is_applied_under_the_content_policy(window, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(render(run_data(five())), encoding="utf-8")
    window.get(page.as_uri())
    width = window.execute_script("return getComputedStyle(document.body).maxWidth")
    assert width == "992px"


def test_hostile_names_run_no_script(window, tmp_path):
    made = two_partitions(30)
    evil = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    jobs, plan, parts = made
    parts = {evil + str(k): part for k, part in enumerate(parts.values())}
    page = tmp_path / "evil.html"
    page.write_text(render(run_data((jobs, plan, parts), name=evil, question=evil, answer=evil)), encoding="utf-8")
    window.get(page.as_uri())
    assert window.execute_script("return document.scripts.length") == 0
    assert window.execute_script("return document.images.length") == 4
    assert window.execute_script(BROKEN) == 0
    assert "qhpcsim report" in window.title
    assert window.get_log("browser") == []
