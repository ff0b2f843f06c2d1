"""Objects to folders and back; archives from somewhere."""

import io
import tarfile
import time
from pathlib import Path

import pytest

from tarragon.errors import DataError, ParameterError
from tarragon.train import transfer

from .conftest import Home


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member, b""


def test_packing_and_unpacking_is_a_round_trip_of_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "x").write_bytes(b"1")
    first = transfer.pack(tmp_path / "in", tmp_path / "a.tar.gz").read_bytes()
    time.sleep(1.1)
    (tmp_path / "in" / "deep" / "x").write_bytes(b"1")
    assert transfer.pack(tmp_path / "in", tmp_path / "b.tar.gz").read_bytes() == first
    transfer.unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "x").read_bytes() == b"1"


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../x"), b"1"), link("l", "/etc/passwd"), link("l", "../../x"),
        link("h", "../x", tarfile.LNKTYPE),
        link("dev", "", tarfile.CHRTYPE), link("fifo", "", tarfile.FIFOTYPE),
    ],
    ids=["parent", "absolute link", "link out", "hard link out", "device", "pipe"],
)  # fmt: skip
def test_a_hostile_archive_is_refused(tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(DataError):
        transfer.unpack(archive(tmp_path / "a.tar.gz", member), tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "x").exists()


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    transfer.unpack(archive(tmp_path / "a.tar.gz", (tarfile.TarInfo("/abs"), b"1")), tmp_path / "out")
    assert (tmp_path / "out" / "abs").read_bytes() == b"1"


def test_a_bomb_does_not_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SMALL_BYTES", 1 << 20)
    with pytest.raises(DataError, match="unpacks to more than"):
        transfer.unpack(archive(tmp_path / "a.tar.gz", (tarfile.TarInfo("x"), bytes(8 << 20))), tmp_path / "out")
    monkeypatch.setattr(transfer, "MOST_FILES", 3)
    many = [(tarfile.TarInfo(str(i)), b"") for i in range(5)]
    with pytest.raises(DataError, match="unpacks to more than"):
        transfer.unpack(archive(tmp_path / "b.tar.gz", *many), tmp_path / "many")


def test_what_is_no_archive_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be unpacked"):
        transfer.unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_folder_is_stored_and_again_only_where_it_changed(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x").write_bytes(b"1")
    (folder / "dangling").symlink_to("nowhere")
    seen: dict[str, tuple[int, int]] = {}
    assert transfer.upload(home.objects, folder, "s3://data/up/", seen) == 1
    assert home.objects.get("s3://data/up/deep/x") == b"1"
    assert transfer.upload(home.objects, folder, "s3://data/up/", seen) == 0
    (folder / "deep" / "x").write_bytes(b"22")
    assert transfer.upload(home.objects, folder, "s3://data/up/", seen) == 1
    assert transfer.upload(home.objects, tmp_path / "none", "s3://data/up") == 0


def test_outputs_need_their_bucket(home: Home, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="NoSuchBucket"):
        transfer.upload(home.objects, tmp_path, "s3://nowhere/x")


@pytest.mark.parametrize("uri", ["data/x", "http://data/x", "s3://", ""])
def test_what_is_no_uri(uri: str) -> None:
    with pytest.raises(DataError, match="no S3 URI"):
        transfer.parts(uri)


def test_keys_that_lead_out_of_a_folder_are_refused(home: Home, tmp_path: Path) -> None:
    home.objects.put("s3://data/odd/a", b"1")
    record = transfer.found(home.objects, "s3://data/odd/")[0]
    with pytest.raises(ParameterError):
        transfer.download(home.objects, ((record, "../a"),), tmp_path / "in")


def test_shards_are_apart_and_together_everything(home: Home) -> None:
    for i in range(7):
        home.objects.put(f"s3://data/many/{i}", b"")
        home.objects.put(f"s3://data/many/{i}", b"x")
    shares = [
        {name for _, name in transfer.chosen(home.objects, "s3://data/many/", "prefix", (rank, 3))} for rank in range(3)
    ]
    assert sorted(name for share in shares for name in share) == [str(i) for i in range(7)]
    assert [len(share) for share in shares] == [3, 2, 2]
