"""`lmbook evaluate` for a classifier and for a translator."""

from __future__ import annotations

import random
from pathlib import Path

from lmbook.cli.classify import say_how_many_are_cut
from lmbook.cli.progress import progress
from lmbook.cli.scores import advise_if_empty, show_classification, show_translation
from lmbook.console import note, show
from lmbook.errors import LmbookError

MOST_PAIRS = 1000  # are translated; BLEU's interval is narrow enough then


def evaluate_classifier(folder: Path, config: dict, records: list[dict], name: str) -> None:
    """Classify labelled texts, {"text", "label"}, and print how the answers compare with the labels.

    Raises:
        LmbookError: the model knows none of the labels.
    """
    known, given = set(config["labels"]), [record["label"] for record in records]
    note(f"{name}: {len(records):,} texts, {len(set(given)):,} labels")
    foreign = sorted(set(given) - known)
    if not known & set(given):
        raise LmbookError(
            f"The model knows none of the labels of {name}, such as {foreign[0][:60]!r}.",
            f"It knows: {', '.join(sorted(known))[:200]}. Name the columns of text and label: --columns TEXT,LABEL.",
        )
    if foreign:
        wrong = sum(label not in known for label in given)
        note(
            f"{wrong:,} of them have a label that the model does not know ({foreign[0][:60]}, …): they count as wrong."
        )

    from lmbook.recipes.text_classifier import TextClassifier
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    classifier = TextClassifier(trained.model, trained.tokenizer, config["labels"], config["max_length"])
    say_how_many_are_cut(classifier, [record["text"] for record in records])
    with progress("Classifying", "texts") as report:
        tested = classifier.test(records, report)
    show(f"{folder} on {name}, {len(records):,} texts:")
    show_classification(tested)


def evaluate_translator(folder: Path, config: dict, pairs: list[dict], name: str) -> None:
    """Translate the sources of pairs, {"source", "target"}, and print how the translations compare with the targets.

    Raises:
        LmbookError: every source is longer than the model reads.
    """
    note(f"{name}: {len(pairs):,} pairs")

    from lmbook.cli.train_translation import BEAMS
    from lmbook.decoding.document import translate_lines
    from lmbook.evaluation.translation import bleu_tokenizer, score_translations
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    longest, cut = config["longest"], bleu_tokenizer(pair["target"] for pair in pairs)
    read = [pair for pair in pairs if len(trained.tokenizer.encode(pair["source"])) <= longest]
    if not read:
        raise LmbookError(f"Every source of {name} has more than {longest} tokens.", "Give shorter ones.")
    if len(read) < len(pairs):
        note(f"{len(pairs) - len(read):,} of them have a source of more than {longest} tokens and are left out.")
    if len(read) > MOST_PAIRS:
        note(f"{MOST_PAIRS:,} of them, drawn at random, are translated.")
        read = random.Random(0).sample(read, MOST_PAIRS)
    with progress("Translating", "texts") as report:
        outputs = translate_lines(
            trained.model,
            trained.tokenizer,
            [pair["source"] for pair in read],
            longest=longest,
            max_new_tokens=longest,
            beams=BEAMS,
            report=report,
        )
    score = score_translations(outputs, [pair["target"] for pair in read], cut, resamples=1000)
    show(f"{folder} on {name}, {len(read):,} pairs:")
    show_translation(score)
    advise_if_empty(outputs)
