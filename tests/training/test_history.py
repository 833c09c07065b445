from __future__ import annotations

import math

import pytest

from lmbook.errors import LmbookError
from lmbook.files import write_json
from lmbook.training.history import History


def test_saved_and_loaded_it_is_equal(tmp_path):
    history = History([1, 2], [3.0, 2.5], [0.1, 0.2], [2], [2.75], tokens=64, best_step=2)
    assert History.load(history.save(tmp_path / "history.json")) == history
    assert history.best_loss == 2.75 and History().best_loss is None


def test_another_file_is_refused(tmp_path):
    with pytest.raises(LmbookError, match="not a training history"):
        History.load(write_json(tmp_path / "a.json", {"words": 3}))


def test_a_loss_that_is_no_number_does_not_keep_the_history_from_being_written(tmp_path):
    history = History([1, 2], [3.0, 2.5], [0.1, 0.2], [1, 2], [math.inf, math.nan])
    again = History.load(history.save(tmp_path / "history.json"))
    assert again.loss == history.loss and all(map(math.isnan, again.validation_loss))
