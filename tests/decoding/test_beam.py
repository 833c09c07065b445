from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.decoding.beam import beam_search
from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.compiled import compiled
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel

VOCABULARY = 12
END = 2
STOP = {"stop_id": END, "suppress_ids": (0, 1)}


@settings(max_examples=15, deadline=None)
@given(first=st.lists(st.integers(3, VOCABULARY - 1), min_size=3, max_size=3))
def test_one_beam_is_greedy(any_model, sources_for, first):
    prompts = [[END, token] for token in first]
    options = {"max_new_tokens": 6, "sources": sources_for(3)}
    sampling = Sampling(temperature=0, top_k=1)  # as without top_k, but it shares the compiled step with the search
    greedy = generate(any_model, prompts, sampling=sampling, stop_ids=(END,), suppress_ids=(0, 1), **options)
    assert beam_search(any_model, prompts, beams=1, **STOP, **options) == greedy


def test_a_search_is_compiled_once_for_texts_of_one_shape(any_model, sources_for):
    for token, length in ((3, 5), (4, 5), (5, 7)):
        beam_search(any_model, [[END, token, 6]], max_new_tokens=length, beams=3, sources=sources_for(1), **STOP)
    search = compiled(any_model, ("beam", 1, 3), None)
    assert search.experimental_get_tracing_count() <= 2  # one length, then any


@pytest.mark.parametrize("length_penalty", [0.0, 0.6])
def test_enough_beams_find_the_best_of_all_texts(any_model, sources_for, length_penalty):
    length, sources = 3, sources_for(3)
    found = beam_search(
        any_model,
        [[END]] * 3,
        max_new_tokens=length,
        beams=100,
        length_penalty=length_penalty,
        sources=sources,
        **STOP,
    )
    words = range(3, VOCABULARY)
    endings = [list(text) for n in range(length) for text in itertools.product(words, repeat=n)]
    whole = [[*text, END] for text in endings] + [list(text) for text in itertools.product(words, repeat=length)]
    for row, text in enumerate(found):
        source = None if sources is None else sources[row]
        best = whole[int(np.argmax(scores(any_model, source, whole, length_penalty)))]
        assert text == [token for token in best if token != END]


def scores(model, source, texts, length_penalty):
    """The score of each text, from the logits of all its tokens at once."""
    lengths = np.array([len(text) for text in texts])
    ids = np.array([[END, *text, *[3] * (max(lengths) - len(text))] for text in texts], "int32")
    inputs = ids[:, :-1] if source is None else (np.tile(source, (len(texts), 1)), ids[:, :-1])
    logits = np.array(model(inputs), "float64")
    logits[:, :, :2] = -np.inf
    each = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    each = np.take_along_axis(each, ids[:, 1:, None], axis=-1)[:, :, 0]
    counted = np.arange(max(lengths)) < lengths[:, None]
    return np.where(counted, each, 0.0).sum(axis=1) / ((5 + lengths) / 6) ** length_penalty


def test_unusable_arguments_are_named():
    model = TransformerLanguageModel(TransformerConfig(7, 8, 8, num_heads=2, max_sequence_length=12))
    with pytest.raises(LmbookError, match="differ in length"):
        beam_search(model, [[2], [2, 3]], max_new_tokens=2, **STOP)
    with pytest.raises(LmbookError, match="beams is 0"):
        beam_search(model, [[2]], max_new_tokens=2, beams=0, **STOP)
    with pytest.raises(LmbookError, match="max_new_tokens=12 are more than the 12"):
        beam_search(model, [[2]], max_new_tokens=12, **STOP)
