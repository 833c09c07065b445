from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models import registry


@pytest.mark.parametrize("name", registry.LANGUAGE_MODELS)
def test_every_entry_makes_a_model_that_decoding_can_use(name):
    config = registry.make_config(name, 11)
    small = {key: 8 for key in ("embedding_dim", "hidden_dim", "intermediate_dim") if hasattr(config, key)}
    small |= {"num_heads": 1} if hasattr(config, "num_heads") else {}
    model = registry.make_model(name, dataclasses.replace(config, **small))
    ids = np.array([[2, 3, 4], [2, 5, 6]], dtype="int32")
    whole = np.asarray(model(ids))
    assert whole.shape == (2, 3, 11)
    logits, state = model.step(ids[:, :1], model.initial_state(2))
    rest, _ = model.step(ids[:, 1:], state)
    stepped = np.concatenate([np.asarray(logits), np.asarray(rest)], axis=1)
    np.testing.assert_allclose(stepped, whole, atol=1e-5)


def test_overrides_win_over_defaults():
    config = registry.make_config("gru", 11, hidden_dim=8)
    assert (config.cell, config.hidden_dim, config.vocabulary_size) == ("gru", 8, 11)


def test_an_unknown_name_gives_the_nearest_and_all():
    with pytest.raises(LmbookError, match="Did you mean lstm.*lstm, lstm_article, gru, rnn, transformer"):
        registry.entry("ltsm")
