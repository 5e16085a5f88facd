"""Dead-letter queues and destinations over boto3: who is told how an event ended, and in which words.

Expected facts are those recorded from AWS (test_dead_letter_queue, test_assess_lambda_destination_invocation,
test_retries, test_reserved_concurrency, test_maxeventage).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
CODE = """
def handler(event, context):
    print(event)
    if isinstance(event, dict) and event.get("raise_error"):
        raise Exception("Test exception (this is intentional)")
    return {"event": event, "id": context.aws_request_id}
"""


def package(source: str = CODE) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", source)
    return archive.getvalue()


def create(emulator: RunningEmulator, name: str = "f", source: str = CODE, **more: Any) -> str:
    made = emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler="handler.handler",
        Code={"ZipFile": package(source)},
        **more,
    )
    return made["FunctionArn"]


def queue(emulator: RunningEmulator, name: str = "q", **attributes: str) -> tuple[str, str]:
    """(URL, ARN) of a new queue."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def messages(emulator: RunningEmulator, url: str) -> list[dict[str, Any]]:
    answer = emulator.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    return answer.get("Messages", [])


def send(emulator: RunningEmulator, payload: bytes | str, name: str = "f", **more: Any) -> str:
    """The request id of an accepted event."""
    answer = emulator.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload, **more)
    assert answer["StatusCode"] == 202
    return answer["ResponseMetadata"]["RequestId"]


def configure(emulator: RunningEmulator, arn: str, on: str = "OnFailure", **more: Any) -> dict[str, Any]:
    return emulator.client("lambda").put_function_event_invoke_config(
        FunctionName="f", DestinationConfig={on: {"Destination": arn}}, **more
    )


def metric(emulator: RunningEmulator, name: str, function: str = "f") -> float:
    """The sum of a metric of a function, over all time."""
    found = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=name, Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=0, EndTime=emulator.now() + 3600, Period=86400 * 365, Statistics=["Sum"],
    )  # fmt: skip
    return sum(point["Sum"] for point in found["Datapoints"])


# ── dead letters ────────────────────────────────────────────────────────────────────────────────


def test_a_dead_letter_is_the_event_as_it_was_sent_with_three_attributes(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, DeadLetterConfig={"TargetArn": arn})
    request_id = send(emulator, '{"raise_error": 1}')
    emulator.settle()
    [message] = messages(emulator, url)
    assert message["MD5OfBody"] == "ba08269cbd0ce515889bfba6593731e1"  # recorded: spacing is kept
    assert message["MessageAttributes"] == {
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "Test exception (this is intentional)"},
        "RequestID": {"DataType": "String", "StringValue": request_id},
    }
    assert metric(emulator, "DeadLetterErrors") == 0
    assert metric(emulator, "AsyncEventsDropped") == 1


def test_a_topic_gets_dead_letters_too(emulator: RunningEmulator) -> None:
    url, queue_arn = queue(emulator)
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    create(emulator, DeadLetterConfig={"TargetArn": topic})
    request_id = send(emulator, '{"raise_error": 1}')
    emulator.settle()
    [message] = messages(emulator, url)
    notification = json.loads(message["Body"])
    assert notification["Message"] == '{"raise_error": 1}'
    assert notification["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": request_id}


def test_an_event_that_was_throttled_all_its_life_is_a_dead_letter_with_status_429(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, DeadLetterConfig={"TargetArn": arn})
    emulator.control("PUT", "settings", {"account_concurrency": 0})
    emulator.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    began = emulator.now()
    send(emulator, "{}")
    emulator.settle()
    # 0, 1, 3, 7, 15, 31 and no wait of 32 s more
    assert emulator.now() - began == pytest.approx(31)
    [message] = messages(emulator, url)
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "Rate Exceeded."
    assert metric(emulator, "Throttles") == 6
    assert metric(emulator, "Invocations") == 0


def test_a_dead_letter_has_the_first_kilobyte_of_the_errors_message(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    source = "def handler(event, context):\n    raise Exception('x' + 'é' * 1000)\n"
    create(emulator, source=source, DeadLetterConfig={"TargetArn": arn})
    emulator.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    send(emulator, "{}")
    emulator.settle()
    [message] = messages(emulator, url)
    # 1,024 bytes would end within a character.
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "x" + "é" * 511


def test_a_dead_letter_that_nobody_takes_is_counted_and_dropped(emulator: RunningEmulator) -> None:
    create(emulator, DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:000000000000:gone"})
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert metric(emulator, "DeadLetterErrors") == 1
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_fifo_queue_takes_no_dead_letters(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    create(emulator)
    emulator.client("lambda").update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": arn})
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert messages(emulator, url) == []
    assert metric(emulator, "DeadLetterErrors") == 1


def test_synchronous_invocations_have_neither_dead_letters_nor_destinations(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, DeadLetterConfig={"TargetArn": arn})
    configure(emulator, arn)
    emulator.client("lambda").invoke(FunctionName="f", Payload='{"raise_error": 1}')
    emulator.settle()
    assert messages(emulator, url) == []


# ── destinations ────────────────────────────────────────────────────────────────────────────────


def test_the_record_of_a_success(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn, "OnSuccess")
    request_id = send(emulator, '{"a": "ü"}')
    emulator.settle()
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert list(record) == [
        "version",
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["timestamp"])
    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{ARN}f:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == {"a": "ü"}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"event": {"a": "ü"}, "id": request_id}
    assert "MessageAttributes" not in message
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-")


def test_the_record_of_a_failure_has_the_last_answer(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn)
    began = emulator.now()
    request_id = send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert emulator.now() - began == pytest.approx(180, abs=1)
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    answer = record["responsePayload"]
    assert list(answer) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (answer["errorMessage"], answer["requestId"]) == ("Test exception (this is intentional)", request_id)


def test_the_record_of_an_event_whose_function_has_no_concurrency(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn)
    emulator.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    send(emulator, '{"a": 1}')
    emulator.settle()
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert list(record) == ["version", "timestamp", "requestContext", "requestPayload"]


@pytest.mark.parametrize(("age", "count", "at"), [(60, 1, 0), (90, 2, 60)])
def test_the_record_of_an_event_that_grows_too_old(emulator: RunningEmulator, age: int, count: int, at: int) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn, MaximumEventAgeInSeconds=age, MaximumRetryAttempts=2)
    began = emulator.now()
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert emulator.now() - began == pytest.approx(at, abs=1)
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == count
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "Exception"


def test_an_alias_has_its_own_config_and_the_record_says_which_version_ran(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    client = emulator.client("lambda")
    version = client.publish_version(FunctionName="f")["Version"]
    client.create_alias(FunctionName="f", Name="live", FunctionVersion=version)
    client.put_function_event_invoke_config(
        FunctionName="f", Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    send(emulator, "{}")
    send(emulator, "{}", Qualifier=version)
    send(emulator, "{}", Qualifier="live")
    emulator.settle()
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["functionArn"] == f"{ARN}f:live"
    assert record["responseContext"]["executedVersion"] == version


def test_dead_letter_queue_and_destination_are_both_told(emulator: RunningEmulator) -> None:
    dead, dead_arn = queue(emulator, "dead")
    told, told_arn = queue(emulator, "told")
    create(emulator, DeadLetterConfig={"TargetArn": dead_arn})
    configure(emulator, told_arn, MaximumRetryAttempts=0)
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert len(messages(emulator, dead)) == len(messages(emulator, told)) == 1


def test_a_function_is_told_as_an_event(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    observer = create(emulator, "observer")
    configure(emulator, observer, MaximumRetryAttempts=0)
    emulator.client("lambda").put_function_event_invoke_config(
        FunctionName="observer", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    request_id = send(emulator, '{"raise_error": 1}')
    emulator.settle()
    [message] = messages(emulator, url)
    outer = json.loads(message["Body"])
    assert outer["requestContext"]["requestId"] != request_id
    assert outer["requestPayload"]["requestContext"]["requestId"] == request_id


def test_a_topic_is_told_the_record_as_its_message(emulator: RunningEmulator) -> None:
    url, queue_arn = queue(emulator)
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    create(emulator)
    configure(emulator, topic, "OnSuccess")
    send(emulator, "{}")
    emulator.settle()
    [message] = messages(emulator, url)
    notification = json.loads(message["Body"])
    assert json.loads(notification["Message"])["requestContext"]["condition"] == "Success"
    assert "Subject" not in notification


def test_a_bucket_is_told_of_failures(emulator: RunningEmulator) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="failures")
    create(emulator)
    configure(emulator, "arn:aws:s3:::failures", MaximumRetryAttempts=0)
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    [found] = s3.list_objects_v2(Bucket="failures")["Contents"]
    assert re.fullmatch(
        r"aws/lambda/async/f/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}", found["Key"]
    )
    record = json.loads(s3.get_object(Bucket="failures", Key=found["Key"])["Body"].read())
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert metric(emulator, "DestinationDeliveryFailures") == 0


def test_a_bucket_that_does_not_exist_is_counted(emulator: RunningEmulator) -> None:
    create(emulator)
    configure(emulator, "arn:aws:s3:::nowhere", MaximumRetryAttempts=0)
    send(emulator, '{"raise_error": 1}')
    emulator.settle()
    assert metric(emulator, "DestinationDeliveryFailures") == 1
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_destination_that_nobody_takes_is_counted(emulator: RunningEmulator) -> None:
    create(emulator)
    configure(emulator, "arn:aws:sqs:us-east-1:000000000000:gone", "OnSuccess")
    send(emulator, "{}")
    emulator.settle()
    assert metric(emulator, "DestinationDeliveryFailures") == 1
    assert metric(emulator, "AsyncEventsDropped") == 0


# ── what may be configured ──────────────────────────────────────────────────────────────────────

REFUSED = [
    ("OnSuccess", "arn:aws:iam::000000000000:role/r", "onSuccess=OnSuccess(destination={}), onFailure=null"),
    (
        "OnFailure",
        "arn:aws:kms:us-east-1:000000000000:key/k",
        "onSuccess=null, onFailure=OnFailure(destination={})",
    ),
    ("OnSuccess", "arn:aws:s3:::bucket", "onSuccess=OnSuccess(destination={}), onFailure=null"),
]


@pytest.mark.parametrize(("on", "arn", "shown"), REFUSED)
def test_a_service_that_cannot_be_told_is_refused(emulator: RunningEmulator, on: str, arn: str, shown: str) -> None:
    create(emulator)
    with pytest.raises(ClientError) as caught:
        configure(emulator, arn, on)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    assert error["Message"] == f"The provided destination config DestinationConfig({shown.format(arn)}) is invalid."


def test_a_function_that_does_not_exist_and_the_function_itself_are_refused(emulator: RunningEmulator) -> None:
    arn = create(emulator)
    for target, text in (
        (arn, "You can't specify the function as a destination for itself."),
        (f"{ARN}gone", f"The destination ARN {ARN}gone is invalid."),
        (f"{ARN}gone:1", f"The destination ARN {ARN}gone:1 is invalid."),
    ):
        with pytest.raises(ClientError) as caught:
            configure(emulator, target)
        assert caught.value.response["Error"]["Message"] == text


# ── EventBridge, loops, fairness ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("payload", "outcome"), [("{}", "Success"), ('{"raise_error": 1}', "Failure")])
def test_an_event_bus_is_told_by_an_event_of_lambda(emulator: RunningEmulator, payload: str, outcome: str) -> None:
    url, queue_arn = queue(emulator)
    events = emulator.client("events")
    bus = events.create_event_bus(Name="results")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="results", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="all", EventBusName="results", Targets=[{"Id": "q", "Arn": queue_arn}])
    create(emulator)
    configure(emulator, bus, f"On{outcome}", MaximumRetryAttempts=0)
    request_id = send(emulator, payload)
    emulator.settle()
    [message] = messages(emulator, url)
    event = json.loads(message["Body"])
    assert event["source"] == "lambda"
    assert event["detail-type"] == f"Lambda Function Invocation Result - {outcome}"
    assert event["resources"] == [bus, f"{ARN}f:$LATEST"]
    assert event["detail"]["requestContext"]["requestId"] == request_id


def test_code_that_is_updated_runs_for_events_that_were_queued_before(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn, "OnSuccess")
    request_id = send(emulator, '{"raise_error": 1}')
    emulator.advance(1)
    emulator.client("lambda").update_function_code(
        FunctionName="f", ZipFile=package("def handler(event, context): return 'new'")
    )
    emulator.settle()
    [message] = messages(emulator, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"] == "new"


def test_throttles_spend_no_retries(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator)
    configure(emulator, arn)
    emulator.control("PUT", "settings", {"account_concurrency": 0})
    began = emulator.now()
    send(emulator, '{"raise_error": 1}')
    emulator.advance(1000)
    emulator.control("PUT", "settings", {"account_concurrency": 1000})
    emulator.settle()
    # throttled at 0, 1, 3 … 511, 811 s; runs at 1,111 s and is tried again after 60 and 120 s
    assert emulator.now() - began == pytest.approx(1111 + 180, abs=1)
    [message] = messages(emulator, url)
    context = json.loads(message["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 3)


def test_a_backlog_of_one_function_does_not_delay_the_first_event_of_another(emulator: RunningEmulator) -> None:
    create(emulator, source="import time\ndef handler(event, context): time.sleep(100)", Timeout=900)
    create(emulator, "quick")
    for _ in range(30):  # 10 run at a time, for 100 s each
        send(emulator, "{}")
    send(emulator, "{}", "quick")
    emulator.advance(1)
    lines = emulator.call(emulator.emulator.recent_invocations)
    assert [(line["function_name"], line["outcome"]) for line in lines] == [("quick", "success")]
    emulator.settle()
    assert metric(emulator, "Invocations") == 30
