# %% [markdown]
# # The LSTM baseline: a language model in plain Keras
#
# - Article section: §5.2–5.3
# - Needs: n_grams, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 11
# - Memory: 1.3 GB
# - Shows: a complete language model in plain Keras, on stories whose lowest possible loss is known exactly
# - Headline: excess_nats_per_word, grammatical_share, shakespeare_nats_per_character
#
# How long is a program that learns to write stories by reading stories? And when it says "loss: 0.75", how do we know
# whether that is good?
#
# The first answer is [[program_lines]] lines of plain Keras, besides the imports and a few settings, and in this lesson
# we write all of them. For the second, the program learns little stories for which we can calculate the best score that
# any program could reach. **Afterwards you can**
#
# - write, train and use a language model in plain Keras, on a text of your own;
# - work out its loss with a pencil, and say what the number means;
# - recognise a bug that raises no error and makes the loss look wonderful.
#
# You need Python and the logarithm. [Counting](../01_background/n_grams.ipynb), [gradient
# descent](../03_mathematics/gradient_descent.ipynb) and [recurrent networks](../01_background/recurrent_networks.ipynb)
# go deeper. We load Keras, a library for neural networks, NumPy for arrays of numbers, and this book's own library
# `lmbook`. `reproducible` sets the **seed**, the number from which all random numbers of a run follow: the same seed
# gives the same run. `lesson.choose` makes the lesson short on your machine (the *quick profile*) and longer with
# `--full` (the *full profile*, whose outputs this page shows).

# %%
import inspect
import math
import re
import textwrap

from lmbook import Lesson, reproducible
from lmbook.book import diagrams, plots
from lmbook.corpora import greentree

import keras
import numpy as np

lesson = Lesson("lstm_baseline")
reproducible(lesson.seed)


def show(text):
    print(textwrap.fill(text, 72))


# %% [markdown]
# ## What a language model does
#
# A **language model** reads the beginning of a text and says how likely each word is to come next. This one has read
# "the cat" (we made the numbers up). All its probabilities together make 100 %.

# %% tags=["hide-input"]
diagrams.next_word(["the", "cat"], {"sat": 0.62, "ran": 0.2, "is": 0.05}, chosen="sat")

# %% [markdown]
# To write, the model picks one of the likely words, appends it, and asks itself again. The next picture shows how ours
# gets its probabilities. It reads one **token** after the other: words, punctuation marks, and `<end>`, where a story
# ends and a new one begins. At each token, a small network (a *cell*) takes in the token and its **memory** h of what
# came before. It makes a new memory, predicts the next token from it, and hands it on. The cell calculates with
# **weights**, numbers that training will adjust; they are the same at every step.

# %% tags=["hide-input"]
diagrams.unrolled_rnn(["<end>", "the", "cat", "sat"], predicts=["the", "cat", "sat", "<end>"], cell="cell")

# %% [markdown]
# The top row is the bottom row, moved by one place. Nobody has to write down the right answers: the text itself
# contains them. The right answer for a position, here the next token, is called its **label**.
#
# ## By hand: how good is a prediction?
#
# The network ends with one number for each word of its **vocabulary**, the list of all words that it knows. This number
# is called the word's **logit**: it can be any number, and the higher it is, the likelier the word. The **softmax**
# makes probabilities of the logits: raise e to each, and divide by the sum. Say there are only three words, with the
# logits 2, 1 and 0:
#
# | word | logit $z$ | power $e^z$ | probability |
# |---|---:|---:|---:|
# | sat | 2 | 7.39 | 7.39 / 11.11 = 0.665 |
# | ran | 1 | 2.72 | 2.72 / 11.11 = 0.245 |
# | is | 0 | 1.00 | 1.00 / 11.11 = 0.090 |
# | *sum* | | 11.11 | 1.000 |
#
# Now we see which word really came. The **loss** of this prediction is $-\ln p$, where $p$ is the probability that the
# model gave to that word. Had it been certain ($p = 1$), the loss would be 0. For "sat" it is $-\ln 0.665 = 0.41$, and
# for "is" $-\ln 0.090 = 2.41$: the greater the surprise, the greater the loss. The unit is the **nat**; choosing
# blindly between two words costs $\ln 2 = 0.69$ nats.
#
# Over a whole text we take the mean, which is called the **cross-entropy**:
#
# $$\text{loss} = -\frac1N \sum_{t=1}^{N} \ln p_t$$
#
# where $N$ is the number of tokens and $p_t$ the probability that was given to token number $t$. Suppose a model gave
# the three words of "the cat sat" the probabilities 0.5, 0.25 and 0.8. Please take a pencil: what is the loss? Python
# says:

# %%
z = np.array([2, 1, 0])
print("softmax:", (np.exp(z) / np.exp(z).sum()).round(3))

p = np.array([0.5, 0.25, 0.8])
losses = -np.log(p)
print("loss of each word:", losses.round(2))
print(f"mean: {losses.mean():.2f}")
print(f"perplexity: {np.exp(losses.mean()):.2f}")

# %% [markdown]
# The last line is the **perplexity**, e to the power of the loss. This model is on average as
# unsure as somebody who chooses between 2.15 equally likely words.
#
# ## By hand: one step of memory
#
# Our cell will be an **LSTM** (long short-term memory, {cite:t}`hochreiter1997`). Besides $h$, from which it predicts,
# it keeps a second memory, $c$, the **kept memory**, which the picture above leaves out. Three **gates**, numbers
# between 0 and 1, decide what happens:
#
# - the forget gate $f$: how much of the old $c$ is kept;
# - the input gate $i$: how much new is written into $c$. What is written is the candidate $g$, between −1 and 1;
# - the output gate $o$: how much of the new $c$ is shown as the new $h$.
#
# Two curves squeeze any number into these limits: $\sigma$, the *sigmoid*, to between 0 and 1, and $\tanh$ to between
# −1 and 1. For example, $\sigma(0) = 0.5$, $\sigma(2.2) = 0.90$ and $\tanh(0.31) = 0.30$. Here is one step of one unit.
# Please follow it with your finger:

# %% tags=["hide-input"]
diagrams.lstm_cell(memory=0.5, forget=0.9, input=0.2, candidate=-0.7, output=0.5)

# %% [markdown]
# The kept memory was 0.5. The forget gate keeps 0.9 of it, which is 0.45, and the input gate lets 0.2 of the candidate
# in, which is −0.14. Together that makes 0.31, the new kept memory. Then tanh makes 0.30 of it, and the output gate
# shows half of that, 0.15.
#
# And where does a gate come from? From the token and from the old $h$. The token stands in the network as a row of
# numbers, say $x = (1, 2)$. Each of them is multiplied by a weight of its own, here 0.5 and 0.25, and the old $h = 0.4$
# by a weight 0.5. Everything is added up, with one more number, the **bias**, here 1:
#
# $$1 \cdot 0.5 + 2 \cdot 0.25 + 0.4 \cdot 0.5 + 1 = 2.2$$
#
# $\sigma(2.2) = 0.90$ is the forget gate of the picture. Our network will have 128 such units side by side, so it keeps
# the weights in tables: the table $W$ has a row for each number of $x$ and a column for each unit. Doing the sum for
# all columns at once is the *matrix product* $xW$, in Python `x @ W`. In symbols, one step is
#
# $$\begin{aligned}
# i &= \sigma(x_t W_i + h_{t-1} U_i + b_i) &\quad f &= \sigma(x_t W_f + h_{t-1} U_f + b_f)\\
# o &= \sigma(x_t W_o + h_{t-1} U_o + b_o) &\quad g &= \tanh(x_t W_g + h_{t-1} U_g + b_g)\\
# c_t &= f \odot c_{t-1} + i \odot g &\quad h_t &= o \odot \tanh(c_t)
# \end{aligned}$$
#
# $x_t$ is the row of numbers of token number $t$; $c_{t-1}$ and $h_{t-1}$ are the memories before it, $c_t$ and $h_t$
# those after it. The tables $W$ and $U$ and the rows of biases $b$ are the weights; each of $i$, $f$, $o$ and $g$ has
# its own. The sign $\odot$ multiplies number by number, and $\sigma(a) = 1 / (1 + e^{-a})$. As code this is four lines.
# `W` holds the four tables side by side, and so do `U` and `b`; `np.split` takes the four results apart again:


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, c


# With x = 0 and h = 0 only b counts: it gives 0.2, 0.9, -0.7 and 0.5.
b = np.array([-1.386, 2.197, -0.867, 0.0])
zero, zeros, old = np.zeros(1), np.zeros((1, 4)), np.array([0.5])
h, c = lstm_step(zero, zero, old, zeros, zeros, b)
print(f"kept memory c = {c[0]:.2f}, shown h = {h[0]:.2f}")

# %% [markdown]
# Keras has this piece ready; it calls a piece of a network a **layer**. Is ours the same? Both read five random tokens
# with the same random weights, and we look for the largest difference in $h$:

# %%
layer = keras.layers.LSTM(8, return_sequences=True)  # 8 units
x = np.random.default_rng(0).normal(size=(1, 5, 4))  # 1 text, 5 tokens
by_keras = np.asarray(layer(x))  # h after each of the tokens

h, c, difference = np.zeros((1, 8)), np.zeros((1, 8)), 0.0
for t in range(5):
    h, c = lstm_step(x[:, t], h, c, *layer.get_weights())
    difference = max(difference, np.abs(h - by_keras[:, t]).max())
print(f"largest difference: {difference:.1e}")

# %%
lesson.record("step_difference", difference, tolerance=None, at_most=1e-5, note="four lines of NumPy, Keras' LSTM")

# %% [markdown]
# Nothing but rounding. From here on we use Keras' layer.
#
# ## The stories, and the best score that is possible
#
# We learn from **greentree**, stories that the book makes up from a fixed set of rules. We take three separate sets.
# The model learns from the **training set**. While it learns, we watch its loss on the **validation set**, from which
# it never learns. The **test set** is kept for the final scores: nothing is chosen by looking at it. (`split="seen"`
# keeps some combinations of plant and hero back for other lessons.)


# %%
rules = greentree.Grammar(split="seen", max_sentences=4)


def tell(count, seed):
    stories = greentree.tell_stories(count, seed, grammar=rules)
    return [story.english for story in stories]


validation, test = tell(300, seed=11), tell(500, seed=15)
train = tell(lesson.choose(quick=3_000, full=10_000), seed=10)
others = {*validation, *test}
train = [text for text in train if text not in others]

print(f"{len(train):,} stories to learn from. The first one:\n")
show(train[0])

# %% [markdown]
# Because we know the rules, we know the true probability of every next word. After "A green tree" they go on with
# "stands" in 3 of 4 stories and with "grows" in the fourth. No model can do better than to say 75 % and 25 %. It then
# pays $-\ln 0.75 = 0.288$ nats three times and $-\ln 0.25 = 1.386$ nats once, on average $0.75 \cdot 0.288 + 0.25 \cdot
# 1.386 \approx 0.56$ nats. Other words follow from what came before, and for them a perfect model pays nothing.
#
# The $-\ln p$ of a whole story is the sum over its choices; the library works it out from the text. The **floor** of a
# set of stories is this sum for all of them, divided by the number of their tokens: what one who knows the rules pays
# for exactly these stories. (The pattern for `re.findall` finds the words and the punctuation marks.)


# %%
def tokens_of(story):
    # words, and single punctuation marks
    return len(re.findall(r"\w+|[^\w\s]", story)) + 1  # and <end>


def surprise(stories):
    return sum(-greentree.log_probability(story, grammar=rules) for story in stories)


show(test[0])
nats, count = surprise(test[:1]), tokens_of(test[0])
print(f"This story: {nats:.3f} nats / {count} tokens = {nats / count:.3f}")
nats, count = surprise(test), sum(tokens_of(story) for story in test)
floor = nats / count
print(f"All 500 test stories: {nats:,.0f} / {count:,} = {floor:.3f}, the floor")

# %% [markdown]
# A model can get below the floor on a few stories, by luck or because it has seen them. On many new stories no program
# can. (Punctuation marks and `<end>` count as words, so "nats per word" means nats per token.)
#
# ## The program, function by function
#
# This book follows a Chinese article on language models, whose section 5.2 prints such a program. It does not run
# ([what was wrong](what_was_wrong.ipynb) takes it apart). Here is what it was meant to be: its five functions, and a
# few small helpers. The numbers that we can choose freely come first:

# %%
embedding_dim = 64  # numbers that stand for a word
lstm_units = 128  # numbers in the memory
batch_size = 32  # stories that are read side by side
epochs = lesson.choose(quick=4, full=3)  # how often every story is read
learning_rate = 0.03  # how far the weights move in a step
PAD, UNKNOWN, END = 0, 1, 2  # tokens that are no words

# %% [markdown]
# ### `preprocess_data`: from text to numbers
#
# Each word gets a number, its **id**: its place in the vocabulary, which is made once, from the training stories. A
# word that is not in it becomes `<unk>`, for unknown.
#
# `preprocess_data` gives two arrays. In `data` each row is a story that begins with `<end>`; `labels` is the same
# moved by one word. Stories differ in length, so the short ones are filled up at the end with `<pad>`, id 0. This
# **padding** must not count later.


# %%
def split_words(text):
    return re.findall(r"\w+|[^\w\s]", text.lower())


def make_vocabulary(texts):
    words = {word for text in texts for word in split_words(text)}
    return ["<pad>", "<unk>", "<end>", *sorted(words)]


def preprocess_data(texts, vocabulary):
    id_of = {word: id for id, word in enumerate(vocabulary)}
    rows = []
    for text in texts:
        ids = [id_of.get(word, UNKNOWN) for word in split_words(text)]
        rows.append([END, *ids, END])
    ids = keras.utils.pad_sequences(rows, padding="post", value=PAD)
    return ids[:, :-1], ids[:, 1:]  # data, labels


# %% [markdown]
# Try it on two tiny texts. Where a label is `<pad>`, there is nothing to predict:

# %%
tiny = ["The cat sat.", "A cat!"]
vocabulary = make_vocabulary(tiny)
data, labels = preprocess_data(tiny, vocabulary)
print(vocabulary)
print(data)
for row in range(2):
    print("data  ", [vocabulary[id] for id in data[row]])
    print("labels", [vocabulary[id] for id in labels[row]])

# %% [markdown]
# ### `create_model`: the network
#
# These are the layers of our model, from below to above, with the shape of what goes from one to the next: `B` stories
# are read side by side, each of `T` tokens. The large number at the end is the size of our vocabulary. The softmax
# (dashed) is not a layer: the loss does it while training, and `generate_text` when we write.

# %% tags=["hide-input"]
words = len(make_vocabulary(train))
diagrams.recurrent_model(vocabulary=words, embedding=embedding_dim, units=lstm_units)

# %% [markdown]
# An **embedding** is a table with one row of numbers for each word; the layer looks the rows up. They start as random
# numbers of about the size of 1. (Keras' own start, within 0.05 of 0, would make all words look nearly alike.) With
# `return_sequences=True` the LSTM gives its $h$ after every word, not only after the last. From that, a **dense
# layer**, which multiplies by a table of weights and adds a bias, makes a logit for each word of the vocabulary.
#
# One start we choose ourselves: the biases of the gates. We spread those of the forget gates from 0, where a unit keeps
# half of its memory at each word, to 4, where it keeps 98 % and so still has about half after forty words. The input
# gates get the opposite biases. ([Recurrent networks](../01_background/recurrent_networks.ipynb) shows what this does.
# `unit_forget_bias=False` turns Keras' own start off.)


# %%
def long_memory(shape, dtype=None):
    units = shape[0] // 4  # Keras asks for the biases of i, f, g, o in a row
    forget = np.linspace(0, 4, units)
    others = np.zeros(2 * units)
    return keras.ops.convert_to_tensor([*-forget, *forget, *others], dtype)


def create_model(vocab_size, embedding_dim, lstm_units, start=long_memory):
    rows = keras.initializers.RandomNormal(stddev=1)
    biases = {"bias_initializer": start, "unit_forget_bias": False}
    inputs = keras.Input(shape=(None,), dtype="int32")  # any length
    embed = keras.layers.Embedding(vocab_size, embedding_dim, rows)(inputs)
    lstm = keras.layers.LSTM(lstm_units, return_sequences=True, **biases)
    outputs = keras.layers.Dense(vocab_size, name="logits")(lstm(embed))
    return keras.Model(inputs, outputs)


# %% [markdown]
# ### `train_model`: compile and fit
#
# Training goes round in a circle. A **batch**, here 32 stories, goes through the model. The loss compares the logits
# with the labels. The **gradient** says for each weight how steeply the loss rises when this weight grows: a gradient
# of 2 means that 0.01 more in the weight costs about 0.02 nats. So every weight takes a small step in the opposite
# direction, and the **learning rate** says how small: with 0.03, in the simplest rule, a weight of 0.50 becomes 0.50 −
# 0.03 · 2 = 0.44. When all stories have been read once, one **epoch** is over. (In the picture, $V$ is the number of
# words in the vocabulary, and $g$ is the gradient, not the candidate of the LSTM.)

# %% tags=["hide-input"]
diagrams.training_loop()

# %% [markdown]
# Keras does all this in `fit`. Before that, `compile` wants to know three things:
#
# - *The loss.* `from_logits=True`, because our model ends with logits, and `ignore_class=PAD`, because padding must
#   not count: predicting it is trivial, and counting it would make any model look good.
# - *The optimiser*, the rule that turns gradients into steps. The article takes Adam, which gives every single weight a
#   step of about the same size. We take Muon, which makes the step of a whole table of weights at once; exercise 4
#   compares the two. Keras leaves the embedding and the biases to Adam, and `exclude_layers` leaves the last layer to
#   it, too. ([Gradient descent](../03_mathematics/gradient_descent.ipynb) explains both.)
# - *The learning rate.* It begins at 0.03 and falls to 0 along half a wave of the cosine (`CosineDecay`).
#
# `watched` is the pair of data and labels of the validation stories. The optimiser comes in as a function of the
# learning rate, so that another one can take its place.


# %%
def muon(rate):
    return keras.optimizers.Muon(rate, exclude_layers=["logits"])


def train_model(model, data, labels, watched, epochs, optimizer=muon, rate=learning_rate, verbose=2):
    steps = epochs * math.ceil(len(data) / batch_size)
    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    model.compile(
        optimizer=optimizer(falling),
        loss=crossentropy(from_logits=True, ignore_class=PAD),
    )
    settings = {"batch_size": batch_size, "epochs": epochs, "verbose": verbose}
    return model.fit(data, labels, validation_data=watched, **settings)


# %% [markdown]
# ### `generate_text`: one word at a time
#
# To write, we look at the logits *after the last word*, make probabilities of them, and draw a word. (Who always takes
# the likeliest word writes the same story every time.) The **temperature** divides the logits first. With 0.5, our
# three logits 2, 1 and 0 become 4, 2 and 0, and the probability of "sat" rises from 0.665 to 0.87: below 1, likely
# words become still likelier, and slips rarer. We take 0.7. The story is over when `<end>` is drawn.


# %%
rng = np.random.default_rng(lesson.seed)  # the dice


def generate_text(model, vocabulary, seed_text, length=60, temperature=0.7):
    data, _ = preprocess_data([seed_text], vocabulary)
    ids = list(data[0])
    for _ in range(length):
        logits = model.predict_on_batch(np.array([ids]))[0, -1]
        z = logits.astype("float64") / temperature
        p = np.exp(z - z.max())  # without the maximum e^z could overflow
        next_word = rng.choice(len(vocabulary), p=p / p.sum())
        if next_word == END:
            break
        ids.append(next_word)
    return " ".join(vocabulary[id] for id in ids[1:])


# %% [markdown]
# ### `main`: all together
#
# `prompt` is the beginning that is to be continued, by the untrained model first, and by the trained one at the end.


# %%
def main(train, validation, prompt, epochs=epochs, seed=0):
    keras.utils.set_random_seed(seed)
    vocabulary = make_vocabulary(train)
    data, labels = preprocess_data(train, vocabulary)
    watched = preprocess_data(validation, vocabulary)
    model = create_model(len(vocabulary), embedding_dim, lstm_units)
    show("untrained: " + generate_text(model, vocabulary, prompt, 12))
    history = train_model(model, data, labels, watched, epochs)
    show("trained: " + generate_text(model, vocabulary, prompt))
    return model, vocabulary, history.history


model, vocabulary, history = main(train, validation, "a green tree")

# %% [markdown]
# It writes! Keras prints two losses for each epoch: `loss` on the training stories, averaged over the epoch while the
# model was still improving, and `val_loss` on the validation stories, at the end of the epoch.
#
# How long is it? Python counts the lines of the five functions and of five helpers, without the empty ones:

# %%
program = [preprocess_data, create_model, train_model, generate_text, main]
helpers = [show, split_words, make_vocabulary, long_memory, muon]
lines = []
for function in program + helpers:
    source = inspect.getsource(function)
    lines += [line for line in source.splitlines() if line.strip()]
print(len(lines), "lines")

# %%
lesson.record("program_lines", len(lines), "lines", note="five functions and five helpers")

# %% [markdown]
# ## How good is it?
#
# On the 500 test stories we compute the cross-entropy as by hand: the mean of $-\ln p$ over all that is not padding.


# %%
def nats_per_word(model, data, labels):
    logits = model.predict(data, verbose=0)
    crossentropy = keras.losses.sparse_categorical_crossentropy
    losses = crossentropy(labels, logits, from_logits=True)
    return float(np.asarray(losses)[labels != PAD].mean())


test_data, test_labels = preprocess_data(test, vocabulary)
loss = nats_per_word(model, test_data, test_labels)
print(f"{loss:.3f} nats per word, perplexity {math.exp(loss):.2f}")

# %% [markdown]
# Is that good? We compare it with guessing; with a simple model that [counts](../01_background/n_grams.ipynb) which
# word followed which four words (and fewer, mixed as Kneser and Ney proposed; we did not try other lengths); and with
# the floor. The 5 stands for four words and the one that follows. The library asks for a *tokenizer*, which turns a
# text into ids; `WordTokenizer` cuts texts as our `split_words` does. The last line checks that the library's floor is
# ours:

# %%
from lmbook import KneserNey, WordTokenizer, count_n_grams

tokenizer = WordTokenizer(vocabulary)  # with our own vocabulary
train_ids = [tokenizer.encode(text) for text in train]
test_ids = [tokenizer.encode(text) for text in test]
counts = count_n_grams(train_ids, tokenizer, 5)
counting = KneserNey(counts).nats_per_token(test_ids)
assert math.isclose(floor, greentree.floor(test, tokenizer, grammar=rules))

# %% [markdown]
# Would our program do as well with other random numbers? We train it again with other seeds:


# %%
def train_again(texts, watched, seed, epochs, start=long_memory, **settings):
    keras.utils.set_random_seed(seed)
    student = create_model(len(vocabulary), embedding_dim, lstm_units, start)
    data, labels = preprocess_data(texts, vocabulary)
    watched = preprocess_data(watched, vocabulary)
    run = train_model(student, data, labels, watched, epochs, verbose=0, **settings)
    return run.history, nats_per_word(student, test_data, test_labels)


runs = [loss]
for seed in range(1, lesson.choose(quick=1, full=3)):
    runs.append(train_again(train, validation, seed, epochs)[1])
print("test loss for each seed:", np.round(runs, 3))

# %% tags=["hide-input"]
loss = float(np.mean(runs))
rows = [("every word equally likely", math.log(len(vocabulary))), ("counting, four words back", counting)]
rows += [("our LSTM, mean of the seeds", loss), ("the floor", floor)]
lesson.table(
    "scores",
    [(name, round(nats, 3), round(math.exp(nats), 2), round(nats - floor, 3)) for name, nats in rows],
    ["model", "nats per word", "perplexity", "above the floor"],
    tolerance={"nats per word": 0.02, "perplexity": 0.05, "above the floor": 0.02},
)

# %% tags=["hide-cell"]
lesson.record("parameters", model.count_params(), note="embedding 64, LSTM 128")
lesson.record("floor_nats_per_word", floor, "nats per word", 1e-6, note="exact, of the test stories")
lesson.record_mean("nats_per_word", runs, "nats per word", 0.02)
excess = [run - floor for run in runs]
lesson.record_mean("excess_nats_per_word", excess, "nats per word", 0.02, note="loss above the floor")
lesson.record("excess_sd", float(np.std(runs, ddof=1)) if lesson.full else 0.0, "nats per word", 0.02)
lesson.record("counting_excess_nats_per_word", counting - floor, "nats per word", 1e-6, note="Kneser–Ney, order 5")
lesson.record("gain_over_counting", counting - max(runs), "nats per word", 0.02, note="worst seed", at_least=0.05)
lesson.record("runs", len(runs), "random starts")

# %% [markdown]
# Counting is far better than guessing: that is the simple model to beat. It ends [[counting_excess_nats_per_word .2]]
# nats above the floor, and our program [[excess_nats_per_word .3]] ± [[excess_sd .3]] (mean ± standard deviation over
# [[runs]] seeds; the standard deviation says how far a seed typically is from the mean). Even the worst of the seeds
# beats counting by [[gain_over_counting .2]] nats. So "loss: 0.75" *is* good, for these stories: the best that anybody
# could reach is [[floor_nats_per_word .3]].
#
# The left picture shows the two losses of the first seed, epoch by epoch, and the floor of the validation stories. For
# the right one, the same program got the first 200 stories only, and read them 20 times:


# %% tags=["hide-input"]
few = train[:200]
few_history, _ = train_again(few, validation[:100], 0, 20)
few_floor = greentree.floor(few, tokenizer, grammar=rules)
watched_floor = greentree.floor(validation, tokenizer, grammar=rules)

figure, panels = plots.new_panels(1, 2)
titles = f"{len(train):,} stories", "200 stories, read 20 times"
floors = (watched_floor, "floor of the validation stories"), (few_floor, "floor of the 200 stories")
for axes, title, past, lowest in zip(panels[0], titles, (history, few_history), floors, strict=True):
    axes.set(title=title, xlabel="epoch", ylabel="loss (nats per word)")
    for index, (key, name) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        axes.plot(range(1, len(past[key]) + 1), past[key], marker="o", label=name, **plots.line_style(index))
    plots.draw_floor(axes, *lowest)
    axes.set_ylim(0 if past is few_history else 0.65, 2.5 if past is few_history else 1.03 * max(past["loss"]))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
lesson.figure(figure, "loss", "Training and validation loss and the exact floor: many stories, and only 200")

# %% tags=["hide-cell"]
unit, last = "nats per word", few_history["loss"][-1]
lesson.record("few_stories_training_loss", last, unit, 0.1, note="200 stories, after 20 epochs", at_most=few_floor)
lesson.record("few_stories_training_floor", few_floor, unit, 1e-6, note="of the same 200 stories")
rise = few_history["val_loss"][-1] - min(few_history["val_loss"])
lesson.record("few_stories_rise", rise, unit, 0.2, note="validation loss, from lowest to last", at_least=0.1)

# %% [markdown]
# On the left both curves fall towards the floor and end close together: what the model learns holds for new stories
# too. On the right the training loss falls to [[few_stories_training_loss .2]] nats, far below the floor of these very
# stories ([[few_stories_training_floor .2]]): the model knows them by heart. Meanwhile the validation loss rises, by
# [[few_stories_rise .2]] nats from its lowest point. This is **over-fitting**, and the [next
# lesson](over_fitting.ipynb) is about it.
#
# ## The same with the library
#
# `lmbook` has this model ready. Look for the same three layers in `_forward`, at the end of its source:

# %% [markdown]
# [[source lmbook.RecurrentLanguageModel]]

# %% [markdown]
# Is it really the same model? We copy our trained weights into it and compare the logits for 32 test stories, and the
# loss of all by the library's `evaluate`:

# %%
from lmbook import LSTMLanguageModel, RecurrentConfig, continue_text, evaluate

shape = RecurrentConfig(len(vocabulary), embedding_dim, lstm_units)
twin = LSTMLanguageModel(shape)
twin.set_weights(model.get_weights())

ours = model.predict(test_data[:32], verbose=0)
theirs = twin.predict(test_data[:32], verbose=0)
twin_difference = np.abs(ours - theirs).max()
twin_loss = evaluate(twin, test_ids, tokenizer).nats_per_token
print(f"largest difference of a logit: {twin_difference:.1e}")
print(f"loss: ours {runs[0]:.6f}, the library's {twin_loss:.6f}")

# %%
lesson.record("library_difference", twin_difference, tolerance=None, at_most=1e-4, note="largest, of the logits")

# %% [markdown]
# The library calculates the same. Our `generate_text` reads the whole beginning again for every new word; the library's
# `continue_text` keeps the memory, for many stories at once. So we let it write hundreds, and a strict judge reads
# them: the rules, which accept a story only if it is complete and never contradicts itself. Are they also new?

# %%
count = lesson.choose(quick=200, full=500)
settings = {"max_new_tokens": 60, "temperature": 0.7}
stories = continue_text(twin, tokenizer, count=count, **settings)
good = [text for text in stories if greentree.is_grammatical(text)]
bad = [text for text in stories if not greentree.is_grammatical(text)]
read = {" ".join(split_words(text)) for text in train}
new = [text for text in good if " ".join(split_words(text)) not in read]
print(f"Of {len(stories)} stories {len(good)} obey all rules.")
print(f"Of these, {len(new)} are not among the training stories.")

print("\nOne that does not:")
show(bad[0])

# %% tags=["hide-cell"]
from lmbook import wilson_interval

note = "stories that obey all rules, at temperature 0.7"
lesson.record("grammatical_share", len(good) / len(stories), tolerance=0.1, n=len(stories), note=note)
low, high = wilson_interval(len(good), len(stories))
lesson.record("grammatical_low", low, tolerance=0.1, note="95 % interval by Wilson")
lesson.record("grammatical_high", high, tolerance=0.1, note="95 % interval by Wilson")
note = "of those that obey: not word for word in the training set"
lesson.record("new_share", len(new) / len(good), tolerance=0.1, n=len(good), note=note)
lesson.record("stories_written", len(stories), "stories")

# %% [markdown]
# Of [[stories_written]] stories that this one model wrote at temperature 0.7, [[grammatical_share %]] obey every rule
# (95 % interval: [[grammatical_low %]] to [[grammatical_high %]]). Of those, [[new_share %]] are new: no training story
# has the same words throughout. (We did not look for near copies.) The loss looks nearly perfect; the stories show what
# is missing.
#
# ## On real text
#
# What does the same kind of model do with Shakespeare? Here the tokens are **characters**, so it must even learn to
# spell. It has 256 units of memory. Nobody knows the floor of Shakespeare, so we compare it with a model that counts,
# six characters back. Both are scored on **held-out** text, the last tenth of the plays, which neither has read.
#
# The library's `fit` does what our `train_model` does. `text_batches` cuts the plays into pieces of 64 characters, each
# with its labels, and puts 64 into a batch. `OptimizerConfig` chooses Muon again; with `muon_ratio=1.0`, the weights
# that Muon leaves to Adam get the same learning rate.


# %%
from lmbook import CharacterTokenizer, OptimizerConfig, fit, text_batches


def train_on_characters(texts, steps):
    characters = CharacterTokenizer.train(texts)  # makes the vocabulary
    shape = RecurrentConfig(characters.vocabulary_size, embedding_dim, 256)
    writer = LSTMLanguageModel(shape)
    batches = text_batches(texts, characters, context=64, batch_size=64)
    optimizer = OptimizerConfig("muon", 0.02, muon_ratio=1.0)
    # no epoch is chosen by the held-out text
    fit(writer, batches, steps=steps, optimizer=optimizer, quiet=True)
    return characters, writer


# %% [markdown]
# This runs in the full profile only. `count_n_grams` with 7 counts which character followed which six. (`closed=False`
# says that no `<end>` follows a text, since these texts are parts of a longer one.)

# %%
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
if corpus is None:
    print("Run it with: lmbook run lstm_baseline --full")
else:
    began, steps = lesson.seconds, lesson.choose(quick=300, full=2400)
    texts, held_out = corpus.texts("train"), corpus.texts("validation")
    characters, writer = train_on_characters(texts, steps)
    ids = [characters.encode(text) for text in held_out]
    train_characters = [characters.encode(text) for text in texts]
    score = evaluate(writer, ids, characters, closed=False).nats_per_token
    counter = KneserNey(count_n_grams(train_characters, characters, 7, closed=False))
    character_counting = counter.nats_per_token(ids, closed=False)
    print(f"LSTM {score:.3f}, counting {character_counting:.3f} nats per character")
    [sample] = continue_text(writer, characters, max_new_tokens=400, temperature=0.7)
    print(f"\nThe LSTM writes:\n{sample}")
    seconds = lesson.seconds - began

# %% tags=["hide-cell"]
if corpus is not None:
    name, unit = "own" if lesson.own_text else "shakespeare", "nats per character"
    lesson.record(f"{name}_nats_per_character", score, unit, 0.03, note="LSTM, held-out text")
    lesson.record(f"{name}_counting_nats_per_character", character_counting, unit, 1e-4, note="7-grams")
    limit = {} if lesson.own_text else {"at_least": 0.0}
    lesson.record(f"{name}_gain_over_counting", character_counting - score, unit, 0.03, **limit)
    lesson.record(f"{name}_steps", steps, "batches")
    lesson.record(f"{name}_seconds", seconds, "s", None, note="data, training, scoring and writing")

# %% [markdown]
# In this one run the LSTM ends at [[shakespeare_nats_per_character .3]] nats per character, and counting at
# [[shakespeare_counting_nats_per_character .3]]. The LSTM is ahead, but only by [[shakespeare_gain_over_counting .3]]
# nats, after [[shakespeare_steps]] batches; counting reads the text once. (The LSTM's settings come from trials on this
# held-out text, which flatters its score by an unknown amount.) What the LSTM writes looks like Shakespeare from a
# distance: names in capitals, a colon, short lines, mostly real words. But it makes little sense.
#
# ## What goes wrong: labels that are not moved
#
# Now we make one mistake on purpose, in a single line:
#
# > **In the article, section 5.2** (translated): `labels = data`, with the comment "in this example the labels are the
# > same as the input sequence".
#
# Please guess first: will there be an error? Will the loss be better or worse than before?


# %%
def preprocess_wrongly(texts, vocabulary):
    data, labels = preprocess_data(texts, vocabulary)
    labels = data  # the mistake
    return data, labels


data, labels = preprocess_wrongly(train[:2000], vocabulary)
watched = preprocess_wrongly(validation, vocabulary)
copier = create_model(len(vocabulary), embedding_dim, lstm_units)
train_model(copier, data, labels, watched, epochs=1)

copy_loss = nats_per_word(copier, *preprocess_wrongly(test, vocabulary))
next_loss = nats_per_word(copier, test_data, test_labels)
print(f"test loss with these labels: {copy_loss:.4f}")
print(f"test loss for the next word: {next_loss:.1f}")
show(generate_text(copier, vocabulary, "a green tree", length=9))

# %%
lesson.record("copy_loss", copy_loss, "nats per word", None, at_most=0.2, note="labels = data, as the program shows it")
lesson.record("copy_next_word_loss", next_loss, "nats per word", 3.0, at_least=6.0, note="the same model, next words")

# %% [markdown]
# There is no error, and the loss is far below the floor. But the model was asked for the word that it is just reading.
# It has learned to repeat it, and so it writes the last word of our beginning again and again. Asked for the *next*
# word it has [[copy_next_word_loss .1]] nats, much more than the [[scores/every word equally likely/nats per word .1]]
# of blind guessing.
#
# How would we have noticed? Here is the beginning of the first row, as words:

# %%
_, right_labels = preprocess_data(train[:2000], vocabulary)
for name, row in (("data", data), ("labels", labels), ("right", right_labels)):
    print(f"{name:>6}:", *(vocabulary[id] for id in row[0, :8]))
print("moved by one, with the mistake:", (labels[:, :-1] == data[:, 1:]).all())
print("moved by one, without it:", (right_labels[:, :-1] == data[:, 1:]).all())

# %% [markdown]
# Three habits catch this bug and its many relatives. **Be suspicious of a loss that is too good**: on many new texts, a
# loss below the floor is impossible. (Where no floor is known, compare with counting on the same texts, and ask why
# your model should be so much better.) **Print a row of data above a row of labels**, as words, and read them; the last
# comparison in the code checks all rows, and as an `assert` it belongs in every such program. **Read what the model
# writes.**
#
# ## What this lesson cannot show
#
# - The language is small: [[vocabulary]] tokens, told by rules. That our LSTM comes so near the floor of greentree does
#   not mean that LSTMs come near the floor of English.
# - Three seeds show a large difference, not a small one, and they change the random numbers of the training only: the
#   stories were always the same. All other figures of trained models are from one run each.
# - The learning rate, the start of the gates and the optimiser were chosen by trying a few on validation stories. On
#   Shakespeare they were chosen on the held-out text itself (see there).
#
# ## Summary
#
# A language model is trained to predict the next word, and the text itself supplies the labels: the same text, moved
# by one word. Its loss is the mean of $-\ln p$ in nats, and the floor is the lowest loss that is possible on many new
# texts. Our [[program_lines]] lines of plain Keras came to [[excess_nats_per_word .2]] nats above it. A single wrong
# line gave a wonderful loss and a useless model, as reading one sample showed.

# %% tags=["hide-cell"]
if lesson.full:  # what exercise 4 is compared with: 3,000 stories, 4 epochs, seed 0

    def keras_start(shape, dtype=None):
        units = shape[0] // 4
        return keras.ops.convert_to_tensor([*np.zeros(units), *np.ones(units), *np.zeros(2 * units)], dtype)

    trials = {"as_in_the_lesson": {}, "gates_started_by_keras": {"start": keras_start}}
    for rate, name in ((0.003, "adam_rate_0_003"), (0.01, "adam_rate_0_01"), (0.03, "adam_rate_0_03")):
        trials[name] = {"optimizer": keras.optimizers.Adam, "rate": rate}
    for name, settings in trials.items():
        distance = train_again(train[:3000], validation, 0, 4, **settings)[1] - floor
        lesson.record(
            f"exercise_{name}", distance, "nats per word", 0.03, note="above the floor; 3,000 stories, seed 0"
        )

# %% [markdown]
# ## Exercises
#
# Take the notebook (the link is in the box at the top), run it, and then:
#
# 1. *Read.* Why does `preprocess_data` put `<end>` before the first word? What could the model not learn without it?
# 2. *Calculate.* A model gives the four tokens "the", "cat", "sat" and `<end>` the probabilities 0.25, 0.5, 0.5 and
#    1, in this order. What are its loss and its perplexity?
# 3. *Your own text.* Put a few hundred short texts (recipes, messages, poems) into one file, with an empty line between
#    them, and give them to `main`, with a beginning that suits them. After how many epochs is `val_loss` lowest?
#
# ```python
# from pathlib import Path
#
# texts = Path("my_texts.txt").read_text(encoding="utf-8").split("\n\n")
# main(texts[:-50], texts[-50:], "take two eggs", epochs=20)
# ```
#
# 4. *Change the code.* Does our program need its two peculiarities? Compare with three seeds each, on 3,000 stories.
#    (a) The start of the gates: write a `keras_start` like `long_memory`, with biases of 1 for the forget gates and 0
#    for all others, as Keras has it, and give it to `train_again` as `start=keras_start`. (b) Adam in the place of
#    Muon. It needs a learning rate of its own, so the loop tries three:
#
# ```python
# for rate in (0.003, 0.01, 0.03):
#     for seed in range(3):
#         settings = {"optimizer": keras.optimizers.Adam, "rate": rate}
#         history, score = train_again(train[:3000], validation, seed, 4, **settings)
#         print(rate, seed, "lowest val_loss", min(history["val_loss"]), "above the floor", score - floor)
# ```
#
# <details>
# <summary>Answers</summary>
#
# 1. Without it, the first word of a story would never be a label: the model could not learn how stories begin.
# 2. The losses are 1.39, 0.69, 0.69 and 0. Their mean is 0.69 nats, and the perplexity is $e^{0.69} = 2$.
# 3. Look for the epoch after which `val_loss` rises while `loss` goes on falling; the next lesson says what to do then.
#    A validation text with many words that no training text has (`<unk>`) has a high loss from the start.
# 4. We made one training of each, with seed 0. It ended so far above the floor, in nats per word: the program of the
#    lesson [[exercise_as_in_the_lesson .3]]; with (a) [[exercise_gates_started_by_keras .3]]; with (b)
#    [[exercise_adam_rate_0_003 .3]] at the rate 0.003, [[exercise_adam_rate_0_01 .3]] at 0.01 and
#    [[exercise_adam_rate_0_03 .3]] at 0.03. Of Adam's three rates the largest was best, so try a larger one too. Choose
#    Adam's rate by the lowest `val_loss`, and only then compare its test score with Muon's. Your three seeds say
#    whether a difference is larger than the spread from seed to seed.
#
# </details>
#
# ## Further reading
#
# - Andrej Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015): many samples.
# - Christopher Olah, "Understanding LSTM networks" (2015): the gates, drawn step by step.
# - {cite:t}`hochreiter1997`: the paper in which the memory with gates was introduced.
#
# **Before this lesson:** [recurrent networks](../01_background/recurrent_networks.ipynb). **Next:**
# [over-fitting](over_fitting.ipynb), what happens when there are too few stories, and what helps.

# %%
lesson.record("vocabulary", len(vocabulary), "tokens")
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
