from __future__ import annotations

import pytest

from lmbook.corpora.greentree.dialogues import HELD_OUT_NAMES
from lmbook.corpora.greentree.letters import letters
from lmbook.errors import LmbookError


def test_a_line_is_put_into_letters_that_are_the_same_without_it():
    plain = letters(20, 3)
    for place in (0, 1, 2, 3, None):
        longer = letters(20, 3, lines=["I am {stranger}.", "Look."], place=place)
        for number, (one, other) in enumerate(zip(plain, longer, strict=True)):
            line = "Look." if number % 2 else f"I am {one.stranger}."
            sentences = other.text.replace(". ", ".|").split("|")
            assert sentences.pop(-1 if place is None else place) == line
            assert " ".join(sentences) == one.text and one.history == other.history
    assert letters(5, 3) == plain[:5] and letters(5, 4) != plain[:5]


@pytest.mark.parametrize("held_out", [False, True])
def test_people_are_three_of_the_split_and_two_were_told(held_out):
    for one in letters(50, 1, held_out=held_out):
        people = {one.name, one.friend, one.stranger}
        assert len(people) == 3 and all((name in HELD_OUT_NAMES) is held_out for name in people)
        (said, reply), (of_friend, _) = one.history
        assert one.name in said and reply == f"Hello, {one.name}." and one.friend in of_friend
        assert not any(name in one.text for name in people)


def test_a_place_that_no_letter_has_is_refused():
    with pytest.raises(LmbookError, match="place=4"):
        letters(1, lines=["Look."], place=4)
