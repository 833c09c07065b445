"""The same weights in keras-nlp's backbones and in our models give the same outputs, whichever had them first."""

from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTConfig
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.keras_nlp import from_keras_nlp, to_keras_nlp

keras_nlp = pytest.importorskip("keras_nlp")

V, T = 23, 9
SIZES = {"vocabulary_size": V, "hidden_dim": 16, "intermediate_dim": 20, "num_layers": 2}
LLAMA = {"positions": "rotary", "normalization": "rms", "activation": "swiglu", "use_bias": False, "num_heads": 4}
IDS = np.random.default_rng(0).integers(1, V, size=(3, T)).astype("int32")
REAL = np.arange(T) < [[T], [6], [1]]


BACKBONES = {
    "gpt2": lambda: keras_nlp.models.GPT2Backbone(**SIZES, num_heads=2, max_sequence_length=12),
    "bert": lambda: keras_nlp.models.BertBackbone(**SIZES, num_heads=2, max_sequence_length=12),
    "llama": lambda: keras_nlp.models.LlamaBackbone(
        **SIZES, num_query_heads=4, num_key_value_heads=2, rope_max_wavelength=500, layer_norm_epsilon=1e-5
    ),
}
BERT_SHAPE = {"activation": "gelu", "pooler": True, "num_heads": 2, "max_sequence_length": 12}
OURS = {
    "gpt2": lambda: GPT(GPTConfig(**SIZES, num_heads=2, max_sequence_length=12)),
    "bert": lambda: BERT(BERTConfig(**SIZES, **BERT_SHAPE)),
    "llama": lambda: GPT(GPTConfig(**SIZES, **LLAMA, tie_embeddings=False, num_key_value_heads=1, rotary_base=300.0)),
    "llama_one_table": lambda: GPT(GPTConfig(**SIZES, **LLAMA)),
}


def randomize(model):
    """Weights that are not at their start, where shifts and gains hide mistakes."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(0.5 * rng.normal(size=weight.shape) + (1.0 if len(weight.shape) == 1 else 0.0))
    return model


def largest_difference(model, backbone):
    """Between the outputs, where there are real tokens."""
    inputs = {"token_ids": IDS, "padding_mask": REAL}
    if isinstance(model, BERT):
        segments = (np.arange(T) >= 4).astype("int32") * REAL
        theirs = backbone(inputs | {"segment_ids": segments})
        x = model((IDS, segments), padding_mask=REAL)
        pairs = [(x, theirs["sequence_output"]), (model.pooled(x)[:, None], theirs["pooled_output"][:, None])]
    else:
        logits = backbone.token_embedding(backbone(inputs), reverse=True)
        pairs = [(model(IDS), logits), (model.features(IDS), backbone(inputs))]
    return max(np.abs((np.asarray(a) - np.asarray(b))[REAL[:, : a.shape[1]]]).max() for a, b in pairs)


@pytest.mark.parametrize("name", BACKBONES)
def test_their_weights_in_our_model_give_the_same(name):
    backbone = randomize(BACKBONES[name]())
    model = from_keras_nlp(backbone, max_sequence_length=12)
    assert model.count_params() == backbone.count_params() and model.config.max_sequence_length == 12
    assert largest_difference(model, backbone) < 1e-4


@pytest.mark.parametrize("name", OURS)
def test_our_weights_in_their_backbone_give_the_same(name):
    model = randomize(OURS[name]())
    assert largest_difference(model, to_keras_nlp(model)) < 1e-4


def test_what_has_no_counterpart_is_named():
    with pytest.raises(LmbookError, match="GPT2Backbone cannot have activation='relu', logit_soft_cap=15.0"):
        to_keras_nlp(GPT(GPTConfig(**SIZES, activation="relu", logit_soft_cap=15.0)))
    with pytest.raises(LmbookError, match="LlamaBackbone cannot have normalization='layer'"):
        to_keras_nlp(GPT(GPTConfig(**SIZES, **{**LLAMA, "normalization": "layer"})))
    with pytest.raises(LmbookError, match="BertBackbone cannot have activation='exact_gelu'"):
        to_keras_nlp(BERT(BERTConfig(**SIZES)))
    with pytest.raises(LmbookError, match="no model of ours for a OPTBackbone"):
        from_keras_nlp(keras_nlp.models.OPTBackbone(**SIZES, num_heads=2))
    with pytest.raises(LmbookError, match="stretches its rotary positions"):
        llama = {"num_query_heads": 2, "num_key_value_heads": 2, "rope_position_scaling_factor": 2.0}
        from_keras_nlp(keras_nlp.models.LlamaBackbone(**SIZES, **llama))
