"""Hugging Face's transformers and nanoGPT in decoding.py; run with the Python that has torch.

    python decoding_torch.py huggingface|DIR SETTINGS

DIR is a checkout of nanoGPT; SETTINGS and the lines on standard input and output are those of decoding_keras.py.
"""

import json
import sys
import time

import torch


def huggingface(sizes, length):
    """The number of weights, and a function that continues rows of ids."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=sizes["vocabulary_size"],
        n_positions=sizes["max_sequence_length"],
        n_embd=sizes["hidden_dim"],
        n_inner=sizes["intermediate_dim"],
        n_head=sizes["num_heads"],
        n_layer=sizes["num_layers"],
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(config).eval()

    def write(rows):
        mask = torch.ones_like(rows)
        return model.generate(rows, attention_mask=mask, max_new_tokens=length, do_sample=False, use_cache=True)

    return sum(weight.numel() for weight in model.parameters()), write


def nanogpt(folder, sizes, length):
    """The same; sampled as its sample.py does."""
    sys.path.insert(0, folder)
    from model import GPT, GPTConfig

    config = GPTConfig(
        block_size=sizes["max_sequence_length"],
        vocab_size=sizes["vocabulary_size"],
        n_layer=sizes["num_layers"],
        n_head=sizes["num_heads"],
        n_embd=sizes["hidden_dim"],
        dropout=0.0,
        bias=True,
    )
    model = GPT(config).eval()

    def write(rows):
        return model.generate(rows, length, temperature=0.8, top_k=200)

    return sum(weight.numel() for weight in model.parameters()), write


def main():
    """Do what is asked until nothing more is."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    prompt, length = settings["prompt"], settings["length"]
    weights, write = huggingface(settings, length) if name == "huggingface" else nanogpt(name, settings, length)
    print("answer", weights, flush=True)
    generator = torch.Generator().manual_seed(0)
    for line in sys.stdin:
        rows = torch.randint(2, settings["vocabulary_size"], (int(line), prompt), generator=generator)
        began = time.perf_counter()
        with torch.no_grad():
            written = write(rows)
        seconds = time.perf_counter() - began
        assert written.shape == (len(rows), prompt + length), written.shape
        print("answer", seconds, flush=True)


if __name__ == "__main__":
    main()
