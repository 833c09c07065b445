"""A reward model: one number for a whole text."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.layers.dense import make_dense
from lmbook.models.base import ConfiguredModel
from lmbook.models.gpt import GPT, GPTConfig


@keras.saving.register_keras_serializable("lmbook")
class RewardModel(ConfiguredModel):
    """A `GPT` with a head of one number, read at the text's last token, which has seen all of it.

    The head starts at 0, so every text is worth the same before training.

    Args:
        config: a `GPTConfig` (or a dict of its fields).

    Call:
        ids [B, T], padding (`pad_id`) at the end -> rewards [B], float32. Where the token that ends a text is padding
        too, as GPT-2's is, the reward is read at the token before it.

    Example:
        rewards = RewardModel(gpt.config)
        rewards.gpt.set_weights(gpt.get_weights())

    Reference:
        Ziegler et al. 2019, "Fine-tuning language models from human preferences"; Stiennon et al. 2020, "Learning to
        summarize from human feedback".
    """

    config_class = GPTConfig

    def __init__(self, config: GPTConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        self.gpt = GPT(self.config, name="gpt", dtype=self.dtype_policy)
        self.gpt.build((None, None))
        width = self.config.hidden_dim
        self.head = make_dense(width, 1, "reward", use_bias=False, stddev=0.0, dtype=self.dtype_policy)
        self.built = True

    def call(self, ids, training=False):
        features = self.gpt.features(ids, training=training)
        places = ops.arange(ops.shape(ids)[1])
        last = ops.max(ops.where(ops.not_equal(ids, self.config.pad_id), places, 0), axis=1)
        of_last = ops.squeeze(ops.take_along_axis(features, last[:, None, None], axis=1), axis=1)
        return ops.cast(self.head(of_last), "float32")[:, 0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)
