"""Batches of conversations, for models that write the replies."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.corpora.greentree.dialogues import Dialogue
from lmbook.errors import LmbookError
from lmbook.pipelines.batches import check_ids
from lmbook.pipelines.buckets import BUCKETS, check_widths
from lmbook.pipelines.weighted_rows import WeightedRows
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

REPLIES = "Teller:"  # opens a reply
Ids = Sequence[int]


def encode_said(tokenizer: Tokenizer, said: str) -> list[int]:
    """The ids of what is said, and of the words that open the reply to it.

    It begins with a space, so that a word has the same byte pairs at its beginning as elsewhere, and can be copied.
    """
    return tokenizer.encode(f" {said} {REPLIES}")


def encode_reply(tokenizer: Tokenizer, reply: str) -> list[int]:
    """The ids of a reply; it begins with a space too."""
    return tokenizer.encode(f" {reply}")


def encode_dialogue(tokenizer: Tokenizer, dialogue: Dialogue) -> list[tuple[list[int], list[int]]]:
    """The turns of a conversation as (said, reply), for `DialogueBatches`."""
    return [(encode_said(tokenizer, turn.said), encode_reply(tokenizer, turn.reply)) for turn in dialogue.turns]


def dialogue_prompt(history: Sequence[tuple[Ids, Ids]], said: Ids, tokenizer: Tokenizer | SpecialIds) -> list[int]:
    """The ids after which the model is to write its reply: `<end> s1 r1 <end> s2 r2 <end> … s`.

    Args:
        history: (said, reply) of the turns before, the oldest first, from `encode_said` and `encode_reply`.
        said: of this turn.
        tokenizer: its `end_id` closes a reply, and opens the first turn.
    """
    ids = [tokenizer.end_id]
    for before, reply in history:
        ids += [*before, *reply, tokenizer.end_id]
    return [*ids, *said]


def latest_turns(
    history: Sequence[tuple[Ids, Ids]], said: Ids, tokenizer: Tokenizer | SpecialIds, room: int | None
) -> list[tuple[Ids, Ids]]:
    """The history without its oldest turns, as many as it takes for `dialogue_prompt` to have at most `room` tokens.

    Args:
        history, said, tokenizer: as in `dialogue_prompt`. What is said stays, even if it alone is longer.
        room: None: endless.
    """
    kept = list(history)
    while kept and room is not None and len(dialogue_prompt(kept, said, tokenizer)) > room:
        kept.pop(0)
    return kept


class DialogueBatches(WeightedRows):
    """Conversations, one in a row: `<end> s1 r1 <end> … sn rn <end>`, then padding.

    What is said has weight 0; each reply, and the `<end>` that closes it, weight 1. So one row teaches as many replies
    as it has turns, each with all of its history. Batches are as `WeightedRows` has them.

    Args:
        conversations: the turns of each, (said, reply) as in `dialogue_prompt`. One without turns is left out.
        tokenizer: its `end_id` closes a reply and opens the first turn, and its `pad_id` fills up the row.
        tokens_per_batch: positions of a batch, padding included.
        widths: of the rows, rising. A conversation that is too long for the widest is left out.
        seed: of the order.

    Attributes:
        left_out: how many conversations were left out.

    Example:
        >>> data = DialogueBatches([[([5], [6]), ([7], [8])]], SpecialIds(), tokens_per_batch=8)
        >>> x, y, w = next(iter(data.dataset()))
        >>> x.numpy().tolist(), w.numpy().tolist()
        ([[2, 5, 6, 2, 7, 8, 0, 0]], [[0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]])

    Raises:
        LmbookError: no conversation is left, a batch cannot hold the longest, or an argument is out of its range.
    """

    def __init__(
        self,
        conversations: Sequence[Sequence[tuple[Ids, Ids]]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        widths: Sequence[int] = BUCKETS,
        seed: int = 0,
    ):
        check_widths(widths)
        check_ids(part for turns in conversations for turn in turns for part in turn)
        rows = []
        for turns in conversations:
            ids, weights = [tokenizer.end_id], []
            for said, reply in turns:
                ids += [*said, *reply, tokenizer.end_id]
                weights += [0.0] * len(said) + [1.0] * (len(reply) + 1)
            if 0 < len(weights) <= widths[-1]:
                rows.append((ids, weights))
        if not rows:
            raise LmbookError(
                f"None of the {len(conversations)} conversations has turns that are together at most {widths[-1]} "
                "tokens long.",
                "Give shorter ones, or a larger width.",
            )
        self.left_out = len(conversations) - len(rows)
        super().__init__(rows, tokenizer, tokens_per_batch=tokens_per_batch, widths=widths, seed=seed)
