from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.recurrent_encoder_decoder import RecurrentEncoderDecoder, RecurrentEncoderDecoderConfig

SOURCE = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 0, 0, 0]], "int32")
TARGET = np.array([[2, 7, 1, 8, 2], [2, 3, 1, 4, 1]], "int32")


@pytest.fixture(params=[1, 2])
def model(request):
    keras.utils.set_random_seed(1)
    return RecurrentEncoderDecoder(RecurrentEncoderDecoderConfig(13, hidden_dim=8, num_layers=request.param))


def test_the_target_is_causal_and_the_source_is_seen_whole(model):
    logits = np.asarray(model((SOURCE, TARGET)))
    later = TARGET.copy()
    later[:, 3:] += 1
    np.testing.assert_allclose(np.asarray(model((SOURCE, later)))[:, :3], logits[:, :3], atol=1e-6)
    source = SOURCE.copy()
    source[:, 2] = 12
    assert np.abs(np.asarray(model((source, TARGET)))[:, 0] - logits[:, 0]).max() > 1e-5


def test_padding_of_the_source_changes_nothing(model):
    logits = np.asarray(model((SOURCE, TARGET)))
    np.testing.assert_allclose(model((SOURCE[1:, :3], TARGET[1:])), logits[1:], atol=1e-5)


def test_reading_in_pieces_gives_the_same(model):
    state, logits = model.initial_state(2, SOURCE), []
    for piece in (TARGET[:, :2], TARGET[:, 2:3], TARGET[:, 3:]):
        more, state = model.step(piece, state)
        logits.append(more)
    np.testing.assert_allclose(np.concatenate(logits, axis=1), model((SOURCE, TARGET)), atol=1e-5)


def test_the_weights_of_its_attention_sum_to_one_over_the_real_tokens(model):
    _, [weights] = model((SOURCE, TARGET), return_weights=True)
    assert weights.shape == (2, 1, 5, 6)
    np.testing.assert_allclose(np.asarray(weights)[1, 0, :, :3].sum(axis=-1), 1.0, atol=1e-6)


def test_every_weight_gets_a_gradient_and_a_saved_model_is_the_same(
    model, assert_every_weight_learns, assert_saved_as_it_is
):
    assert_every_weight_learns(model, (SOURCE, TARGET), training=True)
    assert_saved_as_it_is(model, (SOURCE, TARGET))


@pytest.mark.parametrize("wrong", [{"hidden_dim": 7}, {"num_layers": 0}, {"dropout": 1.0}, {"vocabulary_size": 0}])
def test_what_cannot_be_made_is_refused(wrong):
    with pytest.raises(LmbookError, match=next(iter(wrong))):
        RecurrentEncoderDecoderConfig(**{"vocabulary_size": 13, **wrong})
