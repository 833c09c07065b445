import math
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
from nltk.lm import KneserNeyInterpolated
from nltk.util import everygrams, ngrams

from lmbook.corpora.greentree import tell_stories
from lmbook.errors import LmbookError
from lmbook.models.n_gram import FALLBACK_DISCOUNTS, AddK, KneserNey, estimate_discounts
from lmbook.models.n_gram_counts import count_n_grams
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.tokenizers.word import WordTokenizer

V, END = 8, 2
random = np.random.default_rng(0)
# Uneven tokens, so that there are frequent and rare n-grams; 6 and 7 are left for the held-out text.
TRAINING = [(3 + random.binomial(2, 0.3, size)).tolist() for size in random.integers(1, 12, 60)]
HELD_OUT = [[3, 4, 5], [7, 3, 3, 4], [5, 5, 5, 5, 5, 6, 3]]
COUNTS = count_n_grams(TRAINING, SpecialIds(), 4, V)

MODELS = [
    AddK(COUNTS, 3, k=0.0),
    AddK(COUNTS, 3, k=0.5),
    KneserNey(COUNTS, 1),
    KneserNey(COUNTS, 2),
    KneserNey(COUNTS, 4),
    KneserNey(COUNTS, 3, discount=0.6),
]
NAMES = ["maximum likelihood", "add-k", "KN 1", "KN 2", "KN 4", "KN 3, one discount"]
every_model = pytest.mark.parametrize("model", MODELS, ids=NAMES)


def contexts(length):
    return [c for size in range(length + 1) for c in product((END, 3, 4, 5, 6), repeat=size)]


@every_model
def test_every_distribution_sums_to_one(model):
    for context in contexts(4):
        p = model.distribution(context)
        assert p.sum() == pytest.approx(1, abs=1e-12) and p.min() >= 0


@pytest.mark.parametrize("model", MODELS[1:], ids=NAMES[1:])
def test_smoothed_models_leave_nothing_impossible(model):
    assert all(model.distribution(context).min() > 0 for context in contexts(3))
    assert np.isfinite(model.log_probabilities(HELD_OUT)).all()


@every_model
@pytest.mark.parametrize("closed", [True, False])
def test_scores_are_the_logarithms_of_the_distributions(model, closed):
    expected = []
    for document in HELD_OUT:
        stream = [END, *document, *([END] if closed else [])]
        expected += [model.probability(stream[:i], stream[i]) for i in range(1, len(stream))]
    assert np.exp(model.log_probabilities(HELD_OUT, closed=closed)) == pytest.approx(expected, abs=1e-12)


@every_model
def test_every_token_is_scored_once_and_empty_documents_are_left_out(model):
    assert len(model.log_probabilities([*HELD_OUT, []])) == sum(len(document) + 1 for document in HELD_OUT)
    assert len(model.log_probabilities(HELD_OUT, closed=False)) == sum(map(len, HELD_OUT))


def test_maximum_likelihood_and_add_k_by_hand():
    counts = count_n_grams([[3, 4, 3, 5], [3, 4]], SpecialIds(), 2, V)
    likelihood, add_half = AddK(counts, k=0), AddK(counts, k=0.5)
    assert likelihood.probability([3], 4) == 2 / 3 and likelihood.probability([3], 3) == 0
    assert likelihood.probability([END], 3) == 1.0
    assert add_half.probability([3], 4) == pytest.approx(2.5 / 7) and add_half.probability([3], 3) == 0.5 / 7
    assert likelihood.probability([6], 3) == add_half.probability([6], 3) == 1 / V  # never seen: nothing is known
    assert likelihood.nats_per_token([[3, 3]]) == math.inf and likelihood.perplexity([[3, 3]]) == math.inf


def kneser_ney_by_definition(documents, order, discounts):
    """p(w | h) with counters, one n-gram at a time, from Chen and Goodman's formulas."""
    grams = defaultdict(Counter)
    for document in documents:
        stream = (END, *document, END)
        for k in range(1, order + 1):
            grams[k].update(stream[i : i + k] for i in range(len(stream) - k + 1) if (k, i) != (1, 0))
    followed = defaultdict(Counter)  # context -> token -> its count, or its continuation count in lower orders
    for k in range(1, order + 1):
        for gram, count in grams[k].items():
            if k < order and (k == 1 or gram[0] != END):
                count = sum(longer[1:] == gram for longer in grams[k + 1])
            followed[gram[:-1]][gram[-1]] = count

    def p(token, context):
        lower = p(token, context[1:]) if context else 1 / V
        counts = followed[context]
        if not counts:
            return lower
        d = [0, *discounts[len(context)]]
        kept = sum(d[min(count, 3)] for count in counts.values())
        mine = counts[token] - d[min(counts[token], 3)]
        return (mine + kept * lower) / sum(counts.values())

    return p


@pytest.mark.parametrize(("order", "discount"), [(1, 0.3), (2, 0.5), (3, 0.75), (4, None)])
def test_kneser_ney_equals_its_definition(order, discount):
    model = KneserNey(COUNTS, order, discount)
    p = kneser_ney_by_definition(TRAINING, order, model.discounts)
    for context in contexts(order - 1):
        if END not in context[1:]:  # <end> only opens
            assert model.distribution(context) == pytest.approx([p(token, context) for token in range(V)], abs=1e-12)


def test_a_context_that_was_never_seen_backs_off_to_the_shorter_one():
    model = KneserNey(COUNTS, 3)
    assert np.array_equal(model.distribution([6, 3]), model.distribution([3]))
    assert np.array_equal(model.distribution([3, 6]), model.distribution([]))


def test_san_francisco():
    """Frequent, but always after the same token: continuation counts give it little after any other."""
    San, Francisco, glass, other = 3, 4, 5, 6
    text = [San, Francisco] * 20 + [other, glass, San, glass, glass, glass, other] * 2
    model = KneserNey(count_n_grams([text], SpecialIds(), 2, V), discount=0.75)
    by_counts = KneserNey(count_n_grams([text], SpecialIds(), 1, V), discount=0.75)
    assert by_counts.probability([], Francisco) > by_counts.probability([], glass)
    assert model.probability([], Francisco) < model.probability([], glass)


def test_discounts_by_hand():
    counts = np.repeat([0, 1, 2, 3, 4, 9], [5, 8, 4, 2, 1, 3])
    y = 8 / (8 + 2 * 4)
    assert estimate_discounts(counts) == pytest.approx((1 - 2 * y * 4 / 8, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2))
    assert estimate_discounts(np.array([1, 1, 2, 3])) == FALLBACK_DISCOUNTS  # no n-gram occurs four times
    assert estimate_discounts(np.repeat([1, 2, 3, 4], [1, 1, 5, 1])) == FALLBACK_DISCOUNTS  # a discount below 0


@pytest.mark.parametrize("order", [2, 3])
def test_kneser_ney_against_nltk(order):
    """The same formula in nltk: one discount, counts in the highest order, continuation counts below.

    Both read one text without ends of documents, where every n-gram but the very first has a token before it, and
    score tokens that have a whole context; so the counts are the same. Three things differ. nltk does not smooth single
    tokens: what has no count has probability 0 (the held-out text has none such), and the others lack their share of
    1/V. nltk gives the n-grams that begin the text no continuation; here they count. And nltk never estimates its
    discount (0.1 unless told); here it is given to both.
    """
    texts = [story.english for story in tell_stories(140, seed=20)]
    tokenizer = WordTokenizer.train(texts)
    tokens = [id for text in texts for id in tokenizer.encode(text)]
    training, known = tokens[:7000], set(tokens[:7000])
    held_out = [token for token in tokens[7000:] if token in known][:600]
    words = list(map(str, training))  # nltk reads strings only
    theirs = KneserNeyInterpolated(order, discount=0.75)
    theirs.fit([everygrams(words, max_len=order)], vocabulary_text=words)
    ours = KneserNey(count_n_grams([training], tokenizer, order, closed=False), discount=0.75)

    windows = list(ngrams(map(str, held_out), order))
    expected = np.array([theirs.score(window[-1], window[:-1]) for window in windows])
    scores = np.exp(ours.log_probabilities([held_out], closed=False))[order - 1 :]
    assert np.exp(-np.log(scores).mean()) == pytest.approx(np.exp(-np.log(expected).mean()), rel=0.01)
    assert scores == pytest.approx(expected, abs=2e-3)


def test_sampling_follows_the_distribution():
    model = KneserNey(COUNTS, 2)
    drawn = [model.generate([3], max_new_tokens=1, seed=seed) for seed in range(4000)]
    share = np.bincount([row[0] if row else END for row in drawn], minlength=V) / len(drawn)
    assert share == pytest.approx(model.distribution([3]), abs=0.03)


def test_sampling_by_seed_temperature_and_end():
    model = KneserNey(COUNTS, 3)
    assert model.generate(max_new_tokens=30, seed=1) == model.generate(max_new_tokens=30, seed=1)
    assert len({tuple(model.generate(max_new_tokens=30, seed=seed)) for seed in range(10)}) > 1
    greedy = model.generate([3, 4], max_new_tokens=1, temperature=0)
    assert greedy == [int(model.distribution([3, 4]).argmax())]
    assert all(END not in model.generate(max_new_tokens=50, seed=seed) for seed in range(20))
    assert len(model.generate(max_new_tokens=4, seed=3, temperature=1e-3)) <= 4
    with pytest.raises(LmbookError, match="-1"):
        model.generate(max_new_tokens=1, temperature=-1)


def test_more_context_helps_on_text_that_has_it():
    cycle = [[3, 4, 3, 5] * 30]
    losses = [KneserNey(count_n_grams(cycle, SpecialIds(), 4, V), order).nats_per_token(cycle) for order in (1, 2, 3)]
    assert losses[0] > losses[1] > losses[2]


def test_size_is_the_number_of_different_n_grams():
    counts = count_n_grams([[3, 4, 3, 4]], SpecialIds(), 2, V)
    assert KneserNey(counts, 1).count_params() == 3  # 3, 4 and <end>
    assert KneserNey(counts, 2).count_params() == 3 + 4  # <end> 3, 3 4, 4 3, 4 <end>


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KneserNey(COUNTS, 5), "order is 5"),
        (lambda: KneserNey(COUNTS, 0), "order is 0"),
        (lambda: KneserNey(COUNTS, 2, discount=1.5), "1.5"),
        (lambda: AddK(COUNTS, 2, k=-1), "-1"),
        (lambda: KneserNey(COUNTS).nats_per_token([[V]]), f"id {V}"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(LmbookError, match=message):
        make()
