"""Where text comes from: the built-in corpus, the reader's own files, and the catalogue of public data sets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
