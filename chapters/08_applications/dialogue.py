# %% [markdown]
# # A chat that remembers
#
# - Article section: §6.4
# - Needs: gpt, instructions
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 16
# - Memory: 2.9 GB
# - Shows: what a model knows of a conversation is what stands in its context, and how long it can use it
# - Headline: fact_three_turns_ago, fact_without_history
#
# A language model has no memory. It reads its context and predicts what comes next, each time from nothing. What makes
# a chat of it is that the whole conversation so far is put before it at every turn. So it can use what was said, until
# there is no room left and the oldest turns are dropped.
#
# Here a reader and a teller talk about the little world of `greentree`. The reader says who they are, who came along,
# what stands where and what they are looking for, and asks for it again turns later. What the right reply is follows
# from what was said, so every reply can be checked.

# %%
from __future__ import annotations

import random
import re
from dataclasses import replace

from lmbook import (
    GPT,
    BytePairTokenizer,
    CausalWindows,
    Chat,
    InstructionBatches,
    Lesson,
    OptimizerConfig,
    fit,
    reproducible,
    save_run,
    wilson_interval,
)
from lmbook.book import plots, scratch_dir
from lmbook.corpora.greentree.dialogues import HELD_OUT_NAMES, NAMES, NEW_NAMES, NOT_KNOWN, SLOTS, Dialogue
from lmbook.evaluation import score_dialogues, score_replies
from lmbook.models import make_config
from lmbook.pipelines import DialogueBatches, encode_dialogue
from lmbook.recipes import dialogue_tokenizer, longest_reply, train_on_dialogues
from lmbook.recipes.chat import FULL, QUICK, TEST_SEED
from lmbook.training import score_next_tokens

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

lesson = Lesson("dialogue")
if lesson.own_text:
    print("The replies are checked by the world of greentree: --corpus and --text are left aside.")

# %% [markdown]
# ## Conversations
#
# Each turn is something that the reader says and the teller's right reply
# (`lmbook/corpora/greentree/dialogues.py`). Small talk stands between, a fact may be told again and then the latest
# counts, and what was never told the teller does not know. Readers and friends of the test have names that stand
# nowhere in the training, and their plants stand in places where these never stood. A conversation of the training ends
# with a quiz: once more the reader asks for everything, so that most of a row is about what must be remembered.

# %%
PROFILE = lesson.choose(quick=QUICK, full=FULL)
TURNS = PROFILE.turns
train = PROFILE.training_dialogues()
test = PROFILE.dialogues(lesson.choose(quick=150, full=400), TEST_SEED, held_out=True)
for turn in test[0].turns:
    print(f"reader: {turn.said}\nteller: {turn.reply}    [{turn.kind} {turn.slot}]")
print(f"{len(NAMES)} names, of which {len(HELD_OUT_NAMES)} are kept for the test")

# %% [markdown]
# ## What is read, and what is learned
#
# A whole conversation is one row. The replies have weight 1; what the reader says is given and has weight 0, as the
# prompt had in the lesson `instructions`. One row teaches all its replies at once, each with its own history, because
# no position sees what follows.
#
# A name that no training text has is no word of a list of words. The tokens are byte pairs, so it is some pieces that
# the model knows, in an order that it does not; and the training has so many names that copying pieces from where they
# were told costs less than learning all names by heart.

# %%
pieces = dialogue_tokenizer(train)
print(" | ".join(pieces.decode([id]) for id in pieces.encode(f" My name is {HELD_OUT_NAMES[0]}.")))
turns = [encode_dialogue(pieces, one) for one in train]
LENGTH = longest_reply(turns)
with_history = DialogueBatches(
    turns, pieces, tokens_per_batch=PROFILE.tokens_per_batch, widths=PROFILE.widths, seed=lesson.seed
)
single = [[turn] for one in turns[: len(turns) // 2] for turn in one]
without_history = DialogueBatches(
    single, pieces, tokens_per_batch=PROFILE.tokens_per_batch, widths=(24, 96), seed=lesson.seed
)
x, y, w = (part.numpy()[0] for part in next(iter(with_history.dataset())))
for place in range(16):
    print(f"{pieces.tokens[x[place]]!r:>10} → {pieces.tokens[y[place]]!r:<10} weight {w[place]:.0f}")

# %% [markdown]
# ## Two models
#
# The same small GPT twice: one reads conversations, the other each turn alone, with a third of the steps. It is started
# as the model of the lesson `instructions` is (`lmbook/recipes/story_gpt.py` says why): a name must be copied from far
# back.
#
# And it must be the right one of the names that were heard. What tells whose it is stands before it: "Hello, Brina.",
# "Say hello to Frebert." Attention compares a query with what each token is, so one block has to tell every token what
# stands before it, until the next can look for what followed "hello to". In so few steps none learns that: the model
# says a name of the conversation, mostly the last. With **smeared keys** each key is mixed with that of the token
# before it (Olsson et al. 2022), and one block is enough. The full profile trains the model without them too.


# %%
STEPS, seed = PROFILE.steps, lesson.seed
model, history = train_on_dialogues(PROFILE, pieces, with_history, seed)
forgetful, _ = train_on_dialogues(replace(PROFILE, steps=STEPS // 3), pieces, without_history, seed)
if lesson.full:
    not_smeared, _ = train_on_dialogues(PROFILE, pieces, with_history, seed, smear_keys=False)
lesson.record("training_seconds", history.seconds[-1], "s", None, note=f"{STEPS} steps, with history")

# %% [markdown]
# ## Is it used?
#
# Of the turns in which the reader asks for something that was told: the share of replies that are right to the last
# word. *Since* counts the turns from when the fact was last mentioned by anyone. Beside the model: the one without
# history; in the full profile the one whose keys are not smeared; a **retrieval** baseline, which replies what was
# replied in the most similar conversation of the training (TF-IDF over all that was said so far); and a **rule** for
# names, the one that was heard last.

# %%
loose = lesson.choose(quick=0.2, full=0.04)


def asked(turn) -> bool:
    return turn.kind == "ask"


def long_ago(turn) -> bool:
    return asked(turn) and turn.since == 3


def flat(made: list[Dialogue]):
    """(all that was said so far, the turn) of each turn in which something told is asked for."""
    for one in made:
        for place, turn in enumerate(one.turns):
            if asked(turn):
                yield " ".join(f"{t.said} {t.reply}" for t in one.turns[:place]), turn


def retrieved(made: list[Dialogue]):
    """The replies of the most similar turns of the training."""
    known = list(flat(train[:1000]))
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    stored = vectors.fit_transform([f"{before} {turn.said} {turn.said}" for before, turn in known])
    questions = list(flat(made))
    nearest = (vectors.transform([f"{b} {t.said} {t.said}" for b, t in questions]) @ stored.T).argmax(axis=1)
    replies = [known[index][1].reply for index in np.ravel(nearest)]
    return score_replies(replies, [turn for _, turn in questions])


def last_name(made: list[Dialogue]):
    """ "You are" or "Your friend is", and the name that was heard last."""
    replies, turns = [], []
    for before, turn in flat(made):
        heard = [word for word in re.findall(r"\w+", before) if word in NAMES]
        opening = {"name": "You are", "friend": "Your friend is"}.get(turn.slot)
        replies.append(f"{opening} {heard[-1]}." if opening and heard else NOT_KNOWN)
        turns.append(turn)
    return score_replies(replies, turns)


seen_test = PROFILE.dialogues(len(test), TEST_SEED + 1)
scores = {
    "with history": score_dialogues(model, pieces, test, chosen=asked, max_new_tokens=LENGTH),
    "with history, names of the training": score_dialogues(
        model, pieces, seen_test, chosen=asked, max_new_tokens=LENGTH
    ),
    **(
        {
            "with history, keys not smeared": score_dialogues(
                not_smeared, pieces, test, chosen=asked, max_new_tokens=LENGTH
            )
        }
        if lesson.full
        else {}
    ),
    "without history": score_dialogues(forgetful, pieces, test, chosen=asked, max_new_tokens=LENGTH),
    "retrieval": retrieved(test),
    "rule: the last name": last_name(test),
}
rows = [
    (name, score.share(), *(score.share(lambda turn, slot=slot: turn.slot == slot) for slot in SLOTS))
    for name, score in scores.items()
]
lesson.table("slots", rows, ["", "all", *SLOTS], tolerance=loose)
score = scores["with history"]
n = score.count(long_ago)
lesson.record(
    "fact_three_turns_ago", score.share(long_ago), tolerance=loose, n=n, note="held-out names, plants in new places"
)
low, high = wilson_interval(round(score.share(long_ago) * n), n)
lesson.record("fact_three_turns_ago_low", low, tolerance=loose, note="95 % interval, from")
lesson.record("fact_three_turns_ago_high", high, tolerance=loose, note="95 % interval, to")
three = {name: scores[name].share(long_ago) for name in ("without history", "retrieval")}
lesson.record("fact_without_history", three["without history"], tolerance=0.05, n=n, note="three turns ago, no history")
lesson.record("fact_retrieval", three["retrieval"], tolerance=0.05, n=n, note="three turns ago, retrieval")
if lesson.full:
    share = scores["with history, keys not smeared"].share(long_ago)
    lesson.record("fact_keys_not_smeared", share, tolerance=0.15, n=n, note="three turns ago, keys not smeared")
lesson.record("slot_accuracy", score.share(), tolerance=loose, n=len(score.turns), note="all facts that were told")

# %% [markdown]
# ## What history is worth
#
# The same model, shown only the last k turns. A fact that was last mentioned more than k turns ago cannot be known
# then. The dotted line is exact: the share of questions whose fact stands in the last k turns. A model that used all
# that it is shown would lie on it.

# %%
kept_turns = lesson.choose(quick=(0, 2), full=tuple(range(TURNS - 1)))
cut = {k: score_dialogues(model, pieces, test, kept=k, chosen=asked, max_new_tokens=LENGTH) for k in kept_turns}
cut[TURNS - 1] = score
shown = {k: score.count(lambda turn, k=k: turn.since <= k) / len(score.turns) for k in cut}
admits = {
    k: float(
        np.mean(
            [reply.lower() == NOT_KNOWN.lower() for reply, t in zip(s.replies, s.turns, strict=True) if t.since > k]
        )
    )
    for k, s in cut.items()
    if s.count(lambda turn, k=k: turn.since > k)
}
rows = [(str(k), s.share(), shown[k], admits.get(k, "–")) for k, s in cut.items()]
lesson.table("history", rows, ["turns shown", "right", "could be known", "of the others: says so"], tolerance=loose)
figure, axes = plots.new_figure("What is remembered", "earlier turns that the model is shown", "share of right replies")
axes.plot(list(cut), [s.share() for s in cut.values()], marker="o", label="the model", **plots.line_style(0))
axes.plot(list(cut), list(shown.values()), label="could be known (exact)", color="black", linestyle=":")
axes.axhline(scores["without history"].share(), label="trained without history", **plots.line_style(1))
axes.axhline(scores["retrieval"].share(), label="retrieval", **plots.line_style(2))
axes.set_ylim(0, 1.03)
axes.legend(frameon=False, fontsize=9)
lesson.figure(
    figure, "history", "Right replies to questions about told facts, against the turns that the model is shown"
)

# %% [markdown]
# Where the fact was cut off, the right thing is to say that it is not known; the last column of the table says how
# often that happens. The model was taught to say so where nothing was told, and that is what it is shown then.
#
# ## All turns, and its own words
#
# So far the history had the right replies. In a real chat it has the model's own, mistakes included. The first column
# is that of all turns with the right history, the second with its own. `new_names` is about names of other languages,
# whose syllables stood nowhere in training; the table after it asks in other words.

# %%
right_history = score_dialogues(model, pieces, test, max_new_tokens=LENGTH)
own_history = (
    score_dialogues(model, pieces, test, own_replies=True, max_new_tokens=LENGTH) if lesson.full else right_history
)
kinds = sorted({turn.kind for turn in right_history.turns})
if lesson.full:
    rows = [
        (kind, *(s.share(lambda turn, kind=kind: turn.kind == kind) for s in (right_history, own_history)))
        for kind in kinds
    ]
    lesson.table("kinds", rows, ["", "right history", "its own"], tolerance=0.1)
    lesson.record(
        "own_history", own_history.share(long_ago), tolerance=loose, n=n, note="three turns ago, in its own chat"
    )
    new = score_dialogues(
        model, pieces, PROFILE.dialogues(len(test), TEST_SEED + 2, names=NEW_NAMES), chosen=asked, max_new_tokens=LENGTH
    )
    called = new.share(lambda turn: turn.slot == "name")
    lesson.record(
        "new_names",
        called,
        tolerance=0.5,
        n=new.count(lambda t: t.slot == "name"),
        note="of other syllables",
    )
lesson.record("all_turns", right_history.share(), tolerance=loose, n=len(right_history.turns), note="of every kind")

# %%
PARAPHRASES = {
    "What is my name?": ("Tell me my name.", "Do you know who I am?"),
    "What do I want?": ("What is it that I want?",),
}
ASKING = HELD_OUT_NAMES[:: lesson.choose(quick=80, full=20)]
rows, as_taught = [], []
for taught, others in PARAPHRASES.items():
    for wording in (taught, *others):
        replies = []
        for name in ASKING:
            chat = Chat(model, pieces, max_new_tokens=LENGTH)
            chat.say(f"My name is {name}.")
            chat.say("I want a shiny ball.")
            chat.say("How are you?")
            replies.append(chat.say(wording).text)
        wanted = ["You want a shiny ball." if "want" in wording else f"You are {name}." for name in ASKING]
        right = [a == b for a, b in zip(replies, wanted, strict=True)]
        rows.append((wording, f"{sum(right)} of {len(right)}", replies[0]))
        as_taught += right if wording == taught else []
lesson.table("wordings", rows, ["", "right", "the first reply"])  # other wordings a small model knows by chance
note = "questions in the wordings of the training, answered rightly"
lesson.record("taught_wordings", float(np.mean(as_taught)), tolerance=0.5, n=len(as_taught), note=note)

# %% [markdown]
# ## When there is no more room
#
# The context has an end. `Chat` keeps as many turns as fit into a budget of tokens, drops the oldest and says so. Here
# the budget is small, so that it happens soon. `lmbook chat` does the same in the terminal.

# %%
chat = Chat(model, pieces, max_prompt_tokens=50, max_new_tokens=LENGTH)
for said in (
    f"My name is {HELD_OUT_NAMES[-1]}.",
    "I want a shiny kite.",
    "What is my name?",
    "How are you?",
    "Hello.",
    "Who am I?",
    "What do I want?",
):
    reply = chat.say(said)
    note = f"    [{reply.forgotten} forgotten]" if reply.forgotten else ""
    print(f"> {said}\n{reply.text}{note}")
lesson.record("turns_dropped", chat.forgotten, "turns", 1, note="of seven, with a budget of 50 tokens")

folder = scratch_dir(lesson.file) / "models" / f"dialogue_{lesson.profile}"
save_run(folder, model, pieces, {"dialogue": True, "turns": TURNS}, history, chat.say("Who am I?").text)
print(f"Talk with it: lmbook chat {folder}")

# %% [markdown]
# ## Real turns
#
# Shakespeare's plays are conversations too. Nobody can check whether a reply is right there, but how well it is
# predicted can be measured: the loss of a character's words, given the last k speeches, by the same model. The second
# curve gives it as many speeches from elsewhere in the text, so that only what is *said* differs, not how much.


# %%
def speeches(text: str) -> list[tuple[str, str]]:
    """(speaker, words) of each speech."""
    parts = [part.partition(":\n") for part in text.split("\n\n")]
    return [(speaker, said.strip()) for speaker, colon, said in parts if colon and said.strip()]


def shakespeare() -> None:
    """Train a model on the plays and record the loss of replies against the speeches that it is shown."""
    corpus = lesson.real_corpus("tiny_shakespeare")
    if corpus is None:
        return
    pieces = BytePairTokenizer.train(corpus.texts("train"), 1000)
    reproducible(lesson.seed)
    model = GPT(make_config("gpt", pieces.vocabulary_size, max_sequence_length=256, dropout=0.1))
    documents = [pieces.encode(text) for text in corpus.texts("train")]
    data = CausalWindows(documents, pieces, context=256, batch_size=8, seed=lesson.seed)
    optimizer = OptimizerConfig("muon", learning_rate=1.2e-2, muon_ratio=1.0, warmup_steps=50)
    fit(model, data, steps=600, optimizer=optimizer)
    made = speeches(corpus.texts("validation")[0])
    whole = [pieces.encode(f"{speaker}:\n{said}\n\n") for speaker, said in made]
    heads = [pieces.encode(f"{speaker}:\n") for speaker, _ in made]
    replies = [pieces.encode(said) for _, said in made]
    most = 8
    places = [place for place in range(most, len(made)) if 3 <= len(replies[place]) <= 60]
    generator = random.Random(lesson.seed)
    elsewhere = {place: generator.choice(places) for place in places}

    def loss(k: int, own: bool) -> float:
        pairs = []
        for place in places:
            end = place if own else elsewhere[place]
            before = [token for speech in whole[end - k : end] for token in speech]
            room = 255 - len(heads[place]) - len(replies[place])
            # The last tokens that there is room for; a speech may lose its beginning.
            pairs.append(([*before[max(0, len(before) - room) :], *heads[place]], replies[place]))
        batches = InstructionBatches(pairs, pieces, tokens_per_batch=16 * 256, widths=(64, 128, 256))
        return score_next_tokens(model, batches).nats_per_token

    kept = (0, 1, 2, 4, 8)
    curves = {"what was said before": [loss(k, True) for k in kept], "from elsewhere": [loss(k, False) for k in kept]}
    rows = [(str(k), *(curve[i] for curve in curves.values())) for i, k in enumerate(kept)]
    lesson.table("shakespeare", rows, ["speeches shown", *curves], tolerance=0.1)
    for k in (0, 2, 8):
        value = curves["what was said before"][kept.index(k)]
        lesson.record(f"reply_nats_{k}", value, "nats per token", 0.1, n=len(places), note=f"{k} earlier speeches")
    figure, axes = plots.new_figure(
        "Replies in Shakespeare", "earlier speeches that the model is shown", "nats per token"
    )
    for index, (name, curve) in enumerate(curves.items()):
        axes.plot(kept, curve, marker="o", label=name, **plots.line_style(index))
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "shakespeare", "Loss of a speech against the speeches before it that the model is shown")


if lesson.full:
    shakespeare()

# %%
lesson.finish()
