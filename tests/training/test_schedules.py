from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.training.schedules import WarmupCosine


def test_it_rises_then_falls_to_its_end():
    rates = np.array(
        [float(WarmupCosine(0.1, 1000, warmup_steps=50, final_fraction=0.1)(s)) for s in range(0, 1001, 5)]
    )
    assert rates[0] == pytest.approx(0.1 / 50)
    assert rates.max() == pytest.approx(0.1) and rates.argmax() == 10
    assert (np.diff(rates[:10]) > 0).all() and (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(0.01)


def test_a_short_run_warms_up_in_a_tenth_of_it():
    schedule = WarmupCosine(1.0, 20, warmup_steps=100)
    assert [float(schedule(step)) for step in (0, 1)] == [0.5, 1.0]
    assert float(WarmupCosine(1.0, 1)(0)) == 1.0


def test_the_length_can_be_corrected_on_the_way():
    schedule = WarmupCosine(1.0, 10_000)
    high = float(schedule(500))
    schedule.total_steps.assign(500.0)
    assert high > 0.9 and float(schedule(500)) == pytest.approx(0.05)


@pytest.mark.parametrize("arguments", [(0.0, 10), (float("nan"), 10), (0.1, 0)])
def test_unusable_numbers_are_refused(arguments):
    with pytest.raises(LmbookError):
        WarmupCosine(*arguments)


def test_config_round_trip():
    schedule = WarmupCosine(0.3, 77, 5, 0.2)
    again = WarmupCosine.from_config(schedule.get_config())
    assert [float(again(s)) for s in range(77)] == [float(schedule(s)) for s in range(77)]
