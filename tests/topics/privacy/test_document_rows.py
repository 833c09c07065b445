import pytest

from lmbook.errors import LmbookError
from lmbook.topics.privacy.document_rows import document_rows


def test_rows_in_order_with_their_labels():
    x, y, w = document_rows([[5, 6], [7]], 4)
    assert x.tolist() == [[2, 5, 6, 0], [2, 7, 0, 0]]
    assert y.tolist() == [[5, 6, 2, 0], [7, 2, 0, 0]]
    assert w.tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]


def test_too_long():
    with pytest.raises(LmbookError, match="width=4"):
        document_rows([[5, 6, 7]], 3)
