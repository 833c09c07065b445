"""A sheet to draw on: boxes, chips, circles, arrows and text at places in pixels; it grows with what is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lmbook.book.diagrams.kit.text import SIZE, SMALL, Label, number, subscript_size, text_width

MARGIN = 12
HEAD = 8  # length of an arrow's head
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A rectangle on the sheet, as left, top, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def n(self) -> Point:
        return self.x + self.width / 2, self.y

    @property
    def s(self) -> Point:
        return self.x + self.width / 2, self.bottom

    @property
    def w(self) -> Point:
        return self.x, self.y + self.height / 2

    @property
    def e(self) -> Point:
        return self.right, self.y + self.height / 2


def short(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


class Canvas:
    """What is drawn later lies above. Coordinates are pixels, y grows downwards; colours are names of the palette."""

    def __init__(self):
        self._marks: list[str] = []
        self._left = self._top = math.inf
        self._right = self._bottom = -math.inf
        self.fills = {"paper"}
        self.strokes: set[str] = set()

    def area(self) -> Area:
        """All that was drawn, with a margin, in whole pixels."""
        left, top = math.floor(self._left - MARGIN), math.floor(self._top - MARGIN)
        return Area(left, top, math.ceil(self._right + MARGIN) - left, math.ceil(self._bottom + MARGIN) - top)

    def body(self) -> str:
        area = self.area()
        paper = f'<rect class="f-paper" x="{area.x}" y="{area.y}" width="{area.width}" height="{area.height}" rx="8"/>'
        return paper + "".join(self._marks)

    def text(
        self,
        x: float,
        y: float,
        label: Label,
        *,
        size: float = SIZE,
        anchor: str = "middle",
        colour: str = "ink",
        bold: bool = False,
    ) -> None:
        """A line of text; `y` is the middle of its small letters, `anchor` what `x` is: start, middle or end."""
        width = text_width(label, size, bold)
        left = x - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        weight = ' font-weight="600"' if bold else ""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.fills.add(colour)
        self._marks.append(
            f'<text class="f-{colour}" x="{short(x)}" y="{short(y + 0.34 * size)}" font-size="{short(size)}"'
            f"{where}{weight}>{_spans(label, size)}</text>"
        )
        self._grown(Area(left, y - 0.62 * size, width, 1.24 * size))

    def lines(self, x: float, y: float, labels: Sequence[Label], *, size: float = SIZE, **how) -> None:
        """Several lines of text, `y` the middle of them all."""
        step = 1.3 * size
        for index, label in enumerate(labels):
            self.text(x, y + (index - (len(labels) - 1) / 2) * step, label, size=size, **how)

    def rectangle(
        self, area: Area, *, fill: str = "none", stroke: str = "none", radius: float = 8, dashed: bool = False
    ) -> Area:
        self._marks.append(
            f'<rect{self._paint(fill, stroke, 1.5, dashed)} x="{short(area.x)}" y="{short(area.y)}"'
            f' width="{short(area.width)}" height="{short(area.height)}" rx="{short(radius)}"/>'
        )
        return self._grown(area)

    def box(
        self,
        x: float,
        y: float,
        labels: Sequence[Label] | str,
        *,
        width: float = 0,
        height: float = 0,
        colour: str = "blue",
        dashed: bool = False,
    ) -> Area:
        """A box around the middle (x, y), at least as large as its lines of text; the first of several is bold."""
        labels = [labels] if isinstance(labels, str) else list(labels)
        bold = [len(labels) > 1 and index == 0 for index in range(len(labels))]
        needed = max(text_width(label, SIZE, thick) for label, thick in zip(labels, bold, strict=True))
        width, height = max(width, needed + 20), max(height, 22 * len(labels) + 14)
        area = Area(x - width / 2, y - height / 2, width, height)
        fill = "soft" if colour in ("line", "ink") else f"{colour}-tint"
        self.rectangle(area, fill=fill, stroke=colour, dashed=dashed)
        for index, (label, thick) in enumerate(zip(labels, bold, strict=True)):
            self.text(x, y + (index - (len(labels) - 1) / 2) * 21, label, bold=thick)
        return area

    def chip(
        self,
        x: float,
        y: float,
        word: str,
        *,
        width: float = 0,
        colour: str = "line",
        dashed: bool = False,
        bold: bool = False,
    ) -> Area:
        """A token: the word in a pill around the middle (x, y)."""
        area = Area(x - max(width, chip_width(word)) / 2, y - 15, max(width, chip_width(word)), 30)
        fill = "soft" if colour == "line" else f"{colour}-tint"
        self.rectangle(area, fill=fill, stroke=colour, radius=15, dashed=dashed)
        self.text(x, y, word, bold=bold)
        return area

    def circle(
        self, x: float, y: float, radius: float = 14, sign: str = "", *, fill: str = "paper", stroke: str = "ink"
    ) -> Area:
        """An operation: its sign in a circle."""
        self._marks.append(
            f'<circle{self._paint(fill, stroke, 1.5)} cx="{short(x)}" cy="{short(y)}" r="{short(radius)}"/>'
        )
        if sign:
            self.text(x, y, sign, size=17)
        return self._grown(Area(x - radius, y - radius, 2 * radius, 2 * radius))

    def vector(self, x: float, y: float, values: Sequence[float], *, colour: str = "line", cell: float = 44) -> Area:
        """A row of numbers in cells, its left edge at x, its middle at y."""
        fill = "soft" if colour == "line" else f"{colour}-tint"
        for index, value in enumerate(values):
            area = Area(x + index * cell, y - 14, cell, 28)
            self.rectangle(area, fill=fill, stroke=colour, radius=0)
            self.text(*area.middle, number(value), size=SMALL)
        return Area(x, y - 14, cell * len(values), 28)

    def heat(self, area: Area, share: float) -> None:
        """A cell that is the fuller coloured, the nearer `share` is to 1 (from 0)."""
        self._marks.append(
            f'<rect{self._paint("heat", "none")} fill-opacity="{share:.2f}" x="{short(area.x)}"'
            f' y="{short(area.y)}" width="{short(area.width)}" height="{short(area.height)}"/>'
        )
        self._grown(area)

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: str = "line",
        width: float = 1.5,
        dashed: bool = False,
        radius: float = 8,
    ) -> None:
        """Straight pieces with rounded corners."""
        self._marks.append(f'<path{self._paint("none", colour, width, dashed)} d="{_rounded(points, radius)}"/>')
        for x, y in points:
            self._grown(Area(x, y, 0, 0))

    def wave(self, points: Sequence[Point], *, colour: str, dashed: bool = False) -> None:
        """Straight pieces, so short that they look like a curve."""
        path = "L".join(f"{short(x)} {short(y)}" for x, y in points)
        self._marks.append(f'<path{self._paint("none", colour, 2, dashed)} d="M{path}"/>')
        for x, y in points:
            self._grown(Area(x, y, 0, 0))

    def curve(
        self, start: Point, end: Point, *, colour: str = "line", width: float = 1.5, upright: bool = False
    ) -> None:
        """From start to end in an S that leaves and arrives level, or upright."""
        (x0, y0), (x1, y1) = start, end
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        bends = ((x0, y), (x1, y)) if upright else ((x, y0), (x, y1))
        path = " ".join(f"{short(a)} {short(b)}" for a, b in (*bends, end))
        self._marks.append(f'<path{self._paint("none", colour, width)} d="M{short(x0)} {short(y0)}C{path}"/>')
        self._grown(Area(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)))

    def arrow(self, points: Sequence[Point], *, colour: str = "line", width: float = 1.5, dashed: bool = False) -> None:
        """A line that ends in a head at the last point."""
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        back = x1 - HEAD * ux, y1 - HEAD * uy
        self.line([*points[:-1], back], colour=colour, width=width, dashed=dashed)
        half = 4 + width / 4
        corners = [(x1, y1), (back[0] - half * uy, back[1] + half * ux), (back[0] + half * uy, back[1] - half * ux)]
        path = "L".join(f"{short(x)} {short(y)}" for x, y in corners)
        self._marks.append(f'<path{self._paint(colour, "none")} d="M{path}Z"/>')
        self._grown(Area(x1, y1, 0, 0))

    def _paint(self, fill: str, stroke: str, width: float = 0, dashed: bool = False) -> str:
        classes = [f"f-{fill}"] if fill != "none" else []
        if fill != "none":
            self.fills.add(fill)
        if stroke != "none":
            self.strokes.add(stroke)
            classes.append(f"s-{stroke}")
        found = f' class="{" ".join(classes)}"'
        found += ' fill="none"' if fill == "none" else ""
        found += f' stroke-width="{short(width)}"' if stroke != "none" else ""
        return found + (' stroke-dasharray="5 4"' if dashed else "")

    def _grown(self, area: Area) -> Area:
        self._left, self._top = min(self._left, area.x), min(self._top, area.y)
        self._right, self._bottom = max(self._right, area.right), max(self._bottom, area.bottom)
        return area


def chip_width(word: str) -> float:
    return max(34, text_width(word) + 18)


def _spans(label: Label, size: float) -> str:
    """The text, subscripts lowered and smaller; what follows one is raised back."""
    if isinstance(label, str):
        return escape(label)
    small, drop, found = subscript_size(size), 0.22 * size, ""
    for index, part in enumerate(label):
        if not part:
            continue
        if index % 2:
            found += f'<tspan dy="{short(drop)}" font-size="{short(small)}">{escape(part)}</tspan>'
        else:
            found += f'<tspan dy="{short(-drop)}">{escape(part)}</tspan>' if index else escape(part)
    return found


def _rounded(points: Sequence[Point], radius: float) -> str:
    """The path through the points, each corner replaced by a curve."""
    path = f"M{short(points[0][0])} {short(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        ends = []
        for x, y in (before, after):
            length = math.hypot(x - corner[0], y - corner[1])
            share = min(radius, length / 2) / length if length else 0
            ends.append((corner[0] + share * (x - corner[0]), corner[1] + share * (y - corner[1])))
        (ax, ay), (bx, by) = ends
        path += f"L{short(ax)} {short(ay)}Q{short(corner[0])} {short(corner[1])} {short(bx)} {short(by)}"
    return path + f"L{short(points[-1][0])} {short(points[-1][1])}"
