"""What a model gives away about its training texts: memorization, DP-SGD, and removing personal data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
