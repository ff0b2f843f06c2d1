"""``model_algo-1`` as SageMaker's MXNet containers write it: a zip of parameters, symbol, facts and a manifest.

``mx-mod-0000.params`` holds MXNet's arrays named ``arg:…`` and ``mx-mod-symbol.json`` the graph they belong to, so that
``mxnet.module.Module.load("mx-mod", 0)`` reads them once the zip is opened. Every size is checked before it is used.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.weights import Weights, broken
from tarragon.data import read_ndarrays, write_ndarrays

FILE = "model_algo-1"
PARAMS, SYMBOL, EXTRA, MANIFEST = "mx-mod-0000.params", "mx-mod-symbol.json", "additional-params.json", "manifest.json"
MOST_BYTES = 8 << 30  # of parameters, once unpacked
MOST_TEXT = 16 << 20
Node = tuple[str, str, Mapping[str, object], Sequence[int]]
"""A node of the graph: operator ("null" for a variable), name, attributes, numbers of the nodes it reads."""


@dataclass(frozen=True, slots=True)
class Module:
    """What an archive holds: arrays by name without ``arg:``, the graph's operators, and additional facts."""

    arrays: Weights
    operators: tuple[str, ...]
    facts: Mapping[str, Any]


def write_module(
    folder: Path, arrays: Mapping[str, NDArray[Any]], nodes: Sequence[Node], facts: Mapping[str, Any]
) -> None:
    """Write ``model_algo-1``; equal arrays give equal bytes."""
    params = write_ndarrays({f"arg:{name}": np.asarray(array) for name, array in arrays.items()})
    texts = {SYMBOL: _graph(nodes), EXTRA: json.dumps(dict(facts), indent=1)}
    texts[MANIFEST] = json.dumps({"files": [PARAMS, SYMBOL, EXTRA]}, indent=1)
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {PARAMS: params, **{name: text.encode() for name, text in texts.items()}}.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def _graph(nodes: Sequence[Node]) -> str:
    """Write a symbol as MXNet does."""
    laid = [
        {
            "op": op,
            "name": name,
            **({"attrs": {k: str(v) for k, v in attributes.items()}} if attributes else {}),
            "inputs": [[i, 0, 0] for i in inputs],
        }
        for op, name, attributes, inputs in nodes
    ]
    return json.dumps(
        {
            "nodes": laid,
            "arg_nodes": [i for i, node in enumerate(nodes) if node[0] == "null"],
            "node_row_ptr": list(range(len(nodes) + 1)),
            "heads": [[len(nodes) - 1, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10901]},
        },
        indent=1,
    )


def read_module(folder: Path) -> Module:
    """Read ``model_algo-1``, of ours or of SageMaker's. Raises ``IntegrityError``."""
    try:
        with zipfile.ZipFile(folder / FILE) as archive:
            raw = _member(archive, PARAMS, MOST_BYTES)
            symbol = json.loads(_member(archive, SYMBOL, MOST_TEXT)) if SYMBOL in archive.namelist() else {}
            facts = json.loads(_member(archive, EXTRA, MOST_TEXT)) if EXTRA in archive.namelist() else {}
        nodes = symbol.get("nodes", [])
        operators = tuple(str(node["op"]) for node in nodes if node["op"] != "null")
        if not isinstance(facts, dict):
            raise TypeError(f"{EXTRA} is no object")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EOFError, RecursionError) as error:
        raise broken(f"{FILE}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise broken(f"{FILE}: {error}") from error
    named = {name.partition(":")[2] or name: array for name, array in read_ndarrays(raw).items()}
    return Module(Weights(named), operators, facts)


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read one file, not more of it than it claims to hold, and not more than is allowed."""
    size = archive.getinfo(name).file_size
    if size > most:
        raise ValueError(f"{name} would take {size} bytes")
    with archive.open(name) as file:
        return file.read(size)
