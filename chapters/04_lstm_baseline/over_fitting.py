# %% [markdown]
# # Over-fitting: when a model learns its texts by heart
#
# - Article section: §5.3
# - Needs: lstm_baseline, gradient_descent
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 2, full 11
# - Memory: 2.7 GB
# - Shows: over-fitting on 200 stories, seen against an exact floor; early stopping, dropout and more stories against it
# - Headline: test_loss_early_stopping_and_dropout, test_loss_untreated, early_stopping_gain
#
# I have only 200 stories, and a network that can read them again and again. How do I see that it has begun to learn
# them by heart, instead of learning how stories are told? And what helps?
#
# **Afterwards you can**
#
# - see over-fitting in two curves, and produce it with a pencil;
# - write early stopping and dropout in a few lines each, and say how much each of them helps, and how sure that is;
# - notice a validation set that hides over-fitting from you.
#
# You need the [LSTM baseline](lstm_baseline.ipynb), the little program whose model we train here again: it reads a text
# word by word and predicts the next one. Its **loss** is the mean of $-\ln p$ over all words, where $p$ is the
# probability that it gave to the word that really came; the unit is the nat. Our stories are made by rules, so we also
# know their **floor**: the same mean, with the $p$ of the rules themselves. On many new stories nobody can get below
# it. An **epoch** is one reading of all training texts.
#
# The code begins as there: `reproducible` sets the **seed**, from which all random numbers follow, and `lesson.choose`
# makes the lesson short on your machine (quick profile) and longer with `--full` (full profile, shown on this page).

# %%
import functools
import textwrap

from lmbook import CharacterTokenizer, Lesson, WordTokenizer, reproducible
from lmbook.book import diagrams, plots
from lmbook.corpora import greentree

import keras
import numpy as np

lesson = Lesson("over_fitting")
reproducible(lesson.seed)

# %% [markdown]
# ## Three sets of texts, and what each may do
#
# The training loss alone does not show learning by heart; with a known floor it can. Most texts have no known floor. So
# we keep some texts away from the model, in two separate sets. The **validation set** is looked at after every epoch,
# and it may choose: when to stop, which setting is better. Whatever chooses is no fair judge any more. So the final
# score comes from a third set, the **test set**.

# %% tags=["hide-input"]
diagrams.three_sets(training=200, validation=100, test=500)

# %% [markdown]
# ## By hand: learning one choice by heart
#
# In our stories, after "A green tree" comes "stands" in 3 of 4 stories, and "grows" in the fourth. Suppose that we have
# only two stories to learn from, and in both, by chance, the tree stands. Let $p$ be the probability that the model
# gives to "stands". Its loss on our two stories is $-\ln p$. Its loss on new stories is $-\ln p$ in three of four cases
# and $-\ln(1-p)$ in the fourth, on average $-0.75 \ln p - 0.25 \ln(1 - p)$. Please check a row with a pencil:
#
# | probability $p$ | loss on our two stories | loss on new stories |
# |---:|---:|---:|
# | 0.50 | 0.693 | 0.75 · 0.693 + 0.25 · 0.693 = 0.693 |
# | 0.75 | 0.288 | 0.75 · 0.288 + 0.25 · 1.386 = 0.562 |
# | 0.90 | 0.105 | 0.75 · 0.105 + 0.25 · 2.303 = 0.655 |
# | 0.99 | 0.010 | 0.75 · 0.010 + 0.25 · 4.605 = 1.159 |
#
# Training only knows the middle column, and there a larger $p$ is always better. The last column falls too, until $p$
# is 0.75, the truth. From there on it rises: the model has become too sure of something that is true of our two stories
# only. This is **over-fitting**. No mistake was made; the model did exactly what we asked for.
#
# Let us watch it happen. The smallest possible model has one number to learn, the weight $w$. The *sigmoid*, a curve
# that squeezes any number to between 0 and 1, makes $p = 1 / (1 + e^{-w})$ of it: 0.5 of $w = 0$, and 0.75 of $w =
# 1.1$. The gradient says how steeply the loss on our stories rises with $w$. That loss is $-\ln p = \ln(1 + e^{-w})$,
# and its derivative is $-e^{-w} / (1 + e^{-w}) = p - 1$. This is negative, so a larger $w$ is better. A training step
# subtracts the gradient from $w$, times the learning rate, here 0.5:

# %%
w = 0.0
for step in range(61):
    p = 1 / (1 + np.exp(-w))
    ours, new = -np.log(p), -0.75 * np.log(p) - 0.25 * np.log(1 - p)
    if step in (0, 2, 4, 6, 10, 20, 40, 60):
        print(f"step {step:2}: p = {p:.2f}, our stories {ours:.2f}, new {new:.2f}")
    w -= 0.5 * (p - 1)

# %% [markdown]
# The loss on our stories falls with every step. The loss on new stories falls, turns, and rises, as it will for the
# LSTM.
#
# ## By hand: early stopping
#
# The first remedy is to stop at the turn. On validation texts we see it, but the curve jumps a little, so we do not
# stop at the first bad epoch. **Early stopping** waits for a number of epochs without a new lowest loss, the
# **patience**, and then takes back the weights of the best epoch. Let $v_e$ be the validation loss after epoch $e$. The
# best epoch so far is
#
# $$e^* = \arg\min_{e' \le e} v_{e'} \quad\text{and we stop as soon as } e - e^* = \text{patience}$$
#
# ($\arg\min$ means: of the epochs $e'$ up to $e$, the one with the lowest loss). With the losses 1.40, 1.20, 1.13,
# 1.15, 1.14, 1.19, 1.25 and a patience of 3: when do we stop, and what do we keep? The lowest is 1.13, in epoch 3.
# Epochs 4, 5 and 6 bring nothing lower, so we stop after epoch 6 and take back the weights of epoch 3. This code finds
# the two epochs; later, Keras keeps the weights for us:


# %%
def early_stopping(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return best + 1, epoch + 1  # counted from 1: keep, stop


print(early_stopping([1.40, 1.20, 1.13, 1.15, 1.14, 1.19, 1.25], patience=3))

# %% [markdown]
# ## By hand: dropout
#
# The second remedy makes learning by heart harder. **Dropout** sets a random part of the numbers between two layers to
# zero, in each training step another part. The model cannot rely on any single number any more, since it may be missing
# in the next step. So that the sum stays the same on average, the numbers that remain are made larger:
#
# $$\tilde h_j = \frac{m_j\, h_j}{1 - r}$$
#
# $h_j$ is number $j$ of a row, $\tilde h_j$ is what becomes of it, $r$ is the share that is dropped, and $m_j$ is 0
# with probability $r$, otherwise 1. With $r = 0.5$, let $h = (0.5, 1, -2, 0.8)$, and let the dice say $m = (1, 0, 1,
# 0)$. Then $\tilde h = (1, 0, -4, 0)$: two numbers are gone, the others have doubled. When the model is used, nothing
# is dropped. In code, and beside it Keras' layer, which has dice of its own (we read its $m$ from its output):


# %%
def dropout(h, m, r):
    return m * h / (1 - r)


print(dropout(np.array([0.5, 1, -2, 0.8]), np.array([1, 0, 1, 0]), 0.5))

h = np.random.default_rng(0).normal(size=(1000, 100))
by_keras = np.asarray(keras.layers.Dropout(0.3)(h, training=True))
m = by_keras != 0
difference = np.abs(by_keras - dropout(h, m, 0.3)).max()
print(f"dropped by Keras: {1 - m.mean():.3f}, largest difference {difference:.0e}")

# %%
lesson.record("dropout_difference", difference, tolerance=None, at_most=1e-5, note="our formula against Keras' layer")

# %% [markdown]
# ## The program
#
# The texts are the same little stories as in the [LSTM baseline](lstm_baseline.ipynb). We keep a pool of 4,000 to learn
# from, of which we shall mostly use 200. `Grammar` holds the rules; `split="seen"` leaves out some combinations of
# plant and hero, kept back for other lessons. We look whether any story stands in two of the sets. The library's
# *tokenizer* turns a story into ids, one number for each word. As there, `arrays` makes `data`, which begins with
# `<end>`, and `labels`, the same ids moved by one word; a short story is filled up with `<pad>`.

# %%
rules = greentree.Grammar(split="seen", max_sentences=4)


def tell(count, seed):
    stories = greentree.tell_stories(count, seed, grammar=rules)
    return [story.english for story in stories]


validation, test = tell(100, seed=11), tell(500, seed=15)
others = {*validation, *test}
pool = dict.fromkeys(text for text in tell(4_500, seed=10) if text not in others)
pool = list(pool)[:4_000]  # no story twice
tokenizer = WordTokenizer.train(pool)
PAD, END = tokenizer.pad_id, tokenizer.end_id


def arrays(texts):
    rows = [[END, *tokenizer.encode(text), END] for text in texts]
    ids = keras.utils.pad_sequences(rows, padding="post", value=PAD)
    return ids[:, :-1], ids[:, 1:]  # data, labels


print("in pool and others:", len({*pool} & others))
print("in validation and test:", len({*validation} & {*test}))
print(textwrap.fill(pool[0], 72))

# %% [markdown]
# The model is that of the baseline in its plainest form (Keras chooses the first values of all weights), with two
# dropout layers. With `dropout=0` they do nothing. In the picture, `B` stories are read side by side, each of `T`
# words. At the end there is a *logit* for each word, a number that is higher the likelier the word is.

# %% tags=["hide-input"]
diagrams.recurrent_model(vocabulary=tokenizer.vocabulary_size, embedding=64, units=128, dropout=0.3)


# %%
def create_model(words, dropout):
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = keras.layers.Embedding(words, 64)(inputs)
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.LSTM(128, return_sequences=True)(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(words)(x))


# %% [markdown]
# `train` prepares the training (`compile`) and runs it (`fit`), with a step after every 20 stories. The optimiser is
# Adam, which [gradient descent](../03_mathematics/gradient_descent.ipynb) explains. Its learning rate stays the same
# throughout, since with early stopping nobody knows when the end will be. `texts` is a pair of data and labels, which
# the star in `*texts` hands to `fit`. Early stopping is a *callback*, a piece of code that `fit` calls after every
# epoch. `nats` computes a loss after the training, with nothing dropped: the mean of $-\ln p$ over all but padding.


# %%
def train(model, texts, watched, epochs, patience=None, rate=0.02):
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    loss = crossentropy(from_logits=True, ignore_class=PAD)
    model.compile(keras.optimizers.Adam(rate), loss)
    callbacks = []
    if patience:
        callbacks = [keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)]
    settings = {"batch_size": 20, "epochs": epochs, "verbose": 0}
    run = model.fit(*texts, validation_data=watched, callbacks=callbacks, **settings)
    return run.history


def nats(model, data, labels):
    logits = model.predict(data, verbose=0)
    crossentropy = keras.losses.sparse_categorical_crossentropy
    losses = crossentropy(labels, logits, from_logits=True)
    return float(np.asarray(losses)[labels != PAD].mean())


# %% [markdown]
# `study` makes one training and scores it: it gives both losses of every epoch, and the final losses on the stories
# that were read and on the test stories. Unless it stops early, each training reads 4,000 stories in all: 200
# stories 20 times, or 1,000 four times. (`functools.cache` remembers what was computed.)


# %%
@functools.cache
def study(count, seed, dropout=0.0, patience=None):
    keras.utils.set_random_seed(seed)
    model = create_model(tokenizer.vocabulary_size, dropout)
    texts = arrays(pool[:count])
    epochs = 4_000 // count
    past = train(model, texts, arrays(validation), epochs, patience)
    return past, nats(model, *texts), nats(model, *arrays(test))


# %% [markdown]
# ## How we see it
#
# We train on 200 stories, read 20 times, without any remedy, and look at both losses:

# %%
past, ours, new = study(200, 0)
validation_loss = np.array(past["val_loss"])
print(f"lowest validation loss: {validation_loss.min():.2f}, in epoch {validation_loss.argmin() + 1} of 20")
print(f"validation loss at the end: {validation_loss[-1]:.2f}")
print(f"the 200 stories at the end: {ours:.2f}, 500 new ones: {new:.2f}")
keep, stop = early_stopping(past["val_loss"], patience=3)
print(f"early stopping would stop after epoch {stop} and keep epoch {keep}")

# %% tags=["hide-input"]
floor = greentree.floor(pool[:200], tokenizer, grammar=rules)
figure, axes = plots.new_figure("200 stories, read 20 times", "epoch", "loss (nats per word)")
for index, (key, name) in enumerate((("loss", "training"), ("val_loss", "validation"))):
    axes.plot(range(1, 21), past[key], marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, floor, "floor of the 200 stories")
axes.set_ylim(min(0.3, ours), 2.5)
axes.set_xticks(range(2, 21, 2))
axes.legend(frameon=False)
lesson.figure(figure, "curves", "Training and validation loss on 200 stories, and their exact floor")

# %% tags=["hide-cell"]
unit = "nats per word"
lesson.record("training_loss", ours, unit, 0.1, note="200 stories, after 20 epochs", at_most=floor)
lesson.record("training_floor", floor, unit, 1e-6, note="of the same 200 stories")
lesson.record("validation_lowest", validation_loss.min(), unit, 0.1)
lesson.record("validation_last", validation_loss[-1], unit, 0.2)
lesson.record("validation_rise", validation_loss[-1] - validation_loss.min(), unit, 0.15, at_least=0.03)
lesson.record("best_epoch", int(validation_loss.argmin()) + 1, "of 20", 8.0, note="lowest validation loss")

# %% [markdown]
# There are two signs. The first one needs no floor: **the curves part**. The training loss goes on falling, while the
# validation loss has its lowest point, [[validation_lowest .2]] nats, in epoch [[best_epoch]] and ends at
# [[validation_last .2]]. The second needs the floor: at the end, **the training loss is below it**. On the 200 stories
# the model has [[training_loss .2]] nats; the rules themselves, on these very stories, have [[training_floor .2]]. (The
# training curve ends a little above that: Keras averages it over the epoch, while the weights still change.) The same
# happened by hand: with $p = 0.90$ the loss on our two stories was 0.105, with the true $p = 0.75$ it is 0.288. To get
# so far below the floor, the model must know some of the chance choices of these very stories.
#
# ## What helps?
#
# We compare four ways, each with the same 200 stories: nothing, early stopping with a patience of 3, dropout of 30 %,
# and both. One run could be luck, so we repeat each with [[seeds]] seeds, and score every model on the 500 test
# stories. In the table, ± stands between the mean over the seeds and their standard deviation, which says how far a
# seed typically is from the mean:

# %%
ways = {
    "nothing": {},
    "early stopping": {"patience": 3},
    "dropout": {"dropout": 0.3},
    "both": {"dropout": 0.3, "patience": 3},
}
names = lesson.choose(quick=("nothing", "both"), full=tuple(ways))
seeds = range(lesson.choose(quick=1, full=3))
scores = {name: [study(200, seed, **ways[name])[2] for seed in seeds] for name in names}
for name, losses in scores.items():
    print(f"{name:15}", *np.round(losses, 3))


# %% tags=["hide-input"]
def spread(values):
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


test_floor = greentree.floor(test, tokenizer, grammar=rules)
rows = [(name, spread(values), spread(np.subtract(values, test_floor))) for name, values in scores.items()]
lesson.table("ways", rows, ["remedy", "test loss (nats per word)", "above the floor"])

# %% tags=["hide-cell"]
keys = {"nothing": "untreated", "both": "early_stopping_and_dropout"}
for name in scores:
    key = keys.get(name, name.replace(" ", "_"))
    lesson.record_mean(f"test_loss_{key}", scores[name], unit, 0.1, note="200 stories")


def record_gain(key, worse, better, least, unit=unit, tolerance=0.1):
    values = np.subtract(worse, better)
    lesson.record_mean(key, values, unit, tolerance, note="difference of the same seeds", at_least=least)
    lesson.record(f"{key}_sd", float(np.std(values, ddof=1)) if lesson.full else 0.0, unit, tolerance)


record_gain("gain_of_both", scores["nothing"], scores["both"], 0.02)
if lesson.full:
    record_gain("early_stopping_gain", scores["nothing"], scores["early stopping"], 0.02)
    record_gain("dropout_gain", scores["nothing"], scores["dropout"], 0.02)
    record_gain("dropout_on_top_gain", scores["early stopping"], scores["both"], 0.005)
    record_gain("early_stopping_on_top_gain", scores["dropout"], scores["both"], 0.005)
lesson.record("test_floor", test_floor, unit, 1e-6, note="exact, of the 500 test stories")
lesson.record("seeds", len(seeds), "random starts")

# %% [markdown]
# Compared with nothing, early stopping lowers the test loss by [[early_stopping_gain .3]] ±
# [[early_stopping_gain_sd .3]] nats (differences of the same seeds), and dropout by [[dropout_gain .3]] ±
# [[dropout_gain_sd .3]]. Both together are better than early stopping alone by [[dropout_on_top_gain .3]] ±
# [[dropout_on_top_gain_sd .3]], and better than dropout alone by [[early_stopping_on_top_gain .3]] ±
# [[early_stopping_on_top_gain_sd .3]]. So each remedy helps, and adds a little to the other. But all four ways stay far
# above the floor of [[test_floor .2]]. What is missing?
#
# ## How many stories would be enough?
#
# We change the number of stories and keep the number of training steps: 100 stories are read 40 times, 200 stories 20
# times, and so on, 4,000 stories in all, without a remedy. After each training we compute the loss on the stories that
# were read and on the test stories. The test loss minus the loss on the stories read is the **gap**.

# %%
counts = lesson.choose(quick=(200, 1_000), full=(100, 200, 1_000, 4_000))
by_count = {count: np.array([study(count, seed)[1:] for seed in seeds]) for count in counts}

# %% tags=["hide-input"]
rows = [
    (f"{count:,}", f"{4_000 // count} times", *map(spread, (losses[:, 0], losses[:, 1], losses[:, 1] - losses[:, 0])))
    for count, losses in by_count.items()
]
lesson.table("gaps", rows, ["stories", "each read", "loss on them", "test loss", "gap"])

# %% tags=["hide-cell"]
for count, losses in by_count.items():
    gap = losses[:, 1] - losses[:, 0]
    lesson.record_mean(f"gap_{count}_stories", gap, unit, 0.15, note="test loss minus loss on the stories read")
    lesson.record_mean(f"test_loss_{count}_stories", losses[:, 1], unit, 0.15)
record_gain("thousand_stories_gain", scores["both"], by_count[1_000][:, 1], 0.005)

# %% [markdown]
# How many would be enough? With 200 stories the gap is [[gap_200_stories .2]] nats, with 1,000, each read four times,
# only [[gap_1000_stories .2]], and with 4,000, read once, [[gap_4000_stories .2]]. So against over-fitting, 1,000
# stories are nearly enough for this training; between 200 and 1,000 we did not measure. From row to row two things
# change: there are more different stories, and each is read fewer times. This experiment does not separate the two.
#
# Without any remedy, 1,000 stories give a lower test loss than 200 with both, by [[thousand_stories_gain .3]] ±
# [[thousand_stories_gain_sd .3]] nats. So where more text can be had, take more. (Even 4,000 stories end far above the
# floor. With hardly a gap that is no over-fitting: the model has not yet learned the rules.)
#
# ## On real text
#
# Do early stopping, dropout and more text help with Shakespeare too? Here the tokens are **characters**. The model gets
# the first 20,000 characters of the plays twenty times, or the first 200,000 twice. The last tenth of the plays, which
# no model learns from, gives 20,000 characters for validation and, from its second half, 40,000 for the test. This part
# runs in the full profile only. `"".join` makes one long string of the plays.

# %%
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
if corpus is None:
    print("Run it with: lmbook run over_fitting --full")
else:
    plays = "".join(corpus.texts("train"))
    held_out = "".join(corpus.texts("validation"))
    half = len(held_out) // 2
    validation_text = held_out[:half][:20_000]
    test_text = held_out[half:][:40_000]
    characters = CharacterTokenizer.train([plays])

# %% [markdown]
# `pieces` cuts a text into rows of 64 characters. Each row of labels is the row of data, moved by one.
# `study_characters` then does what `study` does for stories, with half the learning rate. We compare 20,000 characters
# without a remedy, with early stopping and with both, and 200,000 without a remedy:


# %%
def pieces(text, length=64):
    ids = np.array(characters.encode(text))
    rows = (len(ids) - 1) // length
    data, labels = ids[: rows * length], ids[1 : rows * length + 1]
    return data.reshape(rows, length), labels.reshape(rows, length)


def study_characters(count, seed, dropout=0.0, patience=None):
    keras.utils.set_random_seed(seed)
    model = create_model(characters.vocabulary_size, dropout)
    texts, watched = pieces(plays[:count]), pieces(validation_text)
    epochs = 400_000 // count
    train(model, texts, watched, epochs, patience, rate=0.01)
    return nats(model, *texts), nats(model, *pieces(test_text))


# %%
if corpus is not None:
    real = {
        "20,000 characters": (20_000, {}),
        "with early stopping": (20_000, {"patience": 3}),
        "with both": (20_000, {"patience": 3, "dropout": 0.3}),
        "200,000 characters": (200_000, {}),
    }
    real_scores = {}
    for name, (count, way) in real.items():
        losses = [study_characters(count, seed, **way) for seed in seeds]
        real_scores[name] = np.array(losses)

# %% tags=["hide-input"]
if corpus is not None:
    rows = [(name, spread(losses[:, 0]), spread(losses[:, 1])) for name, losses in real_scores.items()]
    lesson.table("shakespeare", rows, ["text to learn from", "loss on it", "test loss (nats per character)"])

# %% tags=["hide-cell"]
if corpus is not None:
    name, per_character = "own" if lesson.own_text else "shakespeare", "nats per character"
    untreated, stopped, both, more = (losses[:, 1] for losses in real_scores.values())
    found = {"untreated": untreated, "early_stopping": stopped, "both": both, "ten_times_the_text": more}
    for key, values in found.items():
        lesson.record_mean(f"{name}_{key}", values, per_character, 0.1, note="test loss")
    record_gain(f"{name}_early_stopping_gain", untreated, stopped, None, per_character)
    record_gain(f"{name}_dropout_on_top_gain", stopped, both, None, per_character)
    record_gain(f"{name}_text_gain", both, more, None, per_character)
    gap = more - real_scores["200,000 characters"][:, 0]
    lesson.record_mean(f"{name}_gap_ten_times_the_text", gap, per_character, 0.1, note="test loss minus loss on it")

# %% [markdown]
# On this text, early stopping lowers the test loss by [[shakespeare_early_stopping_gain .3]] ±
# [[shakespeare_early_stopping_gain_sd .3]] nats per character, and dropout, added to it, by a further
# [[shakespeare_dropout_on_top_gain .3]] ± [[shakespeare_dropout_on_top_gain_sd .3]]. Ten times as much text, read
# without a remedy, gives another [[shakespeare_text_gain .2]] ± [[shakespeare_text_gain_sd .2]]. Even there a
# gap of [[shakespeare_gap_ten_times_the_text .2]] nats remains. It need not all be over-fitting: the model learns from
# the opening of the plays and is tested on their end. Dropout alone we did not try here.
#
# ## What goes wrong: stories that stand in the file twice
#
# Now we make a mistake on purpose that many people make without knowing it. Somebody has put two collections into one
# file and did not notice that both have the same 125 stories. We do what one always does: mix the texts, put a part of
# them aside for validation, train with early stopping. Please guess: what will the validation loss look like?


# %%
def split_and_train(texts, count):
    texts = [str(text) for text in np.random.default_rng(0).permutation(texts)]
    learned, watched = texts[:count], texts[count:]
    keras.utils.set_random_seed(0)
    model = create_model(tokenizer.vocabulary_size, dropout=0.0)
    epochs = 4_000 // count
    past = train(model, arrays(learned), arrays(watched), epochs, patience=3)
    curve, both = past["val_loss"], {*learned} & {*watched}
    new = nats(model, *arrays(test))
    print(f"{len(learned)} stories to learn from, {len(watched)} to validate")
    print(f"lowest validation loss {min(curve):.2f}, in epoch {np.argmin(curve) + 1} of {epochs}")
    print(f"test loss {new:.2f}")
    print(f"stories that are in both sets: {len(both)}\n")
    return curve, new, len(both)


twice = pool[:125] * 2
leaky_curve, leaky_test, shared = split_and_train(twice, 200)

# %% [markdown]
# There is no error, and the lowest validation loss comes at the very end: early stopping saw no reason to stop before.
# But [[leak_shared]] of the 50 stories that were put aside stand in the training set as well, and the model knows them
# by heart. On new stories it has [[leak_test_loss .2]] nats, [[leak_difference .2]] more than the validation loss of
# [[leak_validation_loss .2]]. (The 500 test stories never choose anything in this lesson; they only report.)
#
# How would you notice? The loss is too good: it is about the floor of the test stories, [[test_floor .2]]. Where no
# floor is known, the last line of the output is the check to make. The cure is one line, which keeps each text once:

# %%
once = list(dict.fromkeys(twice))
clean_curve, clean_test, _ = split_and_train(once, 100)

# %% tags=["hide-input"]
figure, axes = plots.new_figure("125 stories", "epoch", "validation loss (nats per word)")
for index, (curve, name) in enumerate(((leaky_curve, "each story twice"), (clean_curve, "each story once"))):
    axes.plot(range(1, len(curve) + 1), curve, marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, test_floor, "floor of the test stories")
axes.set_xticks(range(2, 21, 2))
axes.legend(frameon=False)
lesson.figure(figure, "leak", "Validation loss with copies in the validation set, and without")

# %% tags=["hide-cell"]
leaky, clean = min(leaky_curve), min(clean_curve)
lesson.record("leak_validation_loss", leaky, unit, 0.15, note="most validation stories are training stories too")
lesson.record("leak_test_loss", leaky_test, unit, 0.3, note="of the same model, new stories")
lesson.record("leak_difference", leaky_test - leaky, unit, 0.3, at_least=0.1)
lesson.record("leak_shared", shared, "stories", note="in the training and in the validation set")
lesson.record("clean_validation_loss", clean, unit, 0.15, note="each story once")
lesson.record("clean_test_loss", clean_test, unit, 0.15)
difference = abs(clean_test - clean)
lesson.record("clean_difference", difference, unit, None, at_most=0.25, note="validation and test loss")

# %% [markdown]
# Now the curve turns, if only a little. (It falls later, since an epoch has half the steps.) The validation loss is
# [[clean_validation_loss .2]] and the test loss [[clean_test_loss .2]]: the validation set tells the truth again.
#
# ## What this lesson cannot show
#
# - The seeds change the starting weights, the order of the stories and the dropout. The texts were always the same;
#   other ones would give other numbers. The curves at the beginning and the leak are from one run each.
# - We chose the learning rate, of three that we tried, so that over-fitting shows well within 20 epochs. With half of
#   it the model over-fitted much less in the same time. Other remedies, such as smaller models, we did not try.
#
# ## Summary
#
# A model that reads few texts often learns them by heart: the training loss falls on, and the validation loss turns and
# rises. Early stopping takes back the weights of the turn, dropout makes learning by heart harder, and together they
# lowered the test loss on stories and on Shakespeare. More text, read fewer times, did more than both. All of this is
# seen only if no training text has slipped into the validation set.
#
# ## Exercises
#
# Take the notebook (the link is in the box at the top), run it, and then:
#
# 1. *Calculate.* The validation losses are 2.0, 1.6, 1.5, 1.52, 1.49, 1.5, 1.51, 1.6. Which epoch does early stopping
#    keep with a patience of 1, and of 3? Check with `early_stopping`.
# 2. *Calculate.* What does dropout with $r = 0.2$ make of $(1, 2, -0.4)$ when the dice say $m = (1, 1, 0)$?
# 3. *Change a number.* How much dropout is best for 200 stories? Read the validation loss. (Twelve trainings: some
#    minutes.)
#
# ```python
# for share in (0.1, 0.3, 0.5, 0.7):
#     lowest = [min(study(200, seed, share, 3)[0]["val_loss"]) for seed in range(3)]
#     print(share, np.round(lowest, 3))
# ```
#
# 4. *Your own text.* Put a few hundred short texts into one file, with an empty line between them. Are any of them in
#    the file twice? In which epoch is the validation loss lowest, and what is the test loss? (This replaces
#    `tokenizer`; run the notebook anew before you use `study` again.)
#
# ```python
# from pathlib import Path
#
# texts = Path("my_texts.txt").read_text(encoding="utf-8").split("\n\n")
# once = list(dict.fromkeys(texts))
# print(len(texts), "texts,", len(once), "different ones")
# once = [str(text) for text in np.random.default_rng(0).permutation(once)]
# learned, watched, scored = once[:-100], once[-100:-50], once[-50:]
# tokenizer = WordTokenizer.train(learned)
# PAD, END = tokenizer.pad_id, tokenizer.end_id  # arrays uses these
# model = create_model(tokenizer.vocabulary_size, dropout=0.3)
# past = train(model, arrays(learned), arrays(watched), epochs=20, patience=3)
# print(np.round(past["val_loss"], 2), nats(model, *arrays(scored)))
# ```
#
# <details>
# <summary>Answers</summary>
#
# 1. With 1 it stops after epoch 4 and keeps epoch 3 (1.5). With 3 it gets over the bump and keeps epoch 5 (1.49), after
#    stopping in epoch 8.
# 2. $(1 / 0.8,\ 2 / 0.8,\ 0) = (1.25,\ 2.5,\ 0)$.
# 3. Take the share with the lowest mean over the three seeds, and look whether its distance from the next one is larger
#    than the spread of the seeds; if not, the two are equally good as far as you can tell. We recorded 0.3 only, whose
#    test loss with early stopping is [[test_loss_early_stopping_and_dropout .3]].
# 4. If the lowest loss is that of the last epoch, you see no over-fitting yet, and you may train longer. If the test
#    loss is far above the lowest validation loss, look for near copies, texts that differ in a few words only.
#
# </details>
#
# ## Further reading
#
# - Nitish Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting" (2014).
# - Lutz Prechelt, "Early stopping – but when?" (1998): how patient one should be, measured on many curves.
# - Katherine Lee and others, "Deduplicating training data makes language models better" (2022): near copies, too.
#
# **Before this lesson:** [the LSTM baseline](lstm_baseline.ipynb). **Next:** [what was wrong](what_was_wrong.ipynb)
# with the article's program, and the tests that find such bugs.

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
