"""What Transformers are built of: the block with its residual lines, and encoder and decoder."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.book.diagrams.kit.canvas import Area, Canvas, chip_width
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import SMALL, check_words
from lmbook.errors import LmbookError

ORDERS = ("pre", "post")
STREAM, BRANCH = 46, 236  # where the residual line and the parts stand
Part = tuple[str, str, str]  # name, what it does, its name in a formula


def block(*, order: str = "pre", causal: bool = True, cross: bool = False, layers: int | None = None) -> Diagram:
    """The Transformer block: each part reads from the residual line and adds to it.

    Args:
        order: where the normalisation is: "pre", before each part, or "post", after the addition.
        causal: its attention sees nothing of what comes after.
        cross: it has a second attention, to an encoder's output.
        layers: so many blocks are stacked; None: "L".

    Raises:
        LmbookError: the order is not known, or there is no layer.
    """
    if order not in ORDERS:
        raise LmbookError(f"There is no order {order!r}.", f"Choose one of {', '.join(ORDERS)}.")
    _check_layers(layers)
    parts: list[Part] = [
        ("Self-attention", "sees no later words" if causal else "sees every word", "attention"),
        ("Feed-forward", "each word by itself", "feed-forward"),
    ]
    if cross:
        parts.insert(1, ("Cross-attention", "sees the source words", "cross-attention"))
    canvas = Canvas()
    canvas.box(STREAM, 0, "x [B, T, D]", colour="line", width=104)
    top = -34.0
    canvas.line([(STREAM, -16), (STREAM, top)], colour="green", width=3)
    for part in parts:
        top, _ = _part(canvas, top, part, order)
    canvas.arrow([(STREAM, top), (STREAM, top - 46)], colour="green", width=3)
    canvas.box(STREAM, top - 63, "y [B, T, D]", colour="line", width=104)
    canvas.rectangle(Area(-18, top - 16, 366, -top - 16), stroke="line", dashed=True)
    canvas.text(338, top + 4, f"× {layers or 'L'}", anchor="end", bold=True)
    y = 48.0
    for _, _, name in parts:
        formula = f"x ← x + {name}(norm(x))" if order == "pre" else f"x ← norm(x + {name}(x))"
        canvas.text(8, y, formula, anchor="start")
        y += 26
    where = "normalised before each part" if order == "pre" else "normalised after each addition"
    steps = ", then ".join(f"{name.lower()} ({does})" for name, does, _ in parts)
    alt = (
        f"A residual line runs straight from x of shape B by T by D to y of the same shape. From it, {steps} read in "
        f"turn, and each adds its result to the line; {where}."
    )
    return Diagram(f"The Transformer block, {order}-norm", alt, canvas)


def _part(
    canvas: Canvas,
    y: float,
    part: Part,
    order: str,
    stream: float = STREAM,
    branch: float = BRANCH,
    width: float = 196,
) -> tuple[float, Area]:
    """Draw one part upwards from y: the line, the branch that leaves it, the addition; give where it ends, its box."""
    name, does, _ = part
    y_box = y - (121 if order == "pre" else 69)
    box = canvas.box(branch, y_box, [name, does], width=width, colour="orange" if "attention" in name else "blue")
    add = box.y - 24
    canvas.arrow([(stream, y), (stream, add + 14)], colour="green", width=3)
    canvas.text(stream + 10, y_box, "residual", size=SMALL, anchor="start", colour="muted")
    if order == "pre":
        norm = canvas.box(branch, y - 54, "norm", colour="line", width=90, height=32)
        canvas.arrow([(stream, y - 54), norm.w])
        canvas.arrow([norm.n, box.s])
    else:
        canvas.arrow([(stream, y - 20), (branch, y - 20), box.s])
    plus = canvas.circle(stream, add, sign="+")
    canvas.arrow([box.n, (branch, add), plus.e])
    if "source" in does:
        canvas.arrow([(412, y_box), box.e], colour="green", width=2.5)
        canvas.text(412, y_box - 16, "k, v", anchor="end")
        canvas.text(412, y_box + 17, "[B, S, D]", anchor="end", size=SMALL, colour="muted")
    if order == "pre":
        return plus.y, box
    norm = canvas.box(stream, add - 52, "norm", colour="line", width=90, height=32)
    canvas.arrow([plus.n, norm.s], colour="green", width=3)
    return norm.y, box


def _check_layers(layers: int | None) -> None:
    if layers is not None and layers < 1:
        raise LmbookError(f"layers={layers} is below 1.", "Give the number of blocks.")


def language_model(
    words: Sequence[str], *, width: int = 64, hidden: int = 256, layers: int = 2, vocabulary: int = 300
) -> Diagram:
    """A decoder-only model, and the shape of what it computes for these words.

    Args:
        words: a text, 2 to 8 words.
        width: numbers in a word's vector.
        hidden: numbers inside the feed-forward layers.
        layers: blocks.
        vocabulary: different tokens.

    Raises:
        LmbookError: the words cannot be drawn, or a number is below 1.
    """
    words = check_words(words)
    _check_layers(layers)
    if min(width, hidden, vocabulary) < 1:
        raise LmbookError("A width is below 1.", "Give the numbers of the model.")
    canvas, stream, x, count, wide = Canvas(), 24.0, 145.0, len(words), 270
    _wrapped(canvas, x, 0, words)
    canvas.arrow([(x, -15), (x, -42)])
    ids = canvas.box(x, -59, "token ids", colour="line", width=wide)
    embedding = canvas.box(x, -130, ["Embedding", "+ positions"], width=wide)
    canvas.arrow([ids.n, embedding.s])
    frame = embedding.y - 14
    canvas.line([(stream, embedding.y), (stream, frame - 8)], colour="green", width=3)
    parts: list[Part] = [
        ("Self-attention", "sees no later words", "attention"),
        ("Feed-forward", "each word by itself", "feed-forward"),
    ]
    y, boxes = frame - 8, []
    for part in parts:
        y, box = _part(canvas, y, part, "pre", stream, 190, 180)
        boxes.append(box)
    canvas.rectangle(Area(-10, y - 16, 418, frame - y + 16), stroke="line", dashed=True)
    canvas.text(398, y + 4, f"× {layers}", anchor="end", bold=True)
    norm = canvas.box(x, y - 66, "norm", colour="line", width=wide)
    canvas.arrow([(stream, y), (stream, norm.bottom)], colour="green", width=3)
    logits = canvas.box(x, norm.y - 48, ["Logits", "a score for each token"], width=wide)
    canvas.arrow([(stream, norm.y), (stream, logits.bottom)], colour="green", width=3)
    for box, shape, more in (
        (ids, f"{count}", "one a word"),
        (embedding, f"{count} × {width}", "a vector a word"),
        (boxes[0], f"{count} × {width}", f"weights {count} × {count}"),
        (boxes[1], f"{count} × {width}", f"inside {count} × {hidden}"),
        (norm, f"{count} × {width}", ""),
        (logits, f"{count} × {vocabulary}", "one row a word"),
    ):
        canvas.text(290, box.e[1] - (10 if more else 0), shape, anchor="start", bold=True)
        if more:
            canvas.text(290, box.e[1] + 12, more, anchor="start", size=SMALL, colour="muted")
    canvas.arrow([logits.n, (x, logits.y - 26)])
    canvas.text(x, logits.y - 40, f"the token after each of the {count}")
    alt = (
        f"{' '.join(words)}: {count} token ids become {count} vectors of {width} numbers. They go straight up a "
        f"residual line through {layers} blocks; in each, self-attention, with weights {count} by {count}, and "
        f"feed-forward, {hidden} numbers inside, read them through a norm and add their results to the line. "
        f"Then a last norm, and {count} rows of {vocabulary} logits, for the token after each word."
    )
    return Diagram("A decoder-only language model", alt, canvas)


def one_head_model(*, width: int = 64, vocabulary: int = 300) -> Diagram:
    """The smallest model with attention: embedding and places, one head beside the residual line, logits.

    Args:
        width: numbers in a word's vector.
        vocabulary: different tokens.

    Raises:
        LmbookError: a number is below 1.
    """
    if min(width, vocabulary) < 1:
        raise LmbookError(f"A number is below 1: width={width}, vocabulary={vocabulary}.", "Give the model's numbers.")
    canvas, stream, x, branch, wide = Canvas(), 60.0, 130.0, 250.0, 220
    ids = canvas.box(x, 0, "token ids", colour="line", width=wide)
    embedding = canvas.box(x, -76, ["Embedding", "a row for each token"], width=wide)
    places = canvas.box(x, -168, ["Places", "+ a row for each place"], width=wide)
    canvas.arrow([ids.n, embedding.s])
    canvas.arrow([embedding.n, places.s])
    fork = places.y - 26
    head = canvas.box(branch, fork - 60, ["Head", "attends to words so far"], width=210, colour="orange")
    add = head.y - 30
    logits = canvas.box(x, add - 78, ["Dense", "a logit for each token"], width=wide)
    canvas.arrow([(stream, places.y), (stream, add + 14)], colour="green", width=3)
    canvas.arrow([(stream, fork), (branch, fork), head.s])
    plus = canvas.circle(stream, add, sign="+")
    canvas.arrow([head.n, (branch, add), plus.e])
    canvas.arrow([plus.n, (stream, logits.bottom)], colour="green", width=3)
    canvas.arrow([logits.n, (x, logits.y - 30)])
    canvas.text(x, logits.y - 44, "the token after each token")
    shape = f"[B, T, {width}]"
    for y, text in (
        ((ids.y + embedding.bottom) / 2, "[B, T]"),
        ((embedding.y + places.bottom) / 2, shape),
        ((plus.y + logits.bottom) / 2 + 2, shape),
        (logits.y - 16, f"[B, T, {vocabulary}]"),
    ):
        canvas.text(x + 14, y, text, size=SMALL, anchor="start", colour="muted")
    alt = (
        f"Token ids, [B, T], become rows of {width} numbers; a row for each place is added. From this line a head "
        f"branches off, which attends to the words so far; its result is added to the line. A dense layer then gives "
        f"{vocabulary} logits for the token after each token."
    )
    return Diagram("A model with one attention head", alt, canvas)


def encoder_decoder(source: Sequence[str], target: Sequence[str], *, layers: int | None = None) -> Diagram:
    """The Transformer that translates: the encoder reads the source, the decoder writes the target.

    Args:
        source: words that the encoder reads, 2 to 8.
        target: words that the decoder writes; it reads [START] and those before.
        layers: blocks in each; None: "L".

    Raises:
        LmbookError: the words cannot be drawn, or there is no layer.
    """
    source, target = check_words(source, "source"), check_words(target, "target")
    _check_layers(layers)
    canvas, left, right, count = Canvas(), 104, 330, f"× {layers or 'L'}"
    for x, words, name in ((left, source, "source (S)"), (right, ["[START]", *target], "target so far (T)")):
        bottom = _wrapped(canvas, x, 17, words)
        canvas.text(x, bottom + 12, name, colour="muted")
        canvas.arrow([(x, 0), (x, -22)])
    embedded = [canvas.box(x, -52, ["Embedding", "+ positions"], width=184, height=60) for x in (left, right)]
    for x, top, name in ((left, -284, "Encoder"), (right, -466, "Decoder")):
        canvas.rectangle(Area(x - 104, top, 208, -94 - top), stroke="line", dashed=True)
        canvas.text(x - 92, -112, name, anchor="start", bold=True)
        canvas.text(x + 92, -112, count, anchor="end", bold=True)
    reads = canvas.box(left, -158, ["Self-attention", "sees every word"], colour="orange", width=184)
    thinks = canvas.box(left, -242, ["Feed-forward", "each word by itself"], width=184)
    memory = canvas.box(left, -336, ["Memory", "[B, S, D]"], colour="green", width=184)
    writes = canvas.box(right, -158, ["Self-attention", "sees no later words"], colour="orange", width=184)
    cross = canvas.box(
        right, -326, ["Cross-attention", "q from below, k and v", "from the memory"], colour="orange", width=184
    )
    ends = canvas.box(right, -424, ["Feed-forward", "each word by itself"], width=184)
    output = canvas.box(right, -518, ["Output", "softmax over V words"], width=184)
    for below, above in (
        *((embedded[0], reads), (reads, thinks), (thinks, memory)),
        *((embedded[1], writes), (writes, cross), (cross, ends), (ends, output)),
    ):
        canvas.arrow([below.n, above.s])
    canvas.arrow([memory.e, (cross.x, memory.e[1])], colour="green", width=2.5)
    rows = _rows([*target, "[END]"])
    canvas.arrow([output.n, (right, output.y - 24)])
    _wrapped(canvas, right, output.y - 41 - 36 * (len(rows) - 1), [*target, "[END]"], colour="orange")
    canvas.text(right - 112, output.y - 41, "next words (T)", anchor="end", colour="muted")
    alt = (
        f"The encoder reads the source {' '.join(source)}: embedding, then blocks of self-attention, which sees every "
        "word, and feed-forward; the result is the memory of shape B by S by D. The decoder reads [START] and the "
        "target so far: embedding, then blocks of self-attention, which sees no later words, cross-attention, whose "
        "queries are the decoder's and whose keys and values come from the memory, and feed-forward. Its output is a "
        f"softmax over V words, at each position the next word: {' '.join(target)} [END]."
    )
    return Diagram("Encoder and decoder", alt, canvas)


def _rows(words: Sequence[str], width: float = 208) -> list[list[str]]:
    """The words in lines that are no wider than a column."""
    rows: list[list[str]] = [[]]
    for word in words:
        if rows[-1] and sum(chip_width(one) + 8 for one in rows[-1]) + chip_width(word) > width:
            rows.append([])
        rows[-1].append(word)
    return rows


def _wrapped(canvas: Canvas, x: float, y: float, words: Sequence[str], colour: str = "line") -> float:
    """Chips in lines around x, the first line at y; gives the bottom of the last."""
    for row in _rows(words):
        start = x - (sum(map(chip_width, row)) + 8 * (len(row) - 1)) / 2
        for word in row:
            chip = canvas.chip(start + chip_width(word) / 2, y, word, colour=colour)
            start = chip.right + 8
        y += 36
    return y - 21
