"""EventBridge by boto3: what each operation answers, and AWS's texts when it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws.calls import SERVICE_MEMBER
from emulator.aws.scope import Scope
from emulator.testing import RunningEmulator

ENTRY = {"Source": "shop", "DetailType": "Order", "Detail": '{"total": 12}'}
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"]


def queue(emulator: RunningEmulator, name: str) -> tuple[str, str]:
    """(URL, ARN) of a new queue."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(emulator: RunningEmulator, url: str) -> list[dict[str, Any]]:
    """What is in a queue, taken out of it."""
    sqs = emulator.client("sqs")
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def rule_to_queue(emulator: RunningEmulator, target: dict[str, Any] | None = None, **rule: Any) -> str:
    """A rule `orders` with a queue of that name; the queue's URL."""
    url, arn = queue(emulator, "orders")
    events = emulator.client("events")
    events.put_rule(Name="orders", **(rule or {"EventPattern": '{"source": ["shop"]}'}))
    events.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": arn, **(target or {})}])
    return url


def test_a_matching_event_is_in_the_queue_when_put_events_answers(emulator: RunningEmulator) -> None:
    url = rule_to_queue(emulator)
    events = emulator.client("events")
    answer = events.put_events(Entries=[{**ENTRY, "Resources": ["arn:x"]}, {**ENTRY, "Source": "elsewhere"}])
    assert answer["FailedEntryCount"] == 0
    [message] = received(emulator, url)
    event = json.loads(message["Body"])
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert (event["source"], event["detail"], event["resources"]) == ("shop", {"total": 12}, ["arn:x"])


def test_bad_entries_fail_each_on_its_own(emulator: RunningEmulator) -> None:
    entries = [
        {**ENTRY, "Detail": '"text"'},
        {"DetailType": "Order", "Detail": "{}"},
        {**ENTRY, "Source": "aws.ec2"},
        {**ENTRY, "Detail": "[" * 100000},
        {**ENTRY, "Detail": '{"x": 1e999}'},
        ENTRY,
    ]
    answer = emulator.client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 5
    malformed = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert answer["Entries"][:5] == [
        malformed,
        {
            "ErrorCode": "InvalidArgument",
            "ErrorMessage": "Parameter Source is not valid. Reason: Source is a required argument.",
        },
        {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."},
        malformed,
        malformed,
    ]
    assert list(answer["Entries"][5]) == ["EventId"]


@pytest.mark.parametrize(
    ("operation", "request_", "code", "message"),
    [
        (
            "put_rule",
            {"Name": "r"},
            "ValidationException",
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ),
        (
            "put_rule",
            {"Name": "r", "ScheduleExpression": "rate(1 minutes)"},
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            "put_rule",
            {"Name": "r", "EventPattern": '{"source": "x"}'},
            "InvalidEventPatternException",
            'Event pattern is not valid. Reason: "source" must be an object or an array\n'
            ' at [Source: (String)"{"source": "x"}"; line: 1, column: 13]',
        ),
        (
            "put_rule",
            {"Name": "r", "EventPattern": "{}", "EventBusName": "nowhere"},
            "ResourceNotFoundException",
            "Event bus nowhere does not exist.",
        ),
        ("describe_rule", {"Name": "r"}, "ResourceNotFoundException", "Rule r does not exist on EventBus default."),
        (
            "put_targets",
            {"Rule": "orders", "Targets": [{"Id": "1", "Arn": "nope"}]},
            "ValidationException",
            "Parameter nope is not valid. Reason: Provided Arn is not in correct format.",
        ),
        ("delete_rule", {"Name": "orders"}, "ValidationException", "Rule can't be deleted since it has targets."),
        ("delete_event_bus", {"Name": "default"}, "ValidationException", "Cannot delete event bus default."),
        (
            "create_event_bus",
            {"Name": "default"},
            "ResourceAlreadyExistsException",
            "Event bus default already exists.",
        ),
        (
            "put_events",
            {"Entries": [{**ENTRY, "Detail": '{"x": "' + "x" * 1048576 + '"}'}]},
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
        ),
    ],
)
def test_bad_input_is_refused_with_awss_text(
    emulator: RunningEmulator, operation: str, request_: dict[str, Any], code: str, message: str
) -> None:
    rule_to_queue(emulator)
    assert refusal(getattr(emulator.client("events"), operation), **request_) == (code, message)


def test_a_rule_and_its_targets_are_described(emulator: RunningEmulator) -> None:
    rule_to_queue(emulator)
    events = emulator.client("events")
    described = events.describe_rule(Name="orders")
    assert described["Arn"] == "arn:aws:events:us-east-1:000000000000:rule/orders"
    assert (described["State"], described["EventBusName"]) == ("ENABLED", "default")
    [target] = events.list_targets_by_rule(Rule="orders")["Targets"]
    assert events.list_rule_names_by_target(TargetArn=target["Arn"])["RuleNames"] == ["orders"]
    events.disable_rule(Name="orders")
    assert [rule["State"] for rule in events.list_rules()["Rules"]] == ["DISABLED"]
    events.remove_targets(Rule="orders", Ids=["1"])
    events.delete_rule(Name="orders")
    assert events.list_rules()["Rules"] == []
    assert events.describe_event_bus()["Arn"] == BUS


def test_targets_receive_what_their_input_says(emulator: RunningEmulator) -> None:
    transformer = {
        "InputPathsMap": {"total": "$.detail.total", "what": "$.detail-type", "gone": "$.detail.gone"},
        "InputTemplate": '{"total": <total>, "text": "<what> \\"<total>\\" by <aws.events.rule-name>", "gone": <gone>}',
    }
    url = rule_to_queue(emulator, {"InputTransformer": transformer})
    events = emulator.client("events")
    arn = events.list_targets_by_rule(Rule="orders")["Targets"][0]["Arn"]
    events.put_targets(
        Rule="orders",
        Targets=[
            {"Id": "2", "Arn": arn, "Input": '{"fixed": true}'},
            {"Id": "3", "Arn": arn, "InputPath": "$.detail"},
            {"Id": "4", "Arn": arn, "InputTransformer": {**transformer, "InputTemplate": '"<what> of <total>"'}},
        ],
    )
    events.put_events(Entries=[ENTRY])
    bodies = {message["Body"] for message in received(emulator, url)}
    assert bodies == {
        '{"total":12,"text":"Order \\"12\\" by orders","gone":null}',
        '{"fixed": true}',
        '{"total":12}',
        '"Order of 12"',
    }


def test_a_schedule_runs_on_aws_time_and_settling_does_not_wait_for_it(emulator: RunningEmulator) -> None:
    url = rule_to_queue(emulator, ScheduleExpression="rate(5 minutes)")
    emulator.settle()
    assert received(emulator, url) == []
    emulator.advance(900)
    messages = [json.loads(message["Body"]) for message in received(emulator, url)]
    assert [message["detail-type"] for message in messages] == ["Scheduled Event"] * 3
    assert len({message["time"] for message in messages}) == 3
    emulator.client("events").disable_rule(Name="orders")
    emulator.advance(900)
    assert received(emulator, url) == []


def test_an_event_without_a_living_target_ends_in_its_dead_letter_queue(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator, "dead")
    events = emulator.client("events")
    events.put_rule(Name="lost", EventPattern='{"source": ["shop"]}')
    target = "arn:aws:sns:us-east-1:000000000000:gone"
    events.put_targets(Rule="lost", Targets=[{"Id": "1", "Arn": target, "DeadLetterConfig": {"Arn": arn}}])
    events.put_events(Entries=[ENTRY])
    [message] = received(emulator, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/lost",
        "TARGET_ARN": target,
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "Topic does not exist",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(message["Body"])["detail"] == {"total": 12}


def test_buses_in_a_circle_come_to_an_end(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    url, arn = queue(emulator, "seen")
    for bus in ("east", "west"):
        events.create_event_bus(Name=bus)
        events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": [{"exists": true}]}')
        events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    for bus, other in (("east", "west"), ("west", "east")):
        target = {"Id": "bus", "Arn": BUS.replace("default", other)}
        events.put_targets(Rule="all", EventBusName=bus, Targets=[target])
    events.put_events(Entries=[{**ENTRY, "EventBusName": "east"}])
    emulator.settle()
    assert len(received(emulator, url)) == 2


def test_a_pattern_is_tested_against_an_event(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    members = {"id": "1", "account": "1", "source": "shop", "time": "t", "region": "r", "resources": []}
    event = json.dumps({**members, "detail-type": "x"})
    assert events.test_event_pattern(Event=event, EventPattern='{"source": ["shop"]}')["Result"] is True
    assert events.test_event_pattern(Event=event, EventPattern='{"source": ["x"]}')["Result"] is False
    assert refusal(events.test_event_pattern, Event="{}", EventPattern="{}")[0] == "ValidationException"


def test_archived_events_are_replayed_to_the_rules_that_were_named(emulator: RunningEmulator) -> None:
    url = rule_to_queue(emulator)
    events = emulator.client("events")
    made = events.create_archive(ArchiveName="all", EventSourceArn=BUS, EventPattern='{"source": ["shop"]}')
    begin = emulator.now() - 1
    for number in range(120):
        emulator.advance(1)
        events.put_events(Entries=[{**ENTRY, "Detail": json.dumps({"n": number})}, {**ENTRY, "Source": "other"}])
        assert len(received(emulator, url)) == 1
    end = emulator.now() + 1
    assert events.describe_archive(ArchiveName="all")["EventCount"] == 120
    rule = events.describe_rule(Name="orders")["Arn"]
    request = {
        "EventSourceArn": made["ArchiveArn"],
        "EventStartTime": begin,
        "EventEndTime": end,
        "Destination": {"Arn": BUS, "FilterArns": [rule]},
    }
    assert events.start_replay(ReplayName="again", **request)["State"] == "STARTING"
    emulator.settle()
    found = []
    while messages := received(emulator, url):
        found += [json.loads(message["Body"]) for message in messages]
    assert sorted(event["detail"]["n"] for event in found) == list(range(120))
    assert {event["replay-name"] for event in found} == {"again"}
    assert events.describe_replay(ReplayName="again")["State"] == "COMPLETED"
    assert events.describe_archive(ArchiveName="all")["EventCount"] == 120
    assert refusal(events.start_replay, ReplayName="again", **request) == (
        "ResourceAlreadyExistsException",
        "Replay again already exists.",
    )
    assert refusal(events.cancel_replay, ReplayName="again")[0] == "IllegalStatusException"
    events.delete_archive(ArchiveName="all")
    assert events.list_archives()["Archives"] == []


def test_an_archive_lets_events_go_after_their_retention(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    events.create_archive(ArchiveName="short", EventSourceArn=BUS, RetentionDays=1)
    events.put_events(Entries=[ENTRY])
    emulator.advance(86401)
    assert events.describe_archive(ArchiveName="short")["EventCount"] == 0


def test_buses_permissions_and_tags_are_kept(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    arn = events.create_event_bus(Name="shop", Description="d", Tags=[{"Key": "a", "Value": "1"}])["EventBusArn"]
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default", "shop"]
    events.put_permission(EventBusName="shop", Action="events:PutEvents", Principal="111111111111", StatementId="other")
    described = events.describe_event_bus(Name="shop")
    assert described["Description"] == "d"
    [statement] = json.loads(described["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    events.remove_permission(EventBusName="shop", StatementId="other")
    assert "Policy" not in events.describe_event_bus(Name="shop")
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    assert len(events.list_tags_for_resource(ResourceARN=arn)["Tags"]) == 2
    made = events.put_rule(Name="r", EventBusName="shop", EventPattern='{"source": ["x"]}')
    assert made["RuleArn"] == "arn:aws:events:us-east-1:000000000000:rule/shop/r"
    assert refusal(events.put_rule, Name="s", EventBusName="shop", ScheduleExpression="rate(1 minute)") == (
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    )
    events.delete_rule(Name="r", EventBusName="shop")
    events.delete_event_bus(Name="shop")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            {"Input": "{}", "InputPath": "$.detail"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target 1.",
        ),
        ({"Input": "{"}, "JSON syntax error in input for target 1 : Input is not valid JSON"),
        ({"InputPath": "detail"}, "Invalid InputPath for target 1."),
        (
            {"InputTransformer": {"InputTemplate": "<x>"}},
            "Invalid InputTemplate for target 1 : InputTemplate contains placeholder x which is not in InputPathsMap.",
        ),
        ({"Arn": BUS}, "An event bus cannot be its own target."),
        (
            {"Arn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"},
            "Parameter(s) MessageGroupId must be specified for target: 1.",
        ),
    ],
)
def test_a_target_that_could_never_receive_is_refused(
    emulator: RunningEmulator, target: dict[str, Any], message: str
) -> None:
    events = emulator.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    given = {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q", **target}
    assert refusal(events.put_targets, Rule="r", Targets=[given]) == ("ValidationException", message)


def test_targets_of_services_that_are_not_emulated_are_refused_by_name(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    with pytest.raises(ClientError) as caught:
        events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_only_a_service_may_speak_as_aws(emulator: RunningEmulator) -> None:
    url = rule_to_queue(emulator, EventPattern='{"source": [{"prefix": "aws."}]}')
    entry = {**ENTRY, "Source": "aws.states"}
    emulator.client("events").put_events(Entries=[entry])
    assert received(emulator, url) == []
    service = emulator.emulator.services.get("events")
    assert service is not None
    request = {"Entries": [entry], SERVICE_MEMBER: True}
    emulator.call(lambda: service.call("PutEvents", Scope(), request, "id"))
    assert json.loads(received(emulator, url)[0]["Body"])["source"] == "aws.states"
