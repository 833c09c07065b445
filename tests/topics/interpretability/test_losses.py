from __future__ import annotations

import numpy as np

from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.interpretability.losses import losses_from, next_tokens, token_losses
from lmbook.topics.interpretability.residual import residual_stream

IDS = np.array([[2, 7, 1, 8, 3], [2, 4, 4, 0, 0], [2, 5, 6, 9, 0]])


def test_the_next_token_of_the_last_is_the_end_and_of_padding_nothing():
    assert next_tokens(IDS, SpecialIds()).tolist() == [[7, 1, 8, 3, 2], [4, 4, 2, 0, 0], [5, 6, 9, 2, 0]]


def test_losses_are_those_of_the_logits_however_many_rows_are_read_together(gpt):
    labels, logits = next_tokens(IDS, SpecialIds()), np.asarray(gpt(IDS), "float64")
    exact = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(token_losses(gpt, IDS, labels), exact, atol=1e-5)
    np.testing.assert_allclose(token_losses(gpt, IDS, labels, batch_size=2), exact, atol=1e-5)
    states = residual_stream(gpt, IDS)
    for block in range(4):
        np.testing.assert_allclose(losses_from(gpt, states[block], labels, block, batch_size=2), exact, atol=1e-5)
