from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

from lmbook.book import plots
from lmbook.errors import LmbookError
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerEncoder, TransformerLanguageModel
from lmbook.topics.interpretability.attention_maps import encoder_decoder_attention, self_attention

V, L, H = 13, 3, 2
CONFIG = TransformerConfig(V, 16, 20, num_heads=H, num_layers=L, max_sequence_length=10)


def make(kind):
    keras.utils.set_random_seed(1)
    return kind(CONFIG)


def test_a_language_model_looks_back_and_never_ahead():
    model, ids = make(TransformerLanguageModel), [2, 7, 1, 8, 3]
    weights = self_attention(model, ids)
    assert weights.shape == (L, H, 5, 5) and weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all(weights[:, :, ~np.tri(5, dtype=bool)] == 0.0)
    assert np.all(weights[:, :, np.tri(5, dtype=bool)] > 0.0)
    np.testing.assert_allclose(self_attention(model, ids[:3]), weights[:, :, :3, :3], atol=1e-6)


def test_an_encoder_looks_everywhere_but_at_padding():
    weights = self_attention(make(TransformerEncoder), [7, 1, 8, 0])
    assert weights.shape == (L, H, 4, 4)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all(weights[..., 3] == 0.0) and np.all(weights[..., :3] > 0.0)


def test_an_encoder_decoder_gives_all_three():
    model, source, target = make(EncoderDecoder), [3, 1, 4, 1, 0, 0], [2, 7, 1, 8]
    maps = encoder_decoder_attention(model, source, target)
    assert [part.shape for part in maps] == [(L, H, 6, 6), (L, H, 4, 4), (L, H, 4, 6)]
    for part in maps:
        np.testing.assert_allclose(part.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all(maps.cross[..., 4:] == 0.0) and np.all(maps.cross[..., :4] > 0.0)
    assert np.all(maps.decoder[:, :, ~np.tri(4, dtype=bool)] == 0.0)
    for part, short in zip(maps, encoder_decoder_attention(model, source[:4], target), strict=True):
        np.testing.assert_allclose(part[..., : short.shape[-2], : short.shape[-1]], short, atol=1e-6)


def test_what_cannot_be_read_is_named():
    model = make(TransformerLanguageModel)
    with pytest.raises(LmbookError, match="empty"):
        self_attention(model, [])
    with pytest.raises(LmbookError, match="id 13, but the model knows 13"):
        self_attention(model, [2, 13])
    with pytest.raises(LmbookError, match="id -1"):
        self_attention(model, [-1])
    with pytest.raises(LmbookError, match="RecurrentLanguageModel"):
        self_attention(RecurrentLanguageModel(RecurrentConfig(V, 4, 4)), [2])


@pytest.mark.parametrize("draw", [plots.attention_heads, lambda maps, *names: plots.attention_map(maps[0], *names)])
def test_a_map_of_chinese_tokens_has_all_its_glyphs(tmp_path, no_installed_font, draw):
    english, chinese = ["<end>", "a", "green", "tree", "."], list("一棵绿色的树。")
    maps = encoder_decoder_attention(make(EncoderDecoder), range(1, 8), range(2, 7))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = plots.save(draw(maps.cross[0], english, chinese, "交叉注意力"), tmp_path / "a.png")
    assert path.stat().st_size > 5000
