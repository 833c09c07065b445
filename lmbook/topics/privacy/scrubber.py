"""Finding personal data in a text and removing it: patterns for what has a fixed form, a tagger for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lmbook.topics.privacy.sequence_tagger import OUTSIDE, SequenceTagger, spans_of


@dataclass(frozen=True)
class Span:
    """A piece of a text: `text[start:end]` is personal data of this type."""

    type: str
    start: int
    end: int


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the check digit of the others, as on payment cards (ISO/IEC 7812)."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def iban_valid(text: str) -> bool:
    """Whether the check digits of an account number are right (ISO 13616: the number mod 97 is 1)."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _always(text: str) -> bool:
    return True


# (type, pattern, whether what matches is one). The first that matches keeps its place.
PATTERNS = tuple(
    (kind, re.compile(pattern), holds)
    for kind, pattern, holds in (
        ("EMAIL_ADDRESS", r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", _always),
        ("DOMAIN_NAME", r"\b(?:https?://|www\.)[^\s,;!?<>()\"']+(?<![.])", _always),
        ("IBAN_CODE", r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", iban_valid),
        ("CREDIT_CARD", r"(?<![\w-])\d(?:[ -]?\d){11,18}(?![\w-])", lambda text: luhn_valid(_digits(text))),
        ("US_SSN", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", _always),
        (
            "IP_ADDRESS",
            r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]\d)",
            lambda text: all(int(part) < 256 for part in text.split(".")),
        ),
        (
            "PHONE_NUMBER",
            r"(?<![\w/.-])(?:\+\d{1,3}[ .-]?)?(?:\(\+?\d+\)[ .-]?)?"
            r"\d(?:[ .-]?(?:\(\d+\))?\d){5,13}(?:x\d{1,6})?(?![\w/-])",
            lambda text: 7 <= len(_digits(text.split("x")[0])) <= 15,
        ),
    )
)


def pattern_spans(text: str) -> list[Span]:
    """What the patterns find, in order, without overlaps."""
    found: list[Span] = []
    for kind, pattern, holds in PATTERNS:
        for match in pattern.finditer(text):
            free = all(match.end() <= span.start or match.start() >= span.end for span in found)
            if free and holds(match.group()):
                found.append(Span(kind, match.start(), match.end()))
    return sorted(found, key=lambda span: span.start)


_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|\n|[^\w\s]|_")


def _shape(token: str) -> str:
    kinds = ("d" if c.isdigit() else "X" if c.isupper() else "x" if c.islower() else c for c in token)
    return re.sub(r"(.)\1{2,}", r"\1\1+", "".join(kinds))


def token_places(text: str) -> list[tuple[int, int]]:
    """(first character, the one after its last) of each word, number, mark and line break: what a tagger gives tags."""
    return [match.span() for match in _TOKEN.finditer(text)]


class Tagger(Protocol):
    """Gives each token of a text (`token_places`) a tag, as `PerceptronTagger` and `MiniLMTagger` do."""

    def tag(self, text: str, places: Sequence[tuple[int, int]]) -> list[str]: ...


class Scrubber:
    """Finds personal data by patterns and by a tagger that was trained on labelled texts.

    What has a check sum, or can be nothing else, is taken from the patterns as it is; the tagger finds the rest.

    Example:
        scrubber = Scrubber(PerceptronTagger(records))
        scrubber.scrub("My name is Ann Lee.")
    """

    CERTAIN = frozenset({"EMAIL_ADDRESS", "DOMAIN_NAME", "IBAN_CODE", "CREDIT_CARD", "US_SSN", "IP_ADDRESS"})

    def __init__(self, tagger: Tagger):
        self._tagger = tagger

    def find(self, text: str) -> list[Span]:
        """The personal data of a text, in order, without overlaps."""
        places = token_places(text)
        certain = [span for span in pattern_spans(text) if span.type in self.CERTAIN]
        tagged = [
            Span(kind, places[first][0], places[last - 1][1])
            for kind, first, last in spans_of(self._tagger.tag(text, places))
        ]
        free = [t for t in tagged if all(t.end <= c.start or t.start >= c.end for c in certain)]
        return sorted(certain + free, key=lambda span: span.start)

    def scrub(self, text: str) -> str:
        """The text with `[TYPE]` where personal data was found."""
        return replaced(text, self.find(text))


class PerceptronTagger:
    """A `SequenceTagger` over features of the words, with weights of its own only.

    The patterns' finds are also features, so that it can learn what stands around them and where a pattern is wrong.

    Args:
        records: with "text" and "spans", each of these {"type", "start", "end"}, as the corpus `pii_synthetic` has.
        known: lists of names by what they are ("first name": …): a token in one has that as a feature.
        epochs, seed: of the training.

    Raises:
        LmbookError: there is no record.
    """

    def __init__(
        self, records: Sequence[dict], known: dict[str, Iterable[str]] | None = None, *, epochs: int = 8, seed: int = 0
    ):
        self._known = {name: {word.lower() for word in words} for name, words in (known or {}).items()}
        texts = [(record["text"], token_places(record["text"])) for record in records]
        tags = [tags_of(record) for record in records]
        self._tagger = SequenceTagger([self._features(*text) for text in texts], tags, epochs=epochs, seed=seed)

    def tag(self, text: str, places: Sequence[tuple[int, int]]) -> list[str]:
        """The tag of each token: B-X, I-X or O."""
        return self._tagger.tag(self._features(text, places))

    def _features(self, text: str, pieces: Sequence[tuple[int, int]]) -> list[list[str]]:
        by_pattern = {}
        for span in pattern_spans(text):
            for place, (start, end) in enumerate(pieces):
                if start < span.end and end > span.start:
                    by_pattern[place] = span.type
        words = [text[start:end] for start, end in pieces]
        lower = [word.lower() for word in words]
        rows = []
        for t, word in enumerate(words):
            own = lower[t]
            row = [
                "bias",
                f"w={own}",
                f"shape={_shape(word)}",
                f"end={own[-3:]}",
                f"end2={own[-2:]}",
                f"begin={own[:3]}",
            ]
            row += [f"pattern={by_pattern.get(t)}", f"capital={word[:1].isupper()}", f"digits={word.isdigit()}"]
            lists = [name for name, known in self._known.items() if own in known]
            row += [f"in {name}" for name in lists] + [
                f"kind={_shape(word)[:2]} {lists} {t == 0 or not words[t - 1].isalnum()}"
            ]
            for distance in (-3, -2, -1, 1, 2, 3):
                at = t + distance
                near = lower[at] if 0 <= at < len(words) else "<edge>"
                row.append(f"{distance}w={near}")
                if abs(distance) < 3:
                    row.append(f"{distance}shape={_shape(words[at]) if 0 <= at < len(words) else ''}")
                    row.append(f"{distance}pattern={by_pattern.get(at)}")
                    row += [f"{distance} in {name}" for name, known in self._known.items() if near in known]
            row.append(f"pair={lower[t - 1] if t else '<edge>'} {own}")
            row.append(f"before={lower[t - 2] if t > 1 else ''} {lower[t - 1] if t else '<edge>'}")
            rows.append(row)
        return rows


def known_words(texts: Iterable[str]) -> dict[str, set[str]]:
    """Word lists for a `Scrubber`, from plain texts: words in small letters, and names, of places and others.

    A place is what stands after "in", "to" or "from" at least every fourth time.
    """
    small, names, places = Counter(), Counter(), Counter()
    for text in texts:
        words = re.findall(r"[^\W\d_]+", text)
        small.update(word for word in words if word[0].islower())
        for before, word in zip(words, words[1:], strict=False):  # a sentence begins with a capital anyway
            if word[0].isupper():
                names[word] += 1
                places[word] += before in ("in", "to", "from")
    often = {word: count for word, count in names.items() if count > 1 and small[word.lower()] < count}
    return {
        "common words": {word for word, count in small.items() if count > 1},
        "places": {word for word, count in often.items() if places[word] >= count / 4},
        "other names": {word for word, count in often.items() if places[word] < count / 4},
    }


def replaced(text: str, spans: Sequence[Span]) -> str:
    """The text with `[TYPE]` in the place of each span; the spans in order, without overlaps."""
    parts, done = [], 0
    for span in spans:
        parts += [text[done : span.start], f"[{span.type}]"]
        done = span.end
    return "".join([*parts, text[done:]])


def labelled_words(text: str, spans: Sequence[Span]) -> list[tuple[int, str]]:
    """(number of the word, type) for each word or mark of the text that is personal data."""
    tags = _tags(token_places(text), spans)
    return [(place, tag[2:]) for place, tag in enumerate(tags) if tag != OUTSIDE]


def tags_of(record: dict) -> list[str]:
    """The right tag of each token of a record: B-X where a span of type X begins, I-X where it goes on, else O."""
    spans = [Span(span["type"], span["start"], span["end"]) for span in record["spans"]]
    return _tags(token_places(record["text"]), spans)


def _tags(places: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    tags, begun = [], set()
    for start, end in places:
        inside = next((number for number, span in enumerate(spans) if start < span.end and end > span.start), None)
        tags.append(OUTSIDE if inside is None else f"{'I' if inside in begun else 'B'}-{spans[inside].type}")
        begun.add(inside)
    return tags
