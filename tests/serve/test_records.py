import io
import struct

import pytest

from tarragon.errors import DataError
from tarragon.serve.jsonpath import JsonPath
from tarragon.serve.records import MAGIC, Cut, Filters, answers, body, given, kept, records, requests, together


def filters(first="$", second="$", joined=False, kind="text/csv", accept=""):
    return Filters(JsonPath(first), JsonPath(second), joined, kind, accept)


def frame(data):
    return struct.pack("<II", MAGIC, len(data)) + data + b"\0" * (-len(data) % 4)


def test_lines_are_gathered_up_to_the_limit():
    found = list(records(io.BytesIO(b"aa\r\nbb\n\ncc"), "Line"))
    assert found == [b"aa", b"bb", b"cc"]
    assert list(requests(found, Cut("Line", True, 6))) == [[b"aa", b"bb"], [b"cc"]]
    assert list(requests(found, Cut("Line", False, 6))) == [[b"aa"], [b"bb"], [b"cc"]]
    assert list(requests(found, Cut("Line", True, 0))) == [[b"aa", b"bb", b"cc"]]
    assert body([b"aa", b"bb"], "Line") == b"aa\nbb\n"


def test_frames_of_recordio_stay_whole():
    data = frame(b"abcde") + frame(b"fg")
    found = list(records(io.BytesIO(data), "RecordIO"))
    assert body(found, "RecordIO") == data
    assert len(found) == 2
    for broken in (data[:-3], b"xxxx" + data):
        with pytest.raises(DataError):
            list(records(io.BytesIO(broken), "RecordIO"))


def test_a_record_larger_than_a_request_is_refused():
    with pytest.raises(DataError, match="MaxPayloadInMB"):
        list(requests([b"abc"], Cut("None", True, 2)))


def test_csv_keeps_its_quotes():
    assert given(b'"a,b",1,2', filters("$[0,2]")) == b'"a,b",2'
    assert kept([b'"a,b",1'], [b"0.5"], filters(joined=True)) == [b'"a,b",1,0.5']


def test_json_is_joined_under_names():
    joined = filters(joined=True, kind="application/json")
    assert kept([b'{"a": 1}'], [b"[2]"], joined) == [b'{"a": 1, "SageMakerOutput": [2]}']
    assert kept([b"[1]"], [b"[2]"], joined) == [b'{"SageMakerInput": [1], "SageMakerOutput": [2]}']
    assert kept([b"{}"], [b"2"], filters("$", "$.SageMakerOutput", True, "application/json")) == [b"2"]


def test_answers_are_cut_as_they_are_written():
    assert answers(b"1\n2\n", "text/csv", 2) == [b"1", b"2"]
    assert answers(b'{"predictions": [{"score": 1}, {"score": 2}]}', "application/json", 2) == [
        b'{"score": 1}', b'{"score": 2}',
    ]  # fmt: skip
    assert answers(b'{"predictions": []}', "application/json", 1) == [b'{"predictions": []}']
    with pytest.raises(DataError, match="answered 1 records to a request of 2"):
        kept([b"1", b"2"], [b"1"], filters(joined=True))


def test_outputs_are_put_together():
    assert together([b"1", b"2"], lines=True) == b"1\n2\n"
    assert together([b"1", b"2"], lines=False) == b"12"
