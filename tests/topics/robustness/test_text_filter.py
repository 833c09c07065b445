from __future__ import annotations

import numpy as np

from lmbook.topics.robustness.text_filter import TextFilter

SPAM = ["win a prize now", "a prize for you", "win gold now"]
HAM = ["see you at home", "at home now", "you see a friend"]


def test_what_is_like_spam_is_found_and_its_odds_go_with_its_probability():
    model = TextFilter(SPAM + HAM, [True] * 3 + [False] * 3)
    asked = [*SPAM, *HAM, "win a prize", "at home"]
    assert model.finds(asked).tolist() == [True] * 3 + [False] * 3 + [True, False]
    p = model.probability(asked)
    np.testing.assert_allclose(np.log(p / (1 - p)), model.log_odds(asked), rtol=1e-6)


def test_the_nearest_text_is_itself_or_none():
    model = TextFilter(SPAM + HAM, np.array([True] * 3 + [False] * 3))
    np.testing.assert_allclose(model.nearest([*SPAM, "xyz"]), [1, 1, 1, 0], atol=1e-9)
    assert 0 < model.nearest(["win nothing"])[0] < 1
