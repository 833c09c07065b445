from __future__ import annotations

import pytest

from lmbook.topics.speech.number_grammar import follows_rules, numbers, random_numbers


def test_all_numbers_follow_the_rules():
    drawn = numbers(2000, seed=0)
    assert all(map(follows_rules, drawn))
    assert {len(number.split()) for number in drawn} == {3, 4, 8}
    assert drawn == numbers(2000, seed=0) != numbers(2000, seed=1)


def test_random_numbers_are_as_long_and_mostly_break_them():
    drawn = random_numbers(2000, seed=0)
    assert [len(number.split()) for number in drawn] == [len(number.split()) for number in numbers(2000, seed=0)]
    assert sum(map(follows_rules, drawn)) < 0.2 * len(drawn)


@pytest.mark.parametrize(
    "number", ["0 0 0", "9 5 9", "1 0 0 0", "2 3 5 9", "1 9 5 0 0 1 0 1", "2 0 2 4 0 2 2 9", "2 0 3 9 1 2 3 1"]
)
def test_valid(number):
    assert follows_rules(number)


@pytest.mark.parametrize(
    "number",
    ["9 6 0", "0 9 0 5", "2 4 6 0", "2 4 0 0", "2 0 2 3 0 2 2 9", "1 9 4 9 1 2 3 1", "2 0 4 0 0 1 0 1", "1 2", ""],
)
def test_not_valid(number):
    assert not follows_rules(number)
