"""Metric points, summed up by minute: how many, their sum, least and most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tarragon.engine.schema import canonical
from tarragon.engine.schema import points as table
from tarragon.engine.store import Store

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement, or several summed up.

    Parameters
    ----------
    realm, namespace, metric : str
    dimensions : mapping of str to str
    time : float
        Seconds since 1970.
    count, total, least, most : float
    unit : str
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
    """The points of one period.

    Parameters
    ----------
    start : float
        Seconds since 1970.
    count, total, least, most : float
    unit : str
    """

    start: float
    count: float
    total: float
    least: float
    most: float
    unit: str = "None"


class Series:
    """The metric points of a store.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, realm: str, namespace: str, metric: str, dimensions: Mapping[str, str], value: float, time: float
    ) -> None:
        """Add one measurement; durable once this returns."""
        self.add_many([Point(realm, namespace, metric, dimensions, time, 1, value, value, value)])

    def add_many(self, points: Sequence[Point]) -> None:
        """Add measurements in one transaction."""
        merged: dict[tuple[str, ...], list[Any]] = {}
        for each in points:
            key = (
                each.realm,
                each.namespace,
                each.metric,
                canonical(dict(each.dimensions)),
                str(int(each.time // MINUTE)),
            )
            held = merged.setdefault(key, [0.0, 0.0, each.least, each.most, each.unit])
            held[0] += each.count
            held[1] += each.total
            held[2], held[3] = min(held[2], each.least), max(held[3], each.most)
        with self._store.begin() as connection:
            for (realm, namespace, metric, dimensions, minute), values in merged.items():
                _merge(connection, (realm, namespace, metric, dimensions, int(minute)), values)

    def buckets(
        self, where: tuple[str, str, str], dimensions: Mapping[str, str], start: float, end: float, period: int
    ) -> list[Bucket]:
        """Sum up by period.

        Parameters
        ----------
        where : (str, str, str)
            Realm, namespace and metric.
        dimensions : mapping
            Exactly these.
        start, end : float
            Seconds since 1970.
        period : int
            Seconds; at least a minute.
        """
        realm, namespace, metric = where
        chosen = sa.select(table).where(
            table.c.realm == realm,
            table.c.namespace == namespace,
            table.c.metric == metric,
            table.c.dimensions == canonical(dict(dimensions)),
            table.c.minute >= int(start // MINUTE),
            table.c.minute * MINUTE < end,
        )
        with self._store.read() as connection:
            rows = connection.execute(chosen.order_by(table.c.minute)).all()
        return summed(
            [Bucket(row.minute * MINUTE, row.count, row.sum, row.min, row.max, row.unit) for row in rows], start, period
        )

    def metrics(self, realm: str) -> tuple[tuple[str, str, str], ...]:
        """List what there is: namespace, metric and dimensions as canonical JSON."""
        chosen = (
            sa.select(table.c.namespace, table.c.metric, table.c.dimensions).where(table.c.realm == realm).distinct()
        )
        with self._store.read() as connection:
            return tuple(sorted((row[0], row[1], row[2]) for row in connection.execute(chosen)))


def summed(buckets: Sequence[Bucket], start: float, period: int) -> list[Bucket]:
    """Sum buckets up into longer periods that begin at multiples of the period after ``start``'s minute."""
    origin = int(start // MINUTE) * MINUTE
    found: dict[float, Bucket] = {}
    for each in buckets:
        begin = origin + (each.start - origin) // period * period
        held = found.get(begin)
        found[begin] = (
            Bucket(begin, each.count, each.total, each.least, each.most, each.unit)
            if held is None
            else Bucket(
                begin,
                held.count + each.count,
                held.total + each.total,
                min(held.least, each.least),
                max(held.most, each.most),
                each.unit,
            )
        )
    return [found[begin] for begin in sorted(found)]


def _merge(connection: sa.Connection, key: tuple[str, str, str, str, int], values: Sequence[Any]) -> None:
    names = ("realm", "namespace", "metric", "dimensions", "minute")
    where = sa.and_(*(table.c[name] == value for name, value in zip(names, key, strict=True)))
    row = connection.execute(sa.select(table).where(where).with_for_update()).one_or_none()
    count, total, least, most, unit = values
    if row is None:
        fresh = {
            **dict(zip(names, key, strict=True)),
            "count": count,
            "sum": total,
            "min": least,
            "max": most,
            "unit": unit,
        }
        connection.execute(table.insert().values(**fresh))
        return
    connection.execute(
        table.update().where(table.c.id == row.id).values(
            count=row.count + count, sum=row.sum + total, min=min(row.min, least), max=max(row.max, most)
        )
    )  # fmt: skip
