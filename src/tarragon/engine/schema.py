"""The store's tables, declared once; ``migrations/`` holds how older stores become like this.

Times are seconds since 1970. JSON is kept as text in one canonical form: sorted keys, no spaces, non-finite numbers
tagged as :mod:`tarragon.engine.plain` does, so that it hashes the same everywhere and PostgreSQL accepts every string.
"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tarragon.engine.plain import to_plain
from tarragon.engine.typed import from_plain

HEAD = "0003"
"""The version this code writes and reads."""
KNOWN = ("0001", "0002", "0003")
"""Every version that can be brought to ``HEAD``, oldest first."""


class Json(sa.types.TypeDecorator[Mapping[str, object]]):
    """A mapping kept as canonical JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Write the mapping as text."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """Read the text back; arrays come as lists."""
        return None if value is None else from_plain(json.loads(value), object)


def canonical(value: object) -> str:
    """Write a value as the JSON text that is stored and hashed.

    Examples
    --------
    >>> canonical({"b": 1, "a": (0.5, float("inf"))})
    '{"a":[0.5,{"$float":"inf"}],"b":1}'
    """
    return json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(63), nullable=False),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("spec", Json, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),  # "" when nobody runs it
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),  # number of the newest event
    sa.Column("ingested", sa.BigInteger, nullable=False),  # bytes of events.jsonl that are in the store
    sa.UniqueConstraint("kind", "name"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", Json, nullable=False),
)

packages = sa.Table(
    "packages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("group", sa.String(127), nullable=False),  # a name of up to 63, after "<realm>." where it has one
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("manifest", Json, nullable=False),
    sa.Column("approval", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    sa.UniqueConstraint("group", "version"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("previous_sha256", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("realm", sa.String(63), nullable=False),  # a region, for the AWS face
    sa.Column("kind", sa.String(63), nullable=False),
    sa.Column("name", sa.String(2048), nullable=False),
    sa.Column("content", Json, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("realm", "kind", "name"),
)

points = sa.Table(
    "points",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("realm", sa.String(63), nullable=False),
    sa.Column("namespace", sa.String(255), nullable=False),
    sa.Column("metric", sa.String(255), nullable=False),
    sa.Column("dimensions", sa.Text, nullable=False),  # canonical JSON
    sa.Column("minute", sa.BigInteger, nullable=False),  # minutes since 1970
    sa.Column("count", sa.Double, nullable=False),
    sa.Column("sum", sa.Double, nullable=False),
    sa.Column("min", sa.Double, nullable=False),
    sa.Column("max", sa.Double, nullable=False),
    sa.Column("unit", sa.String(32), nullable=False),
    sa.UniqueConstraint("realm", "namespace", "metric", "dimensions", "minute"),
)
