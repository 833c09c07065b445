"""`lmbook train --task translation`: a Transformer on the reader's own pairs of sentences, or on a corpus of pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.corpora.corpus import Corpus
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    import tensorflow as tf

LONGEST = 96  # tokens of a side; longer pairs are left out
FEW_PAIRS = 50_000  # with fewer the model forgets more on purpose, so as not to learn them by heart
SCORED = 200  # test pairs that are translated at the end
BEAMS = 4


def train_translation(
    corpus: Corpus,
    output: Path,
    *,
    vocabulary_size: int | None,
    minutes: float | None,
    steps: int | None,
    seed: int,
    resume: str,
    gradient_accumulation_steps: int,
    precision: str,
    make_strategy: Callable[[], tf.distribute.Strategy],
) -> None:
    """Train, leave the run in `output`, and score it on test pairs that it never saw."""
    import keras

    from lmbook.book import plots
    from lmbook.corpora.greentree.text import is_chinese
    from lmbook.decoding.text import translate
    from lmbook.evaluation.translation import score_translations
    from lmbook.models.registry import config_as_json
    from lmbook.recipes.translator import Recipe, sentence_translator
    from lmbook.training.run_folder import save_run

    strategy = make_strategy()
    keras.config.set_dtype_policy(precision)
    few = len(corpus.split("train")) < FEW_PAIRS
    recipe = Recipe(vocabulary_size or Recipe.vocabulary_size, dropout=0.25 if few else 0.1, max_length=LONGEST)
    say = print if is_chief() else (lambda *words: None)
    say(f"{corpus.name}: " + ", ".join(f"{len(pairs):,} pairs for {name}" for name, pairs in corpus.splits.items()))
    made = sentence_translator(
        corpus,
        recipe,
        seed,
        output=output,
        strategy=strategy,
        minutes=minutes,
        steps=steps,
        resume=resume,
        gradient_accumulation_steps=gradient_accumulation_steps,
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
    picture = plots.loss_curve({"Transformer": made.history}, None, "nats per token", title=f"On {corpus.name}")
    save_run(
        output,
        made.model,
        made.tokenizer,
        {
            "task": "translation",
            "model": "encoder_decoder",
            "config": config_as_json(made.model.config),
            "text": corpus.name,
            "tokenizer": made.tokenizer.kind,
            "longest": recipe.max_length,
            "precision": precision,
            "minutes": minutes,
            "steps": steps,
            "seed": seed,
            "bleu": score.bleu,
            "chrf": score.chrf,
        },
        made.history,
        sample,
        picture=lambda path: plots.save(picture, path),
    )
    print(f"\n{sample}\n")
    print(f"On {len(test)} test pairs: BLEU {score.bleu:.1f} ± {score.bleu_margin:.1f} ({score.bleu_signature}),")
    print(f"chrF {score.chrf:.1f} ± {score.chrf_margin:.1f}; the margins are 95 % intervals over the sentences.")
    print(f"Left in {output}. Go on with:\n  lmbook translate {output} --text FILE")
