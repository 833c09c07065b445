import gc
import weakref
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.decoding.generate import generate, stream
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.models.compiled import compiled, writer
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel

V = 13
PROMPTS = [[2, 5, 6], [2], [2, 7, 8, 9, 10, 3], [4, 4], [2, 5, 6]]
GREEDY = Sampling(temperature=0)
PENALIZED = Sampling(0.9, top_k=6, repetition_penalty=1.2)


def make_model(cell="lstm"):
    keras.utils.set_random_seed(7)
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=6, hidden_dim=9, num_layers=2, cell=cell))
    for weight in model.trainable_variables:
        weight.assign(weight * 3)  # sharper than at the start, so that the past matters
    return model


@pytest.fixture(scope="module")
def model():
    return make_model()


class Table:
    """A model whose next-token logits depend on the last token alone."""

    def __init__(self, logits):
        self.logits = tf.constant(logits, tf.float32)

    def initial_state(self, batch_size):
        return [tf.zeros([batch_size, 1])]

    def step(self, ids, state):
        return tf.gather(self.logits, ids), state


def greedy_by_hand(model, prompt, length):
    ids = list(prompt)
    for _ in range(length):
        logits = model(np.array([ids])).numpy()[0, -1]
        logits[:2] = -np.inf
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_greedy_takes_the_largest_logit_of_the_whole_text(model, cell):
    model = model if cell == "lstm" else make_model(cell)
    expected = [greedy_by_hand(model, prompt, 5) for prompt in PROMPTS]
    assert generate(model, PROMPTS, length=5, sampling=GREEDY) == expected
    assert len(set(map(tuple, expected))) > 2  # the prompts matter, so a mixed-up row would show


def test_a_batch_of_mixed_lengths_equals_one_by_one(model):
    together = generate(model, PROMPTS, length=8, sampling=GREEDY)
    assert together == [generate(model, [prompt], length=8, sampling=GREEDY)[0] for prompt in PROMPTS]


def test_a_row_depends_on_no_other_row(model):
    whole = generate(model, PROMPTS, length=8, seed=4)
    for row, prompt in list(enumerate(PROMPTS))[1:3]:
        others = [[3] * (1 + 2 * place) for place in range(len(PROMPTS))]
        others[row] = prompt
        assert generate(model, others, length=8, seed=4)[row] == whole[row]
    assert generate(model, PROMPTS, length=8, seed=4, batch_size=2) == whole


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, top_k=5, top_p=0.8), GREEDY])
@pytest.mark.parametrize("prompt", PROMPTS[1:3])
def test_stream_gives_what_generate_gives(model, sampling, prompt):
    for stop in [(), (2, 3, 5)]:
        expected = generate(model, [prompt], length=10, sampling=sampling, seed=5, stop_ids=stop)[0]
        assert list(stream(model, prompt, length=10, sampling=sampling, seed=5, stop_ids=stop)) == expected


def test_same_seed_same_text_other_seed_other_text(model):
    first = generate(model, PROMPTS, length=12, seed=1)
    assert generate(model, PROMPTS, length=12, seed=1) == first
    assert generate(model, PROMPTS, length=12, seed=2) != first


def test_equal_prompts_get_different_continuations_and_greedy_the_same(model):
    assert len(set(map(tuple, generate(model, [[2]] * 40, length=12)))) > 30
    assert len(set(map(tuple, generate(model, [[2]] * 5, length=12, sampling=GREEDY)))) == 1


def test_a_longer_text_begins_with_the_shorter_one(model):
    short, long = (generate(model, PROMPTS, length=length, seed=3) for length in (5, 11))
    assert [row[:5] for row in long] == short


def test_rows_end_where_a_stop_token_would_be_written(model):
    free = generate(model, PROMPTS * 8, length=15, seed=6)
    stopped = generate(model, PROMPTS * 8, length=15, seed=6, stop_ids=(3, 8))
    for row, ended in zip(free, stopped, strict=True):
        places = [place for place, token in enumerate(row) if token in (3, 8)]
        assert ended == row[: places[0]] if places else ended == row
    assert len({len(row) for row in stopped}) > 3


def test_stop_tokens_within_the_prompt_stop_nothing(model):
    assert len(generate(model, [[2, 3, 2], [2]], length=4, sampling=GREEDY, stop_ids=())[0]) == 4
    table = Table(np.eye(V)[[5] * V] * 50)
    assert generate(table, [[2, 3, 2], [2]], length=4, sampling=GREEDY, stop_ids=(2, 3)) == [[5] * 4] * 2


def test_all_rows_stopping_at_once_end_the_loop():
    table = Table(np.eye(V)[[2] * V] * 50)
    assert generate(table, [[3], [4, 4]], length=1000, stop_ids=(2,)) == [[], []]
    assert list(stream(table, [3], length=1000, stop_ids=(2,))) == []


def test_padding_and_unknown_are_never_written():
    table = Table(np.eye(V)[[0, 1] * 6 + [0]] * 50)
    for sampling in (Sampling(), Sampling(top_k=1), Sampling(top_p=0.1), GREEDY):
        assert not {0, 1} & set(sum(generate(table, [[2]] * 5, length=20, sampling=sampling), []))
    only = generate(table, [[2]] * 5, length=20, never_ids=[v for v in range(V) if v != 7])
    assert only == [[7] * 20] * 5


def test_frequencies_follow_the_models_distribution():
    logits = np.random.default_rng(0).normal(0, 1.5, (V, V))
    rows = generate(Table(logits), [[2]] * 400, length=60, sampling=Sampling(0.9, top_k=6), batch_size=400)
    after = Counter(pair for row in rows for pair in zip(row, row[1:], strict=False))
    for token in range(2, V):
        total = sum(n for (first, _), n in after.items() if first == token)
        if total < 500:
            continue
        best = np.argsort(-logits[token, 2:])[:6] + 2
        expected = np.exp(logits[token, best] / 0.9)
        expected /= expected.sum()
        share = np.array([after[token, int(v)] / total for v in best])
        assert share.sum() == pytest.approx(1)
        assert np.abs(share - expected).max() < 4.5 * np.sqrt(0.25 / total)


def test_numbers_that_are_none_are_reported():
    table = Table(np.full((V, V), np.nan))
    for sampling in (Sampling(), GREEDY):
        with pytest.raises(LmbookError, match="NaN"):
            generate(table, [[2]], length=3, sampling=sampling)
        with pytest.raises(LmbookError, match="NaN"):
            list(stream(table, [2], length=3, sampling=sampling))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"prompts": [[2], []]}, "prompt is empty"), ({"length": 0}, "length is 0"), ({"seed": -1}, "seed is -1")],
)
def test_wrong_arguments_are_named(model, wrong, message):
    with pytest.raises(LmbookError, match=message):
        generate(model, **{"prompts": [[2]], "length": 3, **wrong})


def test_no_prompts_give_no_texts(model):
    assert generate(model, [], length=3) == []


def test_new_weights_are_used_and_the_model_can_be_freed():
    model = make_model("rnn")
    before = generate(model, PROMPTS, length=8)
    for weight in model.trainable_variables:
        weight.assign(-weight)
    assert generate(model, PROMPTS, length=8) != before
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_the_penalty_counts_the_prompt_and_what_was_written():
    table = np.zeros((V, V), np.float32)
    table[:, 5], table[:, 6], table[:, 7] = 3.0, 2.9, 2.8  # always the same order, so greedy repeats 5
    model = Table(table)
    assert generate(model, [[2]], length=4, sampling=GREEDY) == [[5, 5, 5, 5]]
    once = Sampling(temperature=0, repetition_penalty=1.2)
    assert generate(model, [[2], [5]], length=3, sampling=once) == [[5, 6, 7], [6, 7, 5]]
    assert list(stream(model, [5], length=3, sampling=once)) == [6, 7, 5]


def small_transformer(longest=20, **options):
    keras.utils.set_random_seed(2)
    config = TransformerConfig(V, 16, 16, num_heads=2, max_sequence_length=longest, dropout=0.0, **options)
    model = TransformerLanguageModel(config)
    for weight in model.trainable_variables:
        weight.assign(weight * 2)
    return model


@pytest.mark.parametrize(("positions", "num_layers"), [("sinusoidal", 2), ("rotary", 1)])
def test_a_transformer_with_a_cache_writes_what_it_writes_without(positions, num_layers):
    model = small_transformer(positions=positions, num_layers=num_layers)
    expected = [greedy_by_hand(model, prompt, 5) for prompt in PROMPTS]
    assert generate(model, PROMPTS, length=5, sampling=GREEDY) == expected
    for prompt, text in list(zip(PROMPTS, expected, strict=True))[1:3]:
        assert list(stream(model, prompt, length=5, sampling=GREEDY)) == text
    assert len(set(map(tuple, expected))) > 2


def test_the_room_of_the_cache_changes_nothing():
    """64 places, 128, and all that the model has, each compiled once for prompts and lengths that it is enough for."""
    model, prompts = small_transformer(longest=140, num_layers=1), [[2, 5, 6], [2, 7, 8, 9, 10, 3]]
    sampling = Sampling(0.9)
    long = generate(model, prompts, length=130, sampling=sampling)
    for length, room in ((20, 64), (50, 64), (90, 128), (130, 140)):
        assert generate(model, prompts, length=length, sampling=sampling) == [row[:length] for row in long]
        functions = compiled(model, ("generate", 2, Sampling(), None, room), None)
        assert functions["loop"].experimental_get_tracing_count() == 1


@pytest.mark.parametrize("sampling", [PENALIZED, GREEDY])
def test_every_kind_of_model_writes_in_a_batch_what_it_writes_alone(any_model, sources_for, sampling):
    options = {"length": 8, "sampling": sampling, "seed": 3, "stop_ids": (2,)}
    sources = sources_for(len(PROMPTS))
    together = generate(any_model, PROMPTS, sources=sources, **options)
    assert len(set(map(tuple, together))) > 2
    for row, prompt in enumerate(PROMPTS):
        # All rows alike, so nothing is mixed; a row's random numbers depend on its number.
        read = None if sources is None else sources[[row] * len(PROMPTS)]
        assert generate(any_model, [prompt] * len(PROMPTS), sources=read, **options)[row] == together[row]


def test_every_kind_of_model_writes_in_a_stream_what_it_writes_in_a_batch(any_model, sources_for):
    options = {"length": 8, "sampling": PENALIZED, "seed": 3, "stop_ids": (2,)}
    sources = sources_for(5)
    together = generate(any_model, PROMPTS, sources=sources, **options)
    source = None if sources is None else sources[0]
    assert list(stream(any_model, PROMPTS[0], source=source, **options)) == together[0]


def test_the_loop_is_compiled_once_for_prompts_of_any_length(any_model, sources_for):
    sampling = Sampling(temperature=0, min_p=0.5)  # of this test alone
    for prompt in ([2], [2, 3, 4], [2, 5, 6, 7, 8]):
        generate(any_model, [prompt, [2]], length=5, sampling=sampling, sources=sources_for(2))
    room = None if longest_text(any_model) is None else 24  # all that the model has
    functions = compiled(any_model, ("generate", 2, sampling, None, room), None)
    assert functions["loop"].experimental_get_tracing_count() <= 2  # exact shapes, then any
    assert writer(any_model, 2).experimental_get_tracing_count() == 1


def test_in_bfloat16_each_token_is_the_likeliest_or_nearly_so(any_model, sources_for):
    half = in_bfloat16(any_model)
    prompts, sources = [[2, 5, 6], [2, 7, 3]], sources_for(2)
    for row, written in enumerate(generate(half, prompts, length=8, sampling=GREEDY, sources=sources)):
        ids = np.array([prompts[row] + written], "int32")
        logits = np.array(any_model(ids if sources is None else (sources[row : row + 1], ids)))[0]
        logits[:, :2] = -np.inf
        for place, token in enumerate(written, start=len(prompts[row]) - 1):
            assert logits[place, token] > logits[place].max() - 0.1 * np.abs(logits[place, 2:]).max()


def in_bfloat16(model):
    """The same weights, computed with in bfloat16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = type(model)(model.config)
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(half.variables, model.variables, strict=True):
        a.assign(b)
    return half


def test_a_prompt_that_leaves_no_room_is_named():
    with pytest.raises(LmbookError, match="18 tokens and length=3 are more than the 20"):
        generate(small_transformer(), [[2] * 18], length=3)
