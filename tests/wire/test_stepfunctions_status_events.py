"""What EventBridge hears of executions."""

from __future__ import annotations

import json
from typing import Any

import pytest

ROLE = "arn:aws:iam::000000000000:role/r"


@pytest.fixture
def heard(emulator):
    """Details of the events since the last call."""
    sqs, events = emulator.client("sqs"), emulator.client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="executions", EventPattern=json.dumps({"source": ["aws.states"]}))
    events.put_targets(Rule="executions", Targets=[{"Id": "q", "Arn": arn}])

    def read() -> list[dict[str, Any]]:
        emulator.settle()
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return read


def machine(emulator, *states: dict[str, Any], name: str = "m", **more: Any) -> str:
    definition = {"StartAt": "A", "States": dict(zip("AB", states, strict=False))}
    sfn = emulator.client("stepfunctions")
    made = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, **more)
    arn: str = made["stateMachineArn"]
    return arn


def test_eventbridge_hears_that_an_execution_runs_and_has_succeeded(emulator, heard):
    arn = machine(emulator, {"Type": "Pass", "Result": "done", "End": True})
    emulator.client("stepfunctions").start_execution(stateMachineArn=arn, name="e", input='{"n": 1}')
    events = sorted(heard(), key=lambda event: event["detail"]["status"])
    began, ended = (event["detail"] for event in events)
    execution = arn.replace(":stateMachine:", ":execution:") + ":e"
    assert (began["status"], ended["status"]) == ("RUNNING", "SUCCEEDED")
    assert events[0]["detail-type"] == "Step Functions Execution Status Change"
    assert events[0]["resources"] == [execution]
    assert ended["executionArn"] == execution
    assert (ended["stateMachineArn"], ended["name"]) == (arn, "e")
    assert (ended["input"], ended["inputDetails"]) == ('{"n": 1}', {"included": True})
    assert (ended["output"], ended["outputDetails"]) == ('"done"', {"included": True})
    assert (began["stopDate"], began["output"], began["outputDetails"]) == (None, None, None)
    assert ended["startDate"] == ended["stopDate"] == round(emulator.now() * 1000)


def test_it_hears_of_failures_stops_timeouts_and_redrives(emulator, heard):
    sfn = emulator.client("stepfunctions")
    failing = machine(emulator, {"Type": "Fail", "Error": "E", "Cause": "C"}, name="failing")
    failed = sfn.start_execution(stateMachineArn=failing)["executionArn"]
    assert [
        (each["detail"]["error"], each["detail"]["cause"], each["detail"]["redriveStatus"])
        for each in heard()
        if each["detail"]["status"] == "FAILED"
    ] == [("E", "C", "REDRIVABLE")]
    sfn.redrive_execution(executionArn=failed)
    assert sorted((each["detail"]["status"], each["detail"]["redriveCount"]) for each in heard()) == [
        ("FAILED", 1),
        ("RUNNING", 1),
    ]
    waiting = machine(emulator, {"Type": "Wait", "Seconds": 60, "End": True}, name="waiting")
    sfn.stop_execution(executionArn=sfn.start_execution(stateMachineArn=waiting)["executionArn"])
    assert sorted(each["detail"]["status"] for each in heard()) == ["ABORTED", "RUNNING"]


def test_what_is_too_long_for_an_event_is_left_out(emulator, heard):
    arn = machine(emulator, {"Type": "Pass", "End": True})
    long = json.dumps("x" * 140_000)
    emulator.client("stepfunctions").start_execution(stateMachineArn=arn, input=long)
    ended = next(each["detail"] for each in heard() if each["detail"]["status"] == "SUCCEEDED")
    assert (ended["input"], ended["inputDetails"]) == (None, {"included": False})
    assert (ended["output"], ended["outputDetails"]) == (long, {"included": True})


def test_children_of_a_map_run_wait_to_be_redriven(emulator, heard):
    processor = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    arn = machine(emulator, {"Type": "Map", "ItemProcessor": {**processor, **config}, "End": True})
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1]")["executionArn"]

    def of_children() -> list[tuple[str, str]]:
        details = [each["detail"] for each in heard()]
        return sorted((each["status"], each["redriveStatus"]) for each in details if each["executionArn"] != execution)

    failed = ("FAILED", "REDRIVABLE_BY_MAP_RUN")
    assert of_children() == [failed, ("RUNNING", "NOT_REDRIVABLE")]
    sfn.redrive_execution(executionArn=execution)
    waiting = ("PENDING_REDRIVE", "REDRIVABLE_BY_MAP_RUN")
    assert of_children() == [failed, waiting, ("RUNNING", "NOT_REDRIVABLE")]


def test_express_executions_send_none(emulator, heard):
    arn = machine(emulator, {"Type": "Pass", "End": True}, name="x", type="EXPRESS")
    emulator.client("stepfunctions").start_execution(stateMachineArn=arn)
    assert heard() == []
