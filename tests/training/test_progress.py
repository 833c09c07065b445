from __future__ import annotations

import io

import pytest
from rich.console import Console

from lmbook.training.progress import UNKNOWN_STEPS, Display, clock, pace


def test_a_file_gets_lines_and_no_control_characters():
    text = io.StringIO()
    display = Display(console=Console(file=text, width=200))
    display.start(0, 100)
    display.update(10, 100, 2.0, 500.0, 60.0)
    display.report(50, 100, 1.5, 1.625, 500.0, 61.0)
    display.stop()
    assert text.getvalue() == "step     50 of 100  loss 1.5000  validation 1.6250  500 tokens/s  1:01 left\n"


def test_a_terminal_gets_a_moving_line_that_goes_away():
    text = io.StringIO()
    display = Display(console=Console(file=text, force_terminal=True, width=100))
    display.start(0, 100)
    display.update(10, 100, 2.0, 500.0, 60.0)
    display.stop()
    assert "loss 2.0000" in text.getvalue()


def test_quiet_is_quiet_but_for_what_must_be_said():
    text = io.StringIO()
    display = Display(quiet=True, console=Console(file=text, width=200))
    display.start(0, 10)
    display.report(5, 10, 1.0, None, 1.0, 1.0)
    display.say("[damaged]")
    assert text.getvalue() == "[damaged]\n"


@pytest.mark.parametrize("seconds, words", [(0.2, "0:00"), (61, "1:01"), (3725, "1:02:05"), (-3, "0:00")])
def test_clock(seconds, words):
    assert clock(seconds) == words


def test_an_unknown_speed_is_left_out():
    assert pace(0.0, 5.0) == ""


def test_a_number_of_steps_that_is_not_known_yet_is_not_shown():
    for terminal in (True, False):
        text = io.StringIO()
        display = Display(console=Console(file=text, force_terminal=terminal, width=100, highlight=False))
        display.start(0, UNKNOWN_STEPS)
        display.update(1, UNKNOWN_STEPS, 2.0, 0.0, 0.0)
        display.report(1, UNKNOWN_STEPS, 2.0, None, 0.0, 0.0)
        display.stop()
        assert "step      1  loss 2.0000" in text.getvalue() and "10000000" not in text.getvalue()
