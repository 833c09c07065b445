# %% [markdown]
# # Counting: n-gram language models
#
# - Article section: §1.2
# - Needs: one_story
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 3
# - Memory: 2.5 GB
# - Shows: how far counting goes, from zero frequencies to Kneser-Ney, measured against the exact floor
# - Headline: kneser_ney_nats_per_word, kneser_ney_excess_nats_per_word, shakespeare_kneser_ney_nats_per_character
#
# The article's history begins with "rules and statistics". The statistics were counts: to know what comes after "a
# green tree", look up what came after it before. For half a century this was the best language model there was, and it
# is still the first one to beat.
#
# A language model gives a text $w_1 \dots w_T$ a probability, one token at a time:
#
# $$p(w_1 \dots w_T) = \prod_t p(w_t \mid w_1 \dots w_{t-1}).$$
#
# An **n-gram model** of order $n$ makes one assumption: only the last $n - 1$ tokens matter. (What a token, a loss and
# the floor are is the topic of [the lesson before](one_story.ipynb).)

# %%
from __future__ import annotations

import math
import time
from collections import Counter

from lmbook import CharacterTokenizer, KneserNey, Lesson, WordTokenizer, count_n_grams
from lmbook.book import plots
from lmbook.corpora.greentree import Grammar, floor, is_grammatical, tell_stories
from lmbook.models import AddK, token_stream

import numpy as np

lesson = Lesson("n_grams")
ORDERS = range(1, 9)

# %% [markdown]
# ## The stories
#
# greentree, the built-in corpus: its grammar is known, and with it the lowest cross-entropy that any model can
# reach, the **floor**. The stories have three or four sentences in the quick profile, up to twelve in the full one.
# The validation stories choose, the test stories are read once, at the end.

# %%
TRAINING_SEED, VALIDATION_SEED, TEST_SEED = 10, 11, 12
grammar = Grammar(split="seen", max_sentences=lesson.choose(quick=4, full=12))
validation = [story.english for story in tell_stories(300, VALIDATION_SEED, grammar=grammar)]
test = [story.english for story in tell_stories(500, TEST_SEED, grammar=grammar)]


def training_stories(count: int, seed: int = TRAINING_SEED) -> list[str]:
    """Stories that are neither in the validation nor in the test set: the shortest are told twice now and then."""
    held_back = {*validation, *test}
    texts = (story.english for story in tell_stories(count, seed, grammar=grammar))
    return [text for text in texts if text not in held_back]


def encode(texts: list[str]) -> list[list[int]]:
    return [tokenizer.encode(text) for text in texts]


if not lesson.own_text:
    size = lesson.choose(quick=8_000, full=60_000)
    train = training_stories(size)
    tokenizer = WordTokenizer.train(train)
    V = tokenizer.vocabulary_size
    documents, validation_ids = encode(train), encode(validation)
    counts = count_n_grams(documents, tokenizer, ORDERS[-1])
    print(f"\n{len(train):,} stories, {counts.tokens:,} tokens, {V} of them different. The first:\n{train[0]}\n")

# %% [markdown]
# ## Count and divide
#
# The simplest estimate is **maximum likelihood**: how often $w$ followed the context $h$, over how often anything did,
#
# $$p(w \mid h) = \frac{c(h\,w)}{c(h)}.$$
#
# When a story begins with "A green tree", the grammar goes on with "stands" with probability 3/4 and with "grows"
# with 1/4, and the counts find that. A dictionary from context to counts is all that is needed
# (`lmbook/models/n_gram_counts.py` does the same by sorting, to be fast). `<end>` closes a story and opens the next; as
# context it says: a story begins here.

# %%
if not lesson.own_text:
    followed = Counter(text.split()[3] for text in train if text.startswith("A green tree "))
    likelihood = AddK(counts, 5, k=0.0)
    context = [tokenizer.end_id, *tokenizer.encode("a green tree")]
    print(f"A dictionary: {dict(followed)}")
    for word in followed:
        [id] = tokenizer.encode(word)
        print(f"  p({word} | <end> a green tree) = {likelihood.probability(context, id):.3f}")

# %% [markdown]
# ## What was never seen
#
# The longer the context, the better it tells what comes next, and the rarer it is. Of the stories in the validation
# set more and more n-grams were never seen in training. Maximum likelihood calls each of them impossible, and one
# impossible token makes the whole text impossible: the loss is infinite. This is the **zero-frequency problem**, and
# n-gram modelling is the art of solving it.
#
# ## Adding a little
#
# The oldest answer: count everything $k$ times more than it was seen,
#
# $$p(w \mid h) = \frac{c(h\,w) + k}{c(h) + k V} = \frac{c(h\,w)}{c(h) + kV} + \frac{kV}{c(h) + kV} \cdot \frac 1 V.$$
#
# The second form shows what it does: it mixes the counts with the uniform distribution, and gives that the more weight
# the less was counted. $k = 1$ (Laplace) is far too much for a language; the validation text chooses.
#
# ## Kneser-Ney: fall back on less context, and count what precedes
#
# The uniform distribution knows nothing. The context without its first token knows a lot, and has been seen more often;
# so mix with that:
#
# $$p(w \mid h) = \frac{c(h\,w) - D}{c(h)} + \gamma(h) \, p(w \mid h'), \qquad h = (\cdot\; h').$$
#
# $D$ is a **discount**, taken from every count: a thing seen once was partly luck. $\gamma(h)$ is all that was taken,
# so that the sum stays 1. Chen and Goodman take three discounts, for counts of 1, of 2, and of 3 or more, and estimate
# them from how many n-grams were seen once, twice, three and four times.
#
# Kneser and Ney's own idea is what the shorter context should count. It is asked only when the longer one does not
# know. A word that is frequent, but always after the same word, should not be expected anywhere else: that one place
# knows it already. So the lower orders count not how *often* a word was seen, but after how many *different* words, its
# **continuations**. The greentree words in which the two counts are furthest apart:

# %%
if not lesson.own_text:
    singles = counts.tables[0]
    before: dict[int, set[int]] = {}
    for key in counts.tables[1].keys:
        before.setdefault(int(key % V), set()).add(int(key // V))
    frequent = np.flatnonzero(singles.counts > 500)
    apart = frequent[np.argsort(singles.continuations[frequent] / singles.counts[frequent])]
    rows = []
    by_count, by_continuation = KneserNey(counts, 1), KneserNey(counts, 2)
    for id in (*apart[:4], *apart[-3:]):
        rows.append(
            (
                tokenizer.tokens[id],
                int(singles.counts[id]),
                int(singles.continuations[id]),
                " ".join(tokenizer.tokens[other] for other in sorted(before[id])[:3]),
                by_count.probability([], id),
                by_continuation.probability([], id),
            )
        )
    lesson.table(
        "continuations",
        rows,
        ["word", "how often", "after different words", "such as", "p (counts)", "p (continuations)"],
        tolerance={"p (counts)": 1e-6, "p (continuations)": 1e-6},
    )

# %% [markdown]
# ## Every order, every smoothing
#
# All models of all orders come from the same counts. The k of add-k is the best for its order. What to see:
#
# - add-k is best with short contexts: with longer ones too much is unseen, and the uniform distribution takes over;
# - Kneser-Ney keeps what the long contexts know and loses little where they know nothing, so more context hardly hurts;
# - three discounts help in the high orders, where most counts are 1;
# - and none comes near the floor. A greentree story depends on who is where and holds what, told many words ago; no
#   window of a few words can know it. That gap is what the models of the next lessons are for.

# %%
GRID = (1.0, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)


def never_seen(counts, documents, order: int, closed: bool) -> float:
    """Share of the n-grams of `documents`, counted as often as they occur, that are not in `counts`."""
    tokens, depth = token_stream(documents, counts.vocabulary_size, closed=closed, end_id=counts.end_id)
    places = depth >= max(order - 1, 1)
    return float((counts.follow(tokens, depth, order)[order][places] < 0).mean())


def compare(counts, documents, closed: bool) -> list[tuple]:
    """(order, n-grams kept, share never seen, best k, its loss, loss with one discount, with three) for each order."""
    rows = []
    for order in ORDERS:
        losses = {k: AddK(counts, order, k).nats_per_token(documents, closed=closed) for k in GRID}
        k = min(losses, key=losses.get)
        one, three = KneserNey(counts, order, discount=0.75), KneserNey(counts, order)
        kneser_ney = [model.nats_per_token(documents, closed=closed) for model in (one, three)]
        unseen = never_seen(counts, documents, order, closed)
        rows.append((order, three.count_params(), unseen, k, losses[k], *kneser_ney))
    return rows


COLUMNS = ["order", "n-grams kept", "never seen", "best k", "add-k", "Kneser-Ney, D = 0.75", "Kneser-Ney, three D"]
TOLERANCE = dict.fromkeys(["never seen", *COLUMNS[4:]], 1e-6)


def picture(rows: list[tuple], unit: str, title: str, lowest: float | None = None):
    """Loss against order for each smoothing, from order 2 on: single tokens would press the rest together."""
    rows = [row for row in rows if row[0] > 1]
    figure, axes = plots.new_figure(title, "order n (tokens of context + 1)", f"validation loss ({unit})")
    orders = [row[0] for row in rows]
    for index, (column, marker) in enumerate(((4, "s"), (5, "^"), (6, "o"))):
        losses = [row[column] for row in rows]
        axes.plot(orders, losses, marker=marker, label=COLUMNS[column], **plots.line_style(index))
    if lowest is not None:
        plots.draw_floor(axes, lowest)
    axes.legend(frameon=False, fontsize=9)
    return figure


if not lesson.own_text:
    compared = compare(counts, validation_ids, closed=True)
    lesson.table("orders", compared, COLUMNS, TOLERANCE)
    lesson.figure(
        picture(
            compared, "nats per word", "Counting n words of greentree", floor(validation, tokenizer, grammar=grammar)
        ),
        "orders",
        "Loss on greentree against the order of the model, for each smoothing, and the exact floor",
    )

# %% [markdown]
# ## The test
#
# The validation stories have chosen the order and the k. Three draws of training stories show how much depends on the
# draw; the test stories are the same for all.

# %%
if not lesson.own_text:
    test_ids = encode(test)
    best_add_k = min(compared, key=lambda row: row[4])
    best = min(compared, key=lambda row: row[6])[0]
    lowest = floor(test, tokenizer, grammar=grammar)
    losses: dict[str, list[float]] = {"unigram": [], "bigram": [], "add_k": [], "kneser_ney": []}
    for seed in (TRAINING_SEED, 100, 101):
        drawn = (
            counts if seed == TRAINING_SEED else count_n_grams(encode(training_stories(size, seed)), tokenizer, best)
        )
        models = {
            "unigram": KneserNey(drawn, 1),
            "bigram": KneserNey(drawn, 2),
            "add_k": AddK(drawn, best_add_k[0], best_add_k[3]),
            "kneser_ney": KneserNey(drawn, best),
        }
        for name, model in models.items():
            losses[name].append(model.nats_per_token(test_ids))
    notes = {"unigram": "one word, no context", "bigram": "one word of context"}
    notes |= {"add_k": f"order {best_add_k[0]}, k = {best_add_k[3]}", "kneser_ney": f"order {best}"}
    lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the test stories")
    for name, values in losses.items():
        lesson.record_mean(f"{name}_nats_per_word", values, "nats per word", 1e-6, notes[name])
    excess = float(np.mean(losses["kneser_ney"])) - lowest
    lesson.record("kneser_ney_excess_nats_per_word", excess, "nats per word", 1e-6, note="loss above the floor")
    lesson.record("kneser_ney_perplexity", math.exp(np.mean(losses["kneser_ney"])), "", 1e-5)

# %% [markdown]
# ## What they write
#
# Draw a token, append it, look at the last n - 1, draw again. With each order the text holds together for a little
# longer: words, then phrases, then sentences. A story that makes sense as a whole is rarely among them: two sentences
# on, the hero has another name. The parser of the grammar counts the stories that contradict nothing.

# %%
if not lesson.own_text:
    rows = []
    for order in sorted({1, 2, 3, best, ORDERS[-1]}):
        model = KneserNey(counts, order)
        repeats = lesson.choose(quick=100, full=500)
        stories = [tokenizer.decode(model.generate(max_new_tokens=150, seed=seed)) for seed in range(repeats)]
        rows.append((order, sum(map(is_grammatical, stories)) / repeats))
        print(f"\norder {order}: {stories[0][:300]}")
    lesson.table("written", rows, ["order", f"whole stories, of {repeats}"], tolerance=0.03)

# %% [markdown]
# ## Real text
#
# The same on characters: Shakespeare in the full profile, or your own with `--corpus NAME` or `--text FILE`. The
# last tenth of the training text is put aside to choose the order and the k; then the whole training text is
# counted, and the held-out text is read once.


# %%
def characters(corpus, name: str) -> None:
    """Choose, count and test on the characters of a corpus."""
    characters = CharacterTokenizer.train(corpus.texts("train"))
    documents = [characters.encode(text) for text in corpus.texts("train")]
    held_out = [characters.encode(text) for text in corpus.texts("validation")]
    if len(documents) == 1:
        cut = len(documents[0]) * 9 // 10
        first, aside = [documents[0][:cut]], [documents[0][cut:]]
    else:
        cut = len(documents) * 9 // 10
        first, aside = documents[:cut], documents[cut:]
    compared = compare(count_n_grams(first, characters, ORDERS[-1], closed=False), aside, closed=False)
    lesson.table(f"{name}_orders", compared, COLUMNS, TOLERANCE)
    lesson.figure(
        picture(compared, "nats per character", f"Counting n characters of {corpus.name}"),
        name,
        f"Loss on the characters of {corpus.name} against the order of the model, for each smoothing",
    )
    counts = count_n_grams(documents, characters, ORDERS[-1], closed=False)
    by_add_k, order = min(compared, key=lambda row: row[4]), min(compared, key=lambda row: row[6])[0]
    add_k, kneser_ney = AddK(counts, by_add_k[0], by_add_k[3]), KneserNey(counts, order)
    for key, model, note in (("add_k", add_k, f", k = {by_add_k[3]}"), ("kneser_ney", kneser_ney, "")):
        scores = -model.log_probabilities(held_out, closed=False)
        note = f"order {model.order}{note}, held-out text"
        unit = "nats per character"
        lesson.record(f"{name}_{key}_{unit.replace(' ', '_')}", scores.mean(), unit, 1e-6, n=len(scores), note=note)
    lesson.record(f"{name}_kneser_ney_parameters", kneser_ney.count_params(), note="n-grams kept")
    for order in sorted({1, 3, 5, kneser_ney.order}):
        written = KneserNey(counts, order).generate(max_new_tokens=250, seed=lesson.seed)
        print(f"\norder {order}:\n{characters.decode(written)}")


if lesson.own_text or lesson.full:
    if lesson.text is not None:
        from lmbook import text_corpus

        characters(text_corpus(lesson.text), "own")
    else:
        from lmbook import load_corpus

        characters(load_corpus(lesson.corpus or "tiny_shakespeare"), "own" if lesson.own_text else "shakespeare")

# %% [markdown]
# ## Ten million tokens
#
# Counting is cheap: no gradient, one pass. The quick profile measures the speed on its own stories, the full one on ten
# million tokens of greentree, many times what the lesson read so far. The loss falls a little more, and stays far from
# the floor: the remedy for a short memory is not more text.

# %%
if not lesson.own_text:
    many = encode(training_stories(155_000)) if lesson.full else documents
    began = time.perf_counter()
    counts = count_n_grams(many, tokenizer, best)
    counted = time.perf_counter()
    model = KneserNey(counts, best)
    ready = time.perf_counter()
    model.nats_per_token(many)
    scored = time.perf_counter()
    lesson.record("counted_tokens", counts.tokens, note=f"order {best}")
    lesson.record("count_seconds", counted - began, "s", None, note="all orders up to it")
    lesson.record("count_tokens_per_second", counts.tokens / (counted - began), "tokens/s", None)
    lesson.record("estimate_seconds", ready - counted, "s", None, note="discounts and weights of Kneser-Ney")
    lesson.record("score_tokens_per_second", counts.tokens / (scored - ready), "tokens/s", None)
    if lesson.full:
        loss = model.nats_per_token(test_ids)
        lesson.record("ten_million_nats_per_word", loss, "nats per word", 1e-6, note=f"order {best}, test stories")
        lesson.record("ten_million_excess_nats_per_word", loss - lowest, "nats per word", 1e-6, note="above the floor")

# %% [markdown]
# **Before this lesson:** [one story](one_story.ipynb). **Next:** [the bag of words](bag_of_words.ipynb).

# %%
lesson.finish()
