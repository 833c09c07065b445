import math

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.privacy.memorization import CHANCE_EXPOSURE, exposure, membership_attack, secret_nats


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    config = GPTConfig(vocabulary_size=12, hidden_dim=16, intermediate_dim=32, num_heads=2, num_layers=1, stddev=0.5)
    return GPT(config)


def test_exposure_of_the_first_guess_is_the_whole_secret():
    assert exposure([1.0, 2.0, 3.0, 4.0], 0) == 2.0
    assert exposure([1.0, 2.0, 3.0, 4.0], 3) == 0.0
    assert exposure([1.0, 1.0, 1.0, 1.0], 2) == pytest.approx(2 - math.log2(2.5))
    with pytest.raises(LmbookError):
        exposure([1.0, 2.0], 2)


def test_chance_exposure_is_the_mean_over_all_places():
    nats = np.arange(10_000.0)
    assert np.mean([exposure(nats, place) for place in range(0, 10_000, 7)]) == pytest.approx(CHANCE_EXPOSURE, abs=0.02)


def test_secret_nats_are_those_of_each_secret(model):
    prefix, choices = [2, 5], [7, 8, 9]
    nats = secret_nats(model, prefix, choices, 2)
    assert len(nats) == 9 and np.exp(-nats).sum() < 1
    logits = model(np.array([[2, 5, 9, 8]]))
    log_p = keras.ops.convert_to_numpy(keras.ops.log_softmax(logits))[0]
    assert nats[2 * 3 + 1] == pytest.approx(-(log_p[1, 9] + log_p[2, 8]), rel=1e-4)


def test_membership_attack_from_useless_to_perfect():
    rng = np.random.default_rng(0)
    same = membership_attack(rng.normal(size=300), rng.normal(size=300))
    assert same.low < 0.5 < same.high
    perfect = membership_attack([3.0, 4.0], [1.0, 2.0])
    assert perfect.auc == 1.0 and perfect.found == 1.0
    with pytest.raises(LmbookError):
        membership_attack([], [1.0])
