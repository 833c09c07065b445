"""Scores a model's replies in conversations whose right replies are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from lmbook.corpora.greentree.dialogues import Dialogue, Turn
from lmbook.decoding.text import answer_ids
from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.pipelines.dialogues import dialogue_prompt, encode_reply, encode_said, latest_turns
from lmbook.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class DialogueScore:
    """The turns that were scored, the replies to them, and which are right."""

    turns: list[Turn]
    replies: list[str]
    right: list[bool]

    def share(self, chosen: Callable[[Turn], bool] = lambda turn: True) -> float:
        """The share of right replies to the chosen turns; not a number where there are none."""
        found = [right for turn, right in zip(self.turns, self.right, strict=True) if chosen(turn)]
        return float(np.mean(found)) if found else float("nan")

    def count(self, chosen: Callable[[Turn], bool]) -> int:
        """How many turns are chosen."""
        return sum(map(chosen, self.turns))


def score_replies(replies: Sequence[str], turns: Sequence[Turn]) -> DialogueScore:
    """Check a reply to each turn."""
    right = [turn.accepts(reply) for turn, reply in zip(turns, replies, strict=True)]
    return DialogueScore(list(turns), list(replies), right)


def replies_to(
    model: keras.Model,
    tokenizer: Tokenizer,
    histories: Sequence[Sequence[tuple[str, str]]],
    said: Sequence[str],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 64,
) -> list[str]:
    """The model's reply to what is said in each of several conversations, the likeliest token each time.

    Args:
        model: trained on `DialogueBatches`.
        tokenizer: the one that it was trained with.
        histories: (said, reply) of the turns before. Where there is no room for all, the oldest are left out.
        said: in each conversation, now.
        max_new_tokens: the most tokens of a reply.
        batch_size: conversations that are replied to together.

    Raises:
        LmbookError: as `generate`.
    """
    most = longest_text(model)
    room = None if most is None else most - max_new_tokens
    prompts = []
    for turns, words in zip(histories, said, strict=True):
        now = encode_said(tokenizer, words)
        before = [(encode_said(tokenizer, one), encode_reply(tokenizer, reply)) for one, reply in turns]
        before = latest_turns(before, now, tokenizer, room)
        prompts.append(dialogue_prompt(before, now, tokenizer))
    written = answer_ids(model, tokenizer, prompts, max_new_tokens=max_new_tokens, batch_size=batch_size)
    return [text.strip() for text in written]


def score_dialogues(
    model: keras.Model,
    tokenizer: Tokenizer,
    conversations: Sequence[Dialogue],
    *,
    kept: int | None = None,
    own_replies: bool = False,
    chosen: Callable[[Turn], bool] = lambda turn: True,
    max_new_tokens: int = 64,
    batch_size: int = 64,
) -> DialogueScore:
    """Let a model reply, the likeliest token each time, and check the replies.

    Where a conversation, with the reply to come, is more than the model can read, its oldest turns are left out.

    Args:
        model: trained on `DialogueBatches`.
        tokenizer: the one that it was trained with.
        conversations: with their right replies.
        kept: how many turns before the present one the model is shown; None: all.
        own_replies: the history has the model's own replies, as in a real chat, instead of the right ones.
        chosen: which turns count. With `own_replies` the others are replied to all the same.
        max_new_tokens: the most tokens of a reply.
        batch_size: prompts that are replied to together.

    Raises:
        LmbookError: there is no turn to score, `kept` is negative, or as `generate`.
    """
    if kept is not None and kept < 0:
        raise LmbookError(f"kept={kept} turns cannot be kept.", "Give 0 or more, or None for all.")
    turns = [(row, place) for row, one in enumerate(conversations) for place in range(len(one.turns))]
    scored = [(row, place) for row, place in turns if chosen(conversations[row].turns[place])]
    if not scored:
        raise LmbookError(f"No turn of the {len(conversations)} conversations is to be scored.", "Give others.")
    said = [[turn.said for turn in one.turns] for one in conversations]
    replies = [[turn.reply for turn in one.turns] for one in conversations]

    def reply_to(places: Sequence[tuple[int, int]]) -> None:
        """Put the model's replies in the place of the right ones, for turns none of which is in another's history."""
        histories = []
        for row, place in places:
            first = 0 if kept is None else max(0, place - kept)
            histories.append([(said[row][turn], replies[row][turn]) for turn in range(first, place)])
        now = [said[row][place] for row, place in places]
        written = replies_to(model, tokenizer, histories, now, max_new_tokens=max_new_tokens, batch_size=batch_size)
        made.update(zip(places, written, strict=True))

    made: dict[tuple[int, int], str] = {}
    if own_replies:
        for place in range(max(len(one.turns) for one in conversations)):
            now = [(row, at) for row, at in turns if at == place]
            reply_to(now)
            for row, _ in now:
                replies[row][place] = made[row, place]
    else:
        reply_to(scored)
    return score_replies([made[key] for key in scored], [conversations[row].turns[place] for row, place in scored])
