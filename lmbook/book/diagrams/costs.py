"""What has to be computed for a text: steps one after another, or pairs of words all at once."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.book.diagrams.grids import sign
from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import SMALL, check_words, text_width

STEP, CELL = 48, 44  # pixels from row to row, and from column to column


def steps_and_pairs(words: Sequence[str], *, cell: str = "LSTM") -> Diagram:
    """A recurrent network takes a step for each word; attention compares each word with each.

    Args:
        words: 2 to 6 that are read.
        cell: the name of the recurrent network.

    Raises:
        LmbookError: too many words or too long ones.
    """
    words = check_words(words, most=6)
    (cell,) = check_words([cell], "cell", 1)
    wide, small = Canvas(), Canvas()
    right = _steps(wide, 0, 0, words, cell)
    _pairs(wide, right + 56, 0, words)
    _steps(small, 0, 0, words, cell)
    _pairs(small, 0, 76 + STEP * len(words), words)
    steps, pairs = len(words), len(words) ** 2
    alt = (
        f"Left: the {cell} reads {', '.join(words)} in {steps} steps. Each step needs the memory of the step before. "
        f"Right: attention has a score for each of {steps} × {steps} = {pairs} pairs of words. None needs another, so "
        "all can be computed at once. Those of a word with a later one are computed too, and then hidden."
    )
    return fitted(f"{cell}: steps. Attention: pairs", alt, wide, small)


def _steps(canvas: Canvas, x: float, y: float, words: Sequence[str], cell: str) -> float:
    """The chain of steps, downwards; gives its right edge."""
    reads = max(map(chip_width, words))
    heading = f"{cell}: {len(words)} steps, one after another"
    canvas.text(x, y, heading, anchor="start", bold=True)
    boxes: list[Area] = []
    for t, word in enumerate(words):
        middle = y + 44 + t * STEP
        chip = canvas.chip(x + reads / 2, middle, word)
        boxes.append(canvas.box(x + reads + 84, middle, f"step {t + 1}", width=84, height=32))
        canvas.arrow([chip.e, boxes[-1].w])
    for above, below in zip(boxes, boxes[1:], strict=False):
        canvas.arrow([above.s, below.n], colour="green", width=2.5)
    canvas.text(boxes[0].right + 12, (boxes[0].bottom + boxes[1].y) / 2, "memory", size=SMALL, anchor="start")
    return x + max(text_width(heading, bold=True), boxes[0].right + 12 + text_width("memory", SMALL) - x)


def _pairs(canvas: Canvas, x: float, y: float, words: Sequence[str]) -> None:
    """The table of pairs, one row for each word that attends."""
    fits = max(map(text_width, words)) + 6 <= CELL
    wide = CELL if fits else CELL - 4
    heads = words if fits else [str(number) for number in range(1, len(words) + 1)]
    rows = words if fits else [f"{number} {word}" for number, word in enumerate(words, 1)]
    count, names = len(words), max(map(text_width, rows)) + 12
    canvas.text(x, y, f"attention: {count} × {count} pairs, all at once", anchor="start", bold=True)
    canvas.text(x, y + 24, "a row: the word that attends", size=SMALL, anchor="start", colour="muted")
    canvas.text(x, y + 44, "a column: the word attended to", size=SMALL, anchor="start", colour="muted")
    for s, head in enumerate(heads):
        canvas.text(x + names + (s + 0.5) * wide, y + 70, head)
    for t, word in enumerate(rows):
        top = y + 86 + t * STEP
        canvas.text(x + names - 10, top + STEP / 2, word, anchor="end")
        for s in range(count):
            cell = Area(x + names + s * wide, top, wide, STEP)
            canvas.rectangle(cell, fill="blue-tint" if s <= t else "soft", stroke="line", radius=0)
            sign(canvas, *cell.middle, s <= t)
    top += STEP + 20
    for offset, seen, meaning in ((8, True, "score"), (80, False, "computed, then hidden")):
        sign(canvas, x + offset, top, seen)
        canvas.text(x + offset + 14, top, meaning, size=SMALL, anchor="start", colour="muted")
