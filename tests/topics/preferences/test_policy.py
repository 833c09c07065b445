import keras
import numpy as np
import pytest

from lmbook.models.gpt import GPT, GPTConfig
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.preferences.policy import Policy, RewardTraining, log_probabilities, rewards_of
from lmbook.topics.preferences.reward_model import RewardModel
from lmbook.topics.preferences.rollouts import roll_out

WORDS = WordTokenizer.train(["a b c d e f ."])
CONFIG = GPTConfig(WORDS.vocabulary_size, hidden_dim=16, intermediate_dim=16, num_heads=2, num_layers=1)
OPENINGS = [WORDS.encode("a")] * 32


@pytest.fixture(scope="module")
def policy():
    keras.utils.set_random_seed(0)
    return Policy(GPT(CONFIG))


def tell(policy, seed=0):
    return roll_out(policy.model, WORDS, OPENINGS, width=8, seed=seed)


def count_b(told):
    return np.array([text.split().count("b") for text in told.texts], np.float32)


def learn(policy, method, kl, steps=15):
    policy.restart(0.01)
    for step in range(steps):
        told = tell(policy, step)
        options = {"group_size": 8} if method == "grpo" else {}
        getattr(policy, method)(told, count_b(told), kl=kl, **options)
    told = tell(policy, 99)
    return count_b(told).mean(), policy.distance(told).mean()


def test_at_the_start_there_is_no_distance_and_restart_goes_back(policy):
    policy.restart(0.01)
    told = tell(policy)
    assert abs(policy.distance(told)).max() < 1e-4
    policy.reinforce(told, count_b(told), kl=0.0)
    assert abs(policy.distance(told)).max() > 1e-3
    policy.restart(0.01)
    assert abs(policy.distance(told)).max() < 1e-4


@pytest.mark.parametrize("method", ["reinforce", "grpo"])
def test_what_is_rewarded_is_written_more_often_and_the_penalty_holds_back(policy, method):
    policy.restart(0.01)
    before = count_b(tell(policy, 99)).mean()
    free, far = learn(policy, method, kl=0.0)
    held, near = learn(policy, method, kl=10.0)
    assert free > before + 1
    assert near < 0.5 * far


def test_dpo_prefers_what_was_chosen(policy):
    policy.restart(0.01)
    told = tell(policy)
    order = np.argsort(-count_b(told), kind="stable")
    chosen, rejected = told[order[:16]], told[order[16:]]
    losses = [policy.dpo(chosen, rejected, beta=0.5) for _ in range(10)]
    assert losses[0] == pytest.approx(np.log(2), abs=1e-4)
    assert losses[-1] < 0.5 * losses[0]
    assert policy.distance(chosen).mean() > policy.distance(rejected).mean()


def test_log_probabilities_do_not_depend_on_how_many_rows_there_are(policy):
    told = tell(policy)
    whole = log_probabilities(policy.reference, told.ids)
    assert whole.shape == told.written.shape
    np.testing.assert_allclose(log_probabilities(policy.reference, told.ids[:3]), whole[:3], atol=1e-5)


def test_a_reward_model_learns_the_preference(policy):
    ids = tell(policy).ids[:, :-1]
    ids[:, 1] = np.where(np.arange(len(ids)) % 2, WORDS.encode("b")[0], WORDS.encode("c")[0])
    keras.utils.set_random_seed(1)
    model = RewardModel(CONFIG)
    training = RewardTraining(model, learning_rate=0.01)
    losses = [training.prefer(ids[1::2], ids[::2]) for _ in range(30)]
    assert losses[0] == pytest.approx(np.log(2), abs=1e-4)
    rewards = rewards_of(model, ids)
    assert (rewards[1::2] > rewards[::2]).mean() > 0.9
