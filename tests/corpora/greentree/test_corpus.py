import hashlib

from lmbook.corpora.catalogue import load_corpus
from lmbook.corpora.greentree import Grammar, Story
from lmbook.corpora.greentree.corpus import FOLDER, SNAPSHOT, snapshot, verify_snapshot, write_snapshot


def test_snapshot_is_regenerated_bit_for_bit():
    sums = dict(reversed(line.split()) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {f"{split}.tsv" for split in SNAPSHOT}
    for split in SNAPSHOT:
        data = snapshot()[split].encode("utf-8")
        assert data == (FOLDER / f"{split}.tsv").read_bytes()
        assert hashlib.sha256(data).hexdigest() == sums[f"{split}.tsv"]


def test_corpus_has_both_languages_with_labels_and_no_overlap():
    english, chinese = load_corpus("greentree"), load_corpus("greentree_zh")
    assert english.texts("test")[0] == chinese.split("test")[0]["translation"]
    assert [len(english.split(split)) for split in SNAPSHOT] == [count for count, _, _ in SNAPSHOT.values()]
    train = set(english.texts("train"))
    for split in ("validation", "test", "held_out"):
        assert not train & set(english.texts(split))
    record = chinese.split("validation")[3]
    story = Story.from_text(record["translation"], Grammar())
    assert (record["text"], record["topic"], record["mood"]) == (story.chinese, story.topic, story.mood)


def test_a_changed_or_missing_file_is_found(tmp_path):
    write_snapshot(tmp_path)
    assert all(right for _, right, _ in verify_snapshot(tmp_path))
    (tmp_path / "test.tsv").unlink()
    (tmp_path / "train.tsv").write_bytes((tmp_path / "train.tsv").read_bytes().replace(b"kite", b"ball", 1))
    assert [file for file, right, _ in verify_snapshot(tmp_path) if not right] == ["train.tsv", "test.tsv"]
