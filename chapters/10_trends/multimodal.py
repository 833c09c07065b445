# %% [markdown]
# # Pictures and words
#
# - Article section: §8.1
# - Needs: attention, encoder_decoder
# - Data: greentree, scenes drawn as pictures (built in)
# - Minutes: quick 1, full 20
# - Memory: 1.5 GB
# - Shows: how pictures and words meet in one space, how a picture is told in words, and what such models cannot do
# - Headline: retrieval_at_1, caption_exact
#
# A language model reads sequences of vectors; that they come from words is no condition. Turn a picture, or a sound,
# into a sequence of vectors, and the same blocks read it. This lesson does so twice. A **contrastive model** learns
# which caption belongs to which picture (CLIP, Radford et al. 2021): it can search. A **captioner** looks at a picture
# and writes: it is the Transformer of `encoder_decoder` with another encoder.
#
# The pictures are drawn by the book itself: scenes of the little world of `greentree`, 32 x 32 pixels. So it is known
# exactly what is in them, and which words are right; and it can be tested what a model does with **combinations that
# it never saw** together.

# %%
from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lmbook import Lesson, LmbookError, OptimizerConfig, WordTokenizer, fit, reproducible
from lmbook.book import plots
from lmbook.pipelines import document_rows, padded
from lmbook.topics.vision import (
    ATTRIBUTES,
    GROUPS,
    NOISE,
    NUMBERS,
    PAIRS,
    CaptionedPictures,
    Captioner,
    ContrastiveModel,
    PicturePairs,
    PictureTextConfig,
    Retrieval,
    Scene,
    combinations,
    draw,
    hide,
    look,
    new_pairs,
    retrieve,
    scene_of,
    scenes,
    with_different_captions,
    write_captions,
)

import numpy as np

lesson = Lesson("multimodal", corpora=())
if lesson.own_text:
    raise LmbookError("This lesson draws its own pictures.", "Leave --text and --corpus out.")
SEEDS = range(lesson.seed, lesson.seed + lesson.choose(quick=1, full=3))
LENGTH = 28  # tokens of the longest caption, its end included
GROUP = 100  # candidates

# %% [markdown]
# ## Scenes
#
# A scene has nine attributes. Its caption says them in greentree's English, in three or four sentences; the picture has
# besides what no word mentions: where things are, how large, which shade, noise. So each caption has endlessly many
# pictures.
#
# Some combinations of three are kept for validation and some for the test. Of the 64 of a plant, a thing and a
# creature, for instance, 8 are in the test alone: if palm, ring and bee are one of them, no training scene has these
# three. And so with the looks and colours, and with place, number and weather: a test scene is new in all three. But
# each *two* of its values were seen together. A harder test comes beside it: **new pairs**, where not even balls were
# ever red.

# %%
TRAIN, VALIDATION, TEST, SEEN, NEW = (10 * lesson.seed + number for number in range(1, 6))
size = lesson.choose(quick=200, full=400)


def drawn(count: int, seed: int, split: str) -> tuple[list[Scene], np.ndarray]:
    """So many scenes with different captions, and a picture of each."""
    found = with_different_captions(scenes(3 * count, seed, split))[:count]
    return found, draw(found, seed)


training = scenes(lesson.choose(quick=3_000, full=12_000), TRAIN)
pictures = draw(training, TRAIN)
validation, validation_pictures = drawn(lesson.choose(quick=100, full=200), VALIDATION, "validation")
SETS = {
    "held-out combinations": drawn(size, TEST, "test"),
    "combinations of the training": drawn(size, SEEN, "train"),
    "new pairs": drawn(size, NEW, "new pairs"),
}
KEYS = dict(zip(SETS, ("", "_seen", "_new_pairs"), strict=True))
test, test_pictures = SETS["held-out combinations"]
for group in GROUPS:
    counts = [len(combinations(split, group)) for split in ("train", "validation", "test")]
    print(f"{', '.join(group)}: combinations for training, validation and test: {counts}")
for pair in PAIRS:
    print(f"never in training: {', '.join(' '.join(values) for values in new_pairs(pair))}")


def show(axes, picture: np.ndarray, title: str = "", colour: str = "black") -> None:
    """One picture with a line for each sentence above it."""
    axes.imshow(picture, interpolation="nearest")
    axes.axis("off")
    axes.set_title(title.replace(". ", ".\n"), fontsize=7, color=colour)


figure, panels = plots.new_panels(2, 5, (11.0, 5.6))
for axes, scene, picture in zip(panels[0], training, pictures, strict=False):
    show(axes, picture, scene.caption)
for axes, picture in zip(panels[1], draw([training[2]] * 5, seed=99), strict=True):
    show(axes, picture, training[2].caption)
lesson.figure(figure, "scenes", "Above: five scenes. Below: five pictures of one scene")

words = WordTokenizer.train([scene.caption for scene in training] + [" ".join(NUMBERS)])
print(f"{words.vocabulary_size} tokens, those that the captions never use included: {NUMBERS[4:]}")


def ids(found: list[Scene]) -> list[list[int]]:
    return [words.encode(scene.caption) for scene in found]


# %% [markdown]
# ## A baseline: the nearest picture
#
# Without any learning: take the training picture that is nearest, pixel by pixel, and say its caption. For retrieval,
# that candidate is taken whose scene shares the most attributes with it. (Its caption as a whole is never right: the
# test's combinations are in no training caption.)


# %%
def nearest(asked: np.ndarray) -> list[Scene]:
    """The scene of the training picture with the least squared distance."""
    known, asked = (one.reshape(len(one), -1).astype("float32") / 255 for one in (pictures, asked))
    distances = (known**2).sum(axis=1) - 2 * asked @ known.T
    return [training[index] for index in distances.argmin(axis=1)]


def same_attributes(found: list[Scene], right: list[Scene]) -> np.ndarray:
    """How many attributes two scenes share, [N, M]."""
    a, b = ([[str(getattr(scene, name)) for name in ATTRIBUTES] for scene in one] for one in (found, right))
    return (np.array(a)[:, None] == np.array(b)[None]).sum(axis=-1)


copied = nearest(test_pictures)
baseline = retrieve(same_attributes(copied, test), GROUP).at_1
lesson.record("chance_at_1", 1 / GROUP, note=f"one of {GROUP} candidates")
lesson.record(
    "nearest_at_1",
    baseline,
    tolerance=0.1,
    n=len(test),
    note="caption of the nearest training picture, both directions",
)

# %% [markdown]
# ## One space for both
#
# Two encoders, each of which gives a vector of length 1. For pictures: three convolutions, then a feed-forward layer
# and the mean over all places (`lmbook/topics/vision/picture_encoder.py`). For captions: a Transformer encoder, and the
# mean over all words. In a batch of $B$ pairs let $u_i$ be the vectors of the pictures and $v_j$ those of the captions.
# The model is asked which caption belongs to picture $i$, and which picture to caption $i$:
#
# $$L = \frac{1}{2B} \sum_i \left[ -\ln \frac{e^{u_i \cdot v_i / \tau}}{\sum_j e^{u_i \cdot v_j / \tau}}
#       -\ln \frac{e^{u_i \cdot v_i / \tau}}{\sum_j e^{u_j \cdot v_i / \tau}} \right]$$
#
# The temperature $\tau$ is learned too. There are no labels: what does not belong together is whatever else is in the
# batch. The same `fit` as for language models trains it; only the "vocabulary" is the batch.

# %%
SHAPE = {"hidden_dim": 64, "intermediate_dim": 128, "num_heads": 4, "positions": "learned", "normalize_first": True}
SHAPE |= {"dropout": 0.0, "max_sequence_length": LENGTH + 1}
RECIPE = OptimizerConfig("muon", learning_rate=4e-3, muon_ratio=1.0, warmup_steps=20, weight_decay=0.0, beta_2=0.98)
BATCH = 64


def similarities(model: ContrastiveModel, some: np.ndarray, captions: list[Scene]) -> np.ndarray:
    """The cosine of each picture [N, 32, 32, 3] with each caption [N, M]."""
    return model.cosines(some, padded(ids(captions), LENGTH, words.pad_id))


def found_by(model: ContrastiveModel, some: np.ndarray, right: list[Scene]) -> Retrieval:
    return retrieve(similarities(model, some, right), GROUP)


def train_contrastive(seed: int) -> ContrastiveModel:
    reproducible(seed)
    model = ContrastiveModel(PictureTextConfig(words.vocabulary_size, num_layers=1, **SHAPE))
    data = PicturePairs(pictures, ids(training), words, batch_size=BATCH, seed=seed)
    missed = lambda model: 1 - found_by(model, validation_pictures, validation).at_1  # noqa: E731
    steps = lesson.choose(quick=120, full=800)
    fit(model, data, steps=steps, optimizer=RECIPE, validation=missed, report_every=steps // 4, checks=())
    return model


loose = lesson.choose(quick=0.2, full=0.05)
matchers = [train_contrastive(seed) for seed in SEEDS]
of_sets = {name: [found_by(model, some, right) for model in matchers] for name, (right, some) in SETS.items()}
for name, of_seeds in of_sets.items():
    note = f"{name}; {GROUP} candidates, both directions"
    lesson.record_mean(f"retrieval_at_1{KEYS[name]}", [one.at_1 for one in of_seeds], "", loose, note)
tests = of_sets["held-out combinations"]
values, note = [one.text_right.mean() for one in tests], "held-out combinations: a picture's caption"
lesson.record_mean("picture_to_text_at_1", values, "", loose, note)
values, note = [one.picture_right.mean() for one in tests], "held-out combinations: a caption's picture"
lesson.record_mean("text_to_picture_at_1", values, "", loose, note)
lesson.record("temperature", float(np.exp(-matchers[0].log_scale.numpy())), tolerance=0.02, note="learned, first seed")

figure, axes = plots.new_figure(size=(8.8, 6.8))
cosines = similarities(matchers[0], test_pictures[:10], test[:10]).T
captions = [scene.caption.replace(". ", ".\n") for scene in test[:10]]
plots.matrix(axes, cosines, captions, [], signed=True, top=1.0)
axes.tick_params(axis="y", labelsize=6)
axes.set_xticks([])
for column, picture in enumerate(test_pictures[:10]):
    above = axes.inset_axes((column - 0.46, -1.5, 0.92, 0.92), transform=axes.transData)
    above.imshow(picture)
    above.axis("off")
lesson.figure(figure, "matrix", "Cosines of ten captions (rows) with ten test pictures; those on the diagonal belong")

# %% [markdown]
# ## What are the mistakes about?
#
# A hundred random candidates differ in many words, and one word is enough to tell them apart. So the same model is
# asked a harder question: the right caption against one in which **a single attribute** is changed. And against one in
# which the colours of the things and of the creature are **exchanged**: the same words in another order. Models like
# this have been found to read captions as bags of words (Yuksekgonul et al. 2023), since among random candidates the
# order is hardly ever needed.


# %%
def changed(scene: Scene, name: str, rng: np.random.Generator) -> Scene:
    """The scene with another value of one attribute; "exchanged colours": with its two colours exchanged."""
    if name in ATTRIBUTES:
        others = [value for value in ATTRIBUTES[name] if value != getattr(scene, name)]
        return replace(scene, **{name: others[rng.integers(len(others))]})
    return replace(scene, colour=scene.creature_colour, creature_colour=scene.colour)


def right_against_changed(model: ContrastiveModel, name: str, right: list[Scene], some: np.ndarray) -> float:
    """The share of pictures that fit their caption better than the changed one."""
    rng = np.random.default_rng(lesson.seed)
    asked = [row for row, scene in enumerate(right) if name in ATTRIBUTES or scene.colour != scene.creature_colour]
    true = [right[row] for row in asked]
    both = [similarities(model, some[asked], one) for one in (true, [changed(scene, name, rng) for scene in true])]
    return float((np.diag(both[0]) > np.diag(both[1])).mean())


mixed_up = [test[i].differences(test[j]) for one in tests for i, j in enumerate(one.texts) if i != j]
rows = []
for name in (*ATTRIBUTES, "exchanged colours"):
    shares = [np.mean([right_against_changed(model, name, *one) for model in matchers]) for one in SETS.values()]
    mistakes = sum(name in differences for differences in mixed_up) / max(1, len(mixed_up))
    rows.append((name, *map(float, shares), mistakes if name in ATTRIBUTES else ""))
columns = ["right one preferred", *SETS, "mistakes among 100: share that differ in it"]
seldom = lesson.choose(quick=0.5, full=0.3)  # what is mistaken seldom, and what is mistaken most
lesson.table(
    "changed",
    rows,
    columns,
    {**dict.fromkeys(columns, 2 * loose), columns[-1]: 0.5},
    at_least={columns[-1]: dict.fromkeys(("plant", "thing", "creature"), 0.3)},
    at_most={columns[-1]: dict.fromkeys(("look", "place", "count", "colour", "creature_colour"), seldom)},
)

# %% [markdown]
# ## Telling what is there
#
# The captioner (`lmbook/topics/vision/captioner.py`) is an `EncoderDecoder` whose encoder is the same three
# convolutions: 64 vectors, one for each square of 4 x 4 pixels. It starts with those that the contrastive model has
# learned, as today's captioners do; all is trained on. The decoder writes word by word, greedily, with the cache that
# all models of the book share, and looks at the picture by cross-attention. A caption counts as right if every word of
# it is.


# %%
def train_captioner(seed: int, matcher: ContrastiveModel, shown: np.ndarray = pictures) -> Captioner:
    reproducible(seed)
    config = PictureTextConfig(words.vocabulary_size, num_layers=2, normalization="rms", **SHAPE)
    model = Captioner(config)
    model.encoder.set_weights(matcher.picture_encoder.get_weights())
    data = CaptionedPictures(shown, ids(training), words, batch_size=BATCH, seed=seed)
    wrong = lambda model: 1 - exact(described(model, validation_pictures), validation)  # noqa: E731
    steps = lesson.choose(quick=250, full=1_000)
    # Without "ids", which would take the 256 values of a pixel for tokens, and "initial_loss", which a table that both
    # reads and writes does not pass.
    options = {"report_every": steps // lesson.choose(quick=1, full=5), "checks": ("labels", "future", "overfit")}
    fit(model, data, steps=steps, optimizer=replace(RECIPE, learning_rate=8e-3), validation=wrong, **options)
    return model


def described(model: Captioner, some: np.ndarray) -> list[Scene | None]:
    """The scenes that the captions written for the pictures tell of; None: what was written is no caption."""
    return [scene_of(caption) for caption in write_captions(model, words, some, max_new_tokens=LENGTH)]


def exact(found: list[Scene | None], right: list[Scene]) -> float:
    return float(np.mean([a == b for a, b in zip(found, right, strict=True)]))


writers = [train_captioner(*each) for each in zip(SEEDS, matchers, strict=True)]
told = {name: [described(model, some) for model in writers] for name, (_, some) in SETS.items()}
for name, (right, _) in SETS.items():
    values = [exact(found, right) for found in told[name]]
    lesson.record_mean(f"caption_exact{KEYS[name]}", values, "", loose, f"{name}; greedy, every word right")
values = [np.mean([one is not None for one in found]) for found in told["held-out combinations"]]
note = "held-out combinations: what is written is a caption of a scene"
lesson.record_mean("grammatical", values, "", loose, note)


def hits(name: str, found: list[Scene | None], right: list[Scene]) -> float:
    """The share that has the right value of an attribute."""
    return float(np.mean([getattr(a, name, None) == getattr(b, name) for a, b in zip(found, right, strict=True)]))


rows = []
for name in ATTRIBUTES:
    shares = [np.mean([hits(name, found, right) for found in told[which]]) for which, (right, _) in SETS.items()]
    rows.append((name, *map(float, shares), hits(name, copied, test)))
columns = ["right", *SETS, "nearest training picture (held-out)"]
lesson.table("attributes", rows, columns, loose, at_most={columns[3]: {"thing": 0.2}})

first = told["held-out combinations"][0]
wrong = [row for row, scene in enumerate(test) if first[row] != scene][:3]
chosen = ([row for row in range(len(test)) if first[row] == test[row]] + wrong)[: 8 - len(wrong)] + wrong
figure, panels = plots.new_panels(2, 4, (10.5, 6.2))
for axes, row in zip(panels.flat, chosen, strict=False):
    title = "(no caption)" if first[row] is None else first[row].caption
    if row in wrong:
        title += " TRUE: " + test[row].caption
    show(axes, test_pictures[row], title, plots.COLOURS[1] if row in wrong else "black")
lesson.figure(
    figure, "captions", "Test pictures and what was written of them; where it is wrong, the true caption below"
)

# %% [markdown]
# ## Where it looks, and whether that matters
#
# While the decoder writes a word, its cross-attention lies on some places of the picture. It is tempting to read the
# map as the reason for the word. Chapter 11 shows why attention is not an explanation; here is a small test of it. The
# 12 x 12 pixels around the place that was looked at most are painted over, and the model, given the true words before,
# is asked for the word again. The same is done with the place that was looked at least.

# %%
writer = writers[0]
read, labels, _ = document_rows(ids(test), words, LENGTH)
probed = slice(0, 100)
before, maps = look(writer, test_pictures[probed], read[probed])
SHOWN = {"plant": 2, "place": 6, "count": 8, "colour": 9, "thing": 10, "creature_colour": 16, "creature": 17}
rows = []
for name, at in SHOWN.items():
    looked_at = maps[:, at].reshape(len(maps), -1)
    after = [
        look(writer, hide(test_pictures[probed], places), read[probed])[0]
        for places in (looked_at.argmax(axis=1), looked_at.argmin(axis=1))
    ]
    rows.append((name, *(float((tokens[:, at] != before[:, at]).mean()) for tokens in after)))
columns = ["word", "changed: most looked at hidden", "changed: least looked at hidden"]
allowed = lesson.choose(quick=0.4, full=0.25)
lesson.table("hidden", rows, columns, allowed, at_most={columns[2]: allowed})

figure, panels = plots.new_panels(2, len(SHOWN), (12.5, 4.0))
for line, row in zip(panels, (0, 1), strict=True):
    for axes, at in zip(line, SHOWN.values(), strict=True):
        show(axes, test_pictures[row], words.tokens[labels[row, at]])
        axes.imshow(maps[row, at], extent=(-0.5, 31.5, 31.5, -0.5), cmap="magma", alpha=0.6, interpolation="bilinear")
lesson.figure(figure, "attention", "Where the captioner looks while it writes a word (bright: much)")

# %% [markdown]
# ## What it cannot do
#
# **New pairs.** The tables above have a third column: scenes with a thing in a colour that it never had. Every word of
# their captions is known, and so is everything that is to be seen. A person would not notice that anything is new. But
# the decoder is a language model, and has read what comes after "red".
#
# **Count further.** In training there are one to four things. Here are five and six: the words "five" and "six" are in
# the vocabulary, but no picture ever had them.
#
# **See through noise.** Pictures were trained with noise of a standard deviation of 0.02. A person hardly minds five
# times as much. The remedy is known, to train on what will come; its price is measured too.

# %%
counted, rows = test[: lesson.choose(quick=100, full=200)], []
for count in range(1, 7):
    more = draw([replace(scene, count=count) for scene in counted], TEST)
    outputs = write_captions(writer, words, more, max_new_tokens=LENGTH)
    said = Counter(caption.split(". ")[1].split()[0] if ". " in caption else "" for caption in outputs)
    rows.append((str(count), *(said[number] / len(outputs) for number in NUMBERS)))
columns = [f'"{number}"' for number in NUMBERS]
wrong = {column: {str(count): loose for count in range(1, 5) if count != n} for n, column in enumerate(columns, 1)}
lesson.table("counting", rows, ["things", *columns], loose, at_most=wrong)
beyond = rows[4][5], rows[5][6]
lesson.record("counted_beyond", float(np.mean(beyond)), "", 0.05, note="five and six things: the number is right")

asked = test[: lesson.choose(quick=100, full=400)]
ways = {
    "retrieval": lambda some: found_by(matchers[0], some, asked).at_1,
    "captions": lambda some: exact(described(writer, some), asked),
}
if lesson.full:
    half = len(training) // 2
    noisy = np.concatenate([pictures[:half], draw(training[half:], TRAIN, noise=0.15)])
    hardened = train_captioner(lesson.seed, matchers[0], noisy)
    ways["captions, trained with noise too"] = lambda some: exact(described(hardened, some), asked)
LEVELS = (NOISE, 0.05, 0.1, 0.15, 0.2)
rows = []
for noise in LEVELS:
    some = draw(asked, TEST, noise=noise)
    rows.append((f"{noise:g}", *(way(some) for way in ways.values())))
seldom = {"0.1": 0.25, "0.15": 0.25, "0.2": 0.25} if not lesson.full else {"0.2": 0.15}
lesson.table("noise", rows, ["noise", *ways], lesson.choose(quick=0.25, full=0.15), at_most={"captions": seldom})

figure, panels = plots.new_panels(1, 2, (10.0, 3.6))
for index, name in enumerate(ways):
    panels[0, 0].plot(LEVELS, [row[index + 1] for row in rows], marker="o", label=name, **plots.line_style(index))
panels[0, 0].set(xlabel="noise of the test pictures", ylabel="share right", ylim=(-0.03, 1.03))
panels[0, 0].legend(frameon=False, fontsize=8)
panels[0, 1].imshow(np.concatenate([draw(test[:1], TEST, noise=noise)[0] for noise in LEVELS], axis=1))
panels[0, 1].axis("off")
panels[0, 1].set_title(", ".join(f"{noise:g}" for noise in LEVELS), fontsize=9)
lesson.figure(figure, "noise", "More noise in the test pictures than in those of the training")

# %% [markdown]
# ## Sound
#
# The third sense is in the book already: `speech_recognition` (chapter 08) turns sound into a picture of 40 rows, and
# that into text, and joins it to a language model, whose vote changes the words that the sound alone left open. It is
# the same plan as here: an encoder for the sense, and something that knows the language.
#
# ## How small this is
#
# 32 x 32 pixels, some sixty words, one way to say each scene, and pictures that a program drew: everything that can be
# said of them is known beforehand. CLIP was trained on 400 million pairs from the web. What carries over is the method
# and its gaps (numbers, order of words, what was not in the training), not the figures.

# %%
lesson.finish()
