from __future__ import annotations

import numpy as np

from lmbook.interpretation.repeater import train_repeater


def test_the_course_begins_at_chance_and_rows_are_said_twice():
    made = train_repeater(vocabulary_size=12, half=7, rows=3, steps=2)
    np.testing.assert_array_equal(made.twice[:, :7], made.twice[:, 7:])
    assert made.twice.min() == 3 and made.twice.max() == 11
    step, loss, score = made.course[0]
    assert step >= 1 and 0 <= score < 0.5 and abs(loss - np.log(12)) < 0.5
    again = train_repeater(vocabulary_size=12, half=7, rows=3, steps=2)
    assert again.course == made.course
