"""Small pictures of scenes, drawn with NumPy alone.

A shape is an array of distances: how many pixels each pixel's centre lies outside of it (inside: below 0). Painting
covers a pixel by a half where the distance is 0, so edges are smooth. All pictures that share a value, such as all with
a palm, are drawn at once. What no caption mentions differs from picture to picture: where things are, their size and
shade, which side the plant is on, noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count as numbered

import numpy as np

from lmbook.errors import LmbookError
from lmbook.topics.vision.scene import ATTRIBUTES, Scene

SIZE = 32  # pixels on each side
NOISE = 0.02  # standard deviation, of a range of 0 to 1
TOGETHER = 128  # pictures drawn at once, so that they stay in the processor's cache
PAINT = {
    "red": (0.86, 0.10, 0.12),
    "blue": (0.10, 0.20, 0.82),
    "yellow": (0.99, 0.88, 0.10),
    "white": (0.98, 0.98, 0.98),
    "black": (0.06, 0.06, 0.07),
    "purple": (0.60, 0.12, 0.70),
    "green": (0.12, 0.50, 0.18),
    "golden": (0.92, 0.66, 0.08),
    "silver": (0.74, 0.77, 0.83),
    "": (0.55, 0.78, 0.97),  # the skies
    "rain": (0.50, 0.56, 0.65),
    "snow": (0.72, 0.79, 0.88),
}
GRASS, FAR, WATER, SAND = (0.50, 0.74, 0.32), (0.15, 0.33, 0.24), (0.16, 0.45, 0.74), (0.93, 0.83, 0.58)
WOOD, STONE, DARK = (0.43, 0.27, 0.14), (0.68, 0.58, 0.50), (0.16, 0.13, 0.15)


class Canvas:
    """Pictures [N, Y, 32, 3] that are drawn together; every number of a shape is one for all, or one a picture [N].

    Args:
        pixels: float32, painted in place.
        random: [N, M] even random numbers in [0, 1), what is left to chance; `chance` gives them one by one.
        top: the row of the picture that `pixels` begin with.
    """

    def __init__(self, pixels: np.ndarray, random: np.ndarray, top: int = 0):
        self.pixels, self._random, self._next = pixels, random, numbered()
        rows, columns = pixels.shape[1:3]
        self.y = (top + 0.5 + np.arange(rows, dtype="float32")).reshape(1, -1, 1)
        self.x = (0.5 + np.arange(columns, dtype="float32")).reshape(1, 1, -1)

    def chance(self, low: float, high: float) -> np.ndarray:
        """New random numbers between, [N]."""
        return low + (high - low) * self._random[:, next(self._next)]

    def paint(self, distance, colour, opacity: float = 1.0, outline: bool = False) -> None:
        """Cover what is inside of the shape [N, 32, 32] with a colour [3] or [N, 3]."""
        if outline:
            self.paint(distance - 0.7, DARK, 0.75)
        cover = np.clip(0.5 - distance, 0, 1)[..., None] * opacity
        self.pixels += cover * (np.reshape(np.asarray(colour, "float32"), (-1, 1, 1, 3)) - self.pixels)

    def disc(self, x, y, across, down=None):
        """An ellipse around (x, y) with these radii."""
        across, down = _each(across), _each(across if down is None else down)
        return (np.hypot((self.x - _each(x)) / across, (self.y - _each(y)) / down) - 1) * np.minimum(across, down)

    def box(self, x, y, across, down):
        """A rectangle around (x, y) with these half sides."""
        return np.maximum(abs(self.x - _each(x)) - _each(across), abs(self.y - _each(y)) - _each(down))

    def line(self, x, y, to_x, to_y, thick):
        """A line with round ends, `thick` its half width."""
        x, y, dx, dy = _each(x), _each(y), _each(to_x - x), _each(to_y - y)
        along = np.clip(((self.x - x) * dx + (self.y - y) * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(self.x - x - along * dx, self.y - y - along * dy) - _each(thick)

    def cone(self, x, top, bottom, across):
        """A triangle with its point up; `across` is half its base."""
        slope = _each(across / (bottom - top))
        side = (abs(self.x - _each(x)) - slope * (self.y - _each(top))) / np.hypot(1, slope)
        return np.maximum(side, self.y - _each(bottom))


def _each(number):
    """A number for all pictures, or one for each [N] -> [1 or N, 1, 1]."""
    return np.asarray(number, "float32").reshape(-1, 1, 1)


def _all(shapes):
    """Several shapes as one."""
    return np.minimum.reduce(list(shapes))


def draw(scenes: Sequence[Scene], seed: int = 0, noise: float = NOISE) -> np.ndarray:
    """One picture of each scene.

    Args:
        scenes: what they show.
        seed: of all that the captions leave open. The same seed gives the same pictures, also of the first part of
            a longer list.
        noise: standard deviation of what is added to every pixel, in a range of 0 to 1.

    Returns:
        uint8 [N, 32, 32, 3], red, green and blue.

    Raises:
        LmbookError: `noise` is below 0.
    """
    if noise < 0:
        raise LmbookError(f"noise={noise} is below 0.", f"Choose 0 or more; {NOISE} is usual.")
    rng = np.random.default_rng([seed, 2])
    parts = [_drawn(scenes[first : first + TOGETHER], rng, noise) for first in range(0, len(scenes), TOGETHER)]
    return np.concatenate(parts) if parts else np.zeros((0, SIZE, SIZE, 3), np.uint8)


def _drawn(scenes: Sequence[Scene], rng: np.random.Generator, noise: float) -> np.ndarray:
    random = rng.random((TOGETHER, 110), "float32")[: len(scenes)]
    pixels = np.zeros((len(scenes), SIZE, SIZE, 3), "float32")
    canvas = Canvas(pixels, random[:, :10])
    side = np.where(canvas.chance(0, 1) < 0.5, -1.0, 1.0)  # the plant is on the left (-1) or on the right
    horizon = canvas.chance(17.5, 20.5)
    shade = {name: _shades(scenes, name, canvas) for name in ("look", "colour", "creature_colour")}
    skies = np.array([PAINT[scene.weather] for scene in scenes])
    canvas.paint(-np.ones_like(pixels[..., 0]), skies * canvas.chance(0.94, 1.03)[:, None])
    for name, painters, colour, column, place in LAYERS:
        for value in ATTRIBUTES[name]:
            chosen = np.flatnonzero([getattr(scene, name) == value for scene in scenes])
            if value and len(chosen):
                part = Canvas(pixels[chosen, place], random[chosen, column:], place.start)
                count = np.array([scenes[index].count for index in chosen])
                painters[value](part, side[chosen], horizon[chosen], shade[colour][chosen], count)
                pixels[chosen, place] = part.pixels
    pixels += rng.normal(0, noise, (TOGETHER, *pixels.shape[1:])).astype("float32")[: len(scenes)]
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def _shades(scenes, attribute: str, canvas: Canvas) -> np.ndarray:
    """The colour of each picture, a little lighter or darker [N, 3]."""
    colours = np.array([PAINT[getattr(scene, attribute)] for scene in scenes], "float32")
    return np.clip(colours * canvas.chance(0.88, 1.06)[:, None], 0, 1)


# Each painter: (canvas, side of the plant [N], height of the horizon [N], colours [N, 3], how many things [N]).


def _ground(c: Canvas, horizon, colour=GRASS) -> None:
    c.paint(_each(horizon) - c.y, np.asarray(colour) * c.chance(0.92, 1.05)[:, None])


def _lake(c, side, horizon, colour, count):
    _ground(c, horizon)
    c.paint(c.disc(16 + c.chance(-3, 3), horizon + 2.6, c.chance(11, 14), 2.6), WATER)


def _hill(c, side, horizon, colour, count):
    c.paint(c.disc(16 + c.chance(-5, 5), horizon + 3, c.chance(13, 16), c.chance(9, 11)), (0.36, 0.60, 0.28))
    _ground(c, horizon + 2)


def _castle(c, side, horizon, colour, count):
    x, width = 16 - side * c.chance(0, 3), c.chance(5, 6.5)
    towers = [c.box(x + tower * width, horizon - 4.5, 1.8, 6.0) for tower in (-1, 1)]
    teeth = [c.box(x + tooth * width, horizon - 7, 0.8, 1.0) for tooth in (-0.5, 0, 0.5)]
    c.paint(_all([*towers, *teeth, c.box(x, horizon - 3, width, 3.4)]), STONE, outline=True)
    roofs = (c.cone(x + tower * width, horizon - 14.5, horizon - 10, 2.7) for tower in (-1, 1))
    c.paint(_all(roofs), (0.55, 0.22, 0.20))
    c.paint(c.disc(x, horizon, 1.4, 3.2), DARK)
    _ground(c, horizon)


def _island(c, side, horizon, colour, count):
    _ground(c, horizon, WATER)
    c.paint(c.disc(16 + c.chance(-1, 1), 29, c.chance(14, 16), c.chance(6.5, 8)), SAND)


def _forest(c, side, horizon, colour, count):
    for x in range(1, 33, 5):
        height = c.chance(6, 10)
        c.paint(c.cone(x + 1.5 * (height - 8), horizon - height, horizon + 1, 3.4), FAR)
    _ground(c, horizon)


def _stem(c, side, colour=WOOD, thick=1.1, height=8.0):
    """The trunk; gives its top."""
    x, foot = 16 + side * c.chance(6.5, 8.5), c.chance(23, 25)
    top = foot - height * c.chance(0.9, 1.1)
    c.paint(c.line(x, foot, x, top, thick), colour, outline=True)
    return x, top


def _tree(c, side, horizon, colour, count):
    x, top = _stem(c, side)
    crown = c.disc(x - 2.8, top, 3.4), c.disc(x + 2.8, top, 3.4), c.disc(x, top - 3, 4.2)
    c.paint(_all(crown), colour, outline=True)


def _pine(c, side, horizon, colour, count):
    x, top = _stem(c, side, height=5.0)
    for step, width in ((2, 5.2), (-2, 4.2), (-6, 3.0)):
        c.paint(c.cone(x, top + step - 6.5, top + step, width), colour, outline=True)


def _palm(c, side, horizon, colour, count):
    x, top = _stem(c, side, thick=0.8, height=12.0)
    for dx, dy in ((-6, 2.5), (6, 2.5), (-5.5, -2.2), (5.5, -2.2)):
        bend_x, bend_y = x + 0.6 * dx, top + 0.4 * dy - 0.6
        leaf = c.line(x, top, bend_x, bend_y, 0.9), c.line(bend_x, bend_y, x + dx, top + dy, 0.7)
        c.paint(_all(leaf), colour, outline=True)


def _sunflower(c, side, horizon, colour, count):
    x, top = _stem(c, side, (0.20, 0.50, 0.16), 0.6, 11.0)
    c.paint(c.disc(x + 2.2, top + 7, 2.2, 1.0), (0.20, 0.50, 0.16), outline=True)
    turned = np.arctan2(c.y - _each(top), c.x - _each(x))
    c.paint(c.disc(x, top, 4.6) - 0.8 * np.cos(9 * turned), colour, outline=True)
    c.paint(c.disc(x, top, 2.0), (0.35, 0.20, 0.10))


def _row(c, count):
    """Where things lie: (x, y, size) of each of a row; those that a picture does not have are far outside."""
    gap = c.chance(5.0, 5.2)
    left = 2.7 + c.chance(0, 1) * (SIZE - 5.4 - gap * (count - 1))
    for place in range(count.max()):
        x = np.where(place < count, left + place * gap + c.chance(-0.1, 0.1), 1e3)
        yield x, c.chance(26.8, 28.6), c.chance(1.75, 2.05)


def _ball(c, side, horizon, colour, count):
    c.paint(_all(c.disc(x, y, size) for x, y, size in _row(c, count)), colour, outline=True)


def _box(c, side, horizon, colour, count):
    c.paint(_all(c.box(x, y, size * 0.9, size * 0.9) for x, y, size in _row(c, count)), colour, outline=True)


def _umbrella(c, side, horizon, colour, count):
    row = list(_row(c, count))
    c.paint(_all(c.line(x, y - size, x, y + size + 1, 0.35) for x, y, size in row), DARK)
    tops = (np.maximum(c.disc(x, y + 0.4, size + 0.4, size + 1.2), c.y - _each(y + 0.2)) for x, y, size in row)
    c.paint(_all(tops), colour, outline=True)


def _ring(c, side, horizon, colour, count):
    c.paint(_all(abs(c.disc(x, y, size - 0.1)) - 0.55 for x, y, size in _row(c, count)), colour, outline=True)


def _flyer(c, side):
    return 16 - side * c.chance(5, 9), c.chance(5.5, 12), c.chance(0.9, 1.1)


def _butterfly(c, side, horizon, colour, count):
    x, y, size = _flyer(c, side)
    wings = ((-2.3, -1.4, 2.1), (2.3, -1.4, 2.1), (-1.8, 1.7, 1.5), (1.8, 1.7, 1.5))
    c.paint(_all(c.disc(x + dx * size, y + dy * size, r * size) for dx, dy, r in wings), colour, outline=True)
    c.paint(c.line(x, y - 2 * size, x, y + 2 * size, 0.5), DARK)


def _swallow(c, side, horizon, colour, count):
    x, y, size = _flyer(c, side)
    wings = [c.line(x, y, x + dx * size, y - 2.6 * size, 0.9) for dx in (-4.6, 4.6)]
    c.paint(_all([*wings, c.disc(x, y + 0.8, 1.3, 2.2)]), colour, outline=True)


def _bee(c, side, horizon, colour, count):
    x, y, size = _flyer(c, side)
    c.paint(_all(c.disc(x + lean, y - 2.4 * size, 1.1, 1.9) for lean in (-1.2, 1.4)), PAINT["white"], outline=True)
    body = c.disc(x, y, 3.6 * size, 2.2 * size)
    c.paint(body, colour, outline=True)
    for stripe in (-1.1, 1.1):
        c.paint(np.maximum(body, c.box(x + stripe * size, y, 0.35, 4)), (0.35, 0.28, 0.25))


def _dragonfly(c, side, horizon, colour, count):
    x, y, size = _flyer(c, side)
    wings = [c.line(x - 1.2 + a, y, x - 1.2 + 2.2 * a, y + b * 3.6 * size, 0.55) for a in (-0.7, 0.9) for b in (-1, 1)]
    c.paint(_all([*wings, c.line(x - 3 * size, y, x + 4.6 * size, y, 0.75)]), colour, outline=True)


def _rain(c, side, horizon, colour, count):
    drops = [(c.chance(0, 32), c.chance(-2, 30)) for _ in range(12)]
    c.paint(_all(c.line(x, y, x - 1.2, y + 3, 0.35) for x, y in drops), (0.80, 0.88, 1.0), 0.8)


def _snow(c, side, horizon, colour, count):
    c.paint(_all(c.disc(c.chance(0, 32), c.chance(0, 32), 0.75) for _ in range(16)), PAINT["white"], 0.95)


PLACES = {"lake": _lake, "hill": _hill, "castle": _castle, "island": _island, "forest": _forest}
PLANTS = {"tree": _tree, "pine": _pine, "palm": _palm, "sunflower": _sunflower}
THINGS = {"ball": _ball, "box": _box, "umbrella": _umbrella, "ring": _ring}
CREATURES = {"butterfly": _butterfly, "swallow": _swallow, "bee": _bee, "dragonfly": _dragonfly}
WEATHERS = {"rain": _rain, "snow": _snow}
LAYERS = (  # attribute, its painters, whose colour, first of the random numbers, rows of the picture that it touches
    ("place", PLACES, "look", 10, slice(0, SIZE)),
    ("plant", PLANTS, "look", 20, slice(0, 27)),
    ("thing", THINGS, "colour", 30, slice(22, SIZE)),
    ("creature", CREATURES, "creature_colour", 55, slice(0, 19)),
    ("weather", WEATHERS, "look", 60, slice(0, SIZE)),
)
