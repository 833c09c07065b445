"""Training a language model: Keras' `fit` with a budget, a validation text, checkpoints and exact resume."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.checkpoint import Checkpoints
from lmbook.training.checks import ALL_CHECKS, check_before_training
from lmbook.training.history import History
from lmbook.training.interrupt import catch_interrupts
from lmbook.training.optimizers import make_optimizer
from lmbook.training.progress import Display
from lmbook.training.run import Run
from lmbook.training.schedules import WarmupCosine
from lmbook.training.step import TrainingModel
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
    report_every: int | None = None,
    output: str | Path | None = None,
    resume: str = "auto",
    identity: dict[str, str] | None = None,
    restore_best: bool = True,
    checks: Sequence[str] = ALL_CHECKS,
    callbacks: Sequence[keras.callbacks.Callback] = (),
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
        model: `model(ids [B, T]) -> logits [B, T, V]`, built, made in the scope of `strategy`.
        data: a `CausalWindows`: `dataset(start_step, steps)` with batches that depend on their number alone.
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
        report_every: steps between two reports, validations and checkpoints; None: ten in a run of known length.
        output: the folder of the run; checkpoints go to its `checkpoints/`. None keeps none.
        resume: "auto" goes on from the newest checkpoint in `output`; "never" deletes what is there.
        identity: fingerprints of what else the run is made of, such as {"tokenizer": tokenizer.fingerprint}.
        restore_best: leave the weights of the lowest validation loss in `model`, else the last ones.
        checks: which checks run before the first step of a new run (see `checks.py`).
        callbacks: Keras callbacks; they see each execution of `steps_per_execution` steps as one batch.
        strategy: from `make_strategy`; None for TensorFlow's default.
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
    if resume not in RESUME:
        raise LmbookError(f"resume={resume!r} is not known.", f"Choose one of {', '.join(RESUME)}.")
    strategy = strategy or tf.distribute.get_strategy()
    if data.batch_size % strategy.num_replicas_in_sync:
        raise LmbookError(
            f"batch_size={data.batch_size} cannot be shared out evenly among {strategy.num_replicas_in_sync} devices.",
            f"Choose a multiple of {strategy.num_replicas_in_sync}.",
        )
    if report_every is None:
        report_every = max(1, steps // 10) if steps is not None else 100
    if report_every < 1:
        raise LmbookError(f"report_every={report_every} is less than 1.", "Choose at least 1.")

    display = Display(quiet)
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
    }
    checkpoints = None
    if output is not None:
        checkpoints = Checkpoints(
            Path(output) / "checkpoints",
            {"model": describe(model), "data": describe_data(data), "training": _words(hyper), **(identity or {})},
            say=display.say,
        )
        if resume == "never":
            checkpoints.clear()
    found = checkpoints.latest() if checkpoints else None
    if found is None:
        check_before_training(model, data, which=checks)

    schedule = WarmupCosine(learning_rate, steps or _UNKNOWN_STEPS, warmup_steps, final_fraction)
    with strategy.scope():
        training = TrainingModel(model, clip)
        made = make_optimizer(
            optimizer, model, schedule, weight_decay=weight_decay, beta_2=beta_2, muon_ratio=muon_ratio
        )
        # Keras resolves "auto" to no XLA on a CPU; around mirrored replicas XLA fails.
        xla = getattr(model, "jit_compile_training", True) and strategy.num_replicas_in_sync == 1
        training.compile(optimizer=made, jit_compile=xla)

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
    if left > 0 and not run.time_is_up:
        chunk = steps_per_execution or _common_divisor(10, report_every, left, run.step)
        if strategy.num_replicas_in_sync > 1:
            chunk = 1  # several steps in one call fail under MirroredStrategy
        training.steps_per_execution = chunk
        try:
            with catch_interrupts(run.stop_soon):
                training.fit(data.dataset(run.step, left), verbose=0, shuffle=False, callbacks=[run, *callbacks])
        finally:
            display.stop()
    run.finish()
    return run.history


def describe(model: keras.Model) -> str:
    """The model's class and configuration, without what Keras counts up from model to model."""
    config = getattr(model, "config", None)
    values = dataclasses.asdict(config) if dataclasses.is_dataclass(config) else {}
    return f"{type(model).__name__}({_words(values)}), {model.count_params()} weights, {model.dtype_policy.name}"


def describe_data(data) -> str:
    """The batches' settings and the sha256 of the ids they are cut from."""
    settings = {name: getattr(data, name) for name in ("context", "batch_size", "align", "shuffle", "seed")}
    digest = hashlib.sha256(data.stream.tobytes()).hexdigest()
    return f"{data.tokens} tokens with sha256 {digest[:16]}, {_words(settings)}"


def _words(values: dict) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in values.items())


def _common_divisor(largest: int, *numbers: int) -> int:
    return next(d for d in range(largest, 0, -1) if not any(number % d for number in numbers))
