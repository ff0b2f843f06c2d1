"""CloudWatch Logs as real clients read and write them."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Logs


@pytest.fixture
def logs(client: Any) -> Any:
    return client("logs")


@pytest.fixture
def group(logs: Any, request: pytest.FixtureRequest) -> str:
    name = f"/test/{request.node.name.replace('[', '-').replace(']', '')}"
    logs.create_log_group(logGroupName=name, tags={"a": "b"})
    return name


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def now_ms() -> int:
    return int(time.time() * 1000)


def put(logs: Any, group: str, stream: str, *events: tuple[int, str]) -> None:
    answer = logs.put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": m} for at, m in events]
    )
    assert "rejectedLogEventsInfo" not in answer


def test_what_is_missing_is_named_as_the_sdk_expects(logs: Any, group: str) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"The specified log group does not exist\."):
        logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"The specified log stream does not exist\."):
        logs.get_log_events(logGroupName=group, logStreamName="none")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName="s")


def test_a_jobs_log_is_read_as_sdk_v2_reads_it(server: Any, logs: Any) -> None:
    """By start time and number of events seen at it, from the head, until a page is empty."""
    written, began = Logs(server.home), now_ms()
    where = ("us-east-1", "/aws/sagemaker/TrainingJobs", "job-v2/algo-1-17")
    written.write(*where, [(began, "first"), (began, "second"), (began + 1, "third")])
    streams = logs.describe_log_streams(
        logGroupName=where[1], logStreamNamePrefix="job-v2/", orderBy="LogStreamName", limit=1
    )["logStreams"]
    assert [each["logStreamName"] for each in streams] == [where[2]]

    def read(start: int, skip: int) -> list[dict[str, Any]]:
        token: dict[str, str] = {}
        found: list[dict[str, Any]] = []
        while True:
            page = logs.get_log_events(
                logGroupName=where[1], logStreamName=where[2], startTime=start, startFromHead=True, **token
            )
            if not page["events"]:
                return found[skip:]
            found += page["events"]
            token = {"nextToken": page["nextForwardToken"]}

    events = read(0, 0)
    assert [each["message"] for each in events] == ["first", "second", "third"]
    written.write(*where, [(began + 1, "fourth"), (began + 2, "fifth\n")])
    assert [each["message"] for each in read(began + 1, 1)] == ["fourth", "fifth"]
    assert all(abs(each["ingestionTime"] - began) < 60_000 for each in events)


def test_pages_of_a_stream_end_with_the_same_token(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    at = now_ms()
    put(logs, group, "s", *((at + n, f"line {n}") for n in range(25)))
    where = {"logGroupName": group, "logStreamName": "s", "limit": 10}
    newest = logs.get_log_events(**where)
    assert [each["message"] for each in newest["events"]] == [f"line {n}" for n in range(15, 25)]
    older = logs.get_log_events(**where, nextToken=newest["nextBackwardToken"])
    assert [each["message"] for each in older["events"]] == [f"line {n}" for n in range(5, 15)]
    end = logs.get_log_events(**where, nextToken=newest["nextForwardToken"])
    assert end["events"] == []
    assert end["nextForwardToken"] == newest["nextForwardToken"]
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.get_log_events(**where, nextToken="f/nowhere")


def test_a_search_across_streams_is_in_the_order_of_time(logs: Any, group: str) -> None:
    at = now_ms() - 1000
    for number in range(3):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{number}")
        put(logs, group, f"s{number}", *((at + 3 * n + number, f"{3 * n + number}") for n in range(40)))
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, interleaved=True, PaginationConfig={"PageSize": 7}
    )
    events = [event for page in pages for event in page["events"]]
    assert [each["message"] for each in events] == [str(n) for n in range(120)]
    assert len({each["eventId"] for each in events}) == 120
    chosen = logs.filter_log_events(
        logGroupName=group, startTime=at + 10, endTime=at + 20, logStreamNames=["s0", "s2"], filterPattern="?1 ?20"
    )["events"]
    assert [each["message"] for each in chosen] == ["11", "12", "14", "15", "17", "18", "20"]
    assert [each["logStreamName"] for each in chosen[:2]] == ["s2", "s0"]
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName=group, logStreamNames=["gone"])
    for wrong in ({"nextToken": "eA=="}, {"filterPattern": "{ x"}, {"startTime": 5, "endTime": 4}):
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.filter_log_events(logGroupName=group, **wrong)


def test_tailing_shows_what_comes_once(logs: Any, group: str) -> None:
    """As ``aws logs tail --follow`` does: again from the newest time, leaving out the ids seen at it."""
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    start, seen, shown = now_ms() - 600_000, set(), []
    for step in range(4):
        put(logs, group, "s", (now_ms(), f"a{step}"), (now_ms(), f"b{step}"))
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start):
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    shown.append(event["message"])
                    start = max(start, event["timestamp"])
    assert shown == [f"{letter}{step}" for step in range(4) for letter in "ab"]


def test_only_what_clouds_window_allows_is_taken(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    at = now_ms()
    where = {"logGroupName": group, "logStreamName": "s"}
    answer = logs.put_log_events(**where, logEvents=[
        {"timestamp": at, "message": "now"}, {"timestamp": at + 3 * 3_600_000, "message": "tomorrow"},
    ])  # fmt: skip
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    answer = logs.put_log_events(**where, logEvents=[{"timestamp": at - 15 * 86_400_000, "message": "old"}])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    for times in ((at, at - 1), (at - 2 * 86_400_000, at)):
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.put_log_events(**where, logEvents=[{"timestamp": t, "message": "x"} for t in times])
    assert [e["message"] for e in logs.get_log_events(**where)["events"]] == ["now"]


def test_retention_hides_what_is_older(server: Any, logs: Any, group: str) -> None:
    at = now_ms()
    Logs(server.home).write("us-east-1", group, "s", [(at - 3 * 86_400_000, "old"), (at, "new")])
    where = {"logGroupName": group, "logStreamName": "s"}
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert [e["message"] for e in logs.get_log_events(**where)["events"]] == ["new"]
    assert [e["message"] for e in logs.filter_log_events(logGroupName=group)["events"]] == ["new"]
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["retentionInDays"] == 1
    logs.delete_retention_policy(logGroupName=group)
    assert [e["message"] for e in logs.get_log_events(**where)["events"]] == ["old", "new"]


def test_groups_are_listed_tagged_and_removed(logs: Any, client: Any, group: str) -> None:
    for number in range(3):
        logs.create_log_group(logGroupName=f"/many/{number}")
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/many/", PaginationConfig={"PageSize": 2}
    )
    assert [each["logGroupName"] for page in pages for each in page["logGroups"]] == ["/many/0", "/many/1", "/many/2"]
    assert client("logs", "eu-west-1").describe_log_groups(logGroupNamePrefix="/many/")["logGroups"] == []
    (described,) = logs.describe_log_groups(logGroupNamePattern=group[-8:])["logGroups"]
    assert described["arn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    arn = described["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"c": "d"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b", "c": "d"}
    logs.untag_log_group(logGroupName=group, tags=["a"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"c": "d"}
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_streams_by_their_last_event(logs: Any, group: str) -> None:
    at = now_ms()
    for name, offset in (("a", 3), ("b", 1), ("c", 2)):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, name, (at + offset, "x"))
    newest = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert [each["logStreamName"] for each in newest] == ["a", "c", "b"]
    assert newest[0]["lastEventTimestamp"] == at + 3
    page = logs.describe_log_streams(logGroupName=group, limit=2)
    assert [each["logStreamName"] for each in page["logStreams"]] == ["a", "b"]
    page = logs.describe_log_streams(logGroupName=group, limit=2, nextToken=page["nextToken"])
    assert [each["logStreamName"] for each in page["logStreams"]] == ["c"]
    assert "nextToken" not in page
    with pytest.raises(ClientError) as error:
        logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="a")
    assert code(error) == "InvalidParameterException"
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_log_events(logGroupName=group, logStreamName="a")


def test_an_arn_of_something_else_is_no_log_group_s(logs: Any) -> None:
    with pytest.raises(ClientError) as error:
        logs.list_tags_for_resource(resourceArn="arn:aws:sagemaker:us-east-1:123456789012:model/x")
    assert code(error) == "InvalidParameterException"
