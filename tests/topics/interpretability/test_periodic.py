from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.interpretability.periodic import PeriodicRows


def test_rows_repeat_and_count_where_they_do():
    data = PeriodicRows(range(3, 23), 16, periods=(3, 8), batch_size=40, seed=1)
    x, y, w = (part.numpy() for part in next(iter(data.dataset())))
    assert x.shape == y.shape == w.shape == (40, 16) and x.min() >= 3 and x.max() < 23
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    found = set()
    for row, label, weight in zip(x, y, w, strict=True):
        period = int((weight == 0).sum())
        found.add(period)
        assert len(set(row[:period].tolist())) == period and np.all(weight[period:] == 1)
        np.testing.assert_array_equal(row[period:], row[:-period])
        np.testing.assert_array_equal(label[period:], row[1 : 17 - period])
    assert found == set(range(3, 9))


def test_a_batch_depends_on_its_number_alone():
    data = PeriodicRows(range(3, 23), 16, periods=(3, 8), batch_size=4)
    third = [part.numpy() for part in list(data.dataset(0, 3))[2]]
    for one, again in zip(third, next(iter(data.dataset(2, 1))), strict=True):
        np.testing.assert_array_equal(one, again)
    other = next(iter(PeriodicRows(range(3, 23), 16, periods=(3, 8), batch_size=4, seed=1).dataset(2, 1)))
    assert np.any(third[0] != other[0].numpy())


@pytest.mark.parametrize("periods", [(0, 4), (5, 4), (3, 16), (3, 21)])
def test_periods_that_do_not_fit_are_refused(periods):
    with pytest.raises(LmbookError, match="do not fit"):
        PeriodicRows(range(3, 23), 16 if periods[1] != 21 else 40, periods=periods)
