"""Training a language model with validation, checkpoints and exact resume, on one device or many."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import keras
import tensorflow as tf

from lmbook.console import terminal
from lmbook.errors import LmbookError
from lmbook.locks import locked
from lmbook.pipelines.batches import Batches
from lmbook.training.callbacks import Callback, Callbacks
from lmbook.training.checkpoint import Checkpoint, Checkpoints
from lmbook.training.checks import ALL_CHECKS, check_before_training, slow_precision
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.distributed.feeding import distribute_batches
from lmbook.training.distributed.workers import check_same, checkpoint_from_chief, explain_lost_workers
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig, WarmupCosine, build_optimizer, make_optimizer
from lmbook.training.progress import UNKNOWN_STEPS, Display
from lmbook.training.run import Run
from lmbook.training.step import TrainingStep, jit_by_default
from lmbook.training.tensorboard import next_board

RESUME = ("auto", "never")
LARGEST_SEED = 2**32 - 1  # NumPy takes 32 bits


def reproducible(seed: int) -> None:
    """Seed Python, NumPy and Keras, and let TensorFlow use only operations that give the same result every time.

    Call it once, before the model is made. On a CPU it costs nothing that could be measured.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise LmbookError(f"seed={seed} is out of range.", f"Choose 0 to {LARGEST_SEED}.")
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    data: Batches,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    validation: Callable[[keras.Model], float] | None = None,
    optimizer: OptimizerConfig | keras.optimizers.Optimizer = OptimizerConfig(),
    gradient_accumulation_steps: int = 1,
    label_smoothing: float = 0.0,
    report_every: int | None = None,
    output: str | Path | None = None,
    resume: str | Path = "auto",
    fingerprints: dict[str, str] | None = None,
    restore_best: bool = True,
    checks: Sequence[str] = ALL_CHECKS,
    callbacks: Sequence[Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
    jit_compile: bool | None = None,
    steps_per_execution: int | None = None,
    quiet: bool = False,
) -> History:
    """Train `model`; afterwards it holds the best weights found.

    A run of `steps` is exact: the same seed on the same machine gives the same weights bit for bit, also when it was
    killed on the way and the same call made again (with `output`). A run of `minutes` measures its own speed and
    lets the learning rate's cosine end when the time ends; how many steps that makes differs from run to run. With
    both, whichever ends first.

    Args:
        model: `model(ids [B, T]) -> logits [B, T, V]`, or `model((source, target))`; built, made in the scope of
            `strategy`.
        data: any `Batches`, such as `CausalWindows`; its `batch_size` is that of all devices together.
        steps: updates to make.
        minutes: time to use; compiling, validation and checkpoints count, the checks before do not.
        validation: function model -> loss, such as `Validation(documents, tokenizer)`; called at each report.
        optimizer: an `OptimizerConfig`, or a new Keras optimizer, which keeps its own learning rate and clipping.
        gradient_accumulation_steps: parts in which each device works through its share of a batch, to need less memory.
        label_smoothing: share of each label that is spread evenly over the vocabulary, in training alone.
        report_every: steps between two reports, validations and checkpoints; None: ten in a run of known length.
        output: the folder of the run; checkpoints go to its `checkpoints/`. None keeps none.
        resume: "auto" goes on from the newest checkpoint in `output`; "never" deletes what is there; else the
            path of a checkpoint, or of a run's folder, to start from.
        fingerprints: of what else the run is made of, such as {"tokenizer": tokenizer.fingerprint}.
        restore_best: leave the weights of the lowest validation loss in `model`, else the last ones.
        checks: which checks run before the first step of a new run (see `checks.py`).
        callbacks: functions of (step, loss), and Keras callbacks, for which a report ends an epoch (see `Callbacks`).
        strategy: from `make_strategy`; None: the one in whose scope the model was made.
        jit_compile: let XLA compile the training step; None: what the model's class says.
        steps_per_execution: updates in one call from Python; None: the most, up to 10, that divides `report_every`.
        quiet: print nothing but warnings.

    Returns:
        the history of the whole run, what happened before a resume included.

    Raises:
        LmbookError: an argument is unusable, a check fails, the loss is no longer a number, or the checkpoint belongs
            to another run, or another process trains in `output`.
        KeyboardInterrupt: after Ctrl-C, when the state is saved; a second Ctrl-C does not wait.
    """
    if report_every is None:
        report_every = max(1, (steps or 1000) // 10)
    _check_arguments(steps, minutes, validation, optimizer, label_smoothing, gradient_accumulation_steps, report_every)
    strategy = _strategy_of(model, strategy)
    check_batch(data.batch_size, strategy.num_replicas_in_sync, gradient_accumulation_steps)
    settings = {
        "steps": steps,
        "minutes": minutes,
        **_optimizer_settings(optimizer),
        "report_every": report_every,
        **({"label_smoothing": label_smoothing} if label_smoothing else {}),
    }
    made_of = {"model": describe(model), "data": data.description, "training": _words(settings), **(fingerprints or {})}
    display = Display(quiet, None if is_chief() else terminal(quiet=True))
    if warning := slow_precision(model):
        display.say(warning)
    checkpoints = None if output is None else Checkpoints(Path(output) / "checkpoints", made_of, say=display.say)
    advice = "Start all workers again with the same command" + ("." if output is None else f"; {output} has the state.")
    only_one = nullcontext() if output is None or not is_chief() else locked(output)
    with only_one, explain_lost_workers(strategy, advice):
        check_same(strategy, made_of)
        found = checkpoint_from_chief(strategy, _find(checkpoints, resume) if is_chief() else None)
        if found is None:
            check_before_training(model, data, which=checks)
        with strategy.scope():
            optimizer, schedule, clip_norm = _prepared(optimizer, model, steps or UNKNOWN_STEPS)
        training = TrainingStep(
            model,
            optimizer,
            strategy=strategy,
            clip_norm=clip_norm,
            gradient_accumulation_steps=gradient_accumulation_steps,
            label_smoothing=label_smoothing,
            jit_compile=jit_by_default(model) if jit_compile is None else jit_compile,
        )
        board = next_board(type(model).__name__) if is_chief() else None
        run = Run(
            training,
            schedule,
            checkpoints=checkpoints,
            display=display,
            callbacks=Callbacks(
                [*callbacks, *([] if board is None else [lambda *_: board.write(run.history)])],
                model,
                optimizer,
                report_every=report_every,
                steps=steps,
            ),
            validation=validation,
            tokens_per_step=data.batch_size * data.context,
            steps=steps,
            seconds=None if minutes is None else minutes * 60,
            report_every=report_every,
            restore_best=restore_best,
        )
        if found is not None:
            run.restore(found)
        if run.steps_left > 0:
            chunk = steps_per_execution or _common_divisor(10, report_every, run.steps_left, run.step)
            run.train(distribute_batches(data, strategy, run.step, run.steps_left, gradient_accumulation_steps), chunk)
        run.finish()
        if board is not None:
            board.write(run.history)
            board.close()
    return run.history


def _check_arguments(
    steps, minutes, validation, optimizer, label_smoothing, gradient_accumulation_steps, report_every
) -> None:
    if steps is None and minutes is None:
        raise LmbookError("The run has no end: neither steps nor minutes is given.", "Give steps=1000 or minutes=5.")
    if steps is not None and steps < 1:
        raise LmbookError(f"steps={steps} is less than 1.", "Train for at least one step.")
    if minutes is not None and not 0 < minutes < math.inf:
        raise LmbookError(f"minutes={minutes} is not a number above 0.", "Give some time, for example minutes=1.")
    if validation is not None and not callable(validation):
        raise LmbookError(
            f"validation is a {type(validation).__name__}, not a function of the model.",
            "For documents (lists of ids) give validation=Validation(documents, tokenizer).",
        )
    if not isinstance(optimizer, OptimizerConfig | keras.optimizers.Optimizer):
        raise LmbookError(
            f"optimizer={optimizer!r} is neither an OptimizerConfig nor a Keras optimizer.",
            'Give for example optimizer=OptimizerConfig("muon", learning_rate=6e-3).',
        )
    if not 0.0 <= label_smoothing < 1.0:
        raise LmbookError(f"label_smoothing={label_smoothing} is not in [0, 1).", "Choose for example 0.1.")
    if gradient_accumulation_steps < 1:
        raise LmbookError(
            f"gradient_accumulation_steps={gradient_accumulation_steps} is less than 1.",
            "Choose 1, or more to save memory.",
        )
    if report_every < 1:
        raise LmbookError(f"report_every={report_every} is less than 1.", "Choose at least 1.")


def check_batch(batch_size: int, replicas: int, gradient_accumulation_steps: int) -> None:
    """Check that a batch can be shared out evenly.

    Raises:
        LmbookError: it cannot.
    """
    if batch_size % (replicas * gradient_accumulation_steps):
        parts = f"{replicas} device{'s' if replicas > 1 else ''}"
        parts += f" in {gradient_accumulation_steps} parts each" if gradient_accumulation_steps > 1 else ""
        raise LmbookError(
            f"batch_size={batch_size} cannot be shared out evenly among {parts}.",
            f"Choose a multiple of {replicas * gradient_accumulation_steps}.",
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
    """The checkpoint to start from, or None. Only the chief looks."""
    if checkpoints is None:
        if resume not in RESUME:
            raise LmbookError(f"resume={str(resume)!r} needs an output folder.", "Give output=FOLDER too.")
        return None
    if resume == "never":
        checkpoints.clear()
        return None
    return checkpoints.latest() if resume == "auto" else checkpoints.given(resume)


def _prepared(
    optimizer: OptimizerConfig | keras.optimizers.Optimizer, model: keras.Model, steps: int
) -> tuple[keras.optimizers.Optimizer, WarmupCosine | None, float | None]:
    """The optimizer built for `model`; the schedule and the clipping that are left to the run."""
    if not isinstance(optimizer, OptimizerConfig):
        return build_optimizer(optimizer, model), None, None
    schedule = optimizer.schedule(steps)
    return make_optimizer(optimizer, model, schedule), schedule, optimizer.clip_norm


def _optimizer_settings(optimizer: OptimizerConfig | keras.optimizers.Optimizer) -> dict:
    """What a checkpoint stores about the optimizer, under the names that lmbook 0.1 used."""
    if not isinstance(optimizer, OptimizerConfig):
        settings = {name: value for name, value in optimizer.get_config().items() if name != "name"}
        return {"optimizer": type(optimizer).__name__, **settings}
    settings = dataclasses.asdict(optimizer)
    return {"optimizer": settings.pop("name"), "clip": settings.pop("clip_norm"), **settings}


def describe(model: keras.Model) -> str:
    """The model's class and configuration, as text.

    Fields at their defaults are left out, so that old checkpoints stay valid when a later version adds a field.
    """
    config = getattr(model, "config", None)
    fields = dataclasses.fields(config) if dataclasses.is_dataclass(config) else ()
    values = {field.name: getattr(config, field.name) for field in fields}
    chosen = {field.name: values[field.name] for field in fields if values[field.name] != field.default}
    parts = [type(model).__name__, _words(chosen), f"{model.count_params()} weights", model.dtype_policy.name]
    return ", ".join(part for part in parts if part)


def _words(values: dict) -> str:
    return ", ".join(f"{name}={json.dumps(value, default=str)}" for name, value in values.items())


def _common_divisor(largest: int, *numbers: int) -> int:
    return next(d for d in range(largest, 0, -1) if not any(number % d for number in numbers))
