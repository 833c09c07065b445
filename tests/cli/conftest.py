from __future__ import annotations

import pytest
from tensorflow.python.framework import config
from typer.testing import CliRunner

from lmbook.cli.app import app


@pytest.fixture(scope="session")
def train_here():
    """Function of a folder and of words for `lmbook train`: runs the command in this process, gives what it printed.

    Training makes TensorFlow deterministic for its whole process; afterwards it is as it was.
    """

    def train(folder, *words):
        before = config.is_op_determinism_enabled()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            try:
                done = CliRunner().invoke(app, ["train", *words], env={"COLUMNS": "200"})
            finally:
                if not before:
                    config.disable_op_determinism()
        assert done.exit_code == 0, done.output
        return done.stdout

    return train
