"""How many instructions a model follows exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from lmbook.corpora.greentree.instructions import Instruction
from lmbook.decoding.text import answer
from lmbook.errors import LmbookError
from lmbook.pipelines.instructions import short_prompt
from lmbook.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class AnswerScore:
    """What a model answered, and which answers are right.

    Args:
        examples: what was asked.
        answers: the text of each answer.
        right: whether it is accepted.
    """

    examples: list[Instruction]
    answers: list[str]
    right: list[bool]

    @property
    def exact(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.right))

    def by_task(self) -> dict[str, float]:
        """The share of right answers of each task."""
        tasks = dict.fromkeys(example.task for example in self.examples)
        pairs = list(zip(self.examples, self.right, strict=True))
        return {task: float(np.mean([right for example, right in pairs if example.task == task])) for task in tasks}


def score_answers(
    model: keras.Model,
    tokenizer: Tokenizer,
    examples: Sequence[Instruction],
    *,
    max_new_tokens: int,
    batch_size: int = 64,
) -> AnswerScore:
    """Let a model answer each instruction, in the format of `short_prompt`, and check the answers by the grammar.

    Args:
        model: any language model of the book.
        tokenizer: the one that it was trained with.
        examples: instructions with their checks.
        max_new_tokens: the most tokens of an answer.
        batch_size: prompts that are answered together.

    Raises:
        LmbookError: there is no example, or as `generate`.
    """
    if not examples:
        raise LmbookError("There are no instructions to score.", "Give at least one.")
    prompts = [short_prompt(example.instruction, example.text) for example in examples]
    answers = answer(model, tokenizer, prompts, max_new_tokens=max_new_tokens, batch_size=batch_size)
    right = [example.accepts(text) for example, text in zip(examples, answers, strict=True)]
    return AnswerScore(list(examples), answers, right)
