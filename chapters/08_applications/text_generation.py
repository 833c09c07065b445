# %% [markdown]
# # Stories, verse and plays
#
# - Article section: §6.3
# - Needs: sampling, gpt
# - Data: greentree (built in); the full profile also chinese_poetry, tiny_shakespeare
# - Minutes: quick 1, full 12
# - Memory: 2.5 GB
# - Shows: how a text gets a form that the model only half knows, how it repeats itself, and how much of it is copied
# - Headline: poem_form_constrained, poem_form_free
#
# The article (§6.3) names articles, stories and poems as what language models write. Whether they are good is a matter
# of taste, and chapter 12 asks people. This lesson counts what can be counted: does the text make sense (on `greentree`
# the grammar knows), has it the form that was asked for, does it repeat itself, is it like all the others, and is it
# new, or does it stand in the training text already?

# %%
from __future__ import annotations

from collections.abc import Sequence

from lmbook import (
    GPT,
    CausalWindows,
    CharacterTokenizer,
    KneserNey,
    Lesson,
    OptimizerConfig,
    Sampling,
    Validation,
    WordTokenizer,
    count_n_grams,
    evaluate,
    fit,
    generate,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import LEXICON, Grammar, is_grammatical, tell_stories
from lmbook.decoding import LENGTHS, even_lines, form_of, quatrain
from lmbook.evaluation import CopyFinder, distinct_n, repeated_n
from lmbook.models import entry, make_config
from lmbook.recipes import STORY_CHECKS, STORY_FIT, story_gpt_model

import numpy as np

lesson = Lesson("text_generation")

# %% [markdown]
# ## Stories
#
# The GPT of the lesson `gpt`, small, on short stories; beside it n-grams with Kneser-Ney smoothing (chapter 01), which
# read the same stories, and real stories that neither has read. Each tells stories from nothing, by drawing from its
# own distribution.
#
# - *grammatical*: the grammar can tell the story, to its end, without a contradiction;
# - *repeated*: share of word pairs that the same story had before; *distinct-2*: share of different ones in all;
# - *copied*: the longest run of words that stands in the training stories too. A copy cannot be wrong, so a model that
#   is often right because it copies is no better than a book.

# %%
GRAMMAR = Grammar(LEXICON.first(lesson.choose(quick=6, full=12), kinds=24, wishes=6), max_sentences=4)
TRAINING_SEED, TEST_SEED = 60, 61
COUNT = lesson.choose(quick=60, full=300)  # stories of each kind
LENGTH = 64
stories = [
    story.english for story in tell_stories(lesson.choose(quick=4_000, full=16_000), TRAINING_SEED, grammar=GRAMMAR)
]
known = set(stories)
real = [story.english for story in tell_stories(COUNT, TEST_SEED, grammar=GRAMMAR) if story.english not in known]
words = WordTokenizer.train(stories)
END = words.end_id
STOP_AT_END = {"stop_ids": (END,), "suppress_ids": words.suppress_ids}
documents = [words.encode(story) for story in stories]


def story_teller() -> GPT:
    """A GPT that has read the stories. It starts as the one of `lmbook/recipes/story_gpt.py`, so that it copies."""
    reproducible(lesson.seed)
    sizes = lesson.choose(quick={"num_layers": 2, "hidden_dim": 96}, full={"num_layers": 4, "hidden_dim": 128})
    model = story_gpt_model(words.vocabulary_size, **sizes, max_sequence_length=80)
    data = CausalWindows(documents, words, context=48, batch_size=48, align="document", seed=lesson.seed)
    fit(model, data, steps=lesson.choose(quick=120, full=500), checks=STORY_CHECKS, **STORY_FIT)
    return model


if not lesson.own_text:
    model = story_teller()
    copies = CopyFinder(documents)
    tolerances = {"grammatical": 0.2, "repeated": 0.06, "distinct-2": 0.08, "copied (words)": 4.0, "whole copies": 0.1}

    def story_figures(rows: Sequence[Sequence[int]]) -> list[float]:
        """The columns of the table, of stories as ids."""
        return [
            float(np.mean([is_grammatical(words.decode(row)) for row in rows])),
            repeated_n(rows, 2),
            distinct_n(rows, 2),
            copies.mean_length(rows),
            float(np.mean([copies.longest(row)[1] == len(row) for row in rows])),
        ]

    written = {
        "GPT": generate(model, [[END]] * COUNT, max_new_tokens=LENGTH, seed=lesson.seed, **STOP_AT_END),
        **{
            f"{order}-grams": [
                KneserNey(counts, order).generate(max_new_tokens=LENGTH, seed=lesson.seed + number)
                for number in range(COUNT)
            ]
            for counts in [count_n_grams(documents, words, 5)]
            for order in (3, 5)
        },
        "real stories": [words.encode(story) for story in real],
    }
    rows = [[name, *story_figures([row for row in made if row])] for name, made in written.items()]
    for name, made in written.items():
        print(f"{name}: {words.decode(made[0])}\n")
    lesson.table("stories", rows, ["", *tolerances], tolerances)
    lesson.record("grammatical", rows[0][1], tolerance=0.2, n=COUNT, note="GPT, temperature 1")
    lesson.record("grammatical_5_grams", rows[2][1], tolerance=0.15, n=COUNT, note="n-grams of five words")

# %% [markdown]
# ## Temperature and penalty
#
# Two ways to work against a text that says the same again. A **temperature** above 1 makes what is unlikely likelier; a
# **repetition penalty** lowers every word that the text has already. In a story a name *must* come again, and so must
# "the". The penalty does not know which repetition is a fault.

# %%
TEMPERATURES = lesson.choose(quick=(0.3, 1.0), full=(0.01, 0.3, 0.6, 1.0, 1.3))
PENALTIES = lesson.choose(quick=(1.0, 1.3), full=(1.0, 1.1, 1.3, 1.6))
if not lesson.own_text:
    found = {}
    for penalty in PENALTIES:
        for temperature in TEMPERATURES:
            sampling = Sampling(temperature, repetition_penalty=penalty)
            options = {"max_new_tokens": LENGTH, "seed": lesson.seed, "sampling": sampling, **STOP_AT_END}
            found[penalty, temperature] = story_figures([r for r in generate(model, [[END]] * COUNT, **options) if r])
    columns = list(tolerances)[:4]
    figure, panels = plots.new_panels(1, 4, (14.0, 3.8))
    for axes, place in zip(panels[0], range(4), strict=True):
        for index, penalty in enumerate(PENALTIES):
            curve = [found[penalty, temperature][place] for temperature in TEMPERATURES]
            axes.plot(TEMPERATURES, curve, marker="o", label=f"penalty {penalty:g}", **plots.line_style(index))
        axes.axhline(rows[-1][1 + place], color=plots.FLOOR_COLOUR, linewidth=1, linestyle=":", label="real stories")
        axes.set(title=columns[place], xlabel="temperature")
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    panels[0][0].legend(frameon=False, fontsize=8)
    lesson.figure(figure, "penalty", "Stories against temperature and repetition penalty (dotted: real stories)")
    table = [[f"{t:g} and {p:g}", *found[p, t][:4]] for p in PENALTIES for t in TEMPERATURES]
    if lesson.full:
        lesson.table("penalty", table, ["temperature and penalty", *columns], tolerances)
    else:  # the small model seldom gets a story right under the penalty
        seldom = {"grammatical": {row[0]: 0.2 for row in table if row[0].endswith("1.3")}}
        lesson.table("penalty", table, ["temperature and penalty", *columns], tolerances, at_most=seldom)

# %% [markdown]
# ## Verse
#
# A Chinese quatrain has four lines of five or of seven characters. `chinese_poetry` has poems of the Tang dynasty; most
# are longer, so the model has seen the form, but not often. It gets the first line of a poem that it never read, and is
# to make a quatrain of it, once free and once under a constraint (`lmbook/decoding/verse.py`): an automaton that at
# each place allows characters, or the one mark that belongs there, or the end.


# %%
def verse() -> None:
    """Train a model on poems and record whether what it writes has the form."""
    corpus = lesson.real_corpus("chinese_poetry")
    if corpus is None:
        return
    poems = {
        split: [record["text"] for record in corpus.split(split) if record["form"] == "tang"]
        for split in ("train", "validation", "test")
    }
    characters = CharacterTokenizer.train(poems["train"])
    end = characters.end_id
    ids = {split: [characters.encode(poem) for poem in made] for split, made in poems.items()}
    forms = [form_of(poem) for poem in poems["train"]]
    share = sum(form is not None for form in forms) / len(forms)
    lesson.record("quatrains_in_training", share, tolerance=1e-6, n=len(forms), note="of the training poems")
    reproducible(lesson.seed)
    config = make_config("gpt", characters.vocabulary_size, max_sequence_length=160, dropout=0.2)
    model, recipe = GPT(config), entry("gpt")
    history = fit(
        model,
        CausalWindows(ids["train"], characters, context=96, batch_size=16, align="document", seed=lesson.seed),
        steps=400,
        validation=Validation(ids["validation"], characters),
        optimizer=OptimizerConfig(recipe.optimizer, recipe.learning_rate, recipe.muon_ratio),
        report_every=50,
    )
    lesson.record(
        "poem_nats",
        evaluate(model, ids["test"], characters).nats_per_token,
        "nats per character",
        0.15,
        note="test poems",
    )
    lesson.record("poem_best_step", history.best_step, "steps", 150, note="of 400: then it learns its poems by heart")
    counts = count_n_grams(ids["train"], characters, 3)
    threes = KneserNey(counts)
    lesson.record(
        "poem_nats_3_grams", threes.nats_per_token(ids["test"]), "nats per character", 0.02, note="Kneser-Ney"
    )

    prompts, sizes = [], []
    for poem in (*poems["validation"], *poems["test"]):
        size = poem.find("，")
        opening = characters.encode(poem[: size + 1])
        if size in LENGTHS and characters.unknown_id not in opening:
            prompts.append(opening)
            sizes.append(size)
    written: dict[str, list[list[int]]] = {name: [[]] * len(prompts) for name in ("free", "constrained", "3-grams")}
    for size in LENGTHS:
        places = [place for place, found in enumerate(sizes) if found == size]
        opened = [[end, *prompts[place]] for place in places]
        options = {"max_new_tokens": 100, "seed": lesson.seed, "stop_ids": (end,), "sampling": Sampling(0.8)}
        options["suppress_ids"] = characters.suppress_ids
        form = quatrain(size, characters, written=size + 1)
        for name, constraint in (("free", None), ("constrained", form)):
            made = generate(model, opened, constraint=constraint, **options)
            for place, row in zip(places, made, strict=True):
                written[name][place] = [*prompts[place], *row]
    for place, opening in enumerate(prompts):
        more = threes.generate([end, *opening], max_new_tokens=100, seed=place, temperature=0.8)
        written["3-grams"][place] = [*opening, *more]

    finder = CopyFinder(ids["train"])
    real = [characters.encode(poem) for poem in (*poems["validation"], *poems["test"])]
    rows, kept = [], {}
    for name, made in {**written, "real poems, held out": real}.items():
        texts = [characters.decode(row) for row in made]
        of_form = [form_of(text) is not None for text in texts]
        kept[name] = float(np.mean(of_form))
        even = float(np.mean([even_lines(text) for text in texts]))
        nats = evaluate(model, made, characters).nats_per_token
        varied = distinct_n([row[:24] for row in made], 2)  # as much of each, since it falls with the amount of text
        rows.append([name, kept[name], even, nats, varied, finder.mean_length(made)])
        if name in written:
            print(f"{name}:\n{texts[0]}\n")
    columns = ["quatrains", "even lines", "model's nats", "distinct-2", "copied (characters)"]
    lesson.table("verse", rows, ["", *columns], 0.3)
    n = len(prompts)
    lesson.record(
        "poem_form_constrained", kept["constrained"], tolerance=0.0, n=n, note="quatrains, under the constraint"
    )
    lesson.record("poem_form_free", kept["free"], tolerance=0.1, n=n, note="quatrains, the same model without it")
    lesson.record("poem_form_3_grams", kept["3-grams"], tolerance=0.05, n=n, note="quatrains, n-grams of three")
    shown = [[f"{place + 1}. {name}", characters.decode(written[name][place]).replace("\n", "")]
             for place in (0, 1, n - 1) for name in ("free", "constrained")]  # fmt: skip
    lesson.table("poems", shown, ["", "the first line is given"], None)


if lesson.full and not lesson.own_text:
    verse()

# %% [markdown]
# Free, the model keeps its lines even far more often than it ends after four of them: the length of a line it can see
# in what it wrote, but that there must be four was told to nobody. The constraint knows. It does not know what a poem
# means, or how it sounds: tones and rhyme are part of the form too, and nothing here looks at them.
#
# ## Plays
#
# The characters of Shakespeare, or of any text with `--corpus NAME` or `--text FILE`. No grammar says what is right
# here. *Repeated* counts groups of four words, *known words* are those of the training text, *copied* the longest run
# of characters that stands there too; the last row is the held-out text itself.


# %%
def plays() -> None:
    """Train a model of characters on real text and record what it writes."""
    corpus = lesson.real_corpus("tiny_shakespeare")
    if corpus is None:
        return
    training = corpus.texts("train")
    held_out = corpus.texts("validation" if "validation" in corpus.splits else "test")
    characters, vocabulary = CharacterTokenizer.train(training), WordTokenizer.train(training)
    ids = [characters.encode(text) for text in training]
    opening, more, count = 50, 250, 60
    pieces = [text[at : at + opening + more] for text in held_out for at in range(0, len(text), 1000)]
    pieces = [piece for piece in pieces if len(piece) == opening + more][:count]
    prompts = [[characters.end_id, *characters.encode(piece[:opening])] for piece in pieces]
    reproducible(lesson.seed)
    model, recipe = GPT(make_config("gpt", characters.vocabulary_size, max_sequence_length=320)), entry("gpt")
    data = CausalWindows(ids, characters, context=recipe.context, batch_size=recipe.batch_size, seed=lesson.seed)
    fit(
        model,
        data,
        steps=lesson.choose(quick=100, full=800),
        optimizer=OptimizerConfig(recipe.optimizer, recipe.learning_rate, recipe.muon_ratio),
    )
    loss = evaluate(model, [characters.encode(piece) for piece in pieces], characters, closed=False).nats_per_token
    lesson.record("play_nats", loss, "nats per character", 0.1, n=len(pieces), note="held-out pieces")
    n_grams = {order: KneserNey(count_n_grams(ids, characters, order)) for order in (4, 8)}
    finder = CopyFinder(ids)

    def figures_of(made: Sequence[Sequence[int]]) -> list[float]:
        texts = [characters.decode(row) for row in made]
        every_word = WordTokenizer.train(texts)
        encoded = [every_word.encode(text) for text in texts]
        known = [token != vocabulary.unknown_id for text in texts for token in vocabulary.encode(text)]
        return [repeated_n(encoded, 4), distinct_n(encoded, 3), float(np.mean(known)), finder.mean_length(made)]

    written = {}
    for temperature, penalty in ((0.01, 1.0), (0.5, 1.0), (0.8, 1.0), (1.0, 1.0), (0.5, 1.1), (0.5, 1.3)):
        sampling = Sampling(temperature, repetition_penalty=penalty)
        options = {"seed": lesson.seed, "suppress_ids": characters.suppress_ids}
        made = generate(model, prompts, max_new_tokens=more, sampling=sampling, **options)
        written[f"GPT, {temperature:g}" + (f", penalty {penalty:g}" if penalty != 1 else "")] = made
    for order, n_gram in n_grams.items():
        options = {"max_new_tokens": more, "temperature": 0.8}
        written[f"{order}-grams, 0.8"] = [n_gram.generate(p, seed=i, **options) for i, p in enumerate(prompts)]
    written["the text itself"] = [characters.encode(piece[opening:]) for piece in pieces]
    rows = [[name, *figures_of(made)] for name, made in written.items()]
    columns = ["repeated", "distinct-3", "known words", "copied (characters)"]
    allowed = {"repeated": 0.15, "distinct-3": 0.1, "known words": 0.1, "copied (characters)": 8.0}
    lesson.table("plays", rows, ["temperature", *columns], allowed)
    by_name = {row[0]: row for row in rows}
    lesson.record("play_copied", by_name["GPT, 0.8"][4], "characters", 5.0, note="longest copied run, mean")
    lesson.record("play_copied_real", by_name["the text itself"][4], "characters", 1e-6, note="of the held-out text")
    lesson.record("play_copied_8_grams", by_name["8-grams, 0.8"][4], "characters", 5.0, note="n-grams of eight")
    for name in ("GPT, 0.01", "GPT, 0.8", "GPT, 0.5, penalty 1.3", "8-grams, 0.8"):
        print(f"{name}: {pieces[0][:opening]}|{characters.decode(written[name][0])}\n")


if lesson.own_text or lesson.full:
    plays()

# %% [markdown]
# The 8-grams look like the best writers, until one looks where their words come from. A run that is longer than what
# two pages of the same author have in common is not written, it is quoted.

# %%
lesson.finish()
