from __future__ import annotations

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentLanguageModel
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.checkpoint import read, write
from lmbook.training.fit import fit, reproducible
from lmbook.training.optimizers import OptimizerConfig, WarmupCosine
from lmbook.training.validation import Validation

FIT = {"optimizer": OptimizerConfig(learning_rate=0.02), "checks": (), "quiet": True}


def weights(model):
    return [variable.numpy() for variable in model.weights]


def assert_equal_weights(one, other):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


def stop_at(at, number=signal.SIGINT):
    """A callback that behaves as Ctrl-C at some step."""
    return lambda step, loss: os.kill(os.getpid(), number) if step == at else None


def test_it_learns_and_says_what_happened(make_model, data, documents, special_ids):
    model, losses = make_model(hidden_dim=16), []
    callback = lambda step, loss: losses.append(loss)  # noqa: E731
    validation = Validation(documents[:3], special_ids)
    history = fit(model, data, steps=60, validation=validation, report_every=20, callbacks=[callback], **FIT)
    assert history.steps[-1] == 60 and history.validation_steps == [20, 40, 60]
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert history.best_loss == min(history.validation_loss)
    assert len(history.steps) == len(history.loss) == len(history.seconds)
    expected = sum(float(np.sum(w)) for _, _, w in data.dataset(0, 60))
    assert history.tokens == expected
    assert len(losses) == 60 // 10


def test_the_same_seed_gives_the_same_weights_and_history(make_model, data, documents, special_ids):
    runs, validation = [], Validation(documents[:2], special_ids)
    for _ in range(2):
        model = make_model(dropout=0.3)
        runs.append((model, fit(model, data, steps=12, validation=validation, **FIT)))
    assert_equal_weights(runs[0][0], runs[1][0])
    assert runs[0][1].loss == runs[1][1].loss
    assert runs[0][1].validation_loss == runs[1][1].validation_loss


def test_steps_per_execution_changes_nothing(make_model, data):
    models = []
    for chunk in (1, 4, 5):  # 5 divides neither the steps nor the reports
        models.append(make_model(dropout=0.3))
        fit(models[-1], data, steps=8, report_every=4, steps_per_execution=chunk, **FIT)
    assert_equal_weights(*models[:2])
    assert_equal_weights(*models[1:])


def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(make_model, data, documents, special_ids, tmp_path, capsys):
    validation = Validation(documents[:2], special_ids)
    arguments = {**FIT, "steps": 30, "report_every": 10, "validation": validation, "steps_per_execution": 1}
    whole = make_model(dropout=0.3)
    expected = fit(whole, data, **arguments)
    for stop in (5, 20):  # between two reports, and at one
        with pytest.raises(KeyboardInterrupt):
            fit(make_model(dropout=0.3), data, output=tmp_path, callbacks=[stop_at(stop)], **arguments)
    assert "Stopped at step 21 and saved" in capsys.readouterr().out
    resumed = make_model(seed=99, dropout=0.3)  # everything must come from the checkpoint
    history = fit(resumed, data, output=tmp_path, **arguments)
    assert_equal_weights(whole, resumed)
    assert history.steps == expected.steps and history.loss == expected.loss
    assert history.validation_loss == expected.validation_loss and history.tokens == expected.tokens


def test_a_finished_run_is_not_trained_again(make_model, data, tmp_path):
    first, second = make_model(), make_model(seed=4)
    history = fit(first, data, steps=6, output=tmp_path, **FIT)
    assert fit(second, data, steps=6, output=tmp_path, **FIT) == history
    assert_equal_weights(first, second)


def test_never_resume_starts_afresh(make_model, data, tmp_path):
    first, second = make_model(), make_model()
    fit(first, data, steps=6, output=tmp_path, **FIT)
    fit(second, data, steps=4, output=tmp_path, resume="never", **FIT)
    assert sorted(os.listdir(tmp_path / "checkpoints"))[-1] == "step-000000004.npz"


def test_it_starts_from_the_checkpoint_that_is_named(make_model, data, tmp_path):
    arguments = {**FIT, "steps": 30, "report_every": 10}
    whole = make_model(dropout=0.3)
    fit(whole, data, output=tmp_path / "a", **arguments)
    middle = tmp_path / "a" / "checkpoints" / "step-000000020.npz"
    for name, path in (("b", middle), ("c", tmp_path / "a")):  # a file, and the newest of a run
        model = make_model(seed=9, dropout=0.3)
        fit(model, data, output=tmp_path / name, resume=path, **arguments)
        assert_equal_weights(whole, model)
    with pytest.raises(LmbookError, match="already has step-000000030.npz"):
        fit(make_model(dropout=0.3), data, output=tmp_path / "a", resume=middle, **arguments)
    with pytest.raises(LmbookError, match="There is no file"):
        fit(make_model(dropout=0.3), data, output=tmp_path / "d", resume=tmp_path / "nothing.npz", **arguments)
    middle.write_bytes(middle.read_bytes()[:-100])
    with pytest.raises(LmbookError, match="is damaged"):
        fit(make_model(dropout=0.3), data, output=tmp_path / "d", resume=middle, **arguments)


def test_a_checkpoint_of_another_run_is_refused(make_model, data, documents, tmp_path):
    arguments = {**FIT, "steps": 4, "output": tmp_path, "fingerprints": {"tokenizer": "abc"}}
    fit(make_model(), data, **arguments)
    before = {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}
    for what, other, words in (
        (
            "model",
            {"model": make_model(hidden_dim=9)},
            r"hidden_dim=\d+, \d+ weights, yours is hidden_dim=9, ",
        ),
        ("model", {"model": make_model(dropout=0.3)}, r"as by default, yours is dropout=0\.3\."),
        ("data", {"data": CausalWindows(documents, SpecialIds(), context=8, batch_size=4, seed=6)}, ".*, yours is "),
        (
            "training",
            {"optimizer": OptimizerConfig(learning_rate=0.5)},
            r"learning_rate=[\d.]+, yours is learning_rate=0\.5\.",
        ),
        ("tokenizer", {"fingerprints": {"tokenizer": "abd"}}, "abc, yours is abd"),
    ):
        with pytest.raises(LmbookError, match=f"its {what} is {words}"):
            fit(**{"model": make_model(), "data": data, **arguments, **other})
        assert before == {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}, what


@pytest.mark.parametrize("with_output", [False, True])
def test_the_best_weights_are_kept(make_model, data, tmp_path, with_output):
    model, seen = make_model(), []

    def validation(model):
        seen.append(weights(model))
        return [3.0, 1.0, 2.0][len(seen) - 1]

    output = tmp_path if with_output else None
    history = fit(model, data, steps=30, report_every=10, validation=validation, output=output, **FIT)
    assert history.best_step == 20 and history.best_loss == 1.0
    for a, b in zip(seen[1], weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_minutes_end_in_time_with_the_learning_rate_at_its_end(make_model, data, monkeypatch):
    """By a clock that goes on 10 ms for each step, but only when the run has looked at it, ten steps late."""
    clock, rates = Clock(), []
    monkeypatch.setattr("lmbook.training.run.perf_counter", lambda: clock.seconds)
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"]))
    history = fit(make_model(), data, minutes=0.1, callbacks=[clock, watch], report_every=50, **FIT)
    assert history.steps[-1] == 610 and history.seconds[-1] == pytest.approx(6.0)
    assert max(rates) > 0.9 * 0.02
    assert rates[-1] < 0.1 * 0.02


def test_steps_end_a_run_that_has_time_left(make_model, data, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("lmbook.training.run.perf_counter", lambda: clock.seconds)
    history = fit(make_model(), data, minutes=0.1, steps=200, callbacks=[clock], report_every=50, **FIT)
    assert history.steps[-1] == 200 and history.seconds[-1] < 3.0


class Clock:
    """A callback of `fit` that takes a step for a hundredth of a second."""

    seconds = 0.0

    def __call__(self, step, loss):
        self.seconds = 0.01 * step


def test_a_keras_optimizer_does_as_its_configuration(make_model, data, tmp_path):
    """The same as with a `OptimizerConfig`: clipping, and a schedule of its own; stopped and resumed, too."""
    config = OptimizerConfig(learning_rate=0.02, weight_decay=0.0, clip_norm=0.5)
    ours, theirs, resumed = make_model(), make_model(), make_model()

    def adamw():
        schedule = WarmupCosine(0.02, 12, 100, 0.05)
        return keras.optimizers.AdamW(schedule, weight_decay=0.0, beta_2=0.99, global_clipnorm=0.5)

    fit(ours, data, steps=12, **{**FIT, "optimizer": config})
    arguments = {**FIT, "steps": 12, "report_every": 4}
    fit(theirs, data, **{**arguments, "optimizer": adamw()})
    for a, b in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    with pytest.raises(KeyboardInterrupt):
        fit(make_model(), data, output=tmp_path, callbacks=[stop_at(4)], **{**arguments, "optimizer": adamw()})
    used = adamw()
    fit(resumed, data, output=tmp_path, **{**arguments, "optimizer": used})
    assert_equal_weights(theirs, resumed)
    with pytest.raises(LmbookError, match="The optimizer adam_w.* was used before"):
        fit(make_model(), data, **{**arguments, "optimizer": used})
    with pytest.raises(LmbookError, match="belongs to another run: its training is .*AdamW"):
        fit(make_model(), data, output=tmp_path, **{**arguments, "optimizer": keras.optimizers.SGD(0.1)})


def test_a_checkpoint_of_the_former_muon_goes_on(make_model, data, tmp_path):
    """It held a mean of squares for every weight; those of matrices were never used."""
    arguments = {**FIT, "optimizer": OptimizerConfig("muon", learning_rate=0.02), "steps": 12, "report_every": 4}
    whole, model = make_model(), make_model()
    fit(whole, data, **arguments)
    with pytest.raises(KeyboardInterrupt):
        fit(make_model(), data, output=tmp_path, callbacks=[stop_at(8)], **arguments)
    [*_, path] = sorted((tmp_path / "checkpoints").iterdir())
    found, state = read(path), []
    saved = iter([value for name, value in found.arrays.items() if name.startswith("optimizer/")])
    state.append(next(saved))  # the number of steps
    for variable in model.trainable_variables:
        matrix = len(variable.shape) == 2 and "embedding" not in variable.path and "logits" not in variable.path
        mean = next(saved)
        state += [mean, np.zeros_like(mean) if matrix else next(saved)]
    assert next(saved, None) is None
    rest = {name: value for name, value in found.arrays.items() if not name.startswith("optimizer/")}
    found.arrays = {**rest, **{f"optimizer/{index}": value for index, value in enumerate(state)}}
    write(path, found)
    fit(model, data, output=tmp_path, **arguments)
    assert_equal_weights(whole, model)


def test_jit_compile_is_what_the_models_class_says_unless_it_is_given(make_model, data, monkeypatch):
    class Said(Exception):
        pass

    def step(*arguments, jit_compile, **options):
        raise Said(jit_compile)

    monkeypatch.setattr("lmbook.training.fit.TrainingStep", step)
    model = make_model()
    for given, expected in ((None, RecurrentLanguageModel.jit_compile_training), (True, True), (False, False)):
        with pytest.raises(Said, match=str(expected)):
            fit(model, data, steps=2, jit_compile=given, **FIT)


def test_a_diverging_run_is_stopped_with_a_reason(make_model, data, tmp_path):
    diverging = OptimizerConfig(learning_rate=1e30, clip_norm=None)
    with pytest.raises(LmbookError, match="diverged"):
        fit(make_model(), data, steps=40, output=tmp_path, **{**FIT, "optimizer": diverging})


def test_the_checks_run_before_the_first_step(make_model, data, tmp_path):
    model = make_model(vocabulary_size=8)  # the data hold the id 8
    with pytest.raises(LmbookError, match="vocabulary_size=8"):
        fit(model, data, steps=4, output=tmp_path / "run", **{**FIT, "checks": ("ids",)})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "no end"),
        ({"steps": 0}, "steps=0"),
        ({"minutes": -1}, "minutes=-1"),
        ({"minutes": float("inf")}, "minutes=inf"),
        ({"minutes": float("nan")}, "minutes=nan"),
        ({"steps": 1, "resume": "maybe"}, "'maybe' needs an output folder"),
        ({"steps": 1, "gradient_accumulation_steps": 0}, "gradient_accumulation_steps=0"),
        (
            {"steps": 1, "gradient_accumulation_steps": 3},
            "batch_size=4 cannot be shared out evenly among 1 device in 3",
        ),
        ({"steps": 1, "strategy": tf.distribute.MirroredStrategy(["CPU:0"])}, "made under .*, but is to be trained"),
        ({"steps": 1, "report_every": 0}, "report_every=0"),
        ({"steps": 1, "optimizer": "muon"}, "optimizer='muon' is neither"),
        ({"steps": 1, "validation": [[3, 4]]}, "validation is a list"),
        ({"steps": 1, "callbacks": [5]}, "callback 5 is neither"),
    ],
)
def test_unusable_arguments_are_named(make_model, data, changes, words):
    with pytest.raises(LmbookError, match=words):
        fit(make_model(), data, **{**FIT, **changes})


def test_reports_are_lines_of_text(make_model, data, capsys):
    fit(make_model(), data, steps=4, report_every=2, **{**FIT, "quiet": False})
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 2 and lines[1].startswith("step      4 of 4  loss ")


@pytest.mark.parametrize("seed", [-1, 2**32, 1719838234123])
def test_a_seed_that_numpy_cannot_take_is_named(seed):
    with pytest.raises(LmbookError, match=f"seed={seed}"):
        reproducible(seed)
