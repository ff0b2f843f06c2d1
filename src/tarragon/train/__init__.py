"""One candidate on its folds becomes fitted models; a training or processing job runs as SageMaker's containers do.

The room is also the call: ``tarragon.train("kmeans", table, k=10)`` is :func:`tarragon.train.native.train`
(docs/decisions/0005 says how and why).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tarragon.train.image import Image, image  # not below: the name is its module's too

if TYPE_CHECKING:
    from tarragon.train.context import FitContext
    from tarragon.train.native import train
    from tarragon.train.packages import environment_for
    from tarragon.train.protocol import Given, Pattern, ProcessingSpec, Source, TrainingSpec, Wanted
    from tarragon.train.script import fetch_code, python_path
    from tarragon.train.trained import Trained, framed, numbered
    from tarragon.train.transfer import chosen, download, found, pack, require_bucket, unpack
    from tarragon.train.unit import FoldRecord, load_model, output, read_oof, read_record
    from tarragon.train.view import ensure_view, read_view, write_folds, write_view

_HOMES = {
    "context": ("FitContext",),
    "native": ("train",),
    "trained": ("Trained", "framed", "numbered"),
    "protocol": ("Given", "Pattern", "ProcessingSpec", "Source", "TrainingSpec", "Wanted"),
    "packages": ("environment_for",),
    "script": ("fetch_code", "python_path"),
    "transfer": ("chosen", "download", "found", "pack", "require_bucket", "unpack"),
    "unit": ("FoldRecord", "load_model", "output", "read_oof", "read_record"),
    "view": ("ensure_view", "read_view", "write_folds", "write_view"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FitContext", "FoldRecord", "Given", "Image", "Pattern", "ProcessingSpec", "Source", "Trained", "TrainingSpec",
    "Wanted", "chosen", "download", "ensure_view", "environment_for", "fetch_code", "found", "framed", "image",
    "load_model", "numbered", "output", "pack", "python_path", "read_oof", "read_record", "read_view",
    "require_bucket", "train", "unpack", "write_folds", "write_view",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Names load on first use: a server that only hands jobs over starts without the numerical libraries.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Room(ModuleType):
    """A package that can be called."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Fit one algorithm; see :func:`tarragon.train.native.train`."""
        from tarragon.train.native import train

        return train(*args, **options)

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        from tarragon.train.native import train

        return signature(train)


sys.modules[__name__].__class__ = _Room
