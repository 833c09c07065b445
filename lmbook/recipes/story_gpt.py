"""The GPT on greentree that the lessons on instructions start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from lmbook.corpora.greentree import Grammar, tell_stories
from lmbook.corpora.greentree.instructions import TASKS, Instruction, instructions
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.registry import make_config
from lmbook.pipelines.batches import Batches
from lmbook.pipelines.causal import text_batches
from lmbook.pipelines.instructions import InstructionBatches, short_prompt
from lmbook.recipes.profile import Profile
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.fit import fit, reproducible
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig

# How a `story_gpt_model` is trained; arguments of `fit`.
STORY_FIT = {"optimizer": OptimizerConfig("muon", learning_rate=6e-3, warmup_steps=20, weight_decay=0.0)}
# One table for input and logits: untrained, it expects each word again, and its first loss is above ln V.
STORY_CHECKS = ("ids", "labels", "future", "overfit")
STORY_SEED, TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 10, 20, 21, 22  # of stories and of instructions


@dataclass(frozen=True)
class GPTProfile(Profile):
    """The size of a `story_gpt_model`, and of its training on stories.

    Args:
        name, steps: see `Profile`.
        context: tokens in a window.
        batch_size: windows in a batch.
        num_layers, hidden_dim, max_sequence_length: see `GPTConfig`.
    """

    context: int
    batch_size: int
    num_layers: int
    hidden_dim: int
    max_sequence_length: int


@dataclass(frozen=True)
class StoryGPTProfile(GPTProfile):
    """The size of the GPT that has a place for instructions, and of the data to tune it.

    Args:
        name, steps, context, batch_size, num_layers, hidden_dim: see `GPTProfile`.
        max_sequence_length: of the model: the longest prompt and answer together.
        words: so many of each category of the lexicon, but 24 kinds of heroes.
        tasks: of the instructions; with "translate" the model reads Chinese stories too.
        stories: to pre-train on, in each language.
        widths: of the instructions' batches.
        tokens_per_batch: of the instructions' batches.
        instructions: to tune on.
    """

    words: int
    tasks: tuple[str, ...]
    stories: int
    widths: tuple[int, ...]
    tokens_per_batch: int
    instructions: int


QUICK = StoryGPTProfile(
    name="quick",
    words=6,
    tasks=("tell", "answer"),
    stories=16_000,
    steps=250,
    context=48,
    batch_size=64,
    num_layers=3,
    hidden_dim=96,
    max_sequence_length=128,
    widths=(72,),
    tokens_per_batch=16 * 72,
    instructions=16_000,
)
FULL = StoryGPTProfile(
    name="full",
    words=8,
    tasks=TASKS,
    stories=20_000,
    steps=700,
    context=72,
    batch_size=40,
    num_layers=4,
    hidden_dim=128,
    max_sequence_length=160,
    widths=(72, 120),
    tokens_per_batch=20 * 120,
    instructions=60_000,
)


def story_gpt_config(
    vocabulary_size: int,
    *,
    num_layers: int,
    hidden_dim: int,
    max_sequence_length: int,
    num_heads: int = 4,
    smear_keys: bool = False,
    pad_id: int = 0,
) -> GPTConfig:
    """The registry's model "gpt", initialised so that it learns early to repeat a name.

    That is what stories, and conversations about them, need first. Attention learns to copy only what keeps a vector of
    its own: a table that starts small loses it to what all names have in common, and blocks whose outputs start at zero
    begin to copy hundreds of steps later.

    Args:
        vocabulary_size, num_layers, hidden_dim, max_sequence_length, num_heads, smear_keys, pad_id: as in `GPTConfig`.

    Raises:
        LmbookError: as `GPTConfig`.
    """
    return make_config(
        "gpt",
        vocabulary_size,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        intermediate_dim=4 * hidden_dim,
        max_sequence_length=max_sequence_length,
        smear_keys=smear_keys,
        pad_id=pad_id,
        tie_embeddings=True,
        embedding_stddev=hidden_dim**-0.5,
        zero_projections=False,
        qk_norm=False,
        logit_soft_cap=None,
        activation="relu",
    )


def story_gpt_model(vocabulary_size: int, **sizes: int) -> GPT:
    """A GPT with the configuration that `story_gpt_config` makes of the same `sizes`."""
    return GPT(story_gpt_config(vocabulary_size, **sizes))


@dataclass(frozen=True)
class StoryGPT:
    """A GPT trained on stories, with the data to fine-tune it.

    `seen` tells the stories of training, `held_out` those whose plants and heroes never met in it.
    """

    model: GPT
    tokenizer: WordTokenizer
    history: History
    profile: StoryGPTProfile
    seen: Grammar
    held_out: Grammar

    def copy(self) -> GPT:
        """Another model with the same weights."""
        model = GPT(self.model.config)
        model.set_weights(self.model.get_weights())
        return model

    def examples(
        self, count: int, seed: int, held_out: bool = False, tasks: Sequence[str] | None = None
    ) -> list[Instruction]:
        """Instructions about stories; None: all tasks of the profile."""
        return instructions(count, seed, self.held_out if held_out else self.seen, tasks or self.profile.tasks)

    def batches(self, examples: Sequence[Instruction], loss_on: str = "answer", seed: int = 0) -> InstructionBatches:
        """Batches of instructions with their answers."""
        return InstructionBatches(
            [(self.tokenizer.encode(_prompt(e)), self.tokenizer.encode(e.answer)) for e in examples],
            self.tokenizer,
            tokens_per_batch=self.profile.tokens_per_batch,
            widths=self.profile.widths,
            loss_on=loss_on,
            seed=seed,
        )


def greentree_gpt(
    profile: StoryGPTProfile,
    seed: int = 0,
    *,
    models: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> StoryGPT:
    """Train the GPT on greentree, resuming or loading what an earlier call left in `models`.

    It is a `story_gpt_model`. It reads stories alone; the tokenizer knows the words of the instructions too, so that
    they have places in the table, which this training leaves at random.

    Args:
        profile: how much, e.g. `FULL` (minutes) or `QUICK` (seconds).
        seed: of the weights and the order of the stories.
        models: folder in which each profile and seed has a folder for its checkpoints; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    lexicon = LEXICON.first(profile.words, kinds=24, wishes=6)  # with 8 kinds or more every plant has a held-out hero
    seen, held_out = (Grammar(lexicon, split=split, max_sentences=4) for split in ("seen", "held_out"))
    stories = tell_stories(profile.stories, STORY_SEED, grammar=seen)
    texts = [story.english for story in stories]
    if "translate" in profile.tasks:
        texts += [story.chinese for story in stories]
    examples = instructions(2_000, TRAINING_SEED, seen, profile.tasks)
    tokenizer = WordTokenizer.train([*texts, *(text for e in examples for text in (_prompt(e), e.answer))])
    model, history = train_on_stories(
        profile,
        texts,
        tokenizer,
        seed,
        output=profile.folder(models, "greentree_gpt", seed),
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )
    return StoryGPT(model, tokenizer, history, profile, seen, held_out)


def train_on_stories(
    profile: GPTProfile,
    texts: Sequence[str],
    tokenizer: WordTokenizer,
    seed: int = 0,
    *,
    output: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> tuple[GPT, History]:
    """Train a `story_gpt_model` on story texts.

    Args:
        profile: the sizes.
        texts: the stories.
        tokenizer: with their words.
        seed: of the weights and the order of the stories.
        output: folder for checkpoints, to go on with what an earlier call left there; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    reproducible(seed)
    data = text_batches(
        texts, tokenizer, context=profile.context, batch_size=profile.batch_size, align="document", seed=seed
    )
    sizes = {"num_layers": profile.num_layers, "hidden_dim": profile.hidden_dim}
    return train_story_gpt(
        data,
        tokenizer,
        {**sizes, "max_sequence_length": profile.max_sequence_length},
        steps=profile.steps,
        checks=STORY_CHECKS,
        output=output,
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )


def train_story_gpt(
    data: Batches,
    tokenizer: Tokenizer,
    sizes: Mapping[str, Any],
    *,
    strategy: tf.distribute.Strategy | None,
    **options: Any,
) -> tuple[GPT, History]:
    """Make a `story_gpt_model` and train it as all of them are.

    Args:
        data: the batches.
        tokenizer: the one that they were encoded with.
        sizes: arguments of `story_gpt_config`, besides what the tokenizer knows.
        strategy: from `make_strategy`; None: the one in whose scope the call is made.
        options: further arguments of `fit`.
    """
    with (strategy or tf.distribute.get_strategy()).scope():
        model = story_gpt_model(tokenizer.vocabulary_size, **sizes, pad_id=tokenizer.pad_id)
    fingerprints = {"tokenizer": tokenizer.fingerprint}
    return model, fit(model, data, **STORY_FIT, fingerprints=fingerprints, strategy=strategy, **options)


def _prompt(example: Instruction) -> str:
    return short_prompt(example.instruction, example.text)
