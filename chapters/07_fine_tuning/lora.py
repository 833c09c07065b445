# %% [markdown]
# # LoRA
#
# - Article section: §3.1.4
# - Needs: instructions
# - Data: greentree (built in)
# - Minutes: quick 1, full 50 (the pre-trained model of instructions is taken where that lesson was run)
# - Memory: 4.0 GB
# - Shows: fine-tuning with a hundredth of the weights: what it costs, what it saves, and why it works
# - Headline: exact_full, exact_rank_8, trainable_share_rank_8, merge_error
#
# Fine-tuning moves every weight of a model. For a large one that is much to store: gradients, the optimizer's means,
# and at the end a whole model for every task. **LoRA** (Hu et al. 2021) leaves each matrix $W$ as it is and learns a
# change beside it, of rank $r$:
#
# $$y = xW + b + \frac{\alpha}{r}\, x A B, \qquad A \in \mathbb{R}^{D \times r},\ B \in \mathbb{R}^{r \times F}$$
#
# $B$ starts at 0, so at first nothing is changed. At the end $AB$ can be added to $W$: the model is as fast as before.

# %%
from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path

from lmbook import GPT, Lesson, OptimizerConfig, fit, reproducible
from lmbook.book import plots, scratch_dir
from lmbook.evaluation import score_answers
from lmbook.layers import LoRADense, add_lora, dense_layers, load_lora, lora_layers, merge_lora, save_lora
from lmbook.recipes import STORY_FIT, greentree_gpt
from lmbook.recipes.story_gpt import FULL, QUICK, TEST_SEED, TRAINING_SEED
from lmbook.training import score_next_tokens

import keras
import numpy as np

lesson = Lesson("lora")
if lesson.own_text:
    print("The answers are checked by the grammar of greentree: --corpus and --text are left aside.")

# %% [markdown]
# ## The layer
#
# This is all of it:

# %%
print(inspect.getsource(LoRADense.call))

# %% [markdown]
# ## The task
#
# The GPT that has read stories (lesson `instructions`, from its checkpoints where it was run), and two of its tasks: to
# tell a story, and to answer questions about one. The loss is on the answer. Whatever is trained, the steps, the
# batches, their order and the learning rate are the same: Muon moves a matrix equally far whatever its shape is. (By
# AdamW, which LoRA is mostly trained with, $A$ and $B$ need a larger rate than $W$.)
#
# The change is put beside every matrix of the blocks. The table of vectors, which makes the logits too, stays as it is:
# LoRA has to write "It ends happily." with vectors of words that the model has never written.

# %%
stories = greentree_gpt(lesson.choose(quick=QUICK, full=FULL), lesson.seed, models=scratch_dir(lesson.file) / "models")
words = stories.tokenizer
TASKS = ("tell", "answer")
train = stories.examples(lesson.choose(quick=2_000, full=stories.profile.instructions), TRAINING_SEED, tasks=TASKS)
test = stories.examples(lesson.choose(quick=80, full=400), TEST_SEED, held_out=True, tasks=TASKS)
data, test_data = stories.batches(train, seed=lesson.seed), stories.batches(test)
STEPS = lesson.choose(quick=120, full=1_600)
RANKS = lesson.choose(quick=(8,), full=(1, 4, 8, 16))
# The rates are the best of those tried on validation stories, for all weights; LoRA takes that of Muon.
BY_MUON = replace(STORY_FIT["optimizer"], learning_rate=lesson.choose(quick=6e-3, full=3e-3))
BY_ADAMW = OptimizerConfig("adamw", learning_rate=4e-3, warmup_steps=20, weight_decay=0.0)
judge = stories.copy()  # all results are scored in one model, whose functions are compiled once


@dataclass(frozen=True)
class Run:
    """What a fine-tuning gave."""

    trainable: int
    seconds_per_step: float
    loss: float
    exact: float

    @property
    def optimizer_kilobytes(self) -> float:
        """What AdamW keeps: two means of 4 bytes for each trained number. (Muon keeps one for a matrix.)"""
        return 8 * self.trainable / 1000


def train_model(model: GPT, steps: int = STEPS, how: OptimizerConfig = BY_MUON) -> tuple[int, float]:
    """Train what is trainable in `model`; gives how many numbers that is, and the seconds of a step."""
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    history = fit(
        model,
        data,
        steps=steps,
        optimizer=how,
        report_every=steps // 4,
        checks=("ids", "labels", "future"),
        jit_compile=lesson.full,  # XLA needs some seconds for each model, and wins them back in long runs
        quiet=True,
    )
    seconds = history.seconds[-1] - history.seconds[0]  # the first quarter compiles
    return trainable, seconds / (history.steps[-1] - history.steps[0])


def score(weights: list[np.ndarray]) -> tuple[float, float]:
    """The loss of the held-out answers, and the share of exact ones, of a model with these weights."""
    judge.set_weights(weights)
    loss = score_next_tokens(judge, test_data).nats_per_token
    return loss, score_answers(judge, words, test, max_new_tokens=64).exact


# %% [markdown]
# ## Full fine-tuning, and one rank after the other
#
# After each run the change is added to the matrices, and the logits of real tokens are compared with those before: the
# largest difference is recorded. The quick profile has rank 8 alone.

# %%
before = stories.model.get_weights()
probe = next(iter(test_data.dataset(steps=1)))[0]
real = np.asarray(probe) != words.pad_id


def logits(model: GPT) -> np.ndarray:
    """Of the probe's real tokens, [tokens, V]."""
    return np.asarray(model(probe))[real]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference."""
    return float(np.abs(one - other).max())


runs, unmerged, merge_errors, files = {}, {}, [], {}

reproducible(lesson.seed)
tuned = stories.copy()
runs["full"] = Run(*train_model(tuned), *score(tuned.get_weights()))
if lesson.full:
    by_adamw = stories.copy()
    reproducible(lesson.seed)
    runs["full, AdamW"] = Run(*train_model(by_adamw, how=BY_ADAMW), *score(by_adamw.get_weights()))
for rank in RANKS:
    reproducible(lesson.seed)
    adapted = stories.copy()
    add_lora(adapted, rank)
    cost = train_model(adapted)
    unmerged[rank] = logits(adapted)
    files[rank] = save_lora(adapted, scratch_dir(lesson.file) / "lora" / f"rank_{rank}.npz")
    merge_lora(adapted)
    merge_errors.append(apart(logits(adapted), unmerged[rank]))
    runs[f"rank {rank}"] = Run(*cost, *score(adapted.get_weights()))
if lesson.full:  # the paper's own choice of matrices
    reproducible(lesson.seed)
    adapted = stories.copy()
    add_lora(adapted, 8, names=("query", "value"))
    cost = train_model(adapted)
    merge_lora(adapted)
    runs["rank 8, query and value"] = Run(*cost, *score(adapted.get_weights()))

total = stories.model.count_params()
untuned_loss, untuned_exact = score(before)
rows = [("before", 0, 0.0, 0.0, 0.0, untuned_loss, untuned_exact)]
rows += [
    (name, run.trainable, run.trainable / total, run.optimizer_kilobytes, run.seconds_per_step, run.loss, run.exact)
    for name, run in runs.items()
]
columns = ["", "trained numbers", "share", "optimizer, kB", "seconds a step", "loss", "exact"]
loose = lesson.choose(quick=0.25, full=0.06)
tolerance = {"seconds a step": None, "loss": lesson.choose(quick=0.2, full=0.04), "exact": loose, "share": 1e-6}
lesson.table("ranks", rows, columns, tolerance=tolerance)
lesson.record("exact_full", runs["full"].exact, tolerance=loose, n=len(test), note="all weights tuned")
lesson.record("exact_rank_8", runs["rank 8"].exact, tolerance=loose, n=len(test), note="LoRA of rank 8")
lesson.record("trainable_share_rank_8", runs["rank 8"].trainable / total, tolerance=1e-6, note="of all weights")
lesson.record("merge_error", max(merge_errors), tolerance=1e-4, note="merged against unmerged logits, all ranks")
largest = max(float(np.abs(of_rank).max()) for of_rank in unmerged.values())
lesson.record("largest_logit", largest, tolerance=10.0, note="what it is an error of")
size = files[8].stat().st_size / 1000
lesson.record("kilobytes_rank_8", size, "kB", 1.0, note=f"of a file; the model has {4 * total / 1000:,.0f} kB")

# %%
figure, (row,) = plots.new_panels(1, 2)
ranked = [runs[f"rank {rank}"] for rank in RANKS]
for axes, quantity, label in ((row[0], "exact", "exact answers"), (row[1], "loss", "loss, nats per token")):
    numbers = [run.trainable for run in ranked]
    axes.plot(numbers, [getattr(run, quantity) for run in ranked], marker="o", label="LoRA", **plots.line_style(0))
    for rank, run in zip(RANKS, ranked, strict=True):
        place = (run.trainable, getattr(run, quantity))
        axes.annotate(f"r = {rank}", place, xytext=(4, 5), textcoords="offset points", fontsize=8)
    full = runs["full"]
    axes.plot([full.trainable], [getattr(full, quantity)], "s", label="all weights", color=plots.line_style(1)["color"])
    axes.set(xscale="log", xlabel="trained numbers", ylabel=label)
    axes.margins(x=0.12, y=0.12)
row[0].legend(frameon=False, fontsize=9)
lesson.figure(figure, "ranks", "Quality on held-out instructions against the number of trained numbers")

# %% [markdown]
# What is saved is memory for training: gradients and the optimizer's means of the frozen weights are not kept. (The
# table counts AdamW's two means; Muon keeps one for a matrix.) Time is hardly saved: the forward pass is the same, and
# the backward pass must still go through every frozen matrix to reach what lies below.
#
# ## Keras has it too
#
# `Dense.enable_lora` does the same with another order of multiplications: it adds $AB$ to $W$ in every step, and
# multiplies once. With the same $A$ and $B$ the logits must be the same.


# %%
def with_keras(like: GPT, rank: int) -> GPT:
    """A copy of the pre-trained model with Keras' own LoRA, which starts from the A and B of `like`."""
    model = stories.copy()
    for variable in model.trainable_variables:
        variable.trainable = False
    dense = dense_layers(model)
    for name, layer in lora_layers(like).items():
        dense[name].enable_lora(rank)
        dense[name].lora_kernel_a.assign(layer.a)
        dense[name].lora_kernel_b.assign(layer.b)
    return model


ours, rng = stories.copy(), np.random.default_rng(lesson.seed)
add_lora(ours, 8)
at_zero = with_keras(ours, 8)  # as training begins: B is 0
for layer in lora_layers(ours).values():
    layer.b.assign(rng.normal(scale=0.05, size=layer.b.shape))
difference = apart(logits(ours), logits(with_keras(ours, 8)))
lesson.record("keras_difference", difference, tolerance=1e-4, note="logits, A and B at random")
if lesson.full:
    for layer in lora_layers(ours).values():
        layer.b.assign(np.zeros(layer.b.shape))
    (_, our_seconds), (_, their_seconds) = (train_model(model, 40) for model in (ours, at_zero))
    difference = apart(logits(ours), logits(at_zero))
    lesson.record("keras_difference_trained", difference, tolerance=0.05, note="logits after 40 steps of each")
    lesson.record("keras_seconds_ratio", our_seconds / their_seconds, tolerance=None, note="a step, ours ÷ Keras'")

# %% [markdown]
# Merged and unmerged are two ways to add up the same products, and numbers of 32 bits are rounded after each operation.
# Is the difference rounding alone? The same changes in a model of 64 bits tell: there it must nearly vanish (the logits
# are given in 32 bits, so their last rounding stays). And how exact is any logit of this model? The unmerged model in
# 32 bits, against itself in 64, shows it.


# %%
def in_double(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The logits, unmerged and merged, of a float64 model with the changes of a file."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = GPT(stories.model.config)
    finally:
        keras.config.set_dtype_policy(policy)
    model.set_weights(before)
    load_lora(model, path)
    with_changes = logits(model)
    merge_lora(model)
    return with_changes, logits(model)


double = {rank: in_double(path) for rank, path in files.items()}
exact = max(apart(*pair) for pair in double.values())
lesson.record("merge_error_float64", exact, tolerance=1e-5, note="the same in 64 bits")
rounding = max(apart(unmerged[rank], with_changes) for rank, (with_changes, _) in double.items())
lesson.record("rounding", rounding, tolerance=1e-4, note="unmerged in 32 bits against unmerged in 64 bits")

# %% [markdown]
# ## Why so little is enough
#
# Full fine-tuning may move each matrix in all its directions. How many does it use? Below are the singular values of
# each matrix' change $\Delta W = W_{tuned} - W_{before}$, the largest set to 1, and those of a random matrix beside
# them: the faster a curve falls, the fewer directions the change has. Muon moves a matrix equally far in all
# directions, whether the task needs it or not; AdamW (in the full profile) follows the gradient.


# %%
def changes(model: GPT) -> dict[str, np.ndarray]:
    """The change of each matrix of the blocks."""
    old = {name: np.asarray(layer.kernel) for name, layer in dense_layers(stories.model).items()}
    return {name: np.asarray(layer.kernel) - old[name] for name, layer in dense_layers(model).items()}


def needed(values: np.ndarray, share: float = 0.9) -> int:
    """How many singular values hold this share of the sum of squares."""
    return int(np.searchsorted(np.cumsum(values**2) / np.sum(values**2), share)) + 1


ways = {"muon": tuned} | ({"adamw": by_adamw} if lesson.full else {})
figure, axes = plots.new_figure("Singular values of the change", "number of the singular value", "share of the largest")
width = stories.model.config.hidden_dim
for index, (name, model) in enumerate(ways.items()):
    spectra = [np.linalg.svd(change, compute_uv=False) for change in changes(model).values()]
    mean = np.mean([values / values[0] for values in spectra], axis=0)
    label = {"muon": "full fine-tuning, Muon", "adamw": "full fine-tuning, AdamW"}[name]
    axes.plot(range(1, width + 1), mean, label=label, **plots.line_style(index))
    counts = [needed(values) for values in spectra]
    note = f"of {width} directions; mean of the matrices"
    lesson.record(f"rank_for_90_percent_{name}", float(np.mean(counts)), tolerance=3.0, n=len(counts), note=note)
noise = np.linalg.svd(rng.normal(size=(width, width)), compute_uv=False)
axes.plot(range(1, width + 1), noise / noise[0], label="a random matrix", color="#888888", linestyle=":")
axes.set(xlim=(1, width), ylim=(0, 1.02))
axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "spectra", "Full fine-tuning's change of a matrix (mean of all)")
lesson.record("rank_for_90_percent_random", needed(noise), tolerance=2, note="of a random matrix of that width")

# %% [markdown]
# And does the task need the rest? Each $\Delta W$ is replaced by its best approximation of rank $r$ (the largest $r$
# singular values), everything else that was tuned is kept.

# %%
if lesson.full:
    rows = []
    for rank in (0, *RANKS, 32, 64, width):
        scores = []
        for model in ways.values():
            judge.set_weights(model.get_weights())
            layers = dense_layers(judge)
            for name, change in changes(model).items():
                u, values, v = np.linalg.svd(change, full_matrices=False)
                layers[name].kernel.assign_add((u[:, :rank] * values[:rank]) @ v[:rank] - change)
            scores += score(judge.get_weights())
        rows.append((f"rank {rank}" if rank < width else "all of it", *scores))
    columns = ["", "loss, Muon", "exact, Muon", "loss, AdamW", "exact, AdamW"]
    lesson.table("truncated", rows, columns, tolerance=dict(zip(columns[1:], (0.3, 0.15, 0.3, 0.15), strict=True)))

# %%
lesson.finish()
