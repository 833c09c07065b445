"""lmbook: the library behind the working book on large language models.

Importing it starts nothing: TensorFlow is loaded by the modules that compute. It only asks TensorFlow, once that
is loaded, not to print its start-up notes at the reader, and Keras to use the TensorFlow backend and to know the
classes of saved models.
"""

import os

from lmbook.quiet import quieten_tensorflow
from lmbook.saved_classes import announce_classes

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

quieten_tensorflow()
announce_classes()

__version__ = "0.1.0"
