# %% [markdown]
# # Long sequences
#
# - Article section: §9.5
# - Needs: recurrent_networks, attention_cost
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 15
# - Memory: 3.0 GB
# - Shows: how far back each kind of model remembers, what length costs, and what happens beyond the trained length
# - Headline: recall_transformer, recall_lstm, beyond_rotary, beyond_learned
#
# The article asks how language models deal with long texts. There are three questions in it, and each has its own
# measurement:
#
# 1. Can a model still use what stood far back? (recall against distance)
# 2. What does a longer text cost? (seconds and memory against length)
# 3. What happens where a text is longer than those that the model was trained on? (loss against position)

# %%
from __future__ import annotations

import statistics
import time

from lmbook import (
    CausalWindows,
    CharacterTokenizer,
    Lesson,
    OptimizerConfig,
    RecurrentConfig,
    RecurrentLanguageModel,
    TransformerConfig,
    TransformerLanguageModel,
    WordTokenizer,
    fit,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import LEXICON, Grammar, floor, tell_stories
from lmbook.pipelines import RecallTask
from lmbook.training import jit_by_default

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("long_sequences")
reproducible(lesson.seed)


def transformer(vocabulary_size: int, longest: int, positions: str = "rotary", width: int = 64, layers: int = 2):
    """A small pre-norm Transformer with room for `longest` tokens."""
    config = TransformerConfig(
        vocabulary_size,
        hidden_dim=width,
        intermediate_dim=4 * width,
        num_heads=4,
        num_layers=layers,
        max_sequence_length=longest,
        positions=positions,
        normalize_first=True,
        normalization="rms",
        activation="gelu",
        use_bias=False,
        dropout=0.0,
    )
    return TransformerLanguageModel(config)


# %% [markdown]
# ## What stood far back
#
# The task of the lesson `recurrent_networks`: a symbol, then so many tokens that do not matter, then the symbol must be
# named. A recurrent network must carry it through every step in between; attention looks at it directly, and the
# distance does not count. The sizes are nearly alike, and steps and batches the same. Each model has
# one rate for all distances, which was not searched for.

# %%
RECALL = {
    "RNN": (lambda V, T: RecurrentLanguageModel(RecurrentConfig(V, 16, 96, cell="rnn")), 3e-3),
    "LSTM": (lambda V, T: RecurrentLanguageModel(RecurrentConfig(V, 16, 48)), 1e-2),
    "LSTM with memory span": (lambda V, T: RecurrentLanguageModel(RecurrentConfig(V, 16, 48, memory_span=2 * T)), 1e-2),
    "Transformer": (lambda V, T: transformer(V, T, width=24), 1e-2),
}
DISTANCES = lesson.choose(quick=(60,), full=(10, 60, 120))
SEEDS = lesson.choose(quick=1, full=2)
names = lesson.choose(quick=("LSTM", "Transformer"), full=tuple(RECALL))


def recall(name: str, distance: int, seed: int) -> float:
    """Share of test symbols that a model names after training at this distance."""
    reproducible(seed)
    data = RecallTask(distance, batch_size=64, seed=100 + seed)
    make, rate = RECALL[name]
    model = make(data.vocabulary_size, data.context)
    # The other checks of `fit` look at a few rows and positions: too few where one position in a row counts.
    optimizer, checks = OptimizerConfig(learning_rate=rate), ("ids", "labels", "future")
    fit(model, data, steps=300, optimizer=optimizer, report_every=300, checks=checks, quiet=True)
    x, symbol = RecallTask(distance, seed=3).sample(2000)
    return float((model.predict(x, batch_size=500, verbose=0)[:, -1].argmax(axis=-1) == symbol).mean())


named = {
    name: {distance: [recall(name, distance, lesson.seed + n) for n in range(SEEDS)] for distance in DISTANCES}
    for name in names
}
rows = []
for name in names:
    weights = RECALL[name][0](RecallTask(60).vocabulary_size, 62).count_params()
    rows.append((name, weights, *(float(np.mean(named[name][distance])) for distance in DISTANCES)))
headings = [f"distance {distance}" for distance in DISTANCES]
lesson.table(
    "recall", rows, ["model", "weights", *headings], tolerance={"weights": 0.0, **dict.fromkeys(headings, 0.35)}
)
for key, name in (("recall_transformer", "Transformer"), ("recall_lstm", "LSTM")):
    lesson.record_mean(key, named[name][60], tolerance=0.35, note=f"{name}, distance 60; chance is one in eight")

# %%
if lesson.full:
    figure, axes = plots.new_figure("Naming a symbol that stood far back", "tokens in between", "share named rightly")
    for index, name in enumerate(names):
        style = plots.line_style(index)
        axes.plot(DISTANCES, [np.mean(named[name][d]) for d in DISTANCES], label=name, **style)
        for distance in DISTANCES:
            axes.plot([distance] * SEEDS, named[name][distance], "o", markersize=5, alpha=0.6, color=style["color"])
    plots.draw_floor(axes, 1 / 8, "chance")
    axes.set(xticks=DISTANCES, ylim=(0, 1.05))
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "recall", "Recall against distance; points are the runs, lines join their means")

# %% [markdown]
# ## What length costs
#
# A recurrent network does the same work for every token: twice the text, twice the cost, but one token after the other.
# Attention compares every token with every earlier one: $T^2$ scores in each head. At first that does not show, since
# the other matrices of a block need about $24 T D^2$ operations and attention about $4 T^2 D$: the two are equal where
# $T = 6 D$. From there on length is what costs. Memory tells the same: each block keeps $H T^2$ weights of
# attention for the backward pass. (Kernels such as FlashAttention compute them anew instead; the time stays.) An LSTM
# keeps about seven numbers a unit and token: four gates, the cell, its tanh, the output.
#
# Below is a step of training of one text, without an update: loss and gradients, medians. It is the processor's time
# that counts, so that other programs do not. The Transformer is compiled by XLA as it is in training, the LSTM is
# not: compare how each grows, not their heights. The two columns of memory are computed from the sizes, not measured.

# %%
WIDTH = 64
LENGTHS = lesson.choose(quick=(128, 512), full=(128, 256, 512, 1024, 2048))


def seconds_per_step(model: keras.Model, length: int, rounds: int) -> float:
    """Median processor seconds for loss and gradients of one text of so many tokens."""
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(jit_compile=jit_by_default(model))
    def step(ids):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 1:], model(ids)[:, :-1])
            loss = tf.reduce_mean(losses)
        return loss, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]

    ids = tf.random.stateless_uniform((1, length), (lesson.seed, 0), minval=3, maxval=100, dtype=tf.int32)
    step(ids)
    times = []
    for _ in range(rounds):
        began = time.process_time()
        step(ids)[0].numpy()
        times.append(time.process_time() - began)
    return statistics.median(times)


costly = {
    "LSTM": RecurrentLanguageModel(RecurrentConfig(100, WIDTH, 2 * WIDTH)),
    "Transformer": transformer(100, LENGTHS[-1], width=WIDTH),
}
rounds = lesson.choose(quick=3, full=9)
spent = {name: [seconds_per_step(model, T, rounds) for T in LENGTHS] for name, model in costly.items()}
rows = []
for place, T in enumerate(LENGTHS):
    states, weights = 4 * 7 * 2 * WIDTH * T / 1e6, 4 * 2 * 4 * T * T / 1e6  # 4 bytes; 2 WIDTH units; 2 blocks, 4 heads
    rows.append((f"{T:,}", *(1000 * spent[name][place] for name in costly), states, weights))
columns = ["tokens", "LSTM, ms", "Transformer, ms", "LSTM keeps, MB", "attention keeps, MB"]
lesson.table("cost", rows, columns, tolerance=None)
for name, values in spent.items():
    grows = np.log(values[-1] / values[-2]) / np.log(LENGTHS[-1] / LENGTHS[-2])
    note = f"{name}: seconds grow with the length to this power, {LENGTHS[-2]:,} to {LENGTHS[-1]:,} tokens"
    lesson.record(f"power_{name.lower()}", float(grows), tolerance=None, note=note)

# %%
if lesson.full:
    figure, axes = plots.new_figure("Loss and gradients of one text", "tokens", "processor seconds")
    for index, (name, values) in enumerate(spent.items()):
        axes.plot(LENGTHS, values, marker="o", label=name, **plots.line_style(index))
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(LENGTHS, [f"{T:,}" for T in LENGTHS])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "cost", "Time against length, both axes logarithmic: the steeper, the worse for long texts")

# %% [markdown]
# ## Longer than in training
#
# A model that is trained on windows of 48 tokens is given 192. Nothing forbids it; does it know what to do? The windows
# begin anywhere in the text, so that what stands at place 20 is no different from what stands at place 120. Any change
# of the loss after place 48 is the model's own failing at places that it has not seen. The grammar of `greentree` says
# how low the loss can be for one who has read each story from its beginning: the line in the picture.
#
# - **learned** vectors of places: those beyond 48 are as random as they were made;
# - **sinusoidal** ones are there for any place, but never came in training;
# - **rotary**: only distances count, and those beyond 48 never came;
# - **none**: a causal model can tell places a little without any, since it sees how much stands before;
# - an **LSTM** has no places at all.


# %%
def nats_by_position(model: keras.Model, stream: list[int], length: int, windows: int) -> np.ndarray:
    """Mean -ln p at each place of windows of a text: [length]."""
    rng = np.random.default_rng(lesson.seed)
    starts = rng.integers(0, len(stream) - length - 1, windows)
    rows = np.array([stream[start : start + length + 1] for start in starts], np.int32)
    total = np.zeros(length)
    for part in np.array_split(rows, max(1, windows // 50)):
        logits = model(part[:, :-1], training=False)
        total += tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(part[:, 1:], logits), axis=0).numpy()
    return total / windows


TRAINED, TESTED = 48, 192
KINDS = lesson.choose(quick=("rotary", "learned"), full=("rotary", "learned", "sinusoidal", "none", "LSTM"))
WINDOWS = lesson.choose(quick=100, full=400)


def beyond(name: str, documents: list[list[int]], held_out: list[int], tokenizer, steps: int):
    """For each kind of model the loss at each place, after training on windows of TRAINED tokens; printed and kept."""
    curves = {}
    for kind in KINDS:
        reproducible(lesson.seed)
        if kind == "LSTM":
            model = RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, 64, 160))
            optimizer = OptimizerConfig(learning_rate=4e-3)
        else:
            model = transformer(tokenizer.vocabulary_size, TESTED, kind)
            optimizer = OptimizerConfig("muon", learning_rate=8e-3)
        data = CausalWindows(documents, tokenizer, context=TRAINED, batch_size=32, seed=lesson.seed)
        fit(model, data, steps=steps, checks=("ids", "labels", "future"), quiet=True, optimizer=optimizer)
        curves[kind] = nats_by_position(model, held_out, TESTED, WINDOWS)
        print(f"{name}, {kind}: trained")
    half = TRAINED // 2
    spans = {"places 24 to 48": (half, TRAINED), "49 to 96": (TRAINED, 96), "97 to 192": (96, TESTED)}
    rows = [(kind, *(float(curve[a:b].mean()) for a, b in spans.values())) for kind, curve in curves.items()]
    lesson.table(f"beyond_{name}", rows, ["model", *spans], tolerance=lesson.choose(quick=0.6, full=0.3))
    return curves


lexicon = LEXICON.first(lesson.choose(quick=4, full=8), kinds=8)
grammar = Grammar(lexicon, max_sentences=12)
stories = [story.english for story in tell_stories(lesson.choose(quick=4_000, full=12_000), 30, grammar=grammar)]
fresh = [story.english for story in tell_stories(400, 31, grammar=grammar)]
tokenizer = WordTokenizer.train(stories)
stream = [id for text in fresh for id in (tokenizer.end_id, *tokenizer.encode(text))]
lowest = floor(fresh, tokenizer, grammar=grammar)
lesson.record("floor_nats_per_token", lowest, "nats per token", 1e-6, note="exact, of the stories that are read")
curves = {
    "greentree": beyond(
        "greentree",
        [tokenizer.encode(text) for text in stories],
        stream,
        tokenizer,
        lesson.choose(quick=150, full=500),
    )
}
for kind in ("rotary", "learned"):
    curve = curves["greentree"][kind]
    lesson.record(
        f"beyond_{kind}",
        float(curve[96:].mean() - curve[TRAINED // 2 : TRAINED].mean()),
        "nats per token",
        lesson.choose(quick=0.6, full=0.3),
        note=f"{kind} places: loss at places 97 to 192 above that at 24 to 48",
    )

# %% [markdown]
# And on a real text, by characters:

# %%
corpus = None
if lesson.full or lesson.text or lesson.corpus:
    corpus = lesson.real_corpus("tiny_shakespeare")
if corpus is not None:
    characters = CharacterTokenizer.train(corpus.texts("train"))
    held_out = corpus.texts("validation" if "validation" in corpus.splits else "test")
    curves[corpus.name] = beyond(
        corpus.name,
        [characters.encode(text) for text in corpus.texts("train")],
        [id for text in held_out for id in (characters.end_id, *characters.encode(text))],
        characters,
        lesson.choose(quick=100, full=700),
    )

# %%
figure, panels = plots.new_panels(1, len(curves), (5.2 * len(curves), 4.2))
for axes, (name, found) in zip(panels[0], curves.items(), strict=True):
    for index, (kind, curve) in enumerate(found.items()):
        axes.plot(range(1, TESTED + 1), plots.smooth(curve.tolist(), 0.8), label=kind, **plots.line_style(index))
    axes.axvline(TRAINED, color=plots.FLOOR_COLOUR, linewidth=1.2, linestyle=":")
    axes.set(title=name, xlabel="place in the window (dotted: the longest in training)", ylabel="nats per token")
plots.draw_floor(panels[0, 0], lowest)
panels[0, 0].legend(frameon=False, fontsize=9)
lesson.figure(figure, "beyond", f"Loss at each place of windows of {TESTED} tokens, after training on {TRAINED}")

# %% [markdown]
# What to do about it: read a long text in windows of the trained length that overlap, as `lmbook evaluate` does; train
# a little more on longer windows; or take a model whose memory has no places. That a model *accepts* a long text does
# not say that it reads it.

# %%
lesson.finish()
