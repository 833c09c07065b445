# %% [markdown]
# # Machine translation
#
# - Article section: §6.2
# - Needs: encoder_decoder
# - Data: greentree (built in); the full profile also tatoeba_eng_fra
# - Minutes: quick 2 (1 where encoder_decoder was run before), full 18
# - Memory: 3.5 GB
# - Shows: what a trained translator is worth beside a dictionary, where it fails, and how a document is translated
# - Headline: greentree_bleu, greentree_dictionary_bleu, fra_bleu, fra_dictionary_bleu
#
# Chapter 05 built the Transformer that translates. Here it is put to use: the same trained models, with intervals on
# their scores, beside the oldest method there is (look every word up); then on what they were not trained for; then on
# whole documents. With sentence pairs of your own you get the same from the command line:
#
# ```
# lmbook train --task translation --data PAIRS.tsv --output runs/mine --minutes 30
# lmbook translate runs/mine --text LETTER.txt --output BRIEF.txt
# ```
#
# PAIRS.tsv has a sentence, a tab and its translation in each line; a .csv file will do too.

# %%
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lmbook import Lesson, LmbookError, score_translations, translate
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import LEXICON, Grammar, tell_stories
from lmbook.decoding import translate_lines
from lmbook.models import WordDictionary
from lmbook.recipes import SentenceTranslatorProfile, greentree_translator, sentence_translator
from lmbook.recipes.translator import FULL, QUICK

import numpy as np

lesson = Lesson("machine_translation")
if lesson.text is not None:
    raise LmbookError(
        "A text has no translations to learn from.", "For pairs of yours: lmbook train --task translation --data FILE"
    )
FOLDER = scratch_dir(lesson.file) / "models"  # where chapter 05 leaves its models
RESAMPLES = lesson.choose(quick=200, full=1000)

# %% [markdown]
# ## A model, a dictionary
#
# The model of chapter 05 reads a story of `greentree` in English and writes it in Chinese. If that lesson was run
# before, its model is loaded; else it is trained now.
#
# Beside it stands a **dictionary**. It is learned from the same pairs, by the method with which statistical translation
# began (IBM's Model 1, `lmbook/models/word_dictionary.py`): nobody says which word belongs to which, but words that
# come together in many pairs claim each other. Then each word is looked up, in the order of the source. (A Chinese word
# of two characters is two tokens here, and the dictionary gives one for one: of such a word it writes half.)
#
# BLEU and chrF are of the whole test set; the **margins** are half of a 95 % interval, by drawing the sentences anew
# (bootstrap). They say what other test sentences might have changed. Two systems whose intervals overlap are not told
# apart by this test.

# %%
made = greentree_translator(lesson.choose(quick=QUICK, full=FULL), lesson.seed, models=FOLDER)
words = made.tokenizer
english, chinese = [story.english for story in made.test], [story.chinese for story in made.test]


def translate_stories(texts: Sequence[str]) -> list[str]:
    """Greedy translations of whole stories."""
    return translate(made.model, words, texts, max_new_tokens=150, batch_size=50)


dictionary = WordDictionary(
    [(words.encode(story.english), words.encode(story.chinese)) for story in made.stories], words.vocabulary_size
)
for word in ("tree", "green", "the", "fox", "friends"):
    [source] = words.encode(word)
    print(f"{word}: {words.tokens[dictionary.translations[source]]}")
systems = {
    "dictionary": [words.decode(dictionary.translate(words.encode(text))) for text in english],
    "Transformer": translate_stories(english),
}
allowed = {"dictionary": 0.3, "Transformer": lesson.choose(quick=20.0, full=3.0)}
rows = []
for name, texts in systems.items():
    score = score_translations(texts, chinese, "zh", RESAMPLES)
    right = float(np.mean([a == b for a, b in zip(texts, chinese, strict=True)]))
    rows.append((name, score.bleu, score.bleu_margin, score.chrf, score.chrf_margin, right))
    key = "greentree" if name == "Transformer" else "greentree_dictionary"
    note = f"{name}; ± {score.bleu_margin:.1f} (95 %); {score.bleu_signature}"
    lesson.record(f"{key}_bleu", score.bleu, "", allowed[name], n=len(english), note=note)
    note = f"{name}; ± {score.chrf_margin:.1f}"
    lesson.record(f"{key}_chrf", score.chrf, "", allowed[name], n=len(english), note=note)
columns = ["", "BLEU", "BLEU ±", "chrF", "chrF ±", "exact"]
lesson.table("greentree", rows, columns, {**dict.fromkeys(columns[1:], allowed), "exact": 0.3})
print(f"\n{english[0]}\n{chinese[0]}")
for name, texts in systems.items():
    print(f"{name}: {texts[0]}")

# %% [markdown]
# ## Longer than it has learned
#
# Training had stories of three and four sentences. These are longer. No length is forbidden, and the positions, being
# rotations, exist for all; but the model never saw what stands there.

# %%
longer = tell_stories(lesson.choose(quick=500, full=3000), 13, grammar=Grammar(split="held_out", max_sentences=7))
rows, COUNT = [], lesson.choose(quick=25, full=100)
for sentences in (3, 4, 5, 6, 7):
    chosen = [story for story in longer if len(story.sentences) == sentences][:COUNT]
    texts, right = translate_stories([story.english for story in chosen]), [story.chinese for story in chosen]
    score = score_translations(texts, right, "zh", RESAMPLES)
    length = float(np.mean([len(a) / len(b) for a, b in zip(texts, right, strict=True)]))
    exact = float(np.mean([a == b for a, b in zip(texts, right, strict=True)]))
    rows.append((f"{sentences} sentences", len(chosen), score.bleu, score.bleu_margin, exact, length))
columns = ["", "stories", "BLEU", "BLEU ±", "exact", "length, of the right one"]
allowed = {"stories": 0, "BLEU": 20.0, "BLEU ±": 10.0, "exact": 0.3, columns[-1]: 0.3}
lesson.table("longer", rows, columns, allowed)
lesson.record("bleu_4_sentences", rows[1][2], "", 20.0, n=COUNT, note="as long as the longest of training")
lesson.record("bleu_7_sentences", rows[4][2], "", 20.0, n=COUNT, note="nearly twice as long")

# %% [markdown]
# ## A name that it does not know
#
# A word tokenizer has a list of words, and "Oscar" is not on it: the model reads `<unk>`, and so it could never say who
# it was. Every story below has its hero renamed. It could pass `<unk>` on; or it makes somebody up, a name that the
# story does not have.

# %%
NAMES = {entry.english: entry.chinese for entry in (*LEXICON.girls, *LEXICON.boys)}
made_up, passed_on = [], []
heroes = [(story, story.world.hero) for story in made.test[: lesson.choose(quick=50, full=200)]]
renamed = [re.sub(rf"\b{hero}\b", "Oscar", story.english, flags=re.IGNORECASE) for story, hero in heroes]
texts = translate_stories(renamed)
for (story, hero), text in zip(heroes, texts, strict=True):
    others = story.chinese.replace(NAMES[hero], "")
    made_up.append(any(name in text and name not in others for name in NAMES.values()))
    passed_on.append("<unk>" in text)
allowed = lesson.choose(quick=0.6, full=0.3)
lesson.record(
    "unknown_name_made_up", float(np.mean(made_up)), "", allowed, n=len(texts), note="somebody not in the story"
)
lesson.record("unknown_name_passed_on", float(np.mean(passed_on)), "", allowed, n=len(texts), note="<unk> is written")
print(f"{renamed[0]}\n{texts[0]}")

# %% [markdown]
# ## A document
#
# `lmbook translate` takes a text file line by line: an empty line stays empty, a line that is too long is cut where
# sentences end, lines of about the same length are translated together, the same line but once, and the file is written
# when all of it is there. A sentence that the model cannot read is refused by its line number before anything is done.

# %%
document = [english[1], "", english[2], english[3], "", english[1]]
longest = max(len(words.encode(story.english)) for story in made.stories)
translated = translate_lines(made.model, words, document, longest=longest, max_new_tokens=150, beams=1, batch_size=50)
for line in translated:
    print(line or "(an empty line)")
in_place = list(map(bool, document)) == list(map(bool, translated))
lesson.record("document_lines_kept", in_place, note="empty lines are where they were")

# %% [markdown]
# ## Real sentences
#
# English to French, on Tatoeba, with beams of four. If the full profile of chapter 05 was run before, its model is
# taken; else one like it is trained for a fifth of its steps. The dictionary has the same training pairs. Test
# sentences are never in training, nor is any translation of them.

# %%
TOKEN = re.compile(r"\w+['’]?|[^\w\s]")
SIDES = ("source", "target")
ALLOWED = 15.0  # BLEU and chrF: the model of chapter 05 is a better one


def word_by_word(train: list[dict], texts: Sequence[str]) -> list[str]:
    """Each word looked up in a dictionary that was learned from `train`; an unknown one stays as it is."""
    vocabulary: dict[str, int] = {}
    pairs = [
        tuple([vocabulary.setdefault(token, len(vocabulary)) for token in TOKEN.findall(pair[side])] for side in SIDES)
        for pair in train
    ]
    tokens = list(vocabulary)
    found = {tokens[a]: tokens[b] for a, b in WordDictionary(pairs, len(tokens)).translations.items()}
    lines = [" ".join(found.get(token, token) for token in TOKEN.findall(text)) for text in texts]
    return [re.sub(r" ([.,])", r"\1", re.sub(r"(['’]) ", r"\1", line)) for line in lines]


def real_pairs(name: str, corpus, steps: int, output: Path | None) -> None:
    """Everything about a corpus of pairs; `name` begins its keys, `output` has the checkpoints."""
    if corpus.task != "translation":
        raise LmbookError(f"{corpus.name} is for {corpus.task}.", "Give a corpus of pairs, such as tatoeba_eng_fra.")
    profile = SentenceTranslatorProfile(name, steps=steps)
    real = sentence_translator(profile, corpus, lesson.seed, output=output)
    model, pieces, test, run = real.model, real.tokenizer, real.test, real.history
    lesson.record(f"{name}_steps", run.steps[-1], "", None, note=f"of training, {run.seconds[-1] / 60:.1f} minutes")
    sources, references = ([pair[side] for pair in test] for side in SIDES)
    outputs = translate(model, pieces, sources, max_new_tokens=64, beams=4)
    looked_up = word_by_word(real.train, sources)
    rows = []
    for system, texts in {"dictionary": looked_up, "Transformer": outputs}.items():
        score = score_translations(texts, references, "13a", RESAMPLES)
        rows.append((system, score.bleu, score.bleu_margin, score.chrf, score.chrf_margin))
        key = name if system == "Transformer" else f"{name}_dictionary"
        note = f"{system}; ± {score.bleu_margin:.1f} (95 %); {score.bleu_signature}"
        lesson.record(f"{key}_bleu", score.bleu, "", ALLOWED, n=len(test), note=note)
        lesson.record(f"{key}_chrf", score.chrf, "", ALLOWED, n=len(test), note=f"{system}; ± {score.chrf_margin:.1f}")
    lesson.table(name, rows, ["", "BLEU", "BLEU ±", "chrF", "chrF ±"], ALLOWED)

    # Length: how long a sentence is decides most of how well it is translated.
    rows, points = [], []
    for low, high in ((1, 4), (5, 7), (8, 10), (11, 15), (16, 99)):
        chosen = [place for place, text in enumerate(sources) if low <= len(text.split()) <= high]
        if len(chosen) < 20:
            continue
        right = [references[place] for place in chosen]
        ours, theirs = (
            score_translations([texts[place] for place in chosen], right, "13a", RESAMPLES)
            for texts in (outputs, looked_up)
        )
        label = f"{low} to {high} words" if high < 99 else f"{low} words and more"
        rows.append((label, len(chosen), ours.bleu, ours.bleu_margin, ours.chrf, theirs.bleu))
        points.append((label, ours.bleu, ours.bleu_margin, theirs.bleu, theirs.bleu_margin))
    lesson.table(f"{name}_length", rows, ["", "sentences", "BLEU", "BLEU ±", "chrF", "BLEU of the dictionary"], None)
    figure, axes = plots.new_figure("Longer sentences", "words of the source", "BLEU, 95 % intervals")
    labels = [label.removesuffix(" words") for label, *_ in points]

    def style(index: int) -> dict:
        return {"marker": "os"[index], "capsize": 3, **plots.line_style(index)}

    axes.errorbar(labels, [p[1] for p in points], [p[2] for p in points], label="Transformer", **style(0))
    axes.errorbar(labels, [p[3] for p in points], [p[4] for p in points], label="dictionary", **style(1))
    axes.set_ylim(0)
    axes.legend(frameon=False)
    lesson.figure(figure, f"{name}_length", f"BLEU against the length of the source, {corpus.name}")

    # Names: a word with a capital inside a sentence that the reference keeps as it is.
    seen = Counter(token for pair in real.train for token in set(TOKEN.findall(pair["source"])))
    kept: dict[str, list[bool]] = {}
    for source, reference, text in zip(sources, references, outputs, strict=True):
        for token in TOKEN.findall(source)[1:]:
            if token[0].isupper() and len(token) > 1 and token in TOKEN.findall(reference):
                times = seen[token]
                label = "never" if not times else "1 to 9" if times < 10 else "10 to 999" if times < 1000 else "more"
                kept.setdefault(label, []).append(token in TOKEN.findall(text))
    order = [label for label in ("never", "1 to 9", "10 to 999", "more") if label in kept]
    rows = [(f"{label} times in training", len(kept[label]), float(np.mean(kept[label]))) for label in order]
    lesson.table(f"{name}_names", rows, ["names that stood", "in the test", "kept"], None)

    # Several sentences in a line, where it has learned single ones.
    pairs = [pair for pair in zip(sources, references, strict=True) if len(pair[0].split()) <= 8][:600]
    lines = [" ".join(source for source, _ in pairs[n : n + 3]) for n in range(0, len(pairs) - 2, 3)]
    right = [" ".join(reference for _, reference in pairs[n : n + 3]) for n in range(0, len(pairs) - 2, 3)]
    for label, by_sentence in (("whole", False), ("by_sentence", True)):
        options = {"longest": profile.max_length, "max_new_tokens": 64, "split_sentences": by_sentence}
        bleu = score_translations(translate_lines(model, pieces, lines, **options), right, "13a", RESAMPLES)
        note = f"lines of three sentences, {label.replace('_', ' ')}; ± {bleu.bleu_margin:.1f}"
        lesson.record(f"{name}_lines_{label}", bleu.bleu, "", ALLOWED, n=len(lines), note=note)

    each = [score_translations([a], [b], "13a").chrf for a, b in zip(outputs, references, strict=True)]
    worst = {}  # a sentence that is in the test twice is shown once
    for place in np.argsort(each, kind="stable"):
        if len(sources[place].split()) >= 6:
            worst.setdefault(sources[place], (outputs[place], references[place], each[place]))
    rows = [(source, *cells) for source, cells in list(worst.items())[:8]]
    lesson.table(f"{name}_worst", rows, ["", "translation", "reference", "chrF"], None)
    letter = [
        "Dear Mary,",
        "",
        "I am sorry that I could not come to the party. My brother was ill, and I had to take him to the doctor.",
        "He is much better now. Next week we want to go to the sea together.",
        "Would you like to come with us?",
        "",
        "Your friend Tom",
    ]
    options = {"longest": profile.max_length, "max_new_tokens": 64, "split_sentences": True}
    for line, written in zip(letter, translate_lines(model, pieces, letter, **options), strict=True):
        print(f"{line}\n    {written}" if line else "")


if lesson.own_text:
    real_pairs("own", lesson.real_corpus("tatoeba_eng_fra"), lesson.choose(quick=100, full=2000), None)
elif lesson.full and lesson.corpus is None:
    corpus, of_chapter_5 = lesson.real_corpus("tatoeba_eng_fra"), FOLDER / "tatoeba_fra"
    if corpus is not None:
        trained = (of_chapter_5 / "checkpoints" / "step-000003200.npz").is_file()
        steps, folder = (3200, of_chapter_5) if trained else (640, FOLDER / "tatoeba_fra_short")
        real_pairs("fra", corpus, steps, folder)

# %% [markdown]
# Look at the worst translations before you believe a score: some are wrong, some are right in other words than the
# reference, which no measure of shared words can see. Where it matters, ask people (chapter 12, `human_evaluation`).

# %%
lesson.finish()
