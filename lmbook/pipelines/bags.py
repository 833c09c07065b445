"""Bags of words as Keras can read them: the rows of a sparse matrix as padded arrays."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix


def padded_bags(matrix: csr_matrix) -> dict[str, np.ndarray]:
    """The entries of each row of `matrix` [B, V], which is what scikit-learn's vectorizers give.

    Returns:
        "ids" int32 [B, T], the columns that are not 0, and "weights" float32 [B, T], what stands in them; T is the
        largest number of entries of a row. The rest is filled with weight 0, which adds nothing.
    """
    matrix = csr_matrix(matrix)
    lengths = np.diff(matrix.indptr)
    filled = np.arange(lengths.max(initial=1)) < lengths[:, None]
    ids, weights = np.zeros(filled.shape, np.int32), np.zeros(filled.shape, np.float32)
    ids[filled], weights[filled] = matrix.indices, matrix.data
    return {"ids": ids, "weights": weights}
