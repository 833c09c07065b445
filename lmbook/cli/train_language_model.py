"""`lmbook train`: a language model on the reader's own text, or on a corpus of running text."""

from __future__ import annotations

from lmbook.cli.floor import exact_floor
from lmbook.cli.training import TrainingOptions, may_fail, save_training, say, say_what_next
from lmbook.console import show
from lmbook.corpora.corpus import Corpus
from lmbook.models import registry
from lmbook.training.distributed.cluster import is_chief

UNITS = {"character": "character", "word": "word", "byte_pair": "byte pair"}  # what one token of each kind is


def train_language_model(
    corpus: Corpus,
    in_catalogue: str | None,
    model: str,
    tokenizer_kind: str,
    batch_size: int | None,
    options: TrainingOptions,
) -> None:
    """Train a model of the registry, leave the run in its folder, and show what it writes.

    `in_catalogue` is the corpus's name there; None: it is a file of the reader's, whatever it is called.
    """
    texts, others = corpus.texts("train"), corpus.texts("validation" if "validation" in corpus.splits else "test")

    from lmbook.decoding.text import continue_text
    from lmbook.pipelines.causal import CausalWindows
    from lmbook.tokenizers.registry import train_tokenizer
    from lmbook.training.checks import ALL_CHECKS
    from lmbook.training.fit import check_batch, fit, reproducible
    from lmbook.training.optimizers import OptimizerConfig
    from lmbook.training.run_folder import add_to_run
    from lmbook.training.validation import Validation

    recipe = registry.entry(model)
    batch_size = batch_size or recipe.batch_size
    reproducible(options.seed)
    strategy = options.prepare()
    check_batch(batch_size, strategy.num_replicas_in_sync, options.gradient_accumulation_steps)
    tokenizer = train_tokenizer(tokenizer_kind, texts, options.vocabulary_size)
    documents, held_out = ([tokenizer.encode(text) for text in part] for part in (texts, others))
    say(
        f"{corpus.name}: {sum(map(len, documents)):,} tokens to train on, {sum(map(len, held_out)):,} to validate, "
        f"{tokenizer.vocabulary_size:,} different ({tokenizer.kind})"
    )
    unit = f"nats per {UNITS[tokenizer.kind]}"
    floor = exact_floor(in_catalogue, others, tokenizer)
    if floor is not None:
        say(f"The lowest possible validation loss, exactly: {floor:.4f} {unit}")
    data = CausalWindows(documents, tokenizer, context=recipe.context, batch_size=batch_size, seed=options.seed)
    with strategy.scope():
        config = registry.make_config(model, tokenizer.vocabulary_size, pad_id=tokenizer.pad_id)
        network = registry.make_model(model, config)
    history = fit(
        network,
        data,
        steps=options.steps,
        minutes=options.minutes,
        validation=Validation(held_out, tokenizer),
        optimizer=OptimizerConfig(recipe.optimizer, recipe.learning_rate, recipe.muon_ratio),
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        output=options.output,
        resume=options.resume,
        fingerprints={"tokenizer": tokenizer.fingerprint},
        checks=[check for check in ALL_CHECKS if check not in recipe.unchecked],
        strategy=strategy,
    )
    if not is_chief():  # of several workers one writes
        return
    save_training(
        options,
        network,
        tokenizer,
        history,
        name=model,
        text=corpus.name,
        unit=unit,
        floor=floor,
        context=recipe.context,
        batch_size=batch_size,
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        muon_ratio=recipe.muon_ratio,
    )
    with may_fail("sample"):
        written = continue_text(network, tokenizer, count=3, max_new_tokens=200, temperature=0.8, seed=options.seed)
        sample = "\n\n".join(written)
        add_to_run(options.output, sample)
        show(f"\n{sample}\n")
    if in_catalogue is None and "test" in corpus.splits:
        with may_fail("score on the test text"):
            test = Validation([tokenizer.encode(text) for text in corpus.texts("test")], tokenizer)(network)
            add_to_run(options.output, test_loss=test)
            print(f"On the test text: {test:.4f} {unit}.")
    say_what_next(options, "language_model")
