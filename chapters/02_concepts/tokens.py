# %% [markdown]
# # Tokens: characters, words, byte pairs
#
# - Article section: §2.1–2.2
# - Needs: nothing
# - Data: greentree in English and Chinese (built in); the full profile also tatoeba_eng_cmn
# - Minutes: quick 1, full 1
# - Memory: 0.3 GB
# - Shows: three ways to cut the same text, in English and in Chinese, and what each costs
# - Headline: bytes_per_token_english, bytes_per_token_chinese, english_tokens_per_chinese_character
#
# A language model reads numbers. Before anything is learned, somebody has decided which pieces of text get a number of
# their own: the **tokens**. The article calls them words. That is one choice among several, and for a
# language that is written without spaces it is not even clear what it means.
#
# Two prices pull against each other. A large vocabulary makes a long table of vectors and a wide layer of logits;
# a small one makes long sequences, and every position costs a step of the model. This lesson cuts the same stories,
# told in English and in Chinese, in three ways, and measures both prices.

# %%
from __future__ import annotations

from lmbook import BytePairTokenizer, CharacterTokenizer, Lesson, WordTokenizer
from lmbook.book import plots
from lmbook.corpora.greentree.corpus import load
from lmbook.tokenizers import byte_characters, merge, train_merges

from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

BYTE_PAIRS = 1024  # the vocabulary of the byte pairs in the comparison
SIZES = (260, 300, 400, 512, 768, 1024, 1536, 2048, 3072, 4096)  # of those in the curve, the largest last
WIDTH = 128  # of a token's vector, to count weights

lesson = Lesson("tokens")
LANGUAGES = ("English", "Chinese")
train = {language: load(language.lower()).texts("train") for language in LANGUAGES}
held_out = {language: load(language.lower()).texts("test") for language in LANGUAGES}
for language in LANGUAGES:
    print(held_out[language][0])

# %% [markdown]
# ## Three ways to cut
#
# **Characters.** Every character is a token. English has few, Chinese thousands.
#
# **Words.** In English, what stands between spaces, and each punctuation mark. Chinese puts no spaces between words.
# `WordTokenizer` makes each Chinese character a token, as BERT's tokenizer does: in Chinese, "words" and "characters"
# are nearly the same here. (Cutting Chinese into words proper needs a dictionary or a model of its own.)
#
# **Byte pairs.** Begin with the bytes of the text in UTF-8: one for an English letter, three for a Chinese character.
# Find the pair of neighbours that occurs most often, make it one token, and go on until the vocabulary is full. What is
# frequent ends up whole, what is rare stays in pieces, and nothing is ever unknown.


# %%
def beginning(tokenizer: BytePairTokenizer, size: int) -> BytePairTokenizer:
    """The byte pairs with the first `size` tokens of the vocabulary: what training stops at when it stops earlier."""
    known, merges = set(tokenizer.tokens[:size]), []
    for pair in tokenizer.merges:
        if "".join(pair) not in known:
            break
        merges.append(pair)
    return BytePairTokenizer(tokenizer.tokens[:size], merges)


KINDS = ("characters", "words", "byte pairs")
largest = {language: BytePairTokenizer.train(train[language], SIZES[-1]) for language in LANGUAGES}
tokenizers = {}
for language in LANGUAGES:
    tokenizers[language, "characters"] = CharacterTokenizer.train(train[language])
    tokenizers[language, "words"] = WordTokenizer.train(train[language])
    tokenizers[language, "byte pairs"] = beginning(largest[language], BYTE_PAIRS)


BYTE_OF = {character: byte for byte, character in byte_characters().items()}


def readable(token: str) -> str:
    """A byte-pair token as text, or as hexadecimal bytes where it holds only a part of a character."""
    raw = bytes(BYTE_OF[character] for character in token)
    try:
        return raw.decode("utf-8").replace(" ", "␣")
    except UnicodeDecodeError:
        return raw.hex(" ").upper()


def pieces(tokenizer, text: str) -> tuple[list[str], list[int]]:
    """The tokens of a text as they are shown (␣ for a space), and how many bytes each holds."""
    tokens = [tokenizer.tokens[id] for id in tokenizer.encode(text)]
    if isinstance(tokenizer, BytePairTokenizer):
        return [readable(token) for token in tokens], [len(token) for token in tokens]
    return [token.replace(" ", "␣") for token in tokens], [len(token.encode("utf-8")) for token in tokens]


def draw_boxes(axes, row: int, words: list[str], widths: list[int]) -> None:
    """A row of boxes, one for each piece, coloured by turns."""
    left = 0.0
    for place, (word, width) in enumerate(zip(words, widths, strict=True)):
        colour = plots.COLOURS[(0, 4)[place % 2]]
        axes.add_patch(Rectangle((left, row - 0.4), width, 0.8, facecolor=colour, alpha=0.28, edgecolor="white"))
        axes.text(left + width / 2, row, word, ha="center", va="center", fontsize=9)
        left += width


def as_drawing(axes, rows: list[str], right: float) -> None:
    """No scales: the rows named at the left, the first one on top."""
    axes.grid(False)
    axes.set(xlim=(0, right), ylim=(len(rows) - 0.5, -0.5), xticks=[], yticks=range(len(rows)), yticklabels=rows)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


figure, panels = plots.new_panels(2, 1, size=(10.0, 4.0))
for axes, language, stop in zip(panels.flat, LANGUAGES, ".。", strict=True):
    sentence = held_out[language][0].split(stop)[0] + stop
    for row, kind in enumerate(KINDS):
        words, widths = pieces(tokenizers[language, kind], sentence)
        draw_boxes(axes, row, words, widths)
        print(f"{language}, {kind} ({len(words)}): {' | '.join(words)}")
    as_drawing(axes, list(KINDS), len(sentence.encode("utf-8")))
    axes.set_title(f"{language}: {len(sentence)} characters, {len(sentence.encode('utf-8'))} bytes", fontsize=10)
lesson.figure(figure, "pieces", "The same sentence in English and in Chinese, cut in three ways")

# %% [markdown]
# ## Two prices
#
# The sequence length is what the model has to read and write, one step for each token. The vocabulary costs weights: a
# vector of width $d$ for each token, and again a row of $d$ weights for its logit, $2 V d$ in all. Bytes per token say
# how much of the text one token carries; they can be compared between languages, where words cannot.
#
# The last two columns ask what comes back. An unknown token is lost for good; so is all that the tokenizer tidies
# up before it cuts. `WordTokenizer` writes everything in lower case, so no English story comes back as it was.


# %%
def tokens_per_text(tokenizer, texts: list[str]) -> float:
    return sum(len(tokenizer.encode(text)) for text in texts) / len(texts)


def measure(tokenizer, texts: list[str]) -> dict[str, float]:
    """What a tokenizer makes of texts."""
    ids = [tokenizer.encode(text) for text in texts]
    tokens = sum(map(len, ids))
    return {
        "tokens": tokens / len(texts),
        "bytes": sum(len(text.encode("utf-8")) for text in texts) / tokens,
        "unknown": sum(row.count(tokenizer.unknown_id) for row in ids) / tokens,
        "same": sum(tokenizer.decode(row) == text for row, text in zip(ids, texts, strict=True)) / len(texts),
    }


def compare(name: str, made: dict, texts: dict[str, list[str]], unit: str) -> dict:
    """The table of all tokenizers in `made`, (language, kind) -> tokenizer, on held-out texts."""
    measured = {key: measure(tokenizer, texts[key[0]]) for key, tokenizer in made.items()}
    rows = []
    for (language, kind), values in measured.items():
        size = made[language, kind].vocabulary_size
        numbers = (size, values["tokens"], values["bytes"], 2 * size * WIDTH, values["unknown"], values["same"])
        rows.append((f"{language}, {kind}", *numbers))
    columns = ["vocabulary", f"tokens per {unit}", "bytes per token", f"weights at width {WIDTH}"]
    lesson.table(name, rows, ["", *columns, "unknown", "comes back unchanged"], tolerance=1e-9)
    return measured


measured = compare("side_by_side", tokenizers, held_out, "story")
for language in LANGUAGES:
    key = language.lower()
    lesson.record(
        f"bytes_per_token_{key}", measured[language, "byte pairs"]["bytes"], tolerance=1e-9, note="byte pairs"
    )

# %% [markdown]
# Chinese needs fewer characters than English for the same story, but three bytes for each, so that in bytes the two
# are about equally long, and equally many byte pairs tell the story in both.
#
# ## The trade-off
#
# Only byte pairs let us choose, and they are trained once: a smaller vocabulary is the beginning of a larger one. With
# the bytes alone the sequence is as long as it can be; the first merges shorten it fast, later ones ever less. English
# ends where every word is whole: a merge never crosses a space, so the byte pairs become the words. Chinese has no
# spaces, only punctuation, and the pieces go on growing into whole phrases: greentree has few of them, a real
# text has many (the full profile shows one).
#
# The right-hand picture asks what happens to a text with something new in it. The tokenizers learn from the first few
# stories alone and read the held-out ones. Words and characters must have been seen; bytes always have been.


# %%
def draw_trade_off(axes, new: dict, made: dict, largest: dict, sizes, unit: str) -> None:
    """Tokens in a held-out text against the size of the vocabulary, with characters and words as points."""
    for index, language in enumerate(LANGUAGES):
        style = plots.line_style(index)
        smaller = [beginning(largest[language], size) for size in sizes]
        points = {tokenizer.vocabulary_size: tokens_per_text(tokenizer, new[language]) for tokenizer in smaller}
        axes.plot(list(points), list(points.values()), marker=".", label=f"{language}, byte pairs", **style)
        for kind, marker, size in (("characters", "s", 5), ("words", "o", 11)):
            tokenizer = made[language, kind]
            look = {"marker": marker, "markersize": size, "fillstyle": "none" if size > 5 else "full"}
            length = tokens_per_text(tokenizer, new[language])
            axes.plot(
                tokenizer.vocabulary_size,
                length,
                color=style["color"],
                linestyle="",
                label=f"{language}, {kind}",
                **look,
            )
    axes.set(xscale="log", yscale="log", xlabel="vocabulary", ylabel=f"tokens per {unit}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, fontsize=8)


def unknown_share(tokenizer, texts: list[str]) -> float:
    ids = [id for text in texts for id in tokenizer.encode(text)]
    return ids.count(tokenizer.unknown_id) / len(ids)


figure, [[left, right]] = plots.new_panels(1, 2, size=(10.0, 4.2))
draw_trade_off(left, held_out, tokenizers, largest, SIZES, "story")
counts = (5, 10, 20, 50, 100, 200, 500)
learners = {
    ("English", "words"): WordTokenizer,
    ("Chinese", "characters"): CharacterTokenizer,
    ("English", "characters"): CharacterTokenizer,
    ("Chinese", "byte pairs"): BytePairTokenizer,
}
for index, ((language, kind), learner) in enumerate(learners.items()):
    shares = [unknown_share(learner.train(train[language][:count]), held_out[language]) for count in counts]
    right.plot(counts, shares, marker=".", label=f"{language}, {kind}", **plots.line_style(index))
    lesson.record(
        f"unknown_{kind.replace(' ', '_')}_{language.lower()}",
        shares[counts.index(10)],
        tolerance=1e-9,
        note="share of the held-out tokens, vocabulary from 10 stories",
    )
right.set(xscale="log", xlabel="stories that the vocabulary is made from", ylabel="unknown share of held-out tokens")
right.legend(frameon=False, fontsize=8)
lesson.figure(figure, "trade_off", "Sequence length against vocabulary, and unknown tokens after few stories")

# %% [markdown]
# ## How the pairs grow
#
# `lmbook/tokenizers/bpe_from_scratch.py` trains byte pairs in thirty lines: count the neighbours, join the commonest,
# repeat. It learns the same merges as the library, in the same order. The first ones are the commonest letter pairs of
# English (␣ stands for the space) and the bytes that begin the commonest Chinese characters.
#
# In the picture each row is the word after one more merge of the list that takes part in it. The number says how many
# merges had been learned by then. The pairs know nothing of characters: where two Chinese characters always stand
# together, the end of one may join the beginning of the next before either is whole.

# %%
SAMPLE = {
    "English": train["English"],
    "Chinese": train["Chinese"][:100],
}  # bpe_from_scratch.py counts everything anew each time
same = all(train_merges(texts, 100) == BytePairTokenizer.train(texts, 259 + 100).merges for texts in SAMPLE.values())
lesson.record("teaching_equals_library", same, note="the first 100 merges, in both languages")
WORDS = {"English": " sunflower", "Chinese": "向日葵"}  # try others: any text of the language


def growth(word: str, merges: list[tuple[str, str]]) -> list[tuple[int, list[str]]]:
    """The word's pieces as they grow: (merges learned, pieces), beginning with its bytes."""
    alphabet = byte_characters()
    tokens = [alphabet[byte] for byte in word.encode("utf-8")]
    steps = [(0, list(tokens))]
    for count, pair in enumerate(merges, start=1):
        merge(tokens, pair)
        if len(tokens) < len(steps[-1][1]):
            steps.append((count, list(tokens)))
    return steps


figure, panels = plots.new_panels(1, 2, size=(10.0, 3.6))
for axes, language in zip(panels.flat, LANGUAGES, strict=True):
    merges = largest[language].merges
    first = ", ".join(f"{readable(a)}+{readable(b)}" for a, b in merges[:12])
    print(f"{language}, the first merges: {first}")
    steps = growth(WORDS[language], merges)
    for row, (_, tokens) in enumerate(steps):
        draw_boxes(axes, row, [readable(token) for token in tokens], [len(token) for token in tokens])
    names = ["bytes", *(f"merge {count}" for count, _ in steps[1:])]
    as_drawing(axes, names, len(WORDS[language].encode("utf-8")))
    axes.set_title(f"{language}: {WORDS[language].strip()}", fontsize=10)
    lesson.record(f"merges_for_one_word_{language.lower()}", steps[-1][0], note=WORDS[language].strip())
lesson.figure(figure, "merges", "A word grows from its bytes, merge by merge")

# %% [markdown]
# ## Whose text were the pairs learned from?
#
# A tokenizer that has learned from one language reads another one, but badly. Its vocabulary has no merge for the
# other language's bytes, so a Chinese character costs three tokens: three times the computing, and a third of the
# memory span. Readers of languages that were rare in the training text of a commercial model pay this price in money.
# Learned from both, the pairs are shared out between the two, and each story is longer than with pairs of its own.

# %%
sources = {
    "English": train["English"],
    "Chinese": train["Chinese"],
    "both": train["English"][::2] + train["Chinese"][1::2],
}
rows = []
for source, texts in sources.items():
    tokenizer = BytePairTokenizer.train(texts, BYTE_PAIRS)
    lengths = {language: tokens_per_text(tokenizer, held_out[language]) for language in LANGUAGES}
    rows.append((f"learned from {source}", *lengths.values()))
    if source == "English":
        characters = sum(map(len, held_out["Chinese"])) / len(held_out["Chinese"])
        ratio = lengths["Chinese"] / characters
        lesson.record("english_tokens_per_chinese_character", ratio, tolerance=1e-9, note="byte pairs of English")
columns = ["byte pairs", *(f"tokens per {language} story" for language in LANGUAGES)]
lesson.table("whose_text", rows, columns, tolerance=1e-9)

# %% [markdown]
# ## Real sentences
#
# Tatoeba's sentence pairs, both sides, split so that no sentence of the held-out part was seen. Now there is always
# a word that nobody has met before, and the characters of Chinese, simplified and traditional mixed, have a long tail
# too. English comes to an end again when no pair occurs twice any more, Chinese goes on into phrases; and for
# both, byte pairs of a few thousand tokens are a fair bargain: nothing unknown, for a text that is a little longer than
# in words (in Chinese even shorter than in characters).

# %%
if lesson.full:
    from lmbook import load_corpus

    tatoeba = load_corpus("tatoeba_eng_cmn")

    def sides(split: str) -> dict[str, list[str]]:
        pairs = tatoeba.split(split)
        return {"English": [pair["source"] for pair in pairs], "Chinese": [pair["target"] for pair in pairs]}

    real, new = sides("train"), sides("test")
    made = {}
    for language in LANGUAGES:
        made[language, "characters"] = CharacterTokenizer.train(real[language])
        made[language, "words"] = WordTokenizer.train(real[language])
        made[language, "2,000 words"] = WordTokenizer.train(real[language], 2000)
        largest[language] = BytePairTokenizer.train(real[language], 16384)
        made[language, "byte pairs"] = beginning(largest[language], 4096)
    measured = compare("tatoeba", made, new, "sentence")
    lesson.record("tatoeba_unknown_words", measured["English", "words"]["unknown"], tolerance=1e-9, note="English")
    lesson.record(
        "tatoeba_unknown_characters", measured["Chinese", "characters"]["unknown"], tolerance=1e-9, note="Chinese"
    )
    figure, axes = plots.new_figure("Real sentences (Tatoeba)")
    draw_trade_off(axes, new, made, largest, (260, 300, 400, 700, 1024, 2048, 4096, 8192, 16384), "sentence")
    lesson.figure(figure, "tatoeba", "Sequence length against vocabulary on real sentences")

# %% [markdown]
# The rest of the book uses characters where the text is small and nothing must be unknown, words on greentree, because
# its floor is then easy to read, and byte pairs for real text. To compare losses between them one must not count
# by token, as chapter 03 shows: a long token is harder to guess than a short one, and there are fewer.

# %%
lesson.finish()
