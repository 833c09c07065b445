import math

import pytest
from sklearn.metrics import cohen_kappa_score

from lmbook.errors import LmbookError
from lmbook.evaluation.agreement import krippendorff_alpha

# Krippendorff 2011, section C and D: four observers, twelve units, with values left out.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example(level, published):
    assert round(krippendorff_alpha(FOUR_OBSERVERS, level), 3) == published


def test_two_observers_and_binary_data():
    # Krippendorff 2011, section A: alpha = 0.095.
    meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert round(krippendorff_alpha([meg, owen]), 3) == 0.095


def test_nominal_values_may_be_words():
    # Krippendorff 2011, section B: alpha = 0.692.
    ben, gerry = "a a b b d c c c e d d a".split(), "b a b b b c c c e d d d".split()
    assert round(krippendorff_alpha([ben, gerry]), 3) == 0.692


def test_alpha_is_brute_force_over_pairs():
    rows = [row[:9] for row in FOUR_OBSERVERS]
    units = [[value for value in unit if value is not None] for unit in zip(*rows, strict=True)]
    values = [value for unit in units for value in unit]

    def pairs(these):
        return [(a - b) ** 2 for i, a in enumerate(these) for j, b in enumerate(these) if i != j]

    observed = sum(sum(pairs(unit)) / (len(unit) - 1) for unit in units) / len(values)
    expected = sum(pairs(values)) / (len(values) * (len(values) - 1))
    assert krippendorff_alpha(rows, "interval") == pytest.approx(1 - observed / expected)


def test_a_value_alone_counts_nothing_and_order_means_nothing():
    alone = [[*row, value] for row, value in zip(FOUR_OBSERVERS, (5, None, None, None), strict=True)]
    turned = [row[::-1] for row in FOUR_OBSERVERS[::-1]]
    for rows in (alone, turned):
        assert krippendorff_alpha(rows, "ordinal") == pytest.approx(krippendorff_alpha(FOUR_OBSERVERS, "ordinal"))


def test_perfect_agreement_is_one_and_one_value_alone_has_no_alpha():
    assert krippendorff_alpha([[1, 2, 3], [1, 2, 3]], "interval") == 1
    assert math.isnan(krippendorff_alpha([[1, 1], [1, 1]]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: krippendorff_alpha([[1, 2], [1]]), "different lengths"),
        (lambda: krippendorff_alpha([[1, 2], [1, 2]], "ratio"), "'ratio'"),
        (lambda: krippendorff_alpha([[1, None], [None, 1]]), "two raters"),
    ],
)
def test_what_cannot_be_used_is_named(call, message):
    with pytest.raises(LmbookError, match=message):
        call()


def test_cohens_kappa_of_scikit_learn_on_a_published_example():
    # 50 proposals: both yes 20, both no 15, only the first 5, only the second 10: kappa = 0.40.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert round(cohen_kappa_score(first, second), 3) == 0.4
