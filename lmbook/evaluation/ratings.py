"""Checking, unblinding and merging the files that raters filled in for one form."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError
from lmbook.evaluation.agreement import LEVELS, krippendorff_alpha
from lmbook.evaluation.preference import FIRST, SECOND, TIE, Preference, preference
from lmbook.evaluation.rating_form import ANSWERS_FORMAT, read_key
from lmbook.files import read_json

CHOICES = ("A", "tie", "B")


@dataclass(frozen=True)
class Ratings:
    """The judgements of all raters of a form, by prompt.

    Attributes:
        systems: the first and the second system's name.
        raters: their names.
        prompts: numbers of the prompts, ascending; prompts for which both systems wrote the same are left out.
        judgements: one row a rater, one column a prompt: `FIRST`, `TIE`, `SECOND` or None.
        identical: how many prompts both systems wrote the same for.
        chosen: how often side A, a tie and side B were chosen.
    """

    systems: tuple[str, str]
    raters: tuple[str, ...]
    prompts: tuple[int, ...]
    judgements: tuple[tuple[int | None, ...], ...]
    identical: int
    chosen: dict[str, int]

    def preference(self) -> Preference:
        """The preference for the first system; a prompt for which both wrote the same is a tie."""
        same = (TIE,) * self.identical
        return preference([(*row, *same) for row in self.judgements])

    def alpha(self, level: str = "nominal") -> float | None:
        """Krippendorff's alpha of all raters; None with one rater, or where all judgements are the same."""
        try:
            value = krippendorff_alpha(self.judgements, level)
        except LmbookError:  # no prompt has two judgements
            return None
        return None if value != value else value

    def kappas(self) -> dict[tuple[str, str], tuple[float | None, float, int]]:
        """For each two raters, of the prompts that both judged: (Cohen's kappa, share of equal judgements, prompts).

        Kappa is None where both gave one and the same judgement throughout, since chance would do so too.
        """
        from sklearn.metrics import cohen_kappa_score

        found = {}
        for one, other in combinations(range(len(self.raters)), 2):
            columns = zip(self.judgements[one], self.judgements[other], strict=True)
            both = [pair for pair in columns if None not in pair]
            if both:
                equal = sum(a == b for a, b in both) / len(both)
                kappa = float(cohen_kappa_score(*zip(*both, strict=True))) if len(set(sum(both, ()))) > 1 else None
                found[self.raters[one], self.raters[other]] = kappa, equal, len(both)
        return found

    def report(self) -> dict[str, Any]:
        """All figures as plain values, for a JSON file."""
        score = self.preference()
        return {
            "systems": list(self.systems),
            "raters": list(self.raters),
            "prompts": len(self.prompts) + self.identical,
            "identical": self.identical,
            **score.__dict__,
            "chosen": self.chosen,
            "alpha": {level: self.alpha(level) for level in LEVELS},
            "kappa": {f"{a} / {b}": kappa for (a, b), (kappa, _, _) in self.kappas().items()},
        }


def merge(key: str | Path, files: Iterable[str | Path], *, incomplete: bool = False) -> Ratings:
    """Read the raters' files of one form and unblind them.

    Args:
        key: the form's key, which `make_form` wrote.
        files: what the form saved, one file a rater.
        incomplete: take files with missing answers too.

    Raises:
        LmbookError: a file is missing or broken, of another form, not complete, there twice, or two are of one rater;
            the message names it.
    """
    known = read_key(key)
    items, (first, second) = known["items"], known["systems"]
    value = {first: FIRST, second: SECOND}
    files = [Path(file) for file in files]
    if not files:
        raise LmbookError("There are no answers to merge.", "Name the files that the form saved.")
    sessions, raters = {}, {}
    rows, chosen = [], dict.fromkeys(CHOICES, 0)
    order = sorted(items, key=lambda id: items[id]["prompt"])
    for file in files:
        found = read_answers(file, known["form"], items, incomplete=incomplete)
        for what, seen, name in (("session", sessions, "answers"), ("rater", raters, "rater")):
            if found[what] in seen:
                raise LmbookError(
                    f"{file} and {seen[found[what]]} hold the same {name} ({found[what]}).",
                    "Give each rater's file once; two raters need two names.",
                )
            seen[found[what]] = file
        answers = found["answers"]
        for answer in answers.values():
            chosen[answer] += 1
        rows.append(
            tuple(
                None if id not in answers else TIE if answers[id] == "tie" else value[items[id][answers[id]]]
                for id in order
            )
        )
    prompts = tuple(items[id]["prompt"] for id in order)
    return Ratings((first, second), tuple(raters), prompts, tuple(rows), len(known["identical"]), chosen)


def read_answers(path: str | Path, form: str, items: Collection[str], *, incomplete: bool = False) -> dict[str, Any]:
    """A rater's file: `{"session", "rater", "answers": {item: "A", "tie" or "B"}}`.

    Raises:
        LmbookError: it is missing, broken, of another form, or leaves items out that it may not.
    """
    found = read_json(path)
    if not isinstance(found, dict) or found.get("format") != ANSWERS_FORMAT:
        raise LmbookError(f"{path} holds no answers to a form.", "Give the files that the form's button saved.")
    texts = all(isinstance(found.get(name), str) and found[name] for name in ("form", "session", "rater"))
    if not texts or not isinstance(found.get("answers"), dict):
        raise LmbookError(f"{path} is damaged: a part is missing.", "Ask the rater to save it again.")
    if found["form"] != form:
        raise LmbookError(f"{path} answers another form ({found['form']}, not {form}).", "Give that form's own key.")
    answers = found["answers"]
    for id, answer in answers.items():
        if id not in items or answer not in CHOICES:
            raise LmbookError(
                f"{path} is damaged: {answer!r} for the item {id!r} is no answer.", "Ask the rater to save it again."
            )
    if len(answers) < len(items) and not incomplete:
        raise LmbookError(
            f"{path} is not complete: {len(answers)} of {len(items)} pairs were judged.",
            "Ask the rater for the rest, or take it as it is: --incomplete.",
        )
    if not answers:
        raise LmbookError(f"{path} holds not one answer.", "Leave it out.")
    return {name: found[name] for name in ("session", "rater", "answers")}
