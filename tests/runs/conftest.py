from ..drawing import undrawn

__all__ = ["undrawn"]
