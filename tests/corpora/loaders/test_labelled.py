from __future__ import annotations

import json

from lmbook.corpora.loaders.labelled import frame_of, pii_synthetic, rt_polarity, sms_spam


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


def write_pii(folder, large, small=()):
    """The two files of the set: of each sentence its template's number, and its pieces, those in [] personal data."""
    for name, sentences in (("synth_dataset_v2.json", large), ("generated_small.json", small)):
        entries = []
        for template, *pieces in sentences:
            text, spans = "", []
            for piece in pieces:
                if isinstance(piece, list):
                    span = {"entity_type": "PERSON", "entity_value": piece[0], "start_position": len(text)}
                    spans.insert(0, span | {"end_position": len(text) + len(piece[0])})  # not in order, as there
                text += piece[0] if isinstance(piece, list) else piece
            entries.append({"full_text": text, "template_id": template, "spans": spans})
        (folder / name).write_text(json.dumps(entries), encoding="utf-8")


def test_a_misplaced_span_is_left_out(tmp_path):
    write_pii(tmp_path, [(4, "I am ", ["Ann"], ".")])
    entry = json.loads((tmp_path / "synth_dataset_v2.json").read_text())[0]
    wrong = entry | {"full_text": " I am Ann."}
    (tmp_path / "synth_dataset_v2.json").write_text(json.dumps([entry, wrong]))
    assert all_records(pii_synthetic(tmp_path)) == [
        {
            "text": "I am Ann.",
            "template": 4,
            "frame": "i am",
            "spans": [{"type": "PERSON", "text": "Ann", "start": 5, "end": 8}],
        }
    ]


def test_a_frame_has_no_personal_data_no_number_and_no_capital():
    def frame(text, *values):
        return frame_of(text, [{"start": text.index(value), "end": text.index(value) + len(value)} for value in values])

    assert frame("In 1965 Ann met BOB.", "Ann") == frame("in 12, Cleo met bob", "Cleo") == "in met bob"
    assert frame("Ann\nBob Lee", "Ann", "Bob", "Lee") == "{}\n{} {}" != frame("Ann Bob", "Ann", "Bob")


def test_no_frame_and_no_template_is_in_two_splits(tmp_path):
    large, small = [], []
    for number in range(200):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        large += [(number, f"{word} greets ", [name], " at ", [hour], " sharp") for name, hour in ("A7", "Bo", "C9")]
        large.append((1000 + number, f"{word} greets ", ["Dora"], ", at ", ["noon"], " sharp!"))  # the same frame
        small.append((number, f"{word} greets ", ["Eve"], " at sunset sharp"))  # the same template
    write_pii(tmp_path, large, small)
    splits = pii_synthetic(tmp_path)
    assert all(len(part) >= 25 for part in splits.values()) and sum(map(len, splits.values())) == 1000
    for key in ("frame", "template"):
        found = [{record[key] for record in part} for part in splits.values()]
        assert sum(map(len, found)) == len(set().union(*found))
