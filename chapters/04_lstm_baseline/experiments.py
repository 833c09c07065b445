# %% [markdown]
# # The experiments of §5.4, made
#
# - Article section: §5.4
# - Needs: lstm_baseline
# - Data: greentree (built in)
# - Minutes: quick 1, full 14 (1 where an earlier run of it left its model)
# - Memory: 1.0 GB
# - Shows: prompts, repetition and temperature, with coherence measured by the grammar's parser
# - Headline: greedy_distinct, sampled_distinct, coherent_growing
#
# The article tries several prompts, one prompt several times, and prompts of growing length, and finds the
# results "coherent" and "random to some degree". It prints three equal lines as proof of the randomness. Here the same
# experiments are counted. Coherent means: the parser of the grammar accepts the whole story, with nothing in it that
# contradicts what was told before.

# %%
from __future__ import annotations

import re
from collections import Counter

from lmbook import Lesson, continue_text
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import Grammar, NotInGrammar, is_grammatical
from lmbook.corpora.greentree.text import score
from lmbook.evaluation import distinct_n
from lmbook.recipes import greentree_lstm
from lmbook.recipes.lstm import FULL, QUICK

lesson = Lesson("experiments")
if lesson.own_text:
    print("These experiments need the grammar of greentree: --corpus and --text are left aside.")

# The LSTM of the library, larger than that of lstm_baseline: taken from its checkpoints, else trained now.
baseline = greentree_lstm(
    lesson.choose(quick=QUICK, full=FULL),
    lesson.seed,
    models=scratch_dir(lesson.file) / "models",
    strategy=lesson.strategy,
)
model, tokenizer = baseline.model, baseline.tokenizer
REPEATS = 200


def tell(prompt: str, temperature: float, count: int = REPEATS) -> list[str]:
    """`count` stories that begin with `prompt`."""
    return continue_text(
        model, tokenizer, prompt, count=count, max_new_tokens=150, temperature=temperature, seed=lesson.seed
    )


def coherent(stories: list[str]) -> float:
    """The share that the parser accepts."""
    return sum(map(is_grammatical, stories)) / len(stories)


# %% [markdown]
# ## Different prompts
#
# A prompt from the language, prompts that it knows but that are rare, and one whose words it has never
# seen: they become `<unk>`, and what follows cannot be a story of the grammar.

# %%
PROMPTS = (
    "a green tree",
    "there is a golden palm",
    "a crooked willow stands alone by the lake.",
    "in the garden",
    "the quick brown fox jumps over",
)
rows = []
for prompt in PROMPTS:
    stories = tell(prompt, 0.7)
    unknown = tokenizer.encode(prompt).count(tokenizer.unknown_id)
    rows.append((prompt, unknown, coherent(stories), len(set(stories))))
    print(f"{prompt} → {stories[0]}\n")
lesson.table(
    "prompts",
    rows,
    ["prompt", "unknown words", f"coherent, of {REPEATS}", "different stories"],
    tolerance={f"coherent, of {REPEATS}": 0.12, "different stories": 12},
)

# %% [markdown]
# ## The same prompt many times
#
# Greedy choice takes the most probable word: the same story every time, and no seed changes it. (The article's program
# is greedy, so what it calls randomness cannot have come from it.) Sampling draws: with a seed the draw can be
# repeated, with another seed it is another draw.

# %%
rows = []
for label, temperature in (("greedy", 0.0), ("temperature 0.7", 0.7), ("temperature 1.0", 1.0)):
    stories = tell("a green tree", temperature)
    tokens = [tokenizer.encode(story) for story in stories]
    told = coherent(stories)
    if temperature == 0.0:
        told = "yes" if told else "no"  # it is one story
    rows.append((label, len(set(stories)), *(distinct_n(tokens, n) for n in (1, 2, 3)), told))
lesson.table(
    "repeats",
    rows,
    ["choice", f"different stories of {REPEATS}", "distinct-1", "distinct-2", "distinct-3", "coherent"],
    tolerance={
        f"different stories of {REPEATS}": {"greedy": 0, "temperature 0.7": 12, "temperature 1.0": 12},
        "distinct-1": 0.02,
        "distinct-2": 0.04,
        "distinct-3": 0.06,
        "coherent": 0.12,
    },
)
lesson.record("greedy_distinct", rows[0][1], n=REPEATS, note="different stories from one prompt, greedy")
lesson.record("sampled_distinct", rows[1][1], tolerance=12, n=REPEATS, note="the same at temperature 0.7")

# %% [markdown]
# ## Prompts of growing length
#
# What should come next is known here: the grammar says with which probability. After "a green tree" it is "stands" in 3
# of 4 stories; then "tall" in 4 of 11; then "in" in 4 of 12. The model's share is counted over its samples at
# temperature 1, where a perfect model has the grammar's.

# %%
GROWING = (
    ("a green tree", "stands", 3 / 4),
    ("a green tree stands", "tall", 4 / 11),
    ("a green tree stands tall", "in", 4 / 12),
)
rows = []
for prompt, word, exact in GROWING:
    stories = tell(prompt, 1.0, 1000)
    share = sum(story.startswith(f"{prompt} {word} ") for story in stories) / len(stories)
    rows.append((prompt, word, exact, share, coherent(stories)))
lesson.table(
    "growing",
    rows,
    ["prompt", "next word", "its probability", "its share in 1,000 samples", "coherent"],
    tolerance={"its probability": 1e-9, "its share in 1,000 samples": 0.08, "coherent": 0.08},
)
lesson.record(
    "coherent_growing", rows[-1][-1], tolerance=0.08, n=1000, note='coherent stories after "a green tree stands tall"'
)

# %% [markdown]
# ## Temperature
#
# At temperature 1 the model writes what it has learned, its mistakes included; above, what it has not learned. Below,
# it prefers what is likelier at each word, which keeps a short story together. But after every sentence going on is
# likelier than ending, so with long stories (the full profile) a low temperature also puts the end off: they run past
# the longest that the grammar knows, or go round in circles, and coherence falls again. What is likeliest word by word
# is not the likeliest story.

# %%
temperatures = (0.3, 0.5, 0.7, 1.0, 1.3, 1.6)
rows, reasons = [], Counter()
for temperature in temperatures:
    stories = tell("", temperature, 500)
    tokens = [tokenizer.encode(story) for story in stories]
    sentences = sum(story.count(".") for story in stories) / len(stories)
    rows.append((str(temperature), coherent(stories), sentences, distinct_n(tokens, 3)))
    if temperature == 1.0:
        for story in stories:
            try:
                score(story, Grammar())
            except NotInGrammar as error:
                reason = re.split(r"; | cannot be |: '", str(error))[0]
                reasons[re.sub(r"^sentence \d+ ", "", reason)] += 1
lesson.table(
    "temperature",
    rows,
    ["temperature", "coherent, of 500", "sentences in a story", "distinct-3"],
    tolerance={"coherent, of 500": 0.08, "sentences in a story": 1.0, "distinct-3": 0.06},
)
figure, axes = plots.new_figure("Coherence and variety against temperature", "temperature", "share")
axes.plot(temperatures, [row[1] for row in rows], marker="o", label="coherent stories (of 500)", **plots.line_style(0))
axes.plot(temperatures, [row[3] for row in rows], marker="s", label="distinct-3", **plots.line_style(1))
axes.set_ylim(0, 1.03)
axes.legend(frameon=False)
lesson.figure(figure, "temperature", "Coherent stories and distinct-3 against temperature")

# %% [markdown]
# ## What goes wrong
#
# The parser says where a story leaves the language. These are the most frequent reasons at temperature 1, by event:
# most are slips of memory, such as a friend with the hero's own name, or a walk to the place where everybody is.

# %%
for reason, count in reasons.most_common(8):
    print(f"{count:4d}  {reason}")
lesson.finish()
