from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.decoding.text import answer, continue_text, translate
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig
from lmbook.tokenizers.word import WordTokenizer


def test_texts_begin_with_the_prompt_and_go_on_as_generate_does():
    keras.utils.set_random_seed(0)
    tokenizer = WordTokenizer.train(["a green tree stands tall in the garden ."])
    model = RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, embedding_dim=4, hidden_dim=5))
    texts = continue_text(model, tokenizer, "a green tree", count=6, max_new_tokens=9, temperature=1.0, seed=3)
    prompt = [tokenizer.end_id, *tokenizer.encode("a green tree")]
    options = {"stop_ids": (tokenizer.end_id,), "suppress_ids": tokenizer.suppress_ids}
    rows = generate(model, [prompt] * 6, max_new_tokens=9, sampling=Sampling(), seed=3, **options)
    assert texts == [tokenizer.decode([*prompt, *row]) for row in rows]
    assert len(set(texts)) > 1 and all(text.startswith("a green tree") for text in texts)
    assert len(continue_text(model, tokenizer, max_new_tokens=4, temperature=0.0)) == 1


@pytest.mark.parametrize("beams", [1, 3])
def test_translations_stay_with_their_texts_in_whatever_batches(beams):
    keras.utils.set_random_seed(0)
    texts = ["a green tree stands tall", "a tree", "tall tree in the garden a green", "the garden", "green"]
    tokenizer = WordTokenizer.train(texts)
    model = EncoderDecoder(TransformerConfig(tokenizer.vocabulary_size, 8, 12, 2, 1, max_sequence_length=16))
    rng = np.random.default_rng(2)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.5, size=weight.shape))
    alone = [translate(model, tokenizer, [text], max_new_tokens=6, beams=beams, batch_size=1)[0] for text in texts]
    assert translate(model, tokenizer, texts, max_new_tokens=6, beams=beams, batch_size=2) == alone
    assert len(set(alone)) > 1
    assert len(translate(model, tokenizer, [""], max_new_tokens=3, beams=beams, batch_size=1)) == 1


def test_answers_stay_with_their_prompts_in_whatever_batches():
    keras.utils.set_random_seed(0)
    prompts = ["a green tree stands tall", "a tree", "tall tree in the garden a green", "the garden", ""]
    tokenizer = WordTokenizer.train(prompts)
    model = RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, embedding_dim=4, hidden_dim=5))
    rng = np.random.default_rng(2)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.5, size=weight.shape))
    alone = [answer(model, tokenizer, [prompt], max_new_tokens=6, batch_size=1)[0] for prompt in prompts]
    assert answer(model, tokenizer, prompts, max_new_tokens=6, batch_size=3) == alone
    assert len(set(alone)) > 1
