"""Smaller models: distillation, pruning, quantization, and what a model costs."""
