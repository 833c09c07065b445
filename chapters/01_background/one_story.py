# %% [markdown]
# # One story: how well can a text be predicted?
#
# - Article section: §1.2
# - Needs: nothing
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 1
# - Memory: 0.6 GB
# - Shows: what a story's probability, floor, loss and perplexity are, and how learning by heart gives itself away
# - Headline: floor_nats_per_word, chosen_memory_nats_per_word, learned_by_heart_nats_per_word_on_new_stories
#
# Somebody claims that a computer program knows a language. How could we find out, and could we say *how well* it knows
# it, with a number? There is a simple game for this: cover a text with a sheet of paper, let the program predict the
# next word, uncover that word, and write down how surprised the program was. In this lesson we play the game with
# pencil and paper; the rest of the book tries to win it.
#
# **Afterwards you can**
#
# - work out the probability of a small story, and its surprise in nats, in bits and as a perplexity;
# - say what the best possible player would pay, and how far three simple players are from it;
# - explain why a player must never be judged by texts that it has read before.
#
# You need Python and school mathematics: fractions, probabilities, the logarithm. No neural network appears here. The
# page shows what `lmbook run one_story --full` printed; without `--full`, the *quick profile* leaves out Shakespeare
# and the figures for an exercise. We load parts of Python's own library, and from this book's library `lmbook` the
# stories and the pictures. `lesson` keeps the figures that the text mentions.

# %%
import math
import random
import re
import textwrap
from collections import Counter
from fractions import Fraction
from itertools import pairwise

from lmbook import Lesson, mean_sd
from lmbook.book import diagrams, plots
from lmbook.corpora import greentree

lesson = Lesson("one_story")

# %% [markdown]
# ## What a player does
#
# A **language model** reads the beginning of a text and gives every word a probability of coming next. Together these
# probabilities make 1, or 100 %. That is all it does. In our game the model is a **player**. This one has read "a green
# tree":

# %% tags=["hide-input"]
diagrams.next_word(["a", "green", "tree"], {"grows": 0.25, "stands": 0.75}, chosen="grows")

# %% [markdown]
# Then the text goes on with "grows", a word to which the player had given a probability of 0.25. So it was a little
# surprised. Are 75 % and 25 % good predictions, or could somebody do better? For English nobody can say, because nobody
# knows the true probabilities. So we begin with a language whose probabilities we know, because we made it.
#
# ## A world with dice
#
# **greentree** is the book's own little language. Its stories are told by dice. Each die has words on its sides, and a
# word can stand on several sides: of the ten sides of the die for looks, three say "green". Here are the dice for
# single words. (`LEXICON` holds the words; the number of sides of each is called `weight` there.)


# %%
def sides(entries):
    return [entry.english for entry in entries for _ in range(entry.weight)]


words = greentree.LEXICON
DICE = {
    "look": sides(words.looks),
    "plant": sides(words.plants),
    "manner": sides(words.manners),
    "place": [f"{place.preposition} the {place.english}" for place in words.places],
    "trait": sides(words.traits),
    "kind": sides(words.kinds),
    "hero": sides(words.girls + words.boys),
    "where": sides(words.sides),
    "wish": [wish for topic in words.wishes.values() for wish, _ in topic],
}
for name, die in DICE.items():
    faces = [f"{word} ×{n}" if n > 1 else word for word, n in Counter(die).items()]
    print(f"{name}: {len(die)} sides: {', '.join(faces[:5])}" + (", …" if len(faces) > 5 else ""))

# %% [markdown]
# Three more dice have whole sentences on their sides, one die for each of the three sentences of a story. Where braces
# stand, another die is thrown. The die for the first sentence has five sides, and "stands" is on three of them.

# %%
DICE["first"] = 3 * ["a {look} {plant} stands {manner} {place} ."]
DICE["first"] += ["there is a {look} {plant} {place} ."]
DICE["first"] += ["a {look} {plant} grows {place} ."]

DICE["second"] = [
    "a {trait} {kind} named {hero} lives {where} the {plant} and {wish} .",
    "every morning a {trait} {kind} named {hero} comes here and {wish} .",
    "here lives {hero} , a {trait} {kind} who {wish} .",
]
DICE["third"] = [
    *2 * ["{hero} drinks a cup of tea and thinks about the day ."],
    *2 * ["the sun goes down behind the {plant} , and everything is calm ."],
    *2 * ["in the evening {hero} looks at the stars ."],
    *3 * ["at the end of the day {hero} is happy and goes home smiling ."],
    *3 * ["it was the best day of all , and {hero} laughs for a long time ."],
    "that night {hero} cries and cannot sleep .",
    "at the end of the day {hero} walks home with tears .",
    "{hero} is angry and slams the door .",
    "{hero} shouts at the moon and stamps both feet .",
]

# %% [markdown]
# And this program tells a story. `known` is the world of the story: whatever is decided once stays so. The plant of the
# second sentence is the plant of the first, and the hero at the end is the one whom we have met. `thrown` notes every
# throw with its probability: the number of sides with that word, divided by the number of all sides. (A `Fraction` is
# Python's exact fraction.) `rng` throws the dice. It is made from a number, its **seed**, and the same seed always
# gives the same story. (We looked for a seed that gives a short one.)


# %%
def tell(rng):
    known, thrown, story = {}, [], []

    def throw(name):
        side = rng.choice(DICE[name])
        thrown.append((name, side, Fraction(DICE[name].count(side), len(DICE[name]))))
        return side

    for sentence in ("first", "second", "third"):
        text = throw(sentence)
        for name in re.findall(r"{(\w+)}", text):  # what stands in braces
            if name not in known:
                known[name] = throw(name)
        story += text.format(**known).replace("a old", "an old").split()
    return ("<end>", *story, "<end>"), thrown


story, thrown = tell(random.Random(1655))
print(textwrap.fill(" ".join(story), 72))

# %% [markdown]
# This is our one story. The pieces between the spaces are called **tokens**: words, punctuation marks, and `<end>`,
# which says that a story is over and a new one can begin. (The book often says "word" where it means token.)
#
# ## By hand: the probability of a story
#
# Four throws told the first sentence, "a green tree grows by the lake". In the picture, the path on the left is what
# the dice said, and to its right is what they could have said, with the probabilities:


# %% tags=["hide-input"]
def short(text):
    return re.sub(r".*(stands|there is|grows).*|.* (\w+)", r"\1\2", text)


diagrams.dice_tree([(name, Counter(map(short, DICE[name])), short(side)) for name, side, _ in thrown[:4]])

# %% [markdown]
# Please take a pencil. "grows" is on one of five sides, "green" on three of ten, "tree" on four of eleven, and the lake
# is one of twelve places. Probabilities of independent throws are multiplied:
#
# $$\frac15 \cdot \frac3{10} \cdot \frac4{11} \cdot \frac1{12} = \frac{12}{6600} = \frac1{550}$$
#
# So one story in 550 begins with this sentence. For the other two sentences there are six more throws. Python
# multiplies all ten (`math.prod` is the product of a list):

# %%
for name, side, p in thrown:
    print(f"{name:7} {p!s:5} {side}")
probability = math.prod(p for _, _, p in thrown)
print(f"\nall together: {probability.numerator} in {probability.denominator:,}")

# %% [markdown]
# So this story is told once in about one and a half billion stories, although it is an ordinary one: *every* single
# story is extremely improbable. A small probability is therefore no bad mark for a player. What counts is how much
# smaller it is than it has to be.
#
# ## Surprise: nats and bits
#
# Such small numbers are hard to read. Logarithms turn products into sums, so we say: something that had the probability
# $p$ has the **surprise** $-\ln p$, where $\ln$ is the natural logarithm. What was certain ($p = 1$) has the surprise
# 0; the less probable it was, the greater the surprise. The unit is the **nat**. With the logarithm to base 2 in its
# place, the unit is the **bit**: the toss of a coin ($p = 1/2$) has a surprise of exactly 1 bit, or $\ln 2 = 0.693$
# nats. For our first sentence, $-\ln(1/550) = \ln 550 = 6.31$ nats, or $6.31 / 0.693 = 9.1$ bits: about as much as the
# tosses of nine coins. And for the whole story:

# %%
nats = sum(-math.log(p) for _, _, p in thrown)
print(f"{nats:.2f} nats or {nats / math.log(2):.1f} bits")
tokens = len(story) - 1
print(f"{tokens} tokens, so {nats / tokens:.3f} nats for each")

by_library = greentree.log_probability(" ".join(story[1:-1]), grammar=greentree.Grammar(max_sentences=3))
print(f"by the library: {-by_library:.2f} nats")

# %% [markdown]
# (The first `<end>` is given and not counted; the last one must be predicted like a word. The last line comes from the
# book's library. It gets nothing but the text, finds out which throws must have told it, and agrees with us.)
#
# ## From throws to words
#
# The dice are thrown for the whole story, but a player of our game is asked word by word. Here is one who knows the
# dice by heart and predicts the first sentence. We call it the **perfect reader**:
#
# | next word | what the perfect reader thinks | probability $p$ |
# |---|---|---:|
# | a | four of five sides begin with "a" or "an"; nine of ten looks need "a" (not "old") | 4/5 · 9/10 = 18/25 |
# | green | three of the nine looks that need "a" | 1/3 |
# | tree | four of eleven | 4/11 |
# | grows | of the four sides that begin with "a" or "an", one says "grows" | 1/4 |
# | by | three places (river, lake, bridge) of twelve | 1/4 |
# | the | certain | 1 |
# | lake | one of the three that are left | 1/3 |
# | . | certain | 1 |
#
# Multiply them, and you get 1/550 again. This is always so: **the probability of a text is the product of the
# probabilities of its words, each given the words before it**. In symbols, for the words $w_1, w_2, \dots, w_N$:
#
# $$p(w_1 \dots w_N) = p(w_1) \cdot p(w_2 \mid w_1) \cdots p(w_N \mid w_1 \dots w_{N-1})$$
#
# The bar $\mid$ is read "if we have seen". So whoever predicts next words well predicts whole texts well.
#
# ## The loss, and the floor
#
# Now we can keep the score of the game. A player's **loss** on some texts is its surprise per word:
#
# $$\text{loss} = -\frac1N \sum_{t=1}^{N} \ln p_t$$
#
# Here $N$ is the number of words, $\sum$ the sum over all of them, and $p_t$ the probability that the player gave to
# word number $t$ before it saw it. Small is good. The **perplexity**, $e^{\text{loss}}$, says the same as a number of
# choices: a player with a perplexity of 8 is on average as uncertain as somebody who chooses blindly between 8 words.
#
# The perfect reader has a loss, too, since even those who know the dice do not know how they will fall. Can anybody
# have a lower one? After "a green tree" comes "stands" three times out of four. Say that a player gives "stands" the
# probability $q$, and "grows" the rest, $1 - q$. It pays $-\ln q$ three times out of four, and $-\ln(1-q)$ the fourth
# time, on average $-0.75 \ln q - 0.25 \ln(1 - q)$:

# %%
for q in (0.5, 0.65, 0.75, 0.85, 0.95):
    average = -0.75 * math.log(q) - 0.25 * math.log(1 - q)
    print(f"q = {q:.2f}: {average:.3f} nats on average")

# %% [markdown]
# The truth, 0.75, is best; the careful player (0.5) and the one that is too sure (0.95) pay more. It is always so: the
# slope of this average, $-0.75/q + 0.25/(1-q)$, is 0 at $q = 0.75$ and nowhere else, and in the same way the true
# probabilities are best for every die and for every next word. So nobody can have a lower loss than the perfect reader
# in the long run, that is, on very many new stories. The loss of the perfect reader on some stories is called their
# **floor**. (On a few stories one can be below it by luck.)
#
# Here are 500 stories. The probabilities of all their throws were noted, so their floor is a matter of adding:


# %%
def stories(count, number):
    return [tell(random.Random(number * 1_000_000 + i)) for i in range(count)]  # a seed for each


def floor(told):
    surprise = sum(-math.log(p) for _, thrown in told for _, _, p in thrown)
    return surprise / sum(len(story) - 1 for story, _ in told)


told = stories(500, 3)
lowest = floor(told)
test = [story for story, _ in told]
print(f"floor: {lowest:.3f} nats per word, perplexity {math.exp(lowest):.2f}")

# %% [markdown]
# The perfect reader is on average as uncertain as somebody who chooses between two words: most words of a story are
# certain, and a few are a choice among 24.
#
# ## Three players, and three sets of stories
#
# Now come players that do *not* know the dice. They may read some stories, and then they are tested. To test them on
# the stories that they have read would be unfair; we shall see how unfair. So we need separate sets:
#
# - the **training set**: the players learn from these stories;
# - the **validation set**: with these we compare players, and choose;
# - the **test set**: these give the final scores, and nothing is chosen with them. They are the 500 stories above.
#
# The **vocabulary** is the list of all different tokens of the training stories.

# %%
train = [story for story, _ in stories(1000, 1)]
validation = [story for story, _ in stories(200, 2)]
V = len({word for story in train for word in story})  # the size of the vocabulary
print(f"{V} different tokens")
print("test stories that are also in the training set:", len(set(test) & set(train)))

# %% [markdown]
# In the code, a player is a function. It gets a text and a place $i$, may look only at the words before that place, and
# returns the probability that it gives to the word there. The function `loss` plays the game. The first player is
# **blind**: it gives each of the $V$ words of the vocabulary the same probability, $1/V$. So its loss is $\ln V$, and
# its perplexity is $V$.


# %%
def loss(player, texts):
    surprise = words = 0
    for text in texts:
        for i in range(1, len(text)):
            p = player(text, i)
            surprise += -math.log(p) if p > 0 else math.inf
            words += 1
    return surprise / words


def blind(text, i):
    return 1 / V


print(f"blind: {loss(blind, validation):.2f} nats, perplexity {math.exp(loss(blind, validation)):.0f}")

# %% [markdown]
# The second player counts **words alone**. If 60 of 1,000 words in the training set were "the", it gives "the" the
# probability 0.06, whatever came before. The third player counts **pairs**. If $c(v\,w)$ is the number of times that
# the word $w$ came right after the word $v$, and $c(v)$ the number of times that any word came after $v$, then
#
# $$p(w \mid v) = \frac{c(v\,w)}{c(v)}$$
#
# If "green" was read 100 times, and 38 times "tree" came next, then $p(\text{tree} \mid \text{green}) = 38/100 = 0.38$.
# A `Counter` is a dictionary whose numbers begin at 0; `update` counts all that it is given. `pairwise` makes pairs of
# neighbours, `story[1:]` is the story without its first token and `story[:-1]` without its last one:

# %%
alone, before, pairs = Counter(), Counter(), Counter()
for story in train:
    alone.update(story[1:])
    before.update(story[:-1])
    pairs.update(pairwise(story))


def words_alone(text, i):
    return alone[text[i]] / alone.total()


def pairs_only(text, i):
    return pairs[text[i - 1], text[i]] / before[text[i - 1]]


print(f"p(tree | green) = {pairs['green', 'tree']} / {before['green']}")
print(f"words alone: {loss(words_alone, validation):.2f} nats")

# %% [markdown]
# ## A mistake on purpose: never say never
#
# Counting words alone is a little better than being blind. And counting pairs? We look at both sets of stories:

# %%
print(f"pairs on the training stories: {loss(pairs_only, train):.2f} nats")
print(f"pairs on the validation stories: {loss(pairs_only, validation):.2f} nats")

new = [[v for v in pairwise(text) if not pairs[v]] for text in validation]
print(f"{sum(map(bool, new))} of {len(new)} stories have a pair that was never read. One is:", *max(new)[0])

# %% [markdown]
# The loss is infinite. The player never read this pair, so it gave it the probability 0, and the surprise at something
# impossible that happens all the same is $-\ln 0 = \infty$. A single such pair spoils the score of all stories, though
# on most of them the player is good. The mistake stays hidden if you look at the training stories only, where every
# pair is known, or if your program silently leaves out words of probability 0.
#
# The remedy is never to say never: keep a small share of the probability in **reserve**, here 10 %, and hand it to a
# player that knows less. The third player hands it to the second, and the second to the blind one, which finds nothing
# impossible.  The second player now has a reserve of its own. With $p_{\text{words}}$ for what it says, the third says
#
# $$p_{\text{pairs}}(w \mid v) = 0.9 \cdot \frac{c(v\,w)}{c(v)} + 0.1 \cdot p_{\text{words}}(w)$$
#
# Say that $p_{\text{words}}$ is 0.02 for "tree". Then $p(\text{tree} \mid \text{green})$, which was 0.38, becomes $0.9
# \cdot 0.38 + 0.1 \cdot 0.02 = 0.344$. Had "green tree" never been read, it would be $0.1 \cdot 0.02 = 0.002$, not 0.
#
# Why stop at one word before? A player with a **memory** of $n$ words looks up what followed the last $n$ words, and
# hands its reserve to the player with a memory of $n - 1$. Memory 0 is words alone, memory 1 is pairs. The last $n$
# words are called the **context**. A player that has never read a context hands on everything. `count` makes the table,
# and `player` looks things up in it; `text[i - n : i]` are the $n$ words before place $i$:


# %%
def count(texts, longest):
    context_seen, then = Counter(), Counter()
    for text in texts:
        for i in range(1, len(text)):
            for n in range(min(longest, i) + 1):
                context_seen[text[i - n : i]] += 1
                then[text[i - n : i + 1]] += 1  # the context and its next word
    return context_seen, then


def player(counts, memory, V):
    context_seen, then = counts

    def p(text, i):
        answer = 1 / V  # blind
        for n in range(min(memory, i) + 1):
            seen = context_seen[text[i - n : i]]
            if seen:
                answer = 0.9 * then[text[i - n : i + 1]] / seen + 0.1 * answer
        return answer

    return p


print(f"pairs, with a reserve: {loss(player(count(train, 1), 1, V), validation):.2f} nats")

# %% [markdown]
# ## Learning by heart
#
# Now the loss is finite, and much smaller than that of words alone. A longer memory should help even more: it is easier
# to predict what comes after "tree" if we know that "there is a green" came before it. We try every memory from 0 to 12
# words, on the validation stories, which are new to the player, and on 200 training stories, which it has read:

# %%
counts = count(train, 12)
on_read = [loss(player(counts, n, V), train[:200]) for n in range(13)]
on_new = [loss(player(counts, n, V), validation) for n in range(13)]
for n in (0, 1, 2, 3, 4, 6, 12):
    print(f"memory {n:2}: read {on_read[n]:.2f}, new {on_new[n]:.2f}")
best = on_new.index(min(on_new))
print("lowest on new stories: memory", best)

# %% tags=["hide-input"]
figure, axes = plots.new_figure("", "memory (words)", "loss (nats per word)")
for index, (name, values) in enumerate((("stories that it has read", on_read), ("new stories", on_new))):
    axes.plot(range(1, 13), values[1:], marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, floor(stories(200, 2)), "floor of the new stories")
axes.set_ylim(0, None)
axes.legend(frameon=False)
lesson.figure(figure, "memory", "Loss against the memory, on stories that were read and on new ones, and the floor")

# %% [markdown]
# On the stories that it has read, the player gets better and better. With 12 words its loss of
# [[learned_by_heart_nats_per_word_on_read_stories .2]] is far *below* the floor, which is [[read_stories_floor .2]] for
# these stories. Has it beaten the perfect reader? No: it knows the stories by heart, as a parrot does. It finds the
# last 12 words in its table, because it has read this very story, and it is sure that they go on as they did there. On
# new stories it is sure as well, and often wrong. There the loss is lowest with a memory of [[best_memory]], and then
# it rises, up to [[learned_by_heart_nats_per_word_on_new_stories .2]] nats.
#
# This is called **over-fitting**: what the player has learned is true of the training texts only. So judge a player by
# new texts, and choose on the validation set: there a memory of [[best_memory]] has the lowest loss, and we take it.
# But a choice always suits the stories on which it was made a little better than others, by luck. For the final score
# we therefore need the test set, on which nothing was chosen.
#
# ## The final scores
#
# So here are the test stories. A training set could be a lucky one, too. Therefore five players of each kind read five
# different sets of 1,000 stories. The table has the mean of their losses, and the standard deviation (s.d.), which
# says how far one of the five typically is from the mean. (The blind player and the perfect reader need not read.)

# %%
kinds = {"words alone": 0, "pairs": 1, "the chosen memory": best, "learned by heart": 12}
scores = {name: [] for name in kinds}
for number in (1, 11, 12, 13, 14):
    read = [story for story, _ in stories(1000, number)]
    size = len({word for story in read for word in story})
    counts = count(read, 12)
    for name, memory in kinds.items():
        scores[name].append(loss(player(counts, memory, size), test))

# %% tags=["hide-input"]
rows = [("blind", math.log(V), 0.0), *((name, *mean_sd(values)) for name, values in scores.items())]
rows.append(("perfect reader", lowest, 0.0))
lesson.table(
    "scores",
    [(name, *(round(v, 3) for v in (x, sd, x / math.log(2), math.exp(x), x - lowest))) for name, x, sd in rows],
    ["player", "nats per word", "± s.d.", "bits per word", "perplexity", "nats above the floor"],
    tolerance=0.001,
)

# %% [markdown]
# This is an answer to the question of the beginning. The blind player chooses between [[vocabulary]] words. Counting
# words alone brings this down to about [[scores/words alone/perplexity .0]], counting pairs to
# [[scores/pairs/perplexity .1]], and the memory that we chose to [[scores/the chosen memory/perplexity .1]]. The player
# that knows its stories by heart wins on the stories that it has read, but on new ones it is worse than pairs. The
# differences are far larger than what another training set changes.
#
# The perfect reader shows that [[scores/perfect reader/perplexity .1]] is possible. What do the other players lack?
# Probably two things, though we did not measure how much each of them costs. The perfect reader knows that the hero
# comes back in the last sentence, up to about twenty words later; a short memory has forgotten who it was. And the
# perfect reader knows that what follows does not depend on the hero's name; a table of word sequences must read
# everything anew for "anna" and for "max". The [next lesson](n_grams.ipynb) counts more cleverly; how a network learns
# what to remember comes later.
#
# ## Real text
#
# Nobody threw dice for Shakespeare. Our functions do not mind: for them a text is a sequence, here of letters. The
# player reads 300,000 letters of his plays. The memory is chosen on the next 20,000, and scored on 20,000 others.
# (`real_corpus` gets the text, or the file that was named with `--text`.)

# %%
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
if corpus:
    whole = "\n\n".join(corpus.texts("train"))
    cut = min(300_000, int(0.8 * len(whole)))
    letters, watched = whole[:cut], whole[cut : cut + 20_000]
    held_out = "\n\n".join(corpus.texts("validation"))[:20_000]

    size = len(set(letters))
    counts = count([letters], 10)
    read_letters = [loss(player(counts, n, size), [letters[:20_000]]) for n in range(11)]
    new_letters = [loss(player(counts, n, size), [watched]) for n in range(11)]
    for n in (0, 1, 2, 3, 4, 6, 10):
        print(f"memory {n:2}: read {read_letters[n]:.2f}, new {new_letters[n]:.2f}")

    chosen = new_letters.index(min(new_letters))
    score = loss(player(counts, chosen, size), [held_out])
    print(f"blind: {math.log(size):.2f} nats per letter, perplexity {size}")
    print(f"memory {chosen}, the final score: {score:.2f} nats per letter, perplexity {math.exp(score):.1f}")

# %% [markdown]
# We see the same as before: a longer memory is better and better on the letters that were read, but on new ones only up
# to a point. There is no floor, though, since nobody knows it for English. From a choice between
# [[shakespeare_letters]] letters and signs, a memory of [[shakespeare_best_memory]] letters comes down to about
# [[shakespeare_perplexity .1]], in this one run. (The final score is worse than the loss on the letters on which the
# memory was chosen: probably because those stand right behind the letters that were read, and the others come from
# plays at the end of the collection; we did not test it.) Is that good? We can only compare it with other players. That
# is why this book measures on greentree, too, where we know what the best would be.
#
# ## What this lesson cannot show
#
# - greentree is a toy of [[vocabulary]] words. A player at its floor would know greentree, not English.
# - The loss measures prediction, and nothing else. A text can be easy to predict and false or unkind.
# - Losses can be compared only for the same texts, cut into the same tokens: nats per letter are not nats per word.
# - The test stories were always the same 500. The curve of the memories, and all figures for Shakespeare, come from one
#   training set each. The reserve of 10 % is the same for all players. We tried 1 %, 10 % and 30 % on the validation
#   stories and took what was best for the chosen memory; for pairs, 1 % was a little better.
#
# ## Summary
#
# A language model gives every possible next word a probability, and the product of these probabilities is the
# probability of the text. Its loss is the mean surprise $-\ln p$ per word, in nats; perplexity says the same as a
# number of equal choices. For stories told by known dice we know the floor, the loss of a perfect reader, here
# [[floor_nats_per_word .2]] nats per word; counting with a memory of [[best_memory]] words ended
# [[scores/the chosen memory/nats above the floor .2]] nats above it. A long memory learns the training stories by
# heart, which looks wonderful on them and fails on new ones. So one set of texts is for learning, one for choosing, and
# one for the score.
#
# ## Exercises
#
# 1. *Calculate.* What is the probability of the sentence "there is an old oak on the hill", its surprise in nats and in
#    bits? How do these compare with "a green tree grows by the lake"?
# 2. *Calculate.* A player gives the four words of a text the probabilities 1/2, 1/4, 1/8 and 1. What are its loss in
#    bits per word and its perplexity? And if the last word had got the probability 0?
# 3. *Change a number.* Take the notebook (the link is in the box at the top) and run it. Let the player read 100
#    stories, and then 3,000: `counts = count([story for story, _ in stories(100, 1)], 4)`. Which memory `n` from 0 to 4
#    is best on the validation stories (`loss(player(counts, n, V), validation)`), and how far from their floor,
#    `floor(stories(200, 2))`?
# 4. *Your own text.* Run `lmbook run one_story --text FILE` with a text file of yours, at least 100,000 letters. Which
#    memory is best? What is the perplexity per letter, and how does it compare with Shakespeare's?
#
# <details>
# <summary>Answers</summary>
#
# 1. $\frac15 \cdot \frac1{10} \cdot \frac1{11} \cdot \frac1{12} = \frac1{6600}$, and $\ln 6600 = 8.79$ nats, or $8.79 /
#    0.693 = 12.7$ bits. It is twelve times less probable than the other sentence, because "green" is on three sides and
#    "tree" on four; so the surprise is greater by $\ln 12 = 2.48$ nats.
# 2. The surprises are 1, 2, 3 and 0 bits, on average 1.5 bits per word, and the perplexity is $2^{1.5} = 2.83$, the
#    same as $e$ to the power of $1.5 \cdot 0.693$ nats. With a probability of 0 both are infinite.
# 3. In our run, memory [[more_stories/100/best memory]] was best with 100 stories,
#    [[more_stories/100/above the floor .2]] nats above the floor, and memory [[more_stories/3000/best memory]] with
#    3,000, [[more_stories/3000/above the floor .2]] above it. Who has read more has met the long contexts more often.
# 4. Shakespeare had [[shakespeare_perplexity .1]] with a memory of [[shakespeare_best_memory]] letters. Compare also
#    the perplexity for being blind: a text with fewer different letters is easier from the start.
#
# </details>
#
# ## Further reading
#
# - Claude Shannon, "A mathematical theory of communication" (1948): where the bit comes from. Its third section writes
#   texts by counting letters and words.
# - Claude Shannon, "Prediction and entropy of printed English" (1951): the game of this lesson, played by people. It
#   estimates the floor of English from how often they guessed the next letter at once.
#
# **Before this lesson:** nothing. **Next:** [counting](n_grams.ipynb), where the pairs become a good language model.

# %% tags=["hide-cell"]
unit = "nats per word"
lesson.record("floor_nats_per_word", lowest, unit, 1e-6, note="exact, of the 500 test stories")
lesson.record("vocabulary", V, "tokens")
lesson.record("stories_called_impossible", sum(map(bool, new)), "of 200", note="by pairs, validation set", at_least=1)
lesson.record("best_memory", best, "words", 1, note="lowest loss on the validation stories", at_least=1, at_most=4)
key = "learned_by_heart_nats_per_word_on"
lesson.record(f"{key}_read_stories", on_read[12], unit, 1e-6, note="memory 12, 200 training stories", at_most=0.4)
lesson.record(f"{key}_new_stories", on_new[12], unit, 1e-6, note="memory 12, validation stories", at_least=1.5)
lesson.record("read_stories_floor", floor(stories(200, 1)), unit, 1e-6, note="200 training stories", at_least=0.6)

lesson.record_mean("chosen_memory_nats_per_word", scores["the chosen memory"], unit, 1e-6, "five training sets")
for worse, better in pairwise(["words alone", "learned by heart", "pairs", "the chosen memory"]):
    key, gap = f"{worse}_above_{better}".replace(" ", "_"), min(scores[worse]) - max(scores[better])
    lesson.record(key, gap, unit, 1e-6, note="the best of five above the worst of five", at_least=0.1)

if corpus and not lesson.own_text:
    lesson.record("shakespeare_perplexity", math.exp(score), tolerance=1e-5, note="held-out text", at_most=10)
    lesson.record("shakespeare_best_memory", chosen, "letters", at_most=5)
    gap = new_letters[10] - read_letters[10]
    lesson.record(
        "shakespeare_by_heart_gap", gap, "nats", 1e-6, note="per letter, memory 10, new minus read", at_least=2
    )
    lesson.record("shakespeare_letters", size, note="different letters and signs")
if lesson.full:
    rows, lowest_new = [], floor(stories(200, 2))
    for number in (100, 3000):
        counts = count([story for story, _ in stories(number, 1)], 4)
        values = [loss(player(counts, n, V), validation) for n in range(5)]
        rows.append((str(number), values.index(min(values)), round(min(values) - lowest_new, 2)))
    lesson.table("more_stories", rows, ["stories", "best memory", "above the floor"], tolerance=0.01)
lesson.finish()
