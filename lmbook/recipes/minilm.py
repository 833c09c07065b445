"""MiniLM as a classifier of texts, and as a source of text vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lmbook.models.bert import BERTClassifier
from lmbook.models.pretrained.hugging_face import load_minilm
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.recipes.text_classifier import PROFILES, labelled_texts
from lmbook.training.fine_tuning import FineTuning, text_vectors
from lmbook.training.history import History

RATES = {"last": 1e-3, "all": 1.5e-4}  # of the output layer; each block below learns with 0.8 of the rate above it


class MiniLMClassifier:
    """MiniLM with a classification layer; every fine-tuning starts again from the published weights.

    Args:
        num_classes: C.

    Attributes:
        model: the `BERTClassifier`; after `tune` it holds the best weights.

    Raises:
        LmbookError: the package that ships MiniLM is not installed.
    """

    def __init__(self, num_classes: int):
        self.bert, self.tokenizer = load_minilm()
        self.model = BERTClassifier(self.bert, num_classes, pooling="mean")
        self._start = [weight.numpy() for weight in self.bert.weights]
        self._tunings: dict[str, FineTuning] = {}

    def batches(self, texts: Sequence[str], classes: Sequence[int], length: int, seed: int = 0) -> LabelledTexts:
        """Batches of the texts as MiniLM reads them, cut to `length` word pieces."""
        return labelled_texts(self.tokenizer, texts, classes, length, PROFILES["minilm"].tokens_per_batch, seed)

    def vectors(self, texts: LabelledTexts) -> np.ndarray:
        """Mean vectors [N, D] of the untuned model."""
        for weight, value in zip(self.bert.weights, self._start, strict=True):
            weight.assign(value)
        return text_vectors(self.bert, texts)

    def tune(self, part: str, train: LabelledTexts, validation: LabelledTexts, epochs: int, seed: int = 0) -> History:
        """Train the "last" block or "all" weights, and a new output layer.

        The validation texts are read twice an epoch; the weights of the lowest loss are left in `model`. The compiled
        step of a part serves all later calls.
        """
        if part not in self._tunings:
            # XLA would compile for each width, for longer than it saves.
            self._tunings[part] = FineTuning(self.model, part, learning_rate=RATES[part], decay=0.8, jit_compile=False)
        steps, twice = epochs * train.steps_per_epoch, -(-train.steps_per_epoch // 2)
        options = {"validation": validation, "start": self._start, "seed": seed}
        return self._tunings[part].run(train, steps=steps, report_every=twice, **options)


def minilm_vectors(groups: Mapping[str, Sequence[str]], max_length: int = 48) -> dict[str, np.ndarray]:
    """MiniLM's mean vectors [N, D] for each group of texts, scaled to length 1: their products are cosines.

    Args:
        groups: name -> texts.
        max_length: longer texts are cut to so many word pieces.

    Raises:
        LmbookError: the package that ships MiniLM is not installed.
    """
    bert, tokenizer = load_minilm()
    found = {}
    for name, texts in groups.items():
        read = labelled_texts(tokenizer, texts, [0] * len(texts), max_length, PROFILES["minilm"].tokens_per_batch)
        vectors = text_vectors(bert, read)
        found[name] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found
