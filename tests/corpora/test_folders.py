from __future__ import annotations

import os

import pytest

from lmbook.corpora.folders import text_files


def fill(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text", encoding="utf-8")


def names(found, folder):
    return [path.relative_to(folder).as_posix() for path in found.files]


def test_hidden_files_and_trainings_are_left_out_and_said(tmp_path):
    fill(tmp_path, "a.txt", "deep/b.md", ".c.txt", "._a.txt", "deep/.ipynb_checkpoints/b-checkpoint.md", "x.png")
    fill(tmp_path, "run/config.json", "run/tokenizer.json", "run/sample.txt", "stopped/checkpoints/step-1.npz")
    found = text_files(tmp_path)
    assert names(found, tmp_path) == ["a.txt", "deep/b.md"]
    assert set(found.passed_over) == {
        "2 hidden files",
        "1 hidden folder",
        "2 folders of a training",
        "1 file of another kind",
    }


def test_a_folder_whose_own_path_is_hidden_is_read(tmp_path):
    fill(tmp_path, ".notes/a.txt", ".notes/checkpoints/b.txt")
    found = text_files(tmp_path / ".notes")
    assert names(found, tmp_path) == [".notes/a.txt", ".notes/checkpoints/b.txt"] and not found.passed_over


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_links_to_nothing_and_pipes_are_left_out(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing.txt")
    (tmp_path / "round").symlink_to(tmp_path)
    assert text_files(tmp_path).passed_over == ["2 broken links or pipes"]
