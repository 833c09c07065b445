"""Makes `data/`: models and a stopped run as lmbook 0.1.0 wrote them. It needs a checkout of commit 82acf3e.

    PYTHONPATH=CHECKOUT python make_former.py FOLDER

The tests load them with the present code; they are never made again by it.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
from lmbook.models.reward import RewardModel

from lmbook.corpora.greentree import generate
from lmbook.models.bert import BertClassifier, BertConfig, BertMaskedLM
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.fit import fit
from lmbook.training.run_folder import save_run

FOLDER = Path(sys.argv[1])
SIZES = {"vocabulary_size": 11, "hidden_dim": 8, "num_layers": 2, "num_heads": 2, "intermediate_dim": 16}
GPT_TODAY = {
    "positions": "rotary",
    "normalization": "rms",
    "normalize_heads": True,
    "normalize_embedding": True,
    "activation": "squared_relu",
    "shared_embeddings": False,
    "logit_soft_cap": 15.0,
    "use_bias": False,
    "smear_keys": True,
    "max_sequence_length": 16,
}
PAPER = {"order": "post", "positions": "sinusoidal", "max_sequence_length": 16}
TODAY = {"order": "pre", "positions": "rotary", "normalization": "rms", "activation": "gelu", "use_bias": False}


def models():
    """(name, model, what it is called with)."""
    ids = np.array([[2, 5, 3, 7, 9, 4], [2, 8, 8, 10, 0, 0]], "int32")
    yield "gpt", GPT(GPTConfig(**SIZES, **GPT_TODAY)), ids
    yield "gpt2", GPT(GPTConfig(**SIZES, max_sequence_length=16)), ids
    yield "transformer", TransformerLanguageModel(TransformerConfig(**SIZES, **TODAY, max_sequence_length=16)), ids
    yield "encoder_decoder", EncoderDecoder(TransformerConfig(**SIZES, **PAPER)), (ids, ids[:, :4])
    bert = BertConfig(**SIZES, max_sequence_length=16)
    yield "bert_masked", BertMaskedLM(bert), ids
    yield "bert_classifier", BertClassifier(bert, num_classes=3), ids
    yield "reward", RewardModel(GPTConfig(**SIZES, **GPT_TODAY)), ids
    recurrent = {"vocabulary_size": 11, "embedding_dim": 6, "hidden_dim": 8}
    yield "lstm", RecurrentLanguageModel(RecurrentConfig(**recurrent, memory_span=20)), ids
    yield "lstm_classifier", RecurrentClassifier(RecurrentClassifierConfig(**recurrent, num_classes=3)), ids


def squeeze(path: Path) -> None:
    """Compress a .keras file, a ZIP file that Keras stores as it is: hdf5 leaves room between small arrays."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in members.items():
            file.writestr(name, content)


def save_models() -> None:
    outputs = {}
    for name, model, inputs in models():
        random = np.random.default_rng(0)  # heads and gains that start at 0 or 1 would hide a mistake
        for variable in model.trainable_variables:
            variable.assign(variable.numpy() + 0.1 * random.standard_normal(variable.shape))
        model.save(FOLDER / f"{name}.keras")
        squeeze(FOLDER / f"{name}.keras")
        outputs[name] = np.asarray(model(inputs))
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)


class Stopped(Exception):
    pass


def save_runs() -> None:
    """A finished run, and the checkpoints of the same run stopped after 8 of 12 steps."""
    texts = [story.english for story in generate(40, seed=1)]
    tokenizer = WordTokenizer.train(texts, 60)
    documents = [tokenizer.encode(text) for text in texts]
    config = GPTConfig(**{**SIZES, "vocabulary_size": tokenizer.vocabulary_size}, **GPT_TODAY)

    def train(folder, stop_at):
        keras.utils.set_random_seed(3)
        model = GPT(config)

        def stop(step, loss):
            if step == stop_at:
                raise Stopped

        data = CausalWindows(documents, context=8, batch_size=4, seed=5)
        identity = {"tokenizer": tokenizer.fingerprint}
        options = {"optimizer": "adamw", "learning_rate": 1e-2, "warmup_steps": 2, "report_every": 4}
        try:
            history = fit(
                model, data, steps=12, **options, output=folder, identity=identity, checks=(), callbacks=[stop],
                quiet=True, resume="never",
            )  # fmt: skip
        except Stopped:
            return None
        save_run(folder, model, tokenizer, {"model": "gpt"}, history, "once")
        return model

    train(FOLDER / "stopped", 8)
    train(FOLDER / "run", None)
    for left in (FOLDER / "run" / "checkpoints").iterdir():
        left.unlink()
    (FOLDER / "run" / "checkpoints").rmdir()


FOLDER.mkdir(parents=True, exist_ok=True)
save_models()
save_runs()
