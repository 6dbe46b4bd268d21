"""A network small enough for tests."""

from core.denoise.generator import GeneratorConfig
from core.denoise.model_file import ModelCard

TINY = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
CARD = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (48, 96), (5000.0, 35000.0))
