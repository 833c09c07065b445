# %% [markdown]
# # keras-nlp: the same model from the shelf
#
# - Article section: §7.1
# - Needs: attention, sampling
# - Data: greentree (built in), or any text
# - Minutes: quick 1, full 4
# - Memory: 2.0 GB
# - Shows: one model in keras-nlp and in the book: the same logits, the same text, and what each costs
# - Headline: logit_difference, same_tokens, generation_ratio
#
# keras-nlp (today keras-hub; the old name still works) is the library of language models of Keras' makers. It has the
# architectures, the tokenizers, and published weights under short names, the *presets*. The book has its own models,
# because it wants to show what is in them. This lesson puts the same weights into both, asks whether they say the same,
# and then compares what they cost: code to read, and seconds.
#
# keras-nlp is not to be had on Windows, since its tokenizers need `tensorflow-text`. (WSL 2 is a way: there it is
# Linux.) Nothing else in the book needs it.

# %%
from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

# This file has the package's name. Where Python would find it first, it must not look for packages.
sys.path[:] = [place for place in sys.path if not (Path(place) / "keras_nlp.py").is_file()]

import ast
import inspect
import statistics
import time

from lmbook import (
    BERT,
    GPT,
    BERTConfig,
    CausalWindows,
    CharacterTokenizer,
    GPTConfig,
    Lesson,
    LmbookError,
    OptimizerConfig,
    Sampling,
    WordTokenizer,
    fit,
    generate,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import Grammar, tell_stories
from lmbook.models import from_keras_nlp, to_keras_nlp

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("keras_nlp")
if find_spec("keras_nlp") is None:
    raise LmbookError(
        "This lesson compares the book with keras-nlp, which is not installed.",
        "Install it: pip install keras-nlp (Linux and macOS; on Windows in WSL 2).",
    )
import keras_nlp

reproducible(lesson.seed)

# %% [markdown]
# ## A model of ours becomes one of theirs
#
# First a small GPT-2 of the book, trained for some seconds so that it has something to say (with `--corpus NAME` or
# `--text FILE` on another text).

# %%
CONTEXT = 64


def read() -> tuple[list[str], list[str]]:
    """Texts to train on, and others."""
    if lesson.text is not None:
        from lmbook import text_corpus

        corpus = text_corpus(lesson.text)
    elif lesson.own_text:
        from lmbook import load_corpus

        corpus = load_corpus(lesson.corpus)
    else:
        grammar = Grammar(split="seen", max_sentences=4)
        return tuple(
            [story.english for story in tell_stories(n, seed, grammar=grammar)] for n, seed in ((3000, 10), (200, 11))
        )
    return corpus.texts("train"), corpus.texts("validation")


texts, others = read()
tokenizer = (CharacterTokenizer if lesson.own_text else WordTokenizer).train(texts)
model = GPT(
    GPTConfig(
        tokenizer.vocabulary_size,
        hidden_dim=lesson.choose(quick=64, full=128),
        intermediate_dim=lesson.choose(quick=256, full=512),
        num_layers=lesson.choose(quick=2, full=4),
        num_heads=4,
        max_sequence_length=CONTEXT,
    )
)
data = CausalWindows([tokenizer.encode(text) for text in texts], tokenizer, context=CONTEXT, batch_size=32)
steps = lesson.choose(quick=150, full=600)
optimizer = OptimizerConfig(learning_rate=4e-3)
fit(model, data, steps=steps, optimizer=optimizer, report_every=steps, checks=(), quiet=True)

# %% [markdown]
# `to_keras_nlp` makes a backbone of keras-nlp with the same weights. "Backbone" is their word for a model without a
# task: ids in, vectors out. The task models stand on it: `GPT2CausalLM` has the logits and `generate`. The same stories
# through both:

# %%
backbone = to_keras_nlp(model)
print(f"ours: {type(model).__name__}, {model.count_params():,} weights")
print(f"theirs: {type(backbone).__name__}, {backbone.count_params():,} weights")


def their_logits(token_ids) -> tf.Tensor:
    token_ids = tf.convert_to_tensor(token_ids)
    vectors = backbone({"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)})
    return backbone.token_embedding(vectors, reverse=True)


stream = [token for text in others for token in [tokenizer.end_id, *tokenizer.encode(text)]]
ids = np.array(stream[: 8 * CONTEXT], "int32").reshape(8, CONTEXT)
apart = float(np.abs(np.asarray(model(ids)) - np.asarray(their_logits(ids))).max())
lesson.record(
    "logit_difference", apart, tolerance=1e-4, note=f"the largest of {ids.size * tokenizer.vocabulary_size:,}"
)

# %% [markdown]
# The same for the three kinds that the book can exchange, both ways, with random weights: nothing is at its start,
# where a shift of 0 or a gain of 1 would hide that it is not used.

# %%
SIZES = {"vocabulary_size": 50, "hidden_dim": 32, "intermediate_dim": 48, "num_layers": 2}
LLAMA = {"positions": "rotary", "normalization": "rms", "activation": "swiglu", "use_bias": False}
heads = {"num_heads": 4, "max_sequence_length": 16}
theirs = {
    "GPT-2": keras_nlp.models.GPT2Backbone(**SIZES, **heads),
    "BERT": keras_nlp.models.BertBackbone(**SIZES, **heads),
    "Llama": keras_nlp.models.LlamaBackbone(**SIZES, num_query_heads=4, num_key_value_heads=2, layer_norm_epsilon=1e-5),
}
ours = {
    "GPT-2": GPT(GPTConfig(**SIZES, **heads)),
    "BERT": BERT(BERTConfig(**SIZES, **heads, activation="gelu", pooler=True)),
    "Llama": GPT(GPTConfig(**SIZES, **heads, **LLAMA, num_key_value_heads=2)),
}


def random_weights(made: keras.Model) -> keras.Model:
    rng = np.random.default_rng(lesson.seed)
    for weight in made.trainable_variables:
        weight.assign(rng.normal(1.0 if len(weight.shape) == 1 else 0.0, 0.3, weight.shape))
    return made


def largest_difference(mine: GPT | BERT, other: keras.Model) -> float:
    """Between the vectors of both, for rows with padding at the end."""
    tokens = np.random.default_rng(lesson.seed).integers(1, 50, (3, 12)).astype("int32")
    real = np.arange(12) < [[12], [8], [3]]
    inputs = {"token_ids": tokens, "padding_mask": real}
    if isinstance(mine, BERT):
        segments = (np.arange(12) >= 5).astype("int32") * real
        pair = mine((tokens, segments), padding_mask=real), other(inputs | {"segment_ids": segments})["sequence_output"]
    else:
        pair = mine.features(tokens), other(inputs)
    return float(np.abs(np.asarray(pair[0]) - np.asarray(pair[1]))[real].max())


rows = []
for name in ours:
    random_weights(ours[name])
    random_weights(theirs[name])
    there = largest_difference(ours[name], to_keras_nlp(ours[name]))
    here = largest_difference(from_keras_nlp(theirs[name], max_sequence_length=16), theirs[name])
    rows.append((name, there, here))
lesson.table("parity", rows, ["kind", "ours in theirs", "theirs in ours"], tolerance=1e-4)
lesson.record("parity_difference", max(max(row[1:]) for row in rows), tolerance=1e-4, note="vectors, both directions")

# %% [markdown]
# What has no counterpart is refused: a choice that keras-nlp does not have cannot be made silently.

# %%
try:
    to_keras_nlp(GPT(GPTConfig(**SIZES, **heads, activation="squared_relu", logit_soft_cap=15.0)))
except LmbookError as error:
    print(error.message, error.fix)

# %% [markdown]
# ## The same text
#
# Both write greedily, each in its own way: theirs gets the prompt filled up to the full length, reads all of it into a
# cache, and runs a loop; ours reads the prompt and goes on from there. The tokens must be the same.

# %%
LENGTH, OPENING = 40, 8
causal_lm = keras_nlp.models.GPT2CausalLM(backbone=backbone, preprocessor=None)
causal_lm.compile(sampler="greedy")


def we_write(prompts: np.ndarray, length: int = LENGTH) -> np.ndarray:
    greedy = Sampling(temperature=0.0)
    return np.array(generate(model, prompts.tolist(), max_new_tokens=length, sampling=greedy, suppress_ids=()))


def they_write(prompts: np.ndarray, writer=causal_lm, length: int = LENGTH) -> np.ndarray:
    room = np.zeros((len(prompts), length), "int32")
    filled = np.concatenate([prompts, room], axis=1)
    mask = np.concatenate([np.ones_like(prompts), room], axis=1)
    written = writer.generate({"token_ids": filled, "padding_mask": mask}, stop_token_ids=None)
    return np.asarray(written["token_ids"])[:, prompts.shape[1] :]


prompts = ids[:, :OPENING]
here, there = we_write(prompts), they_write(prompts)
lesson.record("same_tokens", float((here == there).mean()), tolerance=0.02, n=here.size, note="greedy, 8 prompts")
print("prompt:", tokenizer.decode(prompts[0]))
print("ours:  ", tokenizer.decode(here[0]))
print("theirs:", tokenizer.decode(there[0]))

# %% [markdown]
# ## How much there is to read
#
# Somebody who wants to know what the model does has to read the files in which its classes are. Python can name them:
# for each layer of the model, the file of its class and of the classes that it is made from, within the library. (What
# both take from Keras, as `Dense`, does not count.) Comments, docstrings and line breaks are taken out before counting.


# %%
def files_of(package: str, things) -> set[str]:
    """The files of a package that the classes of these things are written in."""
    classes = {base for thing in things for base in type(thing).__mro__}
    return {inspect.getsourcefile(base) for base in classes if base.__module__.split(".")[0] == package}


def lines_of_code(files: set[str]) -> int:
    """Lines that do something, each statement's head on one line."""
    count = 0
    for file in files:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        count += sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())
    return count


def parts(made: keras.Model) -> list:
    return [made, *made._flatten_layers(include_self=False)]


their_package = type(backbone).__module__.split(".")[0]
names = ("decoding.generate", "decoding.sampling", "decoding.constraints", "models.compiled")
modules = [sys.modules[f"lmbook.{name}"] for name in names]
counted = {
    "the model": (files_of("lmbook", parts(model)), files_of(their_package, parts(backbone))),
    "writing with it": (
        {module.__file__ for module in modules},
        files_of(their_package, [causal_lm, causal_lm.sampler]) - files_of(their_package, parts(backbone)),
    ),
}
rows = []
for name, (mine, other) in counted.items():
    print(f"{name}: ours {sorted(Path(file).name for file in mine)}, theirs {sorted(Path(f).name for f in other)}")
    rows.append((name, len(mine), lines_of_code(mine), len(other), lines_of_code(other)))
columns = ["what", "our files", "our lines", "their files", "their lines"]
least = dict(zip(columns[1:], (1, 100, 1, 100), strict=True))  # other versions have other numbers
lesson.table("code", rows, columns, tolerance=None, at_least=least)

# %% [markdown]
# Theirs does more: it runs on JAX and PyTorch too, loads presets, quantises, shards. Ours has what the lessons need.
# The counts say how long the way is for a reader, not how good the code is.
#
# ## How fast it is
#
# The same work for both, in turn, in one process: ours, then theirs, then ours again … A computer has other things
# to do as well, and what disturbs one then disturbs the other. Medians are compared.


# %%
def medians(ours, theirs, rounds: int) -> tuple[float, float]:
    """Median seconds of both, which run in turn; each ran once before, so nothing is compiled here."""
    ours(), theirs()
    times = []
    for _ in range(rounds):
        moments = [time.perf_counter()]
        for run in (ours, theirs):
            run()
            moments.append(time.perf_counter())
        times.append(np.diff(moments))
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def with_gradients(logits, variables):
    """Function of a batch: the loss of the next token, with all its gradients."""

    def run(batch):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch[:, 1:], logits(batch)[:, :-1])
            loss = tf.reduce_mean(losses)
        return loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    return run


def compiled(function, xla: bool):
    fixed = tf.function(function, jit_compile=xla)
    batch = tf.constant(ids)
    return lambda: tf.nest.map_structure(lambda tensor: tensor.numpy(), fixed(batch))


rounds = lesson.choose(quick=7, full=21)
our_variables = [variable.value for variable in model.trainable_variables]
their_variables = [variable.value for variable in backbone.trainable_variables]
pairs = {}
for xla in (True, False) if lesson.full else (True,):
    how = "XLA" if xla else "without XLA"
    pairs[f"logits of 8 × 64 tokens, {how}"] = compiled(model, xla), compiled(their_logits, xla)
    gradients = with_gradients(model, our_variables), with_gradients(their_logits, their_variables)
    pairs[f"loss and gradients, {how}"] = tuple(compiled(run, xla) for run in gradients)
for count in (1, 8) if lesson.full else (1,):
    some = prompts[:count]
    label = f"writing, {count} text{'s' if count > 1 else ''}"
    pairs[label] = (lambda some=some: we_write(some)), (lambda some=some: they_write(some))
    if lesson.full:
        with_xla = keras_nlp.models.GPT2CausalLM(backbone=backbone, preprocessor=None)
        with_xla.compile(sampler="greedy", jit_compile=True)
        pairs[f"{label}, theirs with XLA"] = pairs[label][0], lambda some=some, m=with_xla: they_write(some, m)
rows = []
for name, pair in pairs.items():
    seconds = medians(*pair, rounds)
    rows.append((name, 1000 * seconds[0], 1000 * seconds[1], seconds[1] / seconds[0]))
lesson.table("speed", rows, ["what", "ours, ms", "theirs, ms", "times as fast"], tolerance=None)
ratios = {row[0]: row[3] for row in rows}
note = f"theirs / ours, medians of {rounds}"
for key, name in (
    ("forward_ratio", "logits of 8 × 64 tokens, XLA"),
    ("gradient_ratio", "loss and gradients, XLA"),
    ("generation_ratio", "writing, 1 text"),
):
    lesson.record(key, ratios[name], "times", None, n=rounds, note=f"{name}: {note}")
figure = plots.bars(ratios, "times as fast as keras-nlp (1: equal)", "The same work, the same weights", floor=1.0)
lesson.figure(
    figure, "speed", "How many times as fast the book's model is; to the left of the line keras-nlp is faster"
)

# %% [markdown]
# In training there is little between them: Keras and XLA do the work in both. In writing there is. keras-nlp fills the
# prompt up to the full length and runs its loop as TensorFlow has it on a processor, operation by operation; here the
# step of one token is compiled by XLA. The rows "with XLA" ask keras-nlp for the same, with one argument of `compile`.
# What that changes depends on the model and on the number of cores, since operations that are run one by one hand over
# from thread to thread: compare this table with that of `benchmarks/decoding.py`. Where a library is slow, look whether
# something is not compiled, and measure, before writing it anew.
#
# ## Presets
#
# What nobody can write in an afternoon are weights. `from_preset` downloads them by name, from Kaggle or Hugging Face,
# and `from_keras_nlp` takes them into the book. The full profile tries the smallest BERT (4.4 million weights, about 17
# MB); without a network it says so and ends well.
#
# ```python
# backbone = keras_nlp.models.GPT2Backbone.from_preset("gpt2_base_en")
# model = from_keras_nlp(backbone)      # the book's GPT, ready for its chapters
# ```

# %%
if lesson.full:
    try:
        bert = keras_nlp.models.BertBackbone.from_preset("bert_tiny_en_uncased")
    except OSError as error:
        print(f"The preset bert_tiny_en_uncased cannot be had: {str(error)[:200]} …")
        print("Presets need a network, or a folder: from_preset(FOLDER) reads one that save_to_preset has written.")
    else:
        tokens = np.random.default_rng(lesson.seed).integers(1, bert.vocabulary_size, (2, 16)).astype("int32")
        real = np.ones_like(tokens)
        vectors = bert({"token_ids": tokens, "segment_ids": 0 * tokens, "padding_mask": real})["sequence_output"]
        apart = np.abs(np.asarray(vectors) - np.asarray(from_keras_nlp(bert)((tokens, 0 * tokens)))).max()
        print(f"bert_tiny_en_uncased: {bert.count_params():,} weights; vectors differ by at most {apart:.1e}")

# %% [markdown]
# ## What to use when
#
# - To **use or tune a published model** with Keras: keras-nlp. The preset brings weights, tokenizer and the right
#   preprocessing together, and they fit.
# - To **understand or change what is inside**: the book's models, or nanoGPT's for PyTorch. A change is a change in one
#   short file.
# - To **write many tokens**: measure. The loop around the model matters more than the model.
# - In any case: weights move. A model tuned here can be given to keras-nlp, saved as a preset there, and the other way.

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
