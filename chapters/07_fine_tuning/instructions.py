# %% [markdown]
# # Following instructions
#
# - Article section: §3.1.4
# - Needs: gpt, sampling
# - Data: greentree (built in); the full profile also tatoeba_eng_fra, instructions_rasbt
# - Minutes: quick 2, full 37
# - Memory: 3.3 GB
# - Shows: how a model that only goes on with a text becomes one that does what it is told, and what it still cannot do
# - Headline: exact_before, exact_after, rasbt_before, rasbt_after
#
# A pre-trained model goes on with a text. Asked a question, it may go on with another question. **Instruction tuning**
# is the same training on other texts: an instruction, then a right answer, many thousand times. Nothing in the model
# changes but its weights.
#
# Whether a real assistant's answer is right is hard to say. Here the instructions are about the little world of
# `greentree`, whose grammar can check every answer to the last word.

# %%
from __future__ import annotations

import random
from collections import Counter

from lmbook import (
    GPT,
    BytePairTokenizer,
    CausalWindows,
    InstructionBatches,
    Lesson,
    LmbookError,
    OptimizerConfig,
    answer,
    continue_text,
    evaluate,
    fit,
    load_corpus,
    reproducible,
)
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import floor, tell_stories
from lmbook.evaluation import score_answers
from lmbook.models import make_config
from lmbook.pipelines import alpaca_prompt, short_prompt
from lmbook.recipes import STORY_FIT, greentree_gpt
from lmbook.recipes.story_gpt import FULL, QUICK, TEST_SEED, TRAINING_SEED, VALIDATION_SEED
from lmbook.training import score_next_tokens

lesson = Lesson("instructions")
if lesson.own_text:
    print("The answers are checked by the grammar of greentree: --corpus and --text are left aside.")

# %% [markdown]
# ## A model that goes on
#
# A GPT with today's parts (chapter 06), trained on stories and nothing else. `lmbook/recipes/story_gpt.py` has the
# recipe. The stories are short and of few words, so that it reads enough of them in a minute or two; in the full
# profile it reads them in Chinese too. Its tokenizer also knows the words of the instructions, which the model has
# never seen.

# %%
stories = greentree_gpt(lesson.choose(quick=QUICK, full=FULL), lesson.seed, models=scratch_dir(lesson.file) / "models")
words = stories.tokenizer
LENGTH = lesson.choose(quick=64, full=96)  # the longest answers have fewer tokens
print(f"{stories.model.count_params():,} weights, {words.vocabulary_size} tokens")
stories.model.jit_compile_decoding = lesson.full  # for two texts XLA takes longer than it saves
for text in continue_text(stories.model, words, "A green tree", count=2, max_new_tokens=LENGTH, temperature=0.8):
    print(text)
if lesson.full:
    told = [story.english for story in tell_stories(300, TEST_SEED, grammar=stories.seen)]
    loss = evaluate(stories.model, [words.encode(text) for text in told], words).nats_per_token
    lesson.record(
        "story_nats_per_word", loss, "nats per word", 0.02, n=len(told), note="before tuning, English stories"
    )
    lesson.record("story_floor", floor(told, words, grammar=stories.seen), "nats per word", 1e-6, note="exact")

# %% [markdown]
# ## Instructions
#
# Five tasks (`lmbook/corpora/greentree/instructions.py`). For two of them only one answer is right; the other three
# have very many right answers, and the grammar tells which: a whole story that nowhere contradicts itself, about whom
# and with which ending it was asked for; or the same story again with another end.
#
# The instructions of the test are about heroes and plants that never meet in training, neither in the stories nor in
# the instructions: "a child and a tree" may be new, though children and trees are not.

# %%
train = stories.examples(stories.profile.instructions, TRAINING_SEED)
validation = stories.examples(100, VALIDATION_SEED)
test = stories.examples(lesson.choose(quick=100, full=500), TEST_SEED, held_out=True)
for example in test[: len(stories.profile.tasks)]:
    print(f"[{example.task}]\n{short_prompt(example.instruction, example.text)} {example.answer}\n")

# %% [markdown]
# ## What is read, and what is learned
#
# The model reads `<end> prompt answer <end>` and predicts each next token. The prompt is always given, and never has to
# be written: so its labels get weight 0, and the loss is that of the answer, the `<end>` that closes it included.
# Without that `<end>` a model would never learn to stop.

# %%
data, everything = (stories.batches(train, loss_on, lesson.seed) for loss_on in ("answer", "everything"))
validation_data = stories.batches(validation)
shown = next(example for example in test if example.task == "answer")
x, y, w = (part.numpy()[0] for part in next(iter(stories.batches([shown]).dataset())))
first = int(w.argmax())  # the label of this position is the answer's first token
for place in range(first - 4, int(w.sum()) + first):
    print(f"{words.tokens[x[place]]!r:>12} → {words.tokens[y[place]]!r:<12} weight {w[place]:.0f}")
lesson.record("answer_share", data.tokens / everything.tokens, tolerance=1e-3, note="of all labels, the answers'")

# %% [markdown]
# ## Before and after
#
# The rate of exact answers of the pre-trained model, and of two that were tuned for the same number of steps on the
# same instructions: one with the loss on the answer, one with the loss on everything. Answers are greedy: the likeliest
# token each time.

# %%
STEPS = lesson.choose(quick=200, full=1600)
REPORT_EVERY = STEPS // 5
judge = stories.copy()  # all answers are given in one model, whose functions are compiled once


def tuned(batches):
    """The pre-trained model, tuned on `batches`; and the history, validated on the answers alone."""
    reproducible(lesson.seed)
    model = stories.copy()
    history = fit(
        model,
        batches,
        steps=STEPS,
        **STORY_FIT,
        validation=lambda model: score_next_tokens(model, validation_data).nats_per_token,
        report_every=REPORT_EVERY,
        restore_best=False,
        checks=("ids", "labels", "future"),  # the others are about a fresh model, and look at the first tokens of rows
    )
    return model, history


def score(model):
    """How it answers the test."""
    judge.set_weights(model.get_weights())
    return score_answers(judge, words, test, max_new_tokens=LENGTH)


before = score(stories.model)
model, history = tuned(data)
after = score(model)
other, other_history = tuned(everything)
after_other = score(other)
loose = lesson.choose(quick=0.2, full=0.05)
n = len(test)
lesson.record("exact_before", before.exact, tolerance=0.02, n=n, note="the pre-trained model, held-out combinations")
lesson.record("exact_after", after.exact, tolerance=loose, n=n, note="tuned, loss on the answer")
lesson.record("exact_everything", after_other.exact, tolerance=loose, n=n, note="tuned, loss on everything")
lesson.record("tuning_seconds", history.seconds[-1], "s", None, note=f"{STEPS} steps, validation included")
columns = ["", "before", "loss on the answer", "loss on everything"]
by_task = [scored.by_task() for scored in (before, after, after_other)]
rows = [(task, *(rates[task] for rates in by_task)) for task in stories.profile.tasks]
lesson.table("tasks", rows, columns, tolerance=lesson.choose(quick=0.3, full=0.1))

# %% [markdown]
# ## Why not learn everything?
#
# A story cannot be foreseen: whether a fox or a frog comes is chance. Of the loss on everything most is that chance, in
# prompts that nobody asks the model to write, and most of each step's gradient goes there. Its training loss is of
# another quantity and cannot be compared; the loss of the answers can, and is below, measured for both on the same
# instructions while they learn.

# %%
score_of = {name: score_next_tokens(trained, stories.batches(test)) for name, trained in (("a", model), ("e", other))}
tight = lesson.choose(quick=0.1, full=0.02)
lesson.record("answer_nats", score_of["a"].nats_per_token, "nats per token", tight, note="of held-out answers")
lesson.record(
    "answer_nats_everything", score_of["e"].nats_per_token, "nats per token", tight, note="loss on everything"
)
figure, axes = plots.new_figure("Loss of the answers while tuning", "step", "nats per token of the answers")
for index, (name, run) in enumerate((("loss on the answer", history), ("loss on everything", other_history))):
    style = plots.line_style(index)
    axes.plot(run.validation_steps, run.validation_loss, marker="o", markersize=4, label=name, **style)
axes.set_ylim(bottom=0)
axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "answers", "Loss of the answers on other instructions, tuned with and without the prompts' loss")

# %% [markdown]
# ## What it answers
#
# One example of each task, and after them what it got wrong, if anything.


# %%
def shown(index: int) -> tuple[str, str, str, bool]:
    """The prompt of a test instruction, the answers before and after tuning, and whether the last one is right."""
    prompt = short_prompt(test[index].instruction, test[index].text).replace("\n", " / ")
    return f"{index + 1}. {prompt}", before.answers[index][:80], after.answers[index], after.right[index]


firsts = list(range(len(stories.profile.tasks)))
wrong = [index for index, right in enumerate(after.right) if not right and index not in firsts][:3]
lesson.table("examples", map(shown, firsts), ["", "before (its beginning)", "after", "right"], tolerance=None)
for prompt, _, said, _ in map(shown, wrong):
    print(f"wrong: {prompt}\n  {said}")
kinds = Counter(example.kind for example, right in zip(test, after.right, strict=True) if example.kind and not right)
print("wrong answers by the kind of question:", dict(kinds) or "none")

# %% [markdown]
# It follows instructions about this world, in the words in which it was taught. It is no assistant: another wording may
# go well where it begins like one that it knows, and fail in every case where it does not.

# %%
paraphrases = ["Where does the {plant} stand?", "In which place is the {plant}?"]
places = [example for example in stories.examples(400, TEST_SEED + 1, held_out=True) if example.kind == "plant_place"]
if lesson.full:
    asked = {"as taught": [example.instruction for example in places]}
    for wording in paraphrases:
        asked[wording] = [wording.format(plant=example.instruction.split()[-1][:-1]) for example in places]
    rows = []
    for name, questions in asked.items():
        prompts = [short_prompt(question, example.text) for question, example in zip(questions, places, strict=True)]
        given = answer(model, words, prompts, max_new_tokens=16)
        right = sum(example.accepts(text) for example, text in zip(places, given, strict=True))
        rows.append((name, right / len(places), given[0]))
    lesson.table("paraphrases", rows, ["", "right", "the first answer"], tolerance=0.4)

# %% [markdown]
# ## A real set
#
# `instructions_rasbt`: 1,100 instructions with answers, made with a language model for the book "Build a Large Language
# Model (From Scratch)". The format is Alpaca's, which many sets use: some lines of words that never change, and
# headings. They cost tokens: of a small model's context, the format alone takes a good part.
#
# The model is small, and so is what it has read: the English sentences of Tatoeba, each on its own. The loss of the
# held-out answers is that of the answer's tokens, given prompt and answer so far.


# %%
def real_instructions() -> None:
    """Tune a small model on real instructions and record what it learns."""
    corpus = load_corpus("instructions_rasbt")
    sentences = sorted({pair["source"] for pair in load_corpus("tatoeba_eng_fra").split("train")})
    random.Random(1).shuffle(sentences)
    sentences = sentences[:60_000]

    def parts(split: str) -> list[tuple[str, str]]:
        return [(alpaca_prompt(r["instruction"], r["input"]), r["output"]) for r in corpus.split(split)]

    pieces = BytePairTokenizer.train([*sentences, *(text for pair in parts("train") for text in pair)], 2000)
    ids = {
        split: [(pieces.encode(prompt), pieces.encode(output)) for prompt, output in parts(split)]
        for split in ("train", "validation", "test")
    }
    print(parts("train")[0][0] + parts("train")[0][1])
    empty = len(pieces.encode(alpaca_prompt("")))
    lesson.record("rasbt_format_tokens", empty, "tokens", 0, note="of the format without any instruction")
    lengths = [1 + len(prompt) + len(output) for prompt, output in ids["train"]]
    for context in (64, 96, 128, 192):
        fits = sum(length <= context for length in lengths) / len(lengths)
        lesson.record(f"rasbt_fit_{context}", fits, tolerance=1e-6, n=len(lengths), note=f"in {context} tokens")

    def batches(split: str) -> InstructionBatches:
        return InstructionBatches(
            ids[split], pieces, tokens_per_batch=16 * 128, widths=(96, 128, 192), seed=lesson.seed
        )

    def fresh() -> GPT:
        reproducible(lesson.seed)
        sizes = {"num_layers": 4, "hidden_dim": 128, "intermediate_dim": 512, "max_sequence_length": 256}
        return GPT(make_config("gpt", pieces.vocabulary_size, **sizes, dropout=0.1))

    def tune(network: GPT) -> None:
        fit(
            network,
            batches("train"),
            steps=160,
            optimizer=OptimizerConfig(learning_rate=2e-3),
            validation=lambda model: score_next_tokens(model, batches("validation")).nats_per_token,
            report_every=20,
            checks=("ids", "labels", "future"),
        )

    reader = fresh()
    documents = [pieces.encode(sentence) for sentence in sentences]
    data = CausalWindows(documents, pieces, context=128, batch_size=16, seed=lesson.seed)
    fit(reader, data, steps=600, optimizer=OptimizerConfig("muon", learning_rate=4e-3))
    of_reader = score_next_tokens(reader, batches("test")).nats_per_token
    n = len(ids["test"])
    lesson.record("rasbt_before", of_reader, "nats per token", 0.3, n=n, note="held-out answers, pre-trained only")
    prompts = [prompt for prompt, _ in parts("test")]
    chosen = [i for i, (prompt, output) in enumerate(ids["test"]) if len(prompt) + len(output) < 140][:6]
    untuned = answer(reader, pieces, [prompts[i] for i in chosen], max_new_tokens=48)
    tune(reader)
    of_tuned = score_next_tokens(reader, batches("test"))
    lesson.record("rasbt_after", of_tuned.nats_per_token, "nats per token", 0.2, n=n, note="pre-trained, then tuned")
    lesson.record("rasbt_accuracy", of_tuned.accuracy, tolerance=0.04, n=of_tuned.tokens, note="of the next token")
    alone = fresh()
    tune(alone)
    of_alone = score_next_tokens(alone, batches("test")).nats_per_token
    lesson.record("rasbt_from_scratch", of_alone, "nats per token", 0.3, n=n, note="tuned without pre-training")
    given = answer(reader, pieces, [prompts[i] for i in chosen], max_new_tokens=48)
    rows = []
    for number, index in enumerate(chosen):
        record = corpus.split("test")[index]
        asked = " / ".join(filter(None, (record["instruction"], record["input"])))
        rows.append((asked, untuned[number].strip()[:60], given[number], record["output"]))
    lesson.table("rasbt_examples", rows, ["", "before", "after", "the set's answer"], tolerance=None)
    right = sum(text.strip() == parts("test")[index][1] for index, text in zip(chosen, given, strict=True))
    print(f"{right} of {len(chosen)} are the set's own answer")


if lesson.full:
    try:
        real_instructions()
    except LmbookError as error:
        print(f"Without instructions_rasbt: {error.message}\n{error.fix}")

# %% [markdown]
# Tuning lowers the loss of the answers a great deal: the model has learned what an answer looks like, how many of them
# begin, when they end. The examples show what it has not learned: nearly all of what an answer would have to know.
# Instructions teach how to use what pre-training has learned; a model of a million weights that has read short
# sentences has little to use.

# %%
lesson.finish()
