# %% [markdown]
# # The LSTM baseline
#
# - Article section: §5.1–5.3
# - Needs: nothing
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 19
# - Memory: 1.8 GB
# - Shows: the article's program as it was meant, on text whose lowest possible loss is known exactly
# - Headline: excess_nats_per_word, grammatical_share, shakespeare_nats_per_character
#
# The article's program reads a text word by word, carries a memory along (an LSTM), and predicts the next word. Here it
# is as it was meant: the ids are made once and kept, the labels are the text moved by one word, one part of the
# text is held out, and what the model writes is drawn from the last position's distribution.
#
# It learns greentree, the built-in corpus. Its stories are told by a known grammar, so the probability of each is
# known exactly, and with it the lowest cross-entropy that any model can reach: the **floor**. The loss minus the floor
# is all that the model has failed to learn.

# %%
from __future__ import annotations

import time

from lmbook import Lesson, continue_text, evaluate
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree import floor, is_grammatical, log_probability

lesson = Lesson("lstm_baseline")

# %% [markdown]
# ## The stories
#
# Every sentence after the second depends on what was told before: who is there, who holds what, where everybody is,
# what the weather does. A model without memory cannot tell such a story.
#
# The quick profile reads stories of three or four sentences, the full one all of them (up to twelve). Both use all
# words.

# %%
if not lesson.own_text:
    from lmbook.recipes import greentree_lstm
    from lmbook.recipes.lstm import FULL, QUICK

    baseline = greentree_lstm(
        lesson.choose(quick=QUICK, full=FULL),
        lesson.seed,
        models=scratch_dir(lesson.file) / "models",
        resume="never",
        strategy=lesson.strategy,
    )
    story = baseline.test[0]
    print(f"\nA story of the test set, with the wish for {story.topic} and a {story.mood} end:\n{story.english}")
    print(story.chinese)
    print(f"Its log-probability is {log_probability(story.english, grammar=baseline.grammar):.3f} nats, exactly.\n")

# %% [markdown]
# ## The loss and the floor
#
# The test stories were never seen. Each word (and each mark, and the end of each story) is predicted from its
# whole past; the loss is the mean over all of them. In the picture the training loss stays above the validation loss:
# some training windows begin in the middle of a long story, and what was told before is not in them.

# %%
if not lesson.own_text:
    model, tokenizer = baseline.model, baseline.tokenizer
    texts = [story.english for story in baseline.test]
    score = evaluate(model, [tokenizer.encode(text) for text in texts], tokenizer)
    lowest = floor(texts, tokenizer, grammar=baseline.grammar)
    lesson.record("parameters", model.count_params(), note="embedding 128, LSTM 256")
    lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, of the test stories")
    lesson.record("nats_per_word", score.nats_per_token, "nats per word", 0.02)
    lesson.record("perplexity", score.perplexity, "", 0.05)
    lesson.record(
        "excess_nats_per_word", score.nats_per_token - lowest, "nats per word", 0.02, note="loss above the floor"
    )
    drawn = floor([story.english for story in baseline.validation], tokenizer, grammar=baseline.grammar)
    lesson.figure(
        plots.loss_curve({"LSTM": baseline.history}, drawn, "nats per word", title="An LSTM learns greentree"),
        "loss",
        "Training and validation loss, and the exact floor",
    )

# %% [markdown]
# ## What it writes
#
# 500 stories, drawn word by word at temperature 0.7. The grammar's parser reads each: a story counts when it is whole,
# and nothing in it contradicts its own world.

# %%
if not lesson.own_text:
    stories = continue_text(model, tokenizer, count=500, max_new_tokens=150, temperature=0.7, seed=lesson.seed)
    share = sum(map(is_grammatical, stories)) / len(stories)
    lesson.record("grammatical_share", share, tolerance=0.08, n=len(stories), note="accepted by the grammar's parser")
    lesson.record(
        "distinct_stories", len(set(stories)) / len(stories), tolerance=0.05, n=len(stories), note="share of the 500"
    )
    print("\n" + "\n\n".join(stories[:3]))

# %% [markdown]
# ## The article's prompt
#
# "a green tree": the article prints what its program is said to have made of it. This is what a program does.

# %%
if not lesson.own_text:
    for temperature in (0.0, 0.7):
        [text] = continue_text(
            model, tokenizer, "a green tree", max_new_tokens=150, temperature=temperature, seed=lesson.seed
        )
        print(f"\ntemperature {temperature}: {text}")

# %% [markdown]
# ## Real text
#
# The same model on the characters of a real text: Shakespeare in the full profile, or any other with `--corpus NAME` or
# `--text FILE`. Nobody knows the floor of English; the whole held-out text is scored, the memory carried along.


# %%
def train_on_characters(corpus, steps: int):
    """An LSTM on the characters of a corpus; gives (score on the held-out text, history, sample, seconds)."""
    from lmbook import (
        CausalWindows,
        CharacterTokenizer,
        OptimizerConfig,
        RecurrentConfig,
        RecurrentLanguageModel,
        Validation,
        fit,
        reproducible,
    )

    reproducible(lesson.seed)
    began = time.perf_counter()
    train, held_out = corpus.texts("train"), corpus.texts("validation")
    characters = CharacterTokenizer.train(train)
    data = CausalWindows([characters.encode(t) for t in train], characters, context=64, batch_size=64, seed=lesson.seed)
    strategy = lesson.strategy
    with strategy.scope():
        network = RecurrentLanguageModel(RecurrentConfig(characters.vocabulary_size, dropout=0.1))
    documents = [characters.encode(text) for text in held_out]
    history = fit(
        network,
        data,
        steps=steps,
        validation=Validation(documents, characters),
        optimizer=OptimizerConfig(learning_rate=4e-3),
        report_every=max(1, steps // 4),
        strategy=strategy,
    )
    size = sum(len(text.encode("utf-8")) for text in held_out)
    result = evaluate(network, documents, characters, bytes_total=size, closed=False)
    seconds = time.perf_counter() - began
    [sample] = continue_text(network, characters, max_new_tokens=400, temperature=0.8, seed=lesson.seed)
    return result, history, sample, seconds


if lesson.own_text or lesson.full:
    if lesson.text is not None:
        from lmbook import text_corpus

        corpus = text_corpus(lesson.text)
    else:
        from lmbook import load_corpus

        corpus = load_corpus(lesson.corpus if lesson.own_text else "tiny_shakespeare")
    result, history, sample, seconds = train_on_characters(corpus, lesson.choose(quick=300, full=2400))
    name = "own" if lesson.own_text else "shakespeare"
    lesson.record(f"{name}_nats_per_character", result.nats_per_token, "nats per character", 0.02, n=result.tokens)
    lesson.record(f"{name}_bits_per_byte", result.bits_per_byte, "bits per byte", 0.03)
    lesson.record(f"{name}_seconds", seconds, "s", None, note="data, training and scoring")
    lesson.figure(
        plots.loss_curve({"LSTM": history}, None, "nats per character", title=f"An LSTM learns {corpus.name}"),
        name,
        f"Training and validation loss on {corpus.name}",
    )
    print(f"\n{sample}")

# %% [markdown]
# ## The article's own sizes
#
# A vocabulary of 10,000 words, an embedding of width 256, an LSTM of width 512: most of its weights are in the
# table of words and in the layer of logits. It needs more text than anybody reads on a laptop in a few minutes; here it
# reads the words of Shakespeare for a while, so that it is seen to run. To train it on your own text for longer:
# `lmbook train --model lstm_article --tokenizer word --vocabulary-size 10000 --text FILE --minutes 60 --output DIR`.

# %%
if lesson.full and not lesson.own_text:
    from lmbook import CausalWindows, OptimizerConfig, Validation, WordTokenizer, fit, reproducible
    from lmbook.models import registry

    reproducible(lesson.seed)
    words = WordTokenizer.train(corpus.texts("train"), 10_000)
    article = registry.make_model("lstm_article", registry.make_config("lstm_article", words.vocabulary_size))
    held_out = [words.encode(text) for text in corpus.texts("validation")]
    history = fit(
        article,
        CausalWindows(
            [words.encode(t) for t in corpus.texts("train")], words, context=64, batch_size=16, seed=lesson.seed
        ),
        steps=400,
        validation=Validation(held_out, words),
        optimizer=OptimizerConfig(learning_rate=2e-3),
    )
    result = evaluate(article, held_out, words, closed=False)
    lesson.record("article_parameters", article.count_params(), note="vocabulary 10,000, embedding 256, LSTM 512")
    lesson.record("article_nats_per_word", result.nats_per_token, "nats per word", 0.05, note="Shakespeare, 400 steps")
    lesson.record("article_perplexity", result.perplexity, "", 10.0)

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
