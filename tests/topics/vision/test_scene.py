from __future__ import annotations

import itertools
import math
from dataclasses import astuple, replace

import pytest

from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.errors import LmbookError
from lmbook.topics.vision.scene import (
    ATTRIBUTES,
    GROUPS,
    PAIRS,
    SPLITS,
    Scene,
    combinations,
    new_pairs,
    scene_of,
    scenes,
    with_different_captions,
)

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


def drawn(split, names):
    return {tuple(getattr(scene, name) for name in names) for scene in scenes(1500, split=split)}


def test_each_combination_is_in_one_split_and_scenes_have_those_of_theirs():
    assert sorted(sum(GROUPS, ())) == sorted(ATTRIBUTES)
    for group in GROUPS:
        parts = {split: set(combinations(split, group)) for split in SPLITS[:3]}
        assert sum(map(len, parts.values())) == math.prod(len(ATTRIBUTES[name]) for name in group)
        assert len(set.union(*parts.values())) == sum(map(len, parts.values()))
        for split in SPLITS[:3]:
            assert drawn(split, group) == parts[split]


def test_in_training_each_two_attributes_are_seen_together_but_for_the_new_pairs():
    for one, other in itertools.combinations(ATTRIBUTES, 2):
        every = {(a, b) for a in ATTRIBUTES[one] for b in ATTRIBUTES[other]}
        new = {
            pair if names == (one, other) else pair[::-1]
            for names in PAIRS
            for pair in new_pairs(names)
            if set(names) == {one, other}
        }
        assert drawn("train", (one, other)) == every - new
        assert drawn("test", (one, other)) <= every - new


def test_all_pairs_of_new_pairs_are_new_and_its_groups_are_not():
    for names in PAIRS:
        assert len(new_pairs(names)) == len(ATTRIBUTES[names[0]])
        assert drawn("new pairs", names) == set(new_pairs(names))
    for group in GROUPS:
        assert drawn("new pairs", group) <= set(combinations("train", group))


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
