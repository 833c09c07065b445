"""The LSTM on greentree that chapter 04 trains and that other lessons start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from lmbook.corpora.greentree import Grammar, Story, tell_stories
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.pipelines.causal import text_batches
from lmbook.recipes.profile import Profile
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.validation import Validation

TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 10, 11, 12  # of the stories; not those of the snapshot


@dataclass(frozen=True)
class LSTMProfile(Profile):
    """The size of the training.

    Args:
        name, steps: see `Profile`.
        stories: training stories.
        max_sentences: length of the longest.
        context: tokens in a window; windows begin where stories begin.
        memory_span: see `RecurrentConfig`.
    """

    stories: int
    max_sentences: int
    context: int
    memory_span: int = 150


QUICK = LSTMProfile("quick", steps=480, stories=12_000, max_sentences=4, context=48)
FULL = LSTMProfile("full", steps=2_000, stories=60_000, max_sentences=12, context=96)


@dataclass(frozen=True)
class Baseline:
    """A trained baseline and what it was made with; `train` has the texts that it read."""

    model: RecurrentLanguageModel
    tokenizer: WordTokenizer
    history: History
    grammar: Grammar
    train: list[str]
    validation: list[Story]
    test: list[Story]


def greentree_lstm(
    profile: LSTMProfile,
    seed: int = 0,
    *,
    models: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> Baseline:
    """Train the LSTM on greentree, resuming or loading what an earlier call left in `models`.

    The quick profile reads stories of 3 and 4 sentences with all words of the language; the full one reads all stories.
    Muon updates the matrices of the LSTM, AdamW the embedding and the head.

    Args:
        profile: how much, e.g. `FULL` (minutes) or `QUICK` (under a minute).
        seed: of the weights and the order of the stories.
        models: folder in which each profile and seed has a folder for its checkpoints; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    reproducible(seed)
    grammar = Grammar(split="seen", max_sentences=profile.max_sentences)
    test = tell_stories(500, TEST_SEED, grammar=grammar)
    validation = tell_stories(300, VALIDATION_SEED, grammar=grammar)
    held_back = {story.english for story in test + validation}  # the shortest stories can be told twice
    train = [story.english for story in tell_stories(profile.stories, TRAINING_SEED, grammar=grammar)]
    train = [text for text in train if text not in held_back]
    tokenizer = WordTokenizer.train(train)
    data = text_batches(train, tokenizer, context=profile.context, batch_size=64, align="document", seed=seed)
    config = RecurrentConfig(tokenizer.vocabulary_size, memory_span=profile.memory_span)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = RecurrentLanguageModel(config)
    history = fit(
        model,
        data,
        steps=profile.steps,
        validation=Validation([tokenizer.encode(story.english) for story in validation], tokenizer),
        optimizer=OptimizerConfig(
            "muon", learning_rate=3e-2, muon_ratio=1.0, warmup_steps=20, final_fraction=0.02, weight_decay=0.0
        ),
        output=profile.folder(models, "greentree_lstm", seed),
        resume=resume,
        fingerprints={"tokenizer": tokenizer.fingerprint},
        strategy=strategy,
        quiet=quiet,
    )
    return Baseline(model, tokenizer, history, grammar, train, validation, test)
