"""A package that answers: endpoints, batch transform, batch scoring of tables."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.serve.endpoint import Endpoints
    from tarragon.serve.jsonpath import JsonPath
    from tarragon.serve.protocol import Container, Deployment, Invocation, RefusalError, Reply, Variant
    from tarragon.serve.records import Cut
    from tarragon.serve.score import Scored, load_model, predict
    from tarragon.serve.transform import TransformSpec

_HOMES = {
    "endpoint": ("Endpoints",),
    "jsonpath": ("JsonPath",),
    "records": ("Cut",),
    "protocol": ("Container", "Deployment", "Invocation", "RefusalError", "Reply", "Variant"),
    "score": ("Scored", "load_model", "predict"),
    "transform": ("TransformSpec",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Container", "Cut", "Deployment", "Endpoints", "Invocation", "JsonPath", "RefusalError", "Reply", "Scored",
    "TransformSpec", "Variant", "load_model", "predict",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Names load on first use: a server starts without the libraries that read tables.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
