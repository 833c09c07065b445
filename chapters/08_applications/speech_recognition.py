# %% [markdown]
# # Speech recognition
#
# - Article section: §6.5
# - Needs: n_grams, attention
# - Data: synthetic sound (built in); the full profile also fsdd
# - Minutes: quick 1, full 12
# - Memory: 1.5 GB
# - Shows: how sound becomes words though nobody says when each was spoken, and what a language model adds and spoils
# - Headline: fsdd_accuracy, wer_before, wer_after
#
# A recogniser hears a wave of sound and writes words. Two kinds of knowledge meet in it. An **acoustic model** says
# which word it sounds like; a **language model** says which words are likely to follow each other, sound or no sound.
# This lesson trains both, lets them vote, and counts the words that are wrong, before and after. Then it asks for the
# price: what does the language model do to somebody who says what it does not expect?
#
# No recording is built into the book. So the quick profile uses **synthetic sound**: a small formant synthesiser
# (`lmbook/topics/speech/synthetic_digits.py`) "says" the ten digits in four voices. It buzzes and hisses, and nobody
# would take it for a person; it is there so that the whole path can be run offline. The figures that count are those of
# the full profile, on real recordings: the Free Spoken Digit Dataset, six speakers, each digit said 50 times by each.

# %%
from __future__ import annotations

from dataclasses import dataclass

from lmbook import (
    KneserNey,
    Lesson,
    LmbookError,
    WordTokenizer,
    count_n_grams,
    load_corpus,
    reproducible,
    wilson_interval,
)
from lmbook.book import plots
from lmbook.corpora import read_text
from lmbook.topics.speech import (
    RULES,
    Hypothesis,
    LogMel,
    Recording,
    SpeechConfig,
    SpeechRecognizer,
    SpokenSequences,
    Surroundings,
    each_utterance,
    follows_rules,
    greedy,
    joined,
    likeliest_of,
    log_probabilities,
    n_gram_scores,
    numbers,
    prefix_beam_search,
    random_numbers,
    read_wav,
    reduction_interval,
    rescored,
    train_recognizer,
    utterance,
    word_errors,
)
from lmbook.topics.speech.synthetic_digits import synthetic_digits

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from threadpoolctl import threadpool_limits

lesson = Lesson("speech_recognition")
reproducible(lesson.seed)
threadpool_limits(1, "blas")
DIGITS = "0 1 2 3 4 5 6 7 8 9".split()
tokenizer = WordTokenizer.train([" ".join(DIGITS)])
log_mel = LogMel(num_mel_bins=40)


def synthetic_sound() -> dict[str, list[Recording]]:
    """Four voices; each says each digit 12, 4 and 4 times."""
    parts = (("train", 12), ("validation", 4), ("test", 4))
    return {name: synthetic_digits(times, seed=seed) for seed, (name, times) in enumerate(parts)}


def real_sound() -> dict[str, list[Recording]]:
    """Six people; each says each digit 40, 5 and 5 times: the official test split is the recordings 0 to 4 of each."""
    return {
        name: [Recording(read_wav(one["path"]), one["label"], one["speaker"]) for one in records]
        for name, records in load_corpus("fsdd").splits.items()
    }


own_wave, own_numbers = None, None
if lesson.text and lesson.text.suffix.lower() == ".wav":
    own_wave = read_wav(lesson.text)
elif lesson.text:
    own_numbers = [" ".join(line.split()) for line in read_text(lesson.text).splitlines() if line.strip()]
    strange = next((line for line in own_numbers if not set(line.split()) <= set(DIGITS)), None)
    if strange is not None or len(own_numbers) < 50:
        raise LmbookError(
            f"{lesson.text} has {len(own_numbers)} lines" + (f", and {strange!r} among them." if strange else "."),
            'Give at least 50 lines of digits with spaces, such as "2 3 5 9".',
        )
if lesson.corpus not in (None, "fsdd"):
    raise LmbookError(f"{lesson.corpus} holds no spoken digits.", "Leave --corpus out, or name fsdd.")
sounds = {}
if lesson.full or lesson.corpus or lesson.text:
    try:
        sounds["fsdd"] = real_sound()
    except LmbookError as error:
        if lesson.corpus:
            raise
        print(f"Without fsdd: {error.message}\n{error.fix}")
if not lesson.corpus and not (lesson.text and sounds):
    sounds["synthetic"] = synthetic_sound()
for name, splits in sounds.items():
    print(f"{name}: {', '.join(f'{len(part):,} to {split}' for split, part in splits.items())}")

# %% [markdown]
# ## What the model sees
#
# 8,000 numbers a second are too many, and the wave of a word never looks the same twice. What does recur is which
# frequencies are strong, and when. Every 10 ms, 25 ms of sound are taken apart into frequencies; these are summed up in
# 40 bands, narrow for low tones and wide for high ones as in the ear (the **mel** scale; `keras.layers.MelSpectrogram`
# does it); and the logarithm is taken, because ears hear ratios. So an utterance becomes a picture of 40 rows.

# %%
shown_sound = sounds.get("fsdd") or sounds["synthetic"]
one = next(recording for recording in shown_sound["train"] if recording.text == "7")
(picture,) = each_utterance(lambda features, frames: (features, frames), [one.samples], log_mel)
figure, panels = plots.new_panels(2, 1, (7.0, 4.6))
panels[0, 0].plot(np.arange(len(one.samples)) / 8000, one.samples, linewidth=0.5, color=plots.COLOURS[0])
panels[0, 0].set(title=f'"seven", said by {one.speaker}', xlabel="seconds", ylabel="wave")
panels[1, 0].imshow(picture.T, origin="lower", aspect="auto", cmap="Blues", extent=(0, len(picture) / 100, 0, 40))
panels[1, 0].set(xlabel="seconds", ylabel="mel band")
panels[1, 0].grid(False)
for axes in panels[:, 0]:
    axes.set_xlim(0, len(one.samples) / 8000)
lesson.figure(figure, "log_mel", "A spoken digit as a wave, and as the log-mel picture that the model sees")

# %% [markdown]
# ## A baseline: one digit, no network
#
# One word of ten, cut out by hand: that needs no sequence model. The picture is cut into eight parts of equal length,
# and each part's mean is taken, so that slow and fast speakers give vectors of one size (320 numbers). The nearest of
# ten mean vectors, and logistic regression, tell what that is worth.

# %%
PARTS = 8


def fixed_size(recordings: list[Recording]) -> np.ndarray:
    """[N, 320]: the mean picture of each eighth."""
    pictures = each_utterance(lambda features, frames: (features, frames), spoken_alone(recordings), log_mel)
    return np.stack([np.concatenate([part.mean(axis=0) for part in np.array_split(one, PARTS)]) for one in pictures])


def spoken_alone(recordings: list[Recording]) -> list[np.ndarray]:
    """Each recording with a little silence around it, in a quiet room (30 dB)."""
    return [joined([one.samples], Surroundings(), np.random.default_rng(row)) for row, one in enumerate(recordings)]


def labels(recordings: list[Recording]) -> np.ndarray:
    return np.array([int(one.text) for one in recordings])


def baselines(splits: dict[str, list[Recording]]) -> dict[str, float]:
    """Accuracy on the test split; the penalty of the regression is chosen on the validation split."""
    vectors, right = ({name: of(part) for name, part in splits.items()} for of in (fixed_size, labels))

    def accuracy(model, part):
        return float((model.predict(vectors[part]) == right[part]).mean())

    tried = [LogisticRegression(C=C, max_iter=1000).fit(vectors["train"], right["train"]) for C in (0.01, 0.1, 1.0)]
    best = max(tried, key=lambda model: accuracy(model, "validation"))
    nearest = NearestCentroid().fit(vectors["train"], right["train"])
    return {"nearest mean picture": accuracy(nearest, "test"), "logistic regression": accuracy(best, "test")}


found_baselines = {}
for name, splits in sounds.items():
    found_baselines[name] = baselines(splits)
    for kind, value in found_baselines[name].items():
        key = f"{name}_{kind.split()[0]}_accuracy"
        lesson.record(key, value, "", 0.02, n=len(splits["test"]), note=f"{kind}, single digits, test")

# %% [markdown]
# ## Without saying when
#
# For sequences nobody wants to mark where each word begins. **Connectionist temporal classification** (CTC, Graves et
# al. 2006) does without. At every position (here each 40 ms) the network says a token or the **blank**, "nothing new".
# A path through the positions becomes a text by merging repetitions and then removing blanks:
#
# $$\text{2 2 \_ 3 \_ \_ 3 3 9} \;\to\; \text{2 3 3 9} \qquad\qquad p(\text{text}) = \sum_{\text{paths of the text}}\;
# \prod_t p_t(\text{path}_t)$$
#
# The loss is $-\ln p(\text{text})$. There are very many paths, and the forward algorithm adds them up in one pass
# (`lmbook/topics/speech/ctc.py`, 15 lines; the tests compare it with going through every path, and TensorFlow's loss
# with it). The blank is not decoration: without one between, "3 3" could not be told from a long "3".
#
# The network (`lmbook/topics/speech/recognizer.py`): two convolutions, each halving the number of positions, then two
# of the book's Transformer blocks. It is trained on utterances that are joined anew for every batch from training
# recordings of one speaker: one to five digits **drawn evenly**, with small pauses, played up to a tenth faster or
# slower, in noise of 0 to 30 dB. So the acoustic model can know nothing of the rules of numbers that come later; what
# it learns is sound. For a single digit we ask which of the ten one-word texts has the highest probability.

# %%
NOISY = (0.0, 30.0)
BATCH = {"synthetic": 16, "fsdd": 24}
STEPS = {"synthetic": 140, "fsdd": lesson.choose(quick=350, full=700)}
SHAPES = {"synthetic": {"hidden_dim": 64, "intermediate_dim": 128}, "fsdd": {"hidden_dim": 96, "intermediate_dim": 192}}
LOOSE = {"synthetic": 3.0, "fsdd": 1.0}  # so few steps end a little differently on another number of cores
SEEDS = {"synthetic": [lesson.seed], "fsdd": [lesson.seed + n for n in range(lesson.choose(quick=1, full=3))]}


def trained(name: str, seed: int) -> SpeechRecognizer:
    """An acoustic model of digits in any order."""
    print(f"\n{name}, seed {seed}")
    keras.utils.set_random_seed(seed)
    model = SpeechRecognizer(SpeechConfig(tokenizer.vocabulary_size, 40, num_layers=2, **SHAPES[name]))
    data = SpokenSequences(
        sounds[name]["train"],
        tokenizer,
        batch_size=BATCH[name],
        words=(1, 5),
        around=Surroundings(snr=NOISY, speed=0.1),
        log_mel=log_mel,
        seed=seed,
    )
    train_recognizer(model, data, steps=STEPS[name], learning_rate=3e-3)
    return model


models = {name: [trained(name, seed) for seed in SEEDS[name]] for name in sounds}
for name, of_seeds in models.items():
    test = sounds[name]["test"]
    waves, right = spoken_alone(test), labels(test)
    hits, free = [], []
    for model in of_seeds:
        moments = log_probabilities(model, waves, log_mel)
        hits.append(
            float((likeliest_of(moments, [tokenizer.encode(digit) for digit in DIGITS], tokenizer) == right).mean())
        )
        free.append(
            float(
                np.mean([tokenizer.decode(greedy(m, tokenizer)) == o.text for m, o in zip(moments, test, strict=True)])
            )
        )
    low, high = wilson_interval(round(np.mean(hits) * len(test)), len(test))
    note = f"single digits, test; 95 % interval of one test of {len(test)}: {low:.3f} to {high:.3f}"
    lesson.record_mean(f"{name}_accuracy", hits, "", 0.02 * LOOSE[name], note)
    note = "the same without being told that it is one digit: the text is just that digit"
    lesson.record_mean(f"{name}_free_accuracy", free, "", 0.03 * LOOSE[name], note)

# %% [markdown]
# ## Numbers with rules, and a language model that has read them
#
# People rarely say digits without a rule. Here they say times and dates (`lmbook/topics/speech/number_grammar.py`):

# %%
for form, pattern in RULES.items():
    print(f"{form}: {pattern}")
VALIDATION_TEXT, TEST_TEXT = 11, 12  # seeds of the draws
READ, ORDER = 50_000, 7
if own_numbers is not None:
    read, rest = own_numbers[0::2], own_numbers[1::2]
    texts = {"validation": rest[0::2][:300], "test": rest[1::2][:300]}
else:
    read = numbers(READ, seed=10)
    size = lesson.choose(quick=120, full=300)
    texts = {"validation": numbers(size, VALIDATION_TEXT), "test": numbers(size, TEST_TEXT)}
print("  ".join(texts["test"][:5]))

# %% [markdown]
# The language model is the book's own n-gram model with Kneser-Ney smoothing (lesson `n_grams`). It reads 50,000
# numbers, as text only: no sound. It is of order 7; one of order 9, which sees a whole date, learns the dates that it
# has read by heart and thinks less of the others. A perplexity of 10 would be knowing nothing but the digits (a little
# more, since the end has to be guessed too). There are only 1,440 times of the day, so it has read all of those; of the
# 32,872 dates it has read about half.

# %%
language = KneserNey(count_n_grams([tokenizer.encode(text) for text in read], tokenizer, ORDER))
perplexity = language.perplexity([tokenizer.encode(text) for text in texts["test"]])
lesson.record("language_perplexity", perplexity, "per digit or end", 0.05, note="n-gram model, test numbers")
scores = n_gram_scores(language)

# %% [markdown]
# ## Voting
#
# **Prefix beam search** keeps the 16 likeliest beginnings of texts and, for each, the sum of its paths. What it leaves
# is a list of texts with their acoustic probability. **Rescoring** orders the list anew by
#
# $$\ln p_\text{acoustic}(\text{text} \mid \text{sound}) + w \ln p_\text{language}(\text{text})
# + b \cdot \text{number of tokens}$$
#
# with $w$ and $b$ chosen on validation utterances ($b$ is there because a language model likes short texts). With the
# same $w$ and $b$ **shallow fusion** lets the language model vote during the search already.
#
# How much is there to gain? In a quiet room, little: the acoustic model hears nearly everything. So the utterances of
# test recordings are played in white noise too, of a stated strength: the decibels say how far the voice is above the
# noise. **The headline is at 5 dB**, a loud place, fixed before the test recordings were heard; the table has the
# others. (The synthetic voices are easier: for them it is 0 dB, noise as strong as the voice.)

# %%
NOISES = lesson.choose(quick=(5, 0), full=(30, 10, 5, 0))
MAIN = {"fsdd": 5, "synthetic": 0}
BEAMS = 16
WAYS = ("greedy", "beam search", "rescored", "fusion")
WEIGHTS, BONUSES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5), (0.0, 0.5, 1.0, 2.0, 3.0)


@dataclass
class Heard:
    """What one model makes of utterances: the best path, and lists of texts without and with the language model."""

    texts: list[str]
    greedy: list[str]
    lists: list[list[Hypothesis]]
    moments: list[np.ndarray]

    def best(self, weight: float = 0.0, bonus: float = 0.0) -> list[str]:
        return [tokenizer.decode(rescored(found, weight, bonus)[0].ids) for found in self.lists]

    def fused(self, weight: float, bonus: float) -> list[str]:
        options = {"language_model": scores, "weight": weight, "bonus": bonus}
        return [tokenizer.decode(prefix_beam_search(m, tokenizer, BEAMS, **options)[0].ids) for m in self.moments]


def said(name: str, split: str, texts: list[str], snr: float) -> list[Recording]:
    """The numbers, said with recordings of the split in so much noise."""
    room = Surroundings(snr=(snr, snr))
    return [utterance(text, sounds[name][split], room, [lesson.seed, row]) for row, text in enumerate(texts)]


def hear(model: SpeechRecognizer, spoken: list[Recording]) -> Heard:
    moments = log_probabilities(model, [one.samples for one in spoken], log_mel)
    lists = [prefix_beam_search(one, tokenizer, BEAMS, language_model=scores) for one in moments]
    return Heard(
        [one.text for one in spoken], [tokenizer.decode(greedy(one, tokenizer)) for one in moments], lists, moments
    )


def chosen(heard: Heard) -> tuple[float, float]:
    """The weight and the bonus with the fewest errors on validation utterances."""
    pairs = [(weight, bonus) for weight in WEIGHTS for bonus in BONUSES]
    return min(pairs, key=lambda pair: word_errors(heard.texts, heard.best(*pair)).errors)


def errors_of_each(heard: Heard, found: list[str]) -> np.ndarray:
    return np.array([word_errors([text], [other]).errors for text, other in zip(heard.texts, found, strict=True)])


def compare(name: str, texts: list[str], snr: float) -> dict[str, list]:
    """For each way the error rate of each seed; "before" and "after": errors of each utterance, all seeds together."""
    result = {way: [] for way in (*WAYS, "before", "after")}
    for model, vote in zip(models[name], votes[name], strict=True):
        heard = hear(model, said(name, "test", texts, snr))
        ways = {"greedy": heard.greedy, "beam search": heard.best(), "rescored": heard.best(*vote)}
        for way, found in {**ways, "fusion": heard.fused(*vote)}.items():
            result[way].append(word_errors(heard.texts, found).rate)
        result["before"].append(errors_of_each(heard, ways["beam search"]))
        result["after"].append(errors_of_each(heard, ways["rescored"]))
        result["heard"] = heard
    return result


def reduction(outcome: dict[str, list]) -> tuple:
    """The share by which the errors became fewer and its interval; empty where there was no error to begin with."""
    before, after = sum(outcome["before"]), sum(outcome["after"])
    return reduction_interval(before, after) if before.sum() else ("", "", "")


def record_rates(key: str, outcome: dict[str, list], name: str, what: str) -> None:
    """The error rates before and after the vote."""
    for when, way, how in (("before", "beam search", "beam search alone"), ("after", "rescored", "rescored")):
        note = f"{what} at {MAIN[name]} dB, test recordings, {how}"
        lesson.record_mean(f"{key}_{when}", outcome[way], "errors per word", 0.03 * LOOSE[name], note)


PREFIX = {"fsdd": "", "synthetic": "synthetic_"}
FEW = 30  # of fewer errors a ratio says nothing: one more or less moves it
votes, outcomes = {}, {}
for name in sounds:
    spoken = said(name, "validation", texts["validation"], MAIN[name])
    votes[name] = [chosen(hear(model, spoken)) for model in models[name]]
    print(f"{name}: weight and bonus of each seed: {votes[name]}")
    outcomes[name] = {snr: compare(name, texts["test"], snr) for snr in NOISES}
    rows = [
        (
            f"{snr} dB",
            *(float(np.mean(outcome[way])) for way in WAYS),
            *(reduction(outcome) if np.sum(outcome["before"]) >= FEW else ("", "", "")),
        )
        for snr, outcome in outcomes[name].items()
    ]
    columns = ["noise", *WAYS, "fewer errors by", "95 % from", "to"]
    allowed = {**dict.fromkeys(WAYS, 0.03 * LOOSE[name]), **dict.fromkeys(columns[5:], 0.2 * LOOSE[name])}
    lesson.table(f"{name}_wer", rows, columns, allowed, at_most=dict.fromkeys(WAYS, {"5 dB": 0.1}))
    main = outcomes[name][MAIN[name]]
    record_rates(f"{PREFIX[name]}wer", main, name, "times and dates" if own_numbers is None else "your numbers")
    share, low, high = reduction(main)
    note = f"share of the errors that the vote removed; 95 % interval over utterances {low:.3f} to {high:.3f}"
    lesson.record(f"{PREFIX[name]}wer_reduction", share, "", 0.2 * LOOSE[name], note=note)

# %% [markdown]
# ## The other side
#
# The same two models, the same weights, and digits without any rule: a telephone number, say. The language model never
# read such a thing and holds it for a slip of the tongue. Its votes still repair some errors, by what it knows of the
# lengths of numbers, and they change what was heard rightly, now and then into a date that nobody said.

# %%
random_texts = random_numbers(len(texts["test"]), TEST_TEXT)
for name in sounds if own_numbers is None else ():
    outcomes[name]["random"] = outcome = compare(name, random_texts, MAIN[name])
    record_rates(f"{PREFIX[name]}wer_random", outcome, name, "digits without a rule")
    share, low, high = reduction(outcome)
    note = f"errors that the vote added, as a share of those before; 95 % interval {-high:.3f} to {-low:.3f}"
    lesson.record(f"{PREFIX[name]}random_harm", -share, "", 0.3 * LOOSE[name], note=note, at_most=0.8)
    for title, which in (("Times and dates", outcomes[name][MAIN[name]]), ("Without a rule", outcome)):
        heard = which["heard"]
        before, after = heard.best(), heard.best(*votes[name][-1])
        changed = [row for row in zip(heard.texts, before, after, strict=True) if row[1] != row[2]]
        print(f"\n{name}, {title.lower()}: {len(changed)} of {len(before)} changed by the vote. Said, heard, voted:")
        for row in changed[:6]:
            print("   " + "  |  ".join(f"{text:<16}" for text in row) + ("  right" if row[0] == row[2] else "  wrong"))
        made = [text for _, _, text in changed]
        print(f"   of the changed ones {sum(map(follows_rules, made))} became a time or a date")

# %% [markdown]
# ## Where the words are
#
# CTC was never told when a digit begins or ends. Still its output shows it, as spikes: the network keeps to the blank
# and says each token once, at the moment at which it is sure.

# %%
name = "fsdd" if "fsdd" in sounds else "synthetic"
number = min(texts["test"], key=lambda text: abs(len(text.split()) - 4))
(spoken,) = said(name, "test", [number], 30)
(moments,) = log_probabilities(models[name][0], [spoken.samples], log_mel)
(picture,) = each_utterance(lambda features, frames: (features, frames), [spoken.samples], log_mel)
seconds = 0.04 * np.arange(len(moments)) + 0.02
figure, panels = plots.new_panels(2, 1, (8.0, 5.0))
panels[0, 0].imshow(picture.T, origin="lower", aspect="auto", cmap="Blues", extent=(0, len(picture) / 100, 0, 40))
panels[0, 0].set(title=f'"{number}", said by {spoken.speaker}', ylabel="mel band")
panels[0, 0].grid(False)
panels[1, 0].plot(seconds, np.exp(moments[:, tokenizer.pad_id]), color=plots.FLOOR_COLOUR, linestyle=":", label="blank")
for index, digit in enumerate(dict.fromkeys(number.split())):
    curve = np.exp(moments[:, tokenizer.encode(digit)[0]])
    panels[1, 0].plot(seconds, curve, label=digit, **plots.line_style(index))
panels[1, 0].set(xlabel="seconds", ylabel="probability")
panels[1, 0].set_xlim(0, len(picture) / 100)
figure.legend(frameon=False, fontsize=9, loc="outside right center")
lesson.figure(figure, "ctc", "The output of the CTC model below the sound: a spike for each digit, blanks between")

if own_numbers is None:
    kinds = [(f"{snr} dB", snr) for snr in NOISES] + [(f"no rule,\n{MAIN[name]} dB", "random")]
    figure, axes = plots.new_figure("Words that are wrong", "", "word error rate")
    for index, (way, label) in enumerate((("beam search", "sound alone"), ("rescored", "with the language model"))):
        heights = [np.mean(outcomes[name][key][way]) for _, key in kinds]
        places = np.arange(len(kinds)) + 0.38 * (index - 0.5)
        drawn = axes.bar(places, heights, width=0.36, color=plots.COLOURS[index], label=label)
        axes.bar_label(drawn, fmt="%.3f", padding=2, fontsize=8)
    axes.set_xticks(range(len(kinds)), [label for label, _ in kinds])
    axes.grid(False, axis="x")
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(
        figure, "wer", "Word error rate with and without the language model, by noise; right: digits without a rule"
    )

# %% [markdown]
# ## Your own voice
#
# `--text FILE.wav` transcribes a recording of spoken digits with the models of this run (8 to 32 bit, any rate, mono
# or stereo). Do not expect much: six people are few to learn from, and your microphone and your room are others.
# `--text FILE.txt` takes lines of digits instead ("2 3 5 9"): the language model reads every second line, and the
# others are said with the recordings, to see what *your* rules are worth.

# %%
if own_wave is not None:
    if name == "synthetic":
        print("This model has heard synthetic voices only and will hardly understand yours: lmbook data get fsdd")
    heard = hear(models[name][0], [Recording(own_wave, "", "you")])
    print(f"heard: {heard.greedy[0]}\nas a time or a date: {heard.best(*votes[name][0])[0]}")

# %%
lesson.finish()
