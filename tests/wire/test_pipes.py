"""EventBridge Pipes by boto3: what each operation answers, and what becomes of messages on their way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.http_endpoint import Endpoint, endpoint
from tests.wire.lambda_support import create, package

__all__ = ["endpoint"]

ROLE = "arn:aws:iam::000000000000:role/pipe"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"]


def queue(emulator: RunningEmulator, name: str, **attributes: str) -> str:
    if name.endswith(".fifo"):
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
    return emulator.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def create_function(emulator: RunningEmulator, name: str, source: str) -> None:
    create(emulator.client("lambda"), name, Code={"ZipFile": package(source)})


def send(emulator: RunningEmulator, url: str, *texts: str) -> None:
    for text in texts:
        emulator.client("sqs").send_message(QueueUrl=url, MessageBody=text)


def bodies(emulator: RunningEmulator, url: str) -> list[str]:
    answer = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def counts(emulator: RunningEmulator, url: str) -> tuple[str, str]:
    """(visible, in flight) messages of a queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return found[names[0]], found[names[1]]


def pipe(emulator: RunningEmulator, target: str, **request: Any) -> dict[str, Any]:
    """A pipe `p` from the queue `in`, running."""
    given = {"Name": "p", "Source": QUEUE + "in", "RoleArn": ROLE, **request}
    made = emulator.client("pipes").create_pipe(Target=target, **given)
    emulator.advance(0)
    return made


def test_a_pipe_is_created_described_and_listed(emulator: RunningEmulator) -> None:
    queue(emulator, "in")
    made = pipe(emulator, QUEUE + "out", Description="d", Tags={"a": "1"})
    assert (made["CurrentState"], made["DesiredState"]) == ("CREATING", "RUNNING")
    pipes = emulator.client("pipes")
    shown = pipes.describe_pipe(Name="p")
    assert (shown["CurrentState"], shown["Tags"], shown["Description"]) == ("RUNNING", {"a": "1"}, "d")
    assert shown["Arn"] == "arn:aws:pipes:us-east-1:000000000000:pipe/p"
    assert shown["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 10}}
    [listed] = pipes.list_pipes(NamePrefix="p", CurrentState="RUNNING", SourcePrefix=QUEUE)["Pipes"]
    assert (listed["Name"], listed["Target"]) == ("p", QUEUE + "out")
    assert pipes.list_pipes(DesiredState="STOPPED")["Pipes"] == []
    pipes.tag_resource(resourceArn=shown["Arn"], tags={"b": "2"})
    pipes.untag_resource(resourceArn=shown["Arn"], tagKeys=["a"])
    assert pipes.list_tags_for_resource(resourceArn=shown["Arn"])["tags"] == {"b": "2"}
    assert pipes.delete_pipe(Name="p")["CurrentState"] == "DELETING"
    emulator.advance(0)
    assert refusal(pipes.describe_pipe, Name="p") == ("NotFoundException", "Pipe p does not exist.")


def test_messages_go_to_a_queue_as_their_template_says_and_are_deleted(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out.fifo")
    parameters = {
        "InputTemplate": '{"name": <$.body.name>, "pipe": "<aws.pipes.pipe-name>"}',
        "SqsQueueParameters": {"MessageGroupId": "$.body.name", "MessageDeduplicationId": "$.messageId"},
    }
    pipe(emulator, QUEUE + "out.fifo", TargetParameters=parameters)
    send(emulator, source, '{"name": "Ann"}', '{"name": "Bob"}')
    emulator.advance(0)
    assert sorted(bodies(emulator, target)) == ['{"name":"Ann","pipe":"p"}', '{"name":"Bob","pipe":"p"}']
    assert counts(emulator, source) == ("0", "0")


def test_without_a_template_the_record_of_the_queue_is_passed_on(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    send(emulator, source, "before the pipe")
    pipe(emulator, QUEUE + "out")
    [record] = [json.loads(text) for text in bodies(emulator, target)]
    assert (record["body"], record["eventSource"]) == ("before the pipe", "aws:sqs")
    assert record["eventSourceARN"] == QUEUE + "in"


def test_messages_that_no_filter_wants_are_deleted(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    filters = {"Filters": [{"Pattern": '{"body": {"n": [{"numeric": [">", 2]}]}}'}]}
    template = {"InputTemplate": "<$.body.n>"}
    pipe(emulator, QUEUE + "out", SourceParameters={"FilterCriteria": filters}, TargetParameters=template)
    send(emulator, source, '{"n": 1}', '{"n": 3}', "text")
    emulator.advance(0)
    assert bodies(emulator, target) == ["3"]
    assert counts(emulator, source) == ("0", "0")


def test_an_enrichment_changes_what_the_target_receives(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    create_function(emulator, "enrich", source=(
        "import json\n"
        "def handler(event, context):\n"
        "    return [{'rich': record['n']} for record in event if record['n'] > 1]\n"
    ))  # fmt: skip
    pipe(
        emulator,
        QUEUE + "out",
        Enrichment="arn:aws:lambda:us-east-1:000000000000:function:enrich",
        EnrichmentParameters={"InputTemplate": '{"n": <$.body.n>}'},
        TargetParameters={"InputTemplate": "<$.rich>"},
    )
    send(emulator, source, '{"n": 1}', '{"n": 2}')
    emulator.advance(0)
    assert bodies(emulator, target) == ["2"]
    assert counts(emulator, source) == ("0", "0")


def test_a_failing_target_leaves_messages_to_the_redrive_policy(emulator: RunningEmulator) -> None:
    dead = queue(emulator, "dead")
    redrive = json.dumps({"deadLetterTargetArn": QUEUE + "dead", "maxReceiveCount": 2})
    source = queue(emulator, "in", VisibilityTimeout="30", RedrivePolicy=redrive)
    pipe(emulator, QUEUE + "missing")
    send(emulator, source, "lost")
    emulator.advance(0)
    assert counts(emulator, source) == ("0", "1")
    emulator.settle()
    assert bodies(emulator, dead) == ["lost"]


def test_a_function_says_which_messages_failed(emulator: RunningEmulator) -> None:
    source = queue(emulator, "in", VisibilityTimeout="30")
    create_function(emulator, "work", source=(
        "def handler(event, context):\n"
        "    failed = [record['messageId'] for record in event if record['body'] == 'bad']\n"
        "    return {'batchItemFailures': [{'itemIdentifier': name} for name in failed]}\n"
    ))  # fmt: skip
    batch = {"SqsQueueParameters": {"MaximumBatchingWindowInSeconds": 5}}
    pipe(emulator, "arn:aws:lambda:us-east-1:000000000000:function:work", SourceParameters=batch)
    send(emulator, source, "good", "bad")
    emulator.advance(4)
    assert counts(emulator, source) == ("2", "0")
    emulator.advance(1)
    assert counts(emulator, source) == ("0", "1")


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_state_machine_receives_the_batch(emulator: RunningEmulator, kind: str) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    send_message = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": target, "MessageBody.$": "$[0].body"},
        "End": True,
    }
    machine = emulator.client("stepfunctions").create_state_machine(
        name="m", type=kind, roleArn=ROLE, definition=json.dumps({"StartAt": "S", "States": {"S": send_message}})
    )["stateMachineArn"]
    pipe(emulator, machine)
    send(emulator, source, "hello")
    emulator.advance(0)
    assert bodies(emulator, target) == ["hello"]
    assert counts(emulator, source) == ("0", "0")


def test_buses_topics_and_log_groups_receive_each_event(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    events = emulator.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": QUEUE + "out", "InputPath": "$.detail.n"}])
    topic = emulator.client("sns").create_topic(Name="t")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + "out", Attributes=raw)
    template = '{"n": <$.body.n>}'
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    own = {"InputTemplate": template, "EventBridgeEventBusParameters": {"Source": "shop", "DetailType": "$.body.kind"}}
    pipe(emulator, bus, TargetParameters=own)
    send(emulator, source, '{"n": 1, "kind": "order"}')
    emulator.advance(0)
    assert bodies(emulator, target) == ["1"]
    pipes = emulator.client("pipes")
    pipes.update_pipe(Name="p", RoleArn=ROLE, Target=topic, TargetParameters={"InputTemplate": template})
    emulator.advance(0)
    send(emulator, source, '{"n": 2}')
    emulator.advance(0)
    assert bodies(emulator, target) == ['{"n":2}']
    group = "arn:aws:logs:us-east-1:000000000000:log-group:orders"
    line = {"InputTemplate": "<$.body.n>", "CloudWatchLogsParameters": {"LogStreamName": "s"}}
    pipes.update_pipe(Name="p", RoleArn=ROLE, Target=group, TargetParameters=line)
    emulator.advance(0)
    send(emulator, source, '{"n": 3}')
    emulator.advance(0)
    found = emulator.client("logs").get_log_events(logGroupName="orders", logStreamName="s")["events"]
    assert [event["message"] for event in found] == ["3"]


def test_api_destinations_enrich_and_receive_each_event(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    source = queue(emulator, "in", VisibilityTimeout="30")
    events = emulator.client("events")
    basic = {"BasicAuthParameters": {"Username": "me", "Password": "pass"}}
    login = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)["ConnectionArn"]
    given = {"ConnectionArn": login, "HttpMethod": "POST", "InvocationRateLimitPerSecond": 1}
    arns = [
        events.create_api_destination(Name=name, InvocationEndpoint=f"{endpoint.url}/{name}/*", **given)[
            "ApiDestinationArn"
        ]
        for name in ("enrich", "take")
    ]
    endpoint.answers = [(200, {}, b'{"rich": 1}'), (200, {}, b"[]"), (503, {}, b"")]
    path = {"HttpParameters": {"PathParameterValues": ["$.body.n"]}}
    pipe(
        emulator,
        arns[1],
        Enrichment=arns[0],
        EnrichmentParameters=path,
        TargetParameters={"InputTemplate": '{"got": <$.rich>}', "HttpParameters": {"PathParameterValues": ["$.rich"]}},
        SourceParameters={"SqsQueueParameters": {"BatchSize": 1}},
    )
    send(emulator, source, '{"n": 5}', '{"n": 6}')
    emulator.advance(10)
    lines = [heard["line"] for heard in endpoint.requests]
    assert sorted(lines) == ["POST /enrich/5", "POST /enrich/6", "POST /take/1"]
    assert [heard["body"] for heard in endpoint.requests if "/take/" in heard["line"]] == ['{"got":1}']
    assert counts(emulator, source) == ("0", "1")  # the endpoint refused what it was given: it comes again
    emulator.advance(30)
    assert counts(emulator, source) == ("0", "0")


def test_a_stopped_pipe_leaves_messages_alone_until_it_is_started(emulator: RunningEmulator) -> None:
    source, target = queue(emulator, "in"), queue(emulator, "out")
    pipe(emulator, QUEUE + "out", DesiredState="STOPPED", TargetParameters={"InputTemplate": "<$.body>"})
    pipes = emulator.client("pipes")
    assert pipes.describe_pipe(Name="p")["CurrentState"] == "STOPPED"
    assert refusal(pipes.stop_pipe, Name="p")[0] == "ConflictException"
    send(emulator, source, "5")
    emulator.advance(60)
    assert counts(emulator, source) == ("1", "0")
    assert pipes.start_pipe(Name="p")["CurrentState"] == "STARTING"
    assert refusal(pipes.start_pipe, Name="p")[0] == "ConflictException"
    emulator.advance(0)
    assert bodies(emulator, target) == ["5"]
    pipes.stop_pipe(Name="p")
    emulator.advance(0)
    send(emulator, source, "6")
    emulator.advance(60)
    assert counts(emulator, source) == ("1", "0")


def test_a_pipe_without_its_queue_fails_and_says_why(emulator: RunningEmulator) -> None:
    pipe(emulator, QUEUE + "out")
    [shown] = emulator.client("pipes").list_pipes()["Pipes"]
    assert shown["CurrentState"] == "CREATE_FAILED" and "does not exist" in shown["StateReason"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Source": "arn:aws:s3:::bucket"}, "is not supported"),
        ({"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}}, "needs a MaximumBatchingWindowInSeconds"),
        ({"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}}, "Event pattern is not valid"),
        ({"Enrichment": QUEUE + "x"}, "is not supported"),
        ({"Target": QUEUE + "x.fifo"}, "MessageGroupId is required"),
        ({"Target": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "KinesisStreamParameters is required"),
        ({"TargetParameters": {"InputTemplate": "<aws.pipes.no>"}}, "Invalid InputTemplate"),
        (
            {"TargetParameters": {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}},
            "cannot be specified",
        ),
        ({"Name": "a b"}, "failed to satisfy constraint"),
        ({"RoleArn": "r"}, "failed to satisfy constraint"),
    ],
)
def test_bad_pipes_are_refused_and_nothing_is_kept(
    emulator: RunningEmulator, change: dict[str, Any], text: str
) -> None:
    given = {"Name": "p", "Source": QUEUE + "in", "Target": QUEUE + "out", "RoleArn": ROLE, **change}
    pipes = emulator.client("pipes")
    code, message = refusal(pipes.create_pipe, **given)
    assert code == "ValidationException" and text in message
    assert pipes.list_pipes()["Pipes"] == []


def test_what_is_not_emulated_is_refused_by_name(emulator: RunningEmulator) -> None:
    good = {"Name": "p", "Source": QUEUE + "in", "Target": QUEUE + "out", "RoleArn": ROLE}
    stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/f"
    for change in (
        {"Source": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"},
        {"Target": "arn:aws:ecs:us-east-1:000000000000:cluster/c"},
        {"LogConfiguration": {"Level": "INFO", "FirehoseLogDestination": {"DeliveryStreamArn": stream}}},
    ):
        with pytest.raises(ClientError) as caught:
            emulator.client("pipes").create_pipe(**{**good, **change})
        response: Any = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 501


GROUP = "/aws/vendedlogs/pipes/p"
LOG = {"LogGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"}


def logged(emulator: RunningEmulator) -> list[dict[str, Any]]:
    found = emulator.client("logs").filter_log_events(logGroupName=GROUP)["events"]
    return [json.loads(each["message"]) for each in found]


@pytest.mark.parametrize(
    ("level", "good", "bad"),
    [
        (
            "TRACE",
            "EXECUTION_STARTED TARGET_STAGE_ENTERED TARGET_TRANSFORMATION_STARTED TARGET_TRANSFORMATION_SUCCEEDED "
            "TARGET_INVOCATION_STARTED TARGET_INVOCATION_SUCCEEDED TARGET_STAGE_SUCCEEDED EXECUTION_SUCCEEDED",
            "EXECUTION_STARTED TARGET_STAGE_ENTERED TARGET_TRANSFORMATION_STARTED TARGET_TRANSFORMATION_SUCCEEDED "
            "TARGET_INVOCATION_STARTED TARGET_INVOCATION_FAILED TARGET_STAGE_FAILED EXECUTION_FAILED",
        ),
        (
            "INFO",
            "EXECUTION_STARTED TARGET_STAGE_ENTERED TARGET_STAGE_SUCCEEDED EXECUTION_SUCCEEDED",
            "EXECUTION_STARTED TARGET_STAGE_ENTERED TARGET_INVOCATION_FAILED TARGET_STAGE_FAILED EXECUTION_FAILED",
        ),
        ("ERROR", "", "TARGET_INVOCATION_FAILED TARGET_STAGE_FAILED EXECUTION_FAILED"),
    ],
)
def test_a_pipe_logs_the_steps_that_its_level_shows(emulator: RunningEmulator, level: str, good: str, bad: str) -> None:
    source, _ = queue(emulator, "in"), queue(emulator, "out")
    emulator.client("logs").create_log_group(logGroupName=GROUP)
    settings = {"Level": level, "CloudwatchLogsLogDestination": LOG, "IncludeExecutionData": ["ALL"]}
    pipe(emulator, QUEUE + "out", LogConfiguration=settings, TargetParameters={"InputTemplate": "<$.body>"})
    assert emulator.client("pipes").describe_pipe(Name="p")["LogConfiguration"] == settings
    send(emulator, source, "5")
    emulator.advance(0)
    records = logged(emulator)
    assert [each["messageType"] for each in records] == good.split()
    emulator.client("sqs").delete_queue(QueueUrl=f"{emulator.url}/000000000000/out")
    send(emulator, source, "6")
    emulator.advance(1)
    later = logged(emulator)[len(records) :]
    assert [each["messageType"] for each in later] == bad.split()
    last = later[-1]
    assert (last["logLevel"], last["resourceArn"]) == (level, "arn:aws:pipes:us-east-1:000000000000:pipe/p")
    assert json.loads(last["payload"])[0]["body"] == "6"
    assert "does not exist" in last["error"]["message"]
    assert len({each["executionId"] for each in later}) == 1


def test_a_log_without_a_destination_is_refused(emulator: RunningEmulator) -> None:
    request = {"Name": "p", "Source": QUEUE + "in", "Target": QUEUE + "out", "RoleArn": ROLE}
    code, _ = refusal(emulator.client("pipes").create_pipe, **request, LogConfiguration={"Level": "INFO"})
    assert code == "ValidationException"
