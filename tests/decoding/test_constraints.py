from __future__ import annotations

import numpy as np
import pytest

from lmbook.decoding.constraints import Automaton, lines
from lmbook.decoding.generate import generate, stream
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError

TOKENS = ["<pad>", "<unk>", "<end>", *"abcde", *"1234"]
END = 2


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0), Sampling(2.0, top_k=3)])
def test_every_text_has_the_form(any_model, sources_for, sampling):
    form = lines([str.isalpha, str.isalpha, str.isdigit], TOKENS, END)
    prompts = [[END], [END, 4, 5], [END, 9]] * 5  # prompts are not held to the form
    options = {"length": 8, "sampling": sampling, "seed": 1, "stop_ids": (END,), "constraint": form}
    sources = sources_for(15)
    texts = generate(any_model, prompts, sources=sources, **options)
    for ids in texts:
        text = "".join(TOKENS[token] for token in ids)
        assert len(text) == 3 and text[:2].isalpha() and text[2].isdigit()
    if not sampling.greedy:
        assert len(set(map(tuple, texts))) > 1
    source = None if sources is None else sources[0]
    assert list(stream(any_model, [END], source=source, **options)) == texts[0]


def test_an_automaton_that_leads_nowhere_is_named():
    with pytest.raises(LmbookError, match="State 1 .* no token"):
        Automaton(np.array([[-1, 1], [-1, -1]]))
    with pytest.raises(LmbookError, match="leads to state 5"):
        Automaton(np.array([[0, 5]]))
    with pytest.raises(LmbookError, match="no token"):
        lines([str.isupper], TOKENS, END)
