# %% [markdown]
# # The bag of words
#
# - Article section: §1.2
# - Needs: nothing
# - Data: greentree (built in); the full profile also sms_spam and rt_polarity
# - Minutes: quick 1, full 4
# - Memory: 1.1 GB
# - Shows: counts, TF-IDF and logistic regression in scikit-learn and in Keras, and what is lost with the order
# - Headline: sms_spam_accuracy, rt_polarity_accuracy, words_twins_accuracy
#
# The second entry of the article's history: a text becomes the multiset of its words, and their order is forgotten.
# That sounds like throwing the text away, and it is the strongest simple classifier there is: whoever builds a larger
# one should beat it first. This lesson builds it, shows exactly what it cannot know, and measures it on real data.

# %%
from __future__ import annotations

import re
from itertools import combinations, product

from lmbook import Lesson, LmbookError, WordTokenizer, classification_score, load_corpus
from lmbook.book import plots
from lmbook.corpora.greentree import Grammar, NotInGrammar, Story, tell_stories
from lmbook.corpora.greentree.world import FRIEND, HERO
from lmbook.pipelines import padded_bags

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

lesson = Lesson("bag_of_words")
threadpool_limits(1, "blas")  # vectors as small as these gain nothing from threads, which then only wait for each other
if lesson.text is not None:
    raise LmbookError(
        "--text gives a text without labels.", "Name a labelled corpus: --corpus sms_spam or rt_polarity."
    )

# %% [markdown]
# ## From a text to numbers
#
# The tokenizer finds the words; every different word of the training texts is a dimension; a text is the vector of how
# often each occurs in it. Most words of a text say little about it ("the", "a"). **TF-IDF** gives those less weight
# that are in many texts. Of $N$ texts, $n_w$ have the word $w$:
#
# $$\text{tfidf}(w, \text{text}) = \text{count}(w, \text{text}) \cdot \Big(1 + \ln \frac{1 + N}{1 + n_w}\Big),$$
#
# and each vector is divided by its length, so that long texts do not count more than short ones. scikit-learn does
# both; the cell below computes the formula beside it.


# %%
def split_words(*splits: list[str]) -> list[list[list[str]]]:
    """The words of every text of every split; the first one is the training split, which knows the words."""
    tokenizer = WordTokenizer.train(splits[0])
    return [[[tokenizer.tokens[id] for id in tokenizer.encode(text)] for text in texts] for texts in splits]


def vectorizer(kind: type, texts: list[list[str]], longest: int = 1) -> CountVectorizer:
    """A `CountVectorizer` or `TfidfVectorizer` for texts that are split already: words, and runs up to `longest`."""
    made = kind(preprocessor=list, tokenizer=list, lowercase=False, token_pattern=None, ngram_range=(1, longest))
    return made.fit(texts)


if not lesson.own_text:
    greentree = load_corpus("greentree").splits
    train, test = split_words(*([record["text"] for record in greentree[split]] for split in ("train", "test")))
    counting, weighing = (vectorizer(kind, train) for kind in (CountVectorizer, TfidfVectorizer))
    features = {"counts": counting.transform(train), "TF-IDF": weighing.transform(train)}
    present = np.asarray((features["counts"] > 0).sum(axis=0)).ravel()
    counts, weights = (matrix[0].toarray()[0] for matrix in features.values())
    by_hand = counts * (1 + np.log((1 + len(train)) / (1 + present)))
    np.testing.assert_allclose(weights, by_hand / np.linalg.norm(by_hand), atol=1e-9)
    print(f"\n{greentree['train'][0]['text']}\n")
    names = counting.get_feature_names_out()
    for place in sorted(np.flatnonzero(counts), key=lambda place: -weights[place]):
        print(f"{names[place]:>12}: {counts[place]} times, in {present[place]:,} texts, weight {weights[place]:.3f}")

# %% [markdown]
# ## Logistic regression
#
# Every word gets a weight for every class; a class's score is the sum of the weights of the words that are there; the
# softmax makes probabilities of the scores. Training minimises the cross-entropy plus a **penalty** on large weights:
#
# $$\frac 1 N \sum_i -\ln p(y_i \mid x_i) + \frac{1}{2 C N} \lVert W \rVert^2.$$
#
# The problem is convex: there is one minimum, and whoever finds it has the same model. Here scikit-learn
# finds it with second-order steps, and Keras with plain gradient descent with momentum, all texts in one batch. In
# Keras the bag of words is an embedding whose vectors are as wide as there are classes, summed over the text.


# %%
from lmbook.models import BagOfWordsClassifier

import keras
import tensorflow as tf


def train_keras(features, labels: list[str], C: float, steps: int, rate: float, momentum: float):
    """The same objective as `LogisticRegression(C=C)`, minimised with Keras; gives the trained model."""
    classes = sorted(set(labels))
    model = BagOfWordsClassifier(features.shape[1], len(classes), l2=1 / (2 * C * features.shape[0]))
    entropy = keras.losses.BinaryCrossentropy if len(classes) == 2 else keras.losses.SparseCategoricalCrossentropy
    descent = keras.optimizers.SGD(rate, momentum=momentum, nesterov=True)
    model.compile(descent, entropy(from_logits=True))
    right = np.searchsorted(classes, labels)[:, None]
    batch = tf.data.Dataset.from_tensors((padded_bags(features), right)).repeat()
    model.fit(batch, steps_per_epoch=steps, shuffle=False, verbose=0)
    return model


def keras_answers(model: BagOfWordsClassifier, features, classes) -> list[str]:
    """The label of each row of `features`."""
    logits = model.predict(padded_bags(features), batch_size=1024, verbose=0)
    places = logits[:, 0] > 0 if len(classes) == 2 else logits.argmax(axis=1)
    return np.asarray(classes)[places.astype(int)].tolist()


# %% [markdown]
# ## Topics and moods of greentree
#
# Each story has a topic, which is in what the hero wishes for, and a mood, which is in how it ends. Words give both
# away, so this is easy; what the weights say can be read.

# %%
if not lesson.own_text:
    rows, speaking = [], []
    test_features = {"counts": counting.transform(test), "TF-IDF": weighing.transform(test)}
    for label in ("topic", "mood"):
        right, test_right = ([record[label] for record in greentree[split]] for split in ("train", "test"))
        baseline = classification_score(test_right, [max(set(right), key=right.count)] * len(test))
        rows.append((f"{label}: most frequent", baseline.accuracy, baseline.low, baseline.high, baseline.macro.f1))
        for name, matrix in features.items():
            model = LogisticRegression(max_iter=1000).fit(matrix, right)
            score = classification_score(test_right, model.predict(test_features[name]).tolist())
            rows.append((f"{label}: {name}", score.accuracy, score.low, score.high, score.macro.f1))
        for one, votes in zip(model.classes_, model.coef_, strict=True):
            speaking.append((f"{label} {one}", " ".join(names[np.argsort(-votes)[:5]])))
    lesson.table("greentree", rows, ["model", "accuracy", "95 % from", "to", "macro F1"], tolerance=0.005)
    lesson.table("words", speaking, ["class", "words that speak for it most (TF-IDF)"])

    few = lesson.choose(quick=1500, full=6000)
    right = [record["topic"] for record in greentree["train"]][:few]
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(features["TF-IDF"][:few], right)
    steps = lesson.choose(quick=200, full=400)
    ours = train_keras(features["TF-IDF"][:few], right, C=1.0, steps=steps, rate=8.0, momentum=0.95)
    difference = np.abs(np.asarray(ours.word_votes).T - theirs.coef_).max()
    lesson.record("largest_weight", np.abs(theirs.coef_).max(), tolerance=0.01, note="scikit-learn, for the topic")
    lesson.record("keras_weight_difference", difference, tolerance=0.01, note="the largest, Keras against scikit-learn")
    same = theirs.predict(test_features["TF-IDF"]) == keras_answers(ours, test_features["TF-IDF"], theirs.classes_)
    lesson.record("keras_same_answers", same.mean(), tolerance=0.004, n=len(test), note="topic, share of test stories")

# %% [markdown]
# ## What is lost with the order
#
# Sort the words of every test story by the alphabet: no person could say what happens in it, and the model's answers
# stay the same, every one.
#
# Now a question for which the order matters: in the end, who has the thing, the hero or the friend? Words are a hint
# (where there is no friend it can only be the hero), and so on ordinary stories the bag, once it has read enough of
# them (the full profile), does a little better than always answering the most frequent class. Then take a story in
# which exchanging two names, or two sentences, changes who has it. Both stories have the same words:

# %%
if not lesson.own_text:
    grammar = Grammar(split="seen")
    ROLES = (HERO, FRIEND)

    def with_holder(count: int, seed: int) -> list[Story]:
        """Of `count` stories those in which somebody has a thing in the end."""
        return [story for story in tell_stories(count, seed, grammar=grammar) if story.world.holder in ROLES]

    def exchanges(story: Story):
        """Texts with the same words: hero and friend named in each other's place once, or two sentences exchanged."""
        words = re.findall(r"\w+|\W+", story.english)
        names = ([i for i, word in enumerate(words) if word.lower() == name] for name in _names(story))
        for i, j in product(*names):
            yield "".join(exchanged(words, i, j))
        sentences = re.split(r'(?<=[.!]) |(?<=[.!]") ', story.english)
        for i, j in combinations(range(len(sentences)), 2):
            yield " ".join(exchanged(sentences, i, j))

    def exchanged(parts: list[str], i: int, j: int) -> list[str]:
        parts = parts.copy()
        parts[i], parts[j] = parts[j], parts[i]
        return parts

    def twin(story: Story) -> Story | None:
        """A story with the same words, of the same two, in which the other one has the thing; None if there is none."""
        for text in exchanges(story):
            try:
                told = Story.from_text(text, grammar)
            except NotInGrammar:
                continue
            if _names(told) == _names(story) and {told.world.holder, story.world.holder} == set(ROLES):
                return told
        return None

    def _names(story: Story) -> tuple[str, str]:
        return story.world.hero, story.world.friend

    ordinary = with_holder(lesson.choose(quick=1200, full=6000), seed=12)
    twins = [(story, other) for story in ordinary if story.world.friend and (other := twin(story)) is not None]
    for story in twins[0]:
        holder = story.world.name(story.world.holder).capitalize()
        print(f"\n{story.english}\n  Who has the {story.world.thing}? {holder}.")

    answered = [theirs.predict(weighing.transform(texts)) for texts in (test, [sorted(text) for text in test])]
    changed = int((answered[0] != answered[1]).sum())
    lesson.record("changed_by_sorting", changed, n=len(test), note="answers (topic) that sorting the words changes")

# %% [markdown]
# Whatever a bag model answers for one story of a pair, it must answer for its twin, and one of the two is wrong: on
# twins it is right exactly half of the time, however much text it has read. Runs of two and three words as features are
# the usual remedy. They see a little of the order ("anna finds"), for many times as many features, and here they do not
# help: who has the thing depends on all that was told, and on whom "she" means, not on three words in a row. It takes
# a model that reads in order and remembers. Three draws of training stories show how much is chance.

# %%
if not lesson.own_text:
    asked = [*ordinary, *(story for pair in twins for story in pair)]
    holders, cut = [story.world.holder for story in asked], len(ordinary)
    drawn = [with_holder(lesson.choose(quick=2000, full=30_000), seed) for seed in (10, 100, 101)]
    most_frequent = max(ROLES, key=[story.world.holder for story in drawn[0]].count)
    share = holders[:cut].count(most_frequent) / cut
    lesson.record("holder_baseline_accuracy", share, n=cut, note=f"always answering {most_frequent}")
    lesson.record("twins", len(twins), note="pairs of stories with the same words, of which each has another holder")
    splits = [split_words(*([story.english for story in stories] for stories in (draw, asked))) for draw in drawn]
    bags = vectorizer(CountVectorizer, splits[0][0]).transform(splits[0][1][cut:])
    assert (bags[::2] != bags[1::2]).nnz == 0  # the twins' bags are equal, all of them
    measured = {}
    for longest, key in ((1, "words"), (2, "pairs_of_words"), (3, "threes_of_words")):
        scores = []
        for draw, (train, asked_words) in zip(drawn, splits, strict=True):
            features = vectorizer(CountVectorizer, train, longest)
            model = LogisticRegression(max_iter=1000)
            model.fit(features.transform(train), [story.world.holder for story in draw])
            hits = model.predict(features.transform(asked_words)) == np.array(holders)
            scores.append((hits[:cut].mean(), hits[cut:].mean()))
        measured[longest] = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1)
        for index, (kind, count) in enumerate((("ordinary", cut), ("twins", 2 * len(twins)))):
            mean, sd = (float(part[index]) for part in measured[longest])
            note = f"of {count:,} stories, with {len(features.vocabulary_):,} features"
            lesson.record(f"{key}_{kind}_accuracy", mean, tolerance=0.02, sd=sd, n=3, note=note)
    figure, axes = plots.new_figure("Who has it in the end?", "", "accuracy, mean of 3 draws")
    for index, kind in enumerate(("ordinary stories", "twins: the same words")):
        means, errors = ([measured[n][part][index] for n in measured] for part in (0, 1))
        places = np.arange(3) + 0.36 * (index - 0.5)
        bars = axes.bar(places, means, 0.34, yerr=errors, capsize=4, color=plots.COLOURS[index], label=kind)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
    axes.axhline(share, color=plots.FLOOR_COLOUR, linestyle=":", label=f"always the most frequent: {share:.2f}")
    axes.axhline(0.5, color=plots.FLOOR_COLOUR, linestyle="--", label="chance on the twins: 0.50")
    axes.set_xticks(range(3), ["words", "and pairs", "and threes"])
    axes.set_ylim(0, 1.3)
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
    lesson.figure(figure, "order", "What a bag knows of who has the thing, with words, pairs and threes as features")

# %% [markdown]
# ## Real data
#
# Two public sets with fixed splits: spam among text messages, and whether a sentence of a film review is for or
# against the film. Features, length of the runs and penalty are chosen by the accuracy on the validation split (of
# equals the one that stands first in the table); the test split is read once. Accuracy alone says little where one
# class is rare, so:
#
# - **precision**: of the messages that are called spam, how many are;
# - **recall**: of the spam, how much is found;
# - **F1**: their harmonic mean; *macro*: the mean over the classes;
# - the **95 % interval** (Wilson) says how far a test set of this size speaks for other texts of its kind.
#
# Keras gets the chosen features and penalty, and a fixed number of steps. Where the penalty is nearly nothing the
# bottom is so flat that it does not reach the same weights; the answers are almost the same all the same.

# %%
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)


def choose(train: list, validation: list, train_labels: list[str], validation_labels: list[str], name: str):
    """The best (vectorizer, model, what it counts) of the grid by validation accuracy; every cell is recorded."""
    best, rows = None, []
    for longest, kind in product((1, 2), (CountVectorizer, TfidfVectorizer)):
        features = vectorizer(kind, train, longest)
        seen, unseen = features.transform(train), features.transform(validation)
        label = f"{'counts' if kind is CountVectorizer else 'TF-IDF'}, {'words' if longest == 1 else 'words and pairs'}"
        row = [label]
        for C in PENALTIES:
            model = LogisticRegression(C=C, max_iter=2000).fit(seen, train_labels)
            row.append(model.score(unseen, validation_labels))
            if best is None or row[-1] > best[0]:
                best = row[-1], features, model, label
        rows.append((*row, len(features.vocabulary_)))
    columns = ["features", *(f"C = {C:g}" for C in PENALTIES), "how many"]
    lesson.table(f"{name}_validation", rows, columns, tolerance={column: 0.005 for column in columns[1:-1]})
    return best[1:]


def real_data(name: str) -> None:
    """Tune on validation, test once, compare with Keras and with the most frequent class."""
    corpus = load_corpus(name)
    if corpus.task != "text_classification":
        raise LmbookError(f'The corpus "{name}" has no labels to learn.', "Take sms_spam or rt_polarity.")
    splits = [corpus.split(split) for split in ("train", "validation", "test")]
    labels, validation_labels, right = ([record["label"] for record in records] for records in splits)
    train, validation, test = split_words(*([record["text"] for record in records] for records in splits))
    features, model, label = choose(train, validation, labels, validation_labels, name)
    seen, unseen = features.transform(train), features.transform(test)
    score = classification_score(right, model.predict(unseen).tolist())
    most_frequent = max(set(labels), key=labels.count)
    baseline = classification_score(right, [most_frequent] * len(right))
    n, note = len(right), f"{label}, C = {model.C:g}; test split"
    lesson.record(f"{name}_baseline_accuracy", baseline.accuracy, tolerance=0.0, n=n, note=f"always {most_frequent}")
    lesson.record(f"{name}_accuracy", score.accuracy, tolerance=0.005, n=n, note=note)
    lesson.record(f"{name}_accuracy_low", score.low, tolerance=0.006, note="95 % interval, from")
    lesson.record(f"{name}_accuracy_high", score.high, tolerance=0.006, note="95 % interval, to")
    lesson.record(f"{name}_macro_f1", score.macro.f1, tolerance=0.01)
    rows = [(one, part.precision, part.recall, part.f1, part.examples) for one, part in score.classes.items()]
    rows.append(("macro", score.macro.precision, score.macro.recall, score.macro.f1, score.macro.examples))
    columns = ["class", "precision", "recall", "F1", "test examples"]
    lesson.table(f"{name}_classes", rows, columns, tolerance=dict.fromkeys(columns[1:4], 0.015))
    order = np.argsort(model.coef_[0])
    words = features.get_feature_names_out()
    for one, places in zip(model.classes_, (order[:12], order[::-1][:12]), strict=True):
        print(f"{one}: {', '.join(words[places])}")
    ours = train_keras(seen, labels, model.C, steps=600, rate=8.0, momentum=0.98)
    given = keras_answers(ours, unseen, model.classes_)
    accuracy = classification_score(right, given).accuracy
    lesson.record(f"{name}_keras_accuracy", accuracy, tolerance=0.006, n=n, note="the same model in Keras")


if lesson.own_text:
    real_data(lesson.corpus)
elif lesson.full:
    for name in ("sms_spam", "rt_polarity"):
        real_data(name)

# %%
lesson.finish()
