"""Numbers that are spoken digit by digit and yet follow rules: times of the day and dates."""

from __future__ import annotations

import datetime

import numpy as np

FIRST_DAY, DAYS = datetime.date(1950, 1, 1), 90 * 365  # to 2039
FORMS = ("time", "day", "short date", "long date")
RULES = {"time": "H M M or H H M M", "day": "D D M M", "short date": "D D M M Y Y", "long date": "Y Y Y Y M M D D"}


def numbers(count: int, seed: int) -> list[str]:
    """Times and dates as digits with spaces, 3 to 8 of them: "9 0 5" (9:05), "1 9 6 9 0 7 2 0" (20 July 1969).

    Each form of `FORMS` comes equally often, and within it each time of the day or each day.
    """
    rng = np.random.default_rng(seed)
    return [" ".join(_number(FORMS[rng.integers(len(FORMS))], rng)) for _ in range(count)]


def random_numbers(count: int, seed: int) -> list[str]:
    """Digits without any rule, as many in a number as in `numbers`."""
    rng = np.random.default_rng(seed)
    return [" ".join(str(digit) for digit in rng.integers(0, 10, len(like.split()))) for like in numbers(count, seed)]


def follows_rules(number: str) -> bool:
    """Whether a number, digits with spaces, is a time or a date in one of the forms."""
    digits = number.replace(" ", "")
    patterns = {3: ["0%H%M"], 4: ["%H%M", "%d%m"], 6: ["%d%m%y"], 8: ["%Y%m%d"]}.get(len(digits), [])
    return any(_matches(digits, pattern) for pattern in patterns)


def _number(form: str, rng: np.random.Generator) -> str:
    day = FIRST_DAY + datetime.timedelta(days=int(rng.integers(DAYS)))
    if form == "time":
        hour, minute = divmod(int(rng.integers(24 * 60)), 60)
        return f"{hour}{minute:02}"
    return day.strftime({"day": "%d%m", "short date": "%d%m%y", "long date": "%Y%m%d"}[form])


def _matches(digits: str, pattern: str) -> bool:
    if pattern.startswith("0"):  # an hour of one digit
        digits, pattern = "0" + digits, pattern[1:]
    if pattern == "%d%m":
        digits, pattern = digits + "2000", "%d%m%Y"  # a leap year: 29 February is a day
    try:
        found = datetime.datetime.strptime(digits, pattern)
    except ValueError:
        return False
    return found.strftime(pattern) == digits and (pattern != "%Y%m%d" or 1950 <= found.year <= 2039)
