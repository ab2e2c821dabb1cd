"""Cost against each figure that is constrained: every point that was run, with its interval, as SVG to point at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from qhpcsim.report.capacity_axis import Axis, axis
from qhpcsim.report.capacity_data import BELOW, FAILS, LOOKED_AT, MEETS, OPEN, Capacity, Demand, PlanPoint, Seen
from qhpcsim.report.capacity_words import figure_words, limit_words, point_text
from qhpcsim.report.svg import LETTER, group, mark, picture, words
from qhpcsim.report.text import count, plain

MOST_POINTS = 400
"""Points that a picture shows; more would be neither readable nor light."""
PLAN = "plan"
KINDS = {
    PLAN: "the plan",
    MEETS: "meets all constraints",
    FAILS: "shown to fail",
    OPEN: "not decided",
    LOOKED_AT: "dearer, looked at only",
}
"""What a point is -> words of the legend."""


class Paper(NamedTuple):
    """Size of a picture in its own units, about pixels, and the room around its axes."""

    width: float
    height: float
    left: float
    n_x: int
    n_y: int


WIDE, NARROW = Paper(820.0, 350.0, 92.0, 9, 8), Paper(400.0, 340.0, 74.0, 4, 8)
_RIGHT, _BOTTOM, _LINE = 14.0, 46.0, 18.0


@dataclass(frozen=True, slots=True)
class Frontier:
    """The picture of one constraint in two widths, and what stands below it."""

    title: str
    wide: str
    narrow: str
    caption: str
    notice: str = ""
    """Why there is nothing to draw."""


def frontiers(capacity: Capacity) -> list[Frontier]:
    """Return a picture for each constraint."""
    return [_frontier(capacity, k) for k in range(len(capacity.demands))]


def _frontier(capacity: Capacity, k: int) -> Frontier:
    demand = capacity.demands[k]
    title = f"Cost and {figure_words(demand.figure)}"
    run = [point for point in capacity.points if point.seen[k] is not None]
    if not run:
        return Frontier(title, "", "", "", "No point has this figure: there is nothing to draw.")
    shown = _chosen(run)
    wide, narrow = (_Drawing(capacity, k, shown, paper).svg() for paper in (WIDE, NARROW))
    return Frontier(title, wide, narrow, _caption(capacity, k, shown, run))


def _chosen(run: Sequence[PlanPoint]) -> list[PlanPoint]:
    """Return the points that are drawn: the plan, the frontier, and the rest evenly by cost as far as there is room."""
    needed = [point for point in run if point.is_plan or point.on_frontier]
    others = [point for point in run if not (point.is_plan or point.on_frontier)]
    room = max(MOST_POINTS - len(needed), 0)
    if len(others) > room:
        others = [others[k * len(others) // room] for k in range(room)]
    return sorted(needed + others, key=lambda point: point.cost)


def _caption(capacity: Capacity, k: int, shown: list[PlanPoint], run: list[PlanPoint]) -> str:
    seen = [point.seen[k] for point in shown]
    parts = ["Bars are 95 % intervals of the mean over seeds, each by itself."]
    if n_alone := sum(each is not None and each.low is None for each in seen):
        parts.append(f"Of {count(n_alone, 'point')} fewer than two seeds have the figure: no interval.")
    y_axis = _y_axis(capacity.demands[k], seen, WIDE)
    if any(y_axis.beyond(end) for each in seen if each is not None for end in _ends(each)):
        parts.append("Bars that leave the picture are cut at its edge.")
    if k == 0 and sum(point.on_frontier for point in shown) > 1:
        parts.append("The line joins the points to which no cheaper one is better.")
    if len(shown) < len(run):
        parts.append(f"{len(shown):,} of {len(run):,} points are drawn; all are in points.csv.")
    if n_silent := len(capacity.points) - len(run):
        what = f"{count(n_silent, 'point')} without this figure, proven or not able to run,"
        parts.append(f"{what} {'is' if n_silent == 1 else 'are'} not drawn.")
    return " ".join(parts)


def _ends(seen: Seen) -> list[float]:
    return [end for end in (seen.low, seen.high) if end is not None]


def _y_axis(demand: Demand, seen: Sequence[Seen | None], paper: Paper) -> Axis:
    there = [each for each in seen if each is not None]
    values = [each.mean for each in there] + [demand.limit]
    return axis(values, max([*values, *(end for each in there for end in _ends(each))]), paper.n_y, demand.figure)


def kind_of(point: PlanPoint) -> str:
    """Return what a point is, a key of ``KINDS``."""
    return PLAN if point.is_plan else point.verdict if point.verdict in KINDS else OPEN


class _Drawing:
    """One picture on one paper."""

    def __init__(self, capacity: Capacity, k: int, points: list[PlanPoint], paper: Paper) -> None:
        self.capacity, self.k, self.points, self.paper = capacity, k, points, paper
        self.demand = capacity.demands[k]
        costs = [point.cost for point in points]
        self.x = axis(costs, max(costs), paper.n_x, from_zero=False)
        self.y = _y_axis(self.demand, [point.seen[k] for point in points], paper)
        self.kinds = [kind for kind in KINDS if any(kind_of(point) == kind for point in points)]
        self.legend, n_lines = self._legend()
        self.top = 12.0 + _LINE * n_lines
        self.bottom = paper.height - _BOTTOM

    def svg(self) -> str:
        """Return the picture."""
        label = f"{figure_words(self.demand.figure)} over cost, {count(len(self.points), 'point')}"
        marks = [self.legend, self._side(), self._grid(), self._joined(), self._limit()]
        marks += [self._point(*each) for each in self._placed()]
        return picture(self.paper.width, self.paper.height, "".join(marks), label, class_="frontier")

    def _px(self, cost: float) -> float:
        return self.paper.left + 12.0 + self.x.at(cost) * (self.paper.width - self.paper.left - _RIGHT - 24.0)

    def _py(self, value: float) -> float:
        return self.bottom - self.y.at(value) * (self.bottom - self.top)

    def _legend(self) -> tuple[str, int]:
        """Return the legend and its number of lines."""
        marks, x, line = [], 10.0, 1
        for kind in self.kinds:
            wide = 30.0 + LETTER * len(KINDS[kind])
            if x + wide > self.paper.width and x > 10.0:
                x, line = 10.0, line + 1
            y = _LINE * line - 5.0
            marks += [_glyph(kind, x + 6.0, y - 4.0), words(x + 18.0, y, KINDS[kind])]
            x += wide
        return group("".join(marks), class_="legend"), line

    def _side(self) -> str:
        """Return the ground on the wrong side of the limit."""
        y = self._py(self.demand.limit)
        top, bottom = (self.top, y) if self.demand.side == BELOW else (y, self.bottom)
        left, right = self.paper.left, self.paper.width - _RIGHT
        return mark("rect", x=left, y=top, width=right - left, height=max(bottom - top, 0.0), class_="wrong")

    def _grid(self) -> str:
        left, right = self.paper.left, self.paper.width - _RIGHT
        marks = []
        for value, text in self.y.ticks:
            y = self._py(value)
            marks.append(mark("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            marks.append(words(left - 8.0, y + 4.0, text, text_anchor="end"))
        for value, text in self.x.ticks:
            x = self._px(value)
            marks.append(mark("line", x1=x, x2=x, y1=self.bottom, y2=self.bottom + 4.0, class_="axis"))
            marks.append(words(x, self.bottom + 18.0, text, text_anchor="middle"))
        marks.append(mark("line", x1=left, x2=right, y1=self.bottom, y2=self.bottom, class_="axis"))
        unit = f"cost ({plain(self.capacity.unit, 40)})" if self.capacity.unit else "cost"
        marks.append(words((left + right) / 2, self.paper.height - 6.0, unit, text_anchor="middle"))
        return "".join(marks)

    def _limit(self) -> str:
        left, right, y = self.paper.left, self.paper.width - _RIGHT, self._py(self.demand.limit)
        line = mark("line", x1=left, x2=right, y1=y, y2=y, class_="limit")
        inside = y + 15.0 if self.demand.side == BELOW and y + 20.0 < self.bottom else y - 6.0
        return line + words(right - 4.0, inside, limit_words(self.demand), text_anchor="end", class_="limit")

    def _joined(self) -> str:
        """Return the line through the frontier; it is one of the first figure only."""
        if self.k:
            return ""
        places = [
            f"{self._px(point.cost):.1f},{self._py(seen.mean):.1f}"
            for point in self.points
            if point.on_frontier and (seen := point.seen[self.k]) is not None
        ]
        return mark("polyline", points=" ".join(places), class_="joined") if len(places) > 1 else ""

    def _placed(self) -> list[tuple[PlanPoint, float]]:
        """Return the points with their x, those of one cost side by side; the plan last, on top."""
        same = Counter(point.cost for point in self.points)
        done: Counter[float] = Counter()
        placed = []
        for point in self.points:
            n, k = same[point.cost], done[point.cost]
            step = min(7.0, 24.0 / n)
            placed.append((point, self._px(point.cost) + (k - (n - 1) / 2) * step))
            done[point.cost] += 1
        return sorted(placed, key=lambda each: (each[0].is_plan, each[0].on_frontier))

    def _point(self, point: PlanPoint, x: float) -> str:
        seen = point.seen[self.k]
        assert seen is not None
        kind = kind_of(point)
        parts = []
        if seen.low is not None and seen.high is not None:
            ends = {"y1": self._py(seen.low), "y2": self._py(seen.high)}
            parts.append(mark("line", x1=x, x2=x, **ends, class_=f"bar {_class(kind)}"))
        y = self._py(seen.mean)
        parts += [_glyph(kind, x, y), mark("circle", cx=x, cy=y, r=11.0, class_="hit")]
        title = point_text(point, self.capacity.demands, self.capacity.unit)
        return group("".join(parts), title, class_="point", data_v=places_of(self.capacity, point))


def places_of(capacity: Capacity, point: PlanPoint) -> str:
    """Return which value of each variable a point has, for the page's filter."""
    return " ".join(
        str(axis["values"].index(point.choices[axis["key"]]) if point.choices[axis["key"]] in axis["values"] else -1)
        for axis in capacity.answer["decide"]
    )


def _class(kind: str) -> str:
    return escape(kind.replace(" ", "-"))


def _glyph(kind: str, x: float, y: float) -> str:
    """Return the mark of a kind of point; shapes differ as colours do."""
    if kind == FAILS:
        cross = "m-4.5 -4.5l9 9m-9 0l9 -9"
        return mark("path", d=f"M{x:.1f} {y:.1f}{cross}", class_="glyph fails")
    if kind == OPEN:
        diamond = "m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z"
        return mark("path", d=f"M{x:.1f} {y:.1f}{diamond}", class_="glyph open")
    return mark("circle", cx=x, cy=y, r=7.5 if kind == PLAN else 4.5, class_=f"glyph {_class(kind)}")
