from __future__ import annotations

import json

from lmbook.corpora.loaders.language import chinese_poetry, makemore_names, tiny_shakespeare


def test_tiny_shakespeare_is_cut_at_nine_tenths_of_the_characters(tmp_path):
    (tmp_path / "input.txt").write_bytes(b"0123456789\r\n" * 10)
    splits = tiny_shakespeare(tmp_path)
    assert [len(splits[name][0]["text"]) for name in ("train", "validation")] == [108, 12]


def test_a_name_that_occurs_twice_is_in_one_split(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join([f"name{number}" for number in range(200)] * 2))
    for records in makemore_names(tmp_path).values():
        names = [record["text"] for record in records]
        assert len(names) == 2 * len(set(names))


def test_a_song_poem_is_called_by_its_tune(tmp_path):
    tang = [{"author": "甲", "paragraphs": ["一二三。", "四五六。"], "title": "題"}]
    song = [{"author": "乙", "paragraphs": ["七八九。"], "rhythmic": "調"}]
    for name, poems in (("poet.tang.0.json", tang), ("唐诗三百首.json", []), ("宋词三百首.json", song)):
        (tmp_path / name).write_text(json.dumps(poems, ensure_ascii=False), encoding="utf-8")
    records = [record for part in chinese_poetry(tmp_path).values() for record in part]
    assert sorted(records, key=lambda record: record["form"]) == [
        {"text": "七八九。", "title": "調", "author": "乙", "form": "song"},
        {"text": "一二三。\n四五六。", "title": "題", "author": "甲", "form": "tang"},
    ]
