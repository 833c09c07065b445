"""Training a language model: a budget, a validation text, checkpoints, exact resume, one device or many."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from rich.console import Console

from lmbook.errors import LmbookError
from lmbook.training.checkpoint import Checkpoint, Checkpoints
from lmbook.training.checks import ALL_CHECKS, check_before_training
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.distributed.feeding import feed
from lmbook.training.distributed.workers import check_same, checkpoint_from_chief, fellows_watched
from lmbook.training.history import History
from lmbook.training.interrupt import catch_interrupts
from lmbook.training.optimizers import make_optimizer
from lmbook.training.progress import Display
from lmbook.training.run import Run
from lmbook.training.schedules import WarmupCosine
from lmbook.training.step import TrainingStep
from lmbook.training.validation import Validation

RESUME = ("auto", "never")
_UNKNOWN_STEPS = 10_000_000  # a run with a time budget never comes so far


def reproducible(seed: int) -> None:
    """Seed Python, NumPy and Keras, and let TensorFlow use only operations that give the same result every time.

    Call it once, before the model is made. On a CPU it costs nothing that could be measured.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    data,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    validation: Sequence[Sequence[int]] | Callable[[keras.Model], float] | None = None,
    optimizer: str = "adamw",
    learning_rate: float = 1e-3,
    muon_ratio: float = 2.0,
    warmup_steps: int = 100,
    final_fraction: float = 0.05,
    weight_decay: float = 0.01,
    beta_2: float = 0.99,
    clip: float | None = 1.0,
    micro_batches: int = 1,
    label_smoothing: float = 0.0,
    report_every: int | None = None,
    output: str | Path | None = None,
    resume: str | Path = "auto",
    identity: dict[str, str] | None = None,
    restore_best: bool = True,
    checks: Sequence[str] = ALL_CHECKS,
    callbacks: Sequence[Callable[[int, float], None]] = (),
    strategy: tf.distribute.Strategy | None = None,
    steps_per_execution: int | None = None,
    quiet: bool = False,
) -> History:
    """Train `model` with a warm-up and a cosine; afterwards it holds the best weights found.

    A run of `steps` is exact: the same seed on the same machine gives the same weights bit for bit, also when it was
    killed on the way and the same call made again (with `output`). A run of `minutes` measures its own speed and
    lets the learning rate's cosine end when the time ends; how many steps that makes differs from run to run. With
    both, whichever ends first.

    Args:
        model: `model(ids [B, T]) -> logits [B, T, V]`, or `model((source, target))`; built, made in the scope of
            `strategy`.
        data: a `CausalWindows` or `SentencePairs`: `dataset(start_step, steps)` with batches that depend on their
            number alone. Its `batch_size` is that of all devices together; its `description` tells it from other data.
        steps: updates to make.
        minutes: time to use; compiling, validation and checkpoints count, the checks before do not.
        validation: documents (lists of ids) to score every `report_every` steps, or a function model -> loss.
        optimizer: "adamw", or "muon" for the matrices inside the model (see `optimizers.py`).
        learning_rate: the peak.
        muon_ratio: Muon's learning rate as a multiple of it.
        warmup_steps: steps of rising learning rate (at most a tenth of the run).
        final_fraction: share of the peak at the end.
        weight_decay: of matrices; vectors (biases, gains) and embeddings are left alone.
        beta_2: how long Adam's mean of squared gradients remembers.
        clip: the largest global norm of a gradient, None for any.
        micro_batches: parts in which each device works through its share of a batch, to need less memory.
        label_smoothing: share of each label that is spread evenly over the vocabulary, in training alone.
        report_every: steps between two reports, validations and checkpoints; None: ten in a run of known length.
        output: the folder of the run; checkpoints go to its `checkpoints/`. None keeps none.
        resume: "auto" goes on from the newest checkpoint in `output`; "never" deletes what is there; else the
            path of a checkpoint, or of a run's folder, to start from.
        identity: fingerprints of what else the run is made of, such as {"tokenizer": tokenizer.fingerprint}.
        restore_best: leave the weights of the lowest validation loss in `model`, else the last ones.
        checks: which checks run before the first step of a new run (see `checks.py`).
        callbacks: each is called as function(step, loss) after each execution of `steps_per_execution` steps.
        strategy: from `make_strategy`; None: the one in whose scope the model was made.
        steps_per_execution: updates in one call from Python; None: the most, up to 10, that divides `report_every`.
        quiet: print nothing but warnings.

    Returns:
        the history of the whole run, what happened before a resume included.

    Raises:
        LmbookError: an argument is unusable, a check fails, the loss is no longer a number, or the checkpoint belongs
            to another run.
        KeyboardInterrupt: after Ctrl-C, when the state is saved; a second Ctrl-C does not wait.
    """
    if steps is None and minutes is None:
        raise LmbookError("The run has no end: neither steps nor minutes is given.", "Give steps=1000 or minutes=5.")
    if steps is not None and steps < 1:
        raise LmbookError(f"steps={steps} is less than 1.", "Train for at least one step.")
    if minutes is not None and not minutes > 0:
        raise LmbookError(f"minutes={minutes} is not more than 0.", "Give some time, for example minutes=1.")
    if not 0.0 <= label_smoothing < 1.0:
        raise LmbookError(f"label_smoothing={label_smoothing} is not in [0, 1).", "Choose for example 0.1.")
    if micro_batches < 1:
        raise LmbookError(f"micro_batches={micro_batches} is less than 1.", "Choose 1, or more to save memory.")
    strategy = _strategy_of(model, strategy)
    check_batch(data.batch_size, strategy.num_replicas_in_sync, micro_batches)
    if report_every is None:
        report_every = max(1, steps // 10) if steps is not None else 100
    if report_every < 1:
        raise LmbookError(f"report_every={report_every} is less than 1.", "Choose at least 1.")

    display = Display(quiet, None if is_chief() else Console(quiet=True))
    hyper = {
        "steps": steps,
        "minutes": minutes,
        "optimizer": optimizer,
        "muon_ratio": muon_ratio,
        "learning_rate": learning_rate,
        "warmup_steps": warmup_steps,
        "final_fraction": final_fraction,
        "weight_decay": weight_decay,
        "beta_2": beta_2,
        "clip": clip,
        "report_every": report_every,
        **({"label_smoothing": label_smoothing} if label_smoothing else {}),
    }
    made_of = {"model": describe(model), "data": data.description, "training": _words(hyper), **(identity or {})}
    checkpoints = None if output is None else Checkpoints(Path(output) / "checkpoints", made_of, say=display.say)
    advice = "Start all workers again with the same command" + ("." if output is None else f"; {output} has the state.")
    with fellows_watched(strategy, advice):
        check_same(strategy, made_of)
        found = checkpoint_from_chief(strategy, _find(checkpoints, resume) if is_chief() else None)
        if found is None:
            check_before_training(model, data, which=checks)

        with strategy.scope():
            schedule = WarmupCosine(learning_rate, steps or _UNKNOWN_STEPS, warmup_steps, final_fraction)
            made = make_optimizer(
                optimizer, model, schedule, weight_decay=weight_decay, beta_2=beta_2, muon_ratio=muon_ratio
            )
        training = TrainingStep(
            model,
            made,
            strategy=strategy,
            clip=clip,
            micro_batches=micro_batches,
            label_smoothing=label_smoothing,
            compiled=getattr(model, "jit_compile_training", True),
        )
        run = Run(
            training,
            schedule,
            checkpoints=checkpoints,
            display=display,
            validation=validation if validation is None or callable(validation) else Validation(validation),
            tokens_per_step=data.batch_size * data.context,
            steps=steps,
            seconds=None if minutes is None else minutes * 60,
            report_every=report_every,
            restore_best=restore_best,
        )
        if found is not None:
            run.restore(found)
        left = (steps or _UNKNOWN_STEPS) - run.step
        if left > 0 and not run.over:
            chunk = steps_per_execution or _common_divisor(10, report_every, left, run.step)
            batches = feed(data, strategy, run.step, left, micro_batches)
            try:
                with catch_interrupts(run.stop_soon):
                    run.begin()
                    while not run.over:
                        now = min(chunk, (steps or _UNKNOWN_STEPS) - run.step)
                        training.run(batches, now)
                        loss = run.after(now)
                        for callback in callbacks:
                            callback(run.step, loss)
                    run.end()
            finally:
                display.stop()
        run.finish()
    return run.history


def check_batch(batch_size: int, replicas: int, micro_batches: int) -> None:
    """Check that a batch can be shared out evenly.

    Raises:
        LmbookError: it cannot.
    """
    if batch_size % (replicas * micro_batches):
        parts = f"{replicas} device{'s' if replicas > 1 else ''}"
        parts += f" with {micro_batches} micro-batches each" if micro_batches > 1 else ""
        raise LmbookError(
            f"batch_size={batch_size} cannot be shared out evenly among {parts}.",
            f"Choose a multiple of {replicas * micro_batches}.",
        )


def _strategy_of(model: keras.Model, given: tf.distribute.Strategy | None) -> tf.distribute.Strategy:
    made_in = model.distribute_strategy
    if given is not None and given is not made_in:
        raise LmbookError(
            f"The model was made under {type(made_in).__name__}, but is to be trained under {type(given).__name__}.",
            "Make the strategy first, then the model inside `with strategy.scope():`.",
        )
    return made_in


def _find(checkpoints: Checkpoints | None, resume: str | Path) -> Checkpoint | None:
    """Where to begin: the chief decides."""
    if checkpoints is None:
        if resume not in RESUME:
            raise LmbookError(f"resume={str(resume)!r} needs an output folder.", "Give output= (--output) too.")
        return None
    if resume == "never":
        checkpoints.clear()
        return None
    return checkpoints.latest() if resume == "auto" else checkpoints.given(resume)


def describe(model: keras.Model) -> str:
    """The model's class and configuration, without what Keras counts up from model to model.

    What is as by default is left out: a checkpoint stays good when a later version has one more choice.
    """
    config = getattr(model, "config", None)
    fields = dataclasses.fields(config) if dataclasses.is_dataclass(config) else ()
    values = {field.name: getattr(config, field.name) for field in fields}
    chosen = {field.name: values[field.name] for field in fields if values[field.name] != field.default}
    parts = [type(model).__name__, _words(chosen), f"{model.count_params()} weights", model.dtype_policy.name]
    return ", ".join(part for part in parts if part)


def _words(values: dict) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in values.items())


def _common_divisor(largest: int, *numbers: int) -> int:
    return next(d for d in range(largest, 0, -1) if not any(number % d for number in numbers))
