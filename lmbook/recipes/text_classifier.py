"""Text classifiers trained by `fit`: an LSTM, a Transformer, or a fine-tuned MiniLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import special

from lmbook.errors import LmbookError
from lmbook.models.bert import BERTClassifier, BERTConfig
from lmbook.models.pretrained.hugging_face import load_minilm
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.training.fine_tuning import class_logits, classification_loss
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig

LEARNING_RATES = {"lstm": 4e-3, "transformer": 1e-3, "minilm": 1e-4}
EPOCHS = {"lstm": 5, "transformer": 6, "minilm": 4}  # when nothing else is said; not searched for
TOKENS_PER_BATCH = {"lstm": 2048, "transformer": 2048, "minilm": 1024}
FEWEST_STEPS = 200  # a few hundred texts make epochs of a few steps
VOCABULARY_SIZE = 4000


@dataclass(frozen=True)
class TextClassifier:
    """A trained classifier and what it was made with.

    Attributes:
        model: ids [B, T] -> logits [B, C].
        tokenizer: of its texts.
        labels: the names of the classes, C.
        max_length: tokens that are read of a text.
        history: of its training; None for one that was loaded.
    """

    model: keras.Model
    tokenizer: Tokenizer
    labels: list[str]
    max_length: int
    history: History | None = None

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each class for each text, [N, C]."""
        data = labelled_texts(self.tokenizer, texts, [0] * len(texts), self.max_length, 4 * self.max_length)
        return softmax(class_logits(self.model, data))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [N, C] float64 of logits [N, C]."""
    return special.softmax(np.asarray(logits, np.float64), axis=1)


def labelled_texts(
    tokenizer: Tokenizer, texts: Sequence[str], classes: Sequence[int], max_length: int, tokens: int, seed: int = 0
) -> LabelledTexts:
    """Batches of texts for a classifier with this tokenizer, `tokens` positions in each."""
    return LabelledTexts(
        [tokenizer.encode(text) for text in texts],
        classes,
        tokenizer,
        tokens_per_batch=tokens,
        max_length=max_length,
        seed=seed,
    )


def train_text_classifier(
    kind: str,
    train: Sequence[dict],
    validation: Sequence[dict],
    *,
    tokenizer: Tokenizer | None = None,
    vocabulary_size: int | None = None,
    max_length: int = 128,
    seed: int = 0,
    strategy: tf.distribute.Strategy | None = None,
    **options: Any,
) -> TextClassifier:
    """Train on records {"text", "label"}; the weights of the lowest validation loss are kept.

    Args:
        kind: "lstm" or "transformer", from random weights; "minilm", all weights of a pre-trained one.
        train, validation: the records; a label of validation must occur in training.
        tokenizer: for those from random weights; None: byte pairs of the training texts.
        vocabulary_size: of these byte pairs, at most.
        max_length: tokens that are read of a text; the longer ones lose their end.
        seed: of the weights and the order.
        strategy: from `make_strategy`.
        options: `steps`, `minutes` and others of `fit`; with neither a number of epochs that suits the model.

    Raises:
        LmbookError: there is no such kind, a label is not known, MiniLM is not installed; as `fit`.
    """
    if kind not in LEARNING_RATES:
        raise LmbookError(f"There is no classifier called {kind!r}.", f"Choose one of: {', '.join(LEARNING_RATES)}.")
    labels = sorted({record["label"] for record in train})
    unknown = sorted({record["label"] for record in validation} - set(labels))
    if unknown:
        raise LmbookError(f"No training text has the label {unknown[0]!r}.", "Give more texts of it, or leave it out.")
    reproducible(seed)
    scope = (strategy or tf.distribute.get_strategy()).scope()
    with scope:
        if kind == "minilm":
            bert, tokenizer = load_minilm()
            model = BERTClassifier(bert, len(labels), pooling="mean")
        else:
            tokenizer = tokenizer or BytePairTokenizer.train(
                [record["text"] for record in train], vocabulary_size or VOCABULARY_SIZE
            )
            model = _from_scratch(kind, tokenizer.vocabulary_size, len(labels), max_length)
    data, held_out = (
        labelled_texts(
            tokenizer,
            [record["text"] for record in records],
            [labels.index(record["label"]) for record in records],
            max_length,
            TOKENS_PER_BATCH[kind],
            seed,
        )
        for records in (train, validation)
    )
    if options.get("steps") is None and options.get("minutes") is None:
        options["steps"] = max(EPOCHS[kind] * data.steps_per_epoch, FEWEST_STEPS)
    usual = {"report_every": max(data.steps_per_epoch, 20), "fingerprints": {"tokenizer": tokenizer.fingerprint}}
    history = fit(
        model,
        data,
        validation=lambda model: classification_loss(model, held_out),
        optimizer=OptimizerConfig(learning_rate=LEARNING_RATES[kind], final_fraction=0.0),
        checks=("ids",),  # the others are for models that write text
        strategy=strategy,
        jit_compile=False,  # XLA would compile for each width, for longer than it saves
        **{**usual, **options},
    )
    return TextClassifier(model, tokenizer, labels, max_length, history)


def _from_scratch(kind: str, vocabulary_size: int, num_classes: int, max_length: int) -> keras.Model:
    if kind == "lstm":
        return RecurrentClassifier(RecurrentClassifierConfig(vocabulary_size, num_classes))
    config = BERTConfig(
        vocabulary_size,
        hidden_dim=128,
        intermediate_dim=256,
        num_heads=4,
        num_layers=2,
        max_sequence_length=max_length,
        num_segments=1,
        dropout=0.2,
        stddev=0.05,
    )
    return BERTClassifier(config, num_classes, pooling="mean")
