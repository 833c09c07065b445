"""Several worker processes, on one machine or many: starting them, reading their output, measuring what they share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
