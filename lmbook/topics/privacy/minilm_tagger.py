"""MiniLM fine-tuned to tag the words of a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.bert import BERTTagger
from lmbook.models.compiled import compiled
from lmbook.models.pretrained.hugging_face import load_minilm
from lmbook.pipelines.batches import padded
from lmbook.pipelines.buckets import BUCKETS, bucket_width
from lmbook.topics.privacy.scrubber import tags_of, token_places
from lmbook.topics.privacy.sequence_tagger import OUTSIDE, best_path
from lmbook.topics.privacy.tagged_words import CLOSING, TaggedWords, word_row
from lmbook.training.fine_tuning import FineTuning

LEARNING_RATE, DECAY, TOKENS_PER_BATCH = 5e-4, 0.8, 256
SMALL = 0.1  # of the texts are read as if they had no capitals,
MASKED = 0.1  # and of the word pieces are hidden


def with_other_values(records: Sequence[dict], times: int, seed: int = 0, share: float = 0.7) -> list[dict]:
    """The records, `times` times, with most personal data replaced by other values of the same type.

    So a word cannot be learned by heart, and what stands around it has to tell what it is.

    Args:
        records: {"text", "spans"}; each span {"type", "start", "end"}.
        times: how often each of them comes.
        seed: of what is drawn.
        share: of the spans that are replaced.
    """
    rng, values = np.random.default_rng(seed), defaultdict(list)
    for record in records:
        for span in record["spans"]:
            values[span["type"]].append(record["text"][span["start"] : span["end"]])
    made = []
    for record in (record for _ in range(times) for record in records):
        text, spans, done = "", [], 0
        for span in record["spans"]:
            text += record["text"][done : span["start"]]
            value, others = record["text"][span["start"] : span["end"]], values[span["type"]]
            value = others[rng.integers(len(others))] if rng.random() < share else value
            spans.append({"type": span["type"], "start": len(text), "end": len(text) + len(value)})
            text, done = text + value, span["end"]
        made.append({"text": text + record["text"][done:], "spans": spans})
    return made


class MiniLMTagger:
    """MiniLM with an output layer over the first piece of each word; all its weights are tuned.

    MiniLM reads small letters only. So a capital at the beginning of a word is told by the segment of its pieces, which
    is 0 everywhere in what MiniLM had read; both segments begin with that one's vector. A line break is read as the end
    of a sentence.

    Args:
        records: with "text" and "spans", each of these {"type", "start", "end"}.
        epochs: passes over the records, each time with other values (`with_other_values`).
        seed: of the values, of their order and of dropout.

    Raises:
        LmbookError: there is no record, or the package that ships MiniLM is not installed.
    """

    def __init__(self, records: Sequence[dict], *, epochs: int = 5, seed: int = 0):
        if not records:
            raise LmbookError("There is no text to learn from.", "Give labelled texts.")
        bert, self._tokenizer = load_minilm()
        segments = bert.embedding.segments.embeddings
        segments.assign(np.repeat(segments.numpy()[:1], 2, axis=0))
        records = with_other_values(records, epochs, seed)
        self.tags = sorted({tag for record in records for tag in tags_of(record)} | {OUTSIDE})
        self.model = BERTTagger(bert, len(self.tags))
        # XLA would compile for each width, for longer than it saves.
        tuning = FineTuning(self.model, "all", learning_rate=LEARNING_RATE, decay=DECAY, jit_compile=False)
        data = self._data(records, seed)
        steps = data.steps_per_epoch
        self.history = tuning.run(data, steps=steps, report_every=-(-steps // 10), seed=seed)

    def tag(self, text: str, places: Sequence[tuple[int, int]]) -> list[str]:
        """The tag of each token (`token_places`) of a text: B-X, I-X or O."""
        read = compiled(self.model, "tags", _reader)
        found = []
        for ids, segments, firsts in self._rows(text, places):
            width = bucket_width(len(ids))
            logits = read(padded([ids], width, self._tokenizer.pad_id), padded([segments], width, 0)).numpy()[0]
            found += [self.tags[best] for best in best_path(logits[firsts], self.tags)]
        return found

    def _data(self, records: Sequence[dict], seed: int) -> TaggedWords:
        number, rng = {tag: place for place, tag in enumerate(self.tags)}, np.random.default_rng(seed)
        rows, labels = [], []
        for record in records:
            places, tags = token_places(record["text"]), iter(tags_of(record))
            for ids, segments, firsts in self._rows(record["text"], places, small=rng.random() < SMALL):
                hidden = rng.random(len(ids)) < MASKED
                rows.append((np.where(hidden, self._tokenizer.mask_id, ids), segments, firsts))
                labels.append([number[next(tags)] for _ in firsts])
        return TaggedWords(rows, labels, self._tokenizer, tokens_per_batch=TOKENS_PER_BATCH, seed=seed)

    def _rows(self, text: str, places: Sequence[tuple[int, int]], small: bool = False):
        """The text in rows that MiniLM can read, with as many words in each as fit."""
        t, pieces, capitals, length = self._tokenizer, [], [], 0
        for first, last in places:
            word = text[first:last]
            own = [t.end_id] if word == "\n" else (t.encode(word) or [t.unknown_id])[: BUCKETS[-1] - CLOSING]
            if length + len(own) > BUCKETS[-1] - CLOSING:
                yield word_row(pieces, capitals, t)
                pieces, capitals, length = [], [], 0
            pieces.append(own)
            capitals.append(word[0].isupper() and not small)
            length += len(own)
        if pieces:
            yield word_row(pieces, capitals, t)


def _reader(get_model):
    return tf.function(lambda ids, segments: get_model()((ids, segments), training=False), reduce_retracing=True)
