"""What a lesson uses to know how it is run and to leave its figures.

Example::

    lesson = Lesson("lstm_baseline")
    steps = lesson.choose(quick=300, full=3000)
    …
    lesson.record("excess_nats_per_word", excess, unit="nats per word", tolerance=0.02)
    lesson.figure(plots.loss_curve({"LSTM": history}, floor=floor), "loss", "Loss of the LSTM and the exact floor")
    lesson.finish()
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lmbook import machine
from lmbook.book import results
from lmbook.book.chapters import LessonFile, find_lesson, read_header
from lmbook.book.own_data import check_used
from lmbook.console import exit_code, let_streams_show_what_they_can, terminal
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import mean_sd
from lmbook.files import near, write_json
from lmbook.paths import reader_path
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    import tensorflow as tf
    from matplotlib.figure import Figure

    from lmbook.corpora.corpus import Corpus
    from lmbook.training.tensorboard import Boards

ARGUMENTS = "LMBOOK_LESSON_ARGUMENTS"  # for a notebook: what a script reads from its command line, as JSON
DEFAULT_SEED, LARGEST_SEED = 0, 2**31 - 1  # NumPy takes 32 bits; some lessons add to it
T = TypeVar("T")
ForCells = float | None | Mapping[str, float | None | Mapping[str, float | None]]  # for all, by column, or by row too


class Lesson:
    """One run of one lesson.

    Run as a script it reads its own arguments (`--help` lists them). In a notebook it takes the defaults, or what it is
    given: `Lesson("attention", ["--full"])`. In a script, an `LmbookError` ends the run with its message and exit code
    2, no traceback.

    Args:
        name: the lesson's file name without `.py`.
        argv: arguments to read instead of the script's own.
        corpora: the lesson's own, which `--corpus` may name without asking for another text.

    Attributes:
        full: True in the full profile, False in the quick one.
        seed: for everything random.
        corpus: the `--corpus` asked for, or None.
        text: the `--text` file asked for, or None.
    """

    def __init__(self, name: str, argv: Sequence[str] | None = None, *, corpora: Sequence[str] = ("greentree",)):
        script = Path(sys.argv[0])
        as_script = argv is None and script.name == f"{name}.py"
        if as_script:
            sys.excepthook = _excepthook
            let_streams_show_what_they_can()
            path = script.resolve()
            self.file = LessonFile(name, path, read_header(path.read_text(encoding="utf-8")))
            argv = sys.argv[1:]
        else:
            self.file = find_lesson(name)
        if argv is None:  # a notebook
            argv = json.loads(os.environ.get(ARGUMENTS, "[]"))
        options = _parser(name).parse_args(list(argv))
        one_source(options.corpus, options.text, required=False)
        check_used(self.file, options.corpus, options.text)
        if not 0 <= options.seed <= LARGEST_SEED:
            raise LmbookError(f"--seed is {options.seed}.", f"Give a whole number from 0 to {LARGEST_SEED:,}.")
        self.name = name
        self.full: bool = options.full
        self.seed: int = options.seed
        self.corpus: str | None = options.corpus
        self.text: Path | None = options.text
        self._corpora = tuple(corpora)
        self._devices = options.strategy, options.devices and options.devices.split(","), options.cpu_devices
        self._devices_taken = self._devices in (("auto", None, None), ("default", None, None))
        self._for_the_book: bool = options.record
        self._boards = self._start_boards() if options.tensorboard else None
        self._default = self.corpus is None and self.text is None and self.seed == DEFAULT_SEED
        self._figures: dict[str, dict[str, Any]] = {}
        self._began = 0.0 if as_script else machine.seconds_since_start()
        if self._for_the_book and not self._default:
            raise LmbookError(
                "--record was given with another corpus, text or seed.",
                "The book records the lesson's own data and seed.",
            )
        if self.full and self._default:
            self._say_what_is_missing()

    @property
    def profile(self) -> str:
        """ "full" or "quick"."""
        return "full" if self.full else "quick"

    @property
    def own_text(self) -> bool:
        """Whether the reader gave a text: `--text`, or a `--corpus` that is none of the lesson's own."""
        return self.text is not None or self.corpus not in (None, *self._corpora)

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """The `tf.distribute` strategy asked for, "auto" where none was; use it before TensorFlow computes anything.

        Raises:
            LmbookError: see `make_strategy`.
        """
        from lmbook.training.distributed.strategy import make_strategy

        self._devices_taken = True
        return make_strategy(*self._devices)

    @property
    def seconds(self) -> float:
        """Seconds since the lesson began; run as a script, since the process was started, imports included."""
        return machine.seconds_since_start() - self._began

    def choose(self, *, quick: T, full: T) -> T:
        """The value for the profile that is running."""
        return full if self.full else quick

    def real_corpus(self, usual: str) -> Corpus | None:
        """The corpus of `--text` or `--corpus`, else that called `usual`; None, and a line why, where that is missing.

        Raises:
            LmbookError: the one asked for cannot be read.
        """
        from lmbook.corpora.catalogue import load_corpus
        from lmbook.corpora.files import text_corpus

        try:
            return text_corpus(self.text) if self.text else load_corpus(self.corpus or usual)
        except LmbookError as error:
            if self.text or self.corpus:
                raise
            print(f"Without {usual}: {error.message}\n{error.fix}")
            return None

    def record(
        self,
        key: str,
        value: float | int | bool | str,
        unit: str = "",
        tolerance: float | None = 0.0,
        sd: float | None = None,
        n: int | None = None,
        note: str = "",
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Keep a figure under `key`, and print it.

        Args:
            key: the figure's name, unique in the lesson.
            value: a finite number, a truth value or a text.
            unit: as "nats per token".
            tolerance: the absolute difference that another machine may show; None when the value is not compared: for
                seconds, memory, speeds and what is computed from them, or where the limits say all that is to be kept.
            sd: standard deviation over `n` repetitions.
            n: the number of repetitions, or of things counted.
            note: a few words for the page.
            at_least: a limit that the figure keeps on every machine, as an accuracy that a sentence rests on.
            at_most: the same from above, as for a rounding error. Without a limit, a figure whose tolerance is as
                large as its value must keep a tenth of it (`lmbook.book.results.figure_entry`).

        Raises:
            ValueError: the key was used before, or the value cannot be recorded.
        """
        self._keep(key, value, unit, tolerance, sd, n, note, at_least, at_most)
        print(f"{key}: {results.format_figure(self._figures[key])}" + (f"  ({note})" if note else ""))

    def record_mean(
        self,
        key: str,
        values: Iterable[float],
        unit: str = "",
        tolerance: float | None = 0.0,
        note: str = "",
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Keep the mean of repeated runs, with their standard deviation and number; the rest as in `record`."""
        values = list(values)
        mean, sd = mean_sd(values)
        self.record(key, mean, unit, tolerance, sd, len(values), note, at_least=at_least, at_most=at_most)

    def table(
        self,
        name: str,
        rows: Sequence[Sequence[Any]],
        columns: Sequence[str],
        tolerance: ForCells = 0.0,
        *,
        at_least: ForCells = None,
        at_most: ForCells = None,
    ) -> None:
        """Print a table and record its cells under `name/row/column`; the first column labels the rows.

        Args:
            name: the table's name, without "/".
            rows: each as long as `columns`; numbers, truth values or texts.
            columns: headings, without "/"; units belong in them.
            tolerance: for the numbers, as in `record`: one for all, or by column, or by column and row
                (`{"right": {"LSTM": 0.1}}`), 0 where none is named. Texts are recorded but not compared.
            at_least: limits as in `record`, given in the same ways.
            at_most: the same from above.

        Raises:
            ValueError: two rows have the same label, a row is too long or too short, a name holds a "/", or a limit is
                for a column that is not there.
        """
        from rich.table import Table

        if any("/" in part for part in (name, *columns)):
            raise ValueError(f"table {name!r}: its name and columns must not hold '/'")
        for given in (at_least, at_most):
            if isinstance(given, Mapping) and not given.keys() <= set(columns):
                raise ValueError(f"table {name!r} has no columns {sorted(given.keys() - set(columns))}")
        shown, cells = Table(*columns, title=name), []
        for row in rows:
            label = str(row[0])
            for column, value in zip(columns[1:], row[1:], strict=True):
                key = f"{name}/{label}/{column}"
                if isinstance(value, str):
                    self._keep(key, value, tolerance=None)
                else:
                    allowed = _for_cell(tolerance, label, column, 0.0)
                    least, most = (_for_cell(given, label, column, None) for given in (at_least, at_most))
                    self._keep(key, value, tolerance=allowed, at_least=least, at_most=most)
            cells.append([label, *(results.format_value(value) for value in row[1:])])
            shown.add_row(*cells[-1])
        if _in_notebook():
            _display_html(_html_table(columns, cells))
        else:
            terminal(highlight=True).print(shown)

    def figure(self, figure: Figure, name: str, caption: str) -> None:
        """Save a picture in `figures/` of where the results go, and say where; in a notebook, show it.

        The book keeps the pictures of a recorded run in the lesson's notebook, and nowhere else.
        """
        from lmbook.book import plots

        suffix = "" if self.full else ".quick"
        path = plots.save(figure, results.scratch_dir(self.file) / "figures" / f"{self.name}_{name}{suffix}.png")
        place = f"{self.name}.ipynb" if self._for_the_book else f"figures/{path.name}"
        self._keep(f"picture/{name}", place, tolerance=None, note=caption)
        if _in_notebook():
            from IPython.display import Image, display

            display(Image(str(path), alt=caption))
        else:
            print(f"{caption}: {near(path)}")

    def finish(self) -> None:
        """Write the results and say where; a run with another corpus, text or seed is only printed.

        With `--record` they go to the chapter's `results/`, else to `LMBOOK_RESULTS` or `runs/lessons/`.
        """
        seconds, memory = self.seconds, machine.peak_memory_mb()
        print(f"{self.name} ({self.profile}): {seconds:.0f} s, {memory:,.0f} MB at most")
        if not self._devices_taken:
            print("This lesson chooses its devices itself: --strategy, --devices and --cpu-devices were left aside.")
        if self._boards is not None:
            print(f"For TensorBoard there {self._boards.told}")
        if not self._default:
            print("With --corpus, --text or another --seed the results are printed but not written.")
            return
        if not is_chief():  # of several workers one writes
            return
        path = (
            results.book_path(self.file, self.profile)
            if self._for_the_book
            else results.scratch_dir(self.file) / results.file_name(self.name, self.profile)
        )
        write_json(
            path,
            {
                "lesson": self.name,
                "profile": self.profile,
                "seed": self.seed,
                "versions": machine.versions(),
                "device": machine.device(),
                "seconds": round(seconds, 1),
                "peak_memory_mb": round(memory),
                "figures": self._figures,
            },
        )
        print(f"Results: {near(path)}" + ("" if self._for_the_book else "  (--record puts them in the book)"))

    def _start_boards(self) -> Boards:
        from lmbook.training.tensorboard import FOLDER, start_boards

        boards = start_boards(results.scratch_dir(self.file) / FOLDER / self.name)
        print(f"The losses as they come: {boards.command}")
        return boards

    def _say_what_is_missing(self) -> None:
        """Of the data that the header names: known now, not when their part of a long run begins."""
        from lmbook.corpora.card import cards
        from lmbook.corpora.download import status

        named = re.findall(r"\w+", self.file.fields.get("Data", ""))
        missing = [name for name in named if name in cards() and status(name) != "available"]
        if missing:
            print(f"Not on this machine yet: {', '.join(missing)}. To have the data before a long run begins:")
            print(f"lmbook data get {' '.join(missing)}")

    def _keep(self, key: str, value: Any, *arguments: Any, **options: Any) -> None:
        if key in self._figures:
            raise ValueError(f"figure {key!r} was recorded before in this run")
        self._figures[key] = results.figure_entry(key, value, *arguments, **options)


def _for_cell(given: ForCells, row: str, column: str, default: float | None) -> float | None:
    """What was given for one cell of a table."""
    for name in (column, row):
        if isinstance(given, Mapping):
            given = given.get(name, default)
    return given


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{name}.py", description="A lesson of the book.")
    parser.add_argument("--full", action="store_true", help="the full profile (minutes) instead of the quick one")
    parser.add_argument("--corpus", help="a corpus of the catalogue instead of the lesson's own")
    parser.add_argument("--text", type=reader_path, help="your own text file instead of the lesson's corpus")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="for everything random")
    parser.add_argument("--strategy", default="auto", help="auto, default, mirrored or multi_worker")
    parser.add_argument("--devices", help="the devices of mirrored, as GPU:0,GPU:1; else all GPUs")
    parser.add_argument("--cpu-devices", type=int, help="divide the CPU into so many devices")
    parser.add_argument("--tensorboard", action="store_true", help="write the losses for TensorBoard too, as they come")
    parser.add_argument("--record", action="store_true", help="put the results in the book")
    return parser


def _excepthook(kind, error, trace) -> None:
    code = exit_code(error)
    if code is None:
        sys.__excepthook__(kind, error, trace)
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a hook cannot choose the exit code otherwise


def _in_notebook() -> bool:
    """A notebook's kernel runs this code."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return get_ipython() is not None


def _display_html(table: str) -> None:
    from IPython.display import HTML, display

    display(HTML(table))


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a notebook; numbers stand at the right."""

    def cell(text: str, tag: str, first: bool) -> str:
        side = "left" if first or not re.fullmatch(r"[-+−]?[\d,.]+(e[-+]\d+)?( ?%)?|", text) else "right"
        return f'<{tag} style="text-align: {side}">{html.escape(text)}</{tag}>'

    def line(texts: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(cell(text, tag, not place) for place, text in enumerate(texts)) + "</tr>"

    body = "".join(line(row, "td") + "\n" for row in rows)
    return f"<table>\n<thead>{line(columns, 'th')}</thead>\n<tbody>\n{body}</tbody>\n</table>"
