"""A GPT of ours as a GPT-2 or a Llama of Hugging Face: config.json, model.safetensors and the tokenizer's files.

The way back of `hugging_face.load_gpt2` and `llama.load_llama`, by the same tables of names. Neither `transformers` nor
PyTorch is needed; `transformers` reads the folder and gives the same logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmbook.errors import LmbookError
from lmbook.files import write_atomically, write_json
from lmbook.layers.lora import lora_layers
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.hugging_face import ACTIVATION_NAMES, GPT2_SIZES, gpt2_places
from lmbook.models.pretrained.keras_nlp import PLAIN
from lmbook.models.pretrained.llama import HUGGING_FACE, LLAMA, LLAMA_SIZES, llama_places
from lmbook.models.pretrained.named import read_back
from lmbook.tokenizers.to_hugging_face import tokenizer_files
from lmbook.tokenizers.tokenizer import Tokenizer

OUR_ACTIVATIONS = {ours: theirs for theirs, ours in reversed(ACTIVATION_NAMES.items())}  # of several the first
WAY_OUT = "Train a GPT with the choices of GPT-2 or of Llama: lmbook train --model gpt2, or --model llama."


@dataclass(frozen=True)
class Architecture:
    """A model of `transformers`, and what it can be of a GPT of ours.

    Args:
        name: for messages.
        kind: `model_type`.
        model_class: of `transformers`.
        needs: fields of `GPTConfig` and what they must be. Whatever neither stands here nor goes into `settings` plays
            no part once a model is trained.
        allows: further fields, and a function of the configuration that says whether there is a counterpart.
        sizes: fields of `GPTConfig` and their names in config.json.
        settings: what else config.json says.
        arrays: what model.safetensors holds.
    """

    name: str
    kind: str
    model_class: str
    needs: Mapping[str, Any]
    allows: Mapping[str, Callable[[GPTConfig], bool]]
    sizes: Mapping[str, str]
    settings: Callable[[GPTConfig], dict[str, Any]]
    arrays: Callable[[GPT], dict[str, np.ndarray]]

    def without_counterpart(self, config: GPTConfig) -> list[str]:
        """The settings that this architecture has not, as "name=value"."""
        wrong = [name for name, value in self.needs.items() if getattr(config, name) != value]
        wrong += [name for name, allowed in self.allows.items() if not allowed(config)]
        return [f"{name}={getattr(config, name)!r}" for name in wrong]


def export_hugging_face(model: GPT, tokenizer: Tokenizer, folder: str | Path) -> Architecture:
    """Write a trained GPT and its tokenizer to a folder that `transformers` loads, with the same logits.

    Args:
        model: a `GPT` with learned positions, LayerNorm and a plain activation (GPT-2), or with rotary positions,
            RMSNorm and SwiGLU (Llama).
        tokenizer: of characters, byte pairs, GPT-2 or SentencePiece.
        folder: made where it is missing; files of an earlier export in it are replaced.

    Returns:
        what it is there.

    Raises:
        LmbookError: model or tokenizer have a choice without a counterpart, which is named.
    """
    if not isinstance(model, GPT):
        raise LmbookError(f"A {type(model).__name__} is no GPT, and has no counterpart in Hugging Face.", WAY_OUT)
    architecture, config = architecture_of(model.config), model.config
    if lora := lora_layers(model):
        raise LmbookError(
            f"Beside {len(lora)} matrices of the model stands LoRA's change, which has no counterpart.",
            "Make it a part of them first: merge_lora(model).",
        )
    if tokenizer.vocabulary_size > config.vocabulary_size:
        raise LmbookError(
            f"The tokenizer has {tokenizer.vocabulary_size} tokens, the model {config.vocabulary_size}.",
            "Give the tokenizer that it was trained with.",
        )
    files = tokenizer_files(tokenizer, config.max_sequence_length)
    ids = {"bos_token_id": tokenizer.end_id, "eos_token_id": tokenizer.end_id, "pad_token_id": tokenizer.pad_id}
    folder = Path(folder)
    for name, content in files.items():
        write_json(folder / name, content)
    not_text = {"suppress_tokens": list(tokenizer.suppress_ids)} if tokenizer.suppress_ids else {}
    write_json(folder / "generation_config.json", {**ids, **not_text})
    write_json(
        folder / "config.json",
        {
            "architectures": [architecture.model_class],
            "model_type": architecture.kind,
            "dtype": "float32",
            **{theirs: getattr(config, ours) for ours, theirs in architecture.sizes.items()},
            **architecture.settings(config),
            "tie_word_embeddings": config.tie_embeddings,
            **ids,
        },
    )
    write_atomically(folder / "model.safetensors", lambda path: _save(architecture.arrays(model), path))
    return architecture


def architecture_of(config: GPTConfig) -> Architecture:
    """The architecture of `transformers` that a GPT of this configuration has.

    Raises:
        LmbookError: there is none; what has no counterpart is named.
    """
    architecture = ARCHITECTURES.get(config.positions)
    if architecture is None:
        raise LmbookError(
            f"positions={config.positions!r} has no counterpart: Hugging Face's GPT-2 has learned ones, its Llama "
            "rotary ones.",
            WAY_OUT,
        )
    wrong = architecture.without_counterpart(config)
    if wrong:
        raise LmbookError(f"In Hugging Face's {architecture.name} nothing stands for {', '.join(wrong)}.", WAY_OUT)
    return architecture


def _save(arrays: dict[str, np.ndarray], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(arrays, path, metadata={"format": "pt"})  # earlier versions of transformers refuse a file without it


def _gpt2_settings(config: GPTConfig) -> dict[str, Any]:
    return {
        "n_inner": config.intermediate_dim,
        "activation_function": OUR_ACTIVATIONS[config.activation],
        "layer_norm_epsilon": config.epsilon,
        **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), config.dropout),
    }


def _gpt2_arrays(model: GPT) -> dict[str, np.ndarray]:
    arrays = read_back(gpt2_places(model))
    tables = ("wte.weight", "wpe.weight", "lm_head.weight")
    for name in [name for name in arrays if name.endswith(".weight") and name not in tables]:
        # GPT-2 always has biases; those of a model without are 0.
        arrays.setdefault(name.removesuffix("weight") + "bias", np.zeros(arrays[name].shape[-1], "float32"))
    return {name if name == "lm_head.weight" else f"transformer.{name}": array for name, array in arrays.items()}


def _llama_settings(config: GPTConfig) -> dict[str, Any]:
    return {
        "num_key_value_heads": config.num_key_value_heads or config.num_heads,
        "head_dim": config.hidden_dim // config.num_heads,
        "hidden_act": "silu",
        "rms_norm_eps": config.epsilon,
        "rope_theta": config.rotary_base,  # where transformers looked before its version 5
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "attention_bias": config.use_bias,
        "mlp_bias": config.use_bias,
        "attention_dropout": config.dropout,
    }


ARCHITECTURES = {  # by `positions`
    "learned": Architecture(
        "GPT-2",
        "gpt2",
        "GPT2LMHeadModel",
        needs={"normalization": "layer", **PLAIN},
        allows={
            "activation": lambda config: config.activation in OUR_ACTIVATIONS,
            "num_key_value_heads": lambda config: config.num_key_value_heads in (None, config.num_heads),
        },
        sizes=GPT2_SIZES,
        settings=_gpt2_settings,
        arrays=_gpt2_arrays,
    ),
    "rotary": Architecture(
        "Llama",
        "llama",
        "LlamaForCausalLM",
        needs={**LLAMA, **PLAIN},
        allows={},
        sizes=LLAMA_SIZES,
        settings=_llama_settings,
        arrays=lambda model: read_back(llama_places(model, HUGGING_FACE)),
    ),
}
