from __future__ import annotations

import ast

import pytest

from lmbook.book.source import library_source, with_sources
from lmbook.errors import LmbookError


@pytest.mark.parametrize(
    ("name", "path", "first"),
    [
        ("lmbook.MultiHeadAttention", "lmbook/layers/attention.py", "@keras.saving"),
        ("lmbook.layers.attention.MultiHeadAttention.call", "lmbook/layers/attention.py", "def call(self, x"),
        ("lmbook.layers.LSTMCell", "lmbook/layers/recurrent_cells.py", "class LSTMCell"),
        ("lmbook.files", "lmbook/files.py", '"""'),
    ],
)
def test_source_is_found_by_its_public_name_and_by_its_file(name, path, first):
    found, code = library_source(name)
    assert found == path and code.startswith(first)
    ast.parse(code)


def test_a_folded_block_stands_where_the_mark_was_and_other_text_stays():
    text = with_sources("Before.\n\n[[source lmbook.attend]]\n\nAfter [[source lmbook.attend]].")
    assert text.startswith("Before.\n\n<details>\n<summary>") and text.endswith("After [[source lmbook.attend]].")
    assert "```python\ndef attend(" in text and text.count("</details>") == 1


@pytest.mark.parametrize("name", ["lmbook.Nothing", "lmbook.layers", "lmbook.attend.nothing", "keras.Model", "lmbook"])
def test_a_name_that_is_gone_is_an_error_that_names_it(name):
    with pytest.raises(LmbookError, match=name):
        library_source(name)
