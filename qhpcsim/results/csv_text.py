"""Text cells of CSV files: quoted where needed, and harmless when a spreadsheet opens them."""

from __future__ import annotations

from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make spreadsheets run a cell as a formula."""
_UNWRITABLE = {0: " ", 1: " "}
"""Control characters that no CSV reader expects; writers here use them as marks."""
_SPECIAL = ('"', ",", "\n", "\r")


def cell(text: str) -> str:
    """Return the text as one CSV cell.

    A text that starts with ``= + - @``, TAB or CR gets a leading ``'`` (the way spreadsheets mark plain text); one with
    commas, quotes or line ends is quoted as in RFC 4180. Characters that UTF-8 cannot hold become ``?``.
    """
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    text = text.translate(_UNWRITABLE)
    if text.startswith(_FORMULA):
        text = "'" + text
    if any(mark in text for mark in _SPECIAL):
        text = '"' + text.replace('"', '""') + '"'
    return text


def cells(texts: Iterable[object]) -> list[str]:
    """Return each text as one CSV cell."""
    return [cell(str(text)) for text in texts]
