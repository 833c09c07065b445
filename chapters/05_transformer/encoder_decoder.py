# %% [markdown]
# # Encoder and decoder: translation
#
# - Article section: §3.1.3, §3.2
# - Needs: positions
# - Data: greentree (built in); the full profile also tatoeba_eng_fra, tatoeba_eng_cmn, mt_eval_deen
# - Minutes: quick 1, full 100
# - Memory: 5.5 GB
# - Shows: a Transformer that translates, how well by which measure, and what each of its parts is good for
# - Headline: greentree_bleu, greentree_exact_match, tatoeba_fra_bleu, tatoeba_cmn_bleu, cache_speedup
#
# The Transformer was made for translation. An **encoder** reads the whole source; each of its positions looks at all
# others. A **decoder** writes the target token by token; each position looks at what is written so far, and by
# **cross-attention** at what the encoder made of the source. So the probability of a target $t$ is
#
# $$p(t \mid s) = \prod_i p(t_i \mid t_1 \ldots t_{i-1}, \text{encoder}(s))$$
#
# `lmbook/models/encoder_decoder.py` is one page. Here it is trained on stories whose translation is known exactly, and
# on real sentences.

# %%
from __future__ import annotations

import dataclasses
import time

from lmbook import (
    EncoderDecoder,
    Lesson,
    LmbookError,
    Sampling,
    SentencePairs,
    generate,
    load_corpus,
    reproducible,
    score_translations,
    translate,
)
from lmbook.book import plots, scratch_dir
from lmbook.evaluation import join_pieces
from lmbook.models import RecurrentEncoderDecoder, RecurrentEncoderDecoderConfig
from lmbook.pipelines import padded_sources
from lmbook.recipes import (
    OPTIMIZER,
    SentenceTranslatorProfile,
    greentree_translator,
    sentence_translator,
    train_translator,
)
from lmbook.recipes.translator import FULL, QUICK
from lmbook.topics.interpretability import encoder_decoder_attention
from lmbook.training import score_next_tokens

import numpy as np
import tensorflow as tf

lesson = Lesson("encoder_decoder")
if lesson.text is not None:
    raise LmbookError("A text has no translations.", "Give --corpus NAME, a corpus of sentence pairs.")
FOLDER = scratch_dir(lesson.file) / "models"  # a full run that is cut off goes on from here

# %% [markdown]
# ## The stories in two languages
#
# `greentree` tells each story in English and in Chinese. Chinese sets its words in another order, and counts each kind
# of thing with a word of its own, so a word is not simply put in the place of a word. The test stories join heroes and
# plants that never meet in training.
#
# Both languages share one table of vectors. A pair is put into a batch with others of about its length
# (`lmbook/pipelines/pairs.py`), so that little padding is computed.

# %%
made = greentree_translator(lesson.choose(quick=QUICK, full=FULL), lesson.seed, models=FOLDER)
stories, validation, test, words = made.stories, made.validation, made.test, made.tokenizer
english, chinese = [story.english for story in test], [story.chinese for story in test]
data, validation_data = made.pairs(stories, seed=lesson.seed), made.pairs(validation)
print(f"{english[0]}\n{chinese[0]}")
for (source, target), labels, _ in data.dataset(steps=1):
    print(f"a batch: source {source.shape}, target {target.shape}, labels {labels.shape}")
    print("target", target.numpy()[0][:8], "…  the decoder reads <end> first")
    print("labels", labels.numpy()[0][:8], "…  the same, one token on")

# %% [markdown]
# ## Training
#
# `greentree_translator` (`lmbook/recipes/translator.py`) makes the paper's model with two of today's habits:
# normalisation before each part (RMSNorm), and positions by rotation. Muon updates the matrices, the learning rate
# rises for 50 steps and falls as a cosine, gradients are cut to norm 1.

# %%
model, history, GREENTREE, STEPS = made.model, made.history, made.model.config, made.profile.steps


def translate_stories(model, texts: list[str]) -> list[str]:
    """Greedy translations of whole stories."""
    return translate(model, words, texts, max_new_tokens=140, batch_size=100)


def exact(outputs: list[str], references: list[str]) -> float:
    """The share of translations that are right to the last mark."""
    return float(np.mean([a == b for a, b in zip(outputs, references, strict=True)]))


outputs = translate_stories(model, english)
score = score_translations(outputs, chinese, "zh")
lesson.record("parameters", model.count_params())
lesson.record("greentree_seconds", history.seconds[-1], "s", None, note=f"training, {STEPS} steps")
lesson.record(
    "greentree_bleu",
    score.bleu,
    tolerance=lesson.choose(quick=20.0, full=3.0),
    n=len(test),
    note=f"English to Chinese, held-out combinations; {score.bleu_signature}",
)
lesson.record("greentree_chrf", score.chrf, tolerance=lesson.choose(quick=20.0, full=3.0), note=score.chrf_signature)
lesson.record(
    "greentree_exact_match",
    exact(outputs, chinese),
    tolerance=lesson.choose(quick=0.3, full=0.06),
    n=len(test),
    note="whole stories, every character right",
)
print(f"\n{english[0]}\n{outputs[0]}\n{chinese[0]}")

# %% [markdown]
# ## Before the Transformer
#
# An LSTM reads, another writes and looks back by attention (Bahdanau et al. 2015): about as many weights, the same
# pairs, the same seconds of training.

# %%
if lesson.full:
    reproducible(lesson.seed)
    recurrent = RecurrentEncoderDecoder(RecurrentEncoderDecoderConfig(words.vocabulary_size, 230, dropout=0.0))
    minutes = history.seconds[-1] / 60
    optimizer = dataclasses.replace(OPTIMIZER, learning_rate=1e-2)
    options = {"minutes": minutes, "optimizer": optimizer, "report_every": 50}
    lstm_history = train_translator(recurrent, data, validation_data, **options)
    rows = []
    for name, trained, run in (("LSTM with attention", recurrent, lstm_history), ("Transformer", model, history)):
        texts = translate_stories(trained, english)
        bleu = score_translations(texts, chinese, "zh").bleu
        rows.append((name, trained.count_params(), run.seconds[-1], run.steps[-1], bleu, exact(texts, chinese)))
    lesson.table("lstm", rows, ["", "weights", "seconds", "steps", "BLEU", "exact"], tolerance=None)

# %% [markdown]
# ## And back
#
# From Chinese to English: the same program, the pairs turned round. (The tokenizer knows words, not capitals:
# the references are read through it too.)

# %%
if lesson.full:
    reproducible(lesson.seed)
    backwards = EncoderDecoder(GREENTREE)
    pairs_back = made.pairs(stories, True, seed=lesson.seed)
    train_translator(backwards, pairs_back, made.pairs(validation, True), steps=STEPS, output=FOLDER / "greentree_back")
    outputs_back, wanted = translate_stories(backwards, chinese), [words.decode(words.encode(t)) for t in english]
    back_bleu = score_translations(outputs_back, wanted).bleu
    lesson.record("greentree_back_bleu", back_bleu, tolerance=3.0, n=len(test), note="Chinese to English")
    lesson.record("greentree_back_exact_match", exact(outputs_back, wanted), tolerance=0.06, n=len(test))

# %% [markdown]
# ## Where it looks
#
# The cross-attention of the last block: a row is a token that is written, a column one that was read. Nobody told the
# model which word belongs to which; it found out, and the order of the two languages can be read off.

# %%
first, translated = english[0].split(".")[0] + ".", chinese[0].split("。")[0] + "。"
source, target = words.encode(first), words.encode(translated)
maps = encoder_decoder_attention(model, source, [words.end_id, *target[:-1]])
lesson.figure(
    plots.attention_map(
        maps.cross[-1].mean(axis=0),
        [words.tokens[token] for token in target],
        [words.tokens[token] for token in source],
        "Cross-attention of the last block, mean of its heads",
    ),
    "cross_attention",
    "What the decoder looks at in the source while it writes each token",
)

# %% [markdown]
# ## One part removed
#
# The same model, the same data, fewer steps, and each time one thing changed; three seeds each, for the first weights
# and the order of the pairs.
#
# The last row is a defect that runs: the decoder may also look at the padding of the source. It trains as well as the
# others; but then a translation depends on what stands beside it in the batch. The column "changed by padding" is the
# share of stories that are translated in another way when their source has 64 more positions of padding; for a right
# model it is 0.


# %%
class SeesPadding(EncoderDecoder):
    """The defect: cross-attention without the source's mask."""

    def readable(self, source):
        return tf.ones_like(source, tf.bool)


def with_padding(model, texts: list[str], more: int) -> list[str]:
    """Greedy translations, the sources filled up with `more` positions than they need."""
    sources = padded_sources([words.encode(text) for text in texts], words)
    sources = np.pad(sources, ((0, 0), (0, more)), constant_values=words.pad_id)
    greedy, begin = Sampling(temperature=0.0), [[words.end_id]] * len(texts)
    options = {"stop_ids": (words.end_id,), "suppress_ids": words.suppress_ids, "batch_size": 100}
    ids = generate(model, begin, max_new_tokens=140, sampling=greedy, sources=sources, **options)
    return [words.decode(row) for row in ids]


VARIANTS = {
    "as it is": (EncoderDecoder, GREENTREE),
    "no positions": (EncoderDecoder, dataclasses.replace(GREENTREE, positions="none")),
    "sinusoidal positions": (EncoderDecoder, dataclasses.replace(GREENTREE, positions="sinusoidal")),
    "one head": (EncoderDecoder, dataclasses.replace(GREENTREE, num_heads=1)),
    "post-norm": (EncoderDecoder, dataclasses.replace(GREENTREE, normalize_first=False, normalization="layer")),
    "sees the padding": (SeesPadding, GREENTREE),
}
if lesson.full:
    rows, some, right = [], english[:150], chinese[:150]
    for name, (kind, config) in VARIANTS.items():
        runs = []
        for seed in range(lesson.seed, lesson.seed + 3):
            reproducible(seed)
            variant = kind(dataclasses.replace(config, max_sequence_length=256))
            pairs = made.pairs(stories, seed=seed)
            run = train_translator(variant, pairs, validation_data, steps=200, quiet=True)
            texts = translate_stories(variant, some)
            runs.append([run.validation_loss[-1], score_translations(texts, right, "zh").bleu, exact(texts, right)])
            if name in ("as it is", "sees the padding"):
                runs[-1].append(1.0 - exact(with_padding(variant, some, 64), texts))
        each = zip((".3f", ".1f", ".2f", ".2f"), np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1), strict=False)
        cells = [f"{mean:{form}} ± {sd:{form}}" for form, mean, sd in each]
        rows.append((name, *cells, *[""] * (4 - len(cells))))
        print(*rows[-1])
    columns = ["", "validation loss", "BLEU", "exact", "changed by padding"]
    lesson.table("ablations", rows, columns, tolerance=None)

# %% [markdown]
# ## The accuracy that padding makes
#
# Many programs let padding count: in the loss, and in the accuracy that they print. Here the same model is trained so,
# beside one that is not, both for a few steps. Its "accuracy" over all positions is the better one: most of what it is
# praised for is to write nothing after the end.


# %%
class PaddingCounts(SentencePairs):
    """The defect: every position of a row has weight 1, padding too."""

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        return super().dataset(start_step, steps).map(lambda x, y, w: (x, y, tf.ones_like(w)))


if lesson.full:
    rows, examples = [], made.pairs(test)
    counted_too = made.pairs(stories, kind=PaddingCounts, seed=lesson.seed)
    for name, batches in (("padding left out", data), ("padding counted", counted_too)):
        reproducible(lesson.seed)
        trained = EncoderDecoder(GREENTREE)
        checks = ("ids", "future", "overfit")  # "labels" would refuse the padding
        train_translator(trained, batches, validation_data, steps=100, checks=checks, quiet=True)
        counted = score_next_tokens(trained, examples)
        bleu = score_translations(translate_stories(trained, english[:200]), chinese[:200], "zh").bleu
        rows.append((name, counted.accuracy, counted.unmasked_accuracy, bleu))
    columns = ["in the loss", "accuracy of tokens", "accuracy with padding", "BLEU"]
    lesson.table("padding", rows, columns, tolerance=None)

# %% [markdown]
# ## What the cache saves
#
# Without a cache each new token lets the whole model read everything again. With it the keys and values of earlier
# positions are kept, and only the new token is computed. Both write the same 256 tokens. The one with a cache is the
# book's loop, compiled by XLA, which needs one fixed length; the other computes just the positions that there are, in a
# graph that serves all lengths.

# %%
LENGTH, REPEATS = 256, lesson.choose(quick=2, full=7)
long = EncoderDecoder(dataclasses.replace(GREENTREE, max_sequence_length=LENGTH + 1))
long.set_weights(model.get_weights())
not_the_end = (*words.suppress_ids, words.end_id)
source = padded_sources([words.encode(english[0])], words)
ONE_TEXT = tf.TensorSpec([1, None], tf.int32)


@tf.function(input_signature=[ONE_TEXT, ONE_TEXT])
def next_token(source, ids):
    """The likeliest token after `ids`, everything computed anew."""
    logits = long((source, ids))[0, -1]
    never = tf.reduce_any(tf.range(tf.size(logits))[:, None] == tf.constant(not_the_end), axis=1)
    return tf.argmax(tf.where(never, -np.inf, logits), output_type=tf.int32)


def uncached() -> list[int]:
    """256 tokens, the whole model called for each."""
    ids = [words.end_id]
    for _ in range(LENGTH):
        ids.append(int(next_token(tf.constant(source), tf.constant([ids]))))
    return ids[1:]


def cached() -> list[int]:
    """The same by the book's loop."""
    greedy = Sampling(temperature=0.0)
    return generate(
        long, [[words.end_id]], max_new_tokens=LENGTH, sampling=greedy, suppress_ids=not_the_end, sources=source
    )[0]


ways, seconds = {"cached": cached, "uncached": uncached}, {"cached": [], "uncached": []}
texts = {name: way() for name, way in ways.items()}  # compiles
for _ in range(REPEATS):  # in turn, so that what slows the machine slows both
    for name, way in ways.items():
        began = time.perf_counter()
        way()
        seconds[name].append(time.perf_counter() - began)
medians = {name: float(np.median(values)) for name, values in seconds.items()}
lesson.record("cache_same_tokens", texts["cached"] == texts["uncached"], note=f"{LENGTH} tokens, greedy")
lesson.record(
    "cache_speedup", medians["uncached"] / medians["cached"], "times", None, n=REPEATS, note="ratio of medians, batch 1"
)
lesson.record("cached_tokens_per_second", LENGTH / medians["cached"], "tokens/s", None)

# %% [markdown]
# ## Real sentences
#
# Tatoeba's sentences in English and French, and in English and Chinese, written by volunteers; byte pairs of both
# languages together. The split keeps every sentence on one side: no English sentence of the test, and no translation of
# one, stands in training. (A split of the *pairs* puts the same English sentence with another translation into
# training, and the score then measures memory.) The weights of the lowest validation loss count; the test is read once.
#
# BLEU counts the runs of one to four words that a translation shares with the reference, chrF runs of characters. A
# right translation in other words scores low, so BLEU is also given against *all* translations that Tatoeba has of the
# sentence.


# %%
@dataclasses.dataclass(frozen=True)
class Task:
    """A real corpus, and how it is learned; the profile's name begins its keys."""

    corpus: str
    tokenize: str  # of BLEU
    profile: SentenceTranslatorProfile


TASKS = (
    Task("tatoeba_eng_fra", "13a", SentenceTranslatorProfile("tatoeba_fra", steps=3200)),
    Task(
        "tatoeba_eng_cmn",
        "zh",
        SentenceTranslatorProfile("tatoeba_cmn", steps=4500, vocabulary_size=4000, dropout=0.25, tokens_per_batch=2048),
    ),
)


def real_sentences(task: Task) -> None:
    """Train on a corpus of pairs, score its test sentences, record."""
    corpus = load_corpus(task.corpus)
    if corpus.task != "translation":
        raise LmbookError(f"{corpus.name} is for {corpus.task}.", "Give a corpus of pairs, such as tatoeba_eng_fra.")
    profile = task.profile if lesson.full else dataclasses.replace(task.profile, steps=100)
    made = sentence_translator(profile, corpus, lesson.seed, output=FOLDER / profile.name if lesson.full else None)
    network, pieces, run, test_pairs = made.model, made.tokenizer, made.history, made.test
    sources, references = ([pair[side] for pair in test_pairs] for side in ("source", "target"))
    greedy = translate(network, pieces, sources, max_new_tokens=64)
    best = translate(network, pieces, sources, max_new_tokens=64, beams=4)
    score = score_translations(best, references, task.tokenize)
    key, n = profile.name, len(test_pairs)
    lesson.record(f"{key}_parameters", network.count_params())
    lesson.record(
        f"{key}_seconds", run.seconds[-1], "s", None, note=f"training, {profile.steps} steps, validation included"
    )
    lesson.record(f"{key}_bleu", score.bleu, tolerance=2.0, n=n, note=f"beams of 4; {score.bleu_signature}")
    lesson.record(f"{key}_chrf", score.chrf, tolerance=2.0, n=n, note=score.chrf_signature)
    greedy_bleu = score_translations(greedy, references, task.tokenize).bleu
    lesson.record(f"{key}_greedy_bleu", greedy_bleu, tolerance=2.0, n=n, note="the likeliest token each time")
    every: dict[str, list[str]] = {}
    for pair in corpus.split("test"):
        every.setdefault(pair["source"], []).append(pair["target"])
    several = score_translations(best, [every[source] for source in sources], task.tokenize)
    lesson.record(
        f"{key}_several_bleu", several.bleu, tolerance=2.0, n=n, note="against all translations of a sentence"
    )
    counted = score_next_tokens(network, made.pairs(test_pairs, lesson.seed))
    lesson.record(f"{key}_accuracy", counted.accuracy, tolerance=0.03, n=counted.tokens, note="of the next token")
    lesson.record(f"{key}_nats_per_token", counted.nats_per_token, "nats per token", 0.1)
    each = [score_translations([a], [b], task.tokenize).chrf for a, b in zip(best, references, strict=True)]
    order = [i for i in np.argsort(each, kind="stable")[::-1] if 5 <= len(sources[i].split()) <= 12]
    chosen = [order[len(order) * share // 100] for share in (2, 10, 30, 50, 70, 85, 95, 99)]  # from good to bad
    rows = [(sources[i], best[i], references[i], each[i]) for i in chosen]
    lesson.table(f"{key}_examples", rows, ["", "translation", "reference", "chrF"], tolerance=None)
    title = "Training (smoothed labels) and validation"
    caption = f"Training and validation loss on {corpus.name}"
    lesson.figure(plots.loss_curve({"Transformer": run}, None, "nats per token", title=title), key, caption)


own = [Task(lesson.corpus, "13a", SentenceTranslatorProfile("own", steps=2000))] if lesson.corpus else []
for task in own or (TASKS if lesson.full else ()):
    try:
        real_sentences(task)
    except LmbookError as error:
        if own:
            raise
        print(f"Without {task.corpus}: {error.message}\n{error.fix}")

# %% [markdown]
# ## A measure must be measured
#
# Is the BLEU of this page the BLEU of others? The test data of an older translation program come with a published
# figure, 22.5855, for texts that are cut into words already. sacreBLEU gives it when it is told not to cut, and another
# one with its usual tokenizer: figures of different tokenizers cannot be compared. (Three translations are empty; that
# program counts each as one empty word, and so does this line.)

# %%
if lesson.full:
    try:
        lines = load_corpus("mt_eval_deen").split("test")
        given, right = [line["output"] or "-" for line in lines], [join_pieces(line["reference_bpe"]) for line in lines]
        lesson.record("deen_bleu", score_translations(given, right, "none").bleu, tolerance=1e-4, n=len(lines))
        lesson.record("deen_bleu_13a", score_translations(given, right, "13a").bleu, tolerance=1e-4, n=len(lines))
    except LmbookError as error:
        print(f"Without mt_eval_deen: {error.message}\n{error.fix}")

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
