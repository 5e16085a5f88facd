"""What SNS and EventBridge promise together with functions, queues, state machines and mail."""

from __future__ import annotations

import io
import json
import re
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/any"
SHOW = "print(json.dumps(event))"


def function(emulator: RunningEmulator, name: str, body: str, **settings: Any) -> str:
    """Create a function whose handler has this body; returns its ARN."""
    source = "import json, os, boto3\n\ndef handler(event, context):\n" + "\n".join(
        f"    {line}" for line in body.splitlines()
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", source + "\n")
    return emulator.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": package.getvalue()}, Timeout=60, **settings,
    )["FunctionArn"]  # fmt: skip


def shown(emulator: RunningEmulator, name: str) -> list[dict[str, Any]]:
    """The events that a function printed."""
    emulator.settle()
    logs = emulator.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [json.loads(event["message"]) for event in logs if event["message"].startswith("{")]


def queue(emulator: RunningEmulator, name: str) -> tuple[str, str]:
    """(URL, ARN) of a new queue."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def bodies(emulator: RunningEmulator, url: str) -> list[Any]:
    """What is in a queue, as JSON."""
    answer = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def rule(emulator: RunningEmulator, *targets: str, pattern: Any = None) -> None:
    """A rule for events of the source `shop`."""
    events = emulator.client("events")
    events.put_rule(Name="orders", EventPattern=json.dumps(pattern or {"source": ["shop"]}))
    listed = [{"Id": str(number), "Arn": arn} for number, arn in enumerate(targets)]
    assert events.put_targets(Rule="orders", Targets=listed)["FailedEntryCount"] == 0


def put(emulator: RunningEmulator, detail: Any = None) -> str:
    entry = {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail or {"n": 1})}
    return emulator.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]


def test_a_function_receives_a_notification_in_snss_records(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    arn = function(emulator, "reader", SHOW)
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    message_id = sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)["MessageId"]
    [event] = shown(emulator, "reader")
    [record] = event["Records"]
    assert list(record) == ["EventSource", "EventVersion", "EventSubscriptionArn", "Sns"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscription)
    assert list(record["Sns"]) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertUrl",
        "UnsubscribeUrl",
        "MessageAttributes",
    ]
    assert (record["Sns"]["MessageId"], record["Sns"]["Subject"]) == (message_id, None)
    assert record["Sns"]["MessageAttributes"] == {"n": {"Type": "Number", "Value": "1"}}


def test_one_event_reaches_function_queue_topic_state_machine_and_log_group(emulator: RunningEmulator) -> None:
    arn = function(emulator, "reader", SHOW)
    url, queue_arn = queue(emulator, "orders")
    sns, sfn, logs = emulator.client("sns"), emulator.client("stepfunctions"), emulator.client("logs")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    topic_url, topic_queue = queue(emulator, "from-topic")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue)
    definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
    machine = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    logs.create_log_group(logGroupName="/aws/events/orders")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/orders"
    rule(emulator, arn, queue_arn, topic, machine, group)
    identifier = put(emulator, {"n": 7})
    event = {"id": identifier, "source": "shop", "detail": {"n": 7}}.items()
    assert event <= shown(emulator, "reader")[0].items()
    assert event <= bodies(emulator, url)[0].items()
    assert event <= json.loads(bodies(emulator, topic_url)[0]["Message"]).items()
    [execution] = sfn.list_executions(stateMachineArn=machine)["executions"]
    described = sfn.describe_execution(executionArn=execution["executionArn"])
    assert (described["status"], described["name"][:36]) == ("SUCCEEDED", identifier)
    assert event <= json.loads(described["input"]).items()
    [logged] = logs.filter_log_events(logGroupName="/aws/events/orders")["events"]
    assert event <= json.loads(logged["message"]).items()


def test_what_a_function_makes_of_an_event_goes_by_destination_to_a_bus_and_by_topic_to_a_mailbox(
    emulator: RunningEmulator,
) -> None:
    sns, events = emulator.client("sns"), emulator.client("events")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="ops@example.com")
    token = json.loads(emulator.inbox()[0]["text"])["Token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    function(emulator, "breaks", 'raise ValueError("no")')
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    emulator.client("lambda").put_function_event_invoke_config(
        FunctionName="breaks", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bus}}
    )
    events.put_rule(Name="failed", EventPattern='{"detail": {"requestContext": {"condition": ["RetriesExhausted"]}}}')
    transformer = {
        "InputPathsMap": {"error": "$.detail.responsePayload.errorMessage"},
        "InputTemplate": '"failed: <error>"',
    }
    events.put_targets(Rule="failed", Targets=[{"Id": "1", "Arn": topic, "InputTransformer": transformer}])
    emulator.client("lambda").invoke(FunctionName="breaks", InvocationType="Event", Payload=b"{}")
    emulator.settle()
    assert json.loads(emulator.inbox()[-1]["text"])["Message"] == '"failed: no"'


def test_a_failed_event_lies_in_the_dead_letter_queue_and_an_alarm_is_mailed(emulator: RunningEmulator) -> None:
    sns, events = emulator.client("sns"), emulator.client("events")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    [path] = re.findall(r"http://[^/]+(/\S+)", emulator.inbox()[0]["text"])
    with urllib.request.urlopen(emulator.url + path) as answer:
        assert answer.status == 200
    emulator.client("cloudwatch").put_metric_alarm(
        AlarmName="orders-fail",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "breaks"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[topic],
    )
    url, dead = queue(emulator, "dead")
    arn = function(emulator, "breaks", 'raise ValueError("no")', DeadLetterConfig={"TargetArn": dead})
    rule(emulator, arn)
    identifier = put(emulator)
    emulator.settle()
    [event] = bodies(emulator, url)
    assert event["id"] == identifier
    alarms = [mail for mail in emulator.inbox() if mail["subject"].startswith("ALARM")]
    assert len(alarms) >= 1
    assert alarms[0]["to"] == ["ops@example.com"]
    assert events.list_rules()["Rules"][0]["State"] == "ENABLED"


def test_an_alarm_on_the_depth_of_the_dead_letter_queue_is_mailed_once_and_again_when_it_is_empty(
    emulator: RunningEmulator,
) -> None:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    [path] = re.findall(r"http://[^/]+(/\S+)", emulator.inbox()[0]["text"])
    with urllib.request.urlopen(emulator.url + path) as answer:
        assert answer.status == 200
    url, dead = queue(emulator, "dead")
    emulator.client("cloudwatch").put_metric_alarm(
        AlarmName="dead-letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
        OKActions=[topic],
    )
    arn = function(emulator, "breaks", 'raise ValueError("no")', DeadLetterConfig={"TargetArn": dead})
    rule(emulator, arn)
    emulator.settle()
    mails = len(emulator.inbox())
    failed_at = emulator.now()
    put(emulator)
    emulator.settle()
    emulator.advance(3600)
    [alarm] = emulator.inbox()[mails:]
    assert alarm["subject"] == 'ALARM: "dead-letters" in US East (N. Virginia)'
    assert alarm["to"] == ["ops@example.com"]
    # Retries after one and two minutes; measured at the next full minute, judged at the one after it.
    assert 180 <= datetime.fromisoformat(alarm["sent_at"]).timestamp() - failed_at <= 330
    sqs.purge_queue(QueueUrl=url)
    emulator.settle()
    assert emulator.inbox()[-1]["subject"].startswith("OK: ")
    assert len(emulator.inbox()) == mails + 2


def test_a_function_that_publishes_to_its_own_topic_is_stopped_by_lambda(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="loop")["TopicArn"]
    body = f'print("{{}}")\nboto3.client("sns").publish(TopicArn="{topic}", Message="again")'
    arn = function(emulator, "echo", body)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="first")
    assert 16 <= len(shown(emulator, "echo")) <= 17


def test_a_function_whose_failures_go_to_the_topic_that_invokes_it_comes_to_an_end_too(
    emulator: RunningEmulator,
) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="loop")["TopicArn"]
    arn = function(emulator, "fails", 'print("{}")\nraise ValueError("no")')
    emulator.client("lambda").put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}}
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="first")
    assert 2 <= len(shown(emulator, "fails")) <= 17  # or earlier: a record in a record outgrows SNS's 256 KB


def test_a_function_that_puts_events_for_itself_ends_at_the_limit_of_the_emulator(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"event_chain_limit": 25})
    entry = {"Source": "shop", "DetailType": "again", "Detail": "{}"}
    arn = function(emulator, "echo", f'print("{{}}")\nboto3.client("events").put_events(Entries=[{entry}])')
    rule(emulator, arn)
    put(emulator)
    assert len(shown(emulator, "echo")) == 25


LOOPS = {
    "itself": ("arn:aws:states:::aws-sdk:eventbridge:putEvents", 24),
    "a function": ("arn:aws:lambda:us-east-1:000000000000:function:echo", 12),
}


@pytest.mark.parametrize("through", LOOPS)
def test_a_state_machine_that_puts_events_for_itself_ends_too(emulator: RunningEmulator, through: str) -> None:
    emulator.control("PUT", "settings", {"event_chain_limit": 24})
    entry = {"Source": "shop", "DetailType": "again", "Detail": "{}"}
    function(emulator, "echo", f'boto3.client("events").put_events(Entries=[{entry}])')
    resource, rounds = LOOPS[through]
    state = {"Type": "Task", "Resource": resource, "Parameters": {"Entries": [entry]}, "End": True}
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "S", "States": {"S": state}})
    machine = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    rule(emulator, machine)
    put(emulator)
    emulator.settle()
    assert len(sfn.list_executions(stateMachineArn=machine)["executions"]) == rounds


@contextmanager
def refusing(emulator: RunningEmulator, service: str, operation: str, error: AwsError) -> Iterator[list[float]]:
    """An operation that fails meanwhile; the AWS times at which it was called."""
    offered = emulator.emulator.services.get(service)
    assert offered is not None
    calls: list[float] = []

    def refuse(tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        calls.append(tx.now)
        raise error

    kept = offered.operations[operation]
    offered.operations[operation] = refuse
    try:
        yield calls
    finally:
        offered.operations[operation] = kept


BROKEN = AwsError("InternalFailure", "broken", 500)


def test_a_target_that_fails_is_tried_for_a_day_and_then_given_up(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    url, dead = queue(emulator, "dead")
    rule(emulator, topic)
    retries = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86400}
    for number, policy in (("0", {}), ("1", {"RetryPolicy": retries})):
        target = {"Id": number, "Arn": topic, "DeadLetterConfig": {"Arn": dead}, **policy}
        emulator.client("events").put_targets(Rule="orders", Targets=[target])
    began = emulator.now()
    with refusing(emulator, "sns", "Publish", BROKEN) as calls:
        put(emulator)
        emulator.settle()
    assert 150 < len(calls) - 4 <= 186
    assert max(calls) - began <= 86400
    answer = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    found = {
        (
            message["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"],
            message["MessageAttributes"]["ERROR_CODE"]["StringValue"],
            message["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "3",
        )
        for message in answer["Messages"]
    }
    assert ("MaximumRetryAttempts", "ERROR_FROM_TARGET", True) in found
    assert len(found) == 2


def test_a_target_that_recovers_receives_the_event_once(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator, "orders")
    rule(emulator, arn)
    with refusing(emulator, "sqs", "SendMessage", BROKEN) as calls:
        put(emulator)
        emulator.advance(10)
    assert len(calls) > 2
    emulator.settle()
    assert len(bodies(emulator, url)) == 1


def test_a_queue_that_fails_for_its_own_fault_gets_the_notification_when_it_recovers(
    emulator: RunningEmulator,
) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue(emulator, "inbox")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    with refusing(emulator, "sqs", "SendMessage", BROKEN) as calls:
        began = emulator.now()
        sns.publish(TopicArn=topic, Message="m")
        emulator.advance(3)
    assert [round(at - began) for at in calls] == [0, 0, 0, 0, 1, 2, 3]
    emulator.settle()
    assert len(bodies(emulator, url)) == 1


@pytest.mark.parametrize("subscribers", [100, 250])
def test_every_subscriber_of_a_large_topic_is_served_once(emulator: RunningEmulator, subscribers: int) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="large")["TopicArn"]
    urls: list[str] = []
    for number in range(subscribers):
        url, arn = queue(emulator, f"q{number}")
        urls.append(url)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="m")
    emulator.settle()
    sqs = emulator.client("sqs")
    name = "ApproximateNumberOfMessages"
    counts = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name] for url in urls]
    assert counts == ["1"] * subscribers
