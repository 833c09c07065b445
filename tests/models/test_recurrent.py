from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel

CELLS = ("rnn", "lstm", "gru")


def make(cell="lstm", **changes):
    keras.utils.set_random_seed(3)
    config = {"vocabulary_size": 11, "embedding_dim": 5, "hidden_dim": 6, "num_layers": 2, "cell": cell, **changes}
    return RecurrentLanguageModel(RecurrentConfig(**config))


def ids(batch=3, length=8, seed=0):
    return np.random.default_rng(seed).integers(0, 11, (batch, length)).astype("int32")


@pytest.mark.parametrize("cell", CELLS)
def test_reading_in_pieces_equals_reading_at_once(cell):
    model, x = make(cell), ids()
    state, pieces = model.initial_state(3), []
    for start, end in ((0, 5), (5, 6), (6, 8)):
        logits, state = model.step(x[:, start:end], state)
        pieces.append(logits)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), model(x), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_later_token_never_changes_an_earlier_logit(cell):
    model, x = make(cell), ids()
    changed = x.copy()
    changed[:, 4] = (changed[:, 4] + 1) % 11
    before, after = np.asarray(model(x)), np.asarray(model(changed))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-4


@pytest.mark.parametrize("cell", CELLS)
def test_saved_and_loaded_it_gives_the_same_logits(cell, assert_saved_as_it_is):
    assert_saved_as_it_is(make(cell, dropout=0.2), ids())


def test_shapes_and_states_are_static():
    model = make("lstm")
    logits, state = model.step(ids(2, 4), model.initial_state(2))
    assert logits.shape == (2, 4, 11) and logits.dtype == "float32"
    shapes = [[tuple(part.shape) for part in layer] for layer in state]
    assert shapes == [[tuple(part.shape) for part in layer] for layer in model.initial_state(2)] == [[(2, 6)] * 2] * 2


def test_dropout_acts_in_training_only():
    model, x = make("gru", dropout=0.5), ids()
    np.testing.assert_array_equal(model(x), model(x, training=False))
    assert np.abs(np.asarray(model(x, training=True)) - np.asarray(model(x, training=True))).max() > 1e-3


def test_in_bfloat16_the_logits_are_float32():
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = make()
        assert model(ids()).dtype == "float32"
        assert model.step(ids(), model.initial_state(3))[0].dtype == "float32"
    finally:
        keras.mixed_precision.set_dtype_policy(policy)


@pytest.mark.parametrize(
    "changes",
    [{"vocabulary_size": 0}, {"hidden_dim": 2.5}, {"num_layers": True}, {"cell": "transformer"}, {"dropout": 1.0}],
)
def test_a_wrong_value_is_named(changes):
    (value,) = changes.values()
    with pytest.raises(LmbookError, match=repr(value)):
        RecurrentConfig(**{"vocabulary_size": 11, **changes})


def test_memory_span_spreads_the_forgetting_times(tmp_path):
    config = RecurrentConfig(vocabulary_size=7, embedding_dim=4, hidden_dim=400, memory_span=60)
    model = RecurrentLanguageModel(config)
    input_bias, forget_bias, candidate, output = np.split(model.recurrent[0].cell.bias.numpy(), 4)
    np.testing.assert_allclose(input_bias, -forget_bias)
    assert not candidate.any() and not output.any()
    times = 1 + np.exp(forget_bias)
    assert 2 <= times.min() < 4 and 56 < times.max() <= 60.001
    assert abs(np.median(times) - 31) < 5  # uniform between 2 and 60
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    assert loaded.config == config
    for cell, span in (("gru", 60), ("lstm", 1)):
        with pytest.raises(LmbookError, match="memory_span"):
            RecurrentConfig(vocabulary_size=7, cell=cell, memory_span=span)
