"""What the trainings of `lmbook train` share, whichever the task: their options, what they print, what they leave."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmbook.cli.options import USE
from lmbook.console import note
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from lmbook.corpora.corpus import Corpus
    from lmbook.tokenizers.tokenizer import Tokenizer
    from lmbook.training.history import History


@dataclass(frozen=True)
class TrainingOptions:
    """What the reader asked for, whichever the task.

    Args:
        output: the run's folder.
        vocabulary_size: the most tokens; None: the usual number.
        minutes, steps: of the training; at most one is given.
        seed: of everything random.
        resume: "auto", "never", or a checkpoint.
        gradient_accumulation_steps: see `fit`.
        precision: the dtype policy.
        strategy, devices, cpu_devices: see `make_strategy`; `devices` has commas between them.
    """

    output: Path
    vocabulary_size: int | None
    minutes: float | None
    steps: int | None
    seed: int
    resume: str
    gradient_accumulation_steps: int
    precision: str
    strategy: str
    devices: str | None
    cpu_devices: int | None

    def asked_of(self, profile):
        """The profile of a recipe (a `CorpusProfile` with `vocabulary_size`), with what was asked for in it."""
        return replace(
            profile,
            steps=self.steps,
            minutes=self.minutes,
            gradient_accumulation_steps=self.gradient_accumulation_steps,
            vocabulary_size=self.vocabulary_size or profile.vocabulary_size,
        )

    def prepare(self) -> tf.distribute.Strategy:
        """Choose precision and devices, before TensorFlow computes anything.

        Raises:
            LmbookError: see `make_strategy`.
        """
        import keras

        from lmbook.training.distributed.strategy import make_strategy

        strategy = make_strategy(self.strategy, self.devices and self.devices.split(","), self.cpu_devices)
        keras.config.set_dtype_policy(self.precision)
        return strategy


def say(line: str) -> None:
    """Print a line; of several workers one does."""
    if is_chief():
        print(line)


def say_sizes(corpus: Corpus, records: str) -> None:
    """Print how many records the corpus has; `records` is what they are, such as "texts"."""
    say(f"{corpus.name}: " + ", ".join(f"{len(part):,} {records} for {name}" for name, part in corpus.splits.items()))


def save_training(
    options: TrainingOptions,
    model: keras.Model,
    tokenizer: Tokenizer,
    history: History,
    *,
    name: str,
    text: str,
    unit: str,
    floor: float | None = None,
    **config: Any,
) -> None:
    """Leave a run in the folder that the reader named. What is to come after it is none of the model's concern.

    Args:
        options: what was asked for.
        model, tokenizer, history: of the run.
        name: of the model, for its configuration and the picture of its loss.
        text: the name of what it was trained on.
        unit: of its loss, as "nats per text".
        floor: the lowest possible loss, where it is known.
        config: what else config.json is to hold.
    """
    from lmbook.book import plots
    from lmbook.training.run_folder import HISTORY, PICTURE, save_model

    config = {
        "model": name,
        "config": asdict(model.config),
        "text": text,
        "tokenizer": tokenizer.kind,
        "precision": options.precision,
        "minutes": options.minutes,
        "steps": options.steps,
        "seed": options.seed,
        **config,
    }
    save_model(options.output, model, tokenizer, config)
    say(f"The model is saved in {options.output}.")
    with may_fail("history"):
        history.save(options.output / HISTORY)
    with may_fail("picture of the loss"):
        picture = plots.loss_curve({name: history}, floor, unit, title=f"{name} on {text}")
        plots.save(picture, options.output / PICTURE)


@contextmanager
def may_fail(what: str) -> Iterator[None]:
    """Surround what is made of a model that is saved already: where it fails, that is said, and the command goes on."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except Exception as error:  # whatever it is, it is not worth a training
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        note(f"There is no {what}: {reason}")


def say_what_next(options: TrainingOptions, task: str) -> None:
    """Print where everything is, and the command that uses it."""
    say(f"Everything is in {options.output}. Go on with:")
    say(f"  lmbook {USE[task].replace('DIR', shlex.quote(str(options.output)))}")
