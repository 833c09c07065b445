# %% [markdown]
# # BERT: naming hidden words
#
# - Article section: §3.1.4
# - Needs: gpt, attention
# - Data: greentree (built in); the full profile also kjv
# - Minutes: quick 1, full 11
# - Memory: 2.0 GB
# - Shows: how a model learns from hidden words, how near it comes to the exact best, and what its vectors know
# - Headline: masked_accuracy, exact_accuracy, kjv_masked_accuracy
#
# A GPT predicts the next word and so may never look ahead. A model that is to *understand* a text that is there already
# should read it whole, but then every word would be in plain sight. BERT (Devlin et al. 2019) hides some words and asks
# for them. Nobody has to label anything: any text will do, as with GPT.

# %%
from __future__ import annotations

from collections import Counter

from lmbook import (
    BERT,
    BERTConfig,
    BERTMaskedLM,
    LabelledTexts,
    Lesson,
    MaskedTokens,
    MaskedValidation,
    OptimizerConfig,
    WordTokenizer,
    fit,
    reproducible,
)
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import NotInGrammar, Story, log_probability, tell_stories
from lmbook.models import mean_vectors
from lmbook.pipelines import padded
from lmbook.recipes import greentree_bert
from lmbook.recipes.bert import FULL, QUICK

import keras
import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

lesson = Lesson("bert")
reproducible(lesson.seed)

# %% [markdown]
# ## Hiding words
#
# In each text 15 % of the words are chosen. Eight of ten of them become `[MASK]`, one becomes a random word, and one
# stays as it is; the model is asked for all of them, and only for them. Why not masks alone? In the texts that the
# model is meant for later there are none. With wrong words here and there, and right ones that count, it cannot trust
# any word, and has to make itself a picture of each. Every time a story comes, other words are hidden in it.

# %%
EXAMPLE = "A green tree stands in the park. Anna finds a shiny key in the grass. She gives the key to Tom."
words = WordTokenizer.train([EXAMPLE])
MASK = words.vocabulary_size  # the tokenizer has no such word; the id after its last one stands for it
names = [*words.tokens, "[MASK]"]
shown = MaskedTokens([words.encode(EXAMPLE)], words, context=32, batch_size=1, mask_id=MASK, mask_selection_rate=0.4)
for ids, _, counts in shown.dataset(0, 2):
    print(" ".join(f"<{names[i]}>" if w else names[i] for i, w in zip(ids[0].numpy(), counts[0].numpy(), strict=True)))

many = [[3 + (i + j) % (MASK - 3) for j in range(60)] for i in range(2000)]
drawn = MaskedTokens(many, words, context=62, batch_size=2000, mask_id=MASK, seed=lesson.seed)
ids, truth, counts = (part.numpy() for part in next(iter(drawn.dataset())))
hidden = counts > 0
masked, kept = ids[hidden] == MASK, ids[hidden] == truth[hidden]
lesson.record("share_chosen", float(hidden.sum() / (ids > 2).sum()), tolerance=1e-6, note="of the words")
lesson.record("share_masked", float(masked.mean()), tolerance=0.01, note="of the chosen: [MASK]")
lesson.record("share_random", float((~masked & ~kept).mean()), tolerance=0.01, note="of the chosen: another word")

# %% [markdown]
# ## A BERT that reads greentree
#
# The model (`lmbook/models/bert.py`) is a stack of the encoder's blocks, with learned positions. The text is new all
# the time, so there is no dropout. It learns with 30 % of the words hidden, not 15 %: there is less to tell each by,
# but twice as many to learn from in every step, which pays where there are minutes and not weeks (Wettig et al. 2023).
#
# The validation stories have the same hidden words each time they are scored, 15 % of all, and each is masked, so that
# no place gives its answer away. The quick profile has few words of each kind, so that it meets them all often enough
# in half a minute. A blind guess has the loss ln V; a model that knows how frequent each word is has the entropy of
# these frequencies.

# %%
if not lesson.own_text:
    pretrained = greentree_bert(
        lesson.choose(quick=QUICK, full=FULL),
        lesson.seed,
        models=scratch_dir(lesson.file) / "models",
        resume="never",
        strategy=lesson.strategy,
    )
    model, tokenizer = pretrained.model, pretrained.tokenizer
    stories = [story.english for story in pretrained.test]
    right, likeliest, nats = MaskedValidation(pretrained.masked(stories)).answers(model)
    frequency = np.bincount(right)
    share = frequency[frequency > 0] / len(right)
    lesson.record("parameters", model.count_params())
    lesson.record("masked_nats", float(nats.mean()), "nats per word", 0.3, n=len(right), note="test stories")
    lesson.record("masked_accuracy", float((right == likeliest).mean()), "", 0.08, n=len(right), note="test stories")
    note = f"always naming the most frequent word: {tokenizer.tokens[frequency.argmax()]}"
    lesson.record("baseline_accuracy", float(share.max()), tolerance=1e-6, n=len(right), note=note)
    lesson.record("baseline_nats", float(-(share * np.log(share)).sum()), "nats per word", 1e-4, note="frequencies")
    curve = plots.loss_curve({"BERT": pretrained.history}, unit="nats per hidden word", title="Naming hidden words")
    lesson.figure(curve, "loss", "Training loss (with random and kept words) and validation loss (masks alone)")

# %% [markdown]
# ## Which words?
#
# Some words follow from the rest of the story, since they were said before: who acts, which plant it is, what the thing
# is called that was found. Others were drawn by lot, and nobody can do more than know the odds: the colour of a bird
# that passes by. To look a word up elsewhere in the text is a skill of its own. The full profile learns it for names,
# which come most often; what is rare, things and weather, stays at guessing, and in the quick profile names do too.

# %%
if not lesson.own_text:
    lexicon = pretrained.grammar.lexicon
    drawn_freely = "looks traits kinds manners sides thing_looks creatures colours foods tastes flowers tunes good bad"
    categories = {
        "names": (*lexicon.girls, *lexicon.boys),
        "plants": lexicon.plants,
        "places": lexicon.places,
        "things": lexicon.things,
        "weather": lexicon.weathers,
        "drawn by lot": [entry for name in drawn_freely.split() for entry in getattr(lexicon, name)],
    }
    kind_of = {entry.english: kind for kind, entries in categories.items() for entry in entries}
    kinds = np.array([kind_of.get(tokenizer.tokens[id], "all others") for id in right])
    rows = []
    for kind in (*categories, "all others"):
        of_kind = kinds == kind
        guess = np.bincount(right[of_kind]).max() / of_kind.sum()
        accuracy = (right == likeliest)[of_kind].mean()
        rows.append((kind, float(accuracy), float(guess), float(nats[of_kind].mean()), int(of_kind.sum())))
    columns = ["words", "accuracy", "most frequent", "nats per word", "how many"]
    lesson.table("kinds", rows, columns, {"accuracy": 0.1, "most frequent": 1e-6, "nats per word": 0.6})
    figure, axes = plots.new_figure("Hidden words named rightly", "share", "", size=(7.0, 4.2))
    places = np.arange(len(rows))
    for offset, column, label in ((-0.19, 1, "BERT"), (0.19, 2, "always the most frequent of the kind")):
        color = plots.COLOURS[0] if column == 1 else plots.FLOOR_COLOUR
        bars = axes.barh(places + offset, [row[column] for row in rows], 0.36, color=color, label=label)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
    axes.set_yticks(places, [row[0] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    lesson.figure(figure, "kinds", "Masked accuracy by kind of word, test stories")

# %% [markdown]
# ## The exact best
#
# How good *could* one be? Hide one word in a story. The grammar knows the probability of the story with each word of
# the language put in its place; divided by their sum, these are the exact probabilities of the hidden word given all
# that stands before and after it. No model can do better than they do, on average.


# %%
def exact_choices(text: str, place: int) -> dict[str, float]:
    """The probability of every word that can stand at this place of a story, all others being as they are."""
    told = [tokenizer.tokens[id] for id in tokenizer.encode(text)]
    chances = {}
    for word in tokenizer.tokens[3:]:
        told[place] = word
        try:
            chances[word] = np.exp(log_probability(" ".join(told), grammar=pretrained.grammar))
        except NotInGrammar:
            continue
    total = sum(chances.values())
    return {word: chance / total for word, chance in chances.items()}


def hide_one(text: str, place: int) -> tuple[str, np.ndarray]:
    """The hidden word and the model's probabilities of all words at its place."""
    row = [tokenizer.first_id, *tokenizer.encode(text), tokenizer.end_id]
    right, row[place + 1] = row[place + 1], tokenizer.vocabulary_size
    logits = model(padded([row], pretrained.profile.context, tokenizer.pad_id))[0, place + 1]
    return tokenizer.tokens[right], tf.nn.softmax(logits[3:-1]).numpy()


if not lesson.own_text:
    rng = np.random.default_rng(lesson.seed)
    scores = []
    for story in pretrained.test[: lesson.choose(quick=40, full=300)]:
        place = int(rng.integers(len(tokenizer.encode(story.english))))
        word, ours = hide_one(story.english, place)
        best = exact_choices(story.english, place)
        own_answer = tokenizer.tokens[3 + ours.argmax()]
        chance = float(ours[tokenizer.tokens.index(word) - 3])
        scores.append((-np.log(best[word]), max(best, key=best.get) == word, -np.log(chance), own_answer == word))
    exact_nats, exact_accuracy, model_nats, model_accuracy = np.mean(scores, axis=0).tolist()
    n = len(scores)
    lesson.record("exact_nats", exact_nats, "nats per word", 1e-6, n=n, note="one hidden word a story: the exact best")
    lesson.record("model_nats", model_nats, "nats per word", 0.5, n=n, note="the model on the same words")
    lesson.record("exact_accuracy", exact_accuracy, "", 1e-6, n=n, note="naming the exactly likeliest word")
    lesson.record("model_accuracy", model_accuracy, "", 0.1, n=n, note="the model on the same words")

# %% [markdown]
# ## What the vectors know
#
# To name hidden words the model must follow what happens. Does it keep that in its vectors? A **probe** finds out: the
# vectors of a story's words are averaged, and a linear classifier, which is far too simple to find out anything by
# itself, tries to read a fact off the mean. It is trained on other stories, whose facts the grammar knows. Beside it
# stand the same probe on a BERT of random weights, whose vectors know which words there are and where, and TF-IDF, the
# bag of words of chapter 01.
#
# The facts: the wish (topic), where the plant stands, where the hero is at the end, which weather it is at the end, and
# who has the thing at the end.

# %%
FACTS = {
    "topic": lambda story: story.topic,
    "place of the plant": lambda story: story.world.home,
    "place at the end": lambda story: story.world.place,
    "weather at the end": lambda story: story.world.weather or "none",
    "who has the thing": lambda story: story.world.holder or "there is none",
}


def by_layer(bert: BERT, told: list[Story]) -> np.ndarray:
    """The mean vector of each story after the embedding and after each block [N, 1 + L, D]."""

    def read(ids):
        x, real = bert.embedding(ids), ids != tokenizer.pad_id
        means = [mean_vectors(x, real)]
        for block in bert.blocks:
            x = block(x, padding_mask=real)
            means.append(mean_vectors(x, real))
        return np.stack(means, axis=1)

    texts = [tokenizer.encode(story.english) for story in told]
    options = {"tokens_per_batch": 4096, "max_length": pretrained.profile.context}
    return LabelledTexts(texts, [0] * len(told), tokenizer, **options).each(read)


def probe(seen, seen_labels: list, unseen, unseen_labels: list, penalties: tuple[float, ...]) -> float:
    """Test accuracy of a linear classifier; the best penalty is chosen on a quarter of the training stories."""
    cut = 3 * len(seen_labels) // 4
    C = penalties[0]
    if len(penalties) > 1:
        tried = [LogisticRegression(C=C, max_iter=500).fit(seen[:cut], seen_labels[:cut]) for C in penalties]
        C = penalties[int(np.argmax([one.score(seen[cut:], seen_labels[cut:]) for one in tried]))]
    return LogisticRegression(C=C, max_iter=500).fit(seen, seen_labels).score(unseen, unseen_labels)


if not lesson.own_text:
    threadpool_limits(1, "blas")
    told, asked = tell_stories(lesson.choose(quick=1000, full=4000), 43, grammar=pretrained.grammar), pretrained.test
    keras.utils.set_random_seed(lesson.seed)
    readers = {"untrained": BERT(model.config), "pre-trained": model.bert}
    features = {}
    for name, bert in readers.items():
        seen, unseen = by_layer(bert, told), by_layer(bert, asked)
        mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
        features[name] = (seen - mean) / spread, (unseen - mean) / spread
    weighing = TfidfVectorizer().fit([story.english for story in told])
    bags = [weighing.transform([story.english for story in group]) for group in (told, asked)]
    weak, strong = lesson.choose(quick=((0.1,), (10.0,)), full=((0.01, 0.1, 1.0), (1.0, 10.0, 100.0)))
    rows, layers = [], {}
    for fact, ask in FACTS.items():
        labels, right = [ask(story) for story in told], [ask(story) for story in asked]
        guess = right.count(Counter(labels).most_common(1)[0][0]) / len(right)
        untrained = probe(features["untrained"][0][:, -1], labels, features["untrained"][1][:, -1], right, weak)
        seen, unseen = features["pre-trained"]
        layers[fact] = [probe(seen[:, i], labels, unseen[:, i], right, weak) for i in range(seen.shape[1])]
        rows.append((fact, guess, probe(bags[0], labels, bags[1], right, strong), untrained, layers[fact][-1]))
    columns = ["fact", "most frequent", "bag of words", "untrained", "pre-trained"]
    lesson.table("probes", rows, columns, {"most frequent": 1e-6, **dict.fromkeys(columns[2:], 0.15)})
    figure, axes = plots.new_figure("What can be read off the mean vector", "after block", "accuracy of the probe")
    for index, (fact, values) in enumerate(layers.items()):
        axes.plot(values, marker="o", label=fact, **plots.line_style(index))
    axes.set_xticks(range(len(values)), ["embedding", *map(str, range(1, len(values)))])
    axes.set_ylim(0, 1.05)
    figure.legend(frameon=False, fontsize=9, loc="outside right center")
    lesson.figure(figure, "layers", "Accuracy of linear probes, by layer of the pre-trained model")

# %% [markdown]
# Compare the columns. What single words tell, a bag of words finds without any pre-training, while a mean of vectors
# mixes what each word says with much else. And compare the untrained model with the pre-trained one. The topic and who
# has the thing are read off the second more easily: nobody told it that stories have topics, and what it has more than
# the first comes from naming words. With the places it is the other way round, and the picture shows how they fade from
# block to block. That a probe cannot read a fact off the mean does not show that the model lacks it.
#
# ## A real text
#
# The King James Bible, a chapter a document, of which a tenth is held out. Words beyond the most frequent 5,000 are
# unknown, and are not asked for. The text is small, a few passes are all there is time for, and the model is a
# hundredth of BERT's size: do not expect wonders, but look at what it takes for possible.

# %%
if lesson.own_text or lesson.full:
    corpus = lesson.real_corpus("kjv")
    if corpus is not None:
        train = corpus.texts("train")
        reading = WordTokenizer.train(train, vocabulary_size=5000)
        V, MASK, WIDTH = reading.vocabulary_size, reading.vocabulary_size, 64

        def hide(texts: list[str], **options) -> MaskedTokens:
            ids = [reading.encode(text) for text in texts]
            return MaskedTokens(ids, reading, context=WIDTH, mask_id=MASK, **options)

        fair = {"mask_token_rate": 1.0, "random_token_rate": 0.0, "shuffle": False, "batch_size": 50}
        held_out = MaskedValidation(hide(corpus.texts("validation")[:100], **fair))
        reader = BERTMaskedLM(
            BERTConfig(V + 1, 128, 512, num_layers=3, max_sequence_length=WIDTH, dropout=0.0, stddev=0.1)
        )
        history = fit(
            reader,
            hide(train, batch_size=48, mask_selection_rate=0.3, seed=lesson.seed),
            steps=lesson.choose(quick=100, full=500),
            validation=held_out,
            optimizer=OptimizerConfig("muon", learning_rate=1e-2, muon_ratio=1.2, warmup_steps=50, weight_decay=0.0),
            checks=("ids", "initial_loss", "overfit"),
        )
        test = MaskedValidation(hide(corpus.texts("test" if "test" in corpus.splits else "validation"), **fair))
        right, likeliest, nats = test.answers(reader)
        name, n = corpus.name, len(right)
        lesson.record(f"{name}_masked_accuracy", float((right == likeliest).mean()), "", 0.02, n=n, note="test split")
        lesson.record(f"{name}_masked_nats", float(nats.mean()), "nats per word", 0.1, n=n)
        share = float(np.bincount(right).max() / n)
        note = f"always naming the most frequent word: {reading.tokens[np.bincount(right).argmax()]}"
        lesson.record(f"{name}_baseline_accuracy", share, tolerance=1e-6, n=n, note=note)
        lesson.record(f"{name}_seconds", history.seconds[-1], "s", None, note=f"training, {history.steps[-1]} steps")

# %% [markdown]
# One word hidden in each of some held-out passages, and what the model would write there.

# %%
if (lesson.own_text or lesson.full) and corpus is not None:
    rng = np.random.default_rng(1)
    passages = corpus.texts("test" if "test" in corpus.splits else "validation")
    rows = []
    for number in rng.permutation(len(passages)).tolist():
        ids = reading.encode(passages[number])[:40]
        ordinary = [p for p, id in enumerate(ids) if reading.tokens[id].isalpha() and 8 <= p < 32]
        if reading.unknown_id in ids or not ordinary or len(rows) == 8:
            continue
        place = int(rng.choice(ordinary))
        told = [reading.tokens[id] for id in ids]
        right, told[place] = told[place], "[MASK]"
        ids = [reading.first_id, *ids[:place], MASK, *ids[place + 1 :], reading.end_id]
        row = padded([ids], WIDTH, reading.pad_id)
        chances = tf.nn.softmax(reader(row)[0, place + 1]).numpy()
        guesses = ", ".join(f"{reading.tokens[id]} {chances[id]:.2f}" for id in np.argsort(-chances[:V])[:4].tolist())
        rows.append((" ".join(told[max(0, place - 8) : place + 9]), right, guesses))
    lesson.table(f"{corpus.name}_guesses", rows, ["passage", "right", "the model's four likeliest"])

# %%
lesson.finish()
