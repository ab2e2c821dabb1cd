"""Markdown from text that was written for a terminal or a docstring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"``(.+?)``|`([^`]+)`")
_LINK = re.compile(
    r"(?P<url>https?://[^\s,;]+)|(?P<doi>doi:\s?(?P<number>10\.\d{4,}/[^\s,;]+))|(?P<arxiv>arXiv:(?P<id>[\w./-]*\d))"
)
_SPECIAL = re.compile(r"([\\*_\[\]<>|$#~{}])")


def text(words: str) -> str:
    """Return one line that Markdown shows as it was written: code stays code, addresses become links."""
    words = " ".join(words.split())
    parts, done = [], 0
    for code in _CODE.finditer(words):
        parts += [_plain(words[done : code.start()]), f"`{_cell(code[1] or code[2])}`"]
        done = code.end()
    return "".join([*parts, _plain(words[done:])])


def code(words: str) -> str:
    """Return words in a code font, also within a table."""
    return f"`{_cell(words)}`" if words else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _plain(words: str) -> str:
    """Escape what Markdown would read as markup, and link what is an address."""
    parts, done = [], 0
    for found in _LINK.finditer(words):
        shown, address = _address(found)
        parts += [_escaped(words[done : found.start()]), f"[{_escaped(shown)}](<{address}>)"]
        done = found.start() + len(shown)
    return "".join([*parts, _escaped(words[done:])])


def _escaped(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", words)


def _address(found: re.Match[str]) -> tuple[str, str]:
    """Return what is shown of a link, without the punctuation after it, and where it leads."""
    shown = found[0].rstrip(".:'\"")
    while shown.endswith(")") and shown.count("(") < shown.count(")"):
        shown = shown[:-1]
    if found["doi"]:
        return shown, f"https://doi.org/{shown[found.start('number') - found.start() :]}"
    return shown, f"https://arxiv.org/abs/{found['id']}" if found["arxiv"] else shown
