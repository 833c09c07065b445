"""An encoder that turns a picture into a sequence of vectors, which a Transformer reads as if they were words."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.block import make_norm
from lmbook.models.checks import check_counts
from lmbook.models.transformer import TransformerConfig

SHRINK = 4  # one vector for each square of 4 x 4 pixels


@dataclass(frozen=True)
class PictureTextConfig(TransformerConfig):
    """The shape of a model that reads pictures and texts.

    Args:
        picture_size: pixels on each side of a picture, a multiple of 4; the others as in `TransformerConfig`.

    Raises:
        LmbookError: a value is out of its range.
    """

    picture_size: int = 32

    def __post_init__(self):
        super().__post_init__()
        check_counts(self, "picture_size")
        if self.picture_size % SHRINK:
            raise LmbookError(
                f"picture_size={self.picture_size} is not a multiple of {SHRINK}.",
                f"Choose for example {self.picture_size - self.picture_size % SHRINK + SHRINK}.",
            )

    @property
    def positions_of_picture(self) -> int:
        """Vectors of a picture, S."""
        return (self.picture_size // SHRINK) ** 2


@keras.saving.register_keras_serializable("lmbook")
class PictureEncoder(keras.layers.Layer):
    """Three convolutions, of which the first two halve the picture's sides, and a vector for each place.

    A vector sees 15 x 15 pixels around its 4 x 4. Convolutions before a Transformer make it learn sooner than cutting
    the picture into patches does (Xiao et al. 2021, "Early convolutions help Transformers see better").

    Args:
        picture_size: pixels on each side.
        hidden_dim: D.

    Call:
        pictures [B, Y, X, 3], 0 to 255 -> [B, S, D], S = Y / 4 * X / 4, row by row from the top.

    Raises:
        LmbookError: the pictures have another size.
    """

    def __init__(self, picture_size: int, hidden_dim: int, **kwargs):
        super().__init__(**kwargs)
        self.picture_size, self.hidden_dim = picture_size, hidden_dim
        sizes = ((hidden_dim // 2, 2), (hidden_dim, 2), (hidden_dim, 1))
        self.convolutions = [
            keras.layers.Conv2D(
                width,
                3,
                strides,
                "same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"convolution_{index}",
                dtype=self.dtype_policy,
            )
            for index, (width, strides) in enumerate(sizes)
        ]
        self.norm = make_norm("layer", 1e-5, "norm", self.dtype_policy)

    def build(self, input_shape):
        channels = 3
        for convolution in self.convolutions:
            convolution.build((None, None, None, channels))
            channels = convolution.filters
        self.norm.build((None, None, self.hidden_dim))
        side = self.picture_size // SHRINK
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.places = self.add_weight(shape=(side * side, self.hidden_dim), initializer=small, name="place_embedding")
        self.built = True

    def call(self, pictures, training=False):
        self.check(pictures.shape)
        x = ops.cast(pictures, self.compute_dtype) / 127.5 - 1.0
        for convolution in self.convolutions:
            x = convolution(x)
        x = ops.reshape(x, (-1, *self.places.shape))  # [B, S, D]
        return self.norm(x) + self.places

    def compute_output_shape(self, input_shape):
        return input_shape[0], (self.picture_size // SHRINK) ** 2, self.hidden_dim

    def check(self, shape):
        """Check that pictures of this shape, [B, Y, X, 3], can be read; None: not known yet.

        Raises:
            LmbookError: they cannot.
        """
        expected = [self.picture_size, self.picture_size, 3]
        if len(shape) != 4 or any(a not in (None, b) for a, b in zip(shape[1:], expected, strict=True)):
            raise LmbookError(
                f"Pictures of the shape {list(shape[1:])} were given, not {expected}.",
                f"Scale them to {expected[0]} x {expected[0]} pixels of three colours, or make the model with another "
                "picture_size.",
            )

    def get_config(self):
        return {**super().get_config(), "picture_size": self.picture_size, "hidden_dim": self.hidden_dim}
