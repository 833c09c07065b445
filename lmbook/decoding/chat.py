"""A conversation with a model: its history is kept, as far as there is room."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from lmbook.decoding.generate import stream
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.pipelines.dialogues import dialogue_prompt, encode_said, latest_turns
from lmbook.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class Reply:
    """What came of one turn.

    Args:
        text: the reply.
        forgotten: how many turns were dropped from the history to make room for this one.
        cut: the reply did not come to its end, but was stopped at the limit.
    """

    text: str
    forgotten: int
    cut: bool


class Chat:
    """Keeps the history of a conversation within a budget: what does not fit is forgotten, the oldest turn first.

    Args:
        model: a language model that was trained on `DialogueBatches`.
        tokenizer: the one that it was trained with.
        budget: the most tokens of history and of what is said now; None: all that the model has room for.
        length: the most tokens of a reply.
        sampling: how a token is chosen.

    Attributes:
        history: (said, reply), as ids, of the turns that are kept.
        forgotten: how many were dropped so far.

    Example:
        chat = Chat(model, tokenizer)
        chat.say("My name is Mira.")
        print(chat.say("Who am I?").text)

    Raises:
        LmbookError: `length` or `budget` is less than 1, or the model has no room for both.
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Tokenizer,
        *,
        budget: int | None = None,
        length: int = 64,
        sampling: Sampling = Sampling(temperature=0.0),  # noqa: B008 (frozen)
    ):
        most = longest_text(model)
        if budget is None:
            budget = 1024 if most is None else most - length
        if length < 1 or budget < 1 or (most is not None and budget + length > most):
            room = "" if most is None else f", and the model reads at most {most} tokens"
            raise LmbookError(
                f"{budget=} and {length=}: both must be at least 1{room}.", "Choose a smaller budget or length."
            )
        self.model, self.tokenizer = model, tokenizer
        self.budget, self.length, self.sampling = budget, length, sampling
        self.history: list[tuple[list[int], list[int]]] = []
        self.forgotten = 0

    def say(self, said: str) -> Reply:
        """Say something and get the reply; both belong to the history then.

        Raises:
            LmbookError: `said` is empty, or alone longer than the budget.
        """
        if not said.strip():
            raise LmbookError("Nothing was said.", "Write something.")
        tokenizer, ids = self.tokenizer, encode_said(self.tokenizer, said)
        end = tokenizer.end_id
        if len(dialogue_prompt([], ids, end)) > self.budget:
            raise LmbookError(
                f"That has {len(ids)} tokens; the budget is {self.budget}.", "Say it in fewer words, or in two turns."
            )
        kept = latest_turns(self.history, ids, end, self.budget)
        forgotten = len(self.history) - len(kept)
        written = list(
            stream(
                self.model,
                dialogue_prompt(kept, ids, end),
                length=self.length,
                sampling=self.sampling,
                stop_ids=(end,),
                never_ids=tokenizer.never_ids,
            )
        )
        self.history = [*kept, (ids, written)]
        self.forgotten += forgotten
        return Reply(tokenizer.decode(written).strip(), forgotten, len(written) == self.length)
