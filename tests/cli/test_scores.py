from __future__ import annotations

from lmbook.cli.scores import advise_if_empty, show_classification
from lmbook.evaluation.classification import classification_score
from lmbook.recipes.text_classifier import ClassifierTest


def test_a_model_that_writes_nothing_gets_advice(capsys):
    advise_if_empty(["", " "])
    assert "--minutes" in capsys.readouterr().err
    for some in ([], ["", "Baum"]):
        advise_if_empty(some)
    assert capsys.readouterr().err == ""


def test_another_score_stands_in_brackets(capsys):
    right, answers = ["a", "a", "b", "b"], ["a", "b", "b", "b"]
    tested = ClassifierTest(answers, classification_score(right, answers), None)
    show_classification(tested)
    assert "accuracy 0.750, 95 %" in capsys.readouterr().out
    show_classification(tested, classification_score(right, right))
    assert "accuracy 0.750 (1.000), 95 %" in capsys.readouterr().out
