# %% [markdown]
# # The LSTM baseline: a language model in plain Keras
#
# - Article section: §5.2–5.3
# - Needs: n_grams, one_training_step, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 6
# - Memory: 1.8 GB
# - Shows: a complete language model in plain Keras, on stories whose lowest possible loss is known exactly
# - Headline: excess_nats_per_word, grammatical_share, shakespeare_nats_per_character
#
# How long is a program that learns to write stories by reading stories? And when it says "loss: 0.75", how do we know
# whether that is good?
#
# In this lesson we write the whole program, five short functions of plain Keras. It learns from little stories for
# which we can calculate the best score that any program could ever reach, so we will know exactly how much it has
# learned. **Afterwards you can**
#
# - write, train and use a language model in plain Keras, on a text of your own;
# - work out its loss with a pencil, and say what the number means;
# - recognise over-fitting, and a bug that raises no error and makes the loss look wonderful.
#
# You need Python and the logarithm. Two earlier lessons go deeper into what we use here: [gradient
# descent](../03_mathematics/gradient_descent.ipynb) into how a network learns, and [recurrent
# networks](../01_background/recurrent_networks.ipynb) into how it remembers. Whatever we take from them is said again
# in a sentence. The first cell loads Keras, NumPy and, from this book's library `lmbook`, the stories and the
# pictures:

# %%
import functools
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
reproducible(lesson.seed)  # the same random numbers in every run


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
# a new one begins. At each token, the same network (a *cell*) takes in the token and what it remembers of the past,
# the **memory** h. It passes a new memory on to the next step, and from this new memory it predicts the next token.

# %% tags=["hide-input"]
diagrams.unrolled_rnn(["<end>", "the", "cat", "sat"], predicts=["the", "cat", "sat", "<end>"], cell="LSTM")

# %% [markdown]
# Compare the top row with the bottom row: they are the same sentence, moved by one place. Nobody has to write down
# the right answers. The text itself contains them, and this is why a language model can learn from any text. The
# right answer for a position, here the next token, is called its **label**.
#
# ## By hand: how good is a prediction?
#
# The network ends with one number for each word of its **vocabulary**, the list of all words that it knows. This
# number is called the word's **logit**: it can be any number, and the higher it is, the likelier the word. The
# **softmax** makes probabilities of the logits: raise e to each, and divide by the sum. Say there are only three
# words, with the logits 2, 1 and 0:
#
# | word | logit $z$ | $e^z$ | probability |
# |---|---:|---:|---:|
# | sat | 2 | 7.39 | 7.39 / 11.11 = 0.67 |
# | ran | 1 | 2.72 | 2.72 / 11.11 = 0.24 |
# | is | 0 | 1.00 | 1.00 / 11.11 = 0.09 |
# | *sum* | | 11.11 | 1.00 |
#
# Now the text goes on, and we see which word really came. The **loss** of this prediction is $-\ln p$, where $p$ is
# the probability that the model gave to that word. Had it been certain ($p = 1$), the loss would be 0. For "sat" it
# is $-\ln 0.67 = 0.41$, and for "is" $-\ln 0.09 = 2.41$: the greater the surprise, the greater the loss. The unit is
# the **nat**; choosing blindly between two words costs $\ln 2 = 0.69$ nats.
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
print("softmax:", (np.exp(z) / np.exp(z).sum()).round(2))

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
# The cell in the picture above is an **LSTM** (long short-term memory, {cite:t}`hochreiter1997`). It keeps two kinds
# of memory: $c$, which travels along a straight road and is changed only carefully, and $h$, the part of it that is
# shown to the rest of the network. Three **gates**, numbers between 0 and 1, decide what happens: how much of the old
# memory to keep (forget gate $f$), how much of the new to write (input gate $i$), and how much to show (output gate
# $o$). What could be written is the candidate $g$, between −1 and 1. Follow the numbers with your finger:

# %% tags=["hide-input"]
diagrams.lstm_cell(memory=0.5, forget=0.9, input=0.2, candidate=-0.7, output=0.5)

# %% [markdown]
# The old memory was 0.5. The forget gate keeps 0.9 of it, and the input gate lets 0.2 of the candidate in: $0.9 \cdot
# 0.5 + 0.2 \cdot (-0.7) = 0.31$ is the new memory. Then tanh squeezes it to between −1 and 1 (0.31 becomes 0.30), and
# the output gate shows half of that. Our network will have 128 such numbers side by side. In symbols:
#
# $$\begin{aligned}
# i, f, o &= \sigma(x_t W + h_{t-1} U + b) &\quad g &= \tanh(x_t W + h_{t-1} U + b)\\
# c_t &= f \odot c_{t-1} + i \odot g &\quad h_t &= o \odot \tanh(c_t)
# \end{aligned}$$
#
# $x_t$ is the row of numbers that stands for token number $t$, $h_{t-1}$ and $c_{t-1}$ are the memory before it,
# $h_t$ and $c_t$ the memory after it. $W$, $U$ and $b$ are the **weights**, the numbers that training will adjust;
# each of $i$, $f$, $o$ and $g$ has its own. $\sigma(a) = 1 / (1 + e^{-a})$, the sigmoid, squeezes any number to
# between 0 and 1 (2.2 becomes 0.90), and $\odot$ multiplies number by number. As code, these are four lines, with the
# four $W$ side by side in one array, and so with $U$ and $b$. Below them, our example:


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
# Keras, the library for neural networks that we use, has this piece ready; it calls a piece of a network a **layer**.
# Is ours the same? We let both read five random tokens, with the same random weights, and look for the largest
# difference between any two numbers:

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
# Nothing but rounding. From here on we use Keras' layer, which does the same faster.
#
# ## The stories, and the best score that is possible
#
# We learn from **greentree**, stories that the book makes up by itself from a fixed set of rules. They have three or
# four sentences. We take three separate sets. The model learns from the **training set**. While it learns, we watch
# its loss on the **validation set**, which it never learns from. The **test set** is for the final scores, which
# nothing was chosen by. (`split="seen"` keeps some combinations of words back for other lessons.)


# %%
rules = greentree.Grammar(split="seen", max_sentences=4)


def tell(count, seed):
    stories = greentree.tell_stories(count, seed, grammar=rules)
    return [story.english for story in stories]


validation, test = tell(300, seed=11), tell(500, seed=15)
train = tell(lesson.choose(quick=4_000, full=12_000), seed=10)
train = [text for text in train if text not in {*validation, *test}]

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
# better than to say 75 % and 25 %. It will then pay $-\ln 0.75 = 0.29$ nats three times and $-\ln 0.25 = 1.39$ nats
# once, on average $0.75 \cdot 0.29 + 0.25 \cdot 1.39 = 0.56$ nats. The choice is made by dice, and nobody can predict
# dice. Other words follow from what came before, and for them a perfect model pays nothing. The mean over all words
# is the **floor**: the lowest loss that is possible, except by luck. For English nobody knows it; for greentree we
# do.

# %%
story = test[0]
log_p = greentree.log_probability(story, grammar=rules)
count = len(re.findall(r"\w+|[^\w\s]", story)) + 1  # and <end>

show(story)
print(f"\nthe rules tell this story with the probability e^({log_p:.2f})")
print(f"{count} tokens, so {-log_p / count:.3f} nats for each")

# %% [markdown]
# ## The program, function by function
#
# This book follows an article on language models, written in Chinese, which prints such a program in its section 5.2.
# It has the five functions that you will now see, but it does not run, and if it ran it would learn nothing; [the
# next lesson](what_was_wrong.ipynb) takes it apart. Here is the program that it was meant to be. All of it fits on
# one page, and we encourage you to type it. The numbers that we can choose freely come first:

# %%
embedding_dim = 64  # numbers that stand for a word
lstm_units = 128  # numbers in the memory
batch_size = 32  # stories that are read side by side
epochs = lesson.choose(quick=4, full=5)  # how often every story is read
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
# ### `create_model`: four layers
#
# An **embedding** is a table with one row of numbers for each word; the layer looks the rows up. They start as random
# numbers of about the size of 1 (Keras' own start, within 0.05 of 0, would make all words look nearly alike at
# first). The LSTM reads the rows, and with `return_sequences=True` it gives its memory $h$ after every word, not only
# after the last. From that, a **dense layer**, which multiplies by a table of weights and adds a bias, makes a logit
# for each word of the vocabulary. **Dropout** will be of use later; with 0 it does nothing.
#
# One thing we do not leave to Keras. What is added in a gate, $b$, is called its **bias**. Keras starts with a bias
# of 1 in every forget gate, which then keeps about $\sigma(1) = 73\ \%$ of the memory at each word. After ten words
# only $0.73^{10} = 4\ \%$ is left. So we spread these biases from 0 to 4: some numbers of the memory start out
# short-lived, and others, with $\sigma(4) = 98\ \%$, hold on for a whole story. ([Recurrent
# networks](../01_background/recurrent_networks.ipynb) shows what this does.)


# %%
def long_memory(shape, dtype=None):
    units = shape[0] // 4  # shape holds the biases of i, f, g and o
    f = np.linspace(0, 4, units)
    biases = [*-f, *f, *np.zeros(2 * units)]
    return keras.ops.convert_to_tensor(biases, dtype)


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
# How many weights does it have? With vocabulary $V$, embedding $E$ and memory $H$ there are $V E$ in the table, $4 H
# (E + H + 1)$ in the LSTM (four gates, each with $W$, $U$ and $b$) and $(H + 1) V$ in the dense layer. The article
# chose $V = 10{,}000$, $E = 256$ and $H = 512$. Does the formula agree with Keras?

# %%
V, E, H = 10_000, 256, 512
article_parameters = create_model(V, E, H).count_params()
print("Keras counts ", article_parameters)
print("the formula  ", V * E + 4 * H * (E + H + 1) + (H + 1) * V)

# %%
lesson.record("article_parameters", article_parameters, note="vocabulary 10,000, embedding 256, LSTM 512")

# %% [markdown]
# It does. More than nine million weights would be far too many for our stories, so we stay with the smaller numbers
# above.
#
# ### `train_model`: compile and fit
#
# Training goes round in a circle. A **batch**, here 32 stories, goes through the model. The loss compares the logits
# with the labels. The **gradient** says for each weight how steeply the loss rises when this weight grows: a gradient
# of 2 means that 0.01 more in the weight costs about 0.02 nats. So every weight takes a small step in the opposite
# direction. The **learning rate** says how small, and the next batch comes. When all stories have been read once, one
# **epoch** is over. (In the picture, B is the number of stories in the batch, T the number of tokens in each, and V
# the number of words in the vocabulary.)

# %% tags=["hide-input"]
diagrams.training_loop()

# %% [markdown]
# Keras does all this in `fit`. Before that, `compile` prepares the training and wants to know three things:
#
# - *The loss.* `from_logits=True`, because our model ends with logits, and `ignore_class=PAD`, because padding must
#   not count: predicting it is trivial, and counting it would make any model look good.
# - *The optimiser*, the rule that turns gradients into steps. We take Muon, which makes the step of a table of
#   weights equally large in all its directions ([gradient descent](../03_mathematics/gradient_descent.ipynb) derives
#   it). For the last layer, for biases and for embeddings it falls back on Adam, the optimiser of the article.
# - *The learning rate.* It begins at 0.03 and falls to 0 along a cosine curve, so that the last steps are small ones.
#
# `**more` hands any further settings on to `fit`.


# %%
def train_model(model, data, labels, watched, epochs, **more):
    steps = epochs * math.ceil(len(data) / batch_size)
    falling = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    model.compile(
        optimizer=keras.optimizers.Muon(falling, exclude_layers=["logits"]),
        loss=crossentropy(from_logits=True, ignore_class=PAD),
    )
    return model.fit(
        data,
        labels,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=watched,
        **more,
    )


# %% [markdown]
# ### `generate_text`: one word at a time
#
# To write, we read what is there, look at the logits *after the last word*, make probabilities of them, and draw a
# word. Drawing matters: who always takes the likeliest word writes the same story every time. The **temperature**
# divides the logits first. At 0.7, below 1, likely words become still likelier, and slips rarer. The story is over
# when `<end>` is drawn.


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
# The vocabulary is made once and handed on, to `generate_text` too. The first thing that `main` prints comes from the
# model before it has learned anything; the last, from the trained one.


# %%
def main(train, validation, seed_text):
    vocabulary = make_vocabulary(train)
    data, labels = preprocess_data(train, vocabulary)
    watched = preprocess_data(validation, vocabulary)
    model = create_model(len(vocabulary), embedding_dim, lstm_units)
    show("untrained: " + generate_text(model, vocabulary, seed_text, 12))
    history = train_model(model, data, labels, watched, epochs, verbose=2)
    show("trained: " + generate_text(model, vocabulary, seed_text))
    return model, vocabulary, history.history


model, vocabulary, history = main(train, validation, "a green tree")

# %% [markdown]
# It writes! Before training it strung words together at random; afterwards there are sentences, a hero and an end.
# Keras prints two losses for each epoch: `loss` on the training stories, averaged over the epoch while the model was
# still improving, and `val_loss` on the validation stories, at the end of the epoch.
#
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
# Is that good? We compare it with three things: with guessing, all words being equally likely; with a model that
# [counts](../01_background/n_grams.ipynb) which word followed which four words (with Kneser–Ney smoothing, the best
# way of counting in that lesson), which takes a second; and with the floor. The library's functions ask for a
# tokenizer, and the book's `WordTokenizer` cuts texts just as our `split_words` does:

# %%
from lmbook import KneserNey, WordTokenizer, count_n_grams

tokenizer = WordTokenizer(vocabulary)  # with our own vocabulary
train_ids = [tokenizer.encode(text) for text in train]
test_ids = [tokenizer.encode(text) for text in test]
counts = count_n_grams(train_ids, tokenizer, 5)
counting = KneserNey(counts).nats_per_token(test_ids)
lowest = greentree.floor(test, tokenizer, grammar=rules)

# %% tags=["hide-input"]
rows = [("every word equally likely", math.log(len(vocabulary))), ("counting five words", counting)]
rows += [("our LSTM", loss), ("the floor", lowest)]
lesson.table(
    "scores",
    [(name, round(nats, 3), round(math.exp(nats), 2), round(nats - lowest, 3)) for name, nats in rows],
    ["model", "nats per word", "perplexity", "above the floor"],
    tolerance={"nats per word": 0.02, "perplexity": 0.05, "above the floor": 0.02},
)

# %%
lesson.record("parameters", model.count_params(), note="embedding 64, LSTM 128")
lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the test stories")
lesson.record("nats_per_word", loss, "nats per word", 0.02)
lesson.record("perplexity", math.exp(loss), "", 0.05)
lesson.record("excess_nats_per_word", loss - lowest, "nats per word", 0.02, note="loss above the floor")
lesson.record("counting_excess_nats_per_word", counting - lowest, "nats per word", 1e-6, note="Kneser–Ney, order 5")
lesson.record("gain_over_counting", counting - loss, "nats per word", 0.02, at_least=0.05)

# %% [markdown]
# Counting is far better than guessing, and it takes a second: that is the simple model to beat. It ends
# [[counting_excess_nats_per_word .2]] nats above the floor, our program [[excess_nats_per_word .2]]. Counting sees
# four words. It cannot know whom a story is about when the name was told before that, and the LSTM can. This is one
# run with one random start. We would have to repeat it to trust its last digit, but the gap between the two is
# [[gain_over_counting .2]] nats, and further below, where we do repeat runs, they differ from each other by a tenth
# of that.
#
# How did it get there? The curves of the two losses, epoch by epoch:


# %% tags=["hide-input"]
def curves(history, lowest, title, label="the floor"):
    figure, axes = plots.new_figure(title, "epoch", "loss (nats per word)")
    for index, (key, name) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        axes.plot(range(1, len(history[key]) + 1), history[key], marker="o", label=name, **plots.line_style(index))
    plots.draw_floor(axes, lowest, label)
    highest = max(history["loss"] + history["val_loss"])
    axes.set_ylim(min(lowest, *history["loss"]) - 0.1, min(2.0, highest) + 0.1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


lesson.figure(
    curves(history, lowest, "Learning greentree"), "loss", "Training and validation loss, and the exact floor"
)

# %% [markdown]
# Both curves fall towards the floor, and they stay close together: what the model learns from the training stories
# holds for new ones too.
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
print(f"loss: ours {loss:.6f}, the library's {twin_loss:.6f}")

# %%
lesson.record("library_difference", twin_difference, tolerance=None, at_most=1e-4, note="largest, of the logits")

# %% [markdown]
# It is the same model. But the library writes faster. Our `generate_text` reads the whole beginning again for every
# new word; the library keeps the memory and reads only the new word, for many stories at once. So we can afford 500
# stories, written by `continue_text`, and let a strict judge read them: the rules of greentree, which accept a story
# only if it is complete and never contradicts itself.

# %%
stories = continue_text(
    twin,
    tokenizer,
    count=500,
    max_new_tokens=60,
    temperature=0.7,
)
good = [text for text in stories if greentree.is_grammatical(text)]
bad = [text for text in stories if text not in good]
new = set(stories) - set(train)
print(len(good), "of 500 obey all rules;", len(new), "are new")

print("\nA good one:")
show(good[0])
print("\nA bad one:")
show(bad[0])
try:
    greentree.log_probability(bad[0], "all")
except greentree.NotInGrammar as problem:
    show(f"The judge: {problem}")

# %% tags=["hide-cell"]
share, new = len(good) / len(stories), len(new) / len(stories)
note = "stories that obey all rules, at temperature 0.7"
lesson.record("grammatical_share", share, tolerance=0.1, n=len(stories), note=note)
note = "different stories that are not in the training set"
lesson.record("new_share", new, tolerance=0.1, n=len(stories), note=note)

# %% [markdown]
# Of 500 stories [[grammatical_share %]] obey every rule, and [[new_share %]] of all are new: the model does not just
# repeat what it has read. A single wrong word spoils a story of forty, so this is a strict measure. The loss looks
# nearly perfect; the stories still show what is missing.
#
# ## Over-fitting, seen and treated
#
# What if we have only 200 stories? The model can read them again and again, so let us train for 20 epochs.


# %%
few = train[:200]
few_data, few_labels = preprocess_data(few, vocabulary)
watched = preprocess_data(validation[:100], vocabulary)


@functools.cache  # a run that was made once is not repeated
def train_on_few(seed, early_stopping=False, dropout=0.0):
    keras.utils.set_random_seed(seed)
    size = len(vocabulary)
    student = create_model(size, embedding_dim, lstm_units, dropout)
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=3,
        restore_best_weights=True,
    )
    more = {"callbacks": [stop] if early_stopping else [], "verbose": 0}
    run = train_model(student, few_data, few_labels, watched, 20, **more)
    return run.history, nats_per_word(student, test_data, test_labels)


few_history, few_loss = train_on_few(seed=0)
for name in ("loss", "val_loss"):
    curve = np.array(few_history[name])
    print(f"{name}: lowest {curve.min():.2f}, in epoch {curve.argmin() + 1};")
    print(f"    after the last epoch {curve[-1]:.2f}")

# %% tags=["hide-input"]
few_floor = greentree.floor(few, tokenizer, grammar=rules)
lesson.figure(
    curves(few_history, few_floor, "200 stories, read 20 times", "floor of the 200 stories"),
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
lesson.record("few_stories_best_epoch", best_epoch, "of 20", 5.0, note="lowest validation loss")

# %% [markdown]
# The two curves part. The training loss falls to [[few_stories_training_loss .2]] nats, below the floor of these very
# stories ([[few_stories_training_floor .2]]). Nobody gets there by understanding the rules; it takes knowing the 200
# stories by heart, with every throw of the dice. The validation loss was lowest after epoch
# [[few_stories_best_epoch]] and has been rising since, because the model is more and more certain of things that hold
# for these 200 stories only. This is **over-fitting**. On text whose floor nobody knows, the parting of the curves is
# the sign to look for.
#
# Two treatments are usual. **Early stopping** ends the training when the validation loss has not improved for some
# epochs, here three, and takes back the best weights. **Dropout** sets a random part of the numbers between the
# layers to zero in each training step, here 30 %, so that the model cannot rely on any single one. Do they help? One
# run could be luck. So we repeat each with several **seeds**, numbers from which all random choices follow, and score
# every model on the test stories:

# %%
treatments = {
    "none": {},
    "early stopping": {"early_stopping": True},
    "both": {"early_stopping": True, "dropout": 0.3},
}
losses = {name: [] for name in treatments}
for seed in range(lesson.choose(quick=1, full=3)):
    for name, settings in treatments.items():
        losses[name].append(train_on_few(seed, **settings)[1])
        print(f"seed {seed}, {name}: {losses[name][-1]:.3f}")


# %% tags=["hide-input"]
def spread(values):
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


rows = [("200", name, spread(values)) for name, values in losses.items()] + [
    (f"{len(train):,}", "more stories", f"{loss:.3f}")
]
lesson.table("treatments", [(name, count, value) for count, name, value in rows], ["treatment", "stories", "test loss"])

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
lesson.record("treatment_seeds", len(losses["none"]), "random starts")

# %% [markdown]
# Early stopping lowers the test loss by [[early_stopping_gain .2]] ± [[early_stopping_gain_sd .2]] nats, and dropout
# by a further [[dropout_gain .3]] ± [[dropout_gain_sd .3]] (mean ± standard deviation of the differences over
# [[treatment_seeds]] seeds). The last row, one run, shows what helps most if one can get it: more text.
#
# ## On real text
#
# greentree has a few hundred words and strict rules. What does the same model do with Shakespeare? Here the tokens
# are **characters**, so the model must even learn to spell. We give it 256 numbers of memory, and it trains on pieces
# of 64 characters. We use the library throughout: its tokenizer, batches, `fit` and `evaluate` take the places of the
# functions that we have written. Nobody knows the floor of Shakespeare, so a model that counts sequences of seven
# characters serves for comparison.


# %%
from lmbook import (
    CharacterTokenizer,
    OptimizerConfig,
    Validation,
    fit,
    text_batches,
)


def train_on_characters(corpus, steps):
    texts, held_out = corpus.texts("train"), corpus.texts("validation")
    characters = CharacterTokenizer.train(texts)
    held_out_ids = [characters.encode(text) for text in held_out]
    shape = RecurrentConfig(characters.vocabulary_size, embedding_dim, 256)
    with lesson.strategy.scope():  # which devices to use
        writer = LSTMLanguageModel(shape)
    watched = [ids[:20_000] for ids in held_out_ids[:100]]
    history = fit(
        writer,
        text_batches(texts, characters, context=64, batch_size=64),
        steps=steps,
        optimizer=OptimizerConfig("muon", 0.02, muon_ratio=1.0),
        validation=Validation(watched, characters),
        restore_best=False,  # the held-out text chooses nothing
    )
    score = evaluate(writer, held_out_ids, characters, closed=False)
    [sample] = continue_text(
        writer,
        characters,
        max_new_tokens=400,
        temperature=0.7,
    )
    return characters, held_out_ids, history, score.nats_per_token, sample


# %% tags=["hide-input"]
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
if corpus is None:
    print("Shakespeare is read in the full profile: lmbook run lstm_baseline --full")
else:
    began = time.perf_counter()
    steps = lesson.choose(quick=300, full=1200)
    characters, held_out_ids, written, score, sample = train_on_characters(corpus, steps)
    seven = count_n_grams([characters.encode(text) for text in corpus.texts("train")], characters, 7, closed=False)
    character_counting = KneserNey(seven).nats_per_token(held_out_ids, closed=False)
    seconds = time.perf_counter() - began
    name = "own" if lesson.own_text else "shakespeare"
    figure = plots.loss_curve({"LSTM": written}, None, "nats per character", title=corpus.name)
    plots.draw_floor(figure.axes[0], character_counting, "counting seven characters")
    figure.axes[0].legend(frameon=False)
    lesson.figure(figure, name, f"Training and validation loss on {corpus.name}")
    print(f"\nLSTM {score:.3f}, counting {character_counting:.3f} nats per character. It writes:\n\n{sample}")

# %% tags=["hide-cell"]
if corpus is not None:
    unit, note = "nats per character", "data, training, scoring and writing"
    lesson.record(f"{name}_nats_per_character", score, unit, 0.03, note="LSTM, held-out text")
    lesson.record(f"{name}_counting_nats_per_character", character_counting, unit, 1e-4, note="7-grams")
    lesson.record(f"{name}_gain_over_counting", character_counting - score, unit, 0.03)
    lesson.record(f"{name}_seconds", seconds, "s", None, note=note)

# %% [markdown]
# What it writes looks like Shakespeare from a distance: names in capitals, a colon, lines of verse, mostly real
# words. But read a sentence, and it means nothing. Both losses were still falling when we stopped, so a longer
# training would help. (The validation curve is of the first 20,000 characters of the held-out text, the dashed line
# of all of it.)
#
# In this one run the LSTM ends at [[shakespeare_nats_per_character]] nats per character on all of the held-out text,
# and counting at [[shakespeare_counting_nats_per_character]]. The gap is much smaller than on greentree. A likely
# reason, which we have not tested: in a million characters of real text, most of what can be predicted follows from
# the last few letters, which counting sees as well.
#
# ## What goes wrong: labels that are not moved
#
# Now we make one mistake on purpose, and it is a single word: as labels we hand over `data` instead of `labels`.
#
# > **In the article, section 5.2** (translated): `labels = data`, with the comment "in this example the labels are the
# > same as the input sequence".
#
# Please guess first: will there be an error? Will the loss be better or worse than before?

# %%
data, labels = preprocess_data(train[:2000], vocabulary)
watched, _ = preprocess_data(validation, vocabulary)
copier = create_model(len(vocabulary), embedding_dim, lstm_units)
train_model(copier, data, data, (watched, watched), 1, verbose=2)  # !
show(generate_text(copier, vocabulary, "a green tree", length=9))

# %% tags=["hide-cell"]
copy_loss = nats_per_word(copier, test_data, test_data)
copy_true_loss = nats_per_word(copier, test_data, test_labels)
lesson.record("copy_loss", copy_loss, "nats per word", None, at_most=0.2, note="labels = data, as the program shows it")
lesson.record(
    "copy_next_word_loss", copy_true_loss, "nats per word", 3.0, at_least=6.0, note="the same model, next words"
)

# %% [markdown]
# There is no error, and the loss is the best that we have seen: [[copy_loss .2]] nats on the test stories, far below
# the floor. But the model was asked for the word that it is just reading. It has learned to repeat it, and so it
# writes the last word of our beginning again and again. Asked for the *next* word it has [[copy_next_word_loss .1]]
# nats, much more than the [[scores/every word equally likely/nats per word .1]] of blind guessing.
#
# How would we have noticed? Here is the beginning of the first row, as words:

# %%
for name, row in (("data", data), ("as labels", data), ("right", labels)):
    print(f"{name:>9}:", *(vocabulary[id] for id in row[0, :8]))
print("moved by one, with the mistake:", (data[:, :-1] == data[:, 1:]).all())
print("moved by one, without it:", (labels[:, :-1] == data[:, 1:]).all())

# %% [markdown]
# Three habits catch this bug and its many relatives:
#
# 1. **Be suspicious of a loss that is too good.** On many new texts, a loss below the floor is impossible. Where the
#    floor is unknown, ask why your model should be so much better than a simple one.
# 2. **Print a row of data above a row of labels**, as words, and read them. The last two lines of the cell check it
#    for all rows; as an `assert` they belong in every such program.
# 3. **Read what the model writes.** A loss is one number; a sample shows at a glance what it means.
#
# ## What this lesson cannot show
#
# - The language is small: [[vocabulary]] words, told by rules. That our LSTM comes so near the floor of greentree
#   does not mean that LSTMs come near the floor of English.
# - The large gaps here (LSTM against counting, data against labels) are from one run each. Only the treatments of
#   over-fitting were repeated, with three seeds; that is enough to see a large difference, not a small one.
# - The learning rate, the start of the forget gates and the optimiser were chosen by trying a few on other stories.
#   The sizes were chosen so that the lesson is short.
# - Shakespeare had only a few minutes. To train longer: `lmbook train --corpus tiny_shakespeare --model lstm
#   --minutes 20 --output my_lstm`.
#
# ## Summary
#
# A language model is trained to predict the next word, and the text itself supplies the labels: the same text, moved
# by one word. Its loss is the mean of $-\ln p$ in nats, and the floor is the lowest loss that is possible on new
# text. Our five functions of plain Keras came within [[excess_nats_per_word .2]] nats of it, and the library's model
# with the same weights gives the same numbers. With few stories the model learned them by heart; early stopping took
# back the best moment. And a single wrong word in the program gave a wonderful loss and a useless model, as reading
# one sample showed.
#
# ## Exercises
#
# Take the notebook (the link is in the box at the top), run its cells, and then:
#
# 1. *Read.* Why does `preprocess_data` put `<end>` before the first word? What could the model not learn without it?
# 2. *Calculate.* A model gives the four tokens "the", "cat", "sat" and `<end>` the probabilities 0.25, 0.5, 0.5 and
#    1, in this order. What are its loss and its perplexity?
# 3. *Change a number.* Call `generate_text(model, vocabulary, "a green tree", temperature=…)` several times with 0.1,
#    with 1 and with 2. Which stories are wrong, and which are boring?
# 4. *Change the code.* Leave out `bias_initializer` and `unit_forget_bias`, or put `keras.optimizers.Adam(falling)`
#    in the place of Muon, and train again with three seeds each. How much of the way to the floor is due to which?
# 5. *Your own text.* Put a few hundred short texts (recipes, messages, poems) into one file, with an empty line
#    between them, and give them to `main`, with a beginning that suits them. When does over-fitting begin, and which
#    treatment helps?
#
# ```python
# from pathlib import Path
#
# texts = Path("my_texts.txt").read_text(encoding="utf-8").split("\n\n")
# main(texts[:-50], texts[-50:], "take two eggs")
# ```
#
# <details>
# <summary>Answers to 1 and 2</summary>
#
# 1. Without it, no row would have the first word of a story as a label, so the model could not learn how stories
#    begin.
# 2. The losses are 1.39, 0.69, 0.69 and 0. Their mean is 0.69 nats, and the perplexity is $e^{0.69} = 2$.
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
