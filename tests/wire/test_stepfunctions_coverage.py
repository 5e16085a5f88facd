"""What of state machines was taken: counted while executions run, told by the control API and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from click.testing import Result
from typer.testing import CliRunner

from emulator.cli import app
from emulator.services.stepfunctions.coverage import Coverage
from emulator.settings import Settings
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
PICK = {
    "StartAt": "Pick",
    "States": {
        "Pick": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericEquals": 1, "Next": "One"},
                {"Variable": "$.n", "NumericEquals": 2, "Next": "One"},
            ],
            "Default": "Call",
        },
        "One": {"Type": "Pass", "End": True},
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:absent",
            "Retry": [{"ErrorEquals": ["Never"]}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["Never"], "Next": "One"}, {"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "One",
        },
        "Failed": {"Type": "Fail"},
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningEmulator]:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, sfn_coverage=True)) as running:
        yield running


@pytest.fixture
def counting(server: RunningEmulator) -> RunningEmulator:
    server.reset()
    server.control("DELETE", "coverage")
    return server


def create(emulator: RunningEmulator, name: str, definition: Any = PICK, kind: str = "STANDARD") -> str:
    answer = emulator.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind
    )
    return answer["stateMachineArn"]


def start(emulator: RunningEmulator, arn: str, *numbers: int) -> None:
    for number in numbers:
        emulator.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps({"n": number}))
    emulator.settle()


def definition_of(emulator: RunningEmulator, arn: str) -> dict[str, Any]:
    report = emulator.control("GET", "coverage")
    return next(each for each in report["definitions"] if arn in each["stateMachines"] and each["current"])


def test_states_choices_retriers_and_catchers_are_counted(counting: RunningEmulator) -> None:
    arn = create(counting, "counted")
    start(counting, arn, 1, 1, 3)
    found = definition_of(counting, arn)
    assert found["executions"] == 3
    pick, one, call, failed = found["states"]
    assert pick == {
        "name": "Pick", "type": "Choice", "entered": 3,
        "choices": [
            {"choice": 0, "next": "One", "taken": 2},
            {"choice": 1, "next": "One", "taken": 0},
            {"choice": "default", "next": "Call", "taken": 1},
        ],
    }  # fmt: skip
    assert (one["entered"], failed["entered"]) == (2, 1)
    assert [retrier["taken"] for retrier in call["retriers"]] == [0, 2]
    assert [(catcher["next"], catcher["taken"]) for catcher in call["catchers"]] == [("One", 0), ("Failed", 1)]
    assert (found["covered"], found["of"], found["percent"]) == (8, 11, 72.7)
    assert found["byKind"] == {
        "states": {"covered": 4, "of": 4},
        "choices": {"covered": 2, "of": 3},
        "retriers": {"covered": 1, "of": 2},
        "catchers": {"covered": 1, "of": 2},
    }


def test_machines_with_the_same_definition_are_one_and_what_never_ran_counts(counting: RunningEmulator) -> None:
    first, second = create(counting, "twin-a"), create(counting, "twin-b")
    assert definition_of(counting, first)["covered"] == 0
    start(counting, first, 1)
    start(counting, second, 2)
    found = definition_of(counting, first)
    assert {first, second} <= set(found["stateMachines"])
    assert [choice["taken"] for choice in found["states"][0]["choices"]] == [1, 1, 0]


def test_an_update_begins_anew_and_what_it_replaced_is_not_in_the_total(counting: RunningEmulator) -> None:
    old = {"StartAt": "Old", "States": {"Old": {"Type": "Pass", "End": True}}}
    new = {"StartAt": "New", "States": {"New": {"Type": "Pass", "End": True}}}
    arn = create(counting, "updated", old)
    start(counting, arn, 1)
    before = counting.control("GET", "coverage")["total"]
    counting.client("stepfunctions").update_state_machine(stateMachineArn=arn, definition=json.dumps(new))
    report = counting.control("GET", "coverage")
    [replaced] = [each for each in report["definitions"] if each["states"][0]["name"] == "Old"]
    assert (replaced["current"], replaced["percent"]) == (False, 100)
    assert (report["total"]["of"], report["total"]["covered"]) == (before["of"], before["covered"] - 1)


def test_express_executions_count_too(counting: RunningEmulator) -> None:
    arn = create(counting, "express", PICK, "EXPRESS")
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    counting.client("stepfunctions", config=config).start_sync_execution(stateMachineArn=arn, input='{"n": 1}')
    assert definition_of(counting, arn)["states"][1]["entered"] == 1


def test_counts_outlive_a_reset(counting: RunningEmulator) -> None:
    arn = create(counting, "outlives")
    start(counting, arn, 1)
    counting.reset()
    assert definition_of(counting, arn)["executions"] == 1


def test_nothing_is_counted_unless_asked(emulator: RunningEmulator) -> None:
    start(emulator, create(emulator, "plain"), 1)
    report = emulator.control("GET", "coverage")
    assert (report["enabled"], report["definitions"], report["total"]["percent"]) == (False, [], 100)


def coverage(emulator: RunningEmulator, *arguments: str) -> Result:
    port = emulator.url.rpartition(":")[2]
    return CliRunner().invoke(app, ["sfn", "coverage", "--port", port, *arguments])


def test_the_command_shows_what_was_never_taken(counting: RunningEmulator) -> None:
    arn = create(counting, "shown")
    start(counting, arn, 1)
    result = coverage(counting)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    begin = next(index for index, line in enumerate(lines) if "shown" in line)
    assert lines[begin].endswith("27.3 % (3 of 11), 1 execution")
    assert lines[begin + 1 : begin + 5] == [
        "  never taken    Pick: choice 1 -> One",
        "  never taken    Pick: choice default -> Call",
        "  never entered  Call (Task)",
        "  never entered  Failed (Fail)",
    ]
    assert lines[-1].startswith("total: ")
    shown = coverage(counting, "--all").stdout
    assert "  taken 1 x      Pick: choice 0 -> One\n" in shown
    assert "  never taken    Call: catcher 1 of States.ALL -> Failed\n" in shown
    assert json.loads(coverage(counting, "--json").stdout) == counting.control("GET", "coverage")


def test_the_command_fails_below_a_limit(counting: RunningEmulator) -> None:
    start(counting, create(counting, "limited"), 1)
    assert coverage(counting, "--fail-under", "10").exit_code == 0
    failed = coverage(counting, "--fail-under", "99")
    assert failed.exit_code == 1
    assert failed.stderr.endswith(" % are less than 99 %.\n")


def test_the_command_fails_if_nothing_was_counted(counting: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.sfn_tools.coverage.fetch", lambda *_: Coverage(True).report())
    assert coverage(counting).exit_code == 0
    failed = coverage(counting, "--fail-under", "1")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Nothing was counted: ")


def test_the_command_says_how_to_count_and_what_does_not_answer(emulator: RunningEmulator) -> None:
    result = coverage(emulator)
    assert result.exit_code == 1
    assert "EMULATOR_SFN_COVERAGE=1 emulator start" in result.stderr
    absent = CliRunner().invoke(app, ["sfn", "coverage", "--port", "1"])
    assert (absent.exit_code, absent.stderr.startswith("No emulator answers on http://127.0.0.1:1")) == (1, True)


def test_what_a_distributed_map_runs_is_a_definition_of_its_own(counting: RunningEmulator) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Small?",
        "States": {
            "Small?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericLessThan": 5, "Next": "Small"}],
                "Default": "Large",
            },
            "Small": {"Type": "Succeed"},
            "Large": {"Type": "Succeed"},
        },
    }
    state = {"Type": "Map", "ItemProcessor": processor, "End": True}
    arn = create(counting, "mapping", {"StartAt": "Each", "States": {"Each": state}})
    counting.client("stepfunctions").start_execution(stateMachineArn=arn, input="[1, 2]")
    counting.settle()
    assert [found["name"] for found in definition_of(counting, arn)["states"]] == ["Each"]
    inner = definition_of(counting, f"{arn}/Each")
    assert inner["executions"] == 2
    assert [state["entered"] for state in inner["states"]] == [2, 2, 0]
