"""The road of the chapters: stations on a path, for the home page."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.book.diagrams.kit.canvas import Canvas
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import check_fits, text_width
from lmbook.errors import LmbookError

COLUMN, ROW, ACROSS = 172, 112, 4


def road(stations: Sequence[str], *, here: int | None = None) -> Diagram:
    """A path of stations in their order: winding in a wide page, straight down in a narrow one.

    Args:
        stations: titles, 2 to 16, of up to about 32 letters.
        here: the number of the station where the reader is, from 1.

    Raises:
        LmbookError: there are too many stations, a title is too long, or there is no such station.
    """
    if isinstance(stations, str) or not 2 <= len(stations) <= 16:
        raise LmbookError("The road needs a list of 2 to 16 stations.", "Give the titles of the chapters.")
    if here is not None and not 1 <= here <= len(stations):
        raise LmbookError(f"There is no station {here}.", f"Use 1 to {len(stations)}.")
    for title in stations:
        check_fits(title, "a station", 300)
    named = ", ".join(f"{number} {title}" for number, title in enumerate(stations, 1))
    alt = f"The chapters in their order: {named}." + (f" You are at {stations[here - 1]}." if here else "")
    return Diagram("The road through the book", alt, _winding(stations, here), _straight(stations, here))


def _station(canvas: Canvas, x: float, y: float, index: int, here: int | None) -> None:
    current = here == index + 1
    fill, stroke = ("orange-tint", "orange") if current else ("blue-tint", "blue")
    canvas.circle(x, y, 17, fill=fill, stroke=stroke)
    canvas.text(x, y, str(index + 1), bold=current)


def _winding(stations: Sequence[str], here: int | None) -> Canvas:
    """Rows of four, every second one from right to left."""
    canvas = Canvas()
    places = []
    for index in range(len(stations)):
        row, column = divmod(index, ACROSS)
        places.append(((ACROSS - 1 - column if row % 2 else column) * COLUMN, row * ROW))
    path = []
    for index, place in enumerate(places):
        path.append(place)
        if index + 1 < len(places) and places[index + 1][1] != place[1]:
            side = 84 if place[0] else -84
            path += [(place[0] + side, place[1]), (place[0] + side, place[1] + ROW)]
    canvas.line(path, colour="green", width=4, radius=40)
    for index, ((x, y), title) in enumerate(zip(places, stations, strict=True)):
        _station(canvas, x, y, index, here)
        lines = _two_lines(title)
        canvas.lines(x, y + (36 if len(lines) == 1 else 46), lines, bold=here == index + 1)
    return canvas


def _straight(stations: Sequence[str], here: int | None) -> Canvas:
    canvas = Canvas()
    canvas.line([(0, 0), (0, (len(stations) - 1) * 54)], colour="green", width=4)
    for index, title in enumerate(stations):
        _station(canvas, 0, index * 54, index, here)
        canvas.text(30, index * 54, title, anchor="start", bold=here == index + 1)
    return canvas


def _two_lines(title: str) -> list[str]:
    """The title, broken at the space that makes its lines most equal where one line is too wide."""
    if text_width(title) <= COLUMN - 16:
        return [title]
    breaks = [place for place, letter in enumerate(title) if letter == " "] or [len(title) // 2]
    halves = [(title[:place].strip(), title[place:].strip()) for place in breaks]
    return list(min(halves, key=lambda half: max(map(text_width, half))))
