import keras

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.decoding.text import continue_text
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.word import WordTokenizer


def test_texts_begin_with_the_prompt_and_go_on_as_generate_does():
    keras.utils.set_random_seed(0)
    tokenizer = WordTokenizer.train(["a green tree stands tall in the garden ."])
    model = RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, embedding_dim=4, hidden_dim=5))
    texts = continue_text(model, tokenizer, "a green tree", count=6, length=9, temperature=1.0, seed=3)
    prompt = [tokenizer.end_id, *tokenizer.encode("a green tree")]
    rows = generate(model, [prompt] * 6, length=9, sampling=Sampling(), seed=3, stop_ids=(tokenizer.end_id,))
    assert texts == [tokenizer.decode([*prompt, *row]) for row in rows]
    assert len(set(texts)) > 1 and all(text.startswith("a green tree") for text in texts)
    assert len(continue_text(model, tokenizer, length=4, temperature=0.0)) == 1
