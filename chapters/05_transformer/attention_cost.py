# %% [markdown]
# # What attention costs
#
# - Article section: §3.1.2
# - Needs: recurrent_networks, attention, attention_maps
# - Data: none for the counts and the clock; the full profile also tiny_shakespeare
# - Minutes: quick 1, full 2
# - Memory: 2.0 GB
# - Shows: what attention costs in multiplications, in time and in memory, and up to which length it beats an LSTM
# - Headline: attention_exponent, lstm_exponent, lstm_time_over_attention_time_256_words
#
# In attention every word may attend to every other word, or to every earlier one. A text of twice the length has four
# times as many pairs of words. So what does attention cost, and for which texts is it cheaper than an LSTM, which reads
# one word after the other?
#
# Afterwards you can
#
# - count the multiplications of attention and of an LSTM with a pencil;
# - measure how the time of a layer grows with the length of the text, without fooling yourself;
# - say how much memory the weights of attention need.
#
# You need [recurrent networks](../01_background/recurrent_networks.py) and [attention](attention.py). In short:
# **attention** makes a query, a key and a value of each word, gives each pair of words a score, and takes a mean of the
# values with weights made of the scores. Several **heads** do this side by side, and what they give is mixed at the
# end. An **LSTM** keeps a memory, and changes it at each word.

# %%
from __future__ import annotations

import time

from lmbook import GPT, CharacterTokenizer, GPTConfig, Lesson, MultiHeadAttention, causal_mask, reproducible
from lmbook.book import diagrams, plots

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("attention_cost")
reproducible(lesson.seed)

# %% [markdown]
# ## The idea in one picture

# %% tags=["hide-input"]
diagrams.steps_and_pairs(["the", "cat", "sat"])

# %% [markdown]
# Left, the LSTM: three words are three steps. With six words it would be six, twice as many. But step 2 needs the
# memory that step 1 leaves, so the steps must wait for each other.
#
# Right, attention: three words are nine pairs. With six words it would be 36, four times as many. But no pair needs
# another, so a computer can do all of them at once. The crosses are pairs with a *later* word. The mask hides them, but
# their scores are computed all the same.
#
# So on a long text attention has more to compute, and the LSTM has to wait more often. Which weighs more?
#
# ## With a pencil
#
# We count **multiplications**, for three words of two numbers each. A vector of two numbers times a table of 2 × 2
# numbers takes 2 · 2 = 4 multiplications.
#
# **Attention.** Each word is multiplied by four tables: for its query, its key, its value, and once more at the end, to
# mix the heads. That is 3 words · 4 tables · 4 = 48. Each of the nine pairs then has a score. It is the sum of two
# products, one for each number: 9 · 2 = 18. Each weight multiplies a value of two numbers: again 9 · 2 = 18. Together:
# 48 + 18 + 18 = 84.
#
# **LSTM.** At each word it computes four things: three gates (forget, input, output) and the new content. Each is made
# of the word (a table of 2 × 2) and of the memory (another one): 4 · (4 + 4) = 32. Three words need 3 · 32 = 96.
#
# So for three words attention is a little cheaper. With four words both cost the same:
#
# | words | attention | LSTM |
# | ---: | ---: | ---: |
# | 3 | 48 + 18 + 18 = 84 | 3 · 32 = 96 |
# | 4 | 64 + 32 + 32 = 128 | 4 · 32 = 128 |
# | 10 | 160 + 200 + 200 = 560 | 10 · 32 = 320 |
#
# We leave out the softmax of attention, and three products of a gate with a vector in the LSTM. At a word these are
# 3 · 2 = 6 multiplications beside 32, which is not little. With 64 numbers they are 3 · 64 = 192 beside 32,768.
#
# ## The formula
#
# Let $T$ be the number of words and $D$ the number of numbers for each word. Then the multiplications are
#
# $$\mathrm{attention} = 4\,T D^2 + 2\,T^2 D \qquad\qquad \mathrm{LSTM} = 8\,T D^2$$
#
# The first term of attention comes from its four tables, the second from its pairs. The number of heads does not
# matter: each of $H$ heads has only $D / H$ of the numbers, and $H \cdot D / H = D$. The two counts are equal where
# $2\,T^2 D = 4\,T D^2$, that is, at $T = 2 D$. With $D = 2$ this is at four words, as in the table. With $D = 64$, as
# below, it is at 128 words.
#
# Is the formula right? We write both layers in NumPy and let them count. `times` is a matrix product that adds its
# multiplications to a counter.

# %%
counter = {"multiplications": 0}


def times(a, b):
    """The matrix product of a [n, m] and b [m, k]; counts n · m · k."""
    counter["multiplications"] += a.shape[0] * a.shape[1] * b.shape[1]
    return a @ b


def attention_by_hand(x, tables):
    W_Q, W_K, W_V, W_O = tables
    Q, K, V = times(x, W_Q), times(x, W_K), times(x, W_V)
    scores = times(Q, K.T) / Q.shape[1] ** 0.5
    scores = np.where(np.tri(len(x)), scores, -1e9)  # the mask
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return times(times(weights, V), W_O)


# %% [markdown]
# The LSTM goes through the words in a loop. `W` holds its four tables for the word side by side, `U` those for the
# memory. As in every LSTM the memory has two parts: `c` is what it keeps, `h` what it shows. The sigmoid makes gates,
# which lie between 0 and 1: `f` says how much is kept, `i` how much of the new is written, `o` how much is shown.


# %%
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(x, W, U):
    h = c = np.zeros((1, x.shape[1]))
    outputs = []
    for t in range(len(x)):
        four = times(x[t : t + 1], W) + times(h, U)
        i, f, new, o = np.split(four, 4, axis=1)  # the order of Keras
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.concatenate(outputs)


# %% [markdown]
# Now we count for some lengths, and compare with the formula.


# %%
def counted(function, *inputs):
    counter["multiplications"] = 0
    function(*inputs)
    return counter["multiplications"]


def formulas(T, D):
    return 4 * T * D**2 + 2 * T**2 * D, 8 * T * D**2


rng = np.random.default_rng(lesson.seed)
wrong = 0
for T, D in [(3, 2), (4, 2), (10, 2), (64, 64), (128, 64), (1024, 64)]:
    x = rng.normal(size=(T, D))
    tables = rng.normal(size=(4, D, D))
    W, U = rng.normal(size=(2, D, 4 * D))
    both = counted(attention_by_hand, x, tables), counted(lstm_by_hand, x, W, U)
    wrong += both != formulas(T, D)
    print(f"{T} words of {D} numbers: attention {both[0]:,}, LSTM {both[1]:,}")
    print(f"  by the formula: {formulas(T, D)}")

# %% [markdown]
# The counts are those of the formula. But are these the real layers? We give the weights of Keras's LSTM, and of the
# attention layer of this book's library (`MultiHeadAttention`), to our functions and compare the outputs.

# %%
x = rng.normal(size=(1, 20, 64)).astype("float32")
one_head = MultiHeadAttention(num_heads=1, use_bias=False)
theirs = np.asarray(one_head(x, attention_mask=causal_mask(20)))[0]
layers = [one_head.query_projection, one_head.key_projection]
layers += [one_head.value_projection, one_head.output_projection]
ours = attention_by_hand(x[0], [np.asarray(layer.kernel) for layer in layers])
differences = [float(np.abs(theirs - ours).max())]

keras_lstm = keras.layers.LSTM(64, return_sequences=True, use_bias=False)
theirs = np.asarray(keras_lstm(x))[0]
ours = lstm_by_hand(x[0], *keras_lstm.get_weights())
differences.append(float(np.abs(theirs - ours).max()))
print(f"largest difference: attention {differences[0]:.0e}, LSTM {differences[1]:.0e}")

# %% tags=["hide-cell"]
lesson.record("lengths_where_count_and_formula_differ", wrong, tolerance=0)
lesson.record("difference_to_library", max(differences), tolerance=None, at_most=1e-4, note="of the outputs")

# %% [markdown]
# They agree but for rounding. So much for the count: at 128 words both need the same, above that the LSTM needs fewer.
#
# ## The clock
#
# Is the LSTM then faster above 128 words? We run one layer of each, 64 numbers wide, the attention with four heads,
# on texts of growing length. The numbers of the "words" are random, since the time does not depend on them.
# `tf.function` turns a Python function into one program for TensorFlow, so that Python does not slow it down; the
# `TensorSpec` says that the program takes any number of texts (the first `None`) of any length (the second).
#
# Clocks are noisy, because other programs use the same computer. So we **alternate**, attention, LSTM, attention, LSTM,
# so that a disturbance hits both. We repeat this in many rounds and take the **median**, the middle one of the sorted
# values, which a few bad rounds do not move. And the first round is a **warm-up** that does not count. (`lesson.choose`
# takes its first value in the quick profile, and its second in the full one, which this page shows.)

# %%
attention = MultiHeadAttention(num_heads=4)
lstm = keras.layers.LSTM(64, return_sequences=True)
any_length = [tf.TensorSpec((None, None, 64))]


def masked_attention(x):
    return attention(x, attention_mask=causal_mask(tf.shape(x)[1]))


PROGRAMS = {
    "attention": tf.function(masked_attention, any_length),
    "LSTM": tf.function(lambda x: lstm(x), any_length),
}


def measured(programs, inputs, rounds):
    """Milliseconds of a call: name -> [rounds, inputs]."""
    taken = {name: np.zeros((rounds + 1, len(inputs))) for name in programs}
    for number in range(rounds + 1):
        for place, x in enumerate(inputs):
            for name, program in programs.items():
                began = time.perf_counter()
                program(x).numpy()  # waits for the result
                taken[name][number, place] = 1000 * (time.perf_counter() - began)
    return {name: each[1:] for name, each in taken.items()}  # without the warm-up


LENGTHS = [64, 128, 256, 512, 640, 768, 896, 1024, 1280, 1536, 2048]
LENGTHS += lesson.choose(quick=[], full=[2560, 3200, 4096, 5120])
texts = [tf.random.normal((1, T, 64)) for T in LENGTHS]
times_of = measured(PROGRAMS, texts, rounds=lesson.choose(quick=8, full=40))

# %% tags=["hide-input"]
medians = {name: np.median(each, axis=0) for name, each in times_of.items()}
ratios = times_of["LSTM"] / times_of["attention"]  # round by round
rows = []
for place, T in enumerate(LENGTHS):
    low, ratio, high = np.percentile(ratios[:, place], [5, 50, 95])
    millions = [f"{count / 1e6:,.1f}" for count in formulas(T, 64)]
    clocks = [f"{each[place]:.1f}" for each in medians.values()]
    rows.append((f"{T:,}", *millions, *clocks, f"{ratio:.1f} ({low:.1f} to {high:.1f})"))
columns = ["words", "attention, million", "LSTM, million", "attention, ms", "LSTM, ms", "time of LSTM over attention"]
lesson.table("clock", rows, columns)

# %% [markdown]
# The second and third column are millions of multiplications, by the formula. The next two are milliseconds (ms),
# medians of the rounds. The last column divides the time of the LSTM by that of attention, round by round: its median,
# and in brackets the range in which nine of ten rounds lie. Above 1, attention is faster.

# %% tags=["hide-input"]
figure, axes = plots.new_figure(x_label="words in the text", y_label="milliseconds (median)", size=(7.0, 4.4))
for index, (name, each) in enumerate(medians.items()):
    axes.plot(LENGTHS, each, label=name, marker="os"[index], **plots.line_style(index))
ticks = [64, 128, 256, 512, 1024, 2048, 4096]
axes.set(xscale="log", yscale="log")
axes.set_xticks(ticks, [f"{T:,}" for T in ticks])
axes.set_yticks([1, 10, 100], ["1", "10", "100"])
axes.minorticks_off()
axes.legend(frameon=False)
lesson.figure(figure, "clock", "Time of one layer against the length of the text; each step on an axis is a factor")

# %% tags=["hide-cell"]
place = LENGTHS.index(256)
lead_256, lead_longest = (float(np.median(ratios[:, at])) for at in (place, -1))
note = "medians of the rounds; above 1, attention is faster"
lesson.record("lstm_time_over_attention_time_256_words", lead_256, tolerance=None, note=note, at_least=1)
most = 1 if lesson.full else None  # the longest text of the quick profile is about where both are equal
lesson.record("lstm_time_over_attention_time_longest_text", lead_longest, tolerance=None, note=note, at_most=most)
faster = np.median(ratios, axis=0) >= 1  # attention, at each length
clear = np.percentile(ratios, 95, axis=0) >= 1
for key, ahead in (("", faster), ("_in_nine_of_ten_rounds", clear)):
    last = max((at for at, is_ahead in enumerate(ahead) if is_ahead), default=-1)
    slower = LENGTHS[last + 1 :]
    first = f"{slower[0]:,}" if slower else f"more than {LENGTHS[-1]:,}"
    note = "the shortest text on which, and on all longer ones, the ratio is below 1"
    lesson.record(f"words_from_which_the_lstm_is_faster{key}", first, tolerance=None, note=note)
speeds = [formulas(256, 64)[n] / 1e6 / each[place] for n, each in enumerate(medians.values())]
for name, speed in zip(("attention", "lstm"), speeds, strict=True):
    key = f"{name}_million_multiplications_per_ms_256_words"
    lesson.record(key, float(speed), tolerance=None, note="by the medians")
lesson.record("longest_text", LENGTHS[-1], "words", None, at_least=1)
needs = formulas(LENGTHS[-1], 64)
lesson.record("attention_multiplications_over_lstm_multiplications_longest_text", needs[0] / needs[1], tolerance=1e-9)

# %% [markdown]
# The count is a bad guide to the clock. On 256 words the LSTM needs fewer multiplications, and yet it takes
# [[lstm_time_over_attention_time_256_words .1]] times as long as attention. The LSTM is the faster one from
# [[words_from_which_the_lstm_is_faster]] words on by the median, and from
# [[words_from_which_the_lstm_is_faster_in_nine_of_ten_rounds]] words on in nine of ten rounds. On the longest text,
# [[longest_text]] words, attention needs [[attention_multiplications_over_lstm_multiplications_longest_text .1]] times
# as many multiplications as the LSTM, and the LSTM takes [[lstm_time_over_attention_time_longest_text .2]] times as
# long as attention.
#
# So this is the answer to our question, on this machine and for this width: on texts of some hundred words attention is
# the cheaper one, on texts of several thousand words the LSTM. Around 1,500 words the range holds 1, so we
# cannot name the exact length where they are equal. (From 896 to 1,024 words the time of attention jumps, from
# [[clock/896/attention, ms]] to [[clock/1,024/attention, ms]] ms, more than its multiplications grow. We do not know
# why.)
#
# ## How fast does the time grow?
#
# In the picture both axes are logarithmic: each step to the right doubles the words. If the time grows
# as $T^p$, the points lie on a straight line whose slope is the **exponent** $p$: at $p = 1$ twice the words take twice
# the time, at $p = 2$ four times, since $2^2 = 4$. `np.polyfit(…, 1)` finds the straight line that fits best, and gives
# its slope first. We fit one for each round, to all lengths from 512 words on, and do the same with the counts of the
# formula.

# %%
LONG = [place for place, T in enumerate(LENGTHS) if T >= 512]


def exponent(values):
    """Slope of log time over log length."""
    lengths = np.array(LENGTHS)[LONG]
    return np.polyfit(np.log(lengths), np.log(values), 1)[0]


counts = np.array([formulas(LENGTHS[place], 64) for place in LONG])
exponents = {}
for n, (name, each) in enumerate(times_of.items()):
    exponents[name] = [exponent(one_round[LONG]) for one_round in each]
    low, middle, high = np.percentile(exponents[name], [5, 50, 95])
    by_count = exponent(counts[:, n])
    print(f"{name}: by the clock {middle:.2f} ({low:.2f} to {high:.2f}), by the count {by_count:.2f}")

# %% tags=["hide-cell"]
lesson.record("lengths_in_the_fit", len(LONG), tolerance=0)
lesson.record("rounds", len(ratios), tolerance=0)
for n, (name, least, most) in enumerate((("attention", 1.1, 2.8), ("LSTM", 0.4, 1.8))):
    low, middle, high = (float(value) for value in np.percentile(exponents[name], [5, 50, 95]))
    note, key = "slope of log time over log length, median of the rounds", f"{name.lower()}_exponent"
    lesson.record(key, middle, tolerance=None, note=note, at_least=least, at_most=most)
    lesson.record(f"{key}_range", f"{low:.2f} to {high:.2f}", tolerance=None, note="nine of ten rounds lie there")
    lesson.record(f"{key}_by_the_count", float(exponent(counts[:, n])), tolerance=1e-6)
apart = float(np.median(np.subtract(exponents["attention"], exponents["LSTM"])))
lesson.record("attention_exponent_minus_lstm_exponent", apart, tolerance=None, note="medians", at_least=0.1)

# %% [markdown]
# By the clock the exponent of attention is [[attention_exponent .2]] (nine of ten rounds:
# [[attention_exponent_range]]), by the count [[attention_exponent_by_the_count .2]]. That of the LSTM is
# [[lstm_exponent .2]] ([[lstm_exponent_range]]), by the count [[lstm_exponent_by_the_count .2]]. Each fit has
# [[lengths_in_the_fit]] lengths, and there are [[rounds]] rounds. (Attention stays below 2 even in the count, because
# its first term grows with $T$ alone.)
#
# So in this run the *growth* is about as counted: nearly with the square of the length for attention, with the length
# for the LSTM. But the range is that of one run: quick runs, on texts of up to 2,048 words, gave attention exponents of
# 1.47 and 1.85, where the count says 1.88. What the count does not tell is where the two lines start.
#
# ## Why is the LSTM so slow on short texts?
#
# Divide the multiplications by the milliseconds: on 256 words attention does
# [[attention_million_multiplications_per_ms_256_words .1]] million of them in a millisecond, the LSTM
# [[lstm_million_multiplications_per_ms_256_words .1]] million. Our guess: each step of the LSTM is so small that the
# computer spends most of the time on starting it. We can test this. If it is so, a step for 16 texts at once takes
# hardly longer than a step for one, although it has 16 times as much to multiply.

# %%
batches = [tf.random.normal((B, 256, 64)) for B in (1, 16)]
of_batches = measured(PROGRAMS, batches, rounds=lesson.choose(quick=10, full=30))
growth = {}
for name, each in of_batches.items():
    factors = each[:, 1] / each[:, 0]  # round by round
    low, growth[name], high = np.percentile(factors, [5, 50, 95])
    print(f"{name}: 16 texts take {growth[name]:.1f} times as long as one ({low:.1f} to {high:.1f})")

# %% tags=["hide-cell"]
note = "256 words each, medians of the rounds"
for name, most in (("attention", None), ("LSTM", 14)):
    key, factor = f"{name.lower()}_time_of_16_texts_over_one", float(growth[name])
    lesson.record(key, factor, tolerance=None, note=note, at_most=most)
low, lead, high = np.percentile(of_batches["LSTM"][:, 1] / of_batches["attention"][:, 1], [5, 50, 95])
key = "lstm_time_over_attention_time_16_texts_of_256_words"
lesson.record(key, float(lead), tolerance=None, note=note)
lesson.record(f"{key}_range", f"{low:.2f} to {high:.2f}", tolerance=None, note="nine of ten rounds lie there")

# %% [markdown]
# For the LSTM the 16 texts take [[lstm_time_of_16_texts_over_one .1]] times as long as one. This fits our guess: 16
# times the work takes far less than 16 times as long. Attention's [[attention_time_of_16_texts_over_one .1]] is far
# from 16 as well, so it seems to have fixed costs, too. We have not looked into the programs; the cause
# stays a guess.
#
# So the LSTM catches up when it reads many texts at once. On 16 texts of 256 words it takes
# [[lstm_time_over_attention_time_16_texts_of_256_words .2]] times as long as attention (nine of ten rounds:
# [[lstm_time_over_attention_time_16_texts_of_256_words_range]]). Earlier runs gave 0.74 to 1.05, so we do not say which
# of the two is faster there.
#
# ## The memory
#
# Every pair of words has a weight in each head, and a weight is a number of 4 bytes. Four heads over 1,024 words hold
# 4 · 1024 · 1024 · 4 bytes, about 16.8 million bytes, or 16.8 megabytes (MB). Twice the words need four times as much.
# Let us ask the layer for its weights and look at their size:

# %%
for T in (256, 512, 1024):
    x = tf.random.normal((1, T, 64))
    _, weights = attention(x, attention_mask=causal_mask(T), return_weights=True)
    print(f"{T} words: shape {tuple(weights.shape)}, {weights.numpy().nbytes / 1e6:.1f} MB")

# %% tags=["hide-cell"]
lesson.record("weights_megabytes_at_1024_words", weights.numpy().nbytes / 1e6, "MB", 1e-9, note="one layer, 4 heads")

# %% [markdown]
# On 4,096 words it would be 16 times the last line: 268 MB in each layer. The memory of the LSTM is two vectors of 64
# numbers, 512 bytes, for a text of any length.
#
# The weights need not all be there at the same time. One can compute some rows, use them, and throw them away (see
# exercise 3). Fast programs for GPUs do so, such as FlashAttention ({cite:t}`dao2022`). This saves memory; the
# multiplications stay. We have not measured such a program.
#
# ## What goes wrong: timing the first call
#
# The most common mistake is to measure without a warm-up. When a `tf.function` sees a shape for the first time, it runs
# the Python code once to build the program (**tracing**). We make this mistake on purpose: a new program for each
# length, the clock around the first call, and then, for comparison, around the second. We do it five times and take the
# medians.


# %%
def first_and_second(T):
    """Milliseconds of the first two calls of a new program."""
    program = tf.function(lambda x: attention(x, attention_mask=causal_mask(T)))
    x = tf.random.normal((1, T, 64))
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        program(x).numpy()
        taken.append(1000 * (time.perf_counter() - began))
    return taken


cold = {T: np.median([first_and_second(T) for _ in range(5)], axis=0) for T in (64, 256, 1024)}
for T, (first, second) in cold.items():
    print(f"{T:5} words: first call {first:6.1f} ms, second call {second:5.1f} ms")

# %% tags=["hide-cell"]
for key, call in (("first", 0), ("second", 1)):
    factor = float(cold[1024][call] / cold[64][call])
    lesson.record(f"{key}_call_time_1024_over_64_words", factor, tolerance=None, note="medians of five programs")
early = float(cold[64][0] / cold[64][1])
lesson.record("first_call_over_second_call_64_words", early, tolerance=None, note="medians of five", at_least=2)

# %% [markdown]
# On 64 words the first call takes [[first_call_over_second_call_64_words .0]] times as long as the second. And by the
# first calls, 16 times the words would take only [[first_call_time_1024_over_64_words .1]] times as long; by the second
# calls it is [[second_call_time_1024_over_64_words .1]] times. If you measure the first call, you find that attention
# costs nearly the same for any length. But what you have measured is the building of the program. **How to notice:**
# call twice. If the second call is much faster, the first one was preparing something. (`.numpy()` waits for the
# result: keep it inside the clock.)
#
# ## Real text
#
# A layer is not a model. What does a letter cost in a whole, trained model? We train two on a part of the plays of
# Shakespeare, letter by letter, in pieces of 256 letters: a GPT of two blocks, and a network of two LSTM layers. Both
# are 64 numbers wide. The GPT has the sizes of the model in [attention maps](attention_maps.py). The other one is put
# together from layers of Keras: `Embedding` looks up 64 numbers for each letter, the LSTMs follow, and `Dense` gives a
# score to each letter that may come next.


# %%
def two_models(V):
    sizes = {"hidden_dim": 64, "intermediate_dim": 128, "num_heads": 4, "num_layers": 2}
    gpt = GPT(GPTConfig(V, **sizes, positions="rotary", max_sequence_length=2048))
    two_lstms = keras.Sequential([keras.layers.Embedding(V, 64)])
    for _ in range(2):
        two_lstms.add(keras.layers.LSTM(64, return_sequences=True))
    two_lstms.add(keras.layers.Dense(V))
    return {"GPT": gpt, "LSTM": two_lstms}


# %% [markdown]
# Training goes once through 1,500 pieces (384,000 letters), 16 at a time. The **loss** is the mean of $-\ln p$ for the
# letter that really comes next. We print it for a part of the text that neither model was trained on. Both have learned
# something: guessing evenly among the letters would give $\ln V$, with $V$
# the number of different letters. We did not look for the best settings of either, so please do not compare the two
# losses.

# %%
corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    V = letters.vocabulary_size

    def pieces_of(ids, most):
        starts = range(0, min(256 * most, len(ids) - 256), 256)
        return np.array([ids[n : n + 257] for n in starts], "int32")

    train = pieces_of(letters.encode("".join(corpus.texts("train"))), 1500)
    held_out = letters.encode(corpus.texts("validation")[0])
    test = pieces_of(held_out, 100)
    models, test_losses = two_models(V), {}
    print(f"guessing evenly among {V} letters: loss {np.log(V):.2f}")
    for name, model in models.items():
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.003), loss)
        model.fit(train[:, :-1], train[:, 1:], batch_size=16, verbose=0)
        test_losses[name] = model.evaluate(test[:, :-1], test[:, 1:], verbose=0)
        print(f"{name}: loss {test_losses[name]:.2f}")

# %% [markdown]
# Now both read the beginning of the held-out part: 64 letters of it, then 256, 1,024 and 2,048. We measure as before
# and divide by the number of letters. A microsecond (µs) is a thousandth of a millisecond. The table has the medians
# and, in brackets, the range of nine of ten rounds.

# %%
if corpus:
    READ = [T for T in (64, 256, 1024, 2048) if T <= len(held_out)]
    spec = [tf.TensorSpec((1, None), tf.int32)]
    readers = {name: tf.function(lambda x, model=model: model(x), spec) for name, model in models.items()}
    beginnings = [tf.constant([held_out[:T]], tf.int32) for T in READ]
    per_letter = {}  # name -> [rounds, lengths], in microseconds
    for name, each in measured(readers, beginnings, rounds=25).items():
        per_letter[name] = 1000 * each / READ

# %% tags=["hide-input"]
if corpus:
    rows = []
    for name, each in per_letter.items():
        ranges = np.percentile(each, [5, 50, 95], axis=0).T
        rows.append((name, *(f"{middle:.0f} ({low:.0f} to {high:.0f})" for low, middle, high in ranges)))
    lesson.table("real_text", rows, ["µs for a letter", *(f"of {T:,} letters" for T in READ)])

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for name, each in per_letter.items():
        lesson.record(f"shakespeare_loss_{name.lower()}", test_losses[name], "nats per letter", 0.4, note="one run")
        key, note = f"{name.lower()}_time_for_a_letter_of_2048_over_256", "round by round; its median and nine of ten"
        low, middle, high = np.percentile(each[:, 3] / each[:, 1], [5, 50, 95])
        lesson.record(key, float(middle), tolerance=None, note=note)
        lesson.record(f"{key}_range", f"{low:.1f} to {high:.1f}", tolerance=None, note=note)
    middles = {name: np.median(each, axis=0) for name, each in per_letter.items()}
    apart = float((middles["GPT"][3] / middles["GPT"][1]) / (middles["LSTM"][3] / middles["LSTM"][1]))
    lesson.record("gpt_growth_over_lstm_growth_256_to_2048_letters", apart, tolerance=None, at_least=1.2)
    lead = float(middles["LSTM"][3] / middles["GPT"][3])
    lesson.record("lstm_time_over_gpt_time_2048_letters", lead, tolerance=None, note="of the medians", at_least=1)

# %% [markdown]
# On a text of 2,048 letters a letter costs the GPT [[gpt_time_for_a_letter_of_2048_over_256 .1]] times as much as on
# one of 256 (nine of ten rounds: [[gpt_time_for_a_letter_of_2048_over_256_range]]), the LSTM
# [[lstm_time_for_a_letter_of_2048_over_256 .1]] times as much ([[lstm_time_for_a_letter_of_2048_over_256_range]]). So
# from 256 letters on GPT's letter becomes dearer; of the LSTM's we cannot say so, since its range holds 1. On the
# shortest text a letter is dear for both: few letters share the fixed cost of a call. And up to 2,048 letters the two
# models do not change places: there the LSTM still takes [[lstm_time_over_gpt_time_2048_letters .1]] times as long as
# the GPT, although the single LSTM layer was ahead by the median there. A whole model has other parts. (Compare times
# only inside a table: the two tables were measured at different minutes.)
#
# ## What this lesson cannot show
#
# - The times are of one machine with two processor cores, which other programs used as well. The length at which one
#   layer overtakes the other will be different elsewhere.
# - We measured reading on a CPU. We did not measure training, and not a GPU, which does far more at once.
# - One width (64) and one LSTM program. There are faster ones, which we did not try.
# - Cost is one side. What a model *remembers* of a long text is another question; [long
#   sequences](../12_evaluation/long_sequences.py) looks at it.
#
# ## Summary
#
# Attention needs $4TD^2 + 2T^2D$ multiplications, an LSTM $8TD^2$. By this count the LSTM is cheaper for more than $2D$
# words, here 128. By the clock attention was ahead, or level, up to a length about ten times as great; we guess,
# because it does all pairs at once, while the LSTM waits at each word. But the time of attention grows nearly with the
# square of the length, that of the LSTM about with the length. The weights of attention need memory that grows with the
# square, unless they are computed piece by piece. Measure with a warm-up, in alternation, and with medians.
#
# ## Exercises
#
# 1. *Calculate.* Six words of two numbers each: how many multiplications does attention need, how many the LSTM?
# 2. *Calculate.* A GRU is a smaller LSTM that computes three things at each word instead of four. At which $T$ does it
#    need as many multiplications as attention?
# 3. *Change the code.* Write `in_pieces(Q, K, V, size)`, which computes attention with a mask for `size` rows at a
#    time, so that it never holds more than `size` rows of weights. Compare it with a `size` of all rows.
# 4. *Your own text.* Run `lmbook run attention_cost --text my.txt`, with a plain text file in UTF-8 of at least 100,000
#    letters. The run prints $V$, the number of its different letters. The last layer needs $64\,V$ multiplications for
#    a letter. Is that much beside two LSTM layers of $8 \cdot 64^2$ each?
#
# <details>
# <summary>Answers to 1 and 2</summary>
#
# 1. Attention: 4 · 6 · 4 = 96 for the tables, 36 · 2 = 72 for the scores, 72 for the means; together 240. LSTM:
#    6 · 32 = 192.
# 2. A GRU needs $6TD^2$. $4TD^2 + 2T^2D = 6TD^2$ holds at $T = D$; with $D = 64$ these are 64 words.
#
# </details>
#
# <details>
# <summary>Answer to 3</summary>
#
# ```python
# def in_pieces(Q, K, V, size):
#     parts = []
#     for start in range(0, len(Q), size):
#         rows = np.arange(start, min(start + size, len(Q)))
#         scores = Q[rows] @ K.T / Q.shape[1] ** 0.5
#         scores = np.where(rows[:, None] >= np.arange(len(K)), scores, -1e9)
#         weights = np.exp(scores - scores.max(axis=1, keepdims=True))
#         weights = weights / weights.sum(axis=1, keepdims=True)
#         parts.append(weights @ V)
#     return np.concatenate(parts)
#
# Q, K, V = rng.normal(size=(3, 1000, 64))
# print(np.abs(in_pieces(Q, K, V, 100) - in_pieces(Q, K, V, 1000)).max())
# ```
#
# The difference should be no more than rounding, far below a millionth. With 100 rows at a time it holds a tenth of the
# weights. The number of multiplications is the same.
#
# </details>
#
# <details>
# <summary>Answer to 4</summary>
#
# Two LSTM layers need 2 · 8 · 64² = 65,536 multiplications for a letter. With the 68 letters of Shakespeare the last
# layer adds 64 · 68 = 4,352, which is little. A Chinese text may have 3,000 different signs; then it adds 192,000, more
# than the two LSTM layers together. Only $V$ matters here: the time does not depend on what the letters say. Compare
# the last table of your run with that of this page. (We have not tried a text with so many signs.)
#
# </details>
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, table 1: the cost of attention and of recurrent layers side by side, by their order of
#   growth.
# - {cite:t}`dao2022`: attention that never holds all weights, and why moving numbers can cost more than multiplying.
# - {cite:t}`ainslie2023`: heads that share keys and values, so that a model that writes has less to keep.
#
# Before this lesson: [attention maps](attention_maps.py). Next: [encoder and decoder](encoder_decoder.py).

# %%
lesson.finish()
