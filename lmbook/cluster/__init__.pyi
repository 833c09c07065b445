from .background_workers import BackgroundWorkers as BackgroundWorkers
from .same_steps import difference as difference
from .same_steps import load as load
