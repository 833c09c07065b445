import keras
import numpy as np
import pytest

from lmbook.decoding.generate import generate
from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.robustness.watermark import Watermark, Watermarked, detected, words_replaced


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    sizes = {"hidden_dim": 16, "intermediate_dim": 32, "num_heads": 2, "num_layers": 1, "max_sequence_length": 128}
    return GPT(GPTConfig(vocabulary_size=60, **sizes))


def test_green_lists_have_their_share_and_depend_on_key_and_token():
    table = Watermark(103, green_share=0.25).green()
    assert (table.sum(axis=1) == 25).all() and not table[:, :3].any()
    assert (table[5] != table[6]).any()
    assert (table != Watermark(103, key=1, green_share=0.25).green()).any()


def test_z_score_by_hand_counts_pairs_once():
    mark = Watermark(103, green_share=0.25)
    green = int(np.flatnonzero(mark.green()[7])[0])
    assert mark.z_score([7, green]) == pytest.approx(0.75 / (0.25 * 0.75) ** 0.5)
    assert mark.z_score([7, green] * 50) == mark.z_score([7, green, 7])
    assert mark.z_score([7]) == 0.0


def test_marked_texts_are_told_by_who_has_the_key(model):
    mark = Watermark(60, key=3, strength=4.0)
    prompts = [[2]] * 8
    marked = generate(Watermarked(model, mark), prompts, max_new_tokens=100)
    plain = generate(model, prompts, max_new_tokens=100)
    assert min(mark.z_scores(marked)) > 4 > max(mark.z_scores(plain))
    assert max(Watermark(60, key=4).z_scores(marked)) < 4


def test_the_threshold_lets_the_given_share_of_other_texts_pass():
    mark, rng = Watermark(60, key=3), np.random.default_rng(0)
    others = rng.integers(3, 60, (100, 30)).tolist()
    assert 0 < detected(mark, others, others, 0.1) <= 0.1  # some have the same score
    table = mark.green()
    marked = [[3]]
    for _ in range(40):
        marked[0].append(int(rng.choice(np.flatnonzero(table[marked[0][-1]]))))
    assert detected(mark, marked, others, 0.01) == 1


def test_replaced_words_are_of_the_pool_and_their_share_is_about_right():
    texts = [[1] * 200, [2] * 100]
    assert words_replaced(texts, 0.0, [9]) == texts
    changed = words_replaced(texts, 0.3, [8, 9])
    assert [len(row) for row in changed] == [200, 100] and set(changed[1]) == {2, 8, 9}
    assert np.mean([id > 2 for row in changed for id in row]) == pytest.approx(0.3, abs=0.08)


def test_cached_and_uncached_logits_agree(model):
    marked, ids = Watermarked(model, Watermark(60)), np.array([[2, 5, 9, 11]])
    stepped, _ = marked.step(ids, marked.initial_state(1))
    np.testing.assert_allclose(stepped, marked(ids), atol=1e-5)


def test_bad_arguments():
    with pytest.raises(LmbookError):
        Watermark(100, green_share=1.0)
    with pytest.raises(LmbookError):
        Watermark(100, strength=-1.0)
    with pytest.raises(LmbookError):
        Watermark(10).z_score([2, 11])
