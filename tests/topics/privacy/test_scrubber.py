import pytest

from lmbook.topics.privacy.scrubber import (
    PerceptronTagger,
    Scrubber,
    Span,
    iban_valid,
    known_words,
    labelled_words,
    luhn_valid,
    pattern_spans,
)

TEXT = "Write to ann.lee@example.com, card 4111 1111 1111 1111, call 555-867-5309 or 10.0.0.1"


def test_patterns_find_what_has_a_form():
    found = {span.type: TEXT[span.start : span.end] for span in pattern_spans(TEXT)}
    assert found == {
        "EMAIL_ADDRESS": "ann.lee@example.com",
        "CREDIT_CARD": "4111 1111 1111 1111",
        "PHONE_NUMBER": "555-867-5309",
        "IP_ADDRESS": "10.0.0.1",
    }


@pytest.mark.parametrize("text", ["In 2023 there were 365 days.", "3... 2... 1... go", "999.1.1.1 is no address"])
def test_patterns_leave_other_numbers(text):
    assert pattern_spans(text) == []


def test_check_digits():
    assert luhn_valid("4111111111111111") and not luhn_valid("4111111111111112")
    assert iban_valid("GB82WEST12345698765432") and not iban_valid("GB82WEST12345698765433")


def records():
    made = []
    for name in ("Ann Lee", "Bob Ray", "Eve Sun", "Kim Day"):
        text = f"My name is {name}, thank you."
        made.append({"text": text, "spans": [{"type": "PERSON", "start": 11, "end": 11 + len(name)}]})
    return made * 3


def test_scrubber_takes_names_and_numbers_out():
    scrubber = Scrubber(PerceptronTagger(records(), {"first names": ["zoe"]}))
    assert scrubber.scrub("My name is Zoe Fox, thank you.") == "My name is [PERSON], thank you."
    assert scrubber.scrub("Mail zoe@example.com") == "Mail [EMAIL_ADDRESS]"
    assert scrubber.find("") == []


def test_labelled_words():
    assert labelled_words("I am Ann Lee.", [Span("PERSON", 5, 12)]) == [(2, "PERSON"), (3, "PERSON")]


def test_known_words_tell_places_from_other_names():
    lists = known_words(
        ["We live in Rome now", "They came from Rome", "I saw Mary", "We met Mary", "the way", "the sea"]
    )
    assert lists["places"] == {"Rome"} and lists["other names"] == {"Mary"} and "the" in lists["common words"]
