"""The site's two maps, as SVG in the page: the road of the chapters, and the lessons of one chapter.

The text is text (it can be selected, searched and read aloud), links lead to the pages, and all colours come from the
style sheet, so that a map follows the reader's choice of light or dark.
"""

from __future__ import annotations

import re
from html import escape
from textwrap import shorten, wrap

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import Chapter

COLUMNS, STEP, ROW, LEFT, TOP = 4, 232, 132, 152, 58  # the wide road
NARROW_ROW = 66
STOP = 62  # from lesson to lesson in a chapter's map


def road(chapters: tuple[Chapter, ...]) -> str:
    """The road of the chapters twice: winding for wide screens, straight down for narrow ones; the style shows one."""
    parts = list(dict.fromkeys(chapter.part for chapter in chapters))
    colour = {part: f"part-{index % 5 + 1}" for index, part in enumerate(parts)}
    return _wide(chapters, colour) + "\n" + _narrow(chapters, colour)


ALONE = """<style>
text { font-family: system-ui, sans-serif; font-size: 16px; fill: #1f2328; font-weight: 600; }
.part { font-size: 14px; font-style: italic; font-weight: 400; fill: #59636e; }
.number { fill: #fff; }
.way { fill: none; stroke-width: 7; stroke-linecap: round; }
.part-1 { fill: #00629b; stroke: #00629b; } .part-2 { fill: #00704f; stroke: #00704f; }
.part-3 { fill: #7242a8; stroke: #7242a8; } .part-4 { fill: #b04400; stroke: #b04400; }
.part-5 { fill: #ad2f4d; stroke: #ad2f4d; }
path.way { fill: none; }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc; } .part { fill: #9198a1; } }
</style>"""


def road_alone(chapters: tuple[Chapter, ...]) -> str:
    """The wide road as an SVG file of its own, for a README: with its colours, without links."""
    parts = list(dict.fromkeys(chapter.part for chapter in chapters))
    drawn = _wide(chapters, {part: f"part-{index % 5 + 1}" for index, part in enumerate(parts)})
    first, rest = re.sub(r"</?a\b[^>]*>", "", drawn).split("\n", 1)
    return first.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ') + "\n" + ALONE + "\n" + rest + "\n"


def _wide(chapters: tuple[Chapter, ...], colour: dict[str, str]) -> str:
    places = [_winding(index) for index in range(len(chapters))]
    height = TOP + ROW * ((len(chapters) - 1) // COLUMNS) + 74
    lines = _opening("road road-wide", LEFT * 2 + STEP * (COLUMNS - 1), height, chapters)
    for index, (x, y) in enumerate(places[1:], 1):
        lines.append(f'<path class="way {colour[chapters[index].part]}" d="{_way(places[index - 1], (x, y))}"/>')
    for index, (chapter, (x, y)) in enumerate(zip(chapters, places, strict=True)):
        if index == 0 or chapter.part != chapters[index - 1].part:
            lines.append(f'<text class="part" x="{x}" y="{y - 34}" text-anchor="middle">{escape(chapter.part)}</text>')
        lines.append(_station(chapter, colour, x, y, f'x="{x}" y="{y + 46}" text-anchor="middle"'))
    return "\n".join([*lines, "</svg>"])


def _winding(index: int) -> tuple[int, int]:
    """Where the station `index` lies: rows run to the right and back in turn."""
    row, column = divmod(index, COLUMNS)
    return LEFT + STEP * (column if row % 2 == 0 else COLUMNS - 1 - column), TOP + ROW * row


def _way(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = start, end
    if y == to_y:
        return f"M{x} {y}H{to_x}"
    side = x + 160 if x > LEFT else x - 160  # a bend at the end of a row, outwards
    return f"M{x} {y}C{side} {y} {side} {to_y} {to_x} {to_y}"


def _narrow(chapters: tuple[Chapter, ...], colour: dict[str, str]) -> str:
    lines = _opening("road road-narrow", 340, NARROW_ROW * len(chapters) + 8, chapters)
    for index, chapter in enumerate(chapters):
        y = 38 + NARROW_ROW * index
        if index:
            lines.append(f'<path class="way {colour[chapter.part]}" d="M30 {y - NARROW_ROW}V{y}"/>')
    for index, chapter in enumerate(chapters):
        y = 38 + NARROW_ROW * index
        if index == 0 or chapter.part != chapters[index - 1].part:
            lines.append(f'<text class="part" x="66" y="{y - 20}">{escape(chapter.part)}</text>')
        lines.append(_station(chapter, colour, 30, y, f'x="66" y="{y + 6}"'))
    return "\n".join([*lines, "</svg>"])


def _opening(kind: str, width: int, height: int, chapters: tuple[Chapter, ...]) -> list[str]:
    label = f"The road through the book: {len(chapters)} chapters"
    return [f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="group" aria-label="{label}">']


def _station(chapter: Chapter, colour: dict[str, str], x: int, y: int, text: str) -> str:
    return (
        f'<a href="chapters/{chapter.folder}/index.html">'
        f'<circle class="{colour[chapter.part]}" cx="{x}" cy="{y}" r="22"/>'
        f'<text class="number" x="{x}" y="{y + 6}" text-anchor="middle">{chapter.number}</text>'
        f'<text class="station" {text}>{escape(chapter.title)}</text></a>'
    )


def chapter_map(chapter: Chapter, known: dict[str, LessonFile]) -> str:
    """The lessons of a chapter from top to bottom, lines between those that build on each other, and above them what
    they need from earlier chapters.

    Args:
        known: every lesson of the book by its name.
    """
    names = [entry.name for entry in chapter.lessons]
    needs = {name: [other for other in _needs(known[name]) if other in known] for name in names}
    outside = list(dict.fromkeys(other for name in names for other in needs[name] if other not in names))
    first = 40 + 26 * len(outside) + (22 if outside else 0)
    place = {name: first + STOP * index for index, name in enumerate(names)}
    label = f"Map of chapter {chapter.number}: which lesson builds on which"
    height = first + STOP * (len(names) - 1) + 40
    lines = [f'<svg class="chapter-map" viewBox="0 0 360 {height}" role="group" aria-label="{label}">']
    if outside:
        lines.append('<text class="part" x="60" y="22">you come from</text>')
    for index, other in enumerate(outside):
        y = 48 + 26 * index
        used = ", ".join(str(names.index(name) + 1) for name in names if other in needs[name])
        lines.append(f'<path class="from" d="M46 {y - 5}H54"/>')
        title = escape(shorten(_title(known[other]), 36, placeholder=" …"))
        lines.append(
            f'<a href="{_page(chapter, known[other])}"><text class="outside" x="60" y="{y}">{title} '
            f'<tspan class="used">for {used}</tspan></text></a>'
        )
    if outside:
        lines.append(f'<path class="from" d="M46 43V{first - 20}"/>')
    for name in names:
        for other in needs[name]:
            if other in place:
                lines.append(f'<path class="needs" d="{_arc(place[other], place[name])}"/>')
    for index, name in enumerate(names):
        lines.append(
            f'<a href="{_page(chapter, known[name])}"><circle class="stop" cx="46" cy="{place[name]}" r="17"/>'
            f'<text class="number" x="46" y="{place[name] + 5}" text-anchor="middle">{index + 1}</text>'
            f'<text class="station">{_lines(_title(known[name]), 76, place[name] + 6)}</text></a>'
        )
    return "\n".join([*lines, "</svg>"])


def _needs(lesson: LessonFile) -> list[str]:
    return re.findall(r"\w+", lesson.fields.get("Needs", ""))


def _title(lesson: LessonFile) -> str:
    """The lesson's title, up to a colon: a map has little room."""
    return lesson.fields.get("Title", lesson.name).partition(":")[0]


def _lines(text: str, x: int, y: int) -> str:
    """`text` in as many lines as it needs beside a stop, their middle at `y`."""
    lines = wrap(text, 29)
    top = y - 9 * (len(lines) - 1)
    return "".join(f'<tspan x="{x}" y="{top + 18 * row}">{escape(line)} </tspan>' for row, line in enumerate(lines))


def _page(chapter: Chapter, lesson: LessonFile) -> str:
    return f"{lesson.name}.html" if lesson.chapter == chapter.folder else f"../{lesson.chapter}/{lesson.name}.html"


def _arc(start: int, end: int) -> str:
    """From one lesson to a later one: straight to the next, around those in between."""
    if end - start <= STOP:
        return f"M46 {start}V{end}"
    side = 46 - min(38, 14 + (end - start) // 10)
    out, back = f"C{side} {start} {side} {start} {side} {start + 31}", f"C{side} {end} {side} {end} 46 {end}"
    return f"M46 {start}{out}V{end - 31}{back}"
