from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.compression.distillation import OPTIMIZER, distil, distillation_losses

SIZES = {"intermediate_dim": 16, "num_heads": 2, "num_layers": 1, "max_sequence_length": 16}


def make(width, vocabulary_size=9):
    keras.utils.set_random_seed(3)
    return GPT(GPTConfig(vocabulary_size, width, **SIZES))


def test_the_loss_by_hand():
    rng = np.random.default_rng(0)
    logits, taught = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5))
    labels = rng.integers(0, 5, (2, 3))

    def softmax(z):
        e = np.exp(z)
        return e / e.sum(axis=-1, keepdims=True)

    hard = -np.log(np.take_along_axis(softmax(logits), labels[..., None], -1))[..., 0]
    p, q = softmax(taught / 2), softmax(logits / 2)
    soft = 4 * (p * np.log(p / q)).sum(axis=-1)
    found = distillation_losses(labels, tf.constant(logits), tf.constant(taught), 0.25, 2.0)
    np.testing.assert_allclose(found, 0.75 * hard + 0.25 * soft, rtol=1e-6)
    same = distillation_losses(labels, tf.constant(taught), tf.constant(taught), 1.0, 2.0)
    np.testing.assert_allclose(same, 0.0, atol=1e-7)


def test_a_student_comes_to_expect_what_its_teacher_does(data):
    teacher = make(24)
    teacher.embedding.tokens.embeddings.assign(3.0 * teacher.embedding.tokens.embeddings)
    before = teacher.get_weights()
    ids = np.array([[2, 3, 4, 5, 6, 7, 8, 3]])
    expected = tf.nn.softmax(teacher(ids)).numpy()

    def apart(student):
        found = tf.nn.log_softmax(student(ids)).numpy()
        return float((expected * (np.log(expected) - found)).sum(axis=-1).mean())

    students = make(16), make(16)
    start = apart(students[0])
    # XLA would compile longer than the students learn.
    options = {"steps": 40, "optimizer": replace(OPTIMIZER, learning_rate=2e-2), "jit_compile": False}
    taught = distil(students[0], teacher, data, share=1.0, **options)
    distil(students[1], teacher, data, share=0.0, **options)
    assert apart(students[0]) < 0.5 * start and apart(students[0]) < apart(students[1])
    assert taught < start
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_does_not_fit_is_named(data):
    with pytest.raises(LmbookError, match="The student knows 9 tokens, the teacher 10"):
        distil(make(16), make(16, 10), data, steps=1)
    for wrong in ({"share": 1.5}, {"temperature": 0.0}, {"steps": 0}):
        with pytest.raises(LmbookError, match="out of range"):
            distil(make(16), make(16), data, **{"steps": 1, **wrong})
