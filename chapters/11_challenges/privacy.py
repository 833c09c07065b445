# %% [markdown]
# # Privacy
#
# - Article section: §8.2
# - Needs: gpt
# - Data: greentree (built in); the full profile also pii_synthetic, makemore_names, tatoeba_eng_fra, minilm
# - Minutes: quick 1, full 16
# - Memory: 2.6 GB
# - Shows: secrets read out of a trained model, texts recognised as its training texts, and two remedies with their cost
# - Headline: exposure_plain, exposure_private, attack_auc_plain, attack_auc_private, epsilon, pii_f1
#
# A language model is trained to find its training texts likely. Whoever has the model can ask it: for a number that
# stood in one of them, or whether a given text was among them. This lesson plants numbers and gets them out again,
# then trains with **differential privacy**, which bounds by a proof what any such attack can find, and last takes
# personal data out of the texts before anything is trained.

# %%
from __future__ import annotations

import re
import time
from collections import Counter

from lmbook import (
    GPT,
    BytePairTokenizer,
    Lesson,
    LmbookError,
    OptimizerConfig,
    Sampling,
    WordTokenizer,
    bootstrap,
    fit,
    generate,
    load_corpus,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora import get
from lmbook.corpora.greentree import LEXICON, Grammar, floor, log_probability, tell_stories
from lmbook.evaluation import Interval, sentence_log_probabilities
from lmbook.pipelines import WeightedRows, document_rows
from lmbook.recipes import story_gpt_model
from lmbook.topics.privacy import (
    CHANCE_EXPOSURE,
    MiniLMTagger,
    PerceptronTagger,
    PrivateStep,
    Scrubber,
    Span,
    Tagger,
    exposure,
    known_words,
    labelled_words,
    membership_attack,
    noise_for,
    pattern_spans,
    poisson_batches,
    privacy_spent,
    score_spans,
    secret_nats,
)

import keras
import numpy as np

lesson = Lesson("privacy")
if lesson.own_text:
    print("The secrets are planted in stories of greentree: --corpus and --text are left aside.")
privacy_spent(1.0, 0.1, 1, 1e-5)  # says at once, not after minutes, that dp-accounting is missing
real = lesson.full
try:
    for name in ("pii_synthetic", "makemore_names", "tatoeba_eng_fra") if real else ():
        get(name)  # and so for what is read last
except LmbookError as error:
    real = False
    print(f"Without the real sets: {error.message}\n{error.fix}")
SEEDS = [lesson.seed + number for number in range(lesson.choose(quick=1, full=3))]

# %% [markdown]
# ## Secrets planted
#
# Stories of `greentree`, and among them *canaries*: sentences of one form that each give somebody's number, four random
# digits of it unknown to the attacker. Some stand there once, as in most real leaks; some several times, as what is
# copied about does.

# %%
STORIES = lesson.choose(quick=300, full=1500)
COPIES = (1, 8)
NAMES = "Ada Ben Cleo Dan Eva Finn Gus Hana Ivo June Karl Lena Max Nora Otto Pia Quin Rosa Sam Tina Ugo Vera Will Yana"
DIGITS, BEGINNING = 4, "The number of {} is 5 5 5"
grammar = Grammar(LEXICON.first(8, kinds=24, wishes=6), max_sentences=4)
told = [story.english for story in tell_stories(2 * STORIES, 10, grammar=grammar)]
members, others = told[:STORIES], [text for text in told[STORIES:] if text not in set(told[:STORIES])]
rng = np.random.default_rng(lesson.seed)
canaries = [
    (BEGINNING.format(name), [str(digit) for digit in rng.integers(0, 10, DIGITS)], COPIES[place % len(COPIES)])
    for place, name in enumerate(NAMES.split())
]
planted = [f"{beginning} {' '.join(digits)}." for beginning, digits, copies in canaries for _ in range(copies)]
words = WordTokenizer.train([*told, *planted, "0 1 2 3 4 5 6 7 8 9"])
documents = [words.encode(text) for text in members + planted]
ids_of = {"members": documents[:STORIES], "others": [words.encode(text) for text in others]}
WIDTH = 1 + max(map(len, [*documents, *ids_of["others"]]))
print(members[0], planted[0], sep="\n")
print(f"{len(documents)} texts, {len(planted)} of them canaries; {words.vocabulary_size} tokens")

# %% [markdown]
# ## Trained as usual, and for too long
#
# A small GPT. While it reads the same stories again and again, the loss on *other* stories falls, then rises: it begins
# to know its texts by heart. Two models are kept, that of the lowest loss on other stories, and that of the end. (The
# stories that choose the stopping point are half of the others; attacks and losses below use the other half.)


# %%
EPOCHS = 20
half = len(ids_of["others"]) // 2
stopping, unseen = ids_of["others"][:half], ids_of["others"][half:]
D = 48


def fresh(vocabulary_size: int, width: int, seed: int, hidden_dim: int = D) -> GPT:
    """A GPT of two blocks that learns to copy early."""
    reproducible(seed)
    sizes = {"num_layers": 2, "hidden_dim": hidden_dim, "max_sequence_length": width}
    return story_gpt_model(vocabulary_size, **sizes)


def rows_of(ids: list[list[int]], width: int, per_batch: int, seed: int) -> WeightedRows:
    """Batches of documents, each in a row of its own."""
    rows = [([words.end_id, *row, words.end_id], [1.0] * (len(row) + 1)) for row in ids]
    return WeightedRows(rows, words, tokens_per_batch=per_batch * width, widths=(width,), seed=seed)


def nats_per_token(model: GPT, ids: list[list[int]]) -> float:
    """Mean loss of documents."""
    return float(-sentence_log_probabilities(model, ids, words).sum() / sum(len(row) + 1 for row in ids))


def train_plainly(seed: int):
    """The trained model, the weights at the lowest loss on `stopping`, and the history."""
    model, data, best = fresh(words.vocabulary_size, WIDTH, seed), rows_of(documents, WIDTH, 32, seed), {}

    def validate(model):
        loss = nats_per_token(model, stopping)
        if loss < best.get("loss", np.inf):
            best.update(loss=loss, weights=model.get_weights())
        return loss

    steps = EPOCHS * data.steps_per_epoch
    optimizer = OptimizerConfig("muon", learning_rate=6e-3, warmup_steps=20, weight_decay=0.0)
    options = {"report_every": steps // 10, "checks": ("ids", "labels", "future"), "restore_best": False}
    history = fit(model, data, steps=steps, validation=validate, optimizer=optimizer, **options)
    return model, best["weights"], history


# %% [markdown]
# ## Two attacks
#
# **Extraction.** The attacker asks for the likeliest digits after "The number of Ada is 5 5 5". The measure behind it
# is *exposure*: rank all 10,000 numbers by their probability; place r gives log₂ 10,000 − log₂ r bits. 13.3 bits mean
# that the secret is the model's first guess. A model that never saw it gives 1.44 bits on average.
#
# **Membership.** Was this story in the training set? The attacker says yes where the loss is low. But some stories are
# likelier than others in any case. Here the grammar knows by how much, so the attacker may subtract the exact
# −ln p of the story; real attackers train models of their own to estimate it. AUC 0.5 is guessing.

# %%
digit_ids = [words.encode(str(digit))[0] for digit in range(10)]
attacked = {"members": ids_of["members"][: len(unseen)], "others": unseen}  # about as many of both
lengths = {kind: np.array([len(row) + 1 for row in ids]) for kind, ids in attacked.items()}
texts_of = {"members": members[: len(unseen)], "others": others[half:]}
exact = {kind: np.array([-log_probability(text, grammar=grammar) for text in part]) for kind, part in texts_of.items()}


def attack(model: GPT) -> dict:
    """All measures of one model."""
    found = {"loss": nats_per_token(model, unseen), "exposures": {copies: [] for copies in COPIES}}
    for beginning, digits, copies in canaries:
        prefix = [words.end_id, *words.encode(beginning)]
        nats = secret_nats(model, prefix, digit_ids, DIGITS)
        found["exposures"][copies].append(exposure(nats, int("".join(digits))))
    nats = {kind: -sentence_log_probabilities(model, ids, words) for kind, ids in attacked.items()}
    found["by_loss"] = membership_attack(*(-nats[kind] / lengths[kind] for kind in attacked))
    found["by_excess"] = membership_attack(*(exact[kind] - nats[kind] for kind in attacked))
    return found


measured: dict[str, list[dict]] = {"trained to the end": [], "stopped in time": []}
for seed in SEEDS:
    plain, best_weights, history = train_plainly(seed)
    measured["trained to the end"].append(attack(plain))
    if seed == SEEDS[0]:
        prompts = [[words.end_id, *words.encode(beginning)] for beginning, _, _ in canaries[:4]]
        said = generate(
            plain, prompts, max_new_tokens=DIGITS, sampling=Sampling(temperature=0.0), suppress_ids=words.suppress_ids
        )
        for (beginning, digits, copies), answer in zip(canaries, said, strict=False):
            print(f"{beginning} → {words.decode(answer)}   (planted {copies} times: {' '.join(digits)})")
        if lesson.full:
            curve = plots.loss_curve({"GPT": history}, floor(others, words, grammar=grammar), "nats per word")
            lesson.figure(curve, "overfit", "Training loss, loss on other stories, and the exact floor")
    plain.set_weights(best_weights)
    measured["stopped in time"].append(attack(plain))

# %% [markdown]
# ## Differential privacy
#
# A step of DP-SGD (Abadi et al. 2016) differs from a usual one in three ways. The gradient of **each example** is
# clipped to the length C, so that no text moves the model by more than that. Noise is added that hides a move of that
# length. And who takes part in a step is drawn by chance, which hides still more. From the size of the noise, the
# sampling and the number of steps an accountant (`dp-accounting`) computes ε: with and without any one text, no outcome
# is more than e^ε times as likely, but for a probability δ.
#
# Frameworks give the sum of a batch's gradients, not each one. Two ways to get them are in
# `lmbook/topics/privacy/dp_sgd.py`.

# %%
BATCH, STEPS = lesson.choose(quick=(80, 60), full=(512, 150))
DELTA, CLIP, RATE = 1e-5, 0.5, 4e-3
rows = document_rows(documents, words, WIDTH)
sampling_rate = BATCH / len(documents)
noise = {8.0: noise_for(8.0, sampling_rate, STEPS, DELTA)}
lesson.record("epsilon", privacy_spent(noise[8.0], sampling_rate, STEPS, DELTA), "", 0.02, note=f"at delta = {DELTA}")
lesson.record("noise_multiplier", noise[8.0], "", 0.01, note=f"{STEPS} steps of {BATCH} of {len(documents)} texts")


def private_step(model: GPT, sigma: float, seed: int, method: str = "vectorized") -> PrivateStep:
    """DP-SGD of this lesson."""
    rate = keras.optimizers.schedules.CosineDecay(RATE, STEPS, alpha=0.1)
    options = {"noise_multiplier": sigma, "batch_size": BATCH, "seed": seed, "method": method}
    return PrivateStep(model, keras.optimizers.Adam(rate), clip=CLIP, **options)


def train_privately(sigma: float, seed: int) -> GPT:
    """A model trained by DP-SGD."""
    model = fresh(words.vocabulary_size, WIDTH, seed)
    step = private_step(model, sigma, seed)
    for number, batch in enumerate(poisson_batches(len(documents), BATCH, STEPS, seed), start=1):
        loss, clipped = step(*(part[batch] for part in rows))
        if number % (STEPS // 4) == 0:
            print(f"step {number}: {loss:.2f} nats per word, {clipped:.0%} of the gradients clipped")
    return model


if lesson.full:
    for method, how in (("vectorized", "by tf.vectorized_map"), ("one_by_one", "in a loop, batches of one")):
        step = private_step(fresh(words.vocabulary_size, WIDTH, 0), 1.0, 0, method)
        step(*(part[:32] for part in rows))  # compiles
        began = time.perf_counter()
        step(*(part[:256] for part in rows))
        taken = 1000 * (time.perf_counter() - began) / 256
        lesson.record(f"ms_{method}", taken, "ms per text", None, note=f"clipped gradient {how}")

# %%
measured["private, ε = 8"] = [attack(train_privately(noise[8.0], seed)) for seed in SEEDS]
if lesson.full:
    sigma = noise_for(1.0, sampling_rate, STEPS, DELTA)
    measured["private, ε = 1"] = [attack(train_privately(sigma, SEEDS[0]))]
    measured["clipped, no noise"] = [attack(train_privately(0.0, SEEDS[0]))]

# %% [markdown]
# ## What it costs
#
# The loss on stories that no model has read; below it lies only the exact floor of the grammar.

# %%
lowest = floor(texts_of["others"], words, grammar=grammar)
lesson.record("floor", lowest, "nats per word", 1e-6, note="exact, of the unread stories")
loose = lesson.choose(quick=0.15, full=0.05)
columns = ["", "loss on unread stories", f"exposure, {COPIES[0]} copy", f"{COPIES[1]} copies", "extracted"]
columns += ["AUC by loss", "AUC against the exact", "found at 1 % false alarms"]
table = []
for way, runs in measured.items():
    bits = [np.mean([run["exposures"][copies] for run in runs]) for copies in COPIES]
    first = np.mean([np.isclose(run["exposures"][COPIES[0]], DIGITS * np.log2(10)).mean() for run in runs])
    aucs = [np.mean([getattr(run[kind], name) for run in runs])
            for kind, name in (("by_loss", "auc"), ("by_excess", "auc"), ("by_excess", "found"))]  # fmt: skip
    table.append((way, np.mean([run["loss"] for run in runs]), *bits, first, *aucs))
table = [(row[0], *map(float, row[1:])) for row in table]
allowed = dict(zip(columns[1:], (loose, 1.0, 1.5, 0.3, loose, loose, 0.1), strict=True))
lesson.table("measures", table, columns, tolerance=allowed, at_most={columns[-1]: {"private, ε = 8": 0.1}})
for key, way in (("plain", "trained to the end"), ("stopped", "stopped in time"), ("private", "private, ε = 8")):
    runs = measured[way]
    bits = np.concatenate([run["exposures"][COPIES[0]] for run in runs])
    note = f"bits; {len(bits)} numbers planted once; extracted: {np.log2(10_000):.2f}, chance {CHANCE_EXPOSURE:.2f}"
    lesson.record_mean(f"exposure_{key}", bits, "bits", 1.0, note)
    aucs = [run["by_excess"].auc for run in runs]
    low, high = runs[0]["by_excess"].low, runs[0]["by_excess"].high
    note = f"{way}; 95 % of the first seed: {low:.3f} to {high:.3f}"
    lesson.record_mean(f"attack_auc_{key}", aucs, "", loose, note)
    lesson.record_mean(f"loss_{key}", [run["loss"] for run in runs], "nats per word", loose, way)
if lesson.full:
    figure, panels = plots.new_panels(1, 2, (9.5, 4.0))
    for panel, column, label, chance in ((0, 2, "exposure, planted once, bits", CHANCE_EXPOSURE), (1, 6, "AUC", 0.5)):
        axes = panels[0, panel]
        for index, row in enumerate(table):
            axes.plot(row[1], row[column], "o", label=row[0], color=plots.line_style(index)["color"])
        plots.draw_floor(axes, chance, "chance")
        axes.set(xlabel="loss on unread stories, nats per word", ylabel=label)
    panels[0, 0].legend(frameon=False, fontsize=8)
    lesson.figure(figure, "cost", "What each way of training gives away, against its loss on unread stories")

# %% [markdown]
# ## Personal data taken out before training
#
# What was never read cannot be told. A scrubber finds personal data and puts its type in its place: patterns for what
# has a form (addresses of mail, card numbers with a right check digit), and a tagger for names, places and the like
# (`lmbook/topics/privacy/scrubber.py`). Patterns alone take the canaries out:

# %%
caught = [any(span.type == "PHONE_NUMBER" for span in pattern_spans(text)) for text in planted]
false_alarms = sum(len(pattern_spans(text)) for text in members)
lesson.record(
    "canaries_caught", float(np.mean(caught)), "", 0, n=len(caught), note="by the pattern of telephone numbers"
)
lesson.record("pattern_false_alarms", false_alarms, "", 0, n=len(members), note="in the stories")

# %% [markdown]
# Two taggers learn from `pii_synthetic`, sentences with invented personal data: an averaged perceptron with weights of
# its own only, and MiniLM with all weights tuned (`lmbook/topics/privacy/minilm_tagger.py`). They are scored word by
# word, as the set's own tool does: a word of personal data counts when its type is right; whole spans, with both ends
# right, beside it. The sentences were made by filling in templates, and no template of the test part is in training. As
# all texts of one are found or missed alike, the interval is of drawing the templates anew. The set labels some
# addresses as a whole and others piece by piece; here, pieces of one address with nothing but spaces and commas between
# them are one span.

# %%
SAME = {"LOCATION": "GPE", "ADDRESS": "STREET_ADDRESS"}
ADDRESS = {"STREET_ADDRESS", "GPE", "ZIP_CODE"}


def prepared(records: list[dict]) -> list[dict]:
    """With one name for each type, and each address in one piece."""
    made = []
    for record in records:
        spans: list[dict] = []
        for span in record["spans"]:
            kind, last = SAME.get(span["type"], span["type"]), spans[-1] if spans else None
            parts = {kind, last and last["type"]}
            if parts <= ADDRESS and "STREET_ADDRESS" in parts:
                if re.fullmatch(r"[\s,>]*", record["text"][last["end"] : span["start"]]):
                    last |= {"type": "STREET_ADDRESS", "end": span["end"]}
                    continue
            spans.append({"type": kind, "start": span["start"], "end": span["end"]})
        made.append(record | {"spans": spans})
    return made


def f1_over_frames(records: list[dict], right: list[list], found: list[list]) -> Interval:
    """F1 of all words, and how far it moves with other frames of the same kind."""
    hits, words = Counter(), Counter()  # of each frame; words: those that are right, and those that were found
    for record, a, b in zip(records, right, found, strict=True):
        hits[record["frame"]] += len(set(a) & set(b))
        words[record["frame"]] += len(a) + len(b)
    counts = [[counter[frame] for frame in words] for counter in (hits, words)]
    return bootstrap(lambda hits, words: 2 * hits.sum() / max(1, words.sum()), *counts, seed=lesson.seed)


def trained_taggers(train: list[dict]) -> dict[str, Tagger]:
    """The small tagger, and MiniLM where its package is there."""
    first_names = {record["text"] for records in load_corpus("makemore_names").splits.values() for record in records}
    sentences = {pair["source"] for pair in load_corpus("tatoeba_eng_fra").split("train")}
    known = {"first names": first_names, **known_words(sentences)}
    taggers: dict[str, Tagger] = {"perceptron": PerceptronTagger(train, known, seed=lesson.seed)}
    began = time.perf_counter()
    try:
        taggers["MiniLM"] = MiniLMTagger(train, seed=lesson.seed)
    except LmbookError as error:
        print(f"Without MiniLM: {error.message}\n{error.fix}")
    else:
        lesson.record("pii_seconds", time.perf_counter() - began, "s", None, note="tuning MiniLM")
    return taggers


def real_texts() -> None:
    """The scrubber on pii_synthetic, then a model trained on texts with and without it."""
    corpus = load_corpus("pii_synthetic")
    frames = {record["frame"] for record in corpus.split("train")}
    known = float(np.mean([record["frame"] in frames for record in corpus.split("test")]))
    lesson.record("pii_known_frames", known, note="test texts with a frame that stands in the training part as well")
    held_out = prepared(corpus.split("test"))
    taggers = trained_taggers(prepared(corpus.split("train")))
    texts = [record["text"] for record in held_out]
    right = [[Span(s["type"], s["start"], s["end"]) for s in record["spans"]] for record in held_out]
    ways = {"patterns": pattern_spans, **{name: Scrubber(tagger).find for name, tagger in taggers.items()}}
    table = []
    for name, find in ways.items():
        found = [find(text) for text in texts]
        whole = score_spans(right, found, lambda span: span.type)
        cut = [[labelled_words(t, s) for t, s in zip(texts, spans, strict=True)] for spans in (right, found)]
        scores = score_spans(*cut, lambda word: word[1])
        untyped = ([[place for place, _ in words] for words in side] for side in cut)
        hidden = score_spans(*untyped, lambda place: "word")["word"].recall
        score = scores["all"]
        table.append((name, score.precision, score.recall, score.f1, whole["all"].f1, hidden))
    columns = ["", "precision", "recall", "F1", "F1 of whole spans", "recall, type aside"]
    lesson.table("pii_ways", table, columns, tolerance=0.03)
    rows = [(kind, s.precision, s.recall, s.f1, s.examples, whole[kind].f1) for kind, s in scores.items()]
    lesson.table("pii", rows, ["", "precision", "recall", "F1", "words", "F1 of whole spans"], tolerance=0.1)
    interval = f1_over_frames(held_out, *cut)
    count = len({record["frame"] for record in held_out})
    note = f"words with the right type, test part; patterns and {name}; "
    note += f"95 % over {count} frames: {interval.low:.3f} to {interval.high:.3f}"
    lesson.record("pii_f1", score.f1, tolerance=0.02, n=score.examples, note=note)
    note = "words of personal data found, type aside"
    lesson.record("pii_hidden", hidden, tolerance=0.02, n=score.examples, note=note)
    leak(Scrubber(taggers[name]), prepared(corpus.split("validation")) + held_out)


def leak(scrubber: Scrubber, records: list[dict]) -> None:
    """Train on texts that the scrubber has not seen, as they are and scrubbed, and ask for what stood in them."""
    kinds = {"PERSON", "STREET_ADDRESS", "CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "IBAN_CODE"}
    texts = {"raw": [r["text"] for r in records], "scrubbed": [scrubber.scrub(r["text"]) for r in records]}
    spans = [
        (r["text"], s["start"], s["end"]) for r in records for s in r["spans"] if s["type"] in kinds and s["start"]
    ]
    asked = [(text[:start], text[start:end]) for text, start, end in spans]
    for name, training in texts.items():
        pieces = BytePairTokenizer.train(training, 800)
        ids = [pieces.encode(text)[:63] for text in training]
        model = fresh(pieces.vocabulary_size, 96, lesson.seed, hidden_dim=96)
        data = rows_of(ids, 64, 16, lesson.seed)
        optimizer = OptimizerConfig("muon", learning_rate=6e-3, weight_decay=0.0)
        fit(model, data, steps=40 * data.steps_per_epoch, optimizer=optimizer, checks=("ids", "labels", "future"))
        prompts = [([pieces.end_id, *pieces.encode(before.rstrip())], value) for before, value in asked]
        prompts = [(prompt, value) for prompt, value in prompts if len(prompt) < 64]
        options = {"sampling": Sampling(temperature=0.0), "suppress_ids": pieces.suppress_ids}
        said = generate(model, [prompt for prompt, _ in prompts], max_new_tokens=24, **options)
        leaked = [pieces.decode(row).strip().startswith(value) for row, (_, value) in zip(said, prompts, strict=True)]
        note = f"of the personal data in the training texts, word for word when asked for; trained on {name} texts"
        lesson.record(f"leak_{name}", float(np.mean(leaked)), tolerance=0.15, n=len(leaked), note=note)


if real:
    real_texts()

# %% [markdown]
# ## What this scale cannot show
#
# A guarantee for each *text* is none for a person who wrote many, nor for what stands in many texts: the numbers with
# eight copies. Models with millions of texts pay less for the same ε, since the noise is shared by more. And a scrubber
# takes out what it finds: what identifies a person without being a name stays.

# %%
lesson.finish()
