"""Smaller models: distillation, pruning and quantization."""
