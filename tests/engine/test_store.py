import math
import os
import sqlite3
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from tarragon.engine import Store
from tarragon.engine.schema import HEAD, KNOWN, Json, audit, canonical, metadata, packages
from tarragon.errors import MissingExtraError, ParameterError, StorageError


@pytest.fixture
def store(store_url):
    opened = Store(store_url)
    yield opened
    opened.close()


def _package(version, **more):
    row = {"group": "churn", "version": version, "manifest": {}, "approval": "Approved", "created": 0.0, "updated": 0.0}
    return sa.insert(packages).values(**(row | more))


def _versions(store):
    with store.read() as connection:
        return list(connection.scalars(sa.select(packages.c.version).order_by(packages.c.version)))


def test_a_transaction_is_all_or_nothing(store):
    with store.begin() as connection:
        connection.execute(_package(1))

    def add_three():
        with store.begin() as connection:
            for version in (2, 3, 1):
                connection.execute(_package(version))

    with pytest.raises(sa.exc.IntegrityError):
        add_three()
    assert _versions(store) == [1]


def test_uniqueness_is_the_callers_to_explain(store):
    with store.begin() as connection:
        connection.execute(_package(1))
    with pytest.raises(sa.exc.IntegrityError), store.begin() as connection:
        connection.execute(_package(1))


def test_json_comes_back_whatever_is_in_it(store):
    manifest = {"nan": math.nan, "text": "\0 \ud800 é", "big": 10**30, "list": [1, None, True, 0.1], "map": {"b": {}}}
    with store.begin() as connection:
        connection.execute(_package(1, manifest=manifest))
    with store.read() as connection:
        assert repr(connection.scalar(sa.select(packages.c.manifest))) == repr(dict(sorted(manifest.items())))


def test_canonical_json_does_not_depend_on_order():
    assert canonical({"b": 1, "a": {"d": 1, "c": 2}}) == canonical({"a": {"c": 2, "d": 1}, "b": 1})


def test_a_reader_sees_what_was_there_when_it_began(store):
    with store.read() as connection:
        count = sa.select(sa.func.count()).select_from(packages)
        before = connection.scalar(count)
        with store.begin() as writer:
            writer.execute(_package(1))
        assert connection.scalar(count) == before == 0
    assert _versions(store) == [1]


def test_many_writers_lose_nothing(store_url):
    """Chains of rows, each made from the one before, by several threads with stores of their own."""

    def write():
        mine = Store(store_url)
        for _ in range(10):
            with mine.begin(only="audit") as connection:
                last = connection.scalar(sa.select(sa.func.max(audit.c.seq))) or 0
                row = {"time": 0.0, "actor": "", "action": "", "subject": "", "payload": {}, "previous_sha256": ""}
                connection.execute(sa.insert(audit).values(seq=last + 1, sha256=str(last + 1), **row))
        mine.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(store_url)
    with store.read() as connection:
        assert list(connection.scalars(sa.select(audit.c.seq).order_by(audit.c.seq))) == list(range(1, 41))
    store.close()


def test_opened_by_several_processes_at_once(store_url):
    code = "import sys; from tarragon.engine import Store; Store(sys.argv[1]).close()"
    children = [subprocess.Popen([sys.executable, "-c", code, store_url]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]


def test_migrations_and_declared_tables_agree(store_url):
    """The versions written out one after the other end at exactly the tables of ``schema.py``."""
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from tarragon.engine import store as module

    script = ScriptDirectory(os.path.join(os.path.dirname(module.__file__), "migrations"))
    assert script.get_current_head() == HEAD
    assert tuple(each.revision for each in reversed(list(script.walk_revisions()))) == KNOWN
    assert Config
    engine = module._engine(module._checked(store_url))
    with engine.begin() as connection:
        module.migrate(connection)
        assert module._version(connection) == HEAD
        options = {
            "compare_type": lambda context, inspected, declared, *types: not isinstance(declared.type, Json) and None
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        found = sa.inspect(connection)
        for table in metadata.sorted_tables:
            assert [c["name"] for c in found.get_columns(table.name)] == [c.name for c in table.columns]
            assert [c["nullable"] for c in found.get_columns(table.name)] == [c.nullable for c in table.columns]
            declared = {c.name for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
            assert {c["name"] for c in found.get_unique_constraints(table.name)} == declared
    engine.dispose()
    Store(store_url).close()  # and is accepted as it is


def test_an_older_store_is_migrated(store_url, monkeypatch):
    from tarragon.engine import store as module

    Store(store_url).close()
    engine = module._engine(module._checked(store_url))
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.update(module.VERSION).values(version_num="0000"))
        connection.execute(sa.delete(module.VERSION))
        connection.execute(sa.insert(module.VERSION).values(version_num="0000"))
    engine.dispose()
    called = []
    monkeypatch.setattr(module, "KNOWN", ("0000", *KNOWN))
    monkeypatch.setattr(module, "migrate", lambda connection: called.append(connection.dialect.name))
    Store(store_url).close()
    assert called == [module._checked(store_url).get_backend_name()]


def test_a_newer_store_is_left_alone(store_url):
    from tarragon.engine import store as module

    Store(store_url).close()
    engine = module._engine(module._checked(store_url))
    with engine.begin() as connection:
        connection.execute(sa.update(module.VERSION).values(version_num="9999"))
    engine.dispose()
    with pytest.raises(StorageError, match="its schema is 9999"):
        Store(store_url)


def test_sqlite_is_set_up_to_keep_its_promise(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    store.close()


def test_a_full_disk_is_explained(tmp_path):
    """A page limit makes SQLite run out of room in earnest."""
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")

    def fill():
        with store.begin() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            connection.execute(_package(1, manifest={"x": "y" * 1_000_000}))

    with pytest.raises(StorageError, match=r"is full.*Free some space"):
        fill()
    assert _versions(store) == []
    store.close()


def test_a_damaged_file_is_explained(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database " * 1000)
    with pytest.raises(StorageError, match="not a database"):
        Store(f"sqlite:///{tmp_path / 'x.db'}")


def test_a_locked_file_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr("tarragon.engine.store.BUSY_S", 0.05)
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"locked.*another process"), store.begin():
        pass
    assert _versions(store) == []  # reading waits for nobody
    other.execute("ROLLBACK")
    other.close()
    store.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense", "sqlite:///:memory:"])
def test_urls_that_are_none(url):
    with pytest.raises(ParameterError, match="URL cannot be used"):
        Store(url)


def test_a_missing_driver_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"tarragon\[postgres\]"):
        Store("postgresql://somebody@localhost/x")


def test_a_server_that_is_not_there_and_no_password_shown():
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError) as caught:
        Store("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)
    assert "TARRAGON_STORE" in str(caught.value)
