# %% [markdown]
# # The ladder: one corpus, one split, one table
#
# - Article section: §1.2
# - Needs: n_grams, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 48
# - Memory: 2.0 GB
# - Shows: what each step of the history bought, from counting words to the Transformer, against the exact floor
# - Headline: five_gram_nats_per_word, rnn_nats_per_word, lstm_nats_per_word, transformer_nats_per_word
#
# The article tells the history of language models as a row of names: statistics, recurrent networks, the LSTM, the
# Transformer. Here they stand on one ladder: the same training stories, the same test stories, the same figure. On
# `greentree` the lowest possible loss is known, so each rung shows how far it still is from the top.
#
# What is equal for all: the stories, the tokenizer, the tokens that count. What is equal for the networks besides: the
# number of weights (within a few per cent on greentree), of updates and of windows seen; the learning rate of each
# was chosen among a few on validation stories. Each model is trained with three seeds: a seed draws the training
# stories, the first weights and the order of the windows. The test stories are the same for all and are read once.

# %%
from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from lmbook import (
    CausalWindows,
    CharacterTokenizer,
    KneserNey,
    Lesson,
    OptimizerConfig,
    RecurrentConfig,
    RecurrentLanguageModel,
    TransformerConfig,
    TransformerLanguageModel,
    Validation,
    WordTokenizer,
    count_n_grams,
    evaluate,
    fit,
    mean_sd,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.training import ALL_CHECKS

import keras
import numpy as np

lesson = Lesson("the_ladder")
SEEDS = [lesson.seed + index for index in range(lesson.choose(quick=1, full=3))]
N_GRAMS = {"unigram": 1, "bigram": 2, "five_gram": 5}


@dataclass(frozen=True)
class Network:
    """A rung: its model for so many tokens, and its rates, chosen on validation."""

    model: Callable[[int], keras.Model]
    learning_rate: float
    muon_ratio: float = 1.0
    checks: tuple[str, ...] = ALL_CHECKS


# %% [markdown]
# ## The rungs
#
# Counting: one, two and five words, smoothed after Kneser and Ney. Then three recurrent networks, as wide as the same
# number of weights allows: a simple cell has one matrix where a GRU has three and an LSTM four, so it may be wider.
#
# Last the Transformer, which chapter 05 builds part by part. A recurrent network hands on what it has read as one
# vector, from word to word; a Transformer keeps a vector for every word, and each position looks back at all of them.
# So in training it reads all positions of a window at once, where the others go through them one after the other.


# %%
def recurrent(cell: str, hidden_dim: int, memory_span: int = 0):
    """One recurrent layer."""
    return lambda vocabulary_size: RecurrentLanguageModel(
        RecurrentConfig(vocabulary_size, 128, hidden_dim, cell=cell, memory_span=memory_span)
    )


def transformer(intermediate_dim: int):
    """Two blocks of chapter 05, normalised before each part, positions by rotation.

    64 tokens hold every story whole. A longer text is read in windows that overlap by half.
    """
    return lambda vocabulary_size: TransformerLanguageModel(
        TransformerConfig(
            vocabulary_size,
            128,
            intermediate_dim,
            max_sequence_length=64,
            positions="rotary",
            normalize_first=True,
            normalization="rms",
            use_bias=False,
            dropout=0.0,
        )
    )


# A Transformer's vectors serve twice, for input and for output: untrained, it expects each word to come again, and its
# first loss is above that of a guess. Of the checks before training, that one is left out.
TIED_CHECKS = tuple(check for check in ALL_CHECKS if check != "initial_loss")
WORD_NETWORKS = {
    "rnn": Network(recurrent("rnn", 474), 3e-3),
    "gru": Network(recurrent("gru", 290), 1e-2),
    "lstm": Network(recurrent("lstm", 256, memory_span=150), 3e-2),
    "transformer": Network(transformer(704), 6e-3, muon_ratio=2.0, checks=TIED_CHECKS),
}
CHARACTER_NETWORKS = {
    "rnn": Network(recurrent("rnn", 512), 1e-3),
    "gru": Network(recurrent("gru", 320), 4e-3),
    "lstm": Network(recurrent("lstm", 256), 4e-3),
    "transformer": Network(transformer(512), 4e-3, checks=TIED_CHECKS),
}


@dataclass
class Result:
    """One training of one model."""

    nats: float
    parameters: int
    seconds: float


def train_n_gram(order: int, documents, test, tokenizer) -> Result:
    """Count, and score the test documents (lists of ids)."""
    began = time.perf_counter()
    model = KneserNey(count_n_grams(documents, tokenizer, order))
    seconds = time.perf_counter() - began
    return Result(model.nats_per_token(test), model.count_params(), seconds)


def train_network(
    name: str,
    network: Network,
    data: CausalWindows,
    tokenizer,
    steps: int,
    test,
    optimizer: OptimizerConfig = OptimizerConfig(),
    **options,
):
    """Train one network and score the test documents."""
    model = network.model(tokenizer.vocabulary_size)
    optimizer = replace(optimizer, learning_rate=network.learning_rate, muon_ratio=network.muon_ratio)
    began = time.perf_counter()
    history = fit(model, data, steps=steps, optimizer=optimizer, checks=network.checks, quiet=True, **options)
    seconds = time.perf_counter() - began
    score = evaluate(model, test, tokenizer)
    print(f"{name}: {score.nats_per_token:.4f} after {history.steps[-1]} steps, {seconds:.0f} s")
    return Result(score.nats_per_token, model.count_params(), seconds)


# %% [markdown]
# ## On greentree
#
# Stories of three or four sentences, with all the words of the language. The networks read them by Muon with a
# cosine, as in chapter 04.

# %%
TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 10, 11, 12
grammar = Grammar(split="seen", max_sentences=4)
test_stories = [story.english for story in tell_stories(500, TEST_SEED, grammar=grammar)]
validation_stories = [story.english for story in tell_stories(300, VALIDATION_SEED, grammar=grammar)]
held_back = {*test_stories, *validation_stories}
results: dict[str, list[Result]] = {name: [] for name in [*N_GRAMS, *WORD_NETWORKS]}

for seed in SEEDS if not lesson.own_text else []:
    drawn = tell_stories(lesson.choose(quick=6_000, full=12_000), TRAINING_SEED + 100 * seed, grammar=grammar)
    stories = [story.english for story in drawn if story.english not in held_back]
    tokenizer = WordTokenizer.train(stories)
    documents, test = ([tokenizer.encode(text) for text in texts] for texts in (stories, test_stories))
    validation = [tokenizer.encode(text) for text in validation_stories]
    for name, order in N_GRAMS.items():
        results[name].append(train_n_gram(order, documents, test, tokenizer))
    for name, network in WORD_NETWORKS.items():
        reproducible(seed)
        data = CausalWindows(documents, tokenizer, context=48, batch_size=64, align="document", seed=seed)
        results[name].append(
            train_network(
                name,
                network,
                data,
                tokenizer,
                lesson.choose(quick=100, full=480),
                test,
                OptimizerConfig("muon", warmup_steps=20, final_fraction=0.02, weight_decay=0.0),
                validation=Validation(validation, tokenizer) if lesson.full else None,
            )
        )

# %% [markdown]
# ## The table
#
# The excess is what a model loses to the floor, the exact entropy of these very test stories. A single word tells how
# common it is; its neighbour, half of what there is to know; five words, most of it. What remains
# is memory: who the story is about, what was lost, where it was found.


# %%
def report(results: dict[str, list[Result]], key: str, unit: str, lowest: float | None, table: str) -> dict[str, float]:
    """Record the figures and the table; gives the means."""
    means, rows = {}, []
    for name, runs in results.items():
        losses = [run.nats for run in runs]
        means[name], sd = mean_sd(losses)
        lesson.record_mean(f"{name}_{key}", losses, unit, 0.05)
        row = [name, runs[0].parameters, float(np.mean([run.seconds for run in runs])), means[name]]
        row += ["" if sd is None else f"{sd:.4f}", math.exp(means[name])]
        rows.append(row if lowest is None else [*row, means[name] - lowest])
    columns = ["model", "parameters", "seconds", unit, "s.d.", "perplexity"]
    columns += [] if lowest is None else ["above the floor"]
    perplexities = {name: 0.06 * math.exp(mean) for name, mean in means.items()}  # as much as 0.05 nats make of it
    tolerances = {"parameters": 0.0, "seconds": None, unit: 0.05, "perplexity": perplexities, "above the floor": 0.05}
    lesson.table(table, rows, columns, tolerances)
    return means


if not lesson.own_text:
    lowest = floor(test_stories, tokenizer, grammar=grammar)
    lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the test stories")
    means = report(results, "nats_per_word", "nats per word", lowest, "greentree")
    if lesson.full:
        spread = {name: mean_sd([run.nats for run in runs])[1] for name, runs in results.items()}
        steps = pairwise(["unigram", "bigram", "five_gram", "rnn", "lstm", "transformer"])
        smallest = min((means[a] - means[b]) / max(spread[a], spread[b]) for a, b in steps)
        lesson.record("smallest_step_in_sd", smallest, "s.d.", None, note="of the steps unigram > … > transformer")

# %% [markdown]
# ## On real text
#
# The same on the characters of Shakespeare (full profile), or on any text with `--corpus NAME` or `--text FILE`. Here a
# token is a character, so five of them are not a phrase but part of a word, and nobody knows the floor. The held-out
# text is the catalogue's own split; no state is chosen by it: the last weights count. Learning rates were not
# searched for here (the LSTM's is chapter 04's), and after so few updates the networks are far from what they can do.

# %%
characters: dict[str, list[Result]] = {}
if lesson.own_text or lesson.full:
    corpus = lesson.real_corpus("tiny_shakespeare")
    if corpus is not None:
        texts = corpus.texts("train")
        tokenizer = CharacterTokenizer.train(texts)
        documents = [tokenizer.encode(text) for text in texts]
        held_out = [tokenizer.encode(text) for text in corpus.texts("validation")]
        for name, order in N_GRAMS.items():
            characters[name] = [train_n_gram(order, documents, held_out, tokenizer)]
        for name, network in CHARACTER_NETWORKS.items():
            characters[name] = []
            for seed in SEEDS:
                reproducible(seed)
                data = CausalWindows(documents, tokenizer, context=64, batch_size=64, seed=seed)
                steps = lesson.choose(quick=60, full=400)
                characters[name].append(train_network(name, network, data, tokenizer, steps, held_out))
        key = "shakespeare_nats_per_character" if not lesson.own_text else "nats_per_character"
        report(characters, key, "nats per character", None, "characters")

# %% [markdown]
# ## The picture

# %%
if not lesson.own_text:
    figure, axes = plots.new_figure("The ladder on greentree", "nats per word on the test stories", "")
    names = list(results)
    axes.barh(names, [means[name] for name in names], color=plots.COLOURS[0], height=0.6)
    for row, name in enumerate(names):
        values = [run.nats for run in results[name]]
        axes.plot(values, [row] * len(values), "o", color="black", markersize=3)
        axes.annotate(f"{means[name]:.3f}", (max(values), row), (6, 0), textcoords="offset points", va="center")
    axes.axvline(lowest, color=plots.FLOOR_COLOUR, linestyle=(0, (6, 2)), label=f"lowest possible: {lowest:.3f}")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(False, axis="y")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    lesson.figure(figure, "ladder", "Loss of each model on the same test stories (points: seeds), and the exact floor")
lesson.finish()
