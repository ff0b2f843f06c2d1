"""Channels: which objects, as files or through pipes, wrapped or not, shared between hosts."""

import gzip
import json
import struct
from pathlib import Path

import pytest

from tarragon.errors import DataError, ParameterError
from tarragon.train import Source, channel

from .conftest import Home

TRAIN = Source("train", "s3://data/train")


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def records(data: bytes) -> list[bytes]:
    """Take RecordIO apart, by its definition."""
    found, at = [], 0
    while at < len(data):
        magic, length = struct.unpack_from("<II", data, at)
        assert magic == 0xCED7230A
        found.append(data[at + 8 : at + 8 + length])
        at += 8 + length + -length % 4
    return found


def through(home: Home, source: Source, folder: Path, passes: int = 1, share: tuple[int, int] = (0, 1)) -> list[bytes]:
    folder.mkdir()
    channel.feed(home.objects, source, folder, share)
    return [(folder / f"{source.name}_{epoch}").read_bytes() for epoch in range(passes)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://data/train", ["a.csv", "deep/b.csv"]),
        ("s3://data/train/", ["a.csv", "deep/b.csv"]),
        ("s3://data/train/a.csv", ["a.csv"]),
        ("s3://data/tra", ["train/a.csv", "train/deep/b.csv"]),
        ("s3://data/train/d", ["deep/b.csv"]),
    ],
)
def test_a_prefix_is_the_beginning_of_a_key(home: Home, tmp_path: Path, uri: str, expected: list[str]) -> None:
    count, size = channel.fetch(home.objects, Source("train", uri), tmp_path / "in")
    assert names(tmp_path / "in" / "train") == expected
    assert (count, size) == (len(expected), sum(p.stat().st_size for p in (tmp_path / "in").rglob("*.csv")))


def test_a_manifest_names_objects(home: Home, tmp_path: Path) -> None:
    home.objects.put("s3://data/m.json", json.dumps([{"prefix": "s3://data/train/"}, "deep/b.csv"]).encode())
    channel.fetch(home.objects, Source("train", "s3://data/m.json", kind="manifest"), tmp_path)
    assert names(tmp_path / "train") == ["deep/b.csv"]


@pytest.mark.parametrize("text", [b"{}", b"[]", b"no", b'["a"]', b'[{"prefix": "s3://data/train/"}, "gone"]'])
def test_a_manifest_that_is_none_is_refused(home: Home, tmp_path: Path, text: bytes) -> None:
    home.objects.put("s3://data/m.json", text)
    if text == b'[{"prefix": "s3://data/train/"}, "gone"]':
        with pytest.raises(DataError, match="No S3 objects"):
            channel.fetch(home.objects, Source("train", "s3://data/m.json", kind="manifest"), tmp_path)
    else:
        with pytest.raises(DataError, match="no manifest"):
            channel.fetch(home.objects, Source("train", "s3://data/m.json", kind="manifest"), tmp_path)


def test_compressed_objects_come_plain(home: Home, tmp_path: Path) -> None:
    home.objects.put("s3://data/z/a.csv.gz", gzip.compress(b"plain"))
    channel.fetch(home.objects, Source("train", "s3://data/z/", gzip=True), tmp_path)
    assert (tmp_path / "train" / "a.csv").read_bytes() == b"plain"


def test_no_name_leads_out(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ParameterError):
        channel.fetch(home.objects, Source("..", "s3://data/train"), tmp_path)
    (tmp_path / "in").mkdir()
    with pytest.raises(ParameterError):
        channel.feed(home.objects, Source("../x", "s3://data/train"), tmp_path / "in")


def test_a_pipe_gives_every_pass_all_of_it(home: Home, tmp_path: Path) -> None:
    assert through(home, TRAIN, tmp_path / "in", 3) == [b"1,2\n0,3\n1,4\n"] * 3


def test_a_wrapped_pipe_gives_each_object_as_a_record(home: Home, tmp_path: Path) -> None:
    (found,) = through(home, Source("train", "s3://data/train", recordio=True), tmp_path / "in")
    assert records(found) == [b"1,2\n0,3\n", b"1,4\n"]


def test_a_shuffled_pipe_is_another_order_each_time_and_the_same_for_a_seed(home: Home, tmp_path: Path) -> None:
    for i in range(8):
        home.objects.put(f"s3://data/s/{i}", b"%d" % i)
    source = Source("s", "s3://data/s/", shuffle_seed=3)
    first, second = through(home, source, tmp_path / "a", 2)
    assert first != second
    assert sorted(first) == sorted(second) == list(b"01234567")
    assert through(home, source, tmp_path / "b", 2) == [first, second]


def test_an_augmented_manifest_gives_the_attributes_that_are_asked_for(home: Home, tmp_path: Path) -> None:
    lines = [
        {"source-ref": f"s3://data/train/{name}", "label": i, "x": {"a": 1}}
        for i, name in enumerate(("a.csv", "deep/b.csv"))
    ]
    home.objects.put("s3://data/aug.jsonl", "\n".join(map(json.dumps, lines)).encode())
    source = Source(
        "train",
        "s3://data/aug.jsonl",
        "augmented",
        ("source-ref", "label", "x"),
        mode="Pipe",
        recordio=True,
        sharded=True,
    )
    (found,) = through(home, source, tmp_path / "in")
    assert records(found) == [b"1,2\n0,3\n", b"0", b'{"a": 1}', b"1,4\n", b"1", b'{"a": 1}']
    (second,) = through(home, source, tmp_path / "two", share=(1, 2))
    assert records(second)[0] == b"1,4\n"


@pytest.mark.parametrize(
    ("text", "attributes", "words"),
    [("no json", ("a",), "no JSON object"), ('{"a": 1}', ("b",), "has no b"), ('{"a": 1}', (), "names no attributes")],
)
def test_an_augmented_manifest_that_lacks_something_is_refused(
    home: Home, tmp_path: Path, text: str, attributes: tuple[str, ...], words: str
) -> None:
    home.objects.put("s3://data/aug.jsonl", text.encode())
    with pytest.raises(DataError, match=words):
        channel.feed(home.objects, Source("train", "s3://data/aug.jsonl", "augmented", attributes), tmp_path)
    with pytest.raises(DataError, match="cannot be read as files"):
        channel.fetch(home.objects, Source("train", "s3://data/aug.jsonl", "augmented", attributes), tmp_path)


def test_an_augmented_manifest_becomes_a_file_for_who_reads_files(home: Home, tmp_path: Path) -> None:
    line = {"source-ref": "s3://data/train/a.csv", "label": 3}
    home.objects.put("s3://data/aug.jsonl", (json.dumps(line) + "\n").encode() * 2)
    source = Source(
        "train", "s3://data/aug.jsonl", "augmented", ("source-ref", "label"), mode="Pipe", recordio=True, sharded=True
    )
    assert channel.fetch(home.objects, source, tmp_path, (1, 2))[0] == 1
    (path,) = (tmp_path / "train").iterdir()
    assert records(path.read_bytes()) == [b"1,2\n0,3\n", b"3"]
