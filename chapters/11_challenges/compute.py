# %% [markdown]
# # Compute
#
# - Article section: §8.2, §7.2
# - Needs: gpt, lora
# - Data: greentree (built in); the full profile also minilm and rt_polarity
# - Minutes: quick 1, full 9
# - Memory: 3.7 GB
# - Shows: what a run costs, predicted before and measured after; and what smaller numbers and smaller models save
# - Headline: seconds_error, int8_size_ratio, int8_loss_increase, distilled_gap, undistilled_gap
#
# "Training and inference of large models require substantial computing resources", says the article, and leaves it at
# that. But what a model costs can be told before it is trained, from its configuration, on the back of an envelope.
# This lesson does the sum, trains the model, and compares. Then it makes the model smaller in several ways, and
# measures for each what is saved (bytes, seconds, or only one of them) and what is lost.

# %%
from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lmbook import (
    GPT,
    CausalWindows,
    GPTConfig,
    LabelledTexts,
    Lesson,
    LmbookError,
    OptimizerConfig,
    Sampling,
    TrainingStep,
    WordTokenizer,
    fit,
    generate,
    load_corpus,
    machine,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.layers import dense_layers
from lmbook.models import load_minilm
from lmbook.pipelines import document_rows
from lmbook.recipes import STORY_FIT, story_gpt_config
from lmbook.topics.compression import Pruning, distil, load_quantized, save_float, save_quantized
from lmbook.topics.scaling import gpt_parameters, matmul_rate, median_seconds, training_memory, training_step_flops
from lmbook.training import distribute_batches, make_optimizer, text_vectors

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("compute")
if lesson.own_text:
    print("Losses are measured from greentree's exact floor: --corpus and --text are left aside.")
reproducible(lesson.seed)

# %% [markdown]
# ## The sum
#
# A GPT on greentree, to be trained for so many batches. From its configuration alone:
#
# - **parameters**: a block has four matrices of attention and two of its feed-forward layers; the table of words comes
#   on top;
# - **operations**: each weight is multiplied and added once for each token, 2 operations, and the backward pass takes
#   twice as much: 6 for each weight and token. Attention's own products come on top, 12 L D T for each token;
# - **memory**: weights, gradients, two running means of the optimizer, 16 bytes for a weight together, and what each
#   block keeps for its backward pass (`lmbook/topics/scaling/model_cost.py`);
# - **time**: operations divided by the machine's rate. Its peak is what one large product of matrices gets. No model
#   gets that, so the share of the peak that one block alone reaches in a few steps is measured first.

# %%
SENTENCES, CONTEXT, BATCH = lesson.choose(quick=(4, 55), full=(6, 73)) + (32,)
STEPS = lesson.choose(quick=100, full=400)
TRAINING_SEED, TEST_SEED = 10, 12  # of stories
grammar = Grammar(split="seen", max_sentences=SENTENCES)
texts = [
    story.english for story in tell_stories(lesson.choose(quick=4_000, full=16_000), TRAINING_SEED, grammar=grammar)
]
words = WordTokenizer.train(texts)
documents = [words.encode(text) for text in texts]
test = [story.english for story in tell_stories(lesson.choose(quick=100, full=500), TEST_SEED, grammar=grammar)]
lowest = floor(test, words, grammar=grammar)
lesson.record("floor", lowest, "nats per word", 1e-6, note="exact, of the stories that are scored")


def gpt_config(layers: int, width: int) -> GPTConfig:
    """A GPT on stories, heads of width 32."""
    return story_gpt_config(
        words.vocabulary_size,
        num_layers=layers,
        hidden_dim=width,
        num_heads=width // 32,
        max_sequence_length=CONTEXT,
    )


LARGE, SMALL = lesson.choose(quick=(gpt_config(2, 96), gpt_config(1, 32)), full=(gpt_config(4, 160), gpt_config(2, 64)))


def windows(batch_size: int = BATCH, seed: int = lesson.seed) -> CausalWindows:
    """The training batches."""
    return CausalWindows(documents, words, context=CONTEXT, batch_size=batch_size, align="document", seed=seed)


def step_seconds(config: GPTConfig, batch_size: int = BATCH, compiled: bool = True, policy: str = "float32") -> float:
    """Seconds of one update, mean of several, compiling left out."""
    before, repeats = keras.config.dtype_policy(), lesson.choose(quick=5, full=10)
    keras.config.set_dtype_policy(policy)
    try:
        model = GPT(config)
        how = OptimizerConfig("muon", learning_rate=1e-3, weight_decay=0.0)
        optimizer = make_optimizer(how, model, how.schedule(100))
        training = TrainingStep(model, optimizer, clip_norm=1.0, jit_compile=compiled)
        batches = distribute_batches(windows(batch_size), training.strategy, 0, 2 + repeats)
        training.run(batches, 2)
        began = time.perf_counter()
        training.run(batches, repeats)
        float(training.loss)  # waits for the last of them
        return (time.perf_counter() - began) / repeats
    finally:
        keras.config.set_dtype_policy(before)


NARROW = gpt_config(1, LARGE.hidden_dim)  # one block of the same width
peak = matmul_rate()
lesson.record("peak_gflops", peak / 1e9, "10^9 operations/s", None, note="one product of matrices 1,024 x 1,024")
share_before = training_step_flops(NARROW, BATCH, CONTEXT) / step_seconds(NARROW) / peak
lesson.record("share_of_peak_before", share_before, "", None, note="a few steps of one block")
operations = STEPS * training_step_flops(LARGE, BATCH, CONTEXT)
expected = {
    "parameters": gpt_parameters(LARGE),
    "seconds": operations / (share_before * peak),
    "megabytes": training_memory(LARGE, BATCH, mixed=False).total / 1e6,
}
lesson.record("parameters_predicted", expected["parameters"])
lesson.record("operations_predicted", operations, "", 1.0, note=f"{STEPS} batches of {BATCH} x {CONTEXT} tokens")

# %% [markdown]
# ## The run
#
# Now it is trained, with the clock running; compiling is not counted, since it is no part of the sum.

# %%
reproducible(lesson.seed)
memory_before = machine.peak_memory_mb()
teacher = GPT(LARGE)
history = fit(
    teacher, windows(), steps=STEPS, checks=("ids", "labels"), report_every=STEPS // 10, quiet=True, **STORY_FIT
)
taken = (history.seconds[-1] - history.seconds[0]) * STEPS / (STEPS - history.steps[0])  # the first tenth compiles
measured = {
    "parameters": teacher.count_params(),
    "seconds": taken,
    "megabytes": machine.peak_memory_mb() - memory_before,
}
rows = [[name, expected[name], measured[name], measured[name] / expected[name]] for name in expected]
clock = dict.fromkeys(("seconds", "megabytes"))  # the machine's
columns = ["quantity", "predicted", "measured", "ratio"]
lesson.table("predicted", rows, columns, {"predicted": {"seconds": None}, "measured": clock, "ratio": clock})
lesson.record("seconds_error", taken / expected["seconds"] - 1, "", None, note="measured seconds above the predicted")
lesson.record("share_of_peak", operations / taken / peak, "", None, note="of the run")

# %% [markdown]
# The memory is the hardest to foretell: a compiler decides what is kept and what computed again, and itself needs some
# hundred megabytes (they are in the measured figure).
#
# ### Energy
#
# Energy is power times time. Nobody here has a meter, so the power is an **assumption**: 10 W for a busy core of a
# laptop and 5 W for the memory and the rest. And 0.45 kg of CO2 for a kilowatt-hour, about the world's mean; it is a
# tenth of that in some countries and twice as much in others. Does such a sum hold at all? GPT-3's figures are
# published (Brown et al. 2020; Patterson et al. 2021, table 4): 175 billion weights, 300 billion tokens, V100
# processors that reached 24.6 × 10^12 operations a second and drew 330 W, 1.1 for the building: 1,287 megawatt-hours.

# %%
WATTS = 10.0 * machine.cores() + 5.0
energy = taken * WATTS
lesson.record("energy_kj", energy / 1e3, "kJ", None, note=f"assumed: {WATTS:.0f} W")
lesson.record("co2_grams", energy / 3.6e6 * 450, "g", None, note="assumed: 0.45 kg for a kilowatt-hour")
gpt3 = 6 * 175e9 * 300e9 / 24.6e12 * 330 * 1.1 / 3.6e9
lesson.record("gpt3_mwh", gpt3, "MWh", 1.0, note="by the same sum; published: 1,287")

# %% [markdown]
# ## The same model, faster
#
# What the run can gain without changing what is computed: **XLA** compiles the step into few large pieces; a larger
# **batch** gives larger matrices. **Mixed precision** computes in bfloat16; on GPUs made for it this is twice as fast
# or more. On a processor it depends: where there are no instructions for it, numbers are converted to and fro.

# %%
SPEEDS = {"no XLA, batch 32": {"compiled": False}}
if lesson.full:
    SPEEDS |= {"XLA, batch 8": {"batch_size": 8}, "XLA, batch 128": {"batch_size": 128}}
    SPEEDS |= {"XLA, batch 32, mixed_bfloat16": {"policy": "mixed_bfloat16"}}
seconds = taken / STEPS  # of the run
rows = [["XLA, batch 32", 1e3 * seconds, BATCH * CONTEXT / seconds, operations / taken / peak]]
for name, options in SPEEDS.items():
    rows_in_batch = options.get("batch_size", BATCH)
    seconds = step_seconds(LARGE, **options)
    share = training_step_flops(LARGE, rows_in_batch, CONTEXT) / seconds / peak
    rows.append([name, 1e3 * seconds, rows_in_batch * CONTEXT / seconds, share])
lesson.table("speed", rows, ["training step", "milliseconds", "tokens a second", "share of peak"], None)

# %% [markdown]
# To **write**, the model needs each token's keys and values again for every later token. Kept in a cache, they cost one
# token's work; without it, the whole text is read anew for each token.

# %%
LENGTH, ROWS = CONTEXT - 1, 8
prompts = [[words.end_id]] * ROWS
with_cache = median_seconds(
    lambda: generate(
        teacher,
        prompts,
        max_new_tokens=LENGTH,
        sampling=Sampling(temperature=0.0),
        suppress_ids=words.suppress_ids,
    ),
    3,
)
read = tf.function(lambda ids: tf.argmax(teacher(ids), axis=-1, output_type=tf.int32), jit_compile=True)


def write_without_cache() -> np.ndarray:
    """The likeliest token each time; the text is read as a whole, filled up to one length so that it compiles once."""
    ids = np.zeros((ROWS, CONTEXT), "int32")
    ids[:, 0] = words.end_id
    for place in range(LENGTH):
        ids[:, place + 1] = read(ids).numpy()[:, place]
    return ids


without_cache = median_seconds(write_without_cache, 3)
lesson.record("cache_speedup", without_cache / with_cache, "times", None, note=f"{ROWS} texts of {LENGTH} tokens")

# %% [markdown]
# ## The same model, smaller
#
# Every variant below is scored in the same way: its loss above the exact floor; the bytes of its file; the seconds in
# which it reads the test stories, compiled.

# %%
folder = tempfile.TemporaryDirectory()
FILE = Path(folder.name) / "weights.npz"
x, y, w = document_rows([words.encode(text) for text in test], words, CONTEXT)
TOKENS = int(w.sum())


def reader(model: GPT) -> Callable[[], float]:
    """Function that reads the test stories and gives the loss in nats per word; compiled for the model."""

    @tf.function(jit_compile=True)
    def nats(ids, labels, weights):
        logits = tf.cast(model(ids), "float32")
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_sum(tf.where(weights > 0, each, 0.0))

    parts = [tuple(tf.constant(array[i : i + 100]) for array in (x, y, w)) for i in range(0, len(x), 100)]
    return lambda: sum(float(nats(*part)) for part in parts) / TOKENS


judge = GPT(LARGE)  # whatever has the large model's shape is loaded into it: one compiled function for all
judge_loss = reader(judge)
ROUNDS = lesson.choose(quick=2, full=5)
table: list[list] = []


def add(name: str, parameters: int, size: int, loss: Callable[[], float]) -> float:
    """A row of the last table; gives the loss."""
    value, seconds = loss(), median_seconds(loss, ROUNDS)
    table.append([name, parameters, size / 1e6, value - lowest, seconds])
    return value


full_size = save_float(teacher, FILE)
load_quantized(judge, FILE)
whole = add("float32", teacher.count_params(), full_size, judge_loss)
lesson.record("loss", whole, "nats per word", 0.05, note="of the large model")
half_size = save_float(teacher, FILE, "float16")
load_quantized(judge, FILE)
add("float16 file", teacher.count_params(), half_size, judge_loss)

# %% [markdown]
# ### Fewer bits
#
# **int8**: each row of a matrix is divided by a scale so that its largest entry becomes 127, and rounded. **int4**:
# there are only 15 steps, so every 32 neighbours get a scale of their own. No data are needed, no training. (The bytes
# are those of the file, scales, names and all.)
#
# This saves space, not time: the file is read back into float32. Keras' own int8 layers (`layer.quantize("int8")`)
# round what goes into a matrix too and multiply whole numbers, which is faster where there are instructions for it.
# They stand in the table with their seconds.

# %%
for name, bits, group in (("int8", 8, None), ("int4, groups of 32", 4, 32), ("int4, one scale a row", 4, None)):
    size = save_quantized(teacher, FILE, bits, group)
    load_quantized(judge, FILE)
    loss = add(name, teacher.count_params(), size, judge_loss)
    key = {"int8": "int8", "int4, groups of 32": "int4"}.get(name)
    if key:
        lesson.record(f"{key}_size_ratio", size / full_size, "", 0.02, note="bytes of the files")
        lesson.record(f"{key}_loss_increase", loss - whole, "nats per word", 0.005 if bits == 8 else 0.05)
whole_numbers = GPT(LARGE)
whole_numbers.set_weights(teacher.get_weights())
for layer in dense_layers(whole_numbers).values():
    layer.quantize("int8")
kept = sum(variable.numpy().nbytes for variable in whole_numbers.variables)
add("Keras int8, computed in int8", teacher.count_params(), kept, reader(whole_numbers))

# %% [markdown]
# ### Fewer weights
#
# **Pruning** (Han et al. 2015) sets the smallest weights of each matrix to 0, and lets the others learn a little more
# to make up for it. In a file, a bit for each place says whether something is there. In memory the matrix is as large
# as before, and a product with zeros takes as long as any other.

# %%
SHARES = lesson.choose(quick=(0.5,), full=(0.5, 0.8))
for share in SHARES:
    judge.set_weights(teacher.get_weights())
    pruned = Pruning(judge, share)
    loss = add(f"{share:.0%} pruned", teacher.count_params(), pruned.bytes, judge_loss)
    lesson.record(f"pruned_{share * 100:.0f}_loss_increase", loss - whole, "nats per word", 0.2)
if lesson.full:
    fit(
        judge,
        windows(seed=lesson.seed + 1),
        steps=STEPS // 5,
        checks=(),
        callbacks=[pruned],
        steps_per_execution=1,
        quiet=True,
        optimizer=replace(STORY_FIT["optimizer"], learning_rate=2e-3),
    )
    loss = add("80% pruned, trained on", teacher.count_params(), pruned.bytes, judge_loss)
    lesson.record("pruned_80_trained_loss_increase", loss - whole, "nats per word", 0.02)

# %% [markdown]
# ### A smaller model
#
# Not the same model with less, but another one: a student of less than an eighth of the parameters. Trained **alone**
# it learns from the word that came. **Distilled** (Hinton et al. 2015) it learns from the teacher's probabilities of
# all words at each place, nine parts to one. Same start, same batches, same steps, same rates; only the loss differs.
# (The teacher reads every batch along, so a distilled step takes longer. That is paid once.)

# %%
SEEDS = [lesson.seed + number for number in range(lesson.choose(quick=1, full=3))]
STUDENT_STEPS = lesson.choose(quick=60, full=300)
gaps: dict[str, list[float]] = {"alone": [], "distilled": []}
student_judge = GPT(SMALL)
student_loss = reader(student_judge)
for seed in SEEDS:
    reproducible(seed)
    start = GPT(SMALL).get_weights()
    for way, share in (("alone", 0.0), ("distilled", 0.9)):
        student = GPT(SMALL)
        student.set_weights(start)
        distil(student, teacher, windows(seed=seed), steps=STUDENT_STEPS, share=share, **STORY_FIT)
        student_judge.set_weights(student.get_weights())
        gaps[way].append(student_loss() - whole)
        if seed == SEEDS[0]:
            add(f"student, {way}", student.count_params(), save_float(student, FILE), student_loss)
        if seed == SEEDS[0] and way == "distilled":
            size = save_quantized(student, FILE)
            load_quantized(student_judge, FILE)
            add("student, distilled, int8", student.count_params(), size, student_loss)
lesson.record("student_share", student.count_params() / teacher.count_params(), "", 0.0, note="of the parameters")
for key, way in (("undistilled_gap", "alone"), ("distilled_gap", "distilled")):
    lesson.record_mean(key, gaps[way], "nats per word", 0.05, f"student {way}: its loss above the teacher's")
gain = np.subtract(gaps["alone"], gaps["distilled"])
lesson.record_mean("distillation_gain", gain, "nats per word", 0.03, "pairs of equal seeds")

# %% [markdown]
# ## Quality, size, seconds
#
# Everything in one table and one picture. What lies to the lower left is good.

# %%
columns = ["parameters", "megabytes", "nats above the floor", "seconds"]
tolerances = {"parameters": 0, "megabytes": 0.02, columns[2]: 0.15, "seconds": None}
lesson.table("variants", table, ["variant", *columns], tolerances)
figure, axes = plots.new_figure("", "megabytes of the file", "nats per word above the floor", size=(8.0, 4.6))
for index, (name, _, size, above, _) in enumerate(table):
    style = plots.line_style(index)
    marker = "osD^"[index // len(plots.COLOURS)]
    axes.plot(size, above, marker, color=style["color"], label=name, markersize=7)
axes.set(xscale="log", yscale="log")
axes.minorticks_off()
for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if low <= tick <= high]
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
figure.legend(frameon=False, fontsize=9, loc="outside right center")
lesson.figure(figure, "variants", "Every variant's quality against its size")

# %% [markdown]
# ## A real model
#
# MiniLM has 22 million weights and gives similar vectors to similar sentences. Quantized without any data: do its
# vectors of film reviews stay the same, and is the nearest other sentence still the same one?

# %%
if lesson.full:
    try:
        bert, pieces = load_minilm()
        reviews = [record["text"] for record in load_corpus("rt_polarity").split("test")][:300]
    except LmbookError as error:
        bert = None
        print(f"Without MiniLM: {error.message}\n{error.fix}")
else:
    bert = None
    print("The full profile quantizes MiniLM too.")

if bert is not None:
    sentences = LabelledTexts(
        [pieces.encode(text) for text in reviews],
        [0, 1] * (len(reviews) // 2),
        pieces,
        tokens_per_batch=1024,
        max_length=48,
    )

    def unit_vectors() -> np.ndarray:
        """Of all reviews, [N, D], of length 1."""
        found = text_vectors(bert, sentences)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def nearest(vectors: np.ndarray) -> np.ndarray:
        """The place of the nearest other one."""
        near = vectors @ vectors.T
        np.fill_diagonal(near, -1.0)
        return near.argmax(axis=1)

    original, size = unit_vectors(), save_float(bert, FILE)
    weights, rows = bert.get_weights(), [["float32", size / 1e6, 1.0, 1.0]]
    for name, bits, group in (("int8", 8, None), ("int4, groups of 32", 4, 32), ("int4, one scale a row", 4, None)):
        size = save_quantized(bert, FILE, bits, group)
        load_quantized(bert, FILE)
        now = unit_vectors()
        same = float((nearest(now) == nearest(original)).mean())
        rows.append([name, size / 1e6, float((now * original).sum(axis=1).mean()), same])
        bert.set_weights(weights)
    columns = ["megabytes", "cosine with the original", "same nearest sentence"]
    lesson.table("minilm", rows, ["weights", *columns], {"megabytes": 0.1, columns[1]: 0.01, columns[2]: 0.05})

# %% [markdown]
# ## What this can show, and what not
#
# The model is small: its file is a few megabytes, and it fits into a processor's cache. Large models are slow because
# their weights have to be fetched from memory for every token; there fewer bits mean more tokens a second, if there are
# instructions for them. Small models are slow because of their many small operations, and fewer bits change little.
# Large models also have entries far larger than others, which int8 by rows handles badly (Dettmers et al. 2022).
#
# ## What to try
#
# - `share=1.0` and 0.5 in `distil`, `temperature=2.0`.
# - The distilled student twice as long. Where does it stop?
# - `WATTS` and the CO2 of your own machine and country.
# - Prune the student. Is it as patient as the teacher?

# %%
folder.cleanup()
lesson.finish()
