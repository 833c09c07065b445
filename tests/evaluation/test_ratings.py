from __future__ import annotations

import json

import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.preference import FIRST, SECOND, TIE
from lmbook.evaluation.rating_form import ANSWERS_FORMAT, make_form, read_key
from lmbook.evaluation.ratings import merge


@pytest.fixture
def form(tmp_path):
    ours, theirs = [f"a{n}" for n in range(6)] + ["same"], [f"b{n}" for n in range(6)] + ["same"]
    return make_form(tmp_path / "form.html", {"ours": ours, "theirs": theirs}, seed=3)


def answers(form, name, judgements, /, **changes):
    """A rater's file; `judgements` by prompt, None where the rater skipped it."""
    found = {}
    for id, where in read_key(form.key)["items"].items():
        judged = judgements[where["prompt"]]
        if judged is not None:
            better = {FIRST: "ours", SECOND: "theirs"}.get(judged)
            found[id] = "tie" if judged == TIE else "A" if where["A"] == better else "B"
    file = form.path.with_name(f"{name}.json")
    content = {"format": ANSWERS_FORMAT, "form": form.form, "session": name, "rater": name, "answers": found}
    file.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return file


JUDGED = {"ann": [1, 1, 1, 0, -1, 1], "ben": [1, 1, -1, 0, -1, 1], "cho": [1, 0, 1, 0, -1, None]}


def test_answers_are_unblinded_and_put_together(form):
    files = [answers(form, name, row) for name, row in JUDGED.items()]
    found = merge(form.key, files, incomplete=True)
    assert found.systems == ("ours", "theirs") and found.raters == ("ann", "ben", "cho")
    assert found.prompts == tuple(range(6))
    assert [list(row) for row in found.judgements] == list(JUDGED.values())
    score = found.preference()
    assert (score.wins, score.ties, score.losses) == (4, 2, 1)  # the prompt with equal texts is a tie
    assert sum(found.chosen.values()) == 17 and found.chosen["tie"] == 4
    kappa, equal, count = found.kappas()["ann", "ben"]
    assert (equal, count) == (5 / 6, 6) and 0 < kappa < 1
    assert found.kappas()["ann", "cho"][2] == 5
    report = found.report()
    assert 0 < report["alpha"]["nominal"] < 1 and report["win_rate"] == score.win_rate
    json.dumps(report, allow_nan=False)


def test_where_all_judgements_are_the_same_there_is_no_agreement_to_measure(form):
    found = merge(form.key, [answers(form, name, [1] * 6) for name in ("ann", "ben")])
    assert found.alpha() is None and found.kappas()["ann", "ben"][0] is None
    assert merge(form.key, [answers(form, "ann", [1] * 6)]).alpha() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "no answers to a form"),
        ({"form": "0123456789ab"}, "another form"),
        ({"rater": ""}, "a part is missing"),
        ({"answers": {"ffffffff": "A"}}, "ffffffff"),
        ({"answers": None}, "a part is missing"),
        ({"answers": {}}, "0 of 6"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(form, changes, message):
    file = answers(form, "ann", JUDGED["ann"], **changes)
    with pytest.raises(LmbookError, match=message) as error:
        merge(form.key, [file])
    assert str(file) in error.value.message


def test_an_unknown_answer_and_a_broken_file(form):
    file = answers(form, "ann", JUDGED["ann"])
    file.write_text(file.read_text(encoding="utf-8").replace('"tie"', '"C"'), encoding="utf-8")
    with pytest.raises(LmbookError, match="'C'"):
        merge(form.key, [file])
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(LmbookError, match="not valid JSON"):
        merge(form.key, [file])
    with pytest.raises(LmbookError, match="not the key"):
        merge(answers(form, "ann", JUDGED["ann"]), [file])


def test_the_same_answers_or_the_same_rater_twice(form):
    first = answers(form, "ann", JUDGED["ann"])
    renamed = answers(form, "copy", JUDGED["ann"], session="ann")
    with pytest.raises(LmbookError, match="the same answers"):
        merge(form.key, [first, renamed])
    with pytest.raises(LmbookError, match="the same answers"):
        merge(form.key, [first, first])
    again = answers(form, "again", JUDGED["ben"], rater="ann")
    with pytest.raises(LmbookError, match="the same rater"):
        merge(form.key, [first, again])


def test_an_incomplete_file_is_taken_only_when_allowed(form):
    file = answers(form, "cho", JUDGED["cho"])
    with pytest.raises(LmbookError, match="5 of 6") as error:
        merge(form.key, [file])
    assert "--incomplete" in error.value.fix
    assert merge(form.key, [file], incomplete=True).judgements[0][5] is None
    with pytest.raises(LmbookError, match="not one answer"):
        merge(form.key, [answers(form, "ann", [None] * 6)], incomplete=True)
