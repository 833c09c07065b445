"""Pictures, drawn without a screen and without global state.

Every function returns a `matplotlib.figure.Figure` that belongs to the caller; `save` writes it. Colours are those of
Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with any colour vision can tell apart; lines differ in
their dashes too, so that a grey print can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmbook.book.dollars import draw_dollars
from lmbook.book.fonts import with_chinese
from lmbook.errors import LmbookError
from lmbook.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
FLOOR_COLOUR = "#555555"


def new_figure(title: str = "", x_label: str = "", y_label: str = "", size: tuple[float, float] = (7.0, 4.2)):
    """An empty chart: (figure, axes) with labels set and a light grid. `size` is in inches."""
    figure, [[axes]] = new_panels(1, 1, size)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    return figure, axes


def new_panels(rows: int, columns: int, size: tuple[float, float] = (9.0, 4.2)):
    """Several empty charts in one picture: (figure, axes as an array [rows, columns]), each with a light grid."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure, panels


def line_style(index: int) -> dict[str, str]:
    """Colour and dashes of the `index`-th line of a chart; no two of the first 28 are the same."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[(index // len(COLOURS)) % len(DASHES)]}


def smooth(values: Sequence[float], smoothing: float) -> list[float]:
    """Exponential moving average with weight `smoothing` in [0, 1) on the past, corrected for its start.

    The correction makes the first value the first input and keeps a constant constant.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")
    total = weight = 0.0
    result = []
    for value in values:
        total = smoothing * total + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
        result.append(total / weight)
    return result


def draw_floor(axes: Axes, floor: float, label: str = "lowest possible (exact)") -> None:
    """A horizontal line at the exact cross-entropy of the corpus, which no model can beat on average."""
    axes.axhline(floor, color=FLOOR_COLOUR, linewidth=1.2, linestyle=(0, (6, 2)), label=f"{label}: {floor:.3f}")


def loss_curve(
    histories: Mapping[str, Any],
    floor: float | None = None,
    unit: str = "nats per token",
    smoothing: float = 0.0,
    title: str = "",
) -> Figure:
    """Training loss (thin) and validation loss (thick, with points) over steps.

    The first steps' loss is far above all that follows; where there is validation, the chart shows what happens from
    the first validation on in full height, so that what is learned late can be seen.

    Args:
        histories: name in the legend → a history, as a mapping or an object, with `steps`, `loss` and, where there
            was validation, `validation_steps` and `validation_loss`.
        floor: the exact lower bound, drawn as a line where the corpus has one.
        unit: of the loss, for the axis.
        smoothing: weight of the past in the moving average of the training loss, 0 = as measured.
        title: shown above the chart.
    """
    figure, axes = new_figure(title, "training step", f"loss ({unit})")
    for index, (name, history) in enumerate(histories.items()):
        style = line_style(index)
        steps, loss = _series(history, "steps"), _series(history, "loss")
        validation_steps, validation = _series(history, "validation_steps"), _series(history, "validation_loss")
        axes.plot(steps, smooth(loss, smoothing), linewidth=1.0, alpha=0.65, label=f"{name}, training", **style)
        if len(validation):
            axes.plot(
                validation_steps,
                validation,
                linewidth=2.0,
                marker="o",
                markersize=3.5,
                label=f"{name}, validation",
                **style,
            )
    if floor is not None:
        draw_floor(axes, floor)
    _cut_off_the_start(axes, list(histories.values()), floor)
    if histories or floor is not None:
        axes.legend(frameon=False, fontsize=9)
    return figure


def _cut_off_the_start(axes: Axes, histories: Sequence[Any], floor: float | None) -> None:
    """Fit the chart's height to the losses from the first validation on, with room for the legend above them."""
    shown = [loss for history in histories for loss in _series(history, "validation_loss")]
    if not shown:
        return
    first = min(step for history in histories for step in _series(history, "validation_steps"))
    for history in histories:
        steps, losses = _series(history, "steps"), _series(history, "loss")
        shown += [loss for step, loss in zip(steps, losses, strict=True) if step >= first]
    lowest, highest = min([*shown, *([] if floor is None else [floor])]), max(shown)
    margin = 0.08 * (highest - lowest) or 0.1
    axes.set_ylim(lowest - margin, highest + (3 + 0.8 * len(histories)) * margin)


def _series(history: Any, key: str) -> Sequence[float]:
    values = history.get(key) if isinstance(history, Mapping) else getattr(history, key, None)
    return [] if values is None else values


def bars(values: Mapping[str, float], label: str, title: str = "", floor: float | None = None) -> Figure:
    """One horizontal bar for each name, the value written at its end; `label` names the quantity and its unit."""
    figure, axes = new_figure(title, label, "", size=(7.0, 1.2 + 0.4 * len(values)))
    drawn = axes.barh(list(values), list(values.values()), color=COLOURS[0], height=0.6)
    axes.bar_label(drawn, fmt="%.3g", padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.margins(x=0.12)
    if floor is not None:
        axes.axvline(floor, color=FLOOR_COLOUR, linewidth=1.2, linestyle=(0, (6, 2)))
    return figure


def reliability(models: Mapping[str, Sequence[Any]], title: str = "") -> Figure:
    """How often answers are right against how sure the model was; calibrated models lie on the diagonal.

    Args:
        models: name in the legend → the `bins` of a `Calibration`; the area of a point shows how many examples it has.
        title: shown above the chart.
    """
    figure, axes = new_figure(title, "mean probability of the answers", "share that is right", size=(5.6, 4.8))
    axes.plot([0, 1], [0, 1], color=FLOOR_COLOUR, linewidth=1.2, linestyle=(0, (6, 2)), label="calibrated")
    for index, (name, bins) in enumerate(models.items()):
        style, total = line_style(index), sum(one.count for one in bins)
        x, y = [one.confidence for one in bins], [one.accuracy for one in bins]
        axes.plot(x, y, linewidth=1.5, label=name, **style)
        axes.scatter(x, y, [10 + 200 * one.count / total for one in bins], color=style["color"], alpha=0.7)
    lowest = min(min(one.confidence, one.accuracy) for bins in models.values() for one in bins)
    axes.set(xlim=(max(0.0, lowest - 0.05), 1.02), ylim=(max(0.0, lowest - 0.05), 1.02))
    axes.legend(frameon=False, fontsize=9)
    return figure


def matrix(
    axes: Axes, values, rows: Sequence[str], columns: Sequence[str], *, signed: bool = False, top: float | None = None
):
    """Draw `values` [R, C] as coloured cells with the names of rows and columns at the axes; gives the image.

    Small matrices have their numbers written in.

    Args:
        axes: where to draw.
        values: [R, C].
        rows: R names, from top to bottom; empty: the rows are numbered.
        columns: C names, from left to right; empty: numbered.
        signed: blue below 0, white at 0, red above; else from white at 0 to dark blue.
        top: the value of the darkest colour; None: the largest there is.

    Raises:
        LmbookError: there are not as many names as rows or columns.
    """
    import numpy as np

    values = np.asarray(values, "float32")
    for what, names, count in zip(("rows", "columns"), (rows, columns), values.shape, strict=True):
        if len(names) not in (0, count):
            raise LmbookError(
                f"A matrix {list(values.shape)} has {count} {what}, but {len(names)} names were given for them.",
                "Give a name for each, or none at all.",
            )
    top = (float(np.abs(values).max()) or 1.0) if top is None else top
    axes.grid(False)
    image = axes.imshow(
        values, cmap="RdBu_r" if signed else "Blues", vmin=-top if signed else 0, vmax=top, interpolation="nearest"
    )
    small = 9 if max(values.shape) <= 24 else 7
    if len(rows):
        axes.set_yticks(range(len(rows)), rows, fontsize=small)
    if len(columns):
        # Chinese is written downwards; of the others, what is longer than a letter is turned.
        downwards = ["\n".join(name) if name[:1] > "\u2e80" else name for name in columns]
        axes.set_xticks(range(len(columns)), downwards, fontsize=small)
        for label, name in zip(axes.get_xticklabels(), downwards, strict=True):
            label.set_rotation(90 if len(name.split("\n")[0]) > 1 else 0)
    axes.tick_params(length=0)
    if max(values.shape) <= 10:
        for (row, column), value in np.ndenumerate(values):
            colour = "white" if abs(value) > 0.6 * top else "black"
            text = f"{value:.2f}".rstrip("0").rstrip(".")
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return image


def lens(probabilities, read: Sequence[str], tokens: Sequence[str]) -> Figure:
    """The likeliest next token at each depth and position, coloured by its probability.

    Args:
        probabilities: [L + 1, T, V], of the logit lens at each depth.
        read: the T tokens that are read.
        tokens: all V of them.
    """
    import numpy as np

    best, sure = probabilities.argmax(axis=-1)[::-1], probabilities.max(axis=-1)[::-1]
    figure, axes = new_figure(size=(12.0, 0.5 * len(best) + 1.2))
    matrix(axes, sure, [*(f"block {number}" for number in range(len(best) - 1, 0, -1)), "table"], read, top=1.0)
    for number in list(axes.texts):
        number.remove()  # the tokens stand there
    for (row, column), id in np.ndenumerate(best):
        colour = "white" if sure[row, column] > 0.6 else "black"
        axes.text(column, row, tokens[id], ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(read)), read, rotation=45, fontsize=8)
    return figure


def attention_map(weights, rows: Sequence[str], columns: Sequence[str], title: str = "") -> Figure:
    """What each position takes from each other: the darker, the more.

    Args:
        weights: [T, S], of one head or the mean of several.
        rows: the T tokens that look.
        columns: the S tokens that are looked at.
        title: shown above the chart.

    Raises:
        LmbookError: there are not as many tokens as positions.
    """
    return _maps([weights], [title], rows, columns, "")


def attention_heads(weights, rows: Sequence[str], columns: Sequence[str], title: str = "") -> Figure:
    """The maps of all heads [H, T, S] side by side in the same colours; the rest as `attention_map`."""
    return _maps(weights, [f"head {head}" for head in range(1, len(weights) + 1)], rows, columns, title)


def _maps(maps, titles: Sequence[str], rows: Sequence[str], columns: Sequence[str], title: str) -> Figure:
    """Four maps in a row, the tokens that look at the left of each row, those that are looked at below each map."""
    import numpy as np

    maps = np.asarray(maps)  # [M, T, S]
    across = min(4, len(maps))
    down = -(-len(maps) // across)
    cell = min(0.36, max(0.15, 12 / (across * maps.shape[2])))  # inches
    left, below = (0.2 + 0.07 * max(map(len, names), default=0) for names in (rows, columns))
    width = left + across * max(1.2, cell * maps.shape[2] + 0.1) + 0.8
    height = down * (cell * maps.shape[1] + below + 0.3) + (0.3 if title else 0)
    figure, panels = new_panels(down, across, (width, height))
    for index, axes in enumerate(panels.flat):
        if index >= len(maps):
            axes.axis("off")
            continue
        image = matrix(axes, maps[index], rows, columns, top=float(maps.max()))
        if index % across:
            axes.tick_params(labelleft=False)
        axes.set_title(titles[index], fontsize=10)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.colorbar(image, ax=panels, shrink=0.8, pad=0.02)
    return figure


def save(figure: Figure, path: str | Path) -> Path:
    """Write the picture, atomically; the suffix of `path` chooses the format. The same figure gives the same bytes.

    Texts may be Chinese: what their fonts lack is drawn in those of `lmbook.book.fonts`.
    """
    import matplotlib
    from matplotlib.text import Text

    metadata = {"Software": None} if Path(path).suffix == ".png" else {"Date": None}
    families = with_chinese(matplotlib.rcParams["font.family"])
    with matplotlib.rc_context({"svg.hashsalt": "lmbook", "font.family": families}):
        draw_dollars(figure)
        for text in figure.findobj(Text):
            text.set_fontfamily(with_chinese(text.get_fontfamily()))
        return write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=140, metadata=metadata))
