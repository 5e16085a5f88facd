"""JSONata states in the pure interpreter: what expressions see, give, and how their failures read (recorded texts)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.services.stepfunctions.asl import jsonata, jsonata_engines, validate, workspace
from emulator.services.stepfunctions.asl.data import loads
from emulator.services.stepfunctions.asl.definition import compile_definition
from tests.stuck import STUCK_SECONDS

from .asl_run import FUNCTION, Driver, Failure, one

pytestmark = pytest.mark.usefixtures("engine")

TASK = {"Type": "Task", "Resource": FUNCTION}


@pytest.fixture(params=["Native", "Portable"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every test that asks for it runs on both libraries."""
    if request.param == "Native":
        pytest.importorskip("jsonatapy", reason="no wheel of the compiled engine for this machine")
    chosen = getattr(jsonata_engines, request.param)
    monkeypatch.setattr(jsonata_engines, "engine", lambda: chosen)
    forget_compiled()
    yield request.param
    forget_compiled()


def forget_compiled() -> None:
    jsonata.parse.cache_clear()
    compile_definition.cache_clear()


def run(state: dict[str, Any], value: Any = None, answer: Any = lambda parameters: parameters) -> Driver:
    definition = {"QueryLanguage": "JSONata", **one(state)}
    return Driver(definition, json.dumps({} if value is None else value), answer).run()


def evaluate(expression: str, value: Any = None) -> Any:
    return run({"Type": "Pass", "Output": {"result": f"{{% {expression} %}}"}}, value).output["result"]


def failure(driver: Driver) -> dict[str, Any]:
    """Details of the EvaluationFailed event, which must be there."""
    return next(event.details for event in driver.events if event.type == "EvaluationFailed")


# ── data flow ───────────────────────────────────────────────────────────────────────────────────


def test_output_replaces_what_leaves_a_state_and_without_it_input_or_result_do() -> None:
    assert run({"Type": "Pass"}, {"a": 1}).output == {"a": 1}
    assert run({"Type": "Pass", "Output": {"b": "{% $states.input.a + 1 %}", "c": "kept"}}, {"a": 1}).output == {
        "b": 2, "c": "kept",
    }  # fmt: skip
    assert run(TASK, {"a": 1}, lambda _: {"r": 2}).output == {"r": 2}
    assert run({**TASK, "Output": "{% $states.result.r * $states.input.a %}"}, {"a": 3}, lambda _: {"r": 2}).output == 6


def test_arguments_are_what_the_task_is_given_and_without_them_it_is_given_the_input() -> None:
    seen: list[Any] = []

    def answer(parameters: Any) -> Any:
        seen.append(parameters)
        return parameters

    run({**TASK, "Arguments": {"n": "{% $states.input.n * 2 %}", "list": ["{% 'x' %}", 1]}}, {"n": 4}, answer)
    run(TASK, {"n": 4}, answer)
    run({**TASK, "Arguments": {}}, {"n": 4}, answer)
    assert seen == [{"n": 8, "list": ["x", 1]}, {"n": 4}, {}]


def test_variables_are_assigned_from_the_result_and_seen_by_later_states() -> None:
    definition = {
        "QueryLanguage": "JSONata", "StartAt": "A",
        "States": {
            "A": {**TASK, "Assign": {"total": "{% $states.result.n + 1 %}", "text": "plain"}, "Next": "B"},
            "B": {"Type": "Pass", "Output": "{% $string($total) & $text %}", "End": True},
        },
    }  # fmt: skip
    driver = Driver(definition, "{}", lambda _: {"n": 41}).run()
    assert driver.output == "42plain"
    exited = next(event for event in driver.events if event.type == "TaskStateExited")
    assert exited.details["assignedVariables"] == {"total": "42", "text": '"plain"'}


def test_a_catcher_sees_the_error_output() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "H", "Output": "{% $states.errorOutput.Error %}",
              "Assign": {"cause": "{% $states.errorOutput.Cause %}"}}]  # fmt: skip
    definition = {
        "QueryLanguage": "JSONata", "StartAt": "S",
        "States": {
            "S": {**TASK, "Catch": catch, "End": True},
            "H": {"Type": "Pass", "Output": ["{% $states.input %}", "{% $cause %}"], "End": True},
        },
    }  # fmt: skip
    assert Driver(definition, "{}", lambda _: Failure("Boom", "why")).run().output == ["Boom", "why"]


def test_a_choice_takes_the_first_condition_that_holds_with_its_own_output() -> None:
    choice = {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input.v < 10 %}", "Next": "Low",
             "Output": "{% 'low' & $string($states.input.v) %}"},
            {"Condition": "{% $states.input.v < 20 %}", "Next": "Low", "Assign": {"w": 1}},
        ],
        "Default": "Low", "Output": "default",
    }  # fmt: skip
    definition = {"QueryLanguage": "JSONata", "StartAt": "C",
                  "States": {"C": choice, "Low": {"Type": "Succeed"}}}  # fmt: skip
    assert [Driver(definition, json.dumps({"v": v})).run().output for v in (5, 15, 25)] == [
        "low5",
        "default",
        "default",
    ]


def test_a_map_iterates_over_items_with_the_item_in_the_context() -> None:
    state = {
        "Type": "Map", "Items": "{% $states.input.rows %}", "MaxConcurrency": "{% 1 + 1 %}",
        "ItemSelector": {"index": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}"},
        "ItemProcessor": {"StartAt": "I", "States": {"I": {
            "Type": "Pass", "Output": "{% $states.input.v * 10 + $states.input.index %}", "End": True}}},
        "Output": {"all": "{% $states.result %}"},
    }  # fmt: skip
    assert run(state, {"rows": [1, 2, 3]}).output == {"all": [10, 21, 32]}
    assert run({**state, "Items": [7, "{% 8 %}"]}).output == {"all": [70, 81]}


def test_wait_fail_and_limits_take_expressions() -> None:
    assert run({"Type": "Wait", "Seconds": "{% $states.input.s %}"}, {"s": 90}).times[-1] == 90
    fail = {"QueryLanguage": "JSONata", "StartAt": "F",
            "States": {"F": {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "because"}}}  # fmt: skip
    ended = Driver(fail, '{"e": "E1"}').run().ended
    assert ended is not None and (ended.error, ended.cause) == ("E1", "because")
    driver = run({**TASK, "TimeoutSeconds": "{% $states.input.t %}"}, {"t": 7})
    assert driver.events[2].details["timeoutInSeconds"] == 7


def test_one_state_may_speak_jsonata_in_a_jsonpath_machine() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"x": "{% 1 + 1 %}"}, "Next": "B"},
            "B": {"Type": "Pass", "Parameters": {"y.$": "$.x"}, "End": True},
        },
    }
    assert validate.validate(definition, lambda *_: []) == []
    assert Driver(definition).run().output == {"y": 2}


# ── failures, as recorded ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [("1", "number", "1"), ("'string'", "string", '"string"'), ("true", "boolean", "true"), ("null", "null", "null"),
     ("{'foo': 'bar'}", "object", '{"foo":"bar"}')],
)  # fmt: skip
def test_items_that_are_no_array_fail_the_map_with_its_events(value: str, name: str, shown: str) -> None:
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    driver = run({"Type": "Map", "Items": f"{{% {value} %}}", "ItemProcessor": processor})
    assert driver.history == [
        (1, 0, "ExecutionStarted"), (2, 0, "MapStateEntered"), (3, 0, "EvaluationFailed"), (4, 3, "MapStateFailed"),
        (5, 4, "ExecutionFailed"),
    ]  # fmt: skip
    assert failure(driver) == {
        "error": "States.QueryEvaluationError",
        "cause": f"An error occurred while executing the state 'S' (entered at the event id #2). The JSONata "
        f"expression '{value}' specified for the field 'Items' returned an unexpected result type. Expected "
        f"'array', but was '{name}' for value: {shown}",
        "location": "Items",
        "state": "S",
    }


def test_a_function_is_no_result() -> None:
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    cause = failure(run({"Type": "Map", "Items": "{% $fn := function($x){$x} %}", "ItemProcessor": processor}))["cause"]
    assert cause.endswith("The JSONata expression '$fn := function($x){$x}' specified for the field 'Items' returned "
                          "an unsupported result type.")  # fmt: skip
    assert evaluate("$join([])") == ""


def test_map_input_that_is_no_array_is_told_without_a_location() -> None:
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    details = failure(run({"Type": "Map", "ItemProcessor": processor}, {"foo": "bar"}))
    assert details["cause"].endswith('Map state input must be an array but was: {"foo":"bar"}')
    assert "location" not in details


@pytest.mark.parametrize(
    ("state", "location", "problem"),
    [
        ({"Type": "Pass", "Output": {"r": "{% $doesNotExist %}"}}, "Output/r", "returned nothing (undefined)."),
        ({**TASK, "Arguments": "{% $states.input.no %}"}, "Arguments", "returned nothing (undefined)."),
        ({"Type": "Pass", "Output": {"r": "{% $randomSeeded(1) %}"}}, "Output/r",
         "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ({"Type": "Pass", "Output": "{% $eval('1') %}"}, "Output",
         "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ({"Type": "Pass", "Output": "{% $uuid(1) %}"}, "Output",
         "threw an error during evaluation. T0410: The arguments of function uuid do not match its signature"),
        ({"Type": "Pass", "Output": "{% $partition([1]) %}"}, "Output",
         "threw an error during evaluation. T0410: The arguments of function partition do not match its signature"),
        ({"Type": "Pass", "Assign": {"v": "{% 1 + 'a' %}"}}, "Assign/v",
         "threw an error during evaluation. T2002: The right side of the + operator must evaluate to a number"),
        ({"Type": "Wait", "Seconds": "{% 'soon' %}"}, "Seconds",
         "returned an unexpected result type. Expected 'number', but was 'string' for value: \"soon\""),
    ],
)  # fmt: skip
def test_a_failed_evaluation_names_its_expression_and_field(state: dict[str, Any], location: str, problem: str) -> None:
    driver = run(state)
    details = failure(driver)
    assert (details["location"], details["error"]) == (location, "States.QueryEvaluationError")
    assert f"specified for the field '{location}' {problem}" in details["cause"]
    assert driver.ended is not None and driver.ended.cause == details["cause"]


@pytest.mark.parametrize("text", ["2016-12-05 21:29:29Z", "2016-12-05T21:29:29", "2016-13-05T21:29:29Z"])
def test_a_timestamp_that_is_none_fails_after_the_wait_was_entered(text: str) -> None:
    driver = run({"Type": "Wait", "Timestamp": "{% $states.input %}"}, text)
    assert driver.history[2:] == [(3, 2, "EvaluationFailed"), (4, 3, "ExecutionFailed")]
    assert failure(driver)["cause"].endswith(
        f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
    )


def test_a_failed_evaluation_can_be_caught() -> None:
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "H"}]
    definition = {
        "QueryLanguage": "JSONata", "StartAt": "S",
        "States": {"S": {**TASK, "Output": "{% $nope %}", "Catch": catch, "End": True},
                   "H": {"Type": "Pass", "Output": "caught", "End": True}},
    }  # fmt: skip
    assert Driver(definition).run().output == "caught"


# ── functions of Step Functions, and what is bounded ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 3)", [0, 3, 6, 9]),
        ("$range(2, 7, 9)", 2),
        ("$hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("$parse('{\"a\": [1]}').a", [1]),
        ("$uuid()", "an-id"),
        ("$random()", 0.5),
        ("$random(7) = $random(7)", True),
        ("$now()", "2023-11-14T22:13:20.000Z"),
        ("$now('[D1].[M1].[Y0001] [H01]:[m01]')", "14.11.2023 22:13"),
        ("$now('[h]:[m01] [P] [Z]', '-0500')", "5:13 pm -05:00"),
        ("$now($nothing, '+0200')", "2023-11-15T00:13:20.000+02:00"),
        ("$now('[Y0001]') & $now('[M01]')", "202311"),
        ("$millis()", 1_700_000_000_000),
        ("$pad('x', -3, '-')", "--x"),
        ("$sum($states.input.a)", 6),
    ],
)
def test_functions(expression: str, expected: Any) -> None:
    assert evaluate(expression, {"a": [1, 2, 3]}) == expected


def test_whole_numbers_beyond_64_bits_are_taken() -> None:
    assert float(evaluate("$states.input.n", {"n": 12345678901234567890})) == 1.2345678901234567e19


@pytest.mark.parametrize(
    "expression",
    ["($f := function($x){$f($x)}; $f(1))", "($f := function($x){1+$f($x)}; $f(1))", "[1..10000000]", "$pad('x', 1e9)"],
)
def test_an_expression_that_would_not_end_fails_its_state(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "LONGEST_EVALUATION_SECONDS", 0.05)
    assert failure(run({"Type": "Pass", "Output": f"{{% {expression} %}}"}))["location"] == "Output"


@pytest.mark.filterwarnings("ignore:The recursion limit will not be reset")  # jsonata-python raises it for good
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="$.[]{}()'\"+-*/&|<>=!?:;,%~^@# abcstaeinput0123\\\n\ud800", max_size=40))
def test_no_text_crashes_the_reader(text: str) -> None:
    expression = loads(json.dumps(f"{{%{text}%}}"))  # as a definition is read
    problems = list(jsonata.problems(expression))
    if not problems:
        run({"Type": "Pass", "Output": expression})


# ── definitions ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"InputPath": "$.x"},
         "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for "
         "the 'JSONPath' QueryLanguage at /States/S"),
        ({"QueryLanguage": "JSONPath"},
         "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine "
         "at /States/S"),
        ({"Output": {"a": ["{% 1 + %}"]}},
         "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/S/Output/a[0]"),
        ({"Output": {"v": "{% phone.mobile %}"}},
         "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at "
         "/States/S/Output/v"),
        ({"Output": "{% ( `a b` = 1 ) %}"},
         "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'a b' at the top level is not supported. at /States/S/Output"),
    ],
)  # fmt: skip
def test_a_definition_is_judged_by_the_rules_of_its_language(change: dict[str, Any], problem: str) -> None:
    document = {"QueryLanguage": "JSONata", **one({"Type": "Pass", **change})}
    assert problem in [str(each) for each in validate.validate(document, lambda *_: [])]


def test_an_expression_is_evaluated_by_every_thread_that_has_the_definition() -> None:
    seen: list[Any] = [evaluate("$states.input.a & $uuid()", {"a": "x"})]
    thread = threading.Thread(target=lambda: seen.append(evaluate("$states.input.a & $uuid()", {"a": "x"})))
    thread.start()
    thread.join()
    assert seen == ["xan-id", "xan-id"]


THREADS = """
import threading
from emulator.services.stepfunctions.asl import jsonata_engines

def compile_and_evaluate():
    seen.append(jsonata_engines.engine()("$a & 'b'", {}).evaluate({"a": "x"}))

seen = []
for _ in range(20):
    thread = threading.Thread(target=compile_and_evaluate)
    thread.start()
    thread.join()
print(seen == ["xb"] * 20)
"""


def test_the_library_outlives_the_thread_that_needed_it_first() -> None:
    """In a process of its own: whoever loads the library decides, and pytest has loaded it."""
    ended = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=STUCK_SECONDS)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (0, "True\n")


@pytest.mark.parametrize(
    "text",
    [
        "$states.input.a",
        "true",
        "null",
        "'a'",
        "$x.(a)",
        "function($a) { $a }(1)",
        "[1, 2]",
        '{"a": 1}',
        "-$x",
        "($y := 1; $y)",
    ],
)  # fmt: skip
def test_what_begins_with_no_name_of_data_is_good(text: str) -> None:
    document = {"QueryLanguage": "JSONata", **one({"Type": "Pass", "Output": f"{{% {text} %}}"})}
    assert validate.validate(document, lambda *_: []) == []


# ── what there is not in a field ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ({**TASK, "Output": "{% $states.result %}", "Assign": {"a": "{% $states . result.b %}"}}, []),
        ({**TASK, "Arguments": "{% $states.result %}"}, ["result at /States/S/Arguments"]),
        ({**TASK, "Output": {"a": "{% $states.errorOutput %}"}}, ["errorOutput at /States/S/Output/a"]),
        ({**TASK, "Output": "{% 'no $states.errorOutput' & /* $states.errorOutput */ 'here' %}"}, []),
        ({**TASK, "TimeoutSeconds": "{% $states.result %}"}, ["result at /States/S/TimeoutSeconds"]),
        ({"Type": "Pass", "Output": "{% $states.result %}"}, ["result at /States/S/Output"]),
        ({"Type": "Pass", "Output": "{% $states.input.result %}"}, []),
        ({"Type": "Wait", "Seconds": "{% $states.result %}"}, ["result at /States/S/Seconds"]),
        ({**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S", "Output": "{% $states.errorOutput %}",
                             "Assign": {"e": "{% $states.errorOutput.Error %}"}}]}, []),
        ({**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S", "Output": "{% $states.result %}"}]},
         ["result at /States/S/Catch[0]/Output"]),
    ],
)  # fmt: skip
def test_a_result_or_error_that_there_is_not_is_refused_when_a_machine_is_created(
    state: dict[str, Any], refused: list[str]
) -> None:
    problems = validate.judge(json.dumps({**one(state), "QueryLanguage": "JSONata"}), lambda resource, parameters: [])
    assert [f"{problem.message} {problem.location}" for problem in problems] == [
        f"Reference to '$states.{text.split()[0]}' is not supported in this field. {text.split()[2]}"
        for text in refused
    ]
    assert {problem.code for problem in problems} <= {"UNSUPPORTED_JSONATA_EXPRESSION"}


@pytest.mark.parametrize("expression", ["1/0", "0/0", "-1/0", "5 % 0", "[1, 1/0]", '{"a": {"b": 1/0}}'])
def test_a_number_out_of_range_is_an_error_and_no_null(expression: str) -> None:
    driver = run({"Type": "Pass", "Output": {"result": f"{{% {expression} %}}"}})
    assert failure(driver)["error"] == "States.QueryEvaluationError"
    assert " threw an error during evaluation. D1001: Number out of range" in failure(driver)["cause"]


def test_nulls_beside_arithmetic_stay_nulls() -> None:
    assert evaluate('{"a": 4/2, "b": null}') == {"a": 2, "b": None}
    assert evaluate("[$states.input.x, 1 - 1]", {"x": None}) == [None, 0]


def test_a_whole_number_that_no_double_can_hold_is_out_of_range() -> None:
    for number in (10**400, -(10**400)):
        with pytest.raises(jsonata_engines.EngineError, match=r"D1001: Number out of range: -?Infinity"):
            jsonata.bindable({"a": [number]})
    with pytest.raises(ValueError, match="beyond the range of a double"):
        loads("9" * 5_000)
    assert loads("9" * 308) == int("9" * 308)
    assert jsonata.bindable(10**308) == 1e308


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a[1,2)", 'INVALID_JSONATA_EXPRESSION: Expected "]", got ","'),
        ('"unterminated', "INVALID_JSONATA_EXPRESSION: String literal must be terminated by a matching quote"),
        ('{"a":}', 'INVALID_JSONATA_EXPRESSION: The symbol "}" cannot be used as a unary operator'),
        ('{"a" 1}', 'INVALID_JSONATA_EXPRESSION: Expected ":", got 1'),
        ("(1;2", 'INVALID_JSONATA_EXPRESSION: Expected ")" before end of expression'),
        ("$a $b", 'INVALID_JSONATA_EXPRESSION: Syntax error: "b"'),
        ('$match("a", /abc', "INVALID_JSONATA_EXPRESSION: No terminating / in regular expression"),
        ("$$.x", "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported."),
        ("$states.result",
         "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$states.result' is not supported in this field."),
    ],
)  # fmt: skip
def test_expressions_that_aws_refuses_to_keep(text: str, problem: str) -> None:
    document = {"QueryLanguage": "JSONata", **one({"Type": "Pass", "Output": f"{{% {text} %}}"})}
    assert [str(each) for each in validate.validate(document, lambda *_: [])] == [f"{problem} at /States/S/Output"]


def test_a_dollar_within_quotes_is_no_reference() -> None:
    machine = {"QueryLanguage": "JSONata", **one({"Type": "Pass", "Output": "{% 'costs $$' %}"})}
    ended = Driver(machine).run().ended
    assert ended is not None
    assert ended.output is not None
    assert ended.output.text == '"costs $$"'
