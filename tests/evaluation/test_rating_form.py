"""The form as a file, and the form in a browser: clicked, typed on, reloaded, saved, merged."""

from __future__ import annotations

import json
import re

import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.preference import FIRST, SECOND
from lmbook.evaluation.rating_form import make_form, read_key, read_outputs
from lmbook.evaluation.ratings import merge

PROMPTS = [f"prompt {number}" for number in range(8)]
GOOD = [f"good text {number} </script><b>&amp;" for number in range(8)]
BAD = [f"bad text {number}" for number in range(8)]


def make(folder, **options):
    systems = {"our_new_system": GOOD, "our_old_system": BAD}
    return make_form(folder / "form.html", systems, PROMPTS, **options)


def shown(form):
    page = form.path.read_text(encoding="utf-8")
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])


def test_the_form_is_blind_and_alone(tmp_path):
    form = make(tmp_path)
    page = form.path.read_text(encoding="utf-8")
    assert "our_new_system" not in page and "our_old_system" not in page
    assert not re.search(r"https?:|src=|@import|url\(", page)
    assert shown(form)["items"][0].keys() == {"id", "prompt", "A", "B"}


def test_each_system_stands_on_each_side_equally_often_and_the_key_says_where(tmp_path):
    form = make(tmp_path)
    key = read_key(form.key)
    sides = []
    for item in shown(form)["items"]:
        where = key["items"][item["id"]]
        texts = {"our_new_system": GOOD, "our_old_system": BAD}
        assert item["prompt"] == PROMPTS[where["prompt"]]
        assert [item[side] for side in "AB"] == [texts[where[side]][where["prompt"]] for side in "AB"]
        sides.append(where["A"])
    assert sides.count("our_new_system") == sides.count("our_old_system") == 4


def test_the_seed_decides_order_and_sides(tmp_path):
    one, again, other = (make(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.path.read_bytes() == again.path.read_bytes() and one.form == again.form != other.form
    assert [item["prompt"] for item in shown(one)["items"]] != PROMPTS


def test_equal_texts_are_not_shown(tmp_path):
    form = make_form(tmp_path / "f.html", {"x": ["a", "b"], "y": ["a ", "c"]})
    assert (form.items, form.identical) == (1, 1) and read_key(form.key)["identical"] == [0]


def test_so_many_items_are_drawn(tmp_path):
    assert make(tmp_path, items=3).items == 3


def test_the_key_of_another_form_is_not_overwritten(tmp_path):
    form = make(tmp_path)
    make(tmp_path)  # the same form again
    with pytest.raises(LmbookError, match=form.form):
        make(tmp_path, seed=1)


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ({"x": ["a"]}, {}, "not 1"),
        ({"x": ["a"], "y": ["b", "c"]}, {}, "x 1, y 2"),
        ({"x": ["a"], "y": ["b"]}, {"prompts": ["p", "q"]}, "the prompts 2"),
        ({"x": ["a"], "y": ["a"]}, {}, "the same everywhere"),
        ({"x": ["a"], "y": ["b"]}, {"items": 2}, "2 pairs were asked for, of 1"),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path, systems, options, message):
    with pytest.raises(LmbookError, match=message):
        make_form(tmp_path / "f.html", systems, **options)


def test_outputs_are_read_from_lines_and_from_json_lines(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\nthree\n", encoding="utf-8")
    assert read_outputs(tmp_path / "a.txt") == (None, ["one", "", "three"])
    (tmp_path / "a.jsonl").write_text('{"prompt": "p", "output": "x\\ny"}\n', encoding="utf-8")
    assert read_outputs(tmp_path / "a.jsonl") == (["p"], ["x\ny"])
    (tmp_path / "b.jsonl").write_text('{"output": "x"}\n{"output": 3}\n', encoding="utf-8")
    with pytest.raises(LmbookError, match="line 2"):
        read_outputs(tmp_path / "b.jsonl")
    (tmp_path / "c.jsonl").write_text('{"output": "x", "prompt": "p"}\n{"output": "y"}\n', encoding="utf-8")
    with pytest.raises(LmbookError, match="no prompt in line 2"):
        read_outputs(tmp_path / "c.jsonl")


def rate(browser, better, *, click):
    """Judge the pair that is shown: the side whose text begins with `better` wins."""
    side = "A" if browser.text("#text-A").startswith(better) else "B"
    before = browser.text("#count")
    if click:
        browser.click(f'[data-answer="{side}"]')
    else:
        browser.key(side.lower())
    browser.wait(f"document.querySelector('#count').innerText != {before!r}")


def test_a_rater_in_a_browser(browser, tmp_path):
    form = make(tmp_path)
    browser.open(form.path)
    assert browser.text("h1") == "Which text is better?" and browser.text("#rating") == ""
    browser.click("#begin")
    assert "name" in browser.text("#warning")
    browser.click("#rater")
    for letter in "Ann":
        browser.key(letter)
    browser.key("Enter")
    assert browser.text("#count") == "Pair 1 of 8; 0 answered"
    assert "</script><b>&amp;" in browser.text(".pair")  # the text as it is, not as HTML

    rate(browser, "good", click=True)
    rate(browser, "bad", click=False)  # a slip …
    browser.key("Backspace")
    assert browser.text("#count") == "Pair 2 of 8; 2 answered"
    rate(browser, "good", click=False)  # … put right
    assert browser.value("document.querySelector('#progress').value") == 2

    browser.click("#save")
    partly = browser.downloaded()
    with pytest.raises(LmbookError, match="2 of 8"):
        merge(form.key, [partly])
    browser.open(tmp_path / "form.key.json")  # away from the page, and back: nothing is lost
    browser.open(form.path)
    browser.wait("document.querySelector('#count').checkVisibility()")
    assert browser.text("#count") == "Pair 3 of 8; 2 answered"

    for number in range(4):
        rate(browser, "good", click=number % 2 == 0)
    browser.key("t")
    browser.click('[data-answer="tie"]')
    assert "last pair" in browser.text("#done")
    browser.click("#save")
    saved = browser.downloaded()
    assert saved.name == f"ratings_{form.form}_Ann.json"
    found = merge(form.key, [saved])
    assert found.raters == ("Ann",)
    assert sorted(found.judgements[0]) == [0, 0] + [FIRST] * 6 and SECOND not in found.judgements[0]

    browser.click("#restart")
    browser.wait("!document.querySelector('#start').hidden")
    assert browser.value("localStorage.length") == 0
