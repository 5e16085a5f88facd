"""Quotas of Step Functions that a user can run into [D:service-quotas]."""

from __future__ import annotations

import json
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.services.stepfunctions.operations import activities, executions
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire import lambda_support
from tests.wire.stepfunctions_maps import create, distributed
from tests.wire.test_stepfunctions_metrics import sums

ROLE = "arn:aws:iam::000000000000:role/states"
PASS = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}})


def refused(work: Any) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return caught.value.response["Error"]["Code"]


def test_an_account_has_so_many_machines_and_activities(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    emulator.control("PUT", "settings", {"state_machines": 1, "activities": 1})
    first = sfn.create_state_machine(name="a", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    assert sfn.create_state_machine(name="a", definition=PASS, roleArn=ROLE)["stateMachineArn"] == first
    another = {"name": "b", "definition": PASS, "roleArn": ROLE}
    assert refused(lambda: sfn.create_state_machine(**another)) == "StateMachineLimitExceeded"
    sfn.delete_state_machine(stateMachineArn=first)
    sfn.create_state_machine(**another)
    sfn.create_activity(name="a")
    sfn.create_activity(name="a")
    assert refused(lambda: sfn.create_activity(name="b")) == "ActivityLimitExceeded"


def test_so_many_workers_wait_for_an_activity_at_once(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "MOST_POLLERS", 1)
    sfn = emulator.client("stepfunctions")
    arn = sfn.create_activity(name="a")["activityArn"]
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(emulator.client("stepfunctions").get_activity_task, activityArn=arn) for _ in range(2)]
        (one,) = wait(waiting, return_when=FIRST_COMPLETED).done
        assert refused(one.result) == "ActivityWorkerLimitExceeded"
        while not all(poll.done() for poll in waiting):
            emulator.advance(10)
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(sfn.get_activity_task, activityArn=arn)
        while not later.done():
            emulator.advance(10)
        assert not later.result().get("taskToken")


def test_tags_of_aws_are_its_own(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    tags = [{"key": "aws:mine", "value": "x"}]
    create = {"name": "a", "definition": PASS, "roleArn": ROLE}
    assert refused(lambda: sfn.create_state_machine(**create, tags=tags)) == "ValidationException"
    arn = sfn.create_state_machine(**create)["stateMachineArn"]
    assert refused(lambda: sfn.tag_resource(resourceArn=arn, tags=tags)) == "ValidationException"
    assert refused(lambda: sfn.create_activity(name="b", tags=tags)) == "ValidationException"


def test_an_execution_is_redriven_so_often(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "MOST_REDRIVES", 2)
    sfn = emulator.client("stepfunctions")
    fail = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Fail"}}})
    machine = sfn.create_state_machine(name="m", definition=fail, roleArn=ROLE)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    for _ in range(2):
        assert sfn.describe_execution(executionArn=arn)["redriveStatus"] == "REDRIVABLE"
        sfn.redrive_execution(executionArn=arn)
    assert sfn.describe_execution(executionArn=arn)["redriveStatus"] == "NOT_REDRIVABLE"
    assert refused(lambda: sfn.redrive_execution(executionArn=arn)) == "ExecutionNotRedrivable"


@pytest.mark.parametrize(("limits", "took"), [({}, 300), ({"TimeoutSeconds": 20}, 20), ({"TimeoutSeconds": 500}, 300)])
def test_a_state_that_is_tested_has_five_minutes(
    emulator: RunningEmulator, limits: dict[str, int], took: float
) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
    lambda_support.create(emulator.client("lambda"), "f", Code={"ZipFile": lambda_support.package(source)}, Timeout=900)
    config = Config(inject_host_prefix=False, read_timeout=STUCK_SECONDS)
    function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    state = {"Type": "Task", "Resource": function, "End": True, **limits}
    before = emulator.now()
    with ThreadPoolExecutor(1) as pool:
        sfn = emulator.client("stepfunctions", config=config)
        testing = pool.submit(sfn.test_state, definition=json.dumps(state), roleArn=ROLE)
        while not testing.done():
            emulator.advance(10)
        answer = testing.result()
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")
    assert took <= emulator.now() - before


def test_map_runs_beyond_the_quota_wait_for_others_to_end(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    emulator.control("PUT", "settings", {"open_map_runs": 1})
    wait_a_minute = {"W": {"Type": "Wait", "Seconds": 60, "End": True}}
    machine = create(emulator, distributed(wait_a_minute))
    runs: list[str] = []
    for _ in range(3):
        execution = sfn.start_execution(stateMachineArn=machine, input="[1, 2]")["executionArn"]
        emulator.advance(0)
        runs += [run["mapRunArn"] for run in sfn.list_map_runs(executionArn=execution)["mapRuns"]]

    def seen() -> list[tuple[str, int]]:
        described = [sfn.describe_map_run(mapRunArn=arn) for arn in runs]
        return [(run["status"], run["itemCounts"]["total"]) for run in described]

    assert seen() == [("RUNNING", 2), ("RUNNING", 0), ("RUNNING", 0)]
    counted = sums(emulator, None)
    assert counted["ApproximateMapRunBacklogSize"] == 1 + 2
    assert counted["OpenMapRunLimit"] == 1 * 3
    emulator.advance(61)
    assert seen() == [("SUCCEEDED", 2), ("RUNNING", 2), ("RUNNING", 0)]
    sfn.stop_execution(executionArn=sfn.describe_map_run(mapRunArn=runs[1])["executionArn"])
    emulator.advance(0)
    assert seen()[1:] == [("ABORTED", 2), ("RUNNING", 2)]
    emulator.control("PUT", "settings", {"open_map_runs": 5})
    sfn.start_execution(stateMachineArn=machine, input="[1]")
    emulator.settle()
    assert seen() == [("SUCCEEDED", 2), ("ABORTED", 2), ("SUCCEEDED", 2)]


def test_so_many_executions_run_at_once(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
    arn = sfn.create_state_machine(name="w", definition=definition, roleArn=ROLE)["stateMachineArn"]
    quick = sfn.create_state_machine(name="q", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    emulator.control("PUT", "settings", {"open_executions": 3})
    for _ in range(5):  # those that have ended are not counted
        sfn.start_execution(stateMachineArn=quick)
        emulator.advance(0)
    running = [sfn.start_execution(stateMachineArn=arn, name=f"e{number}")["executionArn"] for number in range(3)]
    assert refused(lambda: sfn.start_execution(stateMachineArn=arn)) == "ExecutionLimitExceeded"
    assert sfn.start_execution(stateMachineArn=arn, name="e0")["executionArn"] == running[0]  # is no other one
    sfn.stop_execution(executionArn=running[0])
    sfn.start_execution(stateMachineArn=arn)
    assert refused(lambda: sfn.redrive_execution(executionArn=running[0])) == "ExecutionLimitExceeded"
    other = emulator.client("stepfunctions", region_name="eu-west-1")
    elsewhere = other.create_state_machine(name="w", definition=definition, roleArn=ROLE)["stateMachineArn"]
    other.start_execution(stateMachineArn=elsewhere)
    sfn.stop_execution(executionArn=running[1])
    sfn.redrive_execution(executionArn=running[0])
    assert refused(lambda: sfn.start_execution(stateMachineArn=arn)) == "ExecutionLimitExceeded"
    emulator.advance(60)
    sfn.start_execution(stateMachineArn=arn)


def test_children_of_map_runs_and_express_executions_are_no_open_executions(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"open_executions": 1})
    arn = create(emulator, distributed())
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,2,3]")["executionArn"]
    emulator.settle()
    assert sfn.describe_execution(executionArn=execution)["output"] == "[1,2,3]"
    express = sfn.create_state_machine(name="x", definition=PASS, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    for _ in range(3):
        sfn.start_execution(stateMachineArn=express)
