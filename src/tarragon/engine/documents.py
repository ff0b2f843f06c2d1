"""Named records: what has a name and facts but does no work of its own, such as a model, an experiment, a tag list.

A document belongs to a realm (a region, for the AWS face) and a kind, and is unique there by name. Every change is one
transaction; what a call returned is committed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tarragon.engine.schema import documents as table
from tarragon.engine.store import Store
from tarragon.errors import ConflictError, NotFoundError

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A record.

    Parameters
    ----------
    realm, kind, name : str
    content : mapping
        Plain values, see :mod:`tarragon.engine.plain`.
    created, updated : float
        Seconds since 1970.
    version : int
        From 1; one more with each change.
    """

    realm: str
    kind: str
    name: str
    content: Content
    created: float
    updated: float
    version: int


class Documents:
    """The documents of a store.

    Parameters
    ----------
    store : Store
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def create(self, realm: str, kind: str, name: str, content: Content) -> Document:
        """Keep a new document. Raises ``ConflictError`` when the name is taken."""
        now = self._clock()
        try:
            with self._store.begin() as connection:
                connection.execute(
                    table.insert().values(
                        realm=realm, kind=kind, name=name, content=content, created=now, updated=now, version=1
                    )
                )
        except sa.exc.IntegrityError:
            raise ConflictError(
                f"There is a {kind} called {name} already", why=f"it is in {realm}", fix="Choose another name"
            ) from None
        return Document(realm, kind, name, content, now, now, 1)

    def get(self, realm: str, kind: str, name: str) -> Document:
        """Look one up. Raises ``NotFoundError``."""
        found = self.find(realm, kind, name)
        if found is None:
            raise _missing(realm, kind, name)
        return found

    def find(self, realm: str, kind: str, name: str) -> Document | None:
        """Look one up; None when there is none."""
        with self._store.read() as connection:
            row = connection.execute(_one(realm, kind, name)).one_or_none()
        return None if row is None else _document(row)

    def list(self, realm: str, kind: str, *, prefix: str = "") -> tuple[Document, ...]:
        """List a kind in the order they were made; only names that begin with ``prefix``."""
        chosen = sa.select(table).where(table.c.realm == realm, table.c.kind == kind).order_by(table.c.id)
        if prefix:
            chosen = chosen.where(table.c.name.startswith(prefix, autoescape=True))
        with self._store.read() as connection:
            rows = connection.execute(chosen).all()
        # LIKE ignores case on SQLite
        return tuple(_document(row) for row in rows if row.name.startswith(prefix))

    def realms(self, kind: str) -> tuple[str, ...]:
        """Name the realms that hold documents of a kind."""
        with self._store.read() as connection:
            return tuple(connection.scalars(sa.select(table.c.realm).where(table.c.kind == kind).distinct()))

    def change(self, realm: str, kind: str, name: str, edit: Callable[[Content], Content]) -> Document:
        """Replace a document's content by what ``edit`` makes of it, in one transaction.

        What ``edit`` raises undoes everything. Raises ``NotFoundError``.
        """
        with self._store.begin() as connection:
            row = connection.execute(_one(realm, kind, name).with_for_update()).one_or_none()
            if row is None:
                raise _missing(realm, kind, name)
            return self._write(connection, _document(row), edit(row.content))

    def put(self, realm: str, kind: str, name: str, content: Content) -> Document:
        """Keep a document, replacing the content of one that is there."""
        with self._store.begin() as connection:
            row = connection.execute(_one(realm, kind, name).with_for_update()).one_or_none()
            if row is not None:
                return self._write(connection, _document(row), content)
            now = self._clock()
            made = Document(realm, kind, name, content, now, now, 1)
            connection.execute(
                table.insert().values(
                    realm=realm, kind=kind, name=name, content=content, created=now, updated=now, version=1
                )
            )
            return made

    def delete(self, realm: str, kind: str, name: str) -> None:
        """Forget one. Raises ``NotFoundError``."""
        gone = table.delete().where(table.c.realm == realm, table.c.kind == kind, table.c.name == name)
        with self._store.begin() as connection:
            if not connection.execute(gone).rowcount:
                raise _missing(realm, kind, name)

    def _write(self, connection: sa.Connection, old: Document, content: Content) -> Document:
        new = Document(old.realm, old.kind, old.name, content, old.created, self._clock(), old.version + 1)
        where = sa.and_(table.c.realm == old.realm, table.c.kind == old.kind, table.c.name == old.name)
        connection.execute(
            table.update().where(where).values(content=content, updated=new.updated, version=new.version)
        )
        return new


def _one(realm: str, kind: str, name: str) -> "sa.Select[Any]":
    return sa.select(table).where(table.c.realm == realm, table.c.kind == kind, table.c.name == name)


def _document(row: "sa.Row[Any]") -> Document:
    return Document(row.realm, row.kind, row.name, row.content, row.created, row.updated, row.version)


def _missing(realm: str, kind: str, name: str) -> NotFoundError:
    return NotFoundError(f'There is no {kind} called "{name[:80]}"', why=f"none was made in {realm}")
