"""Pictures and text: drawn scenes, a picture encoder, contrastive training (CLIP), captions, and retrieval."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
