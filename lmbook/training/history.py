"""The history of a training run: its losses and times."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError
from lmbook.files import finite, read_json, write_json


@dataclass
class History:
    """The curve of a run; losses in nats per token, times in seconds of training (validation included).

    Args:
        steps: the steps after which `loss` was noted.
        loss: the mean training loss since the step noted before.
        seconds: the time used up to then.
        validation_steps: the steps after which the validation text was scored.
        validation_loss: its loss then.
        tokens: real tokens seen so far.
        best_step: the step with the lowest validation loss, None before there is one.
    """

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    tokens: int = 0
    best_step: int | None = None

    @property
    def best_loss(self) -> float | None:
        """The lowest validation loss so far."""
        return min(self.validation_loss, default=None)

    def as_dict(self) -> dict[str, Any]:
        """The history as plain values, for JSON and for `plots.loss_curve`."""
        return dataclasses.asdict(self)

    def save(self, path: str | Path) -> Path:
        """Write the history as JSON; a loss that is not finite becomes null."""
        lists = {name: [finite(one) for one in v] if isinstance(v, list) else v for name, v in self.as_dict().items()}
        return write_json(path, lists)

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read a history that `save` wrote.

        Raises:
            LmbookError: there is no such file or it holds something else.
        """
        value = read_json(path)
        try:
            history = cls(**value)
            for losses in (history.loss, history.validation_loss):
                losses[:] = [math.nan if one is None else one for one in losses]
            return history
        except TypeError:
            raise LmbookError(f"{path} is not a training history.", "Train again to write one.") from None
