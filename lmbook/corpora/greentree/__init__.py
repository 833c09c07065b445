"""greentree, the built-in corpus: very short stories about a little world, told by a known grammar.

Because the grammar is known, so is the exact probability of every story, and with it the lowest cross-entropy that
any model can reach on a text of the corpus: the floor.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Protocol

from lmbook.corpora.greentree.choosers import NotInGrammar
from lmbook.corpora.greentree.grammar import Grammar
from lmbook.corpora.greentree.story import Question, Story
from lmbook.corpora.greentree.text import score

__all__ = ["Grammar", "NotInGrammar", "Question", "Story", "floor", "is_grammatical", "log_probability", "tell_stories"]


class Encoder(Protocol):
    """What `floor` needs of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...


@cache
def _grammar(split: str) -> Grammar:
    return Grammar(split=split)


def tell_stories(count: int, seed: int = 0, split: str = "seen", grammar: Grammar | None = None) -> list[Story]:
    """`count` stories, the same on every platform and Python version.

    Story i depends on (`seed`, i) alone, so a longer run begins with the stories of a shorter one.

    Args:
        count: how many.
        seed: 0 or more. The snapshot uses 0 (train), 1 (validation), 2 (test), 3 (held out): choose from 10 on.
        split: "seen" leaves out the held-out combinations of plant and hero, "held_out" has only those, "all" both.
        grammar: another grammar than the full one; then `split` is the grammar's own.

    Raises:
        LmbookError: unknown split.
    """
    grammar = grammar or _grammar(split)
    stories = []
    for index in range(count):
        world, sentences = grammar.sample((seed << 40) + index)
        stories.append(Story(tuple(sentences), world))
    return stories


def log_probability(text: str, split: str = "seen", grammar: Grammar | None = None) -> float:
    """Exact log-probability of a story text (English or Chinese) in nats.

    Capitals and spacing do not matter: they follow from the words. `split` and `grammar` as in `tell_stories`.

    Raises:
        NotInGrammar: the text is not a story of the grammar; the message says where it departs from it.
    """
    return score(text, grammar or _grammar(split))[0]


def is_grammatical(text: str) -> bool:
    """Whether the text is a whole story that the full grammar can tell, nothing in it contradicting its world."""
    try:
        log_probability(text, "all")
    except NotInGrammar:
        return False
    return True


def floor(texts: Iterable[str], tokenizer: Encoder, split: str = "seen", grammar: Grammar | None = None) -> float:
    """The lowest cross-entropy that any model can reach on these stories, in nats per token of `tokenizer`.

    It is -(sum of log-probabilities) / (number of tokens, one `<end>` for each story counted): the cross-entropy of
    the grammar itself (`split` and `grammar` as in `tell_stories`). A model can be below it on a few stories by luck,
    but not on average over many.

    Raises:
        NotInGrammar: a text is not a story of the grammar.
    """
    texts = list(texts)
    tokens = sum(len(tokenizer.encode(text)) + 1 for text in texts)
    return -sum(log_probability(text, split, grammar) for text in texts) / tokens
