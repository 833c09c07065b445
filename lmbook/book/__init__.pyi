from .chapters import find_lesson as find_lesson
from .results import read_results as read_results
from .results import scratch_dir as scratch_dir
