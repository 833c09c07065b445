"""GPT-2, BERT and Llama of keras-nlp: their weights in our models, and ours in theirs.

keras-nlp is imported in the functions alone: it cannot be installed on Windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTConfig
from lmbook.models.gpt import GPT, GPTConfig

# What a backbone has in all its sizes, in the words of our configurations.
GPT2 = {
    "positions": "learned",
    "normalization": "layer",
    "activation": "gelu",
    "tie_embeddings": True,
    "use_bias": True,
    "epsilon": 1e-5,
}
LLAMA = {"positions": "rotary", "normalization": "rms", "activation": "swiglu", "use_bias": False}
PLAIN = {"qk_norm": False, "smear_keys": False, "normalize_embedding": False, "logit_soft_cap": None}
BERT_SHAPE = {"activation": "gelu", "epsilon": 1e-12}
SIZES = ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_layers", "dropout")


def from_keras_nlp(backbone: keras.Model, max_sequence_length: int = 1024) -> GPT | BERT:
    """Our model with the weights of a `GPT2Backbone`, a `BertBackbone` or a `LlamaBackbone`.

    Args:
        backbone: of keras-nlp, from a preset or with weights of its own.
        max_sequence_length: of a Llama, which has none itself.

    Raises:
        LmbookError: it is another backbone, or one with other rotary positions than ours.
    """
    import keras_nlp

    sizes = {name: getattr(backbone, name, None) for name in SIZES}
    if isinstance(backbone, keras_nlp.models.GPT2Backbone):
        sizes |= {"num_heads": backbone.num_heads, "max_sequence_length": backbone.max_sequence_length}
        model = GPT(GPTConfig(**sizes, **GPT2, **PLAIN))
    elif isinstance(backbone, keras_nlp.models.BertBackbone):
        sizes |= {"num_heads": backbone.num_heads, "max_sequence_length": backbone.max_sequence_length}
        model = BERT(BERTConfig(**sizes, **BERT_SHAPE, num_segments=backbone.num_segments, pooler=True))
    elif isinstance(backbone, keras_nlp.models.LlamaBackbone):
        if backbone.rope_position_scaling_factor != 1.0 or backbone.rope_frequency_adjustment_factor is not None:
            raise LmbookError(
                "This LlamaBackbone stretches its rotary positions, which our models do not.",
                "Take a Llama 2 or Llama 3.0.",
            )
        sizes |= {"num_heads": backbone.num_query_heads, "num_key_value_heads": backbone.num_key_value_heads}
        sizes |= {"rotary_base": float(backbone.rope_max_wavelength), "epsilon": backbone.layer_norm_epsilon}
        sizes |= {"tie_embeddings": backbone.token_embedding.tie_weights}
        model = GPT(GPTConfig(**sizes, **LLAMA, **PLAIN, max_sequence_length=max_sequence_length))
    else:
        raise LmbookError(
            f"There is no model of ours for a {type(backbone).__name__}.",
            "Give a GPT2Backbone, a BertBackbone or a LlamaBackbone.",
        )
    for ours, theirs in _pairs(model, backbone):
        ours.assign(keras.ops.reshape(theirs, ours.shape))
    return model


def to_keras_nlp(model: GPT | BERT) -> keras.Model:
    """A backbone of keras-nlp with the weights of our model.

    A `BERT` without a pooler leaves the backbone's own at its start.

    Raises:
        LmbookError: keras-nlp has no backbone with the model's choices; those that it lacks are named.
    """
    import keras_nlp

    c = model.config
    sizes = {name: getattr(c, name) for name in SIZES}
    if isinstance(model, BERT):
        _check(c, "BertBackbone", BERT_SHAPE)
        sizes |= {"num_heads": c.num_heads, "max_sequence_length": c.max_sequence_length}
        backbone = keras_nlp.models.BertBackbone(**sizes, num_segments=c.num_segments)
    elif c.positions == "rotary":
        _check(c, "LlamaBackbone", LLAMA | PLAIN)
        sizes |= {"num_query_heads": c.num_heads, "num_key_value_heads": c.num_key_value_heads or c.num_heads}
        sizes |= {"rope_max_wavelength": c.rotary_base, "layer_norm_epsilon": c.epsilon}
        backbone = keras_nlp.models.LlamaBackbone(**sizes, tie_word_embeddings=c.tie_embeddings)
    else:
        _check(c, "GPT2Backbone", GPT2 | PLAIN | {"num_key_value_heads": None})
        sizes |= {"num_heads": c.num_heads, "max_sequence_length": c.max_sequence_length}
        backbone = keras_nlp.models.GPT2Backbone(**sizes)
    for ours, theirs in _pairs(model, backbone):
        theirs.assign(keras.ops.reshape(ours, theirs.shape))
    return backbone


def _check(config: GPTConfig | BERTConfig, backbone: str, fixed: dict[str, Any]) -> None:
    other = [f"{name}={getattr(config, name)!r}" for name, value in fixed.items() if getattr(config, name) != value]
    if other:
        wanted = ", ".join(f"{name}={value!r}" for name, value in fixed.items())
        raise LmbookError(f"A {backbone} cannot have {', '.join(other)}.", f"It always has {wanted}.")


def _pairs(model: GPT | BERT, backbone: keras.Model) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Our variables with theirs, which have the same values in the same order, but maybe heads as an axis."""
    yield model.embedding.tokens.embeddings, backbone.token_embedding.embeddings
    for ours, theirs in _layers(model, backbone):
        yield from zip(ours.weights, theirs.weights, strict=True)
    if getattr(model, "head", None) is not None:
        yield model.head.kernel, backbone.token_embedding.reverse_embeddings


def _layers(model: GPT | BERT, backbone: keras.Model) -> Iterator[tuple[keras.Layer, keras.Layer]]:
    embedding = model.embedding
    for ours, name in ((embedding.places, "position_embedding"), (embedding.segments, "segment_embedding")):
        if ours is not None:
            yield ours, getattr(backbone, name)
    if embedding.norm is not None:
        yield embedding.norm, backbone.embeddings_layer_norm
    for block, layer in zip(model.blocks, backbone.transformer_layers, strict=True):
        attention, feed_forward = block.attention, block.feed_forward
        theirs = layer._self_attention_layer
        yield attention.query_projection, theirs._query_dense
        yield attention.key_projection, theirs._key_dense
        yield attention.value_projection, theirs._value_dense
        yield attention.output_projection, theirs._output_dense
        if feed_forward.gate is None:
            yield block.norms[0], layer._self_attention_layer_norm
            yield feed_forward.inner, layer._feedforward_intermediate_dense
            yield block.norms[1], layer._feedforward_layer_norm
        else:  # Llama: silu is of what is called the gate there
            yield block.norms[0], layer._self_attention_layernorm
            yield feed_forward.inner, layer._feedforward_gate_dense
            yield feed_forward.gate, layer._feedforward_intermediate_dense
            yield block.norms[1], layer._feedforward_layernorm
        yield feed_forward.outer, layer._feedforward_output_dense
    if isinstance(model, GPT):
        yield model.norm, backbone.layer_norm
    elif model.pooler is not None:
        yield model.pooler, backbone.pooled_dense
