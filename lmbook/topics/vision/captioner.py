"""A captioner: a Transformer whose decoder attends to a picture and writes its caption."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.topics.vision.picture_encoder import PictureEncoder, PictureTextConfig


@keras.saving.register_keras_serializable("lmbook")
class Captioner(EncoderDecoder):
    """An `EncoderDecoder` that reads a picture: predicts each next token of the caption from it and the tokens so far.

    Args:
        config: a `PictureTextConfig` (or a dict of its fields).

    Call:
        (pictures [B, Y, X, 3], 0 to 255, target [B, T]) -> logits [B, T, V] float32; the target may be
        padded with `pad_id` at the end.

    Example:
        model = Captioner(PictureTextConfig(vocabulary_size=60))
        logits = model((pictures, target))
        captions = write_captions(model, tokenizer, pictures, max_new_tokens=30)

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
        encoder.build((None, c.picture_size, c.picture_size, 3))
        return encoder

    def readable(self, source):
        """The decoder may look at every place of the picture: pictures [B, Y, X, 3] -> [B, S]."""
        return ops.ones((ops.shape(source)[0], self.config.positions_of_picture), "bool")


def write_captions(
    model: Captioner, tokenizer: Tokenizer, pictures: np.ndarray, *, max_new_tokens: int, batch_size: int = 100
) -> list[str]:
    """Write a caption for each picture, taking the likeliest token each time (greedy).

    Args:
        model: trained.
        tokenizer: the one that it was trained with.
        pictures: uint8 [N, Y, X, 3].
        max_new_tokens: the most tokens of a caption.
        batch_size: pictures that are described together.

    Raises:
        LmbookError: the pictures have another size than the model's, or as `generate`.
    """
    model.encoder.check(pictures.shape)
    filled = np.concatenate([pictures, np.repeat(pictures[-1:], -len(pictures) % batch_size, axis=0)])  # full batches
    written = generate(
        model,
        [[tokenizer.end_id]] * len(filled),
        max_new_tokens=max_new_tokens,
        sampling=Sampling(temperature=0.0),
        stop_ids=(tokenizer.end_id,),
        suppress_ids=tokenizer.suppress_ids,
        sources=filled,
        batch_size=batch_size,
    )
    return [tokenizer.decode(ids) for ids in written[: len(pictures)]]
