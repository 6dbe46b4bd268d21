"""iceblock: takes the noise off single cryo-EM particles with noise learned from their own ice."""

from .errors import IceblockError

__version__ = "0.1.0"

__all__ = ["IceblockError", "__version__"]
