"""Sends clients that hard-wire an AWS address to the local server; loaded at start-up where ``TARRAGON_SHIM=1``.

Python runs a module of this name by itself when its folder is on the import path. SageMaker's SDKs build their STS
client with an explicit ``https://sts.<region>.amazonaws.com``, which no environment variable reaches; here such an
address is replaced by ``AWS_ENDPOINT_URL`` when botocore makes the client. Nothing is imported for programs that never
load botocore, and a ``sitecustomize`` that is further down the path still runs. Works from Python 3.9 on.
"""

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional

TARGET = "botocore.session"


def _local(address: str) -> str:
    """Return our address for one of AWS's own; any other is left alone."""
    from urllib.parse import urlsplit

    host = urlsplit(address).hostname or ""
    ours = os.environ.get("AWS_ENDPOINT_URL")
    return ours if ours and host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else address


def _patch(module: Any) -> None:
    original = module.Session.create_client

    def create_client(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("endpoint_url"):
            kwargs["endpoint_url"] = _local(kwargs["endpoint_url"])
        return original(self, *args, **kwargs)

    create_client.__doc__ = original.__doc__
    module.Session.create_client = create_client


class _Patching(Loader):
    """Loads botocore's module as it is loaded anyway, then changes one method of it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        made: Optional[ModuleType] = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _patch(module)

    def __getattr__(self, name: str) -> Any:  # resources and source are the real loader's
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name != TARGET:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patching(spec.loader)
        return spec


class _Last(MetaPathFinder):
    """Finds our reader of MXNet's arrays where no MXNet is installed: code that looks into a model asks for it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name != "mxnet":
            return None
        room = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        return PathFinder.find_spec(name, [os.path.join(room, "train", "standins")])


def _next_of_our_name() -> None:
    """Run the sitecustomize that would have run without us."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [each for each in sys.path if os.path.abspath(each or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if os.environ.get("TARRAGON_SHIM") == "1":
    sys.meta_path.insert(0, _Finder())
    sys.meta_path.append(_Last())
_next_of_our_name()
