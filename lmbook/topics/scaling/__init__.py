"""Larger models and many devices: scaling laws, operations and memory of a model, time for communication."""
