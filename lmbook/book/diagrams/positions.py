"""How a position becomes numbers: turned arrows (rotary) and waves (sinusoidal)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lmbook.book.diagrams.kit.canvas import Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import SMALL, check_words, number
from lmbook.errors import LmbookError

DIAL = 23  # radius
PERIOD = 46  # height of a wave


def rotary(words: Sequence[str], *, pairs: int = 2, base: float = 100.0) -> Diagram:
    """Rotary positions: the same two numbers of a query or key, an arrow, turned further at each position.

    Args:
        words: T of them, 2 to 8.
        pairs: of numbers, 1 to 3; pair i turns by base^(−i / pairs) for each position.
        base: models use 10,000, with many pairs; 100 shows two speeds.

    Raises:
        LmbookError: the words or pairs cannot be drawn, or the base is not above 1.
    """
    words = check_words(words)
    if not 1 <= pairs <= 3:
        raise LmbookError(f"pairs={pairs} cannot be drawn.", "Choose 1 to 3.")
    if base <= 1:
        raise LmbookError(f"base={base} is not above 1.", "Models use 10,000.")
    speeds = [base ** (-i / pairs) for i in range(pairs)]
    canvas, longest = Canvas(), max(map(chip_width, words))
    first, pitch = longest + 44, (430 - longest - 44) / pairs
    for i, speed in enumerate(speeds):
        x = first + (i + 0.5) * pitch
        canvas.text(x, -58, f"pair {i + 1}", colour="muted")
        canvas.text(x, -39, f"+{_angle(speed)}", size=SMALL, colour="muted")
    for t, word in enumerate(words):
        y = t * 58.0
        canvas.chip(longest / 2, y, word)
        canvas.text(longest + 20, y, str(t), colour="muted")
        for i, speed in enumerate(speeds):
            _dial(canvas, first + (i + 0.5) * pitch, y, t * speed, pitch)
    canvas.text(longest + 20, -39, "t", colour="muted")
    canvas.lines(
        215,
        len(words) * 58 + 2,
        [
            "The arrows turn further at each position. What counts",
            "is how far apart two words stand, and on which side",
            f"(base {base:,g}; 1 radian ≈ 57°)",
        ],
    )
    said = "; ".join(f"pair {i + 1} turns by {_angle(speed)} for each position" for i, speed in enumerate(speeds))
    alt = (
        f"Each pair of numbers is an arrow on a dial, at position t turned by t steps: {said}. The words are "
        f"{' '.join(words)}. What counts is how far apart two words stand, and on which side."
    )
    return Diagram("Rotary positions", alt, canvas)


def _angle(turn: float) -> str:
    degrees = math.degrees(turn)
    return f"{degrees:.0f}°" if degrees >= 9.5 else f"{degrees:.1f}°"


def _dial(canvas: Canvas, x: float, y: float, turn: float, room: float) -> None:
    """A dial whose arrow points right at 0 and is turned against the clock, as in mathematics."""
    canvas.circle(x, y, DIAL, fill="soft", stroke="line")
    canvas.line([(x, y), (x + DIAL, y)], dashed=True)
    tip = x + (DIAL - 1) * math.cos(turn), y - (DIAL - 1) * math.sin(turn)
    canvas.arrow([(x, y), tip], colour="orange", width=2.5)
    if room >= 110:
        canvas.text(x + DIAL + 8, y, _angle(turn % (2 * math.pi)) if turn else "0°", size=SMALL, anchor="start")


def sinusoidal(*, length: int = 16, width: int = 8, position: int = 5, base: float = 100.0) -> Diagram:
    """Sinusoidal positions: each pair of numbers is a sine and a cosine wave, slower from pair to pair.

    Args:
        length: T positions, 4 to 64.
        width: D numbers at each position, even, 2 to 12.
        position: whose numbers are read off.
        base: pair i turns by base^(−2i / D) for each position. Models use 10,000; with 100, a few pairs show it.

    Raises:
        LmbookError: a number is out of its range.
    """
    for what, right, fix in (
        (f"length={length}", 4 <= length <= 64, "Choose 4 to 64."),
        (f"width={width}", 2 <= width <= 12 and width % 2 == 0, "Choose an even number from 2 to 12."),
        (f"position={position}", 0 <= position < length, f"Choose 0 to {length - 1}."),
        (f"base={base}", base > 1, "Models use 10,000."),
    ):
        if not right:
            raise LmbookError(f"{what} cannot be drawn.", fix)
    canvas, left, step = Canvas(), 0.0, 290 / (length - 1)
    at, pitch, count = left + position * step, PERIOD + 30, width // 2
    canvas.text(min(max(at, 40), 262), -42, f"position {position}")
    canvas.line([(at, -30), (at, (count - 1) * pitch + 34)], colour="ink", dashed=True)
    canvas.text(318, -42, "sin", anchor="start", colour="blue", bold=True)
    canvas.text(378, -42, "cos", anchor="start", colour="orange", bold=True)
    read = []
    for i in range(count):
        y, speed = i * pitch, base ** (-i / count)
        canvas.line([(left, y), (left + 290, y)], width=0.8)
        for wave, colour in ((math.sin, "blue"), (math.cos, "orange")):
            points = [(left + k / 200 * 290, y - PERIOD / 2 * wave(k / 200 * (length - 1) * speed)) for k in range(201)]
            canvas.wave(points, colour=colour, dashed=wave is math.cos)
            canvas.circle(at, y - PERIOD / 2 * wave(position * speed), 4, fill=colour, stroke="paper")
        pair = math.sin(position * speed), math.cos(position * speed)
        canvas.text(318, y, number(pair[0], 2), anchor="start")
        canvas.text(378, y, number(pair[1], 2), anchor="start")
        canvas.text(362, y + 20, f"+{speed:.2g} rad", size=SMALL, colour="muted")
        read.append(f"pair {i + 1}: {number(pair[0], 2)} and {number(pair[1], 2)}")
    bottom = (count - 1) * pitch + 48
    canvas.text(left, bottom, "0", size=SMALL, colour="muted")
    canvas.text(left + 145, bottom, "position t →", size=SMALL, colour="muted")
    canvas.text(left + 290, bottom, str(length - 1), size=SMALL, colour="muted")
    canvas.text(left + 145, bottom + 24, f"base {base:,g}, D = {width}; 1 rad ≈ 57°", size=SMALL, colour="muted")
    turns = ", ".join(f"{base ** (-i / count):.2g}" for i in range(count))
    alt = (
        f"{count} pairs of waves over {length} positions, each a sine and a cosine, each slower than the one above: at "
        f"each position they turn by {turns} radians (base {base:,g}, D = {width}). "
        f"The numbers of position {position} are read off where a line crosses the waves: {'; '.join(read)}."
    )
    return Diagram("Sinusoidal positions", alt, canvas)


def ways_of_positions() -> Diagram:
    """Where a word's position enters a model: added to the word's vector, or by turning its query and key."""
    canvas, middle, left, right = Canvas(), 215, 72, 358
    attention = canvas.box(middle, 0, "scores, softmax, weighted mean", colour="line", width=430)
    turns = {x: canvas.box(x, 84, ["rotary", "turn by t steps"], colour="orange", dashed=True) for x in (left, middle)}
    plus = canvas.circle(middle, 286, sign="+")
    for x, letter in ((left, "Q"), (middle, "K"), (right, "V")):
        matrix = canvas.box(x, 176, [("W", letter)], width=90)
        above = turns.get(x)
        canvas.arrow([matrix.n, above.s if above else (x, attention.bottom)])
        if above:
            canvas.arrow([above.n, (x, attention.bottom)])
        name = {"Q": "query", "K": "key", "V": "value"}[letter]
        canvas.text(x + 8, 137, name, size=SMALL, anchor="start", colour="muted")
        canvas.line([plus.n, matrix.s] if x == middle else [plus.n, (middle, 228), (x, 228), matrix.s])
    for x, labels in ((left, ["learned", "row t of a table"]), (right, ["sinusoidal", "clocks at time t"])):
        box = canvas.box(x, 286, labels, colour="orange", dashed=True)
        canvas.arrow([box.e if x < middle else box.w, plus.w if x < middle else plus.e])
    word = canvas.box(middle, 362, "vector of the word at position t", colour="line")
    canvas.arrow([word.n, plus.s])
    canvas.text(middle, 408, "dashed: three ways, of which a model uses one", size=SMALL, colour="muted")
    alt = (
        "The vector of the word at position t goes up. Learned or sinusoidal positions are added to it: row t of a "
        "table, or clocks at time t. Then three matrices make query, key and value. Rotary positions turn the query "
        "and the key by the position t; the value is not turned. Then come scores, softmax and the weighted mean. A "
        "model uses one of the three ways."
    )
    return Diagram("Three ways of telling attention the order", alt, canvas)
