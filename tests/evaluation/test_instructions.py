from __future__ import annotations

import pytest

from lmbook.corpora.greentree import Grammar
from lmbook.corpora.greentree.instructions import instructions
from lmbook.errors import LmbookError
from lmbook.evaluation import instructions as scoring
from lmbook.evaluation.instructions import score_answers

EXAMPLES = instructions(10, 0, Grammar(split="seen", max_sentences=3))


def test_right_answers_are_counted_by_task(monkeypatch):
    """A stand-in for the model answers all but the first two rightly, in the tokenizer's lower case."""

    def answered(model, tokenizer, prompts, max_new_tokens, batch_size):
        assert prompts[1] == f"{EXAMPLES[1].text}\n{EXAMPLES[1].instruction}\nAnswer:"
        return ["no idea."] * 2 + [example.answer.lower() for example in EXAMPLES[2:]]

    monkeypatch.setattr(scoring, "answer", answered)
    score = score_answers(None, None, EXAMPLES, max_new_tokens=9)
    assert score.right == [False] * 2 + [True] * 8 and score.exact == pytest.approx(0.8)
    assert score.by_task() == {"tell": 0.5, "continue": 0.5, "answer": 1.0, "translate": 1.0, "mood": 1.0}


def test_nothing_to_score_is_refused():
    with pytest.raises(LmbookError, match="no instructions"):
        score_answers(None, None, [], max_new_tokens=9)
