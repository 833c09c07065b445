import subprocess
import sys
import time

import pytest

from lmbook.tokenizers.word import WordTokenizer


@pytest.mark.parametrize(
    ("text", "words", "normal"),
    [
        ("A green  tree stands .", ["a", "green", "tree", "stands", "."], "a green tree stands."),
        ("Don't! My well-known dogs' bones", None, "don't! my well-known dogs' bones"),
        ('He said "yes" , "no"(really).', None, 'he said "yes", "no" (really).'),
        ("«Oui», “yes” ‘no’…", None, "«oui», “yes” ‘no’…"),
        ("wait - now -- no", ["wait", "-", "now", "-", "-", "no"], "wait - now - - no"),
        ("3.5 a_b", ["3", ".", "5", "a", "_", "b"], "3. 5 a _ b"),
        ("他说：“你好，小明！” 然后 走了。", None, "他说：“你好，小明！”然后走了。"),
        ("我 love 你，Tom。", ["我", "love", "你", "，", "tom", "。"], "我 love 你，tom。"),
        ("きょうは がくせい", None, "きょうはがくせい"),
        ("한국어 말", ["한국어", "말"], "한국어 말"),
        ("हिन्दी में", ["हिन्दी", "में"], "हिन्दी में"),
        ("cafe\u0301", ["café"], "café"),
        ("a\tb\n\n c", ["a", "b", "c"], "a b c"),
        ("<end>", ["<", "end", ">"], "< end >"),
    ],
)
def test_words_and_their_spacing(text, words, normal):
    tokenizer = WordTokenizer.train([text.replace("\n", " ")])
    ids = tokenizer.encode(text)
    assert tokenizer.normalize(text) == normal == tokenizer.decode(ids)
    if words:
        assert [tokenizer.tokens[id] for id in ids] == words


def test_line_ends_are_kept_only_if_the_training_text_has_them_inside():
    ends = WordTokenizer.train(["one two.\n", "\nthree\n"])
    assert "\n" not in ends.tokens and ends.normalize("One \n two") == "one two"
    inside = WordTokenizer.train(["one: \n\n two three\n"])
    assert inside.normalize("\nOne:\n  two  three\r\n\r\n three \n") == "one:\ntwo three\nthree"
    assert inside.decode(inside.encode("one:\ntwo")) == "one:\ntwo"


def test_a_missing_quote_does_not_turn_the_next_line_round():
    tokenizer = WordTokenizer.train(['"a b\nc "d" e'])
    assert tokenizer.normalize('"a b\nc "d" e') == '"a b\nc "d" e'


def test_frequent_words_stay_and_ties_go_by_code_point():
    texts = ["the cow saw the bee", "a bee saw the ant"]
    assert WordTokenizer.train(texts).tokens[3:] == ["the", "bee", "saw", "a", "ant", "cow"]
    small = WordTokenizer.train(texts, 6)
    assert small.tokens[3:] == ["the", "bee", "saw"]
    assert small.decode(small.encode("The cow saw")) == "the <unk> saw"


def test_ids_do_not_depend_on_the_process():
    program = (
        "from lmbook.tokenizers.word import WordTokenizer;"
        "print(WordTokenizer.train(['a green tree stands tall in the green wood']).fingerprint)"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("blanks", [" " * 400_000, "\n" * 400_000, " \n" * 200_000, "\t" * 400_000])
def test_long_runs_of_white_space_are_read_in_seconds(blanks):
    start = time.process_time()
    tokenizer = WordTokenizer.train(["some words\nleft" + blanks + "right"])
    assert time.process_time() - start < 5
    line_end = "\n" if "\n" in blanks else " "
    assert tokenizer.normalize("left" + blanks + "right") == f"left{line_end}right"
