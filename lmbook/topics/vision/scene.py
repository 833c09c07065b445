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
# Attributes of three sentences each: of what they can be together, some is held out.
GROUPS = (("plant", "thing", "creature"), ("look", "colour", "creature_colour"), ("place", "count", "weather"))
# Attributes of one sentence: of what they can be together, some is only in the split "new pairs".
PAIRS = (("plant", "place"), ("thing", "colour"), ("creature", "creature_colour"))
SPLITS = ("train", "validation", "test", "new pairs")
ONE_IN = 8  # combinations of a group is in the test, and one in validation
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
    """The scene that a caption describes, ignoring capitals; None if it does not describe one."""
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
    """The values that the attributes of a group take together in a split; "new pairs" has those of training.

    In training each value is seen with each other value of the group, but not every three of them.

    Raises:
        LmbookError: the split is not known.
    """
    if split not in SPLITS:
        raise LmbookError(f"There is no split {split!r}.", f"Choose one of {', '.join(SPLITS)}.")
    wanted = {"test": (0,), "validation": (1,)}.get(split, range(2, ONE_IN))
    numbered = product(*(enumerate(ATTRIBUTES[name]) for name in group))
    return [(a, b, c) for (i, a), (j, b), (k, c) in numbered if (i + 2 * j + 3 * k) % ONE_IN in wanted]


def new_pairs(pair: tuple[str, str]) -> list[tuple]:
    """The values of two attributes that are together in the split "new pairs" alone: one for each of the first."""
    first, second = (ATTRIBUTES[name] for name in pair)
    return [(a, b) for i, a in enumerate(first) for j, b in enumerate(second) if (i + j) % len(second) == 0]


def scenes(count: int, seed: int = 0, split: str = "train") -> list[Scene]:
    """`count` scenes, drawn evenly; a longer run begins with the scenes of a shorter one.

    In the test, and in validation, all three groups of attributes (`GROUPS`) are together as they never are in
    training, while each two attributes of the scene are together in training too. In "new pairs" it is the three pairs
    (`PAIRS`) that are new, and the groups are as in training.

    Args:
        count: how many.
        seed: of the draws.
        split: "train", "validation", "test" or "new pairs".

    Raises:
        LmbookError: the split is not known.
    """
    choices, names = [combinations(split, group) for group in GROUPS], sum(GROUPS, ())
    rare, found = {pair: set(new_pairs(pair)) for pair in PAIRS}, []
    rng = np.random.default_rng([seed, 1])
    while len(found) < count:
        for row in rng.random((256, len(choices))).tolist():
            picked = [choice[int(draw * len(choice))] for choice, draw in zip(choices, row, strict=True)]
            values = dict(zip(names, sum(picked, ()), strict=True))
            if all(((values[a], values[b]) in new) == (split == "new pairs") for (a, b), new in rare.items()):
                found.append(Scene(**values))
    return found[:count]


def with_different_captions(found: list[Scene]) -> list[Scene]:
    """The first scene of each caption."""
    return list({scene.caption: scene for scene in reversed(found)}.values())[::-1]
