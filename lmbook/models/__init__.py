"""One file per model: a batch of ids in, logits out."""
