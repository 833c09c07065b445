"""Looking into a trained model: attention maps, attribution, probes, the residual stream, sparse autoencoders."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
