import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.robustness.text_attacks import CharacterEdits, WordEdits, attack_texts, frequent_words, typos


def test_typos_leave_first_letters_and_short_words():
    text = "The weather in the garden was terrible"
    changed = typos(text, 1.0, np.random.default_rng(0))
    assert changed != text and typos(text, 0.0, np.random.default_rng(0)) == text
    assert [word[0] for word in changed.split()] == [word[0] for word in text.split()]
    assert changed.split()[0] == "The" and changed.split()[2:4] == ["in", "the"]
    with pytest.raises(LmbookError):
        typos(text, 1.5, np.random.default_rng(0))


def test_frequent_words_count_texts_not_places():
    assert frequent_words(["a prize a prize prize", "The gold", "the GOLD ring", "the 12"], 2) == ["the", "gold"]


def test_each_edit_changes_one_word():
    for changed in CharacterEdits()("win a prize"):
        assert (changed.replace(" ", "").startswith("win") or changed.endswith("prize")) and changed != "win a prize"
    assert set(WordEdits({"win": ["get"]}, ["ok"])("Win it")) == {"get it", "Win it ok"}


def counting(texts):
    """Spam is what has the word "prize"; the more often the surer."""
    return np.array([min(1.0, 0.3 * text.split().count("prize") + 0.3) for text in texts])


def test_attack_finds_the_word_that_counts_and_stops_there():
    found = attack_texts(["a prize of gold", "gold"], counting, CharacterEdits(), budget=5)
    assert "prize" not in found[0].split() and "gold" in found[0]
    assert found[1] == "gold"  # it was below the threshold from the start


def test_budget_bounds_the_edits():
    text = "prize prize prize"
    assert attack_texts([text], counting, CharacterEdits(), budget=0) == [text]
    assert attack_texts([text], counting, CharacterEdits(), budget=1)[0].split().count("prize") == 2
    with pytest.raises(LmbookError):
        attack_texts([text], counting, CharacterEdits(), budget=-1)
