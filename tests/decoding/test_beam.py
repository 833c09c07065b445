from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from lmbook.decoding.beam import beam_search
from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel

V, END = 7, 2
SOURCES = np.array([[3, 4, 5], [6, 3, 0], [4, 4, 4]], "int32")
SMALL = TransformerConfig(V, 8, 8, num_heads=2, max_sequence_length=12, dropout=0.0)


def sharpen(model):
    rng = np.random.default_rng(3)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.5, size=weight.shape))
    return model


MODELS = {
    "recurrent": lambda: RecurrentLanguageModel(RecurrentConfig(V, 6, 8)),
    "decoder": lambda: TransformerLanguageModel(SMALL),
    "encoder_decoder": lambda: EncoderDecoder(SMALL),
}


@pytest.fixture(params=MODELS)
def model(request):
    keras.utils.set_random_seed(5)
    return sharpen(MODELS[request.param]())


def sources_of(model):
    return SOURCES if isinstance(model, EncoderDecoder) else None


def test_one_beam_is_greedy(model):
    prompts = [[END, 3], [END, 4], [END, 5]]
    options = {"length": 6, "sources": sources_of(model)}
    greedy = generate(model, prompts, sampling=Sampling(temperature=0), stop_ids=(END,), **options)
    assert beam_search(model, prompts, beams=1, **options) == greedy


@pytest.mark.parametrize("length_penalty", [0.0, 0.6])
def test_enough_beams_find_the_best_of_all_texts(model, length_penalty):
    length, prompts = 3, [[END], [END], [END]]
    found = beam_search(
        model, prompts, length=length, beams=60, length_penalty=length_penalty, sources=sources_of(model)
    )
    endings = [list(text) for n in range(length) for text in itertools.product(range(3, V), repeat=n)]
    whole = [[*text, END] for text in endings] + [list(text) for text in itertools.product(range(3, V), repeat=length)]
    for row, text in enumerate(found):
        best = whole[int(np.argmax(scores(model, row, whole, length_penalty)))]
        assert text == [token for token in best if token != END]


def scores(model, row, texts, length_penalty):
    """The score of each text, from the logits of all its tokens at once."""
    lengths = np.array([len(text) for text in texts])
    ids = np.array([[END, *text, *[3] * (max(lengths) - len(text))] for text in texts], "int32")
    source = np.repeat(SOURCES[row : row + 1], len(texts), axis=0)
    inputs = (source, ids[:, :-1]) if isinstance(model, EncoderDecoder) else ids[:, :-1]
    logits = np.array(model(inputs), "float64")
    logits[:, :, :2] = -np.inf
    each = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    each = np.take_along_axis(each, ids[:, 1:, None], axis=-1)[:, :, 0]
    counted = np.arange(max(lengths)) < lengths[:, None]
    return np.where(counted, each, 0.0).sum(axis=1) / ((5 + lengths) / 6) ** length_penalty


def test_unusable_arguments_are_named():
    model = MODELS["decoder"]()
    with pytest.raises(LmbookError, match="differ in length"):
        beam_search(model, [[2], [2, 3]], length=2)
    with pytest.raises(LmbookError, match="beams is 0"):
        beam_search(model, [[2]], length=2, beams=0)
    with pytest.raises(LmbookError, match="length=12 are more than the 12"):
        beam_search(model, [[2]], length=12)
