"""Larger models and many devices: scaling laws, operations and memory of a model, time for communication."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
