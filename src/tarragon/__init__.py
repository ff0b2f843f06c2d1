"""Tarragon: model development the SageMaker way, on your own machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.develop import Classifier, Development, Regressor, develop

__version__ = "0.1.0"
__all__ = ["Classifier", "Development", "Regressor", "__version__", "develop"]


def __getattr__(name: str) -> Any:
    # Names load on first use, so that `import tarragon` and `tarragon --help` stay instant.
    from importlib import import_module

    if name in __all__:
        room = import_module("tarragon.develop")
        return room if name == "develop" else getattr(room, name)  # the room itself can be called, see there
    raise AttributeError(f"module 'tarragon' has no attribute {name!r}")
