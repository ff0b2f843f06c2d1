"""Vision models on disk: weights as MXNet keeps them, and a description of the network beside them.

``<name>.params`` is MXNet's file of named arrays, "arg:" before what is learnt and "aux:" before running means, so that
``mxnet.nd.load`` reads it. ``<name>-symbol.json`` is not MXNet's graph, by which nothing here is computed: it is our
own description, from which the network can be built again::

    {"format": "tarragon-network", "version": 1, "network": {"kind": "resnet", "layers": 20, ...}}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data import read_ndarrays, write_ndarrays
from tarragon.errors import IntegrityError

FORMAT, VERSION = "tarragon-network", 1
RUNNING = ("running_mean", "running_var")
Arrays = dict[str, NDArray[Any]]


def write_params(path: Path, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write a network's weights, float32."""
    named = {f"{'aux' if n.endswith(RUNNING) else 'arg'}:{n}": np.asarray(a, np.float32) for n, a in weights.items()}
    path.write_bytes(write_ndarrays(named))


def read_params(path: Path) -> Arrays:
    """Read what :func:`write_params` wrote. Raises ``IntegrityError``."""
    try:
        found = read_ndarrays(path.read_bytes())
    except OSError as error:
        raise IntegrityError("The model's weights cannot be read", why=str(error), fix="Train it again") from error
    return {name.removeprefix("arg:").removeprefix("aux:"): array for name, array in found.items()}


def write_json(path: Path, told: object) -> None:
    """Write JSON; equal values give equal bytes."""
    path.write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")


def write_symbol(path: Path, network: Mapping[str, object]) -> None:
    """Describe a network."""
    write_json(path, {"format": FORMAT, "version": VERSION, "network": dict(network)})
