"""Counterfactual augmentation: exchanging girls and boys, or women and men, in a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]

# Words of which one is to a woman what the other is to a man.
ENGLISH: Pairs = tuple(
    tuple(pair.split())
    for pair in """
    she he, hers his, herself himself, woman man, women men, girl boy, girls boys, mother father, mothers
    fathers, mom dad, mum dad, sister brother, sisters brothers, daughter son, daughters sons, wife husband,
    wives husbands, aunt uncle, niece nephew, grandmother grandfather, girlfriend boyfriend, lady gentleman,
    ladies gentlemen, queen king, princess prince, actress actor, waitress waiter, madam sir, mrs mr, bride
    groom, female male, mary tom, alice john, jane ken, susan bill, nancy jim, emily mike, anne bob
    """.split(",")
)
_NO_NOUN = frozenset(
    "a an and as at be because before but by do does for from go had has he how i if in is it of on or she so than "
    "that the then they to too up was we were what when where who why will with would you".split()
)  # what follows "her" that is an object ("I saw her yesterday" is beyond such a list)


def exchange(text: str, pairs: Pairs) -> str:
    """Replace each word of a pair by the other one; capital letters stay where they were.

    Args:
        text: any.
        pairs: of lower-case words; where a word is in several pairs, the first counts.

    Example:
        >>> exchange("She sees Tom.", [("she", "he"), ("anna", "tom")])
        'He sees Anna.'
    """
    other: dict[str, str] = {}
    for first, second in pairs:
        other.setdefault(first, second)
        other.setdefault(second, first)

    def replaced(match: re.Match) -> str:
        word = other.get(match[0].lower(), match[0])
        return word.capitalize() if match[0][0].isupper() else word

    return re.sub(r"[^\W\d_]+", replaced, text)


def exchange_english(text: str, pairs: Pairs = ENGLISH) -> str:
    """Exchange women and men in an English sentence, as far as a list of words can do it.

    "his" before a noun becomes "her", and "her" becomes "his" where a noun can follow, else "him". That is a rule of
    thumb: no list knows names it does not hold, nor what a sentence is about ("she is pregnant").

    Reference:
        Zhao et al. 2018, "Gender bias in coreference resolution", section 4; Lu et al. 2018, "Gender bias in neural
        natural language processing", for the name and the case of "her".
    """

    def possessive(match: re.Match) -> str:
        word, after = match[1], match[2]
        follows = re.match(r"\s+([^\W\d_]+)", after)
        noun = follows is not None and follows[1].lower() not in _NO_NOUN
        found = {"him": "her", "his": "her" if noun else "hers", "hers": "his", "her": "his" if noun else "him"}
        new = found[word.lower()]
        return (new.capitalize() if word[0].isupper() else new) + after

    fixed = [pair for pair in pairs if "his" not in pair]
    parts = re.split(r"\b(him|his|hers|her)\b", exchange(text, fixed), flags=re.IGNORECASE)
    for place in range(1, len(parts), 2):
        parts[place] = possessive(re.match(r"(?s)(\w+)(.*)", parts[place] + parts[place + 1]))
        parts[place + 1] = ""
    return "".join(parts)
