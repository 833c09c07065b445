# %% [markdown]
# # Learning from preferences and rewards
#
# - Article section: §8.1
# - Needs: gpt, instructions
# - Data: greentree
# - Minutes: quick 1, full 6
# - Memory: 1.7 GB
# - Shows: how a model is taught to write what people prefer, by four methods, and how it cheats when it can
# - Headline: reward_before, reward_after, grammatical_after
#
# A model that was trained on texts writes as its texts do: some stories end happily, some do not. Suppose that readers
# want happy endings. Nobody can write down a loss for that, but readers can say which of two stories they prefer, and
# a number that says how good a story is can be learned from it. Then the model writes, is rewarded, and learns to
# write what is rewarded: **reinforcement learning**. Assistants are made so, in this order: supervised start, reward
# model, policy.
#
# A real reader's preference is never known exactly. Here the reader is a program that knows the grammar of
# `greentree`: so it can be seen what the model really gets better at, and when it only gets better at being rewarded.

# %%
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lmbook import Lesson, WordTokenizer, mean_sd
from lmbook.book import plots
from lmbook.corpora.greentree import LEXICON, Grammar, english_tokens, is_grammatical, normalize_english, tell_stories
from lmbook.corpora.greentree.text import last_mood
from lmbook.recipes import GPTProfile, train_on_stories
from lmbook.topics.preferences import Policy, RewardModel, RewardTraining, Rollouts, rewards_of, roll_out

import numpy as np

lesson = Lesson("reinforcement_learning")
if lesson.own_text:
    print("The stories are judged by the grammar of greentree: --corpus and --text are left aside.")

# %% [markdown]
# ## A supervised start
#
# A small GPT reads stories of three and four sentences. Then it gets the first two sentences of other stories, and goes
# on with them. The judge looks at two things: whether the last sentence is a happy ending, and whether the whole is a
# story of the grammar, which means that nothing in it contradicts anything else.

# %%
WIDTH = 60  # tokens of a row: the longest stories have fewer, so there is room to go on where one should stop
WANTED = "happy"
grammar = Grammar(LEXICON.first(lesson.choose(quick=2, full=4), kinds=24, wishes=6), split="seen", max_sentences=4)
stories = tell_stories(lesson.choose(quick=8_000, full=16_000), 10, grammar=grammar)
words = WordTokenizer.train([story.english for story in stories])
PROFILE = GPTProfile(
    lesson.profile,
    steps=lesson.choose(quick=300, full=1000),
    context=48,
    batch_size=32,
    num_layers=2,
    hidden_dim=64,
    max_sequence_length=64,
)
base, history = train_on_stories(PROFILE, [story.english for story in stories], words, lesson.seed)


def openings(count: int, seed: int) -> list[list[int]]:
    """The first two sentences of `count` stories that the model has not read."""
    told = tell_stories(count, seed, grammar=grammar)
    return [words.encode(" ".join(english_tokens(s) for s in story.sentences[:2])) for story in told]


def is_wanted(text: str) -> bool:
    """Whether the last sentence is an ending of the wanted mood."""
    return last_mood(text) == WANTED


@dataclass(frozen=True)
class Judged:
    """Shares of a model's stories that end as wanted, that are stories, and that are told once only."""

    wanted: float
    grammatical: float
    distinct: float
    kl: float  # nats per story from the supervised model


TEST = openings(lesson.choose(quick=128, full=512), 31)
RATE, KL = 1e-3, 0.05
policy = Policy(base)  # a copy that can learn, and the model that it came from


def tell(given: list[list[int]], seed: int) -> Rollouts:
    """How the policy, as it is now, goes on with these openings."""
    return roll_out(policy.model, words, given, width=WIDTH, seed=seed)


def judged(told: Rollouts) -> Judged:
    """What the judge says of stories of the policy."""
    shares = [np.mean([check(text) for text in told.texts]) for check in (is_wanted, is_grammatical)]
    kl = policy.distance(told).mean()
    return Judged(*map(float, shares), len(set(told.texts)) / len(told.texts), float(kl))


told_before = tell(TEST, 1)
before = judged(told_before)
for text in told_before.texts[:3]:
    print(text)
loose = lesson.choose(quick=0.15, full=0.05)
lesson.record("reward_before", before.wanted, tolerance=loose, n=len(TEST), note="share of happy endings, supervised")
lesson.record("grammatical_before", before.grammatical, tolerance=loose, n=len(TEST), note="share of right stories")

# %% [markdown]
# ## A reward model, from preferences
#
# The model goes on twice with each opening, and a reader says which of the two is better. Our reader likes a right
# story with a happy ending better than anything else, errs in one of twenty such cases, and else tosses a coin. From
# these answers alone a reward model is trained: the GPT again, with a head of one number at the last token. Its loss is
# that of Bradley and Terry: the chance that A is preferred to B is σ(r(A) - r(B)).

# %%
PAIRS, EPOCHS, BATCH = lesson.choose(quick=384, full=1024), 4, 64
ERROR = 0.05


def is_good(text: str) -> bool:
    """What the reader really wants."""
    return is_wanted(text) and is_grammatical(text)


def preferences(count: int, seed: int) -> tuple[Rollouts, Rollouts, np.ndarray]:
    """Pairs of stories with the same openings: the preferred ones, the others, and whether the reader saw a difference.

    Which is preferred: the good one but for an error now and then, where one is good and one is not; else either.
    """
    told = tell(openings(count, seed) * 2, seed)
    good = np.array([is_good(text) for text in told.texts]).reshape(2, count)
    differ = good[0] != good[1]
    random = np.random.default_rng(seed)
    first = np.where(differ, good[0] ^ (random.random(count) < ERROR), random.random(count) < 0.5)
    rows = np.arange(count)
    return told[np.where(first, rows, rows + count)], told[np.where(first, rows + count, rows)], differ


def shuffled(count: int, seed: int) -> list[np.ndarray]:
    """Rows of each batch, for all epochs."""
    random = np.random.default_rng(seed)
    return [rows for _ in range(EPOCHS) for rows in random.permutation(count).reshape(-1, BATCH)]


chosen, rejected, _ = preferences(PAIRS, 41)
reader = RewardModel(base.config)
reader.gpt.set_weights(base.get_weights())
training = RewardTraining(reader, learning_rate=5e-4)
for rows in shuffled(PAIRS, lesson.seed):
    training.prefer(chosen.ids[rows, :-1], rejected.ids[rows, :-1])
held_out = preferences(lesson.choose(quick=256, full=512), 42)
more, less = (rewards_of(reader, side.ids[:, :-1]) for side in held_out[:2])
agreement = float((more > less)[held_out[2]].mean())
lesson.record(
    "reward_model_agreement",
    agreement,
    tolerance=0.05,
    n=int(held_out[2].sum()),
    note=f"with the reader on pairs of which one is good; the reader errs in {ERROR:.0%} of them",
)

# %% [markdown]
# The reward has no unit: it is shifted and scaled so that the supervised model's stories have mean 0 and standard
# deviation 1.

# %%
untaught = rewards_of(reader, told_before.ids[:, :-1])
SHIFT, SCALE = float(untaught.mean()), float(untaught.std())


def learned_reward(told: Rollouts) -> np.ndarray:
    """The reward model's opinion, [N]."""
    return (rewards_of(reader, told.ids[:, :-1]) - SHIFT) / SCALE


# %% [markdown]
# ## Four ways to learn
#
# - **REINFORCE**: each story's log-probability is raised in proportion to how much better than the others it is. A
#   penalty β ln π/π₀ holds the policy π near the supervised model π₀: its mean is the KL divergence of the two, the
#   number of nats by which they can be told apart from a story.
# - **REINFORCE without penalty**: the same, β = 0.
# - **GRPO**: eight stories with the same opening are compared with each other. Each batch is used twice, and a
#   token whose probability has changed by more than a fifth is left alone. A group's rewards are scaled to standard
#   deviation 1 however little they differ, so that noise counts as much as anything where all eight are good already:
#   it needs a larger β than REINFORCE.
# - **DPO**: no reward model and no roll-outs; the policy is trained on the reader's preferences themselves, by a loss
#   that treats β ln π/π₀ as the reward.
#
# The formulas are in `lmbook/topics/preferences/objectives.py`, one function each, the updates in
# `lmbook/topics/preferences/policy.py`.

# %%
STEPS, ROLLOUTS, GROUP = lesson.choose(quick=12, full=50), 128, 8
Reward = Callable[[Rollouts], np.ndarray]


@dataclass
class Run:
    """How a policy became what it is, a value for each step that was looked at, and what it became."""

    kl: list[float] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    wanted: list[float] = field(default_factory=list)
    grammatical: list[float] = field(default_factory=list)
    told: Rollouts | None = None  # after the test's openings
    after: Judged | None = None

    def look(self, told: Rollouts, kl: float, rewards: np.ndarray) -> None:
        """Keep the values of these roll-outs."""
        self.kl.append(kl)
        self.reward.append(float(rewards.mean()))
        self.wanted.append(float(np.mean([is_wanted(text) for text in told.texts])))
        self.grammatical.append(float(np.mean([is_grammatical(text) for text in told.texts])))

    def end(self) -> Run:
        """Keep what the policy is now."""
        self.told = tell(TEST, 1)
        self.after = judged(self.told)
        return self


def learn(method: str, reward: Reward, *, kl: float = KL, seed: int = 0, steps: int = STEPS) -> Run:
    """Train the policy anew, by roll-outs and rewards; GRPO, with two steps a batch, at half the rate."""
    policy.restart(RATE / 2 if method == "grpo" else RATE)
    run, given = Run(), openings(steps * ROLLOUTS, 50 + seed)
    for step in range(steps):
        batch = given[step * ROLLOUTS : (step + 1) * ROLLOUTS]
        if method == "grpo":
            batch = [opening for opening in batch[::GROUP] for _ in range(GROUP)]
        told = tell(batch, 1000 * seed + step)
        rewards = reward(told)
        if method == "grpo":
            apart = policy.grpo(told, rewards, group_size=GROUP, kl=kl)
        else:
            apart = policy.reinforce(told, rewards, kl=kl)
        run.look(told, apart, rewards)
        if (step + 1) % 10 == 0:
            seen = f"{run.wanted[-1]:.2f} happy, {run.grammatical[-1]:.2f} right, KL {apart:.2f}"
            print(f"{method}, seed {seed}, step {step + 1} of {steps}: {seen}; {lesson.seconds:.0f} s", flush=True)
    return run.end()


def learn_from_pairs(*, beta: float = 0.1, seed: int = 0) -> Run:
    """Train the policy anew, by DPO on the pairs that the reward model was trained on."""
    policy.restart(RATE / 2)
    run = Run()
    for step, rows in enumerate(shuffled(PAIRS, seed)):
        if step % 8 == 0:
            told = tell(TEST[:ROLLOUTS], 1000 * seed + step)
            run.look(told, float(policy.distance(told).mean()), learned_reward(told))
        policy.dpo(chosen[rows], rejected[rows], beta=beta)
    return run.end()


SEEDS = lesson.choose(quick=1, full=3)
METHODS: dict[str, Callable[[int], Run]] = {
    "REINFORCE with KL penalty": lambda seed: learn("reinforce", learned_reward, seed=seed),
    "REINFORCE without": lambda seed: learn("reinforce", learned_reward, kl=0.0, seed=seed),
    "GRPO": lambda seed: learn("grpo", learned_reward, kl=4 * KL, seed=seed),
    "DPO": lambda seed: learn_from_pairs(seed=seed),
}
runs = {name: [method(lesson.seed + number) for number in range(SEEDS)] for name, method in METHODS.items()}
after = {name: [run.after for run in of] for name, of in runs.items()}


def spread(values) -> str:
    """Mean ± standard deviation, as a table's cell."""
    mean, sd = mean_sd(values)
    return f"{mean:.3f}" + (f" ± {sd:.3f}" if sd is not None else "")


names = {"wanted": "happy ending", "grammatical": "right story", "distinct": "told once", "kl": "KL, nats"}
columns = ["", *names.values()]
rows = [["supervised", *(f"{getattr(before, part):.3f}" for part in names)]]
rows += [[name, *(spread([getattr(one, part) for one in of]) for part in names)] for name, of in after.items()]
lesson.table("methods", rows, columns, None)
keys = {"REINFORCE with KL penalty": "", "GRPO": "_grpo", "DPO": "_dpo", "REINFORCE without": "_no_penalty"}
unbound = lesson.choose(quick=0.4, full=0.2)  # without a penalty, how far it strays is chance
for name, suffix in keys.items():
    allowed = unbound if suffix == "_no_penalty" else loose
    for key, part in (("reward_after", "wanted"), ("grammatical_after", "grammatical")):
        lesson.record_mean(f"{key}{suffix}", [getattr(one, part) for one in after[name]], tolerance=allowed, note=name)
kept = float(np.mean([one.grammatical for one in after["REINFORCE with KL penalty"]])) / before.grammatical
lesson.record("grammatical_kept", kept, tolerance=loose, note="grammatical_after over grammatical_before")

# %% [markdown]
# ## Reward against distance
#
# The axis is the distance from the supervised model, in nats per story. Of a policy that has moved as far, one is
# better than another if it has got more for it. A story that ends happily anyway in half of all cases is
# ln 2 = 0.69 nats away from one that always does; what a policy moves beyond that buys something else, or nothing.

# %%
figure, panels = plots.new_panels(1, 2, (10.0, 4.2))
for axes, part, label in zip(panels[0], ("wanted", "grammatical"), ("happy endings", "right stories"), strict=True):
    for index, (name, of) in enumerate(runs.items()):
        for run in of:
            style = plots.line_style(index)
            axes.plot(
                *(plots.smooth(values, 0.6) for values in (run.kl, getattr(run, part))),
                label=name if run is of[0] else None,
                **style,
            )
    axes.set(xlabel="KL from the supervised model, nats per story", ylabel=f"share of {label}")
panels[0][0].legend(frameon=False, fontsize=8)
lesson.figure(figure, "kl", "What the policies got for their distance: happy endings (left), right stories (right)")

# %% [markdown]
# ## Reward hacking
#
# A reward that somebody wrote down in one line: happy stories have words of joy in them, so count them. The reader
# would agree, with the stories of the supervised model. The policy is not bound to such stories: it looks for texts
# with many such words, and there are far better ones than any story. This is **reward hacking**: the reward goes up,
# what was meant goes down.
#
# Three runs with this reward: without penalty; with one; and with a reward that cannot be fooled so, since the grammar
# is asked first and what is no story gets nothing.

# %%
JOY = {entry.english for entry in LEXICON.good} | {"laughs", "smiling", "best", "treasures"}


def count_joy(told: Rollouts) -> np.ndarray:
    """How many words of joy each text has, [N]."""
    return np.array([sum(w in JOY for w in normalize_english(text).split()) for text in told.texts], np.float32)


def count_joy_in_stories(told: Rollouts) -> np.ndarray:
    """The same, but 0 for what is no story."""
    return count_joy(told) * np.array([is_grammatical(text) for text in told.texts], np.float32)


HACK_STEPS = lesson.choose(quick=15, full=40)
HACKS = {
    "words of joy, no penalty": (count_joy, 0.0),
    "words of joy, KL penalty": (count_joy, 0.5),
    "words of joy in right stories": (count_joy_in_stories, 0.0),
}
hacked = {
    name: learn("reinforce", reward, kl=kl, seed=lesson.seed, steps=HACK_STEPS) for name, (reward, kl) in HACKS.items()
}
rows, shown = [], [("supervised", told_before.texts[0])]
rows.append(["supervised", float(count_joy(told_before).mean()), before.wanted, before.grammatical, before.kl])
for name, run in hacked.items():
    found = run.after
    rows.append([name, float(count_joy(run.told).mean()), found.wanted, found.grammatical, found.kl])
    shown.append((name, run.told.texts[0]))
hack_columns = ["", "words of joy", "happy ending", "right story", "KL, nats"]
free, held, checked = HACKS
lesson.table(
    "hacking",
    rows,
    hack_columns,
    {
        "words of joy": {"supervised": 0.2, free: None, held: 0.5, checked: 0.5},
        **dict.fromkeys(hack_columns[2:4], {"supervised": loose, free: 0.4, held: 0.3, checked: 0.3}),
        "KL, nats": {"supervised": 1e-6, free: None, held: 0.5, checked: 2.5},
    },
    at_least={"words of joy": {free: 2.2}, "KL, nats": {free: 5.0}},
    at_most=dict.fromkeys(hack_columns[2:4], {free: 0.35}),  # it no longer tells stories
)
lesson.table("hacking_stories", shown, ["", "the first story of the test"], None)
note = "right stories, words of joy rewarded, no penalty"
lesson.record("hacked_grammatical", rows[1][3], tolerance=0.3, note=note, at_most=0.3)
lesson.record("held_grammatical", rows[2][3], tolerance=0.3, note="the same reward with a KL penalty")
lesson.record("checked_grammatical", rows[3][3], tolerance=0.3, note="the same reward, given to right stories only")

figure, panels = plots.new_panels(1, 2, (10.0, 4.2))
for axes, part, label in zip(
    panels[0], ("reward", "grammatical"), ("the reward", "share of right stories"), strict=True
):
    for index, (name, run) in enumerate(hacked.items()):
        axes.plot(plots.smooth(getattr(run, part), 0.6), label=name, **plots.line_style(index))
    axes.set(xlabel="step", ylabel=label)
panels[0][1].set_ylim(0, 1.05)
panels[0][0].legend(frameon=False, fontsize=8)
lesson.figure(figure, "hacking", "Words of joy rewarded: the reward (left) and what became of the stories (right)")

# %% [markdown]
# ## What this small scale cannot show
#
# The reader here is a rule with a few errors, and the reward model learns the rule from a few hundred pairs. Readers
# disagree with each other, prefer long or flattering answers, and can be deceived by what they cannot check; a reward
# model learns that as well. A penalty does not make a wrong reward right: it limits how far a policy goes to exploit
# it. What helped most was a reward that checks what was meant, which exists for sums, for programs with tests, and for
# the stories of a grammar.

# %%
lesson.finish()
