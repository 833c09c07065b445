"""The chat on greentree that chapter 08 trains and that other lessons start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from lmbook.corpora.greentree.dialogues import Dialogue, dialogues
from lmbook.corpora.greentree.letters import Letter, letters
from lmbook.corpora.greentree.lexicon import LEXICON, Lexicon
from lmbook.models.gpt import GPT
from lmbook.pipelines.dialogues import REPLIES, DialogueBatches, encode_dialogue
from lmbook.recipes.profile import Profile
from lmbook.recipes.story_gpt import STORY_CHECKS, train_story_gpt
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.training.fit import reproducible
from lmbook.training.history import History

TRAINING_SEED, TEST_SEED = 20, 22  # 21 was that of the validation, which had a seventh of the training's names
_CHECKS = [name for name in STORY_CHECKS if name != "overfit"]  # it holds only where all labels count


@dataclass(frozen=True)
class ChatProfile(Profile):
    """The size of the training.

    Args:
        name, steps: see `Profile`.
        turns: of a conversation, its quiz aside.
        words: so many of each category of the lexicon.
        stories: the reader asks for stories, too.
        conversations: to train on.
        num_layers, hidden_dim: of the model.
        widths: of the batches' rows.
    """

    turns: int
    words: int
    stories: bool
    conversations: int
    num_layers: int
    hidden_dim: int
    widths: tuple[int, ...]

    def dialogues(self, count: int, seed: int, **options) -> list[Dialogue]:
        """Conversations of this length and these words; `options` are further ones of `dialogues`."""
        return dialogues(count, seed, turns=self.turns, stories=self.stories, lexicon=self._lexicon(), **options)

    def letters(self, count: int, seed: int, **options) -> list[Letter]:
        """Letters of these words; `options` are further ones of `letters`."""
        return letters(count, seed, lexicon=self._lexicon(), **options)

    def training_dialogues(self) -> list[Dialogue]:
        """The training conversations, each with a quiz at its end."""
        return self.dialogues(self.conversations, TRAINING_SEED, quiz=True)

    @property
    def tokens_per_batch(self) -> int:
        """Positions in a batch: as many as ten of the widest rows have."""
        return 10 * self.widths[-1]

    def _lexicon(self) -> Lexicon:
        return LEXICON.first(self.words, kinds=24, wishes=6)


QUICK = ChatProfile(
    "quick",
    steps=250,
    turns=6,
    words=6,
    stories=False,
    conversations=3_000,
    num_layers=3,
    hidden_dim=96,
    widths=(152,),
)
FULL = ChatProfile(
    "full",
    steps=500,
    turns=8,
    words=8,
    stories=True,
    conversations=8_000,
    num_layers=4,
    hidden_dim=128,
    widths=(160, 240),
)


@dataclass(frozen=True)
class GreentreeChat:
    """A model that has read conversations, and its tokenizer; `length` is that of its longest reply, in tokens."""

    model: GPT
    tokenizer: BytePairTokenizer
    history: History
    profile: ChatProfile
    length: int


def dialogue_tokenizer(conversations: Sequence[Dialogue]) -> BytePairTokenizer:
    """Train a byte-pair tokenizer on what is said and replied in the first 3,000 conversations."""
    texts = [f" {turn.said} {REPLIES} {turn.reply}" for one in conversations[:3000] for turn in one.turns]
    return BytePairTokenizer.train(texts, 1000)


def longest_reply(encoded: Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]]) -> int:
    """The most tokens that a reply may need: those of the longest training reply, and two for a longer name."""
    return 2 + max(len(reply) for one in encoded for _, reply in one)


def train_on_dialogues(
    profile: ChatProfile,
    tokenizer: BytePairTokenizer,
    data: DialogueBatches,
    seed: int = 0,
    *,
    smear_keys: bool = True,
    output: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> tuple[GPT, History]:
    """Train a `story_gpt_model` on the replies of conversations, each with what comes before it.

    Args:
        profile: the sizes.
        tokenizer: the one that `data` was encoded with.
        data: the batches.
        seed: of the weights.
        smear_keys: see `story_gpt_config`.
        output: folder for checkpoints, to go on with what an earlier call left there; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    reproducible(seed)
    sizes = {"num_layers": profile.num_layers, "hidden_dim": profile.hidden_dim, "max_sequence_length": 256}
    return train_story_gpt(
        data,
        tokenizer,
        {**sizes, "smear_keys": smear_keys},
        steps=profile.steps,
        checks=_CHECKS,
        output=output,
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )


def greentree_chat(
    profile: ChatProfile,
    seed: int = 0,
    *,
    models: Path | None = None,
    resume: str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    quiet: bool = False,
) -> GreentreeChat:
    """Train the chat of the lesson `dialogue`, resuming or loading what an earlier call left in `models`.

    Args:
        profile: how much, e.g. `FULL` (minutes) or `QUICK` (seconds).
        seed: of the weights and the order of the conversations.
        models: folder in which each profile and seed has a folder for its checkpoints; None keeps none.
        resume: "auto" or "never", as in `fit`.
        strategy: from `make_strategy`.
        quiet: print nothing.
    """
    train = profile.training_dialogues()
    tokenizer = dialogue_tokenizer(train)
    encoded = [encode_dialogue(tokenizer, one) for one in train]
    data = DialogueBatches(
        encoded, tokenizer, tokens_per_batch=profile.tokens_per_batch, widths=profile.widths, seed=seed
    )
    model, history = train_on_dialogues(
        profile,
        tokenizer,
        data,
        seed,
        output=profile.folder(models, "greentree_chat", seed),
        resume=resume,
        strategy=strategy,
        quiet=quiet,
    )
    return GreentreeChat(model, tokenizer, history, profile, longest_reply(encoded))
