from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.vision.picture_batches import CaptionedPictures, PicturePairs

PICTURES = np.arange(7 * 4 * 4 * 3).reshape(7, 4, 4, 3).astype("uint8")
CAPTIONS = [[5 + row] * (1 + row % 3) for row in range(7)]


def batches(data, *steps):
    return [[part.numpy() for part in (*x, y, w)] for x, y, w in data.dataset(*steps)]


@pytest.mark.parametrize("kind", [CaptionedPictures, PicturePairs])
def test_batches_depend_on_their_number_alone_and_an_epoch_repeats_nothing(kind):
    data = kind(PICTURES, CAPTIONS, SpecialIds(), batch_size=3, seed=4)
    all_of_them, rest = batches(data, 0, 5), batches(data, 3, 2)
    assert data.steps_per_epoch == 2 and len(batches(data)) == 2
    for one, other in zip(all_of_them[3:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    seen = [picture[0, 0, 0] for batch in all_of_them[:2] for picture in batch[0]]
    assert len(set(seen)) == 6
    orders = {tuple(picture[0, 0, 0] for picture in batch[0]) for batch in all_of_them}
    assert len(orders) == 5


def test_a_caption_stays_with_its_picture_and_labels_are_one_token_on():
    data = CaptionedPictures(PICTURES, CAPTIONS, SpecialIds(), batch_size=3)
    for pictures, read, labels, weights in batches(data, 0, 4):
        for picture, a, b, w in zip(pictures, read, labels, weights, strict=True):
            row = int(np.flatnonzero((PICTURES == picture).all(axis=(1, 2, 3)))[0])
            ids = CAPTIONS[row]
            assert a[: len(ids) + 1].tolist() == [2, *ids] and b[: len(ids) + 1].tolist() == [*ids, 2]
            assert w.sum() == len(ids) + 1 and not a[len(ids) + 1 :].any() and len(a) == data.context == 4


def test_of_pairs_each_belongs_to_its_own_number():
    for pictures, ids, labels, weights in batches(PicturePairs(PICTURES, CAPTIONS, SpecialIds(), batch_size=3), 0, 4):
        rows = [int(np.flatnonzero((PICTURES == picture).all(axis=(1, 2, 3)))[0]) for picture in pictures]
        assert ids[:, 0].tolist() == [5 + row for row in rows]
        assert labels.tolist() == [[0, 1, 2]] * 2 and weights.tolist() == [[1.0] * 3] * 2


def test_other_data_has_another_description():
    texts = {
        CaptionedPictures(PICTURES + add, CAPTIONS, SpecialIds(), batch_size=3, seed=s).description
        for add in (0, 1)
        for s in (0, 1)
    }
    assert len(texts) == 4


def test_numbers_that_do_not_fit_are_named():
    with pytest.raises(LmbookError, match="7 pictures and 6 captions"):
        CaptionedPictures(PICTURES, CAPTIONS[:6], SpecialIds(), batch_size=3)
    for size in (0, 8):
        with pytest.raises(LmbookError, match=f"batch_size={size} does not fit 7"):
            PicturePairs(PICTURES, CAPTIONS, SpecialIds(), batch_size=size)
