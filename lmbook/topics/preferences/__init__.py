"""Learning from preferences: a reward model, roll-outs, and the policy-gradient and DPO objectives."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
