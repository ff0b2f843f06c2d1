"""Tarragon: model development the SageMaker way, on your own machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.develop import Classifier, Development, Regressor, develop
    from tarragon.train import Trained, train

__version__ = "0.1.0"
__all__ = ["Classifier", "Development", "Regressor", "Trained", "__version__", "develop", "train"]


def __getattr__(name: str) -> Any:
    # Names load on first use, so that `import tarragon` and `tarragon --help` stay instant.
    from importlib import import_module

    if name in __all__:
        home = "train" if name in ("Trained", "train") else "develop"
        room = import_module(f"tarragon.{home}")
        return room if name == home else getattr(room, name)  # the rooms themselves can be called, see there
    raise AttributeError(f"module 'tarragon' has no attribute {name!r}")
