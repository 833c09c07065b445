# %% [markdown]
# # Fine-tuning a classifier
#
# - Article section: §3.1.4
# - Needs: bert, bag_of_words
# - Data: greentree (built in); the full profile also sms_spam, rt_polarity, minilm
# - Minutes: quick 1, full 60
# - Memory: 3.2 GB
# - Shows: what pre-training saves in labels, and three ways of fine-tuning a real BERT against a bag of words
# - Headline: ten_label_gain, spam_accuracy, rt_polarity_accuracy
#
# Labels are dear: somebody has to read each text and decide. Text is cheap. The article's second step, fine-tuning,
# lives on this: a model that has read much needs few labels, since it has only to learn what is *asked*, no longer what
# words mean. This lesson measures how few, on `greentree`, where labels cost nothing and can be counted, and then tunes
# a real pre-trained model on two real tasks.

# %%
from __future__ import annotations

import time
from itertools import count

from lmbook import (
    BERT,
    BERTClassifier,
    LabelledTexts,
    Lesson,
    LmbookError,
    classification_score,
    load_corpus,
    mean_sd,
    reproducible,
    wilson_interval,
)
from lmbook.book import plots, scratch_dir
from lmbook.corpora import normalised
from lmbook.corpora.greentree import Story, tell_stories
from lmbook.models import bag_of_words, linear, with_best_penalty
from lmbook.recipes import MiniLMClassifier, greentree_bert
from lmbook.recipes.bert import FULL, QUICK
from lmbook.training import FineTuning, class_logits, text_vectors

import keras
import numpy as np
from threadpoolctl import threadpool_limits

lesson = Lesson("classification")
if lesson.text is not None:
    raise LmbookError(
        "--text gives a text without labels.", "Name a labelled corpus: --corpus sms_spam or rt_polarity."
    )
threadpool_limits(1, "blas")

# %% [markdown]
# ## A task that takes more than a keyword
#
# Is there bad weather in the story, and if so, is it over at the end? Three classes: *never*, *over*, *still there*. No
# word gives it away. Rain, snow or fog must have come, in one of several wordings, and then be over or not, in others;
# in a few stories it comes a second time.

# %%
CLASSES = ("never", "over", "still there")


def weather(story: Story) -> int:
    """The story's class."""
    came = any(sentence.event.name == "storm" for sentence in story.sentences)
    return 0 if not came else 1 if not story.world.weather else 2


def equally(per_class: int, seed: int, left_out: set[str] = frozenset()) -> tuple[list[str], list[int]]:
    """So many different stories of each class, drawn by `seed`: (texts, classes)."""
    chosen = [{} for _ in CLASSES]  # used as ordered sets
    for draw in count():
        for story in tell_stories(2000, 1000 * seed + draw, grammar=pretrained.grammar):
            kind = chosen[weather(story)]
            if len(kind) < per_class and story.english not in left_out:
                kind[story.english] = None
        if all(len(kind) == per_class for kind in chosen):
            return [text for kind in chosen for text in kind], [number for number in range(3) for _ in range(per_class)]


SIZES = lesson.choose(quick=(10, 100), full=(10, 100, 1000))
SEEDS = [lesson.seed + number for number in range(lesson.choose(quick=2, full=5))]
if not lesson.own_text:
    pretrained = greentree_bert(
        lesson.choose(quick=QUICK, full=FULL),
        lesson.seed,
        models=scratch_dir(lesson.file) / "models",
        strategy=lesson.strategy,
    )
    tokenizer, config = pretrained.tokenizer, pretrained.model.config
    LABELLED_SEED, TEST_SEED = 10, 9  # other draws than those that it has read
    test, right = equally(lesson.choose(quick=100, full=500), TEST_SEED)
    for kind, name in enumerate(CLASSES):
        print(f"{name}: {next(text for text, one in zip(test, right, strict=True) if one == kind)}\n")

# %% [markdown]
# ## From scratch, and from a pre-trained model
#
# The BERT of the lesson `bert` has read stories and named hidden words in them; no label was there. It gets a new
# output layer on the vector of the token that opens a story, as BERT has it, and all of its weights are trained on a
# few labelled stories. Beside it: the same network from random weights, with the same steps; the pre-trained one with
# all weights frozen, a linear classifier on the mean of its vectors; and TF-IDF with logistic regression. A class has
# 10, 100 or 1,000 labelled stories, and the test stories are shared evenly among the classes, so that chance is one
# third.
#
# Each way has one setting for all sizes, found on other draws than those that are used here. There is no validation
# set: with ten labels a class nobody has any to spare.

# %%
STEPS = {10: 60, 100: lesson.choose(quick=80, full=200), 1000: 400}
WAYS = {
    "pre-trained": "pre-trained, all weights",
    "frozen": "pre-trained, frozen",
    "scratch": "from scratch",
    "tfidf": "TF-IDF",
}


def batches(texts: list[str], classes: list[int], seed: int = 0) -> LabelledTexts:
    """The stories as the model reads them."""
    ids = [tokenizer.encode(text) for text in texts]
    width = pretrained.profile.context
    return LabelledTexts(ids, classes, tokenizer, tokens_per_batch=16 * width, max_length=width, seed=seed)


if not lesson.own_text:
    reproducible(lesson.seed)
    trained = [weight.numpy() for weight in pretrained.model.bert.weights]
    classifier = BERTClassifier(BERT(config), 3, pooling="first")
    # XLA compiles for each width, and wins that back in long runs.
    tuning = FineTuning(classifier, "all", learning_rate=2e-3, decay=0.8, jit_compile=lesson.full)
    asked = batches(test, right)
    right = np.array(right)
    unseen = text_vectors(pretrained.model.bert, asked)
    accuracy = {way: {size: [] for size in SIZES} for way in WAYS}
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        random_weights = [weight.numpy() for weight in BERT(config).weights]
        for size in SIZES:
            texts, classes = equally(size, LABELLED_SEED + seed, set(test))
            data = batches(texts, classes, seed)
            answers = {
                "frozen": linear(0.1).fit(text_vectors(pretrained.model.bert, data), classes).predict(unseen),
                "tfidf": bag_of_words(10.0).fit(texts, classes).predict(test),
            }
            for way, start in (("pre-trained", trained), ("scratch", random_weights)):
                tuning.run(data, steps=STEPS[size], start=start, seed=seed)
                answers[way] = class_logits(classifier, asked).argmax(axis=1)
            for way, answered in answers.items():
                accuracy[way][size].append(float((answered == right).mean()))
    for way in WAYS:
        for size in SIZES:
            values, key = accuracy[way][size], way.replace("-", "_")
            lesson.record_mean(f"greentree_{key}_{size}", values, "", 0.2, f"{WAYS[way]}, {size:,} labels a class")
    gains = np.subtract(accuracy["pre-trained"][10], accuracy["scratch"][10])
    lesson.record_mean("ten_label_gain", gains, "", 0.25, "pre-trained minus from scratch, 10 labels a class")
    figure, axes = plots.new_figure("Bad weather: never, over, still there", "labels for each class", "accuracy")
    for index, (way, label) in enumerate(WAYS.items()):
        style = plots.line_style(index)
        axes.plot(SIZES, [np.mean(accuracy[way][size]) for size in SIZES], label=label, **style)
        for size in SIZES:
            axes.plot([size] * len(SEEDS), accuracy[way][size], "o", markersize=4, alpha=0.5, color=style["color"])
    plots.draw_floor(axes, 1 / 3, "chance")
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0.2, 1.03)
    figure.legend(frameon=False, fontsize=9, loc="outside right center")
    lesson.figure(figure, "labels", "Test accuracy against the number of labels; points are the draws")

# %% [markdown]
# ## A real model on real texts
#
# MiniLM (all-MiniLM-L6-v2) is a BERT of six blocks, distilled from a larger one and trained on a billion pairs of
# sentences to give similar vectors to similar ones. Its weights come in a package and are loaded into *our* BERT. Three
# ways to use it, dearer from one to the next:
#
# - **frozen**: the mean vectors of all texts are computed once; logistic regression on them;
# - **last block**: the last of the six blocks and a new output layer are trained;
# - **all**: everything is trained, with rates that shrink towards the input: what single words mean has to change least
#   (Howard and Ruder 2018).
#
# Against them: TF-IDF of words and pairs of words with logistic regression. All choices (the penalty, the step at which
# to stop) are made on the validation split; the test split is read once. The rate falls to zero by the last step, and
# the weights with the lowest loss on the validation split, read twice an epoch, are put back.

# %%
REAL_WAYS = {"tfidf": "TF-IDF", "frozen": "MiniLM, frozen", "last": "MiniLM, last block", "all": "MiniLM, all weights"}
LENGTHS = {"sms_spam": 64, "rt_polarity": 48}  # word pieces that are read; few texts have more
EPOCHS = {"sms_spam": 4, "rt_polarity": 2}


def balanced_spam(seed: int) -> dict[str, list[dict]]:
    """All spam and as many other messages, drawn anew, dealt out 70 : 10 : 20."""
    rng = np.random.default_rng(seed)
    splits = load_corpus("sms_spam").splits
    spam, ham = ([r for part in splits.values() for r in part if r["label"] == label] for label in ("spam", "ham"))
    records = spam + [ham[place] for place in rng.permutation(len(ham))[: len(spam)]]
    records = [records[place] for place in rng.permutation(len(records))]
    first, second = int(0.7 * len(records)), int(0.7 * len(records)) + int(0.1 * len(records))
    return {"train": records[:first], "validation": records[first:second], "test": records[second:]}


def compare(minilm: MiniLMClassifier, splits: dict[str, list[dict]], length: int, epochs: int, seed: int) -> dict:
    """For each way (the answers for the test split, seconds); and under "right" the right answers."""
    labels = sorted({record["label"] for record in splits["train"]})
    if len(labels) != 2:
        raise LmbookError(f"The corpus has {len(labels)} classes.", "Take one with two: sms_spam or rt_polarity.")
    texts = {name: [record["text"] for record in records] for name, records in splits.items()}
    right = {name: [labels.index(record["label"]) for record in records] for name, records in splits.items()}
    data = {name: minilm.batches(texts[name], right[name], length, seed) for name in splits}
    found = {"right": (data["test"].classes, 0.0)}
    for way, label in REAL_WAYS.items():
        print(label)
        began = time.perf_counter()
        if way in ("tfidf", "frozen"):
            make, given = bag_of_words, texts
            if way == "frozen":
                make, given = linear, {name: minilm.vectors(part) for name, part in data.items()}
            parts = given["train"], right["train"], given["validation"], right["validation"]
            answers = with_best_penalty(make, *parts).predict(given["test"])
        else:
            history = minilm.tune(way, data["train"], data["validation"], epochs, seed)
            print(f"  best after {history.best_step} steps: validation {history.best_loss:.3f} nats")
            answers = class_logits(minilm.model, data["test"]).argmax(axis=1)
        found[way] = answers, time.perf_counter() - began
    return found


minilm = None
if lesson.own_text or lesson.full:
    try:
        minilm, corpora = (
            MiniLMClassifier(2),
            {name: load_corpus(name) for name in ([lesson.corpus] if lesson.own_text else LENGTHS)},
        )
    except LmbookError as error:
        if lesson.own_text:
            raise
        print(f"Without the real data: {error.message}\n{error.fix}")

# %% [markdown]
# ### Spam, by a published protocol
#
# The book *Build a Large Language Model (From Scratch)* (Raschka 2024, chapter 6) fine-tunes GPT-2 with 124 million
# weights on text messages: 747 of spam and 747 others, 70 % to train, 10 % to validate, 20 % to test. It reports that
# 95.67 % of the 300 test messages are told rightly. MiniLM has a fifth of the weights. Here the draw is repeated with
# five seeds, each with other messages and another split.
#
# Two cautions. A test of 300 messages is small: the **95 % interval** (Wilson) in the table is what one such test can
# say, whatever has been tuned. And some messages are in the collection many times, so a part of the test messages can
# be found in the training part, word for word; that flatters every method alike.

# %%
if minilm is not None and not lesson.own_text:
    results, seen = [], []
    for seed in SEEDS:
        splits = balanced_spam(seed)
        results.append(compare(minilm, splits, LENGTHS["sms_spam"], EPOCHS["sms_spam"], seed))
        known = {normalised(record["text"]) for record in splits["train"]}
        seen.append(np.mean([normalised(record["text"]) in known for record in splits["test"]]))
    n, rows = len(results[0]["right"][0]), []
    for way, label in REAL_WAYS.items():
        hits = [float((result[way][0] == result["right"][0]).mean()) for result in results]
        mean, sd = mean_sd(hits)
        key = "spam_accuracy" if way == "all" else f"spam_{way}_accuracy"
        lesson.record_mean(key, hits, "", 0.01, f"{label}; mean over draws of {n} test messages")
        seconds = float(np.median([result[way][1] for result in results]))
        rows.append((label, mean, sd, *wilson_interval(round(mean * n), n), seconds))
    lesson.record("spam_seconds", seconds, "s", None, note="tuning all weights, median of the draws")
    lesson.record(
        "spam_copies", float(np.mean(seen)), "", 0.01, note="test messages that the training part has as well"
    )
    rows.append(("GPT-2 124M (published)", 0.9567, "", *wilson_interval(round(0.9567 * 300), 300), ""))
    columns = ["model", "accuracy", "s.d.", "one test of 300: from", "to", "seconds"]
    lesson.table("spam", rows, columns, {**dict.fromkeys(columns[1:5], 0.015), "seconds": None})

# %% [markdown]
# ### Film reviews, or a corpus of your own
#
# Is a sentence of a review for the film or against it? The split is the catalogue's. Here single words tell much less,
# and a model that knows what words mean together has more to win. Tuning all weights takes longest here, so there is
# one run of each; the interval is that of the test split, and does not say how much another run would differ.

# %%
if minilm is not None:
    for name in corpora if lesson.own_text else ("rt_polarity",):
        splits = {part: corpora[name].split(part) for part in ("train", "validation", "test")}
        result = compare(minilm, splits, LENGTHS.get(name, 64), EPOCHS.get(name, 2), lesson.seed)
        right, rows = result["right"][0].tolist(), []
        for way, label in REAL_WAYS.items():
            score = classification_score(right, result[way][0].tolist())
            key = f"{name}_accuracy" if way == "all" else f"{name}_{way}_accuracy"
            lesson.record(key, score.accuracy, "", 0.02, n=len(right), note=f"{label}; test split")
            rows.append((label, score.accuracy, score.low, score.high, score.macro.f1, result[way][1]))
        columns = ["model", "accuracy", "95 % from", "to", "macro F1", "seconds"]
        lesson.table(name, rows, columns, {**dict.fromkeys(columns[1:5], 0.02), "seconds": None})

# %%
lesson.finish()
