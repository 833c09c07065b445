from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.buckets import BUCKETS
from lmbook.pipelines.instructions import InstructionBatches, alpaca_prompt, short_prompt
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.step import token_losses

SIDE = st.lists(st.integers(3, 9), min_size=1, max_size=9)


def rows_in(data, start_step=0, steps=None):
    """The real rows of the batches: (read, labels, weights), cut after the last label."""
    for x, y, w in data.dataset(start_step, steps):
        for read, labels, weights in zip(x.numpy(), y.numpy(), w.numpy(), strict=True):
            if read[0]:
                length = 1 + int(np.flatnonzero(weights)[-1])
                assert not read[length:].any() and not labels[length:].any()
                yield read[:length].tolist(), labels[:length].tolist(), weights[:length].tolist()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=10),
    st.integers(0, 3),
    st.sampled_from([BUCKETS, (20,), (7, 20)]),
)
def test_each_epoch_asks_for_every_answer_once(pairs, seed, widths):
    data = InstructionBatches(pairs, SpecialIds(), tokens_per_batch=40, seed=seed, widths=widths)
    for epoch in range(2):
        found = list(rows_in(data, epoch * data.steps_per_epoch, data.steps_per_epoch))
        expected = [([2, *p, *a], [*p, *a, 2], [0.0] * len(p) + [1.0] * (len(a) + 1)) for p, a in pairs]
        assert sorted(found) == sorted(expected)
        assert sum(sum(weights) for _, _, weights in found) == data.tokens


def test_loss_on_everything_counts_the_prompt_too():
    pairs = [([5, 6, 7], [8, 9])]
    answer, everything = (
        InstructionBatches(pairs, SpecialIds(), tokens_per_batch=8, loss_on=on) for on in ("answer", "everything")
    )
    (read, labels, weights), (read_too, labels_too, all_ones) = *rows_in(answer), *rows_in(everything)
    assert (read, labels) == (read_too, labels_too)
    assert weights == [0, 0, 0, 1, 1, 1] and all_ones == [1] * 6
    assert answer.description != everything.description


def test_a_prompts_label_gives_no_gradient():
    """Another label under weight 0 changes no gradient; under weight 1 it does."""
    keras.utils.set_random_seed(0)
    model = GPT(GPTConfig(12, hidden_dim=8, intermediate_dim=8, num_heads=2, num_layers=1, max_sequence_length=8))
    x, y, w = next(iter(InstructionBatches([([5, 6, 7], [8, 9])], SpecialIds(), tokens_per_batch=8).dataset()))

    def gradients(place):
        labels = y.numpy()
        if place is not None:
            labels[0, place] = 11
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(token_losses(tf.constant(labels), model(x)) * w)
        return np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in tape.gradient(loss, model.weights)])

    right = gradients(None)
    for place in (0, 1, 2):
        np.testing.assert_array_equal(gradients(place), right)
    for place in (3, 4, 5):
        assert np.abs(gradients(place) - right).max() > 1e-3
    np.testing.assert_array_equal(gradients(6), right)  # padding


def test_a_run_that_was_stopped_goes_on_where_it_was():
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(3, 9, n).tolist(), rng.integers(3, 9, m).tolist()) for n, m in rng.integers(1, 20, (30, 2))]
    whole = list(InstructionBatches(pairs, SpecialIds(), tokens_per_batch=64, seed=1).dataset(steps=20))
    rest = list(InstructionBatches(pairs, SpecialIds(), tokens_per_batch=64, seed=1).dataset(start_step=8, steps=12))
    for one, other in zip(whole[8:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_fit_learns_the_answers():
    keras.utils.set_random_seed(0)
    model = GPT(GPTConfig(12, hidden_dim=16, intermediate_dim=32, num_heads=2, num_layers=1, max_sequence_length=16))
    pairs = [([3 + i, 3 + j], [3 + j, 3 + i]) for i in range(9) for j in range(9)]
    data = InstructionBatches(pairs, SpecialIds(), tokens_per_batch=128)
    checks = ("ids", "labels", "future")
    options = {"optimizer": OptimizerConfig(learning_rate=1e-2), "checks": checks, "jit_compile": False, "quiet": True}
    history = fit(model, data, steps=150, report_every=50, **options)
    assert history.loss[-1] < 0.1  # with the prompt counted it could not fall below 2/5 of ln 9


def test_formats():
    assert short_prompt("Who is Mia?", "A story.") == "A story.\nWho is Mia?\nAnswer:"
    assert short_prompt("Tell.") == "Tell.\nAnswer:"
    assert "### Input:\nHe go." in alpaca_prompt("Correct it.", "He go.")
    assert "Input" not in alpaca_prompt("Say hello.") and alpaca_prompt("x").endswith("### Response:\n")


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([([], [3]), ([3], [])], {}, "None of the 2 pairs"),
        ([([3] * 9, [3])], {"widths": (8,)}, "None of the 1 pairs"),
        ([([3], [3])], {"widths": (16, 8)}, "widths="),
        ([([3], [3])], {"loss_on": "prompt"}, "loss_on='prompt'"),
        ([([3] * 9, [3])], {}, "tokens_per_batch=8"),
    ],
)
def test_what_cannot_be_used_is_refused(pairs, options, message):
    with pytest.raises(LmbookError, match=message):
        InstructionBatches(pairs, SpecialIds(), tokens_per_batch=8, **options)
