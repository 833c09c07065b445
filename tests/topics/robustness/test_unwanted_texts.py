from __future__ import annotations

import pytest

from lmbook.errors import LmbookError
from lmbook.topics.robustness.unwanted_texts import UnwantedTexts


def splits(field, bad, good):
    records = [{"text": f"{bad} one", field: bad}, {"text": "fine", field: good}, {"text": f"{bad} two", field: bad}]
    return {part: list(records) for part in ("train", "validation", "test")}


@pytest.mark.parametrize("field, bad, good", [("label", "spam", "ham"), ("mood", "sad", "happy")])
def test_texts_of_both_classes_in_their_order(field, bad, good):
    data = UnwantedTexts.of(splits(field, bad, good), {"train": 2})
    assert data.of_class("train", True) == [f"{bad} one"] and data.of_class("train", False) == ["fine"]
    assert data.of_class("test", True) == [f"{bad} one", f"{bad} two"]
    assert data.unwanted["test"].tolist() == [True, False, True]


def test_a_corpus_without_the_class_is_refused():
    with pytest.raises(LmbookError, match="no class"):
        UnwantedTexts.of(splits("label", "sport", "world"), {})
