"""Spoken words to text: recordings, log-mel spectrograms, a recognizer trained by CTC, and its word errors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
