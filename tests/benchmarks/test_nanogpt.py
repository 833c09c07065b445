"""What the comparison with nanoGPT computes; the comparison itself needs nanoGPT and is not part of the tests."""

from __future__ import annotations

import pytest

from lmbook.errors import LmbookError


@pytest.fixture
def nanogpt(benchmark_module):
    return benchmark_module("nanogpt")


@pytest.fixture
def ours(benchmark_module):
    return benchmark_module("nanogpt_ours")


def trained(module, seconds, loss, per_step=0.03, memory=500.0):
    return module.Trained(module.Finished("", seconds, memory), loss, per_step)


def test_the_ratios_are_those_of_medians(nanogpt):
    runs = {
        "nanoGPT": [trained(nanogpt, seconds, 1.88, 0.030) for seconds in (100, 90, 500)],
        "same loss": [trained(nanogpt, seconds, 1.85, memory=1000.0) for seconds in (30, 25, 20)],
        "same architecture": [trained(nanogpt, 80, 1.88, 0.020)] * 3,
        "same seconds": [trained(nanogpt, 100, loss) for loss in (1.60, 1.62, 1.70)],
    }
    figures = nanogpt.summary(runs)
    assert figures["reached"] is True
    assert figures["time_to_loss_ratio"] == pytest.approx(0.25)
    assert figures["steps_ratio"] == pytest.approx(1.5)
    assert figures["memory_ratio"] == pytest.approx(2.0)
    assert (figures["nanogpt_loss"], figures["equal_seconds_loss"]) == (1.88, 1.62)


def test_one_turn_above_their_loss_is_not_reached(nanogpt):
    runs = {name: [trained(nanogpt, 10, 1.8)] * 2 for name in ("nanoGPT", "same architecture", "same seconds")}
    runs["same loss"] = [trained(nanogpt, 10, 1.7), trained(nanogpt, 10, 1.9)]
    assert nanogpt.summary(runs)["reached"] is False


def test_the_time_of_a_step_is_read_from_the_log(nanogpt):
    lines = [f"iter {step}: loss 2.1, time {900 if step < 10 else 30 + step % 3}.00ms, mfu 0.1%" for step in range(40)]
    lines.insert(20, "step 20: train loss 2.3, val loss 2.4")
    assert nanogpt.milliseconds_per_step("\n".join(lines)) == 31.0
    with pytest.raises(LmbookError, match="no times"):
        nanogpt.milliseconds_per_step("\n".join(lines[:10]))


@pytest.mark.parametrize(("steps", "interval"), [(2000, 250), (40, 40), (300, 300)])
def test_the_last_state_is_saved(nanogpt, steps, interval):
    command = nanogpt.nanogpt_command("python", steps)
    assert f"--eval_interval={interval}" in command and steps % interval == 0
    assert f"--max_iters={steps}" in command and f"--lr_decay_iters={steps}" in command


def test_a_folder_that_is_no_checkout_is_named(nanogpt, tmp_path):
    with pytest.raises(LmbookError, match="no checkout of nanoGPT.*train.py"):
        nanogpt.working_copy(tmp_path, "text", "python", tmp_path / "copy")


def test_our_model_of_nanogpts_recipe_has_nanogpts_weights(ours):
    """A table of 65 characters and one of 64 places, four blocks and a last gain, nothing else."""
    D, F, L = 128, 512, 4
    assert ours.make("nanogpt", 65).count_params() == (65 + 64) * D + L * (4 * D * D + 2 * D * F + 2 * D) + D


def test_the_text_is_cut_as_nanogpt_cuts_it(ours, tmp_path):
    path = tmp_path / "input.txt"
    path.write_text("abcdefghij" * 3 + "z", encoding="utf-8")
    tokenizer, train, validation = ours.read(path)
    assert tokenizer.decode(train) == ("abcdefghij" * 3)[:27]
    assert len(validation) == 4
