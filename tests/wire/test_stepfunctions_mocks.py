"""Executions of test cases: their tasks are answered by the mock configuration file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:charge"
ORDER = {
    "StartAt": "Charge",
    "States": {
        "Charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": FUNCTION, "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 3}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refused"}],
            "Next": "Paid",
        },
        "Paid": {"Type": "Succeed"},
        "Refused": {"Type": "Fail", "Error": "Refused"},
    },
}
LOOP = {
    "StartAt": "Poll",
    "States": {
        "Poll": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Next": "Done?"},
        "Done?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "End"}],
            "Default": "Poll",
        },
        "End": {"Type": "Succeed"},
    },
}
ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:count"
COUNT = {"StartAt": "Count", "States": {"Count": {"Type": "Task", "Resource": ACTIVITY, "End": True}}}
PAID = {"StatusCode": 200, "Payload": {"paid": True}}
FILE: dict[str, Any] = {
    "StateMachines": {
        "orders": {
            "TestCases": {
                "Pays": {"Charge": "Pays"},
                "PaysLater": {"Charge": "PaysLater"},
                "Refuses": {"Charge": "Refuses"},
                "TooFew": {"Charge": "TooFew"},
                "Nothing": {},
                "Typo": {"Chrage": "Pays"},
                "Pass": {"Paid": "Pays"},
            }
        },
        "loop": {"TestCases": {"Twice": {"Poll": "Twice"}}},
        "count": {"TestCases": {"Counts": {"Count": "Counts"}}},
    },
    "MockedResponses": {
        "Pays": {"0": {"Return": PAID}},
        "PaysLater": {"0-1": {"Throw": {"Error": "Busy", "Cause": "try again"}}, "2": {"Return": PAID}},
        "Refuses": {"0": {"Throw": {"Error": "NoMoney"}}},
        "TooFew": {"0": {"Throw": {"Error": "Busy"}}},
        "Twice": {"0-1": {"Return": {"done": False}}, "2": {"Return": {"done": True}}},
        "Counts": {"0": {"Return": 42}},
    },
}


@pytest.fixture(scope="module")
def mock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mocks") / "mocks.json"


@pytest.fixture(scope="module")
def server(mock_file: Path) -> Iterator[RunningEmulator]:
    mock_file.write_text(json.dumps(FILE))
    with RunningEmulator(Settings(port=0, data=None, frozen=True, sfn_mock_config=mock_file)) as running:
        yield running


@pytest.fixture
def mocking(server: RunningEmulator, mock_file: Path) -> RunningEmulator:
    mock_file.write_text(json.dumps(FILE))
    server.reset()
    return server


def create(emulator: RunningEmulator, definition: Any, name: str, kind: str = "STANDARD") -> str:
    sfn = emulator.client("stepfunctions")
    answer = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind)
    return answer["stateMachineArn"]


def run(emulator: RunningEmulator, machine: str, case: str) -> tuple[Any, list[Any]]:
    sfn = emulator.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=f"{machine}#{case}", input='{"order": 1}')["executionArn"]
    emulator.settle()
    return sfn.describe_execution(executionArn=arn), sfn.get_execution_history(executionArn=arn)["events"]


def refusal(emulator: RunningEmulator, arn: str) -> str:
    with pytest.raises(ClientError) as refused:
        emulator.client("stepfunctions").start_execution(stateMachineArn=arn)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return refused.value.response["Error"]["Message"]


def test_a_mocked_task_returns_what_the_file_says_and_its_history_looks_like_a_real_one(
    mocking: RunningEmulator,
) -> None:
    machine = create(mocking, ORDER, "orders")
    described, events = run(mocking, machine, "Pays")
    assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"paid": True})
    assert described["stateMachineArn"] == machine
    assert [event["type"] for event in events][1:5] == [
        "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded",
    ]  # fmt: skip
    assert json.loads(events[4]["taskSucceededEventDetails"]["output"]) == PAID


def test_attempts_are_answered_in_turn_and_retries_wait_in_aws_time(mocking: RunningEmulator) -> None:
    described, events = run(mocking, create(mocking, ORDER, "orders"), "PaysLater")
    assert described["status"] == "SUCCEEDED"
    failures = [event["taskFailedEventDetails"] for event in events if event["type"] == "TaskFailed"]
    assert [(failure["error"], failure["cause"]) for failure in failures] == [("Busy", "try again")] * 2
    assert (described["stopDate"] - described["startDate"]).total_seconds() == pytest.approx(3)


def test_a_thrown_error_without_a_cause_is_caught(mocking: RunningEmulator) -> None:
    described, events = run(mocking, create(mocking, ORDER, "orders"), "Refuses")
    assert (described["status"], described["error"]) == ("FAILED", "Refused")
    assert "cause" not in events[4]["taskFailedEventDetails"]


def test_an_attempt_without_a_response_fails_the_execution_whatever_it_catches(mocking: RunningEmulator) -> None:
    described, _ = run(mocking, create(mocking, ORDER, "orders"), "TooFew")
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert described["cause"] == (
        "The task of the state 'Charge' was called 2 times, and the test case 'TooFew' has no mocked response for "
        "attempt 1."
    )


def test_calls_of_a_state_count_over_the_whole_execution_and_its_resource_need_not_be_emulated(
    mocking: RunningEmulator,
) -> None:
    described, events = run(mocking, create(mocking, LOOP, "loop"), "Twice")
    assert described["status"] == "SUCCEEDED"
    assert [event["type"] for event in events].count("TaskSubmitted") == 3


def test_what_a_test_case_does_not_mock_is_called(mocking: RunningEmulator) -> None:
    _, events = run(mocking, create(mocking, ORDER, "orders"), "Nothing")
    assert events[4]["taskFailedEventDetails"]["error"] == "Lambda.ResourceNotFoundException"


def test_a_machine_that_is_mocked_runs_without_a_test_case_too(mocking: RunningEmulator) -> None:
    sfn = mocking.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=create(mocking, LOOP, "loop"))["executionArn"]
    mocking.settle()
    described = sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    assert mocking.failures() == []


def test_a_mocked_activity_needs_neither_worker_nor_activity(mocking: RunningEmulator) -> None:
    described, events = run(mocking, create(mocking, COUNT, "count"), "Counts")
    assert described["output"] == "42"
    assert "ActivitySucceeded" in [event["type"] for event in events]


def test_express_machines_are_mocked_too(mocking: RunningEmulator) -> None:
    machine = create(mocking, ORDER, "orders", "EXPRESS")
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    sfn = mocking.client("stepfunctions", config=config)
    answer = sfn.start_sync_execution(stateMachineArn=f"{machine}#Pays")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"paid":true}')


def test_an_edited_file_answers_the_next_call(mocking: RunningEmulator, mock_file: Path) -> None:
    machine = create(mocking, ORDER, "orders")
    edited = json.loads(json.dumps(FILE))
    edited["MockedResponses"]["Pays"]["0"]["Return"]["Payload"] = {"paid": "by card"}
    mock_file.write_text(json.dumps(edited))
    described, _ = run(mocking, machine, "Pays")
    assert json.loads(described["output"]) == {"paid": "by card"}
    mock_file.write_text("{")
    assert "not JSON" in refusal(mocking, f"{machine}#Pays")


def test_a_test_case_that_cannot_be_run_is_refused_and_starts_nothing(mocking: RunningEmulator) -> None:
    machine = create(mocking, ORDER, "orders")
    assert "has no test case 'Unknown' for the state machine 'orders'; it has: Pays, " in refusal(
        mocking, f"{machine}#Unknown"
    )
    assert "mocks the state 'Chrage', which is no Task state of 'orders'" in refusal(mocking, f"{machine}#Typo")
    assert "mocks the state 'Paid', which is no Task state" in refusal(mocking, f"{machine}#Pass")
    listed = mocking.client("stepfunctions").list_executions(stateMachineArn=machine)
    assert listed["executions"] == []


def test_without_a_file_a_test_case_says_what_is_missing(emulator: RunningEmulator) -> None:
    machine = create(emulator, {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, "plain")
    assert "start the emulator with SFN_MOCK_CONFIG" in refusal(emulator, f"{machine}#Case")


def test_the_file_is_named_by_the_variable_of_step_functions_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFN_MOCK_CONFIG", "mocks.json")
    assert Settings.from_environment().sfn_mock_config == Path("mocks.json")
    monkeypatch.setenv("EMULATOR_SFN_MOCK_CONFIG", "ours.json")
    assert Settings.from_environment().sfn_mock_config == Path("ours.json")


def test_a_restart_goes_on_with_the_same_attempt(mock_file: Path, tmp_path: Path) -> None:
    states = json.loads(json.dumps(LOOP["States"]))
    states["Done?"]["Default"] = "Pause"
    states["Pause"] = {"Type": "Wait", "Seconds": 60, "Next": "Poll"}
    mock_file.write_text(json.dumps(FILE))
    settings = Settings(port=0, data=tmp_path, frozen=True, sfn_mock_config=mock_file)
    with RunningEmulator(settings) as first:
        machine = create(first, {"StartAt": "Poll", "States": states}, "loop")
        sfn = first.client("stepfunctions")
        arn = sfn.start_execution(stateMachineArn=f"{machine}#Twice")["executionArn"]
        first.advance(70)
        assert sfn.describe_execution(executionArn=arn)["status"] == "RUNNING"
    with RunningEmulator(settings) as second:
        second.settle()
        described = second.client("stepfunctions").describe_execution(executionArn=arn)
        assert (described["status"], described["output"]) == ("SUCCEEDED", '{"done":true}')


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_tasks_in_children_of_a_distributed_map_are_mocked_too(mocking: RunningEmulator, kind: str) -> None:
    states: Any = ORDER["States"]
    charge = {**states["Charge"], "End": True}
    for name in ("Next", "Catch"):
        del charge[name]
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    each = {"ProcessorConfig": config, "StartAt": "Charge", "States": {"Charge": charge}}
    state = {"Type": "Map", "ItemsPath": "$.orders", "ItemProcessor": each, "End": True}
    both = {"Type": "Pass", "Result": {"orders": [1, 2]}, "Next": "Map"}
    machine = create(mocking, {"StartAt": "Both", "States": {"Both": both, "Map": state}}, "orders")
    described, _ = run(mocking, machine, "Pays")
    assert (described["status"], described.get("output")) == ("SUCCEEDED", '[{"paid":true},{"paid":true}]')
