"""How map runs end when something else decides: a parent that stops, fails or retries, a child that is stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.stepfunctions_maps import (
    BUCKET,
    ROLE,
    children,
    create,
    distributed,
    history,
    map_run,
    put,
    reader,
    run,
    short,
)

WAIT = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
FAIL = {"Only": {"Type": "Fail", "Error": "No"}}
EXCEEDED = "States.ExceedToleratedFailureThreshold"


def start(emulator: RunningEmulator, definition: dict[str, Any], given: Any) -> str:
    sfn = emulator.client("stepfunctions")
    arn = sfn.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    emulator.advance(1)
    return execution


def test_a_retried_map_is_a_new_map_run(emulator: RunningEmulator) -> None:
    retry = [{"ErrorEquals": [EXCEEDED], "MaxAttempts": 1}]
    ended = run(emulator, distributed(FAIL, Retry=retry), [1])
    assert ended["error"] == EXCEEDED
    types = [event["type"] for event in history(emulator, ended["executionArn"])]
    assert types.count("MapRunStarted") == types.count("MapRunFailed") == 2
    assert types.count("MapStateFailed") == 1
    assert len(emulator.client("stepfunctions").list_map_runs(executionArn=ended["executionArn"])["mapRuns"]) == 2


def test_a_map_run_beside_a_failing_branch_is_aborted(emulator: RunningEmulator) -> None:
    branches = [
        {"StartAt": "Map", "States": {"Map": distributed(WAIT)}},
        {"StartAt": "Soon", "States": {"Soon": {"Type": "Wait", "Seconds": 5, "Next": "Bad"}, "Bad": {"Type": "Fail"}}},
    ]
    state = {"Type": "Parallel", "Branches": branches, "End": True}
    execution = start(emulator, {"StartAt": "Both", "States": {"Both": state}}, [1, 2])
    emulator.settle()
    stopped = map_run(emulator, execution)
    assert (stopped["status"], stopped["executionCounts"]["aborted"]) == ("ABORTED", 2)
    types = [event["type"] for event in history(emulator, execution)]
    assert types[-4:] == ["MapRunAborted", "MapStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_parent_that_times_out_takes_its_map_run_along(emulator: RunningEmulator) -> None:
    definition = {"StartAt": "Map", "TimeoutSeconds": 10, "States": {"Map": distributed(WAIT)}}
    execution = start(emulator, definition, [1])
    emulator.advance(10)
    assert emulator.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "TIMED_OUT"
    assert map_run(emulator, execution)["status"] == "ABORTED"


def test_children_of_children_are_stopped_too(emulator: RunningEmulator) -> None:
    inner = distributed(WAIT)
    execution = start(emulator, {"StartAt": "Map", "States": {"Map": distributed({"Inner": inner})}}, [[1], [2]])
    emulator.client("stepfunctions").stop_execution(executionArn=execution)
    emulator.settle()
    for child in children(emulator, map_run(emulator, execution)["mapRunArn"]):
        assert child["status"] == "ABORTED"
        below = map_run(emulator, child["executionArn"])
        assert (below["status"], below["executionCounts"]["aborted"]) == ("ABORTED", 1)
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_child_that_somebody_stops_has_failed(emulator: RunningEmulator) -> None:
    execution = start(emulator, {"StartAt": "Map", "States": {"Map": distributed(WAIT)}}, [1, 2])
    [child, _] = children(emulator, map_run(emulator, execution)["mapRunArn"])
    sfn = emulator.client("stepfunctions")
    sfn.stop_execution(executionArn=child["executionArn"], error="Mine", cause="why not")
    emulator.settle()
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"]) == ("FAILED", EXCEEDED)
    with pytest.raises(ClientError, match="cannot be redriven"):
        sfn.redrive_execution(executionArn=child["executionArn"])


def test_tolerance_can_be_raised_while_it_runs(emulator: RunningEmulator) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 60, "Next": "Bad"}, "Bad": {"Type": "Fail"}}
    execution = start(emulator, {"StartAt": "Map", "States": {"Map": distributed(states)}}, [1, 2])
    sfn = emulator.client("stepfunctions")
    sfn.update_map_run(mapRunArn=map_run(emulator, execution)["mapRunArn"], toleratedFailurePercentage=100.0)
    emulator.advance(60)
    assert sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="MissingRequiredParameter"):
        sfn.update_map_run(mapRunArn=map_run(emulator, execution)["mapRunArn"])


def test_an_unreadable_second_half_stops_what_runs(emulator: RunningEmulator) -> None:
    put(emulator, "\n".join([*("1" for _ in range(1000)), "oops"]))
    state = distributed(WAIT, ItemReader=reader("JSONL"))
    execution = start(emulator, {"StartAt": "Map", "States": {"Map": state}}, {})
    emulator.settle()
    described = map_run(emulator, execution)
    assert (described["status"], described["executionCounts"]["aborted"]) == ("FAILED", 1000)
    assert short(history(emulator, execution))[3:6] == [
        (4, 3, "MapRunStarted"), (5, 4, "MapRunFailed"), (6, 5, "MapStateFailed"),
    ]  # fmt: skip


def test_lists_of_children_have_pages_and_filters(emulator: RunningEmulator) -> None:
    odd = {
        "Choose": {"Type": "Choice", "Default": "Good",
                   "Choices": [{"Variable": "$", "NumericGreaterThan": 3, "Next": "Bad"}]},
        "Bad": {"Type": "Fail"},
        "Good": {"Type": "Succeed"},
    }  # fmt: skip
    ended = run(emulator, distributed(odd, ToleratedFailureCount=9), [1, 2, 3, 4, 5])
    arn = map_run(emulator, ended["executionArn"])["mapRunArn"]
    sfn = emulator.client("stepfunctions")
    assert len(children(emulator, arn, statusFilter="FAILED")) == 2
    pages = [sfn.list_executions(mapRunArn=arn, maxResults=2)]
    while "nextToken" in pages[-1]:
        pages.append(sfn.list_executions(mapRunArn=arn, maxResults=2, nextToken=pages[-1]["nextToken"]))
    assert [len(page["executions"]) for page in pages] == [2, 2, 1]
    assert len({child["executionArn"] for page in pages for child in page["executions"]}) == 5
    with pytest.raises(ClientError, match="ValidationException"):
        sfn.list_executions(mapRunArn=arn, stateMachineArn=ended["stateMachineArn"])


def test_logs_tell_of_parent_and_children(emulator: RunningEmulator) -> None:
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName="/sfn")
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/sfn:*"}}
    sfn = emulator.client("stepfunctions")
    arn = sfn.create_state_machine(
        name="m", roleArn=ROLE, definition=json.dumps({"StartAt": "Map", "States": {"Map": distributed(FAIL)}}),
        loggingConfiguration={"level": "ALL", "includeExecutionData": True, "destinations": [destination]},
    )["stateMachineArn"]  # fmt: skip
    sfn.start_execution(stateMachineArn=arn, input="[1]")
    emulator.settle()
    events = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName="/sfn")["events"]]
    types = [event["type"] for event in events]
    assert types.count("ExecutionStarted") == 2
    assert {"MapRunStarted", "MapRunFailed", "FailStateEntered"} <= set(types)


def test_results_of_many_children_are_one_file_written_in_parts(emulator: RunningEmulator) -> None:
    put(emulator, "\n".join(json.dumps("x" * 60_000) for _ in range(50)))
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET}}
    ended = run(emulator, distributed(ItemReader=reader("JSONL"), ResultWriter=writer))
    key = json.loads(ended["output"])["ResultWriterDetails"]["Key"]
    s3 = emulator.client("s3")
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    [file] = manifest["ResultFiles"]["SUCCEEDED"]
    body = s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read()
    assert (len(body), len(json.loads(body))) == (file["Size"], 50)
    assert len(body) > 5 * 1024 * 1024


def test_a_machine_deleted_meanwhile_lets_its_map_run_end(emulator: RunningEmulator) -> None:
    arn = create(emulator, distributed(WAIT, MaxConcurrency=1))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,2]")["executionArn"]
    emulator.advance(1)
    sfn.delete_state_machine(stateMachineArn=arn)
    emulator.advance(200)
    assert sfn.describe_execution(executionArn=execution)["output"] == "[1,2]"
