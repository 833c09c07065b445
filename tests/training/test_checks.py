from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.pairs import SentencePairs
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.checks import ALL_CHECKS, check_before_training, slow_precision


class Batches:
    """Data whose first batch is given."""

    def __init__(self, x, y, w=None):
        w = np.ones(np.shape(x)) if w is None else w
        self.parts = np.asarray(x, "int32"), np.asarray(y, "int32"), np.asarray(w, "float32")

    def dataset(self, start_step=0, steps=1):
        return tf.data.Dataset.from_tensors(self.parts).repeat(steps)


def right_batch(vocabulary=9):
    stream = np.random.default_rng(0).integers(0, vocabulary, (6, 17))
    return stream[:, :-1], stream[:, 1:]


@keras.saving.register_keras_serializable("lmbook_test")
class Wrong(RecurrentLanguageModel):
    """The recurrent model with its logits spoilt by a function."""

    def __init__(self, spoil):
        super().__init__(RecurrentConfig(vocabulary_size=9, embedding_dim=6, hidden_dim=16))
        self.spoil = spoil

    def call(self, ids, training=False):
        return self.spoil(super().call(ids, training=training))


def test_a_sound_model_passes_and_is_left_as_it_was(make_model, data):
    model = make_model(dropout=0.3, hidden_dim=16)
    seeds = [drop.seed_generator.state for drop in model.drops]
    assert all(any(seed is variable for variable in model.variables) for seed in seeds)
    before = [variable.numpy() for variable in model.variables]
    check_before_training(model, data)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_labels_equal_to_the_inputs_are_caught_by_name(make_model):
    x, _ = right_batch()
    with pytest.raises(LmbookError, match="labels = data") as error:
        check_before_training(make_model(), Batches(x, x), ["labels"])
    assert "ids[1:]" in error.value.fix


def test_labels_shifted_the_wrong_way_are_caught(make_model):
    x, y = right_batch()
    with pytest.raises(LmbookError, match="not the next token"):
        check_before_training(make_model(), Batches(y, x), ["labels"])


def test_padding_and_repeated_tokens_do_not_disturb_the_label_check(make_model):
    x, y = right_batch()
    w = np.ones(x.shape)
    x, y, w = x.copy(), y.copy(), w
    x[:, 10:], y[:, 9:], w[:, 9:] = 0, 0, 0
    check_before_training(make_model(), Batches(x, y, w), ["labels"])
    same = np.full((2, 6), 4)
    check_before_training(make_model(), Batches(same, same), ["labels"])


def test_weights_that_count_nothing_are_caught(make_model):
    x, y = right_batch()
    with pytest.raises(LmbookError, match="no token counts"):
        check_before_training(make_model(), Batches(x, y, np.zeros(x.shape)), ["labels"])


@pytest.mark.parametrize("wrong", [9, -1])
def test_an_id_outside_of_the_vocabulary_is_caught(make_model, wrong):
    x, y = right_batch()
    x = x.copy()
    x[2, 3] = wrong
    with pytest.raises(LmbookError, match=f"the id {wrong}.*vocabulary_size=9"):
        check_before_training(make_model(), Batches(x, y), ["ids"])


def test_a_model_that_sees_the_future_is_caught():
    model = Wrong(lambda logits: logits + 0.1 * tf.reduce_mean(logits, axis=1, keepdims=True))
    with pytest.raises(LmbookError, match="sees the future"):
        check_before_training(model, Batches(*right_batch()), ["future"])


def test_a_badly_initialised_head_is_caught():
    model = Wrong(lambda logits: logits * 1000)
    with pytest.raises(LmbookError, match="'initial_loss'.*ln V = 2.197"):
        check_before_training(model, Batches(*right_batch()), ["initial_loss"])


@pytest.mark.parametrize("spoil", [tf.nn.softmax, tf.stop_gradient], ids=["probabilities", "no gradient"])
def test_a_model_that_cannot_learn_is_caught(spoil):
    with pytest.raises(LmbookError, match="'overfit'"):
        check_before_training(Wrong(spoil), Batches(*right_batch()), ["overfit"])


def test_a_frozen_model_is_caught(make_model):
    model = make_model()
    model.trainable = False
    with pytest.raises(LmbookError, match="no trainable weight"):
        check_before_training(model, Batches(*right_batch()), ["overfit"])


def test_unknown_checks_are_refused_and_none_can_be_chosen(make_model, data):
    with pytest.raises(LmbookError, match="spelling"):
        check_before_training(make_model(), data, ["spelling"])
    check_before_training(make_model(), None, [])
    assert "future" in ALL_CHECKS


def sentence_pairs(largest=8):
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(3, largest + 1, 6).tolist(), rng.integers(3, 9, 7).tolist()) for _ in range(12)]
    return SentencePairs(pairs, SpecialIds(), tokens_per_batch=64)


class LooksAhead(EncoderDecoder):
    """The decoder is given the target one token early."""

    def call(self, inputs, training=False):
        source, target = inputs
        return super().call((source, tf.roll(target, -1, axis=1)), training=training)


def test_models_that_read_a_source_are_checked_with_it():
    keras.utils.set_random_seed(1)
    config = TransformerConfig(9, 16, 32, 2, 1, max_sequence_length=8)
    check_before_training(EncoderDecoder(config), sentence_pairs())
    with pytest.raises(LmbookError, match="'future'"):
        check_before_training(LooksAhead(config), sentence_pairs(), which=("future",))
    with pytest.raises(LmbookError, match="'ids': the sources hold the id 9"):
        check_before_training(EncoderDecoder(config), sentence_pairs(largest=9), which=("ids",))


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_a_text_of_few_signs_is_refused_by_no_seed(cell):
    """With two signs and the special tokens, chance decides how likely the untrained model finds just these two."""
    bits = np.random.default_rng(0).integers(3, 5, (4, 33))
    for seed in range(12):
        keras.utils.set_random_seed(seed)
        model = RecurrentLanguageModel(RecurrentConfig(vocabulary_size=5, embedding_dim=64, hidden_dim=128, cell=cell))
        check_before_training(model, Batches(bits[:, :-1], bits[:, 1:]), ["initial_loss"])


def test_a_head_whose_weights_are_too_large_by_a_power_of_ten_is_caught():
    keras.utils.set_random_seed(0)
    model = Wrong(lambda logits: logits * 20)
    with pytest.raises(LmbookError, match="'initial_loss'"):
        check_before_training(model, Batches(*right_batch()), ["initial_loss"])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_a_gru_in_float16_is_warned_of_without_a_gpu(cell, precision, monkeypatch):
    model = RecurrentLanguageModel(RecurrentConfig(9, 4, 4, cell=cell), dtype=precision)
    there = []
    monkeypatch.setattr("tensorflow.config.list_logical_devices", lambda kind: there)
    if (cell, precision) == ("gru", "mixed_float16"):
        assert "GRU in float16" in slow_precision(model)
        there.append("GPU:0")
    assert slow_precision(model) is None
