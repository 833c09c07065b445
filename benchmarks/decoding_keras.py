"""Ours and keras-nlp in decoding.py: makes a model with random weights, then writes when asked.

    python decoding_keras.py ours|keras_nlp|keras_nlp_xla SETTINGS

SETTINGS is JSON: the fields of a `GPTConfig`, "prompt" and "length". The first line that counts is "answer WEIGHTS".
Then each line of standard input is a number of texts, and "answer SECONDS" comes when they are written.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def ours(sizes: dict, length: int):
    """The number of weights, and a function that writes so many texts."""
    from lmbook.decoding.generate import generate
    from lmbook.decoding.sampling import Sampling
    from lmbook.models.gpt import GPT, GPTConfig

    model = GPT(GPTConfig(**sizes))

    def write(rows: np.ndarray) -> np.ndarray:
        greedy = Sampling(temperature=0.0)
        return np.array(generate(model, rows.tolist(), max_new_tokens=length, sampling=greedy, suppress_ids=()))

    return model.count_params(), write


def keras_nlp(sizes: dict, prompt: int, length: int, **options):
    """The same with keras-nlp."""
    import keras_nlp

    backbone = keras_nlp.models.GPT2Backbone(**sizes)
    model = keras_nlp.models.GPT2CausalLM(backbone=backbone, preprocessor=None)
    model.compile(sampler="greedy", **options)

    def write(rows: np.ndarray) -> np.ndarray:
        room = np.zeros((len(rows), length), "int32")
        inputs = {"token_ids": np.hstack([rows, room]), "padding_mask": np.hstack([np.ones_like(rows), room])}
        return np.asarray(model.generate(inputs, stop_token_ids=None)["token_ids"])[:, prompt:]

    return backbone.count_params(), write


def main() -> None:
    """Do what is asked until nothing more is."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    prompt, length = settings.pop("prompt"), settings.pop("length")
    if name == "ours":
        weights, write = ours(settings, length)
    else:
        weights, write = keras_nlp(settings, prompt, length, **({"jit_compile": True} if name.endswith("xla") else {}))
    print("answer", weights, flush=True)
    rng = np.random.default_rng(0)
    for line in sys.stdin:
        rows = rng.integers(2, settings["vocabulary_size"], (int(line), prompt)).astype("int32")
        began = time.perf_counter()
        written = write(rows)
        seconds = time.perf_counter() - began
        assert written.shape == (len(rows), length), written.shape
        print("answer", seconds, flush=True)


if __name__ == "__main__":
    main()
