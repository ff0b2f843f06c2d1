"""Pairs are read from every format, and what is no pair is refused with its row."""

import hashlib
import ipaddress
import json
import random
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import AddressPairs, entity_hash, read_pair_files, read_pairs
from tarragon.errors import DataError

ROWS = [["ann", "192.0.2.1"], ["bob", "10.0.0.255"], ["ann", "0.0.0.0"], ["Zoë, x", "255.255.255.255"]]


def test_addresses_are_their_32_bits() -> None:
    dice = random.Random(0)
    texts = [str(ipaddress.IPv4Address(dice.getrandbits(32))) for _ in range(500)]
    found = AddressPairs.of([["e", text] for text in texts])
    assert found.address.tolist() == [int(ipaddress.IPv4Address(text)) for text in texts]


def test_hashes_are_the_digests_first_bytes() -> None:
    expected = [int.from_bytes(hashlib.blake2b(r[0].encode(), digest_size=8).digest(), "little") for r in ROWS]
    assert AddressPairs.of(ROWS).entity.tolist() == expected
    assert entity_hash("ann") == expected[0]
    assert len({entity_hash(str(i)) % 1_000_003 for i in range(1_000)}) > 990


@pytest.mark.parametrize("kind", ["text/csv", "application/json", "nested", "plain", "application/jsonlines"])
def test_every_format_holds_the_same_pairs(kind: str) -> None:
    features = [{"features": row} for row in ROWS]
    body = {
        "text/csv": "\n".join(f'"{e}", {a} ' for e, a in ROWS),
        "application/json": json.dumps({"instances": features}),
        "nested": json.dumps({"instances": [{"data": {"features": {"values": row}}} for row in ROWS]}),
        "plain": json.dumps(ROWS),
        "application/jsonlines": "\n".join(map(json.dumps, features)),
    }[kind]
    found = read_pairs(body.encode(), kind if "/" in kind else "application/json")
    expected = AddressPairs.of(ROWS)
    np.testing.assert_array_equal(found.entity, expected.entity)
    np.testing.assert_array_equal(found.address, expected.address)
    assert found.n_rows == 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a,1.2.3.4\nb,2001:db8::1\n", r"Row 2 .*'2001:db8::1' is an IPv6"),
        ("a,1.2.3.4\nb,1.2.3.256\n", r"Row 2 .*no IPv4"), ("a,1.2.3\n", "Row 1"), ("a,1.2.3.4.5\n", "Row 1"),
        ("a,1.2.3.04\n", "Row 1"), ("a,1.2.3.4\n,1.2.3.4\n", "Row 2 .*no entity"), ("a,\n", "Row 1 .*no address"),
        ("a,localhost\n", "'localhost'"), ("a\nb\n", "two columns"), ("a,1.2.3.4,9\n", "two columns"),
        ("a,1.2.3.4\nb,1.2.3.4,5\n", "two columns"), ("  \n", "no rows"),
    ],
)  # fmt: skip
def test_rows_that_are_no_pairs_are_named(body: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_pairs(body.encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "JSON"), ("{}", "instances"), ('{"instances": []}', "instances"), ('{"instances": [{"x": 1}]}', "Row 1"),
        ('{"instances": [{"features": ["a", "1.2.3.4"]}, {"features": ["a", 7]}]}', "Row 2"),
        ('{"instances": [{"features": ["a"]}]}', "Row 1"), ("[3]", "Row 1"), ('["a", "1.2.3.4"]', "Row 1"),
    ],
)  # fmt: skip
def test_json_that_holds_no_pairs_is_refused(body: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_pairs(body.encode(), "application/json")


def test_other_content_types_are_refused() -> None:
    with pytest.raises(DataError, match="holds no pairs"):
        read_pairs(b"x", "application/x-recordio-protobuf")


def test_files_follow_each_other_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("bob,10.0.0.255\n")
    (tmp_path / "a.csv").write_text("ann,192.0.2.1\n")
    (tmp_path / "c.csv").write_text("")
    found = read_pair_files([tmp_path])
    assert found.address.tolist() == AddressPairs.of(ROWS[:2]).address.tolist()
    (tmp_path / "c.csv").write_text("eve,::1\n")
    with pytest.raises(DataError, match=r"c\.csv: Row 1"):
        read_pair_files([tmp_path])
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "x.csv").write_text("")
    with pytest.raises(DataError, match="no rows"):
        read_pair_files([empty])
