"""What Matplotlib would take for mathematics, or fail on, is drawn as it is written."""

from __future__ import annotations

import html

import pytest

from lmbook.book import plots

NAMES = ("US$$ notes", "$x_1$", "$\\frac$", "5 $ and 6 $", "$")


def drawn(figure, path):
    """The texts of the picture, from an SVG that keeps them."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        return html.unescape(plots.save(figure, path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_dollar_sign_is_drawn_wherever_a_name_may_stand(name, tmp_path):
    figure, axes = plots.new_figure(name, name + " x", name + " y")
    axes.plot([1, 2], [1, 2], label=name + " line")
    axes.legend()
    axes.text(1, 1, name + " text")
    figure.suptitle(name + " above")
    svg = drawn(figure, tmp_path / "a.svg")
    assert all(f">{name}{more}<" in svg for more in ("", " x", " y", " line", " text", " above"))
    assert f">{name}<" in drawn(plots.bars({name: 1.0, "b": 2.0}, "label"), tmp_path / "b.svg")
    assert f">{name}<" in drawn(plots.attention_map([[0.5, 0.5]], [name], ["a", "b"]), tmp_path / "c.svg")


def test_powers_of_ten_are_written_as_such(tmp_path):
    figure, axes = plots.new_figure("$$")
    axes.set_xscale("log")
    axes.plot([1e-3, 1e6], [1, 2])
    assert ">$\\mathdefault" not in drawn(figure, tmp_path / "a.svg")
