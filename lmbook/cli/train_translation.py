"""`lmbook train --task translation`: a Transformer on the reader's own pairs of sentences, or on a corpus of pairs."""

from __future__ import annotations

from lmbook.cli.training import TrainingOptions, save_training, say_sizes, say_what_next
from lmbook.console import show
from lmbook.corpora.corpus import Corpus
from lmbook.training.distributed.cluster import is_chief

LONGEST = 96  # tokens of a side; longer pairs are left out
FEW_PAIRS = 50_000  # with fewer the model forgets more on purpose, so as not to learn them by heart
SCORED = 200  # test pairs that are translated at the end
BEAMS = 4


def train_translation(corpus: Corpus, options: TrainingOptions) -> None:
    """Train, leave the run in its folder, and score it on test pairs that it never saw."""
    from lmbook.corpora.greentree.text import is_chinese
    from lmbook.decoding.text import translate
    from lmbook.evaluation.translation import score_translations
    from lmbook.recipes.translator import SentenceTranslatorProfile, sentence_translator

    strategy = options.prepare()
    few = len(corpus.split("train")) < FEW_PAIRS
    usual = SentenceTranslatorProfile(corpus.name, dropout=0.25 if few else 0.1, max_length=LONGEST)
    profile = options.asked_of(usual)
    say_sizes(corpus, "pairs")
    made = sentence_translator(
        profile, corpus, options.seed, output=options.output, resume=options.resume, strategy=strategy
    )
    if not is_chief():  # of several workers one writes
        return
    # The longest pairs were left out of training, and sources of more than 256 tokens cannot be read at all.
    test = [pair for pair in made.test if len(made.tokenizer.encode(pair["source"])) <= LONGEST][:SCORED]
    sources, references = ([pair[side] for pair in test] for side in ("source", "target"))
    outputs = translate(made.model, made.tokenizer, sources, max_new_tokens=LONGEST, beams=BEAMS, batch_size=16)
    score = score_translations(outputs, references, "zh" if is_chinese(references[0]) else "13a", resamples=1000)
    rows = zip(sources[:5], outputs[:5], references[:5], strict=True)
    sample = "\n\n".join(f"{source}\n  {written}\n  (right: {right})" for source, written, right in rows)
    save_training(
        options,
        made.model,
        made.tokenizer,
        made.history,
        sample,
        name="encoder_decoder",
        text=corpus.name,
        unit="nats per token",
        task="translation",
        longest=profile.max_length,
        bleu=score.bleu,
        chrf=score.chrf,
    )
    show(f"\n{sample}\n")
    print(f"On {len(test)} of {len(corpus.split('test')):,} test pairs, with sources of at most {LONGEST} tokens:")
    print(f"BLEU {score.bleu:.1f} ± {score.bleu_margin:.1f} ({score.bleu_signature}),")
    print(f"chrF {score.chrf:.1f} ± {score.chrf_margin:.1f}; the margins are 95 % intervals over the sentences.")
    say_what_next(options, "translation")
