"""Looks at a model's folder and says what answers with it."""

import json
import os
import re
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tarragon.algorithms import names
from tarragon.errors import DataError, IntegrityError
from tarragon.serve.protocol import Answerer

SIDECAR = ".tarragon-serving.json"  # written by tarragon.train.builtin
MODEL = re.compile(r"xgboost-model(-\d+)?")
ALSO = ("autogluon",)  # answers, though it is no method of its own: its models are whole tables'
Facts = Mapping[str, object]
NATIVE = re.compile(r".+\.(ubj|json|xgb|bst|model|bin)|[^.]+")


def load(folder: Path, environment: Mapping[str, str] | None = None, algorithm: str = "") -> Answerer:
    """Load the model of a built-in algorithm, a booster of XGBoost, or a native table model.

    Parameters
    ----------
    folder : Path
        What the container finds as ``/opt/ml/model``.
    environment : mapping of str to str, optional
        The container's; the process's own when left out.
    algorithm : str
        The catalogue's name of what the container's image serves, for models that were not trained here; "" for none.

    Raises
    ------
    DataError
        There is no model in it that could be read without running code.
    IntegrityError
        Its files are not what was saved.
    """
    setting = os.environ if environment is None else environment
    if (folder / SIDECAR).is_file():
        facts = _facts(folder / SIDECAR)
        return _answerer(str(facts["algorithm"]), folder, facts, setting)
    if algorithm in names() and _module(algorithm):  # trained elsewhere: its files must say all
        return _answerer(algorithm, folder, {"algorithm": algorithm}, setting)
    if (folder / "model.json").is_file() and (folder / "encoder").is_dir():
        from tarragon.serve.builtin.table import Tabled

        return Tabled(folder, setting)
    from tarragon.serve.builtin.booster import Booster

    return Booster(_boosters(folder), setting)


def _boosters(folder: Path) -> list[Path]:
    """Find the files of an XGBoost model: by name, else the only one there is."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    named = [path for path in files if MODEL.fullmatch(path.name)]
    found = named or [path for path in files if NATIVE.fullmatch(path.name)][:1]
    if not found:
        raise DataError(
            "There is no model to load",
            why=f"The archive holds {[p.name for p in files][:10] or 'no files'}",
            fix="Pack the model's files at the top of model.tar.gz; an XGBoost model is named xgboost-model",
        )
    return found


def _module(algorithm: str) -> str:
    """Name the module of this package that answers for an algorithm: the one that bears its name; "" without one."""
    name = f"{__package__}.{algorithm.replace('-', '_')}"
    return name if find_spec(name) else ""


def _answerer(algorithm: str, folder: Path, facts: Facts, setting: Mapping[str, str]) -> Answerer:
    module = _module(algorithm) if algorithm in (*names(), *ALSO) else ""  # the name may come from a stranger's archive
    if not module:
        raise IntegrityError(
            f"No built-in algorithm {algorithm[:60]!r} answers", why="The model names it", fix="Train it again"
        )
    loaded: Answerer = import_module(module).load(folder, facts, setting)
    return loaded


def _facts(path: Path) -> Facts:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return {**facts, "algorithm": str(facts["algorithm"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "The model cannot be loaded", why=f"{path.name} cannot be read ({error})", fix="Train it again"
        ) from error
