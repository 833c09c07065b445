"""Text as a model sees it: tokens with their numbers, and what may come next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import SMALL, check_words, number, text_width
from lmbook.errors import LmbookError


def tokens(pieces: Sequence[str], *, ids: Sequence[int] | None = None) -> Diagram:
    """Text cut into tokens, a chip for each, spaces at their ends shown as ␣.

    Args:
        pieces: 1 to 40.
        ids: their numbers in the vocabulary, written below them.

    Raises:
        LmbookError: a piece cannot be drawn, or there are not as many ids.
    """
    pieces = check_words(pieces, "pieces", 1, 40)
    ids = None if ids is None else [str(int(id)) for id in ids]
    if ids is not None and len(ids) != len(pieces):
        raise LmbookError(f"{len(ids)} ids for {len(pieces)} pieces.", "Give one for each.")
    numbered = f", with the ids {' '.join(ids)}" if ids else ""
    alt = f"{len(pieces)} tokens: {' | '.join(pieces)}{numbered}."
    return fitted("Tokens", alt, _chips(pieces, ids, 690), _chips(pieces, ids, 430))


def _chips(pieces: Sequence[str], ids: Sequence[str] | None, room: float) -> Canvas:
    canvas, x, y = Canvas(), 0.0, 0.0
    for index, piece in enumerate(pieces):
        width = max(chip_width(piece), text_width(ids[index], SMALL) if ids else 0)
        if x and x + width > room:
            x, y = 0.0, y + (64 if ids else 40)
        canvas.chip(x + width / 2, y, piece, width=width, colour="blue")
        if ids:
            canvas.text(x + width / 2, y + 28, ids[index], size=SMALL, colour="muted")
        x += width + 8
    return canvas


def next_word(words: Sequence[str], probabilities: Mapping[str, float], *, chosen: str | None = None) -> Diagram:
    """What a language model does: it reads words, and gives each possible next word a probability.

    Args:
        words: what it reads, 1 to 8.
        probabilities: of 2 to 8 next words; the rest of the vocabulary is shown as one row when they add up to less
            than 1.
        chosen: the one of them that is written.

    Raises:
        LmbookError: words cannot be drawn, or these are no probabilities.
    """
    words, names = check_words(words, least=1), check_words(list(probabilities), "probabilities")
    values = [float(value) for value in probabilities.values()]
    if any(not 0 <= value <= 1 for value in values) or sum(values) > 1.005:
        raise LmbookError("These are no probabilities.", "They are from 0 to 1 and add up to at most 1.")
    if chosen is not None and chosen not in probabilities:
        raise LmbookError(
            f"chosen={chosen!r} is not among the next words.", f"Choose one of {', '.join(probabilities)}."
        )
    rows = [(name, value, word == chosen) for name, value, word in zip(names, values, probabilities, strict=True)]
    rest = 1 - sum(values)
    rows += [("all others", rest, False)] if rest > 0.005 else []
    canvas = Canvas()
    y = _read(canvas, words)
    model = canvas.box(215, y + 58, ["Language model", "a probability for each word it knows"], width=280)
    canvas.arrow([(215, y + 4), model.n])
    names_end = max(text_width(name, bold=True) for name, *_ in rows) + 4
    room = 430 - names_end - 70
    top = model.bottom + 54
    canvas.arrow([model.s, (215, top - 22)])
    for index, (name, value, is_chosen) in enumerate(rows):
        y = top + index * 32
        canvas.text(names_end, y, name, anchor="end", bold=is_chosen)
        share = max(room * value / max(v for _, v, _ in rows), 1)
        canvas.rectangle(Area(names_end + 10, y - 10, share, 20), fill="orange" if is_chosen else "heat", radius=2)
        note = f"{100 * value:.0f} %" if value >= 0.0095 or value == 0 else f"{number(100 * value, 1)} %"
        canvas.text(names_end + 18 + share, y, note, anchor="start", size=SMALL, bold=is_chosen)
    said = ", ".join(f"{name} {100 * value:.0f} %" for name, value, _ in rows)
    written = f" {chosen} is written." if chosen else ""
    alt = f"A language model reads {' '.join(words)} and gives each next word a probability: {said}.{written}"
    return Diagram("The next word", alt, canvas)


def _read(canvas: Canvas, words: Sequence[str]) -> float:
    """The words in lines of chips around the middle; gives the bottom of the last line."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and sum(chip_width(one) + 8 for one in lines[-1]) + chip_width(word) > 430:
            lines.append([])
        lines[-1].append(word)
    for row, line in enumerate(lines):
        x = 215 - (sum(map(chip_width, line)) + 8 * (len(line) - 1)) / 2
        for word in line:
            x = canvas.chip(x + chip_width(word) / 2, row * 38, word).right + 8
    return (len(lines) - 1) * 38 + 15
