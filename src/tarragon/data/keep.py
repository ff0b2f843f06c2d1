"""Writes an encoder to a folder and reads it back: JSON for words, npz for numbers, nothing that can run."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data import dates
from tarragon.data.align import Spec
from tarragon.data.categories import HotPlan, Levels
from tarragon.data.encode import Encoder
from tarragon.data.inputs import Columns
from tarragon.data.measures import Measures
from tarragon.data.recipe import Recipe
from tarragon.data.table import Kind
from tarragon.data.text import TextModel
from tarragon.errors import IntegrityError

FORMAT = 1
WORDS, NUMBERS = "encoder.json", "encoder.npz"
PLAN = ("kept", "rare", "missing", "width")


def save(encoder: Encoder, folder: Path) -> None:
    """Write the two files. Equal encoders give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {f"measures.{k}": v for k, v in encoder.measures.arrays().items()}
    for i, levels in enumerate(encoder.levels):
        arrays[f"levels.{i}.counts"] = levels.counts
    for view, plan in encoder.plans.items():
        arrays |= {f"plan.{view}.{k}": getattr(plan, k) for k in PLAN}
    phrases = []
    for i, (name, model) in enumerate(encoder.phrases):
        words, numbers = model.state()
        phrases.append({"column": name, **words})
        arrays |= {f"phrase.{i}.{k}": v for k, v in numbers.items()}
    state = {
        "format": FORMAT,
        "specs": [{"name": s.name, "kind": s.kind.value, "recipe": asdict(s.recipe)} for s in encoder.specs],
        "question": dict(encoder.question),
        "layout": asdict(encoder.layout),
        "parts": [asdict(p) for p in encoder.parts],
        "levels": [
            {"values": list(v.values), "n_distinct": v.n_distinct, "n_missing": v.n_missing} for v in encoder.levels
        ],
        "measures": {"names": list(encoder.measures.names), "origins": list(encoder.measures.origins)},
        "phrases": phrases,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WORDS).write_text(json.dumps(state, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    with (folder / NUMBERS).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{k: arrays[k] for k in sorted(arrays)})


def load(folder: Path) -> Encoder:
    """Read the two files. Raises ``IntegrityError`` when they are missing or damaged."""
    try:
        state = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        with np.load(folder / NUMBERS, allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        return _restore(state, arrays)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise IntegrityError(
            f"{folder} holds no readable encoder",
            why=f"{type(error).__name__}: {error}",
            fix="Restore the files, or develop again",
        ) from error


def _restore(state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Encoder:
    if state["format"] != FORMAT:
        raise ValueError(f"format {state['format']} is not known here")
    measures = state["measures"]
    layout: dict[str, Any] = {k: tuple(v) for k, v in state["layout"].items()}
    layout["answers"] = tuple((no, yes) for no, yes in layout["answers"])
    return Encoder(
        specs=tuple(Spec(s["name"], Kind(s["kind"]), _recipe(s["recipe"])) for s in state["specs"]),
        question=state["question"],
        layout=Columns(**layout),
        parts=tuple(dates.Part(**p) for p in state["parts"]),
        levels=tuple(
            Levels(tuple(v["values"]), arrays[f"levels.{i}.counts"], v["n_distinct"], v["n_missing"])
            for i, v in enumerate(state["levels"])
        ),
        measures=Measures.restore(measures["names"], measures["origins"], _under(arrays, "measures.")),
        phrases=tuple(
            (p["column"], TextModel.restore(p, _under(arrays, f"phrase.{i}."))) for i, p in enumerate(state["phrases"])
        ),
        plans={view: HotPlan(*(arrays[f"plan.{view}.{k}"] for k in PLAN)) for view in ("onehot", "dense")},
    )


def _recipe(state: dict[str, Any]) -> Recipe:
    return Recipe(state["type"], state["style"], tuple(state["formats"]))


def _under(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
