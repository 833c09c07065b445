# %% [markdown]
# # Interpretability
#
# - Article section: §8.2
# - Needs: attention_maps, gpt
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

from lmbook import (
    GPT,
    CausalWindows,
    Lesson,
    LmbookError,
    Sampling,
    SpecialIds,
    WordTokenizer,
    fit,
    generate,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import LEXICON, Grammar, floor, tell_stories
from lmbook.models import load_stories260k
from lmbook.recipes import STORY_FIT, story_gpt_config
from lmbook.topics.interpretability import (
    HOLDERS,
    ablation,
    best_number,
    control_accuracies,
    explain,
    highest,
    holder_places,
    induction_scores,
    logit_lens,
    loss_without,
    losses_from,
    name_numbers,
    next_tokens,
    pairs_said_again,
    probe,
    repeated_rows,
    residual_stream,
    story_facts,
    story_states,
    token_losses,
    train_repeater,
    train_sparse_autoencoder,
    vectors_at,
    weight_on,
    word_before,
    words_said_again,
)

import numpy as np
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

lesson = Lesson("interpretability")
if lesson.own_text:
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
texts = [
    story.english for story in tell_stories(lesson.choose(quick=6_000, full=20_000), TRAINING_SEED, grammar=grammar)
]
words = WordTokenizer.train(texts)
reproducible(lesson.seed)
config = story_gpt_config(words.vocabulary_size, num_layers=BLOCKS, hidden_dim=WIDTH, max_sequence_length=160)
untrained, model = GPT(config), GPT(config)
data = CausalWindows(
    [words.encode(text) for text in texts], words, context=CONTEXT, batch_size=32, align="document", seed=lesson.seed
)
fit(model, data, steps=STEPS, **STORY_FIT, checks=("ids", "labels"), quiet=True)
looking = story_states(lesson.choose(quick=1_500, full=6_000), LOOKING_SEED, grammar, words)
checking = story_states(lesson.choose(quick=200, full=500), CHECKING_SEED, grammar, words)
END, B = words.end_id, len(checking.ids)
LABELS = next_tokens(checking.ids, words)
COUNTED = checking.ids != words.pad_id  # what is predicted at padding does not matter
surprise = token_losses(model, checking.ids, LABELS)
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
first, last = 10, 28
seen, read = (
    np.exp(logit_lens(model, states[:, 0, first:last])),
    [words.tokens[id] for id in checking.ids[0, first:last]],
)
caption = "What would be said after each word (below), if the model stopped at each depth; darker is surer"
lesson.figure(plots.lens(seen, read, words.tokens), "lens", caption)

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
table = np.asarray(model.embedding(np.arange(words.vocabulary_size)[None]))[0]  # as the first block reads it
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


POINTS = lesson.choose(quick=64, full=128)
chosen = cases(lesson.choose(quick=12, full=80))
METHODS = ("attention", "occlusion", "integrated gradients", "chance")
explained = []
for row, place in chosen:
    ids = checking.ids[row].tolist()
    explained.append(explain(model, ids, place, FACTS[ids[place]], NOTHING, points=POINTS, rng=rng))
errors = [one.completeness_error for one in explained]
error, worst = float(np.median(errors)), float(np.percentile(errors, 95))
lesson.record("completeness_error", error, "", 0.01, n=len(explained), note=f"median, relative, {POINTS} points")
lesson.record("completeness_error_95", worst, "", 0.05, n=len(explained), note="95th percentile")

# %% [markdown]
# Two measures of an explanation. **Source**: is its first word one of the places where the word stood before? And
# **faithful**: hide its first word; how much is lost of the right word's lead? What a model really hangs on is missed.
# (Occlusion finds the word whose hiding hurts most by trying all of them, so nothing can beat it there.) `<end>` is
# left out: it opens every text.

# %%
verdicts = {method: np.mean([one.judge(method) for one in explained], axis=0).tolist() for method in METHODS}
columns = ["source", "faithful (logits)", "rank correlation with occlusion"]
rows = [[method, *values] for method, values in verdicts.items()]
lesson.table("explanations", rows, ["method", *columns], dict(zip(columns, (0.3, 2.0, 0.3), strict=True)))
on_end = float(np.mean([one.shares["attention"][0] for one in explained]))
lesson.record("attention_on_end", on_end, "", 0.2, note="share of the last block's attention that goes to <end>")

row, place = chosen[0]
shown = slice(max(1, place - 22), place)
names = [words.tokens[id] for id in checking.ids[row, shown]]
figure, axes = plots.new_figure("", "", "", size=(12.0, 2.6))
shares = np.stack([explained[0].shares[method][shown] for method in METHODS[:3]])
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
ALL = (checking.ids[:SOME], LABELS[:SOME], COUNTED[:SOME])
whole = loss_without(model, [], ALL)
harm = {head: loss_without(model, [head], ALL) - whole for head in HEADS}
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
rows, steps = lesson.choose(quick=(32, 160), full=(128, 300))
repeater, twice, course = train_repeater(vocabulary_size=TOKENS, half=HALF, rows=rows, steps=steps, seed=lesson.seed)
second = np.zeros(twice.shape, bool)
second[:, -HALF:-1] = True  # where the next token is known from the first half
scores = induction_scores(repeater, twice, HALF)
before = np.zeros((*twice.shape, twice.shape[1]), bool)
before[:, range(1, 2 * HALF), range(2 * HALF - 1)] = True
behind = weight_on(repeater, twice, before)
measure = (twice, next_tokens(twice, SpecialIds()), second)
whole, rows = loss_without(repeater, [], measure), []
for block, head in [(block, head) for block in range(2) for head in range(2)]:
    lost = loss_without(repeater, [(block, head)], measure) - whole
    rows.append([f"block {block + 1} head {head + 1}", float(scores[block, head]), float(behind[block, head]), lost])
for block in range(2):
    lost = loss_without(repeater, [(block, 0), (block, 1)], measure) - whole
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
again, source = words_said_again(checking.ids[:SOME], FACTS)
DRAWS = lesson.choose(quick=3, full=10)
random_rows = repeated_rows(range(3, words.vocabulary_size), 20, rows=32, seed=lesson.seed, first=END)
story_scores = induction_scores(model, random_rows, 20)
lesson.record("story_induction_score", float(story_scores.max()), "", 0.3, note="the highest of the stories' model")
copying = weight_on(model, checking.ids[:SOME], source)
copiers = highest(copying, lesson.choose(quick=2, full=3))
masks = {"facts said again": again, "all other words": COUNTED[:SOME] & ~again}
measures = {name: (checking.ids[:SOME], LABELS[:SOME], mask) for name, mask in masks.items()}
rows = ablation(model, copiers, measures, DRAWS, lesson.seed)
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
    at = {"xy": (sharpness[head], harm[head]), "xytext": (3, 3), "textcoords": "offset points"}
    panels[0, 1].annotate(f"{head[0] + 1}.{head[1] + 1}", fontsize=7, **at)
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
probing = story_states(lesson.choose(quick=3_000, full=8_000), PROBING_SEED, grammar, words)
judging = story_states(lesson.choose(quick=1_000, full=3_000), JUDGING_SEED, grammar, words)
train_mask = holder_places(probing, lesson.choose(quick=100, full=400), rng)
test_mask = holder_places(judging, lesson.choose(quick=50, full=150), rng)
train_holders, test_holders = (
    np.array([HOLDERS[world.holder] for world in part.at(mask)])
    for part, mask in ((probing, train_mask), (judging, test_mask))
)
train_types, test_types = word_before(probing, train_mask), word_before(judging, test_mask)
print({name: int((train_holders == name).sum()) for name in HOLDERS.values()})
CONTROL_SEEDS = [lesson.seed + number for number in range(lesson.choose(quick=1, full=3))]
(train_x, test_x), (blank_train, blank_test) = (
    (vectors_at(one, probing.ids, train_mask), vectors_at(one, judging.ids, test_mask)) for one in (model, untrained)
)
rows, controls = [], []
for depth in range(BLOCKS + 1):
    found = probe(train_x[depth], train_holders, test_x[depth], test_holders)
    nothing = probe(blank_train[depth], train_holders, blank_test[depth], test_holders)
    control = control_accuracies(
        train_x[depth], train_types, train_holders, test_x[depth], test_types, test_holders, CONTROL_SEEDS
    )
    controls.append(control)
    name = f"after block {depth}" if depth else "the table"
    rows.append([name, found.accuracy, float(np.mean(control)), nothing.accuracy, found.majority])
best = max(range(len(rows)), key=lambda depth: rows[depth][1])
columns = ["true labels", "control labels", "true labels, untrained model", "most frequent label"]
lesson.table("probes", rows, ["read", *columns], 0.1)
n = len(test_holders)
lesson.record("probe_accuracy", rows[best][1], "", 0.05, n=n, note=f"who has the thing, {rows[best][0]}")
lesson.record_mean("control_accuracy", controls[best], "", 0.1, "the same probe, labels without meaning")
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
stops = checking.middles()
seen_x = vectors_at(model, looking.ids, looking.middles())[DEPTH]
unseen_x = vectors_at(model, checking.ids, stops)[DEPTH]
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
    replaced = states[DEPTH].copy()
    replaced[stops] = x
    return float(losses_from(model, replaced, LABELS, DEPTH)[stops].mean())


plain, kept = float(surprise[stops].mean()), loss_with(rebuilt)
empty = loss_with(np.tile(unseen_x.mean(axis=0), (len(unseen_x), 1)))
note = "of what the vectors are worth to the next word, against their mean"
lesson.record("loss_recovered", (empty - kept) / (empty - plain), "", 0.1, note=note)
facts, naming_x = story_facts(judging, words), vectors_at(model, judging.ids, judging.middles())[DEPTH]
candidates = {
    "features": autoencoder.encode(naming_x).numpy(),
    "numbers of the vector": np.concatenate([naming_x, -naming_x], axis=1),  # either sign may mean something
    "random directions": naming_x @ rng.normal(size=(WIDTH, FEATURES)).astype("float32"),
}
rows, best_names = [], {}
for candidate, numbers in candidates.items():
    best_names[candidate] = name_numbers(numbers, facts)
    there = np.array([named.correlation for named in best_names[candidate]])
    rows.append([candidate, len(there), float(np.median(there)), float((there > 0.7).mean())])
columns = ["in use", "median correlation with the name", "share above 0.7"]
lesson.table("features", rows, ["what is named", *columns], {"in use": 60, columns[1]: 0.15, columns[2]: 0.15})
lesson.record("features_named", rows[0][3], "", 0.15, note="share of the features with correlation above 0.7")
for there, name in sorted(best_names["features"], reverse=True)[:15]:
    print(f"  {there:.2f}  {name}")

# %% [markdown]
# And the other way round: for each fact of the world, the feature that goes best with it, beside the single number of
# the vector that does.

# %%
rows = []
for name, held in facts.items():
    if not name.startswith(("told:", "the word")):
        rows.append([name, *(best_number(candidates[one], held) for one in ("features", "numbers of the vector"))])
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
    first = pieces.end_id  # <s>
    real_rows = repeated_rows(range(300, 512), 40, rows=64, seed=lesson.seed, first=first)
    random_score = float(induction_scores(real_model, real_rows, 40).max())
    lesson.record("real_random_score", random_score, "", 0.05, note="stories260K, random pieces said twice, highest")
    written = generate(
        real_model,
        [[first]] * 50,
        max_new_tokens=199,
        sampling=Sampling(temperature=0.8),
        seed=lesson.seed,
        suppress_ids=(*pieces.suppress_ids, first),
    )
    real_ids = np.array([[first, *row] for row in written], "int32")
    seen_before, earlier = pairs_said_again(real_ids)
    fresh = ~seen_before
    fresh[:, -1] = False
    real_scores = weight_on(real_model, real_ids, earlier)
    real_heads = highest(real_scores, 3)
    masks = {"pairs said again": seen_before, "all other pieces": fresh}
    measures = {name: (real_ids, next_tokens(real_ids, pieces), mask) for name, mask in masks.items()}
    rows = ablation(real_model, real_heads, measures, DRAWS, lesson.seed)
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
