"""Training as a circle of five boxes, and which texts may do what to a model."""

from __future__ import annotations

from lmbook.book.diagrams.kit.canvas import Canvas
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.kit.text import SMALL, check_fits, number
from lmbook.errors import LmbookError

BOX = 174  # width of each


def training_loop(*, loss: float | None = None, learning_rate: float | None = None) -> Diagram:
    """One step of training: batch → model → loss → gradient → update, and back to the model.

    Args:
        loss: of this batch, in nats per token; written into its box.
        learning_rate: η; written into the box of the update.
    """
    canvas, left, right = Canvas(), 99, 347
    rate = "η" if learning_rate is None else f"{learning_rate:g}"
    batch = canvas.box(left, 34, ["Batch", "words from the text"], width=BOX, colour="line")
    model = canvas.box(left, 168, ["Model", "weights w"], width=BOX)
    losses = "one number" if loss is None else f"{number(loss, 2 if abs(loss) < 100 else 1)} nats per token"
    error = canvas.box(right, 168, ["Loss", losses], width=BOX, colour="orange")
    gradient = canvas.box(right, 302, ["Gradient g", "a slope per weight"], width=BOX, colour="orange")
    update = canvas.box(left, 302, ["Update", f"w ← w − {rate} · g"], width=BOX)

    canvas.arrow([batch.s, model.n])
    canvas.text(left + 10, 101, "x [B, T]", anchor="start", size=SMALL, colour="muted")
    canvas.arrow([batch.e, (right, batch.e[1]), error.n])
    canvas.lines(right - 12, 101, ["y [B, T]", "the next words"], anchor="end", size=SMALL, colour="muted")
    canvas.arrow([model.e, error.w])
    canvas.text(223, 154, "logits", size=SMALL, colour="muted")
    canvas.text(223, 184, "[B, T, V]", size=SMALL, colour="muted")
    canvas.arrow([error.s, gradient.n], colour="orange", dashed=True)
    canvas.text(right + 10, 235, "backwards", anchor="start", size=SMALL, colour="muted")
    canvas.arrow([gradient.w, update.e], colour="orange", dashed=True)
    canvas.arrow([update.n, model.s], colour="green", width=2.5)
    canvas.text(left + 10, 235, "new weights", anchor="start", size=SMALL, colour="muted")
    note = ["One step; then again, with the next batch"]
    if learning_rate is None:
        note.insert(0, "η is the learning rate")
    canvas.lines(223, 366, note, colour="muted")
    alt = (
        "A batch of words x of shape B by T goes into the model, which gives logits of shape B by T by V. The loss "
        f"compares them with the next words y{'' if loss is None else f' and is {losses}'}. From the loss the "
        "gradient is computed backwards, a slope for each weight. The update subtracts the learning rate "
        f"{rate} times the gradient from the weights, and the model has new weights for the next batch."
    )
    return Diagram("One step of training", alt, canvas)


def three_sets(*, training: int, validation: int, test: int, unit: str = "stories") -> Diagram:
    """What the training, the validation and the test set are for: weights, choices, and the final score.

    Args:
        training: how many texts are in the training set; so `validation` and `test`.
        validation: see above.
        test: see above.
        unit: what the texts are called.

    Raises:
        LmbookError: a number is below 1, or the unit is too long.
    """
    sets = {"Training set": training, "Validation set": validation, "Test set": test}
    for name, count in sets.items():
        if count < 1:
            raise LmbookError(f"{name}: {count} is below 1.", "Give the number of its texts.")
        check_fits(f"{count:,} {unit}", "unit", BOX - 20)
    does = [
        ("Learn", "the weights change"),
        ("Choose", "which epoch to keep"),
        ("Score", "once, at the very end"),
    ]
    between = [["a model after", "every epoch"], ["the one", "we chose"]]
    canvas, left, right, above = Canvas(), 99, 347, None
    for index, ((name, count), labels) in enumerate(zip(sets.items(), does, strict=True)):
        y = 34 + index * 126
        texts = canvas.box(left, y, [name, f"{count:,} {unit}"], width=BOX, colour="line")
        act = canvas.box(right, y, labels, width=BOX, colour=("blue", "orange", "green")[index])
        canvas.arrow([texts.e, act.w])
        if above is not None:
            canvas.arrow([above.s, act.n], colour="green", width=2.5)
            canvas.lines(right - 12, y - 63, between[index - 1], anchor="end", size=SMALL, colour="muted")
        above = act
    alt = (
        f"The training set ({training:,} {unit}) changes the weights and gives a model after every epoch. The "
        f"validation set ({validation:,} {unit}) chooses which of them to keep. The test set ({test:,} {unit}) scores "
        "the chosen model, once, at the very end."
    )
    return Diagram("Three sets of texts", alt, canvas)
