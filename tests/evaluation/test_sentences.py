import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.language_modelling import evaluate
from lmbook.evaluation.sentences import pair_preference, sentence_log_probabilities
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.tokenizers.tokenizer import SpecialIds


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return GPT(GPTConfig(9, hidden_dim=8, intermediate_dim=8, num_heads=2, num_layers=1, max_sequence_length=24))


def test_each_sentence_has_its_own_probability_whatever_stands_beside_it(model):
    sentences = [[3, 4], [5, 6, 7, 8] * 4, [4], [8, 8, 3]]
    found = sentence_log_probabilities(model, sentences, SpecialIds(), batch_size=2)
    for sentence, value in zip(sentences, found, strict=True):
        alone = evaluate(model, [sentence], SpecialIds())
        assert value == pytest.approx(-alone.nats_per_token * alone.tokens, abs=1e-4)


def test_a_sentence_that_is_too_long_is_named(model):
    with pytest.raises(LmbookError, match="31 tokens"):
        sentence_log_probabilities(model, [[3] * 30], SpecialIds())


def test_pairs():
    found = pair_preference(np.array([-1.0, -2.0, -3.0, -4.0]), np.array([-2.0, -2.0, -2.0, -5.0]))
    assert (found.share, found.pairs) == (0.625, 4)
    assert found.low < 0.625 < found.high
    with pytest.raises(LmbookError, match="pairs"):
        pair_preference(np.zeros(2), np.zeros(3))
