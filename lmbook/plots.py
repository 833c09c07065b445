"""Pictures, drawn without a screen and without global state.

Every function returns a `matplotlib.figure.Figure` that belongs to the caller; `save` writes it. Colours are those of
Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with any colour vision can tell apart; lines differ in
their dashes too, so that a grey print can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmbook.files import write_atomically
from lmbook.fonts import with_chinese

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


def save(figure: Figure, path: str | Path) -> Path:
    """Write the picture, atomically; the suffix of `path` chooses the format. The same figure gives the same bytes.

    Texts may be Chinese: what their fonts lack is drawn in those of `lmbook.fonts`.
    """
    import matplotlib
    from matplotlib.text import Text

    metadata = {"Software": None} if Path(path).suffix == ".png" else {"Date": None}
    families = with_chinese(matplotlib.rcParams["font.family"])
    with matplotlib.rc_context({"svg.hashsalt": "lmbook", "font.family": families}):
        for text in figure.findobj(Text):
            text.set_fontfamily(with_chinese(text.get_fontfamily()))
        return write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=140, metadata=metadata))
