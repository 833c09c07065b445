# %% [markdown]
# # Measures, and the mistakes that are made with them
#
# - Article section: §9.7
# - Needs: bag_of_words, n_grams
# - Data: greentree (built in); the full profile also sms_spam, mt_eval_deen, asr_sctk_csrnab
# - Minutes: quick 1, full 2
# - Memory: 1.0 GB
# - Shows: each usual measure worked out by hand, and the wrong figure that is often printed in its place
# - Headline: nist_wer, bleu, mean_of_sentence_bleus, calibration_error
#
# The article names accuracy, precision and recall, cross-entropy and BLEU, and says that people should judge too
# (lesson `human_evaluation`). A measure is a small program, and there are two ways to go wrong with it: to compute
# something else under its name, and to believe it too much. For each one this lesson has a case that is small enough to
# be worked out by hand, the figure of a well-kept library, and, **on the same predictions**, a wrong figure that is
# found in papers and programs.

# %%
from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass

from lmbook import (
    KneserNey,
    Lesson,
    WordTokenizer,
    bootstrap,
    classification_score,
    count_n_grams,
    load_corpus,
    score_translations,
    wilson_interval,
)
from lmbook.book import plots
from lmbook.evaluation import calibration, join_pieces, mcnemar_test
from lmbook.evaluation.rouge import rouge
from lmbook.topics.speech import nearest_reading, word_errors

import numpy as np
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

lesson = Lesson("metrics", corpora=())
if lesson.own_text:
    print("This lesson compares measures on data that it knows: --corpus and --text are left aside.")
threadpool_limits(1, "blas")
greentree = load_corpus("greentree")

# %% [markdown]
# ## Accuracy, precision, recall, F1
#
# Of eight messages three are spam. A filter finds two of them and calls one honest message spam:
#
# | | called spam | called ham |
# |---|---|---|
# | is spam | 2 (true positives) | 1 (false negative) |
# | is ham | 1 (false positive) | 4 (true negatives) |
#
# Accuracy is 6/8. Of what was called spam 2/3 is (**precision**), of the spam 2/3 was found (**recall**), and **F1** is
# the harmonic mean of the two.

# %%
small = classification_score(["spam"] * 3 + ["ham"] * 5, ["spam", "spam", "ham", "spam", "ham", "ham", "ham", "ham"])
spam = small.classes["spam"]
print(f"accuracy {small.accuracy}, precision {spam.precision:.3f}, recall {spam.recall:.3f}, F1 {spam.f1:.3f}")
assert (small.accuracy, spam.precision, spam.recall) == (6 / 8, 2 / 3, 2 / 3) and math.isclose(spam.f1, 2 / 3)

# %% [markdown]
# The mistake: to report accuracy where one class is rare. A filter that calls nothing spam has a fine accuracy. Its
# recall is 0, and so is the F1 of the rare class; the **macro** mean of F1, in which every class weighs the same, tells
# it too. (The **micro** mean, in which every example weighs the same, is the accuracy again.) The rare class here is
# the anger in stories, in the full profile spam. The classifier learns from few texts, so that there is something to
# measure.


# %%
@dataclass(frozen=True)
class Task:
    """Texts with the question whether they are of the rare class."""

    train: list[str]
    train_rare: np.ndarray
    test: list[str]
    test_rare: np.ndarray


def rare_class(corpus, label: str, rare: str, first: int) -> Task:
    """The first so many training texts and all test texts of a corpus."""
    train, test = corpus.split("train")[:first], corpus.split("test")
    read = [([r["text"] for r in part], np.array([r[label] == rare for r in part])) for part in (train, test)]
    return Task(*read[0], *read[1])


def real(name: str):
    """A corpus of the catalogue in the full profile; None, and a line why, where there is none."""
    return lesson.real_corpus(name) if lesson.full and not lesson.own_text else None


def classifier(task: Task, longest: int, chosen: slice | np.ndarray = slice(None)):
    """Logistic regression on TF-IDF of words and runs of words: function of texts -> logits of the rare class."""
    texts = np.array(task.train, object)[chosen]
    weighing = TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True).fit(texts)
    model = LogisticRegression(C=30.0, max_iter=1000).fit(weighing.transform(texts), task.train_rare[chosen])
    return lambda texts: model.decision_function(weighing.transform(texts))


messages = real("sms_spam")
if messages is None:
    task, named = rare_class(greentree, "mood", "angry", 300), "angry"
else:
    task, named = rare_class(messages, "label", "spam", 300), "spam"
logits = classifier(task, 1)(task.test)
answered = {"TF-IDF": logits > 0, f"never {named}": np.zeros(len(task.test), bool)}
rows = []
for name, yes in answered.items():
    score = classification_score([str(r) for r in task.test_rare], [str(bool(y)) for y in yes])
    rare = score.classes["True"]
    rows.append((name, score.accuracy, rare.precision, rare.recall, rare.f1, score.macro.f1))
columns = ["model", "accuracy", "precision", "recall", "F1", "macro F1"]
lesson.table("rare", rows, columns, tolerance=0.02)
lesson.record(
    "rare_share", float(task.test_rare.mean()), tolerance=1e-6, n=len(task.test), note=f"texts that are {named}"
)

# %% [markdown]
# ## Cross-entropy and perplexity
#
# A model gives four tokens the probabilities 1/2, 1/4, 1/8 and 1/8. The mean of $-\ln p$ is $\frac{9}{4} \ln 2 = 1.56$
# nats, and its exponential, the **perplexity**, 4.76: as if each token had been chosen from so many.
#
# The mistakes are means of the wrong things. The exponential is convex, so the mean of many perplexities, of each batch
# or each sentence, is above the perplexity of the mean, and by the more, the smaller the batches. And a mean of batch
# means gives the tokens of a short batch more weight: where short texts are easier, as here, that pulls the other way,
# and the figure looks better than it is. Below is one model (Kneser-Ney, three words) on one text, with
# the batches that programs might take: a perplexity that depends on how the test text was cut is no property of the
# model.

# %%
assert math.isclose(math.exp(-np.log([1 / 2, 1 / 4, 1 / 8, 1 / 8]).mean()), 2 ** (9 / 4))
tokenizer = WordTokenizer.train(greentree.texts("train"))
documents = {split: [tokenizer.encode(text) for text in greentree.texts(split)] for split in ("train", "test")}
model = KneserNey(count_n_grams(documents["train"], tokenizer, 3))
surprise = -model.log_probabilities(documents["test"])  # nats of each token, the closing <end> of a story among them
ends = np.cumsum([len(document) + 1 for document in documents["test"]])
per_story = np.split(surprise, ends[:-1])
perplexity = float(np.exp(surprise.mean()))
lesson.record("perplexity", perplexity, tolerance=0.01, n=len(surprise), note="exp of the mean over all tokens")
rows = [("all tokens", perplexity, perplexity)]
for size in (64, 8, 1):
    batches = [np.concatenate(per_story[first : first + size]) for first in range(0, len(per_story), size)]
    means = np.array([batch.mean() for batch in batches])
    rows.append((f"batches of {size}", float(np.exp(means.mean())), float(np.exp(means).mean())))
columns = ["stories at a time", "exp of the mean of batch means", "mean of the batches' perplexities"]
lesson.table("batches", rows, columns, tolerance=0.02)

# %% [markdown]
# Another mistake: to compare perplexities of models with different tokens. The same probability of the same text is
# little per character and much per word. Bits per byte can be compared, whatever the tokens are.

# %%
text = greentree.texts("test")
nats, characters = float(surprise.sum()), sum(len(story) + 1 for story in text)
size = sum(len(story.encode()) for story in text)
rows = [
    ("words", len(surprise), math.exp(nats / len(surprise)), nats / math.log(2) / size),
    ("characters", characters, math.exp(nats / characters), nats / math.log(2) / size),
]
lesson.table("tokens", rows, ["counted per", "tokens", "perplexity", "bits per byte"], tolerance=0.02)

# %% [markdown]
# ## BLEU and chrF
#
# BLEU asks how many words, pairs, triples and fours of the output are in the reference. Output: *the fox sees the red
# bird*; reference: *the fox sees a red bird today*. Of its 6 words 5 are in the reference (the second *the* is not:
# an n-gram counts at most as often as it is there), of 5 pairs 3 (the fox, fox sees, red bird), of 4 triples 1, of 3
# fours 0. With a zero the geometric mean is zero; sacreBLEU takes half a hit for the first zero (its "exp" smoothing).
# The output is shorter than the reference, 6 words against 7, so all is multiplied with the **brevity penalty**
# $e^{1 - 7/6}$.

# %%
output, reference = "the fox sees the red bird", "the fox sees a red bird today"


def n_grams(words: list[str], n: int) -> Counter:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


precisions = []
for n in range(1, 5):
    ours, theirs = n_grams(output.split(), n), n_grams(reference.split(), n)
    precisions.append((sum((ours & theirs).values()), sum(ours.values())))
print("hits of n-grams:", ", ".join(f"{hits} of {total}" for hits, total in precisions))
smoothed = [hits / total if hits else 1 / (2 * total) for hits, total in precisions]
by_hand = 100 * math.exp(1 - 7 / 6) * math.exp(np.log(smoothed).mean())
assert precisions == [(5, 6), (3, 5), (1, 4), (0, 3)]
assert math.isclose(by_hand, score_translations([output], [reference]).bleu)
print(f"BLEU {by_hand:.2f}")

# %% [markdown]
# BLEU is a measure of a whole text: hits and totals are added up over all sentences, and then divided. What goes
# wrong:
#
# - the mean of the BLEUs of single sentences is another number, since most sentences have no common four;
# - words cut in another way give another BLEU, on the same texts. sacreBLEU fixes the cutting and prints it in its
#   **signature**, which belongs beside every figure;
# - lower case everywhere makes it higher.
#
# The full profile scores 3,000 sentences of a real system, German into English. The quick one has a translator that
# errs on purpose: it tells the stories of `greentree` with some words lost and some exchanged.
#
# **chrF** compares runs of one to six characters, spaces left out, and so does not hang on where words end. Precision
# and recall are means over the lengths that both texts have, and recall weighs more: $5 P R / (4 P + R)$. Output *cat*,
# reference *cats*: all of the output is in the reference, $P = 1$; of its characters 3 of 4, of its pairs 2 of 3, of
# its triples 1 of 2 are found, so $R = 23/36$.


# %%
P, R = 1, (3 / 4 + 2 / 3 + 1 / 2) / 3
assert math.isclose(100 * 5 * P * R / (4 * P + R), score_translations(["cat"], ["cats"]).chrf)


def spoiled(text: str, rng: random.Random, rate: float = 0.1) -> str:
    """The text with some words left out and some exchanged with the next one."""
    words = [word for word in text.split() if rng.random() > rate] or text.split()
    for place in range(len(words) - 1):
        if rng.random() < rate:
            words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


translations = real("mt_eval_deen")
if translations is None:
    rng = random.Random(lesson.seed)
    references = greentree.texts("test")
    outputs = [spoiled(text, rng) for text in references]
else:
    records = [r for r in translations.split("test") if r["output"].strip()]  # three outputs are empty lines
    outputs = [record["output"] for record in records]
    references = [join_pieces(record["reference_bpe"]) for record in records]
right = score_translations(outputs, references)
sentences = [score_translations([o], [r]).bleu for o, r in zip(outputs, references, strict=True)]
lower = [[line.lower() for line in lines] for lines in (outputs, references)]
wrong = {
    "mean of the sentences' BLEUs": float(np.mean(sentences)),
    "lower case": score_translations(*lower).bleu,
    "cut at spaces alone": score_translations(outputs, references, tokenize="none").bleu,
    "cut into characters": score_translations(outputs, references, tokenize="char").bleu,
}
lesson.record("bleu", right.bleu, tolerance=0.05, n=len(outputs), note=right.bleu_signature.replace("|", " "))
lesson.record("chrf", right.chrf, tolerance=0.05, n=len(outputs), note=right.chrf_signature.replace("|", " "))
lesson.record("mean_of_sentence_bleus", wrong["mean of the sentences' BLEUs"], tolerance=0.05, n=len(outputs))
rows = [("corpus BLEU, 13a", right.bleu, 0.0), *((name, value, value - right.bleu) for name, value in wrong.items())]
lesson.table("bleus", rows, ["computed as", "BLEU", "off by"], tolerance=0.1)

# %% [markdown]
# ## ROUGE
#
# ROUGE is BLEU's sister for summaries, and asks the other way round: how much of the *reference* is in the output. Its
# mistake is to give the recall alone. An output that says everything twice, or adds another story, loses no recall:

# %%
by_hand = rouge(["the cat sat"], ["the cat lay on the mat"]).rouge_1
assert (by_hand.precision, by_hand.recall) == (2 / 3, 2 / 6)  # "the" and "cat", of three words, of six
rows = []
pairs = [(o, r) for o, r in zip(outputs, references, strict=True) if any(c.isascii() and c.isalnum() for c in r)]
outs, refs = (list(column) for column in zip(*pairs, strict=True))
for name, texts in {
    "as it is": outs,
    "said twice": [f"{line} {line}" for line in outs],
    "and the next one": [f"{line} {other}" for line, other in zip(outs, [*outs[1:], outs[0]], strict=True)],
}.items():
    found = rouge(texts, refs)
    rows.append((name, found.rouge_1.recall, found.rouge_1.f1, found.rouge_2.f1, found.rouge_l.f1))
lesson.table("rouge", rows, ["output", "ROUGE-1 recall", "ROUGE-1 F1", "ROUGE-2 F1", "ROUGE-L F1"], tolerance=0.01)

# %% [markdown]
# ## Word error rate
#
# The words of a recognised sentence are aligned with those that were said, so that as few as possible must be changed,
# left out or added; their number, divided by that of the words said, is the **word error rate**. A table finds it: each
# cell is the distance of the first words of both.


# %%
def distances(said: list[str], heard: list[str]) -> np.ndarray:
    """Cell [i, j]: changes that make the first j words heard from the first i words said (Levenshtein 1966)."""
    table = np.add.outer(np.arange(len(said) + 1), np.arange(len(heard) + 1))
    for i, a in enumerate(said, 1):
        for j, b in enumerate(heard, 1):
            table[i, j] = min(table[i - 1, j - 1] + (a != b), table[i - 1, j] + 1, table[i, j - 1] + 1)
    return table


said, heard = "the fox sees a red bird", "a fox sees red birds today"
table = distances(said.split(), heard.split())
print(table)
assert table[-1, -1] == word_errors([said], [heard]).errors == 4  # the → a, a left out, bird → birds, today added

# %% [markdown]
# The errors of all sentences are added up, then divided by all words. The mean of the sentences' own rates is another
# number, in which a word of a short sentence weighs more. And words must not be compared by their places: one word too
# many, and all that follow are wrong. The full profile has the test case of NIST's scoring program, in which some
# references allow alternatives; sclite, the program that evaluations used, counts 169 errors of 1,406 words.

# %%
spoken = real("asr_sctk_csrnab")
if spoken is None:
    rng = random.Random(lesson.seed + 1)
    lines = [(text.lower(), spoiled(text, rng).lower()) for text in greentree.texts("test")]
else:
    lines = [(record["reference"].upper(), record["hypothesis"].upper()) for record in spoken.split("test")]
    lines = [(nearest_reading(reference, hypothesis), hypothesis) for reference, hypothesis in lines]
counts = word_errors(*zip(*lines, strict=True))
each = [word_errors([a], [b]).rate for a, b in lines]
by_place = [sum(x != y for x, y in zip(a.split(), b.split(), strict=False)) for a, b in lines]
missing = [abs(len(a.split()) - len(b.split())) for a, b in lines]
rows = [
    ("all errors / all words", counts.rate),
    ("mean of the sentences' rates", float(np.mean(each))),
    ("word by word, by place", (sum(by_place) + sum(missing)) / counts.words),
]
lesson.table("word_errors", rows, ["computed as", "word error rate"], tolerance=0.002)
if spoken is not None:
    note = f"{counts.errors} errors of {counts.words:,} words; sclite counts 169 of 1,406"
    lesson.record("nist_wer", counts.rate, tolerance=1e-9, n=counts.words, note=note)

# %% [markdown]
# ## Are its probabilities true?
#
# Of the answers that a model is 80 % sure of, 80 % should be right. The **expected calibration error** sorts the
# answers into ten bins by how sure the model was, and takes the mean distance between that and the share that is right.
# The accuracy does not see it: multiply all logits by four, as training for too long does, or divide them by four, and
# every answer stays the same.


# %%
def both(logits: np.ndarray) -> np.ndarray:
    """Logits of yes -> probabilities of no and yes [N, 2]."""
    yes = 1 / (1 + np.exp(-logits))
    return np.stack([1 - yes, yes], axis=1)


versions = {"as trained": logits, "four times too sure": 4 * logits, "four times too shy": logits / 4}
found = {name: calibration(both(values), task.test_rare.astype(int)) for name, values in versions.items()}
accuracy = float(((logits > 0) == task.test_rare).mean())
rows = [(name, accuracy, one.error, one.brier, one.nats) for name, one in found.items()]
columns = ["probabilities", "accuracy", "calibration error", "Brier score", "nats"]
lesson.table("calibration", rows, columns, tolerance=0.02)
error = found["as trained"].error
lesson.record("calibration_error", error, tolerance=0.02, n=len(logits), note="in ten bins", at_most=0.03)
lesson.figure(
    plots.reliability({name: one.bins for name, one in found.items()}),
    "reliability",
    "The same answers with three kinds of probabilities; the larger a point, the more examples",
)

# %% [markdown]
# ## How far can a figure be trusted?
#
# A test set is a sample. 29 of 30 right is 96.7 %, and could as well be 83 or 99: that is **Wilson's interval**. The
# usual formula $p \pm 1.96 \sqrt{p (1 - p) / n}$ goes beyond 100 % there. Neither knows F1 or BLEU; the **bootstrap**
# does: draw the examples anew, with replacement, compute the figure, and again, two thousand times. Here it is written
# out; `bootstrap` of the library does the same with SciPy.

# %%
rows = []
for hits, n in ((29, 30), (290, 300), (2900, 3000)):
    half = 1.96 * math.sqrt(hits / n * (1 - hits / n) / n)
    rows.append((f"{hits:,} of {n:,}", *wilson_interval(hits, n), hits / n - half, hits / n + half))
lesson.table("wilson", rows, ["right", "Wilson from", "to", "usual formula from", "to (usual)"], tolerance=1e-6)


def f1(right: np.ndarray, yes: np.ndarray) -> float:
    """F1 of the rare class: twice the hits, over what is of the class plus what was called so."""
    return 2 * float((right & yes).sum()) / max(1, int(right.sum() + yes.sum()))


rare, called_rare, generator = task.test_rare, answered["TF-IDF"], np.random.default_rng(0)
resamples = [generator.integers(0, len(rare), len(rare)) for _ in range(2000)]
low, high = np.quantile([f1(rare[drawn], called_rare[drawn]) for drawn in resamples], [0.025, 0.975])
interval = bootstrap(f1, rare, called_rare)
assert np.allclose((interval.low, interval.high), (low, high))
print(f"F1 {interval.value:.3f}, 95 % interval {interval.low:.3f} to {interval.high:.3f}")

# %% [markdown]
# ### Two systems on one test set
#
# The mistake: to look whether two intervals overlap. Both systems have seen the same examples, and what is hard for
# one is mostly hard for the other; only the examples count on which they differ. Here words alone are compared with
# words and pairs of words. The interval *of the difference*, by drawing examples with both answers, is much narrower
# than the two single ones would make believe; McNemar's test and the permutation test ask the same question. The
# latter reasons: if the systems were equally good, each example's two scores could as well be exchanged, which turns
# the sign of their difference. How often is the mean difference as large when a coin chooses every sign?

# %%
wider = classifier(task, 2)(task.test) > 0
hit, wider_hit = answered["TF-IDF"] == task.test_rare, wider == task.test_rare


def gain(a: np.ndarray, b: np.ndarray) -> float:
    return float(b.mean() - a.mean())


singles = [bootstrap(np.mean, one) for one in (hit, wider_hit)]
paired = bootstrap(gain, hit, wider_hit)
rows = [
    ("words", singles[0].value, singles[0].low, singles[0].high),
    ("words and pairs", singles[1].value, singles[1].low, singles[1].high),
    ("difference", paired.value, paired.low, paired.high),
]
lesson.table("paired", rows, ["accuracy of", "value", "from", "to"], tolerance=0.02)
note = "words against words and pairs"
lesson.record("mcnemar_p", mcnemar_test(hit, wider_hit), tolerance=0.3, note=note, at_least=0.05)
gains = wider_hit.astype(float) - hit
tossed = stats.permutation_test((gains,), np.mean, permutation_type="samples", batch=500, rng=0)
note = "the same by tossed coins"
lesson.record("permutation_p", tossed.pvalue, tolerance=0.3, note=note, at_least=0.05)

# %% [markdown]
# ### Several runs
#
# Intervals of the test set say nothing about chance in *training*. Ten classifiers of the same kind, each from another
# half of the training texts, differ; what the method reaches is their mean, with its standard deviation. The mistake is
# to run ten and to report the best, on the very test set by which it was chosen: it is a figure of luck, and the more
# runs, the better it looks.

# %%
rng = np.random.default_rng(lesson.seed)
runs = []
for _ in range(10):
    chosen = rng.permutation(len(task.train))[: len(task.train) // 2]
    runs.append(float(((classifier(task, 1, chosen)(task.test) > 0) == task.test_rare).mean()))
lesson.record_mean("accuracy_of_ten_runs", runs, tolerance=0.02, note="their mean")
lesson.record("best_of_ten_runs", max(runs), tolerance=0.02, note="what is often reported instead")

# %%
lesson.finish()
