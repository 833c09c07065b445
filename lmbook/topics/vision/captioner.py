"""From a picture to a text: the decoder of the Transformer, looking at a picture."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.topics.vision.picture_encoder import PictureEncoder, PictureTextConfig


@keras.saving.register_keras_serializable("lmbook")
class Captioner(EncoderDecoder):
    """An `EncoderDecoder` whose encoder sees: predicts each next token from those so far and from a picture.

    Args:
        config: a `PictureTextConfig` (or a dict of its fields).

    Call:
        (pictures [B, Y, X, 3], 0 to 255, target [B, T]) -> logits [B, T, V] float32; the target may be
        padded with `pad_id` at the end.

    Example:
        model = Captioner(PictureTextConfig(vocabulary_size=60))
        logits = model((pictures, target))
        captions = write_captions(model, tokenizer, pictures, length=30)  # lmbook.topics.vision.write_captions

    Raises:
        LmbookError: pictures or text have another size than the configuration says.

    Reference:
        Vinyals et al. 2015, "Show and tell" (an LSTM writes); Xu et al. 2015, "Show, attend and tell" (it looks at the
        places of the picture while it writes).
    """

    config_class = PictureTextConfig

    def _make_encoder(self):
        c = self.config
        encoder = PictureEncoder(c.picture_size, c.hidden_dim, name="encoder", dtype=self.dtype_policy)
        encoder.build(self.source_shape)
        return encoder

    @property
    def source_shape(self):
        return None, self.config.picture_size, self.config.picture_size, 3

    def readable(self, source):
        """The decoder may look at every place of the picture: pictures [B, Y, X, 3] -> [B, S]."""
        return ops.ones((ops.shape(source)[0], self.config.positions_of_picture), "bool")
