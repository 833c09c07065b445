from __future__ import annotations

import os
import threading

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.training import checkpoint as module
from lmbook.training.checkpoint import Checkpoint, Checkpoints, DamagedCheckpoint, assign, read, values, write

ARRAYS = {"model/0": np.arange(6, dtype="float32").reshape(2, 3), "optimizer/0": np.array(7, "int64")}
IDENTITY = {"model": "A(width=3)", "tokenizer": "abc"}


def folder_with(tmp_path, steps, said=None):
    checkpoints = Checkpoints(tmp_path, IDENTITY, say=[].append if said is None else said.append)
    for step in steps:
        checkpoints.save(step, ARRAYS, {"seconds": step * 1.5})
    return checkpoints


def test_what_is_written_is_read_back(tmp_path):
    path = write(tmp_path / "a.npz", Checkpoint(5, ARRAYS, IDENTITY, {"history": {"loss": [0.1, 0.2]}}))
    found = read(path)
    assert (found.step, found.fingerprints, found.record) == (5, IDENTITY, {"history": {"loss": [0.1, 0.2]}})
    assert list(found.arrays) == list(ARRAYS)
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], value)
        assert found.arrays[name].dtype == value.dtype


def test_every_flipped_byte_of_the_arrays_is_noticed(tmp_path):
    path = write(tmp_path / "a.npz", Checkpoint(5, {"model/0": np.arange(8, dtype="float32")}, IDENTITY))
    content = path.read_bytes()
    for position in range(0, len(content), 37):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x20]) + content[position + 1 :])
        try:
            found = read(path)
        except DamagedCheckpoint:
            continue
        # A byte of the zip directory that does not matter, such as a date.
        np.testing.assert_array_equal(found.arrays["model/0"], np.arange(8))
        assert found.fingerprints == IDENTITY and found.step == 5


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_damaged(tmp_path, keep):
    path = write(tmp_path / "a.npz", Checkpoint(5, ARRAYS, IDENTITY))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DamagedCheckpoint):
        read(path)


def test_a_changed_array_with_a_right_zip_is_noticed(tmp_path):
    path = write(tmp_path / "a.npz", Checkpoint(5, ARRAYS, IDENTITY))
    with np.load(path) as file:
        members = dict(file)
    members["array_0"] = members["array_0"] + 1
    np.savez(path, **members)
    with pytest.raises(DamagedCheckpoint, match="checksum"):
        read(path)


def test_a_pickle_inside_is_never_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, record=np.array([{"format": 1}], dtype=object), digest=np.array("x"))
    with pytest.raises(DamagedCheckpoint):
        read(path)


def test_only_the_last_ones_stay(tmp_path):
    checkpoints = folder_with(tmp_path, [10, 20, 1000])
    assert [path.name for path in checkpoints.paths()] == ["step-000000020.npz", "step-000001000.npz"]
    assert checkpoints.latest().step == 1000
    assert sorted(os.listdir(tmp_path)) == ["step-000000020.npz", "step-000001000.npz"]


def test_what_a_killed_process_left_half_written_goes_with_the_next_checkpoint(tmp_path):
    folder_with(tmp_path, [10])
    for name in (".step-000000020.ab_3x9.npz", ".best.q1w2e3r4.npz", ".mine.npz"):
        (tmp_path / name).write_bytes(b"half")
    resumed = Checkpoints(tmp_path, IDENTITY)
    assert resumed.latest().step == 10
    resumed.save(20, ARRAYS, {})
    assert sorted(os.listdir(tmp_path)) == [".mine.npz", "step-000000010.npz", "step-000000020.npz"]


def test_a_damaged_newest_falls_back_aloud(tmp_path):
    said = []
    checkpoints = folder_with(tmp_path, [10, 20], said)
    newest = checkpoints.paths()[-1]
    content = newest.read_bytes()
    middle = len(content) // 3  # among the bytes of an array
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for damaged in (flipped, content[:100], b""):
        newest.write_bytes(damaged)
        assert checkpoints.latest().step == 10
        assert "damaged" in said[-1] and newest.name in said[-1]
        assert newest.read_bytes() == damaged
    assert len(said) == 3


def test_when_all_are_damaged_nothing_is_started_over_silently(tmp_path):
    checkpoints = folder_with(tmp_path, [10, 20])
    for path in checkpoints.paths():
        path.write_bytes(b"")
    with pytest.raises(LmbookError, match="Every checkpoint"):
        checkpoints.latest()


def test_another_model_or_tokenizer_is_refused_naming_both(tmp_path):
    folder_with(tmp_path, [10])
    with pytest.raises(LmbookError, match=r"its model is A\(width=3\), yours is A\(width=4\)"):
        Checkpoints(tmp_path, {**IDENTITY, "model": "A(width=4)"}).latest()
    with pytest.raises(LmbookError, match="its tokenizer is abc, yours is none"):
        Checkpoints(tmp_path, {"model": IDENTITY["model"]}).latest()


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", 2)
    folder_with(tmp_path, [10])
    monkeypatch.setattr(module, "FORMAT", 1)
    with pytest.raises(LmbookError, match="format 2.*up to format 1"):
        Checkpoints(tmp_path, IDENTITY).latest()


def test_the_best_weights_belong_to_a_step(tmp_path):
    said = []
    checkpoints = folder_with(tmp_path, [10], said)
    checkpoints.save_best(10, ARRAYS)
    assert checkpoints.best(10).step == 10
    assert checkpoints.best(20) is None and "step 10" in said[-1]
    (tmp_path / "best.npz").write_bytes(b"no")
    assert checkpoints.best(10) is None and "cannot be read" in said[-1]
    checkpoints.clear()
    assert os.listdir(tmp_path) == []


def test_variables_get_their_values_back_whatever_they_are_called():
    first = [keras.Variable([1.0, 2.0], name="a"), keras.Variable(3, dtype="int64", name="b")]
    second = [keras.Variable([0.0, 0.0], name="c"), keras.Variable(0, dtype="int64", name="d")]
    assign("model", second, values("model", first))
    assert [v.numpy().tolist() for v in second] == [[1.0, 2.0], 3]
    with pytest.raises(LmbookError, match="shapes"):
        assign("model", second[:1], values("model", first))


def test_nobody_else_s_unfinished_file_is_deleted(tmp_path):
    """As two trainings into one folder would: the second begins while the first is writing."""
    refused = []

    def second():
        try:
            Checkpoints(tmp_path / "checkpoints", {}).save(1, {}, {})
        except LmbookError as error:
            refused.append(error.message)

    class Slow(dict):
        """Arrays in whose midst the other one comes."""

        def values(self):
            other = threading.Thread(target=second)
            other.start()
            other.join()
            return super().values()

    path = Checkpoints(tmp_path / "checkpoints", {}).save(1, Slow(w=np.zeros(3)), {})
    assert read(path).step == 1 and len(refused) == 1 and "Another training writes to" in refused[0]
