"""`lmbook train --task translation`: a Transformer on the reader's own pairs of sentences, or on a corpus of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmbook.cli.scores import advise_if_empty, show_translation
from lmbook.cli.training import TrainingOptions, may_fail, save_training, say_sizes, say_what_next
from lmbook.console import show
from lmbook.corpora.corpus import Corpus
from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    from lmbook.recipes.translator import SentenceTranslator

LONGEST = 96  # tokens of a side; longer pairs are left out
FEW_PAIRS = 50_000  # with fewer the model forgets more on purpose, so as not to learn them by heart
SCORED = 200  # test pairs that are translated at the end
BEAMS = 4


def train_translation(corpus: Corpus, options: TrainingOptions) -> None:
    """Train, leave the run in its folder, and score it on test pairs that it never saw."""
    from lmbook.evaluation.translation import bleu_tokenizer, score_translations
    from lmbook.recipes.translator import SentenceTranslatorProfile, sentence_translator

    strategy = options.prepare()
    few = len(corpus.split("train")) < FEW_PAIRS
    usual = SentenceTranslatorProfile(corpus.name, dropout=0.25 if few else 0.1, max_length=LONGEST)
    profile = options.asked_of(usual)
    say_sizes(corpus, "pairs")
    targets = [pair["target"] for pair in corpus.split("test")]
    cut = bleu_tokenizer(targets)
    score_translations(targets[:2], targets[:2], cut, resamples=2)  # what fails here would fail after the training
    made = sentence_translator(
        profile, corpus, options.seed, output=options.output, resume=options.resume, strategy=strategy
    )
    if not is_chief():  # of several workers one writes
        return
    save_training(
        options,
        made.model,
        made.tokenizer,
        made.history,
        name="encoder_decoder",
        text=corpus.name,
        unit="nats per token",
        task="translation",
        longest=profile.max_length,
    )
    with may_fail("score on the test pairs"):
        _score(made, corpus, options, cut)
    say_what_next(options, "translation")


def _score(made: SentenceTranslator, corpus: Corpus, options: TrainingOptions, cut: str) -> None:
    from lmbook.decoding.text import translate
    from lmbook.evaluation.translation import score_translations
    from lmbook.training.run_folder import add_to_run

    # The longest pairs were left out of training, and sources of more than 256 tokens cannot be read at all.
    test = [pair for pair in made.test if len(made.tokenizer.encode(pair["source"])) <= LONGEST][:SCORED]
    if not test:
        raise LmbookError(f"none of the {len(made.test):,} test pairs has a source of at most {LONGEST} tokens.")
    sources, references = ([pair[side] for pair in test] for side in ("source", "target"))
    outputs = translate(made.model, made.tokenizer, sources, max_new_tokens=LONGEST, beams=BEAMS, batch_size=16)
    rows = zip(sources[:5], outputs[:5], references[:5], strict=True)
    sample = "\n\n".join(f"{source}\n  {written}\n  (right: {right})" for source, written, right in rows)
    add_to_run(options.output, sample)
    score = score_translations(outputs, references, cut, resamples=1000)
    add_to_run(options.output, bleu=score.bleu, chrf=score.chrf)
    show(f"\n{sample}\n")
    print(f"On {len(test)} of {len(corpus.split('test')):,} test pairs, with sources of at most {LONGEST} tokens:")
    show_translation(score)
    advise_if_empty(outputs)
