from __future__ import annotations

from collections import Counter

from lmbook.corpora.splits import normalised, split_by_text, split_groups, split_of, split_pairs, without_copies


def test_normalised_forgets_case_spacing_and_punctuation():
    assert normalised("  Hello,\tWORLD!") == normalised("hello world") == "hello world"
    assert normalised("绿树，站着。") == "绿树 站着"
    assert normalised(" ?! ") == "?!"  # a text without a word is still something
    assert normalised("ＡＢＣ") == "abc"


def test_the_split_of_a_text_never_changes():
    assert [split_of(text) for text in ("a green tree", "olivia", "go", "绿树", "the lord")] == [
        "train",
        "train",
        "train",
        "train",
        "train",
    ]
    shares = Counter(split_of(str(number)) for number in range(20_000))
    assert abs(shares["train"] / 20_000 - 0.8) < 0.01 and abs(shares["test"] / 20_000 - 0.1) < 0.01


def test_copies_of_a_text_stay_together_and_in_order():
    records = [{"text": f"{mark}number {number}{mark}"} for number in range(300) for mark in ("", "!", " ")]
    splits = split_by_text(records, lambda record: record["text"])
    seen = {}
    for name, part in splits.items():
        for record in part:
            assert seen.setdefault(normalised(record["text"]), name) == name
        numbers = [int(normalised(record["text"]).split()[1]) for record in part]
        assert numbers == sorted(numbers)
    assert sum(map(len, splits.values())) == 900


def test_pairs_linked_through_either_side_stay_together():
    records = []
    for number in range(300):
        records += [
            {"source": f"go {number}", "target": f"va {number}"},
            {"source": f"walk {number}", "target": f"Va {number} !"},  # linked by the target
            {"source": f"Walk {number}.", "target": f"marche {number}"},  # linked by the source
        ]
    splits = split_pairs(records)
    assert all(len(part) % 3 == 0 and part for part in splits.values())
    for number in range(300):
        assert (
            sum(any(record in part for record in records[3 * number : 3 * number + 3]) for part in splits.values()) == 1
        )


def test_a_group_is_in_one_split_whatever_the_order():
    groups = [[(number, "ab"), (number, "bc"), (number, "cd"), (number, "d")] for number in range(300)]
    records = [{"number": number, "letters": letters} for group in groups for number, letters in group]

    def split(records):
        return split_groups(records, lambda record: [("letter", f"{record['number']} {c}") for c in record["letters"]])

    splits = split(records)
    assert all(part and len(part) % 4 == 0 for part in splits.values())
    again = split(records[::-1])
    assert all(again[name][::-1] == part for name, part in splits.items())


def test_a_sentence_that_is_alike_in_both_languages_links_nothing():
    pairs = [{"source": "Stop", "target": "Halte"}, {"source": "Whoa", "target": "stop"}]
    split_pairs(pairs)  # "stop" as a source and "stop" as a target are different sentences
    assert sum(map(len, split_pairs(pairs).values())) == 2


def test_without_copies_keeps_the_test_split_whole():
    def records(*texts):
        return [{"text": text} for text in texts]

    splits = {"train": records("a", "b", "c", "c"), "validation": records("B!", "d", "e"), "test": records("d", "f")}
    kept = without_copies(splits, lambda record: record["text"])
    assert list(kept) == ["train", "validation", "test"]
    assert kept["test"] == splits["test"]
    assert kept["validation"] == records("B!", "e") and kept["train"] == records("a", "c", "c")
