"""The database: SQLite in the home by default, PostgreSQL by URL; acknowledged means committed.

Everything is written inside ``with store.begin() as connection:`` and is either all there afterwards or not at all.
SQLite runs in WAL mode with ``synchronous=FULL``: readers never wait for the one writer, and a commit has reached the
disk. The schema is brought up to date when a store is opened, in one transaction that others wait for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tarragon.engine.disk import full, refusals
from tarragon.engine.schema import HEAD, KNOWN, metadata
from tarragon.engine.wal import write_ahead
from tarragon.errors import MissingExtraError, ParameterError, StorageError, TarragonError

BUSY_S = 30.0  # how long a writer waits for another before giving up
LOCKS = {"schema": 1_952_539_201, "audit": 1_952_539_202}  # PostgreSQL advisory locks: "tar" and a number
VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


class Store:
    """A database with Tarragon's tables in it.

    Parameters
    ----------
    url : str or sqlalchemy.URL
        An SQLAlchemy URL: ``sqlite:////path/tarragon.db`` or ``postgresql://user@host/database``.

    Raises
    ------
    StorageError
        When it cannot be reached, or a newer Tarragon has written it.
    MissingExtraError
        When PostgreSQL's driver is not installed.
    """

    def __init__(self, url: str | sa.URL) -> None:
        self.url = _checked(url)
        self._writes = _engine(self.url)
        # PostgreSQL would otherwise show each statement another moment; SQLite's transactions see one by nature.
        moment = {"isolation_level": "REPEATABLE READ"} if self._writes.dialect.name == "postgresql" else {}
        self._reads = self._writes.execution_options(reading=True, **moment)
        try:
            self._upgrade()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def begin(self, *, only: str = "") -> Iterator[sa.Connection]:
        """Open a transaction for writing; it commits when the block ends, and undoes everything when it raises.

        Parameters
        ----------
        only : {"", "schema", "audit"}
            Keep out everybody else who asks for the same word, for chains of rows. (SQLite has one writer anyway.)
        """
        with self._errors(), self._writes.begin() as connection:
            if only and self._writes.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCKS[only])))
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a consistent view for reading, which waits for nobody."""
        with self._errors(), self._reads.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self._writes.dispose()

    def _upgrade(self) -> None:
        with self.read() as connection:
            if _version(connection) == HEAD:
                return
        with self.begin(only="schema") as connection:
            version = _version(connection)  # again: somebody may have done it while we waited
            if not version:
                metadata.create_all(connection)
                VERSION.create(connection)
                connection.execute(VERSION.insert().values(version_num=HEAD))
            elif version not in KNOWN:
                raise StorageError(
                    f"The store {self.url.render_as_string(hide_password=True)} cannot be used",
                    why=f"its schema is {version}; this Tarragon knows {', '.join(KNOWN)}",
                    fix="Upgrade Tarragon, or set TARRAGON_HOME to another folder",
                )
            elif version != HEAD:
                migrate(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        where = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        try:
            with refusals("write to the store", where or Path("/")):
                yield
        except sa.exc.IntegrityError:
            raise  # a broken uniqueness is the caller's to explain
        except sa.exc.StatementError as error:
            if isinstance(error.orig, TarragonError):  # a value that cannot be written: no matter of the database
                raise error.orig from None
            raise self._explained(error.orig or error, where) from error
        except sqlite3.DatabaseError as error:
            raise self._explained(error, where) from error

    def _explained(self, error: BaseException, where: Path | None) -> StorageError:
        """Say what a database's refusal means; ``where`` is SQLite's file."""
        why = str(error).strip()
        if where is None:
            fix = "Check that the database server runs and that the URL in TARRAGON_STORE is right"
        elif "full" in why:
            return full("write to the store", where)
        elif "not a database" in why or "malformed" in why:
            fix = "Restore a copy, or move the file away: an empty store is made on the next run"
        else:
            fix = "Check the folder's permissions, and whether another process holds the file"
        return StorageError(f"The store {self.url.render_as_string(hide_password=True)} refused", why=why, fix=fix)


def migrate(connection: sa.Connection) -> None:
    """Bring an older store up to date inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: sa.Connection) -> str:
    if not sa.inspect(connection).has_table(VERSION.name):
        return ""
    return str(connection.scalar(sa.select(VERSION.c.version_num)) or "")


def _checked(url: str | sa.URL) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        backend = ""
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    raise ParameterError(
        "The store's URL cannot be used",
        why=f"it starts with {str(url).split(':')[0][:20]!r}; known are postgresql:// and sqlite:// with a file",
        fix="For example TARRAGON_STORE=postgresql://user@localhost/tarragon, or unset it to use SQLite",
    )


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        try:
            return sa.create_engine(url, pool_pre_ping=True)
        except ModuleNotFoundError:
            raise MissingExtraError(
                "PostgreSQL cannot be reached",
                why="its driver, psycopg, is not installed",
                fix="pip install 'tarragon[postgres]'",
            ) from None
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(raw: Any, _: object) -> None:
    """Set a fresh SQLite connection up; transactions are begun by us, not guessed by the driver."""
    raw.isolation_level = None
    write_ahead(raw, BUSY_S)
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")


def _begin(connection: sa.Connection) -> None:
    # A writer takes the write lock at once: taking it later would fail, not wait, when another has written meanwhile.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
