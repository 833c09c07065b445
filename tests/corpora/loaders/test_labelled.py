from __future__ import annotations

import json

from lmbook.corpora.loaders.labelled import pii_synthetic, rt_polarity, sms_spam


def all_records(splits):
    return [record for part in splits.values() for record in part]


def test_only_the_first_tab_ends_the_label(tmp_path):
    (tmp_path / "SMSSpamCollection").write_text("ham\tsee\tyou\u2028there\nspam\tWIN!\n", encoding="utf-8")
    records = all_records(sms_spam(tmp_path))
    assert sorted(records, key=str) == sorted(
        [{"text": "see\tyou\u2028there", "label": "ham"}, {"text": "WIN!", "label": "spam"}], key=str
    )


def test_rt_polarity_reads_both_files(tmp_path):
    folder = tmp_path / "sentence_polarity" / "sentence_polarity"
    folder.mkdir(parents=True)
    (folder / "rt-polarity.pos").write_text("good . \n")
    (folder / "rt-polarity.neg").write_text("bad . \n")
    assert sorted((record["text"], record["label"]) for record in all_records(rt_polarity(tmp_path))) == [
        ("bad .", "negative"),
        ("good .", "positive"),
    ]


def test_a_misplaced_span_is_left_out(tmp_path):
    def entry(text, value, start):
        span = {"entity_type": "PERSON", "entity_value": value, "start_position": start, "end_position": start + 3}
        return {"full_text": text, "masked": "I am {{PERSON}}.", "spans": [span]}

    (tmp_path / "synth_dataset_v2.json").write_text(
        json.dumps([entry("I am Ann.", "Ann", 5), entry("I am Bob.", "Bob", 6)])
    )
    (tmp_path / "generated_small.json").write_text("[]")
    assert all_records(pii_synthetic(tmp_path)) == [
        {
            "text": "I am Ann.",
            "masked": "I am {{PERSON}}.",
            "spans": [{"type": "PERSON", "text": "Ann", "start": 5, "end": 8}],
        }
    ]
