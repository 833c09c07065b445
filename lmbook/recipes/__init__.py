"""Complete trainings that several lessons or commands start from: tokenizer, batches, model and `fit` in one call."""
