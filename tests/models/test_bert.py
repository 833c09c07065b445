from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTClassifier, BERTConfig, BERTMaskedLM, BERTReader, BERTTagger, mean_vectors

V, LENGTH = 13, 12
CONFIG = BERTConfig(V, 16, 20, num_heads=4, num_layers=2, max_sequence_length=LENGTH)
IDS = np.array([[3, 1, 4, 1, 5, 0, 0], [2, 7, 1, 8, 2, 8, 1]], "int32")
SEGMENTS = np.array([[0, 0, 0, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1]], "int32")
TASKS = {
    "vectors": lambda bert: bert,
    "masked_lm": BERTMaskedLM,
    "first": lambda bert: BERTClassifier(bert, 3),
    "mean": lambda bert: BERTClassifier(bert, 3, "mean"),
    "reader": BERTReader,
    "tagger": lambda bert: BERTTagger(bert, 5),
}
every_task = pytest.mark.parametrize("task", TASKS)


def make(task="vectors", config=CONFIG):
    """A model with weights that are not at their start, where much is zero."""
    keras.utils.set_random_seed(1)
    model, rng = TASKS[task](BERT(config)), np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.2, size=weight.shape))
    return model


@functools.cache
def made(task):
    """One for all tests."""
    return make(task)


@every_task
def test_padding_changes_no_answer(task):
    whole = np.asarray(made(task)((IDS, SEGMENTS)))[:1]
    alone = np.asarray(made(task)((IDS[:1, :5], SEGMENTS[:1, :5])))
    if task in ("vectors", "masked_lm", "tagger"):
        whole = whole[:, :5]
    elif task == "reader":
        assert np.all(whole[:, :, 5:] < -1e8)
        whole = whole[:, :, :5]
    np.testing.assert_allclose(whole, alone, atol=2e-5)


@every_task
def test_a_mask_that_is_given_counts_not_the_ids(task):
    real = np.array([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]], bool)
    other = np.where(real, IDS, 9)  # what stands in the padding has no say
    given = np.asarray(made(task)((other, SEGMENTS), padding_mask=real))
    expected = np.asarray(made(task)((IDS, SEGMENTS)))
    if task in ("vectors", "masked_lm", "tagger"):
        given, expected = given[real], expected[real]
    np.testing.assert_allclose(given, expected, atol=2e-5)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(place=st.integers(0, 6), token=st.integers(1, V - 1))
def test_each_token_is_seen_before_it_and_after_it(place, token):
    model = made("vectors")
    changed = np.array(IDS[1:])
    changed[0, place] = 1 + (changed[0, place] - 1 + token) % (V - 1)
    moved = np.abs(np.asarray(model(IDS[1:])) - np.asarray(model(changed))).max(axis=-1)[0]
    assert np.all(moved > 1e-5) == bool(np.any(changed != IDS[1:]))


def test_segments_and_places_matter():
    model = made("vectors")
    x = np.asarray(model((IDS, SEGMENTS)))
    assert np.abs(x - np.asarray(model(IDS))).max() > 1e-2
    np.testing.assert_array_equal(model(IDS), model((IDS, np.zeros_like(IDS))))
    assert np.abs(np.asarray(model(IDS[1:, ::-1]))[:, ::-1] - np.asarray(model(IDS[1:]))).max() > 1e-2


def test_shapes_and_weights_on_request():
    x, maps = made("vectors")(IDS, return_weights=True)
    assert x.shape == (2, 7, 16) and [m.shape for m in maps] == [(2, 4, 7, 7)] * 2
    shapes = {"masked_lm": (2, 7, V), "first": (2, 3), "mean": (2, 3), "reader": (2, 2, 7), "tagger": (2, 7, 5)}
    assert {task: made(task)(IDS).shape for task in shapes} == shapes
    assert make(config=BERTConfig(**{**CONFIG.__dict__, "pooler": True})).pooled(x).shape == (2, 16)


def test_the_mean_is_of_real_tokens():
    x, real = np.random.default_rng(0).normal(size=(2, 7, 4)), IDS != 0
    np.testing.assert_allclose(mean_vectors(x, real), [x[0, :5].mean(0), x[1].mean(0)], rtol=1e-5)
    assert np.all(np.isfinite(mean_vectors(x, np.zeros_like(real))))


@every_task
def test_saved_and_loaded_it_gives_the_same(assert_saved_as_it_is, task):
    assert_saved_as_it_is(made(task), (IDS, SEGMENTS))


def test_tasks_share_the_bert_they_are_given():
    bert = BERT(CONFIG)
    masked, classifier = BERTMaskedLM(bert), BERTClassifier(bert, 2)
    shared = {id(weight) for weight in bert.weights}
    assert shared < {id(w) for w in masked.weights} and shared < {id(w) for w in classifier.weights}
    pooled = BERT(BERTConfig(**{**CONFIG.__dict__, "pooler": True}))
    assert len(BERTClassifier(pooled, 2).weights) == len(pooled.weights) + 2  # its pooler is used, not a new one


@every_task
def test_every_weight_gets_a_gradient(assert_every_weight_learns, task):
    no_effect = "attention/key/bias"  # it adds the same to all scores of a query
    assert_every_weight_learns(made(task), (IDS, SEGMENTS), but=[no_effect], training=True)


@every_task
def test_bfloat16_stays_near_float32(task):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = make(task)
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(half.weights, made(task).weights, strict=True):
        a.assign(b)
    y, expected = half((IDS, SEGMENTS)), np.asarray(made(task)((IDS, SEGMENTS)))
    assert task == "vectors" or np.asarray(y).dtype == np.float32
    seen = np.abs(expected) < 1e8
    assert np.abs(np.asarray(y, "float32") - expected)[seen].max() < 0.06 * np.abs(expected[seen]).max()


@pytest.mark.parametrize("wrong", [{"hidden_dim": 18}, {"num_segments": 0}, {"activation": "sine"}, {"dropout": -0.1}])
def test_unusable_values_are_named(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(LmbookError, match=f"{name}={value!r}"):
        BERTConfig(**{"vocabulary_size": V, **wrong})


def test_unusable_heads_and_texts_are_named():
    with pytest.raises(LmbookError, match="pooling='last'"):
        BERTClassifier(CONFIG, 2, "last")
    with pytest.raises(LmbookError, match="num_classes=0"):
        BERTClassifier(CONFIG, 0)
    with pytest.raises(LmbookError, match="num_tags=0"):
        BERTTagger(CONFIG, 0)
    with pytest.raises(LmbookError, match="13 tokens is longer than max_sequence_length=12"):
        BERT(CONFIG)(np.ones((1, 13), "int32"))
