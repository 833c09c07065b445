"""Logistic regression on bags of words."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.models.base import BaseModel


@keras.saving.register_keras_serializable("lmbook")
class BagOfWordsClassifier(BaseModel):
    """Every word votes for every class: logits = sum over the words of weight * W[word], plus b.

    W [V, classes] is an embedding whose vectors are as wide as there are classes, so a sum of embeddings is the product
    of the bag [V] with W; nothing in it depends on the order of the words.

    Input: {"ids": int32 [B, T], "weights": float32 [B, T]}, the words (or n-grams) of a text and what each counts; a
    place with weight 0 holds nothing. Output: logits [B, classes], or [B, 1] for two classes, above 0 for the second.

    Args:
        vocabulary_size: V, different words (or n-grams).
        num_classes: at least 2.
        l2: `l2 * sum(W ** 2)` is added to the loss. The mean loss over N examples with l2 = 1 / (2 C N) is the
            objective of scikit-learn's `LogisticRegression(C=C)`, divided by C N; b is free in both.

    Raises:
        LmbookError: fewer than two classes.

    Example:
        >>> model = BagOfWordsClassifier(vocabulary_size=4, num_classes=3)
        >>> model({"ids": [[0, 2]], "weights": [[1.0, 2.0]]}).shape
        TensorShape([1, 3])
    """

    def __init__(self, vocabulary_size: int, num_classes: int, l2: float = 0.0, **kwargs):
        if num_classes < 2:
            raise LmbookError(f"num_classes is {num_classes}.", "There must be at least 2 classes to tell apart.")
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_classes = num_classes
        self.l2 = l2
        # The problem has one minimum only: there is nothing to gain from a random start.
        self.word_votes = self.add_weight(
            (vocabulary_size, 1 if num_classes == 2 else num_classes),
            initializer="zeros",
            regularizer=keras.regularizers.L2(l2),
            name="word_votes",
        )
        self.bias = self.add_weight(self.word_votes.shape[1:], initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs: dict[str, Any]):
        votes = ops.take(self.word_votes, inputs["ids"], axis=0)  # [B, T, classes]
        return ops.einsum("bt,btc->bc", inputs["weights"], votes) + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape["ids"][0], self.word_votes.shape[1]

    def get_config(self) -> dict[str, Any]:
        settings = {"vocabulary_size": self.vocabulary_size, "num_classes": self.num_classes, "l2": self.l2}
        return {**super().get_config(), **settings}
