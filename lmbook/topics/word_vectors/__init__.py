"""Vectors for words: counts and skip-grams, their training, and a map of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
