from __future__ import annotations

import pytest

from lmbook.book.site.used_styles import used_rules, words_of

WORDS = words_of(['<p class="seen small-1">', "element.classList.add('made')"])


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".seen{a:b}.unseen{a:b}", ".seen{a:b}"),
        (".unseen,.seen,p{a:b}", ".seen,p{a:b}"),
        (".seen .unseen{a:b}.seen>.made{a:b}", ".seen>.made{a:b}"),
        (".seen:not(.unseen,.other){a:b}", ".seen:not(.unseen,.other){a:b}"),
        ("p:is(.a,.b) .unseen{a:b}", ""),
        (".small-1{a:b}.small-2{a:b}", ".small-1{a:b}"),
        (".bs-tip{a:b}", ".bs-tip{a:b}"),
        ("/* .seen{} */ p{a:b}", "p{a:b}"),
        ('.unseen:before{content:"}"}p{content:"{;/*"}', 'p{content:"{;/*"}'),
        ("@media (x:1){.unseen{a:b}}p{a:b}", "p{a:b}"),
        ("@media (x:1){.seen{a:b}.unseen{a:b}}", "@media (x:1){.seen{a:b}}"),
        ("@media x{@supports (a:b){.seen{a:b}}}", "@media x{@supports (a:b){.seen{a:b}}}"),
        ("@font-face{src:url(a;b)}", "@font-face{src:url(a;b)}"),
        ("@keyframes k{from{a:b}to{a:c}}", "@keyframes k{from{a:b}to{a:c}}"),
        ('@charset "utf-8";@import "a";p{a:b;c:d}', '@charset "utf-8";@import "a";p{a:b;c:d}'),
        (".seen{.unseen &{a:b}c:d}", ".seen{.unseen &{a:b}c:d}"),
    ],
)  # fmt: skip
def test_only_what_a_page_can_use_is_left(css, left):
    assert used_rules(css, WORDS, ("bs-",)) == left
