from __future__ import annotations

from lmbook.corpora.loaders import questions
from lmbook.corpora.loaders.questions import babi_10k

STORY = """1 Mary went to the hall.
2 John went to the garden.
3 Where is Mary? \thall\t1
4 Mary took the milk.
5 Where is the milk? \thall\t4 1
1 Sandra is in the office.
2 Is Sandra in the office? \tyes\t1
"""


def test_babi(tmp_path):
    for name in questions._BABI.values():
        (tmp_path / f"{name}_train.txt").write_text("")
        (tmp_path / f"{name}_test.txt").write_text(STORY)
    splits = babi_10k(tmp_path)
    assert len(splits["test"]) == 9 and splits["train"] == splits["validation"] == []
    first, second, third = splits["test"][:3]
    assert first == {
        "task": 1,
        "story": ["Mary went to the hall.", "John went to the garden."],
        "question": "Where is Mary?",
        "answer": "hall",
        "supporting": [0],
    }
    # Questions are numbered like sentences, but are no part of the story: line 4 is the third sentence.
    assert second["story"] == [*first["story"], "Mary took the milk."] and second["supporting"] == [2, 0]
    assert third["story"] == ["Sandra is in the office."] and third["supporting"] == [0]


def test_the_last_200_training_stories_are_for_validation(tmp_path):
    for name in questions._BABI.values():
        stories = [f"1 Mary took thing {number}.\n2 What did Mary take? \tthing\t1\n" for number in range(1000)]
        (tmp_path / f"{name}_train.txt").write_text("".join(stories))
        (tmp_path / f"{name}_test.txt").write_text("1 Mary took thing 7.\n2 What did Mary take? \tthing\t1\n")
    splits = babi_10k(tmp_path)
    validation = [record["story"][0] for record in splits["validation"] if record["task"] == 1]
    assert validation == [f"Mary took thing {number}." for number in range(800, 1000)]
    assert len(splits["train"]) == 3 * 799  # what the test file has is left out
