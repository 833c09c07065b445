"""The word lists of four association tests, taken from tests of people's implicit associations.

Reference:
    Caliskan, Bryson and Narayanan 2017, "Semantics derived automatically from language corpora contain human-like
    biases", Science 356, supplement, tests 1, 6, 7 and 8, in lower case. `published` is their effect size for GloVe
    vectors of 840 billion words and 300 dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAN, _WOMAN = "male man boy brother he him his son", "female woman girl sister she her hers daughter"


@dataclass(frozen=True)
class WeatTest:
    """Two sets of targets, two sets of attributes, and what was published about them."""

    name: str
    targets: tuple[list[str], list[str]]
    attributes: tuple[list[str], list[str]]
    published: float


def _test(name: str, x: str, y: str, a: str, b: str, published: float) -> WeatTest:
    return WeatTest(name, (x.split(), y.split()), (a.split(), b.split()), published)


TESTS = (
    _test(
        "flowers, insects: pleasant, unpleasant",
        "aster clover hyacinth marigold poppy azalea crocus iris orchid rose bluebell daffodil lilac pansy tulip "
        "buttercup daisy lily peony violet carnation gladiola magnolia petunia zinnia",
        "ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee cockroach gnat mosquito termite "
        "beetle cricket hornet moth wasp blackfly dragonfly horsefly roach weevil",
        "caress freedom health love peace cheer friend heaven loyal pleasure diamond gentle honest lucky rainbow "
        "diploma gift honor miracle sunrise family happy laughter paradise vacation",
        "abuse crash filth murder sickness accident death grief poison stink assault disaster hatred pollute tragedy "
        "divorce jail poverty ugly cancer kill rotten vomit agony prison",
        1.50,
    ),
    _test(
        "men's names, women's names: career, family",
        "john paul mike kevin steve greg jeff bill",
        "amy joan lisa sarah diana kate ann donna",
        "executive management professional corporation salary office business career",
        "home parents children family cousins marriage wedding relatives",
        1.81,
    ),
    _test(
        "mathematics, arts: man, woman",
        "math algebra geometry calculus equations computation numbers addition",
        "poetry art dance literature novel symphony drama sculpture",
        _MAN,
        _WOMAN,
        1.06,
    ),
    _test(
        "science, arts: man, woman",
        "science technology physics chemistry einstein nasa experiment astronomy",
        "poetry art shakespeare dance literature novel symphony drama",
        "brother father uncle grandfather son he his him",
        "sister mother aunt grandmother daughter she hers her",
        1.24,
    ),
)
WOMEN_AND_MEN = _WOMAN.split(), _MAN.split()
