from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.topics.interpretability.residual import continue_from, logit_lens, residual_stream, vectors_at

IDS = np.array([[2, 7, 1, 8, 3], [2, 4, 4, 0, 0]])


def test_from_every_block_the_rest_of_the_model_comes_to_the_same_logits(gpt):
    states, logits = residual_stream(gpt, IDS), np.asarray(gpt(IDS))
    assert states.shape == (4, 2, 5, 16)
    for block in range(4):
        np.testing.assert_allclose(continue_from(gpt, states[block], block), logits, atol=1e-5)


def test_the_vectors_of_some_positions_row_by_row(gpt):
    ids = np.concatenate([IDS, IDS[::-1]])
    mask = np.zeros(ids.shape, bool)
    mask[0, [1, 3]] = mask[2, 0] = mask[3, 4] = True
    found = vectors_at(gpt, ids, mask, batch_size=2)
    np.testing.assert_allclose(found, residual_stream(gpt, ids)[:, mask], atol=1e-6)


def test_the_lens_ends_with_what_the_model_says(gpt):
    states, logits = residual_stream(gpt, IDS), np.asarray(gpt(IDS))
    seen = logit_lens(gpt, states)
    assert seen.shape == (4, 2, 5, 13)
    np.testing.assert_allclose(np.exp(seen).sum(axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(seen[-1] - seen[-1][..., :1], logits - logits[..., :1], atol=1e-5)
    np.testing.assert_allclose(logit_lens(gpt, states[:, 0, 1:3]), seen[:, 0, 1:3], atol=1e-6)


def test_a_model_without_blocks_is_refused():
    with pytest.raises(LmbookError, match="RecurrentLanguageModel"):
        residual_stream(RecurrentLanguageModel(RecurrentConfig(13, 4, 4)), IDS)
