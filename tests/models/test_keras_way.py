"""The models as any Keras user uses them: compile, fit, evaluate, predict, summary, save, load_model."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.models.bert import BERTClassifier, BERTConfig, BERTMaskedLM
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig

V = 9
SIZES = {"hidden_dim": 16, "intermediate_dim": 16, "num_heads": 2, "num_layers": 1, "max_sequence_length": 8}
TEXTS = np.random.default_rng(0).integers(3, V, (32, 6)).astype("int32")
READ, NEXT = TEXTS[:, :-1], TEXTS[:, 1:]
HIDDEN = np.random.default_rng(1).random(TEXTS.shape) < 0.3
SEGMENTS = np.repeat([[0, 0, 0, 1, 1, 1]], len(TEXTS), axis=0).astype("int32")
# The model; what it reads, its labels, and the weights of the labels or None.
KINDS = {
    "gpt": (lambda: GPT(GPTConfig(V, **SIZES)), READ, NEXT, None),
    "lstm": (lambda: RecurrentLanguageModel(RecurrentConfig(V, 8, 16)), READ, NEXT, None),
    "encoder-decoder": (lambda: EncoderDecoder(TransformerConfig(V, **SIZES)), (TEXTS[:, ::-1], READ), NEXT, None),
    "bert, masked": (
        lambda: BERTMaskedLM(BERTConfig(V, **SIZES)),
        np.where(HIDDEN, 1, TEXTS).astype("int32"),
        TEXTS,
        HIDDEN.astype("float32"),
    ),
    "bert, classes": (
        lambda: BERTClassifier(BERTConfig(V, **SIZES), num_classes=2),
        (TEXTS, SEGMENTS),
        (TEXTS[:, 0] > 5).astype("int32"),
        None,
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def compiled(kind):
    keras.utils.set_random_seed(0)
    model = KINDS[kind][0]()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"], weighted_metrics=[])
    return model


def dataset(kind):
    _, x, y, w = KINDS[kind]
    return tf.data.Dataset.from_tensor_slices((x, y) if w is None else (x, y, w)).batch(8)


@every_kind
def test_arrays_and_datasets_train_a_model_that_is_saved_and_loaded(kind, tmp_path, capsys):
    _, x, y, w = KINDS[kind]
    model = compiled(kind)
    early = keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = model.fit(x, y, sample_weight=w, batch_size=8, epochs=4, callbacks=[early], verbose=0).history
    assert len(history["accuracy"]) == 4 and history["loss"][-1] < history["loss"][0]

    assert model.fit(dataset(kind), verbose=0).history["loss"][0] < history["loss"][-1]

    logits = model.predict(x, batch_size=8, verbose=0)
    np.testing.assert_allclose(logits, model(x), atol=1e-5)
    assert model.compute_output_shape(keras.tree.map_structure(np.shape, x)) == logits.shape
    scores = model.evaluate(dataset(kind), return_dict=True, verbose=0)
    assert scores["accuracy"] == pytest.approx((logits.argmax(axis=-1) == y).mean(), abs=1e-6)
    nats = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
    expected = nats.mean() if w is None else (nats * w).sum() / w.size
    assert scores["loss"] == pytest.approx(expected, rel=1e-4)

    model.summary(line_length=120)
    assert "?" not in capsys.readouterr().out
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), logits, atol=1e-5)
    assert again.get_compile_config() == model.get_compile_config()
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 5 * 4


def test_tensorboard_shows_a_run(tmp_path):
    pytest.importorskip("tensorboard")
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1)
    compiled("gpt").fit(READ, NEXT, validation_split=0.25, callbacks=[board], verbose=0)
    assert [path.parent.name for path in sorted(tmp_path.rglob("events*"))] == ["train", "validation"]


def test_a_model_is_a_layer_of_another():
    ids = keras.Input((None,), dtype="int32")
    probabilities = keras.layers.Softmax()(GPT(GPTConfig(V, **SIZES))(ids))
    model = keras.Model(ids, probabilities)
    np.testing.assert_allclose(model(READ).numpy().sum(axis=-1), 1.0, rtol=1e-5)
    assert model.output_shape == (None, None, V)
