import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.word_vectors import WordVectors
from lmbook.topics.bias.measures import amplification, shares, sharpened, weat


def test_shares_are_counted_by_kind():
    people = [("doctor", "anna"), ("doctor", "tom"), ("doctor", "ben"), ("baker", "mia")]
    found = shares(people, {"anna", "mia"})
    assert found["doctor"].value == pytest.approx(1 / 3) and found["doctor"].count == 3
    assert found["baker"].value == 1.0 and found["baker"].low < 0.9  # one person says little


def test_amplification_counts_in_the_direction_of_the_data():
    data = {"doctor": 0.2, "teacher": 0.9, "child": 0.5}
    assert amplification(data, data) == 0
    assert amplification({"doctor": 0.1, "teacher": 1.0, "child": 0.9}, data) == pytest.approx(0.1)
    assert amplification({"doctor": 0.5, "teacher": 0.5, "child": 0.5}, data) == pytest.approx(-0.35)
    with pytest.raises(LmbookError, match="even"):
        amplification({"child": 0.7}, {"child": 0.5})
    with pytest.raises(LmbookError, match="doctor"):
        amplification({}, data)


def test_a_low_temperature_sharpens_and_one_changes_nothing():
    assert sharpened(0.8, 1.0) == pytest.approx(0.8)
    assert sharpened(0.8, 0.5) == pytest.approx(0.64 / 0.68)
    assert sharpened(0.5, 0.1) == pytest.approx(0.5)


def test_weat_by_hand_and_its_exact_p_value():
    # Associations are the first coordinate times √2: 0.8, 0.6 against -0.6, -0.8 of the two sets.
    vectors = WordVectors(
        ["x1", "x2", "y1", "y2", "a1", "a2", "b1", "b2"],
        np.array([[0.8, 0.6], [0.6, 0.8], [-0.6, 0.8], [-0.8, 0.6], [1, 0], [1, 0], [-1, 0], [-1, 0]]),
    )
    found = weat(vectors, (["x1", "x2"], ["y1", "y2"]), (["a1", "a2"], ["b1", "b2"]))
    scores = 2 * np.array([0.8, 0.6, -0.6, -0.8])
    assert found.effect == pytest.approx(2.8 / scores.std(ddof=1), abs=1e-5)
    assert found.p_value == pytest.approx(1 / 6)  # one of the six partitions is as extreme
    other = weat(vectors, (["y1", "y2"], ["x1", "x2"]), (["a1", "a2"], ["b1", "b2"]))
    assert other.effect == pytest.approx(-found.effect) and other.p_value == 1.0


def test_weat_leaves_out_unknown_words_and_finds_nothing_in_noise():
    random = np.random.default_rng(0)
    words = [f"{kind}{number}" for kind in "xyab" for number in range(12)]
    vectors = WordVectors(words, random.normal(size=(48, 50)))
    sets = [[f"{kind}{number}" for number in range(12)] for kind in "xyab"]
    found = weat(vectors, (["nobody", *sets[0]], sets[1]), (sets[2], sets[3]))
    assert found.missing == ("nobody",)
    assert abs(found.effect) < 1 and 0.01 < found.p_value < 0.99
    with pytest.raises(LmbookError, match="fewer than two"):
        weat(vectors, (["x1"], sets[1]), (sets[2], sets[3]))
