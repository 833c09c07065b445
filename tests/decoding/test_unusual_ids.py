"""Decoders write the same texts whatever ids a tokenizer has."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from unusual_ids import RenumberedModel, RenumberedTokenizer, every_kind

from lmbook.decoding.beam import beam_search
from lmbook.decoding.chat import Chat
from lmbook.decoding.constraints import lines
from lmbook.decoding.document import translate_lines
from lmbook.decoding.generate import generate, stream
from lmbook.decoding.sampling import Sampling
from lmbook.decoding.text import answer, continue_text, translate
from lmbook.decoding.verse import form_of, quatrain
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.dialogues import REPLIES
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.word import WordTokenizer

TEXTS = ["a green tree stands tall.", "the old garden has a tree.", f"who am i? you are mia. {REPLIES}"]
WORDS = WordTokenizer.train(TEXTS)
PROMPTS = ["a green", "the old garden has", "mia", "tree ."]
GREEDY = Sampling(temperature=0.0)


def sharp(model, seed):
    """Sharp enough for the past to matter, and for `<end>` to come."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + rng.normal(scale=0.7, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def writer():
    keras.utils.set_random_seed(1)
    model = sharp(RecurrentLanguageModel(RecurrentConfig(WORDS.vocabulary_size, 6, 12)), seed=11)
    return model, RenumberedModel(model)


@pytest.fixture(scope="module")
def translator():
    keras.utils.set_random_seed(1)
    sizes = {"num_heads": 2, "num_layers": 1, "max_sequence_length": 24, "dropout": 0.0}
    model = sharp(EncoderDecoder(TransformerConfig(WORDS.vocabulary_size, 8, 12, **sizes)), seed=4)
    return model, RenumberedModel(model)


def both(models, kind):
    """(model, tokenizer) with the usual ids and with others."""
    (model, usual), renumbered = models, RenumberedTokenizer(WORDS, kind)
    return (usual, WORDS), (RenumberedModel(model, renumbered.ids), renumbered)


@every_kind
def test_texts_are_continued_alike_and_end_alike(writer, kind):
    written = []
    for model, tokenizer in both(writer, kind):
        prompts = [[tokenizer.end_id, *tokenizer.encode(prompt)] for prompt in PROMPTS]
        options = {"max_new_tokens": 12, "sampling": GREEDY, "suppress_ids": tokenizer.suppress_ids}
        rows = generate(model, prompts, stop_ids=(tokenizer.end_id,), **options)
        assert rows[0] == list(stream(model, prompts[0], stop_ids=(tokenizer.end_id,), **options))
        found = beam_search(
            model,
            prompts[:1],
            max_new_tokens=12,
            beams=3,
            stop_id=tokenizer.end_id,
            suppress_ids=tokenizer.suppress_ids,
        )
        written.append(
            [
                [tokenizer.decode(row) for row in (*rows, *found)],
                continue_text(model, tokenizer, "a green", max_new_tokens=12, temperature=0.0),
                answer(model, tokenizer, PROMPTS, max_new_tokens=12, batch_size=4),
            ]
        )
    assert written[0] == written[1]
    assert len(set(written[0][0])) > 2 and any(len(WORDS.encode(text)) < 12 for text in written[0][0])


@every_kind
def test_nothing_but_text_is_drawn(writer, kind):
    _, (model, tokenizer) = both(writer, kind)
    model._impossible *= 0.0  # now padding and unknown tokens are as likely as others
    rows = generate(
        model,
        [[tokenizer.end_id]] * 200,
        max_new_tokens=8,
        stop_ids=(tokenizer.end_id,),
        suppress_ids=tokenizer.suppress_ids,
    )
    drawn = {id for row in rows for id in row}
    assert not drawn & {tokenizer.pad_id, tokenizer.unknown_id, tokenizer.end_id}
    assert {0, 1, 2} & drawn  # ordinary tokens here
    assert len({len(row) for row in rows}) > 3


@every_kind
@pytest.mark.parametrize("beams", [1, 3])
def test_translations_are_the_same(translator, kind, beams):
    """Sources of different lengths stand in one batch: the model must not read their padding."""
    usual, other = (
        translate(model, tokenizer, TEXTS, max_new_tokens=8, beams=beams, batch_size=3)
        for model, tokenizer in both(translator, kind)
    )
    assert usual == other and len(set(usual)) > 1
    usual, other = (
        translate_lines(model, tokenizer, [*TEXTS, ""], longest=12, max_new_tokens=8, beams=beams, batch_size=3)
        for model, tokenizer in both(translator, kind)
    )
    assert usual == other


@every_kind
def test_a_chat_is_the_same(writer, kind):
    chats = [Chat(model, tokenizer, max_new_tokens=6, max_prompt_tokens=30) for model, tokenizer in both(writer, kind)]
    for said in ("Who am I?", "You are Mia.", "A green tree stands.", "Who am I?"):
        first, second = (chat.say(said) for chat in chats)
        assert first == second
    assert chats[0].forgotten > 0


@every_kind
def test_forms_are_kept(kind):
    poems = "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"
    characters = CharacterTokenizer.train([poems])
    tokenizer = RenumberedTokenizer(characters, kind)
    keras.utils.set_random_seed(0)
    model = RecurrentLanguageModel(RecurrentConfig(characters.vocabulary_size, 4, 6))
    model = RenumberedModel(model, tokenizer.ids)
    options = {"max_new_tokens": 30, "stop_ids": (tokenizer.end_id,), "suppress_ids": tokenizer.suppress_ids}
    written = generate(model, [[tokenizer.end_id]] * 4, constraint=quatrain(5, tokenizer), **options)
    assert {form_of(tokenizer.decode(row)) for row in written} == {5}
    anything = lines([lambda text: True] * 4, tokenizer)
    for row in generate(model, [[tokenizer.end_id]] * 50, constraint=anything, **options):
        assert len(row) == len(tokenizer.decode(row)) == 4  # no special token is one of the four
