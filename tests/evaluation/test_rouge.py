import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.rouge import rouge


def values(overlap):
    return overlap.precision, overlap.recall, overlap.f1


def test_by_hand():
    found = rouge(["the cat sat"], ["the cat lay on the mat"])
    assert values(found.rouge_1) == pytest.approx((2 / 3, 2 / 6, 4 / 9))
    assert values(found.rouge_2) == pytest.approx((1 / 2, 1 / 5, 2 / 7))
    assert values(found.rouge_l) == pytest.approx((2 / 3, 2 / 6, 4 / 9))


def test_order_counts_only_for_pairs_and_subsequences():
    found = rouge(["c b a"], ["a b c"])
    assert found.rouge_1.f1 == 1 and found.rouge_2.f1 == 0 and found.rouge_l.f1 == pytest.approx(1 / 3)


def test_texts_count_alike_however_long_they_are():
    found = rouge(["a b c d", "x"], ["a b c d", "y"])
    assert found.rouge_1.f1 == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("outputs", "references", "message"),
    [
        (["a"], [], "1 outputs and 0"),
        ([], [], "0 outputs"),
        (["树"], ["一棵树"], "Reference 1 has no word"),
        ("a", ["a"], "outputs is one string"),
    ],
)
def test_what_cannot_be_scored_is_named(outputs, references, message):
    with pytest.raises(LmbookError, match=message):
        rouge(outputs, references)
