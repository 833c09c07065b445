# %% [markdown]
# # Interpretability
#
# - Article section: §8.2
# - Needs: attention, gpt
# - Data: greentree (built in); the full profile also stories260K
# - Minutes: quick 1, full 7
# - Memory: 2.8 GB
# - Shows: seven ways of looking into one model, each checked against what is known to be true
# - Headline: completeness_error, probe_accuracy, control_accuracy, induction_lost
#
# The article complains that nobody can say why a model writes what it writes. There are ways to look, and many pretty
# pictures come of them. The trouble is another one: a picture always shows *something*, and mostly nobody knows what it
# should have shown. On `greentree` it is known. The grammar says from which earlier word a word follows, and what is
# true in the world of a story at every moment. So each method here has to answer for itself.

# %%
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from lmbook import plots
from lmbook.corpora.greentree import Grammar, floor, generate
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.corpora.greentree.world import BOTH, FRIEND, HERO, LOST
from lmbook.decoding.generate import generate as write
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.interpretation.attention_maps import self_attention
from lmbook.interpretation.attribution import integrated_gradients, occlusion
from lmbook.interpretation.heads import (
    highest,
    induction_scores,
    other_heads,
    repeated_rows,
    weight_on,
    without_heads,
)
from lmbook.interpretation.probes import control_labels, probe
from lmbook.interpretation.residual_stream import continue_from, logit_lens, residual_stream
from lmbook.interpretation.sparse_autoencoder import train_sparse_autoencoder
from lmbook.interpretation.story_states import story_states
from lmbook.lesson import Lesson
from lmbook.models.gpt import GPT
from lmbook.models.registry import make_config
from lmbook.models.weights.llama2c import load_stories260k
from lmbook.pipelines.causal import CausalWindows
from lmbook.pipelines.periodic import PeriodicRows
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.fit import fit, reproducible
from lmbook.training.story_gpt import COPYING_FIT, copying_config

lesson = Lesson("interpretability")
if lesson.text or lesson.corpus not in (None, "greentree"):
    print("What is true is known of greentree alone: --corpus and --text are left aside.")
threadpool_limits(1, "blas")
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## A model to look into
#
# A small GPT reads stories of up to eight sentences (quick: six), until it is near the lowest loss that there can be.

# %%
TRAINING_SEED, LOOKING_SEED, CHECKING_SEED, PROBING_SEED, JUDGING_SEED = 10, 11, 12, 21, 22  # of stories
SENTENCES, CONTEXT = lesson.choose(quick=(6, 73), full=(8, 91))
STEPS = lesson.choose(quick=220, full=700)
WIDTH, BLOCKS = lesson.choose(quick=(96, 3), full=(128, 4))

grammar = Grammar(split="seen", max_sentences=SENTENCES)
texts = [story.english for story in generate(lesson.choose(quick=6_000, full=20_000), TRAINING_SEED, grammar=grammar)]
words = WordTokenizer.train(texts)
reproducible(lesson.seed)
config = copying_config(words.vocabulary_size, num_layers=BLOCKS, hidden_dim=WIDTH, max_sequence_length=160)
untrained, model = GPT(config), GPT(config)
data = CausalWindows(
    [words.encode(text) for text in texts], context=CONTEXT, batch_size=32, align="document", seed=lesson.seed
)
fit(model, data, steps=STEPS, **COPYING_FIT, checks=("ids", "labels"), quiet=True)
looking = story_states(lesson.choose(quick=1_500, full=6_000), LOOKING_SEED, grammar, words)
checking = story_states(lesson.choose(quick=200, full=500), CHECKING_SEED, grammar, words)
END, B = words.end_id, len(checking.ids)


def next_words(ids: np.ndarray) -> np.ndarray:
    """The word after each position [B, T]; `<end>` after the last one of a story, 0 in its padding."""
    after = np.pad(ids[:, 1:], ((0, 0), (0, 1)))
    after[(ids != 0) & (after == 0)] = END
    return after


LABELS = next_words(checking.ids)
COUNTED = checking.ids != 0  # what is predicted at padding does not matter


def losses(one: GPT, ids: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-ln p of each label, [B, T], 100 rows at a time."""
    parts = [slice(first, first + 100) for first in range(0, len(ids), 100)]
    found = [tf.nn.sparse_softmax_cross_entropy_with_logits(labels[part], one(ids[part])).numpy() for part in parts]
    return np.concatenate(found)


surprise = losses(model, checking.ids, LABELS)
lowest = floor([story.english for story in checking.stories], words, grammar=grammar)
lesson.record("nats_per_word", surprise[COUNTED].mean(), "nats per word", 0.05, note="of the model, on other stories")
lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the same stories")

# %% [markdown]
# ## The logit lens
#
# Each block adds something to a vector of each word, and the last vector is made into logits. What if the vectors
# before it are made into logits in the same way (nostalgebraist 2020)? One sees the guess grow from block to block. The
# lens has no training of its own, so what it shows was there; but what it does not show may be there all the same, in
# directions that later blocks turn into words. (The table itself says the word that it has just read: the same table
# makes vectors and logits here.)

# %%
states = residual_stream(model, checking.ids)  # [L + 1, B, T, D]
rows = []
for depth in range(BLOCKS + 1):
    seen = np.concatenate([logit_lens(model, states[depth : depth + 1, row : row + 50])[0] for row in range(0, B, 50)])
    at_label = np.take_along_axis(seen, LABELS[..., None], axis=-1)[..., 0][COUNTED]
    right = (seen.argmax(axis=-1) == LABELS)[COUNTED]
    rows.append([f"after block {depth}" if depth else "the table", -float(at_label.mean()), float(right.mean())])
lesson.table("lens", rows, ["read", "nats per word", "right"], {"nats per word": 0.5, "right": 0.05})


def lens_picture(ids: Sequence[int], first: int, last: int):
    """The likeliest next word at each depth and position, coloured by its probability."""
    seen = np.exp(logit_lens(model, residual_stream(model, [ids])[:, 0, first:last]))  # [L + 1, T, V]
    best, sure = seen.argmax(axis=-1), seen.max(axis=-1)
    figure, axes = plots.new_figure("", "", "", size=(12.0, 0.5 * len(seen) + 1.2))
    names = ["table", *(f"block {number}" for number in range(1, len(seen)))]
    plots.matrix(axes, sure[::-1], names[::-1], [words.tokens[id] for id in ids[first:last]], top=1.0)
    for (row, column), id in np.ndenumerate(best[::-1]):
        colour = "white" if sure[::-1][row, column] > 0.6 else "black"
        axes.text(column, row, words.tokens[id], ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(last - first), [words.tokens[id] for id in ids[first:last]], rotation=45, fontsize=8)
    return figure


lesson.figure(
    lens_picture(checking.ids[0].tolist(), 10, 28),
    "lens",
    "What would be said after each word (below), if the model stopped at each depth; darker is surer",
)

# %% [markdown]
# ## Which earlier words does a word hang on?
#
# A story tells that a *kite* is found; later "gives the" is to be followed by "kite". Or the plant is to be named
# again, or the weather. For such words the grammar knows the source: the places where the word stood before. The
# question must be put well. "Why *kite*?" is mostly answered by "because of *the*": some noun has to follow. What is
# meant is "why *kite* and not another thing?", so what is explained is the logit of the right word minus the mean logit
# of the others of its kind (a contrastive explanation; Yin and Neubig 2022). Four answers:
#
# - **attention**: the weights of the last block, the mean of its heads. The picture that everybody draws;
# - **occlusion**: hide one word after the other, and see what is lost;
# - **integrated gradients** (Sundararajan et al. 2017): go from a text that says nothing to this one in small steps,
#   and add up what each word's vector has contributed. By a theorem, the contributions add up to the whole difference
#   (**completeness**), and so the computation can be checked;
# - **chance**: any word.
#
# To say nothing is the mean vector of all words here; other choices are possible, and they change the numbers.

# %%
table = model.embedding.tokens.embeddings.numpy()
NOTHING = table[3:].mean(axis=0)  # the special tokens aside
KINDS = (LEXICON.plants, LEXICON.things, LEXICON.weathers)
ALIKE = [[words.encode(entry.english)[0] for entry in kind] for kind in KINDS]
FACTS = {word: [other for other in kind if other != word] for kind in ALIKE for word in kind}  # and what it might be


def cases(count: int) -> list[tuple[int, int]]:
    """(row, position) of words that name a fact again that was told before; the position is that of the word itself."""
    found = []
    for row, ids in enumerate(checking.ids.tolist()):
        places = [t for t in range(12, len(ids)) if ids[t] in FACTS and ids[t] in ids[:t]]
        found += [(row, places[-1])] if places else []
    return found[:count]


@tf.function(input_signature=[tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([words.vocabulary_size])])
def preference(x, contrast):
    """Vectors [N, T, D] -> the logits after the last of them, weighted by `contrast` and added up, [N]."""
    return tf.linalg.matvec(continue_from(model, x)[:, -1], contrast)


def explain(ids: Sequence[int], place: int, points: int) -> dict[str, np.ndarray | float]:
    """The share of each word before `place` in what is said there, by each method; [T] with T = place."""
    before = ids[:place]
    x = table[before]
    baseline = np.tile(NOTHING, (place, 1))
    baseline[0] = x[0]  # `<end>` opens every text: it says nothing already

    contrast = np.zeros(words.vocabulary_size, "float32")
    contrast[ids[place]], contrast[FACTS[ids[place]]] = 1.0, -1.0 / len(FACTS[ids[place]])

    def function(x):
        return preference(x, contrast)

    smooth, hidden = integrated_gradients(function, x, baseline, points=points), occlusion(function, x, baseline)
    return {
        "attention": self_attention(model, before)[-1, :, -1].mean(axis=0),
        "occlusion": hidden.values,
        "integrated gradients": smooth.values,
        "chance": rng.random(place),
        "error": smooth.completeness_error,
        "function": function,
        "x": x,
        "baseline": baseline,
    }


POINTS = lesson.choose(quick=64, full=128)
chosen = cases(lesson.choose(quick=12, full=80))
METHODS = ("attention", "occlusion", "integrated gradients", "chance")
explained = [explain(checking.ids[row].tolist(), place, POINTS) for row, place in chosen]
error = float(np.median([one["error"] for one in explained]))
worst = float(np.percentile([one["error"] for one in explained], 95))
lesson.record("completeness_error", error, "", 0.01, n=len(explained), note=f"median, relative, {POINTS} points")
lesson.record("completeness_error_95", worst, "", 0.05, n=len(explained), note="95th percentile")

# %% [markdown]
# Two measures of an explanation. **Source**: is its first word one of the places where the word stood before? And
# **faithful**: hide its first word; how much is lost of the right word's lead? What a model really hangs on is missed.
# (Occlusion finds the word whose hiding hurts most by trying all of them, so nothing can beat it there.) `<end>` is
# left out: it opens every text.


# %%
def judged(method: str) -> list[float]:
    """Source, faithful, and the rank correlation with occlusion: means over all cases."""
    hits, falls, ranks = [], [], []
    for (row, place), one in zip(chosen, explained, strict=True):
        share = one[method][1:]
        first = int(share.argmax()) + 1
        hits.append(checking.ids[row, first] == checking.ids[row, place])
        hidden = one["x"].copy()
        hidden[first] = one["baseline"][first]
        whole, without = one["function"](tf.constant(np.stack([one["x"], hidden]), "float32")).numpy()
        falls.append(whole - without)
        ranks.append(spearmanr(share, one["occlusion"][1:]).statistic)
    return [float(np.mean(values)) for values in (hits, falls, ranks)]


verdicts = {method: judged(method) for method in METHODS}
columns = ["source", "faithful (logits)", "rank correlation with occlusion"]
lesson.table(
    "explanations",
    [[method, *values] for method, values in verdicts.items()],
    ["method", *columns],
    {columns[0]: 0.3, columns[1]: 2.0, columns[2]: 0.3},
)
on_end = float(np.mean([one["attention"][0] for one in explained]))
lesson.record("attention_on_end", on_end, "", 0.2, note="share of the last block's attention that goes to <end>")

row, place = chosen[0]
shown = slice(max(1, place - 22), place)
names = [words.tokens[id] for id in checking.ids[row, shown]]
figure, axes = plots.new_figure("", "", "", size=(12.0, 2.6))
shares = np.stack([explained[0][method][shown] for method in METHODS[:3]])
plots.matrix(axes, shares / np.abs(shares).max(axis=1, keepdims=True), METHODS[:3], names, signed=True)
axes.set_title(f"… {words.tokens[checking.ids[row, place]]}", fontsize=11)
lesson.figure(figure, "explanations", "Why is the next word this one? Three answers, each scaled to its largest share")

# %% [markdown]
# ## Attention is not an explanation
#
# A weight says how much a head *takes* of a word's value. It does not say what the value is (it can be next to
# nothing), nor what later blocks make of it; and by the last block the vector of a word has long taken up others: what
# the last block looks at there need not be what it came from. Take each head out and see what is lost: do heads that
# look sharply at one word matter more?

# %%
HEADS = [(block, head) for block in range(BLOCKS) for head in range(config.num_heads)]
SOME = lesson.choose(quick=60, full=200)
_, maps = model(checking.ids[:50], return_weights=True)
sharpness = {head: float(np.asarray(maps[head[0]])[:, head[1]].max(axis=-1)[COUNTED[:50]].mean()) for head in HEADS}
plain = surprise[:SOME][COUNTED[:SOME]].mean()


def lost_without(heads: Sequence[tuple[int, int]]) -> float:
    """What the loss rises by, in nats per word, when these heads are taken out."""
    with without_heads(model, heads):
        return float(losses(model, checking.ids[:SOME], LABELS[:SOME])[COUNTED[:SOME]].mean() - plain)


harm = {head: lost_without([head]) for head in HEADS}
correlation = spearmanr(list(sharpness.values()), list(harm.values())).statistic
note = "rank correlation, over heads, of how sharply one looks and what is lost without it"
lesson.record("sharpness_and_harm", correlation, "", 0.6, n=len(HEADS), note=note)

# %% [markdown]
# ## Induction heads, found and taken out
#
# How can a model say again what stood before? An **induction head** (Olsson et al. 2022) looks for an earlier place of
# the present word and takes the word that came *after* it: "… a red kite … red →" kite. It needs a partner in an
# earlier block that tells each place which word stood before it. Such heads are found with text that has no sense at
# all: tokens drawn at random, the whole row said twice. A head's **score** is the weight that it puts, in the second
# half, on the token after the earlier place.
#
# First where nothing else is to be learned: a GPT of two blocks reads rows that repeat themselves after some tokens,
# each row after another number. Watch the loss and the score on the way.

# %%
TOKENS, HALF = 35, 16
reproducible(lesson.seed)
repeater = GPT(
    make_config(
        "gpt",
        TOKENS,
        num_layers=2,
        hidden_dim=64,
        num_heads=2,
        intermediate_dim=128,
        max_sequence_length=40,
        zero_projections=False,
        normalize_heads=False,
        logit_soft_cap=None,
    )
)
twice = repeated_rows(range(3, TOKENS), HALF, rows=lesson.choose(quick=32, full=128), seed=lesson.seed)
second = np.zeros(twice.shape, bool)
second[:, -HALF:-1] = True  # where the next token is known from the first half


def after(ids: np.ndarray) -> np.ndarray:
    """The next token of each position [B, T], 0 after the last."""
    return np.pad(ids[:, 1:], ((0, 0), (0, 1)))


def mean_loss(one: GPT, ids: np.ndarray, labels: np.ndarray, mask: np.ndarray, heads=()) -> float:
    """Nats per token where `mask` is True, without these heads."""
    with without_heads(one, heads):
        return float(losses(one, ids, labels)[mask].mean())


course = []  # (step, loss, highest score)
fit(
    repeater,
    PeriodicRows(TOKENS, 40, periods=(6, 16), batch_size=64, seed=lesson.seed),
    steps=lesson.choose(quick=160, full=300),
    optimizer="muon",
    learning_rate=1e-2,
    warmup_steps=20,
    weight_decay=0.0,
    checks=(),
    callbacks=[lambda step, loss: course.append((step, loss, float(induction_scores(repeater, twice, HALF).max())))],
    quiet=True,
)
scores = induction_scores(repeater, twice, HALF)
before = np.zeros((*twice.shape, twice.shape[1]), bool)
before[:, range(1, 2 * HALF), range(2 * HALF - 1)] = True
behind = weight_on(repeater, twice, before)
measure = (twice, after(twice), second)
whole, rows = mean_loss(repeater, *measure), []
for block, head in [(block, head) for block in range(2) for head in range(2)]:
    lost = mean_loss(repeater, *measure, [(block, head)]) - whole
    rows.append([f"block {block + 1} head {head + 1}", float(scores[block, head]), float(behind[block, head]), lost])
for block in range(2):
    lost = mean_loss(repeater, *measure, [(block, 0), (block, 1)]) - whole
    rows.append([f"both of block {block + 1}", float(scores[block].mean()), float(behind[block].mean()), lost])
columns = ["induction score", "looks one token back", "nats lost without it"]
lesson.table("repeater", rows, ["head", *columns], {columns[0]: 0.4, columns[1]: 0.4, columns[2]: 3.0})
lesson.record("repeater_loss", whole, "nats", 0.5, note=f"second half; a guess has {np.log(TOKENS - 3):.2f}")
lesson.record("induction_score", float(scores.max()), "", 0.3, note="the highest of the four heads")
note = "second half, without both heads of block 2"
lesson.record("induction_lost", rows[-1][3], "nats", 2.0, note=note)

figure, axes = plots.new_figure("", "training step", "nats per token that can be known")
axes.plot([c[0] for c in course], [c[1] for c in course], label="loss", **plots.line_style(0))
right_axes = axes.twinx()
right_axes.plot([c[0] for c in course], [c[2] for c in course], label="highest score", **plots.line_style(8))
right_axes.set(ylabel="induction score", ylim=(0, 1.05))
figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
lesson.figure(figure, "induction", "Induction heads come suddenly, and the loss falls with them")

# %% [markdown]
# ### In the stories
#
# Does the model of the stories copy in this way? Its score on random rows says no: in this language the word before a
# fact is nearly always "the", which tells nothing, so to look for the present word's earlier places is no use. It must
# have another way. So look for heads that do the work: where a fact is to be said again, which heads look at the places
# where it stood? Then take those out, and as many others; and see whether only the facts suffer that are said again.

# %%
again = np.zeros(checking.ids.shape, bool)  # the next word is a fact that stood before
source = np.zeros((SOME, *checking.ids.shape[1:] * 2), bool)  # and where it stood
for row, ids in enumerate(checking.ids[:SOME].tolist()):
    for t in range(1, len(ids)):
        if ids[t] in FACTS and ids[t] in ids[:t]:
            again[row, t - 1] = True
            source[row, t - 1, :t] = checking.ids[row, :t] == ids[t]
other = COUNTED & ~again
other[SOME:] = False
DRAWS = lesson.choose(quick=3, full=10)


def ablation(one: GPT, heads, measures: dict[str, tuple]) -> list[list]:
    """For each measure its loss, what is lost without the heads, and without as many others (mean and s.d.)."""
    found = []
    for name, measure in measures.items():
        whole = mean_loss(one, *measure)
        lost = mean_loss(one, *measure, heads) - whole
        drawn = [mean_loss(one, *measure, drawn) - whole for drawn in other_heads(one, heads, DRAWS, lesson.seed)]
        found.append([name, whole, lost, float(np.mean(drawn)), float(np.std(drawn, ddof=1))])
    return found


random_rows = repeated_rows(range(3, words.vocabulary_size), 20, rows=32, seed=lesson.seed, first=END)
story_scores = induction_scores(model, random_rows, 20)
lesson.record("story_induction_score", float(story_scores.max()), "", 0.3, note="the highest of the stories' model")
copying = weight_on(model, checking.ids[:SOME], source)
copiers = highest(copying, lesson.choose(quick=2, full=3))
rows = ablation(
    model,
    copiers,
    {
        "facts said again": (checking.ids[:SOME], LABELS[:SOME], again[:SOME]),
        "all other words": (checking.ids[:SOME], LABELS[:SOME], other[:SOME]),
    },
)
ABLATED = ["nats", "lost without the found heads", "without others", "s.d."]
lesson.table("ablation", rows, ["measured on", *ABLATED], 1.0)
named = ", ".join(f"block {block + 1} head {head + 1}" for block, head in copiers)
lesson.record("copying_lost", rows[0][2], "nats", 1.5, note=f"for each fact said again, without {named}")
lesson.record("copying_lost_others", rows[0][3], "nats", 1.0, rows[0][4], DRAWS, "without as many others")

figure, panels = plots.new_panels(1, 2, size=(10.0, 3.6))
heads = [f"head {number + 1}" for number in range(config.num_heads)]
plots.matrix(panels[0, 0], copying, [f"block {number + 1}" for number in range(BLOCKS)], heads, top=1.0)
panels[0, 0].set_title("weight on where the next word stood", fontsize=11)
for head in HEADS:
    colour = plots.COLOURS[1] if head in copiers else plots.COLOURS[0]
    panels[0, 1].plot(sharpness[head], harm[head], "o", color=colour)
    panels[0, 1].annotate(
        f"{head[0] + 1}.{head[1] + 1}",
        (sharpness[head], harm[head]),
        fontsize=7,
        xytext=(3, 3),
        textcoords="offset points",
    )
panels[0, 1].set(xlabel="largest weight, mean over words", ylabel="nats per word lost without it")
caption = (
    "Left: which heads look at what is to be said again. Right: how sharply a head looks, and what is lost without it"
)
lesson.figure(figure, "heads", caption)

# %% [markdown]
# ## What does it know about the world?
#
# A story never says "now Tom has the kite": it says that Anna gave it to him. Whoever is to go on sensibly must keep
# account. Does the model? A **probe** is a linear classifier that is trained to read a fact off the model's vectors.
# Here: *who has the thing*, at the end of each sentence (nobody yet, the hero, the friend, it is lost).
#
# A probe that succeeds shows little: a strong classifier learns anything by heart. So there is a **control task**
# (Hewitt and Liang 2019): labels without meaning, as frequent as the true ones, drawn once for each type of input. The
# type is here the last word of the sentence. It can be read off the vectors, and the probe sees every type's label in
# training: what it does better on the true labels than on these, it owes to the model. Beside it stand the same probe
# on a model that was never trained, and the most frequent label. All four answers are equally frequent (from stories
# in which a thing is found, so many ends of sentences of each are drawn).

# %%
HOLDERS = {None: "nobody yet", HERO: "the hero", FRIEND: "the friend", LOST: "it is lost"}


def middles(part) -> np.ndarray:
    """Where sentences end, without the first one of each story and its last; bool [B, T]."""
    mask = part.closes.copy()
    for ends in mask:
        ends[np.flatnonzero(ends)[[0, -1]]] = False
    return mask


def probe_data(part, per_answer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mask [B, T] of so many ends of sentences of each answer; the answers; the words before the full stops."""
    mask = np.zeros(part.ids.shape, bool)
    places = {name: [] for name in HOLDERS.values()}
    for row, t in zip(*np.nonzero(middles(part)), strict=True):
        if part.worlds[row][-1].thing:
            places[HOLDERS[part.worlds[row][t].holder]].append((row, t))
    for found in places.values():
        for place in rng.permutation(len(found))[:per_answer]:
            mask[found[place]] = True
    answers = np.array([HOLDERS[world.holder] for world in part.at(mask)])
    return mask, answers, np.roll(part.ids, 1, axis=1)[mask]


probing = story_states(lesson.choose(quick=3_000, full=8_000), PROBING_SEED, grammar, words)
judging = story_states(lesson.choose(quick=1_000, full=3_000), JUDGING_SEED, grammar, words)
train_mask, train_holders, train_types = probe_data(probing, lesson.choose(quick=100, full=400))
test_mask, test_holders, test_types = probe_data(judging, lesson.choose(quick=50, full=150))
print({name: int((train_holders == name).sum()) for name in HOLDERS.values()})
CONTROL_SEEDS = [lesson.seed + number for number in range(lesson.choose(quick=1, full=3))]


def vectors(one: GPT, part, mask: np.ndarray) -> list[np.ndarray]:
    """At each depth the vectors [N, D] of the positions in `mask`, 100 stories at a time; others are not read."""
    rows = np.flatnonzero(mask.any(axis=1))
    pieces = [rows[first : first + 100] for first in range(0, len(rows), 100)]
    read = [residual_stream(one, part.ids[piece])[:, mask[piece]] for piece in pieces]
    return list(np.concatenate(read, axis=1))


train_x, test_x = vectors(model, probing, train_mask), vectors(model, judging, test_mask)
blank_train, blank_test = vectors(untrained, probing, train_mask), vectors(untrained, judging, test_mask)
rows, controls = [], []
for depth in range(BLOCKS + 1):
    found = probe(train_x[depth], train_holders, test_x[depth], test_holders)
    nothing = probe(blank_train[depth], train_holders, blank_test[depth], test_holders)
    control = []
    for seed in CONTROL_SEEDS:
        both = control_labels(
            np.concatenate([train_types, test_types]).tolist(), np.concatenate([train_holders, test_holders]), seed
        )
        seen, unseen = both[: len(train_types)], both[len(train_types) :]
        control.append(probe(train_x[depth], seen, test_x[depth], unseen).accuracy)
    controls.append(control)
    name = f"after block {depth}" if depth else "the table"
    rows.append([name, found.accuracy, float(np.mean(control)), nothing.accuracy, found.majority])
best = max(range(len(rows)), key=lambda depth: rows[depth][1])
columns = ["true labels", "control labels", "true labels, untrained model", "most frequent label"]
lesson.table("probes", rows, ["read", *columns], 0.1)
n = len(test_holders)
lesson.record("probe_accuracy", rows[best][1], "", 0.05, n=n, note=f"who has the thing, {rows[best][0]}")
sd = float(np.std(controls[best], ddof=1)) if len(CONTROL_SEEDS) > 1 else None
lesson.record(
    "control_accuracy", rows[best][2], "", 0.1, sd, len(CONTROL_SEEDS), "the same probe, labels without meaning"
)
lesson.record("selectivity", rows[best][1] - rows[best][2], "", 0.1, note="the one minus the other")
lesson.record("untrained_accuracy", rows[best][3], "", 0.1, note="true labels, model with random weights")

figure, axes = plots.new_figure("", "blocks read", "accuracy: who has the thing?")
for index, column in enumerate(columns):
    axes.plot([row[index + 1] for row in rows], marker="o", label=column, **plots.line_style(index))
axes.set_xticks(range(BLOCKS + 1))
figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
lesson.figure(figure, "probes", "What a linear probe reads at the end of a sentence, block by block")

# %% [markdown]
# That a fact *can* be read does not show that the model *uses* it. For that it must be changed, as the heads were.
#
# ## Features with names
#
# A vector has a hundred numbers, and hardly one of them means anything by itself: the model uses directions, more of
# them than it has numbers, a few at a time. A **sparse autoencoder** (Bricken et al. 2023; this one keeps the k
# largest, Gao et al. 2024) tries to find them: every vector as a sum of at most k out of many. Here of the vectors at
# the ends of sentences, after the last block: the full stop itself says nothing, so what is in them is what the model
# makes of the story so far. (The first and the last sentence of a story are left out: they differ from all others.)
#
# A feature is a hypothesis; its name must be earned. Candidates are what is true in the world, what the sentence told,
# and all words that can stand before the full stop. A feature gets the name with which it goes best together on one
# half of the stories (correlation of its number with "it is so"); what is printed is that correlation on the other
# half. Most features earn none from this list. Those that do are single directions for whole facts.

# %%
DEPTH, ACTIVE = BLOCKS, 16
FEATURES = lesson.choose(quick=128, full=192)
stops = middles(checking)
seen_x, unseen_x = vectors(model, looking, middles(looking))[DEPTH], vectors(model, checking, stops)[DEPTH]
autoencoder = train_sparse_autoencoder(
    seen_x,
    features=FEATURES,
    active=ACTIVE,
    steps=lesson.choose(quick=500, full=4_000),
    batch_size=256,
    seed=lesson.seed,
)
rebuilt = autoencoder(unseen_x).numpy()
explained_share = 1 - ((rebuilt - unseen_x) ** 2).sum() / ((unseen_x - unseen_x.mean(axis=0)) ** 2).sum()
note = f"{FEATURES} features, at most {ACTIVE} at a time, after block {DEPTH}"
lesson.record("variance_explained", explained_share, "", 0.1, note=note)


def loss_with(x: np.ndarray) -> float:
    """Nats per word after the full stops when their vectors after block DEPTH are these."""
    replaced, total = states[DEPTH].copy(), 0.0
    replaced[stops] = x
    for first in range(0, B, 100):
        part = slice(first, first + 100)
        logits = continue_from(model, tf.constant(replaced[part]), DEPTH)
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS[part], logits).numpy()
        total += each[stops[part]].sum()
    return float(total / stops.sum())


plain, kept = float(surprise[stops].mean()), loss_with(rebuilt)
empty = loss_with(np.tile(unseen_x.mean(axis=0), (len(unseen_x), 1)))
note = "of what the vectors are worth to the next word, against their mean"
lesson.record("loss_recovered", (empty - kept) / (empty - plain), "", 0.1, note=note)


def concepts(part) -> dict[str, np.ndarray]:
    """What may hold at the ends of sentences: name -> bool [N]."""
    worlds, ids = part.at(middles(part)), np.roll(part.ids, 1, axis=1)[middles(part)]
    events = [sentence.event.name for story in part.stories for sentence in story.sentences[1:-1]]
    found = {f"the thing: {name}": np.array([w.holder == one for w in worlds]) for one, name in HOLDERS.items()}
    found["there is a friend"] = np.array([bool(w.friend) for w in worlds])
    found["bad weather"] = np.array([bool(w.weather) for w in worlds])
    found["away from the plant"] = np.array([not w.at_plant for w in worlds])
    for name in LEXICON.wishes:
        found[f"topic: {name}"] = np.array([w.topic == name for w in worlds])
    for one, name in {HERO: "the hero", FRIEND: "the friend", BOTH: "both"}.items():
        found[f"last told of: {name}"] = np.array([w.subject == one for w in worlds])
    for number in range(2, SENTENCES):
        found[f"after sentence {number}"] = np.array([w.sentences == number for w in worlds])
    for name in sorted(set(events)):
        found[f"told: {name.replace('_', ' ')}"] = np.array([event == name for event in events])
    for id in sorted(set(ids.tolist())):
        found[f'the word "{words.tokens[id]}"'] = ids == id
    return {name: held for name, held in found.items() if 30 <= held.sum() <= len(held) - 30}


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of all columns of a [N, F] with all of b [N, C]: [F, C], 0 where a column never changes."""
    a, b = (np.asarray(x, "float32") - np.mean(x, axis=0, dtype="float32") for x in (a, b))
    scale = np.sqrt((a**2).sum(axis=0))[:, None] * np.sqrt((b**2).sum(axis=0))
    return np.divide(a.T @ b, scale, out=np.zeros(scale.shape, "float32"), where=scale > 1e-6)


named, naming_x = concepts(judging), vectors(model, judging, middles(judging))[DEPTH]
names, held = list(named), np.stack(list(named.values()), axis=1)
half = np.arange(len(held)) < len(held) // 2
candidates = {
    "features": autoencoder.encode(naming_x).numpy(),
    "numbers of the vector": np.concatenate([naming_x, -naming_x], axis=1),  # either sign may mean something
    "random directions": naming_x @ rng.normal(size=(WIDTH, FEATURES)).astype("float32"),
}
rows, best_names = [], {}
for candidate, numbers in candidates.items():
    used = numbers[half].std(axis=0) > 1e-6
    choice = correlations(numbers[half][:, used], held[half]).argmax(axis=1)
    there = correlations(numbers[~half][:, used], held[~half])[np.arange(used.sum()), choice]
    best_names[candidate] = [(float(c), names[n]) for c, n in zip(there, choice, strict=True)]
    rows.append([candidate, int(used.sum()), float(np.median(there)), float((there > 0.7).mean())])
columns = ["in use", "median correlation with the name", "share above 0.7"]
lesson.table("features", rows, ["what is named", *columns], {"in use": 60, columns[1]: 0.15, columns[2]: 0.15})
lesson.record("features_named", rows[0][3], "", 0.15, note="share of the features with correlation above 0.7")
for there, name in sorted(best_names["features"], reverse=True)[:15]:
    print(f"  {there:.2f}  {name}")

# %% [markdown]
# And the other way round: for each fact of the world, the feature that goes best with it, beside the single number of
# the vector that does.


# %%
def best_for(numbers: np.ndarray, concept: int) -> float:
    """The correlation on the second half of the stories of what goes best with a concept on the first."""
    found = correlations(numbers[half], held[half][:, [concept]]).argmax()
    return float(correlations(numbers[~half][:, [found]], held[~half][:, [concept]])[0, 0])


rows = []
for place, name in enumerate(names):
    if not name.startswith(("told:", "the word")):
        rows.append([name, *(best_for(candidates[one], place) for one in ("features", "numbers of the vector"))])
lesson.table("facts", rows, ["fact of the world", "best feature", "best number"], 0.3)

# %% [markdown]
# ## A real model
#
# stories260K is a Llama of 260,032 weights that Andrej Karpathy trained on TinyStories. Nobody knows the grammar of its
# stories, so there is no probe and no list of facts. But of its own text it can be asked too which heads look at what
# is said again: where a pair of pieces comes for the second time, how much does a head look at the pair's second piece
# the first time? The heads that do most are taken out. Beside it, its score on random pieces said twice: a test made
# for models that have seen all sorts of text, which this one has not.

# %%
if lesson.full:
    try:
        real_model, pieces = load_stories260k()
    except LmbookError as missing:
        real_model = None
        print(f"Without stories260K: {missing.message}\n{missing.fix}")
else:
    real_model = None
    print("The full profile looks into stories260K too.")

if real_model is not None:
    first = 1  # <s>
    real_rows = repeated_rows(range(300, 512), 40, rows=64, seed=lesson.seed, first=first)
    random_score = float(induction_scores(real_model, real_rows, 40).max())
    lesson.record("real_random_score", random_score, "", 0.05, note="stories260K, random pieces said twice, highest")
    written = write(real_model, [[first]] * 50, length=199, sampling=Sampling(temperature=0.8), seed=lesson.seed)
    real_ids = np.array([[first, *row] for row in written], "int32")
    seen_before = np.zeros(real_ids.shape, bool)
    earlier = np.zeros((*real_ids.shape, real_ids.shape[1]), bool)
    for row, ids in enumerate(real_ids.tolist()):
        for t, pair in enumerate(zip(ids, ids[1:], strict=False)):
            places = [s + 1 for s in range(t) if (ids[s], ids[s + 1]) == pair]
            seen_before[row, t], earlier[row, t, places] = bool(places), True
    fresh = ~seen_before
    fresh[:, -1] = False
    real_scores = weight_on(real_model, real_ids, earlier)
    real_heads = highest(real_scores, 3)
    rows = ablation(
        real_model,
        real_heads,
        {
            "pairs said again": (real_ids, after(real_ids), seen_before),
            "all other pieces": (real_ids, after(real_ids), fresh),
        },
    )
    lesson.table("real_ablation", rows, ["measured on", *ABLATED], 0.5)
    named = ", ".join(f"block {block + 1} head {head + 1}" for block, head in real_heads)
    lesson.record("real_copying_score", float(real_scores.max()), "", 0.05, note=f"its own stories; found: {named}")
    lesson.record("real_copying_lost", rows[0][2], "nats", 0.2, note="for each pair said again, without these")

# %% [markdown]
# ## What this can show, and what not
#
# The model is small and its world is known. Here a picture can be held against the truth, and that is the reason to
# practise here: a method that fails on `greentree` deserves no trust elsewhere. The other way round nothing follows. In
# a large model there are more heads that do the same, features that split up the more of them are asked for, and
# nobody has a list of the right names.
#
# ## What to try
#
# - Another vector for "nothing" (`NOTHING`): that of "the", or the mean of all words of the same kind.
# - Take the induction heads out one by one. Does one take over what another did?
# - `ACTIVE` 4 or 40; half or twice as many `FEATURES`: which names split up, which disappear?
# - Probe for the place of the hero (`world.place`) instead of the holder.

# %%
lesson.finish()
