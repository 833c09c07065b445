"""Constraints on which tokens may come next, for text that must have a given form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import Tokenizer


class Constraint:
    """Decides at each step which tokens are allowed. Subclasses use TensorFlow, in the graph of the decoding loop.

    A state is a tensor or a structure of tensors whose first axis are the rows.
    """

    def begin(self, batch_size: int):
        """The state before the first written token."""
        raise NotImplementedError

    def allowed(self, state) -> tf.Tensor:
        """bool [B, V]: True where a token may be written now. At least one in each row must be."""
        raise NotImplementedError

    def after(self, state, ids: tf.Tensor):
        """The state once ids [B] are written."""
        raise NotImplementedError


class Automaton(Constraint):
    """Text that a finite automaton accepts: digits, dates, lines of a fixed length, one word of a list …

    Args:
        following: int [N, V]: the state (0 … N - 1) that a token leads to from each state, -1 where it is not
            allowed. Decoding begins in state 0.

    Raises:
        LmbookError: a state that can be reached allows no token, or leads to a state that is not there.
    """

    def __init__(self, following: np.ndarray):
        following = np.asarray(following, np.int32)
        if following.ndim != 2 or following.max() >= len(following):
            raise LmbookError(
                f"The automaton's table has shape {following.shape} and leads to state {following.max()}.",
                "It must be [states, vocabulary], with states below its length.",
            )
        dead = np.flatnonzero((following < 0).all(axis=1))
        reached = np.intersect1d(dead, np.append(following, 0))
        if len(reached):
            raise LmbookError(
                f"State {reached[0]} of the automaton allows no token at all.", "Let it go on, or end with <end>."
            )
        self.following = tf.constant(following)

    def begin(self, batch_size: int):
        return tf.zeros([batch_size], tf.int32)

    def allowed(self, state):
        return tf.gather(self.following, state) >= 0

    def after(self, state, ids):
        # A row that has ended still gets tokens, which no longer count; they must not lead out of the table.
        return tf.maximum(tf.gather_nd(self.following, tf.stack([state, ids], axis=1)), 0)


def lines(pattern: Sequence[Callable[[str], bool]], tokenizer: Tokenizer) -> Automaton:
    """A constraint with one condition for each token in turn, followed by `<end>`.

    Args:
        pattern: for each position, a function that says whether a token's text fits there. Special tokens never do.
        tokenizer: the model's; its `tokens` are the texts, and its `end_id` closes the whole.

    Example:
        quatrain = lines(([is_character] * 5 + [is_mark]) * 4, tokenizer)
    """
    special = {tokenizer.end_id, *tokenizer.suppress_ids}
    following = np.full((len(pattern) + 1, len(tokenizer.tokens)), -1, np.int32)
    for state, fits in enumerate(pattern):
        allowed = [token for token, text in enumerate(tokenizer.tokens) if token not in special and fits(text)]
        following[state, allowed] = state + 1
    following[-1, tokenizer.end_id] = len(pattern)
    return Automaton(following)
