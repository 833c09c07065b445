# %% [markdown]
# # Human evaluation
#
# - Article section: §9.7
# - Needs: n_grams, lstm_baseline
# - Data: greentree (built in); the full profile also instructions_rasbt
# - Minutes: quick 1, full 4
# - Memory: 1.0 GB
# - Shows: how two systems' texts are compared blind, how far raters agree, how many are needed, what spoils it
# - Headline: alpha, kappa, win_rate, items_for_60_percent, longer_is_chosen
#
# For a text that should be *good*, not only equal to a reference, the last word is a person's. That makes a figure no
# more true by itself: people tire, disagree, favour what they see first or what is longer, and a handful of them says
# little. This lesson is about asking them in such a way that the answer means something.
#
# **No person rated anything here.** The raters below are simulated, and every figure of theirs says so. What they do is
# known exactly, and so one sees what the measures make of it. With the form of this lesson you can ask real ones.

# %%
from __future__ import annotations

import functools
import itertools
import re

from lmbook import KneserNey, Lesson, LmbookError, WordTokenizer, count_n_grams, wilson_interval
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import Grammar, NotInGrammar, log_probability, normalize_english, pretty, tell_stories
from lmbook.evaluation import (
    ANSWERS_FORMAT,
    FIRST,
    LEVELS,
    SECOND,
    TIE,
    items_needed,
    krippendorff_alpha,
    make_form,
    merge,
    read_key,
)
from lmbook.evaluation.preference import preference
from lmbook.files import write_json

import numpy as np
from scipy.sparse import vstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score

lesson = Lesson("human_evaluation", corpora=())
if lesson.own_text:
    raise LmbookError("This lesson compares its own systems.", "For texts of yours: lmbook rate make A.txt B.txt")
FOLDER = scratch_dir(lesson.file) / "human_evaluation"

# %% [markdown]
# ## Do the raters agree?
#
# If two raters contradict each other, at least one of them says nothing about the texts. But the share of equal answers
# misleads: two people who draw "good" from a hat 95 times in 100 are equal 90 times in 100. So agreement is counted
# **beyond chance**, from 0 (what chance gives) to 1:
#
# $$\kappa = \frac{p_\text{equal} - p_\text{chance}}{1 - p_\text{chance}} \qquad\qquad
#   \alpha = 1 - \frac{D_\text{observed}}{D_\text{chance}}$$
#
# Cohen's $\kappa$ is for two raters who both judge everything; what chance gives follows from how often each of them
# uses each answer. Krippendorff's $\alpha$ counts disagreement instead, takes any number of raters and missing answers,
# and knows that "better" and "worse" are further apart than "better" and "tie". It is forty lines in
# `lmbook/evaluation/agreement.py`; $\kappa$ comes from scikit-learn. Both are held against published examples:
# Krippendorff's four observers, who sorted twelve units (0.743 where values are just different, 0.815 where they have
# an order, 0.849 where their differences count), and the fifty proposals that two people read, whose $\kappa$ is 0.40.

# %%
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
for level, published in zip(LEVELS, (0.743, 0.815, 0.849), strict=True):
    key = "alpha" if level == "nominal" else f"alpha_{level}"
    note = f"Krippendorff 2011, {level}; published {published}"
    lesson.record(key, krippendorff_alpha(OBSERVERS, level), tolerance=0.0, note=note)


def two_raters(both_yes: int, yes_no: int, no_yes: int, both_no: int) -> tuple[list[int], list[int]]:
    """The answers of two raters, from how often each pair of answers occurs."""
    counts = {(1, 1): both_yes, (1, 0): yes_no, (0, 1): no_yes, (0, 0): both_no}
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return tuple(zip(*pairs, strict=True))


proposals = two_raters(20, 5, 10, 15)
lesson.record("kappa", float(cohen_kappa_score(*proposals)), tolerance=1e-9, note="fifty proposals; published 0.40")

rows = []
for name, raters in {
    "fifty proposals": proposals,
    "nearly always yes": two_raters(90, 5, 5, 0),
    "rarely, but together": two_raters(5, 0, 5, 90),
    "the other way round": two_raters(10, 40, 40, 10),
}.items():
    equal = float(np.mean(np.equal(*raters)))
    rows.append((name, equal, float(cohen_kappa_score(*raters)), krippendorff_alpha(raters)))
lesson.table("agreement", rows, ["two raters", "equal answers", "kappa", "alpha"], tolerance=1e-9)

# %% [markdown]
# The second pair is equal in 90 of 100 cases and agrees on *nothing*: neither says no where the other does. The third,
# a little more often equal, agrees well. Report $\kappa$ or $\alpha$ beside the share.
#
# ## Two systems
#
# Which of two models tells better stories? Both get the first two sentences of stories that neither has seen, and go on
# by themselves, drawing word by word at temperature 0.7. In the quick profile they are two n-gram models, of three and
# of five words; in the full one the model of five words meets the LSTM of chapter 04 (its quick version).

# %%
COUNT = lesson.choose(quick=150, full=300)
grammar = Grammar(split="seen", max_sentences=4)
stories = tell_stories(lesson.choose(quick=8_000, full=12_000), 10, grammar=grammar)
tokenizer = WordTokenizer.train([story.english for story in stories])
documents = [tokenizer.encode(story.english) for story in stories]
SENTENCE = re.compile(r".+?[.!?]\"?(?: |$)")
fresh = [story.english for story in tell_stories(2 * COUNT, 14, grammar=grammar)]
openings = list(dict.fromkeys("".join(SENTENCE.findall(text)[:2]).strip() for text in fresh))[:COUNT]


def readable(ids: list[int]) -> str:
    """What a model wrote, with capitals."""
    return pretty(normalize_english(tokenizer.decode(ids)))


@functools.cache
def counted(order: int) -> KneserNey:
    return KneserNey(count_n_grams(documents, tokenizer, order))


def n_gram(order: int, seed: int) -> list[str]:
    """How the model of so many words goes on with each opening."""
    texts = []
    for number, opening in enumerate(openings):
        prompt = [tokenizer.end_id, *tokenizer.encode(opening)]
        chance = (seed << 20) + number
        texts.append(readable(counted(order).generate(prompt, max_new_tokens=80, seed=chance, temperature=0.7)))
    return texts


def lstm(seed: int) -> list[str]:
    """How the LSTM goes on with each opening."""
    from lmbook import Sampling, generate
    from lmbook.recipes import greentree_lstm
    from lmbook.recipes.lstm import QUICK

    trained = greentree_lstm(QUICK, lesson.seed, models=scratch_dir(lesson.file) / "models", strategy=lesson.strategy)
    words = trained.tokenizer
    prompts = [[words.end_id, *words.encode(opening)] for opening in openings]
    options = {"stop_ids": (words.end_id,), "suppress_ids": words.suppress_ids, "batch_size": 50}
    written = generate(
        trained.model, prompts, max_new_tokens=80, sampling=Sampling(temperature=0.7), seed=seed, **options
    )
    return [pretty(normalize_english(words.decode(ids))) for ids in written]


if lesson.full:
    systems = {"LSTM": lstm(lesson.seed), "five words": n_gram(5, lesson.seed)}
else:
    systems = {"five words": n_gram(5, lesson.seed), "three words": n_gram(3, lesson.seed)}
first, second = systems
for name, texts in systems.items():
    print(f"{name}:\n  {openings[0]} … {texts[0]}\n")

# %% [markdown]
# ## A blind form
#
# `lmbook rate make` writes one HTML file. It opens from disk in any browser, asks nothing of a network, and is worked
# with three keys. A rater cannot see which system wrote what: the pairs come in random order, each system stands on
# side A in half of them, and the key that tells lies in another file. The answers stay in the browser, come back after
# a crash, and are saved as a file, which the rater sends back. `lmbook rate merge` puts the files together, and refuses
# one that is broken, of another form, not complete or there twice.
#
# Here the same functions are called by hand. Open the form and try it.

# %%
QUESTION = "Which story goes on better? It should make sense and not contradict itself."
FOLDER.mkdir(parents=True, exist_ok=True)
for old in FOLDER.glob("*.json"):  # of another profile, whose key would be refused
    old.unlink()
form = make_form(FOLDER / "stories.html", systems, openings, question=QUESTION, seed=lesson.seed)
allowed = lesson.choose(quick=0, full=6)
lesson.record("pairs", form.items, tolerance=allowed, note="on the form")
lesson.record("identical", form.identical, tolerance=allowed, note="prompts with equal texts: they count as ties")
print(f"The form: {form.path}\nIts key:  {form.key}")

# %% [markdown]
# ## Raters, simulated
#
# What is the truth? On `greentree` there is one. The grammar reads a story and says where it first goes wrong: a story
# that is right to its end has the quality 1, another one the share of its sentences that are right before. A simulated
# rater sees the difference of two qualities, adds noise of his own (normal, its s.d. in sentences' shares) and, when
# what he sees is near 0, says tie.


# %%
def quality(story: str) -> float:
    """1 for a story that the grammar can tell, else the share of its sentences before the first wrong one."""
    sentences = SENTENCE.findall(story) or [story]
    for right in range(len(sentences)):
        try:
            log_probability("".join(sentences[: right + 1]), grammar=grammar)
        except NotInGrammar as error:
            if "without an ending" not in str(error):
                return right / len(sentences)
            continue
        return 1.0 if right + 1 == len(sentences) else right / len(sentences)
    return len(sentences) / (len(sentences) + 1)  # all are right, but the end is missing


def seen_difference(gaps, noise: float, chance: np.random.Generator, bias=0.0) -> np.ndarray:
    """The judgements of one simulated rater: `FIRST`, `TIE` or `SECOND` for each gap of qualities."""
    seen = gaps + bias + noise * chance.standard_normal(len(gaps))
    return np.where(np.abs(seen) < 0.15, TIE, np.where(seen > 0, FIRST, SECOND))


qualities = {
    name: np.array([quality(f"{opening} {text}") for opening, text in zip(openings, texts, strict=True)])
    for name, texts in systems.items()
}
for number, (name, values) in enumerate(qualities.items(), start=1):
    lesson.record(f"right_{number}", float((values == 1).mean()), "", 0.08, note=f"{name}: stories that are right")
gaps = qualities[first] - qualities[second]
truth = preference([seen_difference(gaps, 0.0, np.random.default_rng(0)).tolist()])
lesson.record("true_win_rate", truth.win_rate, "", 0.06, n=len(gaps), note=f"{first}, by the grammar, without noise")


def answer(name: str, noise: float, bias: float = 0.0):
    """A simulated rater fills in the form, and saves the file that the form would save; gives its path."""
    chance = np.random.default_rng([lesson.seed, *name.encode()])
    items = read_key(form.key)["items"]
    sides = np.array([1 if item["A"] == first else -1 for item in items.values()])
    shown = gaps[[item["prompt"] for item in items.values()]] * sides  # A against B
    judged = seen_difference(shown, noise, chance, bias)
    answers = dict(zip(items, ({FIRST: "A", TIE: "tie", SECOND: "B"}[value] for value in judged.tolist()), strict=True))
    content = {"format": ANSWERS_FORMAT, "form": form.form, "session": name, "rater": name, "answers": answers}
    return write_json(FOLDER / f"ratings_{form.form}_{name}.json", {**content, "note": "simulated"})


NOISE = {"careful": 0.1, "hasty": 0.5, "guessing": 5.0}
files = {f"{kind} {number}": answer(f"{kind} {number}", noise) for kind, noise in NOISE.items() for number in (1, 2, 3)}
three = merge(form.key, [files["careful 1"], files["hasty 1"], files["guessing 1"]])
score = three.preference()
lesson.record("win_rate", score.win_rate, "", 0.06, n=COUNT, note=f"{first}; three simulated raters of three kinds")
lesson.record("win_rate_low", score.low, "", 0.06, note="95 % interval, Wilson, over prompts")
lesson.record("win_rate_high", score.high, "", 0.06)
lesson.record("sign_test", score.p_value, "", 0.01, note="p; wins and losses equally likely?")
for pair, (kappa, equal, count) in three.kappas().items():
    print(f"{' and '.join(pair)}: {equal:.0%} of {count} equal, kappa {kappa:.2f}")

# %% [markdown]
# ## What noise does
#
# Three raters of each kind. The win rate of noisy raters is drawn towards one half: **a bad panel makes systems look
# alike.** It does not make the interval wider. That the raters are bad is told by $\alpha$ alone, so a win rate without
# it is half a result. ("Ordinal": a win against a loss counts more than a win against a tie.)

# %%
rows = []
for kind in NOISE:
    panel = merge(form.key, [files[f"{kind} {number}"] for number in (1, 2, 3)])
    score = panel.preference()
    equal = float(np.mean([value for _, value, _ in panel.kappas().values()]))
    kappa = float(np.mean([value for value, _, _ in panel.kappas().values()]))
    figures = (equal, kappa, panel.alpha(), panel.alpha("ordinal"), score.win_rate, score.low, score.high)
    rows.append((f"three {kind}", *figures))
columns = ["simulated raters", "equal", "kappa", "alpha", "alpha, ordinal", "win rate", "from", "to"]
guessing = {column: {"three guessing": 0.08} for column in columns[2:5]}  # no agreement
lesson.table("noise", rows, columns, tolerance=0.08, at_most=guessing)

# %% [markdown]
# ## How many pairs, how many raters?
#
# Before the raters are asked: could they find what you look for at all? The sign test counts the decided pairs. If the
# better system truly wins the share $p$ of them, so many pairs are needed to find it (at 5 %) in 80 of 100 studies,
# computed exactly from the binomial distribution:

# %%
rows = []
for share in (0.55, 0.6, 0.65, 0.7, 0.8, 0.9):
    low, high = wilson_interval(50 * share, 50)
    rows.append((f"{share:.2f}", items_needed(share), low, high))
columns = ["true share of wins", "decided pairs needed", "interval of 50 pairs: from", "to"]
lesson.table("power", rows, columns, tolerance=1e-9)
lesson.record("items_for_60_percent", items_needed(0.6), "pairs", note="decided ones; power 0.8, two-sided 5 %")

# %% [markdown]
# "50 prompts, ours wins 60 %" finds nothing: look at its interval. More prompts help; do more raters? Here studies of
# our two systems are simulated many times over: prompts drawn anew from those above, and one, three or five noisy
# raters for each. A second and a third opinion make the verdict on a prompt surer, and are worth it where raters are
# noisy. But opinions on one prompt share its luck: they do not replace other prompts.

# %%
PROMPTS, RATERS = (10, 20, 40, 80, 160), (1, 3, 5)
STUDIES = lesson.choose(quick=200, full=2000)


@functools.cache
def found(wins: int, losses: int) -> bool:
    """Whether the sign test finds the first system better."""
    return wins > losses and preference([[FIRST] * wins + [SECOND] * losses]).p_value <= 0.05


def power(gaps: np.ndarray, prompts: int, raters: int, noise: float, chance: np.random.Generator) -> float:
    """The share of simulated studies that find the first system better."""
    hits = 0
    for _ in range(STUDIES):
        drawn = chance.choice(gaps, prompts)
        total = sum(seen_difference(drawn, noise, chance) for _ in range(raters))
        hits += found(int((total > 0).sum()), int((total < 0).sum()))
    return hits / STUDIES


chance = np.random.default_rng(lesson.seed)
curves = {raters: [power(gaps, prompts, raters, 1.0, chance) for prompts in PROMPTS] for raters in RATERS}
rows = [(f"{prompts} prompts", *(curves[raters][place] for raters in RATERS)) for place, prompts in enumerate(PROMPTS)]
lesson.table("studies", rows, ["", *(f"raters: {raters}" for raters in RATERS)], tolerance=0.12)
figure, axes = plots.new_figure("Is the better system found?", "prompts", "share of simulated studies, p ≤ 0.05")
for index, (raters, values) in enumerate(curves.items()):
    axes.plot(PROMPTS, values, marker="o", label=f"simulated raters: {raters}", **plots.line_style(index))
plots.draw_floor(axes, 0.8, "power 0.8")
axes.set_xscale("log")
axes.set_xticks(PROMPTS, [str(prompts) for prompts in PROMPTS])
axes.set_xticks([], minor=True)
axes.set_ylim(0, 1.03)
axes.legend(frameon=False)
lesson.figure(figure, "power", f"How often simulated studies find that {first} is better, noisy raters")

# %% [markdown]
# ## Sides
#
# Many raters favour one side: the first text, say. Let two *equal* systems be compared: the same model twice, with
# other random draws. The raters favour side A by three tenths. Where the new system always stands on side A, it wins,
# and nearly surely "significantly". Where the sides are drawn at random the bias is spread over both: it costs
# precision, and is told by how often side A was chosen.
#
# And another thing: all raters have the same form, so that they favour the same texts. **The bias looks like
# agreement.** $\alpha$ says that raters agree, not that they are right.

# %%
again = zip(openings, n_gram(5, lesson.seed + 1), strict=True)
equal_gaps = qualities["five words"] - np.array([quality(f"{opening} {text}") for opening, text in again])
BIAS, PANELS = 0.3, lesson.choose(quick=100, full=500)
rows = []
half = np.where(np.arange(len(equal_gaps)) % 2, 1, -1)
for label, mixed, bias in (
    ("always on side A", False, BIAS),
    ("at random", True, BIAS),
    ("at random, raters without bias", True, 0.0),
):
    rates, wrong, alphas, on_a = [], [], [], []
    for _ in range(PANELS):
        sides = chance.permutation(half) if mixed else np.abs(half)
        raters = [seen_difference(equal_gaps * sides, 1.0, chance, bias) for _ in range(3)]
        score = preference([(row * sides).tolist() for row in raters])
        rates.append(score.win_rate)
        wrong.append(score.p_value <= 0.05)
        alphas.append(krippendorff_alpha([(row * sides).tolist() for row in raters]))
        on_a.append(np.mean(np.array(raters)[np.array(raters) != TIE] == FIRST))
    rows.append((label, *(float(np.mean(values)) for values in (rates, wrong, on_a, alphas))))
columns = ["the new system stands", "win rate of an equal system", "studies with p ≤ 0.05", "side A chosen", "alpha"]
by_chance = {columns[2]: {"at random": 0.1, "at random, raters without bias": 0.1}}
lesson.table("sides", rows, columns, tolerance=0.08, at_most=by_chance)
lesson.record("biased_win_rate", rows[0][1], "", 0.06, note="an equal system, always on side A; simulated")
lesson.record("random_sides_win_rate", rows[1][1], "", 0.06, note="the same, sides drawn at random")

# %% [markdown]
# ## Real pairs: what was preferred, and why?
#
# The set of instructions of *Build a Large Language Model (From Scratch)* has two answers to each instruction: one
# chosen, one rejected. Such sets are what models are tuned to people's wishes with (chapter 10), and a model learns
# what was in fact preferred, whatever that was meant to be. (No person chose here: a language model was asked to write
# the right answer a little more politely, or more rudely, and the other one of the two is the answer itself.)
#
# Two questions to ask of any such set. How often is the *longer* answer the chosen one? A judge who only counts words
# would be right so often. And which single words tell the chosen answer? A linear model on the difference of the two
# word counts learns it from the training part, and is asked about the test part.

# %%
if lesson.full and (corpus := lesson.real_corpus("instructions_rasbt")) is not None:
    parts = {part: corpus.split(part) for part in ("train", "validation", "test")}
    every = list(itertools.chain(*parts.values()))
    words = [(len(pair["chosen"].split()), len(pair["rejected"].split())) for pair in every]
    differ = [(a, b) for a, b in words if a != b]
    longer = sum(a > b for a, b in differ)
    low, high = wilson_interval(longer, len(differ))
    note = f"of {len(every):,} pairs, those of different length; 95 % interval {low:.3f} … {high:.3f}"
    lesson.record("longer_is_chosen", longer / len(differ), "", 0.0, n=len(differ), note=note)
    lesson.record("more_words", float(np.mean([a - b for a, b in words])), "words", 1e-9, note="chosen minus rejected")

    counting = CountVectorizer(min_df=3, binary=True)
    counting.fit(pair[side] for pair in parts["train"] for side in ("chosen", "rejected"))

    def differences(pairs: list[dict]):
        """Which words only the chosen answer has (1), and which only the rejected one (-1)."""
        return counting.transform(p["chosen"] for p in pairs) - counting.transform(p["rejected"] for p in pairs)

    def right_pairs(model, pairs: list[dict]) -> int:
        """Pairs in which the model finds the chosen answer; undecided ones count as wrong."""
        return int((model.decision_function(differences(pairs)) > 0).sum())

    train = differences(parts["train"])
    both = np.repeat([1, 0], train.shape[0])  # each pair both ways round, so that no side is favoured
    models = {
        penalty: LogisticRegression(C=penalty, fit_intercept=False, max_iter=2000).fit(vstack([train, -train]), both)
        for penalty in (0.01, 0.1, 1.0, 10.0)
    }
    best = max(models, key=lambda penalty: right_pairs(models[penalty], parts["validation"]))
    hits, count = right_pairs(models[best], parts["test"]), len(parts["test"])
    low, high = wilson_interval(hits, count)
    note = f"linear model of words, C = {best}; 95 % interval {low:.3f} … {high:.3f}"
    lesson.record("words_find_chosen", hits / count, "", 0.01, n=count, note=note)
    weights, names = models[best].coef_[0], counting.get_feature_names_out()
    order = np.argsort(weights)
    print("Words of chosen answers:  ", ", ".join(names[order[::-1][:15]]))
    print("Words of rejected answers:", ", ".join(names[order[:15]]))
    pairs = {"chosen": [p["chosen"] for p in every], "rejected": [p["rejected"] for p in every]}
    asked = [f"{p['instruction']}\n{p['input']}".strip() for p in every]
    real = make_form(FOLDER / "instructions.html", pairs, asked, items=50, question="Which answer is better?")
    print(f"A form of 50 pairs, to judge yourself: {real.path}")

# %% [markdown]
# ## What a report of human evaluation must hold
#
# Who rated, how many, what they were asked, and whether they were blind to the system; how the prompts were drawn; how
# sides and order were drawn; ties and what became of them; the win rate **with its interval over prompts**; agreement
# **beyond chance**; and the planned number of prompts, chosen before the first answer was read.

# %%
lesson.finish()
