from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.decoding.constraints import Automaton, lines
from lmbook.decoding.generate import generate, stream
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.character import CharacterTokenizer

TOKENIZER = CharacterTokenizer.train(["aaaaabbbbcccdde1234"])
TOKENS, END = TOKENIZER.tokens, TOKENIZER.end_id
FORM = lines([str.isalpha, str.isalpha, str.isdigit], TOKENIZER)
PROMPTS = [[END], [END, 4, 5], [END, 9]] * 5  # prompts are not held to the form
OPTIONS = {"max_new_tokens": 8, "seed": 1, "stop_ids": (END,), "constraint": FORM}


def assert_of_the_form(texts):
    for ids in texts:
        text = "".join(TOKENS[token] for token in ids)
        assert len(text) == 3 and text[:2].isalpha() and text[2].isdigit()


@pytest.fixture(scope="module")
def recurrent():
    keras.utils.set_random_seed(7)
    return RecurrentLanguageModel(RecurrentConfig(len(TOKENS), 6, 8))


def test_every_kind_of_model_writes_texts_of_the_form(any_model, sources_for):
    sources, sampling = sources_for(15), Sampling(2.0, top_k=3)
    texts = generate(any_model, PROMPTS, sources=sources, sampling=sampling, **OPTIONS)
    assert_of_the_form(texts)
    assert len(set(map(tuple, texts))) > 1
    source = None if sources is None else sources[0]
    assert list(stream(any_model, [END], source=source, sampling=sampling, **OPTIONS)) == texts[0]


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0), Sampling(0.9, repetition_penalty=1.2)])
def test_every_way_of_choosing_keeps_to_the_form(recurrent, sampling):
    texts = generate(recurrent, PROMPTS, sampling=sampling, **OPTIONS)
    assert_of_the_form(texts)
    assert list(stream(recurrent, [END], sampling=sampling, **OPTIONS)) == texts[0]


def test_an_automaton_that_leads_nowhere_is_named():
    with pytest.raises(LmbookError, match="State 1 .* no token"):
        Automaton(np.array([[-1, 1], [-1, -1]]))
    with pytest.raises(LmbookError, match="leads to state 5"):
        Automaton(np.array([[0, 5]]))
    with pytest.raises(LmbookError, match="no token"):
        lines([str.isupper], TOKENIZER)
