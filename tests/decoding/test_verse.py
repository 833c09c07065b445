from __future__ import annotations

import keras
import pytest

from lmbook.decoding.generate import generate
from lmbook.decoding.verse import even_lines, form_of, quatrain
from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.character import CharacterTokenizer

FIVE = "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"
SEVEN = "朝辭白帝彩雲間，千里江陵一日還。\n兩岸猿聲啼不住，輕舟已過萬重山。"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (FIVE, 5),
        (SEVEN, 7),
        (FIVE.replace("\n", ""), None),
        (FIVE + "\n", None),
        (FIVE[:-1], None),
        (FIVE.replace("黃河", "河"), None),
        (FIVE.replace("黃", "a"), None),
        (f"{FIVE}\n{FIVE}", None),
        (FIVE.split("\n")[0] + "\n" + SEVEN.split("\n")[1], None),
        ("", None),
    ],
)
def test_what_is_a_quatrain(text, form):
    assert form_of(text) == form


def test_even_lines():
    assert even_lines(FIVE) and even_lines(SEVEN) and even_lines(f"{FIVE}\n{FIVE}")
    assert not even_lines(FIVE.replace("黃河", "河")) and not even_lines("") and not even_lines("山，水。")


@pytest.mark.parametrize("length", [5, 7])
def test_whatever_the_model_the_poem_has_the_form(length):
    characters = CharacterTokenizer.train([FIVE, SEVEN, "a, b!"])
    keras.utils.set_random_seed(0)
    model = RecurrentLanguageModel(RecurrentConfig(characters.vocabulary_size, 4, 6))
    first = (FIVE if length == 5 else SEVEN)[: length + 1]
    options = {"max_new_tokens": 4 * length + 5, "stop_ids": (characters.end_id,)}
    for opening in ("", first):
        ids = characters.encode(opening)
        form = quatrain(length, characters, written=len(ids))
        written = generate(model, [[characters.end_id, *ids]] * 4, constraint=form, **options)
        assert {form_of(opening + characters.decode(row)) for row in written} == {length}


def test_other_forms_are_refused():
    with pytest.raises(LmbookError, match="6 characters"):
        quatrain(6, CharacterTokenizer.train(["，。\n"]))
    with pytest.raises(LmbookError, match="has no '。'"):
        quatrain(5, CharacterTokenizer.train(["，山"]))
