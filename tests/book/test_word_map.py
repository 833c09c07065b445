from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from lmbook.book import plots
from lmbook.book.word_map import word_map
from lmbook.errors import LmbookError


def labels(figure):
    (axes,) = figure.axes
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    # Of the text alone: an annotation's own extent takes in its line.
    boxes = {text.get_text(): Text.get_window_extent(text, renderer) for text in axes.texts}
    return boxes, axes.get_window_extent(renderer)


def test_labels_do_not_overlap_and_stay_inside():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 2)) * 5  # four clouds far smaller than a label
    places = {f"word{i}": centres[i % 4] + rng.normal(size=2) * 0.05 for i in range(40)}
    figure = word_map(places, {word: f"group {int(word[4:]) % 4}" for word in places}, "a map")
    boxes, room = labels(figure)
    assert set(boxes) == set(places)
    listed = list(boxes.values())
    for number, box in enumerate(listed):
        assert room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
        assert not any(box.overlaps(other) for other in listed[number + 1 :])


def test_a_map_is_saved_the_same_every_time(tmp_path):
    places = {"oak": (0, 1), "fox": (1, 0), "owl": (1, 0.1)}
    groups = {"oak": "plants", "fox": "animals", "owl": "animals"}
    first, second = (plots.save(word_map(places, groups), tmp_path / f"{n}.png").read_bytes() for n in "ab")
    assert first == second


def test_too_many_groups_are_refused():
    words = [f"w{i}" for i in range(8)]
    with pytest.raises(LmbookError, match="8 groups"):
        word_map({word: (i, i) for i, word in enumerate(words)}, {word: word for word in words})
