"""The BERT on greentree that chapter 06 pre-trains and that other lessons start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf

from lmbook.corpora.greentree import Grammar, Story, tell_stories
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.models.bert import BERTConfig, BERTMaskedLM
from lmbook.pipelines.masked import MaskedTokens
from lmbook.recipes.profile import Profile
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.validation import MaskedValidation

TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 40, 41, 42  # of the stories; not those of the snapshot


@dataclass(frozen=True)
class BERTProfile(Profile):
    """The size of the training.

    Args:
        name, steps: see `Profile`.
        words: so many of each category of the lexicon, but 8 kinds of heroes; None: all.
        stories: training stories.
        max_sentences: length of the longest.
        context: tokens in a row, a story each.
        batch_size: rows in a batch.
        hidden_dim, num_layers: see `BERTConfig`.
        learning_rate, muon_ratio: see `OptimizerConfig`. The larger model, whose norms stand after the additions, falls
            back to naming frequent words at the smaller one's rates.
    """

    words: int | None
    stories: int
    max_sentences: int
    context: int
    batch_size: int
    hidden_dim: int
    num_layers: int
    learning_rate: float
    muon_ratio: float


QUICK = BERTProfile(
    "quick",
    steps=400,
    words=4,
    stories=13_000,
    max_sentences=6,
    context=80,
    batch_size=32,
    hidden_dim=64,
    num_layers=2,
    learning_rate=1.5e-2,
    muon_ratio=3.0,
)
FULL = BERTProfile(
    "full",
    steps=700,
    words=None,
    stories=45_000,
    max_sentences=8,
    context=96,
    batch_size=64,
    hidden_dim=128,
    num_layers=3,
    learning_rate=1e-2,
    muon_ratio=1.2,
)
# BERT masks 15 % and trains for weeks. In a training of minutes, more masked words teach more in each step, although
# they leave less to predict them from (Wettig et al. 2023, "Should you mask 15 % in masked language modeling?").
HIDDEN = 0.3


@dataclass(frozen=True)
class PretrainedBERT:
    """A pre-trained BERT and what it was made with; `train` and `validation` have the texts that were read."""

    model: BERTMaskedLM
    tokenizer: WordTokenizer
    history: History
    profile: BERTProfile
    grammar: Grammar
    train: list[str]
    validation: list[str]
    test: list[Story]

    def masked(self, texts: Sequence[str], **options) -> MaskedTokens:
        """Batches of stories, in their order, with words that are always masked: no position shows its answer.

        Args:
            texts: English stories.
            options: further or other arguments of `MaskedTokens`.
        """
        V = self.tokenizer.vocabulary_size
        fair = {"mask_token_rate": 1.0, "random_token_rate": 0.0, "shuffle": False, "batch_size": 50}
        ids = [self.tokenizer.encode(text) for text in texts]
        return MaskedTokens(ids, self.tokenizer, context=self.profile.context, mask_id=V, **{**fair, **options})


def greentree_bert(
    profile: BERTProfile,
    seed: int = 0,
    *,
    models: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> PretrainedBERT:
    """Pre-train a BERT on greentree, resuming or loading what an earlier call left in `models`.

    The vocabulary is every word of the stories, and one id more, which hides words. Muon updates the matrices of the
    blocks, AdamW the rest.

    Args:
        profile: how much, e.g. `FULL` (minutes) or `QUICK` (under a minute).
        seed: of the weights, the order of the stories and the hidden words.
        models: folder in which each profile and seed has a folder for its checkpoints; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    reproducible(seed)
    lexicon = LEXICON if profile.words is None else LEXICON.first(profile.words, kinds=8)
    grammar = Grammar(lexicon, split="seen", max_sentences=profile.max_sentences)
    test = tell_stories(500, TEST_SEED, grammar=grammar)
    validation = [story.english for story in tell_stories(200, VALIDATION_SEED, grammar=grammar)]
    held_back = {*validation, *(story.english for story in test)}  # the shortest stories can be told twice
    train = [story.english for story in tell_stories(profile.stories, TRAINING_SEED, grammar=grammar)]
    train = [text for text in train if text not in held_back]
    tokenizer = WordTokenizer.train(train)
    config = BERTConfig(
        tokenizer.vocabulary_size + 1,
        profile.hidden_dim,
        4 * profile.hidden_dim,
        num_layers=profile.num_layers,
        max_sequence_length=profile.context,
        pad_id=tokenizer.pad_id,
        dropout=0.0,  # no story is read twice
        stddev=0.1,  # BERT's own 0.02 is for matrices of 768 columns; these have few
    )
    with (strategy or tf.distribute.get_strategy()).scope():
        model = BERTMaskedLM(config)
    made = PretrainedBERT(model, tokenizer, History(), profile, grammar, train, validation, test)
    options = {"mask_selection_rate": HIDDEN, "mask_token_rate": 0.8, "random_token_rate": 0.1, "shuffle": True}
    options["seed"] = seed
    history = fit(
        model,
        made.masked(train, batch_size=profile.batch_size, **options),
        steps=profile.steps,
        validation=MaskedValidation(made.masked(validation)),
        optimizer=OptimizerConfig(
            "muon", profile.learning_rate, profile.muon_ratio, warmup_steps=profile.steps // 20, weight_decay=0.0
        ),
        checks=("ids", "initial_loss", "overfit"),  # nothing is shifted, and every place sees the future
        output=profile.folder(models, "greentree_bert", seed),
        resume=resume,
        fingerprints={"tokenizer": tokenizer.fingerprint},
        strategy=strategy,
        quiet=quiet,
    )
    return replace(made, history=history)
