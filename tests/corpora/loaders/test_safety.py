from __future__ import annotations

from lmbook.corpora.loaders.safety import winobias


def test_winobias(tmp_path):
    for stereotype in ("pro", "anti"):
        for kind in (1, 2):
            for ending in ("dev", "test"):
                file = tmp_path / f"{stereotype}_stereotyped_type{kind}.txt.{ending}"
                file.write_text(
                    f"1 The {stereotype}{kind}{ending} met [the cook] and greeted [her].\n2 [The cook] [his] own.\n"
                )
    splits = winobias(tmp_path)
    assert len(splits["test"]) == 8 and len(splits["validation"]) == 4  # "The cook his own." is in the test files too
    assert splits["validation"][0] == {
        "text": "The pro1dev met the cook and greeted her.",
        "marked": "The pro1dev met [the cook] and greeted [her].",
        "entity": "the cook",
        "pronoun": "her",
        "stereotype": "pro",
        "type": 1,
    }
