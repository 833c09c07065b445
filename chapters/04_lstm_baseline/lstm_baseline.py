# %% [markdown]
# # The LSTM baseline: a language model in plain Keras
#
# - Article section: §5.2–5.3
# - Needs: n_grams, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 8
# - Memory: 1.3 GB
# - Shows: a complete language model in plain Keras, on stories whose lowest possible loss is known exactly
# - Headline: excess_nats_per_word, grammatical_share, shakespeare_nats_per_character
#
# How long is a program that learns to write stories by reading stories? And when it says "loss: 0.75", how do we know
# whether that is good?
#
# The answer to the first question is [[program_lines]] lines of plain Keras, besides the imports and a few settings,
# and in this lesson we write all of them. For the second, the program learns from little stories for which we can
# calculate the best score that any program could ever reach. So we will know exactly how far its loss is from the best.
# **Afterwards you can**
#
# - write, train and use a language model in plain Keras, on a text of your own;
# - work out its loss with a pencil, and say what the number means;
# - recognise over-fitting, and a bug that raises no error and makes the loss look wonderful.
#
# You need Python and the logarithm. Three earlier lessons go deeper into what we use here:
# [counting](../01_background/n_grams.ipynb) into the simple model that we want to beat, [gradient
# descent](../03_mathematics/gradient_descent.ipynb) into how a network learns, and [recurrent
# networks](../01_background/recurrent_networks.ipynb) into how it remembers. Whatever we take from them is said again
# in a sentence.
#
# The first lines of code load Keras, a library for neural networks, NumPy, and from this book's own library `lmbook`
# the stories and the pictures. `reproducible` sets the **seed**, the number from which all random numbers of a run
# follow: with the same seed we get the same run again. And `lesson.choose` makes the lesson short on your machine
# (the *quick profile*) and longer with `--full` (the *full profile*, whose outputs this page shows).

# %%
import functools
import inspect
import math
import re
import textwrap
import time

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
# A **language model** reads the beginning of a text and says how likely each word is to come next. Here is one that
# has read "the cat", with numbers that we made up. It finds "sat" likely and "is" unlikely, and all its probabilities
# together make 100 %.

# %% tags=["hide-input"]
diagrams.next_word(["the", "cat"], {"sat": 0.62, "ran": 0.2, "is": 0.05}, chosen="sat")

# %% [markdown]
# If we write down one of the likely words, append it, and ask again, the model writes a text. So everything depends
# on good probabilities. The picture below shows how ours gets them. It reads one **token** after the other. Our
# tokens are words and punctuation marks, and there is a special token `<end>`, which says that a story ends here and
# a new one begins. At each token, a small network (a *cell*) takes in the token and what it remembers of the past,
# the **memory** h. It passes a new memory on to the next step, and from this new memory it predicts the next token.
# The cell calculates with **weights**, numbers that training will adjust, and they are the same at every step.

# %% tags=["hide-input"]
diagrams.unrolled_rnn(["<end>", "the", "cat", "sat"], predicts=["the", "cat", "sat", "<end>"], cell="cell")

# %% [markdown]
# Compare the top row with the bottom row: they are the same sentence, moved by one place. Nobody has to write down
# the right answers. The text itself contains them, and this is why a language model can learn from any text. The
# right answer for a position, here the next token, is called its **label**.
#
# ## By hand: how good is a prediction?
#
# The network ends with one number for each word of its **vocabulary**, the list of all words that it knows. This number
# is called the word's **logit**: it can be any number, and the higher it is, the likelier the word. The **softmax**
# makes probabilities of the logits: raise e to each, and divide by the sum. Say there are only three words, with the
# logits 2, 1 and 0 (other numbers than in the first picture, so that we can calculate):
#
# | word | logit $z$ | power $e^z$ | probability |
# |---|---:|---:|---:|
# | sat | 2 | 7.39 | 7.39 / 11.11 = 0.665 |
# | ran | 1 | 2.72 | 2.72 / 11.11 = 0.245 |
# | is | 0 | 1.00 | 1.00 / 11.11 = 0.090 |
# | *sum* | | 11.11 | 1.000 |
#
# Now the text goes on, and we see which word really came. The **loss** of this prediction is $-\ln p$, where $p$ is
# the probability that the model gave to that word. Had it been certain ($p = 1$), the loss would be 0. For "sat" it
# is $-\ln 0.665 = 0.41$, and for "is" $-\ln 0.090 = 2.41$: the greater the surprise, the greater the loss. The unit
# is the **nat**; choosing blindly between two words costs $\ln 2 = 0.69$ nats.
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
# The last line is the **perplexity**, e to the power of the loss. It makes the loss easier to imagine: this model is
# on average as unsure as somebody who chooses between 2.15 equally likely words.
#
# ## By hand: one step of memory
#
# Our cell will be an **LSTM** (long short-term memory, {cite:t}`hochreiter1997`). It has its memory in two parts: the
# **kept memory** $c$, which is changed only carefully, and $h$, the part of it that is shown. $h$ is the memory of the
# picture with the cells; $c$ is handed on beside it, from step to step. Three **gates**, numbers between 0 and 1,
# decide what happens: how much of the old memory to keep (forget gate $f$), how much of the new to write (input gate
# $i$), and how much to show (output gate $o$). What could be written is the candidate $g$, between −1 and 1. Follow the
# numbers with your finger:

# %% tags=["hide-input"]
diagrams.lstm_cell(memory=0.5, forget=0.9, input=0.2, candidate=-0.7, output=0.5)

# %% [markdown]
# The kept memory was 0.5. The forget gate keeps 0.9 of it, which is 0.45, and the input gate lets 0.2 of the
# candidate in, which is −0.14. Together that makes 0.31, the new kept memory. Then tanh, a curve that squeezes any
# number to between −1 and 1, makes 0.30 of it, and the output gate shows half of that.
#
# Where do the gates come from? From the token and from $h$. Both are rows of numbers. Multiplying a row by a table of
# weights gives a new row. For example, $(1, 2)$ times the table with the rows $(3, 4)$ and $(5, 6)$ is $(1 \cdot 3 + 2
# \cdot 5,\ 1 \cdot 4 + 2 \cdot 6) = (13, 16)$. This is called a matrix product; we write it $xW$, and Python writes `x
# @ W`. A row $b$, the **bias**, is added. Our network will have 128 units of memory side by side. In symbols:
#
# $$\begin{aligned}
# i &= \sigma(x_t W_i + h_{t-1} U_i + b_i) &\quad f &= \sigma(x_t W_f + h_{t-1} U_f + b_f)\\
# o &= \sigma(x_t W_o + h_{t-1} U_o + b_o) &\quad g &= \tanh(x_t W_g + h_{t-1} U_g + b_g)\\
# c_t &= f \odot c_{t-1} + i \odot g &\quad h_t &= o \odot \tanh(c_t)
# \end{aligned}$$
#
# $x_t$ is the row of numbers that stands for token number $t$; $c_{t-1}$ and $h_{t-1}$ are the memory before it, $c_t$
# and $h_t$ the memory after it. The tables $W$ and $U$ and the rows $b$ are the weights; each of $i$, $f$, $o$ and $g$
# has its own. The sigmoid, $\sigma(a) = 1 / (1 + e^{-a})$, squeezes any number to between 0 and 1, and $\odot$
# multiplies number by number. A gate by hand, with one unit: let $x_t = (1, 2)$, $h_{t-1} = 0.4$, $W_f$ have the two
# numbers 0.5 and 0.25, $U_f = 0.5$ and $b_f = 1$. Then $1 \cdot 0.5 + 2 \cdot 0.25 + 0.4 \cdot 0.5 + 1 = 2.2$, and
# $\sigma(2.2) = 0.90$, the forget gate of the picture. As code, these are four lines, with the four $W$ side by side in
# one array `W`, and so with `U` and `b`. Below them, our example:


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
print(f"new memory c = {c[0]:.2f}, shown h = {h[0]:.2f}")

# %% [markdown]
# Keras has this piece ready; it calls a piece of a network a **layer**. Is ours the same? We let both read five
# random tokens, with the same random weights, and look for the largest difference between any two numbers:

# %%
layer = keras.layers.LSTM(8, return_sequences=True)  # 8 numbers
x = np.random.default_rng(0).normal(size=(1, 5, 4))  # 1 text, 5 tokens
by_keras = np.asarray(layer(x))  # h after each of the tokens

h, c, by_hand = np.zeros((1, 8)), np.zeros((1, 8)), []
for t in range(5):
    h, c = lstm_step(x[:, t], h, c, *layer.get_weights())
    by_hand.append(h)

difference = np.abs(np.stack(by_hand, axis=1) - by_keras).max()
print(f"largest difference: {difference:.1e}")

# %%
lesson.record(
    "step_difference", difference, tolerance=None, at_most=1e-5, note="four lines of NumPy against Keras' LSTM"
)

# %% [markdown]
# Nothing but rounding. From here on we use Keras' layer.
#
# ## The stories, and the best score that is possible
#
# We learn from **greentree**, stories that the book makes up by itself from a fixed set of rules. They have three or
# four sentences. We take three separate sets. The model learns from the **training set**. While it learns, we watch its
# loss on the **validation set**, which it never learns from. The **test set** is kept for the final scores: nothing is
# chosen by looking at it. (`split="seen"` keeps some combinations of plant and hero back for other lessons.)


# %%
rules = greentree.Grammar(split="seen", max_sentences=4)


def tell(count, seed):
    stories = greentree.tell_stories(count, seed, grammar=rules)
    return [story.english for story in stories]


validation, test = tell(300, seed=11), tell(500, seed=15)
train = tell(lesson.choose(quick=3_000, full=10_000), seed=10)
others = {*validation, *test}
train = [text for text in train if text not in others]

print(f"{len(train):,} stories to learn from. The first two:\n")
show(train[0])
print()
show(train[1])

# %% [markdown]
# A story is consistent: whoever is introduced at the beginning acts at the end, and if it plays by the river, nobody
# praises the hill. To predict the last words one must remember the first ones.
#
# Because we know the rules, we know the true probability of every next word, and something precious follows from it.
# After "A green tree" the rules go on with "stands" in 3 of 4 stories and with "grows" in the fourth. No model can do
# better than to say 75 % and 25 %. It will then pay $-\ln 0.75 = 0.288$ nats three times and $-\ln 0.25 = 1.386$ nats
# once, on average $0.75 \cdot 0.288 + 0.25 \cdot 1.386 \approx 0.56$ nats. The choice is made by dice, and nobody can
# predict dice. Other words follow from what came before, and for them a perfect model pays nothing.
#
# Here is the first test story, and all choices that the dice made to tell it. Each has its probability $p$, and the
# last column adds up $-\ln p$:

# %% tags=["hide-input"]
import random

from lmbook.corpora.greentree.choosers import Sampler


class Diary(Sampler):
    """Throws the dice of the rules, and writes down what they say."""

    thrown = ()

    def choose(self, slot, options):
        index = super().choose(slot, options)
        word = f"({slot})" if slot in ("wording", "event") else options.words[index]
        self.thrown += ((word, options.probabilities[index]),)
        return index

    fill = choose


diary = Diary(random.Random(15 << 40))  # the dice of the first test story
rules.tell(diary)
show(test[0])
print(f"\n{'the dice choose':24} {'p':>6} {'-ln p':>6} {'sum':>6}")
total = 0.0
for word, p in diary.thrown:
    total -= math.log(p)
    print(f"{word:24} {p:6.3f} {-math.log(p):6.3f} {total:6.3f}")

# %% [markdown]
# The dice are thrown in the order in which the rules need them, which is not always the order of the words. "(wording)"
# means one of several ways to say the same; "(event)" is what happens next. All that is not thrown is certain, and
# costs nothing. The probability of the whole story is the product of all $p$, so its $-\ln p$ is the sum. The library
# works it out for any story, from the text alone. (In the code, the pattern finds words and single punctuation marks.)


# %%
def tokens_of(story):
    return len(re.findall(r"\w+|[^\w\s]", story)) + 1  # and <end>


story = test[0]
log_p = greentree.log_probability(story, grammar=rules)
count = tokens_of(story)
print(f"-ln p of the story: {-log_p:.3f} nats")
print(f"{count} tokens, so {-log_p / count:.3f} nats for each")

# %% [markdown]
# The **floor** of a set of stories is this mean, taken over all tokens of the set: what one who knows the rules pays
# for exactly these stories. A model can get below it on a few stories by luck, or because it has seen them, but not on
# many new ones. For our 500 test stories:

# %%
surprise = sum(-greentree.log_probability(story, grammar=rules) for story in test)
floor = surprise / sum(tokens_of(story) for story in test)
print(f"{surprise:,.0f} nats for all test stories: floor {floor:.3f} nats per token")

# %% [markdown]
# No program, however large, can do better on such stories in the long run. For English nobody knows the floor; for
# greentree we do. (We count punctuation marks and `<end>` as words, too, so "nats per word" means nats per token.)
#
# ## The program, function by function
#
# This book follows an article on language models, written in Chinese, which prints such a program in its section 5.2.
# It has five functions, which you will now see, but it does not run, and if it ran it would not learn to predict; [the
# next lesson](what_was_wrong.ipynb) takes it apart. Here is the program that it was meant to be: the five functions,
# and a few small helpers. We encourage you to type it. The numbers that we can choose freely come first:

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
# A network calculates with numbers, so each word gets one, its **id**: its place in the vocabulary. We make the
# vocabulary once, from the training stories, and keep it. A word that is not in it becomes `<unk>`, for unknown.
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
# Try it on two tiny texts, and read each row of `labels` against the row of `data` above it. Where a label is
# `<pad>`, there is nothing to predict:

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
# These are the parts of our model, from below to above, with the shape of what goes from one to the next: `B` stories
# are read side by side, and each has `T` tokens. The large number at the end is the size of our vocabulary.

# %% tags=["hide-input"]
words = len(make_vocabulary(train))
diagrams.recurrent_model(vocabulary=words, embedding=embedding_dim, units=lstm_units)

# %% [markdown]
# An **embedding** is a table with one row of numbers for each word; the layer looks the rows up. They start as random
# numbers of about the size of 1 (Keras' own start, within 0.05 of 0, would make all words look nearly alike at first).
# The LSTM reads the rows, and with `return_sequences=True` it gives its memory $h$ after every word, not only after the
# last. From that, a **dense layer**, which multiplies by a table of weights and adds a bias, makes a logit for each
# word of the vocabulary. The softmax is not a layer of the model: the loss does it while training, and `generate_text`
# when we write. The two **dropout** layers set random numbers to zero, which will be of use later; with 0 they do
# nothing.
#
# One thing we do not leave to Keras: the first value of the biases. Keras starts with a bias of 1 in every forget gate,
# which then keeps about $\sigma(1) = 73\ \%$ of the memory at each word. After ten words only $0.73^{10} = 4\ \%$ is
# left. So we spread the biases of the forget gates from 0 to 4. Some units start out short-lived, and others, with
# $\sigma(4) = 98.2\ \%$, still have about half of their memory after forty words, the length of a story. A unit that
# keeps much should not be flooded with new things. So its input gate starts with the opposite bias, from 0 to −4. In
# the code, `bias_initializer` takes our start, and `unit_forget_bias=False` turns Keras' own off. ([Recurrent
# networks](../01_background/recurrent_networks.ipynb) shows what this does.)


# %%
def long_memory(shape, dtype=None):
    units = shape[0] // 4  # Keras asks for the biases of i, f, g, o in a row
    forget = np.linspace(0, 4, units)
    others = np.zeros(2 * units)
    return keras.ops.convert_to_tensor([*-forget, *forget, *others], dtype)


def create_model(vocab_size, embedding_dim, lstm_units, dropout=0.0):
    inputs = keras.Input(shape=(None,), dtype="int32")  # any length
    embed = keras.layers.Embedding(
        vocab_size,
        embedding_dim,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1),
    )(inputs)
    embed = keras.layers.Dropout(dropout)(embed)
    lstm = keras.layers.LSTM(
        lstm_units,
        return_sequences=True,
        bias_initializer=long_memory,
        unit_forget_bias=False,
    )(embed)
    lstm = keras.layers.Dropout(dropout)(lstm)
    outputs = keras.layers.Dense(vocab_size, name="logits")(lstm)
    return keras.Model(inputs, outputs)


# %% [markdown]
# ### `train_model`: compile and fit
#
# Training goes round in a circle. A **batch**, here 32 stories, goes through the model. The loss compares the logits
# with the labels. The **gradient** says for each weight how steeply the loss rises when this weight grows: a gradient
# of 2 means that 0.01 more in the weight costs about 0.02 nats. So every weight takes a small step in the opposite
# direction, and the **learning rate** says how small. With the simplest rule, a learning rate of 0.03 and a gradient of
# 2, a weight of 0.50 becomes 0.50 − 0.03 · 2 = 0.44. Then the next batch comes. When all stories have been read once,
# one **epoch** is over. (In the picture, $B$ and $T$ are as above, $V$ is the number of words in the vocabulary, and
# $g$ is the gradient; it has nothing to do with the candidate in the LSTM.)

# %% tags=["hide-input"]
diagrams.training_loop()

# %% [markdown]
# Keras does all this in `fit`. Before that, `compile` prepares the training and wants to know three things:
#
# - *The loss.* `from_logits=True`, because our model ends with logits, and `ignore_class=PAD`, because padding must
#   not count: predicting it is trivial, and counting it would make any model look good.
# - *The optimiser*, the rule that turns gradients into steps. The article takes Adam, which gives every single weight a
#   step of about the same size, whether its gradient is large or small. We take Muon, which makes the step of a whole
#   table of weights at once. When we tried both on the validation stories, with one seed, Muon came nearer to the
#   floor; exercise 4 compares them. Muon is meant for the tables inside a network. So Keras leaves the embedding and
#   the biases to Adam, and `exclude_layers` leaves the last layer to it, too. ([Gradient
#   descent](../03_mathematics/gradient_descent.ipynb) explains both rules.)
# - *The learning rate.* It begins at 0.03 and falls to 0 along half a wave of the cosine: slowly at first, fastest in
#   the middle, and slowly again at the end. So the last steps are small ones.
#
# `watched` is the pair of data and labels of the validation stories. `patience` is the number of epochs without
# improvement after which the training stops. It is for later; with `None` all epochs are trained.


# %%
def train_model(model, data, labels, watched, epochs, patience=None, verbose=2):
    steps = epochs * math.ceil(len(data) / batch_size)
    falling = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    model.compile(
        optimizer=keras.optimizers.Muon(falling, exclude_layers=["logits"]),
        loss=crossentropy(from_logits=True, ignore_class=PAD),
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=patience or 0,
        restore_best_weights=True,
    )
    return model.fit(
        data,
        labels,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=watched,
        callbacks=[stop] if patience else [],
        verbose=verbose,
    )


# %% [markdown]
# ### `generate_text`: one word at a time
#
# To write, we read what is there, look at the logits *after the last word*, make probabilities of them, and draw a
# word. Drawing matters: who always takes the likeliest word writes the same story every time. The **temperature**
# divides the logits first. With 0.5, our three logits 2, 1 and 0 become 4, 2 and 0, and the probability of "sat"
# rises from 0.665 to 0.87: below 1, likely words become still likelier, and slips rarer. We take 0.7. The story is
# over when `<end>` is drawn. (The beginning goes through `preprocess_data` too. Its `data` is what we need: an
# `<end>` before the words and none behind them.)


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
# The vocabulary is made once and handed on, to `generate_text` too. `prompt` is the beginning that is to be
# continued. The first thing that `main` prints comes from the model before it has learned anything; the last, from
# the trained one.


# %%
def main(train, validation, prompt, epochs=epochs, seed=0, dropout=0.0, patience=None):
    keras.utils.set_random_seed(seed)
    vocabulary = make_vocabulary(train)
    data, labels = preprocess_data(train, vocabulary)
    watched = preprocess_data(validation, vocabulary)
    model = create_model(len(vocabulary), embedding_dim, lstm_units, dropout)
    show("untrained: " + generate_text(model, vocabulary, prompt, 12))
    history = train_model(model, data, labels, watched, epochs, patience)
    show("trained: " + generate_text(model, vocabulary, prompt))
    return model, vocabulary, history.history


model, vocabulary, history = main(train, validation, "a green tree")

# %% [markdown]
# It writes! Before training it strung words together at random; afterwards there are sentences, a hero and an end.
# (Does the story hold together? Read it closely. We shall count how often they do.) Keras prints two losses for each
# epoch: `loss` on the training stories, averaged over the epoch while the model was still improving, and `val_loss` on
# the validation stories, at the end of the epoch.
#
# And how long is it? Python can count the lines of the five functions and the four helpers (`show` is among them), the
# empty ones left out:

# %%
program = [preprocess_data, create_model, train_model, generate_text, main]
helpers = [show, split_words, make_vocabulary, long_memory]
lines = []
for function in program + helpers:
    source = inspect.getsource(function)
    lines += [line for line in source.splitlines() if line.strip()]
print(len(lines), "lines")

# %%
lesson.record("program_lines", len(lines), "lines", note="five functions and four helpers")

# %% [markdown]
# ## How good is it?
#
# For one word we know the truth: after "a green tree" comes "stands" with 75 % and "grows" with 25 %. What does our
# model say?

# %%
beginning, _ = preprocess_data(["a green tree"], vocabulary)
z = model.predict_on_batch(beginning)[0, -1]
p = np.exp(z) / np.exp(z).sum()
for word in ("stands", "grows"):
    print(f"{word}: {p[vocabulary.index(word)]:.3f}")

# %%
lesson.record("p_stands", float(p[vocabulary.index("stands")]), tolerance=0.1, note="after a green tree; 0.75 in truth")

# %% [markdown]
# That is close, and nobody told it the rules. Now all words of the 500 test stories. We compute the cross-entropy
# exactly as we did by hand: $-\ln p$ of every word, and the mean over all that is not padding.


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
# Is that good? We compare it with three things. One is guessing, all words being equally likely. The second is a simple
# model that [counts](../01_background/n_grams.ipynb): it notes which word followed which four words, and mixes in what
# followed the last three, two and one, since most beginnings of four words are rare. (The mixture is the best of the
# lesson on n-grams, named after Kneser and Ney. We did not try other lengths.) The third is the floor. The library's
# functions ask for a tokenizer, and the book's `WordTokenizer` cuts texts just as our `split_words` does. The 5 stands
# for four words and the one that follows:

# %%
from lmbook import KneserNey, WordTokenizer, count_n_grams

tokenizer = WordTokenizer(vocabulary)  # with our own vocabulary
train_ids = [tokenizer.encode(text) for text in train]
test_ids = [tokenizer.encode(text) for text in test]
counts = count_n_grams(train_ids, tokenizer, 5)
counting = KneserNey(counts).nats_per_token(test_ids)
lowest = greentree.floor(test, tokenizer, grammar=rules)

# %% [markdown]
# And would our program do as well with other random numbers? We train it again with other seeds, and score each model
# on the test stories:


# %%
def train_again(texts, watched, seed, epochs, dropout=0.0, patience=None):
    keras.utils.set_random_seed(seed)
    student = create_model(len(vocabulary), embedding_dim, lstm_units, dropout)
    data, labels = preprocess_data(texts, vocabulary)
    watched = preprocess_data(watched, vocabulary)
    run = train_model(student, data, labels, watched, epochs, patience, verbose=0)
    return run.history, nats_per_word(student, test_data, test_labels)


runs = [loss]
for seed in range(1, lesson.choose(quick=1, full=3)):
    runs.append(train_again(train, validation, seed, epochs)[1])
print("test loss for each seed:", np.round(runs, 3))

# %% tags=["hide-input"]
loss = float(np.mean(runs))
rows = [("every word equally likely", math.log(len(vocabulary))), ("counting, four words back", counting)]
rows += [("our LSTM, mean of the seeds", loss), ("the floor", lowest)]
lesson.table(
    "scores",
    [(name, round(nats, 3), round(math.exp(nats), 2), round(nats - lowest, 3)) for name, nats in rows],
    ["model", "nats per word", "perplexity", "above the floor"],
    tolerance={"nats per word": 0.02, "perplexity": 0.05, "above the floor": 0.02},
)

# %% tags=["hide-cell"]
lesson.record("parameters", model.count_params(), note="embedding 64, LSTM 128")
lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the test stories")
lesson.record_mean("nats_per_word", runs, "nats per word", 0.02)
excess = [run - lowest for run in runs]
lesson.record_mean("excess_nats_per_word", excess, "nats per word", 0.02, note="loss above the floor")
lesson.record("excess_sd", float(np.std(runs, ddof=1)) if lesson.full else 0.0, "nats per word", 0.02)
lesson.record("counting_excess_nats_per_word", counting - lowest, "nats per word", 1e-6, note="Kneser–Ney, order 5")
lesson.record("gain_over_counting", counting - max(runs), "nats per word", 0.02, note="worst seed", at_least=0.05)
lesson.record("runs", len(runs), "random starts")

# %% [markdown]
# Counting is far better than guessing: that is the simple model to beat. It ends [[counting_excess_nats_per_word .2]]
# nats above the floor, and our program [[excess_nats_per_word .3]] ± [[excess_sd .3]] (mean ± standard deviation over
# [[runs]] seeds; the standard deviation says how far a seed typically is from the mean). Even the worst of the seeds
# beats counting by [[gain_over_counting .2]] nats. An explanation, which we do not test here: counting sees four words
# and cannot know whom a story is about when the name was told before that, and the LSTM can. (The test stories, and the
# stories to learn from, were the same for all seeds.)
#
# How did the first of them get there? Its two losses, epoch by epoch, with the floor of the validation stories:


# %% tags=["hide-input"]
def curves(history, lowest, title, label, top):
    figure, axes = plots.new_figure(title, "epoch", "loss (nats per word)")
    for index, (key, name) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        axes.plot(range(1, len(history[key]) + 1), history[key], marker="o", label=name, **plots.line_style(index))
    plots.draw_floor(axes, lowest, label)
    least = min(lowest, *history["loss"])
    axes.set_ylim(least - 0.1 * (top - least), top)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


watched_floor = greentree.floor(validation, tokenizer, grammar=rules)
top = max(1.0, 1.03 * history["loss"][0])
lesson.figure(
    curves(history, watched_floor, "Learning greentree", "floor of the validation stories", top),
    "loss",
    "Training and validation loss, and the exact floor of the validation stories",
)

# %% [markdown]
# Both curves fall towards the floor, and at the end they are close together: what the model learns from the training
# stories holds for new ones too.
#
# ## The same with the library
#
# `lmbook` has this model ready, with what larger experiments need: several layers, other cells, and writing many
# texts side by side. It calculates the same embedding, LSTM and dense layer; look for them in `_forward`, at the end
# of its source:

# %% [markdown]
# [[source lmbook.RecurrentLanguageModel]]

# %% [markdown]
# Is it really the same model? We copy our trained weights into it and compare the logits for 32 test stories, and the
# loss that the library's `evaluate` computes for all of them:

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
our_loss = nats_per_word(model, test_data, test_labels)
print(f"loss: ours {our_loss:.6f}, the library's {twin_loss:.6f}")

# %%
lesson.record("library_difference", twin_difference, tolerance=None, at_most=1e-4, note="largest, of the logits")

# %% [markdown]
# It is the same model, but the library has less work when it writes. Our `generate_text` reads the whole beginning
# again for every new word; the library keeps the memory and reads only the new word, for many stories at once. So we
# can afford hundreds of stories, written by `continue_text`, and let a strict judge read them: the rules of
# greentree, which accept a story only if it is complete and never contradicts itself. (`"all"` stands for the rules
# with no combination kept back.) We also look whether they are new. The model writes small letters only, so we
# compare the words, without capitals:

# %%
stories = continue_text(
    twin,
    tokenizer,
    count=lesson.choose(quick=200, full=500),
    max_new_tokens=60,
    temperature=0.7,
)
good = [text for text in stories if greentree.is_grammatical(text)]
bad = [text for text in stories if not greentree.is_grammatical(text)]
read = {" ".join(split_words(text)) for text in train}
new = [text for text in good if " ".join(split_words(text)) not in read]
print(f"Of {len(stories)} stories {len(good)} obey all rules.")
print(f"Of these, {len(new)} are not among the training stories.")

print("\nA good one:")
show(good[0])
print("\nA bad one:")
show(bad[0])
try:
    greentree.log_probability(bad[0], "all")
except greentree.NotInGrammar as problem:
    show(f"The judge: {problem}")

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
# (95 % interval: [[grammatical_low %]] to [[grammatical_high %]]; a true share within it would give a sample like ours
# quite often, one outside it rarely). Of those that do, [[new_share %]] are new: no training story has the same words
# throughout. So the model does not just repeat what it has read, though we did not look for near copies, which differ
# from a training story in a word or two. A single wrong word spoils a story of forty, so this is a strict measure. The
# loss looks nearly perfect; the stories still show what is missing.
#
# ## Over-fitting, seen and treated
#
# What if we have only 200 stories (and still the vocabulary of all)? The model can read them again and again, so let us
# train for 20 epochs.


# %%
few = train[:200]


@functools.cache  # a run that was made once is not repeated
def train_on_few(seed, dropout=0.0, patience=None):
    return train_again(few, validation[:100], seed, 20, dropout, patience)


few_history, few_loss = train_on_few(seed=0)
for name in ("loss", "val_loss"):
    curve = np.array(few_history[name])
    print(f"{name}: lowest {curve.min():.2f}, in epoch {curve.argmin() + 1};")
    print(f"    after the last epoch {curve[-1]:.2f}")

# %% tags=["hide-input"]
few_floor = greentree.floor(few, tokenizer, grammar=rules)
lesson.figure(
    curves(few_history, few_floor, "200 stories, read 20 times", "floor of the 200 training stories", 2.0),
    "over_fitting",
    "Training and validation loss on 200 stories, and their exact floor",
)

# %% tags=["hide-cell"]
best_epoch = int(np.argmin(few_history["val_loss"])) + 1
lesson.record(
    "few_stories_training_loss",
    few_history["loss"][-1],
    "nats per word",
    0.1,
    note="200 stories, after 20 epochs",
    at_most=few_floor,
)
lesson.record("few_stories_training_floor", few_floor, "nats per word", 1e-6, note="of the same 200 stories")
rise = few_history["val_loss"][-1] - min(few_history["val_loss"])
lesson.record("few_stories_rise", rise, "nats per word", 0.2, note="validation loss, from lowest to last", at_least=0.1)
lesson.record("few_stories_best_epoch", best_epoch, "of 20", 5.0, note="lowest validation loss")

# %% [markdown]
# The two curves part. The training loss falls to [[few_stories_training_loss .2]] nats, below the floor of these very
# stories ([[few_stories_training_floor .2]]). Nobody gets there by understanding the rules; it takes knowing the 200
# stories by heart, with every throw of the dice. The validation loss was lowest after epoch
# [[few_stories_best_epoch]], and at the end it is [[few_stories_rise .2]] nats higher: the model has become certain
# of things that hold for these 200 stories only. This is **over-fitting**. On text whose floor nobody knows, the
# parting of the curves is the sign to look for.
#
# Two treatments are usual. **Early stopping** ends the training when the validation loss has not improved for some
# epochs, the `patience`, here three, and takes back the best weights. **Dropout** sets a random part of the numbers
# between the layers to zero in each training step, here 30 %, so that the model cannot rely on any single one. Do
# they help? One run could be luck. So we repeat each with several seeds, always with the same 200 stories, and score
# every model on the test stories:

# %%
treatments = {
    "none": {},
    "early stopping": {"patience": 3},
    "both": {"patience": 3, "dropout": 0.3},
}
losses = {name: [] for name in treatments}
for seed in range(lesson.choose(quick=1, full=3)):
    for name, settings in treatments.items():
        losses[name].append(train_on_few(seed, **settings)[1])
        print(f"seed {seed}, {name}: {losses[name][-1]:.3f}")


# %% tags=["hide-input"]
def spread(values):
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


rows = [(name, spread(values)) for name, values in losses.items()]
lesson.table("treatments", rows, ["treatment", "test loss"])

# %% tags=["hide-cell"]
for name, key in zip(losses, ("untreated", "early_stopping", "dropout_early_stopping"), strict=True):
    lesson.record_mean(f"few_stories_{key}_test_loss", losses[name], "nats per word", 0.1, note="200 stories")
gains = {
    "early_stopping_gain": (np.subtract(losses["none"], losses["early stopping"]), 0.05),
    "dropout_gain": (np.subtract(losses["early stopping"], losses["both"]), 0.005),
}
for key, (values, least) in gains.items():
    lesson.record_mean(key, values, "nats per word", 0.1, note="difference of the same seeds", at_least=least)
    lesson.record(f"{key}_sd", float(np.std(values, ddof=1)) if lesson.full else 0.0, "nats per word", 0.1)
lesson.record("training_stories", len(train), "stories")
lesson.record("treatment_seeds", len(losses["none"]), "random starts")

# %% [markdown]
# Early stopping lowers the test loss by [[early_stopping_gain .2]] ± [[early_stopping_gain_sd .2]] nats, and dropout
# by a further [[dropout_gain .3]] ± [[dropout_gain_sd .3]] (mean ± standard deviation of the differences over
# [[treatment_seeds]] seeds). Neither brings us near the [[nats_per_word .2]] nats of the models that learned from
# [[training_stories]] stories. Those models made more steps, too, but the validation loss above was rising long
# before the steps ended. So what the model lacks is probably text.
#
# ## On real text
#
# greentree has a few hundred words and strict rules. What does the same kind of model do with Shakespeare? Here the
# tokens are **characters**, so the model must even learn to spell. We give it 256 units of memory, and it trains on
# pieces of 64 characters. Nobody knows the floor of Shakespeare, so a model that counts serves for comparison. It
# sees six characters back, as the one above sees four words. Both are scored on **held-out** text, the last tenth of
# the plays, which neither has read. We use the library throughout; its `fit` does what our `train_model` does:


# %%
from lmbook import (
    CharacterTokenizer,
    OptimizerConfig,
    Validation,
    fit,
    text_batches,
)

WATCHED = 20_000  # characters of the held-out text, for the curve


def train_on_characters(texts, held_out, steps):
    characters = CharacterTokenizer.train(texts)  # makes the vocabulary
    shape = RecurrentConfig(characters.vocabulary_size, embedding_dim, 256)
    writer = LSTMLanguageModel(shape)
    watched = [characters.encode(text)[:WATCHED] for text in held_out]
    history = fit(
        writer,
        text_batches(texts, characters, context=64, batch_size=64),
        steps=steps,
        # Muon's learning rate, and Adam's for the other weights as a share:
        optimizer=OptimizerConfig("muon", 0.02, muon_ratio=1.0),
        validation=Validation(watched, characters),
        restore_best=False,  # the held-out text chooses nothing
        quiet=True,
    )
    return characters, writer, history


# %% [markdown]
# Shakespeare is read in the full profile only. `count_n_grams` with 7 counts which character followed which six. Both
# models are scored by the library, on every character of the held-out text:

# %%
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
if corpus is None:
    print("Run it with: lmbook run lstm_baseline --full")
else:
    began = time.perf_counter()
    steps = lesson.choose(quick=300, full=2400)
    texts, held_out = corpus.texts("train"), corpus.texts("validation")
    characters, writer, written = train_on_characters(texts, held_out, steps)
    ids = [characters.encode(text) for text in held_out]
    train_characters = [characters.encode(text) for text in texts]
    # closed=False: these texts are parts of a longer one, no <end> follows them
    score = evaluate(writer, ids, characters, closed=False).nats_per_token
    counter = KneserNey(count_n_grams(train_characters, characters, 7, closed=False))
    character_counting = counter.nats_per_token(ids, closed=False)
    print(f"LSTM {score:.3f}, counting {character_counting:.3f} nats per character")
    [sample] = continue_text(writer, characters, max_new_tokens=400, temperature=0.7)
    print(f"\nThe LSTM writes:\n{sample}")
    seconds = time.perf_counter() - began

# %% [markdown]
# The curve, beside counting's loss on the same characters:

# %% tags=["hide-input"]
if corpus is not None:
    name = "own" if lesson.own_text else "shakespeare"
    figure = plots.loss_curve({"LSTM": written}, None, "nats per character", title=corpus.name)
    on_watched = counter.nats_per_token([text[:WATCHED] for text in ids], closed=False)
    plots.draw_floor(figure.axes[0], on_watched, "counting, six characters back")
    figure.axes[0].legend(frameon=False)
    lesson.figure(figure, name, f"Training and validation loss on {corpus.name}")

# %% tags=["hide-cell"]
if corpus is not None:
    unit, note = "nats per character", "data, training, scoring and writing"
    lesson.record(f"{name}_nats_per_character", score, unit, 0.03, note="LSTM, held-out text")
    lesson.record(f"{name}_counting_nats_per_character", character_counting, unit, 1e-4, note="7-grams")
    limit = {} if lesson.own_text else {"at_least": 0.0}
    lesson.record(f"{name}_gain_over_counting", character_counting - score, unit, 0.03, **limit)
    lesson.record(f"{name}_steps", steps, "batches")
    lesson.record(f"{name}_seconds", seconds, "s", None, note=note)

# %% [markdown]
# In this one run the LSTM ends at [[shakespeare_nats_per_character]] nats per character on all of the held-out text,
# and counting at [[shakespeare_counting_nats_per_character]]. The LSTM is ahead, but only by
# [[shakespeare_gain_over_counting .2]] nats, after [[shakespeare_steps]] batches of $64 \cdot 64$ characters; counting
# reads the text once. (The curve is of the first 20,000 characters of the held-out text, so its last value differs
# from the score of all.)
#
# What the LSTM writes looks like Shakespeare from a distance: names in capitals, a colon, short lines, mostly real
# words. But read a whole speech, and it makes little sense.
#
# ## What goes wrong: labels that are not moved
#
# Now we make one mistake on purpose, and it is a single line: the labels are not moved.
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
# There is no error, and the loss is the best that we have seen, far below the floor. But the model was asked for the
# word that it is just reading. It has learned to repeat it, and so it writes the last word of our beginning again and
# again. Asked for the *next* word it has [[copy_next_word_loss .1]] nats, much more than the
# [[scores/every word equally likely/nats per word .1]] of blind guessing.
#
# How would we have noticed? Here is the beginning of the first row, as words:

# %%
right_data, right_labels = preprocess_data(train[:2000], vocabulary)
for name, row in (("data", data), ("labels", labels), ("right", right_labels)):
    print(f"{name:>6}:", *(vocabulary[id] for id in row[0, :8]))
print("moved by one, with the mistake:", (labels[:, :-1] == data[:, 1:]).all())
print("moved by one, without it:", (right_labels[:, :-1] == data[:, 1:]).all())

# %% [markdown]
# Three habits catch this bug and its many relatives:
#
# 1. **Be suspicious of a loss that is too good.** On many new texts, a loss below the floor is impossible. Where the
#    floor is unknown, ask why your model should be so much better than a simple one.
# 2. **Print a row of data above a row of labels**, as words, and read them. The comparison in the last line of the code
#    checks it for all rows; as an `assert` it belongs in every such program.
# 3. **Read what the model writes.** A loss is one number; a sample shows at a glance what it means.
#
# ## What this lesson cannot show
#
# - The language is small: a vocabulary of [[vocabulary]] tokens (words, punctuation marks and three special ones), told
#   by rules. That our LSTM comes so near the floor of greentree does not mean that LSTMs come near the floor of
#   English, whose floor nobody knows. On Shakespeare it was only a little better than counting, in one run.
# - Three seeds are enough to see a large difference, not a small one, and they change the random numbers of the
#   training only: the stories were always the same. The figures of Shakespeare, of the written stories and of the
#   labels that were not moved are from one run each.
# - The learning rate, the start of the gates and the optimiser were chosen by trying a few on validation stories. The
#   sizes were chosen so that the lesson is short. On Shakespeare the settings come from trials on the same held-out
#   text, so that the LSTM's score there flatters it a little.
# - Shakespeare had a training of some minutes. This command trains for 20:
#
# ```text
# lmbook train --corpus tiny_shakespeare --model lstm --minutes 20 --output my_lstm
# ```
#
# ## Summary
#
# A language model is trained to predict the next word, and the text itself supplies the labels: the same text, moved
# by one word. Its loss is the mean of $-\ln p$ in nats, and the floor is the lowest loss that is possible on many new
# texts. Our [[program_lines]] lines of plain Keras came to [[excess_nats_per_word .2]] nats above it, and the
# library's model with the same weights gives the same numbers. With few stories the model learned them by heart;
# early stopping took back the best moment. And a single wrong line in the program gave a wonderful loss and a useless
# model, as reading one sample showed.
#
# ## Exercises
#
# Take the notebook (the link is in the box at the top), run it, and then:
#
# 1. *Read.* Why does `preprocess_data` put `<end>` before the first word? What could the model not learn without it?
# 2. *Calculate.* A model gives the four tokens "the", "cat", "sat" and `<end>` the probabilities 0.25, 0.5, 0.5 and
#    1, in this order. What are its loss and its perplexity?
# 3. *Change a number.* Call `generate_text(model, vocabulary, "a green tree", temperature=…)` ten times each with 0.1,
#    with 1 and with 2, and count with `greentree.is_grammatical(text)` how many stories obey the rules. Which are
#    wrong, and which are boring?
# 4. *Change the code.* Leave out `bias_initializer` and `unit_forget_bias`, and train again with three seeds
#    (`train_again`). Then put them back, and put `keras.optimizers.Adam(falling)` in the place of Muon. Adam needs its
#    own learning rate, so change `learning_rate` to 0.01, 0.02 and 0.03 first, and take the one with the lowest
#    `val_loss`. For three seeds each (`train_again(train, validation, seed, epochs)`): how far above the floor does
#    each end? If the smallest learning rate wins, try a smaller one. (A seed takes about as long as `main` did.)
# 5. *Your own text.* Put a few hundred short texts (recipes, messages, poems) into one file, with an empty line between
#    them, and give them to `main`, with a beginning that suits them. In training there is no `<unk>`, since every word
#    of the training texts is in the vocabulary; a validation text with many rare words will therefore have a high loss
#    from the start, and one that can grow as in over-fitting. After how many epochs is `val_loss` lowest? Which
#    treatment makes the lowest `val_loss` lower?
#
# ```python
# from pathlib import Path
#
# texts = Path("my_texts.txt").read_text(encoding="utf-8").split("\n\n")
# for settings in ({}, {"dropout": 0.3}):
#     for seed in range(3):
#         main(texts[:-50], texts[-50:], "take two eggs", 20, seed, **settings)
# ```
#
# <details>
# <summary>Answers</summary>
#
# 1. Without it, no row would have the first word of a story as a label, so the model could not learn how stories
#    begin.
# 2. The losses are 1.39, 0.69, 0.69 and 0. Their mean is 0.69 nats, and the perplexity is $e^{0.69} = 2$.
# 3. At 0.1 nearly the same few stories come again and again, mostly right; at 2 unlikely words are drawn often, and
#    few stories get through without a contradiction.
# 4. For each of the three programs subtract the floor from the mean loss of the three seeds, and compare the
#    differences with their spread. If you compare Adam at Muon's learning rate only, you have compared learning rates.
# 5. Look for the epoch after which `val_loss` rises while `loss` goes on falling. Compare the lowest `val_loss` of the
#    three seeds with and without dropout. For early stopping add `"patience": 3`: it cannot lower the lowest
#    `val_loss`, but it ends the training soon after, and keeps the model that had it.
#
# </details>
#
# ## Further reading
#
# - Andrej Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015): character models on
#   Shakespeare, Wikipedia and program code, with many samples.
# - Christopher Olah, "Understanding LSTM networks" (2015): the gates, drawn step by step.
# - {cite:t}`hochreiter1997`: the paper in which the memory with gates was introduced.
#
# **Before this lesson:** [recurrent networks](../01_background/recurrent_networks.ipynb). **Next:** [what was
# wrong](what_was_wrong.ipynb) with the article's program, and the tests that find such bugs.

# %%
lesson.record("vocabulary", len(vocabulary), "tokens")
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
