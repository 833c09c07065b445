from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.pairs import SentencePairs
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.pair_validation import score_next_tokens


def test_next_tokens_are_scored_as_one_by_one():
    keras.utils.set_random_seed(0)
    model = EncoderDecoder(TransformerConfig(11, 8, 12, 2, 1, max_sequence_length=16))
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(3, 11, 5).tolist(), rng.integers(3, 11, length).tolist()) for length in (2, 5, 9)]
    losses, right = [], []
    for source, target in pairs:
        logits = np.asarray(model((np.array([source]), np.array([[2, *target]]))))[0]
        logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        losses += [-logs[place, token] for place, token in enumerate([*target, 2])]
        right += [logits[place].argmax() == token for place, token in enumerate([*target, 2])]
    score = score_next_tokens(model, SentencePairs(pairs, SpecialIds(), tokens_per_batch=24))
    assert score.tokens == len(losses) == 19
    assert score.nats_per_token == pytest.approx(np.mean(losses), rel=1e-5)
    assert score.accuracy == pytest.approx(np.mean(right))
    # 8, 8 and 12 positions; padding is "right" where the model predicts id 0, at most as often as it stands there.
    assert 28 * score.unmasked_accuracy - 19 * score.accuracy <= 28 - 19 + 1e-6
