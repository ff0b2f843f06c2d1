"""CloudWatch Logs over the engine's logs: groups, streams, their events from either end, and across streams by time.

Retention is kept in the one way a reader can see: events that are older are not shown any more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tarragon.engine import Excerpt, LogGroup, LogStream
from tarragon.errors import ConflictError, NotFoundError, ParameterError
from tarragon.faces.aws import listing
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.log_search import Search, page
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("logs")
KIND = "log-group"
PAGE = 50
EVENTS = 10_000
DAY_MS = 86_400_000
OLDEST_DAYS, AHEAD_MS = 14, 7_200_000  # PutLogEvents' window
BATCH_BYTES, EVENT_BYTES = 1_048_576, 26  # of one PutLogEvents, and what is counted per event beside its message
SPAN_MS = DAY_MS


@operations.answer
def create_log_group(call: Call) -> Answer:
    """Make an empty group."""
    name = call.params["logGroupName"]
    try:
        call.server.logs.create_group(call.region, name)
    except ConflictError:
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists") from None
    facts = {key: call.params[key] for key in ("kmsKeyId", "tags", "logGroupClass") if call.params.get(key)}
    call.server.documents.put(call.region, KIND, name, facts)
    return None


@operations.answer
def delete_log_group(call: Call) -> Answer:
    """Remove a group and everything in it."""
    name = _group(call)
    call.server.logs.delete_group(call.region, name)
    if call.server.documents.find(call.region, KIND, name) is not None:
        call.server.documents.delete(call.region, KIND, name)
    return None


@operations.answer
def describe_log_groups(call: Call) -> Answer:
    """List groups by name."""
    params = call.params
    if params.get("logGroupNamePrefix") and params.get("logGroupNamePattern"):
        raise _parameter("Give a name's prefix or a pattern, not both")
    groups = call.server.logs.groups(call.region, params.get("logGroupNamePrefix", ""))
    part, named = params.get("logGroupNamePattern", "").lower(), params.get("logGroupIdentifiers")
    names = {_named(each) for each in named} if named else None
    chosen = [each for each in groups if part in each.name.lower() and (names is None or each.name in names)]
    found, following = _cut(chosen, params)
    return {"logGroups": [_of_group(call, each) for each in found], "nextToken": following}


@operations.answer
def create_log_stream(call: Call) -> Answer:
    """Make an empty stream."""
    try:
        call.server.logs.create_stream(call.region, _group(call), call.params["logStreamName"])
    except ConflictError:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists") from None
    return None


@operations.answer
def delete_log_stream(call: Call) -> Answer:
    """Remove a stream."""
    group, stream = _group(call), _stream(call)
    call.server.logs.delete_stream(call.region, group, stream)
    return None


@operations.answer
def describe_log_streams(call: Call) -> Answer:
    """List a group's streams, by name or by when they last had an event."""
    params, group, logs = call.params, _group(call), call.server.logs
    prefix, down = params.get("logStreamNamePrefix", ""), bool(params.get("descending"))
    if params.get("orderBy") == "LastEventTime":
        if prefix:
            raise _parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = sorted(logs.streams(call.region, group), key=lambda each: (each.last or 0, each.name), reverse=down)
        found, following = _cut(streams, params)
    else:
        names, following = _cut(sorted(logs.names(call.region, group, prefix), reverse=down), params)
        found = [facts for name in names if (facts := _facts(call, group, name)) is not None]
    return {"logStreams": [_of_stream(call, group, each) for each in found], "nextToken": following}


@operations.answer
def put_log_events(call: Call) -> Answer:
    """Append events; those outside CloudWatch's window are named and left out."""
    group, stream = _group(call), _stream(call)
    events = [(int(each["timestamp"]), str(each["message"])) for each in call.params["logEvents"]]
    times = [at for at, _ in events]
    if times != sorted(times):
        raise _parameter("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > SPAN_MS:
        raise _parameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    if sum(len(text.encode()) + EVENT_BYTES for _, text in events) > BATCH_BYTES:
        raise _parameter(f"Upload too large: a batch can have {BATCH_BYTES} bytes")
    now = int(call.server.clock() * 1000)
    oldest, kept = now - OLDEST_DAYS * DAY_MS, _oldest(call, group) or 0
    inside = [(at, text) for at, text in events if max(oldest, kept) <= at <= now + AHEAD_MS]
    if inside:
        call.server.logs.write(call.region, group, stream, inside)
    rejected = {
        "tooNewLogEventStartIndex": next((i for i, at in enumerate(times) if at > now + AHEAD_MS), None),
        "tooOldLogEventEndIndex": sum(at < oldest for at in times) or None,
        "expiredLogEventEndIndex": sum(at < kept for at in times) or None,
    }
    rejected = {name: value for name, value in rejected.items() if value is not None}
    size = call.server.logs.stream(call.region, group, stream).size_bytes
    return {"nextSequenceToken": f"{size:056d}", "rejectedLogEventsInfo": rejected or None}


@operations.answer
def get_log_events(call: Call) -> Answer:
    """Read a stream from either end. A token at the end gives nothing and itself, so that readers know to stop."""
    params, group, stream = call.params, _group(call), _stream(call)
    excerpt = Excerpt(
        _start(call, group), params.get("endTime"), params.get("limit", EVENTS), params.get("nextToken", ""),
        bool(params.get("startFromHead")),
    )  # fmt: skip
    try:
        reading = call.server.logs.events(call.region, group, stream, excerpt)
    except ParameterError:
        raise _parameter("The specified nextToken is invalid.") from None
    events = [{"timestamp": each.time, "message": each.message, "ingestionTime": each.taken} for each in reading.events]
    return {"events": events, "nextForwardToken": reading.forward, "nextBackwardToken": reading.backward}


@operations.answer
def filter_log_events(call: Call) -> Answer:
    """Search the streams of a group, by time; what ``aws logs tail`` reads."""
    params, group = call.params, _group(call)
    start, end = _start(call, group), params.get("endTime")
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix", "")
    if names and prefix:
        raise _parameter("Give logStreamNames or logStreamNamePrefix, not both")
    if start is not None and end is not None and start > end:
        raise _parameter("startTime must not be after endTime")
    for name in names or ():
        _stream(call, name)
    search = Search(
        call.region, group, tuple(names or call.server.logs.names(call.region, group, prefix, start)),
        Excerpt(start, None if end is None else end + 1, params.get("limit", EVENTS), params.get("nextToken", "")),
        params.get("filterPattern", ""),
    )  # fmt: skip
    try:
        events, following = page(call.server.logs, search)
    except ParameterError as error:
        raise _parameter(str(error)) from None
    return {"events": events, "searchedLogStreams": [], "nextToken": following}


@operations.answer
def put_retention_policy(call: Call) -> Answer:
    """Show events for so many days only."""
    _change(call, _group(call), retention=call.params["retentionInDays"])
    return None


@operations.answer
def delete_retention_policy(call: Call) -> Answer:
    """Show events however old."""
    _change(call, _group(call), retention=None)
    return None


@operations.answer
def tag_log_group(call: Call) -> Answer:
    """Add tags."""
    group = _group(call)
    _change(call, group, tags={**_kept(call, group).get("tags", {}), **call.params["tags"]})
    return None


@operations.answer
def untag_log_group(call: Call) -> Answer:
    """Remove tags by key."""
    group, gone = _group(call), set(call.params.get("tags") or call.params.get("tagKeys") or ())
    held = _kept(call, group).get("tags", {})
    _change(call, group, tags={key: value for key, value in held.items() if key not in gone})
    return None


@operations.answer
def list_tags_log_group(call: Call) -> Answer:
    """List tags."""
    return {"tags": dict(_kept(call, _group(call)).get("tags", {}))}


operations.functions["tag_resource"] = tag_log_group
operations.functions["untag_resource"] = untag_log_group
operations.functions["list_tags_for_resource"] = list_tags_log_group


def _group(call: Call) -> str:
    """Name the existing group that a request is about, by name or ARN."""
    for member in ("logGroupName", "logGroupIdentifier", "resourceArn"):
        if told := call.params.get(member):
            name = _named(told)
            try:
                call.server.logs.group(call.region, name)
            except NotFoundError:
                raise AwsError("ResourceNotFoundException", "The specified log group does not exist.") from None
            return name
    raise _parameter("A log group's name or identifier is needed")


def _named(told: str) -> str:
    if not told.startswith("arn:"):
        return told
    _, found, name = told.partition(":log-group:")
    if not found:
        raise _parameter(f"{told[:200]} is no log group's ARN")
    return name.removesuffix(":*")


def _stream(call: Call, name: str = "") -> str:
    name = name or call.params["logStreamName"]
    if _facts(call, _group(call), name) is None:
        raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
    return name


def _facts(call: Call, group: str, name: str) -> LogStream | None:
    try:
        return call.server.logs.stream(call.region, group, name)
    except NotFoundError:
        return None


def _kept(call: Call, group: str) -> Mapping[str, Any]:
    found = call.server.documents.find(call.region, KIND, group)
    return {} if found is None else found.content


def _change(call: Call, group: str, **facts: Any) -> None:
    call.server.documents.put(call.region, KIND, group, {**_kept(call, group), **facts})


def _oldest(call: Call, group: str) -> int | None:
    """Say how old an event may be to be shown."""
    days = _kept(call, group).get("retention")
    return None if days is None else int(call.server.clock() * 1000) - int(days) * DAY_MS


def _start(call: Call, group: str) -> int | None:
    bounds = [bound for bound in (call.params.get("startTime"), _oldest(call, group)) if bound is not None]
    return max(bounds, default=None)


def _cut(items: Sequence[Any], params: Mapping[str, Any]) -> tuple[Sequence[Any], str | None]:
    try:
        start = listing.place(params["nextToken"]) if params.get("nextToken") else 0
    except AwsError:
        raise _parameter("The specified nextToken is invalid.") from None
    end = start + int(params.get("limit") or PAGE)
    return items[start:end], listing.token(end) if end < len(items) else None


def _of_group(call: Call, group: LogGroup) -> Mapping[str, Any]:
    kept = _kept(call, group.name)
    arn = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group.name}"
    return {
        "logGroupName": group.name, "creationTime": group.made, "retentionInDays": kept.get("retention"),
        "metricFilterCount": 0, "arn": f"{arn}:*", "logGroupArn": arn, "storedBytes": group.size_bytes,
        "kmsKeyId": kept.get("kmsKeyId"), "logGroupClass": kept.get("logGroupClass", "STANDARD"),
    }  # fmt: skip


def _of_stream(call: Call, group: str, stream: LogStream) -> Mapping[str, Any]:
    return {
        "logStreamName": stream.name, "creationTime": stream.made, "firstEventTimestamp": stream.first,
        "lastEventTimestamp": stream.last, "lastIngestionTime": stream.taken,
        "uploadSequenceToken": f"{stream.size_bytes:056d}", "storedBytes": stream.size_bytes,
        "arn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}:log-stream:{stream.name}",
    }  # fmt: skip


def _parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
