"""Throws of dice, one after the other, as a tree: what came up, what else could have, and how likely it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lmbook.book.diagrams.kit.canvas import Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import FITS, Diagram, fitted
from lmbook.book.diagrams.kit.text import SMALL, check_fits, check_words, text_width
from lmbook.errors import LmbookError

Throw = tuple[str, Mapping[str, int], str]
ROW = 78  # pixels from throw to throw
WIDTH = 434  # that a phone can show


@dataclass(frozen=True)
class _Branch:
    label: str
    probability: Fraction
    chosen: bool = False

    @property
    def text(self) -> str:
        return f"{self.label} {self.probability}"

    @property
    def width(self) -> float:
        return chip_width(self.text) + (8 if self.chosen else 0)  # it is bold


def dice_tree(throws: Sequence[Throw]) -> Diagram:
    """A tree of throws: at each the branch that was taken, and some of those that were not, with probabilities.

    Args:
        throws: 1 to 5, each as (what is thrown for, face → on how many sides of the die it is, the face that came up).

    Raises:
        LmbookError: there are too many throws to be drawn, a die has no such face, or a word is too long.
    """
    if not 1 <= len(throws) <= 5:
        raise LmbookError(f"{len(throws)} throws cannot be drawn.", "Give 1 to 5.")
    names = check_words([name for name, _, _ in throws], "names", 1, 5)
    for _, faces, came in throws:
        if came not in faces or any(not isinstance(sides, int) or sides < 1 for sides in faces.values()):
            raise LmbookError(f"{came!r} cannot come up.", "Give each face with its number of sides, 1 or more.")
        check_words(list(faces), "faces", 2, 100)
        for face in faces:
            check_fits(face, "a face", 76)
    probabilities = [Fraction(faces[came], sum(faces.values())) for _, faces, came in throws]
    product = " × ".join(map(str, probabilities)) + f" = {_thousands(math.prod(probabilities))}"
    said = " ".join(
        f"{name}: {came}, {p}, one of {len(faces)} faces."
        for name, (_, faces, came), p in zip(names, throws, probabilities, strict=True)
    )
    alt = f"A path through a tree of throws. {said} The probability of the path is {product}."
    wide, small = (_tree(names, throws, product, others) for others in (2, 1))
    if small.area().width > FITS:
        raise LmbookError("The faces are too long for a phone.", "Choose shorter words, or simpler fractions.")
    return fitted("Throws of dice, one after the other", alt, wide, small)


def _thousands(value: Fraction) -> str:
    return f"{value.numerator:,}" + (f"/{value.denominator:,}" if value.denominator > 1 else "")


def _branches(faces: Mapping[str, int], came: str, most: int) -> list[_Branch]:
    """What came up, `most` of the other faces, the likeliest first, and all that are left as one."""
    total = sum(faces.values())
    others = sorted((face for face in faces if face != came), key=lambda face: -faces[face])
    shown, rest = (others, []) if len(others) <= most + 1 else (others[:most], others[most:])
    found = [_Branch(came, Fraction(faces[came], total), True)]
    found += [_Branch(face, Fraction(faces[face], total)) for face in shown]
    if rest:
        found.append(_Branch(f"{len(rest)} more", Fraction(sum(map(faces.get, rest)), total)))
    return found


def _tree(names: Sequence[str], throws: Sequence[Throw], product: str, others: int) -> Canvas:
    """The path goes down at the left, the branches that were not taken lie to its right."""
    canvas = Canvas()
    left = max(text_width(name, SMALL) for name in names) + 12
    rows = [_branches(faces, came, others) for _, faces, came in throws]
    columns = max(map(len, rows))
    widths = [max(row[place].width for row in rows if place < len(row)) for place in range(columns)]
    start = canvas.circle(left + widths[0] / 2, -52, 6, fill="soft", stroke="line").s
    for index, (name, row) in enumerate(zip(names, rows, strict=True)):
        y, x, end = index * ROW, left, start
        canvas.text(0, y, name, size=SMALL, anchor="start", colour="muted")
        for place in reversed(range(len(row))):  # the path lies on top
            branch = row[place]
            x = left + sum(widths[:place]) + 8 * place + widths[place] / 2
            colour = "orange" if branch.chosen else "line"
            canvas.curve(start, (x, y - 15), colour=colour, width=2.5 if branch.chosen else 1.2, upright=True)
            end = canvas.chip(x, y, branch.text, width=widths[place], colour=colour, bold=branch.chosen).s
        start = end
    factors, equals, result = product.rpartition(" = ")
    if text_width(product, bold=True) < WIDTH - left:
        factors, equals, result = product, "", ""
    canvas.text(left, len(rows) * ROW - 30, factors, anchor="start", bold=True)
    if result:
        canvas.text(left, len(rows) * ROW - 6, equals.lstrip() + result, anchor="start", bold=True)
    return canvas
