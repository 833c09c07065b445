"""A captioner: a Transformer whose decoder attends to a picture."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.topics.vision.picture_encoder import PictureEncoder, PictureTextConfig


@keras.saving.register_keras_serializable("lmbook")
class Captioner(EncoderDecoder):
    """An `EncoderDecoder` that reads a picture: predicts each next token of the caption from it and the tokens so far.

    Args:
        config: a `PictureTextConfig` (or a dict of its fields).

    Call:
        (pictures [B, Y, X, 3], 0 to 255, target [B, T]) -> logits [B, T, V] float32; id 0 is padding in the target.

    Example:
        model = Captioner(PictureTextConfig(vocabulary_size=60))
        logits = model((pictures, target))
        captions = write_captions(model, tokenizer, pictures, max_new_tokens=30)  # lmbook.topics.vision.write_captions

    Raises:
        LmbookError: pictures or text have another size than the configuration says.

    Reference:
        Vinyals et al. 2015, "Show and tell" (an LSTM writes); Xu et al. 2015, "Show, attend and tell" (it looks at the
        places of the picture while it writes).
    """

    config_class = PictureTextConfig

    def _make_encoder(self):
        encoder = PictureEncoder(self.config.picture_size, self.config.hidden_dim, name="encoder")
        encoder.build(None)
        return encoder

    def readable(self, source):
        """The decoder may look at every place of the picture: pictures [B, Y, X, 3] -> [B, S]."""
        return ops.ones((ops.shape(source)[0], self.config.positions_of_picture), "bool")
