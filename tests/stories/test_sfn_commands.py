"""`emulator sfn`: definitions are judged and run from the command line, with mocked tasks and virtual time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from emulator.cli import app

ORDER = {
    "StartAt": "Charge",
    "States": {
        "Charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${ChargeFunction}", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Retry": [{"ErrorEquals": ["Busy"]}],
            "Catch": [{"ErrorEquals": ["Broke"], "Next": "Refused"}],
            "Next": "A day later",
        },
        "A day later": {"Type": "Wait", "Seconds": 86_400, "Next": "Ship"},
        "Ship": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": True},
        "Refused": {"Type": "Fail", "Error": "Refused", "Cause": "no money"},
    },
}
MOCKS = {
    "StateMachines": {
        "orders": {
            "TestCases": {
                "PaysLater": {"Charge": "PaysLater", "Ship": "Ships"},
                "Refuses": {"Charge": "Refuses"},
                "ShipForgotten": {"Charge": "PaysLater"},
            }
        }
    },
    "MockedResponses": {
        "PaysLater": {"0": {"Throw": {"Error": "Busy", "Cause": "c"}}, "1": {"Return": {"Payload": {"paid": True}}}},
        "Refuses": {"0": {"Throw": {"Error": "Broke"}}},
        "Ships": {"0": {"Return": {"shipped": True}}},
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.asl.json").write_text(json.dumps(ORDER, indent=2))
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS))
    return tmp_path


def sfn(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["sfn", *arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run(case: str, *more: str) -> Result:
    return sfn("run", "orders.asl.json", "-s", "ChargeFunction=charge", "--mock", "mocks.json", "-t", case, *more)


def test_a_run_shows_what_happened_when_in_aws_time_and_days_pass_at_once(folder: Path) -> None:
    result = run("PaysLater", "--input", '{"order": 1}')
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("orders, test case PaysLater, started at ")
    assert [" ".join(line.split()) for line in lines[2:]] == [
        '0 s > Charge (Task) {"order": 1}',
        "0 s lambda:invoke failed Busy: c",
        '1 s lambda:invoke answered {"Payload":{"paid":true}}',
        '1 s < Charge {"paid":true}',
        '1 s > A day later (Wait) {"paid":true}',
        '1d 00:00:01 < A day later {"paid":true}',
        '1d 00:00:01 > Ship (Task) {"paid":true}',
        '1d 00:00:01 glue:startJobRun.sync called, waits {"shipped":true}',
        '1d 00:00:01 glue:startJobRun.sync answered {"shipped":true}',
        '1d 00:00:01 < Ship {"shipped":true}',
        "",
        "SUCCEEDED after 1 d 0 h 0 min 1 s",
        '{"shipped":true}',
    ]


def test_a_failed_execution_is_told_by_the_exit_code(folder: Path) -> None:
    result = run("Refuses")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == ["FAILED after 0 s", "Refused: no money"]


def test_a_task_that_is_not_mocked_says_how_to_mock_it(folder: Path) -> None:
    result = run("ShipForgotten")
    assert result.exit_code == 1
    assert "The task of the state 'Ship' (arn:aws:states:::glue:startJobRun.sync) is not mocked." in result.stdout
    _, _, example = result.stderr.partition("Mock it in mocks.json:\n")
    assert json.loads(example)["StateMachines"]["orders"]["TestCases"]["ShipForgotten"] == {"Ship": "Answer"}
    without = sfn("run", "orders.asl.json", "-s", "ChargeFunction=charge")
    assert without.exit_code == 1
    assert "Mock it in a file, and name that with --mock FILE" in without.stderr


def test_history_shows_every_event_with_its_links(folder: Path) -> None:
    lines = run("Refuses", "--history").stdout.splitlines()
    assert lines[2].split()[:2] == ["1", "(0)"]
    assert "ExecutionStarted" in lines[2]
    assert '"error": "Broke"' in next(line for line in lines if " TaskFailed " in line)


def test_json_is_what_the_api_shows(folder: Path) -> None:
    result = run("PaysLater", "--json")
    shown = json.loads(result.stdout)
    assert (shown["testCase"], shown["execution"]["status"]) == ("PaysLater", "SUCCEEDED")
    assert [event["id"] for event in shown["events"]] == list(range(1, len(shown["events"]) + 1))


def test_input_comes_from_a_file_or_standard_input(folder: Path) -> None:
    passing = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    (folder / "pass.asl.json").write_text(json.dumps(passing))
    (folder / "input.json").write_text('{"from": "file"}')
    assert '{"from": "file"}' in sfn("run", "pass.asl.json", "--input", "@input.json").stdout
    assert '{"from": "stdin"}' in sfn("run", "pass.asl.json", "--input", "-", stdin='{"from": "stdin"}').stdout
    bad = sfn("run", "pass.asl.json", "--input", "{order: 1}")
    assert (bad.exit_code, bad.stderr.splitlines()[0][:21]) == (1, "--input is not JSON: ")
    assert "absent.json cannot be read" in sfn("run", "pass.asl.json", "--input", "@absent.json").stderr


def test_the_only_machine_and_the_only_case_of_a_mock_file_need_no_name(folder: Path) -> None:
    one: dict[str, Any] = json.loads(json.dumps(MOCKS))
    cases = one["StateMachines"].pop("orders")["TestCases"]
    one["StateMachines"]["checkout"] = {"TestCases": {"PaysLater": cases["PaysLater"]}}
    (folder / "one.json").write_text(json.dumps(one))
    result = sfn("run", "orders.asl.json", "-s", "ChargeFunction=charge", "--mock", "one.json")
    assert result.exit_code == 0
    assert result.stdout.startswith("checkout, test case PaysLater")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--mock", "mocks.json"], "Which test case of orders?\nmocks.json has: PaysLater, Refuses, ShipForgotten."),
        (["--mock", "mocks.json", "-t", "No"], "mocks.json has no test case No of orders."),
        (["--mock", "mocks.json", "--name", "no"], "mocks.json has no state machine no.\nIt has: orders."),
        (["--mock", "absent.json"], "absent.json cannot be read: "),
        (["--mock", "orders.asl.json"], "orders.asl.json cannot be used:\nunknown field StartAt"),
        (["-t", "PaysLater"], "--test-case needs a mock configuration file.\nName it with --mock FILE."),
        (["-s", "Nowhere=x"], "orders.asl.json has no placeholder ${Nowhere}.\nIt has: ChargeFunction."),
        (["-s", "x"], "--definition-substitutions x is not NAME=VALUE."),
    ],
)  # fmt: skip
def test_what_cannot_be_run_says_what_to_do(folder: Path, arguments: list[str], problem: str) -> None:
    result = sfn("run", "orders.asl.json", *arguments)
    assert result.exit_code == 1
    assert problem in result.stderr


def test_no_execution_waits_longer_than_a_year(folder: Path) -> None:
    state = {"Type": "Wait", "Seconds": 99_999_999, "End": True}
    (folder / "wait.asl.json").write_text(json.dumps({"StartAt": "W", "States": {"W": state}}))
    result = sfn("run", "wait.asl.json")
    assert result.exit_code == 1
    assert "TIMED_OUT after 365 d" in result.stdout


def test_real_time_waits(folder: Path) -> None:
    state = {"Type": "Wait", "Seconds": 0, "End": True}
    (folder / "wait.asl.json").write_text(json.dumps({"StartAt": "W", "States": {"W": state}}))
    assert "SUCCEEDED" in sfn("run", "wait.asl.json", "--real-time").stdout


def test_an_express_machine_shows_its_end(folder: Path) -> None:
    state = {"Type": "Pass", "Result": {"n": 1}, "End": True}
    (folder / "quick.asl.json").write_text(json.dumps({"StartAt": "P", "States": {"P": state}}))
    result = sfn("run", "quick.asl.json", "--express")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, '{"n":1}')


YAML = """StartAt: Pick
States:
  Pick:
    Type: Choice
    Choices:
      - Variable: $.x
        IsNull: true
        Next: Nowhere
    Default: Copy
  Copy:
    Type: Pass
    Parameters:
      x: $.y
    End: true
"""


def test_mistakes_are_told_by_file_line_and_column(folder: Path) -> None:
    (folder / "bad.yaml").write_text(YAML)
    result = sfn("validate", "bad.yaml", "orders.asl.json")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "bad.yaml:8:9: error: MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere (/States/Pick/Choices[0]/Next)",
        "bad.yaml:13:7: warning: NO_DOLLAR: The value of the field 'x' looks like a JSONPath or an intrinsic function "
        "call, but its name does not end with '.$' (/States/Copy/Parameters/x)",
        "orders.asl.json:36:7: warning: NOT_EMULATED: arn:aws:states:::glue:startJobRun.sync is not emulated: the task "
        "fails unless it is mocked (/States/Ship/Resource)",
    ]
    assert "orders.asl.json: ${ChargeFunction} not filled; -s ChargeFunction=VALUE does." in result.stderr
    (folder / "words.yaml").write_text(
        "StartAt: 'No'\nStates:\n  404: {Type: Succeed}\n  No: {Type: Pass, Next: 'Off'}\n"
    )
    assert "words.yaml:4:20: error: MISSING_TRANSITION_TARGET" in sfn("validate", "words.yaml").stdout
    listed = json.loads(sfn("validate", "bad.yaml", "--json").stdout)
    assert [(each["line"], each["severity"]) for each in listed] == [(8, "ERROR"), (13, "WARNING")]


def test_a_field_that_does_not_belong_there_is_told_by_its_own_line(folder: Path) -> None:
    (folder / "odd.json").write_text(
        """{ "StartAt": "A",
  "States": { "A": {
      "Type": "Wait",
      "Seconds": 1,
      "Second": 2,
      "SecondsPath": "$.s",
      "Output": "{% 1 %}",
      "End": true } },
  "Bad": 1 }"""
    )
    lines = sfn("validate", "odd.json").stdout.splitlines()
    assert [line.split(":")[1:3] for line in lines] == [["2", "15"], ["5", "7"], ["7", "7"], ["9", "3"]]


SAM = """StartAt: Get
States:
  Get:
    Type: Task
    Resource: ${GetFunctionArn}
    Next: Put
  Put:
    Type: Task
    Resource: "${Put}"   # a function, too
    Parameters: {Name: "${Name}"}
    End: true
"""


def test_a_resource_that_a_deployment_fills_is_taken_for_a_function(folder: Path) -> None:
    (folder / "sam.asl.yaml").write_text(SAM)
    (folder / "sam.asl.json").write_text(
        '{"StartAt": "Get", "States": {"Get": {"Type": "Task", "Resource": "${GetFunctionArn}", "End": true}}}'
    )
    result = sfn("validate", "sam.asl.yaml", "sam.asl.json")
    assert (result.exit_code, result.stdout) == (0, "sam.asl.yaml: good\nsam.asl.json: good\n")
    assert result.stderr.splitlines()[:2] == [
        "sam.asl.yaml: ${GetFunctionArn}, ${Name}, ${Put} not filled; -s GetFunctionArn=VALUE does.",
        "sam.asl.yaml: ${GetFunctionArn}, ${Put} taken for Lambda functions, where they are the Resource of a task.",
    ]
    result = sfn("validate", "sam.asl.yaml", "--substitute", "Put=arn:aws:states:::dynamodb:putItem", "-s", "Name=n")
    assert "The field 'Name' is not supported by Step Functions" in result.stdout


@pytest.mark.parametrize("resource", ["", "nonsense", "a:b", "arn:aws:states:::", "arn:aws:states:::glue", "${a}b"])
def test_a_resource_that_is_none_is_told_by_line(folder: Path, resource: str) -> None:
    state = {"Type": "Task", "Resource": resource, "End": True}
    (folder / "odd.json").write_text(json.dumps({"StartAt": "A", "States": {"A": state}}))
    result = sfn("validate", "odd.json")
    assert result.stdout.startswith("odd.json:1:51: error: SCHEMA_VALIDATION_FAILED: The resource provided ")
    assert result.exit_code == 1


def test_an_input_that_is_no_json_is_told_where(folder: Path) -> None:
    result = sfn("run", "orders.asl.json", "--input", "{x")
    assert "--input is not JSON: Unexpected character ('x' (code 120)): was expecting double-quote" in result.stderr
    assert "(line 1, column 3)" in result.stderr


def test_warnings_fail_only_those_who_want_it(folder: Path) -> None:
    (folder / "fine.yaml").write_text(YAML.replace("Nowhere", "Copy"))
    assert sfn("validate", "fine.yaml").exit_code == 0
    assert sfn("validate", "fine.yaml", "--strict").exit_code == 1
    (folder / "fine.yaml").write_text(YAML.replace("Nowhere", "Copy").replace("x: $.y", "x.$: $.y"))
    assert sfn("validate", "fine.yaml").stdout == "fine.yaml: good\n"


def test_a_file_that_is_no_json_is_told_where(folder: Path) -> None:
    (folder / "broken.asl.json").write_text('{\n  "StartAt": "A"\n  "States": {}\n}')
    result = sfn("validate", "broken.asl.json")
    assert result.stdout.startswith(
        "broken.asl.json:3:4: error: INVALID_JSON_DESCRIPTION: Unexpected character ('\"' (code 34)): was expecting "
        "comma to separate Object entries\n"
    )
    (folder / "broken.yaml").write_text("a: [")
    assert "broken.yaml is no YAML" in sfn("validate", "broken.yaml").stderr
    assert "absent.json cannot be read" in sfn("validate", "absent.json").stderr


def test_a_bad_definition_is_not_run_but_told_like_validate_does(folder: Path) -> None:
    (folder / "bad.yaml").write_text(YAML)
    result = sfn("run", "bad.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("bad.yaml:8:9: error: MISSING_TRANSITION_TARGET: ")


def test_a_run_shows_what_it_has_not_covered(folder: Path) -> None:
    lines = run("PaysLater", "--coverage").stdout.splitlines()
    assert lines[-5:-2] == [
        "orders: 66.7 % (4 of 6), 1 execution",
        "  never taken    Charge: catcher 0 of Broke -> Refused",
        "  never entered  Refused (Fail)",
    ]


def test_a_mock_file_that_cannot_be_used_is_told_at_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFN_MOCK_CONFIG", "orders.asl.json")
    result = CliRunner().invoke(app, ["start", "--ephemeral", "--port", "0"])
    assert result.exit_code == 1
    assert result.stderr.startswith("SFN_MOCK_CONFIG orders.asl.json cannot be used:\nunknown field StartAt\n")
    monkeypatch.setenv("SFN_MOCK_CONFIG", "absent.json")
    assert "absent.json cannot be read" in CliRunner().invoke(app, ["start", "--ephemeral", "--port", "0"]).stderr
