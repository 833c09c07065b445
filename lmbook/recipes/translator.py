"""Transformers that translate: the one of chapters 05 and 08 on greentree, and one for any pairs of sentences."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.greentree import Grammar, Story, tell_stories
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.pairs import SentencePairs
from lmbook.recipes.profile import CorpusProfile, Profile
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.checks import ALL_CHECKS
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.validation import score_next_tokens

TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 10, 11, 12  # of the stories; not those of the snapshot
OPTIMIZER = OptimizerConfig("muon", learning_rate=3e-3, muon_ratio=1.0, warmup_steps=50, weight_decay=0.0, beta_2=0.98)


def translator_config(vocabulary_size: int, **changes: Any) -> TransformerConfig:
    """A small version of the paper's model with two modern changes: RMSNorm before each part, and rotary positions."""
    usual = {
        "hidden_dim": 128,
        "intermediate_dim": 512,
        "num_heads": 4,
        "num_layers": 2,
        "max_sequence_length": 160,
        "positions": "rotary",
        "normalize_first": True,
        "normalization": "rms",
        "dropout": 0.0,
    }
    return TransformerConfig(vocabulary_size, **{**usual, **changes})


def train_translator(model: keras.Model, data: SentencePairs, held_out: SentencePairs, **options: Any) -> History:
    """Train a translation model by `fit`, validated on `held_out`; `options` are further or other arguments of it."""
    return fit(
        model,
        data,
        **{"optimizer": OPTIMIZER, **options},
        validation=lambda model: score_next_tokens(model, held_out).nats_per_token,
    )


@dataclass(frozen=True)
class StoryTranslatorProfile(Profile):
    """The size of the training on greentree.

    Args:
        name, steps: see `Profile`.
        stories: training stories.
        test: test stories.
    """

    stories: int
    test: int


QUICK = StoryTranslatorProfile("quick", steps=110, stories=6_000, test=200)
FULL = StoryTranslatorProfile("full", steps=700, stories=12_000, test=500)


@dataclass(frozen=True)
class StoryTranslator:
    """The Transformer that reads a story of greentree in English and writes it in Chinese.

    `stories` are those it was trained on; `test` joins heroes and plants that never met in them.
    """

    model: EncoderDecoder
    tokenizer: WordTokenizer
    history: History
    profile: StoryTranslatorProfile
    stories: list[Story]
    validation: list[Story]
    test: list[Story]

    def pairs(
        self, stories: Sequence[Story], back: bool = False, kind: type[SentencePairs] = SentencePairs, seed: int = 0
    ) -> SentencePairs:
        """Batches of English stories with their Chinese; `back`: of Chinese ones with their English."""
        return _story_pairs(self.tokenizer, stories, back, kind, seed)


def greentree_translator(
    profile: StoryTranslatorProfile,
    seed: int = 0,
    *,
    models: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> StoryTranslator:
    """Train the translator of stories, resuming or loading what an earlier call left in `models`.

    Args:
        profile: how much, e.g. `FULL` (minutes) or `QUICK` (half a minute).
        seed: of the weights and the order of the stories.
        models: folder in which each profile and seed has a folder for its checkpoints; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    seen, held_out = (Grammar(split=split, max_sentences=4) for split in ("seen", "held_out"))
    stories = tell_stories(profile.stories, TRAINING_SEED, grammar=seen)
    validation = tell_stories(200, VALIDATION_SEED, grammar=seen)
    test = tell_stories(profile.test, TEST_SEED, grammar=held_out)
    words = WordTokenizer.train([text for story in stories for text in (story.english, story.chinese)])
    reproducible(seed)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = EncoderDecoder(translator_config(words.vocabulary_size, pad_id=words.pad_id))
    history = train_translator(
        model,
        _story_pairs(words, stories, seed=seed),
        _story_pairs(words, validation),
        steps=profile.steps,
        output=profile.folder(models, "greentree_translator", seed),
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )
    return StoryTranslator(model, words, history, profile, stories, validation, test)


def _story_pairs(words, stories, back=False, kind=SentencePairs, seed=0) -> SentencePairs:
    pairs = [(words.encode(story.english), words.encode(story.chinese)) for story in stories]
    return kind([pair[::-1] for pair in pairs] if back else pairs, words, tokens_per_batch=2048, seed=seed)


@dataclass(frozen=True)
class SentenceTranslatorProfile(CorpusProfile):
    """How a translator of real sentences is made and trained.

    Args:
        name, steps, minutes, gradient_accumulation_steps: see `CorpusProfile`.
        vocabulary_size: byte pairs, of both languages together.
        num_layers, dropout: see `TransformerConfig`.
        tokens_per_batch, max_length: see `SentencePairs`. The model can write twice `max_length` tokens.
    """

    vocabulary_size: int = 8000
    num_layers: int = 3
    dropout: float = 0.1
    tokens_per_batch: int = 3072
    max_length: int = 48


@dataclass(frozen=True)
class SentenceTranslator:
    """A Transformer that was trained on pairs of sentences.

    `validation` and `test` are at most 1,000 and 2,000 held-out pairs, `{"source", "target"}`, drawn at random: sets
    are often sorted by length.
    """

    model: EncoderDecoder
    tokenizer: Tokenizer
    history: History
    profile: SentenceTranslatorProfile
    train: list[dict]
    validation: list[dict]
    test: list[dict]

    def pairs(self, pairs: Sequence[dict], seed: int = 0) -> SentencePairs:
        """Batches of sentences with their translations."""
        return _sentence_pairs(self.tokenizer, pairs, self.profile, seed)


def sentence_translator(
    profile: SentenceTranslatorProfile,
    corpus: Corpus,
    seed: int = 0,
    *,
    output: Path | None = None,
    resume: str | Path = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> SentenceTranslator:
    """Train a translator on a corpus of pairs, resuming or loading what an earlier call left in `output`.

    Args:
        profile: how.
        corpus: for translation, with train, validation and test split.
        seed: of the weights and the order of the pairs.
        output: folder of this very run, with its checkpoints, as in `fit`; None keeps none.
        resume: as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.

    Raises:
        LmbookError: as `SentencePairs` and `fit`.
    """
    pick = random.Random(1)
    train, validation, test = (corpus.split(name) for name in ("train", "validation", "test"))
    validation = pick.sample(validation, min(1000, len(validation)))
    test = pick.sample(test, min(2000, len(test)))
    pieces = BytePairTokenizer.train(
        [pair[side] for pair in train for side in ("source", "target")], profile.vocabulary_size
    )
    data, held_out = (_sentence_pairs(pieces, pairs, profile, seed) for pairs in (train, validation))
    if not quiet and is_chief():
        _say_what_is_left_out(corpus, data, held_out, profile)
        if not any(len(pieces.encode(pair["source"])) <= profile.max_length for pair in test):
            print(f"No pair for test has a source of at most {profile.max_length} tokens: none can be scored.")
    reproducible(seed)
    config = translator_config(
        pieces.vocabulary_size,
        pad_id=pieces.pad_id,
        num_layers=profile.num_layers,
        max_sequence_length=2 * profile.max_length,
        dropout=profile.dropout,
    )
    with (strategy or tf.distribute.get_strategy()).scope():
        model = EncoderDecoder(config)
    # One table both reads and writes tokens, so that a new model repeats what it has just read: its first loss is above
    # that of guessing, which `initial_loss` takes for a fault.
    history = train_translator(
        model,
        data,
        held_out,
        steps=profile.steps,
        minutes=profile.minutes,
        optimizer=replace(OPTIMIZER, weight_decay=0.01, warmup_steps=200),
        label_smoothing=0.1,
        gradient_accumulation_steps=profile.gradient_accumulation_steps,
        checks=[name for name in ALL_CHECKS if name != "initial_loss"],
        output=output,
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )
    return SentenceTranslator(model, pieces, history, profile, train, validation, test)


def _say_what_is_left_out(corpus: Corpus, data: SentencePairs, held_out: SentencePairs, profile) -> None:
    parts = {"train": data, "validation": held_out}
    scored, all_held_out = len(held_out) + held_out.left_out, len(corpus.split("validation"))
    if scored < all_held_out:
        print(f"Of {all_held_out:,} pairs for validation {scored:,} are used, drawn at random.")
    for name, part in parts.items():
        if part.left_out:
            print(
                f"{part.left_out:,} of {len(part) + part.left_out:,} pairs for {name} have a side of more than "
                f"{profile.max_length - 1} tokens and are left out."
            )


def _sentence_pairs(pieces, pairs, profile, seed) -> SentencePairs:
    ids = [(pieces.encode(pair["source"]), pieces.encode(pair["target"])) for pair in pairs]
    return SentencePairs(
        ids, pieces, tokens_per_batch=profile.tokens_per_batch, max_length=profile.max_length, seed=seed
    )
