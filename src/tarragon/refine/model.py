"""The model a run ends with: raw rows in, answers out.

An encoder, members (each a bag of fold models) with weights, a calibration and a threshold. Saved as a folder of
safe formats: ``model.json``, ``encoder/``, ``members/<trial>/fold-K/``.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.algorithms import catalogue
from tarragon.algorithms.protocol import Algorithm, View
from tarragon.data import Encoder
from tarragon.engine import folder_bytes, write_json
from tarragon.errors import DataError, IntegrityError
from tarragon.metrics import Task, labels
from tarragon.refine.calibrate import Calibration
from tarragon.train import load_model, output
from tarragon.tune import Trial

logger = logging.getLogger(__name__)
FORMAT = 1
Source = Any  # a path or a frame of any library narwhals knows; checked where it is read


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A bag of models fitted on different folds by one algorithm; its answer is their mean."""

    trial: str
    algorithm: str
    view: View
    weight: float
    folds: tuple[int, ...]
    models: tuple[Algorithm, ...]
    size_bytes: int

    def mean(self, data: Mapping[View, Any], fold: int | None = None) -> NDArray[np.float64]:
        """(n, K) or (n,): mean over the bag, or the answer of the model that did not see ``fold``."""
        models = [m for k, m in zip(self.folds, self.models, strict=True) if fold is None or k == fold]
        if not models:
            raise DataError(
                f"The model holds no fit of {self.trial} for fold {fold}",
                why=f"It kept folds {self.folds}",
                fix="Ask for one of these",
            )
        total = output(models[0].predict(data[self.view]))
        for model in models[1:]:
            total = total + output(model.predict(data[self.view]))
        return total / len(models)


@dataclass(slots=True, eq=False)
class TableModel:
    """Answers rows of a table.

    Parameters
    ----------
    encoder : Encoder
    members : tuple of Member
    task : {"binary", "multiclass", "regression"}
    classes : tuple
        In the order of the probability columns; empty for regression.
    target : str
    calibration : Calibration
    threshold : float
        Binary: the probability from which the positive (last) class is answered.
    encoder_bytes : int
    judges : tuple of Member
        The same members with all their fold models, asked when a fold is named and a limit left the model with fewer.
        Not saved.
    """

    encoder: Encoder
    members: tuple[Member, ...]
    task: Task
    classes: tuple[Any, ...]
    target: str
    calibration: Calibration = field(default_factory=Calibration)
    threshold: float = 0.5
    encoder_bytes: int = 0
    judges: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def classes_(self) -> NDArray[Any]:
        """(K,) labels in the order of ``predict_proba``'s columns."""
        return np.asarray(self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns the model reads."""
        return tuple(self.encoder.columns)

    def respond(self, frame: pl.DataFrame, fold: int | None = None) -> NDArray[np.float64]:
        """Answer rows that are typed as in training: (n, K) probabilities or (n,) values.

        Parameters
        ----------
        frame : polars.DataFrame
            With at least ``columns``.
        fold : int, optional
            Use only the models that did not see this fold's held-out rows.
        """
        members = self.members if fold is None else self.judges or self.members
        data = {view: self.encoder.transform(frame, view) for view in sorted({m.view for m in members})}
        answer = members[0].weight * members[0].mean(data, fold)
        for member in members[1:]:
            answer = answer + member.weight * member.mean(data, fold)
        if self.task == "regression":
            return answer
        return self.calibration.apply(answer / answer.sum(axis=1, keepdims=True))

    def predict_proba(self, source: Source) -> NDArray[np.float64]:
        """Class probabilities (n, K) of new rows, columns in the order of ``classes_``. Raises ``DataError``."""
        if self.task == "regression":
            raise DataError(
                "A regression model has no probabilities", why=f"{self.target} is a number", fix="Use predict"
            )
        return self.respond(self._aligned(source))

    def predict(self, source: Source) -> NDArray[Any]:
        """Labels or values (n,) of new rows.

        Columns may come in any order; extra ones are ignored, missing ones are treated as missing values and named in
        ``notes``; unseen categories are treated as unknown.
        """
        answer = self.respond(self._aligned(source))
        return self.decide(answer)

    def decide(self, answer: NDArray[np.float64]) -> NDArray[Any]:
        """Turn probabilities (n, K) into labels (n,); values pass."""
        if self.task == "regression":
            return answer
        return self.classes_[labels(answer, self.threshold)]

    def _aligned(self, source: Source) -> pl.DataFrame:
        frame, notes = self.encoder.align(source)
        self.notes = notes
        for note in notes:
            logger.warning("%s", note)
        return frame

    def size_parts(self) -> Mapping[str, int]:
        """Bytes by cause."""
        return {**{m.trial: m.size_bytes for m in self.members}, "encoder": self.encoder_bytes}

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole model on disk, but for its one-page manifest."""
        return sum(self.size_parts().values())

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder; ``model.json`` comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "encoder").mkdir()
        self.encoder.save(folder / "encoder")
        for member in self.members:
            for k, model in zip(member.folds, member.models, strict=True):
                place = folder / "members" / member.trial / f"fold-{k}" / "model"
                place.mkdir(parents=True)
                model.save(place)
        about = {
            "format": FORMAT,
            "task": self.task,
            "target": self.target,
            "classes": list(self.classes),
            "calibration": [self.calibration.slope, self.calibration.offset],
            "threshold": self.threshold,
            "encoder_bytes": self.encoder_bytes,
            "members": [
                {
                    "trial": m.trial,
                    "algorithm": m.algorithm,
                    "view": m.view,
                    "weight": m.weight,
                    "folds": list(m.folds),
                    "size_bytes": m.size_bytes,
                }
                for m in self.members
            ],
        }
        write_json(about, folder / "model.json", indent=1)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; runs no code from the files. Raises ``IntegrityError``."""
        try:
            about = json.loads((folder / "model.json").read_text())
            if about["format"] != FORMAT:
                raise IntegrityError(
                    f"Model format {about['format']} is not known",
                    why=f"This version reads format {FORMAT}",
                    fix="Use the version of tarragon that wrote it",
                )
            members = tuple(
                Member(
                    m["trial"],
                    m["algorithm"],
                    m["view"],
                    float(m["weight"]),
                    tuple(m["folds"]),
                    tuple(
                        load_model(m["algorithm"], folder / "members" / _plain(m["trial"]) / f"fold-{int(k)}")
                        for k in m["folds"]
                    ),
                    int(m["size_bytes"]),
                )
                for m in about["members"]
            )
            return cls(
                encoder=Encoder.load(folder / "encoder"),
                members=members,
                task=about["task"],
                classes=tuple(about["classes"]),
                target=about["target"],
                calibration=Calibration(*map(float, about["calibration"])),
                threshold=float(about["threshold"]),
                encoder_bytes=int(about["encoder_bytes"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, IntegrityError):
                raise
            raise IntegrityError(
                f"The model in {folder.name} cannot be read",
                why=str(error),
                fix="Restore the folder or register the model again",
            ) from error


def _plain(name: str) -> str:
    if "/" in name or "\\" in name or name.startswith("."):
        raise IntegrityError(f"Member name {name!r} is not plain", why="It would leave the model's folder", fix="")
    return name


def bag(trial: Trial, weight: float, job_folder: Path, keep: int | None = None) -> Member:
    """Read a trial's fold models as a member; ``keep`` limits how many of them."""
    kept = list(zip(trial.folds, trial.paths, strict=True))[:keep]
    sizes = [folder_bytes(job_folder / path / "model") for _, path in kept]
    return Member(
        trial=trial.name,
        algorithm=trial.algorithm,
        view=trial.view,
        weight=weight,
        folds=tuple(k for k, _ in kept),
        models=tuple(load_model(trial.algorithm, job_folder / path) for _, path in kept),
        size_bytes=sum(sizes),
    )


def is_glass_box(members: Sequence[Member]) -> bool:
    """Whether the model can be read as a whole: one member, and its kind is readable."""
    return len(members) == 1 and catalogue.get(members[0].algorithm).card.interpretability == "high"
