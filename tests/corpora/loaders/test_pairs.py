from __future__ import annotations

import pytest

from lmbook.corpora.loaders.pairs import mt_eval_deen, tatoeba_eng_cmn, tatoeba_eng_fra


def test_files_with_and_without_a_column_of_authors(tmp_path):
    (tmp_path / "fra-eng").mkdir()
    (tmp_path / "fra-eng" / "fra.txt").write_text("Go.\tVa !\n", encoding="utf-8")
    (tmp_path / "cmn-eng" / "cmn-eng").mkdir(parents=True)
    (tmp_path / "cmn-eng" / "cmn-eng" / "cmn.txt").write_text("Hi.\t嗨。\tCC-BY 2.0\n", encoding="utf-8")
    for load, pair in ((tatoeba_eng_fra, ("Go.", "Va !")), (tatoeba_eng_cmn, ("Hi.", "嗨。"))):
        (record,) = [record for part in load(tmp_path).values() for record in part]
        assert (record["source"], record["target"]) == pair


def test_outputs_and_references_go_line_by_line(tmp_path):
    for name, text in (("deen_output", "a\n\nc\n"), ("deen_ref_bpe", "x\ny\nz\n"), ("deen_ref_spm", "1\n2\n3\n")):
        (tmp_path / name).write_text(text)
    records = mt_eval_deen(tmp_path)["test"]
    assert len(records) == 3 and records[1] == {"output": "", "reference_bpe": "y", "reference_spm": "2"}
    (tmp_path / "deen_ref_spm").write_text("1\n2\n")
    with pytest.raises(ValueError):
        mt_eval_deen(tmp_path)
