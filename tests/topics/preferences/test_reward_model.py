import dataclasses

import keras
import numpy as np

from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.preferences.reward_model import RewardModel

CONFIG = GPTConfig(vocabulary_size=9, hidden_dim=8, intermediate_dim=16, num_heads=2, num_layers=1)


def made(config=CONFIG):
    keras.utils.set_random_seed(0)
    model = RewardModel(config)
    model.head.kernel.assign(np.random.default_rng(0).normal(size=(8, 1)))
    return model


def test_padding_does_not_count_and_the_last_token_does():
    model = made()
    rewards = model(np.array([[2, 4, 5, 0, 0], [2, 4, 5, 6, 0]])).numpy()
    np.testing.assert_allclose(rewards[0], model(np.array([[2, 4, 5]]))[0], atol=1e-6)
    np.testing.assert_allclose(rewards[1], model(np.array([[2, 4, 5, 6]]))[0], atol=1e-6)
    assert abs(rewards[0] - rewards[1]) > 1e-3


def test_it_starts_indifferent_and_takes_a_language_models_weights():
    model, language_model = RewardModel(CONFIG), GPT(CONFIG)
    model.gpt.set_weights(language_model.get_weights())
    ids = np.array([[2, 4, 5]])
    np.testing.assert_array_equal(model(ids), [0.0])
    np.testing.assert_allclose(model.gpt(ids), language_model(ids), atol=1e-6)
    again = RewardModel.from_config(model.get_config())
    assert again.config == model.config


def test_where_the_end_of_a_text_is_padding_too_the_token_before_it_counts():
    """As GPT-2's, whose one special token opens a text, closes it and fills it up, and whose id 0 is "!"."""
    model = made(dataclasses.replace(CONFIG, pad_id=8))
    rewards = model(np.array([[8, 4, 0, 8, 8], [8, 4, 5, 6, 0]])).numpy()
    np.testing.assert_allclose(rewards[0], model(np.array([[8, 4, 0]]))[0], atol=1e-6)
    np.testing.assert_allclose(rewards[1], model(np.array([[8, 4, 5, 6, 0, 8]]))[0], atol=1e-6)
    assert np.isfinite(model(np.array([[8, 8]]))).all()
