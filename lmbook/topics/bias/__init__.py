"""Bias in word vectors and language models: how to measure it, and counterfactual texts against it."""
