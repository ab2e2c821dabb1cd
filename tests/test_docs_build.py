"""The pages build without a warning, every link resolves, and what is built needs no network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("sphinx", "myst_nb", "furo", "latex2mathml")
missing = [name for name in TOOLS if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}; pip install --group docs")


def build(out: Path, notebooks: str) -> None:
    """Build the pages; warnings are errors."""
    words = ["-W", "--keep-going", "-q", "-b", "html", "-D", f"nb_execution_mode={notebooks}"]
    words += [str(ROOT / "docs"), str(out)]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


class Page(HTMLParser):
    """What a page links to, loads, and offers to be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.n_equations = 0
        self.feed(path.read_text(encoding="utf-8"))

    @property
    def strangers(self) -> list[str]:
        """What the page would load from elsewhere."""
        return [each for each in self.loads if urlsplit(each).netloc]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.anchors |= {known[name] for name in ("id", "name") if name in known}
        self.n_equations += tag == "math"
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag in ("script", "img", "iframe") and "src" in known:
            self.loads.append(known["src"])
        if tag == "link" and known.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(known["href"])


def test_pages_build_without_a_warning_and_hang_together(tmp_path: Path) -> None:
    """One test, because the build is what takes the time."""
    build(tmp_path, "off")
    pages = {path: Page(path) for path in sorted(tmp_path.rglob("*.html"))}
    assert {path.name: page.strangers for path, page in pages.items() if page.strangers} == {}
    broken, n_links = dead_links(pages)
    assert broken == []
    assert n_links > 1000
    background = tmp_path / "background.html"
    assert pages[background].n_equations > 20
    assert not re.search("mathjax", background.read_text(encoding="utf-8"), re.IGNORECASE)


def dead_links(pages: dict[Path, Page]) -> tuple[list[str], int]:
    """Return the links within the pages that lead nowhere, and how many links there are."""
    broken, n_links = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or parts.path.endswith((".md", ".txt", ".py", ".rst")):
                continue
            n_links += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[target].anchors if target in pages else {parts.fragment}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in known):
                broken.append(f"{path.name}: {link}")
    return broken, n_links


@pytest.mark.slow
def test_notebooks_are_built_with_their_figures(tmp_path: Path) -> None:
    build(tmp_path, "force")
    for path in sorted((ROOT / "docs" / "notebooks").glob("*.md")):
        page = Page(tmp_path / "notebooks" / f"{path.stem}.html")
        assert any("_images/" in each for each in page.loads), path.stem
