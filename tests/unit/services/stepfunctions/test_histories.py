"""Histories as data: for each flow the events that AWS writes, with their ids, links and what they say.

The flows are restated from AWS's recordings (reference 5.6, 5.15); a line is `id <previous type what`. Parallel and Map
write ParallelStateSucceeded and MapStateSucceeded, to which nothing links.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.services.stepfunctions.asl.messages import Event
from tests.unit.services.stepfunctions.asl_run import FUNCTION, Driver, Failure, Never

INVOKE = "arn:aws:states:::lambda:invoke"
SHOWN = ("name", "error", "cause", "output", "input", "parameters", "length", "index", "location", "assignedVariables")


@dataclass
class Flow:
    """A definition, its input, what its tasks answer in turn, and the history."""

    name: str
    states: dict[str, Any]
    history: str
    input: str = "{}"
    answers: list[Any] = field(default_factory=list)
    language: str = "JSONPath"


def line(event: Event) -> str:
    shown = [str(event.details[name]) for name in SHOWN if name in event.details]
    return " ".join([f"{event.id} <{event.previous_id} {event.type}", *shown]).strip()


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f"}, "End": True, **more}


END = {"Type": "Pass", "End": True}
FLOWS = [
    Flow(
        "a chain of states links each event to the one before it, but the first state to nothing",
        {"A": {"Type": "Pass", "Result": 1, "Next": "B"}, "B": {"Type": "Succeed"}},
        """
        1 <0 ExecutionStarted {}
        2 <0 PassStateEntered A {}
        3 <2 PassStateExited A 1
        4 <3 SucceedStateEntered B 1
        5 <4 SucceedStateExited B 1
        6 <5 ExecutionSucceeded 1
        """,
    ),
    Flow(
        "a Fail state ends the execution without leaving",
        {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}},
        """
        1 <0 ExecutionStarted {}
        2 <0 FailStateEntered F {}
        3 <2 ExecutionFailed E c
        """,
    ),
    Flow(
        "a Fail state may say nothing",
        {"F": {"Type": "Fail"}},
        """
        1 <0 ExecutionStarted {}
        2 <0 FailStateEntered F {}
        3 <2 ExecutionFailed
        """,
    ),
    Flow(
        "an error of the data names the state and the event of its entry",
        {"A": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "SecondsPath": "$.no", "End": True}},
        """
        1 <0 ExecutionStarted {}
        2 <0 PassStateEntered A {}
        3 <2 PassStateExited A {}
        4 <3 WaitStateEntered W {}
        5 <4 ExecutionFailed States.Runtime An error occurred while executing the state 'W' (entered at the event \
id #4). The SecondsPath parameter does not reference an input value: $.no
        """,
    ),
    Flow(
        "an integration is scheduled, started and succeeds",
        {"T": task()},
        """
        1 <0 ExecutionStarted {}
        2 <0 TaskStateEntered T {}
        3 <2 TaskScheduled {"FunctionName":"f"}
        4 <3 TaskStarted
        5 <4 TaskSucceeded {"n":1}
        6 <5 TaskStateExited T {"n":1}
        7 <6 ExecutionSucceeded {"n":1}
        """,
        answers=[{"n": 1}],
    ),
    Flow(
        "a function named by its ARN has events of its own",
        {"T": {"Type": "Task", "Resource": FUNCTION, "End": True}},
        """
        1 <0 ExecutionStarted {"a":1}
        2 <0 TaskStateEntered T {"a":1}
        3 <2 LambdaFunctionScheduled {"a":1}
        4 <3 LambdaFunctionStarted
        5 <4 LambdaFunctionFailed Boom {}
        6 <5 ExecutionFailed Boom {}
        """,
        input='{"a":1}',
        answers=[Failure("Boom", "{}")],
    ),
    Flow(
        "a failure that is caught leaves the state",
        {"T": task(Catch=[{"ErrorEquals": ["Boom"], "Next": "C"}]), "C": END},
        """
        1 <0 ExecutionStarted {}
        2 <0 TaskStateEntered T {}
        3 <2 TaskScheduled {"FunctionName":"f"}
        4 <3 TaskStarted
        5 <4 TaskFailed Boom c
        6 <5 TaskStateExited T {"Error":"Boom","Cause":"c"}
        7 <6 PassStateEntered C {"Error":"Boom","Cause":"c"}
        8 <7 PassStateExited C {"Error":"Boom","Cause":"c"}
        9 <8 ExecutionSucceeded {"Error":"Boom","Cause":"c"}
        """,
        answers=[Failure("Boom", "c")],
    ),
    Flow(
        "a retry schedules the task again after the failure",
        {"T": task(Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}])},
        """
        1 <0 ExecutionStarted {}
        2 <0 TaskStateEntered T {}
        3 <2 TaskScheduled {"FunctionName":"f"}
        4 <3 TaskStarted
        5 <4 TaskFailed Boom c
        6 <5 TaskScheduled {"FunctionName":"f"}
        7 <6 TaskStarted
        8 <7 TaskFailed Boom c
        9 <8 ExecutionFailed Boom c
        """,
        answers=[Failure("Boom", "c"), Failure("Boom", "c")],
    ),
    Flow(
        "a task that is too slow times out, and the execution fails with its error",
        {"T": task(TimeoutSeconds=5)},
        """
        1 <0 ExecutionStarted {}
        2 <0 TaskStateEntered T {}
        3 <2 TaskScheduled {"FunctionName":"f"}
        4 <3 TaskStarted
        5 <4 TaskTimedOut States.Timeout
        6 <5 ExecutionFailed States.Timeout
        """,
        answers=[Never],
    ),
    Flow(
        "a Map with one item at a time links an iteration to the last event of the one before",
        {"M": {"Type": "Map", "MaxConcurrency": 1, "End": True,
               "ItemProcessor": {"StartAt": "P", "States": {"P": END}}}},
        """
        1 <0 ExecutionStarted [7,8]
        2 <0 MapStateEntered M [7,8]
        3 <2 MapStateStarted 2
        4 <3 MapIterationStarted M 0
        5 <4 PassStateEntered P 7
        6 <5 PassStateExited P 7
        7 <6 MapIterationSucceeded M 0
        8 <6 MapIterationStarted M 1
        9 <8 PassStateEntered P 8
        10 <9 PassStateExited P 8
        11 <10 MapIterationSucceeded M 1
        12 <11 MapStateSucceeded
        13 <11 MapStateExited M [7,8]
        14 <13 ExecutionSucceeded [7,8]
        """,
        input="[7,8]",
    ),
    Flow(
        "a Map fails with its first iteration that fails, and may be caught",
        {"M": {"Type": "Map", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "End": True,
               "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}},
         "C": {"Type": "Succeed"}},
        """
        1 <0 ExecutionStarted [7]
        2 <0 MapStateEntered M [7]
        3 <2 MapStateStarted 1
        4 <3 MapIterationStarted M 0
        5 <4 FailStateEntered F 7
        6 <5 MapIterationFailed M 0
        7 <5 MapStateFailed
        8 <7 MapStateExited M {"Error":"E","Cause":null}
        9 <8 SucceedStateEntered C {"Error":"E","Cause":null}
        10 <9 SucceedStateExited C {"Error":"E","Cause":null}
        11 <10 ExecutionSucceeded {"Error":"E","Cause":null}
        """,
        input="[7]",
    ),
    Flow(
        "a branch that fails aborts what waits beside it",
        {"B": {"Type": "Parallel", "End": True, "Branches": [
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": True}}},
            {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}]}},
        """
        1 <0 ExecutionStarted {}
        2 <0 ParallelStateEntered B {}
        3 <2 ParallelStateStarted
        4 <3 WaitStateEntered W {}
        5 <3 FailStateEntered F {}
        6 <4 WaitStateAborted
        7 <5 ParallelStateFailed
        8 <7 ExecutionFailed E
        """,
    ),
    Flow(
        "variables that were assigned are told when the state is left",
        {"A": {"Type": "Pass", "Assign": {"x": {"y": 1}}, "Next": "B"},
         "B": {"Type": "Pass", "Parameters": {"got.$": "$x.y"}, "End": True}},
        """
        1 <0 ExecutionStarted {}
        2 <0 PassStateEntered A {}
        3 <2 PassStateExited A {} {'x': '{"y":1}'}
        4 <3 PassStateEntered B {}
        5 <4 PassStateExited B {"got":1}
        6 <5 ExecutionSucceeded {"got":1}
        """,
    ),
    Flow(
        "an expression that fails on the way in links to what came before the state",
        {"A": {"Type": "Pass", "Next": "T"},
         "T": {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": "{% $none %}"}, "End": True}},
        """
        1 <0 ExecutionStarted {}
        2 <0 PassStateEntered A {}
        3 <2 PassStateExited A {}
        4 <3 TaskStateEntered T {}
        5 <3 EvaluationFailed States.QueryEvaluationError An error occurred while executing the state 'T' (entered at \
the event id #4). The JSONata expression '$none' specified for the field 'Arguments/FunctionName' returned nothing \
(undefined). Arguments/FunctionName
        6 <5 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'T' (entered at \
the event id #4). The JSONata expression '$none' specified for the field 'Arguments/FunctionName' returned nothing \
(undefined).
        """,
        language="JSONata",
    ),
    Flow(
        "a state machine that takes too long is timed out by an event that links to nothing",
        {"W": {"Type": "Wait", "Seconds": 100, "End": True}},
        """
        1 <0 ExecutionStarted {}
        2 <0 WaitStateEntered W {}
        3 <0 ExecutionTimedOut States.Timeout
        """,
    ),
]  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS, ids=[flow.name for flow in FLOWS])
def test_a_flow_has_the_history_that_aws_writes(flow: Flow) -> None:
    definition: dict[str, Any] = {"QueryLanguage": flow.language, "StartAt": next(iter(flow.states))}
    definition["States"] = flow.states
    if "takes too long" in flow.name:
        definition["TimeoutSeconds"] = 50
    answers = iter(flow.answers)
    driver = Driver(definition, flow.input, lambda parameters: next(answers)).run()
    assert [line(event) for event in driver.events] == [each.strip() for each in flow.history.strip().split("\n")]
    assert driver.ended is not None
