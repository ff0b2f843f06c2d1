"""The loop from a table to a verdict, and everything a run leaves behind.

The room is also the call: ``tarragon.develop(table, target="churned")`` is :func:`tarragon.develop.api.develop`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.develop.api import Development, develop, resume
    from tarragon.develop.estimator import Classifier, Regressor
    from tarragon.develop.question import AutomlSpec
    from tarragon.develop.run import Progress

_HOMES = {
    "AutomlSpec": "question",
    "Classifier": "estimator",
    "Development": "api",
    "Progress": "run",
    "Regressor": "estimator",
    "develop": "api",
    "resume": "api",
}

__all__ = ["AutomlSpec", "Classifier", "Development", "Progress", "Regressor", "develop", "resume"]


def __getattr__(name: str) -> Any:
    # Names load on first use: the command line starts without the libraries they need.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Room(ModuleType):
    """A package that can be called.

    Importing any module of this room binds ``tarragon.develop`` to the package, whatever was bound before; so the
    package itself answers the call, in whichever order things are imported.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Develop a model from a table; see :func:`tarragon.develop.api.develop`."""
        from tarragon.develop.api import develop

        return develop(*args, **options)

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        from tarragon.develop.api import develop

        return signature(develop)


sys.modules[__name__].__class__ = _Room
