from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import Chapter, LessonEntry
from lmbook.book.site.drawings import chapter_map, road, road_alone


def chapter(number, part="Part", lessons=()):
    entries = tuple(LessonEntry(name, "?") for name in lessons)
    return Chapter(f"{number:02d}_x", f"Title {number} & more", part, "?", (), entries)


def lesson(name, folder="02_x", needs="nothing"):
    return LessonFile(name, Path(f"chapters/{folder}/{name}.py"), {"Title": f"{name}: a title", "Needs": needs})


def drawings(text):
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.S)]


def test_the_road_has_every_chapter_once_in_each_of_its_forms():
    chapters = tuple(chapter(number, f"part {number // 3}") for number in range(1, 13))
    wide, narrow = drawings(road(chapters))
    for drawing in (wide, narrow):
        links = [link.get("href") for link in drawing.iter("a")]
        assert links == [f"chapters/{each.folder}/index.html" for each in chapters]
        assert [text.text for text in drawing.iter("text") if text.get("class") == "number"] == [
            str(number) for number in range(1, 13)
        ]
        _, _, width, height = map(int, drawing.get("viewBox").split())
        places = [(int(circle.get("cx")), int(circle.get("cy"))) for circle in drawing.iter("circle")]
        assert len(set(places)) == 12
        assert all(20 < x < width - 20 and 20 < y < height - 20 for x, y in places)
        assert len([text for text in drawing.iter("text") if text.get("class") == "part"]) == 5


def test_a_chapter_s_map_shows_what_its_lessons_need():
    known = {
        each.name: each
        for each in (
            lesson("before", "01_x"),
            lesson("first", needs="before"),
            lesson("second", needs="first"),
            lesson("third", needs="first, before"),
            lesson("guest", "01_x"),
        )
    }
    (drawing,) = drawings(chapter_map(chapter(2, lessons=("first", "second", "third", "guest")), known))
    links = [link.get("href") for link in drawing.iter("a")]
    assert links == ["../01_x/before.html", "first.html", "second.html", "third.html", "../01_x/guest.html"]
    assert len([path for path in drawing.iter("path") if path.get("class") == "needs"]) == 2
    assert [span.text for span in drawing.iter("tspan") if span.get("class") == "used"] == ["for 1, 3"]
    assert [link.findtext("text/tspan").strip() for link in drawing.iter("a")][1:] == [
        "first",
        "second",
        "third",
        "guest",
    ]


def test_a_long_title_is_broken_into_lines_that_fit():
    name = "a rather long name of a lesson that would be cut off"
    known = {name: LessonFile(name, Path("chapters/02_x/long.py"), {"Title": name})}
    (drawing,) = drawings(chapter_map(chapter(2, lessons=(name,)), known))
    lines = [span.text.strip() for span in drawing.iter("tspan")]
    assert " ".join(lines) == name and max(map(len, lines)) <= 29


def test_the_road_of_the_readme_stands_alone():
    drawing = ElementTree.fromstring(road_alone(tuple(chapter(number) for number in range(1, 5))))
    names = {element.tag.rpartition("}")[2] for element in drawing.iter()}
    assert {"style", "circle", "text"} <= names and "a" not in names  # it needs no style sheet and leads nowhere
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
