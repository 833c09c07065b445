"""LoRA layers: nothing else moves, merged equals unmerged, and Keras' own gives the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.layers.dense import make_dense
from lmbook.layers.lora import (
    PROJECTIONS,
    LoRADense,
    add_lora,
    dense_layers,
    load_lora,
    lora_layers,
    merge_lora,
    save_lora,
)
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.instructions import InstructionBatches
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig

V, D, F, L = 13, 16, 24, 2
IDS = np.array([[2, 5, 6, 7, 8, 3], [2, 9, 4, 4, 3, 12]], "int32")
PAIRS = [([5, 6, 7], [8, 9]), ([6, 7], [9, 10, 11])]


def plain(layers=L):
    keras.utils.set_random_seed(0)
    return GPT(GPTConfig(V, D, F, num_heads=2, num_layers=layers, max_sequence_length=16, tie_embeddings=False))


def disturbed(rank=3, **options):
    """A model with changes that are not zero."""
    model, rng = plain(), np.random.default_rng(1)
    add_lora(model, rank, **options)
    for layer in lora_layers(model).values():
        layer.b.assign(rng.normal(scale=0.2, size=layer.b.shape))
    return model


def trained(model, steps=20):
    data = InstructionBatches(PAIRS, SpecialIds(), tokens_per_batch=16)
    checks = ("ids", "labels", "future")
    options = {"optimizer": OptimizerConfig(learning_rate=1e-2), "checks": checks, "jit_compile": False, "quiet": True}
    fit(model, data, steps=steps, report_every=steps, **options)
    return model


def test_at_first_nothing_is_changed_and_only_the_changes_are_trainable():
    model, before = plain(), plain()(IDS)
    add_lora(model, 3)
    np.testing.assert_array_equal(model(IDS), before)
    attention, feed_forward = 4 * 3 * (D + D), 2 * 3 * (D + F)
    assert sum(v.shape.num_elements() for v in model.trainable_variables) == L * (attention + feed_forward)
    assert model.count_params() == plain().count_params() + L * (attention + feed_forward)


def test_training_moves_the_changes_and_nothing_else():
    model = plain()
    before = {v.path: v.numpy() for v in model.weights}
    add_lora(model, 2, names=("query", "value"))
    assert list(lora_layers(model)) == [f"block_{i}/attention/{name}" for i in range(L) for name in ("query", "value")]
    assert not dense_layers(model).keys() & lora_layers(model).keys() and len(dense_layers(model)) == L * 4 + 1
    logits = np.asarray(model(IDS))
    trained(model)
    after = {v.path: v.numpy() for v in model.weights}
    for path, value in before.items():
        np.testing.assert_array_equal(after[path], value)
    assert all(np.any(layer.b) for layer in lora_layers(model).values())
    assert np.abs(np.asarray(model(IDS)) - logits).max() > 1e-2


@pytest.mark.parametrize(("alpha", "names"), [(None, PROJECTIONS), (12.0, ("query", "logits"))])
def test_merged_equals_unmerged(alpha, names):
    model = disturbed(alpha=alpha, names=names)
    before = np.asarray(model(IDS))
    merge_lora(model)
    # The order too: weights are copied and checkpoints are read by it.
    assert not lora_layers(model) and [v.path for v in model.weights] == [v.path for v in plain().weights]
    assert len(model.trainable_variables) == len(plain().trainable_variables)
    np.testing.assert_allclose(model(IDS), before, atol=1e-5)
    assert np.abs(before - np.asarray(plain()(IDS))).max() > 1e-2


def test_what_was_compiled_before_merging_does_not_add_the_changes_a_second_time():
    model = disturbed()
    written = generate(model, IDS.tolist(), max_new_tokens=5, sampling=Sampling(temperature=0.0))
    merge_lora(model)
    assert generate(model, IDS.tolist(), max_new_tokens=5, sampling=Sampling(temperature=0.0)) == written


def test_the_cached_step_sees_the_changes():
    model = disturbed()
    logits, state = model.step(IDS[:, :3], model.initial_state(2))
    rest, _ = model.step(IDS[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([logits, rest], axis=1), model(IDS), atol=1e-5)


def test_saved_and_loaded(tmp_path):
    model = disturbed(alpha=6.0, names=("value", "inner", "logits"))
    path = save_lora(model, tmp_path / "changes.npz")
    again = plain()
    load_lora(again, path)
    np.testing.assert_array_equal(again(IDS), model(IDS))
    assert path.stat().st_size < 4 * model.count_params()


def test_keras_own_gives_the_same_logits_and_the_same_training():
    ours, theirs = plain(1), plain(1)
    add_lora(ours, 4, names=PROJECTIONS)
    for variable in theirs.trainable_variables:
        variable.trainable = False
    dense = dense_layers(theirs)
    for name, layer in lora_layers(ours).items():
        dense[name].enable_lora(4)
        dense[name].lora_kernel_a.assign(layer.a)
    np.testing.assert_allclose(ours(IDS), theirs(IDS), atol=1e-6)
    trained(ours), trained(theirs)
    for name, layer in lora_layers(ours).items():
        np.testing.assert_allclose(layer.b, dense[name].lora_kernel_b, atol=1e-4)
    np.testing.assert_allclose(ours(IDS), theirs(IDS), atol=1e-4)


def test_the_layer_alone():
    keras.utils.set_random_seed(0)
    layer = LoRADense(make_dense(6, 4, "x"), 2, alpha=4.0)
    layer.b.assign(np.ones((2, 4)))
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    expected = x @ np.asarray(layer.base.kernel) + 2.0 * x @ np.asarray(layer.a) @ np.ones((2, 4))
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    again = LoRADense.from_config(layer.get_config())
    assert (again.rank, again.alpha, again.base.kernel.shape) == (2, 4.0, (6, 4))
    assert layer.trainable_variables and tf.rank(layer.change) == 2


def test_a_layer_inside_a_built_one_is_replaced():
    """What `_put` relies on of Keras' private `_tracker` and `_layers`; a new Keras may call for another way."""
    model = plain()
    attention, old, paths = model.blocks[0].attention, model.blocks[0].attention.key_projection, paths_of(model)
    assert attention._tracker.locked and any(layer is old for layer in attention._layers)
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        attention.key_projection = make_dense(D, D, "new")
    add_lora(model, 2, names=("key",))
    assert attention._tracker.locked and not any(layer is old for layer in attention._layers)
    assert isinstance(attention.key_projection, LoRADense)
    merge_lora(model)
    assert attention.key_projection is old and paths_of(model) == paths


def paths_of(model):
    return [variable.path for variable in model.weights]


def test_what_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(LmbookError, match="rank=99"):
        add_lora(plain(), 99)
    with pytest.raises(LmbookError, match="called quary"):
        add_lora(plain(), 2, names=("quary",))
    with pytest.raises(LmbookError, match="already"):
        add_lora(disturbed(), 2)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(LmbookError, match="holds no LoRA changes"):
        load_lora(plain(), tmp_path / "broken.npz")
    path = save_lora(disturbed(), tmp_path / "changes.npz")
    other = GPT(GPTConfig(V, 2 * D, F, num_heads=2, num_layers=L, max_sequence_length=16))
    with pytest.raises(LmbookError, match="changes .block_0/"):
        load_lora(other, path)
    assert not lora_layers(other) and other.trainable_variables
