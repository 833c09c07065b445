"""Recurrent networks: a cell used once for each word, and the inside of an LSTM cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram, fitted
from lmbook.book.diagrams.kit.text import MATH, SMALL, check_words, number
from lmbook.errors import LmbookError

NAMES = {"forget": "f", "input": "i", "candidate": "g", "output": "o"}


def unrolled_rnn(words: Sequence[str], *, predicts: Sequence[str] | None = None, cell: str = "RNN") -> Diagram:
    """A recurrent network written out in time: the same cell at each word, its memory h handed on.

    Args:
        words: 2 to 8 that are read.
        predicts: what is predicted after each of them; None: the word that comes next, at the end "?".
        cell: its name: RNN, LSTM, GRU.

    Raises:
        LmbookError: too many words or too long ones, or not as many predictions as words.
    """
    words = check_words(words)
    predicts = [*words[1:], "?"] if predicts is None else check_words(predicts, "predicts")
    (cell,) = check_words([cell], "cell", 1)
    if len(predicts) != len(words):
        raise LmbookError(f"{len(predicts)} predictions for {len(words)} words.", "Give one for each word.")
    steps = "; ".join(f"after {word} it predicts {next_word}" for word, next_word in zip(words, predicts, strict=True))
    alt = (
        f"At each of {len(words)} steps the same {cell} cell, with the same weights, reads one word and the memory h "
        f"of the step before, and gives a new memory. From it the next word is predicted: {steps}."
    )
    return fitted(f"Unrolled in time: {cell}", alt, _across(words, predicts, cell), _down(words, predicts, cell))


def _across(words: list[str], predicts: list[str], cell: str) -> Canvas:
    """Time goes from left to right."""
    canvas, boxes = Canvas(), []
    pitch = max(*(chip_width(word) + 14 for word in [*words, *predicts]), chip_width(cell) + 46)
    for t, (word, next_word) in enumerate(zip(words, predicts, strict=True)):
        x = 190 + t * pitch
        boxes.append(canvas.box(x, 100, cell, height=40))
        read, predicted = canvas.chip(x, 180, word), canvas.chip(x, 20, next_word, colour="orange")
        canvas.arrow([read.n, boxes[-1].s])
        canvas.arrow([boxes[-1].n, predicted.s])
    first = boxes[0].x - pitch + boxes[0].width
    for t, (start, end) in enumerate([((first, 100), boxes[0].w), *((a.e, b.w) for a, b in pairwise(boxes))]):
        canvas.arrow([start, end], colour="green", width=2.5)
        canvas.text((start[0] + end[0]) / 2 - 3, 82, ("h", str(t)), size=MATH)
    for y, name in ((20, "predicts"), (100, "memory h"), (180, "reads x")):
        canvas.text(first - 10, y, name, anchor="end", colour="muted")
    canvas.text((boxes[0].x + boxes[-1].right) / 2, 224, "the same weights at every step", colour="muted")
    return canvas


def _down(words: list[str], predicts: list[str], cell: str) -> Canvas:
    """Time goes downwards, so that words may be long and the page narrow."""
    canvas, boxes = Canvas(), []
    reads, tells, inner = max(map(chip_width, words)), max(map(chip_width, predicts)), chip_width(cell) + 4
    gap = min(36, (430 - reads - tells - inner) / 2)
    middle = reads + gap + inner / 2
    for t, (word, next_word) in enumerate(zip(words, predicts, strict=True)):
        y = 84 + t * 76
        boxes.append(canvas.box(middle, y, cell, height=36))
        read = canvas.chip(reads / 2, y, word)
        predicted = canvas.chip(reads + 2 * gap + inner + tells / 2, y, next_word, colour="orange")
        canvas.arrow([read.e, boxes[-1].w])
        canvas.arrow([boxes[-1].e, predicted.w])
    start = middle, boxes[0].y - 40
    for t, (above, below) in enumerate([(start, boxes[0].n), *((a.s, b.n) for a, b in pairwise(boxes))]):
        canvas.arrow([above, below], colour="green", width=2.5)
        canvas.text(middle + 10, (above[1] + below[1]) / 2 - 2, ("h", str(t)), size=MATH, anchor="start")
    canvas.text(reads / 2, 44, "reads x", colour="muted")
    canvas.text(middle, 12, "memory h", colour="muted")
    canvas.text(reads + 2 * gap + inner + tells / 2, 44, "predicts", colour="muted")
    canvas.text(middle, boxes[-1].bottom + 24, "the same weights at every step", colour="muted")
    return canvas


def lstm_cell(
    *,
    memory: float | None = None,
    forget: float | None = None,
    input: float | None = None,
    candidate: float | None = None,
    output: float | None = None,
) -> Diagram:
    """The inside of an LSTM cell: the road of the memory c, and the gates that change it.

    With numbers for one unit, which are given all five or not at all, they are written in, and what follows from them
    is computed and written where it arises.

    Args:
        memory: c of the step before.
        forget: its gate f, from 0 to 1; so are `input` i and `output` o.
        input: see above.
        candidate: g, from −1 to 1.
        output: see above.

    Raises:
        LmbookError: some numbers are missing, or one is out of its range.
    """
    gates = {"forget": forget, "input": input, "candidate": candidate, "output": output}
    given = [value is not None for value in (memory, *gates.values())]
    if any(given) and not all(given):
        raise LmbookError("Some numbers of the cell are missing.", "Give memory, forget, input, candidate and output.")
    for name, value in gates.items():
        if value is not None and not (-1 if name == "candidate" else 0) <= value <= 1:
            raise LmbookError(
                f"{name}={value} is out of its range.", "Gates go from 0 to 1, the candidate from −1 to 1."
            )
    if memory is not None and not abs(memory) < 100:
        raise LmbookError(f"memory={memory} is too large for the picture.", "Use a number between −100 and 100.")
    canvas = Canvas()
    _inside(canvas, gates, memory)
    first = [("c", "t", " = f × c", "t−1", " + i × g")]
    second = [("h", "t", " = o × tanh(c", "t", ")")]
    alt = (
        "The memory c of the step before runs along a straight road. It is multiplied by the forget gate f; the input "
        "gate i times the candidate g is added; the result is the new memory. The new h is the output gate o times "
        "tanh of the new memory. All three gates (by a sigmoid, from 0 to 1) and the candidate (by tanh) are computed "
        "from the h of the step before and the word x."
    )
    if all(given):
        c = forget * memory + input * candidate
        h = output * math.tanh(c)
        before, f, i, g, o = (
            number(value) if value >= 0 else f"({number(value)})" for value in (memory, *gates.values())
        )
        first.append(f"= {f} × {before} + {i} × {g} = {number(c)}")
        second.append(f"= {o} × tanh({number(c)}) = {number(h)}")
        alt += f" With numbers: the new memory is {first[1][2:]}, the new h is {second[1][2:]}."
    y = 400
    for line in (*first, *second):
        canvas.text(20, y, line, anchor="start", size=MATH if not isinstance(line, str) else 15)
        y += 30
    notes = ["σ gives 0 … 1, tanh gives −1 … 1;", "× and + act number by number"]
    canvas.lines(20, y + 10, notes, anchor="start", size=SMALL, colour="muted")
    return Diagram("The inside of an LSTM cell", alt, canvas)


def recurrent_model(
    *, vocabulary: int, embedding: int, units: int, cell: str = "LSTM", dropout: float = 0.0
) -> Diagram:
    """A whole recurrent language model, from the ids of the words to a logit for each word, with its shapes.

    The softmax, which makes probabilities of the logits, is drawn dashed above it: it is no layer of the model.

    Args:
        vocabulary: the number of words V.
        embedding: the numbers that stand for a word.
        units: the numbers in the memory.
        cell: the name of the recurrent layer.
        dropout: the share that two dropout layers set to 0, before the recurrent layer and after it; 0: no such layers.

    Raises:
        LmbookError: a number is below 1, the share is not from 0 to below 1, or the name is too long.
    """
    (cell,) = check_words([cell], "cell", 1)
    for name, value in (("vocabulary", vocabulary), ("embedding", embedding), ("units", units)):
        if value < 1:
            raise LmbookError(f"{name}={value} is below 1.", "Give the number of numbers.")
    if not 0 <= dropout < 1:
        raise LmbookError(f"dropout={dropout} is no share.", "Give a number from 0 to below 1.")
    parts = [
        ("Embedding", "looks up a row for each word", f"[B, T, {embedding}]"),
        (cell, "reads the rows one after the other", f"[B, T, {units}]"),
        ("Dense", "gives a logit for each word", f"[B, T, {vocabulary}]"),
    ]
    if dropout:
        for place, width in ((1, embedding), (3, units)):
            parts.insert(place, ("Dropout", f"in training sets {100 * dropout:.0f} % to 0", f"[B, T, {width}]"))
    canvas, x, y = Canvas(), 150, 0
    below, shape = canvas.box(x, y, "ids of the words", colour="line", width=250), "[B, T]"
    for name, does, after in [*parts, ("Softmax", "makes them probabilities", "")]:
        y, outside = y - (90 if y == 0 else 100), not after
        colour = "line" if outside else {cell: "green", "Dropout": "orange"}.get(name, "blue")
        part = canvas.box(x, y, [name, does], width=250, colour=colour, dashed=outside)
        canvas.arrow([below.n, part.s])
        note = f"{shape}  logits: the model ends" if outside else shape
        canvas.text(x + 12, (below.y + part.bottom) / 2, note, size=SMALL, anchor="start", colour="muted")
        below, shape = part, after or shape
    canvas.arrow([below.n, (x, below.y - 44)])
    canvas.text(x + 12, below.y - 22, shape, size=SMALL, anchor="start", colour="muted")
    canvas.text(x, below.y - 58, "probabilities of the next word", colour="muted")
    steps = ", then ".join(f"{name} ({does}; shape {after})" for name, does, after in parts)
    count = {3: "three", 5: "five"}[len(parts)]
    alt = (
        f"The ids of the words, of shape [B, T], go through {count} layers: {steps}. The model ends there. Outside it "
        "the softmax makes probabilities of the logits."
    )
    return Diagram(f"The whole model: {cell}", alt, canvas)


def _inside(canvas: Canvas, gates, memory: float | None) -> None:
    places, road, meet, bus = {"forget": 84, "input": 159, "candidate": 252, "output": 352}, 56, 150, 304
    canvas.arrow([(10, road), (440, road)], colour="green", width=4)
    canvas.text(10, road - 26, ("c", "t−1"), size=MATH, anchor="start")
    canvas.text(440, road - 26, ("c", "t"), size=MATH, anchor="end")
    canvas.text(225, road - 32, "kept memory c", colour="muted")
    canvas.line([(10, bus), (places["output"], bus), (places["output"], bus - 30)])
    canvas.text(10, bus - 20, ("h", "t−1"), size=MATH, anchor="start")
    canvas.arrow([(40, 350), (40, bus)])
    canvas.text(52, 350, ("x", "t"), size=MATH, anchor="start")
    boxes: dict[str, Area] = {}
    for name, x in places.items():
        boxes[name] = canvas.box(x, 236, [name, "tanh" if name == "candidate" else "σ"])
        canvas.arrow([(x, bus), boxes[name].s])
    forget, add = canvas.circle(places["forget"], road, sign="×"), (places["input"] + places["candidate"]) / 2
    canvas.arrow([boxes["forget"].n, forget.s], colour="ink")
    new, plus = canvas.circle(add, meet, sign="×"), canvas.circle(add, road, sign="+")
    canvas.arrow([boxes["input"].n, (places["input"], meet), new.w], colour="ink")
    canvas.arrow([boxes["candidate"].n, (places["candidate"], meet), new.e], colour="ink")
    canvas.arrow([new.n, plus.s], colour="ink")
    right = 408
    shown = canvas.circle(right, meet, sign="×")
    squash = canvas.box(right, 102, "tanh", colour="line", height=28)
    canvas.arrow([(right, road), squash.n], colour="green")
    canvas.arrow([squash.s, shown.n], colour="green")
    canvas.arrow([boxes["output"].n, (places["output"], meet), shown.w], colour="ink")
    canvas.arrow([shown.s, (right, bus), (440, bus)], colour="green", width=2.5)
    canvas.text(440, bus - 20, ("h", "t"), size=MATH, anchor="end")
    for name, x in places.items():
        value = "" if gates[name] is None else f" = {number(gates[name])}"
        canvas.text(x - 8, 196, NAMES[name] + value, anchor="end")
    if memory is not None:
        kept, written = gates["forget"] * memory, gates["input"] * gates["candidate"]
        c = kept + written
        canvas.text(10, road + 20, number(memory), anchor="start")
        canvas.text((forget.e[0] + plus.w[0]) / 2, road + 20, number(kept))
        canvas.text(add + 8, 102, number(written), anchor="start")
        canvas.text((plus.e[0] + right) / 2, road + 20, number(c))
        canvas.text(440, bus + 22, number(gates["output"] * math.tanh(c)), anchor="end")
