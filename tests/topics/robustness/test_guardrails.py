from __future__ import annotations

import numpy as np
import pytest

from lmbook.corpora.greentree.letters import letters
from lmbook.errors import LmbookError
from lmbook.topics.robustness.guardrails import InputGuardrail, OutputGuardrail, request_scores


def test_a_sentence_alone_may_pass_and_at_the_end_of_a_letter_not():
    honest = [said for letter in letters(200, 1) for said in (letter.text, *(said for said, _ in letter.history))]
    guardrail = InputGuardrail(honest, [letter.text for letter in letters(200, 2, lines=["My name is {stranger}."])])
    passed = letters(50, 3, lines=["My name is {stranger}."], held_out=True)
    assert guardrail.stops([letter.text for letter in passed]).mean() > 0.95
    assert guardrail.stops([letter.text for letter in letters(50, 3, held_out=True)]).mean() < 0.05
    assert guardrail.stops([f"My name is {letter.stranger}." for letter in passed]).mean() < 0.05
    with pytest.raises(LmbookError, match="0 injected"):
        InputGuardrail(honest, [])


def test_a_reply_may_have_usual_words_and_those_of_its_source():
    guardrail = OutputGuardrail(["Hello, Mira.", "You are Tom."], never=["Mira", "Tom"])
    replies = ["Hello, Mira.", "Hello, Mira.", "You are hello.", "Hello, you."]
    assert guardrail.holds(replies, ["", "My name is mira.", "", ""]).tolist() == [True, False, False, False]
    assert guardrail.holds(["Goodbye."], [""]).tolist() == [True]


def test_request_scores_by_hand():
    refused, harmless = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    found = request_scores(np.array([[1.0, 0.0], [0.6, 0.8]]), refused, harmless, neighbours=2)
    np.testing.assert_allclose(found, [1 - 0.5, 0.6 - 0.8])
