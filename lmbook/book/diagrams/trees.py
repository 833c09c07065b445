"""Trees: what beam search keeps, and how byte pairs merge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import SMALL, check_words, number, text_width, visible
from lmbook.errors import LmbookError

LETTERS = 17  # that fit into the width of a phone
Step = Sequence[tuple[Sequence[str], float]]


@dataclass(frozen=True)
class _Beam:
    words: tuple[str, ...]
    score: float
    kept: bool
    best: bool


@dataclass(frozen=True)
class _Piece:
    text: str
    x: float
    level: int
    parts: tuple = ()


def beam_tree(steps: Sequence[Step], *, beams: int) -> Diagram:
    """Beam search as a tree: at each step the best texts are kept, the others dropped.

    Args:
        steps: for each step its candidates, each with all its words and its score (a log-probability: higher is
            better). A candidate goes on from one that was kept at the step before.
        beams: so many are kept.

    Raises:
        LmbookError: there are too many steps or candidates to be drawn, or a candidate goes on from none that was kept.
    """
    if beams < 1:
        raise LmbookError(f"beams={beams} keeps nothing.", "Keep at least 1.")
    levels = _levels(steps, beams)
    best = max(levels[-1], key=lambda beam: beam.score)
    levels = [
        [_Beam(b.words, b.score, b.kept, b.kept and best.words[: len(b.words)] == b.words) for b in level]
        for level in levels
    ]
    said = " ".join(
        f"Step {step}: "
        + ", ".join(f"{' '.join(b.words)} {number(b.score, 2)} {'kept' if b.kept else 'dropped'}" for b in level)
        + "."
        for step, level in enumerate(levels, 1)
    )
    alt = f"{beams} texts are kept at each step. {said} The best at the end is {' '.join(best.words)}."
    return fitted(f"Beam search with {beams} beams", alt, _columns(levels), _outline(levels))


def _levels(steps: Sequence[Step], beams: int) -> list[list[_Beam]]:
    if not 1 <= len(steps) <= 5 or not all(1 <= len(step) <= 8 for step in steps):
        raise LmbookError("The tree is too large or empty.", "Give 1 to 5 steps of 1 to 8 candidates.")
    levels: list[list[_Beam]] = []
    for length, step in enumerate(steps, 1):
        before = {beam.words for beam in levels[-1] if beam.kept} if levels else {()}
        kept = sorted(range(len(step)), key=lambda place: -step[place][1])[:beams]
        level = []
        for place, (words, score) in enumerate(step):
            if not math.isfinite(score):
                raise LmbookError(f"The score of {' '.join(words)!r} is {score}.", "Leave out what has no probability.")
            words = tuple(check_words(words, "a candidate", 1))
            if len(words) != length or words[:-1] not in before:
                raise LmbookError(
                    f"{' '.join(words)!r} does not go on from a text that was kept.",
                    f"At step {length} a candidate has {length} words, the first {length - 1} those of a kept one.",
                )
            level.append(_Beam(words, score, place in kept, False))
        order = [beam.words for beam in levels[-1]] if levels else [()]
        levels.append(sorted(level, key=lambda beam: order.index(beam.words[:-1])))  # stable: no lines cross
    return levels


def _look(beam: _Beam) -> dict:
    return {"colour": "orange" if beam.best else "blue" if beam.kept else "line", "dashed": not beam.kept}


def _score(beam: _Beam, last: bool) -> str:
    return f"{number(beam.score, 2)} {'best' if beam.best and last else 'kept' if beam.kept else 'dropped'}"


def _columns(levels: list[list[_Beam]]) -> Canvas:
    """A column for each step, from left to right."""
    canvas = Canvas()
    chips: dict[tuple[str, ...], Area] = {(): canvas.circle(6, 0, 6, fill="soft", stroke="line")}
    x = 12.0
    for level in levels:
        width = max(max(chip_width(beam.words[-1]), text_width(_score(beam, True), SMALL)) for beam in level)
        x += 44
        y = -(len(level) - 1) * 31.0
        for beam in level:
            chip = canvas.chip(x + width / 2, y - 8, beam.words[-1], width=width, **_look(beam))
            canvas.text(x + width / 2, y + 18, _score(beam, level is levels[-1]), size=SMALL, colour="muted")
            chips[beam.words] = chip
            start = chips[beam.words[:-1]].e
            canvas.curve(start, chip.w, colour=_look(beam)["colour"], width=2.5 if beam.best else 1.5)
            y += 62
        x += width
    lowest = max(len(level) for level in levels) * 31 + 16
    for step, level in enumerate(levels, 1):
        canvas.text(chips[level[0].words].middle[0], lowest, f"step {step}", colour="muted")
    return canvas


def _outline(levels: list[list[_Beam]]) -> Canvas:
    """A line for each text, set in by its step, as folders are listed."""
    canvas, y, lines = Canvas(), 0.0, []

    def below(words: tuple[str, ...], corner: tuple[float, float]) -> None:
        nonlocal y
        depth = len(words)
        for beam in levels[depth] if depth < len(levels) else []:
            if beam.words[:-1] != words:
                continue
            y += 40
            x = 30 + 28 * depth
            look = _look(beam)
            width = chip_width(beam.words[-1])
            lines.append((beam.best, beam.kept, [corner, (corner[0], y), (x, y)], look["colour"]))
            chip = canvas.chip(x + width / 2, y, beam.words[-1], **look)
            canvas.text(
                chip.right + 10, y, _score(beam, depth + 1 == len(levels)), size=SMALL, anchor="start", colour="muted"
            )
            below(beam.words, (x + 14, y + 15))

    canvas.circle(12, 12, 6, fill="soft", stroke="line")
    below((), (12, 18))
    for best, _, points, colour in sorted(lines):  # the best lie on top
        canvas.line(points, colour=colour, width=2.5 if best else 1.5)
    return canvas


def merge_tree(word: str, merges: Sequence[tuple[str, str]]) -> Diagram:
    """Byte-pair encoding of a word as a tree: letters below, each merge with its rank, the tokens at the top.

    Args:
        word: up to 17 letters.
        merges: pairs of pieces in the order in which they were learned; the earliest that applies is made first.

    Raises:
        LmbookError: the word is empty or has too many letters.
    """
    if not 1 <= len(word) <= LETTERS:
        raise LmbookError(f"The word has {len(word)} letters.", f"Choose one of 1 to {LETTERS}.")
    ranks = {tuple(pair): rank for rank, pair in reversed(list(enumerate(merges, 1)))}
    pitch = max(25.0, min(46.0, 430 / len(word)))
    canvas = Canvas()
    pieces = [_Piece(letter, index * pitch, 0) for index, letter in enumerate(word)]
    made = []
    while True:
        pairs = [(ranks.get((a.text, b.text)), place) for place, (a, b) in enumerate(pairwise(pieces))]
        known = [pair for pair in pairs if pair[0] is not None]
        if not known:
            break
        rank, place = min(known)
        left, right = pieces[place : place + 2]
        merged = _Piece(left.text + right.text, (left.x + right.x) / 2, max(left.level, right.level) + 1, (left, right))
        made.append(f"{rank}: {visible(left.text)} and {visible(right.text)} become {visible(merged.text)}")
        pieces[place : place + 2] = [merged]
        _join(canvas, merged, rank)
    for piece in pieces:
        _draw_piece(canvas, piece, pitch, True)
    tokens = " ".join(visible(piece.text) for piece in pieces)
    canvas.text(
        (len(word) - 1) * pitch / 2,
        36,
        "numbers: the order of the merges; bold: the tokens",
        size=SMALL,
        colour="muted",
    )
    said = "; ".join(made) or "No pair is known"
    alt = f"The letters of {visible(word)} are merged in pairs, by rank. {said}. Tokens: {tokens}."
    return Diagram(f"Byte pairs of {visible(word)}", alt, canvas)


def _height(piece: _Piece) -> float:
    return -64.0 * piece.level


def _join(canvas: Canvas, piece: _Piece, rank: int) -> None:
    """Lines from the two parts up to the piece, and the rank of the merge between them."""
    y = _height(piece)
    for part in piece.parts:
        canvas.line([(part.x, _height(part) - 15), (part.x, y + 24), (piece.x, y + 24), (piece.x, y + 15)])
    canvas.text(piece.x, y + 36, str(rank), size=SMALL, colour="muted")


def _draw_piece(canvas: Canvas, piece: _Piece, pitch: float, token: bool) -> None:
    for part in piece.parts:
        _draw_piece(canvas, part, pitch, False)
    colour = "orange" if token else "blue" if piece.parts else "line"
    if piece.parts:
        canvas.chip(piece.x, _height(piece), visible(piece.text), colour=colour, bold=token)
    else:
        fill = "soft" if colour == "line" else f"{colour}-tint"
        area = Area(piece.x - pitch / 2 + 1.5, _height(piece) - 15, pitch - 3, 30)
        canvas.rectangle(area, fill=fill, stroke=colour, radius=6)
        canvas.text(piece.x, _height(piece), visible(piece.text), bold=token)
