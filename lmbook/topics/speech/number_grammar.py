"""Numbers that are spoken digit by digit and yet follow rules: times of the day and dates."""

from __future__ import annotations

import datetime

import numpy as np

FIRST_DAY = datetime.date(1950, 1, 1)
DAYS = (datetime.date(2040, 1, 1) - FIRST_DAY).days
RULES = {"time": "H M M or H H M M", "date": "Y Y Y Y M M D D"}


def numbers(count: int, seed: int) -> list[str]:
    """Times and dates as digits with spaces, 3, 4 or 8 of them: "9 0 5" (9:05), "1 9 6 9 0 7 2 0" (20 July 1969).

    Half of them are times; each time of the day is equally likely, and so is each day of the years 1950 to 2039.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.random(count) < 0.5, rng.integers(24 * 60, size=count), rng.integers(DAYS, size=count)
    return [" ".join(_time(minute) if is_time else _date(day)) for is_time, minute, day in zip(*drawn, strict=True)]


def random_numbers(count: int, seed: int) -> list[str]:
    """Digits without any rule, as many in a number as in `numbers`."""
    rng = np.random.default_rng(seed)
    return [" ".join(str(digit) for digit in rng.integers(0, 10, len(like.split()))) for like in numbers(count, seed)]


def follows_rules(number: str) -> bool:
    """Whether a number, digits with spaces, is a time of the day or a date of `numbers`."""
    digits = number.replace(" ", "")
    if len(digits) in (3, 4):
        return int(digits[:-2]) < 24 and int(digits[-2:]) < 60 and (len(digits) == 3 or digits[0] != "0")
    try:
        day = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return len(digits) == 8 and 0 <= (day - FIRST_DAY).days < DAYS


def _time(minute: int) -> str:
    return f"{minute // 60}{minute % 60:02}"


def _date(day: int) -> str:
    return f"{FIRST_DAY + datetime.timedelta(days=int(day)):%Y%m%d}"
