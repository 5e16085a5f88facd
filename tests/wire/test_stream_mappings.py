"""Event source mappings of Kinesis and DynamoDB streams."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.wire.lambda_support import create, error_of, package

STREAM_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
RECORDING = """
import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
    for record in event["Records"]:
        if "kinesis" in record:
            import base64
            if base64.b64decode(record["kinesis"]["data"]) == b"bad":
                raise ValueError("bad")
"""
REPORTING = """
import base64, json
def handler(event, context):
    print("EVENT " + json.dumps(event))
    bad = [r["kinesis"]["sequenceNumber"] for r in event["Records"] if base64.b64decode(r["kinesis"]["data"]) == b"bad"]
    return {"batchItemFailures": [{"itemIdentifier": n} for n in bad]}
"""
COUNTING = """
import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
    return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}
"""


@pytest.fixture
def kinesis(emulator: Any) -> Any:
    client = emulator.client("kinesis")
    client.create_stream(StreamName="s", ShardCount=1)
    return client


def function(emulator: Any, code: str = RECORDING) -> Any:
    client = emulator.client("lambda")
    create(client, "reader", Code={"ZipFile": package(code)})
    return client


def put(kinesis: Any, *data: str, key: str = "k") -> None:
    """In one request, so that one look into the stream finds all of it."""
    records = [{"PartitionKey": key, "Data": each.encode()} for each in data]
    kinesis.put_records(StreamName="s", Records=records)


def mapped(client: Any, **more: Any) -> str:
    wanted = {"StartingPosition": "TRIM_HORIZON", "EventSourceArn": STREAM_ARN, **more}
    return client.create_event_source_mapping(FunctionName="reader", **wanted)["UUID"]


def events(emulator: Any) -> list[Any]:
    logs = emulator.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/reader")["logGroups"]:
        return []
    found = logs.filter_log_events(logGroupName="/aws/lambda/reader")["events"]
    return [json.loads(each["message"][6:]) for each in found if each["message"].startswith("EVENT ")]


def given(emulator: Any) -> list[list[str]]:
    """The data of each invocation's records."""
    return [
        [base64.b64decode(record["kinesis"]["data"]).decode() for record in each["Records"]]
        for each in events(emulator)
    ]


# ── configuration ──


def test_a_mapping_of_a_stream_is_shown_as_aws_shows_it(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    answer = client.create_event_source_mapping(
        FunctionName="reader", EventSourceArn=STREAM_ARN, StartingPosition="TRIM_HORIZON"
    )
    del answer["ResponseMetadata"], answer["UUID"], answer["LastModified"], answer["EventSourceMappingArn"]
    assert answer == {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": STREAM_ARN,
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:reader",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "FunctionResponseTypes": [],
        "StartingPosition": "TRIM_HORIZON",
        "ParallelizationFactor": 1,
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "LastProcessingResult": "No records processed",
    }
    [listed] = client.list_event_source_mappings(EventSourceArn=STREAM_ARN)["EventSourceMappings"]
    assert (listed["State"], listed["LastProcessingResult"]) == ("Enabled", "No records processed")


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"StartingPosition": None}, "1 validation error detected: Value null at 'startingPosition' failed"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "Timestamp is required"),
        ({"StartingPositionTimestamp": 1.0}, "Timestamp is only supported"),
        ({"EventSourceArn": f"{STREAM_ARN}x"}, f"Stream not found: {STREAM_ARN}x"),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "Unsupported ScalingConfig parameter"),
        ({"MaximumRecordAgeInSeconds": 5}, "MaximumRecordAgeInSeconds must be"),
        ({"ParallelizationFactor": 2, "TumblingWindowInSeconds": 2}, "ParallelizationFactor must be 1"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}}},
            "The provided destination config",
        ),
        ({"FunctionName": "nobody"}, "Function does not exist"),
    ],
)
def test_a_mapping_that_aws_refuses_is_not_made(emulator: Any, kinesis: Any, more: dict[str, Any], text: str) -> None:
    client = function(emulator)
    wanted = {"FunctionName": "reader", "EventSourceArn": STREAM_ARN, "StartingPosition": "TRIM_HORIZON", **more}
    request = {name: value for name, value in wanted.items() if value is not None}
    code, status, message = error_of(lambda: client.create_event_source_mapping(**request))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message.startswith(text)
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_stream_and_a_function_are_mapped_once(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    uuid = mapped(client)
    code, status, message = error_of(lambda: mapped(client))
    assert (code, status) == ("ResourceConflictException", 409)
    assert message == (
        f'The event source arn (" {STREAM_ARN} ") and function (" reader ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )


# ── reading ──


def test_records_come_in_batches_in_order_with_awss_members(emulator: Any, kinesis: Any) -> None:
    put(kinesis, "1", "2", "3")
    client = function(emulator)
    uuid = mapped(client, BatchSize=2)
    emulator.settle()
    put(kinesis, "4")
    emulator.settle()
    assert given(emulator) == [["1", "2"], ["3"], ["4"]]
    record = events(emulator)[0]["Records"][0]
    sequence = record["kinesis"]["sequenceNumber"]
    assert list(record["kinesis"]) == [
        "kinesisSchemaVersion",
        "partitionKey",
        "sequenceNumber",
        "data",
        "approximateArrivalTimestamp",
    ]
    del record["kinesis"]
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/lambda",
        "awsRegion": "us-east-1",
        "eventSourceARN": STREAM_ARN,
    }
    assert client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK"


def test_latest_and_at_timestamp_begin_where_they_say(emulator: Any, kinesis: Any) -> None:
    put(kinesis, "old")
    emulator.advance(100)
    since = emulator.now()
    put(kinesis, "newer")
    client = function(emulator)
    uuid = mapped(client, StartingPosition="LATEST")
    emulator.settle()
    put(kinesis, "newest")
    emulator.settle()
    assert given(emulator) == [["newest"]]
    client.delete_event_source_mapping(UUID=uuid)
    mapped(client, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=since - 1)
    emulator.settle()
    assert given(emulator)[1:] == [["newer", "newest"]]


def test_a_batching_window_waits_for_more(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    mapped(client, BatchSize=3, MaximumBatchingWindowInSeconds=30)
    put(kinesis, "1")
    emulator.advance(20)
    put(kinesis, "2")
    emulator.advance(5)
    assert given(emulator) == []
    emulator.advance(6)
    assert given(emulator) == [["1", "2"]]
    put(kinesis, "3", "4", "5")
    emulator.advance(1)
    assert given(emulator)[1:] == [["3", "4", "5"]]


def test_a_disabled_mapping_reads_nothing_and_goes_on_where_it_was(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    uuid = mapped(client)
    put(kinesis, "1")
    emulator.settle()
    assert client.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    put(kinesis, "2")
    emulator.settle()
    assert given(emulator) == [["1"]]
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    emulator.settle()
    assert given(emulator) == [["1"], ["2"]]


def test_filters_see_the_data(emulator: Any, kinesis: Any) -> None:
    pattern = json.dumps({"data": {"city": ["Ulm"]}, "partitionKey": ["k"]})
    client = function(emulator)
    mapped(client, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    put(kinesis, '{"city": "Ulm"}', '{"city": "Bonn"}', "no json")
    put(kinesis, '{"city": "Ulm"}', key="other")
    emulator.settle()
    assert given(emulator) == [['{"city": "Ulm"}']]


def test_lanes_keep_the_order_of_each_key(emulator: Any, kinesis: Any) -> None:
    for number in range(12):
        put(kinesis, str(number), key=f"k{number % 3}")
    client = function(emulator)
    mapped(client, ParallelizationFactor=4, BatchSize=2)
    emulator.settle()
    seen = [int(each) for batch in given(emulator) for each in batch]
    assert sorted(seen) == list(range(12))
    for key in range(3):
        mine = [each for each in seen if each % 3 == key]
        assert mine == sorted(mine)


def test_children_of_a_shard_are_read_after_it(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    mapped(client, BatchSize=1)
    put(kinesis, "1", "2")
    emulator.settle()
    kinesis.split_shard(
        StreamName="s",
        ShardToSplit="shardId-000000000000",
        NewStartingHashKey="170141183460469231731687303715884105728",
    )
    put(kinesis, "3", key="a")
    put(kinesis, "4", key="b")
    emulator.settle()
    assert sorted(each for batch in given(emulator) for each in batch) == ["1", "2", "3", "4"]


# ── failures ──


def test_a_failed_batch_holds_up_its_shard_until_its_retries_are_used_up(emulator: Any, kinesis: Any) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="lost")["QueueUrl"]
    target = "arn:aws:sqs:us-east-1:000000000000:lost"
    client = function(emulator)
    uuid = mapped(client, BatchSize=1, MaximumRetryAttempts=2, DestinationConfig={"OnFailure": {"Destination": target}})
    put(kinesis, "bad", "good")
    emulator.settle()
    assert given(emulator) == [["bad"], ["bad"], ["bad"], ["good"]]
    assert client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK"
    [message] = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    record = json.loads(message["Body"])
    info = record["KinesisBatchInfo"]
    assert list(record) == ["requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo"]
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert (info["shardId"], info["batchSize"], info["streamArn"]) == ("shardId-000000000000", 1, STREAM_ARN)
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert list(info) == [
        "shardId",
        "startSequenceNumber",
        "endSequenceNumber",
        "approximateArrivalOfFirstRecord",
        "approximateArrivalOfLastRecord",
        "batchSize",
        "streamArn",
    ]


def test_a_bucket_gets_the_records_too(emulator: Any, kinesis: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="lost")
    client = function(emulator)
    target = {"OnFailure": {"Destination": "arn:aws:s3:::lost"}}
    uuid = mapped(client, MaximumRetryAttempts=0, DestinationConfig=target)
    put(kinesis, "bad")
    emulator.settle()
    [stored] = s3.list_objects_v2(Bucket="lost")["Contents"]
    assert stored["Key"].startswith(f"aws/lambda/{uuid}/shardId-000000000000/")
    record = json.loads(s3.get_object(Bucket="lost", Key=stored["Key"])["Body"].read())
    [told] = json.loads(record["payload"])["Records"]
    assert base64.b64decode(told["kinesis"]["data"]) == b"bad"


def test_a_batch_is_split_until_the_bad_record_is_alone(emulator: Any, kinesis: Any) -> None:
    put(kinesis, "1", "2", "bad", "4")
    client = function(emulator)
    mapped(client, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)
    emulator.settle()
    assert given(emulator) == [["1", "2", "bad", "4"], ["1", "2"], ["bad", "4"], ["bad"], ["bad"], ["4"]]


def test_reported_failures_are_tried_again_from_the_first_on(emulator: Any, kinesis: Any) -> None:
    put(kinesis, "1", "bad", "3")
    client = function(emulator, REPORTING)
    mapped(client, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)
    emulator.settle()
    assert given(emulator) == [["1", "bad", "3"], ["bad", "3"]]


def test_records_that_grow_too_old_are_dropped(emulator: Any, kinesis: Any) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="lost")["QueueUrl"]
    target = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:lost"}}
    client = function(emulator)
    uuid = mapped(client, MaximumRecordAgeInSeconds=60, DestinationConfig=target)
    put(kinesis, "bad")
    emulator.advance(55)
    assert client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "PROBLEM: Function call failed"
    assert "Messages" not in emulator.client("sqs").receive_message(QueueUrl=queue)
    emulator.settle()
    assert 5 < len(given(emulator)) < 10
    [message] = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_function_without_a_place_costs_no_attempt(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    client.put_function_concurrency(FunctionName="reader", ReservedConcurrentExecutions=0)
    mapped(client, MaximumRetryAttempts=0)
    put(kinesis, "1")
    emulator.advance(20)
    assert given(emulator) == []
    client.delete_function_concurrency(FunctionName="reader")
    emulator.advance(60)
    assert given(emulator) == [["1"]]


# ── tumbling windows ──


def test_a_tumbling_window_hands_on_its_state_and_closes(emulator: Any, kinesis: Any) -> None:
    emulator.advance(60 - emulator.now() % 60 + 1)
    client = function(emulator, COUNTING)
    mapped(client, TumblingWindowInSeconds=60, BatchSize=2)
    put(kinesis, "1", "2", "3")
    emulator.advance(10)
    assert [each["state"] for each in events(emulator)] == [{}, {"n": 2}]
    emulator.advance(50)
    last = events(emulator)[-1]
    assert last["isFinalInvokeForWindow"] is True
    assert (last["Records"], last["state"]) == ([], {"n": 3})
    assert list(last)[1:] == [
        "window",
        "state",
        "shardId",
        "eventSourceARN",
        "isFinalInvokeForWindow",
        "isWindowTerminatedEarly",
    ]
    put(kinesis, "4")
    emulator.settle()
    assert [each["state"] for each in events(emulator)[3:]] == [{}, {"n": 1}]


# ── streams that go ──


def test_a_lost_stream_is_said_and_one_made_anew_is_read_from_its_beginning(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    uuid = mapped(client, StartingPosition="LATEST")
    put(kinesis, "1")
    emulator.settle()
    kinesis.delete_stream(StreamName="s")
    emulator.settle()
    assert client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"].startswith("PROBLEM: Stream not found")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    put(kinesis, "2")
    emulator.settle()
    assert given(emulator) == [["1"], ["2"]]


# ── DynamoDB ──


@pytest.fixture
def table(emulator: Any) -> Any:
    client = emulator.client("dynamodb")
    client.arn = client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    return client


def test_changes_of_items_reach_a_function(emulator: Any, table: Any) -> None:
    client = function(emulator)
    mapped(client, EventSourceArn=table.arn)
    table.put_item(TableName="t", Item={"k": {"S": "1"}, "b": {"B": b"\xff"}})
    table.put_item(TableName="t", Item={"k": {"S": "1"}, "b": {"B": b"\xff"}})
    table.put_item(TableName="t", Item={"k": {"S": "1"}, "n": {"N": "2"}})
    table.delete_item(TableName="t", Key={"k": {"S": "1"}})
    table.get_item(TableName="t", Key={"k": {"S": "1"}})
    emulator.settle()
    records = [record for each in events(emulator) for record in each["Records"]]
    assert [each["eventName"] for each in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert list(records[0]) == [
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "dynamodb",
        "eventSourceARN",
    ]
    change = records[1]["dynamodb"]
    assert (change["Keys"], change["NewImage"]) == ({"k": {"S": "1"}}, {"k": {"S": "1"}, "n": {"N": "2"}})
    assert change["OldImage"] == {"k": {"S": "1"}, "b": {"B": "/w=="}}
    assert isinstance(change["ApproximateCreationDateTime"], int)
    assert records[0]["eventSourceARN"] == table.arn


def test_an_item_that_an_update_makes_is_told_of_once_with_all_its_attributes(emulator: Any, table: Any) -> None:
    client = function(emulator)
    mapped(client, EventSourceArn=table.arn, BatchSize=1)
    for word in ("a", "b"):
        table.update_item(
            TableName="t",
            Key={"k": {"S": word}},
            UpdateExpression="SET w = :w",
            ExpressionAttributeValues={":w": {"S": word}},
        )
    emulator.settle()
    [[first], [second]] = [each["Records"] for each in events(emulator)]
    assert (first["eventName"], first["dynamodb"]["NewImage"]) == ("INSERT", {"k": {"S": "a"}, "w": {"S": "a"}})
    assert (second["eventName"], second["dynamodb"]["NewImage"]) == ("INSERT", {"k": {"S": "b"}, "w": {"S": "b"}})


def test_filters_see_what_changed(emulator: Any, table: Any) -> None:
    pattern = json.dumps({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"n": {"N": ["2"]}}}})
    client = function(emulator)
    mapped(client, EventSourceArn=table.arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for key, number in (("1", "1"), ("2", "2")):
        table.put_item(TableName="t", Item={"k": {"S": key}, "n": {"N": number}})
    emulator.settle()
    assert [each["dynamodb"]["Keys"]["k"]["S"] for event in events(emulator) for each in event["Records"]] == ["2"]


def test_a_dead_change_is_told_with_the_streams_words(emulator: Any, table: Any) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="lost")["QueueUrl"]
    target = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:lost"}}
    client = function(emulator, "def handler(event, context):\n    raise ValueError('no')\n")
    mapped(client, EventSourceArn=table.arn, MaximumRetryAttempts=0, DestinationConfig=target)
    table.put_item(TableName="t", Item={"k": {"S": "1"}})
    emulator.settle()
    [message] = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["DDBStreamBatchInfo"]["streamArn"] == table.arn


def test_a_stream_of_another_day_is_not_found(emulator: Any, table: Any) -> None:
    client = function(emulator)
    arn = table.arn.rpartition("/")[0] + "/2020-01-01T00:00:00.000"
    code, _, message = error_of(lambda: mapped(client, EventSourceArn=arn))
    assert (code, message) == ("InvalidParameterValueException", f"Stream not found: {arn}")
    code, _, message = error_of(lambda: mapped(client, EventSourceArn=table.arn, StartingPosition="AT_TIMESTAMP"))
    assert message == f"Unsupported starting position for arn type: {table.arn}"


def test_the_age_of_the_iterator_is_measured(emulator: Any, kinesis: Any) -> None:
    client = function(emulator)
    mapped(client, MaximumBatchingWindowInSeconds=10)
    put(kinesis, "1")
    emulator.settle()
    [found] = [
        each
        for each in emulator.client("cloudwatch").list_metrics(MetricName="IteratorAge")["Metrics"]
        if each["Dimensions"] == [{"Name": "FunctionName", "Value": "reader"}]
    ]
    assert found["Namespace"] == "AWS/Lambda"
