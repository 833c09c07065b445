"""Chatting with a model that is shown as much of the conversation as it has room for."""

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
    """The model's reply in one turn.

    Args:
        text: the reply.
        forgotten: how many turns were dropped from the history to make room for this one.
        cut: the reply did not come to its end, but was stopped at the limit.
    """

    text: str
    forgotten: int
    cut: bool


class Chat:
    """A conversation with a model. When its history no longer fits, the oldest turns are dropped.

    Args:
        model: a language model that was trained on `DialogueBatches`.
        tokenizer: the one that it was trained with.
        max_prompt_tokens: the most tokens of history and of what is said now; None: all that the model has room for.
        max_new_tokens: the most tokens of a reply.
        sampling: how a token is chosen.

    Attributes:
        history: (said, reply), as ids, of the turns that are kept.
        forgotten: how many were dropped so far.

    Example:
        chat = Chat(model, tokenizer)
        chat.say("My name is Mira.")
        print(chat.say("Who am I?").text)

    Raises:
        LmbookError: `max_new_tokens` or `max_prompt_tokens` is less than 1, or the model has no room for both.
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Tokenizer,
        *,
        max_prompt_tokens: int | None = None,
        max_new_tokens: int = 64,
        sampling: Sampling = Sampling(temperature=0.0),  # noqa: B008 (frozen)
    ):
        most = longest_text(model)
        if max_prompt_tokens is None:
            max_prompt_tokens = 1024 if most is None else most - max_new_tokens
        too_long = most is not None and max_prompt_tokens + max_new_tokens > most
        if max_new_tokens < 1 or max_prompt_tokens < 1 or too_long:
            room = "" if most is None else f", and the model reads at most {most} tokens"
            raise LmbookError(
                f"{max_prompt_tokens=} and {max_new_tokens=}: both must be at least 1{room}.", "Choose smaller ones."
            )
        self.model, self.tokenizer = model, tokenizer
        self.max_prompt_tokens, self.max_new_tokens, self.sampling = max_prompt_tokens, max_new_tokens, sampling
        self.history: list[tuple[list[int], list[int]]] = []
        self.forgotten = 0

    def say(self, said: str) -> Reply:
        """Say something and return the reply; both become part of the history.

        Raises:
            LmbookError: `said` is empty, or alone longer than `max_prompt_tokens`.
        """
        if not said.strip():
            raise LmbookError("Nothing was said.", "Write something.")
        tokenizer, ids = self.tokenizer, encode_said(self.tokenizer, said)
        if len(dialogue_prompt([], ids, tokenizer)) > self.max_prompt_tokens:
            raise LmbookError(
                f"That has {len(ids)} tokens; {self.max_prompt_tokens} are allowed.",
                "Say it in fewer words, or in two turns.",
            )
        kept = latest_turns(self.history, ids, tokenizer, self.max_prompt_tokens)
        forgotten = len(self.history) - len(kept)
        written = list(
            stream(
                self.model,
                dialogue_prompt(kept, ids, tokenizer),
                max_new_tokens=self.max_new_tokens,
                sampling=self.sampling,
                stop_ids=(tokenizer.end_id,),
                suppress_ids=tokenizer.suppress_ids,
            )
        )
        self.history = [*kept, (ids, written)]
        self.forgotten += forgotten
        return Reply(tokenizer.decode(written).strip(), forgotten, len(written) == self.max_new_tokens)
