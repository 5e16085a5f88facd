"""Lambda's metrics over boto3: every name with its unit, dimensions and values (lambda_async 2.6)."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.test_lambda_destinations import configure, create, queue, send
from tests.wire.test_lambda_streams import CALLS_ITSELF

SLOW = """
import time
def handler(event, context):
    if event in ("slow", "fail"):
        time.sleep(2.5)
    if event == "fail":
        raise ValueError("no")
    return event
"""

Statistics = dict[str, Any]
F = {"FunctionName": "f"}


def statistics(emulator: RunningEmulator, name: str, **dimensions: str) -> Statistics:
    """Count, sum, smallest and largest value and unit of a metric with exactly these dimensions, over all time."""
    found = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=0, EndTime=emulator.now() + 3600, Period=86400 * 20000,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
    )["Datapoints"]  # fmt: skip
    if not found:
        return {}
    [point] = found
    del point["Timestamp"]
    return point


def point(count: float, total: float, least: float, most: float, unit: str = "Count") -> Statistics:
    return {"SampleCount": count, "Sum": total, "Minimum": least, "Maximum": most, "Unit": unit}


def ms(*values: float) -> Statistics:
    expected = point(len(values), sum(values), min(values), max(values), "Milliseconds")
    return {
        key: pytest.approx(value, abs=200) if isinstance(value, float) else value for key, value in expected.items()
    }


def names(emulator: RunningEmulator, **dimensions: str) -> set[str]:
    """The metrics that exist with exactly these dimensions."""
    wanted = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    listed = emulator.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")["Metrics"]
    return {metric["MetricName"] for metric in listed if metric["Dimensions"] == wanted}


def test_every_attempt_counts_runs_errors_time_and_what_ran_beside_it(emulator: RunningEmulator) -> None:
    create(emulator, source=SLOW, Timeout=10)
    emulator.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    for payload in ('"slow"', '"fail"'):
        send(emulator, payload)
        emulator.settle()
    for dimensions in ({}, F, {**F, "Resource": "f"}):
        assert statistics(emulator, "Invocations", **dimensions) == point(2.0, 2.0, 1.0, 1.0)
        assert statistics(emulator, "Errors", **dimensions) == point(2.0, 1.0, 0.0, 1.0)
        assert statistics(emulator, "Duration", **dimensions) == ms(2500.0, 2500.0)
        assert statistics(emulator, "ConcurrentExecutions", **dimensions) == point(2.0, 2.0, 1.0, 1.0)
    send(emulator, '"slow"')
    send(emulator, '"slow"')
    emulator.settle()
    assert statistics(emulator, "ConcurrentExecutions", **F)["Maximum"] == 2.0


def test_the_age_of_an_event_is_counted_at_each_of_its_attempts(emulator: RunningEmulator) -> None:
    create(emulator, source=SLOW.replace("2.5", "0"))
    send(emulator, '"fail"')
    emulator.settle()
    assert names(emulator, **F) == {
        "Invocations", "Errors", "Duration", "ConcurrentExecutions", "AsyncEventAge", "AsyncEventsReceived",
        "AsyncEventsDropped",
    }  # fmt: skip
    for dimensions in ({}, F, {**F, "Resource": "f"}):
        assert statistics(emulator, "AsyncEventAge", **dimensions) == ms(0.0, 60_000.0, 180_000.0)
        assert statistics(emulator, "AsyncEventsReceived", **dimensions) == point(1.0, 1.0, 1.0, 1.0)
        assert statistics(emulator, "AsyncEventsDropped", **dimensions) == point(1.0, 1.0, 1.0, 1.0)


def test_an_alias_has_metrics_of_its_own_and_by_the_version_that_ran(emulator: RunningEmulator) -> None:
    create(emulator, source=SLOW)
    emulator.settle()
    client = emulator.client("lambda")
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.invoke(FunctionName="f", Qualifier="live", Payload='"ok"')
    client.invoke(FunctionName="f", Qualifier="1", Payload='"ok"')
    emulator.settle()
    alias = {**F, "Resource": "f:live"}
    assert statistics(emulator, "Invocations", **F)["Sum"] == 2.0
    assert statistics(emulator, "Invocations", **alias)["Sum"] == 1.0
    assert statistics(emulator, "Invocations", **alias, ExecutedVersion="1")["Sum"] == 1.0
    assert statistics(emulator, "Duration", **alias, ExecutedVersion="1")["Unit"] == "Milliseconds"
    assert statistics(emulator, "Invocations", **F, Resource="f:1")["Sum"] == 1.0
    assert names(emulator, **F, Resource="f:1", ExecutedVersion="1") == set()


def test_a_call_is_no_event_and_has_no_age(emulator: RunningEmulator) -> None:
    create(emulator, source=SLOW)
    emulator.client("lambda").invoke(FunctionName="f", Payload='"ok"')
    emulator.settle()
    assert names(emulator, **F) == {"Invocations", "Errors", "Duration", "ConcurrentExecutions"}


def test_a_call_that_finds_no_place_is_a_throttle_and_no_invocation(emulator: RunningEmulator) -> None:
    create(emulator)
    client = emulator.client("lambda")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError):
        client.invoke(FunctionName="f")
    with pytest.raises(ClientError):
        client.invoke_with_response_stream(FunctionName="f")
    emulator.settle()
    assert names(emulator, **F) == {"Throttles"}
    for dimensions in ({}, F, {**F, "Resource": "f"}):
        assert statistics(emulator, "Throttles", **dimensions) == point(2.0, 2.0, 1.0, 1.0)


def test_a_batch_of_a_mapping_that_finds_no_place_is_a_throttle(emulator: RunningEmulator) -> None:
    create(emulator)
    url, arn = queue(emulator)
    client = emulator.client("lambda")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    emulator.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    emulator.advance(0)
    assert names(emulator, **F) == {"Throttles"}
    assert statistics(emulator, "Throttles", **F) == point(1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_a_loop_that_is_stopped_is_counted(emulator: RunningEmulator, kind: str) -> None:
    create(emulator, source=CALLS_ITSELF, Timeout=900)
    emulator.client("lambda").invoke(FunctionName="f", InvocationType=kind, Payload=f'{{"kind": "{kind}"}}')
    emulator.settle()
    assert statistics(emulator, "Invocations", **F)["Sum"] == 16.0
    for dimensions in ({}, F, {**F, "Resource": "f"}):
        assert statistics(emulator, "RecursiveInvocationsDropped", **dimensions) == point(1.0, 1.0, 1.0, 1.0)
    dropped = statistics(emulator, "AsyncEventsDropped", **F)
    assert dropped == (point(1.0, 1.0, 1.0, 1.0) if kind == "Event" else {})


def test_who_could_not_be_told_is_counted(emulator: RunningEmulator) -> None:
    gone = "arn:aws:sqs:us-east-1:000000000000:gone"
    create(emulator, DeadLetterConfig={"TargetArn": gone})
    configure(emulator, gone, MaximumRetryAttempts=0)
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    for dimensions in ({}, F, {**F, "Resource": "f"}):
        assert statistics(emulator, "DeadLetterErrors", **dimensions) == point(1.0, 1.0, 1.0, 1.0)
        assert statistics(emulator, "DestinationDeliveryFailures", **dimensions) == point(1.0, 1.0, 1.0, 1.0)
