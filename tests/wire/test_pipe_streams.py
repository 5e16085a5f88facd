"""Pipes whose source is a stream: what is read, in which form and order, and what becomes of records that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.test_pipes import QUEUE, ROLE, bodies, create_function, queue, refusal

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
NOTER = "arn:aws:lambda:us-east-1:000000000000:function:note"
NOTE = """
import base64, json
def handler(event, context):
    read = [json.loads(base64.b64decode(each["data"])) for each in event]
    print("read", json.dumps(read))
    bad = [each["sequenceNumber"] for each, value in zip(event, read) if value == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": bad[0]}]} if bad else None
"""


def stream(emulator: RunningEmulator) -> Any:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    return kinesis


def put(kinesis: Any, *values: Any) -> None:
    for value in values:
        kinesis.put_record(StreamName="s", PartitionKey="k", Data=json.dumps(value).encode())


def pipe(
    emulator: RunningEmulator,
    target: str,
    source: str = STREAM,
    pattern: Any = None,
    template: str | None = None,
    state: str = "RUNNING",
    **own: Any,
) -> None:
    """A pipe `p` from a stream; `own` holds the parameters of its source."""
    member = "KinesisStreamParameters" if "kinesis" in source else "DynamoDBStreamParameters"
    parameters: dict[str, Any] = {member: {"StartingPosition": "TRIM_HORIZON", **own}}
    if pattern is not None:
        parameters["FilterCriteria"] = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    emulator.client("pipes").create_pipe(
        Name="p",
        Source=source,
        Target=target,
        RoleArn=ROLE,
        DesiredState=state,
        SourceParameters=parameters,
        **({"TargetParameters": {"InputTemplate": template}} if template else {}),
    )
    emulator.settle()


def noted(emulator: RunningEmulator) -> list[Any]:
    """What the function was given, batch by batch."""
    emulator.settle()
    logged = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/note")["events"]
    texts = [each["message"] for each in logged]
    return [json.loads(text.removeprefix("read ")) for text in texts if text.startswith("read ")]


def test_records_of_kinesis_go_on_in_pipes_own_form_and_order(emulator: RunningEmulator) -> None:
    kinesis, out = stream(emulator), queue(emulator, "out")
    put(kinesis, {"n": 1})
    pipe(emulator, QUEUE + "out")
    put(kinesis, {"n": 2})
    emulator.settle()
    first, second = [json.loads(body) for body in bodies(emulator, out)]
    assert list(first) == [
        "kinesisSchemaVersion",
        "partitionKey",
        "sequenceNumber",
        "data",
        "approximateArrivalTimestamp",
        "eventSource",
        "eventVersion",
        "eventID",
        "eventName",
        "invokeIdentityArn",
        "awsRegion",
        "eventSourceARN",
    ]
    assert (first["data"], first["invokeIdentityArn"], first["eventSourceARN"]) == ("eyJuIjogMX0=", ROLE, STREAM)
    assert int(first["sequenceNumber"]) < int(second["sequenceNumber"])
    shown = emulator.client("pipes").describe_pipe(Name="p")
    assert shown["CurrentState"] == "RUNNING"
    own = shown["SourceParameters"]["KinesisStreamParameters"]
    assert own == {"BatchSize": 100, "StartingPosition": "TRIM_HORIZON"}


def test_filters_and_templates_see_the_data_of_kinesis_decoded(emulator: RunningEmulator) -> None:
    kinesis, out = stream(emulator), queue(emulator, "out")
    pattern = {"data": {"kind": ["wanted"]}, "eventSource": ["aws:kinesis"]}
    pipe(emulator, QUEUE + "out", pattern=pattern, template='{"n": <$.data.n>, "key": <$.partitionKey>}')
    put(kinesis, {"kind": "other", "n": 1}, {"kind": "wanted", "n": 2}, "no object")
    emulator.settle()
    assert [json.loads(body) for body in bodies(emulator, out)] == [{"n": 2, "key": "k"}]


def test_changes_of_a_table_go_on(emulator: RunningEmulator) -> None:
    dynamodb, out = emulator.client("dynamodb"), queue(emulator, "out")
    table = dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    pattern = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "a"}]}}}}
    template = "<$.dynamodb.NewImage.id.S>"
    pipe(emulator, QUEUE + "out", table["LatestStreamArn"], pattern=pattern, template=template)
    for key in ("a1", "b1", "a2"):
        dynamodb.put_item(TableName="t", Item={"id": {"S": key}})
    emulator.settle()
    assert bodies(emulator, out) == ["a1", "a2"]


def test_reading_begins_at_the_end_if_the_pipe_says_so(emulator: RunningEmulator) -> None:
    kinesis, out = stream(emulator), queue(emulator, "out")
    put(kinesis, "before")
    pipe(emulator, QUEUE + "out", template="<$.data>", StartingPosition="LATEST")
    put(kinesis, "after")
    emulator.settle()
    assert [body.strip('"') for body in bodies(emulator, out)] == ["after"]


def test_what_a_function_reports_is_tried_again_until_it_is_given_up(emulator: RunningEmulator) -> None:
    kinesis, dead = stream(emulator), queue(emulator, "dead")
    create_function(emulator, "note", NOTE)
    put(kinesis, 1, "bad", 3)
    pipe(emulator, NOTER, MaximumRetryAttempts=1, DeadLetterConfig={"Arn": QUEUE + "dead"})
    put(kinesis, 4)
    assert noted(emulator) == [[1, "bad", 3], ["bad", 3], [4]]
    [told] = [json.loads(body) for body in bodies(emulator, dead)]
    assert told["context"] == {
        "partnerResourceArn": "arn:aws:pipes:us-east-1:000000000000:pipe/p",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert (told["KinesisBatchInfo"]["batchSize"], told["KinesisBatchInfo"]["streamArn"]) == (2, STREAM)


def test_a_failing_batch_is_halved_until_one_record_is_left(emulator: RunningEmulator) -> None:
    kinesis, dead = stream(emulator), queue(emulator, "dead")
    create_function(emulator, "note", NOTE.replace("    return", '    if bad: raise ValueError("bad")\n    return'))
    put(kinesis, 1, 2, "bad", 4)
    settings = {"MaximumRetryAttempts": 0, "OnPartialBatchItemFailure": "AUTOMATIC_BISECT"}
    pipe(emulator, NOTER, DeadLetterConfig={"Arn": QUEUE + "dead"}, **settings)
    assert [batch for batch in noted(emulator) if "bad" not in batch] == [[1, 2], [4]]
    [told] = [json.loads(body) for body in bodies(emulator, dead)]
    assert told["KinesisBatchInfo"]["batchSize"] == 1


def test_records_that_grow_too_old_are_given_up(emulator: RunningEmulator) -> None:
    kinesis, dead = stream(emulator), queue(emulator, "dead")
    put(kinesis, 1)
    pipe(emulator, QUEUE + "missing", MaximumRecordAgeInSeconds=60, DeadLetterConfig={"Arn": QUEUE + "dead"})
    [told] = [json.loads(body) for body in bodies(emulator, dead)]
    assert told["context"]["condition"] == "RecordAgeExceeded"


def test_no_record_overtakes_one_that_its_target_refuses(emulator: RunningEmulator) -> None:
    kinesis, out = stream(emulator), queue(emulator, "out.fifo")
    created = {"Name": "p", "Source": STREAM, "Target": QUEUE + "out.fifo", "RoleArn": ROLE}
    source = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 1}}
    target = {"InputTemplate": "<$.data.n>", "SqsQueueParameters": {"MessageGroupId": "$.data.group"}}
    emulator.client("pipes").create_pipe(**created, SourceParameters=source, TargetParameters=target)
    put(kinesis, {"n": 1, "group": "g"})
    emulator.settle()
    put(kinesis, {"n": 2, "group": "no blanks"}, {"n": 3, "group": "g"})
    emulator.advance(0)
    assert bodies(emulator, out) == ["1"]
    emulator.settle()
    put(kinesis, {"n": 4, "group": "other"})
    emulator.settle()
    assert bodies(emulator, out) == ["4"]  # the two before it were given up together


def test_a_stopped_pipe_goes_on_where_it_was(emulator: RunningEmulator) -> None:
    kinesis, out = stream(emulator), queue(emulator, "out")
    pipes = emulator.client("pipes")
    pipe(emulator, QUEUE + "out", template="<$.data>", state="STOPPED")
    put(kinesis, 1)
    emulator.settle()
    assert bodies(emulator, out) == []
    pipes.start_pipe(Name="p")
    emulator.settle()
    assert bodies(emulator, out) == ["1"]
    pipes.stop_pipe(Name="p")
    emulator.settle()
    put(kinesis, 2)
    parameters = {"KinesisStreamParameters": {"ParallelizationFactor": 2, "BatchSize": 1}}
    pipes.update_pipe(Name="p", RoleArn=ROLE, DesiredState="RUNNING", SourceParameters=parameters)
    emulator.settle()
    assert bodies(emulator, out) == ["2"]
    own = pipes.describe_pipe(Name="p")["SourceParameters"]["KinesisStreamParameters"]
    assert own == {"BatchSize": 1, "ParallelizationFactor": 2, "StartingPosition": "TRIM_HORIZON"}
    pipes.delete_pipe(Name="p")
    emulator.settle()
    put(kinesis, 3)
    emulator.settle()
    assert bodies(emulator, out) == []
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_pipe_without_its_stream_says_so(emulator: RunningEmulator) -> None:
    pipe(emulator, QUEUE + "out")
    shown = emulator.client("pipes").describe_pipe(Name="p")
    assert (shown["CurrentState"], STREAM in shown["StateReason"]) == ("CREATE_FAILED", True)


@pytest.mark.parametrize(
    ("source", "parameters", "text"),
    [
        (STREAM, {}, "StartingPosition is required"),
        (STREAM, {"KinesisStreamParameters": {"StartingPosition": "AT_TIMESTAMP"}}, "StartingPositionTimestamp"),
        (STREAM, {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}}, "cannot be specified"),
        (STREAM, {"SqsQueueParameters": {"BatchSize": 1}}, "cannot be specified"),
        (
            STREAM,
            {"KinesisStreamParameters": {"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 59}},
            "MaximumRecordAgeInSeconds",
        ),
        ("arn:aws:dynamodb:us-east-1:000000000000:table/t", {}, "is not supported"),
    ],
)
def test_bad_streams_are_refused(emulator: RunningEmulator, source: str, parameters: dict[str, Any], text: str) -> None:
    request = {"Name": "p", "Source": source, "Target": QUEUE + "out", "RoleArn": ROLE, "SourceParameters": parameters}
    code, message = refusal(emulator.client("pipes").create_pipe, **request)
    assert code == "ValidationException" and text in message
