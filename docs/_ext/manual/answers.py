"""The page of studies: the beginning of each study's README, up to its first figure."""

from __future__ import annotations

import re
from pathlib import Path

STUDIES = Path(__file__).resolve().parents[3] / "experiments"
_IMAGE = re.compile(r"^!\[.*?\]\([^)]*\)$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")


def answers() -> str:
    """Return a section for each study that is finished."""
    return "\n\n".join(_excerpt(path.with_name("README.md")) for path in sorted(STUDIES.glob("[0-9]*/expected.json")))


def _excerpt(path: Path) -> str:
    folder = f"experiments/{path.parent.name}"
    text = path.read_text(encoding="utf-8")
    image = _IMAGE.search(text)
    part = re.sub(r"^<!--.*-->\n", "", text[: image.end() if image else None], flags=re.MULTILINE)
    part = _LINK.sub(rf"](../{folder}/\1)", part)
    part = re.sub(r"^#", "##", part, flags=re.MULTILINE)
    return f"{part.strip()}\n\nAll of it: `{folder}/README.md`."
