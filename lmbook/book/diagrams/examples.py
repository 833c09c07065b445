"""One or more examples of each diagram: for those who choose one, and for the tests."""

from __future__ import annotations

from lmbook.book import diagrams
from lmbook.book.diagrams.kit.diagram import Diagram

CAT = ["the", "cat", "sat"]
TREE = "the old green tree stands on the hill".split()
LONG = ["internationalization", "is", "understood", "everywhere"]
CHINESE = ["老", "树", "站在", "山上"]
BEAMS = [
    [(["the"], -0.4), (["a"], -1.2), (["one"], -2.5)],
    [(["the", "cat"], -1.1), (["the", "dog"], -1.3), (["a", "cat"], -1.9), (["a", "dog"], -2.2)],
    [
        (["the", "cat", "sat"], -1.5),
        (["the", "cat", "ran"], -2.4),
        (["the", "dog", "ran"], -1.4),
        (["the", "dog", "sat"], -3.1),
    ],
]
MERGES = [
    ("i", "n"),
    ("t", "e"),
    ("a", "t"),
    ("n", "a"),
    ("te", "r"),
    ("at", "i"),
    ("in", "ter"),
    ("l", "o"),
    ("lo", "w"),
    ("e", "r"),
]

OPENING = [
    ("sentence", {"stands": 3, "there is": 1, "grows": 1}, "grows"),
    ("look", {"green": 3} | dict.fromkeys("old young golden crooked silver mighty slender".split(), 1), "green"),
    ("plant", {"tree": 4} | dict.fromkeys("oak pine willow birch maple palm sunflower".split(), 1), "tree"),
    ("place", dict.fromkeys("lake garden forest meadow park river bridge hill island market".split(), 1), "lake"),
]


def examples() -> dict[str, Diagram]:
    """File name without its suffix → diagram."""
    return {
        "next_word": diagrams.next_word(["the", "cat"], {"sat": 0.62, "ran": 0.2, "is": 0.05}, chosen="sat"),
        "one_head_model": diagrams.one_head_model(width=64, vocabulary=391),
        "dice_tree": diagrams.dice_tree(OPENING),
        "tokens": diagrams.tokens(
            ["the", " green", " tree", " stand", "s", "绿", "树"], ids=[5, 18, 277, 1049, 12, 301, 302]
        ),
        "merge_tree": diagrams.merge_tree("lower", MERGES),
        "merge_tree_long": diagrams.merge_tree("internationaliza", MERGES),
        "training_loop": diagrams.training_loop(),
        "training_loop_numbers": diagrams.training_loop(loss=6.076, learning_rate=0.01),
        "three_sets": diagrams.three_sets(training=200, validation=100, test=500),
        "unrolled_rnn": diagrams.unrolled_rnn(CAT),
        "unrolled_rnn_eight": diagrams.unrolled_rnn(TREE, cell="LSTM"),
        "unrolled_rnn_long": diagrams.unrolled_rnn(LONG, predicts=LONG),
        "lstm_cell": diagrams.lstm_cell(),
        "lstm_cell_numbers": diagrams.lstm_cell(memory=0.5, forget=0.9, input=0.2, candidate=-0.7, output=0.5),
        "recurrent_model": diagrams.recurrent_model(vocabulary=391, embedding=64, units=128),
        "recurrent_model_dropout": diagrams.recurrent_model(vocabulary=391, embedding=64, units=128, dropout=0.3),
        "attention": diagrams.attention(CAT),
        "attention_causal": diagrams.attention(TREE, asking=4, causal=True),
        "attention_long": diagrams.attention(LONG),
        "attention_chinese": diagrams.attention(CHINESE, asking=1),
        "attention_weights": diagrams.attention_weights(CAT, [[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]]),
        "attention_weights_cross": diagrams.attention_weights(CHINESE, [[0.1, 0.2, 0.3, 0.4]] * 4, columns=LONG),
        "steps_and_pairs": diagrams.steps_and_pairs(CAT),
        "steps_and_pairs_chinese": diagrams.steps_and_pairs(CHINESE, cell="GRU"),
        "mask_causal": diagrams.mask("causal", TREE),
        "mask_padding": diagrams.mask("padding", CAT),
        "mask_cross": diagrams.mask("cross", CHINESE, columns=CAT, padding=1),
        "mask_long": diagrams.mask("causal", LONG),
        "multi_head": diagrams.multi_head(),
        "multi_head_numbers": diagrams.multi_head(heads=8, width=512),
        "head_cut": diagrams.head_cut(),
        "head_off": diagrams.head_off(),
        "head_cut_three": diagrams.head_cut(words=4, width=6, heads=3),
        "rotary": diagrams.rotary(["the", "cat", "sat", "down"]),
        "rotary_three": diagrams.rotary(LONG, pairs=3),
        "sinusoidal": diagrams.sinusoidal(),
        "ways_of_positions": diagrams.ways_of_positions(),
        "block": diagrams.block(),
        "block_post": diagrams.block(order="post", causal=False, layers=6),
        "block_cross": diagrams.block(cross=True),
        "encoder_decoder": diagrams.encoder_decoder(CAT, ["le", "chat", "était", "assis"], layers=2),
        "encoder_decoder_chinese": diagrams.encoder_decoder(TREE, CHINESE),
        "language_model": diagrams.language_model(TREE, vocabulary=282),
        "language_model_long": diagrams.language_model(LONG, width=12288, hidden=49152, layers=96, vocabulary=100277),
        "gpt_and_bert": diagrams.gpt_and_bert(["the", "cat", "sat", "down"]),
        "gpt_and_bert_long": diagrams.gpt_and_bert(LONG),
        "gradient_paths": diagrams.gradient_paths(),
        "gradient_paths_five": diagrams.gradient_paths(weight=0.5, layers=5),
        "beam_tree": diagrams.beam_tree(BEAMS, beams=2),
    }
