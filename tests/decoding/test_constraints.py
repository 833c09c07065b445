from __future__ import annotations

import numpy as np
import pytest

from lmbook.decoding.constraints import Automaton, lines
from lmbook.decoding.generate import generate, stream
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel

TOKENS = ["<pad>", "<unk>", "<end>", *"abcde", *"123"]
END = 2


@pytest.fixture(scope="module")
def model():
    config = TransformerConfig(len(TOKENS), 8, 8, num_heads=2, max_sequence_length=24)
    return TransformerLanguageModel(config)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0), Sampling(2.0, top_k=3)])
def test_every_text_has_the_form(model, sampling):
    form = lines([str.isalpha, str.isalpha, str.isdigit], TOKENS, END)
    prompts = [[END], [END, 4, 5], [END, 9]] * 5  # prompts are not held to the form
    texts = generate(model, prompts, length=8, sampling=sampling, seed=1, stop_ids=(END,), constraint=form)
    for ids in texts:
        text = "".join(TOKENS[token] for token in ids)
        assert len(text) == 3 and text[:2].isalpha() and text[2].isdigit()
    if not sampling.greedy:
        assert len(set(map(tuple, texts))) > 1
    assert list(stream(model, [END], length=8, sampling=sampling, seed=1, stop_ids=(END,), constraint=form)) == texts[0]


def test_an_automaton_that_leads_nowhere_is_named():
    with pytest.raises(LmbookError, match="State 1 .* no token"):
        Automaton(np.array([[-1, 1], [-1, -1]]))
    with pytest.raises(LmbookError, match="leads to state 5"):
        Automaton(np.array([[0, 5]]))
    with pytest.raises(LmbookError, match="no token"):
        lines([str.isupper], TOKENS, END)
