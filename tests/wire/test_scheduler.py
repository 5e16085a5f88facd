"""EventBridge Scheduler by boto3: what each operation answers, what targets receive and when, and refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create as create_function

ROLE = "arn:aws:iam::000000000000:role/scheduler"
OFF = {"Mode": "OFF"}


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"].get("Message") or response.get("Message", "")


def queue(emulator: RunningEmulator, name: str = "orders") -> tuple[str, str]:
    """(URL, ARN) of a new queue."""
    sqs = emulator.client("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(emulator: RunningEmulator, url: str) -> list[dict[str, Any]]:
    """What is in a queue, taken out of it."""
    sqs = emulator.client("sqs")
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def bodies(emulator: RunningEmulator, url: str) -> list[str]:
    return [message["Body"] for message in received(emulator, url)]


def moment(emulator: RunningEmulator, seconds: float = 0.0) -> datetime:
    """A time from now on, in UTC."""
    return datetime.fromtimestamp(emulator.now(), UTC) + timedelta(seconds=seconds)


def at(emulator: RunningEmulator, seconds: float) -> str:
    """The expression for a time from now on."""
    return f"at({moment(emulator, seconds):%Y-%m-%dT%H:%M:%S})"


def create(emulator: RunningEmulator, arn: str, expression: str, **request: Any) -> dict[str, Any]:
    """A schedule `nightly`."""
    target = {"Arn": arn, "RoleArn": ROLE, **request.pop("Target", {})}
    given = {"Name": "nightly", "FlexibleTimeWindow": OFF, **request}
    return emulator.client("scheduler").create_schedule(ScheduleExpression=expression, Target=target, **given)


def test_a_schedule_is_shown_with_its_defaults(emulator: RunningEmulator) -> None:
    _, arn = queue(emulator)
    made = create(emulator, arn, "rate(5 minutes)", Description="all of it", State="DISABLED")
    assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly"
    scheduler = emulator.client("scheduler")
    shown = scheduler.get_schedule(Name="nightly")
    del shown["ResponseMetadata"]
    assert shown.pop("CreationDate") == shown.pop("LastModificationDate")
    assert shown == {
        "ActionAfterCompletion": "NONE",
        "Arn": made["ScheduleArn"],
        "Description": "all of it",
        "FlexibleTimeWindow": OFF,
        "GroupName": "default",
        "Name": "nightly",
        "ScheduleExpression": "rate(5 minutes)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "DISABLED",
        "Target": {
            "Arn": arn,
            "RoleArn": ROLE,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
        },
    }
    [summary] = scheduler.list_schedules()["Schedules"]
    assert summary["Target"] == {"Arn": arn}
    assert (summary["Name"], summary["GroupName"], summary["State"]) == ("nightly", "default", "DISABLED")


def test_an_at_is_invoked_once_with_its_input_and_context(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    context = " ".join(
        f"<aws.scheduler.{name}>" for name in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    )
    due = moment(emulator, 90)
    made = create(emulator, arn, at(emulator, 90), Target={"Input": context + " <aws.scheduler.other>"})
    emulator.advance(89)
    assert bodies(emulator, url) == []
    emulator.advance(1)
    [body] = bodies(emulator, url)
    named, time, execution, attempt, other = body.split(" ")
    assert (named, time) == (made["ScheduleArn"], f"{due:%Y-%m-%dT%H:%M:%SZ}")
    assert len(execution) == 16 and int(execution, 16) >= 0
    assert (attempt, other) == ("1", "<aws.scheduler.other>")
    emulator.advance(86400)
    assert bodies(emulator, url) == []
    assert emulator.client("scheduler").get_schedule(Name="nightly")["State"] == "ENABLED"


def test_settling_waits_for_an_at_and_not_for_what_recurs(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, arn, "rate(1 hour)", Name="recurs", StartDate=moment(emulator, 600), Target={"Input": "often"})
    emulator.settle()
    assert bodies(emulator, url) == []
    create(emulator, arn, at(emulator, 60), Target={"Input": "once"})
    emulator.settle()
    assert bodies(emulator, url) == ["once"]


def test_a_rate_begins_at_once_and_a_start_date_makes_it_wait(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, arn, "rate(10 minutes)", Name="now", Target={"Input": "now"})
    create(emulator, arn, "rate(10 minutes)", Name="later", Target={"Input": "later"}, StartDate=moment(emulator, 300))
    emulator.advance(0)
    assert bodies(emulator, url) == ["now"]
    emulator.advance(600)
    assert bodies(emulator, url) == ["later", "now"]


def test_a_schedule_is_deleted_after_its_last_time_if_asked(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, arn, at(emulator, 5), ActionAfterCompletion="DELETE", Target={"Input": "once"})
    create(
        emulator, arn, "rate(1 minute)", Name="some", Target={"Input": "some"}, EndDate=moment(emulator, 61),
        ActionAfterCompletion="DELETE",
    )  # fmt: skip
    emulator.advance(300)
    assert sorted(bodies(emulator, url)) == ["once", "some", "some"]
    assert emulator.client("scheduler").list_schedules()["Schedules"] == []


def test_cron_runs_by_the_clock_of_its_time_zone(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    zone = "Asia/Kolkata"  # half an hour off the hours of UTC
    create(
        emulator,
        arn,
        "cron(0 * * * ? *)",
        ScheduleExpressionTimezone=zone,
        Target={"Input": "<aws.scheduler.scheduled-time>"},
    )
    emulator.advance(3 * 3600)
    found = bodies(emulator, url)
    assert len(found) == 3 and all(time.endswith(":30:00Z") for time in found)


def test_a_flexible_window_moves_the_invocation_and_not_the_scheduled_time(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    due = moment(emulator, 60)
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    create(
        emulator, arn, at(emulator, 60), FlexibleTimeWindow=window, Target={"Input": "<aws.scheduler.scheduled-time>"}
    )
    emulator.advance(60)
    assert bodies(emulator, url) == []
    emulator.advance(900)
    assert bodies(emulator, url) == [f"{due:%Y-%m-%dT%H:%M:%SZ}"]


def test_without_an_input_targets_receive_the_notification(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    made = create(emulator, arn, at(emulator, 1))
    emulator.advance(1)
    event = json.loads(bodies(emulator, url)[0])
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.scheduler", "Scheduled Event", "{}")
    assert event["resources"] == [made["ScheduleArn"]]


def test_templated_targets_receive(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    fifo_url, fifo = queue(emulator, "ordered.fifo")
    topic = emulator.client("sns").create_topic(Name="news")["TopicArn"]
    emulator.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    events = emulator.client("events")
    events.put_rule(Name="all", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail"}])
    machine = emulator.client("stepfunctions").create_state_machine(
        name="copy", definition='{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}', roleArn=ROLE
    )["stateMachineArn"]
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    soon = at(emulator, 1)
    create(emulator, fifo, soon, Name="f", Target={"Input": "fifo", "SqsParameters": {"MessageGroupId": "g"}})
    create(emulator, topic, soon, Name="t", Target={"Input": "topic"})
    own = {"EventBridgeParameters": {"DetailType": "Order", "Source": "shop"}}
    create(emulator, bus, soon, Name="b", Target={"Input": '{"n": 1}', **own})
    create(emulator, machine, soon, Name="m", Target={"Input": '{"n": 2}'})
    emulator.advance(1)
    assert bodies(emulator, fifo_url) == ["fifo"]
    assert sorted(bodies(emulator, url)) == ["topic", '{"n":1}']
    [execution] = emulator.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    described = emulator.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert (described["status"], described["output"]) == ("SUCCEEDED", '{"n": 2}')


def test_universal_targets_call_native_and_delegated_operations(emulator: RunningEmulator) -> None:
    url, _ = queue(emulator)
    emulator.client("ssm").put_parameter(Name="p", Value="old", Type="String")
    soon, sdk = at(emulator, 1), "arn:aws:scheduler:::aws-sdk:"
    text = json.dumps({"QueueUrl": url, "MessageBody": "n <aws.scheduler.attempt-number>"})
    create(emulator, sdk + "sqs:sendMessage", soon, Name="s", Target={"Input": text})
    new = json.dumps({"Name": "p", "Value": "new", "Overwrite": True})
    create(emulator, sdk + "ssm:putParameter", soon, Name="d", Target={"Input": new})
    emulator.advance(1)
    assert bodies(emulator, url) == ["n 1"]
    assert emulator.client("ssm").get_parameter(Name="p")["Parameter"]["Value"] == "new"


def test_what_a_target_refuses_goes_to_the_dead_letter_queue(emulator: RunningEmulator) -> None:
    url, dead = queue(emulator, "dead")
    missing = "arn:aws:sqs:us-east-1:000000000000:missing"
    made = create(emulator, missing, at(emulator, 1), Target={"Input": "hello", "DeadLetterConfig": {"Arn": dead}})
    emulator.advance(1)
    [message] = received(emulator, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert message["Body"] == "hello"
    assert len(attributes.pop("EXECUTION_ID")) == 16 and attributes.pop("SCHEDULED_TIME").endswith("Z")
    assert "queue does not exist" in attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "ERROR_CODE": "AWS.SimpleQueueService.NonExistentQueue",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULE_ARN": made["ScheduleArn"],
        "TARGET_ARN": missing,
    }
    unusable = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    for name, text in (("a", '{"Queue": "x"}'), ("b", "[]"), ("c", "{}")):
        given = {"Input": text, "DeadLetterConfig": {"Arn": dead}}
        create(emulator, unusable, at(emulator, 1), Name=name, Target=given)
    emulator.advance(1)
    assert sorted(bodies(emulator, url)) == ["[]", '{"Queue": "x"}', "{}"]


def test_what_is_throttled_is_tried_again_as_the_retry_policy_says(emulator: RunningEmulator) -> None:
    url, dead = queue(emulator, "dead")
    functions = emulator.client("lambda")
    create_function(functions, "f")
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    text = json.dumps({"FunctionName": "f", "Payload": "<aws.scheduler.attempt-number>"})
    retries = {"RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Arn": dead}}
    invoke = "arn:aws:scheduler:::aws-sdk:lambda:invoke"
    create(emulator, invoke, at(emulator, 1), Target={"Input": text, **retries})
    emulator.settle()
    [message] = received(emulator, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["Payload"] == "3"
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("TooManyRequestsException", "2")
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    create(emulator, invoke, at(emulator, 1), Name="again", Target={"Input": text})
    emulator.advance(1)
    functions.delete_function_concurrency(FunctionName="f")
    emulator.settle()
    outcomes = [each["outcome"] for each in emulator.control("GET", "timeline")["invocations"]]
    assert outcomes.count("success") == 1


def test_a_group_holds_schedules_of_its_own_and_takes_them_with_it(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    scheduler = emulator.client("scheduler")
    group = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    assert group == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g"
    create(emulator, arn, at(emulator, 60), GroupName="g")
    assert refusal(scheduler.get_schedule, Name="nightly") == (
        "ResourceNotFoundException",
        "Schedule nightly does not exist.",
    )
    assert scheduler.get_schedule(Name="nightly", GroupName="g")["Arn"].endswith(":schedule/g/nightly")
    scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "b", "Value": "2"}])
    scheduler.untag_resource(ResourceArn=group, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "b", "Value": "2"}]
    names = [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]]
    assert names == ["default", "g"] and scheduler.get_schedule_group(Name="g")["State"] == "ACTIVE"
    scheduler.delete_schedule_group(Name="g")
    emulator.advance(60)
    assert bodies(emulator, url) == []
    assert refusal(scheduler.get_schedule_group, Name="g")[0] == "ResourceNotFoundException"


def test_creation_is_idempotent_by_token(emulator: RunningEmulator) -> None:
    _, arn = queue(emulator)
    scheduler = emulator.client("scheduler")
    first = create(emulator, arn, "rate(1 day)", ClientToken="t")
    assert create(emulator, arn, "rate(1 day)", ClientToken="t")["ScheduleArn"] == first["ScheduleArn"]
    conflict = ("ConflictException", "Schedule nightly already exists.")
    given = {"Name": "nightly", "FlexibleTimeWindow": OFF, "Target": {"Arn": arn, "RoleArn": ROLE}}
    assert refusal(scheduler.create_schedule, ScheduleExpression="rate(1 day)", **given) == conflict
    assert refusal(scheduler.create_schedule, ScheduleExpression="rate(2 days)", ClientToken="t", **given) == conflict
    scheduler.create_schedule_group(Name="g", ClientToken="t")
    scheduler.create_schedule_group(Name="g", ClientToken="t")
    assert refusal(scheduler.create_schedule_group, Name="g")[0] == "ConflictException"
    assert refusal(scheduler.create_schedule_group, Name="default")[0] == "ConflictException"


def test_an_update_replaces_everything_and_plans_anew(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    scheduler = emulator.client("scheduler")
    create(emulator, arn, at(emulator, 60), Description="old", Target={"Input": "old"})
    target = {"Arn": arn, "RoleArn": ROLE, "Input": "new"}
    given = {"Name": "nightly", "FlexibleTimeWindow": OFF, "Target": target}
    scheduler.update_schedule(ScheduleExpression=at(emulator, 120), **given)
    assert "Description" not in scheduler.get_schedule(Name="nightly")
    emulator.advance(60)
    assert bodies(emulator, url) == []
    emulator.advance(60)
    assert bodies(emulator, url) == ["new"]
    scheduler.update_schedule(ScheduleExpression="rate(1 minute)", State="DISABLED", **given)
    emulator.advance(600)
    assert bodies(emulator, url) == []
    scheduler.delete_schedule(Name="nightly")
    assert refusal(scheduler.delete_schedule, Name="nightly")[0] == "ResourceNotFoundException"
    assert (
        refusal(scheduler.update_schedule, ScheduleExpression="rate(1 day)", **given)[0] == "ResourceNotFoundException"
    )


def test_lists_have_pages_prefixes_and_states(emulator: RunningEmulator) -> None:
    _, arn = queue(emulator)
    scheduler = emulator.client("scheduler")
    scheduler.create_schedule_group(Name="a-group")
    for number in range(5):
        state = "ENABLED" if number % 2 else "DISABLED"
        create(emulator, arn, "rate(1 day)", Name=f"n{number}", State=state, StartDate=moment(emulator, 60))
    create(emulator, arn, "rate(1 day)", Name="other", GroupName="a-group", State="DISABLED")
    pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 2})
    names = [each["Name"] for page in pages for each in page["Schedules"]]
    assert names == ["other", "n0", "n1", "n2", "n3", "n4"]
    assert [each["Name"] for each in scheduler.list_schedules(State="ENABLED")["Schedules"]] == ["n1", "n3"]
    assert [each["Name"] for each in scheduler.list_schedules(NamePrefix="o")["Schedules"]] == ["other"]
    assert [each["Name"] for each in scheduler.list_schedules(GroupName="a-group")["Schedules"]] == ["other"]
    groups = scheduler.list_schedule_groups(MaxResults=1)
    assert [each["Name"] for each in groups["ScheduleGroups"]] == ["a-group"]
    rest = scheduler.list_schedule_groups(NextToken=groups["NextToken"])
    assert [each["Name"] for each in rest["ScheduleGroups"]] == ["default"]
    assert refusal(scheduler.list_schedules, GroupName="none")[0] == "ResourceNotFoundException"
    assert refusal(scheduler.list_schedules, NextToken="!")[0] == "ValidationException"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ScheduleExpression": "rate(5 years)"}, "Invalid Schedule Expression rate(5 years)."),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "Invalid ScheduleExpressionTimezone Mars/Olympus."),
        ({"StartDate": -301}, "The StartDate you specify cannot be earlier than 5 minutes ago."),
        ({"EndDate": -1}, "The EndDate you specify must be later than the current time."),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes is required"),
        (
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
            "MaximumWindowInMinutes must not be set",
        ),
        ({"Arn": "somewhere"}, "Provided Arn is not in correct format."),
        ({"Arn": "arn:aws:s3:::bucket"}, "is not a supported target."),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl"}, "is not a supported target."),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:fly"}, "is not a supported target."),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:wings:flyAway"}, "is not a supported target."),
        (
            {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:f", "Input": "{"},
            "Input must be a well-formed JSON.",
        ),
        ({"Arn": "arn:aws:events:us-east-1:000000000000:event-bus/default"}, "EventBridgeParameters is required"),
        ({"Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "KinesisParameters is required"),
        ({"Arn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}, "MessageGroupId is required"),
        ({"KinesisParameters": {"PartitionKey": "k"}}, "KinesisParameters cannot be specified"),
        ({"Name": "no spaces"}, "Value 'no spaces' at 'name' failed to satisfy constraint"),
        ({"RoleArn": "role"}, "Value 'role' at 'target.roleArn' failed to satisfy constraint"),
    ],
)
def test_bad_schedules_are_refused_and_nothing_is_kept(
    emulator: RunningEmulator, change: dict[str, Any], text: str
) -> None:
    request: dict[str, Any] = {"Name": "n", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF}
    target: dict[str, Any] = {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE}
    for name, value in change.items():
        place = target if name in ("Arn", "RoleArn", "Input", "KinesisParameters") else request
        place[name] = moment(emulator, value) if isinstance(value, int) else value
    scheduler = emulator.client("scheduler")
    code, message = refusal(scheduler.create_schedule, Target=target, **request)
    assert code == "ValidationException" and text in message
    assert scheduler.list_schedules()["Schedules"] == []


def test_targets_that_are_not_emulated_are_refused_by_name(emulator: RunningEmulator) -> None:
    scheduler = emulator.client("scheduler")
    target = {"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "RoleArn": ROLE}
    with pytest.raises(ClientError) as caught:
        scheduler.create_schedule(Name="n", ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target=target)
    response: Any = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_schedule_of_the_last_minute_is_still_invoked_and_an_older_one_never(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, arn, at(emulator, -30), Name="late", Target={"Input": "late"})
    create(emulator, arn, at(emulator, -90), Name="past", Target={"Input": "past"})
    emulator.advance(3600)
    assert bodies(emulator, url) == ["late"]
