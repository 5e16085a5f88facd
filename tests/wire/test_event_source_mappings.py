"""Event source mappings over boto3: answers and errors as recorded, and what a function is invoked with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.crash.support import package

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:consume"

ECHO = """
import json, os, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(event))
    return {}
"""
SCRIPTED = """
import json, os, boto3
def handler(event, context):
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps([r["body"] for r in event["Records"]]))
    if any(r["body"].startswith("poison") for r in event["Records"]):
        raise ValueError("poison")
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if "bad" in r["body"]]}
"""


class Setup:
    """A queue, a function that reports what it was invoked with into another queue, and clients."""

    def __init__(self, emulator: RunningEmulator, source: str = ECHO, name: str = "orders", **attributes: str) -> None:
        self.emulator = emulator
        self.sqs = emulator.client("sqs")
        self.client = emulator.client("lambda")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.seen_url = self.sqs.create_queue(QueueName="seen")["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        self.client.create_function(
            FunctionName="consume",
            Runtime="python3.11",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": package(source)},
            Timeout=20,
            Environment={"Variables": {"SEEN": self.seen_url}},
        )

    def map(self, **settings: Any) -> dict[str, Any]:
        return self.client.create_event_source_mapping(EventSourceArn=self.arn, FunctionName="consume", **settings)

    def seen(self) -> list[Any]:
        """What the function reported since the last call, in order."""
        found: list[Any] = []
        while messages := self.sqs.receive_message(QueueUrl=self.seen_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.seen_url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def send(self, *bodies: str, **more: Any) -> None:
        entries = [{"Id": str(index), "MessageBody": body, **more} for index, body in enumerate(bodies)]
        assert "Failed" not in self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def left(self, url: str | None = None) -> tuple[int, int]:
        """(visible, in flight) messages of a queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_the_life_of_a_mapping_as_recorded(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    created = setup.map()
    assert created.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    uuid = created["UUID"]
    expected = {
        "UUID": uuid,
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE,
        "FunctionArn": FUNCTION,
        "LastModified": created["LastModified"],
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{uuid}",
    }
    assert created == expected
    assert created["LastModified"].timestamp() == pytest.approx(emulator.now(), abs=0.01)
    found = setup.client.get_event_source_mapping(UUID=uuid)
    assert found.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert found == {**expected, "State": "Enabled"}
    assert setup.client.list_event_source_mappings(EventSourceArn=QUEUE)["EventSourceMappings"] == [found]
    assert setup.client.list_event_source_mappings(FunctionName="consume")["EventSourceMappings"] == [found]
    assert setup.client.list_event_source_mappings(FunctionName="other")["EventSourceMappings"] == []
    disabling = setup.client.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert (disabling["State"], disabling["ResponseMetadata"]["HTTPStatusCode"]) == ("Disabling", 202)
    assert setup.client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    assert setup.client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    assert setup.client.update_event_source_mapping(UUID=uuid, BatchSize=3)["State"] == "Updating"
    assert setup.client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 3
    deleted = setup.client.delete_event_source_mapping(UUID=uuid)
    assert (deleted["State"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("Deleting", 202)
    missing = (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(setup.client.get_event_source_mapping, UUID=uuid) == missing
    assert refusal(setup.client.update_event_source_mapping, UUID=uuid) == missing
    assert refusal(setup.client.delete_event_source_mapping, UUID=uuid) == missing


def test_a_disabled_mapping_reads_nothing_until_it_is_enabled(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    created = setup.map(Enabled=False)
    assert created["State"] == "Disabled"
    setup.send("one")
    emulator.settle()
    assert setup.left() == (1, 0)
    setup.client.update_event_source_mapping(UUID=created["UUID"], Enabled=True)
    emulator.settle()
    assert setup.left() == (0, 0)
    assert len(setup.seen()) == 1


def test_settings_are_shown_and_removed(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    pattern = json.dumps({"body": {"kind": ["a"]}})
    created = setup.map(
        BatchSize=100,
        MaximumBatchingWindowInSeconds=5,
        FilterCriteria={"Filters": [{"Pattern": pattern}]},
        ScalingConfig={"MaximumConcurrency": 2},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert created["FilterCriteria"] == {"Filters": [{"Pattern": pattern}]}
    assert created["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert created["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    updated = setup.client.update_event_source_mapping(
        UUID=created["UUID"], FilterCriteria={}, ScalingConfig={}, FunctionResponseTypes=[]
    )
    assert "FilterCriteria" not in updated
    assert "ScalingConfig" not in updated
    assert updated["FunctionResponseTypes"] == []


WINDOW = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
PATTERN = "Invalid filter pattern definition."


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"EventSourceArn": None}, "Unrecognized event source."),
        ({"FunctionName": "unknown"}, "Function does not exist"),
        ({"EventSourceArn": f"{QUEUE}-2"}, NO_QUEUE),
        ({"BatchSize": 15}, WINDOW),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        ({"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        ({"FilterCriteria": {"Filters": [{}]}}, PATTERN),
        ({"FilterCriteria": {"Filters": [{"Pattern": "simple string"}]}}, PATTERN),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"eventSource": "aws:sqs"}'}]}}, PATTERN),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"eventSource": []}'}]}}, PATTERN),
    ],
)
def test_what_create_refuses(emulator: RunningEmulator, settings: dict[str, Any], text: str) -> None:
    setup = Setup(emulator)
    wanted = {"EventSourceArn": QUEUE, "FunctionName": "consume", **settings}
    request = {name: value for name, value in wanted.items() if value is not None}
    answer = refusal(setup.client.create_event_source_mapping, **request)
    assert answer == (400, "InvalidParameterValueException", text)


def test_a_pair_is_mapped_once(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    uuid = setup.map()["UUID"]
    text = (
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" consume ") already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )
    assert refusal(setup.map) == (409, "ResourceConflictException", text)


def test_a_queue_must_hide_messages_as_long_as_the_function_may_run(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, VisibilityTimeout="19")
    text = "Queue visibility timeout: 19 seconds is less than Function timeout: 20 seconds"
    assert refusal(setup.map) == (400, "InvalidParameterValueException", text)


@pytest.mark.parametrize("source", ["mq:us-east-1:000000000000:broker:b:1", "kafka:us-east-1:000000000000:cluster/c/1"])
def test_other_sources_are_refused_by_name(emulator: RunningEmulator, source: str) -> None:
    setup = Setup(emulator)
    status, code, text = refusal(
        setup.client.create_event_source_mapping, EventSourceArn=f"arn:aws:{source}", FunctionName="consume"
    )
    assert (status, code) == (501, "NotImplemented")
    assert "event source" in text


def test_what_aws_refuses_of_other_sources_is_told_before_that_they_are_not_emulated(
    emulator: RunningEmulator,
) -> None:
    create = Setup(emulator).client.create_event_source_mapping
    kafka = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}
    access = [{"Type": "BASIC_AUTH", "URI": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s"}]
    more = {"SelfManagedEventSource": kafka, "Topics": ["topic"], "StartingPosition": "TRIM_HORIZON"}
    missing = (400, "InvalidParameterValueException", "Required 'sourceAccessConfigurations' parameter is missing.")
    assert refusal(create, FunctionName="consume", **more) == missing
    more["SourceAccessConfigurations"] = access
    nobody = (400, "InvalidParameterValueException", "Function does not exist")
    assert refusal(create, FunctionName="nobody", **more) == nobody
    msk = f"arn:aws:kafka:us-east-1:{ACCOUNT}:cluster/c/1"
    assert refusal(create, FunctionName="nobody", EventSourceArn=msk) == nobody
    status, _, text = refusal(create, FunctionName="consume", **more)
    assert status == 501 and "self-managed Kafka" in text


def test_mappings_are_listed_in_pages(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    made = {setup.map()["UUID"]}
    for index in range(4):
        setup.sqs.create_queue(QueueName=f"more-{index}")
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:more-{index}"
        made.add(setup.client.create_event_source_mapping(EventSourceArn=arn, FunctionName="consume")["UUID"])
    pages = setup.client.get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 2})
    found = [[item["UUID"] for item in page["EventSourceMappings"]] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert {uuid for page in found for uuid in page} == made


def test_the_event_has_the_recorded_shape(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    setup.map()
    sent = setup.sqs.send_message(
        QueueUrl=setup.url,
        MessageBody='{"foo": "bar"}',
        MessageAttributes={
            "Title": {"DataType": "String", "StringValue": "The Whistler"},
            "Author": {"DataType": "String", "StringValue": "John Grisham"},
            "WeeksOn": {"DataType": "Number", "StringValue": "6"},
        },
    )
    emulator.settle()
    now = str(int(emulator.now() * 1000))
    (event,) = setup.seen()
    (record,) = event["Records"]
    assert list(record) == [
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    ]  # fmt: skip
    assert record.pop("receiptHandle")
    assert record == {
        "messageId": sent["MessageId"],
        "body": '{"foo": "bar"}',
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "SenderId": ACCOUNT,
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {
            name: {"stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": kind}
            for name, text, kind in (
                ("Title", "The Whistler", "String"),
                ("Author", "John Grisham", "String"),
                ("WeeksOn", "6", "Number"),
            )
        },
        "md5OfMessageAttributes": "d25a6aea97eb8f585bfa92d314504a92",
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }
    assert setup.left() == (0, 0)


def test_a_message_without_attributes_has_a_digest_of_null_with_a_window_and_none_without(
    emulator: RunningEmulator,
) -> None:
    setup = Setup(emulator)
    uuid = setup.map()["UUID"]
    setup.send("plain")
    emulator.settle()
    setup.client.update_event_source_mapping(UUID=uuid, MaximumBatchingWindowInSeconds=1)
    setup.send("windowed")
    emulator.settle()
    first, second = (event["Records"][0] for event in setup.seen())
    assert "md5OfMessageAttributes" not in first
    assert second["md5OfMessageAttributes"] is None


def test_a_failed_batch_comes_again_after_the_visibility_timeout_and_ends_in_the_dead_letter_queue(
    emulator: RunningEmulator,
) -> None:
    setup = Setup(emulator, SCRIPTED)
    dead = setup.sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "maxReceiveCount": 2}
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"RedrivePolicy": json.dumps(policy)})
    setup.map()
    setup.send("poison")
    emulator.advance(0)
    assert setup.seen() == [["poison"]]
    emulator.advance(29)
    assert (setup.seen(), setup.left()) == ([], (0, 1))
    emulator.advance(2)
    assert (setup.seen(), setup.left()) == ([["poison"]], (0, 1))
    emulator.advance(31)
    assert (setup.seen(), setup.left(), setup.left(dead)) == ([], (0, 0), (1, 0))


def test_only_reported_messages_come_again(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    setup.send("good 1", "bad", "good 2")
    emulator.advance(0)
    assert setup.seen() == [["good 1", "bad", "good 2"]]
    assert setup.left() == (0, 1)
    emulator.advance(31)
    assert setup.seen() == [["bad"]]


def test_without_the_response_type_an_answer_means_nothing(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map()
    setup.send("bad")
    emulator.settle()
    assert setup.left() == (0, 0)


def test_messages_that_no_filter_wants_are_deleted_unseen(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    wanted = [{"Pattern": json.dumps({"body": {"kind": ["a"], "n": [{"numeric": [">", 1]}]}})}]
    setup.map(FilterCriteria={"Filters": wanted})
    yes = json.dumps({"kind": "a", "n": 2})
    setup.send(json.dumps({"kind": "a", "n": 1}), yes, "plain text", json.dumps({"kind": "b", "n": 2}))
    emulator.settle()
    assert setup.seen() == [[yes]]
    assert setup.left() == (0, 0)


def test_a_plain_text_body_is_matched_as_text(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map(FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": [{"prefix": "yes"}]})}]})
    setup.send("yes, this", "not this")
    emulator.settle()
    assert setup.seen() == [["yes, this"]]


def test_a_batching_window_gathers_messages_until_it_closes(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map(BatchSize=100, MaximumBatchingWindowInSeconds=10)
    setup.send("1")
    emulator.advance(4)
    setup.send("2", "3")
    emulator.advance(5)
    assert setup.seen() == []
    emulator.advance(1.5)
    assert setup.seen() == [["1", "2", "3"]]


def test_a_full_batch_does_not_wait_for_the_window(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map(BatchSize=3, MaximumBatchingWindowInSeconds=300)
    setup.send("1")
    emulator.advance(1)
    setup.send("2", "3", "4")
    emulator.advance(0)
    assert setup.seen() == [["1", "2", "3"]]
    emulator.advance(301)
    assert setup.seen() == [["4"]]


def test_a_delayed_message_is_read_when_its_delay_is_over(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map()
    setup.sqs.send_message(QueueUrl=setup.url, MessageBody="later", DelaySeconds=60)
    emulator.advance(59)
    assert setup.seen() == []
    emulator.advance(2)
    assert setup.seen() == [["later"]]


def test_messages_of_a_group_are_never_in_two_batches_at_a_time(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED, name="orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    setup.map(BatchSize=1)
    setup.send("1", "poison", "3", MessageGroupId="g")
    emulator.advance(0)
    assert setup.seen() == [["1"], ["poison"]]
    emulator.advance(31)
    assert setup.seen() == [["poison"]]
    assert setup.left() == (1, 1)


def test_a_throttled_batch_goes_back_to_the_queue(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.client.put_function_concurrency(FunctionName="consume", ReservedConcurrentExecutions=0)
    setup.map()
    setup.send("wait")
    emulator.advance(0)
    assert (setup.seen(), setup.left()) == ([], (0, 1))
    setup.client.delete_function_concurrency(FunctionName="consume")
    emulator.advance(31)
    assert setup.seen() == [["wait"]]


def test_settling_after_success_moves_no_time(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map()
    before = emulator.now()
    setup.send("1", "2")
    emulator.settle()
    assert emulator.now() == before
    assert emulator.control("GET", "queue")["jobs"] == []


def test_messages_are_taken_only_when_a_batch_can_run_at_once(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    emulator.control("PUT", "settings", {"event_source_concurrency": 1})
    slow = "import time\ndef handler(event, context):\n    time.sleep(10)\n"
    setup.client.update_function_code(FunctionName="consume", ZipFile=package(slow))
    setup.sqs.create_queue(QueueName="more")
    more = f"arn:aws:sqs:us-east-1:{ACCOUNT}:more"
    setup.map(BatchSize=1)
    setup.client.create_event_source_mapping(EventSourceArn=more, FunctionName="consume", BatchSize=1)
    setup.send("1", "2", "3")
    for body in "ab":
        setup.sqs.send_message(QueueUrl=f"{emulator.url}/{ACCOUNT}/more", MessageBody=body)
    started_at = emulator.now()
    emulator.settle()
    # Five batches of ten seconds, one after the other; nobody's visibility timeout has passed meanwhile.
    assert emulator.now() - started_at == pytest.approx(50, abs=1)
    runs = emulator.control("GET", "timeline")["invocations"]
    assert [run["outcome"] for run in runs] == ["success"] * 5
    assert setup.left() == setup.left(f"{emulator.url}/{ACCOUNT}/more") == (0, 0)


def test_a_batch_is_never_larger_than_an_event_may_be(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, "def handler(event, context):\n    print('got', len(event['Records']))\n")
    created = setup.map(Enabled=False, BatchSize=10)
    for _ in range(8):
        setup.sqs.send_message(QueueUrl=setup.url, MessageBody="x" * 1_000_000)
    setup.client.update_event_source_mapping(UUID=created["UUID"], Enabled=True)
    emulator.settle()
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/consume")["events"]
    got = [int(event["message"].split()[1]) for event in events if event["message"].startswith("got")]
    assert sorted(got) == [2, 6]
    assert setup.left() == (0, 0)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("consume", FUNCTION),
        (f"{ACCOUNT}:function:consume:$LATEST", f"{FUNCTION}:$LATEST"),
        (f"{ACCOUNT}:function:consume:1", f"{FUNCTION}:1"),
        (FUNCTION, FUNCTION),
        (f"{FUNCTION}:live", f"{FUNCTION}:live"),
    ],
)
def test_a_function_is_shown_as_it_was_named(emulator: RunningEmulator, name: str, shown: str) -> None:
    setup = Setup(emulator)
    emulator.settle()
    setup.client.publish_version(FunctionName="consume")
    setup.client.create_alias(FunctionName="consume", Name="live", FunctionVersion="1")
    created = setup.client.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName=name)
    assert created["FunctionArn"] == shown
    setup.send("x")
    emulator.settle()
    assert len(setup.seen()) == 1


def test_a_mapping_outlives_its_function_and_serves_the_next_of_that_name(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    created = setup.map()
    setup.client.delete_function(FunctionName="consume")
    setup.send("x")
    emulator.advance(0)
    assert setup.client.get_event_source_mapping(UUID=created["UUID"])["State"] == "Enabled"
    assert setup.left() == (0, 1)
    Setup(emulator)
    emulator.advance(31)
    assert len(setup.seen()) == 1


def test_an_invocation_by_a_mapping_is_logged_and_counted(emulator: RunningEmulator) -> None:
    setup = Setup(emulator, SCRIPTED)
    setup.map()
    setup.send("1")
    emulator.settle()
    messages = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/consume")["events"]
    assert sum(event["message"].startswith("REPORT") for event in messages) == 1
    metrics = emulator.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
    assert any(metric["Dimensions"] == [{"Name": "FunctionName", "Value": "consume"}] for metric in metrics)


def test_tags_of_a_mapping(emulator: RunningEmulator) -> None:
    setup = Setup(emulator)
    arn = setup.map(Tags={"a": "1"})["EventSourceMappingArn"]
    setup.client.tag_resource(Resource=arn, Tags={"b": "2"})
    assert setup.client.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}


SLOW = "import time\ndef handler(event, context):\n    time.sleep(10)\n"


def three_that_share_one_place(emulator: RunningEmulator, settings: dict[str, Any]) -> dict[str, str]:
    """Mappings of the queues a, b and c, which get a message each in this order, by queue; b's has `settings`."""
    setup = Setup(emulator, SLOW)
    emulator.control("PUT", "settings", {"event_source_concurrency": 1})
    mappings: dict[str, str] = {}
    for name in "abc":
        setup.sqs.create_queue(QueueName=name)
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        made = setup.client.create_event_source_mapping(
            EventSourceArn=arn, FunctionName="consume", **(settings if name == "b" else {})
        )
        mappings[name] = made["UUID"]
    for name in "abc":
        setup.sqs.send_message(QueueUrl=f"{emulator.url}/{ACCOUNT}/{name}", MessageBody=name)
        emulator.advance(1)
    return mappings


def what_is_left(emulator: RunningEmulator) -> dict[str, int]:
    sqs, name = emulator.client("sqs"), "ApproximateNumberOfMessages"
    found: dict[str, int] = {}
    for queue in "abc":
        url = f"{emulator.url}/{ACCOUNT}/{queue}"
        found[queue] = int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
    return found


def test_a_mapping_that_is_disabled_while_it_waits_for_room_does_not_stop_the_next(emulator: RunningEmulator) -> None:
    mappings = three_that_share_one_place(emulator, {})
    emulator.client("lambda").update_event_source_mapping(UUID=mappings["b"], Enabled=False)
    emulator.settle()
    assert what_is_left(emulator) == {"a": 0, "b": 1, "c": 0}
    emulator.client("lambda").update_event_source_mapping(UUID=mappings["b"], Enabled=True)
    emulator.settle()
    assert what_is_left(emulator) == {"a": 0, "b": 0, "c": 0}


def test_a_mapping_that_is_deleted_while_it_waits_for_room_does_not_stop_the_next(emulator: RunningEmulator) -> None:
    mappings = three_that_share_one_place(emulator, {})
    emulator.client("lambda").delete_event_source_mapping(UUID=mappings["b"])
    emulator.settle()
    assert what_is_left(emulator) == {"a": 0, "b": 1, "c": 0}


def test_a_mapping_that_needs_no_room_when_its_turn_comes_hands_it_on(emulator: RunningEmulator) -> None:
    filters = {"Filters": [{"Pattern": '{"body": ["nothing"]}'}]}
    three_that_share_one_place(emulator, {"FilterCriteria": filters})
    emulator.settle()
    assert what_is_left(emulator) == {"a": 0, "b": 0, "c": 0}
    assert len(emulator.control("GET", "timeline")["invocations"]) == 2


def test_room_that_becomes_more_is_used_by_all_that_wait(emulator: RunningEmulator) -> None:
    three_that_share_one_place(emulator, {})
    started_at = emulator.now()
    emulator.control("PUT", "settings", {"event_source_concurrency": 3})
    emulator.settle()
    assert what_is_left(emulator) == {"a": 0, "b": 0, "c": 0}
    assert emulator.now() - started_at < 18  # the rest of a's ten seconds, then b and c together


# ── batches that are given up ──


def test_a_batch_that_no_longer_owns_its_messages_when_it_can_run_is_given_up(tmp_path: Path) -> None:
    """Decision 0007: the emulator was down until the receipts had run out; the messages come again, in a new batch."""
    with RunningEmulator(Settings(port=0, data=tmp_path, frozen=True)) as emulator:
        setup = Setup(emulator, SLOW)
        setup.map()
        setup.send("1")
        emulator.advance(1)
        assert setup.left() == (0, 1)
        later = emulator.now() + 60
    with RunningEmulator(Settings(port=0, data=tmp_path, frozen=True, start_at=later)) as emulator:
        emulator.settle()
        runs = emulator.control("GET", "timeline")["invocations"]
        assert [run["outcome"] for run in runs] == ["success"]
        assert emulator.control("GET", "queue")["jobs"] == []
        url = emulator.client("sqs").get_queue_url(QueueName="orders")["QueueUrl"]
        assert "Messages" not in emulator.client("sqs").receive_message(QueueUrl=url)
