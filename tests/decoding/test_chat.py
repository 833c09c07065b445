from __future__ import annotations

import keras
import pytest

from lmbook.decoding.chat import Chat
from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.dialogues import REPLIES, dialogue_prompt, encode_said
from lmbook.tokenizers.word import WordTokenizer

WORDS = WordTokenizer.train([f"my name is mia. who am i? you are mia. hello. {REPLIES}"])
SAID = ("My name is Mia.", "Hello.", "Who am I?")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    sizes = {"hidden_dim": 8, "intermediate_dim": 8, "num_heads": 2, "num_layers": 1, "max_sequence_length": 40}
    made = GPT(GPTConfig(WORDS.vocabulary_size, **sizes))
    made.jit_compile_decoding = False
    for weight in made.trainable_variables:
        weight.assign(5.0 * weight)
    return made


def test_a_reply_is_what_the_model_writes_after_the_whole_conversation(model):
    chat = Chat(model, WORDS, max_new_tokens=4)
    replies = [chat.say(said) for said in SAID]
    history = []
    for said, reply in zip(SAID, replies, strict=True):
        prompt = dialogue_prompt(history, encode_said(WORDS, said), WORDS)
        options = {"max_new_tokens": 4, "sampling": Sampling(temperature=0), "stop_ids": (WORDS.end_id,)}
        written = generate(model, [prompt], **options, suppress_ids=WORDS.suppress_ids)[0]
        assert reply.text == WORDS.decode(written) and reply.cut is (len(written) == 4)
        history.append((encode_said(WORDS, said), written))
    assert chat.history == history and chat.forgotten == 0


def test_the_oldest_turns_are_dropped_when_there_is_no_room(model):
    chat = Chat(model, WORDS, max_prompt_tokens=18, max_new_tokens=3)
    dropped = [chat.say(said).forgotten for said in SAID * 2]
    assert dropped[0] == 0 and sum(dropped) == chat.forgotten > 0
    assert len(chat.history) == 6 - chat.forgotten
    said = [words for words, _ in chat.history]
    assert said == [encode_said(WORDS, text) for text in (SAID * 2)[-len(said) :]]


def test_a_refused_turn_leaves_the_history_as_it_was(model):
    chat = Chat(model, WORDS, max_prompt_tokens=12, max_new_tokens=2)
    chat.say("Hello.")
    before = list(chat.history)
    for said in ("", "  ", "Hello. " * 10):
        with pytest.raises(LmbookError):
            chat.say(said)
    assert chat.history == before


@pytest.mark.parametrize(
    "options",
    [
        {"max_prompt_tokens": 0},
        {"max_new_tokens": 0},
        {"max_prompt_tokens": 30, "max_new_tokens": 11},
        {"max_new_tokens": 40},
    ],
)
def test_a_prompt_beyond_the_model_is_refused(model, options):
    with pytest.raises(LmbookError, match="max_prompt_tokens="):
        Chat(model, WORDS, **options)
