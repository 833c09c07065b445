import gc
import math
import weakref
from collections import Counter
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.decoding.constraints import lines
from lmbook.decoding.generate import _noise, _numbers, generate, stream
from lmbook.decoding.sampling import Sampling, sample_token
from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.models.compiled import compiled, writer
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel
from lmbook.tokenizers.character import CharacterTokenizer

V = 13
SUPPRESSED = {"suppress_ids": (0, 1)}  # padding and unknown
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
    assert generate(model, PROMPTS, max_new_tokens=5, sampling=GREEDY, **SUPPRESSED) == expected
    assert len(set(map(tuple, expected))) > 2  # the prompts matter, so a mixed-up row would show


def test_a_batch_of_mixed_lengths_equals_one_by_one(model):
    together = generate(model, PROMPTS, max_new_tokens=8, sampling=GREEDY)
    assert together == [generate(model, [prompt], max_new_tokens=8, sampling=GREEDY)[0] for prompt in PROMPTS]


def test_a_row_depends_on_no_other_row(model):
    whole = generate(model, PROMPTS, max_new_tokens=8, seed=4)
    for row, prompt in list(enumerate(PROMPTS))[1:3]:
        others = [[3] * (1 + 2 * place) for place in range(len(PROMPTS))]
        others[row] = prompt
        assert generate(model, others, max_new_tokens=8, seed=4)[row] == whole[row]
    assert generate(model, PROMPTS, max_new_tokens=8, seed=4, batch_size=2) == whole


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, top_k=5, top_p=0.8), GREEDY])
@pytest.mark.parametrize("prompt", PROMPTS[1:3])
def test_stream_gives_what_generate_gives(model, sampling, prompt):
    for stop in [(), (2, 3, 5)]:
        expected = generate(model, [prompt], max_new_tokens=10, sampling=sampling, seed=5, stop_ids=stop)[0]
        assert list(stream(model, prompt, max_new_tokens=10, sampling=sampling, seed=5, stop_ids=stop)) == expected


def test_same_seed_same_text_other_seed_other_text(model):
    first = generate(model, PROMPTS, max_new_tokens=12, seed=1)
    assert generate(model, PROMPTS, max_new_tokens=12, seed=1) == first
    assert generate(model, PROMPTS, max_new_tokens=12, seed=2) != first


def test_equal_prompts_get_different_continuations_and_greedy_the_same(model):
    assert len(set(map(tuple, generate(model, [[2]] * 40, max_new_tokens=12)))) > 30
    assert len(set(map(tuple, generate(model, [[2]] * 5, max_new_tokens=12, sampling=GREEDY)))) == 1


def test_a_longer_text_begins_with_the_shorter_one(model):
    short, long = (generate(model, PROMPTS, max_new_tokens=length, seed=3) for length in (5, 11))
    assert [row[:5] for row in long] == short


def test_rows_end_where_a_stop_token_would_be_written(model):
    free = generate(model, PROMPTS * 8, max_new_tokens=15, seed=6)
    stopped = generate(model, PROMPTS * 8, max_new_tokens=15, seed=6, stop_ids=(3, 8))
    for row, ended in zip(free, stopped, strict=True):
        places = [place for place, token in enumerate(row) if token in (3, 8)]
        assert ended == row[: places[0]] if places else ended == row
    assert len({len(row) for row in stopped}) > 3


def test_stop_tokens_within_the_prompt_stop_nothing(model):
    assert len(generate(model, [[2, 3, 2], [2]], max_new_tokens=4, sampling=GREEDY, stop_ids=())[0]) == 4
    table = Table(np.eye(V)[[5] * V] * 50)
    assert generate(table, [[2, 3, 2], [2]], max_new_tokens=4, sampling=GREEDY, stop_ids=(2, 3)) == [[5] * 4] * 2


def test_all_rows_stopping_at_once_end_the_loop():
    table = Table(np.eye(V)[[2] * V] * 50)
    assert generate(table, [[3], [4, 4]], max_new_tokens=1000, stop_ids=(2,)) == [[], []]
    assert list(stream(table, [3], max_new_tokens=1000, stop_ids=(2,))) == []


@pytest.mark.parametrize("suppressed", [(0, 1), (7,), ()])
def test_what_is_suppressed_is_never_written_and_nothing_else_is_suppressed(suppressed):
    table = Table(np.eye(V)[[0, 1, 7] * 4 + [0]] * 50)  # the tokens that it likes best
    for sampling in (Sampling(), Sampling(top_k=1), Sampling(top_p=0.1), GREEDY):
        written = generate(table, [[2]] * 5, max_new_tokens=20, sampling=sampling, suppress_ids=suppressed)
        written += [list(stream(table, [2], max_new_tokens=20, sampling=sampling, suppress_ids=suppressed))]
        assert not set(suppressed) & set(sum(written, []))
        assert suppressed or set(sum(written, [])) == {7, 1}
    only = generate(table, [[2]] * 5, max_new_tokens=20, suppress_ids=[v for v in range(V) if v != 7])
    assert only == [[7] * 20] * 5


def test_frequencies_follow_the_models_distribution():
    logits = np.random.default_rng(0).normal(0, 1.5, (V, V))
    rows = generate(
        Table(logits), [[2]] * 400, max_new_tokens=60, sampling=Sampling(0.9, top_k=6), batch_size=400, **SUPPRESSED
    )
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


@pytest.mark.parametrize("suppressed", [(), (0, 1)])
def test_numbers_that_are_none_are_reported(suppressed):
    one, form = np.zeros((V, V)), lines([str.isalpha] * 3, CharacterTokenizer.train(["abcdefghij"]))
    one[5:, 9] = np.nan
    for table in (Table(np.full((V, V), np.nan)), Table(one)):
        for options in ({}, {"sampling": GREEDY}, {"sampling": PENALIZED}, {"constraint": form}):
            options = {"max_new_tokens": 3, "suppress_ids": suppressed, **options}
            with pytest.raises(LmbookError, match="NaN"):
                generate(table, [[2], [6]], **options)
            with pytest.raises(LmbookError, match="NaN"):
                list(stream(table, [6], **options))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompts": [[2], []]}, "prompt is empty"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_arguments_are_named(model, wrong, message):
    with pytest.raises(LmbookError, match=message):
        generate(model, **{"prompts": [[2]], "max_new_tokens": 3, **wrong})


def test_no_prompts_give_no_texts(model):
    assert generate(model, [], max_new_tokens=3) == []


def test_new_weights_are_used_and_the_model_can_be_freed():
    model = make_model("rnn")
    before = generate(model, PROMPTS, max_new_tokens=8)
    for weight in model.trainable_variables:
        weight.assign(-weight)
    assert generate(model, PROMPTS, max_new_tokens=8) != before
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_the_penalty_counts_the_prompt_and_what_was_written():
    table = np.zeros((V, V), np.float32)
    table[:, 5], table[:, 6], table[:, 7] = 3.0, 2.9, 2.8  # always the same order, so greedy repeats 5
    model = Table(table)
    assert generate(model, [[2]], max_new_tokens=4, sampling=GREEDY) == [[5, 5, 5, 5]]
    once = Sampling(temperature=0, repetition_penalty=1.2)
    assert generate(model, [[2], [5]], max_new_tokens=3, sampling=once) == [[5, 6, 7], [6, 7, 5]]
    assert list(stream(model, [5], max_new_tokens=3, sampling=once)) == [6, 7, 5]


def small_transformer(longest=20, **options):
    keras.utils.set_random_seed(2)
    config = TransformerConfig(V, 16, 16, num_heads=2, max_sequence_length=longest, dropout=0.0, **options)
    model = TransformerLanguageModel(config)
    for weight in model.trainable_variables:
        weight.assign(weight * 2)
    return model


@pytest.mark.xla
@pytest.mark.parametrize(("positions", "num_layers"), [("sinusoidal", 2), ("rotary", 1)])
def test_a_transformer_with_a_cache_writes_what_it_writes_without(positions, num_layers):
    model = small_transformer(positions=positions, num_layers=num_layers)
    expected = [greedy_by_hand(model, prompt, 5) for prompt in PROMPTS]
    assert generate(model, PROMPTS, max_new_tokens=5, sampling=GREEDY, **SUPPRESSED) == expected
    for prompt, text in list(zip(PROMPTS, expected, strict=True))[1:3]:
        assert list(stream(model, prompt, max_new_tokens=5, sampling=GREEDY, **SUPPRESSED)) == text
    assert len(set(map(tuple, expected))) > 2


@pytest.mark.xla
def test_the_room_of_the_cache_changes_nothing():
    """64 places, 128, and all that the model has, each compiled once for prompts and lengths that it is enough for."""
    model, prompts = small_transformer(longest=140, num_layers=1), [[2, 5, 6], [2, 7, 8, 9, 10, 3]]
    sampling = Sampling(0.9)
    long = generate(model, prompts, max_new_tokens=130, sampling=sampling)
    for length, room in ((20, 64), (50, 64), (90, 128), (130, 140)):
        assert generate(model, prompts, max_new_tokens=length, sampling=sampling) == [row[:length] for row in long]
        functions = compiled(model, ("generate", 2, Sampling(), None, room), None)
        assert functions["loop"].experimental_get_tracing_count() == 1


@pytest.mark.parametrize("sampling", [PENALIZED, GREEDY])
def test_every_kind_of_model_writes_in_a_batch_what_it_writes_alone(any_model, sources_for, sampling):
    options = {"max_new_tokens": 8, "sampling": sampling, "seed": 3, "stop_ids": (2,)}
    sources = sources_for(len(PROMPTS))
    together = generate(any_model, PROMPTS, sources=sources, **options)
    assert len(set(map(tuple, together))) > 2
    for row, prompt in enumerate(PROMPTS):
        # All rows alike, so nothing is mixed; a row's random numbers depend on its number.
        read = None if sources is None else sources[[row] * len(PROMPTS)]
        assert generate(any_model, [prompt] * len(PROMPTS), sources=read, **options)[row] == together[row]


@pytest.mark.xla
@pytest.mark.parametrize("any_model", ["encoder_decoder"], indirect=True)
def test_an_encoder_decoder_writes_with_xla_what_it_writes_without(any_model, sources_for):
    fast = type(any_model)(any_model.config)
    fast.set_weights(any_model.get_weights())
    assert fast.jit_compile_decoding and not any_model.jit_compile_decoding
    options = {"max_new_tokens": 8, "sampling": PENALIZED, "seed": 3, "stop_ids": (2,), "sources": sources_for(5)}
    assert generate(fast, PROMPTS, **options) == generate(any_model, PROMPTS, **options)


@dataclass(frozen=True)
class EpsilonSampling(Sampling):
    """Tokens of probability `epsilon` and more, as the example in `Sampling` has it."""

    epsilon: float = 0.2

    def sample_token(self, logits, uniform):
        p = tf.nn.softmax(logits)
        least = tf.minimum(self.epsilon, tf.reduce_max(p, axis=-1, keepdims=True))
        return sample_token(tf.where(p >= least, logits, -math.inf), uniform)


def test_a_sampler_of_ones_own_chooses_the_tokens():
    table = Table(np.log([[1.0, 1.0, 0.05, 0.1, 0.15, 0.3, 0.4]] * 7))  # 0 and 1 are suppressed
    written = {
        epsilon: set(
            sum(
                generate(table, [[2]] * 50, max_new_tokens=9, **SUPPRESSED, sampling=EpsilonSampling(epsilon=epsilon)),
                [],
            )
        )
        for epsilon in (0.0, 0.12, 0.35, 0.9)
    }
    assert written == {0.0: {2, 3, 4, 5, 6}, 0.12: {4, 5, 6}, 0.35: {6}, 0.9: {6}}
    # Probabilities after the temperature: at 0.5 they are 0.32 and 0.56 for 5 and 6.
    sharp = EpsilonSampling(0.5, epsilon=0.25)
    assert set(sum(generate(table, [[2]] * 50, max_new_tokens=9, **SUPPRESSED, sampling=sharp), [])) == {5, 6}
    assert set(sum(generate(table, [[2]] * 50, max_new_tokens=9, **SUPPRESSED), [])) == {
        2,
        3,
        4,
        5,
        6,
    }  # the class is part of the key


def test_a_sampler_of_ones_own_writes_in_a_stream_what_it_writes_in_a_batch():
    model, sampling = small_transformer(num_layers=1), EpsilonSampling(0.9, epsilon=0.1)
    written = generate(model, PROMPTS, max_new_tokens=6, sampling=sampling, seed=3)
    assert written != generate(model, PROMPTS, max_new_tokens=6, sampling=Sampling(0.9), seed=3)
    assert list(stream(model, PROMPTS[0], max_new_tokens=6, sampling=sampling, seed=3)) == written[0]


def test_every_kind_of_model_writes_in_a_stream_what_it_writes_in_a_batch(any_model, sources_for):
    options = {"max_new_tokens": 8, "sampling": PENALIZED, "seed": 3, "stop_ids": (2,)}
    sources = sources_for(5)
    together = generate(any_model, PROMPTS, sources=sources, **options)
    source = None if sources is None else sources[0]
    assert list(stream(any_model, PROMPTS[0], source=source, **options)) == together[0]


def test_the_loop_is_compiled_once_for_prompts_of_any_length(any_model, sources_for):
    sampling = Sampling(temperature=0, min_p=0.5)  # of this test alone
    for prompt in ([2], [2, 3, 4], [2, 5, 6, 7, 8]):
        generate(any_model, [prompt, [2]], max_new_tokens=5, sampling=sampling, sources=sources_for(2))
    room = None if longest_text(any_model) is None else 24  # all that the model has
    functions = compiled(any_model, ("generate", 2, sampling, None, room), None)
    assert functions["loop"].experimental_get_tracing_count() <= 2  # exact shapes, then any
    assert writer(any_model, 2).experimental_get_tracing_count() == 1


def test_in_bfloat16_each_token_is_the_likeliest_or_nearly_so(any_model, sources_for):
    half = in_bfloat16(any_model)
    prompts, sources = [[2, 5, 6], [2, 7, 3]], sources_for(2)
    for row, written in enumerate(
        generate(half, prompts, max_new_tokens=8, sampling=GREEDY, sources=sources, **SUPPRESSED)
    ):
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
    with pytest.raises(LmbookError, match="18 tokens and max_new_tokens=3 are more than the 20"):
        generate(small_transformer(), [[2] * 18], max_new_tokens=3)


def test_a_streams_random_numbers_are_made_piece_by_piece():
    np.testing.assert_array_equal(list(_numbers(3, 9000)), _noise(3, 0, 9000))
    assert next(_numbers(3, 10**12)) == _noise(3, 0, 1)[0]


def test_a_window_slides_over_what_is_longer_than_the_model_can_read():
    keras.utils.set_random_seed(3)
    sizes = {"hidden_dim": 8, "intermediate_dim": 8, "num_heads": 2, "num_layers": 1, "max_sequence_length": 24}
    model = TransformerLanguageModel(TransformerConfig(V, **sizes, dropout=0.0))
    for weight in model.trainable_variables:
        weight.assign(3.0 * weight)
    most = longest_text(model)
    prompt = [2, *range(3, 12), 5]

    def by_hand(prompt, length):
        text, first = list(prompt), max(0, len(prompt) - most)
        for _ in range(length):
            if len(text) - first > most:
                first = len(text) - most // 2
            logits = model(np.array([text[first:]])).numpy()[0, -1]
            logits[:2] = -np.inf
            text.append(int(logits.argmax()))
        return text[len(prompt) :]

    options = {"sampling": GREEDY, **SUPPRESSED}
    for begin in (prompt, prompt * 2 + [4, 7], prompt * 4):
        assert list(stream(model, begin, max_new_tokens=50, slide=True, **options)) == by_hand(begin, 50)
        with pytest.raises(LmbookError, match="are more than the 24"):
            next(stream(model, begin, max_new_tokens=50, **options))
    short = {"max_new_tokens": most - len(prompt), **options}
    assert list(stream(model, prompt, slide=True, **short)) == list(stream(model, prompt, **short))
