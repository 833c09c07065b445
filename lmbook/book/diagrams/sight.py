"""GPT against BERT: which words each position may see, and what it predicts."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.book.diagrams.kit.canvas import Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import check_words
from lmbook.errors import LmbookError

MASK = "[MASK]"
PITCH = 42


def gpt_and_bert(words: Sequence[str], *, hidden: int | None = None) -> Diagram:
    """GPT predicts each next word from those before; BERT predicts a hidden word from both sides.

    Args:
        words: 2 to 8.
        hidden: place of the word that BERT must predict, from 0, and GPT predicts at the place before; None: one in the
            middle.

    Raises:
        LmbookError: the words cannot be drawn, or there is no such place.
    """
    words = check_words(words)
    hidden = max(1, len(words) // 2) if hidden is None else hidden
    if not 1 <= hidden < len(words):
        raise LmbookError(f"hidden={hidden} cannot be predicted by both.", f"Use 1 to {len(words) - 1}.")
    wide, small = Canvas(), Canvas()
    width = _gpt(wide, 0, 0, words, hidden)
    _bert(wide, width + 44, 0, words, hidden)
    _gpt(small, 0, 0, words, hidden)
    _bert(small, 0, 96 + PITCH * len(words), words, hidden)
    before, after = " ".join(words[:hidden]), " ".join(words[hidden + 1 :])
    alt = (
        f"In GPT each word sees itself and those before, and predicts the next: from {before} it predicts "
        f"{words[hidden]}. In BERT every position sees all others; one word is hidden, and from {before} on its left "
        f"and {after or 'nothing'} on its right it predicts {words[hidden]}."
    )
    return fitted("GPT against BERT: who may see whom", alt, wide, small)


def _gpt(canvas: Canvas, x: float, y: float, words: list[str], hidden: int) -> float:
    return _panel(canvas, x, y, ("GPT", "sees itself and what came before"), words, [*words[1:], "?"], hidden - 1, True)


def _bert(canvas: Canvas, x: float, y: float, words: list[str], hidden: int) -> float:
    reads = [MASK if place == hidden else word for place, word in enumerate(words)]
    predicts = [word if place == hidden else "" for place, word in enumerate(words)]
    return _panel(canvas, x, y, ("BERT", "sees both sides"), reads, predicts, hidden, False)


def _panel(
    canvas: Canvas,
    x: float,
    y: float,
    title: tuple[str, str],
    reads: list[str],
    predicts: list[str],
    shown: int,
    causal: bool,
) -> float:
    """What is read at the left, what is predicted at the right, between them who sees whom; gives the width."""
    left = max(map(chip_width, reads))
    right = max(map(chip_width, [word for word in predicts if word]))
    gap = max(110, 244 - left - right) if left + right < 324 else 434 - left - right
    width = left + gap + right
    canvas.text(x, y, title[0], anchor="start", bold=True)
    canvas.text(x, y + 22, title[1], anchor="start", colour="muted")
    top = y + 92
    canvas.text(x + left / 2, top - 34, "reads", colour="muted")
    canvas.text(x + left + gap + right / 2, top - 34, "predicts", colour="muted")
    order = [t for t in range(len(reads)) if t != shown] + [shown]  # the one that is shown lies on top
    for t in order:
        for s in range(len(reads)):
            if causal and s > t:
                continue
            ends = (x + left, top + s * PITCH), (x + left + gap, top + t * PITCH)
            canvas.curve(*ends, colour="orange" if t == shown else "line", width=2.5 if t == shown else 0.8)
    for t, (read, predicted) in enumerate(zip(reads, predicts, strict=True)):
        canvas.chip(x + left / 2, top + t * PITCH, read, width=left, dashed=read == MASK)
        if predicted:
            colour = "orange" if t == shown else "line"
            canvas.chip(x + left + gap + right / 2, top + t * PITCH, predicted, width=right, colour=colour)
        else:
            canvas.circle(x + left + gap, top + t * PITCH, 5, fill="soft", stroke="line")
    return width
