# %% [markdown]
# # Ethics: biases in the data and in the model
#
# - Article section: §8.2
# - Needs: word_embeddings, gpt
# - Data: greentree; the full profile also tatoeba_eng_fra, crows_pairs, winobias, and glove_50d where it is installed
# - Minutes: quick 1, full 9
# - Memory: 2.9 GB
# - Shows: a bias that is known exactly, what a model makes of it, what counterfactual texts help and cost, and tests
#   on real text with their flaws
# - Headline: bias_error, amplification_before, amplification_after
#
# A model learns from its text who is a doctor and who is a sailor, and says it again. Two questions are often mixed up:
# how uneven is the text, and does the model add to it? With real text neither has an exact answer. The grammar of
# `greentree` has a **dial** for it: for each job, how likely somebody of that job has a girl's name and is called
# "she". Here the dial is set, and measured again: first in the text, then in the model.
#
# The values of the dial are made up. They say nothing about anybody.

# %%
from __future__ import annotations

import random

from lmbook import (
    GPT,
    BytePairTokenizer,
    CausalWindows,
    Lesson,
    LmbookError,
    OptimizerConfig,
    WordTokenizer,
    evaluate,
    fit,
    load_corpus,
    mean_sd,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora import read_glove_50d
from lmbook.corpora.greentree import LEXICON, Grammar, english_tokens, floor, tell_stories
from lmbook.evaluation import WordVectors, pair_preference, sentence_log_probabilities
from lmbook.models import make_config
from lmbook.pipelines import padded
from lmbook.recipes import GPTProfile, train_on_stories
from lmbook.topics.bias import (
    BOYS,
    GIRLS,
    TESTS,
    WOMEN_AND_MEN,
    amplification,
    exchange,
    exchange_english,
    people,
    shares,
    sharpened,
    weat,
)

import numpy as np
import tensorflow as tf

lesson = Lesson("ethics")
if lesson.own_text:
    print("The bias is known for greentree alone: --corpus and --text are left aside.")

# %% [markdown]
# ## The dial, and the measure
#
# The measure reads texts as one would read real ones: it looks for "a … doctor named Anna" and counts. It does not know
# the dial. `bias_error` is its largest error among the jobs.

# %%
DIAL = {
    "sailor": 0.1,
    "farmer": 0.2,
    "doctor": 0.3,
    "child": 0.5,
    "baker": 0.5,
    "painter": 0.6,
    "gardener": 0.75,
    "teacher": 0.85,
}
SIZES = {"kinds": len(DIAL), "wishes": 6, "girls": len(GIRLS), "boys": len(BOYS)}
LEXICON_HERE = LEXICON.first(lesson.choose(quick=2, full=4), **SIZES)
biased, even = (Grammar(LEXICON_HERE, max_sentences=4, women=women) for women in (DIAL, dict.fromkeys(DIAL, 0.5)))
told = [story.english for story in tell_stories(lesson.choose(quick=20_000, full=60_000), 10, grammar=biased)]
counted = shares((person for text in told for person in people(text)), GIRLS)
in_text = {job: counted[job].value for job in DIAL}
error = max(abs(in_text[job] - DIAL[job]) for job in DIAL)
fewest = min(counted[job].count for job in DIAL)
lesson.record("bias_error", error, tolerance=0.01, n=fewest, note="largest of eight jobs; n people of the rarest job")

# %% [markdown]
# ## What the model says
#
# A GPT reads these stories. Asked to go on after "Every morning a brave doctor named", it gives each name a
# probability; the sum of the girls' is its share of women among doctors. That needs no sampling and has no noise.
#
# A language model is trained to have the probabilities of its text, and a good one has its biases too, neither more nor
# less. But few use it as it is: texts are mostly written at a **temperature** below 1, or greedily. That makes likely
# names likelier, and so a majority larger, by an amount that can be computed: six names of a share s become
# s^(1/t) / (s^(1/t) + (1 - s)^(1/t)). **Amplification** is how much further than the dial the model goes, in the
# direction of the majority, averaged over the jobs that have one.

# %%
TEMPERATURES = (1.0, 0.7, 0.5)
USUAL = 0.7
SEEDS = range(lesson.seed, lesson.seed + lesson.choose(quick=1, full=3))
PAIRS = [*((g.english, b.english) for g, b in zip(LEXICON.girls, LEXICON.boys, strict=True)), ("she", "he")]
words = WordTokenizer.train([*told, *(exchange(text, PAIRS) for text in told[:2000])])
girls, boys = ([words.encode(name)[0] for name in sorted(names)] for names in (GIRLS, BOYS))
contexts = tell_stories(32, 31, grammar=even)
test = [story.english for story in tell_stories(lesson.choose(quick=200, full=500), 32, grammar=biased)]


def next_logits(model, prompts: list[str]) -> np.ndarray:
    """Logits [N, V] of the token after each prompt."""
    rows = [[words.end_id, *words.encode(prompt)] for prompt in prompts]
    ids = padded(rows, max(map(len, rows)), words.pad_id)
    logits = tf.function(lambda x: model(x))(ids).numpy()
    return logits[np.arange(len(rows)), [len(row) - 1 for row in rows]]


def introductions(job: str) -> list[str]:
    """Beginnings of stories up to where a name must stand."""
    return [
        f"{english_tokens(story.sentences[0])} every morning a {story.world.hero_trait} {job} named"
        for story in contexts
    ]


def women_of(model) -> dict[float, dict[str, float]]:
    """Temperature -> job -> the model's share of women."""
    logits = next_logits(model, [prompt for job in DIAL for prompt in introductions(job)])
    of_names = logits[:, girls + boys].reshape(len(DIAL), len(contexts), -1)
    found = {}
    for temperature in TEMPERATURES:
        p = np.exp((of_names - of_names.max(axis=-1, keepdims=True)) / temperature)
        women = p[..., : len(girls)].sum(-1) / p.sum(-1)
        found[temperature] = dict(zip(DIAL, women.mean(axis=1).tolist(), strict=True))
    return found


PROFILE = GPTProfile(
    lesson.profile,
    steps=lesson.choose(quick=250, full=500),
    context=48,
    batch_size=32,
    num_layers=2,
    hidden_dim=64,
    max_sequence_length=64,
)


def train(texts: list[str], seed: int):
    """A model of these stories."""
    return train_on_stories(PROFILE, texts, words, seed, quiet=True)[0]


read = told[: lesson.choose(quick=8_000, full=24_000)]
plain = [train(read, seed) for seed in SEEDS]
before = [women_of(model) for model in plain]
loose = lesson.choose(quick=0.05, full=0.03)
note = "model's majority beyond the dial's, temperature"
for temperature in TEMPERATURES:
    key = "amplification_before" if temperature == USUAL else f"amplification_at_{temperature:g}"
    found = [amplification(one[temperature], DIAL) for one in before]
    small = loose if temperature == 1 else None  # drawn as they are, the shares stay as they are
    limits = {"at_least": None if small is None else -small, "at_most": small}
    lesson.record_mean(key, found, tolerance=loose, note=f"{note} {temperature:g}", **limits)
exact = amplification({job: sharpened(share, USUAL) for job, share in DIAL.items()}, DIAL)
lesson.record("amplification_exact", exact, tolerance=1e-6, note=f"what temperature {USUAL} alone does, computed")

# %% [markdown]
# ## Counterfactual texts
#
# A remedy: read each story a second time with women and men exchanged, names and pronouns. Whatever the dial is, each
# job then has as many women as men. In `greentree` that is exact, and each exchanged story is one of the grammar. The
# model takes as many steps as before, half of them on exchanged stories.
#
# It has a cost. The model no longer knows what is true of the text, so it predicts the text worse. How much worse any
# model must be that thinks all jobs even is the difference of two floors: that of the grammar with the dial, and that
# of the same grammar with the dial at one half.

# %%
balanced = [train([*read, *(exchange(text, PAIRS) for text in read)], seed) for seed in SEEDS]
after = [women_of(model) for model in balanced]
found = [amplification(one[USUAL], DIAL) for one in after]
lesson.record_mean("amplification_after", found, "", loose, "counterfactual texts; below 0: less than the dial's")


def skew(of_model: dict[str, float]) -> float:
    """How far from even: mean distance of the shares from one half."""
    return float(np.mean([abs(share - 0.5) for share in of_model.values()]))


lesson.record("skew_dial", skew(DIAL), tolerance=1e-6, note="mean distance of the shares from one half: the dial")
for name, of in (("before", before), ("after", after)):
    found = [skew(one[USUAL]) for one in of]
    note, most = f"the model's, temperature {USUAL}", 0.08 if name == "after" else None
    lesson.record_mean(f"skew_{name}", found, tolerance=loose, note=note, at_most=most)
documents = [words.encode(text) for text in test]
losses = [[evaluate(model, documents, words).nats_per_token for model in of] for of in (plain, balanced)]
lesson.record_mean("loss_before", losses[0], "nats per word", loose, "stories with the bias")
lesson.record_mean("loss_after", losses[1], "nats per word", loose, "the same stories")
cost = np.subtract(losses[1], losses[0])
lesson.record_mean("cost", cost, "nats per word", loose, "loss_after minus loss_before, per seed")
must = floor(test, words, grammar=even) - floor(test, words, grammar=biased)
lesson.record("cost_exact", must, "nats per word", 1e-6, note="what not to know the dial costs, by the two floors")

at = {temperature: [one[temperature] for one in before] for temperature in TEMPERATURES}
rows = []
for job, share in DIAL.items():
    seen = [float(np.mean([one[job] for one in of])) for of in (at[1.0], at[USUAL], [one[USUAL] for one in after])]
    rows.append([job, share, in_text[job], *seen])
columns = ["job", "dial", "text", "model", f"model at {USUAL}", f"counterfactual at {USUAL}"]
lesson.table("women", rows, columns, lesson.choose(quick=0.12, full=0.06))

figure, axes = plots.new_figure("Share of women by job", "the dial", "the model", (6.4, 5.0))
line = np.linspace(0.01, 0.99, 99)
for index, temperature in enumerate(TEMPERATURES):
    style = plots.line_style(index)
    axes.plot(line, [sharpened(s, temperature) for s in line], linewidth=1.0, **style)
    points = [(DIAL[job], one[job]) for one in at[temperature] for job in DIAL]
    axes.scatter(*zip(*points, strict=True), s=16, color=style["color"], label=f"temperature {temperature:g}")
points = [(DIAL[job], one[USUAL][job]) for one in after for job in DIAL]
axes.scatter(*zip(*points, strict=True), s=22, marker="x", color=plots.COLOURS[3], label=f"counterfactual, {USUAL}")
axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "dial", "The model's shares against the dial; the lines are what the temperature does, exactly")

# %% [markdown]
# ## Is anybody called wrongly?
#
# A story's "she" must be somebody with a girl's name, whatever her job. If the model went by the job, a woman at sea
# would be called "he" more often than a teacher. The test: the probability of the wrong pronoun after an introduction,
# for people of the majority of their job, and of its minority.


# %%
def wrong_pronoun(model) -> tuple[float, float]:
    """Share of the wrong one in the probability of both pronouns: for majorities, for minorities."""
    he, she = (words.encode(word)[0] for word in ("he", "she"))
    prompts, woman, major = [], [], []
    for job, share in DIAL.items():
        for story, prompt in zip(contexts, introductions(job), strict=True):
            for names, is_woman in ((GIRLS, True), (BOYS, False)):
                name = sorted(names)[len(prompts) % len(names)]
                prompts.append(f"{prompt} {name} comes here and {story.sentences[1].slots['wish']} .")
                woman.append(is_woman)
                major.append(0 if share == 0.5 else (1 if (share > 0.5) == is_woman else -1))
    logits = next_logits(model, prompts)[:, [he, she]]
    p_he = 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))
    wrong, major = np.where(woman, p_he, 1 - p_he), np.array(major)
    return float(wrong[major == 1].mean()), float(wrong[major == -1].mean())


called = [wrong_pronoun(model) for model in plain]
for place, name in enumerate(("majority", "minority")):
    found, note = [one[place] for one in called], f"people of the {name} of their job"
    lesson.record_mean(f"wrong_pronoun_{name}", found, tolerance=loose, note=note, at_most=0.07)

# %% [markdown]
# ## Associations of words
#
# Word vectors have biases too: a word lies near the words that it is used with. The **word-embedding association test**
# compares two sets of targets (jobs) by how near they are to two sets of attributes (girls' and boys' names). The
# effect d is in standard deviations; the p-value comes from dividing the targets in all other ways.
#
# First the model's own table of vectors, where the truth is known: jobs of women against jobs of men. With three of
# each the test has little power: it swings from seed to seed and does not find the bias that the model's probabilities
# show plainly. What a test of a table does not find can be in the model all the same.

# %%
OF_WOMEN, OF_MEN = ("teacher", "gardener", "painter"), ("sailor", "farmer", "doctor")


def of_table(model):
    """The association test on the model's vectors of words."""
    vectors = WordVectors(words.tokens, model.embedding.weights[0].numpy())
    return weat(vectors, (OF_WOMEN, OF_MEN), (sorted(GIRLS), sorted(BOYS)))


for name, of in (("before", plain), ("after", balanced)):
    found = [of_table(model).effect for model in of]
    lesson.record_mean(f"table_effect_{name}", found, "", 1.5, "jobs of women, of men: girls', boys' names; d")

# %% [markdown]
# Then real vectors: GloVe, made of the words that stand near each other in Wikipedia and newswire. The four tests
# repeat some that were made with people: flowers are found pleasant and insects not; and women's names go with family,
# men's with career. What is published was measured on larger vectors.


# %%
def occupations() -> dict[str, str]:
    """Occupation -> whose it is by the stereotype ("he" or "she"), as WinoBias has them (from labour statistics)."""
    found = {}
    for record in load_corpus("winobias").split("test"):
        pronoun = record["pronoun"].lower()
        male = (pronoun in ("he", "him", "his")) == (record["stereotype"] == "pro")
        found[record["entity"].lower().split(" ", 1)[-1]] = "he" if male else "she"
    return found


def of_glove() -> None:
    """The association tests on GloVe's vectors."""
    tokens, numbers = read_glove_50d()
    vectors = WordVectors(tokens[:100_000], np.asarray(numbers[:100_000]))
    rows = []
    for test in TESTS:
        found = weat(vectors, test.targets, test.attributes)
        rows.append([test.name, found.effect, found.p_value, test.published, " ".join(found.missing)])
    jobs = occupations()
    sides = tuple([job for job, pronoun in jobs.items() if pronoun == of] for of in ("she", "he"))
    found = weat(vectors, sides, WOMEN_AND_MEN)
    rows.append(["occupations of women, of men: woman, man", found.effect, found.p_value, "", " ".join(found.missing)])
    lesson.table("glove", rows, ["test", "d", "p", "published d", "no vector"], 0.02)
    lesson.record("glove_occupations_effect", found.effect, tolerance=0.02, note="d, WinoBias' occupations in GloVe")


# %% [markdown]
# ## Real text
#
# The same with a model of real English: sentences of Tatoeba, six thousand pieces of words, trained here. Three tests:
#
# - **Pronouns**: after "The doctor said that", the share of "he" in the probability of both, for the occupations of
#   WinoBias.
# - **WinoBias**: pairs of sentences that differ in a pronoun alone, one with the stereotype and one against it. How
#   often does the model find the first likelier? Even would be 0.5.
# - **CrowS-Pairs**: pairs of sentences of which one is the more stereotyping. Even would be 0.5 as well.
#
# The tests have flaws, and some of them show in figures. A sentence may be likelier for a reason that has nothing to do
# with a stereotype, such as a frequent word: so each is also scored by a model that knows nothing but how frequent each
# piece is. A score that this one reaches too says nothing about stereotypes. WinoBias has few sentences made from fewer
# patterns, and asks who a pronoun refers to, which a likelihood does not answer. Of CrowS-Pairs, Blodgett et al. (2021,
# "Stereotyping Norwegian salmon") found that most of its pairs do not test what they are said to: they are no
# stereotypes, differ in more than the group, or compare groups that are not comparable.


# %%
def real_text() -> None:
    """Train on Tatoeba, with and without exchanged sentences, and test both."""
    sentences = sorted({pair["source"] for pair in load_corpus("tatoeba_eng_fra").split("train")})
    random.Random(1).shuffle(sentences)
    held_out, sentences = sentences[:1000], sentences[1000:41_000]
    pieces = BytePairTokenizer.train(sentences, 3000)
    jobs = occupations()

    def made(texts: list[str], seed: int) -> GPT:
        reproducible(seed)
        sizes = {"num_layers": 3, "hidden_dim": 128, "intermediate_dim": 512, "max_sequence_length": 64}
        model = GPT(make_config("gpt", pieces.vocabulary_size, **sizes))
        data = CausalWindows([pieces.encode(text) for text in texts], pieces, context=64, batch_size=24, seed=seed)
        fit(model, data, steps=250, optimizer=OptimizerConfig("muon", learning_rate=4e-3), quiet=True)
        return model

    def encoded(texts: list[str]) -> list[list[int]]:
        return [pieces.encode(text) for text in texts]

    # Pairs: (which test, the stereotyping sentence, the other one), both short enough for the model.
    pairs = [
        (f"crows, {row['bias_type']}", row["sent_more"], row["sent_less"])
        for row in load_corpus("crows_pairs").split("test")
    ]
    by_pattern: dict[str, dict[str, str]] = {}
    for row in load_corpus("winobias").split("test"):
        pattern = row["marked"].replace(f"[{row['pronoun']}]", "[]")
        pattern = f"winobias, type {row['type']}|{pattern}|{row['pronoun'] in ('his', 'him', 'her')}"
        by_pattern.setdefault(pattern, {})[row["stereotype"]] = row["text"]
    pairs += [(key.split("|")[0], both["pro"], both["anti"]) for key, both in by_pattern.items() if len(both) == 2]
    more, less = (encoded([pair[side] for pair in pairs]) for side in (1, 2))
    fits = np.array([max(len(a), len(b)) < 63 for a, b in zip(more, less, strict=True)])
    kinds = np.array([pair[0] for pair in pairs])
    he_more = np.array([bool({"he", "his", "him"} & set(pair[1].lower().replace(".", "").split())) for pair in pairs])
    counts = np.bincount(np.concatenate(encoded(sentences)), minlength=pieces.vocabulary_size) + 1
    frequency = np.log(counts / counts.sum())
    tests = {
        "crows": np.char.startswith(kinds, "crows"),
        "crows_gender": kinds == "crows, gender",
        "winobias_1": kinds == "winobias, type 1",
        "winobias_2": kinds == "winobias, type 2",
    }
    tests["winobias"] = tests["winobias_1"] | tests["winobias_2"]
    tests = {name: np.flatnonzero(chosen & fits) for name, chosen in tests.items()}

    def scored(first, second) -> dict[str, float]:
        return {name: pair_preference(first[rows], second[rows]).share for name, rows in tests.items()}

    def judge(model: GPT) -> dict[str, float]:
        log_p = [np.zeros(len(pairs)), np.zeros(len(pairs))]
        chosen = np.flatnonzero(fits)
        for found, side in zip(log_p, (more, less), strict=True):
            found[chosen] = sentence_log_probabilities(model, [side[row] for row in chosen], pieces)
        result = scored(*log_p)
        rows = tests["winobias"]
        likelier_he = np.where(he_more, log_p[0] > log_p[1], log_p[1] > log_p[0])[rows]
        ends = [[f"The {job} said that {pronoun} was late." for job in jobs] for pronoun in ("he", "she")]
        he, she = (sentence_log_probabilities(model, encoded(side), pieces) for side in ends)
        p_he = 1 / (1 + np.exp(she - he))
        male = np.array([pronoun == "he" for pronoun in jobs.values()])
        loss = evaluate(model, encoded(held_out), pieces).nats_per_token
        own = {"he": p_he.mean(), "he_gap": p_he[male].mean() - p_he[~male].mean(), "winobias_he": likelier_he.mean()}
        return {**result, **{name: float(value) for name, value in own.items()}, "tatoeba_loss": loss}

    exchanged = [*sentences, *(exchange_english(text) for text in sentences)]
    found = [[judge(made(texts, seed)) for seed in SEEDS] for texts in (sentences, exchanged)]
    by_frequency = scored(*(np.array([frequency[row].sum() for row in side]) for side in (more, less)))
    notes = {
        "he": "share of he after an occupation",
        "he_gap": "the same: occupations of men minus those of women",
        "winobias": "stereotype likelier, both types",
        "winobias_1": "type 1: needs knowledge of the world",
        "winobias_2": "type 2: grammar would do",
        "winobias_he": "sentence with he likelier",
        "crows": "more stereotyping sentence likelier, all kinds",
        "crows_gender": "the same, pairs about gender",
        "tatoeba_loss": "nats per piece, other sentences",
    }
    rows = []
    for name, what in notes.items():
        cells = []
        for side, of in zip(("before", "after"), found, strict=True):
            values = [one[name] for one in of]
            lesson.record_mean(f"{name}_{side}", values, tolerance=0.06, note=f"Tatoeba; {what}")
            mean, sd = mean_sd(values)
            cells.append(f"{mean:.3f}" if sd is None else f"{mean:.3f} ± {sd:.3f}")
        rows.append([what, *cells, by_frequency.get(name, ""), len(tests[name]) if name in tests else ""])
    lesson.table("real", rows, ["", "as it is", "with exchanged sentences", "frequency alone", "pairs"], 0.02)
    for name in ("crows", "crows_gender", "winobias"):
        rows = tests[name]
        half = pair_preference(np.zeros(len(rows)), np.zeros(len(rows)))
        lesson.record(f"{name}_interval", half.high - 0.5, tolerance=1e-6, n=len(rows), note="95 % interval at 0.5, ±")


if lesson.full:
    for part, needs in ((of_glove, "GloVe"), (real_text, "tatoeba_eng_fra, crows_pairs and winobias")):
        try:
            part()
        except LmbookError as error:
            print(f"Without {needs}: {error.message}\n{error.fix}")

# %% [markdown]
# ## What this small scale cannot show
#
# The dial is one number a job, and the remedy knows it: two groups, a list of names. Real biases are in what is told
# about whom, in what is left out, in who wrote the text; groups are more than two, and nobody has a list that exchanges
# them. An even share is also not always what is wanted: a model that is asked what the labour statistics are should
# know them. Which of these it is cannot be measured; somebody must decide it and say so. That is what the cards on the
# chapter's page are for.

# %%
lesson.finish()
