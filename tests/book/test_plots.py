from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lmbook.book import plots
from lmbook.errors import LmbookError
from lmbook.evaluation.calibration_error import Bin

HISTORY = {"steps": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "validation_steps": [3], "validation_loss": [1.7]}


@dataclass
class History:
    steps: list
    loss: list


def test_loss_curve_shows_every_history_the_floor_and_the_unit():
    [axes] = plots.loss_curve(
        {"LSTM": HISTORY, "GRU": History([1, 2], [2.0, 1.0])}, floor=1.25, unit="nats per word"
    ).axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["LSTM, training", "LSTM, validation", "GRU, training", "lowest possible (exact): 1.250"]
    assert axes.get_ylabel() == "loss (nats per word)"
    assert list(axes.lines[0].get_ydata()) == HISTORY["loss"]
    assert list(axes.lines[-1].get_ydata()) == [1.25, 1.25]


def test_panels_stand_in_rows_and_columns():
    figure, panels = plots.new_panels(2, 3, size=(6.0, 4.0))
    assert panels.shape == (2, 3)
    assert figure.axes == list(panels.flat)


def test_lines_can_be_told_apart():
    styles = [tuple(plots.line_style(index).values()) for index in range(28)]
    assert len(set(styles)) == 28


def test_smoothing_keeps_a_constant_and_the_first_value():
    assert plots.smooth([2.0, 2.0, 2.0], 0.9) == pytest.approx([2.0, 2.0, 2.0])
    assert plots.smooth([4.0, 0.0], 0.5) == pytest.approx([4.0, 4 / 3])
    assert plots.smooth([1.0, 5.0], 0.0) == [1.0, 5.0]
    with pytest.raises(ValueError, match="smoothing"):
        plots.smooth([1.0], 1.0)


def labels(ticks):
    return [text.get_text() for text in ticks]


def test_a_matrix_is_drawn_with_its_names_and_small_numbers_are_written_in():
    figure, axes = plots.new_figure()
    image = plots.matrix(axes, [[0.5, -1.0, 0.0]], ["query"], ["a", "green", "tree"], signed=True)
    assert image.get_clim() == (-1.0, 1.0)
    assert labels(axes.get_yticklabels()) == ["query"]
    assert labels(axes.get_xticklabels()) == ["a", "green", "tree"]
    assert labels(axes.texts) == ["0.5", "-1", "0"]
    assert plots.matrix(axes, np.zeros((2, 2)), [], []).get_clim() == (0.0, 1.0)


def test_chinese_is_written_downwards_and_longer_words_are_turned():
    _, axes = plots.new_figure()
    plots.matrix(axes, np.zeros((1, 4)), [], ["<end>", "a", "绿", "大树"])
    shown = [(label.get_text(), label.get_rotation()) for label in axes.get_xticklabels()]
    assert shown == [("<end>", 90.0), ("a", 0.0), ("绿", 0.0), ("大\n树", 0.0)]


def test_heads_share_their_colours():
    weights = np.array([[[0.2, 0.8]], [[1.0, 0.0]], [[0.5, 0.5]], [[0.4, 0.6]], [[0.0, 1.0]]])
    figure = plots.attention_heads(weights, ["tree"], ["a", "green"], "Block 1")
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [f"head {number}" for number in range(1, 6)]
    assert {axes.images[0].get_clim() for axes in shown} == {(0.0, 1.0)}
    assert figure.get_suptitle() == "Block 1"


def test_names_that_do_not_fit_are_counted():
    with pytest.raises(LmbookError, match=r"\[1, 2\] has 2 columns, but 3 names"):
        plots.attention_map([[0.5, 0.5]], ["tree"], ["a", "green", "tree"])


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    paths = [plots.save(plots.loss_curve({"LSTM": HISTORY}), tmp_path / f"{name}{suffix}") for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_drawing_leaves_pyplot_alone():
    import subprocess
    import sys

    code = (
        "import sys; from lmbook.book import plots; plots.loss_curve({'a': {'steps': [1], 'loss': [1.0]}});"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_reliability_shows_every_bin_as_large_as_it_is():
    bins = [Bin(0.6, 0.5, 10), Bin(0.9, 0.95, 90)]
    [axes] = plots.reliability({"a": bins}).axes
    [points] = axes.collections
    assert points.get_offsets().tolist() == [[0.6, 0.5], [0.9, 0.95]]
    small, large = points.get_sizes()
    assert large > 4 * small
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["calibrated", "a"]


def test_the_lens_names_the_likeliest_token_with_the_table_below():
    probabilities = np.array([[[0.9, 0.1, 0.0], [0.2, 0.2, 0.6]], [[0.0, 0.3, 0.7], [0.1, 0.8, 0.1]]])
    axes = plots.lens(probabilities, ["a", "tree"], ["x", "y", "z"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["z", "y", "x", "z"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["block 1", "table"]
