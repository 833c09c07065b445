"""Writing captions with a trained captioner."""

from __future__ import annotations

import numpy as np

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.topics.vision.captioner import Captioner


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
