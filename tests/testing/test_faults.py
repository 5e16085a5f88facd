"""Every kind of fault, as a test that uses it would meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.faults import BadPlan, Fault, FaultPlan
from emulator.testing import Emulator
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.faults import Faults
from emulator.testing.inbox import Inbox
from emulator.testing.servers import HarnessError, LocalServer
from tests.testing.functions import create, invoke, send

COUNTER = """
import boto3, os
def handler(event, context):
    body = str(event.get("n", context.aws_request_id))
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=body)
    return {"left": context.get_remaining_time_in_millis()}
"""


def counted(aws: Aws, name: str = "worker") -> str:
    """A function that sends a message each time it runs, and the queue they go to."""
    queue = aws.sqs.create_queue(QueueName="effects")["QueueUrl"]
    create(aws, name, COUNTER, timeout=20, Environment={"Variables": {"QUEUE": queue}})
    return queue


def bodies(aws: Aws, queue: str) -> list[str]:
    found: list[str] = []
    while messages := aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [each["Body"] for each in messages]
    return found


def outcomes(emulator: Emulator) -> list[str]:
    return [each["outcome"] for each in emulator.attempts()]


def machine(aws: Aws, states: dict[str, Any], kind: str = "STANDARD", name: str = "m") -> str:
    definition = {"StartAt": next(iter(states)), "States": states}
    return aws.stepfunctions.create_state_machine(
        name=name, roleArn=f"arn:aws:iam::{aws.account}:role/r", definition=json.dumps(definition), type=kind
    )["stateMachineArn"]


# ── functions ───────────────────────────────────────────────────────────────────────────────────


def test_a_function_fails_as_often_as_the_plan_says(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "error", times=2, error="Boom", message="as planned")
    send(aws)
    emulator.settle()
    assert outcomes(emulator) == ["function_error", "function_error", "success"]
    assert emulator.attempts()[0]["error_type"] == "Boom"
    assert len(bodies(aws, queue)) == 1
    assert [each["fault"] for each in faults.strikes] == ["error", "error"]


def test_a_function_that_fails_after_its_effect_repeats_it(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "error", after=True)
    send(aws, n=7)
    emulator.settle()
    assert bodies(aws, queue) == ["7", "7"]


def test_a_function_times_out_when_its_time_is_over(aws: Aws, clock: Clock, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "timeout")
    before = clock.now()
    answer = invoke(aws)
    assert answer["errorType"] == "Sandbox.Timedout"
    assert clock.now() - before == 20
    assert bodies(aws, queue) == []


def test_a_throttled_event_waits_and_spends_no_retry(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    counted(aws)
    faults.function("worker", "throttle", times=3)
    send(aws)
    emulator.settle()
    assert outcomes(emulator) == ["throttle", "throttle", "throttle", "success"]
    with pytest.raises(aws.lambda_.exceptions.TooManyRequestsException):
        faults.function("worker", "throttle")
        invoke(aws)


def test_a_crash_after_the_effect_is_waited_for(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "crash", after=True, times=3)
    send(aws)
    emulator.settle()
    assert outcomes(emulator) == ["function_error"] * 3
    assert len(bodies(aws, queue)) == 3


def test_an_environment_crashes_and_the_next_invocation_has_a_new_one(aws: Aws, faults: Faults) -> None:
    create(aws, source="count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    assert [invoke(aws), invoke(aws)] == [1, 2]
    faults.function("worker", "crash")
    assert invoke(aws)["errorType"] == "Runtime.ExitError"
    assert invoke(aws) == 1


def test_a_slow_function_takes_its_time_and_may_time_out(aws: Aws, clock: Clock, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "slow", seconds=8)
    before = clock.now()
    assert "left" in invoke(aws)
    assert clock.now() - before == 8
    faults.function("worker", "slow", seconds=30)
    assert invoke(aws)["errorType"] == "Sandbox.Timedout"
    assert clock.now() - before == 28
    assert len(bodies(aws, queue)) == 2, "it ran, and then its answer came too late"


def test_an_event_is_delivered_twice(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "twice")
    send(aws)
    emulator.settle()
    first, second = bodies(aws, queue)
    assert first == second, "the request id is the same"
    assert outcomes(emulator) == ["success", "success"]


def test_an_event_is_overtaken_by_the_next(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = counted(aws)
    faults.function("worker", "out_of_order")
    for number in (1, 2):
        send(aws, n=number)
    emulator.settle()
    assert bodies(aws, queue) == ["2", "1"]


# ── states ──────────────────────────────────────────────────────────────────────────────────────

RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 1}]


def notify(queue: str, **more: Any) -> dict[str, Any]:
    parameters = {"QueueUrl": queue, "MessageBody": "x"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": parameters,
        "End": True,
        **more,
    }


@pytest.mark.parametrize(
    ("fault", "error"),
    [("error", "States.TaskFailed"), ("timeout", "States.Timeout"), ("throttle", "ThrottlingException")],
)
def test_a_state_fails(aws: Aws, emulator: Emulator, faults: Faults, fault: str, error: str) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = machine(aws, {"Notify": notify(queue)})
    faults.state("Notify", fault, machine="m", message="no")
    aws.stepfunctions.start_execution(stateMachineArn=arn)
    emulator.settle()
    [execution] = emulator.executions()
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", error, "no")
    assert bodies(aws, queue) == []


def test_a_state_fails_after_its_effect_and_its_retry_repeats_it(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = machine(aws, {"Notify": notify(queue, Retry=RETRY)})
    faults.state("Notify", "error", after=True)
    aws.stepfunctions.start_execution(stateMachineArn=arn)
    emulator.settle()
    assert emulator.executions(status="SUCCEEDED")[0]["states"] == ["Notify"]
    assert bodies(aws, queue) == ["x", "x"]


def test_a_slow_state_meets_its_timeout(aws: Aws, emulator: Emulator, faults: Faults, clock: Clock) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = machine(aws, {"Notify": notify(queue, TimeoutSeconds=30, Retry=RETRY)})
    faults.state("Notify", "slow", seconds=10)
    faults.state("Notify", "slow", seconds=60, skip=1)
    before = clock.now()
    aws.stepfunctions.start_execution(stateMachineArn=arn)
    emulator.settle()
    assert clock.now() - before == 10
    aws.stepfunctions.start_execution(stateMachineArn=arn)
    emulator.settle()
    assert clock.now() - before == 10 + 30 + 5
    assert [each["status"] for each in emulator.executions("m")] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_the_task_of_a_state_is_called_twice(
    aws: Aws, emulator: Emulator, faults: Faults, kind: str, clock: Clock
) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = machine(aws, {"Notify": notify(queue)}, kind)
    faults.state("Notify", "twice")
    aws.stepfunctions.start_execution(stateMachineArn=arn)
    emulator.settle()
    assert bodies(aws, queue) == ["x", "x"]


def test_states_of_express_machines_fail_and_are_slow_too(aws: Aws, faults: Faults, clock: Clock) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = machine(aws, {"Notify": notify(queue)}, "EXPRESS")
    faults.state("Notify", "error", error="Odd")
    assert aws.stepfunctions.start_sync_execution(stateMachineArn=arn)["error"] == "Odd"
    faults.state("Notify", "slow", seconds=9)
    before = clock.now()
    assert aws.stepfunctions.start_sync_execution(stateMachineArn=arn)["status"] == "SUCCEEDED"
    assert clock.now() - before == 9


# ── deliveries ──────────────────────────────────────────────────────────────────────────────────


def topic_to_queue(aws: Aws) -> tuple[str, str]:
    queue = aws.sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    topic = aws.sns.create_topic(Name="news")["TopicArn"]
    arn = f"arn:aws:sqs:us-east-1:{aws.account}:subscriber"
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return topic, queue


def test_a_destination_fails_and_is_tried_again(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    topic, queue = topic_to_queue(aws)
    faults.destination("subscriber", "error", times=2)
    aws.sns.publish(TopicArn=topic, Message="hello")
    emulator.settle()
    assert bodies(aws, queue) == ["hello"]
    assert len(faults.strikes) == 2


def test_a_destination_gets_a_delivery_twice(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    topic, queue = topic_to_queue(aws)
    faults.destination("subscriber", "twice")
    aws.sns.publish(TopicArn=topic, Message="hello")
    emulator.settle()
    assert bodies(aws, queue) == ["hello", "hello"]


def test_a_throttled_failure_destination_loses_the_record(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    create(aws)
    queue = aws.sqs.create_queue(QueueName="failed")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.account}:failed"
    aws.lambda_.put_function_event_invoke_config(
        FunctionName="worker", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    faults.destination("failed", "throttle")
    send(aws, fail=True)
    emulator.settle()
    assert bodies(aws, queue) == []
    send(aws, fail=True)
    emulator.settle()
    assert len(bodies(aws, queue)) == 1


def test_an_event_bus_is_a_destination_too(aws: Aws, emulator: Emulator, faults: Faults) -> None:
    create(aws)
    bus = aws.events.create_event_bus(Name="bus")["EventBusArn"]
    arn = machine(aws, {"Done": {"Type": "Pass", "End": True}})
    aws.events.put_rule(Name="r", EventBusName="bus", EventPattern='{"source": ["lambda"]}')
    target = {"Id": "1", "Arn": arn, "RoleArn": f"arn:aws:iam::{aws.account}:role/r"}
    aws.events.put_targets(Rule="r", EventBusName="bus", Targets=[target])
    told = {"OnSuccess": {"Destination": bus}}
    aws.lambda_.put_function_event_invoke_config(FunctionName="worker", DestinationConfig=told)
    faults.destination("bus", "error")
    faults.destination("m", "twice")
    for number in (1, 2):
        send(aws, number=number)
        emulator.settle()
    assert [each["destination"] for each in faults.strikes] == ["bus", "m"]
    numbers = [each["input"]["detail"]["requestPayload"]["number"] for each in emulator.executions()]
    assert numbers == [2, 2], "the first event came to nobody, the second twice"


def test_a_message_is_in_the_queue_twice(aws: Aws, faults: Faults) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    faults.queue("q", "twice")
    sent = aws.sqs.send_message(QueueUrl=queue, MessageBody="x")["MessageId"]
    found = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [each["MessageId"] for each in found] == [sent, sent]


@pytest.mark.parametrize(("fault", "seconds"), [("out_of_order", 1), ("slow", 10)])
def test_a_message_comes_late(aws: Aws, faults: Faults, clock: Clock, fault: str, seconds: int) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    faults.queue("q", fault)
    for number in "12":
        aws.sqs.send_message(QueueUrl=queue, MessageBody=number)
    assert bodies(aws, queue) == ["2"]
    clock.advance(seconds)
    assert bodies(aws, queue) == ["1"]


def test_a_message_is_lost_and_its_sender_does_not_know(aws: Aws, faults: Faults) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    faults.queue("q", "lost")
    assert aws.sqs.send_message(QueueUrl=queue, MessageBody="lost")["MessageId"]
    aws.sqs.send_message(QueueUrl=queue, MessageBody="there")
    assert bodies(aws, queue) == ["there"]


# ── the gateway ─────────────────────────────────────────────────────────────────────────────────


def http_api(aws: Aws, function: str) -> str:
    api = aws.apigatewayv2.create_api(Name="api", ProtocolType="HTTP", Target=function)
    return api["ApiId"]


def test_a_gateway_answers_5xx_before_or_after_its_endpoint(aws: Aws, faults: Faults) -> None:
    queue = aws.sqs.create_queue(QueueName="effects")["QueueUrl"]
    function = create(aws, "worker", COUNTER, timeout=20, Environment={"Variables": {"QUEUE": queue}})
    http_api(aws, function)
    faults.gateway("POST /reports", "error", status=503)
    answer = aws.http.post("/reports")
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
    assert bodies(aws, queue) == []
    faults.gateway("POST /*", "error", status=504, after=True)
    assert aws.http.post("/reports").status_code == 504
    assert len(bodies(aws, queue)) == 1
    assert aws.http.post("/reports").status_code == 200


def test_a_gateway_is_slow(aws: Aws, faults: Faults, clock: Clock) -> None:
    api = http_api(aws, create(aws))
    faults.gateway(api, "slow", seconds=4)
    before = clock.now()
    assert aws.http.get("/").status_code == 200
    assert clock.now() - before == 4


# ── mail ────────────────────────────────────────────────────────────────────────────────────────


def mail(aws: Aws, to: str) -> str:
    aws.ses.verify_email_identity(EmailAddress="a@example.com")
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    return aws.ses.send_email(Source="a@example.com", Destination={"ToAddresses": [to]}, Message=message)["MessageId"]


def test_mail_is_lost_after_it_was_accepted(aws: Aws, inbox: Inbox, faults: Faults) -> None:
    faults.mail("b@example.com", "lost")
    assert mail(aws, "b@example.com")
    with pytest.raises(AssertionError, match="none at all"):
        inbox.wait(to="b@example.com", seconds=60)
    mail(aws, "b@example.com")
    assert len(inbox) == 1


def test_mail_is_refused_by_the_recipients_server(aws: Aws, inbox: Inbox, faults: Faults, emulator: Emulator) -> None:
    faults.mail("*@example.org", "refused")
    mail(aws, "b@example.org")
    mail(aws, "b@example.com")
    emulator.settle()
    assert [(each.to, each.delivery["state"]) for each in inbox.find(sender="a@example.com")] == [
        (["b@example.org"], "bounced"),
        (["b@example.com"], "delivered"),
    ]


# ── the store ───────────────────────────────────────────────────────────────────────────────────


def test_a_commit_fails_and_its_caller_hears_of_it(aws: Aws, faults: Faults) -> None:
    aws.sqs.create_queue(QueueName="one")
    faults.store("error")
    with pytest.raises(aws.sqs.exceptions.ClientError) as failed:
        aws.sqs.create_queue(QueueName="two")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    assert len(aws.sqs.list_queues()["QueueUrls"]) == 1
    aws.sqs.create_queue(QueueName="two")


# ── plans ───────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_is_a_value_that_can_be_written_down_and_read() -> None:
    plan = FaultPlan(
        (Fault("function", "render", "twice"), Fault("state", "Send*", "slow", seconds=3, times=None)), seed=7
    )
    assert FaultPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.as_code() == (
        "faults.seed(7)\nfaults.function('render', 'twice')\nfaults.state('Send*', 'slow', times=None, seconds=3)"
    )


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ([], "a plan is"),
        ({"faults": [{}]}, "fault 1 names 0 targets"),
        ({"faults": [{"function": "a", "state": "b", "fault": "error"}]}, "names 2 targets"),
        ({"faults": [{"function": "a", "fault": "lost"}]}, "must be one of error, timeout"),
        ({"faults": [{"mail": "a", "fault": "slow"}]}, "must be one of refused, lost"),
        ({"faults": [{"queue": "a.fifo", "fault": "twice"}]}, "a.fifo is delivered once and in its order"),
        ({"faults": [{"mail": "a", "fault": "lost", "status": 503}]}, "error of a gateway, error of a websocket"),
        ({"faults": [{"gateway": "a", "fault": "slow", "after": True}]}, '"after" has no effect on slow of a gateway'),
        ({"faults": [{"websocket": "$connect", "fault": "lost"}]}, "lost is for messages"),
        ({"faults": [{"function": "a", "fault": "error", "tiems": 2}]}, "has no member 'tiems'"),
        ({"faults": [{"function": "a", "fault": "error", "times": 0}]}, '"times" must be a whole number from 1'),
        ({"faults": [{"function": "a", "fault": "error", "probability": 2}]}, '"probability" must be between 0 and 1'),
        ({"faults": [{"function": "a", "fault": "slow", "seconds": 1e99}]}, '"seconds" must be seconds'),
        ({"seed": "x"}, '"seed" must be a whole number'),
        ({"seed": 1, "fautls": []}, "a plan is"),
    ],
)
def test_what_is_no_plan_is_refused_and_changes_nothing(emulator: Emulator, plan: Any, problem: str) -> None:
    emulator.faults.function("render", "twice")
    with pytest.raises(BadPlan) as refused:
        FaultPlan.from_json(plan)
    assert problem in str(refused.value)
    if isinstance(plan, dict):
        with Emulator.connect(emulator.url) as remote, pytest.raises(HarnessError) as answered:
            remote.server.ask("PUT", "faults", plan, account=emulator.account)
        assert problem in str(answered.value)
    assert emulator.faults.plan.faults == (Fault("function", "render", "twice"),)


def test_the_same_seed_strikes_the_same_calls(aws: Aws, faults: Faults) -> None:
    create(aws)

    def pattern(seed: int) -> str:
        faults.seed(seed)
        faults.function("worker", "error", times=None, probability=0.5)
        return "".join("x" if "errorType" in invoke(aws) else "." for _ in range(12))

    assert pattern(1) == pattern(1)
    assert len({pattern(seed) for seed in range(4)}) > 1


def test_a_plan_is_for_its_own_world(aws: Aws, faults: Faults, emulator_server: LocalServer) -> None:
    create(aws)
    faults.function("*", "error", times=None)
    with Emulator(server=emulator_server) as other:
        create(other.aws)
        assert "now" in invoke(other.aws)
        assert invoke(aws)["errorType"] == "InjectedFault"
        other.faults.function("worker", "error")
    assert len(faults.strikes) == 1
    faults.clear()
    assert "now" in invoke(aws)


def test_a_plan_comes_from_a_file(aws: Aws, faults: Faults, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"faults": [{"function": "worker", "fault": "error"}]}')
    create(aws)
    faults.load(file)
    assert invoke(aws)["errorType"] == "InjectedFault"
    assert faults.seen == [{"function": "worker", "calls": 1}]


def test_an_empty_plan_tells_what_could_fail(aws: Aws, faults: Faults, emulator: Emulator) -> None:
    counted(aws)
    faults.seed(0)
    send(aws)
    emulator.settle()
    assert faults.seen == [{"function": "worker", "calls": 1}, {"queue": "effects", "calls": 1}]
