from __future__ import annotations

import struct

import numpy as np
import pytest

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.decoding.text import continue_text
from lmbook.layers.positions import apply_rotary
from lmbook.models.pretrained.llama2c import halves_from_pairs, load_llama2c, load_stories260k

# What llama2.c's run.c writes at temperature 0, from doc/stories260K.md of github.com/karpathy/llama2.c (MIT licence).
STORY = """\
Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, \
red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with \
your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, \
Lily. We can help you."""


def test_it_tells_the_published_story(mirror, monkeypatch, tmp_path):
    """256 tokens, greedy, character for character: token by token with the cache, and in one piece without."""
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    model, tokenizer = load_stories260k()
    assert model.count_params() == 260_032
    greedy = Sampling(temperature=0.0)
    [ids] = generate(
        model, [[tokenizer.end_id]], max_new_tokens=256, sampling=greedy, suppress_ids=tokenizer.suppress_ids
    )
    assert tokenizer.decode(ids) == STORY
    # Without the cache: each token is the likeliest after those before it, all of which are read anew.
    text = np.array([[tokenizer.end_id, *ids]], "int32")
    assert np.argmax(model(text)[0, :-1], axis=-1).tolist() == ids
    assert tokenizer.encode(STORY) == ids
    first = STORY[: STORY.index(".") + 1]
    [text] = continue_text(model, tokenizer, first, max_new_tokens=40, temperature=0.0)
    assert STORY.startswith(text) and len(text) > 120


def rotate_pairs(x, positions):
    """Rotary positions as llama2.c has them: neighbours (2i, 2i + 1) make a pair."""
    angles = positions[:, None] * 10_000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def test_reordered_rows_turn_as_pairs_did():
    rng = np.random.default_rng(0)
    x, query, key = rng.normal(size=(5, 6)), *rng.normal(size=(2, 2 * 4, 6))
    places = np.arange(5)
    products = []
    for reorder, turn in ((lambda m: m, rotate_pairs), (lambda m: halves_from_pairs(m, 2), apply_rotary)):
        q, k = ((x @ reorder(m).T).reshape(1, 5, 2, 4).swapaxes(1, 2) for m in (query, key))
        products.append(
            np.asarray(turn(q.astype("float32"), places)) @ np.asarray(turn(k.astype("float32"), places)).swapaxes(2, 3)
        )
    np.testing.assert_allclose(*products, atol=1e-4)


@pytest.mark.parametrize("shared", [True, False])
def test_every_weight_finds_its_place(tmp_path, shared):
    D, F, L, H, G, V, T = 8, 12, 2, 4, 2, 10, 6
    matrices = D * D + 2 * (D // H) * G * D + D * D + 3 * D * F
    count = V * D + L * (2 * D + matrices) + D + T * (D // H) + (0 if shared else V * D)
    values = np.random.default_rng(0).normal(size=count).astype("<f4")
    (tmp_path / "m.bin").write_bytes(struct.pack("<7i", D, F, L, H, G, V if shared else -V, T) + values.tobytes())
    model = load_llama2c(tmp_path / "m.bin")
    assert model.count_params() == count - T * (D // H)
    np.testing.assert_array_equal(np.reshape(model.embedding.tokens.embeddings, -1), values[: V * D])
    assert (model.head is None) == shared
    total = sum(float(np.sum(weight)) for weight in model.weights)
    angles = count - T * (D // H) - (0 if shared else V * D)
    assert total == pytest.approx(values.sum() - values[angles : angles + T * (D // H)].sum(), abs=1e-3)
