import os
import threading
import time

import pytest

from tarragon.engine import Objects
from tarragon.engine.local_files import MAKING
from tarragon.errors import ConflictError, MissingExtraError, NotFoundError, ParameterError, StorageError


@pytest.fixture(params=["folder", "memory"])
def objects(request, tmp_path):
    if request.param == "folder":
        return Objects(tmp_path / "objects")
    return Objects(f"memory://{tmp_path.name}")


@pytest.mark.contract
class TestObjects:
    def test_bytes_come_back(self, objects):
        record = objects.put("s3://data/a/b.csv", b"1,2")
        assert (record.uri, record.size_bytes) == ("s3://data/a/b.csv", 3)
        assert record.modified > time.time() - 60
        assert objects.get("data/a/b.csv") == b"1,2"
        with objects.open("s3://data/a/b.csv") as file:
            file.seek(2)
            assert file.read() == b"2"
        assert objects.stat("data/a/b.csv") == objects.stat("s3://data/a/b.csv")

    def test_files_come_back(self, objects, tmp_path):
        (tmp_path / "big").write_bytes(os.urandom(3_000_000))
        objects.put("data/big", tmp_path / "big")
        assert objects.get("data/big") == (tmp_path / "big").read_bytes()

    def test_what_was_there_is_replaced(self, objects):
        objects.put("data/x", b"old and long")
        objects.put("data/x", b"new")
        assert objects.get("data/x") == b"new"
        assert len(objects.list("data")) == 1

    def test_lists_are_sorted_and_by_prefix(self, objects):
        for key in ("b/2", "b/1", "a", "b-c/3", "c"):
            objects.put(f"data/{key}", b"")
        assert [each.uri for each in objects.list("data")] == [
            f"s3://data/{key}" for key in ("a", "b-c/3", "b/1", "b/2", "c")
        ]
        assert [each.uri for each in objects.list("s3://data/b")] == [f"s3://data/{k}" for k in ("b-c/3", "b/1", "b/2")]
        assert [each.uri for each in objects.list("data/b/")] == ["s3://data/b/1", "s3://data/b/2"]
        assert objects.list("data/nothing") == ()
        assert objects.list("nothing") == ()

    def test_deleting(self, objects):
        objects.put("data/a/b/c", b"1")
        objects.put("data/a/d", b"1")
        objects.delete("data/a/b/c")
        objects.delete("data/a/b/c")
        objects.delete("data/a")
        assert [each.uri for each in objects.list("data")] == ["s3://data/a/d"]
        assert not objects.exists("data/a/b/c")
        objects.put("data/a/b", b"a folder no more")

    def test_what_is_not_there_is_suggested(self, objects):
        objects.put("data/model.tar", b"")
        for act in (objects.get, objects.stat, lambda uri: objects.open(uri).__enter__()):
            with pytest.raises(NotFoundError, match="Did you mean"):
                act("data/modle.tar")
        with pytest.raises(NotFoundError, match="is empty"):
            objects.get("elsewhere/x")

    def test_a_folder_goes_there_and_back(self, objects, tmp_path):
        source = tmp_path / "source"
        (source / "deep").mkdir(parents=True)
        (source / "a").write_bytes(b"1")
        (source / "deep" / "b").write_bytes(b"2")
        stored = objects.put_folder("s3://models/churn/1", source)
        assert [each.uri for each in stored] == ["s3://models/churn/1/a", "s3://models/churn/1/deep/b"]
        copied = objects.get_folder("models/churn/1/", tmp_path / "back")
        assert [path.relative_to((tmp_path / "back").resolve()).as_posix() for path in copied] == ["a", "deep/b"]
        assert (tmp_path / "back" / "deep" / "b").read_bytes() == b"2"
        with pytest.raises(ConflictError, match="already"):
            objects.put_folder("models/churn/1", source)
        with pytest.raises(NotFoundError):
            objects.get_folder("models/churn/2", tmp_path / "back")

    @pytest.mark.parametrize(
        "uri",
        [
            "data/../x", "data/%2e%2e/x", "data/a/%2E%2E/%2e%2e/x", "data//etc/passwd", "data/a\0b", "data/a%00b",
            "data/", "data", "../x", "..", "/etc/passwd", "s3:///x", "Data/x", "a/x", ".making/x", "da..ta/x",
            "data/a\\..\\x",
            "data/" + "x/" * 600 + "x",
        ],
    )  # fmt: skip
    def test_hostile_names_are_refused_by_every_call(self, objects, tmp_path, uri):
        for act in (objects.get, objects.stat, objects.delete, lambda uri: objects.put(uri, b"x")):
            with pytest.raises(ParameterError):
                act(uri)
        with pytest.raises(ParameterError):
            objects.put_folder(uri + "/.", tmp_path)


@pytest.fixture
def local(tmp_path):
    return Objects(tmp_path / "objects")


def test_objects_are_plain_files(local, tmp_path):
    local.put("data/a/b.csv", b"1")
    assert (tmp_path / "objects" / "data" / "a" / "b.csv").read_bytes() == b"1"
    assert local.local("s3://data/a") == tmp_path.resolve() / "objects" / "data" / "a"
    assert Objects("memory://x").local("data/a") is None


def test_a_reader_never_sees_half_an_object(local):
    """While one thread replaces an object, every read is one of the whole values."""
    local.put("data/x", b"0" * 500_000)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number = (number + 1) % 10
            local.put("data/x", str(number).encode() * 500_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            read = local.get("data/x")
            assert len(read) == 500_000
            assert len(set(read)) == 1
    finally:
        stop.set()
        writer.join()


def test_an_object_cannot_be_a_folder_too(local):
    local.put("data/a", b"1")
    with pytest.raises(ConflictError, match="not also a folder"):
        local.put("data/a/b", b"1")
    local.put("data/c/d", b"1")
    with pytest.raises(ConflictError, match="not also a folder"):
        local.put("data/c", b"1")
    with pytest.raises(NotFoundError):
        local.get("data/c")


def test_a_link_does_not_lead_out(local, tmp_path):
    local.put("data/a", b"1")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "objects" / "data" / "out").symlink_to(tmp_path)
    with pytest.raises(ParameterError, match="leads out"):
        local.get("data/out/secret")


def test_a_folder_is_stored_as_a_whole_or_not_at_all(local, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(b"1")

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tarragon.engine.local_files.flush", full)
    with pytest.raises(StorageError, match="is full"):
        local.put_folder("models/churn/1", source)
    assert local.list("models") == ()
    assert os.listdir(tmp_path / "objects" / MAKING) == []


def test_what_a_killed_writer_left_is_swept_and_never_listed(local, tmp_path):
    from tarragon.engine.identity import myself

    local.put("data/a", b"1")
    host, realm, pid, started = myself().rsplit(".", 3)
    left = tmp_path / "objects" / MAKING / f".a~{host}.{realm}.{pid}.{int(started) - 1}~00.tmp"
    left.write_bytes(b"half")
    assert len(local.list("data")) == 1
    Objects(tmp_path / "objects")
    assert not left.exists()


def test_stores_that_are_none():
    with pytest.raises(StorageError, match="no object store"):
        Objects("nonsense://x")


def test_a_missing_package_is_named(monkeypatch):
    import fsspec

    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(MissingExtraError, match=r"tarragon\[s3\]"):
        Objects("s3://bucket")
