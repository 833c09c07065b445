from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lmbook.cluster.same_steps import UnevenBatches
from lmbook.errors import LmbookError
from lmbook.pipelines.batches import Batches, check_ids
from lmbook.pipelines.causal import CausalWindows, document_rows, padded_documents, text_batches
from lmbook.pipelines.dialogues import DialogueBatches
from lmbook.pipelines.instructions import InstructionBatches
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.pipelines.masked import MaskedTokens
from lmbook.pipelines.packing import pack
from lmbook.pipelines.pairs import SentencePairs
from lmbook.pipelines.recall import RecallTask
from lmbook.pipelines.weighted_rows import WeightedRows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.interpretability.periodic import PeriodicRows
from lmbook.topics.privacy.tagged_words import TaggedWords, word_row
from lmbook.topics.reading.answer_spans import AnswerSpans
from lmbook.topics.reading.story_batches import StoryBatches, StoryVocabulary
from lmbook.topics.vision.picture_batches import CaptionedPictures, PicturePairs

IDS = SpecialIds()
RANDOM = np.random.default_rng(0)
TEXTS = [RANDOM.integers(3, 30, n).tolist() for n in RANDOM.integers(2, 15, 20)]
PAIRS = list(zip(TEXTS, TEXTS[3:] + TEXTS[:3], strict=True))
PICTURES = RANDOM.integers(0, 255, (20, 4, 4, 3)).astype("uint8")
STORIES = [[("Tom went home.", None), ("Where is Tom?", "home")], [("Ann is here.", None), ("Who is here?", "Ann")]] * 3
WIDTHS = {"tokens_per_batch": 64, "widths": (16, 32)}
ROWS = [word_row([[id] for id in text], [False] * len(text), IDS) for text in TEXTS]

PIPELINES = {
    "windows": lambda seed: CausalWindows(TEXTS, IDS, context=5, batch_size=3, seed=seed),
    "pairs": lambda seed: SentencePairs(PAIRS, IDS, tokens_per_batch=64, seed=seed),
    "labelled": lambda seed: LabelledTexts(TEXTS, [0, 1] * 10, IDS, tokens_per_batch=64, seed=seed),
    "masked": lambda seed: MaskedTokens(TEXTS, IDS, context=8, batch_size=3, vocabulary_size=30, mask_id=30, seed=seed),
    "instructions": lambda seed: InstructionBatches(PAIRS, IDS, **WIDTHS, seed=seed),
    "dialogues": lambda seed: DialogueBatches([PAIRS[n : n + 1] for n in range(20)], IDS, **WIDTHS, seed=seed),
    "weighted": lambda seed: WeightedRows(
        [(text, [1.0] * (len(text) - 1)) for text in TEXTS], IDS, **WIDTHS, seed=seed
    ),
    "recall": lambda seed: RecallTask(4, batch_size=3, seed=seed),
    "periodic": lambda seed: PeriodicRows(range(3, 20), 12, periods=(2, 5), batch_size=3, seed=seed),
    "spans": lambda seed: AnswerSpans(TEXTS, TEXTS[::-1], [(0, 1)] * 20, IDS, **WIDTHS, seed=seed),
    "tagged": lambda seed: TaggedWords(ROWS, [[1] * len(text) for text in TEXTS], IDS, tokens_per_batch=64, seed=seed),
    "captions": lambda seed: CaptionedPictures(PICTURES, TEXTS, IDS, batch_size=3, seed=seed),
    "picture pairs": lambda seed: PicturePairs(PICTURES, TEXTS, IDS, batch_size=3, seed=seed),
    "stories": lambda seed: StoryBatches(
        STORIES, StoryVocabulary(STORIES), lines_per_batch=8, widths=(4,), alike=[["Tom", "Ann"]], seed=seed
    ),
}


def arrays(data, *steps):
    return [[np.asarray(part) for part in tf.nest.flatten(batch)] for batch in data.dataset(*steps)]


def same(first, second):
    return all(np.array_equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_is_what_fit_takes(name):
    data = PIPELINES[name](1)
    assert isinstance(data, Batches)
    assert data.batch_size >= 1 and data.context >= 1 and data.steps_per_epoch >= 1
    assert int(data.dataset().cardinality()) == data.steps_per_epoch
    assert int(data.dataset(5, 7).cardinality()) == 7
    whole = arrays(data, 0, 9)
    assert len(whole) == 9 and same(arrays(data, 4, 5), whole[4:])  # a batch depends on its number alone
    assert same(arrays(PIPELINES[name](1), 4, 5), whole[4:])
    for x, _, w in data.dataset(0, 3):
        rows = {part.shape[0] for part in tf.nest.flatten(x)}
        assert len(rows) == 1 and w.shape[0] == (2 if name == "picture pairs" else rows.pop())


@pytest.mark.parametrize("name", PIPELINES)
def test_another_seed_gives_other_batches_and_another_description(name):
    data, again, other = PIPELINES[name](1), PIPELINES[name](1), PIPELINES[name](2)
    assert data.description == again.description != other.description
    assert not same(arrays(data, 0, 4), arrays(other, 0, 4))


@pytest.mark.parametrize("name", PIPELINES)
def test_negative_numbers_are_refused(name):
    for steps in ((-1, 2), (0, -1)):
        with pytest.raises(LmbookError, match="negative"):
            PIPELINES[name](1).dataset(*steps)


def test_the_batches_that_workers_are_compared_with_are_batches():
    data = UnevenBatches()
    assert isinstance(data, Batches) and same(arrays(data, 0, 20)[18:], arrays(data, 18, 2))


def test_what_has_no_batches_is_none():
    assert not isinstance(tf.data.Dataset.range(3), Batches)
    assert not isinstance(TEXTS, Batches)


@pytest.mark.parametrize(
    "use",
    [
        lambda: CausalWindows("a text", IDS, context=2, batch_size=1),
        lambda: CausalWindows(["a text", "another"], IDS, context=2, batch_size=1),
        lambda: CausalWindows(TEXTS[0], IDS, context=2, batch_size=1),
        lambda: padded_documents(["a text"], IDS, 2),
        lambda: document_rows(["a text"], IDS, 20),
        lambda: SentencePairs([("a text", "ein Text")], IDS, tokens_per_batch=64),
        lambda: LabelledTexts(["a text"], [0], IDS, tokens_per_batch=64),
        lambda: MaskedTokens(["a text"], IDS, context=8, batch_size=1, vocabulary_size=30, mask_id=30),
        lambda: InstructionBatches([("a question", "an answer")], IDS, **WIDTHS),
        lambda: DialogueBatches([[("hello", "hello")]], IDS, **WIDTHS),
        lambda: WeightedRows([("a text", [1.0] * 5)], IDS, **WIDTHS),
        lambda: pack(["a text"], IDS),
        lambda: AnswerSpans(["a question"], TEXTS[:1], [None], IDS, **WIDTHS),
        lambda: CaptionedPictures(PICTURES[:1], ["a caption"], IDS, batch_size=1),
        lambda: check_ids([5]),
    ],
)
def test_texts_where_ids_are_meant_are_refused(use):
    with pytest.raises(LmbookError, match="ids are needed") as caught:
        use()
    assert "encode" in caught.value.fix


def test_one_text_where_several_are_meant_is_refused():
    words = WordTokenizer.train(["a green tree"])
    with pytest.raises(LmbookError, match="'a green tree', not a list"):
        text_batches("a green tree", words, context=2, batch_size=1)
    data = text_batches(["a green tree"], words, context=2, batch_size=1, shuffle=False)
    assert data.stream.tolist() == [2, *words.encode("a green tree"), 2]
