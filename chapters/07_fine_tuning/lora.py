# %% [markdown]
# # LoRA
#
# - Article section: §3.1.4
# - Needs: instructions
# - Data: greentree (built in)
# - Minutes: quick 1, full 20 (the pre-trained model of instructions is taken where that lesson was run)
# - Memory: 3.4 GB
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
from dataclasses import dataclass

import keras
import numpy as np

from lmbook import plots
from lmbook.evaluation.instructions import score_answers
from lmbook.layers.lora import LoRADense, add_lora, dense_layers, load_lora, lora_layers, merge_lora, save_lora
from lmbook.lesson import Lesson
from lmbook.models.gpt import GPT
from lmbook.results import scratch_dir
from lmbook.training.fit import fit, reproducible
from lmbook.training.pair_validation import score_next_tokens
from lmbook.training.story_gpt import FULL, QUICK, TEST_SEED, TRAINING_SEED, greentree_gpt

lesson = Lesson("lora")
if lesson.text or lesson.corpus not in (None, "greentree"):
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
# batches and their order are the same; the learning rate is not, since $A$ and $B$ need a larger one than $W$.
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
STEPS = lesson.choose(quick=120, full=800)
RANKS = lesson.choose(quick=(8,), full=(1, 4, 8, 16))
# On validation stories, in 400 steps: for all weights the better of two rates. For rank 8 twice this one is as good;
# higher ranks do not bear it.
FULL_RATE, LORA_RATE = 4e-3, 1e-2
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
        """Adam keeps two means of 4 bytes for each number that is trained."""
        return 8 * self.trainable / 1000


def train_model(model: GPT, rate: float, steps: int = STEPS) -> tuple[int, float]:
    """Train what is trainable in `model`; gives how many numbers that is, and the seconds of a step."""
    model.jit_compile_training = lesson.full  # XLA needs some seconds for each model, and wins them back in long runs
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    history = fit(
        model,
        data,
        steps=steps,
        learning_rate=rate,
        weight_decay=0.0,
        warmup_steps=20,
        report_every=steps // 4,
        checks=("ids", "labels", "future"),
        quiet=True,
    )
    seconds = history.seconds[-1] - history.seconds[0]  # the first quarter compiles
    return trainable, seconds / (history.steps[-1] - history.steps[0])


def score(weights: list[np.ndarray]) -> tuple[float, float]:
    """The loss of the held-out answers, and the share of exact ones, of a model with these weights."""
    judge.set_weights(weights)
    loss = score_next_tokens(judge, test_data).nats_per_token
    return loss, score_answers(judge, words, test, length=64).exact


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


runs, merge_errors, kept = {}, [], {}

reproducible(lesson.seed)
tuned = stories.copy()
runs["full"] = Run(*train_model(tuned, FULL_RATE), *score(tuned.get_weights()))
full_weights = tuned.get_weights()
for rank in RANKS:
    reproducible(lesson.seed)
    adapted = stories.copy()
    add_lora(adapted, rank)
    cost = train_model(adapted, LORA_RATE)
    unmerged = logits(adapted)
    path = save_lora(adapted, scratch_dir(lesson.file) / "lora" / f"rank_{rank}.npz")
    merge_lora(adapted)
    merge_errors.append(float(np.abs(logits(adapted) - unmerged).max()))
    kept[rank] = path.stat().st_size / 1000
    runs[f"rank {rank}"] = Run(*cost, *score(adapted.get_weights()))
if lesson.full:  # the paper's own choice of matrices
    reproducible(lesson.seed)
    adapted = stories.copy()
    add_lora(adapted, 8, names=("query", "value"))
    cost = train_model(adapted, LORA_RATE)
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
lesson.record("largest_logit", float(np.abs(unmerged).max()), tolerance=10.0, note="what it is an error of")
lesson.record("kilobytes_rank_8", kept[8], "kB", 1.0, note=f"of a file; the model has {4 * total / 1000:,.0f} kB")

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
# What is saved is memory for training: gradients and the optimizer's means of the frozen weights are not kept. Time is
# hardly saved: the forward pass is the same, and the backward pass must still go through every frozen matrix to reach
# what lies below.
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
apart = np.abs(logits(ours) - logits(with_keras(ours, 8))).max()
lesson.record("keras_difference", float(apart), tolerance=1e-4, note="logits, A and B at random")
if lesson.full:
    for layer in lora_layers(ours).values():
        layer.b.assign(np.zeros(layer.b.shape))
    (_, our_seconds), (_, their_seconds) = (train_model(model, LORA_RATE, 40) for model in (ours, at_zero))
    apart = np.abs(logits(ours) - logits(at_zero)).max()
    lesson.record("keras_difference_trained", float(apart), tolerance=0.05, note="logits after 40 steps of each")
    lesson.record("keras_seconds_ratio", our_seconds / their_seconds, tolerance=None, note="a step, ours ÷ Keras'")

# %% [markdown]
# Merged and unmerged are two ways to add up the same products, and numbers of 32 bits are rounded after each addition:
# the difference is some millionths of the largest logit. Is it rounding alone? With 64 bits it must nearly vanish.


# %%
def merge_error_in_double(like: GPT) -> float:
    """The largest difference of the logits, merged against unmerged, for the changes of `like` in a float64 model."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = GPT(like.config)
    finally:
        keras.config.set_dtype_policy(policy)
    model.set_weights(before)
    load_lora(model, save_lora(like, scratch_dir(lesson.file) / "lora" / "float64.npz"))
    unmerged = logits(model)
    merge_lora(model)
    return float(np.abs(logits(model) - unmerged).max())


lesson.record("merge_error_float64", merge_error_in_double(ours), tolerance=1e-5, note="the same in 64 bits")

# %% [markdown]
# ## Why so little is enough
#
# Full fine-tuning may move each matrix in all its directions. How many does it use? Below are the singular values of
# each matrix' change $\Delta W = W_{tuned} - W_{before}$, the largest set to 1, and those of a random matrix beside
# them: the faster a curve falls, the fewer directions the change has.

# %%
new = {name: np.asarray(layer.kernel) for name, layer in dense_layers(tuned).items()}
old = {name: np.asarray(layer.kernel) for name, layer in dense_layers(stories.model).items()}
spectra: dict[str, list[np.ndarray]] = {}
for name in new:
    values = np.linalg.svd(new[name] - old[name], compute_uv=False)
    spectra.setdefault(name.split("/")[-1], []).append(values)
figure, axes = plots.new_figure("Singular values of the change", "number of the singular value", "share of the largest")
for index, (name, several) in enumerate(spectra.items()):
    mean = np.mean([values / values[0] for values in several], axis=0)
    axes.plot(range(1, len(mean) + 1), mean, label=name, **plots.line_style(index))
width = stories.model.config.hidden_dim
noise = np.linalg.svd(rng.normal(size=(width, width)), compute_uv=False)
axes.plot(range(1, width + 1), noise / noise[0], label="a random matrix", color="#888888", linestyle=":")
axes.set(xlim=(1, width), ylim=(0, 1.02))
axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "spectra", "Full fine-tuning's change of each matrix (mean of the blocks)")


def needed(values: np.ndarray, share: float = 0.9) -> int:
    """How many singular values hold this share of the sum of squares."""
    return int(np.searchsorted(np.cumsum(values**2) / np.sum(values**2), share)) + 1


counts = [needed(values) for several in spectra.values() for values in several]
lesson.record(
    "rank_for_90_percent", float(np.mean(counts)), tolerance=3.0, n=len(counts), note=f"of {width} directions"
)
lesson.record("rank_for_90_percent_random", needed(noise), tolerance=2, note="of a random matrix of that width")

# %% [markdown]
# And does the task need the rest? Each $\Delta W$ is replaced by its best approximation of rank $r$ (the largest $r$
# singular values), everything else that was tuned is kept.

# %%
if lesson.full:
    rows = []
    for rank in (0, *RANKS, 32):
        judge.set_weights(full_weights)
        for name, layer in dense_layers(judge).items():
            u, values, v = np.linalg.svd(new[name] - old[name], full_matrices=False)
            layer.kernel.assign(old[name] + (u[:, :rank] * values[:rank]) @ v[:rank])
        rows.append((f"rank {rank}", *score(judge.get_weights())))
    rows.append(("all of it", runs["full"].loss, runs["full"].exact))
    lesson.table("truncated", rows, ["", "loss", "exact"], tolerance={"loss": 0.3, "exact": 0.15})

# %%
lesson.finish()
