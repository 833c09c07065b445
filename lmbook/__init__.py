"""lmbook: the library behind the working book on large language models.

What can be imported from it is listed in `__init__.pyi`; `docs/library.md` introduces it. Importing lmbook starts
nothing: a name is looked up, and TensorFlow loaded, when it is first asked for. TensorFlow is only asked not to print
its start-up notes at the reader, and Keras to use the TensorFlow backend and to know the classes of saved models.
"""

import os

import lazy_loader

from lmbook.quiet import quieten_tensorflow
from lmbook.saved_classes import announce_classes

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

quieten_tensorflow()
announce_classes()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
