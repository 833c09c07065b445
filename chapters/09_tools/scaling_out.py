# %% [markdown]
# # From two processes to a thousand GPUs
#
# - Article section: §5.1, §7.2
# - Needs: tf_distribute
# - Data: none; the batches are random tokens
# - Minutes: quick 0.5, full 1
# - Memory: 0.2 GB, and 1 GB in each of two processes
# - Shows: what a step costs on many devices and what each must hold; a measured model of cost, asked for 1,024 GPUs
# - Headline: bandwidth_here, prediction_error, computing_share_124m, computing_share_7b
#
# Where several devices train one model (the lesson `tf_distribute`), each computes its share of the batch, and then all
# wait for the sum of their gradients. So twice the devices are not twice as fast. This lesson writes down what a step
# costs, checks the formula with two processes of this machine, and asks it what 8 to 1,024 GPUs would do with two real
# models: how fast, and whether the models fit into their memory. It ends with the commands that one would type.

# %%
from __future__ import annotations

import tempfile
from pathlib import Path

from lmbook import GPTConfig, Lesson
from lmbook.book import plots
from lmbook.cluster import BackgroundWorkers
from lmbook.files import read_json
from lmbook.topics.scaling import (
    Link,
    all_reduce_seconds,
    fit_link,
    gpt_parameters,
    ring_seconds,
    training_flops,
    training_memory,
)

lesson = Lesson("scaling_out")

# %% [markdown]
# ## A model of cost
#
# With n devices a step takes
#
# $$t(n) = \underbrace{\frac{\text{compute}}{n}}_{\text{each its share}} + \underbrace{2\,\frac{n-1}{n}\,
# \frac{\text{bytes}}{\text{bandwidth}} + 2 (n-1)\,\text{latency}}_{\text{all-reduce in a ring}}$$
#
# The ring: the gradient is cut into n pieces; in n − 1 messages the pieces are added up on their way round, in n − 1
# more the sums go round (Patarasuk and Yuan 2009). Each device sends less than twice the gradient, however many there
# are. So the second term hardly grows with n, but it does not shrink either, while the first does.
#
# Is it true here? Two worker processes run `lmbook/cluster/all_reduce_time.py`: they train models of several sizes,
# two dense layers between a table of words and logits, each alone (both at the same time) and together with the same
# rows for each. Each keeps to one core and one thread (Linux alone lets a program choose its core). What together takes
# longer is the all-reduce. Bandwidth and latency are fitted to the sizes but one, and that one is predicted. (Both
# processes are on one machine: what is measured is how fast TensorFlow moves numbers between processes, not a network.)

# %%
WIDTHS = lesson.choose(quick=(256, 768, 1024, 1280), full=(256, 512, 768, 1024, 1536, 2048))
LEFT_OUT = 1024  # this size is not shown to the model of cost, which has to predict it

with tempfile.TemporaryDirectory(prefix="lmbook-") as folder:
    file = Path(folder) / "found.json"
    options = ["--rounds", str(lesson.choose(quick=7, full=15)), "--widths", *map(str, WIDTHS)]
    BackgroundWorkers("-m", "lmbook.cluster.all_reduce_time", str(file), *options).wait()
    measured = dict(zip(WIDTHS, read_json(file), strict=True))
shown = [run for width, run in measured.items() if width != LEFT_OUT]
link = fit_link([run["bytes"] for run in shown], [run["together"] - run["alone"] for run in shown], 2)
lesson.record("bandwidth_here", link.bandwidth / 1e6, "MB/s", None, note="between two processes of this machine")
lesson.record("latency_here", 1e3 * link.latency, "ms per message", None)
rows, predicted = [], {}
for width, run in measured.items():
    predicted[width] = run["alone"] + ring_seconds(run["bytes"], 2, link)
    name = f"width {width}" + (", not in the fit" if width == LEFT_OUT else "")
    rows.append([name, run["bytes"] / 1e6, run["together"] / run["alone"], predicted[width] / run["alone"]])
columns = ["model", "gradient, MB", "step with both, times alone", "predicted, times alone"]
lesson.table("all_reduce", rows, columns, tolerance={"gradient, MB": 1e-6, columns[2]: None, columns[3]: None})
error = abs(predicted[LEFT_OUT] / measured[LEFT_OUT]["together"] - 1)
lesson.record("prediction_error", error, "", None, note="of a step's seconds, for the size that was not in the fit")

# %% [markdown]
# ## From 8 to 1,024 GPUs
#
# The same formula with the figures of a real machine. Every number that goes in stands here; change them.
#
# The GPUs are NVIDIA's H200 (SXM), 8 to a machine. Inside a machine NVLink carries 450 GB/s each way, between machines
# each GPU has a port of 400 Gbit/s. An all-reduce then has two levels: a ring inside each machine, and 8 rings side by
# side between machines, each for an eighth of the gradient. The models are GPT-3's (Brown et al. 2020, table 2.1) small
# and 6.7 B ones with its batches in tokens; the small one with the vocabulary and context of GPT-2, which makes it the
# 124 M model that everybody trains first.
#
# What the formula leaves out: an all-reduce that runs while the backward pass is still computing (it can hide most of
# the second term: this is the worst case), attention's own products, input, the wait for the slowest device, failures,
# and that a GPU with little to do does not reach its share of the peak.

# %%
PEAK_FLOPS = 989e12  # per second and GPU, bfloat16 without sparsity (NVIDIA's data sheet of the H200 SXM)
SHARE_OF_PEAK = 0.40  # what a well-kept program reaches (Llama 3: 0.38 to 0.43; Grattafiori et al. 2024, table 4)
SHARE_OF_BANDWIDTH = 0.80  # of the nominal ones below
INSIDE = Link(bandwidth=SHARE_OF_BANDWIDTH * 450e9, latency=3e-6)  # NVLink 4, one way; latency assumed
BETWEEN = Link(bandwidth=SHARE_OF_BANDWIDTH * 50e9, latency=10e-6)  # 400 Gbit/s; latency assumed
GPUS_PER_MACHINE = 8
GPU_MEMORY = 141e9  # bytes
GRADIENT_BYTES = 4  # per weight: Keras' gradients are float32 under mixed_bfloat16 too
GPUS = (8, 16, 32, 64, 128, 256, 512, 1024)
MODELS = {  # as GPT-2 is made, and tokens in a step
    "124 M": (GPTConfig(50_257, 768, 4 * 768, num_heads=12, num_layers=12, max_sequence_length=1024), 2**19),
    "7 B": (GPTConfig(50_257, 4096, 4 * 4096, num_heads=32, num_layers=32, max_sequence_length=2048), 2**21),
}


def predict(config: GPTConfig, tokens: int, gpus: int) -> tuple[float, float]:
    """Seconds of a step that compute, and seconds that wait for the sum."""
    weights = gpt_parameters(config)
    computing = training_flops(weights, tokens) / (gpus * PEAK_FLOPS * SHARE_OF_PEAK)
    summing = all_reduce_seconds(GRADIENT_BYTES * weights, gpus, GPUS_PER_MACHINE, INSIDE, BETWEEN)
    return computing, summing


rows = []
figure, axes = plots.new_figure("Predicted: no overlap, a fixed batch", "GPUs", "tokens per second")
for index, (name, (config, tokens)) in enumerate(MODELS.items()):
    speeds = []
    for gpus in GPUS:
        computing, summing = predict(config, tokens, gpus)
        speeds.append(tokens / (computing + summing))
        each = tokens / config.max_sequence_length / gpus
        rows.append([f"{name} on {gpus}", each, computing + summing, computing / (computing + summing), speeds[-1]])
    style = plots.line_style(index)
    ideal = [PEAK_FLOPS * SHARE_OF_PEAK * gpus / training_flops(gpt_parameters(config), 1) for gpus in GPUS]
    axes.plot(GPUS, speeds, marker="o", label=f"{name}, {tokens:,} tokens in a step", **style)
    axes.plot(GPUS, ideal, linewidth=1.0, label=f"{name}, if sums took no time", **{**style, "linestyle": ":"})
axes.set_xscale("log", base=2)
axes.set_yscale("log")
axes.set_xticks(GPUS, [f"{gpus:,}" for gpus in GPUS])
axes.legend(frameon=False)
lesson.figure(figure, "scaling", "Tokens per second against GPUs, predicted by the model of cost")
COLUMNS = ["GPUs", "rows of each", "seconds per step", "share that computes", "tokens per second"]
lesson.table("scaling", rows, COLUMNS, {"rows of each": 0.0, COLUMNS[2]: 1e-4, COLUMNS[3]: 1e-4, COLUMNS[4]: 1e3})
for key, name in (("124m", "124 M"), ("7b", "7 B")):
    computing, summing = predict(*MODELS[name], 1024)
    lesson.record(f"computing_share_{key}", computing / (computing + summing), "", 1e-4, note="1,024 GPUs, predicted")

# %% [markdown]
# The small model stops growing early: its step is over so quickly that the sum is most of it, and on 1,024 GPUs there
# is not even one row of text for each. The large one computes longer for every byte of gradient. This is why small
# models are trained on few GPUs, and why the batch grows with their number where they are many.
#
# ## Does it fit?
#
# Under a strategy every device holds the whole model. For each weight: 4 bytes, 4 of gradient, 8 of AdamW's two means;
# under `mixed_bfloat16` 2 more for the copy with which it computes. On top come the activations that wait for the
# backward pass (Korthikanti et al. 2022; for float32 the same numbers at twice the width), here for a single row. The
# `gradient_accumulation_steps` of `fit` keep it at that. *Recomputed* means that only the input of each block is kept
# (`keras.remat` around a block), for about a third more computing.

# %%
rows = []
for name, (config, _) in MODELS.items():
    for policy, mixed, recomputed in (
        ("float32", False, False),
        ("mixed_bfloat16", True, False),
        ("mixed_bfloat16, recomputed", True, True),
    ):
        held = training_memory(config, 1, mixed=mixed, recomputed=recomputed)
        parts = (held.parameters, held.gradients, held.optimizer, held.activations, held.total)
        rows.append([f"{name}, {policy}", *(part / 1e9 for part in parts), held.total < GPU_MEMORY])
lesson.table(
    "memory",
    rows,
    ["GB on each device", "weights", "gradients", "AdamW", "activations", "together", "fits into 141 GB"],
    tolerance=1e-3,
)

# %% [markdown]
# Weights, gradients and AdamW's means of the 7 B model take most of an H200 and more than a GPU with 80 GB has; nothing
# that `tf.distribute` does makes them smaller, because every device holds all. Programs for larger models divide them
# among the devices (ZeRO, Rajbhandari et al. 2020).
#
# ## What one would do
#
# **One GPU.** Nothing: `auto` takes it.
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --precision mixed_bfloat16
# ```
#
# Batch 64, the model's own rate. If the memory is too small, `--gradient-accumulation-steps 4`: the same model, in more
# time.
#
# **One machine, 8 GPUs.** The same command: `auto` sees them and becomes `mirrored`. The batch of 64 is shared out, 8
# rows to each, and the model is the one of before. To choose some of the GPUs:
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --strategy mirrored --devices GPU:0,GPU:1,GPU:2,GPU:3
# ```
#
# When the GPUs are not busy, let the batch grow, to 8 × 64 = 512 rows, with √8 ≈ 2.8 times the rate to begin with, and
# try half and twice that:
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --batch-size 512
# ```
#
# (The rate of `lmbook train` is the model's own; in a program it is `OptimizerConfig(learning_rate=…)`, for `fit`.)
#
# **4 machines of 8 GPUs.** On each machine the same command, with its own number K from 0:
#
# ```
# lmbook launch --hosts node0:12345,node1:12345,node2:12345,node3:12345 --index K -- \
#     lmbook train --corpus tiny_shakespeare --output model --batch-size 2048
# ```
#
# 32 GPUs share 2,048 rows, 64 each. The square root would be 5.7 times the rate; whether this little model bears it
# nobody knows: measure, as `tf_distribute` does, on a part of the text. Without `--index` the command prints what to
# type where. What each machine needs, and files for Slurm and Kubernetes, are in
# [docs/clusters.md](../../docs/clusters.md).
#
# **Without GPUs**, to see it work: `lmbook train … --cpu-devices 2`, or
# `lmbook launch --workers 2 -- lmbook train …`.

# %%
lesson.finish()
