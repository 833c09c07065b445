from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel

VOCABULARY = 12
SMALL = {"hidden_dim": 8, "intermediate_dim": 8, "num_heads": 2, "max_sequence_length": 24, "dropout": 0.0}
SMALL |= {"normalize_first": True, "positions": "rotary"}
KINDS = {
    "recurrent": lambda: RecurrentLanguageModel(RecurrentConfig(VOCABULARY, 6, 8)),
    "decoder": lambda: TransformerLanguageModel(TransformerConfig(VOCABULARY, **SMALL)),
    "encoder_decoder": lambda: EncoderDecoder(
        TransformerConfig(VOCABULARY, **SMALL, num_layers=1, tie_embeddings=False)
    ),
}


@pytest.fixture(scope="session", params=KINDS)
def any_model(request):
    """One model of each kind that is decoded, sharp enough for the past to matter."""
    keras.utils.set_random_seed(7)
    model = KINDS[request.param]()
    if isinstance(model, EncoderDecoder):  # XLA takes long over it; test_generate.py has a test of it
        model.jit_compile_decoding = False
    for weight in model.trainable_variables:
        weight.assign(3.0 * weight)
    return model


@pytest.fixture(scope="session")
def sources_for(any_model):
    """Function: number of rows -> different sources [rows, 4] for an encoder; None for a model without one."""

    def make(rows):
        if not isinstance(any_model, EncoderDecoder):
            return None
        sources = np.random.default_rng(rows).integers(3, VOCABULARY, (rows, 4)).astype("int32")
        sources[::2, 3] = 0  # some end earlier
        return sources

    return make
