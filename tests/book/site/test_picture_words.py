from __future__ import annotations

import pytest

from lmbook.book import diagrams
from lmbook.book.site.picture_words import with_words

FIGURES = {"picture/curve": {"value": "figures/a_curve.png", "note": "The loss of each step"}}


def picture(said=None, kind="image/png"):
    return {"data": {kind: "…"} | ({"text/plain": said} if said else {})}


def words(source, *outputs, **metadata):
    cell = {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": metadata}
    return with_words(cell, FIGURES)["metadata"].get("mystnb", {}).get("image", {}).get("alt")


CURVE = 'lesson.figure(figure, "curve", f"The loss of each {unit}")'
OTHER = 'if full:\n    lesson.figure(figure, "other", "Another picture")'


@pytest.mark.parametrize(
    ("source", "outputs", "said"),
    [
        (CURVE, [picture()], "The loss of each step"),
        (CURVE, [picture("<IPython.core.display.Image object>")], "The loss of each step"),
        (OTHER, [picture()], "Another picture"),
        (f"{CURVE}\n{OTHER}", [picture(), picture()], "The loss of each step. Another picture."),
        ("diagrams.block()", [picture("The block. Two layers.", "image/svg+xml")], "The block. Two layers."),
        ("plot()", [picture()], None),
        ("%matplotlib inline\nplot()", [picture()], None),
        (CURVE, [{"name": "stdout", "text": "saved"}], None),
    ],
)
def test_a_picture_is_said_in_words_where_they_are_known(source, outputs, said):
    assert words(source, *outputs) == said


@pytest.mark.parametrize("diagram", [diagrams.tokens(["the", "cat & dog"]), diagrams.head_cut()], ids=["one", "two"])
def test_a_diagram_of_one_or_two_layouts_brings_its_own_words(diagram):
    drawing = {"data": {"image/svg+xml": diagram._repr_svg_()}}  # as a recorded notebook keeps it
    assert words("diagrams.of(…)", drawing) == f"{diagram.title}. {diagram.alt}"


def test_what_somebody_wrote_stays():
    assert words(CURVE, picture(), mystnb={"image": {"alt": "A curve", "width": "9em"}}) == "A curve"
    assert words(CURVE, picture(), mystnb={"figure": {"name": "x"}}, tags=["a"]) == "The loss of each step"
