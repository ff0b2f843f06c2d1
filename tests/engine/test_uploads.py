import os
import shutil

import pytest

from tarragon.engine import Buckets, Uploads, buckets_in, uploads_in
from tarragon.engine.object_index import ObjectIndex
from tarragon.errors import ConflictError, NotFoundError


@pytest.fixture
def buckets(tmp_path):
    made = Buckets(tmp_path)
    made.make("data")
    return made


@pytest.fixture
def uploads(buckets):
    return Uploads(buckets)


def begun(uploads, key="k"):
    return uploads.begin("data", key, {}, 1.0)


def part(uploads, row, number, data, told=None):
    draft = uploads.draft(row, number, len(data) if told is None else told)
    draft.write(data)
    uploads.keep(row, number, draft, (2.0, {"md5": draft.md5.hex()}))
    return draft


def completed(uploads, row, buckets, check=None):
    fresh = uploads.find(row.bucket, row.key, row.upload)
    stored = uploads.complete(fresh, uploads.parts(fresh), {"tag": "t-1"}, check)
    file, again = buckets.open("data", row.key)
    with file:
        assert again == stored
        return file.read()


def test_parts_in_their_places_need_no_copy(uploads, buckets, monkeypatch):
    row = begun(uploads)
    for number, data in ((1, b"aaa"), (3, b"c"), (2, b"bbb")):
        assert part(uploads, row, number, data).path.name == "whole"
    monkeypatch.setattr(Uploads, "_joined", None)
    assert completed(uploads, row, buckets) == b"aaabbbc"
    assert os.listdir(buckets.root / ".meta" / "uploads") == []
    with pytest.raises(NotFoundError):
        uploads.find("data", "k", row.upload)


@pytest.mark.parametrize(
    "sent",
    [
        [(2, b"b"), (1, b"aaa")],  # the short last part comes first: others do not fit its place
        [(1, b"aaa"), (2, b"bbb"), (2, b"BBB")],  # a part sent again
        [(1, b"aaa"), (5, b"bbb"), (9, b"c")],  # numbers with gaps
        [(1, b"a"), (2, b"bbbbb"), (3, b"cc")],
        [(1, b"aaa"), (2, b"")],
        [(1, b"")],
    ],
)
def test_parts_of_any_kind_are_put_together(uploads, buckets, sent):
    row = begun(uploads)
    for number, data in sent:
        part(uploads, row, number, data)
    assert completed(uploads, row, buckets) == b"".join(data for _, data in sorted(dict(sent).items()))


def test_fewer_parts_may_be_chosen(uploads, buckets):
    row = begun(uploads)
    for number in (1, 2, 3):
        part(uploads, row, number, b"%d" % number * 3)
    fresh = uploads.find("data", "k", row.upload)
    chosen = [each for each in uploads.parts(fresh) if each.number != 2]
    uploads.complete(fresh, chosen, {"tag": "t-1"})
    file, _ = buckets.open("data", "k")
    assert file.read() == b"111333"


def test_a_part_that_broke_off_spoils_nothing(uploads, buckets):
    row = begun(uploads)
    part(uploads, row, 1, b"aaa")
    broken = uploads.draft(row, 2, 3)
    broken.write(b"xx")
    uploads.drop(row, 2, broken)
    again = uploads.draft(row, 1, 3)  # the first, sent again, breaks off as well: what was kept must stay
    again.write(b"xx")
    uploads.drop(row, 1, again)
    part(uploads, row, 2, b"bbb")
    assert completed(uploads, row, buckets) == b"aaabbb"


def test_two_at_once_for_the_same_part(uploads, buckets):
    row = begun(uploads)
    one, other = uploads.draft(row, 1, 3), uploads.draft(row, 1, 3)
    other.write(b"222")
    one.write(b"111")
    uploads.keep(row, 1, one, (1.0, {}))
    uploads.keep(row, 1, other, (2.0, {}))
    assert completed(uploads, row, buckets) == b"222"


def test_a_part_still_coming_never_writes_into_the_object(uploads, buckets):
    row = begun(uploads)
    part(uploads, row, 1, b"aaa")
    late = uploads.draft(row, 2, 3)
    assert completed(uploads, row, buckets) == b"aaa"
    late.write(b"bbb")
    with pytest.raises(NotFoundError):
        uploads.keep(row, 2, late, (1.0, {}))
    assert buckets.stat("data", "k").size_bytes == 3


def test_uploads_survive_a_restart(uploads, buckets, tmp_path):
    row = begun(uploads)
    part(uploads, row, 1, b"aaa")
    later = Buckets(tmp_path)
    part(Uploads(later), row, 1, b"AAA")
    part(Uploads(later), row, 2, b"bb")
    assert [each.upload for each in Uploads(later).of("data")] == [row.upload]
    assert completed(Uploads(later), row, later) == b"AAAbb"


def test_a_check_may_refuse_and_the_upload_goes_on(uploads, buckets):
    row = begun(uploads)
    part(uploads, row, 1, b"aaa")

    def refuse(stored):
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        completed(uploads, row, buckets, refuse)
    assert completed(uploads, row, buckets) == b"aaa"


def test_an_end_that_was_not_told_is_told_again(uploads, buckets, monkeypatch):
    """Killed between the object's rename and forgetting the upload."""
    row = begun(uploads)
    part(uploads, row, 1, b"aaa")
    fresh, parts = uploads.find("data", "k", row.upload), uploads.parts(row)
    with monkeypatch.context() as patch:
        patch.setattr(Uploads, "end", lambda *_: None)
        uploads.complete(fresh, parts, {"tag": "t-1"})
    assert uploads.complete(fresh, parts, {"tag": "t-1"}).size_bytes == 3
    row = begun(uploads, "gone")
    part(uploads, row, 1, b"aaa")
    shutil.rmtree(buckets.root / ".meta" / "uploads" / row.upload)
    with pytest.raises(NotFoundError):
        uploads.complete(uploads.find("data", "gone", row.upload), uploads.parts(row), {"tag": "t-1"})


def test_ended_uploads_take_no_parts(uploads, buckets):
    row = begun(uploads)
    draft = uploads.draft(row, 1, 3)
    draft.write(b"aaa")
    uploads.end(row)
    with pytest.raises(NotFoundError):
        uploads.keep(row, 1, draft, (1.0, {}))
    for upload in ("x", "../../x", "0" * 32):
        with pytest.raises(NotFoundError):
            uploads.find("data", "k", upload)


def test_there_is_one_per_folder(tmp_path):
    assert uploads_in(tmp_path) is uploads_in(tmp_path)
    assert isinstance(buckets_in(tmp_path).index, ObjectIndex)
