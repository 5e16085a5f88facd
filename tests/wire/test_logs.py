"""CloudWatch Logs through boto3: every operation, its pages and its errors."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.ports import LogEvent
from emulator.testing import RunningEmulator

GROUP, STREAM = "/aws/lambda/f", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"


@pytest.fixture
def logs(emulator: RunningEmulator) -> Any:
    return emulator.client("logs")


@pytest.fixture
def stream(logs: Any) -> Any:
    """A client, with one empty stream there."""
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    return logs


def now_ms(emulator: RunningEmulator) -> int:
    return round(emulator.now() * 1000)


def put(logs: Any, *events: tuple[int, str], stream: str = STREAM) -> dict[str, Any]:
    entries = [{"timestamp": at, "message": message} for at, message in events]
    return logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=entries)


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def messages(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


# ── groups ──────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_described_as_aws_describes_it(emulator: RunningEmulator, logs: Any) -> None:
    logs.create_log_group(logGroupName="g", tags={"team": "a"})
    [group] = logs.describe_log_groups()["logGroups"]
    assert group == {
        "logGroupName": "g",
        "creationTime": now_ms(emulator),
        "metricFilterCount": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g",
        "deletionProtectionEnabled": False,
    }


def test_a_group_is_made_once_and_deleted_once(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    expected = ("ResourceAlreadyExistsException", "The specified log group already exists")
    assert refused(logs.create_log_group, logGroupName="g") == expected
    logs.delete_log_group(logGroupName="g")
    expected = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refused(logs.delete_log_group, logGroupName="g") == expected


def test_a_group_name_that_breaks_the_rules_is_refused_in_aws_words(logs: Any) -> None:
    code, text = refused(logs.create_log_group, logGroupName="a b")
    assert code == "InvalidParameterException"
    assert text == (
        "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"
    )


def test_groups_are_found_by_prefix_or_pattern_in_pages(logs: Any) -> None:
    for name in ("/a/1", "/a/2", "/a/3", "/b/1"):
        logs.create_log_group(logGroupName=name)
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/a", PaginationConfig={"PageSize": 2}
    )
    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [["/a/1", "/a/2"], ["/a/3"]]
    found = logs.describe_log_groups(logGroupNamePattern="/1")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/a/1", "/b/1"]
    found = logs.list_log_groups(logGroupNamePattern="^/b/|a/3")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/a/3", "/b/1"]
    both = refused(logs.describe_log_groups, logGroupNamePattern="a", logGroupNamePrefix="a")
    assert both[0] == "InvalidParameterException"
    assert refused(logs.describe_log_groups, nextToken="nonsense")[0] == "InvalidParameterException"


def test_groups_of_another_region_or_account_are_not_seen(emulator: RunningEmulator, logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    assert emulator.client("logs", region_name="eu-west-1").describe_log_groups()["logGroups"] == []
    assert emulator.client("logs", aws_access_key_id="111111111111").describe_log_groups()["logGroups"] == []


def test_a_protected_group_is_not_deleted(logs: Any) -> None:
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    assert refused(logs.delete_log_group, logGroupName="g")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")


def test_a_key_is_kept_and_shown(logs: Any) -> None:
    key = "arn:aws:kms:us-east-1:000000000000:key/1"
    logs.create_log_group(logGroupName="g", kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="g")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    logs.associate_kms_key(logGroupName="g", kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    assert refused(logs.associate_kms_key, logGroupName="g", kmsKeyId="k")[0] == "InvalidParameterException"


def test_tags_are_set_and_taken_away_by_name_and_by_arn(logs: Any) -> None:
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    logs.tag_log_group(logGroupName="g", tags={"b": "2"})
    logs.tag_resource(resourceArn=arn, tags={"c": "3"})
    logs.untag_log_group(logGroupName="g", tags=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    logs.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}
    too_many = {f"k{number}": "v" for number in range(50)}
    assert refused(logs.tag_resource, resourceArn=arn, tags=too_many)[0] == "TooManyTagsException"
    missing = "arn:aws:logs:us-east-1:000000000000:log-group:none"
    assert refused(logs.list_tags_for_resource, resourceArn=missing)[0] == "ResourceNotFoundException"


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_shows_when_it_was_written(emulator: RunningEmulator, stream: Any) -> None:
    [empty] = stream.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert "lastEventTimestamp" not in empty
    at = now_ms(emulator)
    put(stream, (at - 5000, "a"), (at - 1000, "b"))
    [shown] = stream.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert (shown["firstEventTimestamp"], shown["lastEventTimestamp"]) == (at - 5000, at - 1000)
    assert (shown["lastIngestionTime"], shown["storedBytes"]) == (at, 0)
    assert shown["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:log-stream:{STREAM}"
    assert stream.describe_log_groups()["logGroups"][0]["storedBytes"] == 2 * 27


def test_streams_are_listed_by_name_or_by_last_event(emulator: RunningEmulator, logs: Any) -> None:
    logs.create_log_group(logGroupName=GROUP)
    at = now_ms(emulator)
    for offset, name in enumerate(("c", "a", "b")):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
        put(logs, (at + offset, "x"), stream=name)

    def listed(**options: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, PaginationConfig={"PageSize": 2}, **options
        )
        return [found["logStreamName"] for page in pages for found in page["logStreams"]]

    assert listed() == ["a", "b", "c"]
    assert listed(descending=True) == ["c", "b", "a"]
    assert listed(orderBy="LastEventTime", descending=True) == ["b", "a", "c"]
    assert listed(logStreamNamePrefix="b") == ["b"]
    both = refused(logs.describe_log_streams, logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="b")
    assert both == ("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")


def test_a_stream_is_made_once_and_deleted_with_its_events(emulator: RunningEmulator, stream: Any) -> None:
    again = refused(stream.create_log_stream, logGroupName=GROUP, logStreamName=STREAM)
    assert again == ("ResourceAlreadyExistsException", "The specified log stream already exists")
    put(stream, (now_ms(emulator), "x"))
    stream.delete_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    gone = refused(stream.get_log_events, logGroupName=GROUP, logStreamName=STREAM)
    assert gone == ("ResourceNotFoundException", "The specified log stream does not exist.")
    assert stream.describe_log_groups()["logGroups"][0]["storedBytes"] == 0


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def test_events_must_be_in_order_and_within_a_day(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    entries = [{"timestamp": at, "message": "b"}, {"timestamp": at - 1, "message": "a"}]
    given = {"logGroupName": GROUP, "logStreamName": STREAM}
    assert refused(stream.put_log_events, **given, logEvents=entries) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
    )
    entries = [{"timestamp": at - 86_400_001, "message": "a"}, {"timestamp": at, "message": "b"}]
    assert refused(stream.put_log_events, **given, logEvents=entries) == (
        "InvalidParameterException",
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    )
    large = [{"timestamp": at, "message": "x" * 600_000}] * 2
    assert refused(stream.put_log_events, **given, logEvents=large) == (
        "InvalidParameterException",
        "Upload too large: 1200052 bytes exceeds limit of 1048576",
    )


def test_events_too_old_or_too_new_are_left_out_and_reported(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    answer = put(stream, (at - 15 * 86_400_000, "old"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = put(stream, (at, "fine"), (at + 2 * 3_600_000 + 1, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert "rejectedLogEventsInfo" not in put(stream, (at, "also fine"))
    read = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM)
    assert messages(read) == ["fine", "also fine"]


def test_a_sequence_token_is_ignored(emulator: RunningEmulator, stream: Any) -> None:
    entries = [{"timestamp": now_ms(emulator), "message": "x"}]
    given = {"logGroupName": GROUP, "logStreamName": STREAM, "logEvents": entries}
    assert stream.put_log_events(**given, sequenceToken="49000")["nextSequenceToken"].startswith("49")
    stream.put_log_events(**given, sequenceToken="49000")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_read_forwards_until_the_token_stays(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    put(stream, *[(at + number, f"m{number}") for number in range(5)])
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True, limit=2, **token)
        seen += messages(page)
        if page["nextForwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen == ["m0", "m1", "m2", "m3", "m4"]
    put(stream, (at + 9, "m9"))
    page = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True, **token)
    assert messages(page) == ["m9"]


def test_a_stream_is_read_from_its_end_backwards(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    put(stream, *[(at + number, f"m{number}") for number in range(5)])
    given = {"logGroupName": GROUP, "logStreamName": STREAM, "limit": 2}
    first = stream.get_log_events(**given)
    assert messages(first) == ["m3", "m4"]
    second = stream.get_log_events(**given, nextToken=first["nextBackwardToken"])
    assert messages(second) == ["m1", "m2"]
    third = stream.get_log_events(**given, nextToken=second["nextBackwardToken"])
    assert messages(third) == ["m0"]
    fourth = stream.get_log_events(**given, nextToken=third["nextBackwardToken"])
    assert messages(fourth) == []
    assert fourth["nextBackwardToken"] == third["nextBackwardToken"]
    back = stream.get_log_events(**given, nextToken=fourth["nextForwardToken"], startFromHead=True)
    assert messages(back) == ["m0", "m1"]
    assert refused(stream.get_log_events, **given, nextToken="f/1")[0] == "InvalidParameterException"


def test_writes_that_overlap_are_read_in_order_of_time(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    put(stream, (at, "a"), (at + 30, "d"))
    put(stream, (at + 10, "b"), (at + 20, "c"), (at + 30, "e"))
    put(stream, (at - 10, "first"))
    forwards = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True)
    backwards = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM)
    assert messages(forwards) == messages(backwards) == ["first", "a", "b", "c", "d", "e"]
    part = stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startTime=at + 10, endTime=at + 30)
    assert messages(part) == ["b", "c"]


def test_a_page_holds_one_megabyte(emulator: RunningEmulator, stream: Any) -> None:
    at = now_ms(emulator)
    for number in range(3):
        put(stream, (at + number, "x" * 500_000))
    assert len(stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM)["events"]) == 2
    pages = stream.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    assert [len(page["events"]) for page in pages] == [2, 1]


def test_a_whole_group_is_searched_in_order_of_time(emulator: RunningEmulator, logs: Any) -> None:
    logs.create_log_group(logGroupName=GROUP)
    at = now_ms(emulator)
    for name in ("a1", "a2", "b1"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
    put(logs, (at, "ERROR one"), (at + 20, "fine"), stream="a1")
    put(logs, (at + 10, "ERROR two"), stream="a2")
    put(logs, (at + 15, "ERROR three"), stream="b1")

    def found(**options: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, PaginationConfig={"PageSize": 1}, **options
        )
        return [event["message"] for page in pages for event in page["events"]]

    assert found() == ["ERROR one", "ERROR two", "ERROR three", "fine"]
    assert found(startFromHead=False) == ["fine", "ERROR three", "ERROR two", "ERROR one"]
    assert found(filterPattern="ERROR -two") == ["ERROR one", "ERROR three"]
    assert found(logStreamNamePrefix="a") == ["ERROR one", "ERROR two", "fine"]
    assert found(logStreamNames=["b1", "a2"]) == ["ERROR two", "ERROR three"]
    assert found(startTime=at + 10, endTime=at + 15) == ["ERROR two", "ERROR three"]
    [event] = logs.filter_log_events(logGroupName=GROUP, filterPattern="two")["events"]
    assert (event["logStreamName"], event["timestamp"], len(event["eventId"])) == ("a2", at + 10, 56)


def test_a_search_that_cannot_be_is_refused(stream: Any) -> None:
    search = stream.filter_log_events
    assert refused(search, logGroupName="none")[0] == "ResourceNotFoundException"
    assert refused(search, logGroupName=GROUP, logStreamNames=["none"])[0] == "ResourceNotFoundException"
    both = refused(search, logGroupName=GROUP, logStreamNames=[STREAM], logStreamNamePrefix="a")
    assert both[0] == "InvalidParameterException"
    assert refused(search, logGroupName=GROUP, filterPattern="{ $.a ") == (
        "InvalidParameterException",
        "Invalid filter pattern",
    )
    assert refused(search, logGroupName=GROUP, nextToken="bm9uc2Vuc2U=")[0] == "InvalidParameterException"
    assert refused(search, logGroupName=GROUP, logGroupIdentifier=GROUP)[0] == "InvalidParameterException"


def test_events_of_services_are_found_under_a_group_that_came_into_being(emulator: RunningEmulator, logs: Any) -> None:
    async def write() -> None:
        from emulator.aws.scope import Scope

        sink = emulator.emulator.services.get("logs")
        assert sink is not None
        events = [LogEvent(emulator.now(), "START\n"), LogEvent(emulator.now() + 0.25, "END\n")]
        put_events = emulator.emulator.logs.operations.ingest.put
        await emulator.emulator.store.transact(lambda tx: put_events(tx, Scope(), GROUP, STREAM, events))

    emulator.call(write)
    read = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM)["events"]
    at = now_ms(emulator)
    assert [(event["timestamp"], event["message"]) for event in read] == [(at, "START\n"), (at + 250, "END\n")]


# ── retention ───────────────────────────────────────────────────────────────────────────────────


def test_events_beyond_the_retention_are_gone_and_then_deleted(emulator: RunningEmulator, stream: Any) -> None:
    put(stream, (now_ms(emulator), "x" * 74))
    stream.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    emulator.advance(86_400 - 1)
    assert len(stream.filter_log_events(logGroupName=GROUP)["events"]) == 1
    emulator.advance(2)
    assert stream.filter_log_events(logGroupName=GROUP)["events"] == []
    assert stream.get_log_events(logGroupName=GROUP, logStreamName=STREAM)["events"] == []
    assert stream.describe_log_groups()["logGroups"][0]["storedBytes"] == 100
    stream.create_log_stream(logGroupName=GROUP, logStreamName="next")
    emulator.settle()
    assert stream.describe_log_groups()["logGroups"][0]["storedBytes"] == 0
    old = put(stream, (now_ms(emulator) - 2 * 86_400_000, "old"))
    assert old["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


def test_only_some_retentions_exist_and_none_is_for_ever(stream: Any) -> None:
    code, text = refused(stream.put_retention_policy, logGroupName=GROUP, retentionInDays=2)
    assert code == "InvalidParameterException" and "Value '2' at 'retentionInDays'" in text
    stream.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    assert stream.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30
    stream.delete_retention_policy(logGroupName=GROUP)
    assert "retentionInDays" not in stream.describe_log_groups()["logGroups"][0]


def test_settling_does_not_wait_for_logs_to_grow_old(emulator: RunningEmulator, stream: Any) -> None:
    before = emulator.now()
    stream.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    put(stream, (now_ms(emulator), "x"))
    emulator.settle()
    assert emulator.now() == before


def test_queries_are_refused_by_name(stream: Any) -> None:
    with pytest.raises(ClientError) as caught:
        stream.start_query(logGroupName=GROUP, startTime=0, endTime=1, queryString="fields @message")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "logs.StartQuery is not emulated" in caught.value.response["Error"]["Message"]


# ── filters ─────────────────────────────────────────────────────────────────────────────────────


def test_a_metric_filter_counts_what_its_pattern_chooses(emulator: RunningEmulator, stream: Any) -> None:
    stream.put_metric_filter(
        logGroupName=GROUP,
        filterName="slow",
        filterPattern="{ $.ms > 100 }",
        metricTransformations=[
            {
                "metricName": "Slow",
                "metricNamespace": "App",
                "metricValue": "$.ms",
                "dimensions": {"route": "$.route"},
                "unit": "Milliseconds",
            }
        ],
    )
    assert stream.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1
    at = now_ms(emulator)
    put(stream, (at, '{"ms": 250, "route": "/a"}'), (at, '{"ms": 50, "route": "/a"}'), (at, "no JSON"))
    [point] = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="App",
        MetricName="Slow",
        Dimensions=[{"Name": "route", "Value": "/a"}],
        StartTime=at / 1000 - 60,
        EndTime=at / 1000 + 60,
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    assert (point["Sum"], point["SampleCount"], point["Unit"]) == (250.0, 1.0, "Milliseconds")


def test_metric_filters_are_described_and_deleted(stream: Any) -> None:
    transformation = {"metricName": "n", "metricNamespace": "App", "metricValue": "1", "defaultValue": 0.0}
    given = {"logGroupName": GROUP, "filterName": "f", "filterPattern": "ERROR"}
    stream.put_metric_filter(**given, metricTransformations=[transformation])
    [shown] = stream.describe_metric_filters(metricName="n", metricNamespace="App")["metricFilters"]
    assert (shown["filterName"], shown["metricTransformations"]) == ("f", [transformation])
    assert stream.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="x")["metricFilters"] == []
    stream.delete_metric_filter(logGroupName=GROUP, filterName="f")
    assert refused(stream.delete_metric_filter, logGroupName=GROUP, filterName="f")[0] == "ResourceNotFoundException"
    wrong = {**transformation, "metricValue": "many"}
    assert refused(stream.put_metric_filter, **given, metricTransformations=[wrong])[0] == "InvalidParameterException"
    given["filterPattern"] = "[a"
    code = refused(stream.put_metric_filter, **given, metricTransformations=[transformation])
    assert code == ("InvalidParameterException", "Invalid filter pattern")


def test_a_pattern_can_be_tried(logs: Any) -> None:
    pattern = "[ip, identity, user_id, timestamp, request, status_code = 4*, size]"
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
    tried = logs.test_metric_filter(filterPattern=pattern, logEventMessages=["nothing", line])
    [match] = tried["matches"]
    assert (match["eventNumber"], match["eventMessage"]) == (2, line)
    assert match["extractedValues"]["$request"] == "GET /index.html HTTP/1.0"
    assert match["extractedValues"]["$size"] == "1534"
    assert (
        refused(logs.test_metric_filter, filterPattern="a:b", logEventMessages=["x"])[0] == "InvalidParameterException"
    )


CODE = """
import base64, gzip, json, os, boto3

def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    boto3.client("ssm").put_parameter(Name="/seen", Value=json.dumps(data), Type="String", Overwrite=True)
"""


def function(emulator: RunningEmulator, name: str, code: str) -> str:
    """Make a function and return its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    made = emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    return made["FunctionArn"]


def test_a_subscribed_function_is_called_with_what_the_pattern_chooses(emulator: RunningEmulator, stream: Any) -> None:
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": "ERROR"}
    missing = "arn:aws:lambda:us-east-1:000000000000:function:none"
    assert refused(stream.put_subscription_filter, **given, destinationArn=missing)[0] == "InvalidParameterException"
    arn = function(emulator, "seer", CODE)
    stream.put_subscription_filter(**given, destinationArn=arn)
    [shown] = stream.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert (shown["destinationArn"], shown["distribution"]) == (arn, "ByLogStream")
    at = now_ms(emulator)
    put(stream, (at, "ERROR one"), (at, "fine"))
    emulator.settle()
    seen = json.loads(emulator.client("ssm").get_parameter(Name="/seen")["Parameter"]["Value"])
    [event] = seen.pop("logEvents")
    assert seen == {
        "messageType": "DATA_MESSAGE",
        "owner": "000000000000",
        "logGroup": GROUP,
        "logStream": STREAM,
        "subscriptionFilters": ["s"],
    }
    assert (event["message"], event["timestamp"]) == ("ERROR one", at)
    emulator.client("lambda").delete_function(FunctionName="seer")
    put(stream, (at, "ERROR two"))
    stream.delete_subscription_filter(logGroupName=GROUP, filterName="s")
    gone = refused(stream.delete_subscription_filter, logGroupName=GROUP, filterName="s")
    assert gone[0] == "ResourceNotFoundException"


ROLE = "arn:aws:iam::000000000000:role/r"
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/s"


def unpacked(kinesis: Any) -> list[Any]:
    """What is in the stream `s`."""
    shard = {"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**shard)["ShardIterator"]
    return [
        json.loads(gzip.decompress(each["Data"])) for each in kinesis.get_records(ShardIterator=iterator)["Records"]
    ]


def test_a_stream_is_given_what_the_pattern_chooses(emulator: RunningEmulator, stream: Any) -> None:
    kinesis = emulator.client("kinesis")
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": "ERROR", "destinationArn": KINESIS}
    assert refused(stream.put_subscription_filter, **given) == (
        "InvalidParameterException",
        "destinationArn for vendor kinesis cannot be used without roleArn",
    )
    assert refused(stream.put_subscription_filter, **given, roleArn=ROLE) == (
        "InvalidParameterException",
        "Could not deliver test message to specified Kinesis stream. "
        "Check if the given kinesis stream is in ACTIVE state.",
    )
    kinesis.create_stream(StreamName="s", ShardCount=1)
    stream.put_subscription_filter(**given, roleArn=ROLE)
    at = now_ms(emulator)
    put(stream, (at, "ERROR one"), (at, "fine"))
    emulator.settle()
    control, told = unpacked(kinesis)
    assert (control["messageType"], control["owner"]) == ("CONTROL_MESSAGE", "CloudwatchLogs")
    assert (told["messageType"], told["logGroup"], told["logStream"]) == ("DATA_MESSAGE", GROUP, STREAM)
    assert [event["message"] for event in told["logEvents"]] == ["ERROR one"]


def test_a_stream_that_is_gone_is_tried_for_a_while_and_then_counted(emulator: RunningEmulator, stream: Any) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": ""}
    stream.put_subscription_filter(**given, destinationArn=KINESIS, roleArn=ROLE)
    kinesis.delete_stream(StreamName="s")
    at = now_ms(emulator)
    put(stream, (at, "one"))
    emulator.advance(5)
    kinesis.create_stream(StreamName="s", ShardCount=1)
    emulator.settle()
    [told] = unpacked(kinesis)
    assert told["logEvents"][0]["message"] == "one"
    kinesis.delete_stream(StreamName="s")
    put(stream, (at, "two"))
    emulator.settle()
    [metric] = emulator.client("cloudwatch").list_metrics(Namespace="AWS/Logs", MetricName="DeliveryErrors")["Metrics"]
    assert {"Name": "DestinationType", "Value": "Kinesis"} in metric["Dimensions"]


@pytest.mark.parametrize(
    "arn", ["arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:logs:us-east-1:000000000000:delivery-destination:d"]
)
def test_what_is_no_function_stream_or_destination_is_refused_by_name(stream: Any, arn: str) -> None:
    with pytest.raises(ClientError) as caught:
        stream.put_subscription_filter(logGroupName=GROUP, filterName="s", filterPattern="", destinationArn=arn)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


DESTINATION = "arn:aws:logs:us-east-1:000000000000:destination:d"
NO_DESTINATION = ("ResourceNotFoundException", "The specified destination does not exist.")


def test_a_destination_leads_to_a_stream_that_takes_a_test_message(emulator: RunningEmulator, stream: Any) -> None:
    kinesis, logs = emulator.client("kinesis"), emulator.client("logs")
    given = {"destinationName": "d", "targetArn": KINESIS, "roleArn": ROLE}
    assert refused(logs.put_destination, **given) == (
        "InvalidParameterException",
        "Could not deliver test message to specified destination. Check if the destination is valid.",
    )
    queue = {**given, "targetArn": "arn:aws:sqs:us-east-1:000000000000:q"}
    assert refused(logs.put_destination, **queue)[0] == "InvalidParameterException"
    kinesis.create_stream(StreamName="s", ShardCount=1)
    made = logs.put_destination(**given, tags={"team": "a"})["destination"]
    assert made == {
        "destinationName": "d",
        "targetArn": KINESIS,
        "roleArn": ROLE,
        "arn": DESTINATION,
        "creationTime": now_ms(emulator),
    }
    logs.put_destination(**{**given, "destinationName": "e"})
    first = logs.describe_destinations(limit=1)
    assert first["destinations"] == [made]
    [second] = logs.describe_destinations(nextToken=first["nextToken"])["destinations"]
    assert logs.describe_destinations(DestinationNamePrefix="e")["destinations"] == [second]
    logs.tag_resource(resourceArn=DESTINATION, tags={"stage": "b"})
    logs.untag_resource(resourceArn=DESTINATION, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=DESTINATION)["tags"] == {"stage": "b"}
    logs.delete_destination(destinationName="e")
    assert refused(logs.delete_destination, destinationName="e") == NO_DESTINATION


def test_a_group_that_subscribes_to_a_destination_is_told_of_in_its_stream(
    emulator: RunningEmulator, stream: Any
) -> None:
    kinesis, logs = emulator.client("kinesis"), emulator.client("logs")
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": "", "destinationArn": DESTINATION}
    assert refused(stream.put_subscription_filter, **given) == NO_DESTINATION
    kinesis.create_stream(StreamName="s", ShardCount=1)
    logs.put_destination(destinationName="d", targetArn=KINESIS, roleArn=ROLE)
    stream.put_subscription_filter(**given)
    at = now_ms(emulator)
    put(stream, (at, "one"))
    emulator.settle()
    told = unpacked(kinesis)[-1]
    assert (told["owner"], told["logEvents"][0]["message"]) == ("000000000000", "one")
    logs.delete_destination(destinationName="d")
    put(stream, (at, "two"))
    emulator.settle()
    assert unpacked(kinesis)[-1] == told
    [metric] = emulator.client("cloudwatch").list_metrics(Namespace="AWS/Logs", MetricName="DeliveryErrors")["Metrics"]
    assert {"Name": "DestinationType", "Value": "Destination"} in metric["Dimensions"]


def test_another_account_subscribes_if_the_destinations_policy_lets_it(emulator: RunningEmulator) -> None:
    kinesis, logs = emulator.client("kinesis"), emulator.client("logs")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    logs.put_destination(destinationName="d", targetArn=KINESIS, roleArn=ROLE)
    theirs = emulator.client("logs", aws_access_key_id="111111111111")
    theirs.create_log_group(logGroupName=GROUP)
    theirs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": "", "destinationArn": DESTINATION}
    denied = (
        "AccessDeniedException",
        "User: arn:aws:iam::111111111111:root is not authorized to perform: logs:PutSubscriptionFilter "
        f"on resource: {DESTINATION}",
    )
    assert refused(theirs.put_subscription_filter, **given) == denied

    def let_in(account: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "logs:*", "Resource": DESTINATION}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    logs.put_destination_policy(destinationName="d", accessPolicy=let_in("222222222222"))
    assert refused(theirs.put_subscription_filter, **given) == denied
    logs.put_destination_policy(destinationName="d", accessPolicy=let_in("111111111111"))
    assert logs.describe_destinations()["destinations"][0]["accessPolicy"] == let_in("111111111111")
    theirs.put_subscription_filter(**given)
    put(theirs, (now_ms(emulator), "from afar"))
    emulator.settle()
    told = unpacked(kinesis)[-1]
    assert (told["owner"], told["logEvents"][0]["message"]) == ("111111111111", "from afar")
    for policy in ("no json", '{"Statement": [{"Effect": "Perhaps"}]}', "[]"):
        refusal = refused(logs.put_destination_policy, destinationName="d", accessPolicy=policy)
        assert refusal[0] == "InvalidParameterException"
    assert refused(logs.put_destination_policy, destinationName="x", accessPolicy=let_in("*")) == NO_DESTINATION


FIREHOSE = "arn:aws:firehose:us-east-1:000000000000:deliverystream/f"


def test_firehose_is_given_packed_events_that_it_puts_into_its_bucket(emulator: RunningEmulator, stream: Any) -> None:
    s3, firehose = emulator.client("s3"), emulator.client("firehose")
    s3.create_bucket(Bucket="told")
    target = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::told"}
    firehose.create_delivery_stream(DeliveryStreamName="f", S3DestinationConfiguration=target)
    given = {"logGroupName": GROUP, "filterName": "s", "filterPattern": "ERROR"}
    stream.put_subscription_filter(**given, destinationArn=FIREHOSE, roleArn=ROLE)
    at = now_ms(emulator)
    put(stream, (at, "ERROR one"), (at, "fine"))
    emulator.settle()
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="told")["Contents"]]
    told = [json.loads(gzip.decompress(s3.get_object(Bucket="told", Key=key)["Body"].read())) for key in sorted(keys)]
    kinds = {each["messageType"]: each for each in told}
    assert set(kinds) == {"CONTROL_MESSAGE", "DATA_MESSAGE"}
    assert [event["message"] for event in kinds["DATA_MESSAGE"]["logEvents"]] == ["ERROR one"]


def test_a_long_search_is_one_answer_and_a_page_still_holds_one_megabyte(
    emulator: RunningEmulator, stream: Any
) -> None:
    at = now_ms(emulator)
    for start in range(0, 9000, 3000):
        put(stream, *[(at + start + number, f"n{start + number}") for number in range(3000)])
    answer = stream.filter_log_events(logGroupName=GROUP)
    assert messages(answer) == [f"n{number}" for number in range(9000)]
    assert "nextToken" not in answer
    assert len(stream.filter_log_events(logGroupName=GROUP, filterPattern="n8999")["events"]) == 1
    for number in range(3):
        put(stream, (at + 9000 + number, "x" * 600_000))
    pages = [len(page["events"]) for page in stream.get_paginator("filter_log_events").paginate(logGroupName=GROUP)]
    assert pages == [9001, 1, 1]
    newest = stream.filter_log_events(logGroupName=GROUP, startFromHead=False, limit=4003)
    assert [len(message) for message in messages(newest)] == [600_000]
