"""A scaling law: the loss of a model of a given size after a given number of tokens, fitted to runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError

_STARTS = tuple(itertools.product((0.2, 0.6, 1.2), (0.2, 0.6, 1.2), (0.5, 0.9)))  # alpha, beta, E / lowest loss


@dataclass(frozen=True)
class ScalingLaw:
    """L(N, D) = E + A / N^alpha + B / D^beta, in nats per token.

    Args:
        floor: E, the loss of an endless model after an endless text: the entropy of the text.
        a: A, of what is lost because the model has only N weights.
        b: B, of what is lost because it has read only D tokens.
        alpha: how fast the first loss falls.
        beta: how fast the second does.

    Reference:
        Hoffmann et al. 2022, "Training compute-optimal large language models", equation 2.
    """

    floor: float
    a: float
    b: float
    alpha: float
    beta: float

    def __call__(self, parameters, tokens):
        """The loss of a model with so many weights after so many tokens; numbers or arrays."""
        return self.floor + self.a * np.power(parameters, -self.alpha) + self.b * np.power(tokens, -self.beta)

    @property
    def size_exponent(self) -> float:
        """beta / (alpha + beta): the best size of a model grows with this power of the compute."""
        return self.beta / (self.alpha + self.beta)

    def best(self, flops: float) -> tuple[float, float]:
        """(weights, tokens) with the lowest loss for so much compute, where a run costs 6 N D.

        Reference:
            Hoffmann et al. 2022, equation 4.
        """
        products = flops / 6.0
        scale = (self.alpha * self.a / (self.beta * self.b)) ** (1.0 / (self.alpha + self.beta))
        parameters = scale * products**self.size_exponent
        return parameters, products / parameters


CHINCHILLA = ScalingLaw(1.69, 406.4, 410.7, 0.34, 0.28)  # Hoffmann et al. 2022, equation 10
CHINCHILLA_AGAIN = ScalingLaw(1.8172, 482.01, 2085.43, 0.3478, 0.3658)  # its data fitted anew, Besiroglu et al. 2024


def fit_scaling_law(
    parameters: Sequence[float],
    tokens: Sequence[float],
    losses: Sequence[float],
    *,
    floor: float | None = None,
    delta: float = 1e-3,
    starts: Sequence[tuple[float, float, float]] = _STARTS,
) -> ScalingLaw:
    """Fit the law to measured losses, minimising the Huber losses of their logarithms from several starts.

    A residual within `delta` (0.001: a thousandth of the loss) counts with its square, a larger one in proportion, so a
    single run that went wrong moves little. There are several valleys, hence several starts.

    Args:
        parameters: N of each run.
        tokens: D of each run.
        losses: of each run, on text that it has not read.
        floor: E where it is known; None: it is fitted too.
        delta: where Huber's loss turns from a square to a straight line.
        starts: (alpha, beta, E as a share of the lowest loss) to begin from.

    Raises:
        LmbookError: the runs are too few, or of a single size or length, or a number is not positive.

    Reference:
        Hoffmann et al. 2022, section 3.3 and appendix D.3; Huber 1964, "Robust estimation of a location parameter".
    """
    from scipy.optimize import minimize

    sizes, lengths, log_losses = (np.log(column) for column in _checked(parameters, tokens, losses, floor))
    # Measured from their means, so that A and B of the fit are of about the size of a loss whatever the exponents.
    middle = sizes.mean(), lengths.mean()
    n, d = sizes - middle[0], lengths - middle[1]
    known = None if floor is None else np.log(floor)

    def objective(x):
        """Sum of Huber's losses, in units of delta^2, and its gradient by log E, log A, log B, alpha, beta."""
        e, a, b, alpha, beta = x
        parts = np.stack([np.full_like(n, e if known is None else known), a - alpha * n, b - beta * d])
        total = np.logaddexp.reduce(parts)
        r = (total - log_losses) / delta
        shares = np.exp(parts - total)  # of the loss, [3, runs]
        slope = np.clip(r, -1.0, 1.0) / delta
        by = [shares[0] * (known is None), shares[1], shares[2], -n * shares[1], -d * shares[2]]
        return np.where(np.abs(r) <= 1.0, r * r / 2, np.abs(r) - 0.5).sum(), np.array([slope @ g for g in by])

    lowest = log_losses.min()
    bounds = [(None, lowest), (None, None), (None, None), (1e-3, 10.0), (1e-3, 10.0)]
    found = []
    for alpha, beta, share in starts:
        rest = lowest + np.log1p(-share) if share < 1 else lowest - 5.0
        begin = np.array([lowest + np.log(share), rest, rest, alpha, beta])
        found.append(minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}))
    e, a, b, alpha, beta = min(found, key=lambda one: one.fun).x
    return ScalingLaw(
        float(np.exp(e)) if floor is None else float(floor),
        float(np.exp(a + alpha * middle[0])),
        float(np.exp(b + beta * middle[1])),
        float(alpha),
        float(beta),
    )


def resampled_laws(
    parameters: Sequence[float],
    tokens: Sequence[float],
    losses: Sequence[float],
    *,
    count: int,
    seed: int = 0,
    **options,
) -> list[ScalingLaw]:
    """The law fitted `count` times to resampled runs (the bootstrap), which shows how far it can be trusted.

    Draws of a single size or length are drawn again. `options` are those of `fit_scaling_law`.

    Raises:
        LmbookError: as `fit_scaling_law`.

    Reference:
        Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    columns = _checked(parameters, tokens, losses, options.get("floor"))
    rng, laws = np.random.Generator(np.random.PCG64(seed)), []
    while len(laws) < count:
        chosen = rng.integers(len(columns[0]), size=len(columns[0]))
        drawn = [column[chosen] for column in columns]
        if min(len(np.unique(drawn[0])), len(np.unique(drawn[1]))) > 1:
            laws.append(fit_scaling_law(*drawn, **options))
    return laws


def _checked(parameters, tokens, losses, floor) -> list[np.ndarray]:
    """The three columns as arrays."""
    columns = [np.asarray(column, "float64") for column in (parameters, tokens, losses)]
    unknown = 5 if floor is None else 4
    if len({len(column) for column in columns}) > 1 or len(columns[0]) < unknown:
        lengths = [len(column) for column in columns]
        raise LmbookError(
            f"There are {lengths} sizes, tokens and losses, and {unknown} numbers to find.",
            f"Give the same number of each, at least {unknown}.",
        )
    if not all((column > 0).all() and np.isfinite(column).all() for column in columns):
        raise LmbookError("A size, a number of tokens or a loss is not a positive number.", "Leave that run out.")
    for name, column in (("size", columns[0]), ("number of tokens", columns[1])):
        if len(np.unique(column)) < 2:
            raise LmbookError(f"All runs have the same {name}, {column[0]:g}.", "Give runs of several.")
    if floor is not None and not 0 < floor < columns[2].min():
        raise LmbookError(
            f"floor={floor} is not between 0 and the lowest loss, {columns[2].min():.4f}.",
            "Leave runs out that are at the floor already, or let it be fitted: floor=None.",
        )
    return columns
