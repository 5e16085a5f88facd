"""What SNS and EventBridge promise together with functions, queues, state machines and mail."""

from __future__ import annotations

import json
import re
import textwrap
from contextlib import contextmanager
from datetime import datetime

import pytest

from emulator.aws.errors import AwsError
from tests.stories import telling
from tests.stories.telling import machine, one

SHOW = "print(json.dumps(event))"


def function(aws, name, body, **settings):
    """A function whose handler has this body; its ARN."""
    source = "import json, boto3\n\ndef handler(event, context):\n" + textwrap.indent(body, "    ")
    return telling.function(aws, name, source, **settings)


def shown(emulator, name):
    """The events that a function printed."""
    emulator.settle()
    return [json.loads(line) for line in emulator.logs(name) if line.startswith("{")]


def topic(aws, name, protocol="", endpoint=""):
    """A topic, and who has subscribed to it; its ARN."""
    arn = aws.sns.create_topic(Name=name)["TopicArn"]
    if protocol:
        aws.sns.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint)
    return arn


def queue(aws, emulator, name):
    aws.sqs.create_queue(QueueName=name)
    return emulator.queue(name)


def bodies(queue):
    """What is in a queue, as JSON."""
    return [json.loads(body) for body in queue.bodies()]


def rule(aws, *targets):
    """A rule for events of the source `shop`."""
    aws.events.put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop"]}))
    listed = [{"Id": str(number), "Arn": arn} for number, arn in enumerate(targets)]
    assert aws.events.put_targets(Rule="orders", Targets=listed)["FailedEntryCount"] == 0


def put(aws, detail=None):
    """An event of the source `shop`; its id."""
    entry = {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail or {"n": 1})}
    return aws.events.put_events(Entries=[entry])["Entries"][0]["EventId"]


def only_try(aws, name, on_failure):
    """The function's events are tried once, and what fails goes to that ARN."""
    aws.lambda_.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": on_failure}}
    )


def confirmed(aws, emulator, inbox):
    """A topic whose alarms a person wants by mail, and has said so in the browser."""
    arn = topic(aws, "alarms", "email", "ops@example.com")
    [mail] = inbox
    [path] = re.findall(r"http://[^/]+(/\S+)", mail.text)
    assert aws.http.get(emulator.url + path).status_code == 200
    return arn


def test_a_function_receives_a_notification_in_snss_records(aws, emulator):
    news = topic(aws, "news")
    arn = function(aws, "reader", SHOW)
    subscription = aws.sns.subscribe(TopicArn=news, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    message_id = aws.sns.publish(TopicArn=news, Message="hello", MessageAttributes=attributes)["MessageId"]
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


def test_one_event_reaches_function_queue_topic_state_machine_and_log_group(aws, emulator):
    arn = function(aws, "reader", SHOW)
    orders = queue(aws, emulator, "orders")
    heard = queue(aws, emulator, "from-topic")
    shop = topic(aws, "orders", "sqs", heard.arn)
    starts = machine(aws, {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
    aws.logs.create_log_group(logGroupName="/aws/events/orders")
    group = f"arn:aws:logs:us-east-1:{aws.account}:log-group:/aws/events/orders"
    rule(aws, arn, orders.arn, shop, starts, group)
    identifier = put(aws, {"n": 7})
    event = {"id": identifier, "source": "shop", "detail": {"n": 7}}.items()
    assert event <= shown(emulator, "reader")[0].items()
    assert event <= bodies(orders)[0].items()
    assert event <= json.loads(bodies(heard)[0]["Message"]).items()
    [execution] = emulator.executions()
    assert (execution["status"], execution["name"][:36]) == ("SUCCEEDED", identifier)
    assert event <= execution["input"].items()
    [logged] = emulator.logs("/aws/events/orders")
    assert event <= json.loads(logged).items()


def test_what_a_function_makes_of_an_event_goes_by_destination_to_a_bus_and_by_topic_to_a_mailbox(aws, emulator, inbox):
    alarms = topic(aws, "alarms", "email-json", "ops@example.com")
    token = json.loads(inbox.messages[0].text)["Token"]
    aws.sns.confirm_subscription(TopicArn=alarms, Token=token)
    function(aws, "breaks", 'raise ValueError("no")')
    bus = f"arn:aws:events:us-east-1:{aws.account}:event-bus/default"
    only_try(aws, "breaks", bus)
    aws.events.put_rule(
        Name="failed", EventPattern='{"detail": {"requestContext": {"condition": ["RetriesExhausted"]}}}'
    )
    transformer = {
        "InputPathsMap": {"error": "$.detail.responsePayload.errorMessage"},
        "InputTemplate": '"failed: <error>"',
    }
    aws.events.put_targets(Rule="failed", Targets=[{"Id": "1", "Arn": alarms, "InputTransformer": transformer}])
    telling.send(aws, "breaks", {})
    emulator.settle()
    assert json.loads(inbox.messages[-1].text)["Message"] == '"failed: no"'


def test_a_failed_event_lies_in_the_dead_letter_queue_and_an_alarm_is_mailed(aws, emulator, inbox):
    alarms = confirmed(aws, emulator, inbox)
    aws.cloudwatch.put_metric_alarm(
        AlarmName="orders-fail",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "breaks"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[alarms],
    )
    dead = queue(aws, emulator, "dead")
    arn = function(aws, "breaks", 'raise ValueError("no")', DeadLetterConfig={"TargetArn": dead.arn})
    rule(aws, arn)
    identifier = put(aws)
    emulator.settle()
    [event] = bodies(dead)
    assert event["id"] == identifier
    assert inbox.wait(subject="ALARM", seconds=0).to == ["ops@example.com"]
    assert aws.events.list_rules()["Rules"][0]["State"] == "ENABLED"


def test_an_alarm_on_the_depth_of_the_dead_letter_queue_is_mailed_once_and_again_when_it_is_empty(
    aws, emulator, clock, inbox
):
    alarms = confirmed(aws, emulator, inbox)
    dead = queue(aws, emulator, "dead")
    aws.cloudwatch.put_metric_alarm(
        AlarmName="dead-letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[alarms],
        OKActions=[alarms],
    )
    arn = function(aws, "breaks", 'raise ValueError("no")', DeadLetterConfig={"TargetArn": dead.arn})
    rule(aws, arn)
    emulator.settle()
    mails = len(inbox)
    failed_at = clock.now()
    put(aws)
    emulator.settle()
    clock.advance(3600)
    [alarm] = inbox.messages[mails:]
    assert alarm.subject == 'ALARM: "dead-letters" in US East (N. Virginia)'
    assert alarm.to == ["ops@example.com"]
    # Retries after one and two minutes; measured at the next full minute, judged at the one after it.
    assert 180 <= datetime.fromisoformat(alarm.sent_at).timestamp() - failed_at <= 330
    aws.sqs.purge_queue(QueueUrl=dead.url)
    emulator.settle()
    assert inbox.messages[-1].subject.startswith("OK: ")
    assert len(inbox) == mails + 2


def test_a_function_that_publishes_to_its_own_topic_is_stopped_by_lambda(aws, emulator):
    loop = topic(aws, "loop")
    body = f'print("{{}}")\nboto3.client("sns").publish(TopicArn="{loop}", Message="again")'
    arn = function(aws, "echo", body)
    aws.sns.subscribe(TopicArn=loop, Protocol="lambda", Endpoint=arn)
    aws.sns.publish(TopicArn=loop, Message="first")
    assert 16 <= len(shown(emulator, "echo")) <= 17


def test_a_function_whose_failures_go_to_the_topic_that_invokes_it_comes_to_an_end_too(aws, emulator):
    loop = topic(aws, "loop", "lambda", function(aws, "fails", 'print("{}")\nraise ValueError("no")'))
    only_try(aws, "fails", loop)
    aws.sns.publish(TopicArn=loop, Message="first")
    assert 2 <= len(shown(emulator, "fails")) <= 17  # or earlier: a record in a record outgrows SNS's 256 KB


def test_a_function_that_puts_events_for_itself_ends_at_the_limit_of_the_emulator(aws, emulator):
    emulator.settings(event_chain_limit=25)
    entry = {"Source": "shop", "DetailType": "again", "Detail": "{}"}
    arn = function(aws, "echo", f'print("{{}}")\nboto3.client("events").put_events(Entries=[{entry}])')
    rule(aws, arn)
    put(aws)
    assert len(shown(emulator, "echo")) == 25


LOOPS = {
    "itself": ("arn:aws:states:::aws-sdk:eventbridge:putEvents", 24),
    "a function": ("arn:aws:lambda:us-east-1:{aws.account}:function:echo", 12),
}


@pytest.mark.parametrize("through", LOOPS)
def test_a_state_machine_that_puts_events_for_itself_ends_too(aws, emulator, through):
    emulator.settings(event_chain_limit=24)
    entry = {"Source": "shop", "DetailType": "again", "Detail": "{}"}
    function(aws, "echo", f'boto3.client("events").put_events(Entries=[{entry}])')
    resource, rounds = LOOPS[through]
    resource = resource.format(aws=aws)
    rule(aws, machine(aws, one({"Type": "Task", "Resource": resource, "Parameters": {"Entries": [entry]}})))
    put(aws)
    emulator.settle()
    assert len(emulator.executions()) == rounds


@contextmanager
def refusing(running, service, operation):
    """An operation that fails meanwhile; the AWS times at which it was called."""
    operations, calls = running.emulator.services.get(service).operations, []

    def refuse(tx, scope, request):
        calls.append(tx.now)
        raise AwsError("InternalFailure", "broken", 500)

    kept = operations[operation]
    operations[operation] = refuse
    try:
        yield calls
    finally:
        operations[operation] = kept


def why_given_up(message):
    """What EventBridge tells of an event that it lays into a dead-letter queue."""
    return {name: attribute["StringValue"] for name, attribute in message["MessageAttributes"].items()}


def test_a_target_that_fails_is_tried_for_a_day_and_then_given_up(running, aws, emulator, clock):
    orders = topic(aws, "orders")
    dead = queue(aws, emulator, "dead")
    rule(aws, orders)
    retries = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86400}
    for number, policy in (("0", {}), ("1", {"RetryPolicy": retries})):
        target = {"Id": number, "Arn": orders, "DeadLetterConfig": {"Arn": dead.arn}, **policy}
        aws.events.put_targets(Rule="orders", Targets=[target])
    began = clock.now()
    with refusing(running, "sns", "Publish") as calls:
        put(aws)
        emulator.settle()
    assert 150 < len(calls) - 4 <= 186
    assert max(calls) - began <= 86400
    after_three, after_a_day = sorted(map(why_given_up, dead.receive()), key=lambda told: told["RETRY_ATTEMPTS"] != "3")
    assert (after_three["EXHAUSTED_RETRY_CONDITION"], after_three["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "3")
    assert after_three["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert after_a_day != after_three


def test_a_target_that_recovers_receives_the_event_once(running, aws, emulator, clock):
    orders = queue(aws, emulator, "orders")
    rule(aws, orders.arn)
    with refusing(running, "sqs", "SendMessage") as calls:
        put(aws)
        clock.advance(10)
    assert len(calls) > 2
    emulator.settle()
    assert len(bodies(orders)) == 1


def test_a_queue_that_fails_for_its_own_fault_gets_the_notification_when_it_recovers(running, aws, emulator, clock):
    reader = queue(aws, emulator, "reader")
    news = topic(aws, "news", "sqs", reader.arn)
    with refusing(running, "sqs", "SendMessage") as calls:
        began = clock.now()
        aws.sns.publish(TopicArn=news, Message="m")
        clock.advance(3)
    assert [round(at - began) for at in calls] == [0, 0, 0, 0, 1, 2, 3]
    emulator.settle()
    assert len(reader.bodies()) == 1


@pytest.mark.parametrize("subscribers", [100, 250])
def test_every_subscriber_of_a_large_topic_is_served_once(aws, emulator, subscribers):
    large = topic(aws, "large")
    urls = [aws.sqs.create_queue(QueueName=f"q{number}")["QueueUrl"] for number in range(subscribers)]
    for number in range(subscribers):
        arn = f"arn:aws:sqs:us-east-1:{aws.account}:q{number}"
        aws.sns.subscribe(TopicArn=large, Protocol="sqs", Endpoint=arn)
    aws.sns.publish(TopicArn=large, Message="m")
    emulator.settle()
    name = "ApproximateNumberOfMessages"
    counts = [aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name] for url in urls]
    assert counts == ["1"] * subscribers
