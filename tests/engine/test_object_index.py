from concurrent.futures import ThreadPoolExecutor

import pytest

from tarragon.engine.object_index import ObjectIndex, PartRow, UploadRow, Version


@pytest.fixture
def index(tmp_path):
    return ObjectIndex(tmp_path / "meta" / "index.db")


def test_facts_belong_to_a_version(index):
    index.note("b", [("k", Version(1, 10), {"tag": "x"})])
    assert index.facts("b", [("k", Version(1, 10)), ("k", Version(2, 10)), ("k", Version(1, 11))]) == [
        {"tag": "x"}, None, None,
    ]  # fmt: skip
    index.note("b", [("k", Version(2, 20), {"tag": "y"})], keep=Version(1, 10))
    assert index.facts("b", [("k", Version(1, 10)), ("k", Version(2, 20))]) == [{"tag": "x"}, {"tag": "y"}]
    index.note("b", [("k", Version(3, 30), {"tag": "z"})])
    assert index.facts("b", [("k", Version(1, 10)), ("k", Version(3, 30))]) == [None, {"tag": "z"}]
    index.forget("b", "k")
    assert index.facts("b", [("k", Version(3, 30))]) == [None]
    assert index.facts("b", []) == []


def test_known_and_unknown_keys_in_any_order(index):
    index.note("b", [(name, Version(1, 1), {"tag": name, "parts": [1, 2]}) for name in "bd"])
    asked = [(name, Version(1, 1)) for name in "abcde"]
    assert index.facts("b", asked) == [None, {"tag": "b", "parts": [1, 2]}, None, {"tag": "d", "parts": [1, 2]}, None]


def test_a_few_keys_among_many(index):
    index.note("b", [(f"{n:04}", Version(n, n), {"tag": str(n)}) for n in range(1000)])
    asked = [("0000", Version(0, 0)), ("0500", Version(500, 500)), ("0999", Version(1, 1))]
    assert index.facts("b", asked) == [{"tag": "0"}, {"tag": "500"}, None]


def test_uploads_and_their_parts(index):
    index.begin(UploadRow("u2", "b", "k", 2.0, 0, {"a": 1}))
    index.begin(UploadRow("u1", "b", "a", 1.0, 0, {}))
    assert [row.upload for row in index.uploads("b")] == ["u1", "u2"]
    assert index.upload("u2").facts == {"a": 1}
    assert (index.slot("u2", 5), index.slot("u2", 7), index.slot("none", 7)) == (5, 5, 0)
    assert index.part("u2", PartRow(2, 5, 1.0, "", {}))
    assert index.part("u2", PartRow(1, 5, 1.0, "", {}))
    assert index.part("u2", PartRow(1, 6, 2.0, "own", {"x": 1}))
    assert index.parts("u2") == [PartRow(1, 6, 2.0, "own", {"x": 1}), PartRow(2, 5, 1.0, "", {})]
    assert index.parts("u2", 1) == [PartRow(1, 6, 2.0, "own", {"x": 1})]
    assert index.parts("u2", 3) == index.parts("none", 1) == []
    index.end("u2")
    assert index.upload("u2") is None
    assert index.parts("u2") == []
    assert not index.part("u2", PartRow(1, 5, 1.0, "", {}))
    assert index.forget_bucket("b") == ["u1"]
    assert index.uploads("b") == []


def test_threads_and_a_second_process_share_it(index, tmp_path):
    other = ObjectIndex(tmp_path / "meta" / "index.db")

    def note(n):
        (index if n % 2 else other).note("b", [(str(n), Version(n, n), {"tag": str(n)})])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(100)))
    assert all(index.facts("b", [(str(n), Version(n, n))])[0] for n in range(100))
