"""A map of words: points in the plane with labels that do not lie on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lmbook.book.plots import COLOURS, new_figure
from lmbook.errors import LmbookError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = "os^Dv*P"
_DIRECTIONS = np.stack([(np.cos(angle), np.sin(angle)) for angle in np.arange(0, 2 * np.pi, np.pi / 8)])
_DISTANCES = (8, 16, 26, 38, 52, 68, 86)  # of a label from its point, in pixels, the nearest free one is taken
_GAP = 2.0  # pixels between labels


def word_map(
    places: Mapping[str, Sequence[float]],
    groups: Mapping[str, str],
    title: str = "",
    size: tuple[float, float] = (8.0, 6.5),
) -> Figure:
    """Words at their places, coloured by group, each label as near to its point as there is room.

    Groups differ in colour and in the shape of their points. A thin line joins a label to its point.

    Args:
        places: word -> (x, y).
        groups: word -> the name of its group, for the legend; seven groups can be told apart.
        title: shown above the map.
        size: in inches.

    Raises:
        LmbookError: there are more than seven groups.
    """
    names = list(dict.fromkeys(groups[word] for word in places))
    if len(names) > len(COLOURS):
        raise LmbookError(f"{len(names)} groups cannot be told apart.", f"Show at most {len(COLOURS)}.")
    figure, axes = new_figure(title, size=size)
    for index, name in enumerate(names):
        points = np.array([place for word, place in places.items() if groups[word] == name])
        axes.scatter(*points.T, s=22, color=COLOURS[index], marker=_MARKERS[index], label=name, zorder=3)
    axes.margins(0.14)
    axes.set(xticks=[], yticks=[])
    figure.legend(loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    figure.canvas.draw()  # fixes the places of everything drawn so far
    figure.set_layout_engine("none")
    _place_labels(axes, places, {word: COLOURS[names.index(groups[word])] for word in places})
    return figure


def _place_labels(axes, places: Mapping[str, Sequence[float]], colours: Mapping[str, str]) -> None:
    renderer = axes.figure.canvas.get_renderer()
    points = axes.transData.transform(np.array(list(places.values()), float))
    room = axes.get_window_extent(renderer)
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]  # the points themselves
    centre = points.mean(axis=0)
    outermost_first = np.argsort(-np.linalg.norm(points - centre, axis=1), kind="stable")
    words = list(places)
    for number in outermost_first:
        word, point = words[number], points[number]
        label = axes.annotate(
            word, point, xycoords="figure pixels", fontsize=8, color=colours[word], ha="center", va="center", zorder=4
        )
        box = label.get_window_extent(renderer)
        half = np.array([box.width, box.height]) / 2 + _GAP
        place = _free_place(point, half, taken, room, point - centre)
        taken.append((*(place - half), *(place + half)))
        label.remove()
        to_data = axes.transData.inverted().transform
        axes.annotate(
            word,
            to_data(point),
            xytext=to_data(place),
            fontsize=8,
            color=colours[word],
            ha="center",
            va="center",
            zorder=4,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def _free_place(point, half, taken, room, outward):
    """The nearest centre for a label of half size `half` that overlaps nothing, outward ones first."""
    directions = _DIRECTIONS[np.argsort(-(_DIRECTIONS @ outward), kind="stable")]
    best, least = point, np.inf
    for distance in _DISTANCES:
        for direction in directions:
            centre = point + direction * (half * [1, 0.6] + distance)
            low, high = centre - half, centre + half
            overlap = sum(
                max(0.0, min(high[0], right) - max(low[0], left)) * max(0.0, min(high[1], top) - max(low[1], bottom))
                for left, bottom, right, top in taken
            )
            inside = room.x0 <= low[0] and high[0] <= room.x1 and room.y0 <= low[1] and high[1] <= room.y1
            if overlap == 0 and inside:
                return centre
            if inside and overlap < least:
                best, least = centre, overlap
    return best
