# %% [markdown]
# # What was wrong
#
# - Article section: §5.2–5.4
# - Needs: lstm_baseline
# - Data: built-in (the article's nine words, and the 256 sentences of a toy grammar)
# - Minutes: quick 1, full 1
# - Memory: 1.0 GB
# - Shows: every defect of the article's program, each with a test that it fails and the mended program passes
# - Headline: exhibits, copy_loss, copy_next_word_loss
#
# The article's §5.2 prints a program, and §5.4 prints what it says. The program cannot run. Mended so that it runs, it
# learns nothing; and it could never have said what is printed. This lesson takes it apart, because each of its
# mistakes is one that people make: most of them raise no error, and some make the loss look *better*.
#
# An exhibit is a **symptom**, a **test** that exposes it, and the **fix**. The same test runs on the article's
# version, which must fail it, and on the book's, which must pass; otherwise the lesson stops. So it also tells whether
# a defect is still one in your version of Keras. (What the article's text says wrongly is the lesson
# `slips_of_the_text`.)

# %%
from __future__ import annotations

import inspect
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time

from lmbook import Lesson, WordTokenizer
from lmbook.book import plots

import numpy as np

lesson = Lesson("what_was_wrong")
exhibits = []


def exhibit(title, symptom, *, test, article, book, mended_by):
    """Run `test` on the article's version, which must fail it, and on the book's, which must pass."""
    if test(article):
        raise AssertionError(f"{title}: the article's version passes, so the defect does not show here")
    if not test(book):
        raise AssertionError(f"{title}: the book's version fails the test as well")
    exhibits.append((title, symptom, mended_by))
    print(f"Exhibit {len(exhibits)}: {title}. Seen: {symptom}. Mended by: {mended_by}")


# %% [markdown]
# ## The data
#
# The article's preprocessing, in the words of its program. It is called once for the training text and again for each
# word that is generated.


# %%
def article_ids(text):
    words = text.lower().split()
    word_to_index = {word: i for i, word in enumerate(set(words))}
    return [word_to_index[word] for word in words]


def article_padded(text, vocab_size=10000):
    padded_sequence = np.zeros(vocab_size, dtype=int)
    padded_sequence[: len(article_ids(text))] = article_ids(text)
    return padded_sequence


TRAINING_TEXT = "The quick brown fox jumps over the lazy dog"
SEED_TEXT = "The quick brown fox jumps over"
article_words = TRAINING_TEXT.lower().split()
print(f"{len(article_words)} words, {len(set(article_words))} different ones")

# %% [markdown]
# **A vocabulary made from a `set`.** Python orders a set of strings by their hashes, and hashes are salted anew in
# each process. So the ids mean something else tomorrow: a saved model cannot be used again. We start three
# processes with three salts, and ask each for the ids of the training text and of the seed text.


# %%
def in_new_process(code, salt):
    """What `code` prints, run by a fresh Python whose string hashes have this salt."""
    env = {**os.environ, "PYTHONHASHSEED": str(salt), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


article_code = f"""{inspect.getsource(article_ids)}
import json
print(json.dumps([article_ids({TRAINING_TEXT!r}), article_ids({SEED_TEXT!r})]))
"""
book_code = f"""from lmbook.tokenizers.word import WordTokenizer
import json
tokenizer = WordTokenizer.train([{TRAINING_TEXT!r}])
print(json.dumps([tokenizer.encode({TRAINING_TEXT!r}), tokenizer.encode({SEED_TEXT!r})]))
"""
article_runs = [in_new_process(article_code, salt) for salt in (1, 2, 3)]
book_runs = [in_new_process(book_code, salt) for salt in (1, 2, 3)]
print("article:", *article_runs, sep="\n  ")
print("book:", *book_runs, sep="\n  ")

changed = {
    word for word, *ids in zip(article_words, *(run[0] for run in article_runs), strict=True) if len(set(ids)) > 1
}
exhibit(
    "The vocabulary is made from a set",
    f"{len(changed)} of 8 words do not have the same id in three processes",
    test=lambda runs: runs[0][0] == runs[1][0] == runs[2][0],
    article=article_runs,
    book=book_runs,
    mended_by="WordTokenizer.train, sorted by frequency and saved with the model",
)
# the order of a set may differ between versions of Python; that ids change must not
lesson.record("vocabulary_ids_changed", len(changed), unit="of 8 words", tolerance=7)

# %% [markdown]
# **The vocabulary is rebuilt for the prompt.** The seed text has six of the words, so it gets a vocabulary of its own,
# and another one after each generated word. Even in one process, the model is asked in a language that it was not
# taught.

# %%
exhibit(
    "The prompt gets a vocabulary of its own",
    f"'{SEED_TEXT}' was {article_runs[0][0][:6]} in training and is {article_runs[0][1]} as a prompt",
    test=lambda runs: all(run[0][:6] == run[1] for run in runs),
    article=article_runs,
    book=book_runs,
    mended_by="one tokenizer, trained once",
)

# %% [markdown]
# **A fixed vocabulary meets unknown words.** Rebuilding hides this: as soon as the vocabulary is kept, as it must be,
# §5.4's prompt "a green tree" has no id. **Punctuation sticks** to words: `"sunshine."` and `"sunshine"` are two.

# %%
tokenizer = WordTokenizer.train([TRAINING_TEXT])
fixed = {word: id for id, word in enumerate(dict.fromkeys(article_words))}


def encodes(encode):
    try:
        return len(encode("a green tree")) == 3
    except KeyError as error:
        print(f"KeyError: {error}")
        return False


exhibit(
    "An unknown word stops the program",
    "KeyError: 'a' for the prompt 'a green tree', once the vocabulary is kept",
    test=encodes,
    article=lambda text: [fixed[word] for word in text.split()],
    book=tokenizer.encode,
    mended_by="WordTokenizer.encode gives `<unk>`",
)
exhibit(
    "Punctuation is part of the word",
    "'sunshine.' and 'sunshine' are two words",
    test=lambda split: split("in the sunshine.")[2] == split("sunshine")[0],
    article=lambda text: text.lower().split(),
    book=lambda text: WordTokenizer.train(["in the sunshine."]).encode(text),
    mended_by="WordTokenizer",
)

# %% [markdown]
# **Padding.** "To match the size of the vocabulary", §5.3 says, nine words are padded to 10,000 positions. The number
# of positions in a sequence and the number of words in a dictionary have nothing to do with each other. The id of the
# padding is 0, and so is the id of one of the words. And as the padding counts, a "model" that knows no word at all
# and always answers 0 is almost perfect by the article's metric.

# %%
padded = article_padded(TRAINING_TEXT)
x, weight = np.array(tokenizer.encode(TRAINING_TEXT)), np.ones(9)
zeros_in_text = int((padded[:9] == 0).sum())
share = 1 - 9 / len(padded)

exhibit(
    "The sequence is padded to the vocabulary size",
    f"{len(padded):,} positions for 9 words",
    test=lambda ids: len(ids) <= 16,
    article=padded,
    book=x,
    mended_by="CausalWindows: windows of `context` tokens",
)
exhibit(
    "The padding has the id of a word",
    f"id 0 stands {zeros_in_text}x for a word and {len(padded) - 9:,}x for nothing",
    test=lambda ids: 0 not in ids[:9],
    article=padded,
    book=x,
    mended_by="id 0 is `<pad>` and nothing else",
)
always_zero = float((padded == 0).mean())
exhibit(
    "The accuracy counts padding",
    f"always answering 0 is {always_zero:.2%} right",
    test=lambda pair: float(((pair[0] == 0) * pair[1]).sum() / pair[1].sum()) < 0.2,
    article=(padded, np.ones(len(padded))),
    book=(x, weight),
    mended_by="weights: 1 for a token, 0 for padding",
)
lesson.record("padding_share", share, tolerance=1e-9, note="of the article's positions")
lesson.record("accuracy_of_always_zero", always_zero, tolerance=2e-4, note="by the article's metric, knowing no word")

# %% [markdown]
# ## The model
#
# The article's model, again in its own words. It is built small here, so that the exhibits are quick; none of them
# depends on the size.

# %%
from lmbook import fit, reproducible

import keras
from keras import layers

reproducible(lesson.seed)


def article_model(vocab_size, embedding_dim, lstm_units):
    inputs = keras.Input(shape=(None,))
    embed = layers.Embedding(vocab_size, embedding_dim)(inputs)
    lstm = layers.LSTM(lstm_units, return_sequences=True)(embed)
    outputs = layers.TimeDistributed(layers.Dense(vocab_size, activation="softmax"))(lstm)
    model = keras.Model(inputs=inputs, outputs=outputs)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# %% [markdown]
# **One-dimensional input.** `data` has the shape `(10000,)`. Keras takes the first axis for the batch: 10,000 examples
# without any length. So `main()` stops at `model.fit`, before the first step.


# %%
def runs(data):
    try:
        article_model(20, 4, 8).fit(data, data, batch_size=64, epochs=1, verbose=0)
        return True
    except ValueError as error:
        lines = re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines()
        print("ValueError:", next(line for line in lines if "Invalid input shape" in line))
        return False


exhibit(
    "The input has no batch axis",
    "ValueError: Invalid input shape … Expected shape (None, None), but input has incompatible shape (None,)",
    test=runs,
    article=article_padded(TRAINING_TEXT, 9),
    book=article_padded(TRAINING_TEXT, 9)[None, :],
    mended_by="CausalWindows: batches [B, T]",
)

# %% [markdown]
# **What the padding costs.** With the batch axis mended, the model reads 10,000 positions one after the other and
# gives for each of them 10,000 probabilities: 400 MB of numbers for nine words. And since the length is known, Keras's
# `TimeDistributed` puts one copy of the last layer into the graph for each position. Here is the time of the first
# prediction for 200 positions only, against 9.
#
# Leaving the padding away is not enough for this model. It then meets texts of growing length, and `TimeDistributed`,
# as Keras 3.15 with TensorFlow 2.21 runs it, answers for a single position after the length has changed, without an
# error.


# %%
def seconds_to_answer(positions):
    model = article_model(200, 32, 64)
    began = time.perf_counter()
    model.predict_on_batch(article_padded(TRAINING_TEXT, positions)[None, :])
    return time.perf_counter() - began


slowdown = seconds_to_answer(200) / seconds_to_answer(9)
lesson.record("padded_slowdown", slowdown, unit="times", tolerance=None, note="200 positions against 9")
lesson.record("article_output_megabytes", 10_000 * 10_000 * 4 / 1e6, unit="MB", note="the probabilities of one text")

small = article_model(50, 8, 16)
for length in (6, 7):
    answered = small.predict(np.ones((1, length)), verbose=0).shape[1]
    print(f"a text of {length} words: answers for {answered} positions")
note = "after a text of 6 words"  # other versions of Keras may answer for all 7
lesson.record("time_distributed_positions", answered, "of 7", None, note=note, at_least=1, at_most=7)

# %% [markdown]
# **An LSTM that is called a Transformer.** §5.2 announces "a simple Transformer", and §5.3 says it again. A
# Transformer is made of attention. We count the layers of attention: none. (Chapter 05 builds the real thing.)


# %%
def attention_layers(model):
    return sum("Attention" in type(layer).__name__ for layer in model.layers)


ids_in = keras.Input((None,), dtype="int32")
embedded = layers.Embedding(20, 8)(ids_in)
attending = keras.Model(ids_in, layers.MultiHeadAttention(2, 4)(embedded, embedded, use_causal_mask=True))
print([type(layer).__name__ for layer in article_model(20, 4, 8).layers])
exhibit(
    "An LSTM is called a Transformer",
    "0 layers of attention",
    test=attention_layers,
    article=article_model(20, 4, 8),
    book=attending,
    mended_by="its right name here; chapter 05 for a Transformer",
)

# %% [markdown]
# **Probabilities instead of logits.** The model ends in a softmax, so the loss sees probabilities. In float32 the
# probability of an unlikely word is rounded to 0; Keras clips it to 10⁻⁷, so the loss cannot exceed −ln 10⁻⁷ = 16.1,
# and where it is clipped its gradient is exactly 0: the model learns nothing from its worst mistakes.
#
# Keras tries to help: with a plain `Dense(activation="softmax")` it finds the logits again and uses them. The
# article's `TimeDistributed` hides them from it. (`TimeDistributed(Dense)` computes what `Dense` does, which works on
# the last axis anyway.) We let a model be sure of word 1 (logits 0, 50, 0) where word 2 is right, and make one step.


# %%
def one_step(wrap, from_logits):
    """(loss, how far the step moved the weights)"""
    dense = layers.Dense(3, use_bias=False, activation=None if from_logits else "softmax")
    inputs = keras.Input((None, 1))
    model = keras.Model(inputs, (layers.TimeDistributed(dense) if wrap else dense)(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss)
    before = np.array([[0.0, 50.0, 0.0]])
    dense.set_weights([before])
    loss = model.train_on_batch(np.ones((1, 1, 1)), np.array([[2]]))
    return float(loss), float(np.abs(dense.get_weights()[0] - before).max())


as_article, as_dense, as_logits = one_step(True, False), one_step(False, False), one_step(True, True)
print(f"article's TimeDistributed softmax: loss {as_article[0]:.2f}, weights moved by {as_article[1]:.2f}")
print(f"plain Dense softmax:               loss {as_dense[0]:.2f}, weights moved by {as_dense[1]:.2f}")
print(f"logits:                            loss {as_logits[0]:.2f}, weights moved by {as_logits[1]:.2f}")
exhibit(
    "Probabilities instead of logits",
    f"true loss 50, shown {as_article[0]:.1f}, gradient 0",
    test=lambda step: abs(step[0] - 50) < 1e-3 and step[1] > 0.9,
    article=as_article,
    book=as_logits,
    mended_by="every model of the book gives logits",
)
lesson.record("clipped_loss", as_article[0], unit="nats", tolerance=1e-3, note="where the true loss is 50")
lesson.record("clipped_gradient", as_article[1], tolerance=1e-9)

# %% [markdown]
# **No seed.** The article sets none, so two runs differ, and no figure can be repeated.


# %%
def first_weights(seed):
    if seed is not None:
        keras.utils.set_random_seed(seed)
    return article_model(20, 4, 8).get_weights()[0]


exhibit(
    "Nothing is seeded",
    "two runs start from different weights",
    test=lambda seed: np.array_equal(first_weights(seed), first_weights(seed)),
    article=None,
    book=lesson.seed,
    mended_by="reproducible(seed)",
)

# %% [markdown]
# ## The training
#
# For what follows we need a little language whose best possible loss is known. Sentences "a ⟨green⟩ ⟨tree⟩ ⟨stands⟩ in
# the ⟨sunshine⟩." with four words for each gap, all equally likely: 256 sentences, and each holds exactly 4 ln 4 =
# 5.55 nats of surprise in its nine tokens (the end counts). No model can do better on sentences that it has not seen.

# %%
from lmbook import CausalWindows, OptimizerConfig, RecurrentConfig, RecurrentLanguageModel, evaluate

GAPS = ("green tall small young", "tree bird fox dog", "stands sleeps waits sings", "sunshine rain shade garden")
language = ["a {} {} {} in the {}.".format(*words) for words in itertools.product(*map(str.split, GAPS))]
random.Random(lesson.seed).shuffle(language)
learned, held_out = language[:192], language[192:]
tokenizer = WordTokenizer.train(learned)
V = tokenizer.vocabulary_size
floor = 4 * np.log(4) / 9
print(f"{V} ids, ln V = {np.log(V):.2f}, floor {floor:.3f} nats per token; for example: {held_out[0]}")


def next_word_loss(model):
    """Nats per token on the held-out sentences."""
    return evaluate(model, [tokenizer.encode(text) for text in held_out], tokenizer).nats_per_token


class Copying(CausalWindows):
    """The article's `labels = data`."""

    def dataset(self, *args, **kwargs):
        return super().dataset(*args, **kwargs).map(lambda x, y, w: (x, x, w))


def windows(kind, texts):
    return kind([tokenizer.encode(text) for text in texts], tokenizer, context=8, batch_size=32, seed=lesson.seed)


def train(data, checks):
    reproducible(lesson.seed)
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=16, hidden_dim=32))
    options = dict(report_every=10, validation=next_word_loss, restore_best=False, quiet=True)
    optimizer = OptimizerConfig(learning_rate=1e-2)
    return model, fit(model, data, steps=200, optimizer=optimizer, checks=checks, **options)


# %% [markdown]
# **`labels = data`.** "In this example the labels are the same as the input sequence", says the program's comment.
# Then the model is asked for the word that it is being shown. It learns to copy: the loss falls to 0, below the floor,
# which no language model can reach. Its *next-word* loss meanwhile rises far above ln V, the loss of a uniform guess:
# it is certain, and wrong. A loss that is too good is a symptom.

# %%
copying, copy_history = train(windows(Copying, learned), checks=())
shifted, history = train(windows(CausalWindows, learned), checks=("ids", "labels", "future", "initial_loss", "overfit"))

figure, axes = plots.new_figure("What `labels = data` learns", "training step", "loss (nats per token)")
curves = (
    ("labels = data: the loss that it shows", copy_history.steps, copy_history.loss, 1, "--"),
    ("labels = data: its next-word loss", copy_history.validation_steps, copy_history.validation_loss, 1, "-"),
    ("labels shifted: its next-word loss", history.validation_steps, history.validation_loss, 0, "-"),
)
for name, steps, losses, colour, dashes in curves:
    axes.plot(steps, losses, dashes, color=plots.COLOURS[colour], linewidth=1.8, label=name)
axes.axhline(np.log(V), color="#999999", linewidth=1.0, linestyle=":", label=f"a uniform guess, ln V: {np.log(V):.2f}")
plots.draw_floor(axes, floor)
axes.set_ylim(bottom=0)
axes.legend(frameon=False, fontsize=8.5)
lesson.figure(
    figure, "copying", "With labels = data the loss falls to 0, while the next-word loss on held-out text rises"
)

# %%
from lmbook import LmbookError
from lmbook.training import check_before_training


def labels_are_sound(data):
    try:
        check_before_training(copying, data, which=("labels",))
        return True
    except LmbookError as error:
        print(error)
        return False


exhibit(
    "The labels are the inputs",
    f"loss {copy_history.loss[-1]:.3f}; next-word loss {next_word_loss(copying):.2f}, a guess has {np.log(V):.2f}",
    test=labels_are_sound,
    article=windows(Copying, learned),
    book=windows(CausalWindows, learned),
    mended_by="CausalWindows shifts; check_labels refuses this before the first step",
)
lesson.record(
    "copy_loss",
    copy_history.loss[-1],
    unit="nats per token",
    tolerance=0.03,
    note="labels = data, as shown",
    at_most=0.03,
)
lesson.record(
    "copy_next_word_loss", next_word_loss(copying), unit="nats per token", tolerance=1.0, note="the same model"
)
lesson.record("next_word_loss", next_word_loss(shifted), unit="nats per token", tolerance=0.03, note="labels shifted")
lesson.record("floor", floor, unit="nats per token", tolerance=1e-9, note="exact")

# %% [markdown]
# **One sentence, and nothing held out.** The article trains on one sentence (a `batch_size` of 64 has one row, so ten
# epochs are ten updates), and never looks at another text. A model that learns one sentence has a perfect training
# loss and knows nothing: on other sentences of the same language it is worse than a guess.

# %%
memorised, memory_history = train(windows(CausalWindows, learned[:1]), checks=())
exhibit(
    "One training sentence, no validation",
    f"training loss {memory_history.loss[-1]:.3f}, held-out loss {next_word_loss(memorised):.2f}",
    test=lambda model: next_word_loss(model) < np.log(V),
    article=memorised,
    book=shifted,
    mended_by="a corpus with a held-out part, scored while training (fit's `validation`)",
)
lesson.record("one_sentence_training_loss", memory_history.loss[-1], unit="nats per token", tolerance=0.03)
lesson.record("one_sentence_held_out_loss", next_word_loss(memorised), unit="nats per token", tolerance=1.5)

# %% [markdown]
# ## The generation
#
# The article's loop, word for word. It names a `modelTokenizer` that is defined nowhere; and Keras's old `Tokenizer`,
# which it seems to mean, has a `word_index`, no `words_index`.


# %%
def generate_text(model, seed_text, length=50):
    for _ in range(length):
        input_seq = article_padded(seed_text)
        prediction = model.predict(input_seq.reshape(1, -1))
        next_word_index = np.argmax(prediction)
        seed_text += " " + list(modelTokenizer.words_index.keys())[next_word_index]
    return seed_text


class Counting:
    """Stands for the article's model: answers at once, always with the first word, and counts what it must read."""

    read = 0

    def predict(self, ids):
        self.read += ids.size
        return np.eye(1, 8)[None, :]


def writes(generate):
    try:
        return bool(generate())
    except NameError as error:
        print(f"NameError: {error}")
        return False


from lmbook import continue_text

prompt = "a green tree"
greedy, sampled = (
    continue_text(shifted, tokenizer, prompt, count=100, max_new_tokens=50, temperature=temperature, seed=lesson.seed)
    for temperature in (0.0, 1.0)
)
exhibit(
    "modelTokenizer is not defined",
    "NameError: name 'modelTokenizer' is not defined",
    test=writes,
    article=lambda: generate_text(Counting(), SEED_TEXT),
    book=lambda: greedy[0],
    mended_by="generate gives ids, and the tokenizer their text",
)

# %% [markdown]
# **argmax over everything.** The prediction has the shape [1, T, V]: a distribution for each position. `np.argmax`
# without an axis flattens it, and its result counts positions and words together.

# %%
prediction = small(article_padded(SEED_TEXT, 50)[None, :]).numpy()
flat = int(np.argmax(prediction))
last = int(np.argmax(prediction[0, len(SEED_TEXT.split()) - 1]))
print(f"shape {prediction.shape}: index {flat} is position {flat // 50}, word {flat % 50}")
exhibit(
    "argmax over the flattened prediction",
    f"word number {flat} out of a vocabulary of 50",
    test=lambda index: index < 50,
    article=flat,
    book=last,
    mended_by="the logits of the last position alone",
)
lesson.record("argmax_out_of_vocabulary", flat >= 50, note="in the article's program it can be any of 100 million")

# %% [markdown]
# **The last position is padding.** Taking the last position does not mend it by itself: there stands padding, 9,994
# positions after the prompt. By then the LSTM has forgotten what it was asked, here already after 97. We compare the
# answers to two different prompts.


# %%
first, second = np.zeros((2, 100), dtype=int)
first[:3], second[:3] = (1, 2, 3), (7, 8, 9)
gap = np.abs(small(first[None, :]).numpy() - small(second[None, :]).numpy())[0].max(axis=-1)  # [T]
at_padding, at_word = float(gap[-1]), float(gap[2])
exhibit(
    "The last position is padding",
    f"answers to two prompts differ by {at_padding:.0g} there, by {at_word:.0g} at the last word",
    test=lambda value: value > 1e-5,
    article=at_padding,
    book=at_word,
    mended_by="no padding in generation: model.step reads the prompt as it is",
)

# %% [markdown]
# **Most outputs have no word.** The model has 10,000 outputs, the vocabulary 8 words; any other number is an
# IndexError.
#
# **Nothing ends a text, and each word costs a reading of everything.** There is no end token, so the program always
# adds exactly 50 words. From its six-word seed it writes 56 words, where §5.3 and §5.4 print 13 and 11. And for each
# word it reads the whole padded text again, while an LSTM needs only its state. To see both, we give the loop the
# tokenizer that it asks for and a model that only counts.


# %%
def all_outputs_are_words(pair):
    outputs, word_of = pair
    try:
        return all(isinstance(word_of(index), str) for index in range(outputs))
    except IndexError:
        return False


exhibit(
    "Most of the model's outputs have no word",
    f"IndexError for {10_000 - len(fixed):,} of 10,000",
    test=all_outputs_are_words,
    article=(10_000, lambda index: list(fixed)[index]),
    book=(shifted.config.vocabulary_size, lambda index: tokenizer.tokens[index]),
    mended_by="vocabulary_size is taken from the tokenizer",
)


class modelTokenizer:  # the article's name
    words_index = fixed


counting = Counting()
article_text = generate_text(counting, SEED_TEXT)
exhibit(
    "Nothing ends a text",
    f"always {len(article_text.split())} words, where 13 and 11 are printed",
    test=lambda text: len(text.split()) < 50,
    article=article_text,
    book=greedy[0],
    mended_by="`<end>` is a token, and generate stops at it",
)
print(greedy[0])
exhibit(
    "Each word costs a reading of everything",
    f"{counting.read:,} positions read for 50 words",
    test=lambda positions: positions < 100,
    article=counting.read,
    book=len(tokenizer.encode(prompt)) + 50,
    mended_by="model.step(ids, state) reads a token once",
)

# %% [markdown]
# **argmax that is called random.** §5.4 explains its variation by "random initialisation and a random prediction
# process". After training the weights are fixed, and argmax throws no dice: the same prompt gives the same text for
# ever. Sampling is what varies.

# %%
print(*sorted(set(sampled))[:5], sep="\n")
exhibit(
    "argmax is called random",
    "100 texts from one prompt, all the same",
    test=lambda texts: len(set(texts)) > 1,
    article=greedy,
    book=sampled,
    mended_by="Sampling(temperature, top_k, top_p), seeded",
)
lesson.record("greedy_distinct", len(set(greedy)), unit="of 100 texts")
lesson.record("sampled_distinct", len(set(sampled)), unit="of 100 texts", tolerance=8)
lesson.record("sampled_in_language", float(np.mean([text in language for text in sampled])), tolerance=0.1)

# %% [markdown]
# ## The printed outputs
#
# The article's program can only write the eight words of its training sentence (after the prompt, which it repeats).
# These are the outputs that §5.3 and §5.4 print. For each we ask which of the added words it could have written.

# %%
OUTPUTS = (
    (SEED_TEXT, "The quick brown fox jumps over the lazy dog lives in a colorful world"),
    (SEED_TEXT, "The quick brown fox jumps over the lazy dog runs quickly."),
    ("a green tree", "a green tree stands tall in the sunshine."),
    ("a green tree", "a green tree shelters birds from the rain."),
    ("a green tree", "a green tree provides shade on a hot summer day."),
)
impossible = set()
for given, output in OUTPUTS:
    added = output[len(given) :].split()
    outside = [word for word in added if word not in article_words]
    impossible |= set(outside)
    print(f"{output}\n    cannot be produced: {', '.join(outside)}")
writable = {word for text in learned for word in text.rstrip(".").split()}
exhibit(
    "The printed outputs cannot come from the program",
    f"{len(impossible)} different words that are not among its 8",
    test=lambda pair: pair[0] <= pair[1],
    article=({word for given, output in OUTPUTS for word in output[len(given) :].split()}, set(article_words)),
    book=({word for text in sampled for word in text.rstrip(".").split()}, writable),
    mended_by="results are recorded by the run that made them",
)
lesson.record("impossible_words", len(impossible), unit="words")
lesson.record("impossible_outputs", len(OUTPUTS), unit=f"of {len(OUTPUTS)} outputs")

# %% [markdown]
# **The conclusions do not follow from the outputs.** Three identical lines are said to be "similar in most cases, but
# not completely the same". The word "trees" is praised, which no output holds. And good work on "long sequences" is
# claimed from texts of at most 14 words. The lesson `experiments` repeats §5.4 with a program that runs.

# %%
repeated = ["a green tree stands tall in the sunshine."] * 3
praised = ("sunshine", "shade", "trees")
all_words = re.findall(r"\w+", " ".join(output for _, output in OUTPUTS))
exhibit(
    "The conclusions contradict the outputs",
    f"3 equal lines called not the same; praised but absent: {[w for w in praised if w not in all_words]}",
    test=lambda evidence: len(set(evidence[0])) > 1 and all(word in evidence[2] for word in evidence[1]),
    article=(repeated, praised, all_words),
    book=(sampled, GAPS[3].split(), " ".join(sampled).replace(".", "").split()),
    mended_by="lesson experiments: counts, distinct-n, and a parser as the judge of coherence",
)
print("longest output:", max(len(output.split()) for _, output in OUTPUTS), "words")

# %% [markdown]
# ## The list

# %%
lesson.table("exhibits", exhibits, ["defect", "symptom", "mended by"])
lesson.record("exhibits", len(exhibits), unit="defects", note="each fails a test that the mended version passes")
lesson.finish()

# %% [markdown]
# ## Exercises
#
# 1. Replace `set` by `sorted(set(…))` in `article_ids`. Which exhibits does it mend, and which one stays?
# 2. `check_labels` catches `labels = data`. Shift the labels by two instead of one: does it notice? Does the loss?
# 3. With `dense = Dense(…, activation="softmax")` Keras finds the logits again. Find out in which other ways than
#    `TimeDistributed` one can hide them from it.
# 4. Give the program a training text in which all printed outputs occur. What does it write then, and is that learning?
