"""What a run did, exactly enough to do it again, and how two such accounts differ in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from tarragon.engine.protocol import Value

SHOWN = 5  # differences of one sort that are spelled out


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """One fit: a trial's model on one fold.

    Parameters
    ----------
    trial : str
    algorithm : str
        Catalogue name.
    params : mapping
        Every hyperparameter that differs from its default.
    view : str
        How the table reached the algorithm.
    fold : int
        Number in the split; -1 for all development rows.
    rounds : int
        Boosting rounds or epochs that were run; 0 for methods without.
    seed : int
    """

    trial: str
    algorithm: str
    params: Mapping[str, Value]
    view: str
    fold: int
    rounds: int
    seed: int

    @property
    def title(self) -> str:
        """``trial, fold 3``."""
        return f"{self.trial}, {'all rows' if self.fold < 0 else f'fold {self.fold}'}"


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """The plan of work units a run has carried out, with everything they depend on.

    Parameters
    ----------
    data_sha256, split_sha256, code_sha256 : str
        Of the table's content, the folds' row numbers, Tarragon's sources.
    environment : mapping of str to str
        From :func:`tarragon.engine.environment`.
    seed, threads : int
    units : tuple of WorkUnit
        In the order of the plan.
    prediction_sha256 : str
        Of the model's out-of-fold predictions, byte for byte; "" while there are none.
    """

    data_sha256: str
    split_sha256: str
    code_sha256: str
    environment: Mapping[str, str]
    seed: int
    threads: int
    units: tuple[WorkUnit, ...]
    prediction_sha256: str = ""


def difference(a: WorkRecord, b: WorkRecord) -> tuple[str, ...]:
    """Say in plain words what differs between two runs; nothing when a replay was exact.

    Parameters
    ----------
    a, b : WorkRecord
        The recorded run and its replay.
    """
    said = []
    for name, words in (
        ("data_sha256", "the data are not the same: the table's content has changed"),
        ("split_sha256", "the split is not the same: other rows are in the folds"),
        ("code_sha256", "Tarragon's code is not the same"),
    ):
        if getattr(a, name) != getattr(b, name):
            said.append(f"{words} ({_short(getattr(a, name))} then, {_short(getattr(b, name))} now)")
    said += [
        _then_now(name, getattr(a, name), getattr(b, name)) for name in ("seed", "threads") if _differs(a, b, name)
    ]
    said += _of_mappings("environment: ", a.environment, b.environment)
    said += _of_units(a.units, b.units)
    if a.prediction_sha256 != b.prediction_sha256:
        then, now = _short(a.prediction_sha256), _short(b.prediction_sha256)
        said.append(f"the predictions are not byte-equal ({then} then, {now} now)")
    return tuple(said)


def _of_units(a: tuple[WorkUnit, ...], b: tuple[WorkUnit, ...]) -> list[str]:
    then, now = {(u.trial, u.fold): u for u in a}, {(u.trial, u.fold): u for u in b}
    said = [f"{unit.title} was not done again" for key, unit in then.items() if key not in now]
    said += [f"{unit.title} is new" for key, unit in now.items() if key not in then]
    for key, unit in then.items():
        if key in now and now[key] != unit:
            said += _of_unit(unit, now[key])
    if not said and a != b:
        said = ["the same work was done in another order"]
    more = [f"and {len(said) - SHOWN} more differences in the work"] if len(said) > SHOWN else []
    return said[:SHOWN] + more


def _of_unit(a: WorkUnit, b: WorkUnit) -> list[str]:
    names = [each.name for each in fields(WorkUnit) if each.name != "params" and _differs(a, b, each.name)]
    said = [f"{a.title}: {_then_now(name, getattr(a, name), getattr(b, name))}" for name in names]
    return said + _of_mappings(f"{a.title}: ", a.params, b.params)


def _of_mappings(prefix: str, a: Mapping[str, Value], b: Mapping[str, Value]) -> list[str]:
    names = sorted(a.keys() | b.keys())
    return [
        prefix + _then_now(name, a.get(name, "absent"), b.get(name, "absent"))
        for name in names
        if a.get(name) != b.get(name) or (name in a) != (name in b)
    ]


def _differs(a: object, b: object, name: str) -> bool:
    return bool(getattr(a, name) != getattr(b, name))


def _then_now(name: str, then: object, now: object) -> str:
    return f"{name} was {then}, is {now}"


def _short(digest: str) -> str:
    return digest[:12] or "none"
