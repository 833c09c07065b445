import math

import numpy as np
import pytest
import tensorflow as tf

from lmbook.decoding.sampling import Sampling, filter_logits, keep_top_k, keep_top_p, penalize, sample_token
from lmbook.errors import LmbookError

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(0, 2, (6, 11)).astype(np.float32)


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def brute_force(logits, temperature=1.0, top_k=None, top_p=None):
    """The sampled distribution of one row, by sorting and counting."""
    order = sorted(range(len(logits)), key=lambda v: -logits[v])[:top_k]
    probability = dict(zip(order, softmax(np.array([logits[v] / temperature for v in order])), strict=True))
    if top_p is not None:
        total, kept = 0.0, []
        for v in order:
            if total < top_p:
                kept.append(v)
            total += probability[v]
        probability = {v: probability[v] for v in kept}
    scale = sum(probability.values())
    return np.array([probability.get(v, 0.0) / scale for v in range(len(logits))])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("top_k", [None, 1, 3, 11, 50])
@pytest.mark.parametrize("top_p", [None, 0.01, 0.5, 0.9, 1.0])
def test_the_distribution_is_that_of_sorting_by_hand(temperature, top_k, top_p):
    filtered = tf.nn.softmax(filter_logits(tf.constant(LOGITS), temperature, top_k, top_p)).numpy()
    for row, logits in zip(filtered, LOGITS, strict=True):
        np.testing.assert_allclose(row, brute_force(logits, temperature, top_k, top_p), atol=1e-5)


def test_equally_likely_tokens_are_treated_equally():
    logits = tf.constant([[1.0, 3.0, 3.0, 3.0]])
    assert np.isfinite(keep_top_k(logits, 2).numpy()).tolist() == [[False, True, True, True]]
    assert np.isfinite(keep_top_p(logits, 0.4).numpy()).tolist() == [[False, True, True, True]]


def test_pick_chooses_each_token_for_its_share_of_the_random_numbers():
    probability = np.array([0.1, 0.0, 0.4, 0.25, 0.0, 0.25, 0.0])
    with np.errstate(divide="ignore"):
        logits = tf.constant(np.log(probability)[None].repeat(10_000, 0))
    uniform = (np.arange(10_000) + 0.5) / 10_000
    share = np.bincount(sample_token(logits, tf.constant(uniform)).numpy(), minlength=7) / 10_000
    np.testing.assert_allclose(share, probability, atol=2e-4)


def test_pick_never_chooses_what_has_probability_zero():
    logits = tf.constant([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]] * 2)
    assert sample_token(logits, tf.constant([0.0, 1 - 2.0**-40], tf.float64)).numpy().tolist() == [1, 3]


def test_frequencies_follow_the_distribution():
    expected = brute_force(LOGITS[0], 0.8, 6, 0.95)
    logits = filter_logits(tf.constant(LOGITS[:1].repeat(20_000, 0)), 0.8, 6, 0.95)
    share = np.bincount(sample_token(logits, tf.constant(RANDOM.random(20_000))).numpy(), minlength=11) / 20_000
    assert np.abs(share - expected).max() < 4 * math.sqrt(0.25 / 20_000)
    assert not share[expected == 0].any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": 1e-38},
        {"temperature": 1e39},
        {"top_k": 0},
        {"top_k": 2.5},
        {"top_p": 0.0},
        {"top_p": 1.1},
    ],
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(LmbookError, match=next(iter(wrong))):
        Sampling(**wrong)


def test_temperature_zero_is_greedy():
    assert Sampling(temperature=0).greedy and not Sampling(temperature=0.1).greedy


@pytest.mark.parametrize("p", [0.05, 0.3, 1.0])
def test_min_p_keeps_what_is_likely_beside_the_likeliest(p):
    filtered = tf.nn.softmax(filter_logits(tf.constant(LOGITS), 0.7, min_p=p)).numpy()
    for row, logits in zip(filtered, LOGITS, strict=True):
        probability = softmax(logits / 0.7)
        expected = np.where(probability >= p * probability.max() * (1 - 1e-6), probability, 0.0)
        np.testing.assert_allclose(row, expected / expected.sum(), atol=1e-5)


def test_the_repetition_penalty_makes_seen_tokens_less_likely():
    seen = RANDOM.random(LOGITS.shape) < 0.4
    lowered = penalize(tf.constant(LOGITS), tf.constant(seen), 1.5).numpy()
    np.testing.assert_array_equal(lowered[~seen], LOGITS[~seen])
    assert np.all(lowered[seen] < LOGITS[seen])


@pytest.mark.parametrize("wrong", [{"min_p": 0.0}, {"min_p": 1.5}, {"repetition_penalty": 0.0}])
def test_unusable_min_p_and_penalty_are_named(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(LmbookError, match=f"{name} is {value}"):
        Sampling(**wrong)
