"""What an earlier lmbook saved is read by this one: models, finished runs, and the checkpoints of a stopped run.

`make_former.py` made the files with lmbook 0.1.0, before names, files and layers were changed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from lmbook.corpora.greentree import tell_stories
from lmbook.models.gpt import GPT
from lmbook.pipelines.causal import CausalWindows
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.run_folder import load_run

DATA = Path(__file__).parent / "data"
IDS = np.array([[2, 5, 3, 7, 9, 4], [2, 8, 8, 10, 0, 0]], "int32")
MODELS = sorted(path.stem for path in DATA.glob("*.keras"))


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_gives_the_same(name):
    model = keras.models.load_model(DATA / f"{name}.keras", safe_mode=True, compile=False)
    with np.load(DATA / "outputs.npz") as outputs:
        expected = outputs[name]
    inputs = (IDS, IDS[:, :4]) if name == "encoder_decoder" else IDS
    np.testing.assert_allclose(np.asarray(model(inputs)), expected, atol=1e-5)


def test_a_finished_run_is_read():
    run = load_run(DATA / "run")
    assert isinstance(run.model, GPT) and run.config["model"] == "gpt"
    assert run.tokenizer.decode(run.tokenizer.encode("the tree")) == "the tree"


def test_a_stopped_run_goes_on(tmp_path):
    """Its last four steps of twelve, as the finished run made them."""
    finished = load_run(DATA / "run")
    shutil.copytree(DATA / "stopped", tmp_path / "stopped")
    tokenizer = finished.tokenizer
    documents = [tokenizer.encode(story.english) for story in tell_stories(40, seed=1)]
    model = GPT(finished.model.config)
    history = fit(
        model,
        CausalWindows(documents, tokenizer, context=8, batch_size=4, seed=5),
        steps=12,
        optimizer=OptimizerConfig("adamw", learning_rate=1e-2, warmup_steps=2),
        report_every=4,
        output=tmp_path / "stopped",
        fingerprints={"tokenizer": tokenizer.fingerprint},
        checks=(),
        quiet=True,
    )
    assert history.steps[0] == 4 and history.steps[-1] == 12  # the first report is the earlier program's
    for ours, earlier in zip(model.get_weights(), finished.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, earlier, atol=1e-4)
