"""Looks at a model's folder and says what answers with it."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tarragon.errors import DataError, IntegrityError
from tarragon.serve.protocol import Answerer

SIDECAR = ".tarragon-serving.json"  # written by tarragon.train.builtin
MODEL = re.compile(r"xgboost-model(-\d+)?")
NATIVE = re.compile(r".+\.(ubj|json|xgb|bst|model|bin)|[^.]+")


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Answerer:
    """Load the model of a built-in algorithm, a booster of XGBoost, or a native table model.

    Parameters
    ----------
    folder : Path
        What the container finds as ``/opt/ml/model``.
    environment : mapping of str to str, optional
        The container's; the process's own when left out.

    Raises
    ------
    DataError
        There is no model in it that could be read without running code.
    IntegrityError
        Its files are not what was saved.
    """
    setting = os.environ if environment is None else environment
    if (folder / SIDECAR).is_file():
        from tarragon.serve.builtin.scored import Scored

        return Scored(folder, _facts(folder / SIDECAR), setting)
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


def _facts(path: Path) -> Mapping[str, object]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return {**facts, "feature_dim": int(facts["feature_dim"]), "predictor_type": str(facts["predictor_type"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "The model cannot be loaded", why=f"{path.name} cannot be read ({error})", fix="Train it again"
        ) from error
