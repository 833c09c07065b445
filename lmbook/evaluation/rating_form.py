"""A blind form that asks people which of two systems' texts is better: one HTML file, and its key beside it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmbook.corpora.files import read_text
from lmbook.errors import LmbookError
from lmbook.files import read_json, write_json, write_text
from lmbook.paths import reader_path

KEY_FORMAT, ANSWERS_FORMAT = "lmbook rating key 1", "lmbook ratings 1"
QUESTION = "Which text is better?"
TEMPLATE = Path(__file__).with_name("rating_form.html")


@dataclass(frozen=True)
class RatingForm:
    """What `make_form` wrote.

    Attributes:
        path: the HTML file, for the raters.
        key: the file that says which system wrote what; not for the raters.
        form: the form's name, which its answers carry.
        items: pairs on the form.
        identical: prompts for which both systems wrote the same; they are not shown, and count as ties.
    """

    path: Path
    key: Path
    form: str
    items: int
    identical: int


def make_form(
    path: str | Path,
    systems: Mapping[str, Sequence[str]],
    prompts: Sequence[str] | None = None,
    *,
    items: int | None = None,
    question: str = QUESTION,
    seed: int = 0,
) -> RatingForm:
    """Write the form to `path`, and its key beside it as `NAME.key.json`.

    The pairs come in random order. The first system stands on side A in half of them (one more where the number is
    odd), drawn at random, so that a rater who favours a side favours no system. The form holds the texts, but neither
    the systems' names nor which system wrote what. It asks nothing of a network.

    Args:
        path: of the HTML file.
        systems: the two systems' names with their texts, in the order of the prompts. An empty text is shown as such.
        prompts: what they answer or go on with; None: nothing is shown above the texts.
        items: so many pairs, drawn at random; None: all.
        question: what the raters are asked.
        seed: of order, sides and draw.

    Raises:
        LmbookError: not two systems, numbers of texts that differ, nothing to compare, fewer pairs than `items`, or
            `path` already has the key of another form.
    """
    path = Path(path)
    if len(systems) != 2:
        raise LmbookError(f"A form compares two systems, not {len(systems)}.", "Give two, with different names.")
    (first, ours), (second, theirs) = systems.items()
    prompts = [""] * len(ours) if prompts is None else prompts
    counts = {first: len(ours), second: len(theirs), "the prompts": len(prompts)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise LmbookError(f"The numbers of texts differ: {told}.", "Text n of each must belong to prompt n.")
    numbers = list(range(len(prompts)))
    chance = random.Random(seed)
    if items is not None:
        if not 1 <= items <= len(numbers):
            raise LmbookError(f"{items} pairs were asked for, of {len(numbers)}.", "Ask for fewer.")
        numbers = sorted(chance.sample(numbers, items))
    identical = [number for number in numbers if ours[number].strip() == theirs[number].strip()]
    numbers = [number for number in numbers if number not in set(identical)]
    if not numbers:
        raise LmbookError(f"{first} and {second} wrote the same everywhere.", "There is nothing to compare.")
    chance.shuffle(numbers)
    first_is_a = [True] * (len(numbers) - len(numbers) // 2) + [False] * (len(numbers) // 2)
    chance.shuffle(first_is_a)

    sides = zip(numbers, first_is_a, strict=True)
    texts = [(prompts[n], *((ours[n], theirs[n]) if a else (theirs[n], ours[n]))) for n, a in sides]
    form = _digest([question, texts])[:12]
    ids = [_digest([form, place])[:8] for place in range(len(texts))]
    key_path = path.with_name(f"{path.stem}.key.json")
    if key_path.exists() and (found := read_key(key_path)["form"]) != form:
        raise LmbookError(
            f"{key_path} is the key of another form ({found}); without it that form's answers say nothing.",
            "Choose another --output, or move the old form and its key away.",
        )
    key = {
        "format": KEY_FORMAT,
        "form": form,
        "systems": [first, second],
        "seed": seed,
        "identical": identical,
        "items": {
            id: {"prompt": n, "A": first if a else second, "B": second if a else first}
            for id, n, a in zip(ids, numbers, first_is_a, strict=True)
        },
    }
    shown = [{"id": id, "prompt": p, "A": a, "B": b} for id, (p, a, b) in zip(ids, texts, strict=True)]
    data = {"form": form, "answers_format": ANSWERS_FORMAT, "question": question, "items": shown}
    # "<" could end the script element; in JSON it may be written so.
    data = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    write_json(key_path, key)
    write_text(path, TEMPLATE.read_text(encoding="utf-8").replace("__FORM__", data))
    return RatingForm(path, key_path, form, len(numbers), len(identical))


def read_key(path: str | Path) -> dict[str, Any]:
    """The key of a form.

    Raises:
        LmbookError: it is missing, broken, or something else.
    """
    key = read_json(path)
    if not isinstance(key, dict) or key.get("format") != KEY_FORMAT:
        raise LmbookError(f"{path} is not the key of a form.", "The key is NAME.key.json, beside the form.")
    missing = {"form", "systems", "identical", "items"} - key.keys()
    if missing:
        raise LmbookError(f"{path} is damaged: it has no {', '.join(sorted(missing))}.", "Make the form again.")
    return key


def _digest(value) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode("utf-8")).hexdigest()


def read_outputs(path: str | Path) -> tuple[list[str] | None, list[str]]:
    """A system's texts, and its prompts where the file has them: (prompts or None, texts).

    A file called `….jsonl` holds a JSON object a line, with "output" and perhaps "prompt". Any other file holds a text
    a line; an empty line is an empty text.

    Raises:
        LmbookError: the file cannot be read (see `read_text`), or a line is no such object (its number is named).
    """
    path = reader_path(path)
    lines = read_text(path).removesuffix("\n").split("\n")
    if path.suffix.lower() != ".jsonl":
        return None, lines
    prompts, outputs = [], []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            prompt, output = entry.get("prompt"), entry["output"]
            if not (isinstance(output, str) and isinstance(prompt, str | None)):
                raise TypeError
            f"{prompt}{output}".encode()  # JSON can spell half a sign, as \\ud83d, which no file can hold
        except (ValueError, TypeError, KeyError, AttributeError):
            raise LmbookError(
                f"{path}, line {number}, is no text of a system: {line[:60]!r}.",
                'Write each line as {"prompt": "…", "output": "…"}; the prompt may be missing.',
            ) from None
        prompts.append(prompt)
        outputs.append(output)
    if None not in prompts:
        return prompts, outputs
    if any(prompt is not None for prompt in prompts):
        raise LmbookError(f"{path} has no prompt in line {prompts.index(None) + 1}.", "Give it in all lines or none.")
    return None, outputs
