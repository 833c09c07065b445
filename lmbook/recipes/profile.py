"""The size of a recipe's training, and where its checkpoints are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Profile:
    """How large a recipe's model and training are; each recipe adds the fields that only it has.

    Args:
        name: tells its models from those of other profiles of the same recipe.
        steps: updates of the weights.
    """

    name: str
    steps: int

    def folder(self, models: Path | None, recipe: str, seed: int) -> Path | None:
        """Where a recipe keeps the checkpoints of this profile and seed, below the folder `models`; None: nowhere."""
        return models and models / f"{recipe}_{self.name}_{seed}"


@dataclass(frozen=True)
class CorpusProfile(Profile):
    """How a model of any corpus that fits the task is trained.

    Args:
        name: see `Profile`.
        steps: updates; None: as many as `minutes` allow.
        minutes: time for the training; see `fit`.
        gradient_accumulation_steps: see `fit`.
    """

    steps: int | None = None
    minutes: float | None = None
    gradient_accumulation_steps: int = 1
