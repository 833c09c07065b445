"""The language models that `lmbook train`, `generate` and `evaluate` know, by name.

A new language model of the book is added with one entry in `LANGUAGE_MODELS`. Its model class must offer what decoding
and evaluation use: `call(ids) -> logits [B, T, V]`, `initial_state(batch_size)` and `step(ids, state)`. Its
configuration must take `vocabulary_size` and the entry's defaults; where the model can only read so many tokens, they
are its `max_sequence_length`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class LanguageModelEntry:
    """How one language model is made and, when nothing else is said, trained.

    Args:
        module: the module with both classes; it is imported only when the model is made, because it imports Keras.
        config_class: name of the configuration dataclass in `module`.
        model_class: name of the Keras model in `module`; made as `model_class(config)`.
        config: defaults for the configuration, besides `vocabulary_size`.
        context: tokens in a training window.
        batch_size: windows in a training batch.
        learning_rate: the highest learning rate of the schedule.
        optimizer: "adamw" or "muon".
        muon_ratio: Muon's learning rate as a multiple of it.
        unchecked: checks before training (`lmbook.training.checks`) that do not hold for this model.
    """

    module: str
    config_class: str
    model_class: str
    config: Mapping[str, Any] = field(default_factory=dict)
    context: int = 64
    batch_size: int = 64
    learning_rate: float = 4e-3
    optimizer: str = "adamw"
    muon_ratio: float = 2.0
    unchecked: tuple[str, ...] = ()


def _recurrent(cell: str, learning_rate: float) -> LanguageModelEntry:
    return LanguageModelEntry(
        module="lmbook.models.recurrent",
        config_class="RecurrentConfig",
        model_class="RecurrentLanguageModel",
        config=MappingProxyType({"cell": cell, "embedding_dim": 128, "hidden_dim": 256}),
        learning_rate=learning_rate,
    )


def _gpt(config: dict[str, Any], **training: float) -> LanguageModelEntry:
    return LanguageModelEntry(
        module="lmbook.models.gpt",
        config_class="GPTConfig",
        model_class="GPT",
        config=MappingProxyType(config),
        context=128,
        batch_size=16,
        optimizer="muon",
        **training,
    )


LANGUAGE_MODELS: dict[str, LanguageModelEntry] = {
    "lstm": _recurrent("lstm", 4e-3),
    "lstm_article": LanguageModelEntry(  # the sizes of the article's program
        module="lmbook.models.recurrent",
        config_class="RecurrentConfig",
        model_class="RecurrentLanguageModel",
        config=MappingProxyType({"cell": "lstm", "embedding_dim": 256, "hidden_dim": 512}),
        batch_size=16,
        learning_rate=2e-3,
    ),
    "gru": _recurrent("gru", 4e-3),
    "rnn": _recurrent("rnn", 1e-3),  # a plain recurrent cell diverges at the gated cells' rate
    "transformer": LanguageModelEntry(
        module="lmbook.models.transformer",
        config_class="TransformerConfig",
        model_class="TransformerLanguageModel",
        config=MappingProxyType(
            {
                "num_layers": 4,
                "positions": "rotary",
                "normalize_first": True,
                "normalization": "rms",
                "activation": "gelu",
                "use_bias": False,
                "dropout": 0.0,
                "max_sequence_length": 256,
            }
        ),
        context=256,  # as long as it can read: what it never saw in training it cannot do well
        batch_size=16,
        learning_rate=8e-3,
        optimizer="muon",
        # One table for input and output: untrained, it finds its own input likeliest, and its first loss is above ln V.
        unchecked=("initial_loss",),
    ),
    "gpt": _gpt(  # today's choices; GPT-2's are the defaults of `GPTConfig`
        {
            "positions": "rotary",
            "normalization": "rms",
            "qk_norm": True,
            "normalize_embedding": True,
            "activation": "squared_relu",
            "tie_embeddings": False,
            "logit_soft_cap": 15.0,
            "use_bias": False,
            "zero_projections": True,
            "stddev": None,
            "embedding_stddev": 1.0,
        },
        learning_rate=1.6e-2,  # of AdamW, for the two tables, whose vectors are long
        muon_ratio=1.0,
    ),
    # The architectures that other programs know: `lmbook export` writes them.
    "gpt2": _gpt({}, learning_rate=8e-3),
    "llama": _gpt(
        {
            "positions": "rotary",
            "normalization": "rms",
            "activation": "swiglu",
            "intermediate_dim": 344,  # of three matrices; as many weights as in 512 of two
            "use_bias": False,
        },
        learning_rate=8e-3,
    ),
}


def entry(name: str) -> LanguageModelEntry:
    """The entry called `name`.

    Raises:
        LmbookError: there is none; the message names the nearest and lists all.
    """
    if name in LANGUAGE_MODELS:
        return LANGUAGE_MODELS[name]
    near = difflib.get_close_matches(name, LANGUAGE_MODELS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise LmbookError(f"There is no language model called {name!r}.", f"{hint}Known: {', '.join(LANGUAGE_MODELS)}.")


def make_config(name: str, vocabulary_size: int, *, pad_id: int = 0, **overrides: Any) -> Any:
    """The configuration of model `name`: its defaults, then `overrides`.

    Args:
        name: of the registry.
        vocabulary_size, pad_id: the tokenizer's; a model that has no use for padding is not told of it.
        overrides: further fields of the configuration.
    """
    chosen = entry(name)
    config_class = getattr(importlib.import_module(chosen.module), chosen.config_class)
    padding = {"pad_id": pad_id} if "pad_id" in {one.name for one in fields(config_class)} else {}
    return config_class(**{**chosen.config, **padding, **overrides, "vocabulary_size": vocabulary_size})


def make_model(name: str, config: Any) -> Any:
    """A fresh model `name` with `config`; Keras's current random seed decides its weights."""
    chosen = entry(name)
    return getattr(importlib.import_module(chosen.module), chosen.model_class)(config)
