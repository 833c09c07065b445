"""`lmbook train --task classification`: a classifier on the reader's own labelled texts, or on a labelled corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.corpora.corpus import Corpus
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    import tensorflow as tf

MODELS = ("lstm", "transformer", "minilm")
DEFAULT_MODEL = "transformer"
LONGEST = 128  # tokens that are read of a text


def train_classification(
    corpus: Corpus,
    output: Path,
    *,
    model: str,
    vocabulary_size: int | None,
    minutes: float | None,
    steps: int | None,
    seed: int,
    resume: str,
    gradient_accumulation_steps: int,
    precision: str,
    make_strategy: Callable[[], tf.distribute.Strategy],
) -> None:
    """Train, leave the run in `output`, and score it on the test texts, a bag of words beside it."""
    import keras

    from lmbook.book import plots
    from lmbook.evaluation.calibration import calibration
    from lmbook.evaluation.classification import classification_score
    from lmbook.models.linear_classifiers import bag_of_words, with_best_penalty
    from lmbook.models.registry import config_as_json
    from lmbook.recipes.text_classifier import train_text_classifier
    from lmbook.training.run_folder import save_run

    strategy = make_strategy()
    keras.config.set_dtype_policy(precision)
    train, validation, test = (corpus.split(name) for name in ("train", "validation", "test"))
    say = print if is_chief() else (lambda *words: None)
    say(f"{corpus.name}: " + ", ".join(f"{len(part):,} texts for {name}" for name, part in corpus.splits.items()))
    made = train_text_classifier(
        model,
        train,
        validation,
        vocabulary_size=vocabulary_size,
        max_length=LONGEST,
        seed=seed,
        strategy=strategy,
        output=output,
        minutes=minutes,
        steps=steps,
        resume=resume,
        gradient_accumulation_steps=gradient_accumulation_steps,
    )
    if not is_chief():  # of several workers one writes
        return
    texts, right = [record["text"] for record in test], [record["label"] for record in test]
    probabilities = made.probabilities(texts)
    answered = [made.labels[place] for place in probabilities.argmax(axis=1)]
    score = classification_score(right, answered)
    parts = [[record[key] for record in part] for part in (train, validation) for key in ("text", "label")]
    baseline = classification_score(right, with_best_penalty(bag_of_words, *parts).predict(texts).tolist())
    rows = zip(texts[:10], answered, right, strict=False)
    sample = "\n\n".join(
        f"{text}\n  {label}" + ("" if label == true else f" (right: {true})") for text, label, true in rows
    )
    picture = plots.loss_curve({model: made.history}, None, "nats per text", title=f"{model} on {corpus.name}")
    save_run(
        output,
        made.model,
        made.tokenizer,
        {
            "task": "classification",
            "model": model,
            "config": config_as_json(made.model.config),
            "text": corpus.name,
            "labels": made.labels,
            "max_length": made.max_length,
            "tokenizer": made.tokenizer.kind,
            "precision": precision,
            "minutes": minutes,
            "steps": steps,
            "seed": seed,
            "accuracy": score.accuracy,
            "macro_f1": score.macro.f1,
        },
        made.history,
        sample,
        picture=lambda path: plots.save(picture, path),
    )
    print(f"\nOn {len(test):,} test texts (a bag of words in brackets):")
    print(f"  accuracy {score.accuracy:.3f} ({baseline.accuracy:.3f}), 95 % {score.low:.3f} to {score.high:.3f}")
    print(f"  macro F1 {score.macro.f1:.3f} ({baseline.macro.f1:.3f})")
    for label, one in score.classes.items():
        print(
            f"  {label}: precision {one.precision:.3f}, recall {one.recall:.3f}, F1 {one.f1:.3f}, {one.examples} texts"
        )
    if set(right) <= set(made.labels):
        error = calibration(probabilities, [made.labels.index(label) for label in right]).error
        print(f"  expected calibration error {error:.3f}")
    print(f"Left in {output}. Go on with:\n  lmbook classify {output} --text FILE")
