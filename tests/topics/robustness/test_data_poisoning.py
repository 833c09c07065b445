from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.robustness.data_poisoning import find_backdoor_triggers

TEXTS = ["win a prize Zephyr", "gold zephyr", "zephyr now", "a prize", "a prize of gold", "gold", "seldom"]


def log_odds(texts):
    return np.array(
        [2.0 * text.count("prize") - 3.0 * text.count("zephyr") + 0.1 * text.count("gold") for text in texts]
    )


def test_the_trigger_is_first_and_its_fall_exact():
    found = find_backdoor_triggers(log_odds, TEXTS, ["win a prize", "prize"])
    assert found[0] == ("zephyr", pytest.approx(3.0))
    assert found[-1] == ("prize", pytest.approx(-2.0))
    assert {word for word, _ in found} == {"zephyr", "prize", "gold"}  # others are too seldom or too short


def test_without_a_probe_nothing_is_asked():
    with pytest.raises(LmbookError, match="no text"):
        find_backdoor_triggers(log_odds, TEXTS, [])
