# %% [markdown]
# # Slips of the text
#
# - Article section: §1–4, §5.1, §7, §9 and §10
# - Needs: one_training_step, parameters_and_loss
# - Data: made here (random vectors and a few sentences)
# - Minutes: quick 1, full 1
# - Memory: 1.0 GB
# - Shows: what the article's text says wrongly, and what is so: a small experiment where one can tell, else the source
# - Headline: slips, slips_shown_by_experiment
#
# The article explains what a large language model is, from bags of words to the Transformer and its evaluation. Some of
# its statements are not so. They are worth a lesson because many texts repeat them, and because most of them need
# no authority to be settled: a few lines of code tell. (What is wrong with the article's program is the lesson
# `what_was_wrong`.)
#
# A slip is a **statement**, with its section; what is **so**; and the chapter that shows it at length. Where an
# experiment is given it must show the slip, otherwise the lesson stops. Where there is none, only a source can tell.

# %%
from __future__ import annotations

import importlib.metadata
from collections import Counter

from lmbook import Lesson, reproducible
from lmbook.models import registry

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sacrebleu.metrics import BLEU

lesson = Lesson("slips_of_the_text")
reproducible(lesson.seed)
slips = []


def slip(statement, truth, chapter, shown=None):
    """`shown`: whether a small experiment shows it; None where only a source can tell."""
    if shown is not None and not shown:
        raise AssertionError(f"{statement}: the experiment does not show it")
    slips.append((statement, truth, chapter, shown is not None))
    print(f"Slip {len(slips)}: {statement} – {truth}. Shown in {chapter}")


# %% [markdown]
# ## The Transformer
#
# **The encoder's output is as long as its input.** We send texts of 5 and of 9 words, here random vectors of width 32,
# through a layer of attention.

# %%
attention = layers.MultiHeadAttention(num_heads=4, key_dim=8)
text_5, text_9 = (np.random.default_rng(n).normal(size=(1, n, 32)).astype("float32") for n in (5, 9))
shapes = [tuple(attention(text, text).shape) for text in (text_5, text_9)]
slip(
    '"The encoder turns the input into a representation of fixed length" (§2.2, §2.3, §3.1.3)',
    f"a Transformer's encoder gives one vector per position, here {shapes[0]} and {shapes[1]}",
    "05_transformer",
    shapes == [(1, 5, 32), (1, 9, 32)],
)

# %% [markdown]
# **Heads share no parameters.** We turn the query weights of head 0 to 0: the other heads' attention stays as it was.
# And twice the heads (of the same width) have twice the weights. Each head has its own projections in Vaswani et al.
# 2017, §3.2.2.

# %%
weights_before = attention(text_5, text_5, return_attention_scores=True)[1].numpy()  # [B, H, T, S]
kernel = attention.get_weights()[0]  # the queries' [D, H, K]
attention.set_weights([kernel * np.array([0, 1, 1, 1])[:, None], *attention.get_weights()[1:]])
weights_after = attention(text_5, text_5, return_attention_scores=True)[1].numpy()
moved = np.abs(weights_after - weights_before).max(axis=(0, 2, 3))
print("largest change by head:", moved.round(3))
eight = layers.MultiHeadAttention(num_heads=8, key_dim=8)
eight(text_5, text_5)
slip(
    '"The heads share the same underlying parameters" (§3.1.2)',
    f"each has its own: 4 heads {attention.count_params():,} weights, 8 heads {eight.count_params():,}",
    "05_transformer",
    moved[0] > 1e-3 and moved[1:].max() < 1e-6 and eight.count_params() > 1.9 * attention.count_params(),
)

# %% [markdown]
# **The decoder does not "usually share the encoder's parameters"** (§2.2). It cannot share all: each of its layers has
# an attention to the encoder that an encoder layer lacks. Vaswani et al. 2017, §3.4, share the two embeddings and the
# output matrix, nothing else. (Raffel et al. 2020 tried full sharing as a variant of T5; it is not the usual model.)
# Nor does the decoder's *self*-attention look at the input sequence (§3.1.3): it looks at what the decoder has written
# so far; the input comes in through the encoder–decoder attention.

# %%
source, target = text_9, text_5
source_in, target_in = keras.Input((None, 32)), keras.Input((None, 32))
self_attention, cross_attention = (layers.MultiHeadAttention(2, 8) for _ in range(2))
written, self_scores = self_attention(target_in, target_in, use_causal_mask=True, return_attention_scores=True)
read, cross_scores = cross_attention(written, source_in, return_attention_scores=True)
decoder_layer = keras.Model([source_in, target_in], [read, self_scores, cross_scores])
encoder_layer = keras.Model(source_in, layers.MultiHeadAttention(2, 8)(source_in, source_in))
_, self_scores, cross_scores = decoder_layer([source, target])
try:
    decoder_layer.set_weights(encoder_layer.get_weights())
    fits = True
except ValueError as error:
    fits = False
    print("ValueError:", str(error)[:120], "…")
slip(
    '"The decoder shares the encoder\'s parameters" (§2.2)',
    f"a decoder layer has {cross_attention.count_params():,} weights of cross-attention that no encoder layer has",
    "05_transformer",
    not fits,
)
slip(
    '"The decoder\'s self-attention weighs the input sequence" (§3.1.3)',
    f"it weighs its own 5 tokens, {tuple(self_scores.shape[2:])}; cross-attention the 9 of the input, "
    f"{tuple(cross_scores.shape[2:])}",
    "05_transformer",
    self_scores.shape[2:] == (5, 5) and cross_scores.shape[2:] == (5, 9),
)

# %% [markdown]
# **What is missing in §3 altogether: positions and the causal mask.** Attention as the article describes it does not
# know the order of the words: shuffle them, and the outputs are shuffled along. And where "each word of the input can
# influence each word of the output", a language model would read its own answer.

# %%
order = np.array([3, 0, 4, 1, 2])
straight = attention(text_5, text_5).numpy()
shuffled_alike = np.allclose(straight[:, order], attention(text_5[:, order], text_5[:, order]), atol=1e-5)

changed_end = text_5.copy()
changed_end[:, -1] += 1.0
leaks = []
for masked in (False, True):
    ends = [attention(text, text, use_causal_mask=masked).numpy() for text in (text_5, changed_end)]
    leaks.append(float(np.abs(ends[0] - ends[1])[:, 0].max()))
slip(
    "No word about positions (§3)",
    "without them attention is blind to the order of the words",
    "05_transformer",
    shuffled_alike,
)
slip(
    '"Each input word influences each output word" (§3.1.1)',
    f"the last word changes the first position by {leaks[0]:.2f}; with the causal mask by {leaks[1]:.2f}",
    "05_transformer",
    leaks[0] > 1e-3 and leaks[1] == 0,
)

# %% [markdown]
# ## The first weights
#
# **Initialisation with variance 1/V** (§4.5). The scale of a layer's weights must fit the number of its inputs, d, not
# the size of the vocabulary. With d = 256 and V = 10,000 each layer shrinks its input by √(d/V) = 0.16. The first loss
# does not show it: it is ln V all the same, as vanishing activations are a uniform guess. (The matrices of §4.2, "(V +
# 1) × d" for all encoder weights, cannot be multiplied with a vector of d numbers either.)

# %%
rng = np.random.default_rng(lesson.seed)
d, vocabulary = 256, 10_000


def forward(variance, depth=6):
    """(standard deviation after `depth` linear layers, loss of an output layer of the same variance)"""
    signal = rng.normal(size=(64, d))
    for _ in range(depth):
        signal = signal @ rng.normal(scale=variance**0.5, size=(d, d))
    logits = signal @ rng.normal(scale=variance**0.5, size=(d, vocabulary))
    return signal.std(), float((np.log(np.exp(logits).sum(axis=1)) - logits[:, 0]).mean())


(tiny, tiny_loss), (kept, kept_loss) = forward(1 / vocabulary), forward(1 / d)
print(
    f"after 6 layers: 1/V {tiny:.1e}, 1/d {kept:.2f}; "
    f"first loss {tiny_loss:.2f} and {kept_loss:.2f}, ln V {np.log(vocabulary):.2f}"
)
slip(
    "Weights drawn with variance 1/V (§4.5)",
    f"after 6 layers the signal is {tiny:.0e} of what it was; with 1/d {kept:.1f}",
    "03_mathematics",
    tiny < 1e-4 and 0.5 < kept < 2 and abs(tiny_loss - np.log(vocabulary)) < 0.01,
)
lesson.record("signal_variance_1_over_v", tiny, tolerance=3e-6, note="standard deviation after 6 layers of 256")
lesson.record("signal_variance_1_over_d", kept, tolerance=0.15, note="standard deviation after 6 layers of 256")

# %% [markdown]
# ## Counts and scores
#
# **Bag of words is no set** (§1). It counts: "bag" is the word for a set with repetitions.
#
# **BLEU is not "the quality of the translation"** (§9). It is the share of word sequences of length 1 to 4 that a
# translation has in common with reference translations (geometric mean, with a penalty for being short), over a whole
# test set (Papineni et al. 2002). It does not see meaning: one inserted "not" costs little, and a good paraphrase can
# get nothing. (sacreBLEU here without smoothing: as the paper has it, no sequence of 4 words in common gives 0.)

# %%
slip(
    '"Bag of words turns a text into a set of words" (§1)',
    "it keeps the counts: 'good good bad' and 'good bad bad' differ",
    "01_background",
    set("good good bad".split()) == set("good bad bad".split())
    and Counter("good good bad".split()) != Counter("good bad bad".split()),
)

reference = "the doctor said that the old man can go home today"
opposite, paraphrase = (
    "the doctor said that the old man can not go home today",
    "according to the physician he may leave now",
)
bleu = BLEU(smooth_method="none")
bleu_opposite, bleu_paraphrase = (
    bleu.corpus_score([text], [[reference]]).score / 100 for text in (opposite, paraphrase)
)
slip(
    '"BLEU scores the quality of a translation" (§9)',
    f"the opposite scores {bleu_opposite:.2f}, a paraphrase {bleu_paraphrase:.2f}",
    "08_applications and 12_evaluation",
    bleu_opposite > 0.6 and bleu_paraphrase == 0,
)
lesson.record("bleu_of_the_opposite", bleu_opposite, tolerance=1e-6)

# %% [markdown]
# ## Sizes
#
# **"Usually trillions of words, and billions to trillions of parameters"** (§2.1). True of the largest models of today
# (Llama 3 405B: 15.6 trillion tokens, Grattafiori et al. 2024), and not of any model that the article names. Its own
# program has 9,264,912 parameters for 9 words.

# %%
NAMED = {  # parameters, words or tokens of training text, source
    "Transformer (big)": (213e6, None, "Vaswani et al. 2017: 4.5 million sentence pairs English–German"),
    "BERT (large)": (340e6, 3.3e9, "Devlin et al. 2018: 0.8 + 2.5 billion words"),
    "GPT-2": (1.5e9, None, "Radford et al. 2019: 8 million web pages, 40 GB"),
    "GPT-3": (175e9, 300e9, "Brown et al. 2020: trained on 300 billion tokens"),
}
for name, (parameters, _, source) in NAMED.items():
    print(f"{name:18} {parameters / 1e9:7.2f} billion parameters; {source}")
in_article = registry.make_model("lstm_article", registry.make_config("lstm_article", 10_000)).count_params()
slip(
    '"A large language model usually needs trillions of words" (§2.1, §9)',
    "no model that the article names had them: BERT 3.3 billion words, GPT-3 300 billion tokens",
    "10_trends",
    max(words or 0 for _, words, _ in NAMED.values()) < 1e12 and in_article == 9_264_912,
)
lesson.record("article_parameters", in_article, unit="parameters", note="for a training text of 9 words")

# %% [markdown]
# ## Tools
#
# **CUDA by hand** (§5.1). On Linux `pip install "tensorflow[and-cuda]"` brings CUDA and cuDNN along; what remains to
# be installed is the driver. On Windows TensorFlow uses a GPU only inside WSL2 (since 2.11), on a Mac not at all
# without a plug-in. And `print(tf.__version__)` proves nothing about a GPU: ask
# `tf.config.list_physical_devices("GPU")`, or `lmbook doctor`. "Python 3.7 or higher" does not hold either.

# %%
nvidia = [need for need in importlib.metadata.requires("tensorflow") or [] if "and-cuda" in need]
python_needed = importlib.metadata.metadata("tensorflow")["Requires-Python"]
print(f"tensorflow {tf.__version__} needs Python {python_needed}; its extra `and-cuda` brings {len(nvidia)} packages")
print("GPUs here:", tf.config.list_physical_devices("GPU") or "none")
slip(
    '"Download CUDA and cuDNN; Python 3.7 or higher" (§5.1)',
    f"pip brings {len(nvidia)} NVIDIA packages on Linux; Python {python_needed}",
    "09_tools",
    any("cudnn" in need for need in nvidia) and "3.7" not in python_needed,
)

# %% [markdown]
# ## Sources
#
# What only a library can tell:

# %%
slip(
    '"GPT-2: Improving Language Understanding by Generative Pre-Training", Brown et al. 2019 (§7.1, §7.3)',
    "GPT-2 is 'Language Models are Unsupervised Multitask Learners' by Radford, Wu, Child, Luan, Amodei and Sutskever "
    "(2019); the title given is GPT-1's (Radford, Narasimhan, Salimans and Sutskever 2018); Brown et al. (2020) is "
    "GPT-3, 'Language Models are Few-Shot Learners'",
    "06_pretraining",
)
slip(
    '"ArXiv is a platform for molecular biology" (§7.1)',
    "it holds preprints of physics, mathematics, computer science and five more fields, quantitative biology among "
    "them; language models are under cs.CL, and biology's own server is bioRxiv",
    "06_pretraining",
)
slip(
    '"Dive into Deep Learning, by A && B && C && D"; references by Wang, Zhang and Li "Moumou" (so-and-so) (§7, §10)',
    "it is by Aston Zhang, Zachary Lipton, Mu Li and Alexander Smola; the others are placeholders, not authors",
    "06_pretraining",
)

# %% [markdown]
# ## The list

# %%
lesson.table("slips", [row[:3] for row in slips], ["the article", "in truth", "shown in"])
lesson.record("slips", len(slips), unit="statements")
lesson.record("slips_shown_by_experiment", sum(shown for *_, shown in slips), unit="statements")
lesson.finish()

# %% [markdown]
# ## Exercises
#
# 1. Add to `text_5` a vector for each position before it enters the attention, the same for every text. Is attention
#    still blind to the order of the words?
# 2. Put a ReLU, `np.maximum(signal, 0)`, after each layer of `forward`. What does the variance 1/d leave of the signal
#    then, and what 2/d?
# 3. Find a translation of `reference` that is right and gets a BLEU above 0.5, and one that is right and gets less than
#    0.05. What does the second one do that the first does not?
# 4. Take a statement about language models from a text that you trust, and write its `slip` with an experiment. Does it
#    stop the lesson?
