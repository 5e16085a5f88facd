"""What executions write to CloudWatch: log events by level, and metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/states/all:*"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"n": 1}, "End": True}}}
FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "because"}}}


def configuration(level: str, data: bool = True, group: str = GROUP) -> dict[str, Any]:
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]
    return {"level": level, "includeExecutionData": data, "destinations": destinations}


@pytest.fixture
def sfn(emulator: RunningEmulator) -> Any:
    emulator.client("logs").create_log_group(logGroupName="/states/all")
    return emulator.client("stepfunctions", config=Config(inject_host_prefix=False))


def create(sfn: Any, definition: Any, logging: Any, kind: str = "STANDARD", name: str = "m") -> str:
    return sfn.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE, loggingConfiguration=logging, type=kind
    )["stateMachineArn"]


def logged(emulator: RunningEmulator) -> list[dict[str, Any]]:
    events = emulator.client("logs").filter_log_events(logGroupName="/states/all")["events"]
    return [json.loads(event["message"]) for event in events]


def error_of(work: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_every_event_of_an_execution_is_logged_as_aws_writes_it(emulator: RunningEmulator, sfn: Any) -> None:
    machine = create(sfn, PASS, configuration("ALL"))
    execution = sfn.start_execution(stateMachineArn=machine, input='{"a":1}')["executionArn"]
    emulator.settle()
    at = str(round(emulator.now() * 1000))
    ends = {"event_timestamp": at, "execution_arn": execution, "redrive_count": "0"}
    whole = {"truncated": False}
    assert logged(emulator) == [
        {
            "id": "1",
            "type": "ExecutionStarted",
            "details": {"input": '{"a":1}', "inputDetails": whole, "roleArn": ROLE},
            "previous_event_id": "0",
            **ends,
        },
        {
            "id": "2",
            "type": "PassStateEntered",
            "details": {"input": '{"a":1}', "inputDetails": whole, "name": "A"},
            "previous_event_id": "0",
            **ends,
        },
        {
            "id": "3",
            "type": "PassStateExited",
            "details": {"name": "A", "output": '{"n":1}', "outputDetails": whole},
            "previous_event_id": "2",
            **ends,
        },
        {
            "id": "4",
            "type": "ExecutionSucceeded",
            "details": {"output": '{"n":1}', "outputDetails": whole},
            "previous_event_id": "3",
            **ends,
        },
    ]
    streams = emulator.client("logs").describe_log_streams(logGroupName="/states/all")["logStreams"]
    assert [stream["logStreamName"].split("/")[:2] for stream in streams] == [["states", "m"]]


@pytest.mark.parametrize(
    ("level", "of_pass", "of_fail"),
    [
        ("ALL", ["1", "2", "3", "4"], ["1", "2", "3"]),
        ("ERROR", [], ["2", "3"]),
        ("FATAL", [], ["3"]),
        ("OFF", [], []),
    ],
)
def test_a_level_keeps_its_events_and_hides_data(
    emulator: RunningEmulator, sfn: Any, level: str, of_pass: list[str], of_fail: list[str]
) -> None:
    good = create(sfn, PASS, configuration(level, False), name="good")
    bad = create(sfn, FAIL, configuration(level, False), name="bad")
    sfn.start_execution(stateMachineArn=good)
    sfn.start_execution(stateMachineArn=bad)
    emulator.settle()
    events = logged(emulator)
    assert [event["id"] for event in events if ":good:" in event["execution_arn"]] == of_pass
    failed = [event for event in events if ":bad:" in event["execution_arn"]]
    assert [event["id"] for event in failed] == of_fail
    assert not any({"input", "inputDetails", "output", "outputDetails"} & event["details"].keys() for event in events)
    if failed:
        assert failed[-1]["details"] == {"error": "Bad", "cause": "because"}


@pytest.mark.parametrize("synchronous", [True, False])
def test_express_executions_tell_their_story_in_logs_only(
    emulator: RunningEmulator, sfn: Any, synchronous: bool
) -> None:
    machine = create(sfn, PASS, configuration("ALL"), "EXPRESS")
    start = sfn.start_sync_execution if synchronous else sfn.start_execution
    execution = start(stateMachineArn=machine)["executionArn"]
    emulator.settle()
    assert [(event["id"], event["execution_arn"]) for event in logged(emulator)] == [
        (str(number), execution) for number in (1, 2, 3, 4)
    ]


def test_a_group_that_was_deleted_does_not_come_back(emulator: RunningEmulator, sfn: Any) -> None:
    machine = create(sfn, PASS, configuration("ALL"))
    emulator.client("logs").delete_log_group(logGroupName="/states/all")
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    emulator.settle()
    assert sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert emulator.client("logs").describe_log_groups()["logGroups"] == []


def test_logging_needs_exactly_one_group_that_exists(sfn: Any) -> None:
    one = configuration("ALL")
    wrong = [
        {"level": "ALL"},
        {"level": "ALL", "destinations": []},
        {**one, "destinations": one["destinations"] * 2},
    ]
    for logging in wrong:
        assert error_of(lambda logging=logging: create(sfn, PASS, logging)) == (
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        )
    for group in (GROUP.replace("/states/all", "/states/al"), "nonsense", GROUP.replace("us-east-1", "eu-west-1")):
        assert error_of(lambda group=group: create(sfn, PASS, configuration("ALL", True, group))) == (
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Log Destination not found.",
        )
    arn = create(sfn, PASS, {"level": "OFF", "destinations": []})
    shown = sfn.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"]
    assert shown == {"level": "OFF", "includeExecutionData": False, "destinations": []}


def test_a_logging_configuration_that_changes_nothing_is_no_new_revision(sfn: Any) -> None:
    arn = create(sfn, PASS, configuration("ALL"))
    revisions: list[str] = []
    for logging in (configuration("FATAL"), configuration("FATAL"), configuration("FATAL", False)):
        sfn.update_state_machine(stateMachineArn=arn, loggingConfiguration=logging)
        shown = sfn.describe_state_machine(stateMachineArn=arn)
        assert shown["loggingConfiguration"] == logging
        revisions.append(shown["revisionId"])
    assert revisions[0] == revisions[1] != revisions[2]


def test_executions_are_counted_in_aws_states(emulator: RunningEmulator, sfn: Any) -> None:
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    slow = create(sfn, wait, {"level": "OFF"}, name="slow")
    quick = create(sfn, FAIL, {"level": "OFF"}, "EXPRESS", name="quick")
    stopped = sfn.start_execution(stateMachineArn=slow)["executionArn"]
    sfn.start_execution(stateMachineArn=slow)
    sfn.stop_execution(executionArn=stopped)
    sfn.start_sync_execution(stateMachineArn=quick)
    emulator.settle()
    now = datetime.fromtimestamp(emulator.now(), UTC)

    def total(name: str, machine: str) -> float:
        found = emulator.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/States",
            MetricName=name,
            Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in found)

    names = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionTime")
    assert [total(name, slow) for name in names] == [2, 1, 0, 1, 30_000]
    assert [total(name, quick) for name in names[:4]] == [1, 0, 1, 0]
    assert total("ExpressExecutionBilledDuration", quick) == 100
