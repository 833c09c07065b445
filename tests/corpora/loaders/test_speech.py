from __future__ import annotations

from lmbook.corpora.loaders.speech import asr_sctk_csrnab, fsdd, speech_pocketsphinx


def test_digits_are_split_by_their_number(tmp_path):
    (tmp_path / "recordings").mkdir()
    for index in (0, 4, 5, 9, 10, 49):
        (tmp_path / "recordings" / f"7_theo_{index}.wav").touch()
    splits = fsdd(tmp_path)
    found = {name: sorted(record["index"] for record in records) for name, records in splits.items()}
    assert found == {"train": [10, 49], "validation": [5, 9], "test": [0, 4]}
    assert splits["test"][0]["label"] == "7" and splits["test"][0]["speaker"] == "theo"


def test_utterances_are_matched_whatever_the_case_of_their_names(tmp_path):
    (tmp_path / "csrnab.ref").write_text("A { B / @ } C (4T0C0201)\nD (4t0c0202)\n")
    (tmp_path / "csrnab.hyp").write_text("D X (4T0C0202)\nA C (4t0C0201)\n")
    assert asr_sctk_csrnab(tmp_path)["test"] == [
        {"id": "4t0c0201", "reference": "A { B / @ } C", "hypothesis": "A C"},
        {"id": "4t0c0202", "reference": "D", "hypothesis": "D X"},
    ]


def test_transcripts_name_their_sound_files(tmp_path):
    for folder in ("librivox", "cards"):
        (tmp_path / folder).mkdir()
    (tmp_path / "librivox" / "transcription").write_text("<s> he was not </s> (book-0880)\n")
    (tmp_path / "cards" / "cards.transcription").write_text("<s> five five  </s> (004)\n")
    first, second = speech_pocketsphinx(tmp_path)["test"]
    assert first["text"] == "he was not" and first["path"].endswith("book-0880.wav") and first["set"] == "librivox"
    assert second["text"] == "five five" and second["id"] == "004"
