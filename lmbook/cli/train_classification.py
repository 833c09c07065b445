"""`lmbook train --task classification`: a classifier on the reader's own labelled texts, or on a labelled corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmbook.cli.scores import show_classification
from lmbook.cli.training import TrainingOptions, may_fail, save_training, say_sizes, say_what_next
from lmbook.corpora.corpus import Corpus
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    from lmbook.recipes.text_classifier import TextClassifier

MODELS = ("lstm", "transformer", "minilm")
DEFAULT_MODEL = "transformer"


def train_classification(corpus: Corpus, model: str, options: TrainingOptions) -> None:
    """Train, leave the run in its folder, and score it on the test texts, a bag of words beside it."""
    from lmbook.recipes.text_classifier import PROFILES, text_classifier

    strategy = options.prepare()
    profile = options.asked_of(PROFILES[model])
    say_sizes(corpus, "texts")
    made = text_classifier(
        profile, corpus, options.seed, output=options.output, resume=options.resume, strategy=strategy
    )
    if not is_chief():  # of several workers one writes
        return
    save_training(
        options,
        made.model,
        made.tokenizer,
        made.history,
        name=model,
        text=corpus.name,
        unit="nats per text",
        task="classification",
        labels=made.labels,
        max_length=made.max_length,
    )
    with may_fail("score on the test texts"):
        _score(made, corpus, options)
    say_what_next(options, "classification")


def _score(made: TextClassifier, corpus: Corpus, options: TrainingOptions) -> None:
    from lmbook.recipes.text_classifier import bag_of_words_score
    from lmbook.training.run_folder import add_to_run

    test = corpus.split("test")
    tested = made.test(test)
    score = tested.score
    rows = zip(test[:10], tested.answers, strict=False)
    sample = "\n\n".join(
        f"{one['text']}\n  {answer}" + ("" if answer == one["label"] else f" (right: {one['label']})")
        for one, answer in rows
    )
    add_to_run(options.output, sample, accuracy=score.accuracy, macro_f1=score.macro.f1)
    baseline, beside = None, ""
    with may_fail("score of a bag of words to compare with"):
        baseline, beside = bag_of_words_score(corpus), " (a bag of words in brackets)"
    print(f"\nOn {len(test):,} test texts{beside}:")
    show_classification(tested, baseline)
