"""N-gram language models: the next token's probability from how often it followed the last few tokens.

Both smoothings have one form. With h the last n - 1 tokens and w the next one,

    p(w | h) = alpha(h w) + gamma(h) * p_lower(w),

where alpha is what the counts of h give to w, and gamma the share of probability that is kept for a simpler
distribution: the uniform one in `AddK`, that of the context without its first token in `KneserNey`. Where h was never
seen, alpha is 0 and gamma is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError
from lmbook.models.n_gram_counts import NGramCounts, NGramTable, token_stream

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


class NGramModel:
    """What both models share: scoring, sampling, size.

    At the beginning of a document the context is as long as there are tokens: `<end>` alone before the first one.

    Args:
        counts: from `count_n_grams`; models of every order up to its own can be made from it.
        order: n; None: that of the counts.

    Raises:
        LmbookError: the order is not among those that were counted.
    """

    chained = True  # p_lower is the distribution after the context without its first token, else the uniform one

    def __init__(self, counts: NGramCounts, order: int | None = None):
        self.order = counts.order if order is None else order
        if not 1 <= self.order <= counts.order:
            raise LmbookError(
                f"The order is {order}, but n-grams of the orders 1 to {counts.order} were counted.",
                "Choose one of these, or count again with a higher order.",
            )
        self.counts = counts
        self.vocabulary_size = counts.vocabulary_size
        weights = [self._weights(k, counts.tables[k - 1]) for k in range(1, self.order + 1)]
        self._alpha = [alpha for alpha, _ in weights]
        self._gamma = [gamma for _, gamma in weights]

    def _weights(self, k: int, table: NGramTable) -> tuple[np.ndarray, np.ndarray]:
        """alpha of each n-gram of order k [N] and gamma of each of its contexts [contexts]."""
        raise NotImplementedError

    def _contexts(self, k: int) -> np.ndarray:
        """The context of each row of order k [N]: a row of order k - 1."""
        return self.counts.tables[k - 1].keys // self.vocabulary_size

    def _context_count(self, k: int) -> int:
        return 1 if k == 1 else len(self.counts.tables[k - 2].keys)

    def log_probabilities(self, documents: Sequence[Sequence[int]], *, closed: bool = True) -> np.ndarray:
        """ln p of every token, each with its document's past: float64 [tokens], the documents one after the other.

        The tokens are those that `lmbook.evaluation.language_modelling.evaluate` scores: all of the document, and its
        closing `<end>` if `closed`. -inf where a probability is 0.

        Raises:
            LmbookError: there is no token to score, or an id is not in the vocabulary.
        """
        tokens, depth = token_stream(documents, self.vocabulary_size, closed=closed, end_id=self.counts.end_id)
        rows = self.counts.follow(tokens, depth, self.order)
        p = np.full(len(tokens), 1 / self.vocabulary_size)
        for k in range(1, self.order + 1):
            places = np.flatnonzero(depth >= max(k - 1, 1))
            context, gram = rows[k - 1][places - 1], rows[k][places]
            alpha = np.where(gram >= 0, self._alpha[k - 1][gram], 0.0)
            gamma = np.where(context >= 0, self._gamma[k - 1][context], 1.0)
            p[places] = alpha + gamma * (p[places] if self.chained else 1 / self.vocabulary_size)
        with np.errstate(divide="ignore"):
            return np.log(p[depth > 0])

    def nats_per_token(self, documents: Sequence[Sequence[int]], *, closed: bool = True) -> float:
        """Mean of -ln p over all tokens (see `log_probabilities`)."""
        return -float(self.log_probabilities(documents, closed=closed).mean())

    def perplexity(self, documents: Sequence[Sequence[int]], *, closed: bool = True) -> float:
        """exp(`nats_per_token`); infinite where a token has no probability."""
        return float(np.exp(self.nats_per_token(documents, closed=closed)))

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """Probability of every token of the vocabulary to come next: float64 [V], its sum is 1.

        Args:
            context: the tokens before it, of which the last n - 1 count. A document begins with `<end>`.
        """
        V = self.vocabulary_size
        context = list(context)[max(0, len(context) - self.order + 1) :]
        p = np.full(V, 1 / V)
        for k in range(1 if self.chained else len(context) + 1, len(context) + 2):
            row = self._row(context[len(context) - k + 1 :])
            if row < 0:
                break  # what was never seen is no part of a longer context that was
            keys, alpha = self.counts.tables[k - 1].keys, self._alpha[k - 1]
            rows = slice(*np.searchsorted(keys, [row * V, (row + 1) * V]))
            p *= self._gamma[k - 1][row]
            p[keys[rows] - row * V] += alpha[rows]
        return p

    def probability(self, context: Sequence[int], token: int) -> float:
        """p(token | context); `context` as in `distribution`."""
        return float(self.distribution(context)[token])

    def _row(self, tokens: Sequence[int]) -> int:
        """The row of an n-gram in its order's table; -1 if it was never seen."""
        row = 0
        for token, table in zip(tokens, self.counts.tables, strict=False):
            row = int(table.find(np.array(row * self.vocabulary_size + token)[None])[0])
            if row < 0:
                break
        return row

    def generate(
        self, prompt: Sequence[int] | None = None, *, max_new_tokens: int, seed: int = 0, temperature: float = 1.0
    ) -> list[int]:
        """Draw tokens one after the other, until `<end>` (which is not returned) or `max_new_tokens`.

        Args:
            prompt: the tokens before; None: `<end>` alone, the beginning of a document.
            max_new_tokens: the most tokens to draw.
            seed: same seed, same tokens.
            temperature: below 1 likely tokens become likelier; 0 always takes the likeliest.

        Raises:
            LmbookError: the temperature is below 0.
        """
        if temperature < 0:
            raise LmbookError(f"temperature is {temperature}.", "It must be 0 (greedy) or more; 1 is neutral.")
        random, end = np.random.default_rng(seed), self.counts.end_id
        context, written = [end] if prompt is None else list(prompt), []
        while len(written) < max_new_tokens:
            p = self.distribution(context)
            if temperature == 0:
                token = int(p.argmax())
            else:
                cumulative = np.cumsum((p / p.max()) ** (1 / temperature))
                token = int(np.searchsorted(cumulative, random.random() * cumulative[-1], side="right"))
            if token == end:
                break
            written.append(token)
            context.append(token)
        return written

    def count_params(self) -> int:
        """How many counts the model keeps: all different n-grams of its order and of the lower ones."""
        return sum(int(np.count_nonzero(table.counts)) for table in self.counts.tables[: self.order])


class AddK(NGramModel):
    """Every n-gram counts `k` times more than it occurred: p(w | h) = (c(h w) + k) / (c(h) + k V).

    With k = 0 it is maximum likelihood: what was never seen is impossible. A context that was never seen says nothing;
    every token is then equally likely.

    Args:
        counts, order: see `NGramModel`.
        k: at least 0; 1 is Laplace's rule of succession.

    Reference:
        Lidstone 1920, "Note on the general case of the Bayes-Laplace formula".
    """

    chained = False

    def __init__(self, counts: NGramCounts, order: int | None = None, k: float = 1.0):
        if not (math.isfinite(k) and k >= 0):
            raise LmbookError(f"k is {k}.", "It must be 0 (maximum likelihood) or more.")
        self.k = k
        super().__init__(counts, order)

    def _weights(self, k: int, table: NGramTable) -> tuple[np.ndarray, np.ndarray]:
        contexts, added = self._contexts(k), self.k * self.vocabulary_size
        seen = np.bincount(contexts, table.counts, minlength=self._context_count(k))
        total = np.where(seen > 0, seen + added, 1.0)
        return table.counts / total[contexts], np.where(seen > 0, added / total, 1.0)


class KneserNey(NGramModel):
    """Interpolated Kneser-Ney smoothing: a discount is taken from every count and given to the shorter context.

    The highest order uses the counts, every lower one the continuation counts: not how often a token occurred, but
    after how many different tokens. Below the single tokens is the uniform distribution, so no probability is 0.

    Args:
        counts, order: see `NGramModel`.
        discount: one discount for all counts, in [0, 1], Kneser and Ney's original form. None: three for each order,
            for counts of 1, 2 and more ("modified"), estimated as Chen and Goodman do; where an order has too few rare
            n-grams for that, 0.5, 1 and 1.5.

    Attributes:
        discounts: [order, 3], the discounts of each order, 1 to n.

    Reference:
        Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman 1999, "An empirical
        study of smoothing techniques for language modeling", equations 24 to 27.
    """

    def __init__(self, counts: NGramCounts, order: int | None = None, discount: float | None = None):
        if discount is not None and not 0 <= discount <= 1:
            raise LmbookError(f"discount is {discount}.", "It must be in 0 … 1, or None to estimate it.")
        self.discount = discount
        self.discounts: list[tuple[float, float, float]] = []
        super().__init__(counts, order)

    def _weights(self, k: int, table: NGramTable) -> tuple[np.ndarray, np.ndarray]:
        contexts, size = self._contexts(k), self._context_count(k)
        counts = table.counts if k == self.order else table.continuations
        self.discounts.append(estimate_discounts(counts) if self.discount is None else (self.discount,) * 3)
        taken = np.minimum(np.array([0.0, *self.discounts[-1]])[np.minimum(counts, 3)], counts)
        seen = np.bincount(contexts, counts, minlength=size)
        total = np.where(seen > 0, seen, 1.0)
        gamma = np.where(seen > 0, np.bincount(contexts, taken, minlength=size) / total, 1.0)
        return (counts - taken) / total[contexts], gamma


def estimate_discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """The discounts for counts of 1, of 2, and of 3 or more, from how many n-grams have the counts 1 to 4.

    (0.5, 1, 1.5) where one of them has no n-gram, or where a discount would be below 0 or above its count.

    Reference:
        Chen and Goodman 1999, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return FALLBACK_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    in_range = all(0 <= discount <= count for count, discount in enumerate(discounts, start=1))
    return discounts if in_range else FALLBACK_DISCOUNTS
