# %% [markdown]
# # Classifying texts: topic, mood, spam, sentiment
#
# - Article section: §6.1
# - Needs: bag_of_words, lstm_baseline, attention, bert, classification
# - Data: greentree (built in); the full profile also sms_spam, rt_polarity, minilm
# - Minutes: quick 1, full 20
# - Memory: 3.5 GB
# - Shows: four kinds of models on four tasks, what they confuse, whether their probabilities are true, what they cost
# - Headline: sms_spam_f1, rt_polarity_f1
#
# Which topic is it about, is it spam, was the film liked? It is the use of language models that most programs have
# inside, and the one in which a simple model is hardest to beat. Four kinds, all of which the book has built before,
# get the same texts:
#
# - a **bag of words**: TF-IDF of words and pairs of words, logistic regression, trained in a second;
# - an **LSTM** that reads in both directions ([`RecurrentClassifier`](../../lmbook/models/recurrent_classifier.py));
# - a **Transformer from scratch**: the encoder of BERT, small, from random weights;
# - a **pre-trained** BERT, fine-tuned: that of chapter 06 for `greentree`, MiniLM for real texts.
#
# Every choice (penalty, step at which to stop, best model) is made on the validation split. The test is read once.

# %%
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lmbook import (
    BERT,
    BERTClassifier,
    Corpus,
    Lesson,
    LmbookError,
    bootstrap,
    classification_score,
    mean_sd,
    reproducible,
)
from lmbook.book import plots, scratch_dir
from lmbook.corpora import find_card, labelled_corpus, package_folder
from lmbook.corpora.greentree import tell_stories
from lmbook.evaluation import Calibration, ClassificationScore, calibration, mcnemar_test
from lmbook.models import bag_of_words, with_best_penalty
from lmbook.recipes import PROFILES, MiniLMClassifier, greentree_bert, labelled_texts, softmax
from lmbook.recipes.bert import FULL, QUICK
from lmbook.recipes.text_classifier import text_classifier
from lmbook.training import FineTuning, class_logits

import numpy as np
from sklearn.metrics import confusion_matrix
from threadpoolctl import threadpool_limits

lesson = Lesson("text_classification")
threadpool_limits(1, "blas")

# %% [markdown]
# ## One contest for all tasks
#
# A model is a function here: it gets the training and validation texts and gives back a function from texts to
# probabilities. What is measured is the same for all of them.

# %%
BAG, LSTM, TRANSFORMER, TUNED = "bag of words", "LSTM", "Transformer from scratch", "pre-trained, fine-tuned"
Predict = Callable[[list[str]], np.ndarray]  # N texts -> probabilities [N, C]
Splits = dict[str, list[dict]]


@dataclass(frozen=True)
class Task:
    """Texts with labels, and who competes on them.

    `draws` holds the splits, once for each repetition with other training texts; `positive` is the class whose F1
    counts, None: the mean of all.
    """

    name: str
    draws: list[Splits]
    models: dict[str, Callable[[Splits, list[str], int], Predict]]
    positive: str | None = None

    def figure(self, score: ClassificationScore) -> float:
        """What models are chosen by."""
        return score.macro.f1 if self.positive is None else score.classes[self.positive].f1


@dataclass(frozen=True)
class Outcome:
    """What a model did on a task: scores a draw, and on all draws together its answers."""

    validation: float
    scores: list[ClassificationScore]
    probabilities: np.ndarray
    answers: np.ndarray
    calibration: Calibration
    seconds: float


def texts_of(records: list[dict]) -> list[str]:
    return [record["text"] for record in records]


def labels_of(records: list[dict]) -> list[str]:
    return [record["label"] for record in records]


def contest(task: Task) -> tuple[np.ndarray, dict[str, Outcome]]:
    """Train every model on every draw: (right labels of all test texts, outcome of each model)."""
    labels = np.array(sorted(set(labels_of(task.draws[0]["train"]))))
    right = np.concatenate([labels_of(draw["test"]) for draw in task.draws])
    outcomes = {}
    for name, train in task.models.items():
        validation, scores, probabilities, seconds = [], [], [], []
        for number, draw in enumerate(task.draws):
            began = time.perf_counter()
            predict = train(draw, labels.tolist(), lesson.seed + number)
            seconds.append(time.perf_counter() - began)
            guess = labels[predict(texts_of(draw["validation"])).argmax(axis=1)].tolist()
            validation.append(task.figure(classification_score(labels_of(draw["validation"]), guess)))
            probabilities.append(predict(texts_of(draw["test"])))
            answers = labels[probabilities[-1].argmax(axis=1)].tolist()
            scores.append(classification_score(labels_of(draw["test"]), answers))
        p = np.concatenate(probabilities)
        outcomes[name] = Outcome(
            float(np.mean(validation)),
            scores,
            p,
            labels[p.argmax(axis=1)],
            calibration(p, np.searchsorted(labels, right)),
            float(np.mean(seconds)),
        )
        print(f"{task.name}, {name}: F1 {outcomes[name].validation:.3f} on validation, {np.mean(seconds):.0f} s")
    return right, outcomes


# %% [markdown]
# The bag and the two networks from random weights are the same for every task; only what is pre-trained differs.


# %%
def bag(parts: Splits, labels: list[str], seed: int) -> Predict:
    given = [f(parts[part]) for part in ("train", "validation") for f in (texts_of, labels_of)]
    return with_best_penalty(bag_of_words, *given).predict_proba  # its classes are in alphabetical order, as `labels`


def from_scratch(kind: str, tokenizer=None, **changes) -> Callable[[Splits, list[str], int], Predict]:
    profile = replace(PROFILES[kind], **changes)

    def train(parts: Splits, labels: list[str], seed: int) -> Predict:
        drawn = Corpus("a draw", "text_classification", "en", parts)
        made = text_classifier(profile, drawn, seed, tokenizer=tokenizer, quiet=True)
        print(f"  best after {made.history.best_step} of {made.history.steps[-1]} steps")
        return made.probabilities

    return train


# %% [markdown]
# ## Topics and moods of greentree
#
# The topic of a story is in what its hero wishes for, the mood in how it ends. With thousands of labelled stories a
# bag of words has nearly everything right (lesson `bag_of_words`). So each gets a hundred: 60 to train, 40 to validate.
# Each draw has other stories, and all have the same test.

# %%
tasks: list[Task] = []
if not lesson.own_text:
    pretrained = greentree_bert(
        lesson.choose(quick=QUICK, full=FULL),
        lesson.seed,
        models=scratch_dir(lesson.file) / "models",
        strategy=lesson.strategy,
    )
    start = [weight.numpy() for weight in pretrained.model.bert.weights]
    words, config, context = pretrained.tokenizer, pretrained.model.config, pretrained.profile.context

    def tuned_greentree(parts: Splits, labels: list[str], seed: int) -> Predict:
        """The BERT of chapter 06, all weights; the new layer reads the mean of its vectors."""
        model = BERTClassifier(BERT(config), len(labels), pooling="mean")

        def batches(texts: list[str], classes: list[int]):
            return labelled_texts(words, texts, classes, context, 16 * context, seed)

        train, validation = (
            batches(texts_of(parts[part]), [labels.index(label) for label in labels_of(parts[part])])
            for part in ("train", "validation")
        )
        tuning = FineTuning(model, "all", learning_rate=2e-3, decay=0.8, jit_compile=False)
        tuning.run(train, steps=STEPS[1], validation=validation, report_every=20, start=start, seed=seed)
        return lambda texts: softmax(class_logits(model, batches(texts, [0] * len(texts))))

    STEPS = lesson.choose(quick=(60, 60), full=(150, 100))  # from scratch, fine-tuning
    TRAIN, VALIDATION, TEST = 60, 40, lesson.choose(quick=300, full=1000)
    LABELLED_SEED, TEST_SEED = 60, 59  # other draws than those that it has read

    def stories(count: int, seed: int, label: str, left_out: set[str] = frozenset()) -> list[dict]:
        """So many different stories with their topic or mood."""
        told = {
            story.english: getattr(story, label) for story in tell_stories(2 * count, seed, grammar=pretrained.grammar)
        }
        return [{"text": text, "label": kind} for text, kind in told.items() if text not in left_out][:count]

    def draws(label: str) -> list[Splits]:
        test = stories(TEST, TEST_SEED, label)
        found = []
        for number in range(lesson.choose(quick=2, full=3)):
            seed = LABELLED_SEED + 10 * lesson.seed + number
            labelled = stories(TRAIN + VALIDATION, seed, label, set(texts_of(test)))
            found.append({"train": labelled[:TRAIN], "validation": labelled[TRAIN:], "test": test})
        return found

    options = {"tokenizer": words, "max_length": context, "steps": STEPS[0]}
    contestants = {
        BAG: bag,
        LSTM: from_scratch("lstm", **options),
        TRANSFORMER: from_scratch("transformer", **options),
        TUNED: tuned_greentree,
    }
    tasks += [
        Task(label, draws(label), contestants) for label in lesson.choose(quick=("mood",), full=("topic", "mood"))
    ]

# %% [markdown]
# ## Spam, reviews, or a table of your own
#
# Text messages (of eight one is spam) and sentences from film reviews, for or against. The split is the catalogue's: it
# sends all copies of a text to one side. The collection of messages has many that differ in a telephone number; a split
# that deals out messages one by one would let every model meet them again in the test.
#
# Accuracy says little where one class is rare: who never says *spam* is right about seven of eight messages. So models
# are chosen by the F1 of spam. `--text FILE.tsv` runs the lesson on your own table: text, tab, label.

# %%
LENGTHS = {"sms_spam": 64, "rt_polarity": 48}  # tokens that are read; few texts have more
EPOCHS = {"sms_spam": 2, "rt_polarity": 1}  # of MiniLM, all weights; more would be better, and take longer
POSITIVE = {"sms_spam": "spam", "rt_polarity": "positive"}


def tuned_minilm(epochs: int, length: int) -> Callable[[Splits, list[str], int], Predict]:
    def train(parts: Splits, labels: list[str], seed: int) -> Predict:
        reproducible(seed)
        minilm = MiniLMClassifier(len(labels))
        data = {
            part: minilm.batches(
                texts_of(parts[part]), [labels.index(label) for label in labels_of(parts[part])], length, seed
            )
            for part in ("train", "validation")
        }
        history = minilm.tune("all", data["train"], data["validation"], epochs, seed)
        print(f"  best after {history.best_step} of {history.steps[-1]} steps")
        return lambda texts: softmax(class_logits(minilm.model, minilm.batches(texts, [0] * len(texts), length)))

    return train


def real_task(corpus: Corpus) -> Task:
    if corpus.task != "text_classification":
        raise LmbookError(f"The corpus {corpus.name} has no labels.", "Take sms_spam or rt_polarity, or --text TABLE.")
    length = LENGTHS.get(corpus.name, 64)
    contestants = {
        BAG: bag,
        LSTM: from_scratch("lstm", max_length=length),
        TRANSFORMER: from_scratch("transformer", max_length=length),
    }
    try:
        package_folder(find_card("minilm"))
        contestants[TUNED] = tuned_minilm(EPOCHS.get(corpus.name, 2), length)
    except LmbookError as error:
        print(f"Without MiniLM: {error.message}\n{error.fix}")
    return Task(corpus.name, [corpus.splits], contestants, POSITIVE.get(corpus.name))


if lesson.text is not None:
    tasks.append(real_task(labelled_corpus(lesson.text)))
elif lesson.own_text or lesson.full:
    for name in [lesson.corpus] if lesson.own_text else LENGTHS:
        corpus = lesson.real_corpus(name)
        tasks += [] if corpus is None else [real_task(corpus)]

# %% [markdown]
# ## Who wins, and at what cost
#
# **Precision**: of those that were called spam, the share that is spam. **Recall**: of the spam, the share that was
# found. **F1** is their harmonic mean; macro F1 the mean of F1 over the classes, each counting the same. The interval
# of the accuracy is Wilson's, that of F1 comes from drawing the test texts anew (bootstrap). For `greentree` the spread
# is that of the draws.
#
# **Calibration**: of all answers that were given with a probability of 0.9, nine of ten should be right. The *expected
# calibration error* is the mean distance between the two, over ten ranges of probability.

# %%
results = {task.name: (task, *contest(task)) for task in tasks}
for task, _, outcomes in results.values():
    rows = []
    for name, one in outcomes.items():
        score, error = one.scores[0], one.calibration.error
        if len(task.draws) > 1:
            f1 = [each.macro.f1 for each in one.scores]
            accuracy = float(np.mean([each.accuracy for each in one.scores]))
            rows.append((name, accuracy, *mean_sd(f1), error, one.seconds))
        else:
            shown = score.macro if task.positive is None else score.classes[task.positive]
            interval = score.accuracy, score.low, score.high
            measures = shown.precision, shown.recall, shown.f1, score.macro.f1
            rows.append((name, *interval, *measures, error, one.seconds))
    measured = ["accuracy", "macro F1", "s.d.", "calibration error"]
    if len(task.draws) == 1:
        measured = ["accuracy", "95 % from", "to", "precision", "recall", "F1", "macro F1", "calibration error"]
    tolerance = lesson.choose(quick=0.15, full=0.06)
    lesson.table(
        task.name,
        rows,
        ["model", *measured, "seconds"],
        {**dict.fromkeys(measured, tolerance), "seconds": None},
        at_most={"calibration error": lesson.choose(quick=0.2, full=None)},
    )

# %% [markdown]
# The best model of each task is the one with the best figure on the *validation* texts. Whether it is better than the
# bag of words is asked of the test texts on which one of the two is right and the other wrong (McNemar's test).

# %%
chosen = {
    name: max(outcomes, key=lambda model: outcomes[model].validation) for name, (_, _, outcomes) in results.items()
}
for name, (task, right, outcomes) in results.items():
    best, tolerance = outcomes[chosen[name]], lesson.choose(quick=0.15, full=0.03)
    if len(task.draws) > 1:
        f1 = [score.macro.f1 for score in best.scores]
        note = f"macro F1 of the best on validation, {chosen[name]}; {len(task.draws[0]['train'])} training stories"
        lesson.record_mean(f"{name}_f1", f1, "", tolerance, note)
    else:

        def f1_of(right: np.ndarray, answers: np.ndarray, task=task) -> float:
            return task.figure(classification_score(right.tolist(), answers.tolist()))

        interval = bootstrap(f1_of, right, best.answers, resamples=500)
        of = "macro F1" if task.positive is None else f"F1 of {task.positive}"
        note = f"{of}, best on validation: {chosen[name]}; 95 % interval {interval.low:.3f} to {interval.high:.3f}"
        lesson.record(f"{name}_f1", interval.value, "", tolerance, n=len(right), note=note)
        lesson.record(
            f"{name}_bag_f1", f1_of(right, outcomes[BAG].answers), "", 0.01, n=len(right), note=f"{of}, {BAG}"
        )
        p = mcnemar_test(best.answers == right, outcomes[BAG].answers == right)
        lesson.record(f"{name}_p", p, "", None, n=len(right), note=f"{chosen[name]} against {BAG}, McNemar's test")
    pooled = classification_score(right.tolist(), best.answers.tolist())
    rows = [(label, one.precision, one.recall, one.f1, one.examples) for label, one in pooled.classes.items()]
    columns = ["class", "precision", "recall", "F1", "texts"]
    lesson.table(f"{name}_classes", rows, columns, lesson.choose(quick=0.3, full=0.1))

# %% [markdown]
# ## What is confused with what
#
# Rows are right classes, columns the answers. Beside the bag of words stands the best network on validation.

# %%
figure, panels = plots.new_panels(len(results), 2, (8.4, 3.5 * len(results)))
for axes, (name, (_, right, outcomes)) in zip(panels, results.items(), strict=True):
    labels = sorted(set(right))
    best = max((model for model in outcomes if model != BAG), key=lambda model: outcomes[model].validation)
    for place, model in zip(axes, (BAG, best), strict=True):
        plots.matrix(place, confusion_matrix(right, outcomes[model].answers, labels=labels), labels, labels)
        place.set_title(f"{name}: {model}", fontsize=10)
        place.set(xlabel="answer", ylabel="right class")
lesson.figure(figure, "confusion", "Right classes (rows) and answers (columns), test texts of all draws")

# %% [markdown]
# ## Are the probabilities true?
#
# Points below the diagonal: the model is surer than it may be. The area of a point is the share of texts in its range;
# small points say little.

# %%
for name, (_, _, outcomes) in results.items():
    bins = {model: one.calibration.bins for model, one in outcomes.items()}
    caption = f"Share of right answers against their probability: {name}"
    lesson.figure(plots.reliability(bins, name), f"reliability_{name}", caption)

# %% [markdown]
# ## The worst mistakes
#
# The texts whose right class got the lowest probability from the best model. Look at them before you look at the next
# model: is the label right, and could a person tell?

# %%
for name, (task, right, outcomes) in results.items():
    if len(task.draws) > 1:
        continue
    best, labels = outcomes[chosen[name]], sorted(set(labels_of(task.draws[0]["train"])))
    given = best.probabilities[np.arange(len(right)), np.searchsorted(labels, right)]
    texts, rows = texts_of(task.draws[0]["test"]), {}
    for place in np.argsort(given, kind="stable"):
        short = texts[place] if len(texts[place]) <= 120 else texts[place][:117] + "…"
        if best.answers[place] != right[place]:
            rows.setdefault(short, (short, str(right[place]), str(best.answers[place]), float(given[place])))
    columns = ["text", "right", "answer", "probability of the right class"]
    lesson.table(f"{name}_worst", list(rows.values())[:6], columns, None)

# %%
lesson.finish()
