import pytest

from tarragon.engine import Stored
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.s3_condition import Run, check_copy, check_read, check_removal, check_write, matches, run_of

STORED = Stored("k", 10, 1000.7, "abc", {"tag": "abc", "parts": [4, 6]})


def status(act, *arguments):
    try:
        act(*arguments)
    except AwsError as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 200), ({"IfMatch": '"abc"'}, 200), ({"IfMatch": "*"}, 200), ({"IfMatch": '"x", "abc"'}, 200),
        ({"IfMatch": '"x"'}, 412), ({"IfNoneMatch": '"abc"'}, 304), ({"IfNoneMatch": '"x"'}, 200),
        ({"IfModifiedSince": 1000}, 304), ({"IfModifiedSince": 999}, 200), ({"IfUnmodifiedSince": 999}, 412),
        ({"IfUnmodifiedSince": 1000}, 200),
        # RFC 9110, 13.2.2: tags come before times
        ({"IfMatch": '"abc"', "IfUnmodifiedSince": 1}, 200), ({"IfNoneMatch": '"x"', "IfModifiedSince": 5000}, 200),
    ],
)  # fmt: skip
def test_reads(params, expected):
    assert status(check_read, params, STORED) == expected
    copied = {name.replace("If", "CopySourceIf", 1): value for name, value in params.items()}
    assert status(check_copy, copied, STORED) == (200 if expected == 200 else 412)


def test_writes_and_removals():
    assert status(check_write, {"IfNoneMatch": "*"}, "k", None) == 200
    assert status(check_write, {"IfNoneMatch": "*"}, "k", STORED) == 412
    assert status(check_write, {"IfMatch": '"abc"'}, "k", STORED) == 200
    assert status(check_write, {"IfMatch": '"x"'}, "k", STORED) == 412
    assert status(check_write, {"IfMatch": '"x"'}, "k", None) == 404
    assert status(check_removal, {"IfMatch": '"x"'}, None) == 200
    assert status(check_removal, {"IfMatch": '"x"'}, STORED) == 412
    assert status(check_removal, {"Size": 9}, STORED) == 412
    assert status(check_removal, {"IfMatchSize": 10, "IfMatchLastModifiedTime": 1000.0}, STORED) == 200
    assert matches('W/"abc"', "abc")


@pytest.mark.parametrize(
    ("asked", "run"),
    [("bytes=0-3", Run(0, 4, 10)), ("bytes=4-", Run(4, 6, 10)), ("bytes=-2", Run(8, 2, 10)),
     ("bytes=2-99", Run(2, 8, 10)), ("bytes=3-2", None),
     ("bytes=-", None), ("bytes=\u0661-\u0662", None), ("", None), ("bytes=0-1,3-4", None)],
)  # fmt: skip
def test_ranges(asked, run):
    assert run_of({"Range": asked}, STORED) == run


def test_parts_and_what_is_beyond():
    assert run_of({"PartNumber": 2}, STORED) == Run(4, 6, 10)
    assert Run(4, 6, 10).text == "bytes 4-9/10"
    for params in ({"PartNumber": 3}, {"Range": "bytes=10-"}, {"Range": "bytes=-0"}):
        assert status(run_of, params, STORED) == 416
