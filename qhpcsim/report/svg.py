"""The few SVG marks that hand-drawn pictures of a page are made of; styles come from the page's sheet by class."""

from __future__ import annotations

from html import escape

LETTER = 6.6
"""About the width of a letter of 12 units in height."""


def attributes(given: dict[str, object]) -> str:
    """Return attributes; underscores become hyphens, a trailing one is dropped, numbers have two decimals."""
    parts = []
    for name, value in given.items():
        text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        parts.append(f'{name.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return " ".join(parts)


def mark(name: str, **given: object) -> str:
    """Return an element without content."""
    return f"<{name} {attributes(given)}/>"


def words(x: float, y: float, text: str, **given: object) -> str:
    """Return a line of text that begins at x, or as ``text_anchor`` says."""
    return f"<text {attributes({'x': x, 'y': y, **given})}>{escape(text)}</text>"


def group(content: str, title: str = "", **given: object) -> str:
    """Return a group; its title is what a pointer over it shows."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return f"<g {attributes(given)}>{told}{content}</g>"


def picture(width: float, height: float, content: str, label: str, **given: object) -> str:
    """Return a whole picture that scales with the page.

    Args:
        width: In its own units.
        height: Likewise.
        content: Marks.
        label: What it shows, for those who cannot see it.
        **given: More attributes.
    """
    box = {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": label, **given}
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes(box)}>{content}</svg>'
