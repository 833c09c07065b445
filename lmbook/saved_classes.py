"""The classes that files of models name: Keras finds them although nothing has imported their modules yet.

`keras.models.load_model` knows only classes that are registered, and a class is registered when its module is imported.
So each name here is registered with a stand-in that imports the module when Keras asks for the class.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lmbook.imports import around_import

PACKAGE = "lmbook"  # of `register_keras_serializable`
MODULES = {  # with the names under which their classes are registered
    "lmbook.layers.attention": ("MultiHeadAttention",),
    "lmbook.layers.block": ("TransformerBlock",),
    "lmbook.layers.embedding": ("ScaledEmbedding", "TokenEmbedding"),
    "lmbook.layers.feed_forward": ("FeedForward",),
    "lmbook.layers.lora": ("LoRADense",),
    "lmbook.models.bag_of_words_classifier": ("BagOfWordsClassifier",),
    "lmbook.models.bert": ("Bert", "BertClassifier", "BertMaskedLM", "BertReader", "BertTagger"),
    "lmbook.models.encoder_decoder": ("EncoderDecoder",),
    "lmbook.models.gpt": ("GPT",),
    "lmbook.models.recurrent": ("ChronoBias", "RecurrentLanguageModel"),
    "lmbook.models.recurrent_classifier": ("RecurrentClassifier",),
    "lmbook.models.recurrent_encoder_decoder": ("RecurrentEncoderDecoder",),
    "lmbook.models.transformer": ("TransformerEncoder", "TransformerLanguageModel"),
    "lmbook.topics.interpretability.sparse_autoencoder": ("SparseAutoencoder",),
    "lmbook.topics.preferences.reward_model": ("RewardModel",),
    "lmbook.topics.reading.story_reader": ("LineEmbedding", "StoryReader"),
    "lmbook.topics.speech.recognizer": ("SpeechRecognizer",),
    "lmbook.topics.vision.captioner": ("Captioner",),
    "lmbook.topics.vision.contrastive": ("ContrastiveModel",),
    "lmbook.topics.vision.picture_encoder": ("PictureEncoder",),
    "lmbook.topics.word_vectors.word2vec": ("WordEmbeddings",),
    "lmbook.training.optimizers": ("ScaledAdam",),
    "lmbook.training.schedules": ("WarmupCosine",),
}


def announce_classes() -> None:
    """Register the stand-ins with Keras, or let them be registered as soon as it is imported."""
    if "keras" in sys.modules:
        _register()
    else:
        around_import("keras", _registered_afterwards)


@contextmanager
def _registered_afterwards() -> Iterator[None]:
    yield
    _register()


def _register() -> None:
    import keras

    known = keras.saving.get_custom_objects()
    for module, names in MODULES.items():
        for name in names:
            known.setdefault(f"{PACKAGE}>{name}", _StandIn(module, name))


class _StandIn:
    """Has what Keras asks of a class when it reads a file; the import puts the class itself in its place."""

    def __init__(self, module: str, name: str):
        self._module, self._name = module, name

    def from_config(self, config):
        import keras

        importlib.import_module(self._module)
        return keras.saving.get_registered_object(f"{PACKAGE}>{self._name}").from_config(config)
