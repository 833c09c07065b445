"""Grids with a row for each word that looks and a column for each that is looked at: weights, and masks."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.book.diagrams.kit.canvas import Area, Canvas
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import SMALL, check_words, number, text_width
from lmbook.errors import LmbookError

PAD = "[PAD]"
KINDS = ("causal", "padding", "cross")
WHOLE = 430  # pixels of a grid with its names, so that it can be read on a phone


def attention_weights(
    words: Sequence[str], weights: Sequence[Sequence[float]], *, columns: Sequence[str] | None = None
) -> Diagram:
    """The weights of attention as a grid: the fuller a cell is coloured, the larger its number.

    Args:
        words: T words that look, 2 to 8.
        weights: [T, S], from 0 to 1; each row adds up to 1.
        columns: S words that are looked at; None: the same words.

    Raises:
        LmbookError: the words cannot be drawn, or the weights do not fit.
    """
    rows = check_words(words)
    columns = rows if columns is None else check_words(columns, "columns")
    weights = [[float(weight) for weight in row] for row in weights]
    if len(weights) != len(rows) or any(len(row) != len(columns) for row in weights):
        raise LmbookError("The weights do not fit the words.", f"Give {len(rows)} rows of {len(columns)} numbers.")
    if any(not -0.005 <= weight <= 1.005 for row in weights for weight in row) or any(
        abs(sum(row) - 1) > 0.01 for row in weights
    ):
        raise LmbookError("The weights are no shares.", "They are from 0 to 1, and each row adds up to 1 (softmax).")
    canvas = Canvas()
    for row, cells in zip(weights, _grid(canvas, rows, columns), strict=True):
        for weight, cell in zip(row, cells, strict=True):
            canvas.heat(cell, min(max(weight, 0), 1))
            canvas.rectangle(cell, stroke="line", radius=0)
            canvas.text(*cell.middle, number(weight, 2), size=SMALL)
    said = "; ".join(
        f"{word}: " + ", ".join(f"{number(weight, 2)} to {column}" for weight, column in zip(row, columns, strict=True))
        for word, row in zip(rows, weights, strict=True)
    )
    return Diagram("Weights of attention", f"Each row is a word that looks, and adds up to 1. {said}.", canvas)


def mask(
    kind: str, words: Sequence[str], *, columns: Sequence[str] | None = None, padding: int | None = None
) -> Diagram:
    """Which word may look at which: a dot where it may, a cross where it may not.

    Args:
        kind: "causal" (itself and what came before), "padding" (every real word), "cross" (a decoder's words at an
            encoder's).
        words: those that look.
        columns: those that are looked at, for "cross" alone.
        padding: so many [PAD] are added to what is looked at; None: 2 for "padding", else 0. With "causal", both hold.

    Raises:
        LmbookError: the kind is not known, or the words cannot be drawn.
    """
    if kind not in KINDS:
        raise LmbookError(f"There is no mask {kind!r}.", f"Choose one of {', '.join(KINDS)}.")
    if (kind == "cross") != (columns is not None):
        raise LmbookError(
            f"A {kind} mask {'needs' if kind == 'cross' else 'has no'} columns.",
            "Give columns=[…] for what the encoder read, with kind cross alone.",
        )
    padding = (2 if kind == "padding" else 0) if padding is None else padding
    if padding < 0:
        raise LmbookError(f"padding={padding} is below 0.", "Give the number of [PAD].")
    pads = [PAD] * padding
    rows = check_words([*words, *([] if kind == "cross" else pads)])
    seen = check_words([*columns, *pads], "columns") if kind == "cross" else rows
    real = len(seen) - padding
    canvas = Canvas()
    grid = _grid(canvas, rows, seen)
    for t, cells in enumerate(grid):
        for s, cell in enumerate(cells):
            may = s < real and (kind != "causal" or s <= t)
            canvas.rectangle(cell, fill="blue-tint" if may else "paper", stroke="line", radius=0)
            sign(canvas, *cell.middle, may)
    _legend(canvas, grid[-1][0].x, grid[-1][0].bottom + 26)
    rule = {
        "causal": "Each word may look at itself and at those before it",
        "padding": "Each word may look at every real word",
        "cross": "Each word of the decoder may look at every word that the encoder read",
    }[kind]
    alt = f"{rule}{', at no padding' if padding else ''}. Rows: {' '.join(rows)}. Columns: {' '.join(seen)}."
    return Diagram(f"The {kind} mask", alt, canvas)


def sign(canvas: Canvas, x: float, y: float, may: bool) -> None:
    """A dot where a word may look, a cross where it may not."""
    if may:
        canvas.circle(x, y, 6, fill="blue", stroke="blue")
    else:
        canvas.line([(x - 4, y - 4), (x + 4, y + 4)])
        canvas.line([(x - 4, y + 4), (x + 4, y - 4)])


def _legend(canvas: Canvas, x: float, y: float) -> None:
    for offset, may, words in ((8, True, "may look"), (112, False, "hidden")):
        sign(canvas, x + offset, y, may)
        canvas.text(x + offset + 14, y, words, size=SMALL, anchor="start", colour="muted")


def _grid(canvas: Canvas, rows: Sequence[str], columns: Sequence[str]) -> list[list[Area]]:
    """Draw the names and give the cells [T][S]. Where a word is too wide for its column, columns have numbers, and the
    words that they stand for are found in the rows, or in a list below the head."""
    names = max(map(text_width, rows)) + 10
    widest = max(map(text_width, columns)) + 8
    fits = max(names, 50) + len(columns) * max(widest, 46) <= WHOLE
    heads = list(columns) if fits else [str(number) for number in range(1, len(columns) + 1)]
    same = list(rows) == list(columns)
    shown = [word if fits or not same else f"{index} {word}" for index, word in enumerate(rows, 1)]
    names = max(50.0, *(text_width(name) + 10 for name in shown))
    size = min(56.0, max(widest, 46)) if fits else min(48.0, (WHOLE - names) / len(columns))
    width = max(size, widest) if fits else size
    top = 0.0
    if not fits and not same:
        for index, word in enumerate(columns, 1):
            canvas.text(names, (index - 1) * 20, f"{index} {word}", size=SMALL, anchor="start")
        top = 20.0 * len(columns) + 8
    canvas.text(names + width * len(columns) / 2, top, "looks at (key) →", size=SMALL, colour="muted")
    canvas.text(names - 10, top + 24, "query ↓", size=SMALL, anchor="end", colour="muted")
    height, top = 36, top + 40
    for column, head in enumerate(heads):
        canvas.text(names + (column + 0.5) * width, top - 15, head)
    cells = []
    for row, name in enumerate(shown):
        y = top + row * height
        canvas.text(names - 10, y + height / 2, name, anchor="end")
        cells.append([Area(names + column * width, y, width, height) for column in range(len(columns))])
    return cells
