"""Step Functions through boto3: what a caller sees of machines and executions."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"n": 1}, "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}


def create(emulator: RunningEmulator, definition: Any, name: str = "machine") -> str:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return emulator.client("stepfunctions").create_state_machine(name=name, definition=text, roleArn=ROLE)[
        "stateMachineArn"
    ]


def error_of(work: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_creating_the_same_machine_twice_answers_with_the_first_creation_date(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    request = {"name": "m", "definition": json.dumps(PASS), "roleArn": ROLE}
    first = sfn.create_state_machine(**request)
    emulator.advance(60)
    second = sfn.create_state_machine(**request)
    assert first["creationDate"] == second["creationDate"]
    code, text = error_of(lambda: sfn.create_state_machine(**{**request, "definition": json.dumps(PASS, indent=1)}))
    assert (code, text) == (
        "StateMachineAlreadyExists",
        "State Machine Already Exists: 'arn:aws:states:us-east-1:000000000000:stateMachine:m'",
    )


def test_describe_update_and_delete_a_machine(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = create(emulator, PASS)
    described = sfn.describe_state_machine(stateMachineArn=arn)
    assert described["status"] == "ACTIVE"
    assert described["type"] == "STANDARD"
    assert described["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}
    assert "revisionId" not in described
    code, text = error_of(lambda: sfn.update_state_machine(stateMachineArn=arn))
    assert code == "MissingRequiredParameter"
    assert text.startswith("Either the definition, the role ARN")
    revision = sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(WAIT))["revisionId"]
    assert sfn.describe_state_machine(stateMachineArn=arn)["revisionId"] == revision
    sfn.delete_state_machine(stateMachineArn=arn)
    sfn.delete_state_machine(stateMachineArn=arn)
    assert error_of(lambda: sfn.start_execution(stateMachineArn=arn)) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{arn}'",
    )


def test_an_execution_shows_input_output_and_history_as_aws_does(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    started = sfn.start_execution(stateMachineArn=create(emulator, PASS), name="one", input='{"a": 1}')
    emulator.settle()
    described = sfn.describe_execution(executionArn=started["executionArn"])
    assert described["status"] == "SUCCEEDED"
    assert described["input"] == '{"a": 1}'
    assert described["output"] == '{"n":1}'
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    events = sfn.get_execution_history(executionArn=started["executionArn"])["events"]
    assert [(e["id"], e["previousEventId"], e["type"]) for e in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert events[0]["executionStartedEventDetails"] == {
        "input": '{"a": 1}',
        "inputDetails": {"truncated": False},
        "roleArn": ROLE,
    }
    assert events[1]["stateEnteredEventDetails"] == {
        "name": "A",
        "input": '{"a": 1}',
        "inputDetails": {"truncated": False},
    }


def test_history_pages_reverses_and_hides_data(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=create(emulator, PASS))["executionArn"]
    for reverse, expected in ((False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])):
        pages = sfn.get_paginator("get_execution_history").paginate(
            executionArn=arn, reverseOrder=reverse, PaginationConfig={"PageSize": 3}
        )
        assert [event["id"] for page in pages for event in page["events"]] == expected
    hidden = sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert hidden[1]["stateEnteredEventDetails"] == {"name": "A"}


def test_starting_a_running_execution_again_is_idempotent_only_with_the_same_input(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    machine = create(emulator, WAIT)
    first = sfn.start_execution(stateMachineArn=machine, name="n", input="{}")
    again = sfn.start_execution(stateMachineArn=machine, name="n", input="{}")
    assert (first["executionArn"], first["startDate"]) == (again["executionArn"], again["startDate"])
    expected = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert error_of(lambda: sfn.start_execution(stateMachineArn=machine, name="n", input='{"x":1}')) == expected
    sfn.stop_execution(executionArn=first["executionArn"])
    assert error_of(lambda: sfn.start_execution(stateMachineArn=machine, name="n", input="{}")) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid execution input."),
        (
            "not json",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
            "'false')",
        ),
        ('{"a": ' + "9" * 400 + "}", "9" * 40 + " is beyond the range of a double"),
        ('{"a": -' + "9" * 5_000 + "}", "-" + "9" * 39 + " is beyond the range of a double"),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
    ],
)
def test_input_that_is_no_json_is_refused_with_the_text_of_aws(
    emulator: RunningEmulator, text: str, problem: str
) -> None:
    machine = create(emulator, PASS)
    sfn = emulator.client("stepfunctions")
    assert error_of(lambda: sfn.start_execution(stateMachineArn=machine, input=text)) == (
        "InvalidExecutionInput",
        f"Invalid State Machine Execution Input: '{problem}'",
    )


def test_stopping_aborts_and_leaves_nothing_to_do(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=create(emulator, WAIT))["executionArn"]
    sfn.stop_execution(executionArn=arn, error="E", cause="C")
    described = sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "C")
    event = sfn.get_execution_history(executionArn=arn)["events"][-1]
    assert (event["type"], event["id"], event["previousEventId"]) == ("ExecutionAborted", 3, 0)
    emulator.advance(7200)
    assert len(sfn.get_execution_history(executionArn=arn)["events"]) == 3


def test_malformed_and_unknown_arns_are_told_apart(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    assert error_of(lambda: sfn.describe_state_machine(stateMachineArn="not_a_valid_arn")) == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'",
    )
    arn = "arn:aws:states:us-east-1:000000000000:execution:m:none"
    assert error_of(lambda: sfn.describe_execution(executionArn=arn)) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{arn}'",
    )


def test_lists_page_and_filter(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    machine = create(emulator, PASS)
    create(emulator, WAIT, "other")
    names = [f"e{index}" for index in range(5)]
    for name in names:
        sfn.start_execution(stateMachineArn=machine, name=name)
    pages = sfn.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    assert [item["name"] for page in pages for item in page["executions"]] == names[::-1]
    assert sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"] == []
    assert [item["name"] for item in sfn.list_state_machines()["stateMachines"]] == ["machine", "other"]
    code, text = error_of(lambda: sfn.list_executions(stateMachineArn=machine, maxResults=1001))
    assert code == "ValidationException"
    assert "Value '1001' at 'maxResults' failed to satisfy constraint" in text


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ({"StartAt": "A"}, "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Nope"}}},
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, "
            "Fail, Choice, Parallel, Map] at /States/A/Type",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": ["Pass"], "End": True}}},
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, "
            "Fail, Choice, Parallel, Map] at /States/A/Type",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Fail", "CausePath": None}}},
            "SCHEMA_VALIDATION_FAILED: The value for the field 'CausePath' must be a valid JSONPath or a valid "
            "intrinsic function call at /States/A",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "2016-12-05 21:29:29Z", "End": True}}},
            "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/A/Timestamp",
        ),
        (
            {
                "StartAt": "A",
                "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::glue:stopJobRun", "End": True}},
            },
            "SCHEMA_VALIDATION_FAILED: The resource provided arn:aws:states:::glue:stopJobRun is not recognized. The "
            "value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource",
        ),
    ],
)
def test_a_bad_definition_is_refused_with_code_text_and_location(
    emulator: RunningEmulator, definition: Any, problem: str
) -> None:
    assert error_of(lambda: create(emulator, definition)) == (
        "InvalidDefinition",
        f"Invalid State Machine Definition: '{problem}'",
    )


def test_all_problems_of_a_definition_are_told_at_once(emulator: RunningEmulator) -> None:
    definition = {"StartAt": "X", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Choice"}}}
    _, text = error_of(lambda: create(emulator, definition))
    assert "Missing 'Next' target: B at /States/A/Next" in text
    assert "These fields are required: [Choices] at /States/C" in text
    assert "Missing 'Next' target: X at /StartAt" in text
    sfn = emulator.client("stepfunctions")
    answer = sfn.validate_state_machine_definition(definition=json.dumps(definition))
    assert answer["result"] == "FAIL"
    assert len(answer["diagnostics"]) == 3


def test_a_jsonata_machine_runs_and_tells_where_an_evaluation_failed(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    state = {"Type": "Pass", "Output": {"sum": "{% $sum($states.input.amounts) %}"}, "End": True}
    arn = create(emulator, {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}})
    good = sfn.start_execution(stateMachineArn=arn, input='{"amounts": [1, 2.5]}')["executionArn"]
    bad = sfn.start_execution(stateMachineArn=arn, input='{"amounts": "many"}')["executionArn"]
    emulator.settle()
    assert json.loads(sfn.describe_execution(executionArn=good)["output"]) == {"sum": 3.5}
    described = sfn.describe_execution(executionArn=bad)
    assert (described["status"], described["error"]) == ("FAILED", "States.QueryEvaluationError")
    events = sfn.get_execution_history(executionArn=bad)["events"]
    assert events[2]["evaluationFailedEventDetails"]["location"] == "Output/sum"


def test_tags_are_kept_until_removed(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = create(emulator, PASS)
    sfn.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}])
    sfn.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": ""}]
    assert error_of(lambda: sfn.list_tags_for_resource(resourceArn=arn + "x")) == (
        "ResourceNotFound",
        f"Resource not found: '{arn}x'",
    )


def test_names_with_forbidden_characters_are_refused(emulator: RunningEmulator) -> None:
    assert error_of(lambda: create(emulator, PASS, "a b")) == ("InvalidName", "Invalid Name: 'a b'")


def test_variables_that_states_refer_to_are_described(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    states = {
        "Set": {"Type": "Pass", "Assign": {"seconds": 5}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "SecondsPath": "$seconds", "End": True},
    }
    arn = create(emulator, {"StartAt": "Set", "States": states})
    assert sfn.describe_state_machine(stateMachineArn=arn)["variableReferences"] == {"Wait": ["seconds"]}
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    described = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert described["variableReferences"] == {"Wait": ["seconds"]}
    assert "variableReferences" not in sfn.describe_state_machine(stateMachineArn=create(emulator, PASS, "other"))


def test_activities_have_tags_too(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = sfn.create_activity(name="work", tags=[{"key": "a", "value": "1"}])["activityArn"]
    sfn.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    sfn.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]


def test_warnings_are_told_to_those_who_ask_and_fail_nothing(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "$.x", "End": True}}})
    assert sfn.validate_state_machine_definition(definition=definition)["diagnostics"] == []
    answer = sfn.validate_state_machine_definition(definition=definition, severity="WARNING")
    assert (answer["result"], answer["truncated"]) == ("OK", False)
    [warning] = answer["diagnostics"]
    assert (warning["severity"], warning["code"]) == ("WARNING", "PASS_RESULT_IS_STATIC")
    assert warning["location"] == "/States/A/Result"


def test_diagnostics_are_cut_at_the_number_asked_for(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    states = {f"S{number}": {"Type": "Pass", "End": True, "Bad": 1} for number in range(150)}
    definition = json.dumps({"StartAt": "S0", "States": states})
    for asked, shown in ((0, 100), (100, 100), (2, 2)):
        answer = sfn.validate_state_machine_definition(definition=definition, maxResults=asked)
        assert (len(answer["diagnostics"]), answer["truncated"]) == (shown, True)
    code, text = error_of(lambda: sfn.validate_state_machine_definition(definition=definition, maxResults=101))
    assert code == "ValidationException"
    assert "less than or equal to 100" in text


def test_the_place_of_a_mistake_is_in_the_log_by_line_and_column(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    logger = logging.getLogger("emulator.functions")
    monkeypatch.setattr(logger, "info", lambda text, *values: told.append(text % values))
    definition = '{\n  "StartAt": "A",\n  "States": {\n    "A": {"Type": "Pass", "Next": "B"}\n  }\n}'
    error_of(lambda: create(emulator, definition, "orders"))
    assert told[0] == (
        "definition of orders refused: line 4, column 27: MISSING_TRANSITION_TARGET: Missing 'Next' target: B at "
        "/States/A/Next"
    )
