"""Tarragon: model development the SageMaker way, on your own machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.develop.api import Development, develop
    from tarragon.develop.estimator import Classifier, Regressor

__version__ = "0.1.0"
__all__ = ["Classifier", "Development", "Regressor", "__version__", "develop"]

_HOMES = {
    "Development": "tarragon.develop.api",
    "Classifier": "tarragon.develop.estimator",
    "Regressor": "tarragon.develop.estimator",
}


def __getattr__(name: str) -> Any:
    # Names load on first use, so that `import tarragon` and `tarragon --help` stay instant.
    from importlib import import_module

    if name == "develop":
        return import_module("tarragon.develop")  # a room that can be called, see there
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tarragon' has no attribute {name!r}")
