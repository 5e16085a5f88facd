"""The interpreter against histories that AWS recorded, restated here as tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.messages import Start, Stop, TaskSucceeded, TimerFired

from .asl_run import FUNCTION, Driver, Failure, Never, one, run_state

TASK = {"Type": "Task", "Resource": FUNCTION}
RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2.0}


def test_the_first_state_links_to_event_zero() -> None:
    driver = run_state({"Type": "Pass", "Result": {"x.$": "$.no"}})
    assert driver.history == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert driver.output == {"x.$": "$.no"}


def test_untouched_input_keeps_its_spacing() -> None:
    driver = Driver(one({"Type": "Parallel", "Branches": [one({"Type": "Pass"}) | {"StartAt": "B"}]}), "[1, 2]")
    driver.definition["States"]["S"]["Branches"][0]["States"] = {"B": {"Type": "Pass", "End": True}}
    assert driver.run().ended is not None
    assert driver.ended is not None and driver.ended.output is not None
    assert driver.ended.output.text == "[[1, 2]]"


def test_a_fail_state_without_error_and_cause_has_empty_details() -> None:
    driver = Driver({"StartAt": "F", "States": {"F": {"Type": "Fail"}}}).run()
    assert driver.history[-2:] == [(2, 0, "FailStateEntered"), (3, 2, "ExecutionFailed")]
    assert driver.events[-1].details == {}


def test_a_lambda_task_is_scheduled_started_and_succeeds() -> None:
    driver = run_state({**TASK, "TimeoutSeconds": 5}, {"a": 1}, lambda _: {"b": 2})
    assert driver.history[2:] == [
        (3, 2, "LambdaFunctionScheduled"),
        (4, 3, "LambdaFunctionStarted"),
        (5, 4, "LambdaFunctionSucceeded"),
        (6, 5, "TaskStateExited"),
        (7, 6, "ExecutionSucceeded"),
    ]
    assert driver.events[2].details == {
        "resource": FUNCTION,
        "input": '{"a": 1}',
        "inputDetails": {"truncated": False},
        "timeoutInSeconds": 5,
    }
    assert driver.timers == []


def test_an_integration_task_names_its_resource_in_every_event() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sesv2:sendEmail", "Parameters": {"A": 1}}
    driver = run_state(state, None, lambda _: {"MessageId": "m"})
    named = {"resourceType": "aws-sdk:sesv2", "resource": "sendEmail"}
    assert [event.type for event in driver.events[2:5]] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
    assert driver.events[2].details == {**named, "region": "us-east-1", "parameters": '{"A":1}'}
    assert driver.events[3].details == named
    assert driver.events[4].details == {
        **named,
        "output": '{"MessageId":"m"}',
        "outputDetails": {"truncated": False},
    }


def test_a_retried_task_is_scheduled_again_and_no_event_marks_the_wait() -> None:
    """[R:test_retry_interval_features]"""
    seen: list[Any] = []

    def answer(parameters: Any) -> Any:
        seen.append(parameters["n"])
        return Failure("Exception", "why")

    state = {**TASK, "Parameters": {"n.$": "$$.State.RetryCount"}, "Retry": [RETRY]}
    driver = run_state(state, None, answer)
    triple = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"]
    assert [kind for _, _, kind in driver.history[2:]] == [*triple, *triple, *triple, "ExecutionFailed"]
    assert [previous for _, previous, _ in driver.history[2:]] == list(range(2, 12))
    assert driver.times[-1] == 3
    assert seen == [0, 1, 2]


def test_each_retrier_counts_its_own_attempts() -> None:
    errors = iter([Failure("A"), Failure("B"), Failure("A")])
    retriers = [{"ErrorEquals": [name], "MaxAttempts": 1, "IntervalSeconds": 1} for name in ("A", "B")]
    driver = run_state({**TASK, "Retry": retriers}, None, lambda _: next(errors))
    assert driver.ended is not None
    assert (driver.ended.error, driver.times[-1]) == ("A", 2)


def test_catch_runs_after_the_retries_and_places_the_error() -> None:
    catch = [{"ErrorEquals": ["Exception"], "Next": "H", "ResultPath": "$.e"}]
    states = {"S": {**TASK, "Next": "H", "Retry": [RETRY], "Catch": catch}, "H": {"Type": "Pass", "End": True}}
    driver = Driver({"StartAt": "S", "States": states}, '{"k":1}', lambda _: Failure("Exception", '{"a": 1}')).run()
    assert driver.output == {"k": 1, "e": {"Error": "Exception", "Cause": '{"a": 1}'}}
    assert [kind for _, _, kind in driver.history[-5:]] == [
        "LambdaFunctionFailed",
        "TaskStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]


def test_states_runtime_is_never_caught() -> None:
    """[R:test_catch_states_runtime]"""
    catch = [{"ErrorEquals": ["States.Runtime"], "Next": "H"}]
    states = {
        "S": {**TASK, "OutputPath": "$.no.such.result.path", "Next": "H", "Catch": catch},
        "H": {"Type": "Pass", "End": True},
    }
    driver = Driver({"StartAt": "S", "States": states}).run()
    assert driver.history[-2:] == [(5, 4, "LambdaFunctionSucceeded"), (6, 5, "ExecutionFailed")]
    assert driver.events[-1].details == {
        "error": "States.Runtime",
        "cause": "An error occurred while executing the state 'S' (entered at the event id #2). Invalid path "
        "'$.no.such.result.path' : Missing property in path $['no']",
    }


def test_a_task_timeout_has_no_cause_but_its_catch_output_has_an_empty_one() -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "H"}]
    states = {"S": {**TASK, "TimeoutSeconds": 5, "Next": "H", "Catch": catch}, "H": {"Type": "Pass", "End": True}}
    driver = Driver({"StartAt": "S", "States": states}, answer=lambda _: Never).run()
    assert driver.events[4].type == "LambdaFunctionTimedOut"
    assert driver.events[4].details == {"error": "States.Timeout"}
    assert driver.output == {"Error": "States.Timeout", "Cause": ""}
    assert driver.times[-1] == 5


def test_a_late_answer_changes_nothing() -> None:
    driver = Driver(one({**TASK, "TimeoutSeconds": 5, "Retry": [RETRY]}), answer=lambda _: Never)
    driver.send(Start())
    token = driver.timers[0].token
    driver.send(TimerFired(token))
    before = len(driver.events)
    driver.send(TaskSucceeded(token, Data({})))
    driver.send(TimerFired(token))
    assert len(driver.events) == before


def test_a_machine_timeout_ends_everything() -> None:
    definition = one({"Type": "Wait", "Seconds": 100}) | {"TimeoutSeconds": 10}
    driver = Driver(definition).run()
    assert driver.ended is not None
    assert (driver.ended.status, driver.events[-1].type) == ("TIMED_OUT", "ExecutionTimedOut")
    assert driver.events[-1].details == {"error": "States.Timeout"}
    assert driver.timers == []


@pytest.mark.parametrize(
    ("wait", "value", "cause"),
    [
        ("SecondsPath", -1, "The SecondsPath parameter references a negative value: $.v == -1"),
        ("SecondsPath", 1.5, "The SecondsPath parameter cannot be parsed as a long value: $.v == 1.5"),
        (
            "TimestampPath",
            "2016-12-05 21:29:29Z",
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            "$.v == 2016-12-05 21:29:29Z",
        ),
    ],
)
def test_a_bad_wait_is_told_as_aws_does(wait: str, value: Any, cause: str) -> None:
    driver = run_state({"Type": "Wait", wait: "$.v"}, {"v": value})
    assert driver.events[-1].details["cause"].endswith(f"(entered at the event id #2). {cause}")


def test_a_missing_path_in_parameters_names_field_and_input() -> None:
    driver = run_state({"Type": "Pass", "Parameters": {"value.$": "$.no_such_jsonpath"}}, {"a": 1})
    assert (
        driver.events[-1]
        .details["cause"]
        .endswith(
            "The JSONPath '$.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '"
            '{"a": 1}\''
        )
    )


def branch(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {**({} if state["Type"] == "Fail" else {"End": True}), **state}}}


def test_parallel_exits_with_the_event_before_its_success() -> None:
    """[R:test_parallel_state]"""
    driver = run_state({"Type": "Parallel", "Branches": [branch("A", {"Type": "Pass"}), branch("B", {"Type": "Pass"})]})
    assert driver.history[2:] == [
        (3, 2, "ParallelStateStarted"),
        (4, 3, "PassStateEntered"),
        (5, 4, "PassStateExited"),
        (6, 3, "PassStateEntered"),
        (7, 6, "PassStateExited"),
        (8, 7, "ParallelStateSucceeded"),
        (9, 7, "ParallelStateExited"),
        (10, 9, "ExecutionSucceeded"),
    ]
    assert driver.output == [{}, {}]


def test_a_failing_branch_aborts_its_siblings_and_fails_the_state() -> None:
    branches = [branch("T", {**TASK}), branch("F", {"Type": "Fail", "Error": "FailureType"})]
    driver = run_state({"Type": "Parallel", "Branches": branches}, None, lambda _: Never)
    kinds = [kind for _, _, kind in driver.history]
    assert "TaskStateAborted" in kinds
    assert kinds[-2:] == ["ParallelStateFailed", "ExecutionFailed"]
    assert driver.events[-1].details == {"error": "FailureType"}


def test_a_retried_parallel_starts_again_without_failing_in_between() -> None:
    """[R:test_parallel_state_retry]"""
    branches = [branch("F", {"Type": "Fail", "Error": "E", "Cause": "C"})]
    driver = run_state({"Type": "Parallel", "Branches": branches, "Retry": [RETRY]})
    assert driver.history[2:] == [
        (3, 2, "ParallelStateStarted"),
        (4, 3, "FailStateEntered"),
        (5, 4, "ParallelStateStarted"),
        (6, 5, "FailStateEntered"),
        (7, 6, "ParallelStateStarted"),
        (8, 7, "FailStateEntered"),
        (9, 8, "ParallelStateFailed"),
        (10, 9, "ExecutionFailed"),
    ]


def test_a_map_with_one_at_a_time_links_each_iteration_to_the_last_state_event() -> None:
    """[R:test_map_state_config_inline_parameters]"""
    state = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": branch("P", {"Type": "Pass"})}
    driver = run_state(state, ["Hello", "World"])
    assert driver.history[2:] == [
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]
    assert driver.output == ["Hello", "World"]


def test_a_failing_iteration_and_its_map_link_to_the_failing_state() -> None:
    """[R:test_map_state_catch_empty_fail]"""
    driver = run_state({"Type": "Map", "ItemProcessor": branch("F", {"Type": "Fail"})}, [1])
    assert driver.history[2:] == [
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "FailStateEntered"),
        (6, 5, "MapIterationFailed"),
        (7, 5, "MapStateFailed"),
        (8, 7, "ExecutionFailed"),
    ]


def test_an_item_selector_sees_item_index_and_input() -> None:
    state = {
        "Type": "Map",
        "ItemsPath": "$.l",
        "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "k.$": "$.k"},
        "ItemProcessor": branch("T", {**TASK}),
    }
    driver = run_state(state, {"l": ["a", "b"], "k": 7})
    assert driver.output == [{"v": "a", "i": 0, "k": 7}, {"v": "b", "i": 1, "k": 7}]
    assert driver.rows.keys() <= {"x", "0"}


@pytest.mark.parametrize("wanted", [0, 41, 1000])
def test_no_more_than_forty_iterations_run_at_once(wanted: int) -> None:
    state = {"Type": "Map", "ItemProcessor": branch("T", {**TASK}), "MaxConcurrency": wanted}
    driver = run_state(state, list(range(50)), lambda _: Never)
    assert sum(event.type == "MapIterationStarted" for event in driver.events) == 40


def test_a_map_over_nothing_is_an_empty_array_and_over_an_object_an_error() -> None:
    state = {"Type": "Map", "ItemProcessor": branch("P", {"Type": "Pass"})}
    assert run_state(state, []).output == []
    driver = run_state(state, {})
    assert driver.events[-1].details["cause"].endswith('Reference path "$" must point to array.')


def test_the_items_of_a_map_that_have_not_begun_are_kept_together() -> None:
    state = {"Type": "Map", "ItemProcessor": branch("T", {"Type": "Task", "Resource": FUNCTION})}
    rows: list[int] = []

    def count(parameters: Any) -> Any:
        rows.append(sum(key.startswith("i") for key in driver.rows))
        return parameters + 1

    definition = {"StartAt": "M", "States": {"M": {**state, "End": True}}}
    driver = Driver(definition, json.dumps(list(range(500))), answer=count)
    assert driver.run().output == list(range(1, 501))
    assert max(rows) <= 8
    assert not driver.rows or not any(key.startswith(("i", "r")) for key in driver.rows)


def test_a_map_in_a_loop_sees_the_items_of_its_turn() -> None:
    states = {
        "M": {"Type": "Map", "ItemsPath": "$.list", "ResultPath": "$.list", "Next": "More",
              "ItemProcessor": branch("P", {"Type": "Pass", "Parameters": {"v.$": "$"}})},
        "More": {"Type": "Choice", "Default": "Again",
                 "Choices": [{"Variable": "$.list[0].v.v", "IsPresent": True, "Next": "Done"}]},
        "Again": {"Type": "Pass", "Next": "M"},
        "Done": {"Type": "Succeed"},
    }  # fmt: skip
    output = Driver({"StartAt": "M", "States": states}, '{"list":[1,2]}').run().output
    assert output == {"list": [{"v": {"v": 1}}, {"v": {"v": 2}}]}


def test_variables_are_assigned_together_and_seen_by_inner_branches_only() -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 42, "y.$": "$.v"}, "Next": "P"},
        "P": {
            "Type": "Parallel",
            "Branches": [branch("B", {"Type": "Pass", "Assign": {"z": 1}, "Parameters": {"x.$": "$x"}})],
            "Next": "C",
        },
        "C": {"Type": "Pass", "Parameters": {"y.$": "$y", "z.$": "$z"}, "End": True},
    }
    driver = Driver({"StartAt": "A", "States": states}, '{"v":"w"}').run()
    exited = next(event for event in driver.events if event.type == "PassStateExited")
    assert exited.details["assignedVariables"] == {"x": "42", "y": '"w"'}
    assert driver.ended is not None
    assert driver.ended.error == "States.Runtime"
    assert "'$z' specified for the field 'z.$'" in str(driver.ended.cause)


def test_the_context_object_shows_execution_machine_and_state() -> None:
    driver = run_state({"Type": "Pass", "Parameters": {"c.$": "$$"}}, {"m": 1})
    context = driver.output["c"]
    assert list(context["Execution"]) == ["Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount"]
    assert context["StateMachine"]["Name"] == "m"
    assert context["State"] == {"Name": "S", "EnteredTime": "2023-11-14T22:13:20.000Z"}


def test_a_result_over_the_limit_fails_with_the_name_of_the_resource() -> None:
    driver = run_state({**TASK}, None, lambda _: "x" * 262_143)
    assert driver.events[-1].details == {
        "error": "States.DataLimitExceeded",
        "cause": f"The state/task '{FUNCTION}' returned a result with a size exceeding the maximum number of bytes "
        "service limit.",
    }


def test_an_endless_loop_ends_at_the_event_limit() -> None:
    states = {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "E"}], "Default": "A"},
        "E": {"Type": "Succeed"},
    }
    driver = Driver({"StartAt": "A", "States": states}).run()
    assert len(driver.events) == 25_000
    assert driver.ended is not None
    assert driver.ended.cause == "The execution reached the maximum number of history events (25000)."


def test_stop_aborts_quietly_and_drops_every_wait() -> None:
    driver = Driver(one({"Type": "Wait", "Seconds": 9}))
    driver.send(Start())
    driver.send(Stop(None, None))
    assert driver.history[-1] == (3, 0, "ExecutionAborted")
    assert driver.timers == []


def test_result_selector_and_result_path_shape_the_output() -> None:
    state = {**TASK, "InputPath": "$.in", "ResultSelector": {"n.$": "$.deep.n"}, "ResultPath": "$.out"}
    driver = run_state(state, {"in": {}, "keep": 1}, lambda _: {"deep": {"n": 3}})
    assert driver.output == {"in": {}, "keep": 1, "out": {"n": 3}}
    assert json.loads(driver.events[2].details["input"]) == {}


def test_a_branch_that_is_stopped_leaves_no_timer_behind() -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    limited = {"Type": "Task", "Resource": resource, "TimeoutSeconds": 90, "HeartbeatSeconds": 30}
    branches = [branch("T", limited), branch("W", {"Type": "Wait", "Seconds": 60}), branch("F", {"Type": "Fail"})]
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Later"}
    states = {
        "P": {"Type": "Parallel", "Branches": branches, "Catch": [caught], "End": True},
        "Later": {"Type": "Wait", "Seconds": 5, "End": True},
    }
    driver = Driver({"StartAt": "P", "States": states}, answer=lambda _: Never)
    driver.send(Start())
    assert [timer.due_at - driver.now for timer in driver.timers] == [5]
