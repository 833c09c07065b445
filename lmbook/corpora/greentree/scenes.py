"""Scenes of the greentree world that can be drawn, the sentences that describe them, and what is held out."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from itertools import product

import numpy as np

from lmbook.corpora.greentree.text import english_word, pretty
from lmbook.errors import LmbookError

COLOURS = ("red", "blue", "yellow", "white", "black", "purple")
ATTRIBUTES: dict[str, tuple] = {
    "look": ("green", "golden", "silver"),
    "plant": ("tree", "pine", "palm", "sunflower"),
    "place": ("lake", "hill", "castle", "island", "forest"),
    "count": (1, 2, 3, 4),
    "colour": COLOURS,
    "thing": ("ball", "box", "umbrella", "ring"),
    "creature_colour": COLOURS,
    "creature": ("butterfly", "swallow", "bee", "dragonfly"),
    "weather": ("", "rain", "snow"),
}
NUMBERS = ("a", "two", "three", "four", "five", "six")  # the last two only in scenes that are made by hand
# A scene is three independent groups of attributes; the last two of each are a pair.
GROUPS = (("look", "plant", "place"), ("count", "thing", "colour"), ("weather", "creature", "creature_colour"))
SPLITS = ("train", "validation", "test", "new pairs")
ONE_IN = 6  # combinations of a group are in the test, and as many in validation
_CAPTION = re.compile(
    r"a (?P<look>\w+) (?P<plant>\w+) stands \w+ the (?P<place>\w+)\. "
    r"(?P<count>\w+) (?P<colour>\w+) (?P<thing>\w+) (?:lie|lies) near it\. "
    r"a (?P<creature_colour>\w+) (?P<creature>\w+) passes by\."
    r"(?: suddenly the (?P<weather>\w+) comes\.)?"
)


@dataclass(frozen=True)
class Scene:
    """What a picture shows.

    Args:
        look, plant, place, colour, thing, creature_colour, creature, weather: values of `ATTRIBUTES`; all but the empty
            one for no weather are words of greentree's lexicon.
        count: how many things, 1 to 6.

    Raises:
        LmbookError: a value is not known.
    """

    look: str
    plant: str
    place: str
    count: int
    colour: str
    thing: str
    creature_colour: str
    creature: str
    weather: str

    def __post_init__(self):
        for name, value in zip(ATTRIBUTES, astuple(self), strict=True):
            known = range(1, len(NUMBERS) + 1) if name == "count" else ATTRIBUTES[name]
            if value not in known:
                raise LmbookError(f"No scene has {name}={value!r}.", f"Choose one of {list(known)}.")

    @property
    def caption(self) -> str:
        """Three sentences of what is there, and one more if there is weather."""
        many = self.count > 1
        things = self.thing + ("es" if self.thing.endswith("x") else "s") * many
        sentences = [
            f"a {self.look} {self.plant} stands {english_word('at', self.place)} .",
            f"{NUMBERS[self.count - 1]} {self.colour} {things} {'lie' if many else 'lies'} near it .",
            f"a {self.creature_colour} {self.creature} passes by .",
        ]
        return pretty(" ".join(sentences + [f"suddenly the {self.weather} comes ."] * bool(self.weather)))

    def differences(self, other: Scene) -> list[str]:
        """The attributes in which another scene is different."""
        return [name for name, a, b in zip(ATTRIBUTES, astuple(self), astuple(other), strict=True) if a != b]


def scene_of(caption: str) -> Scene | None:
    """The scene that a caption describes, capital letters or not; None: it is no caption of a scene."""
    found = _CAPTION.fullmatch(caption.lower())
    if found is None or found["count"] not in NUMBERS:
        return None
    values = {**found.groupdict(default=""), "count": 1 + NUMBERS.index(found["count"])}
    if values["count"] > 1:
        values["thing"] = values["thing"].removesuffix("es" if values["thing"].endswith("xes") else "s")
    try:
        scene = Scene(**values)
    except LmbookError:
        return None
    return scene if scene.caption.lower() == caption.lower() else None


def combinations(split: str, group: tuple[str, str, str]) -> list[tuple]:
    """The values that the attributes of a group take together in a split; a combination is in one split alone.

    In "train" each value is seen, and each pair of values but those of "new pairs", in which each plant stands at one
    place, and each thing and each creature has one colour, that it has in no other split.

    Raises:
        LmbookError: the split is not known.
    """
    if split not in SPLITS:
        raise LmbookError(f"There is no split {split!r}.", f"Choose one of {', '.join(SPLITS)}.")
    numbered = product(*(enumerate(ATTRIBUTES[name]) for name in group))
    return [(a, b, c) for (i, a), (j, b), (k, c) in numbered if _split(i, j, k, len(ATTRIBUTES[group[2]])) == split]


def _split(i: int, j: int, k: int, values: int) -> str:
    """Where the combination of three values, by their numbers, belongs; the third attribute has so many values."""
    if (j + k) % values == 0:
        return "new pairs"
    return {0: "test", 1: "validation"}.get((i + j + k) % ONE_IN, "train")


def scenes(count: int, seed: int = 0, split: str = "train") -> list[Scene]:
    """`count` scenes, drawn evenly; a longer run begins with the scenes of a shorter one.

    All three groups of attributes of a scene are such as the split has (`combinations`): in the test nothing of a scene
    is new but how it is put together.

    Args:
        count: how many.
        seed: of the draws.
        split: "train", "validation", "test" or "new pairs".

    Raises:
        LmbookError: the split is not known.
    """
    choices = [combinations(split, group) for group in GROUPS]
    names = sum(GROUPS, ())
    draws = np.random.default_rng([seed, 1]).random((count, len(choices)))
    picked = [[choice[int(draw * len(choice))] for choice, draw in zip(choices, row, strict=True)] for row in draws]
    return [Scene(**dict(zip(names, sum(values, ()), strict=True))) for values in picked]


def with_different_captions(found: list[Scene]) -> list[Scene]:
    """The first scene of each caption."""
    return list({scene.caption: scene for scene in reversed(found)}.values())[::-1]
