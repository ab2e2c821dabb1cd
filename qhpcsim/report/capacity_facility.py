"""The facility as a picture: its partitions with a square for each node, its QPUs; what was decided stands out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from qhpcsim.report.svg import LETTER, group, mark, picture, words
from qhpcsim.report.text import count, plain

MOST_SQUARES = 320
"""Squares of one partition; where it has more nodes, a square stands for several."""
WIDTHS = (820.0, 400.0)
_STEP, _SIDE = 17.0, 13.0
_NODES = re.compile(r"facility\.(?:partitions\.(.+)\.)?nodes")
_COUNT = re.compile(r"qpu\.qpus\.(.+)\.count")


class Facility(NamedTuple):
    """The picture in two widths, and what it shows in words."""

    wide: str
    narrow: str
    words: str


class _Row(NamedTuple):
    """One line of the picture: a partition, or QPUs of one kind."""

    text: str
    n: int
    each: int
    """Nodes that a square stands for."""
    decided: bool
    is_qpu: bool


def facility_picture(basis: Mapping[str, Any]) -> Facility | None:
    """Return the facility of a point; None if its run gave no result."""
    if "problem" in basis:
        return None
    rows = _rows(basis)
    told = "; ".join(row.text for row in rows) or "no nodes and no QPUs"
    wide, narrow = (_draw(rows, width, told) for width in WIDTHS)
    return Facility(wide, narrow, told)


def _rows(basis: Mapping[str, Any]) -> list[_Row]:
    nodes = {found[1] for key in basis["choices"] if (found := _NODES.fullmatch(key))}
    counts = {found[1] for key in basis["choices"] if (found := _COUNT.fullmatch(key))}
    rows = []
    for part in basis["partitions"]:
        decided = part["name"] in nodes or None in nodes
        each = math.ceil(part["nodes"] / MOST_SQUARES) or 1
        rows.append(_Row(_partition_words(part, each), part["nodes"], each, decided, False))
    for kind in basis["qpus"]:
        card = f", card {plain(kind['card'], 40)}" if kind["card"] != kind["name"] else ""
        name = "" if kind["name"] == "qpu" else f" {plain(kind['name'], 40)}"
        text = f"{count(kind['count'], 'QPU')}{name}{card}"
        rows.append(_Row(text, kind["count"], 1, kind["name"] in counts, True))
    return rows


def _partition_words(part: Mapping[str, Any], each: int) -> str:
    parts = [f"{plain(part['name'], 40)}: {count(part['nodes'], 'node')}"]
    if part["cores_per_node"] > 1:
        parts.append(f"{part['cores_per_node']:,} cores each")
    if part["gpus_per_node"]:
        kind = f" {plain(part['gpu_type'], 20)}" if part["gpu_type"] else ""
        parts.append(f"{part['gpus_per_node']}{kind} GPUs each" if part["gpus_per_node"] > 1 else f"a{kind} GPU each")
    if each > 1:
        parts.append(f"a square is {each} nodes")
    return ", ".join(parts)


def _draw(rows: list[_Row], width: float, told: str) -> str:
    marks, y = [], 20.0
    for text, kind in (("decided by this plan", "decided"), ("given by the scenario", "given")):
        x = 6.0 if kind == "decided" else 6.0 + 36.0 + LETTER * len("decided by this plan")
        marks += [_node(x, y - 11.0, kind), words(x + 19.0, y, text)]
    y += 14.0
    for row in rows:
        part, y = _row(row, width, y)
        marks.append(part)
    return picture(width, y, "".join(marks), told, class_="facility")


def _row(row: _Row, width: float, top: float) -> tuple[str, float]:
    """Return a row and where the next begins."""
    lines = _broken(row.text, int((width - 24.0) / LETTER))
    y = top + 12.0
    marks = [words(16.0, y + 15.0 * (k + 1), line, class_="name") for k, line in enumerate(lines)]
    y += 15.0 * len(lines) + 9.0
    step, most = (2.0 * _STEP, 60) if row.is_qpu else (_STEP, MOST_SQUARES)
    in_line = max(1, int((width - 32.0) / step))
    n = min(math.ceil(row.n / row.each), most)
    kind = "decided" if row.decided else "given"
    for k in range(n):
        x, at = 16.0 + step * (k % in_line), y + step * (k // in_line)
        marks.append(_qpu(x + _STEP - 3.0, at + _STEP - 3.0, kind) if row.is_qpu else _node(x, at, kind))
    bottom = y + step * math.ceil(n / in_line) + 6.0
    frame = mark("rect", x=1.0, y=top + 4.0, width=width - 2.0, height=bottom - top - 4.0, rx=5.0, class_="frame")
    return group(frame + "".join(marks), row.text), bottom + 4.0


def _node(x: float, y: float, kind: str) -> str:
    return mark("rect", x=x, y=y, width=_SIDE, height=_SIDE, rx=2.0, class_=kind)


def _qpu(x: float, y: float, kind: str) -> str:
    """Return a hexagon."""
    corners = [(x + 14.0 * math.cos(a * math.pi / 3), y + 14.0 * math.sin(a * math.pi / 3)) for a in range(6)]
    return mark("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_=kind)


def _broken(text: str, most: int) -> list[str]:
    """Return a text in lines of at most so many letters, broken between words."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
