from __future__ import annotations

from lmbook.topics.reading.word_overlap import WordOverlap

TEXTS = [
    "The castle was built in 1542. The king lived in the north tower. Nobody saw the garden.",
    "The river is long. The boats are in the harbour.",
    "The queen was in the hall. It was late.",
    "The book was read in the school by everybody.",
]
READER = WordOverlap(TEXTS)


def test_the_sentence_with_the_rarest_common_words_is_taken():
    assert READER.sentence("Where did the king live?", TEXTS[0]) == "The king lived in the north tower."
    assert READER.sentence("When was the castle built?", TEXTS[0]) == "The castle was built in 1542."


def test_the_span_stands_in_the_text_and_repeats_no_word_of_the_question():
    assert READER.span("When was the castle built?", TEXTS[0]) == "1542"
    assert READER.span("Who lived in the north tower?", TEXTS[0]) == "king"


def test_a_text_without_any_of_the_words_still_gives_a_part_of_it():
    for question in ("Why?", "castle built 1542"):
        assert READER.span(question, "It was late.") in "It was late."
