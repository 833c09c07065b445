"""GPT-2 and BERT from the folders of Hugging Face's models: config.json and model.safetensors, whole or in parts.

The files are read with the `safetensors` package alone; neither `transformers` nor PyTorch is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lmbook.corpora.weights import read_minilm, read_parts, read_safetensors
from lmbook.errors import LmbookError
from lmbook.files import read_json
from lmbook.models.bert import BERT, BERTConfig, BERTMaskedLM
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.named import Named, assign, dense, norm, table
from lmbook.tokenizers.word_piece import WordPieceTokenizer

# Theirs and ours. Of several for one of ours, `to_hugging_face.py` writes the first.
ACTIVATION_NAMES = {"gelu": "exact_gelu", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "relu": "relu"}
ACTIVATION_NAMES |= {"relu2": "squared_relu"}
GPT2_SIZES = {  # fields of `GPTConfig`, as a GPT-2's config.json calls them
    "vocabulary_size": "vocab_size",
    "hidden_dim": "n_embd",
    "num_heads": "n_head",
    "num_layers": "n_layer",
    "max_sequence_length": "n_positions",
}
# In the files, but no weights: GPT-2's causal masks, BERT's places 0, 1, 2 …; and heads that are trained anew.
NOT_GPT2 = re.compile(r"h\.\d+\.attn\.(masked_)?bias")
# What a config.json may say beside sizes that changes the logits, each with what our models do, and what is so where
# nothing is said. What only training feels, or the memory, may say what it likes.
PLAIN = {"add_cross_attention": False, "pruned_heads": {}, "quantization_config": {}}
PLAIN_GPT2 = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
PLAIN_BERT = {"position_embedding_type": "absolute", "is_decoder": False}
NOT_BERT = re.compile(r"embeddings\.position_ids|(cls|classifier|qa_outputs)\.")


def load_gpt2(folder: str | Path) -> GPT:
    """The GPT-2 of a folder; its tokenizer: `GPT2Tokenizer` from vocab.json and merges.txt.

    Raises:
        LmbookError: a file is missing, damaged, or of another model.
    """
    config, arrays, origin = read_folder(folder, "gpt2")
    check_plain(config, PLAIN | PLAIN_GPT2, origin, "GPT-2")
    sizes = {ours: get_setting(config, theirs, origin) for ours, theirs in GPT2_SIZES.items()}
    model = GPT(
        GPTConfig(
            **sizes,
            intermediate_dim=config.get("n_inner") or 4 * sizes["hidden_dim"],
            activation=get_activation_name(config.get("activation_function", "gelu_new"), origin),
            pad_id=pad_id(config, "pad_token_id", "eos_token_id"),  # GPT-2 fills with its only special token
            tie_embeddings=config.get("tie_word_embeddings", True),
            dropout=config.get("resid_pdrop", 0.1),
            epsilon=config.get("layer_norm_epsilon", 1e-5),
        )
    )
    arrays = {name.removeprefix("transformer."): array for name, array in arrays.items()}
    arrays = {name: array for name, array in arrays.items() if not NOT_GPT2.fullmatch(name)}
    if model.head is None:
        check_same(arrays.pop("lm_head.weight", None), arrays.get("wte.weight"), "lm_head.weight", "wte.weight", origin)
    assign(gpt2_places(model), arrays, origin, "a GPT-2 with the sizes of its config.json")
    return model


def load_bert(folder: str | Path, pooler: bool | None = None) -> BERT:
    """The BERT of a folder, without the heads it may have; its tokenizer: `WordPieceTokenizer` from vocab.txt.

    Args:
        folder: with config.json and model.safetensors.
        pooler: take the layer over the first token's vector too; None: if it is there.

    Raises:
        LmbookError: a file is missing, damaged, or of another model.
    """
    config, arrays, origin = read_folder(folder, "bert")
    return bert_from(config, arrays, origin, pooler)


def load_bert_masked_lm(folder: str | Path) -> BERTMaskedLM:
    """The same with the head that names hidden tokens.

    Raises:
        LmbookError: a file is missing, damaged, of another model, or has no such head.
    """
    config, arrays, origin = read_folder(folder, "bert")
    model = BERTMaskedLM(bert_from(config, arrays, origin, pooler=False))
    head = {_modern(name): array for name, array in arrays.items() if name.startswith("cls.predictions.")}
    # The matrix of the logits is the table of the tokens, and their bias may be named twice or after it.
    decoder, bias = "cls.predictions.decoder.weight", "cls.predictions.bias"
    if decoder not in head and not config.get("tie_word_embeddings", True):
        raise LmbookError(
            f"{origin} lacks {decoder}, though its config.json says tie_word_embeddings=false.", "Get the file again."
        )
    table_name = "embeddings.word_embeddings.weight"
    check_same(head.pop(decoder, None), np.asarray(model.bert.embedding.tokens.embeddings), decoder, table_name, origin)
    twin = head.pop("cls.predictions.decoder.bias", None)
    if twin is not None:
        check_same(twin, head.setdefault(bias, twin), "cls.predictions.decoder.bias", bias, origin)
    assign(_masked_lm_places(model), head, origin, "a BERT with a masked-language head (BertForMaskedLM)")
    return model


def load_minilm() -> tuple[BERT, WordPieceTokenizer]:
    """all-MiniLM-L6-v2, a sentence encoder: the normalised mean of its vectors says what a sentence is about.

    Raises:
        LmbookError: the package that ships it is not installed.
    """
    arrays, config, pieces = read_minilm()
    return bert_from(config, arrays, "The package of MiniLM", pooler=False), WordPieceTokenizer(pieces)


def bert_from(config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], origin: str, pooler: bool | None) -> BERT:
    """A `BERT` from what config.json and model.safetensors hold; see `load_bert`."""
    check_plain(config, PLAIN | PLAIN_BERT, origin, "BERT")
    arrays = {_modern(name).removeprefix("bert."): array for name, array in arrays.items()}
    arrays = {name: array for name, array in arrays.items() if not NOT_BERT.match(name)}
    pooler = "pooler.dense.weight" in arrays if pooler is None else pooler
    if not pooler:
        arrays = {name: array for name, array in arrays.items() if not name.startswith("pooler.")}
    model = BERT(
        BERTConfig(
            vocabulary_size=get_setting(config, "vocab_size", origin),
            hidden_dim=get_setting(config, "hidden_size", origin),
            intermediate_dim=get_setting(config, "intermediate_size", origin),
            num_heads=get_setting(config, "num_attention_heads", origin),
            num_layers=get_setting(config, "num_hidden_layers", origin),
            max_sequence_length=get_setting(config, "max_position_embeddings", origin),
            num_segments=get_setting(config, "type_vocab_size", origin),
            activation=get_activation_name(config.get("hidden_act", "gelu"), origin),
            pooler=pooler,
            pad_id=pad_id(config, "pad_token_id"),
            dropout=config.get("hidden_dropout_prob", 0.1),
            epsilon=config.get("layer_norm_eps", 1e-12),
        )
    )
    assign(bert_places(model), arrays, origin, "a BERT with the sizes of its config.json")
    return model


def read_folder(folder: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """config.json and the arrays of a folder, and how to call their file in messages."""
    folder = Path(folder)
    config = read_json(folder / "config.json")
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != kind:
        raise LmbookError(f"{folder / 'config.json'} is of model_type {found!r}, not {kind!r}.", f"Give a {kind}.")
    path, parts = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if not path.is_file() and parts.is_file():
        return config, without_wrappers(read_parts(parts), str(parts)), str(parts)
    if not path.is_file():
        others = ", ".join(sorted(p.name for p in folder.iterdir() if p.suffix in (".bin", ".safetensors", ".h5")))
        raise LmbookError(
            f"{folder} has no model.safetensors{f' (but {others})' if others else ''}.",
            "Download that file of the model; pickled weights (.bin) are not read.",
        )
    return config, without_wrappers(read_safetensors(path), str(path)), str(path)


def without_wrappers(arrays: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """The arrays under the names that they had before PyTorch's wrappers put theirs before them.

    `torch.compile` makes `_orig_mod.`, also inside a name, and training on several devices makes `module.`.

    Raises:
        LmbookError: two arrays then have the same name.
    """
    plain: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        bare = re.sub(r"(^|\.)_orig_mod\.", r"\1", re.sub(r"^(_orig_mod\.)*module\.", "", name))
        if bare in plain:
            raise LmbookError(f"{origin} holds {bare} twice, once as {name}.", "Save the model without its wrapper.")
        plain[bare] = array
    return plain


def check_plain(config: Mapping[str, Any], plain: Mapping[str, Any], origin: str, model: str) -> None:
    """Refuse a model that our classes would compute otherwise than its config.json says."""
    for name, usual in plain.items():
        value = config.get(name, usual)
        if value != usual and (value or usual):  # null is as good as false or an empty list
            raise LmbookError(
                f"{origin} is not a plain {model}: its config.json says {name}={value!r}.",
                f"Give a model with {name}={usual!r}, or none of it.",
            )
    own = [name for name in config.get("auto_map") or () if name.startswith("AutoModel")]
    if own:
        raise LmbookError(
            f"{origin} is not a plain {model}: its config.json names a program of its own for {own[0]}.",
            "Give a model that needs none; no such program is ever run.",
        )


def check_same(one: np.ndarray | None, other: np.ndarray | None, name: str, other_name: str, origin: str) -> None:
    """Refuse two arrays for what is one in our model. Where either is missing there is nothing to compare."""
    if one is None or other is None or np.array_equal(one, np.asarray(other, one.dtype)):
        return
    raise LmbookError(
        f"In {origin}, {name} differs from {other_name}; here they are one.",
        "Give a model with tie_word_embeddings=true, whose head has no numbers of its own.",
    )


def get_setting(config: Mapping[str, Any], name: str, origin: str) -> Any:
    if name not in config:
        raise LmbookError(f"The config.json of {origin} has no {name}.", "Give the config.json of the same model.")
    return config[name]


def pad_id(config: Mapping[str, Any], *names: str) -> int:
    """The id of padding: what the first of `names` says that says one; else 0."""
    return next((config[name] for name in names if isinstance(config.get(name), int) and config[name] >= 0), 0)


def get_activation_name(name: str, origin: str) -> str:
    if name not in ACTIVATION_NAMES:
        known = ", ".join(ACTIVATION_NAMES)
        raise LmbookError(f"The config.json of {origin} names the activation {name!r}.", f"Known: {known}.")
    return ACTIVATION_NAMES[name]


def _modern(name: str) -> str:
    """A weight's name as it is today: the first BERTs, ported from TensorFlow, say gamma and beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def gpt2_places(model: GPT) -> Iterator[Named]:
    """Where each array of a GPT-2's file belongs."""
    yield table("wte", model.embedding.tokens)
    yield table("wpe", model.embedding.places)
    for index, block in enumerate(model.blocks):
        name, a, f = f"h.{index}", block.attention, block.feed_forward
        yield from norm(f"{name}.ln_1", block.norms[0])
        query_key_value = a.query_projection, a.key_projection, a.value_projection
        yield from dense(f"{name}.attn.c_attn", *query_key_value, transposed=False)
        yield from dense(f"{name}.attn.c_proj", a.output_projection, transposed=False)
        yield from norm(f"{name}.ln_2", block.norms[1])
        yield from dense(f"{name}.mlp.c_fc", f.inner, transposed=False)
        yield from dense(f"{name}.mlp.c_proj", f.outer, transposed=False)
    yield from norm("ln_f", model.norm)
    if model.head is not None:
        yield from dense("lm_head", model.head)


def bert_places(model: BERT) -> Iterator[Named]:
    """Where each array of a BERT's file belongs, those of its heads left out."""
    yield table("embeddings.word_embeddings", model.embedding.tokens)
    yield table("embeddings.position_embeddings", model.embedding.places)
    yield table("embeddings.token_type_embeddings", model.embedding.segments)
    yield from norm("embeddings.LayerNorm", model.embedding.norm)
    for index, block in enumerate(model.blocks):
        name, a, f = f"encoder.layer.{index}", block.attention, block.feed_forward
        yield from dense(f"{name}.attention.self.query", a.query_projection)
        yield from dense(f"{name}.attention.self.key", a.key_projection)
        yield from dense(f"{name}.attention.self.value", a.value_projection)
        yield from dense(f"{name}.attention.output.dense", a.output_projection)
        yield from norm(f"{name}.attention.output.LayerNorm", block.norms[0])
        yield from dense(f"{name}.intermediate.dense", f.inner)
        yield from dense(f"{name}.output.dense", f.outer)
        yield from norm(f"{name}.output.LayerNorm", block.norms[1])
    if model.pooler is not None:
        yield from dense("pooler.dense", model.pooler)


def _masked_lm_places(model: BERTMaskedLM) -> Iterator[Named]:
    yield from dense("cls.predictions.transform.dense", model.dense)
    yield from norm("cls.predictions.transform.LayerNorm", model.norm)
    yield Named("cls.predictions.bias", (model.bias,))
