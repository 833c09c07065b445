"""Bias in word vectors and language models: how to measure it, and counterfactual texts against it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
