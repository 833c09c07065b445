"""Text classifiers trained by `fit`: an LSTM, a Transformer, or a fine-tuned MiniLM."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from scipy import special

from lmbook.corpora.corpus import Corpus
from lmbook.errors import LmbookError
from lmbook.evaluation.calibration_error import Calibration, calibration
from lmbook.evaluation.classification import ClassificationScore, classification_score
from lmbook.models.bert import BERTClassifier, BERTConfig
from lmbook.models.linear_classifiers import SIGN, WORD, bag_of_words, with_best_penalty
from lmbook.models.pretrained.hugging_face import load_minilm
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.recipes.profile import CorpusProfile
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.tokenizer import Tokenizer, check_texts
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.fine_tuning import class_logits, classification_loss
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig

FEWEST_STEPS = 200  # a few hundred texts make epochs of a few steps
TOGETHER = 512  # texts that are classified between two reports

Report = Callable[[int, int], None]  # is told (texts done, texts in all)


@dataclass(frozen=True)
class ClassifierProfile(CorpusProfile):
    """How a classifier is made and trained; `PROFILES` has one for each kind.

    Args:
        name: the kind: "lstm" or "transformer", from random weights; "minilm", all weights of a pre-trained one.
        steps, minutes, gradient_accumulation_steps: see `CorpusProfile`; with neither of the first two `epochs` count.
        learning_rate: the highest one.
        epochs: passes over the training texts, but at least 200 steps.
        tokens_per_batch, max_length: see `LabelledTexts`; the longer texts lose their end.
        vocabulary_size: byte pairs of those from random weights, at most.
    """

    learning_rate: float = 1e-3
    epochs: int = 6
    tokens_per_batch: int = 2048
    max_length: int = 128
    vocabulary_size: int = 4000


PROFILES = {  # the epochs were not searched for
    "lstm": ClassifierProfile("lstm", learning_rate=4e-3, epochs=5),
    "transformer": ClassifierProfile("transformer"),
    "minilm": ClassifierProfile("minilm", learning_rate=1e-4, epochs=4, tokens_per_batch=1024),
}


@dataclass(frozen=True)
class ClassifierTest:
    """What a classifier did on labelled texts.

    Attributes:
        answers: the likeliest label of each text.
        score: how they compare with the right ones.
        calibration: of the probabilities; None where a right label is none of the classifier's.
    """

    answers: list[str]
    score: ClassificationScore
    calibration: Calibration | None


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

    def probabilities(self, texts: Sequence[str], report: Report = lambda done, total: None) -> np.ndarray:
        """The probability of each class for each text, [N, C]; `report` is told now and then how many are done."""
        found = []
        for first in range(0, max(1, len(texts)), TOGETHER):  # no text at all is refused below
            some = texts[first : first + TOGETHER]
            data = labelled_texts(self.tokenizer, some, [0] * len(some), self.max_length, 4 * self.max_length)
            found.append(softmax(class_logits(self.model, data)))
            report(first + len(some), len(texts))
        return np.concatenate(found)

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of the texts have more tokens than are read."""
        return sum(len(self.tokenizer.encode(text)) > self.max_length - 2 for text in texts)

    def test(self, records: Sequence[dict], report: Report = lambda done, total: None) -> ClassifierTest:
        """Classify labelled texts, `{"text", "label"}`, and compare the answers with their labels."""
        right = [record["label"] for record in records]
        probabilities = self.probabilities([record["text"] for record in records], report)
        answers = [self.labels[place] for place in probabilities.argmax(axis=1)]
        known = set(right) <= set(self.labels)
        calibrated = calibration(probabilities, [self.labels.index(label) for label in right]) if known else None
        return ClassifierTest(answers, classification_score(right, answers), calibrated)


def bag_of_words_score(corpus: Corpus) -> ClassificationScore:
    """What a bag of words that read the corpus's training texts does on its test texts."""
    texts, labels = (
        {part: [record[key] for record in corpus.split(part)] for part in ("train", "validation", "test")}
        for key in ("text", "label")
    )
    # Texts of emoji or of digits have no word of two letters, of which a bag of words is made as a rule.
    words = any(re.search(WORD, text) for text in texts["train"])
    make = bag_of_words if words else partial(bag_of_words, word=SIGN)
    bag = with_best_penalty(make, texts["train"], labels["train"], texts["validation"], labels["validation"])
    return classification_score(labels["test"], bag.predict(texts["test"]).tolist())


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [N, C] float64 of logits [N, C]."""
    return special.softmax(np.asarray(logits, np.float64), axis=1)


def labelled_texts(
    tokenizer: Tokenizer, texts: Sequence[str], classes: Sequence[int], max_length: int, tokens: int, seed: int = 0
) -> LabelledTexts:
    """Batches of texts for a classifier with this tokenizer, `tokens` positions in each."""
    check_texts(texts)
    return LabelledTexts(
        [tokenizer.encode(text) for text in texts],
        classes,
        tokenizer,
        tokens_per_batch=tokens,
        max_length=max_length,
        seed=seed,
    )


def text_classifier(
    profile: ClassifierProfile,
    corpus: Corpus,
    seed: int = 0,
    *,
    tokenizer: Tokenizer | None = None,
    output: Path | None = None,
    resume: str | Path = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> TextClassifier:
    """Train a classifier on a corpus of labelled texts; the weights of the lowest validation loss are kept.

    Args:
        profile: how, e.g. `PROFILES["lstm"]`.
        corpus: for text classification, with train and validation split; each label of the latter is in the former.
        seed: of the weights and the order.
        tokenizer: for those from random weights; None: byte pairs of the training texts.
        output: folder of this very run, with its checkpoints, as in `fit`; None keeps none.
        resume: as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.

    Raises:
        LmbookError: there is no such kind, a label is not known, MiniLM is not installed; as `fit`.
    """
    kind = profile.name
    if kind not in PROFILES:
        raise LmbookError(f"There is no classifier called {kind!r}.", f"Choose one of: {', '.join(PROFILES)}.")
    train, validation = corpus.split("train"), corpus.split("validation")
    labels = sorted({record["label"] for record in train})
    unknown = sorted({record["label"] for record in validation} - set(labels))
    if unknown:
        raise LmbookError(f"No training text has the label {unknown[0]!r}.", "Give more texts of it, or leave it out.")
    reproducible(seed)
    with (strategy or tf.distribute.get_strategy()).scope():
        if kind == "minilm":
            bert, tokenizer = load_minilm()
            model = BERTClassifier(bert, len(labels), pooling="mean")
        else:
            tokenizer = tokenizer or BytePairTokenizer.train(
                [record["text"] for record in train], profile.vocabulary_size
            )
            model = _from_scratch(profile, tokenizer, len(labels))
    data, held_out = (
        labelled_texts(
            tokenizer,
            [record["text"] for record in records],
            [labels.index(record["label"]) for record in records],
            profile.max_length,
            profile.tokens_per_batch,
            seed,
        )
        for records in (train, validation)
    )
    if data.cut and not quiet and is_chief():
        print(f"{data.cut:,} of {len(train):,} texts for train have more than {profile.max_length} tokens: only their")
        print("beginnings are read, in training and after it.")
    steps = profile.steps
    if steps is None and profile.minutes is None:
        steps = max(profile.epochs * data.steps_per_epoch, FEWEST_STEPS)
    history = fit(
        model,
        data,
        steps=steps,
        minutes=profile.minutes,
        validation=lambda model: classification_loss(model, held_out),
        optimizer=OptimizerConfig(learning_rate=profile.learning_rate, final_fraction=0.0),
        gradient_accumulation_steps=profile.gradient_accumulation_steps,
        report_every=max(data.steps_per_epoch, 20),
        output=output,
        resume=resume,
        fingerprints={"tokenizer": tokenizer.fingerprint},
        checks=("ids",),  # the others are for models that write text
        strategy=strategy,
        jit_compile=False,  # XLA would compile for each width, for longer than it saves
        quiet=quiet,
    )
    return TextClassifier(model, tokenizer, labels, profile.max_length, history)


def _from_scratch(profile: ClassifierProfile, tokenizer: Tokenizer, num_classes: int) -> keras.Model:
    if profile.name == "lstm":
        sizes = RecurrentClassifierConfig(tokenizer.vocabulary_size, num_classes, pad_id=tokenizer.pad_id)
        return RecurrentClassifier(sizes)
    config = BERTConfig(
        tokenizer.vocabulary_size,
        hidden_dim=128,
        intermediate_dim=256,
        num_heads=4,
        num_layers=2,
        max_sequence_length=profile.max_length,
        num_segments=1,
        pad_id=tokenizer.pad_id,
        dropout=0.2,
        stddev=0.05,
    )
    return BERTClassifier(config, num_classes, pooling="mean")
