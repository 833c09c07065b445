# %% [markdown]
# # One model for every task
#
# - Article section: §8.1
# - Needs: gpt, instructions
# - Data: greentree (built in)
# - Minutes: quick 1, full 18
# - Memory: 2.0 GB
# - Shows: what one model that does every task loses or gains against one model for each, and what passes between tasks
# - Headline: mean_gap
#
# For each task a model of its own: so it was done until about 2018. A language model can do with one: the task is a
# part of the text that it reads, as an instruction (Radford et al. 2019; Raffel et al. 2020, "T5"). What does that
# cost? The tasks must share the weights, which may be too few for all. And what does it bring? What one task teaches
# may be of use in another, even where that other was never taught.
#
# Five tasks about the stories of `greentree`, whose grammar checks every answer to the last word: go on with a story,
# translate a sentence, answer a question, name the topic, sum the story up.

# %%
from __future__ import annotations

import dataclasses
import time

from lmbook import GPT, Lesson, fit, reproducible
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree.instructions import Instruction
from lmbook.evaluation import AnswerScore, score_answers
from lmbook.pipelines import short_prompt
from lmbook.recipes import STORY_FIT, StoryGPTProfile, greentree_gpt
from lmbook.recipes.story_gpt import FULL, QUICK, TEST_SEED, TRAINING_SEED

import numpy as np

lesson = Lesson("multitask")
if lesson.own_text:
    print("The answers are checked by the grammar of greentree: --corpus and --text are left aside.")

# %% [markdown]
# ## What all begin from
#
# A small GPT that has read stories and nothing else (chapter 07 has the recipe; here the model and its words are
# fewer). Every model of this lesson is this one, tuned.

# %%
TASKS = lesson.choose(
    quick=("answer", "classify", "summarise"), full=("continue", "translate", "answer", "classify", "summarise")
)
WIDTH = 76  # tokens of a row: the longest prompt with its answer has 74
ROWS = 24  # instructions in a batch
PROFILE: StoryGPTProfile = dataclasses.replace(
    lesson.choose(quick=QUICK, full=FULL),
    name=f"multitask_{lesson.profile}",
    words=lesson.choose(quick=4, full=6),
    tasks=TASKS,
    stories=lesson.choose(quick=8_000, full=16_000),
    steps=lesson.choose(quick=200, full=500),
    context=48,
    batch_size=lesson.choose(quick=32, full=48),
    num_layers=2,
    hidden_dim=64,
    max_sequence_length=160,
    widths=(WIDTH,),
    tokens_per_batch=ROWS * WIDTH,
)
stories = greentree_gpt(PROFILE, lesson.seed, models=scratch_dir(lesson.file) / "models")
words = stories.tokenizer
print(f"{stories.model.count_params():,} weights, {words.vocabulary_size} tokens")

# %% [markdown]
# ## What is taught, and what is left out
#
# Each task is taught without one topic, each without another: no story about weather is ever classified, none about a
# journey summed up. So there are combinations of task and topic that no model has seen, though it has seen the topic in
# the other tasks, and the task with the other topics.
#
# The test stories are, as before, about heroes and plants that never meet in training.

# %%
LEFT_OUT = {
    "continue": "food",
    "translate": "friendship",
    "answer": "treasure",
    "classify": "weather",
    "summarise": "journey",
}
STEPS = lesson.choose(quick=80, full=300)  # for each task
SEEDS = lesson.choose(quick=(lesson.seed,), full=(lesson.seed, lesson.seed + 1))


def taught(example: Instruction) -> bool:
    """Whether this combination of task and topic is one of training."""
    return LEFT_OUT[example.task] != example.topic


needed = STEPS * ROWS  # of each task, for every instruction to be read once
made = stories.examples(int(needed * 1.3) * len(TASKS), TRAINING_SEED)  # about a sixth is left out
train = {task: [e for e in made if e.task == task and taught(e)][:needed] for task in TASKS}
count = lesson.choose(quick=60, full=200)
asked = stories.examples(12 * count * len(TASKS), TEST_SEED, held_out=True)
test = [e for task in TASKS for e in [e for e in asked if e.task == task and taught(e)][:count]]
unseen = [e for task in TASKS for e in [e for e in asked if e.task == task and not taught(e)][:count]]
LENGTH = 2 + max(len(words.encode(example.answer)) for example in asked)
for task in TASKS:
    example = train[task][0]
    print(f"[{task}]\n{short_prompt(example.instruction, example.text)} {example.answer}\n")

# %% [markdown]
# ## One against five
#
# The model for every task makes as many steps as the models for one task together, and reads as many instructions of
# each task as the model for that task does: the same examples, once each. So all of the five models together cost what
# the one costs, and have five times its weights.

# %%
reader = stories.copy()  # answers with the weights of each of the models, so that its loop is compiled once


@dataclasses.dataclass(frozen=True)
class Tuned:
    """Answers of a tuned model to the test, and to combinations that were left out; how long it was tuned."""

    test: AnswerScore
    unseen: AnswerScore
    steps: int
    examples: int
    seconds: float


def tune(tasks: tuple[str, ...], seed: int, steps: int | None = None) -> Tuned:
    """Tune the model on these tasks, for so many steps (None: each example once), and let it answer."""
    steps = steps or STEPS * len(tasks)
    began = time.perf_counter()
    reproducible(seed)
    model: GPT = stories.copy()
    examples = [example for task in tasks for example in train[task]]
    fit(
        model,
        stories.batches(examples, seed=seed),
        steps=steps,
        **STORY_FIT,
        checks=("ids", "labels", "future"),  # the others are about a fresh model
        jit_compile=lesson.full,  # XLA needs some seconds for each model, and wins them back in long runs
        quiet=True,
    )
    seconds = time.perf_counter() - began
    reader.set_weights(model.get_weights())
    scores = [
        score_answers(reader, words, [e for e in part if e.task in tasks], max_new_tokens=LENGTH)
        for part in (test, unseen)
    ]
    print(f"{', '.join(tasks)} (seed {seed}): {scores[0].by_task()}, left out: {scores[1].by_task()}, {seconds:.0f} s")
    return Tuned(*scores, steps, len(examples), seconds)


every = [tune(TASKS, seed) for seed in SEEDS]
alone = {task: [tune((task,), seed) for seed in SEEDS] for task in TASKS}


def rates(runs: list[Tuned], task: str, part: str = "test") -> np.ndarray:
    """Exact answers of each seed's model in a task."""
    return np.array([getattr(run, part).by_task()[task] for run in runs])


loose = lesson.choose(quick=0.3, full=0.08)
rows, gaps = [], []
for task in TASKS:
    one, many = rates(alone[task], task), rates(every, task)
    gaps.append(many - one)
    rows.append([task, *(float(np.mean(part)) for part in (one, many, many - one))])
rows.append(["mean", *(float(np.mean([row[column] for row in rows])) for column in (1, 2, 3))])
too_short = lesson.choose(quick={"a model for the task": {"summarise": 0.3}}, full=None)  # for that model
lesson.table("tasks", rows, ["", "a model for the task", "one for all", "gap"], loose, at_most=too_short)
of_seeds = np.mean(gaps, axis=0)
note = f"exact answers, one for all minus one for each; {count} test instructions a task"
lesson.record_mean("mean_gap", of_seeds, tolerance=loose, note=note)
lesson.record("worst_gap", min(row[3] for row in rows), "", loose, note="of the tasks")

# %% [markdown]
# Nobody would stop a model for one task so early. So the full profile also lets each of them make as many steps as the
# one made, on its own instructions again and again: five times the computing, all together.

# %%
if lesson.full:
    longer = {task: [tune((task,), lesson.seed, STEPS * len(TASKS))] for task in TASKS}
    rows = []
    for task in TASKS:
        one, many = float(rates(longer[task], task)[0]), float(rates(every[:1], task)[0])
        rows.append([task, one, many, many - one])
    gap = float(np.mean([row[3] for row in rows]))
    lesson.table("same_steps", rows, ["", "a model for the task", "one for all", "gap"], loose)
    lesson.record("mean_gap_same_steps", gap, "", loose, note="each model for one task made as many steps as the one")

# %% [markdown]
# What was spent:

# %%
rows = [("one for all", 1, stories.model.count_params(), every[0].steps, every[0].examples // len(TASKS))]
rows[0] += (every[0].seconds,)
singles = [alone[task][0] for task in TASKS]
rows.append(
    (
        "one for each",
        len(TASKS),
        len(TASKS) * stories.model.count_params(),
        sum(run.steps for run in singles),
        singles[0].examples,
        sum(run.seconds for run in singles),
    )
)
headings = ["", "models", "weights", "steps, all together", "instructions of each task", "seconds"]
lesson.table("costs", rows, headings, {"seconds": None})

# %% [markdown]
# ## What passes from task to task
#
# The combinations that were left out. To go on with a story or to answer a question the topic need not be known, and
# the models do it as well as with any topic. The other tasks ask for something that was never shown in them.
#
# - To **classify** a story about weather a model must write a word that no classified story had. The model for this one
#   task cannot know it. The model for all has written it in summaries of just such stories.
# - To **sum up** a story about a journey, likewise; here the word was seen as a class.
# - To **translate** a sentence with the topic's phrase, the phrase must be known in the other language; it was only
#   read, in Chinese stories. (Most sentences do not have it.)
#
# One might hope that what the model for all knows of a topic from one task serves it in the other. The table says how
# far it does. A model that was never shown an exception may as well have learned that these classes are all there are.

# %%
rows = []
for task in TASKS:
    one, many = (rates(runs, task, "unseen") for runs in (alone[task], every))
    label = f"{task}, {LEFT_OUT[task]}"
    rows.append([label, float(one.mean()), float(many.mean()), float(rates(every, task).mean())])
headings = ["task, topic left out of it", "a model for the task", "one for all", "one for all, other topics"]
never_seen = {f"{task}, {LEFT_OUT[task]}": loose for task in TASKS if task in ("classify", "summarise")}
# In the quick profile's few steps, "one for all" sometimes answers a third of what was left out, sometimes nothing.
hardly = headings[1 : lesson.choose(quick=2, full=3)]
lesson.table("unseen", rows, headings, loose, at_most=dict.fromkeys(hardly, never_seen))
for column, key in ((1, "unseen_alone"), (2, "unseen_multitask")):
    mean = float(np.mean([row[column] for row in rows]))
    lesson.record(
        key, mean, "", loose, note=f"{headings[column]}: exact answers on combinations left out, mean of tasks"
    )
wrong = []
for name, run in (("one for all", every[0]), *((f"for {task} alone", alone[task][0]) for task in TASKS)):
    for task in TASKS:
        part = run.unseen
        found = [i for i, e in enumerate(part.examples) if e.task == task and not part.right[i]][:1]
        wrong += [
            (f"{task}, {name}", part.examples[i].text[-110:], part.answers[i], part.examples[i].answer) for i in found
        ]
if wrong:
    lesson.table("wrong", wrong, ["", "the end of the text", "answered", "right"], tolerance=None)

figure, panels = plots.new_panels(1, 2, size=(10.0, 3.9))
for axes, part, title in zip(panels[0], ("test", "unseen"), ("As taught", "Combinations left out"), strict=True):
    for offset, (name, of) in enumerate(
        (("a model for the task", alone), ("one for all", dict.fromkeys(TASKS, every)))
    ):
        values = [rates(of[task], task, part) for task in TASKS]
        places = np.arange(len(TASKS)) + 0.4 * offset - 0.2
        color = plots.COLOURS[offset]
        axes.bar(places, [value.mean() for value in values], 0.36, color=color, label=name, alpha=0.85)
        for place, value in zip(places, values, strict=True):
            axes.plot([place] * len(value), value, "k.", markersize=4)
    names = TASKS if part == "test" else [f"{task}\n{LEFT_OUT[task]}" for task in TASKS]
    axes.set_xticks(range(len(TASKS)), names, fontsize=9)
    axes.set(title=title, ylim=(0, 1.05), ylabel="exact answers")
panels[0][1].legend(frameon=False, fontsize=8)
lesson.figure(figure, "rates", "Exact answers of one model for all tasks and of a model for each; points are the seeds")

# %% [markdown]
# What this cannot show: the tasks are about one small world and share most of what they need, so sharing helps. Where
# tasks have little in common, or the model is full, they get in each other's way, and much of the work on such models
# is about how the tasks are mixed. And an instruction that was never taught is not followed: the transfer is to new
# combinations, not to new tasks, for which models must be very much larger (Wei et al. 2022; Sanh et al. 2022).

# %%
lesson.finish()
