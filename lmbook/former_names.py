"""What earlier versions called things: their saved files are read through this table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# lmbook 0.1.0. Fields of configurations and of layers, as files of models and the identities of checkpoints have them.
FIELDS = {
    "normalize": "qk_norm",  # of `MultiHeadAttention`
    "normalize_heads": "qk_norm",
    "order": "normalize_first",
    "shared_embeddings": "tie_embeddings",
}
VALUES = {"order": {"pre": True, "post": False}}  # of fields that have other values today

# Classes that a checkpoint's identity begins with. Saved models have the names that classes are registered under.
CLASSES = {
    "Bert": "BERT",
    "BertClassifier": "BERTClassifier",
    "BertMaskedLM": "BERTMaskedLM",
    "BertReader": "BERTReader",
    "BertTagger": "BERTTagger",
}

# A checkpoint's identity is text about each of the things that a run is made of: {"model": 'GPT, num_heads=4, …', …}.
IDENTITY = {"model": FIELDS}


def present_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A saved configuration, of whatever version, in today's words."""
    return {FIELDS.get(name, name): _present_value(name, value) for name, value in config.items()}


def present_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """The identity of a checkpoint, of whatever version, in today's words."""
    return {kind: _present_text(text, IDENTITY.get(kind, {})) for kind, text in identity.items()}


def _present_value(name: str, value: Any) -> Any:
    return VALUES[name].get(value, value) if name in VALUES else value


def _present_text(text: str, names: Mapping[str, str]) -> str:
    """Translates the class in front, and each "name=value" between commas, the value being JSON."""
    first, comma, rest = text.partition(", ")
    text = CLASSES.get(first, first) + comma + rest

    def present(part: re.Match) -> str:
        name, value = part["name"], part["value"]
        if name in VALUES:
            value = json.dumps(_present_value(name, json.loads(value)))
        return f"{part['before']}{names.get(name, name)}={value}"

    known = "|".join(map(re.escape, names))
    return re.sub(rf"(?P<before>^|, )(?P<name>{known})=(?P<value>[^,]*)", present, text) if names else text
