from __future__ import annotations

from dataclasses import dataclass

import pytest

from lmbook import plots

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


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    paths = [plots.save(plots.loss_curve({"LSTM": HISTORY}), tmp_path / f"{name}{suffix}") for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_drawing_leaves_pyplot_alone():
    import subprocess
    import sys

    code = (
        "import sys; from lmbook import plots; plots.loss_curve({'a': {'steps': [1], 'loss': [1.0]}});"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
