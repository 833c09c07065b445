# %% [markdown]
# # From probabilities to text
#
# - Article section: §3.2, §6.3
# - Needs: attention
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 12
# - Memory: 2.4 GB
# - Shows: every way of choosing the next word on one distribution, and what each costs in sense and in variety
# - Headline: grammatical_temperature_1, grammatical_top_p, grammatical_min_p
#
# A language model gives each possible next word a probability. It does not say which word to write. The article
# (§3.2, step 5: "generate the output sequence") leaves that open, and its program takes the likeliest. There are many
# other ways, and they matter: the same model writes dull, lively or senseless text, depending on the choice.
#
# On greentree it can be measured what each choice costs. The grammar says of every text whether it is a story, and if
# so, with which probability it is told.

# %%
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from lmbook import (
    CausalWindows,
    CharacterTokenizer,
    Lesson,
    LmbookError,
    OptimizerConfig,
    Sampling,
    TransformerConfig,
    TransformerLanguageModel,
    WordTokenizer,
    beam_search,
    evaluate,
    fit,
    generate,
    mean_sd,
    reproducible,
    stream,
)
from lmbook.book import plots
from lmbook.corpora import greentree
from lmbook.corpora.greentree import LEXICON, Grammar, NotInGrammar
from lmbook.decoding import Automaton, filter_logits, penalize
from lmbook.evaluation import distinct_n

import numpy as np
import tensorflow as tf

lesson = Lesson("sampling")
SEEDS = [lesson.seed + index for index in range(lesson.choose(quick=1, full=3))]
LENGTH = 54  # words at most, as the longest story has; most have about 43

# %% [markdown]
# ## A model
#
# A Transformer of the decoder alone, small enough to be trained here: on stories of three or four sentences, by Muon
# with a cosine. In the full profile there are three, each with stories, first weights and order of its own; a ± is
# the standard deviation over them. Whatever is measured below is measured on all.

# %%
GRAMMAR = Grammar(max_sentences=4)
TRAINING_SEED, PROMPT_SEED = 20, 21
candidates = [story.english for story in greentree.tell_stories(500, PROMPT_SEED, grammar=GRAMMAR)]
# The stories that others are compared with; all of them begin with a sentence of the same form and length.
given = [story for story in candidates if " stands " in story.split(".")[0]][: lesson.choose(quick=50, full=100)]


def drawn(seed: int) -> list[str]:
    """Stories to train on; none of them is one that prompts are taken from."""
    stories = greentree.tell_stories(
        lesson.choose(quick=3_000, full=10_000), TRAINING_SEED + 100 * seed, grammar=GRAMMAR
    )
    return [story.english for story in stories if story.english not in set(given)]


tokenizer = WordTokenizer.train(drawn(SEEDS[0]))
END = tokenizer.end_id
STOP_AT_END = {"stop_ids": (END,), "suppress_ids": tokenizer.suppress_ids}


def train(seed: int) -> TransformerLanguageModel:
    """A model of its own stories."""
    reproducible(seed)
    documents = [tokenizer.encode(story) for story in drawn(seed)]
    model = TransformerLanguageModel(
        TransformerConfig(
            tokenizer.vocabulary_size,
            intermediate_dim=384,
            positions="rotary",
            normalize_first=True,
            normalization="rms",
            use_bias=False,
            dropout=0.0,
            max_sequence_length=64,
        )
    )
    fit(
        model,
        CausalWindows(documents, tokenizer, context=48, batch_size=64, align="document", seed=seed),
        steps=lesson.choose(quick=120, full=360),
        optimizer=OptimizerConfig("muon", 6e-3, warmup_steps=20, final_fraction=0.02, weight_decay=0.0),
        checks=("ids", "labels"),
        quiet=True,
    )
    return model


models = {seed: train(seed) for seed in SEEDS} if not lesson.own_text else {}


if not lesson.own_text:
    losses = [
        evaluate(model, [tokenizer.encode(story) for story in given], tokenizer).nats_per_token
        for model in models.values()
    ]
    lesson.record_mean("nats_per_word", losses, "nats per word", 0.06, "of the models, on real stories")
    floor = greentree.floor(given, tokenizer, grammar=GRAMMAR)
    lesson.record("floor_nats_per_word", floor, "nats per word", 1e-6, note="exact, of the same stories")

# %% [markdown]
# ## One distribution, nine choices
#
# Two sentences of a story are told. What may the third begin with? The grey outlines are the model's probabilities,
# the bars what each method makes of them. **Greedy** takes the likeliest. A **temperature** divides the logits: below 1
# it sharpens, above it flattens. **Top-k** keeps the k likeliest, **top-p** (nucleus) the likeliest that together
# have p, **min-p** those that have at least so large a share of the likeliest one's probability; what is kept
# is drawn in its old proportions. A **repetition penalty** lowers what the text has already, which here is the hero's
# name, but also "a" and "the". **Beam search** looks ahead: it takes the word with which the likeliest whole rest of
# the story begins. A **constraint** forbids; here, to name anybody.


# %%
def next_word(model: TransformerLanguageModel, prompt: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Logits [1, V] of the word after the prompt, and which words it has [1, V]."""
    logits = model(np.array([prompt], "int32"))[:, -1]
    never = np.isin(np.arange(tokenizer.vocabulary_size), tokenizer.suppress_ids)
    return tf.where(never, -np.inf, logits), tf.constant(np.isin(np.arange(len(never)), prompt)[None])


NAMES = [entry.english for entry in (*LEXICON.girls, *LEXICON.boys)]
is_name = np.isin(tokenizer.tokens, NAMES)
if not lesson.own_text:
    model = models[lesson.seed]
    told = ". ".join(given[0].split(". ")[:2]) + "."
    prompt = [END, *tokenizer.encode(told)]
    logits, seen = next_word(model, prompt)
    best = beam_search(
        model,
        [prompt],
        max_new_tokens=LENGTH - len(prompt),
        beams=8,
        stop_id=END,
        suppress_ids=tokenizer.suppress_ids,
    )[0]
    only = lambda ids: tf.where(np.isin(np.arange(tokenizer.vocabulary_size), ids), 0.0, -np.inf)[None]  # noqa: E731
    penalty = 1.5
    CHOICES = {
        "greedy": only(int(tf.argmax(logits[0]))),
        "temperature 0.5": filter_logits(logits, 0.5),
        "temperature 1.5": filter_logits(logits, 1.5),
        "top-k, k = 5": filter_logits(logits, 1.0, top_k=5),
        "top-p, p = 0.8": filter_logits(logits, 1.0, top_p=0.8),
        "min-p, p = 0.05": filter_logits(logits, 1.0, min_p=0.05),
        f"repetition penalty {penalty}": penalize(logits, seen, penalty),
        "beam search, 8 beams": only(best[0]),
        "constraint: nobody is named": tf.where(is_name, -np.inf, logits),
    }
    print(f"{told} …\nbeam search: {tokenizer.decode(best)}\n")
    before = tf.nn.softmax(logits)[0].numpy()
    shown = np.argsort(-before)[:14]
    figure, panels = plots.new_panels(3, 3, (10.0, 8.4))
    for axes, (name, chosen) in zip(panels.flat, CHOICES.items(), strict=True):
        after = tf.nn.softmax(chosen)[0].numpy()
        words = [tokenizer.tokens[token] for token in shown] + ["others"]
        bars = [*after[shown], 1 - after[shown].sum()]
        axes.bar(words, bars, color=plots.COLOURS[0], width=0.75)
        outline = [*before[shown], 1 - before[shown].sum()]
        axes.bar(words, outline, fill=False, edgecolor="#888888", linewidth=1.0, width=0.75)
        axes.set_title(name, fontsize=10)
        axes.tick_params(axis="x", rotation=90, labelsize=8)
        axes.set_ylim(0, 1.06 * max(*bars, *outline))
        axes.grid(False, axis="x")
    figure.supylabel("probability", fontsize=10)
    lesson.figure(figure, "choices", "The first word of the third sentence: the model's probabilities and each choice")

# %% [markdown]
# ## Likelihood against variety
#
# Now whole stories: each method goes on from the first sentence of the same stories, which real ones continue
# too. A story is *grammatical* if the grammar can tell it: every sentence right, nothing that contradicts what was
# told. Distinct-2 is the share of different word pairs in all continuations, "same ending" the share of stories that
# end with the commonest three words. The two columns of nats say how unlikely
# a story is: to the model, and exactly, to the grammar that told the real ones (of the grammatical ones).
#
# Watch the last row. What people (here: the grammar) write is *not* the likeliest text. Greedy decoding and beam search
# find stories that are likelier, by the model and by the exact probabilities, and much alike.


# %%
def tellable(stories: Sequence[Sequence[int]]) -> list[str]:
    """Those of the stories that the grammar can tell."""
    kept = []
    for text in map(tokenizer.decode, stories):
        try:
            greentree.log_probability(text, grammar=GRAMMAR)
        except NotInGrammar:
            continue
        kept.append(text)
    return kept


def nats_per_story(nats_per_token: float, stories: Sequence[Sequence[int]]) -> float:
    """From the mean of a word to that of a story, its `<end>` counted."""
    return nats_per_token * (sum(map(len, stories)) + len(stories)) / len(stories)


def measure(model: TransformerLanguageModel, openings, stories) -> dict[str, float]:
    """All figures of one method's stories, each of which begins with its opening."""
    told = tellable(stories)
    encoded = [tokenizer.encode(text) for text in told]
    written = [story[len(opening) :] for opening, story in zip(openings, stories, strict=True)]
    exact = nats_per_story(greentree.floor(told, tokenizer, grammar=GRAMMAR), encoded) if told else float("nan")
    return {
        "grammatical": len(told) / len(stories),
        "distinct-2": distinct_n(written, 2),
        "same ending": max(Counter(tuple(story[-4:]) for story in stories).values()) / len(stories),
        "model's nats": nats_per_story(evaluate(model, stories, tokenizer).nats_per_token, stories),
        "exact nats": exact,
        "words": float(np.mean([len(story) for story in stories])),
    }


METHODS = {
    "greedy": Sampling(temperature=0),
    "temperature 0.5": Sampling(0.5),
    "temperature 0.8": Sampling(0.8),
    "temperature 1": Sampling(),
    "temperature 1.3": Sampling(1.3),
    "top-k, k = 5": Sampling(top_k=5),
    "top-p, p = 0.9": Sampling(top_p=0.9),
    "min-p, p = 0.1": Sampling(min_p=0.1),
    "repetition penalty 1.2": Sampling(repetition_penalty=1.2),
    "beam search, 4 beams": 4,
    "the grammar itself": None,
}
if not lesson.full:
    METHODS = {name: METHODS[name] for name in METHODS if name not in ("temperature 0.8", "temperature 1.3")}
openings = [tokenizer.encode(story[: story.index(".") + 1]) for story in given]


def go_on(model: TransformerLanguageModel, method: Sampling, seed: int) -> list[list[int]]:
    """A story from each opening."""
    prompts = [[END, *opening] for opening in openings]
    rows = generate(model, prompts, max_new_tokens=LENGTH, sampling=method, seed=seed, **STOP_AT_END)
    return [[*opening, *row] for opening, row in zip(openings, rows, strict=True)]


def search(model: TransformerLanguageModel, beams: int, length_penalty: float = 0.6) -> list[list[int]]:
    """The best story found from each opening."""
    prompts = [[END, *opening] for opening in openings]
    options = {"max_new_tokens": LENGTH, "beams": beams, "length_penalty": length_penalty, "batch_size": 50}
    options |= {"stop_id": END, "suppress_ids": tokenizer.suppress_ids}
    return [[*opening, *row] for opening, row in zip(openings, beam_search(model, prompts, **options), strict=True)]


results: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
for seed, model in models.items():
    for name, method in METHODS.items():
        if method is None:
            stories = [tokenizer.encode(story) for story in given]
        else:
            stories = search(model, method) if isinstance(method, int) else go_on(model, method, seed)
        results[name].append(measure(model, openings, stories))
        if seed == lesson.seed:
            print(f"{name}: {tokenizer.decode(stories[0])}")

# %%
COLUMNS = ["grammatical", "distinct-2", "same ending", "model's nats", "exact nats", "words"]
SELDOM = lesson.choose(quick=0.15, full=None)  # right by the model of the quick profile where the words are forced
TOLERANCES = {
    "grammatical": 0.15,
    "of the form": 0.02,
    "distinct-2": 0.06,
    "same ending": 0.3,
    "model's nats": 3.0,
    "exact nats": lesson.choose(quick=8.0, full=3.0),  # of few stories in the quick profile
    "words": 4.0,
}


def summary(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over the models that have one."""
    values = {column: [run[column] for run in runs if not np.isnan(run[column])] for column in COLUMNS}
    return {column: float(np.mean(found)) if found else "–" for column, found in values.items()}


def spread(runs: Sequence[dict[str, float]], column: str) -> str:
    sd = mean_sd([run[column] for run in runs])[1]
    return "" if sd is None else f"{sd:.3f}"


if not lesson.own_text:
    means = {name: summary(runs) for name, runs in results.items()}
    rows = []
    for name, runs in results.items():
        first, *others = (means[name][column] for column in COLUMNS)
        rows.append([name, first, spread(runs, "grammatical"), *others])
    lesson.table(
        "methods",
        rows,
        ["method", "grammatical", "s.d.", *COLUMNS[1:]],
        TOLERANCES,
        at_most={"grammatical": {"repetition penalty 1.2": SELDOM}},
    )
    figure, panels = plots.new_panels(1, 2, (11.0, 4.8))
    for axes, column in zip(panels[0], ("distinct-2", "grammatical"), strict=True):
        for index, (name, found) in enumerate(means.items()):
            if METHODS[name] is None:
                style = {"marker": "*", "markersize": 14, "color": "black"}
            else:
                filled = "full" if index < 6 else "none"
                style = {"marker": "o", "markersize": 7, "color": plots.COLOURS[index % 6], "fillstyle": filled}
            axes.plot(found["model's nats"], found[column], label=name, linestyle="none", **style)
        axes.set(xlabel="how unlikely a story is to the model (nats)", ylabel=column)
    panels[0][1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    lesson.figure(figure, "likelihood", "Variety and sense against likelihood, each method's stories")

# %% [markdown]
# Drawing from the model's own distribution gives the variety of real stories, and its mistakes: at every word it leaves
# a little probability to wrong ones, and in forty words one of them is drawn soon. Cutting off the tail (top-p, min-p)
# takes away half of the mistakes and little of the variety. Top-k cuts by number: too many words where one is right,
# too few where twenty are. The repetition penalty shows that no method is good for everything: a story *must* repeat
# its names, its articles and its full stops, so the penalty drives it out of the language.
#
# ## Temperature
#
# Stories from nothing, at rising temperature: alone, with top-p, with min-p. Above 1 a temperature lifts the hundreds
# of wrong words, and one of them spoils a story. Cutting off that tail keeps sense at temperatures where plain sampling
# has lost it. Where the distribution is so flat that the wrong words together have more than a tenth, top-p lets them
# in again; min-p measures each word by the likeliest one and keeps them out.

# %%
TEMPERATURES = lesson.choose(quick=(0.5, 1.0, 1.5), full=(0.3, 0.5, 1.0, 1.3, 1.6, 2.0))
TAILS = {"alone": {}, "with top-p 0.9": {"top_p": 0.9}, "with min-p 0.1": {"min_p": 0.1}}
COUNT = len(given)
curves = {name: np.zeros((len(TEMPERATURES), len(models), 2)) for name in TAILS}
for place, (seed, model) in enumerate(models.items()):
    for name, tail in TAILS.items():
        for row, temperature in enumerate(TEMPERATURES):
            method = Sampling(temperature, **tail)
            stories = generate(model, [[END]] * COUNT, max_new_tokens=LENGTH, sampling=method, seed=seed, **STOP_AT_END)
            curves[name][row, place] = len(tellable(stories)) / COUNT, distinct_n(stories, 2)
if not lesson.own_text:
    figure, panels = plots.new_panels(1, 2, (10.0, 4.2))
    for column, (axes, label) in enumerate(zip(panels[0], ("grammatical stories", "distinct-2"), strict=True)):
        for index, (name, values) in enumerate(curves.items()):
            style = plots.line_style(index)
            axes.plot(TEMPERATURES, values[:, :, column].mean(axis=1), marker="o", label=name, **style)
            axes.plot(TEMPERATURES, values[:, :, column], "o", markersize=3, alpha=0.5, color=style["color"])
        axes.set(xlabel="temperature", ylabel=label, ylim=(0, None))
    panels[0][0].legend(frameon=False, fontsize=9)
    lesson.figure(figure, "temperature", "Sense and variety against temperature (small points: the models)")
    rows = [
        [str(temperature), *(float(value) for name in TAILS for value in curves[name][row].mean(axis=0))]
        for row, temperature in enumerate(TEMPERATURES)
    ]
    headings = [f"{what} {name}" for name in TAILS for what in ("grammatical", "distinct-2")]
    hottest = {rows[-1][0]: SELDOM}
    lesson.table("temperature", rows, ["temperature", *headings], 0.15, at_most=dict.fromkeys(headings[2::2], hottest))
    for key, name, temperature in (
        ("grammatical_temperature_1", "alone", 1.0),
        ("grammatical_hot", "alone", TEMPERATURES[-1]),
        ("grammatical_top_p", "with top-p 0.9", TEMPERATURES[-1]),
        ("grammatical_min_p", "with min-p 0.1", TEMPERATURES[-1]),
    ):
        shares = curves[name][TEMPERATURES.index(temperature), :, 0]
        note = f"share of {COUNT} stories, temperature {temperature:g} {name}"
        seldom = SELDOM if temperature > 1 else None
        lesson.record_mean(key, shares, tolerance=0.15, note=note, at_most=seldom)

# %% [markdown]
# ## Beam search: likelier and duller
#
# Beam search keeps the best few texts at every step, not only one, and so finds likelier ones, with fewer mistakes.
# That is what a translation needs, where one answer is right. But the stories are much alike: the hero says what costs
# no probability, "my name is …", and at the end of the day goes home smiling.
#
# Each further word makes a text less likely, so a search tends to end too early; in translation this is well known
# (Murray and Chiang 2018, "Correcting length bias in neural machine translation"). Dividing by a length penalty
# ((5 + n) / 6)^α works against it. Here ending early is so unlikely that there is nothing to correct: the stories found
# have no fewer words than real ones. So the penalty does what it was not meant for. It prefers more words, right or
# wrong.

# %%
BEAMS = lesson.choose(quick=(4,), full=(4, 16))
PENALTIES = (0.0, 1.0)


def label(beams: int, penalty: float) -> str:
    return f"{beams} beams, α = {penalty:g}"


searched = {"greedy: 1 beam": results["greedy"]}
for model in models.values():
    for beams in BEAMS:
        for penalty in PENALTIES:
            found = measure(model, openings, search(model, beams, penalty))
            searched.setdefault(label(beams, penalty), []).append(found)
if not lesson.own_text:
    real = means["the grammar itself"]
    rows = [[name, *summary(runs).values()] for name, runs in searched.items()]
    lesson.table("beams", [*rows, ["the grammar itself", *real.values()]], ["search", *COLUMNS], TOLERANCES)
    for key, column, penalty, unit in (
        ("distinct_2", "distinct-2", 0.0, ""),
        ("same_ending", "same ending", 0.0, ""),
        ("grammatical", "grammatical", 0.0, ""),
        ("grammatical_with_penalty", "grammatical", 1.0, ""),
        ("words", "words", 0.0, "words per story"),
        ("words_with_penalty", "words", 1.0, "words per story"),
    ):
        name = label(BEAMS[-1], penalty)
        lesson.record_mean(f"beam_{key}", [run[column] for run in searched[name]], unit, TOLERANCES[column], name)
        if penalty == 0.0 and column != "grammatical":
            lesson.record(f"story_{key}", real[column], unit, 1e-9, n=len(given), note="real stories")

# %% [markdown]
# ## As it is written
#
# `stream` gives each word as soon as it is chosen: the same text as `generate`, and the reader need not wait.

# %%
if not lesson.own_text:
    model, began, pieces = models[lesson.seed], time.perf_counter(), []
    for token in stream(model, [END], max_new_tokens=LENGTH, sampling=Sampling(0.5), seed=3, **STOP_AT_END):
        pieces.append(token)
        print(tokenizer.tokens[token], end=" ", flush=True)
        if len(pieces) == 1:
            first = time.perf_counter() - began
    print(f"\nfirst word after {first * 1000:.0f} ms, the last after {(time.perf_counter() - began) * 1000:.0f} ms")
    whole = generate(model, [[END]], max_new_tokens=LENGTH, sampling=Sampling(0.5), seed=3, **STOP_AT_END)[0]
    lesson.record("stream_equals_generate", pieces == whole)

# %% [markdown]
# ## A form that must be kept
#
# A constraint says at every step which words are allowed, so the text has the wanted form with certainty. It is a
# finite automaton: a table that leads from each state, with each word, to the next state, or nowhere. The form here:
# nobody but Anna and Tom is named, nobody speaks, and after three sentences, none longer than the language has them,
# the story ends. The state is how many sentences are finished, and how many words the present one has.

# %%
ALLOWED, SENTENCES, LONGEST = ("anna", "tom"), 3, 18
STOP, QUOTE = (tokenizer.encode(mark)[0] for mark in '."')
forbidden = is_name & ~np.isin(tokenizer.tokens, ALLOWED)
forbidden[[QUOTE, END]] = True


def form() -> Automaton:
    """State: LONGEST times the finished sentences, and the words of this one; in the last only the end may follow."""
    states = SENTENCES * LONGEST
    following = np.full((states + 1, tokenizer.vocabulary_size), -1, "int32")
    for state in range(states):
        sentence, words = divmod(state, LONGEST)
        if words + 1 < LONGEST:
            following[state, ~forbidden] = state + 1
        following[state, STOP] = (sentence + 1) * LONGEST
    following[states, END] = states
    return Automaton(following)


def keeps(story: Sequence[int]) -> bool:
    """Whether a story has the form."""
    ends = [place for place, token in enumerate(story, start=1) if token == STOP]
    short = all(last - first <= LONGEST for first, last in zip([0, *ends], ends, strict=False))
    return len(ends) == SENTENCES and ends[-1] == len(story) and short and not forbidden[list(story)].any()


if not lesson.own_text:
    runs = {"free": [], "free, those of the form": [], "constrained": []}
    count = lesson.choose(quick=250, full=600)
    for seed, model in models.items():
        options = {"max_new_tokens": LENGTH, "seed": seed, "batch_size": COUNT, **STOP_AT_END}
        free = generate(model, [[END]] * count, **options)
        held = generate(model, [[END]] * count, constraint=form(), **options)
        for name, stories in zip(runs, (free, [story for story in free if keeps(story)], held), strict=True):
            runs[name].append([len(stories), sum(map(keeps, stories)), len(tellable(stories))])
    print(f"constrained: {tokenizer.decode(held[0])}")
    totals = {name: np.sum(values, axis=0) for name, values in runs.items()}
    rows = [
        [name, int(stories), *((kept / stories, told / stories) if stories >= 10 else ("–", "–"))]
        for name, (stories, kept, told) in totals.items()
    ]
    by_chance = "free, those of the form"  # a few of a hundred at most
    lesson.table(
        "constraint",
        rows,
        ["stories", "number", "of the form", "grammatical"],
        {"number": {by_chance: None}, **TOLERANCES},
        at_most={"number": {by_chance: 0.05 * rows[0][1]}},
    )
    lesson.record(
        "constrained_kept",
        float(totals["constrained"][1] / totals["constrained"][0]),
        tolerance=0.02,
        note="of the form",
    )

# %% [markdown]
# Free stories hardly ever have the form, so waiting for one is expensive. The constrained ones all have it, and few of
# them are stories: words are forbidden one at a time, at the moment they would be written, and the model does not know
# beforehand that the third sentence must be an ending. A constraint guarantees form, not sense.
#
# ## On real text
#
# The characters of Shakespeare (full profile), or any text with `--corpus NAME` or `--text FILE`. No grammar says here
# what is right, so look at three things in what the model writes after a few words of the held-out text: how much of
# it repeats what the same text said before (groups of four words), how varied all texts together are (distinct-3 of
# words), and how many of the words exist in the training text. The last row is what the held-out text itself says.

# %%
OPENING, WRITTEN = 50, 200  # characters


def figures_of(texts: Sequence[str], words: WordTokenizer) -> list[float]:
    """Repeated within a text, distinct-3, and the share of words that `words` knows."""
    known = [token != words.unknown_id for text in texts for token in words.encode(text)]
    every_word = WordTokenizer.train(texts)
    encoded = [every_word.encode(text) for text in texts]
    repeated = [1 - distinct_n([ids], 4) for ids in encoded if len(ids) >= 4]
    return [float(np.mean(repeated)), distinct_n(encoded, 3), float(np.mean(known))]


if lesson.own_text or lesson.full:
    corpus = lesson.real_corpus("tiny_shakespeare")
    if corpus is not None:
        texts = corpus.texts("train")
        held_out = corpus.texts("validation" if "validation" in corpus.splits else "test")
        characters, words = CharacterTokenizer.train(texts), WordTokenizer.train(texts)
        pieces = [text[at : at + OPENING + WRITTEN] for text in held_out for at in range(0, len(text), 1000)]
        pieces = [piece for piece in pieces if len(piece) == OPENING + WRITTEN][:100]
        if not pieces:
            raise LmbookError("The held-out text is too short.", f"It must have {OPENING + WRITTEN} characters.")
        reproducible(lesson.seed)
        model = TransformerLanguageModel(
            TransformerConfig(
                characters.vocabulary_size,
                positions="rotary",
                normalize_first=True,
                normalization="rms",
                activation="gelu",
                use_bias=False,
                dropout=0.0,
                max_sequence_length=256,
            )
        )
        data = CausalWindows(
            [characters.encode(text) for text in texts], characters, context=256, batch_size=8, seed=lesson.seed
        )
        steps = lesson.choose(quick=100, full=350)
        optimizer = OptimizerConfig("muon", learning_rate=8e-3, warmup_steps=50)
        # One table for input and logits: untrained, the model expects each character again, above ln V.
        checks = ("ids", "labels", "future", "overfit")
        fit(model, data, steps=steps, optimizer=optimizer, checks=checks, quiet=True)
        loss = evaluate(model, [characters.encode(piece) for piece in pieces], characters, closed=False).nats_per_token
        lesson.record("nats_per_character", loss, "nats per character", 0.1, n=len(pieces), note="held-out pieces")
        prompts = [[characters.end_id, *characters.encode(piece[:OPENING])] for piece in pieces]
        methods = {f"temperature {t:g}": Sampling(t) for t in (0.0, 0.3, 0.5, 0.7, 1.0, 1.3)}
        methods["top-p 0.9"], methods["min-p 0.1"] = Sampling(top_p=0.9), Sampling(min_p=0.1)
        rows = []
        for name, method in methods.items():
            written = generate(
                model,
                prompts,
                max_new_tokens=WRITTEN,
                sampling=method,
                seed=lesson.seed,
                suppress_ids=characters.suppress_ids,
            )
            written = [characters.decode(row) for row in written]
            rows.append([name, *figures_of(written, words)])
            if name in ("temperature 0", "temperature 0.7", "temperature 1.3"):
                print(f"{name}: {pieces[0][:OPENING]}|{written[0]}\n")
        rows.append(["the text itself", *figures_of([piece[OPENING:] for piece in pieces], words)])
        headings = ["repeated", "distinct-3", "known words"]
        lesson.table(
            "characters", rows, ["method", *headings], {"repeated": 0.15, "distinct-3": 0.1, "known words": 0.1}
        )
        figure, axes = plots.new_figure(f"Written by a model of {corpus.name}", "temperature", "share")
        curve = [(method.temperature, row) for method, row in zip(methods.values(), rows, strict=False)][:6]
        for index, heading in enumerate(headings):
            style = plots.line_style(index)
            axes.plot([t for t, _ in curve], [row[1 + index] for _, row in curve], marker="o", label=heading, **style)
            axes.axhline(rows[-1][1 + index], color=style["color"], linewidth=1.0, linestyle=(0, (2, 2)))
        axes.set_ylim(-0.02, 1.03)
        axes.legend(frameon=False, fontsize=9)
        lesson.figure(figure, "characters", "Repetition, variety and spelling against temperature (dotted: real text)")

# %% [markdown]
# The likeliest character after the likeliest character leads into a circle, which the text itself never does. A little
# temperature is enough to leave it. With more, variety goes on rising, but words are made up: a text of misspelt words
# is varied too. The temperature at which the model comes nearest to the text is well below 1, lower the less it knows.

# %%
lesson.finish()
