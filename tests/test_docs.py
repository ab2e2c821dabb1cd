"""The pages name everything that the registry holds, and the changelog keeps its promise."""

from pathlib import Path

import pytest

from qhpcsim.core.registry import entries

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "metric": "metrics.md",
    "order": "semantics.md",
    "format": "formats.md",
    "generator": "formats.md",
    "policy": "semantics.md",
    "qpu_model": "qpu.md",
    "qpu_generator": "qpu.md",
    "discipline": "qpu.md",
    "qpu_choice": "qpu.md",
    "coupling": "hybrid.md",
    "motif": "motifs.md",
    "cutting": "cutting.md",
}


@pytest.mark.parametrize("kind", PAGES)
def test_every_registered_name_is_explained(kind: str) -> None:
    text = (ROOT / "docs" / PAGES[kind]).read_text(encoding="utf-8")
    made = entries(kind).items()  # a study's or another test's own ones stay in the registry
    ours = [name for name, entry in made if entry.source != "user" and entry.target.__module__.startswith("qhpcsim")]
    assert [name for name in ours if f"`{name}`" not in text] == []


def test_every_release_lists_the_numbers_that_moved() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = text.split("\n## [")[1:]
    assert releases
    assert all("### Numbers that moved" in release for release in releases)
