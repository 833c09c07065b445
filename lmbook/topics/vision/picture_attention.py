"""Where a captioner attends in a picture, and what happens when that place is hidden."""

from __future__ import annotations

import keras
import numpy as np

from lmbook.errors import LmbookError
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.picture_encoder import SHRINK


def look(model: Captioner, pictures: np.ndarray, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a captioner would write next at each position of given captions, and where in the picture it attends.

    Args:
        model: trained.
        pictures: [N, Y, X, 3].
        read: int [N, T], the captions as the decoder reads them: `<end>` first.

    Returns:
        (the likeliest tokens int [N, T]; the cross-attention of the last block, the mean of its heads, float32
        [N, T, Y / 4, X / 4], each map with the sum 1).
    """
    logits, maps = model((pictures, read), return_weights=True)
    weights = keras.ops.convert_to_numpy(maps[-1][1]).mean(axis=1)  # [N, T, S]
    side = model.config.picture_size // SHRINK
    return keras.ops.convert_to_numpy(logits).argmax(axis=-1), weights.reshape(*weights.shape[:2], side, side)


def hide(pictures: np.ndarray, places: np.ndarray, around: int = SHRINK) -> np.ndarray:
    """The pictures with one of their squares, and what is near it, painted over in grey.

    Args:
        pictures: [N, Y, X, 3], 0 to 255; left as they are.
        places: int [N], for each picture the number of a square of 4 x 4 pixels, row by row.
        around: so many pixels on each side of the square are hidden too.

    Raises:
        LmbookError: a picture has no such square.
    """
    columns = pictures.shape[2] // SHRINK
    squares = columns * (pictures.shape[1] // SHRINK)
    if np.min(places) < 0 or np.max(places) >= squares:
        wrong = int(np.min(places) if np.min(places) < 0 else np.max(places))
        raise LmbookError(f"A picture has no square number {wrong}.", f"Number them from 0 to {squares - 1}.")
    pictures = pictures.copy()
    for picture, place in zip(pictures, places, strict=True):
        y, x = (SHRINK * int(number) for number in divmod(int(place), columns))
        picture[max(0, y - around) : y + SHRINK + around, max(0, x - around) : x + SHRINK + around] = 128
    return pictures
