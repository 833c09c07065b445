"""The way of a number up through a stack of layers, and of the gradient down, with and without residual lines."""

from __future__ import annotations

import math

from lmbook.book.diagrams.kit.canvas import Canvas
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import SMALL
from lmbook.errors import LmbookError

STEP = 108  # from one layer to the next
PLAIN, STREAM, BRANCH = 78, 244, 342  # the middles of the columns
ROAD, WIDTH = 66, 96  # how far beside them the gradient runs; of the boxes


def gradient_paths(*, weight: float = 0.1, layers: int = 3) -> Diagram:
    """Two stacks of layers that multiply by a weight: one replaces its number, one adds to it.

    Beside each, the gradient comes down from the output to the first layer's weight.

    Args:
        weight: by which each layer multiplies.
        layers: 2 to 5.

    Raises:
        LmbookError: so many layers cannot be drawn, or the weight is no number above 0 and up to 2.
    """
    if not 2 <= layers <= 5:
        raise LmbookError(f"layers={layers} cannot be drawn.", "Give 2 to 5.")
    if not (math.isfinite(weight) and 0 < weight <= 2):
        raise LmbookError(f"weight={weight:g} is not between 0 and 2.", "Give a small number, such as 0.1.")
    canvas, factors = Canvas(), {PLAIN: weight, STREAM: 1 + weight}
    top = -STEP * (layers + 1)
    for x, factor in factors.items():
        canvas.lines(x, 46, ["without", "residual"] if x == PLAIN else ["with", "residual"], bold=True)
        canvas.box(x, 0, "x = 1", colour="line", width=WIDTH)
        output = canvas.box(x, top, f"y = {_number(factor**layers)}", colour="line", width=WIDTH)
        road = x - ROAD
        canvas.arrow([output.w, (road, top), (road, -STEP)], colour="orange", width=2, dashed=True)
        for place in range(2, layers + 1):
            canvas.text(road - 8, -STEP * place, f"× {_number(factor)}", anchor="end", size=SMALL)
        canvas.lines(road - 8, -STEP + 8, ["slope", _number(factor ** (layers - 1))], anchor="end", size=SMALL)
    _chain(canvas, weight, layers, top)
    _stream(canvas, weight, layers, top)
    alt = (
        f"Two stacks of {layers} layers, each of which multiplies by {_number(weight)}. Without residual lines, x = 1 "
        f"becomes y = {_number(weight**layers)}, and the gradient of the first weight is "
        f"{_number(weight ** (layers - 1))}: the product of the other layers' weights. With residual lines each layer "
        f"adds to x, so that y = {_number((1 + weight) ** layers)}, and the gradient is "
        f"{_number((1 + weight) ** (layers - 1))}."
    )
    return Diagram("The gradient's way down, with and without residual lines", alt, canvas)


def _chain(canvas: Canvas, weight: float, layers: int, top: float) -> None:
    """Each layer replaces the number."""
    for place in range(1, layers + 1):
        y = -STEP * place
        canvas.arrow([(PLAIN, y + STEP - 18), (PLAIN, y + 18)], colour="green", width=2.5)
        canvas.box(PLAIN, y, f"× {_number(weight)}", width=WIDTH)
        if place < layers:
            canvas.text(PLAIN + 8, y - STEP / 2, _number(weight**place), anchor="start", size=SMALL)
    canvas.arrow([(PLAIN, top + STEP - 18), (PLAIN, top + 18)], colour="green", width=2.5)


def _stream(canvas: Canvas, weight: float, layers: int, top: float) -> None:
    """Each layer adds to the number on the residual line."""
    below = -18.0
    for place in range(1, layers + 1):
        y = -STEP * place
        canvas.arrow([(STREAM, below), (STREAM, y + 14)], colour="green", width=2.5)
        read = y + 76
        box = canvas.box(BRANCH, y + 38, f"× {_number(weight)}", width=76)
        canvas.arrow([(STREAM, read), (BRANCH, read), box.s])
        plus = canvas.circle(STREAM, y, sign="+")
        canvas.arrow([box.n, (BRANCH, y), plus.e])
        below = plus.y
        if place < layers:
            canvas.text(STREAM - 8, y - 54, _number((1 + weight) ** place), anchor="end", size=SMALL)
    canvas.arrow([(STREAM, below), (STREAM, top + 18)], colour="green", width=2.5)


def _number(value: float) -> str:
    """Four digits, without noughts at the end."""
    return f"{value:.4g}" if value >= 1e-4 else f"{value:.6f}".rstrip("0").rstrip(".")
