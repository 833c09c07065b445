"""What a diagram says is so: its numbers are computed, its structure is that of the model; and what cannot be drawn."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest

from lmbook.book import diagrams
from lmbook.book.diagrams.examples import BEAMS, CAT, OPENING
from lmbook.errors import LmbookError

SVG = "{http://www.w3.org/2000/svg}"


def texts(diagram) -> list[tuple[float, float, str]]:
    """(x, y, text) of the wide layout."""
    root = ElementTree.fromstring(diagram.svg)
    layout = root.find(SVG + "svg")
    found = (root if layout is None else layout).findall(SVG + "text")
    return [(float(text.get("x")), float(text.get("y")), "".join(text.itertext())) for text in found]


def row(diagram, y: float) -> list[str]:
    """The texts of one line, from left to right."""
    return [text for _, place, text in sorted(texts(diagram)) if abs(place - y) < 3]


def height(diagram, label: str) -> float:
    (y,) = {y for _, y, text in texts(diagram) if text == label}
    return y


def value(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf"))


@pytest.mark.parametrize(("asking", "causal"), [(-1, False), (1, False), (1, True), (0, True)])
def test_the_numbers_of_attention_are_those_of_numpy(asking, causal):
    rng = np.random.default_rng(0)
    words = ["one", "two", "three", "four"]
    query, keys, values = rng.normal(size=3), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    diagram = diagrams.attention(words, asking=asking, query=query, keys=keys, values=values, causal=causal)
    scores = keys @ query / np.sqrt(3)
    if causal:
        scores[asking + 1 :] = -np.inf
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    heights = sorted({y for _, y, text in texts(diagram) if text in words})[-4:]
    drawn = [row(diagram, y) for y in heights]
    assert [line[0] for line in drawn] == words
    numbers = np.array([[value(text) for text in line[1:]] for line in drawn])
    np.testing.assert_allclose(numbers[:, :3], keys, atol=0.0051)
    np.testing.assert_allclose(numbers[:, 3], scores, atol=0.0051)
    np.testing.assert_allclose(numbers[:, 4], weights, atol=0.0051)
    np.testing.assert_allclose(numbers[:, 5:], values, atol=0.0051)
    mix = row(diagram, height(diagram, "sum of weight × value"))[1:]
    np.testing.assert_allclose([value(text) for text in mix], weights @ values, atol=0.0051)


def test_the_bars_of_attention_are_as_long_as_the_weights():
    svg = diagrams.attention(CAT).svg
    widths = [float(width) for width in re.findall(r'<rect class="f-orange"[^>]* width="([\d.]+)"', svg)]
    scores = np.array([[0, 1], [2, 1], [1, 0]]) @ [1, 0.5] / np.sqrt(2)
    weights = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(np.array(widths) / 56, weights, atol=0.002)


def test_the_cells_of_attention_weights_are_as_full_as_the_weights():
    weights = np.array([[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]])
    diagram = diagrams.attention_weights(CAT, weights)
    shades = re.findall(r'class="f-heat" fill-opacity="([\d.]+)"', diagram.svg)
    assert [float(shade) for shade in shades] == weights.ravel().tolist()
    (sat,) = (y for x, y, text in texts(diagram) if text == "sat" and x < 60)
    assert row(diagram, sat) == ["sat", "0.15", "0.63", "0.22"]


def test_steps_and_pairs_has_a_step_for_each_word_and_a_dot_for_each_pair_that_is_not_hidden():
    diagram = diagrams.steps_and_pairs(CAT)
    shown = [text for _, _, text in texts(diagram)]
    assert [text for text in shown if text.startswith("step ")] == ["step 1", "step 2", "step 3"]
    assert diagram.wide.body().count("<circle") == 6 + 1  # and one in the legend
    assert shown.count("cat") == 3  # read by the steps, and the name of a row and of a column


@pytest.mark.parametrize(
    ("diagram", "allowed"),
    [
        (lambda: diagrams.mask("causal", CAT), np.tril(np.ones((3, 3)))),
        (lambda: diagrams.mask("padding", CAT, padding=1), np.ones((4, 4)) * [1, 1, 1, 0]),
        (lambda: diagrams.mask("causal", CAT, padding=1), np.tril(np.ones((4, 4))) * [1, 1, 1, 0]),
        (lambda: diagrams.mask("cross", CAT, columns=["a", "b"], padding=2), np.ones((3, 4)) * [1, 1, 0, 0]),
    ],
)
def test_a_mask_has_a_dot_where_a_word_may_look(diagram, allowed):
    root = ElementTree.fromstring(diagram().svg)
    cells = [
        (float(rect.get("x")), float(rect.get("y")), float(rect.get("width")))
        for rect in root.findall(SVG + "rect")
        if rect.get("height") == "36"
    ]
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in root.findall(SVG + "circle")]
    filled = [any(x < cx < x + width and y < cy < y + 36 for cx, cy in dots) for x, y, width in cells]
    np.testing.assert_array_equal(np.reshape(filled, allowed.shape), allowed)


def test_the_numbers_of_an_lstm_cell_are_computed():
    diagram = diagrams.lstm_cell(memory=-0.5, forget=0.9, input=0.2, candidate=0.7, output=0.5)
    c = 0.9 * -0.5 + 0.2 * 0.7
    shown = [text for _, _, text in texts(diagram)]
    assert f"= 0.9 × (−0.5) + 0.2 × 0.7 = −{-c:.2f}" in shown
    assert f"= 0.5 × tanh(−{-c:.2f}) = −{-0.5 * math.tanh(c):.2f}" in shown
    assert {"f = 0.9", "i = 0.2", "g = 0.7", "o = 0.5"} <= set(shown)
    assert {"−0.5", "−0.45", "0.14", "−0.31", f"−{-0.5 * math.tanh(c):.2f}"} <= set(shown)


def test_rotary_arrows_are_turned_by_the_position_times_the_speed():
    root = ElementTree.fromstring(diagrams.rotary(["a", "b", "c"], pairs=2, base=100.0).svg)
    centres = [(float(dial.get("cx")), float(dial.get("cy"))) for dial in root.findall(SVG + "circle")]
    heads = [path.get("d") for path in root.findall(SVG + "path") if path.get("class") == "f-orange"]
    turns = []
    for (cx, cy), head in zip(centres, heads, strict=True):
        x, y = map(float, re.match(r"M(\S+) ([^L]+)L", head).groups())
        turns.append(math.atan2(cy - y, x - cx))
    expected = [t * 100.0 ** (-i / 2) for t in range(3) for i in range(2)]
    np.testing.assert_allclose(np.exp(1j * np.array(turns)), np.exp(1j * np.array(expected)), atol=0.01)


def test_the_numbers_of_sinusoidal_positions():
    diagram = diagrams.sinusoidal(length=16, width=6, position=3, base=50.0)
    angles = 3 * 50.0 ** -(np.arange(3) / 3)
    sines, cosines = (
        [value(text) for x, _, text in texts(diagram) if x == place and text not in ("sin", "cos")]
        for place in (318, 378)
    )
    np.testing.assert_allclose(sines, np.sin(angles), atol=0.0051)
    np.testing.assert_allclose(cosines, np.cos(angles), atol=0.0051)
    shown = [text for _, _, text in texts(diagram)]
    assert {"base 50, D = 6; 1 rad ≈ 57°", "+1 rad", "+0.27 rad", "+0.074 rad"} <= set(shown)


def test_the_base_of_rotary_positions_is_told():
    for base, said in ((100.0, "100"), (10_000, "10,000")):
        shown = [text for _, _, text in texts(diagrams.rotary(CAT, base=base))]
        assert f"(base {said}; 1 radian ≈ 57°)" in shown


@pytest.mark.parametrize("word", ["lower", "internationali", "aaaa", "ninini"])
def test_byte_pairs_merge_as_the_tokenizer_does(word):
    from lmbook.tokenizers.bpe_from_scratch import merge

    merges = [("i", "n"), ("a", "a"), ("l", "o"), ("in", "in"), ("lo", "w"), ("e", "r"), ("t", "e"), ("te", "r")]
    pieces = list(word)
    for pair in merges:
        merge(pieces, pair)
    assert diagrams.merge_tree(word, merges).alt.endswith(f"Tokens: {' '.join(pieces)}.")


def test_the_probabilities_of_throws_add_up_and_their_product_is_exact():
    throws = [("look", {"green": 3, "old": 1, "young": 1, "slender": 1, "silver": 4}, "green"), *OPENING[2:]]
    diagram = diagrams.dice_tree(throws)
    for name, faces, came in throws:
        drawn = row(diagram, height(diagram, name))[1:]
        share = Fraction(faces[came], sum(faces.values()))
        assert drawn[0] == f"{came} {share}"
        assert sum(Fraction(text.split()[-1]) for text in drawn) == 1
    assert {"silver 2/5", "3/10 × 4/11 × 1/10 = 3/275"} <= {text for _, _, text in texts(diagram)}


@pytest.mark.parametrize("beams", [1, 2])
def test_the_best_beams_are_kept(beams):
    steps = BEAMS if beams == 2 else [BEAMS[0], BEAMS[1][:2], [(["the", "cat", "sat"], -1.5)]]
    diagram = diagrams.beam_tree(steps, beams=beams)
    for step in steps:
        ranked = sorted(step, key=lambda candidate: -candidate[1])
        for place, (words, score) in enumerate(ranked):
            state = "kept" if place < beams else "dropped"
            assert f"{' '.join(words)} −{-score:.2f} {state}" in diagram.alt
    best = max(steps[-1], key=lambda candidate: candidate[1])
    assert diagram.alt.endswith(f"The best at the end is {' '.join(best[0])}.")
    assert [text for _, _, text in texts(diagram) if text.endswith("best")] == [f"−{-best[1]:.2f} best"]


def test_the_norm_comes_before_the_part_or_after_the_addition():
    for order, rising in (("pre", ["norm", "Self-attention", "+"]), ("post", ["Self-attention", "+", "norm"])):
        drawn = [(y, text) for _, y, text in texts(diagrams.block(order=order)) if text in rising]
        assert [text for _, text in sorted(drawn, reverse=True)][:3] == rising  # the lowest first


@pytest.mark.parametrize(("weight", "layers"), [(0.1, 3), (0.5, 4), (2, 2)])
def test_slopes_are_products_of_the_layers_above(weight, layers):
    shown = [text for _, _, text in texts(diagrams.gradient_paths(weight=weight, layers=layers))]
    for factor in (weight, 1 + weight):
        y = slope = 1.0
        for place in range(layers):
            y *= factor
            slope *= factor if place else 1
        assert f"y = {y:.4g}" in shown
        assert f"{slope:.4g}" in shown
        x, nudged = y, y / factor * (factor + 0.001)  # the first weight a little larger
        assert (nudged - x) / 0.001 == pytest.approx(slope)
        assert shown.count(f"× {factor:.4g}") >= layers - 1


def test_a_decoder_takes_keys_and_values_from_the_encoder():
    diagram = diagrams.encoder_decoder(CAT, ["le", "chat"], layers=2)
    root = ElementTree.fromstring(diagram.svg)
    arrows = [path.get("d") for path in root.findall(SVG + "path") if path.get("class") == "s-green"]
    (start_x, y), (end_x, end_y) = (map(float, point.split()) for point in arrows[0][1:].split("L"))
    assert len(arrows) == 1 and y == end_y and start_x < end_x
    boxes = {text: place for *place, text in texts(diagram)}
    assert abs(boxes["Memory"][1] - y) < 30 > abs(boxes["Cross-attention"][1] - y)
    read = [text for _, place, text in sorted(texts(diagram)) if place > boxes["Embedding"][1]]
    assert [word for word in read if word in ("le", "chat", "[START]")] == ["[START]", "le", "chat"]
    written = [text for _, place, text in sorted(texts(diagram)) if place < boxes["Output"][1]]
    assert [word for word in written if word in ("le", "chat", "[END]")] == ["le", "chat", "[END]"]


def test_a_width_is_shared_by_the_heads():
    shown = [text for _, _, text in texts(diagrams.multi_head(heads=8, width=512))]
    assert shown.count("64") == 8
    assert "q, k, v: [B, 8, T, 64]" in shown


def test_the_cut_into_heads_is_that_of_numpy_right_and_wrong():
    words, width, heads = 3, 6, 3
    diagram = diagrams.head_cut(words=words, width=width, heads=heads)
    x = np.arange(1, words * width + 1).reshape(words, width)
    right = x.reshape(words, heads, width // heads).swapaxes(0, 1)
    wrong = x.reshape(heads, words, width // heads)
    root = ElementTree.fromstring(diagram.narrow.svg)
    numbers = [int(text.text) for text in root.findall(SVG + "text") if text.text.isdigit()]
    drawn = np.array(numbers).reshape(2, 2, -1)  # right and wrong, each with the rows and then the heads
    np.testing.assert_array_equal(drawn[:, 0], [x.ravel(), x.ravel()])
    np.testing.assert_array_equal(drawn[:, 1], [right.ravel(), wrong.ravel()])
    cells = [cell.get("class") for cell in root.findall(SVG + "rect") if "-tint" in (cell.get("class") or "")]
    colour = dict(zip(numbers[-x.size :], cells[-x.size :], strict=True))  # of the wrong cut
    assert [colour[value] for value in x.ravel()] == cells[2 * x.size : 3 * x.size]
    assert len(set(colour.values())) == heads


def test_only_the_rows_of_the_head_that_is_off_are_zero():
    shown = [text for _, _, text in texts(diagrams.head_off(off=2, heads=3, size=16))]
    assert [text for text in shown if " to " in text] == ["0 to 15", "16 to 31: all 0", "32 to 47"]


def test_only_queries_and_keys_are_turned():
    diagram = diagrams.ways_of_positions()
    turned = [x for x, _, text in texts(diagram) if text == "rotary"]
    named = {text: x for x, _, text in texts(diagram) if text in ("WQ", "WK", "WV")}
    assert sorted(turned) == sorted([named["WQ"], named["WK"]])


def test_gpt_sees_the_past_and_bert_both_sides():
    root = ElementTree.fromstring(diagrams.gpt_and_bert(["a", "b", "c", "d"], hidden=2).narrow.svg)
    curves = [path for path in root.findall(SVG + "path") if "C" in path.get("d")]
    shown = [path for path in curves if path.get("class") == "s-orange"]
    assert len(curves) == (1 + 2 + 3 + 4) + 4 * 4
    assert len(shown) == 2 + 4


def test_the_softmax_is_outside_the_model_and_dropout_is_drawn_where_it_is_asked_for():
    without, with_dropout = (
        diagrams.recurrent_model(vocabulary=391, embedding=64, units=128, dropout=share) for share in (0, 0.3)
    )
    for diagram, layers in ((without, 3), (with_dropout, 5)):
        dashed = [box for box in ElementTree.fromstring(diagram.svg).iter(SVG + "rect") if box.get("stroke-dasharray")]
        assert len(dashed) == 1  # the softmax
        assert {3: "three", 5: "five"}[layers] + " layers" in diagram.alt
    assert "Dropout" not in without.alt
    assert with_dropout.alt.count("Dropout (in training sets 30 % to 0") == 2


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: diagrams.attention("the cat"), "not a list"),
        (lambda: diagrams.attention(["the"]), "2 to 8"),
        (lambda: diagrams.attention(["w"] * 9), "2 to 8"),
        (lambda: diagrams.attention(["the", ""]), "empty"),
        (lambda: diagrams.attention(["the", "antidisestablishmentarianism"]), "shorter"),
        (lambda: diagrams.attention(["the", "这是一个太长的中文句子了"]), "shorter"),
        (lambda: diagrams.attention(CAT, asking=3), "asking=3"),
        (lambda: diagrams.attention(CAT, keys=[[1, 2]]), "3 rows of 2"),
        (lambda: diagrams.attention(CAT, query=[1] * 4, keys=[[1] * 4] * 3), "1 to 3"),
        (lambda: diagrams.attention(CAT, query=[math.inf, 1]), "between"),
        (lambda: diagrams.attention(CAT, values=[[math.nan]] * 3), "between"),
        (lambda: diagrams.attention_weights(CAT, [[1, 0, 0]]), "3 rows"),
        (lambda: diagrams.attention_weights(CAT, [[0.5, 0, 0]] * 3), "adds up to 1"),
        (lambda: diagrams.steps_and_pairs(["w"] * 7), "2 to 6"),
        (lambda: diagrams.mask("casual", CAT), "causal, padding, cross"),
        (lambda: diagrams.mask("cross", CAT), "columns"),
        (lambda: diagrams.mask("causal", CAT, columns=CAT), "columns"),
        (lambda: diagrams.mask("padding", CAT, padding=-1), "below 0"),
        (lambda: diagrams.multi_head(heads=9), "2 to 8"),
        (lambda: diagrams.multi_head(heads=3, width=64), "multiple of 3"),
        (lambda: diagrams.head_cut(words=5), "2 to 4"),
        (lambda: diagrams.head_cut(heads=4), "2 or 3"),
        (lambda: diagrams.head_cut(width=5), "multiple of 2"),
        (lambda: diagrams.head_off(off=5), "2 to 6 heads"),
        (lambda: diagrams.unrolled_rnn(CAT, predicts=CAT[:2]), "each word"),
        (lambda: diagrams.lstm_cell(memory=1), "missing"),
        (lambda: diagrams.recurrent_model(vocabulary=9, embedding=0, units=4), "below 1"),
        (lambda: diagrams.recurrent_model(vocabulary=9, embedding=2, units=4, dropout=1), "no share"),
        (lambda: diagrams.three_sets(training=200, validation=0, test=500), "below 1"),
        (lambda: diagrams.three_sets(training=1, validation=1, test=1, unit="w" * 40), "shorter"),
        (lambda: diagrams.lstm_cell(memory=1, forget=2, input=0, candidate=0, output=0), "0 to 1"),
        (lambda: diagrams.lstm_cell(memory=1e9, forget=1, input=0, candidate=0, output=0), "too large"),
        (lambda: diagrams.block(order="sandwich"), "pre, post"),
        (lambda: diagrams.block(layers=0), "below 1"),
        (lambda: diagrams.encoder_decoder(CAT, CAT, layers=0), "below 1"),
        (lambda: diagrams.gradient_paths(layers=6), "2 to 5"),
        (lambda: diagrams.gradient_paths(weight=-1), "between 0 and 2"),
        (lambda: diagrams.gpt_and_bert(CAT, hidden=0), "1 to 2"),
        (lambda: diagrams.beam_tree([], beams=2), "1 to 5"),
        (lambda: diagrams.beam_tree([[(["a"], -1)]], beams=0), "at least 1"),
        (lambda: diagrams.beam_tree([[(["a"], -1), (["b"], -2)], [(["b", "c"], -3)]], beams=1), "kept"),
        (lambda: diagrams.beam_tree([[(["a"], -math.inf)]], beams=1), "no probability"),
        (lambda: diagrams.dice_tree([]), "1 to 5"),
        (lambda: diagrams.dice_tree([("look", {"green": 1, "old": 1}, "young")]), "number of sides"),
        (lambda: diagrams.dice_tree([("look", {"green": 1, "old": 0}, "green")]), "number of sides"),
        (
            lambda: diagrams.dice_tree([("look", {"mmmmm": 991, "mmmmw": 997, "wwwww": 999}, "mmmmm")]),
            "too long for a phone",
        ),
        (lambda: diagrams.merge_tree("", []), "1 to 17"),
        (lambda: diagrams.merge_tree("internationalization", []), "1 to 17"),
        (lambda: diagrams.rotary(CAT, pairs=4), "1 to 3"),
        (lambda: diagrams.rotary(CAT, base=1), "above 1"),
        (lambda: diagrams.sinusoidal(width=7), "even"),
        (lambda: diagrams.sinusoidal(position=16), "0 to 15"),
        (lambda: diagrams.tokens(["a"], ids=[1, 2]), "one for each"),
        (lambda: diagrams.next_word(["a"], {"b": 0.9, "c": 0.9}), "add up"),
        (lambda: diagrams.next_word(["a"], {"b": 0.9, "c": 0.1}, chosen="d"), "Choose one of b, c"),
    ],
)
def test_what_cannot_be_drawn_says_so_and_how_it_can(draw, words):
    with pytest.raises(LmbookError, match=re.escape(words)) as caught:
        draw()
    assert caught.value.fix
