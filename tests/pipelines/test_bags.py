import numpy as np
from scipy.sparse import csr_matrix

from lmbook.pipelines.bags import padded_bags


def test_padded_bags_hold_the_same_rows():
    dense = np.random.default_rng(0).integers(0, 3, (6, 9)) * 0.5
    dense[2] = 0
    bags = padded_bags(csr_matrix(dense))
    again = np.zeros_like(dense)
    np.add.at(again, (np.arange(6)[:, None], bags["ids"]), bags["weights"])
    assert np.array_equal(again, dense)
    assert bags["ids"].shape == bags["weights"].shape == (6, (dense > 0).sum(1).max())


def test_rows_without_any_entry():
    bags = padded_bags(csr_matrix((2, 4)))
    assert bags["ids"].shape == (2, 1) and not bags["weights"].any()
