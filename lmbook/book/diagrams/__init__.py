"""Diagrams of models and mechanisms in one style, drawn by code.

Each function gives a `Diagram`: a notebook shows it, `.save("name.svg")` writes it, `.svg` is its text, `.alt` says
what it shows. It has a light and a dark form, and a narrow layout where the wide one could not be read on a phone.

    from lmbook.book import diagrams
    diagrams.attention(words=["the", "cat", "sat"])
"""

from lmbook.book.diagrams.chances import dice_tree
from lmbook.book.diagrams.costs import steps_and_pairs
from lmbook.book.diagrams.depth import gradient_paths
from lmbook.book.diagrams.grids import attention_weights, mask
from lmbook.book.diagrams.heads import attention, head_cut, head_off, multi_head
from lmbook.book.diagrams.kit.diagram import Diagram
from lmbook.book.diagrams.learning import three_sets, training_loop
from lmbook.book.diagrams.pieces import next_word, tokens
from lmbook.book.diagrams.positions import rotary, sinusoidal, ways_of_positions
from lmbook.book.diagrams.recurrent import lstm_cell, recurrent_model, unrolled_rnn
from lmbook.book.diagrams.sight import gpt_and_bert
from lmbook.book.diagrams.stacks import block, encoder_decoder, language_model, one_head_model
from lmbook.book.diagrams.trees import beam_tree, merge_tree

__all__ = [
    "Diagram",
    "attention",
    "attention_weights",
    "beam_tree",
    "block",
    "dice_tree",
    "encoder_decoder",
    "gpt_and_bert",
    "gradient_paths",
    "head_cut",
    "head_off",
    "language_model",
    "lstm_cell",
    "mask",
    "merge_tree",
    "multi_head",
    "next_word",
    "one_head_model",
    "recurrent_model",
    "rotary",
    "sinusoidal",
    "steps_and_pairs",
    "three_sets",
    "tokens",
    "training_loop",
    "unrolled_rnn",
    "ways_of_positions",
]
