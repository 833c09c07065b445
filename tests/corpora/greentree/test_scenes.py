from __future__ import annotations

import math
from collections import Counter
from dataclasses import astuple, replace

import pytest

from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.corpora.greentree.scenes import (
    ATTRIBUTES,
    GROUPS,
    SPLITS,
    Scene,
    combinations,
    scene_of,
    scenes,
    with_different_captions,
)
from lmbook.errors import LmbookError

SCENE = Scene("golden", "palm", "island", 3, "red", "box", "blue", "bee", "rain")


def test_a_caption_says_every_attribute():
    assert SCENE.caption == (
        "A golden palm stands on the island. Three red boxes lie near it. A blue bee passes by. "
        "Suddenly the rain comes."
    )
    one = replace(SCENE, count=1, weather="", thing="umbrella")
    assert one.caption == "A golden palm stands on the island. A red umbrella lies near it. A blue bee passes by."


def test_a_caption_can_be_read_back():
    for scene in [*scenes(200), *(replace(SCENE, count=count) for count in (1, 5, 6))]:
        assert scene_of(scene.caption) == scene_of(scene.caption.lower()) == scene


@pytest.mark.parametrize(
    "change",
    [
        ("Three", "Seven"),
        ("boxes", "box"),
        ("boxes", "boxs"),
        ("lie near", "lies near"),
        ("red", "pink"),
        ("palm", "bee"),
    ]
    + [("on the", "at the"), ("rain", "hail"), (" Suddenly the rain comes.", " Suddenly"), ("by.", "by. A bee.")],
)
def test_what_is_no_caption_is_no_scene(change):
    assert scene_of(SCENE.caption.replace(*change)) is None


def test_scenes_with_other_attributes_have_other_captions():
    for name, values in ATTRIBUTES.items():
        others = [replace(SCENE, **{name: value}) for value in values]
        assert len({scene.caption for scene in others}) == len(values)
        assert [other.differences(SCENE) for other in others if other != SCENE] == [[name]] * (len(values) - 1)


def test_the_words_are_those_of_the_lexicon():
    categories = {"colour": "colours", "creature_colour": "colours", "weather": "weathers"}
    for name in ATTRIBUTES.keys() - {"count"}:
        known = {entry.english for entry in getattr(LEXICON, categories.get(name, name + "s"))}
        assert set(ATTRIBUTES[name]) - {""} <= known


def test_each_combination_is_in_one_split_and_scenes_have_those_of_theirs():
    for group in GROUPS:
        parts = {split: set(combinations(split, group)) for split in SPLITS}
        assert sum(map(len, parts.values())) == math.prod(len(ATTRIBUTES[name]) for name in group)
        assert len(set.union(*parts.values())) == sum(map(len, parts.values()))
        for split in SPLITS:
            drawn = {tuple(getattr(scene, name) for name in group) for scene in scenes(2000, split=split)}
            assert drawn == parts[split]


def test_in_training_each_value_is_seen_and_each_pair_but_the_new_ones():
    for group in GROUPS:
        train, new = set(combinations("train", group)), set(combinations("new pairs", group))
        pairs = {values[1:] for values in new}
        assert pairs and not pairs & {values[1:] for values in train}
        for one, other in ((0, 1), (0, 2), (1, 2)):
            expected = {(a, b) for a in ATTRIBUTES[group[one]] for b in ATTRIBUTES[group[other]]}
            seen = {(values[one], values[other]) for values in train}
            assert seen == (expected - pairs if one else expected)
        for split in ("validation", "test"):
            assert {values[1:] for values in combinations(split, group)} <= {values[1:] for values in train}


def test_combinations_come_equally_often():
    counts = Counter((scene.count, scene.thing, scene.colour) for scene in scenes(8000))
    assert len(counts) == len(combinations("train", GROUPS[1]))
    assert max(counts.values()) < 2 * min(counts.values())


def test_draws_depend_on_the_seed_alone():
    assert scenes(30, 5) == scenes(30, 5) == scenes(60, 5)[:30]
    assert scenes(30, 5) != scenes(30, 6)


def test_only_the_first_scene_of_a_caption_is_kept():
    a, b = scenes(2, 1)
    assert with_different_captions([a, b, a, replace(b)]) == [a, b]


@pytest.mark.parametrize("changes", [{"count": 7}, {"colour": "pink"}, {"weather": "fog"}])
def test_a_value_that_is_not_known_is_named(changes):
    ((name, value),) = changes.items()
    with pytest.raises(LmbookError, match=f"{name}={value!r}") as raised:
        replace(SCENE, **changes)
    assert (
        str(list(range(1, 7)) if name == "count" else astuple(SCENE)[4 if name == "colour" else 8]) in raised.value.fix
    )


def test_an_unknown_split_is_named():
    with pytest.raises(LmbookError, match="'dev'"):
        scenes(1, split="dev")
