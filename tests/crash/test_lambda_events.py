"""Events of Lambda killed before and after every commit: who must be told is told, once for every accepted event."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.support import package
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, create_function, quiet_logs

__all__ = ["quiet_logs"]

ALWAYS_FAILS = """
def handler(event, context):
    raise ValueError("never")
"""
SUCCEEDS = """
def handler(event, context):
    return "done"
"""


def queue(aws: RunningEmulator, name: str) -> str:
    """The ARN of a new queue."""
    aws.client("sqs").create_queue(QueueName=name)
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def bodies(aws: RunningEmulator, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(body, message) of everything in a queue."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        if not answer.get("Messages"):
            return found
        found += [(json.loads(message["Body"]), message) for message in answer["Messages"]]


def timeline(aws: RunningEmulator, function: str) -> list[dict[str, Any]]:
    lines = aws.control("GET", "timeline")["invocations"]
    return [line for line in lines if line["function_name"] == function]


def starts(aws: RunningEmulator, function: str) -> Counter[str]:
    """How many attempts each request id has in the function's log."""
    events = aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")
    lines = [event["message"] for event in events["events"]]
    return Counter(line.split()[2] for line in lines if line.startswith("START RequestId"))


def prepare_failure(aws: RunningEmulator) -> None:
    create_function(aws, "fails", ALWAYS_FAILS)
    dead, told = queue(aws, "dead"), queue(aws, "told")
    client = aws.client("lambda")
    client.update_function_configuration(FunctionName="fails", DeadLetterConfig={"TargetArn": dead})
    client.put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": told}}
    )


def send(function: str) -> Any:
    def act(aws: RunningEmulator) -> bool:
        client = aws.client("lambda")
        return accepted(lambda: client.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"n": 1}'))

    return act


def verify_failure(aws: RunningEmulator) -> None:
    events = {line["request_id"] for line in timeline(aws, "fails")}
    assert len(events) in (1, 2), "the client sends again when it heard nothing"
    dead = [message["MessageAttributes"]["RequestID"]["StringValue"] for _, message in bodies(aws, "dead")]
    told = [record["requestContext"]["requestId"] for record, _ in bodies(aws, "told")]
    assert Counter(dead) == Counter(told) == Counter(events), "each event once, in both queues"
    assert Counter(line["request_id"] for line in timeline(aws, "fails")) == dict.fromkeys(events, 2)
    assert starts(aws, "fails") == dict.fromkeys(events, 2), "logs are in the commit of their attempt"
    assert aws.control("GET", "queue")["total"] == 0


def prepare_success(aws: RunningEmulator) -> None:
    create_function(aws, "works", SUCCEEDS)
    observer = create_function(aws, "observer", SUCCEEDS)
    client = aws.client("lambda")
    for name, target in (("works", observer), ("observer", queue(aws, "told"))):
        client.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": target}}
        )


def verify_success(aws: RunningEmulator) -> None:
    events = {line["request_id"] for line in timeline(aws, "works")}
    assert len(events) in (1, 2)
    told = [record["requestPayload"]["requestContext"]["requestId"] for record, _ in bodies(aws, "told")]
    assert Counter(told) == Counter(events)
    assert len(timeline(aws, "observer")) == len(events)
    assert aws.control("GET", "queue")["total"] == 0


def prepare_failure_to_s3(aws: RunningEmulator) -> None:
    create_function(aws, "fails", ALWAYS_FAILS)
    aws.client("s3").create_bucket(Bucket="failures")  # S3 is in the test's memory, whatever emulator dies
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="fails",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )


def verify_failure_in_s3(aws: RunningEmulator) -> None:
    """S3 takes no part in a commit: what was written before the crash is written again, under the same key."""
    events = {line["request_id"] for line in timeline(aws, "fails")}
    assert len(events) in (1, 2)
    s3 = aws.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="failures").get("Contents", [])]
    records = [json.loads(s3.get_object(Bucket="failures", Key=key)["Body"].read()) for key in keys]
    assert Counter(record["requestContext"]["requestId"] for record in records) == Counter(events)
    for key in keys:
        s3.delete_object(Bucket="failures", Key=key)
    assert aws.control("GET", "queue")["total"] == 0


def prepare_changes(aws: RunningEmulator) -> None:
    create_function(aws, "changes", SUCCEEDS)
    client = aws.client("lambda")
    client.publish_version(FunctionName="changes")
    client.create_alias(FunctionName="changes", Name="live", FunctionVersion="1")


def change(aws: RunningEmulator) -> bool:
    aws.control("PUT", "settings", {"function_change_seconds": 30})
    client = aws.client("lambda")
    provision = {"FunctionName": "changes", "Qualifier": "live", "ProvisionedConcurrentExecutions": 2}
    if not accepted(lambda: client.put_provisioned_concurrency_config(**provision)):
        return False

    def update() -> None:
        try:
            client.update_function_code(FunctionName="changes", ZipFile=package(SUCCEEDS.replace("done", "changed")))
        except client.exceptions.ResourceConflictException:
            pass  # the first request was heard, although its answer was lost

    return accepted(update)


def verify_changes(aws: RunningEmulator) -> None:
    client = aws.client("lambda")
    shown = client.get_function_configuration(FunctionName="changes")
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    assert client.invoke(FunctionName="changes")["Payload"].read() == b'"changed"'
    config = client.get_provisioned_concurrency_config(FunctionName="changes", Qualifier="live")
    assert (config["Status"], config["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
    lines = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/changes")["events"]
    assert client.invoke(FunctionName="changes:live")["Payload"].read() == b'"done"'
    assert sum(line["message"].startswith("INIT_START") for line in lines) >= 2
    assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_event_is_written_to_s3_after_a_crash_at_every_commit(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    story = Story(prepare_failure_to_s3, send("fails"), verify_failure_in_s3)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_change_of_a_function_is_completed_after_a_crash_at_every_commit(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    story = Story(prepare_changes, change, verify_changes)
    assert crash_at_every_commit(tmp_path, lambda _: story, when, functions="processes") == 4


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_event_is_told_once_to_queue_and_destination(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(prepare_failure, send("fails"), verify_failure)
    # Accepted; run and told; then each of the two queues tells its metrics at the full minute.
    assert crash_at_every_commit(tmp_path, lambda _: story, when) == 5


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_chain_of_destinations_goes_on_after_a_crash(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(prepare_success, send("works"), verify_success)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) == 3
