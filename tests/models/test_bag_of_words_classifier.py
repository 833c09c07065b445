import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from lmbook.errors import LmbookError
from lmbook.models.bag_of_words_classifier import BagOfWordsClassifier
from lmbook.pipelines.bags import padded_bags

V = 7


def features(examples=60, seed=0):
    return np.random.default_rng(seed).poisson(0.6, (examples, V)).astype("float32")


def random_model(num_classes):
    model = BagOfWordsClassifier(V, num_classes)
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    return model


def test_logits_are_the_product_of_the_bag_with_the_votes():
    dense, model = features(), random_model(3)
    expected = dense @ np.asarray(model.word_votes) + np.asarray(model.bias)
    np.testing.assert_allclose(model(padded_bags(csr_matrix(dense))), expected, atol=1e-5)


def test_neither_order_nor_padding_matters():
    model, bags = random_model(3), padded_bags(csr_matrix(features()))
    before = np.asarray(model(bags))
    turned = {name: part[:, ::-1] for name, part in bags.items()}
    np.testing.assert_allclose(model(turned), before, atol=1e-5)
    fill = {"ids": 5, "weights": 0}
    longer = {name: np.pad(part, ((0, 0), (0, 3)), constant_values=fill[name]) for name, part in bags.items()}
    np.testing.assert_allclose(model(longer), before, atol=1e-5)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_trained_to_the_end_it_is_scikit_learns_logistic_regression(num_classes):
    dense, C = features(), 2.0
    right = np.random.default_rng(2).integers(0, num_classes, len(dense))
    theirs = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(dense.astype("float64"), right)
    model = BagOfWordsClassifier(V, num_classes, l2=1 / (2 * C * len(dense)))
    loss = keras.losses.BinaryCrossentropy if num_classes == 2 else keras.losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.SGD(0.5, momentum=0.95, nesterov=True), loss(from_logits=True))
    everything = tf.data.Dataset.from_tensors((padded_bags(csr_matrix(dense)), right[:, None])).repeat()
    model.fit(everything, steps_per_epoch=600, shuffle=False, verbose=0)
    np.testing.assert_allclose(np.asarray(model.word_votes).T, theirs.coef_, atol=1e-3)
    bias = np.asarray(model.bias)
    if num_classes > 2:  # a constant added to every class changes nothing
        bias, theirs.intercept_ = bias - bias.mean(), theirs.intercept_ - theirs.intercept_.mean()
    np.testing.assert_allclose(bias, theirs.intercept_, atol=1e-3)


def test_saved_and_loaded_it_gives_the_same_logits(tmp_path):
    model, bags = random_model(3), padded_bags(csr_matrix(features()))
    before = np.asarray(model(bags))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_config()["l2"] == model.l2
    np.testing.assert_array_equal(loaded(bags), before)


def test_one_class_is_none():
    with pytest.raises(LmbookError, match="num_classes is 1"):
        BagOfWordsClassifier(V, 1)
