from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.vision.drawing import PAINT, TOGETHER, draw
from lmbook.topics.vision.scene import ATTRIBUTES, COLOURS, Scene, scenes

SCENE = Scene("green", "tree", "hill", 3, "red", "ball", "blue", "butterfly", "")


def test_pictures_depend_on_the_seed_alone():
    some = scenes(TOGETHER + 5, 1)
    pictures = draw(some, 3)
    assert pictures.shape == (TOGETHER + 5, 32, 32, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, draw(some, 3))
    np.testing.assert_array_equal(pictures[: TOGETHER + 2], draw(some[: TOGETHER + 2], 3))
    assert (pictures != draw(some, 4)).any(axis=(1, 2, 3)).all()


def test_one_caption_has_many_pictures():
    assert len({picture.tobytes() for picture in draw([SCENE] * 20, noise=0.0)}) == 20


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_can_be_seen(name):
    """The same random numbers, another value: many pixels change by far more than the noise."""
    first, *others = (draw([replace(SCENE, **{name: value})] * 8, 1).astype(int) for value in ATTRIBUTES[name])
    for other in others:
        assert ((np.abs(first - other).max(axis=-1) > 40).sum(axis=(1, 2)) >= 4).all()


@pytest.mark.parametrize("colour", COLOURS)
def test_more_things_take_more_pixels_of_their_colour(colour):
    areas = []
    for count in range(1, 7):
        scene = replace(SCENE, colour=colour, count=count, thing="box", creature_colour="black")
        below = draw([scene] * 30, noise=0.0)[:, 22:].astype(int)
        near = np.abs(below - 255 * np.array(PAINT[colour])).max(axis=-1) < 40
        areas.append(near.sum(axis=(1, 2)).mean())
    steps = np.diff(areas)
    assert steps.min() > 0.7 * areas[0] > 2


def test_nothing_lies_outside_of_the_picture():
    """Six balls in a row are all whole: as many red pixels as six times one ball has."""

    def area(count):
        pictures = draw([replace(SCENE, count=count)] * 40, noise=0.0).astype(int)
        return ((pictures[..., 0] > 180) & (pictures[..., 1:].max(axis=-1) < 90)).sum(axis=(1, 2))

    assert area(6).mean() > 5.5 * area(1).mean() and area(6).min() > 4 * area(1).mean()


def test_noise_is_as_strong_as_asked_for():
    still, noisy = (draw([SCENE] * 10, noise=noise)[:, 3:15, 14:18].astype(float) / 255 for noise in (0.0, 0.05))
    assert np.std(noisy - still) == pytest.approx(0.05, rel=0.1)


def test_no_scene_gives_no_picture():
    assert draw([]).shape == (0, 32, 32, 3)


def test_noise_below_0_is_named():
    with pytest.raises(LmbookError, match="noise=-0.1"):
        draw([SCENE], noise=-0.1)
