"""What holds for every model: one precision for the whole of it, and shapes that `summary()` shows."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
import zipfile

import keras
import numpy as np
import pytest

import lmbook.models
from lmbook.errors import LmbookError
from lmbook.layers.dense import make_dense
from lmbook.models import registry
from lmbook.models.bag_of_words_classifier import BagOfWordsClassifier
from lmbook.models.base import BaseModel
from lmbook.models.bert import BERT, BERTClassifier, BERTConfig, BERTMaskedLM, BERTReader, BERTTagger
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig
from lmbook.models.recurrent_encoder_decoder import RecurrentEncoderDecoder, RecurrentEncoderDecoderConfig
from lmbook.models.transformer import TransformerConfig, TransformerEncoder
from lmbook.topics.interpretability.sparse_autoencoder import SparseAutoencoder
from lmbook.topics.preferences.reward_model import RewardModel
from lmbook.topics.reading.story_reader import StoryReader, StoryReaderConfig
from lmbook.topics.speech.recognizer import SpeechConfig, SpeechRecognizer
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.contrastive import ContrastiveModel
from lmbook.topics.vision.picture_encoder import PictureTextConfig
from lmbook.topics.word_vectors.word2vec import WordEmbeddingConfig, WordEmbeddings

V = 11
SIZES = {"hidden_dim": 8, "intermediate_dim": 8, "num_heads": 2, "num_layers": 1}
BERT_SHAPE, READER = BERTConfig(V, **SIZES), StoryReaderConfig(V, 3, 2, **SIZES)
PICTURES = PictureTextConfig(V, picture_size=8, **SIZES)
IDS = np.array([[2, 3, 4], [2, 5, 0]], "int32")
PICTURE = np.arange(384, dtype="float32").reshape(2, 8, 8, 3) % 255


def registered(name):
    chosen = registry.entry(name)
    config = registry.make_config(name, V)
    small = {field: SIZES.get(field, 8) for field in (*SIZES, "embedding_dim") if hasattr(config, field)}
    model_class = getattr(importlib.import_module(chosen.module), chosen.model_class)
    return model_class, [dataclasses.replace(config, **small)], [IDS]


# class, its arguments, what the model is called with
KINDS = {
    **{name: registered(name) for name in registry.LANGUAGE_MODELS},
    "bag of words": (BagOfWordsClassifier, [V, 3], [{"ids": IDS, "weights": np.ones((2, 3), "float32")}]),
    "bert": (BERT, [dataclasses.replace(BERT_SHAPE, pooler=True)], [IDS]),
    "bert, masked": (BERTMaskedLM, [BERT_SHAPE], [IDS]),
    "bert, classes": (BERTClassifier, [BERT_SHAPE, 3], [IDS]),
    "bert, answers": (BERTReader, [BERT_SHAPE], [IDS]),
    "bert, tags": (BERTTagger, [BERT_SHAPE, 3], [IDS]),
    "captions": (Captioner, [PICTURES], [(PICTURE, IDS)]),
    "contrast": (ContrastiveModel, [PICTURES], [(PICTURE, IDS)]),
    "encoder": (TransformerEncoder, [TransformerConfig(V, **SIZES)], [IDS]),
    "encoder-decoder": (EncoderDecoder, [TransformerConfig(V, tie_embeddings=False, **SIZES)], [(IDS, IDS)]),
    "recurrent classes": (RecurrentClassifier, [RecurrentClassifierConfig(V, 3, 8, 8)], [IDS]),
    "recurrent translation": (RecurrentEncoderDecoder, [RecurrentEncoderDecoderConfig(V, 8)], [(IDS, IDS)]),
    "reward": (RewardModel, [GPTConfig(V, **SIZES)], [IDS]),
    "sparse autoencoder": (SparseAutoencoder, [3, 8, 2], [PICTURE[0, 0]]),
    "speech": (SpeechRecognizer, [SpeechConfig(V, num_mel_bins=3, **SIZES)], [PICTURE[0], np.array([8] * 8)]),
    "stories": (StoryReader, [READER], [IDS[:, :2, None]]),
    "stories, lstm": (StoryReader, [dataclasses.replace(READER, core="lstm")], [IDS[:, :2, None]]),
    "word vectors": (WordEmbeddings, [WordEmbeddingConfig(V, 8)], [IDS, IDS]),
}
every_kind = pytest.mark.parametrize(("model_class", "arguments", "inputs"), KINDS.values(), ids=KINDS)


@pytest.fixture
def policy():
    """Function that sets the process's policy; afterwards it is as it was."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def policies(model):
    """Of the model and of every layer in it; heads, called "logits", may be float32 on purpose and are left out."""
    return {layer.dtype_policy.name for layer in model._flatten_layers() if layer.name != "logits"}


def load(path):
    return keras.saving.load_model(path, safe_mode=True)


@pytest.mark.parametrize(("saved", "loaded"), [("mixed_bfloat16", "float32"), ("float32", "mixed_bfloat16")])
@every_kind
def test_a_file_is_loaded_wholly_under_the_policy_of_the_process(
    tmp_path, policy, model_class, arguments, inputs, saved, loaded
):
    policy(saved)
    model, rng = model_class(*arguments), np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])  # some start at 0, and give 0
    model.save(tmp_path / "model.keras")
    policy(loaded)
    again, expected = load(tmp_path / "model.keras"), model_class(*arguments)
    expected.set_weights(model.get_weights())
    assert policies(again) == {loaded}
    np.testing.assert_array_equal(again(*inputs), expected(*inputs))


@pytest.mark.parametrize("name", ["bag of words", "bert, classes", "gpt", "lstm", "stories"])
def test_files_from_before_which_name_a_policy_are_loaded_in_the_same_way(tmp_path, policy, monkeypatch, name):
    model_class, arguments, _ = KINDS[name]
    policy("mixed_bfloat16")
    model = model_class(*arguments)
    with monkeypatch.context() as patch:
        patch.setattr(BaseModel, "get_config", keras.Model.get_config)
        model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert json.loads(file.read("config.json"))["config"]["dtype"]["config"] == {"name": "mixed_bfloat16"}
    policy("float32")
    again = load(tmp_path / "model.keras")
    assert policies(again) == {"float32"}
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@every_kind
def test_a_precision_of_its_own_holds_for_all_layers_and_is_saved(tmp_path, policy, model_class, arguments, inputs):
    keras.utils.set_random_seed(0)
    model = model_class(*arguments, dtype="mixed_bfloat16")
    policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    expected = model_class(*arguments)
    policy("float32")
    assert policies(model) == policies(expected) == {"mixed_bfloat16"}
    rng = np.random.default_rng(0)
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        ours.assign(ours + rng.normal(scale=0.3, size=ours.shape))  # some start at 0, and give 0
        theirs.assign(ours)
    np.testing.assert_array_equal(as_float(model(*inputs)), as_float(expected(*inputs)))
    model.save(tmp_path / "model.keras")
    again = load(tmp_path / "model.keras")
    assert policies(again) == {"mixed_bfloat16"}
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def as_float(x):
    return np.asarray(keras.ops.cast(x, "float32"))


def test_a_head_computes_in_the_precision_of_the_bert_that_it_shares(tmp_path):
    bert = BERT(BERT_SHAPE, dtype="mixed_bfloat16")
    assert policies(BERTClassifier(bert, 3)) == {"mixed_bfloat16"}
    BERTMaskedLM(bert).save(tmp_path / "model.keras")
    assert policies(load(tmp_path / "model.keras")) == {"mixed_bfloat16"}
    with pytest.raises(LmbookError, match="dtype='float32' is not the mixed_bfloat16 of the BERT that is shared"):
        BERTClassifier(bert, 3, dtype="float32")


@every_kind
def test_summary_shows_every_shape_and_the_output_has_the_one_that_was_promised(model_class, arguments, inputs):
    model, lines = model_class(*arguments), []
    model.summary(line_length=200, print_fn=lambda line, **_: lines.append(line))
    assert "?" not in "".join(lines)
    shapes = [keras.tree.map_structure(lambda x: tuple(np.shape(x)), one) for one in inputs]
    assert model.compute_output_shape(*shapes) == tuple(model(*inputs).shape)
    symbolic = keras.tree.map_structure(
        lambda x: keras.Input((None, *np.shape(x)[2:]) if np.ndim(x) > 1 else (), dtype=np.asarray(x).dtype), inputs
    )
    output = model(*symbolic)
    assert len(output.shape) == len(model(*inputs).shape) and output.dtype == model(*inputs).dtype


def test_a_subclass_may_have_more_layers():
    class WithSentiment(GPT):
        def __init__(self, config, **kwargs):
            super().__init__(config, **kwargs)
            self.sentiment = make_dense(self.config.hidden_dim, 1, "sentiment")

        def call(self, ids, training=False):
            return self.sentiment(self.features(ids, training=training)[:, -1])

    assert WithSentiment(GPTConfig(V, **SIZES))(IDS).shape == (2, 1)


def test_every_model_of_the_book_is_tested_here():
    modules = [
        importlib.import_module(f"lmbook.models.{one.name}") for one in pkgutil.iter_modules(lmbook.models.__path__)
    ]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    models = {
        one for one in classes if issubclass(one, keras.Model) and keras.saving.get_registered_name(one) != one.__name__
    }
    assert models <= {model_class for model_class, _, _ in KINDS.values()}
