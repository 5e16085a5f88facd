"""How map runs end when something else decides: a parent that stops, fails or retries, a child that is stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.stepfunctions.map_runs import store as map_runs
from emulator.services.stepfunctions.map_runs import writing
from emulator.testing import RunningEmulator
from tests.wire.stepfunctions_maps import (
    BUCKET,
    ROLE,
    children,
    create,
    distributed,
    get,
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
    described = emulator.client("stepfunctions").describe_execution(executionArn=execution)
    assert (described["status"], "error" in described, "cause" in described) == ("TIMED_OUT", False, False)
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


@pytest.mark.parametrize(("kind", "ending"), [("JSON", "json"), ("JSONL", "jsonl")])
def test_many_results_are_files_of_bounded_size_all_of_them_in_the_manifest(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, kind: str, ending: str
) -> None:
    monkeypatch.setattr(writing, "FILE_BYTES", 1000)
    items = [{"n": number, "text": "x" * 90} for number in range(45)]
    put(emulator, json.dumps(items))
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET},
              "WriterConfig": {"Transformation": "COMPACT", "OutputType": kind}}  # fmt: skip
    ended = run(emulator, distributed(ItemReader=reader("JSON"), ResultWriter=writer))
    key = json.loads(ended["output"])["ResultWriterDetails"]["Key"]
    files = get(emulator, key)["ResultFiles"]["SUCCEEDED"]
    assert [file["Key"] for file in files] == [
        key.replace("manifest.json", f"SUCCEEDED_{number}.{ending}") for number in range(len(files))
    ]
    bodies = [emulator.client("s3").get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read() for file in files]
    assert [len(body) for body in bodies] == [file["Size"] for file in files]
    assert all(1000 <= len(body) < 1200 for body in bodies[:-1])
    assert len(bodies) > 4
    lines = [
        body.splitlines() if kind == "JSONL" else [json.dumps(item) for item in json.loads(body)] for body in bodies
    ]
    assert [json.loads(line) for listed in lines for line in listed] == items


def test_results_written_are_those_of_failed_children_too(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    odd = {"Choose": {"Type": "Choice", "Default": "Good",
                      "Choices": [{"Variable": "$.Items[0]", "NumericEquals": 3, "Next": "Bad"}]},
           "Bad": {"Type": "Fail"}, "Good": {"Type": "Succeed"}}  # fmt: skip
    state = distributed(odd, ItemBatcher={"MaxItemsPerBatch": 2})
    tolerant = run(emulator, {**state, "ToleratedFailureCount": 2}, [1, 2, 3, 4], name="tolerant")
    described = map_run(emulator, tolerant["executionArn"])
    assert (described["itemCounts"]["resultsWritten"], described["executionCounts"]["resultsWritten"]) == (4, 2)
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET}}
    for name, given, written in (("nowhere", {}, 0), ("exported", {"ResultWriter": writer}, 4)):
        described = map_run(emulator, run(emulator, {**state, **given}, [1, 2, 3, 4], name=name)["executionArn"])
        assert (described["status"], described["itemCounts"]["resultsWritten"]) == ("FAILED", written)


def test_failures_for_good_are_counted_before_anybody_redrives(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Choose"},
              "Choose": {"Type": "Choice", "Default": "Bad",
                         "Choices": [{"Variable": "$.Items[0]", "NumericEquals": 1, "Next": "Long"}]},
              "Long": {"Type": "Pass", "Next": "Bad"}, "Bad": {"Type": "Fail"}}  # fmt: skip
    monkeypatch.setattr(map_runs, "MOST_EVENTS_TO_REDRIVE", 9)
    ended = run(emulator, distributed(states, ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailureCount=3),
                [1, 2, 3, 4])  # fmt: skip
    described = map_run(emulator, ended["executionArn"])
    names = ("failed", "failuresNotRedrivable", "pendingRedrive")
    assert [described["executionCounts"][name] for name in names] == [2, 1, 0]
    assert [described["itemCounts"][name] for name in names] == [4, 2, 0]
    emulator.advance(15 * 86400)
    described = map_run(emulator, ended["executionArn"])
    assert [described["executionCounts"][name] for name in names] == [2, 2, 0]
    [child, _] = children(emulator, described["mapRunArn"])
    found = emulator.client("stepfunctions").describe_execution(executionArn=child["executionArn"])
    assert (found["redriveStatus"], found["redriveStatusReason"]) == (
        "NOT_REDRIVABLE", "Execution redrivable period exceeded",
    )  # fmt: skip


def test_a_redrive_exports_into_a_folder_of_its_own(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": None, "End": True,
            "Parameters": {"QueueUrl": f"{emulator.url}/000000000000/late", "MessageBody.$": "$"}}  # fmt: skip
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET, "Prefix": "p"}}
    ended = run(emulator, distributed({"Send": send}, ResultWriter=writer), ["a"])
    run_id = map_run(emulator, ended["executionArn"])["mapRunArn"].rpartition(":")[2]
    emulator.client("sqs").create_queue(QueueName="late")
    sfn = emulator.client("stepfunctions")
    sfn.redrive_execution(executionArn=ended["executionArn"])
    emulator.settle()
    found = json.loads(sfn.describe_execution(executionArn=ended["executionArn"])["output"])
    assert found["ResultWriterDetails"]["Key"] == f"p/{run_id}/Redrive-1/manifest.json"
    listed = emulator.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="p/")["Contents"]
    assert [item["Key"].removeprefix(f"p/{run_id}/") for item in listed] == [
        "FAILED_0.json", "Redrive-1/SUCCEEDED_0.json", "Redrive-1/manifest.json", "manifest.json",
    ]  # fmt: skip


def test_a_machine_deleted_meanwhile_lets_its_map_run_end(emulator: RunningEmulator) -> None:
    arn = create(emulator, distributed(WAIT, MaxConcurrency=1))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,2]")["executionArn"]
    emulator.advance(1)
    sfn.delete_state_machine(stateMachineArn=arn)
    emulator.advance(200)
    assert sfn.describe_execution(executionArn=execution)["output"] == "[1,2]"
