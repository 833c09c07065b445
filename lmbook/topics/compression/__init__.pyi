from .distillation import distil as distil
from .pruning import Pruning as Pruning
from .quantization import load_quantized as load_quantized
from .quantization import save_float as save_float
from .quantization import save_quantized as save_quantized
