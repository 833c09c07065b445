from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTClassifier, BERTConfig, mean_vectors
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fine_tuning import (
    PARTS,
    FineTuning,
    class_logits,
    classification_loss,
    rate_factors,
    text_vectors,
    train_only,
)

CONFIG = BERTConfig(12, 16, 24, num_heads=2, num_layers=2, max_sequence_length=8, dropout=0.1, stddev=0.1)


def make(**changes):
    keras.utils.set_random_seed(0)
    model = BERTClassifier(BERT(CONFIG), 2, **{"pooling": "mean", **changes})
    return model


@pytest.fixture(scope="module")
def shared():
    """(a model, the weights of its `BERT`, for each part a `FineTuning` that starts from them): each compiled once."""
    model = make()
    start = [weight.numpy() for weight in model.bert.weights]
    return model, start, {part: FineTuning(model, part, learning_rate=1e-2, jit_compile=False) for part in PARTS}


def labelled(count, seed, noise=0.0):
    """The class is whether a 3 stands before the first 4."""
    rng = np.random.default_rng(seed)
    texts, classes = [], []
    for _ in range(count):
        text = rng.integers(5, 12, 6)
        first, second = sorted(rng.choice(6, 2, replace=False))
        classes.append(int(rng.integers(2)))
        text[first], text[second] = (3, 4) if classes[-1] else (4, 3)
        texts.append(text.tolist())
    classes = np.where(rng.random(count) < noise, rng.integers(0, 2, count), classes)
    return LabelledTexts(texts, classes, SpecialIds(), tokens_per_batch=128, seed=seed)


def layer_of(model):
    """Which layer each weight belongs to, in the order of `model.weights`."""
    bert = model.bert
    layers = {"embedding": bert.embedding, **{f"block {i}": block for i, block in enumerate(bert.blocks)}}
    names = {id(weight): name for name, layer in layers.items() for weight in layer.weights}
    return [names.get(id(weight), "head") for weight in model.weights]


def moved(model, before):
    return [float(np.abs(weight.numpy() - old).max()) for weight, old in zip(model.weights, before, strict=True)]


@pytest.mark.parametrize(
    ("part", "layers"),
    [
        ("head", {"head"}),
        ("last", {"block 1", "head"}),
        ("all", {"embedding", "block 0", "block 1", "head"}),
    ],
)
def test_only_the_chosen_part_moves(shared, part, layers):
    model, _, tunings = shared
    tunings[part].run(labelled(32, 0), steps=1)
    before = [weight.numpy() for weight in model.weights]
    tunings[part].run(labelled(32, 0), steps=3)  # from the same start, head and all
    changed = {name for name, by in zip(layer_of(model), moved(model, before), strict=True) if by > 0}
    assert changed == layers


def test_parts_can_be_chosen_anew():
    model = make(pooling="first")
    sizes = {}
    for part in (*PARTS, *reversed(PARTS)):
        train_only(model, part)
        sizes.setdefault(part, []).append(len(model.trainable_variables))
    assert all(first == second for first, second in sizes.values())
    assert sizes["head"][0] == 4 < sizes["last"][0] < sizes["all"][0] == len(model.weights)


def test_weights_near_the_input_learn_more_slowly(shared):
    model, _, _ = shared
    tuning = FineTuning(model, learning_rate=1e-3, decay=0.5, jit_compile=False)
    before = [weight.numpy() for weight in model.weights]
    tuning.run(labelled(16, 0), steps=1)  # the first step of Adam moves each weight by its learning rate
    by_layer = {}
    for name, by in zip(layer_of(model), moved(model, before), strict=True):
        by_layer[name] = max(by, by_layer.get(name, 0.0))
    expected = {"block 1": 5e-4, "block 0": 2.5e-4, "embedding": 1.25e-4}
    assert {name: by_layer[name] for name in expected} == pytest.approx(expected, rel=0.02)


def test_a_pooler_of_the_bert_learns_with_its_last_block():
    keras.utils.set_random_seed(0)
    model = BERTClassifier(BERT(BERTConfig(12, 16, 24, num_heads=2, num_layers=1, pooler=True)), 2)
    factors = dict(zip((weight.path for weight in model.trainable_variables), rate_factors(model, 0.5), strict=True))
    assert {factor for path, factor in factors.items() if "pooler" in path} == {0.5}


def test_early_stopping_leaves_the_best_weights(shared):
    model, _, tunings = shared
    data, validation = labelled(16, 2, noise=0.5), labelled(64, 1)
    history = tunings["all"].run(data, steps=200, validation=validation, report_every=2, patience=4)
    after_the_best = len(history.validation_loss) - 1 - history.validation_steps.index(history.best_step)
    assert after_the_best == 4 and history.steps[-1] < 200
    assert classification_loss(model, validation) == pytest.approx(min(history.validation_loss), abs=1e-6)


def test_runs_do_not_depend_on_the_runs_before(shared):
    model, given, tunings = shared
    data, held_out = labelled(64, 3), labelled(32, 4)
    keras.utils.set_random_seed(7)
    other = [weight.numpy() for weight in BERT(CONFIG).weights]

    def logits(**options):
        tunings["all"].run(data, steps=12, **options)
        return class_logits(model, held_out)

    first, from_other, another_seed = logits(seed=1), logits(seed=1, start=other), logits(seed=2)
    np.testing.assert_array_equal(logits(seed=1), first)
    np.testing.assert_array_equal(logits(seed=1, start=given), first)
    assert np.abs(from_other - first).max() > 1e-3 and np.abs(another_seed - first).max() > 1e-3


def test_several_can_share_a_model(shared):
    (model, start, tunings), data = shared, labelled(16, 0)
    for part, moves in (("head", False), ("all", True), ("head", False)):
        tunings[part].run(data, steps=2)
        apart = [np.abs(weight.numpy() - old).max() for weight, old in zip(model.bert.weights, start, strict=True)]
        assert bool(max(apart) > 0) is moves


def test_it_learns_what_depends_on_order(shared):
    model, _, tunings = shared
    tunings["all"].run(labelled(400, 5), steps=200)
    held_out = labelled(100, 6)
    assert (class_logits(model, held_out).argmax(axis=1) == held_out.classes).mean() > 0.9


def test_vectors_are_the_means_of_real_tokens(shared):
    bert, texts = shared[0].bert, LabelledTexts([[5, 6, 7], [8]], [0, 0], SpecialIds(), tokens_per_batch=16)
    ids = np.array([[2, 5, 6, 7, 2], [2, 8, 2, 0, 0]], "int32")
    np.testing.assert_allclose(text_vectors(bert, texts), mean_vectors(bert(ids), ids != 0), atol=1e-5)


def test_wrong_arguments_are_named(shared):
    model, _, tunings = shared
    with pytest.raises(LmbookError, match="part='first'"):
        train_only(model, "first")
    tuning = tunings["head"]
    with pytest.raises(LmbookError, match="patience was given without validation"):
        tuning.run(labelled(4, 0), steps=1, patience=1)
    with pytest.raises(LmbookError, match="steps=0"):
        tuning.run(labelled(4, 0), steps=0)
