"""Dollar signs in pictures: Matplotlib takes what stands between two of them for mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text


def draw_dollars(figure: Figure) -> None:
    """Have every text of `figure` drawn as it is written: names of files, words and titles may hold dollar signs."""
    from matplotlib.text import Text

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels(which="both")  # makes the ticks that are still to be made
    powers = {text for axes in figure.axes for text in _powers(axes)}
    for text in figure.findobj(Text):
        text.set_parse_math(text in powers)


def _powers(axes: Axes) -> list[Text]:
    """The texts that Matplotlib writes as mathematics itself: the ticks of a logarithmic axis, and a common factor."""
    from matplotlib.ticker import LogFormatter

    found = [axes.xaxis.offsetText, axes.yaxis.offsetText]
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            found += [text for tick in (*axis.majorTicks, *axis.minorTicks) for text in (tick.label1, tick.label2)]
    return found
