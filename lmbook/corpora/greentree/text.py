"""Sentences of the grammar as English and Chinese text, and back."""

from __future__ import annotations

import re
from functools import cache, cached_property, lru_cache

from lmbook.corpora.greentree.choosers import NotInGrammar, Scorer
from lmbook.corpora.greentree.events import ENDINGS, EVENTS, INTRODUCTION, OPENING, Event
from lmbook.corpora.greentree.grammar import Grammar, Sentence
from lmbook.corpora.greentree.lexicon import LEXICON, Entry
from lmbook.corpora.greentree.world import World

# slot -> category of the lexicon
CATEGORIES = {
    **{slot: "names" for slot in ("s", "hero", "friend", "other", "holder", "self")},
    **{slot: "places" for slot in ("at", "lost_at", "to")},
    **{slot: slot + "s" for slot in ("look", "plant", "manner", "side", "kind", "trait", "thing", "thing_look")},
    **{slot: slot + "s" for slot in ("creature", "colour", "food", "taste", "flower", "tune", "weather")},
    "good": "good",
    "bad": "bad",
    "wish": "wishes",
}
PRONOUNS = (Entry("he", "他"), Entry("she", "她"))


@cache
def _entries(category: str) -> dict[str, Entry]:
    if category == "wishes":
        entries = [Entry(*phrase) for phrases in LEXICON.wishes.values() for phrase in phrases]
    elif category == "names":
        entries = [*LEXICON.girls, *LEXICON.boys, *PRONOUNS]
    else:
        entries = getattr(LEXICON, category)
    return {entry.english: entry for entry in entries}


def english_word(slot: str, word: str) -> str:
    """How a word is written in a slot; the place where something is gets its preposition."""
    if slot in ("at", "lost_at"):
        return f"{_entries('places')[word].preposition} the {word}"
    return word


def chinese_word(slot: str, word: str) -> str:
    """The Chinese for the English word of a slot."""
    return _entries(CATEGORIES[slot])[word].chinese


def english_tokens(sentence: Sentence) -> str:
    """The sentence as lower-case tokens separated by single spaces."""
    pattern = sentence.event.wordings[sentence.wording][0]
    text = _SLOT.sub(lambda match: english_word(match[1], sentence.slots[match[1]]), pattern)
    return _ARTICLE.sub("an", text)


def chinese_text(sentence: Sentence) -> str:
    """The sentence in Chinese."""

    def word(match: re.Match) -> str:
        slot, one = match[1].removesuffix("_one"), match[1].endswith("_one")
        entry = _entries(CATEGORIES[slot])[sentence.slots[slot]]
        return "一" + entry.measure if one else entry.chinese

    return _SLOT.sub(word, sentence.event.wordings[sentence.wording][1])


_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\ba(?= [aeiou])")
_CAPITALISED = re.compile(
    r"(?:^|(?<=[.!\"] ))[a-z]|\b(?:i|" + "|".join(entry.english for entry in LEXICON.girls + LEXICON.boys) + r")\b"
)


def pretty(tokens: str) -> str:
    """Tokens as ordinary English: capitals, spacing, quotation marks."""
    text = _CAPITALISED.sub(lambda match: match[0][0].upper() + match[0][1:], tokens)
    text = re.sub(r" ([.,!?])", r"\1", text)
    return re.sub(r"\" (.*?) \"", r'"\1"', text)


def normalize_english(text: str) -> str:
    """English text as the grammar's tokens: lower case, words and marks separated by single spaces."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?|[^\w\s]", text.lower()))


def normalize_chinese(text: str) -> str:
    """Chinese text without white space."""
    return re.sub(r"\s+", "", text)


def is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


class _Language:
    """Recognises the sentences of one language: one regular expression for each wording of each event."""

    def __init__(self, chinese: bool):
        self._chinese = chinese
        self._openings = self._patterns((OPENING,))
        self._introductions = self._patterns((INTRODUCTION,))
        self._others = self._patterns((*EVENTS, *ENDINGS))

    def _patterns(self, events: tuple[Event, ...]) -> list[tuple[re.Pattern, Event, int]]:
        return [
            (self._pattern(wording[self._chinese]), event, index)
            for event in events
            for index, wording in enumerate(event.wordings)
        ]

    def _pattern(self, wording: str) -> re.Pattern:
        seen = set()
        parts = []
        for literal, slot in re.findall(r"([^{]*)(?:\{(\w+)\})?", wording):
            parts.append(re.escape(literal))
            if slot.endswith("_one"):
                parts.append("一.")
            elif slot:
                parts.append(f"(?P={slot})" if slot in seen else f"(?P<{slot}>{self._alternatives(slot)})")
                seen.add(slot)
        return re.compile("".join(parts))

    def _alternatives(self, slot: str) -> str:
        entries = _entries(CATEGORIES[slot])
        words = (e.chinese if self._chinese else english_word(slot, e.english) for e in entries.values())
        return "|".join(sorted(map(re.escape, words), key=len, reverse=True))

    def _word(self, slot: str, text: str) -> str:
        if self._chinese:
            return next(e.english for e in _entries(CATEGORIES[slot]).values() if e.chinese == text)
        return text.split()[-1] if slot in ("at", "lost_at") else text

    def parse(self, text: str) -> list[dict[str, str]]:
        """The sentences of a normalised text: the event, the wording and the word of each slot."""
        parsed: list[dict[str, str]] = []
        position = 0
        while position < len(text):
            patterns = (self._openings, self._introductions, self._others)[min(len(parsed), 2)]
            for pattern, event, wording in patterns:
                match = pattern.match(text, position)
                if match:
                    words = {slot: self._word(slot, word) for slot, word in match.groupdict().items()}
                    parsed.append({"event": event.name, "wording": str(wording), **words})
                    position = match.end() + (not self._chinese)
                    break
            else:
                raise NotInGrammar(f"sentence {len(parsed) + 1} is none of the grammar: {text[position:][:80]!r}")
        return parsed

    @cached_property
    def endings(self) -> list[tuple[re.Pattern, str]]:
        """A pattern for a text that ends with this sentence, and the mood that it ends in."""
        start = r"(?:^|(?<=[。！”]))" if self._chinese else r"(?:^|(?<=[.!\"] ))"
        return [(re.compile(f"{start}{pattern.pattern}$"), event.mood) for pattern, event, _ in self._patterns(ENDINGS)]


@lru_cache(maxsize=2)
def _language(chinese: bool) -> _Language:
    return _Language(chinese)


def score(text: str, grammar: Grammar) -> tuple[float, World, list[Sentence]]:
    """Log-probability (nats), final world and derivation of a story text, English or Chinese.

    Raises:
        NotInGrammar: the text is not a story of `grammar`, saying where it departs from it.
    """
    chinese = is_chinese(text)
    text = normalize_chinese(text) if chinese else normalize_english(text)
    if not text:
        raise NotInGrammar("the text is empty")
    scorer, world, sentences, written = Scorer(), World(), [], []
    for given in _language(chinese).parse(text if chinese else re.sub(r"\ban(?= [aeiou])", "a", text)):
        if sentences and sentences[-1].last:
            raise NotInGrammar(f"the story goes on after its end, with sentence {len(sentences) + 1}")
        scorer.given = given
        try:
            sentences.append(grammar.step(world, scorer))
        except NotInGrammar as error:
            raise NotInGrammar(f"sentence {len(sentences) + 1} ({given['event']}): {error}") from None
        written.append(chinese_text(sentences[-1]) if chinese else english_tokens(sentences[-1]))
    if not sentences[-1].last:
        raise NotInGrammar(f"the story stops after sentence {len(sentences)} without an ending")
    if ("" if chinese else " ").join(written) != text:  # a remembered fact is told wrongly
        wrong = next(i for i, part in enumerate(written) if not _starts(text, written[: i + 1], chinese))
        raise NotInGrammar(f"sentence {wrong + 1} contradicts the story; true would be {written[wrong]!r}")
    return scorer.log_probability, world, sentences


def last_mood(text: str) -> str:
    """The mood of the ending that `text` (English or Chinese) ends with; "" if its last sentence is not one.

    What stands before it does not matter: the text need not be a story of the grammar.
    """
    chinese = is_chinese(text)
    text = normalize_chinese(text) if chinese else normalize_english(text)
    return next((mood for pattern, mood in _language(chinese).endings if pattern.search(text)), "")


def _starts(text: str, written: list[str], chinese: bool) -> bool:
    return text.startswith(("" if chinese else " ").join(written))
