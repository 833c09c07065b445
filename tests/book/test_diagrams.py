"""Every diagram is valid, complete and readable: nothing cut off, nothing on top of text, light and dark."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from lmbook.book import diagrams
from lmbook.book.diagrams.examples import CHINESE, LONG, TREE, examples
from lmbook.book.diagrams.kit.canvas import Area
from lmbook.book.diagrams.kit.palette import THEMES
from lmbook.book.diagrams.kit.text import text_width

SVG = "{http://www.w3.org/2000/svg}"
PHONE, LEAST = 360, 11  # pixels of a phone's page, and of the smallest text on it
WIDE_HAN = ["一二三四五六七八九十"] * 8
LONGEST = ["internationalization"] * 8

EXTREMES = {
    "two words": lambda: diagrams.attention(["a", "b"]),
    "three numbers": lambda: diagrams.attention(
        LONGEST, query=[-9.25] * 3, keys=[[-9.25] * 3] * 8, values=[[-9.25] * 3] * 8
    ),
    "one number": lambda: diagrams.attention(["a", "b"], query=[1], keys=[[1], [2]], values=[[1], [2]]),
    "markup": lambda: diagrams.attention(["<b>&", '"', "]]>"]),
    "white space": lambda: diagrams.tokens([" a", "\n", "\t", "  ", "\x00"]),
    "long rnn": lambda: diagrams.unrolled_rnn(LONGEST, predicts=LONGEST, cell="LSTM"),
    "han rnn": lambda: diagrams.unrolled_rnn(WIDE_HAN),
    "two rnn": lambda: diagrams.unrolled_rnn(["我", "a"], cell="GRU"),
    "long weights": lambda: diagrams.attention_weights(LONGEST, [[0.125] * 8] * 8),
    "long cross weights": lambda: diagrams.attention_weights(WIDE_HAN, [[0.125] * 8] * 8, columns=LONGEST),
    "long steps": lambda: diagrams.steps_and_pairs(LONGEST[:6]),
    "two steps": lambda: diagrams.steps_and_pairs(["a", "b"]),
    "long mask": lambda: diagrams.mask("cross", LONGEST, columns=WIDE_HAN[:6], padding=2),
    "causal and padding": lambda: diagrams.mask("causal", TREE[:4], padding=2),
    "long gpt": lambda: diagrams.gpt_and_bert(LONGEST),
    "two gpt": lambda: diagrams.gpt_and_bert(["a", "b"], hidden=1),
    "long language model": lambda: diagrams.language_model(WIDE_HAN, vocabulary=10**6),
    "long translation": lambda: diagrams.encoder_decoder(LONGEST, WIDE_HAN, layers=12),
    "short translation": lambda: diagrams.encoder_decoder(["a", "b"], ["我", "你"]),
    "rotary of eight": lambda: diagrams.rotary(LONGEST, pairs=3, base=10_000),
    "one pair": lambda: diagrams.rotary(["a", "b"], pairs=1),
    "long waves": lambda: diagrams.sinusoidal(length=64, width=12, position=63, base=10_000),
    "wide merge": lambda: diagrams.merge_tree(
        "mmmmWWWWmmmmWWWWm", [("m", "m"), ("W", "W"), ("mm", "mm"), ("WW", "WW")]
    ),
    "han merge": lambda: diagrams.merge_tree("我们在山上", [("我", "们"), ("山", "上")]),
    "no merge": lambda: diagrams.merge_tree("a", []),
    "long throws": lambda: diagrams.dice_tree([("manner", {"sunflower": 99, "silently": 1, "m": 1, "n": 1}, "m")] * 5),
    "two sides": lambda: diagrams.dice_tree([("coin", {"heads": 1, "tails": 1}, "tails")]),
    "deep beams": lambda: diagrams.beam_tree([[(LONGEST[:n], -100.0 * n)] for n in range(1, 6)], beams=1),
    "wide beams": lambda: diagrams.beam_tree([[([word], -1.0 - n) for n, word in enumerate(TREE)]], beams=3),
    "long next word": lambda: diagrams.next_word(
        LONGEST, {LONGEST[0]: 0.5, "一二三四五六七八九十": 0.0001}, chosen=LONGEST[0]
    ),
    "two heads": lambda: diagrams.multi_head(heads=2, width=2048),
    "large numbers": lambda: diagrams.training_loop(loss=1234.5, learning_rate=1e-12),
    "post cross": lambda: diagrams.block(order="post", cross=True, causal=False, layers=96),
    "lstm bounds": lambda: diagrams.lstm_cell(memory=-99.25, forget=1, input=0.75, candidate=-0.75, output=0.25),
}
EXAMPLES = examples()
ALL = {**{name: (lambda name=name: EXAMPLES[name]) for name in EXAMPLES}, **EXTREMES}
drawn = pytest.mark.parametrize("draw", ALL.values(), ids=list(ALL))


class Layout:
    """One of a diagram's layouts, as it is in the SVG: its view, texts and shapes in pixels."""

    def __init__(self, element: ElementTree.Element):
        self.view = Area(*map(float, element.get("viewBox").split()))
        self.marks = [child for child in element if child.tag[len(SVG) :] in ("text", "rect", "circle", "path")]
        self.texts = [mark for mark in self.marks if mark.tag == SVG + "text"]
        paths = [(place, mark) for place, mark in enumerate(self.marks) if mark.tag == SVG + "path"]
        self.lines = [(place, _along(mark.get("d"))) for place, mark in paths]

    @staticmethod
    def sizes(text) -> list[float]:
        return [float(text.get("font-size"))] + [float(span.get("font-size")) for span in text if span.get("font-size")]

    @staticmethod
    def area(text) -> Area:
        """Where the text is drawn: its width by the table, its height that of letters."""
        size, bold = float(text.get("font-size")), text.get("font-weight") == "600"
        width = text_width(text.text or "", size, bold)
        width += sum(text_width(span.text, float(span.get("font-size", size)), bold) for span in text)
        left = float(text.get("x")) - width * {None: 0, "middle": 0.5, "end": 1}[text.get("text-anchor")]
        return Area(left, float(text.get("y")) - 0.74 * size, width, 0.8 * size)

    def shapes(self, after: int = 0) -> list[tuple[Area, str, float]]:
        """Filled rectangles and circles from a mark on: where, which colour, how opaque."""
        found = []
        for mark in self.marks[after:]:
            fill = re.search(r"f-([\w-]+)", mark.get("class", ""))
            if not fill:
                continue
            if mark.tag == SVG + "rect":
                area = Area(*(float(mark.get(key)) for key in ("x", "y", "width", "height")))
            elif mark.tag == SVG + "circle":
                x, y, r = (float(mark.get(key)) for key in ("cx", "cy", "r"))
                area = Area(x - r, y - r, 2 * r, 2 * r)
            else:
                continue
            found.append((area, fill[1], float(mark.get("fill-opacity", 1))))
        return found

    def crosses(self, area: Area) -> bool:
        """A line or curve goes through the area, and no shape that was drawn later covers it there."""
        return any(
            area.x < x < area.right
            and area.y < y < area.bottom
            and not any(inside(Area(x, y, 0, 0), shape) for shape, _, opacity in self.shapes(place) if opacity == 1)
            for place, points in self.lines
            for x, y in points
        )


def _along(path: str) -> list[tuple[float, float]]:
    found, here = [], None
    for letter, numbers in re.findall(r"([MLQC])([^MLQCZ]+)", path):
        values = [float(value) for value in numbers.split()]
        corners = list(zip(values[::2], values[1::2], strict=True))
        if letter != "M":
            pieces = math.ceil(sum(map(math.dist, [here, *corners], corners)) / 3)
            found += [_bezier([here, *corners], step / pieces) for step in range(pieces)]
        here = corners[-1]
    return found


def _bezier(corners, share):
    while len(corners) > 1:
        corners = [
            (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            for a, b in zip(corners, corners[1:], strict=False)
        ]
    return corners[0]


def layouts(diagram) -> list[Layout]:
    root = ElementTree.fromstring(diagram.svg)
    inner = root.findall(SVG + "svg")
    assert len(inner) in (0, 2)
    return [Layout(element) for element in inner or [root]]


def inside(part: Area, whole: Area) -> bool:
    return part.x >= whole.x and part.y >= whole.y and part.right <= whole.right and part.bottom <= whole.bottom


def overlap(a: Area, b: Area) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


@drawn
def test_the_picture_says_what_it_is_to_those_who_cannot_see_it(draw):
    diagram = draw()
    root = ElementTree.fromstring(diagram.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"{diagram.title}. {diagram.alt}" == repr(diagram)
    assert root.findtext(SVG + "title") == diagram.title
    assert root.findtext(SVG + "desc") == diagram.alt
    assert len(diagram.alt) > 20 and diagram.alt.endswith(".")


@drawn
def test_every_text_is_whole_and_nothing_lies_on_it(draw):
    for layout in layouts(draw()):
        areas = [layout.area(text) for text in layout.texts]
        names = ["".join(text.itertext()) for text in layout.texts]
        assert all(name.strip() for name in names)
        assert [name for name, area in zip(names, areas, strict=True) if not inside(area, layout.view)] == []
        pairs = [(names[i], names[j]) for i in range(len(areas)) for j in range(i) if overlap(areas[i], areas[j])]
        assert pairs == []
        assert [name for name, area in zip(names, areas, strict=True) if layout.crosses(area)] == []


@drawn
def test_a_text_in_a_box_does_not_leave_it(draw):
    for layout in layouts(draw()):
        boxes = [area for area, _, opacity in layout.shapes() if opacity == 1 and area.height >= 16]
        for text in layout.texts:
            area = layout.area(text)
            around = [box for box in boxes if inside(Area(*area.middle, 0, 0), box)]
            smallest = min(around, key=lambda box: box.width * box.height, default=layout.view)
            assert smallest.x <= area.x and area.right <= smallest.right, "".join(text.itertext())


@drawn
def test_text_can_be_read_on_a_phone(draw):
    diagram = draw()
    small = layouts(diagram)[-1]
    sizes = [size for text in small.texts for size in small.sizes(text)]
    assert min(sizes) * min(1, PHONE / small.view.width) >= LEAST
    wide = layouts(diagram)[0]
    assert wide.view.width <= 720
    assert 14 <= min(size for text in wide.texts for size in wide.sizes(text))


def _light(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _luminance(rgb) -> float:
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b) -> float:
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@drawn
@pytest.mark.parametrize("theme", THEMES)
def test_every_text_stands_out_from_what_is_behind_it(draw, theme):
    colours = {name: _light(colour) for name, colour in THEMES[theme].items()}
    for layout in layouts(draw()):
        for text in layout.texts:
            behind, place = colours["paper"], layout.area(text)
            for area, fill, opacity in layout.shapes():
                if overlap(place, area):
                    behind = [
                        opacity * new + (1 - opacity) * old for new, old in zip(colours[fill], behind, strict=True)
                    ]
            colour = colours[re.search(r"f-([\w-]+)", text.get("class"))[1]]
            assert contrast(colour, behind) >= 4.5, "".join(text.itertext())


@pytest.mark.parametrize("theme", THEMES)
def test_lines_stand_out_from_the_paper(theme):
    colours = {name: _light(colour) for name, colour in THEMES[theme].items()}
    for name in ("line", "blue", "orange", "green", "ink"):
        for paper in ("paper", "soft"):
            assert contrast(colours[name], colours[paper]) >= 3, name


@drawn
def test_every_colour_has_a_rule_in_each_theme(draw):
    before, style, after = re.split("</?style>", draw().svg)
    used = {name for classes in re.findall(r'class="([^"]*)"', after) for name in classes.split() if name[1] == "-"}
    assert used
    # As such, where the system is dark, and where the page says light or dark.
    assert {name: style.count(f".lmd .{name}{{") for name in used} == dict.fromkeys(used, 4)


def test_a_page_of_a_phone_gets_the_narrow_layout_and_a_file_the_wide_one():
    diagram = diagrams.unrolled_rnn("the old green tree stands".split())
    wide, narrow = layouts(diagram)
    assert narrow.view.width < PHONE < wide.view.width
    assert [layout.view for layout in layouts(diagram.narrow)] == [narrow.view]
    assert ".lmd-two:not(:root)>.lmd-narrow{display:inline}" in diagram.svg
    one = diagrams.training_loop()
    assert one.narrow is one and "lmd-two" not in re.sub(r"<style>.*</style>", "", one.svg)


def test_a_diagram_is_shown_by_a_notebook_and_saved_as_a_file(tmp_path):
    from lmbook.errors import LmbookError

    diagram = diagrams.attention(words=["the", "cat", "sat"])
    path = diagram.save(tmp_path / "new" / "attention.svg")
    assert path.read_text(encoding="utf-8") == diagram.svg == diagram._repr_svg_()
    with pytest.raises(LmbookError, match="end in .svg"):
        diagram.save(tmp_path / "attention.png")


def test_the_command_writes_the_same_bytes_each_time_and_a_page_of_all(tmp_path):
    folders = []
    for seed in ("1", "2"):
        folders.append(tmp_path / seed)
        command = [sys.executable, "-X", "utf8", "-m", "lmbook.book.diagrams", str(folders[-1])]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second
    assert set(first) == {"index.html", *(f"{name}.svg" for name in EXAMPLES)}
    assert all(name.encode() in first["index.html"] for name in EXAMPLES)


def test_every_function_has_an_example():
    functions = [name for name in diagrams.__all__ if name != "Diagram"]
    assert [name for name in functions if not any(example.startswith(name) for example in EXAMPLES)] == []


def test_drawing_needs_neither_tensorflow_nor_numpy():
    code = (
        "import sys; from lmbook.book.diagrams.examples import examples; examples();"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_han_characters_are_counted_as_wide_and_combining_ones_not():
    assert text_width("我们", 15) == 30
    assert text_width("e\u0301", 15) == text_width("e", 15)
    assert text_width(("h", "t−1"), 18) > text_width("h", 18)
    assert CHINESE and LONG
