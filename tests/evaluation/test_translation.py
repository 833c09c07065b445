from __future__ import annotations

import pytest

from lmbook.corpora.catalogue import load_corpus
from lmbook.errors import LmbookError
from lmbook.evaluation.translation import bleu_tokenizer, join_pieces, score_translations


def test_bleu_by_hand():
    # Shared runs of 1, 2, 3, 4 words: 5 of 6, 3 of 5, 2 of 4, 1 of 3; equally long, so no penalty.
    score = score_translations(["the cat sat on a mat"], ["the cat sat on the mat"], "none")
    assert score.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert score.brevity_penalty == 1.0 and "tok:none" in score.bleu_signature


def test_more_references_can_only_help_and_may_differ_in_number():
    outputs, one = ["a red tree stands here", "it rains all day"], ["a green tree stands here", "rain falls all day"]
    more = [["a green tree stands here", "a red tree stands here"], ["rain falls all day"]]
    assert score_translations(outputs, more).bleu > score_translations(outputs, one).bleu
    assert score_translations(outputs, outputs).bleu == pytest.approx(100)


def test_intervals_are_narrower_with_more_sentences():
    outputs = ["the cat sat on a mat", "it rains all day long", "a green tree stands on the hill", "no"]
    references = ["the cat sat on the mat", "rain falls all day long", "a green tree stands on the hill", "yes"]
    few, many = (score_translations(outputs * n, references * n, resamples=200) for n in (1, 16))
    assert few.bleu == pytest.approx(many.bleu) and few.bleu == score_translations(outputs, references).bleu
    assert few.bleu_margin > 2 * many.bleu_margin > 0 and few.chrf_margin > 2 * many.chrf_margin > 0
    assert score_translations(outputs, references).bleu_margin is None
    nothing = score_translations(["x"] * 4, references, resamples=200)
    assert (nothing.bleu, nothing.bleu_margin, nothing.chrf_margin) == (0, 0, 0)


def test_chinese_is_cut_into_characters():
    spaced = score_translations(["一棵绿色的树"], ["一棵红色的树"], "13a").bleu
    assert score_translations(["一棵绿色的树"], ["一棵红色的树"], "zh").bleu > spaced


@pytest.mark.parametrize(
    ("outputs", "references", "tokenize", "message"),
    [
        (["a"], ["a", "b"], "13a", "1 translations and 2"),
        ([], [], "13a", "0 translations"),
        (["a"], ["a"], "words", "'words'"),
        (["a", "b"], [["a"], []], "13a", "Sentence 1"),
        ("ab", ["a", "b"], "13a", "outputs is one string"),
        (["a", "b"], "ab", "13a", "references is one string"),
    ],
)
def test_what_cannot_be_scored_is_refused(outputs, references, tokenize, message):
    with pytest.raises(LmbookError, match=message):
        score_translations(outputs, references, tokenize)


@pytest.mark.parametrize("kind", ["reference_bpe", "reference_spm"])
def test_the_published_bleu_of_a_real_system(mirror, monkeypatch, tmp_path, kind):
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    lines = load_corpus("mt_eval_deen").split("test")
    # That program takes an empty line for one empty word; three of the 3,000 are empty.
    outputs = [line["output"] or "-" for line in lines]
    score = score_translations(outputs, [join_pieces(line[kind]) for line in lines], "none")
    assert score.bleu == pytest.approx(22.5855084573, abs=1e-8)


CHINESE = ["打开文件", "关闭窗口", "无法保存您的设置。", "打开 Microsoft Word 文档"]


@pytest.mark.parametrize(
    ("references", "cut"),
    [
        (["OK", "PDF-7", *CHINESE], "zh"),
        ([*CHINESE, "OK"], "zh"),
        (["这是的の字", *CHINESE], "zh"),
        (["これはペンです。", "駅はどこですか。"], "char"),
        (["東京特許許可局長今日急遽許可却下"] + ["ありがとうございました。"], "char"),
        (["สวัสดีครับ", "ขอบคุณมาก"], "char"),
        (["The sign says 出口, which means exit.", "A green tree."], "13a"),
        (["안녕하세요 여러분", "감사합니다"], "13a"),
        (["👍", "123", ""], "13a"),
    ],
)
def test_all_references_decide_how_texts_are_cut(references, cut):
    assert bleu_tokenizer(references) == bleu_tokenizer(references[::-1]) == cut
