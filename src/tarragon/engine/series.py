"""Metric points, kept as one row per minute: how many, their sum, the smallest and the largest.

What is kept of a minute does not grow with the points in it, so an endpoint may report every request. The price is
that statistics which need every value, percentiles above all, cannot be told.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tarragon.engine.schema import canonical
from tarragon.engine.schema import points as table
from tarragon.engine.store import Store
from tarragon.errors import ParameterError

MINUTE_S = 60
KEY = ("realm", "namespace", "metric", "dimensions", "minute")
ROWS = 500  # per statement: SQLite allows 32,766 values in one


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured.

    Parameters
    ----------
    realm : str
        A region, for the AWS face.
    namespace, name : str
    dimensions : mapping of str to str
        Of what: ``{"EndpointName": "e"}``. Other dimensions are another metric.
    """

    realm: str
    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement, or several that were summed up elsewhere.

    Parameters
    ----------
    realm, namespace, metric : str
    dimensions : mapping of str to str
    time : float
        Seconds since 1970.
    count, total, least, most : float
    unit : str
        "None", "Seconds", "Percent".
    """

    realm: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    time: float
    count: float
    total: float
    least: float
    most: float
    unit: str = "None"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A metric over one period.

    Parameters
    ----------
    start : float
        Seconds since 1970.
    count, total, least, most : float
    unit : str
        Of the newest point in it.
    """

    start: float
    count: float
    total: float
    least: float
    most: float
    unit: str = "None"

    @property
    def average(self) -> float:
        """The mean; 0 of nothing."""
        return self.total / self.count if self.count else 0.0


class Series:
    """The metric points of a store.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        dialect = store.url.get_backend_name()
        self._insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        functions = sa.func.least, sa.func.greatest
        self._least: Any
        self._greatest: Any
        self._least, self._greatest = functions if dialect == "postgresql" else (sa.func.min, sa.func.max)

    def add(  # noqa: PLR0913 - one value spelled out, as its writers know it
        self, realm: str, namespace: str, metric: str, dimensions: Mapping[str, str], value: float, time: float,
        unit: str = "None",
    ) -> None:  # fmt: skip
        """Add one value to its minute."""
        self.add_many([Point(realm, namespace, metric, dimensions, time, 1, value, value, value, unit)])

    def add_many(self, points: Iterable[Point]) -> None:
        """Add values to their minutes, all in one transaction. Raises ``ParameterError`` for one that is not finite."""
        rows: dict[tuple[object, ...], dict[str, Any]] = {}
        for point in points:
            row = _row(point)
            key = tuple(row[name] for name in KEY)
            rows[key] = row if key not in rows else _added(rows[key], row)
        if not rows:
            return
        ordered = sorted(rows.values(), key=lambda row: tuple(row[name] for name in KEY))  # writers lock in one order
        with self._store.begin() as connection:
            for start in range(0, len(ordered), ROWS):
                connection.execute(self._upsert(ordered[start : start + ROWS]))

    def statistics(self, metric: Metric, start: float, end: float, period_s: int) -> list[Bucket]:
        """Add a metric up over periods.

        Parameters
        ----------
        metric : Metric
        start, end : float
            Seconds since 1970; a minute belongs if it begins in ``[start, end)``, ``start`` rounded down to a minute.
        period_s : int
            A multiple of 60. The first period begins with ``start``.

        Returns
        -------
        list of Bucket
            By time, only those with points.
        """
        first = int(start // MINUTE_S)
        where = (
            table.c.realm == metric.realm, table.c.namespace == metric.namespace, table.c.metric == metric.name,
            table.c.dimensions == canonical(dict(metric.dimensions)), table.c.minute >= first,
            table.c.minute * MINUTE_S < end,
        )  # fmt: skip
        values = (table.c[name] for name in ("minute", "count", "sum", "min", "max", "unit"))
        with self._store.read() as connection:
            rows = connection.execute(sa.select(*values).where(*where).order_by(table.c.minute)).all()
        minutes = [Bucket(minute * MINUTE_S, *facts) for minute, *facts in rows]
        return summed(minutes, first * MINUTE_S, period_s)

    def metrics(self, realm: str, namespace: str = "", name: str = "", since: float = 0) -> list[Metric]:
        """List what has been measured, by namespace, name and dimensions.

        Parameters
        ----------
        realm : str
        namespace, name : str
            Only these, if given.
        since : float
            Only what has points at or after that time, seconds since 1970.
        """
        chosen = sa.select(table.c.namespace, table.c.metric, table.c.dimensions).distinct()
        chosen = chosen.where(table.c.realm == realm, table.c.minute >= int(since // MINUTE_S))
        if namespace:
            chosen = chosen.where(table.c.namespace == namespace)
        if name:
            chosen = chosen.where(table.c.metric == name)
        order = table.c.namespace, table.c.metric, table.c.dimensions
        with self._store.read() as connection:
            rows = connection.execute(chosen.order_by(*order)).all()
        return [Metric(realm, row.namespace, row.metric, _dimensions(row.dimensions)) for row in rows]

    def _upsert(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        made = self._insert(table).values(rows)
        new = made.excluded
        return made.on_conflict_do_update(
            index_elements=[table.c[name] for name in KEY],
            set_={
                "count": table.c.count + new.count,
                "sum": table.c.sum + new.sum,
                "min": self._least(table.c.min, new.min),
                "max": self._greatest(table.c.max, new.max),
                "unit": new.unit,
            },
        )


def summed(buckets: Iterable[Bucket], origin: float, period_s: float) -> list[Bucket]:
    """Sum buckets, or single values, up into periods counted from ``origin``; by time, only those with points."""
    found: dict[int, Bucket] = {}
    for each in sorted(buckets, key=lambda each: each.start):
        number = int((each.start - origin) // period_s)
        start, old = origin + number * period_s, found.get(number)
        if old is None:
            found[number] = Bucket(start, each.count, each.total, each.least, each.most, each.unit)
        else:
            count, total = old.count + each.count, old.total + each.total
            least, most = min(old.least, each.least), max(old.most, each.most)
            found[number] = Bucket(start, count, total, least, most, each.unit)
    return [found[number] for number in sorted(found)]


def _row(point: Point) -> dict[str, Any]:
    values = {"count": point.count, "sum": point.total, "min": point.least, "max": point.most}
    if not all(isfinite(value) for value in values.values()):
        raise ParameterError(f"{point.metric} cannot have the value {point.total}", why="it is not a finite number")
    return {
        "realm": point.realm, "namespace": point.namespace, "metric": point.metric,
        "dimensions": canonical(dict(point.dimensions)), "minute": int(point.time // MINUTE_S),
        **{name: float(value) for name, value in values.items()}, "unit": point.unit,
    }  # fmt: skip


def _added(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **old, "count": old["count"] + new["count"], "sum": old["sum"] + new["sum"],
        "min": min(old["min"], new["min"]), "max": max(old["max"], new["max"]), "unit": new["unit"],
    }  # fmt: skip


def _dimensions(text: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in json.loads(text).items()}
