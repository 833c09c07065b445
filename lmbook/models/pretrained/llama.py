"""Llama's architecture: what its parts are called in the files of others, and models in Hugging Face's folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError
from lmbook.layers.positions import ROPE_BASE
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.hugging_face import PLAIN, check_plain, check_same, get_setting, pad_id, read_folder
from lmbook.models.pretrained.named import Named, assign, dense, norm, table

LLAMA = {"positions": "rotary", "normalization": "rms", "activation": "swiglu"}  # as fields of `GPTConfig`
PLAIN_LLAMA = {"hidden_act": "silu", "rope_scaling": None, "partial_rotary_factor": 1.0}
LLAMA_SIZES = {  # fields of `GPTConfig`, as a Llama's config.json calls them
    "vocabulary_size": "vocab_size",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "num_heads": "num_attention_heads",
    "num_layers": "num_hidden_layers",
    "max_sequence_length": "max_position_embeddings",
}
META = {  # a part here, and its name in the files of Llama's makers
    "tokens": "tok_embeddings",
    "layers": "layers",
    "attention_norm": "attention_norm",
    "query": "attention.wq",
    "key": "attention.wk",
    "value": "attention.wv",
    "output": "attention.wo",
    "feed_forward_norm": "ffn_norm",
    "inner": "feed_forward.w1",
    "outer": "feed_forward.w2",
    "gate": "feed_forward.w3",
    "norm": "norm",
    "head": "output",
}
HUGGING_FACE = {
    "tokens": "model.embed_tokens",
    "layers": "model.layers",
    "attention_norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "output": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "inner": "mlp.gate_proj",
    "outer": "mlp.down_proj",
    "gate": "mlp.up_proj",
    "norm": "model.norm",
    "head": "lm_head",
}


def load_llama(folder: str | Path) -> GPT:
    """The Llama of a folder of Hugging Face's. Its tokenizer is none of the book's.

    Raises:
        LmbookError: a file is missing, damaged, of another model, or of a Llama with scaled rotary positions.
    """
    config, arrays, origin = read_folder(folder, "llama")
    check_plain(config, PLAIN | PLAIN_LLAMA, origin, "Llama")
    sizes = {ours: get_setting(config, theirs, origin) for ours, theirs in LLAMA_SIZES.items()}
    width = config.get("head_dim") or sizes["hidden_dim"] // sizes["num_heads"]
    biases = {name: bool(config.get(name)) for name in ("attention_bias", "mlp_bias")}
    if width * sizes["num_heads"] != sizes["hidden_dim"] or len(set(biases.values())) > 1:
        raise LmbookError(
            f"{origin} is not a plain Llama: its config.json says head_dim={width} and {biases}.",
            "Give a model with heads of hidden_size / num_attention_heads, and with all biases or none.",
        )
    model = GPT(
        GPTConfig(
            **sizes,
            **LLAMA,
            num_key_value_heads=config.get("num_key_value_heads"),
            rotary_base=_rotary_base(config, origin),
            use_bias=biases["mlp_bias"],
            tie_embeddings=config.get("tie_word_embeddings", False),
            epsilon=config.get("rms_norm_eps", 1e-6),
            pad_id=pad_id(config, "pad_token_id"),
        )
    )
    if model.head is None:
        head, tokens = "lm_head.weight", "model.embed_tokens.weight"
        check_same(arrays.pop(head, None), arrays.get(tokens), head, tokens, origin)
    assign(llama_places(model, HUGGING_FACE), arrays, origin, "a Llama with the sizes of its config.json")
    return model


def _rotary_base(config: Mapping[str, Any], origin: str) -> float:
    """`rope_theta`; since transformers 5 it stands in `rope_parameters`."""
    rotary = config.get("rope_parameters") or {}
    check_plain(rotary, {"rope_type": "default", "partial_rotary_factor": 1.0}, origin, "Llama")
    return float(rotary.get("rope_theta") or config.get("rope_theta") or ROPE_BASE)


def llama_places(model: GPT, names: Mapping[str, str]) -> Iterator[Named]:
    """Where each array of a Llama's file belongs; `names` are `META` or `HUGGING_FACE`."""
    yield table(names["tokens"], model.embedding.tokens)
    for index, block in enumerate(model.blocks):
        name, attention, feed_forward = f"{names['layers']}.{index}", block.attention, block.feed_forward
        yield from norm(f"{name}.{names['attention_norm']}", block.norms[0])
        for part in ("query", "key", "value", "output"):
            yield from dense(f"{name}.{names[part]}", getattr(attention, f"{part}_projection"))
        yield from norm(f"{name}.{names['feed_forward_norm']}", block.norms[1])
        for part in ("inner", "outer", "gate"):
            yield from dense(f"{name}.{names[part]}", getattr(feed_forward, part))
    yield from norm(names["norm"], model.norm)
    if model.head is not None:
        yield from dense(names["head"], model.head)
