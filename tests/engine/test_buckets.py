import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tarragon.engine import Buckets, Objects, Wanted, blocks, buckets_in
from tarragon.engine.buckets import HASHED_BYTES
from tarragon.errors import ConflictError, NotFoundError, ParameterError


@pytest.fixture
def buckets(tmp_path):
    made = Buckets(tmp_path)
    made.make("data")
    return made


def put(buckets, key, data=b"x", check=None, **facts):
    draft = buckets.draft()
    try:
        draft.write(data)
        return buckets.keep(draft, ("data", key), {"tag": draft.md5.hex(), **facts}, check)
    finally:
        draft.discard()


def read(buckets, key):
    file, stored = buckets.open("data", key)
    with file:
        return file.read(), stored


def pages(buckets, prefix="", delimiter="", limit=1, after=""):
    got = []
    while True:
        page = buckets.page("data", Wanted(prefix, after, delimiter, limit))
        got += sorted([*(each.key for each in page.objects), *page.prefixes], key=str.encode)
        if not page.more:
            return got
        after = page.last


def test_buckets(tmp_path):
    buckets = Buckets(tmp_path / "new")
    assert buckets.names() == []
    assert buckets.make("one")
    assert not buckets.make("one")
    assert [name for name, _ in buckets.names()] == ["one"]
    assert buckets.exists("one")
    for name in (".meta", ".making", "..", "../x", "A", "", "x" * 64):
        assert not buckets.exists(name)
        with pytest.raises(ParameterError):
            buckets.make(name)
        with pytest.raises(ParameterError):
            buckets.open(name, "x")
    buckets.remove("one")
    assert not buckets.exists("one")
    assert buckets_in(tmp_path) is buckets_in(tmp_path)


def test_a_bucket_with_objects_stays(buckets):
    put(buckets, "a")
    with pytest.raises(ConflictError, match="not empty"):
        buckets.remove("data")


def test_bytes_and_facts_come_back(buckets):
    stored = put(buckets, "a/b", b"hello", kind="text")
    data, again = read(buckets, "a/b")
    assert data == b"hello"
    assert again == stored == buckets.stat("data", "a/b")
    assert (again.tag, again.facts["kind"], again.size_bytes) == (hashlib.md5(b"hello").hexdigest(), "text", 5)
    assert Objects(buckets.root).get("data/a/b") == b"hello"
    with pytest.raises(NotFoundError):
        buckets.stat("data", "a")
    assert buckets.find("data", "a") is None


def test_facts_survive_a_restart(buckets, tmp_path):
    put(buckets, "a", kind="text")
    assert Buckets(tmp_path).stat("data", "a").facts["kind"] == "text"


def test_a_file_changed_by_hand_has_new_facts(buckets, tmp_path):
    put(buckets, "a", b"one", kind="text")
    (tmp_path / "data" / "a").write_bytes(b"other")
    stored = buckets.stat("data", "a")
    assert (stored.tag, stored.size_bytes, stored.facts) == (
        hashlib.md5(b"other").hexdigest(), 5, {"tag": hashlib.md5(b"other").hexdigest()},
    )  # fmt: skip
    Objects(tmp_path).put("data/a", b"native")
    assert buckets.stat("data", "a").tag == hashlib.md5(b"native").hexdigest()


def test_a_large_file_put_there_by_hand_has_one_tag_everywhere(buckets, tmp_path):
    with open(tmp_path / "data" / "large", "wb") as file:
        file.truncate(HASHED_BYTES + 1)
    tag = buckets.stat("data", "large").tag
    assert tag.endswith("-2")
    assert buckets.page("data", Wanted()).objects[0].tag == tag


def test_editing_facts(buckets):
    put(buckets, "a", b"one", kind="text")
    edited = buckets.edit("data", "a", lambda stored: {**stored.facts, "tags": {"x": "y"}})
    assert buckets.stat("data", "a") == edited
    assert edited.facts["tags"] == {"x": "y"}
    with pytest.raises(NotFoundError):
        buckets.edit("data", "b", lambda stored: {})


def test_a_check_decides_with_nothing_in_between(buckets):
    """Of many who create a key only if it is not there, one does."""

    def absent(stored):
        if stored is not None:
            raise ConflictError("there")

    def attempt(n):
        try:
            put(buckets, "once", str(n).encode(), absent)
        except ConflictError:
            return None
        return str(n).encode()

    with ThreadPoolExecutor(8) as pool:
        won = [data for data in pool.map(attempt, range(30)) if data is not None]
    assert [read(buckets, "once")[0]] == won
    assert os.listdir(buckets.root / ".making") == []


def test_readers_see_whole_objects_with_their_own_facts(buckets):
    put(buckets, "x", b"0" * 100_000, n="0")
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number = (number + 1) % 10
            put(buckets, "x", str(number).encode() * (100_000 + number), n=str(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            data, stored = read(buckets, "x")
            assert data == stored.facts["n"].encode() * stored.size_bytes
            assert stored.tag == hashlib.md5(data).hexdigest()
    finally:
        stop.set()
        writer.join()


def test_deleting(buckets, tmp_path):
    for key in ("a", "a/b", "a/", "c/d/e"):
        put(buckets, key)
    for key in ("a", "a/b", "a/", "c/d/e"):
        assert buckets.delete("data", key)
        assert not buckets.delete("data", key)
    assert os.listdir(tmp_path / "data") == []


def test_folders_made_and_removed_at_once(buckets):
    def churn(n):
        for _ in range(20):
            put(buckets, f"deep/er/{n}")
            buckets.delete("data", f"deep/er/{n}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert buckets.page("data", Wanted()).objects == ()


def test_pages_with_and_without_delimiters(buckets):
    keys = ["a", "a/b", "a/", "a//c", "b", "c/d/e", "c/d/f", "c-d", "c.d/x", "é/x", "z"]
    for key in keys:
        put(buckets, key)
    for limit in (1, 2, 100):
        for prefix in ("", "a", "a/", "c", "c/d/", "nothing"):
            for delimiter in ("", "/", "d", "/d"):
                expected = []
                for key in sorted((k for k in keys if k.startswith(prefix)), key=str.encode):
                    at = key.find(delimiter, len(prefix)) if delimiter else -1
                    rolled = key if at < 0 else key[: at + len(delimiter)]
                    if rolled not in expected:
                        expected.append(rolled)
                assert pages(buckets, prefix, delimiter, limit) == expected, (prefix, delimiter)
    assert pages(buckets, after="c.d/x") == ["c/d/e", "c/d/f", "z", "é/x"]
    assert pages(buckets, delimiter="/", after="c/d/e") == ["c/", "z", "é/"]


def test_keys_too_long_for_the_disk_are_refused(buckets):
    with pytest.raises((ParameterError, OSError)):
        put(buckets, "/".join(["\x01" * 200] * 20))


def test_blocks(tmp_path):
    (tmp_path / "f").write_bytes(b"0123456789")
    with open(tmp_path / "f", "rb") as file:
        assert b"".join(blocks(file, 2, 5)) == b"23456"
        assert list(blocks(file, 20, 5)) == []
