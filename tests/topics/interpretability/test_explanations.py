from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.interpretability.explanations import explain
from lmbook.topics.interpretability.residual import continue_from

IDS = [2, 7, 1, 8, 7, 3, 7]


@pytest.fixture(scope="module")
def explained():
    keras.utils.set_random_seed(1)
    sizes = {"num_heads": 2, "num_layers": 2, "max_sequence_length": 12}
    model = GPT(GPTConfig(13, 16, 20, positions="rotary", normalize_embedding=True, stddev=0.3, **sizes))
    nothing = np.asarray(model.embedding(np.arange(13)[None]))[0, 3:].mean(axis=0)
    rng = np.random.default_rng(0)
    return model, nothing, explain(model, IDS, 6, [8, 9], nothing, points=64, rng=rng)


def lead(model, x):
    """Of 7 over 8 and 9, after the last of the vectors [T, D]."""
    logits = np.asarray(continue_from(model, x[None].astype("float32")))[0, -1]
    return logits[7] - (logits[8] + logits[9]) / 2


def test_occlusion_is_what_the_words_lead_loses_and_gradients_add_up(explained):
    model, nothing, one = explained
    x = np.asarray(model.embedding(np.array([IDS[:6]])))[0]
    logits = np.asarray(model(np.array([IDS[:6]])))[0, -1]
    assert lead(model, x) == pytest.approx(logits[7] - (logits[8] + logits[9]) / 2, abs=1e-4)
    for place in range(1, 6):
        hidden = x.copy()
        hidden[place] = nothing
        assert one.shares["occlusion"][place] == pytest.approx(lead(model, x) - lead(model, hidden), abs=1e-4)
    assert one.shares["occlusion"][0] == pytest.approx(0.0, abs=1e-6)  # what opens the text says nothing already
    assert one.completeness_error < 0.02
    assert one.shares["attention"].sum() == pytest.approx(1.0, abs=1e-5)


def test_an_answer_is_judged_by_where_the_word_stood_and_by_what_is_lost(explained):
    _, _, one = explained
    source, faithful, rank = one.judge("occlusion")
    first = int(one.shares["occlusion"][1:].argmax()) + 1
    assert source is (IDS[first] == 7) and rank == pytest.approx(1.0)
    assert faithful == pytest.approx(one.shares["occlusion"][first], abs=1e-4)
    assert faithful >= one.judge("chance")[1] - 1e-4
