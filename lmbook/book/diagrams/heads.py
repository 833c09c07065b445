"""Attention: one word's query meets all keys, and many heads side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import SMALL, check_words, number, text_width
from lmbook.errors import LmbookError

# Small vectors that give a clear picture; a lesson that computes its own gives them.
QUERY = (1.0, 0.5)
KEYS = ((0.0, 1.0), (2.0, 1.0), (1.0, 0.0), (0.0, 0.5), (1.0, 1.0), (-1.0, 1.0), (0.5, 0.5), (0.0, -1.0))
VALUES = ((1.0, 0.0), (0.0, 2.0), (1.0, 1.0), (0.5, 0.0), (2.0, 1.0), (0.0, 1.0), (1.0, -1.0), (0.0, 0.5))

Vectors = Sequence[Sequence[float]]


@dataclass(frozen=True)
class _Look:
    """What one word's attention computes; numbers of the words that it may not see are None, their weights 0."""

    words: list[str]
    asking: int
    query: list[float]
    keys: list[list[float]]
    values: list[list[float]]
    scores: list[float | None]
    weights: list[float]
    mix: list[float]

    @property
    def cell(self) -> float:
        """Width of a cell that holds each of the numbers."""
        rows = [self.query, self.mix, *self.keys, *self.values]
        return max(text_width(number(value), SMALL) for row in rows for value in row) + 9


def attention(
    words: Sequence[str],
    *,
    asking: int = -1,
    query: Sequence[float] | None = None,
    keys: Vectors | None = None,
    values: Vectors | None = None,
    causal: bool = False,
) -> Diagram:
    """One word asks all others: its query meets their keys, the scores become weights, the values are mixed.

    The scores, the weights and the mix are computed from the vectors.

    Args:
        words: T of them, 2 to 8.
        asking: the place of the word that asks, from 0; -1 is the last.
        query: its K numbers, K from 1 to 3; None: an example with K = 2, as for keys and values.
        keys: [T, K].
        values: [T, K'], K' from 1 to 3.
        causal: the word does not see those after it.

    Raises:
        LmbookError: the words cannot be drawn, there is no such place, or shapes do not fit.
    """
    words = check_words(words)
    if not -len(words) <= asking < len(words):
        raise LmbookError(f"asking={asking} is no place in {len(words)} words.", f"Use 0 to {len(words) - 1}, or -1.")
    (query,) = _vectors([QUERY if query is None else query], "query", 1)
    keys = _vectors(KEYS[: len(words)] if keys is None else keys, "keys", len(words), len(query))
    values = _vectors(VALUES[: len(words)] if values is None else values, "values", len(words))
    look = _look(words, asking % len(words), query, keys, values, causal)
    asks = words[look.asking]
    weights = ", ".join(f"{number(w, 2)} to {word}" for w, word in zip(look.weights, words, strict=True))
    alt = (
        f"The word {asks} asks with its query {_row(query)}. Its score with each word is the product of the query and "
        f"that word's key, divided by the square root of {len(query)}. Softmax makes weights of the scores: {weights}. "
        f"The values, each times its weight, add up to {_row(look.mix)}."
    )
    return fitted(f"Attention of the word {asks}", alt, _table(look), _table(look, stacked=True))


def _row(values: Sequence[float]) -> str:
    return "(" + ", ".join(map(number, values)) + ")"


def _vectors(rows: Vectors, what: str, count: int, width: int | None = None) -> list[list[float]]:
    rows = [[float(value) for value in row] for row in rows]
    width = len(rows[0]) if width is None and rows else width
    if len(rows) != count or any(len(row) != width for row in rows):
        raise LmbookError(
            f"{what} do not fit: {count} rows of {width} numbers are needed.",
            "Give a row for each word; a key has as many numbers as the query.",
        )
    if not 1 <= width <= 3:
        raise LmbookError(f"{what} have {width} numbers each.", "The picture has room for 1 to 3; show a part of them.")
    if any(not abs(value) < 100 for row in rows for value in row):
        raise LmbookError(f"{what} have a number that is not between −100 and 100.", "Use small numbers.")
    return rows


def _look(words, asking, query, keys, values, causal) -> _Look:
    seen = [not causal or place <= asking for place in range(len(words))]
    scores = [
        sum(q * k for q, k in zip(query, key, strict=True)) / math.sqrt(len(query)) if may else None
        for key, may in zip(keys, seen, strict=True)
    ]
    top = max(score for score in scores if score is not None)
    shares = [0.0 if score is None else math.exp(score - top) for score in scores]
    weights = [share / sum(shares) for share in shares]
    mix = [sum(w * row[i] for w, row in zip(weights, values, strict=True)) for i in range(len(values[0]))]
    return _Look(words, asking, query, keys, values, scores, weights, mix)


def _table(look: _Look, stacked: bool = False) -> Canvas:
    """A row for each word: word, key, score, weight, value. Stacked: the word above its numbers, for long words."""
    canvas, cell, above = Canvas(), look.cell, 34 if stacked else 0
    longest = max(map(chip_width, look.words))
    key = 0 if stacked else longest + 16
    score = key + cell * len(look.query) + 36
    tight = stacked and cell * (len(look.query) + len(look.mix)) > 240  # then there is no room for bars
    track = 56
    bar, value = score + 44, score + (82 if tight else 154)
    middle = value + cell * len(look.mix) / 2

    asks = look.words[look.asking]
    canvas.chip((chip_width(asks) if stacked else longest) / 2, 0, asks, colour="orange")
    query = canvas.vector(key, above, look.query, colour="orange", cell=cell)
    canvas.text(query.right + 10, above, "asks with its query q", anchor="start")
    y = above + 66
    canvas.arrow([query.s, (query.middle[0], y - 12)], colour="orange")
    canvas.text(query.middle[0], y, "key k", colour="muted")
    canvas.text(score, y - 19, "score", colour="muted")
    canvas.text(score, y, f"q · k / √{len(look.query)}", size=SMALL, colour="muted")
    canvas.text(bar + (20 if tight else 50), y - 19, "weight", colour="muted")
    canvas.text(bar + (20 if tight else 50), y, "softmax", size=SMALL, colour="muted")
    canvas.text(middle, y, "value v", colour="muted")
    for word, k, s, weight, v in zip(look.words, look.keys, look.scores, look.weights, look.values, strict=True):
        y += 84 if stacked else 38
        canvas.chip((chip_width(word) if stacked else longest) / 2, y - above, word, dashed=s is None)
        canvas.vector(key, y, k, cell=cell)
        canvas.text(score, y, "−∞" if s is None else number(s, 2), size=SMALL)
        if not tight:
            canvas.rectangle(Area(bar, y - 8, track, 16), stroke="line", radius=0)
            canvas.rectangle(Area(bar, y - 8, track * weight, 16), fill="orange", radius=0)
        canvas.text(bar + (0 if tight else track + 8), y, number(weight, 2), size=SMALL, anchor="start")
        canvas.vector(value, y, v, cell=cell, colour="green")
    canvas.arrow([(middle, y + 16), (middle, y + 44)], colour="green", width=2.5)
    mix = canvas.vector(value, y + 60, look.mix, cell=cell, colour="green")
    canvas.text(mix.x - 10, y + 60, "sum of weight × value", anchor="end")
    return canvas


def multi_head(*, heads: int = 4, width: int | None = None) -> Diagram:
    """Attention by several heads at once: each on its own K of the H · K numbers, then put side by side.

    Args:
        heads: H, 2 to 8.
        width: D, a multiple of H; with it the widths are numbers.

    Raises:
        LmbookError: the number of heads cannot be drawn, or does not divide the width.
    """
    if not 2 <= heads <= 8:
        raise LmbookError(f"heads={heads} cannot be drawn.", "Choose 2 to 8.")
    if width is not None and (width < heads or width % heads):
        raise LmbookError(f"A width of {width} cannot be shared by {heads} heads.", f"Use a multiple of {heads}.")
    D, H, K, HK = ("D", "H", "K", "H·K") if width is None else map(str, (width, heads, width // heads, width))
    canvas, middle, whole = Canvas(), 215, 430
    result = canvas.box(middle, 8, f"y [B, T, {D}]", colour="line", width=150)
    mixed = canvas.box(middle, 76, [("W", "O"), f"[{HK}, {D}]"], width=120)
    canvas.arrow([mixed.n, result.s])
    joined = Area(0, 140, whole, 30)
    canvas.arrow([joined.n, mixed.s])
    canvas.text(middle + 12, 124, f"side by side: [B, T, {HK}]", size=SMALL, anchor="start", colour="muted")
    frame = canvas.rectangle(Area(0, 204, whole, 116), stroke="line", dashed=True)
    canvas.text(middle, 278, "each head alone: softmax(q kᵀ / √K) v", size=SMALL)
    canvas.text(middle, 300, f"q, k, v: [B, {H}, T, {K}]", size=SMALL, colour="muted")
    step = whole / heads
    for head in range(heads):
        part = canvas.rectangle(Area(head * step, 140, step, 30), fill="green-tint", stroke="green", radius=0)
        canvas.text(*part.middle, K, size=SMALL)
        name = f"head {head + 1}" if heads <= 6 else str(head + 1)
        box = canvas.box(head * step + step / 2, 236, name, colour="orange", width=step - 12)
        canvas.arrow([box.n, part.s])
    for x, letter in ((middle - 140, "Q"), (middle, "K"), (middle + 140, "V")):
        box = canvas.box(x, 456, [("W", letter), f"[{D}, {HK}]"], width=120)
        for head in range(heads):
            cell = Area(x - 60 + head * 120 / heads, 356, 120 / heads, 26)
            canvas.rectangle(cell, fill="orange-tint", stroke="orange", radius=0)
            if heads <= 4:
                canvas.text(*cell.middle, K, size=SMALL)
        canvas.arrow([(x, 356), (x, frame.bottom)])
        canvas.arrow([box.n, (x, 382)])
        canvas.text(x + 10, 404, letter.lower(), anchor="start")
        canvas.line([(middle, 524), (middle, 506), (x, 506), box.s] if x != middle else [(middle, 524), box.s])
    canvas.text(middle + 12, 339, f"cut into {H} · {K}", size=SMALL, anchor="start", colour="muted")
    canvas.box(middle, 542, f"x [B, T, {D}]", colour="line", width=150)
    alt = (
        f"The vectors x of shape B by T by {D} are multiplied by three matrices, which give queries, keys and values, "
        f"cut into {heads} heads of width {K}. Each head does attention on its own. Their results are put side by "
        f"side, {HK} numbers at each position, and multiplied by a fourth matrix, which gives y of shape B by T by {D}."
    )
    return Diagram(f"Attention with {heads} heads", alt, canvas)


def head_off(*, off: int = 2, heads: int = 4, size: int = 16) -> Diagram:
    """Heads mixed by the matrix W_O, where the rows of one head are set to 0.

    Args:
        off: the head that is switched off, from 1.
        heads: H, 2 to 6.
        size: K numbers that a head has for a word.

    Raises:
        LmbookError: a number is out of its range.
    """
    if not 2 <= heads <= 6 or not 1 <= off <= heads or not 1 <= size <= 128:
        raise LmbookError(
            f"Head {off} of {heads} with {size} numbers cannot be drawn.", "Choose 2 to 6 heads, 1 to 128 numbers."
        )
    canvas, left, matrix, result = Canvas(), 50, 214, 380
    canvas.text(left, 0, f"{size} numbers each", size=SMALL, colour="muted")
    canvas.text(matrix, 0, ["rows of W", "O"], size=SMALL, colour="muted")
    middle = 40 + (heads - 1) * 22
    added = canvas.box(result, middle, "sum", colour="green", width=76)
    for head in range(heads):
        here, y, first = head + 1 != off, 40 + head * 44, head * size
        box = canvas.box(left, y, f"head {head + 1}", colour="orange", width=100, height=32)
        name = f"{first} to {first + size - 1}" if size > 1 else str(first)
        rows = canvas.box(matrix, y, name if here else f"{name}: all 0", colour="blue" if here else "line", width=132)
        canvas.arrow([box.e, rows.w])
        canvas.arrow([rows.e, (added.x, middle + (head - (heads - 1) / 2) * 8)], dashed=not here)
    alt = (
        f"{heads} heads with {size} numbers each. Each is multiplied by its own {size} rows of the matrix W_O, and the "
        f"products are added. The rows of head {off} are all 0, so that it adds nothing to the sum."
    )
    return Diagram(f"Head {off} is switched off", alt, canvas)


HEADS = ("orange", "green", "blue")


def head_cut(*, words: int = 2, width: int = 4, heads: int = 2) -> Diagram:
    """Rows of numbers cut into heads: rightly, by a reshape and a swap, and beside it by a reshape alone.

    Args:
        words: T rows, 2 to 4; the numbers in them are 1, 2, 3, …
        width: D numbers in each row, a multiple of H, up to 6.
        heads: H, 2 or 3.

    Raises:
        LmbookError: a number is out of its range.
    """
    for what, right, fix in (
        (f"words={words}", 2 <= words <= 4, "Choose 2 to 4."),
        (f"heads={heads}", 2 <= heads <= len(HEADS), "Choose 2 or 3."),
        (f"width={width}", 0 < width <= 6 and width % heads == 0, f"Use a multiple of {heads} up to 6."),
    ):
        if not right:
            raise LmbookError(f"{what} cannot be drawn.", fix)
    size = width // heads
    rows = [[t * width + i + 1 for i in range(width)] for t in range(words)]
    right = [[row[h * size : (h + 1) * size] for row in rows] for h in range(heads)]
    flat = sum(rows, [])
    pieces = [flat[i : i + size] for i in range(0, len(flat), size)]
    wrong = [pieces[h * words : (h + 1) * words] for h in range(heads)]
    cuts = (("right: reshape and swap", right), ("wrong: reshape alone", wrong))
    wide, small = Canvas(), Canvas()
    for index, (title, cut) in enumerate(cuts):
        _cut(wide, index * max(102 + width * 32, 196 + size * 32), 0, title, rows, cut)
        _cut(small, 0, index * (38 * words + heads * (30 * words + 14) + 80), title, rows, cut)
    said = "; ".join(
        f"{title}: " + ", ".join(f"head {h + 1} has {' and '.join(map(_ints, part))}" for h, part in enumerate(cut))
        for title, cut in cuts
    )
    return fitted(f"Cutting into {heads} heads", f"The rows are {', '.join(map(_ints, rows))}. {said}.", wide, small)


def _cut(canvas: Canvas, x: float, y: float, title: str, rows: list[list[int]], cut: list[list[list[int]]]) -> None:
    """The rows, each number in the colour of its head, and under them what each head gets."""
    cell, left = 32, x + 60
    owner = {value: head for head, part in enumerate(cut) for row in part for value in row}
    canvas.text(x, y, title, anchor="start", bold=True)
    for t, row in enumerate(rows):
        y += 38
        canvas.text(x, y, f"word {t + 1}", size=SMALL, anchor="start", colour="muted")
        for i, value in enumerate(row):
            _whole(canvas, left + i * cell, y, value, HEADS[owner[value]])
    y += 20
    for head, part in enumerate(cut):
        y += 10
        canvas.text(x, y + 15 * (len(part) + 1), f"head {head + 1}", size=SMALL, anchor="start")
        for t, row in enumerate(part):
            y += 30
            for i, value in enumerate(row):
                _whole(canvas, left + i * cell, y, value, HEADS[head])
            said = f"read as word {t + 1}"
            canvas.text(left + len(row) * cell + 8, y, said, size=SMALL, anchor="start", colour="muted")


def _ints(values: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, values)) + ")"


def _whole(canvas: Canvas, x: float, y: float, value: int, colour: str) -> None:
    area = canvas.rectangle(Area(x, y - 14, 32, 28), fill=f"{colour}-tint", stroke=colour, radius=0)
    canvas.text(*area.middle, str(value), size=SMALL)
