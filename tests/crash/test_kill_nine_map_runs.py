"""`kill -9` on the real server in the middle of a distributed Map: every child's result is there exactly once."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.crash.support import ROLE
from tests.crash.test_kill_nine import client, control, server

CHILDREN = 200
KILLS = 3
QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000/results"
TELL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Parameters": {"QueueUrl": QUEUE, "MessageBody.$": "States.Format('{}', $)"},
    "ResultPath": None,
    "End": True,
}


def machine(kind: str) -> str:
    """Children that a queue and the state's output hear of."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    processor = {"ProcessorConfig": config, "StartAt": "Tell", "States": {"Tell": TELL}}
    each = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 40, "End": True}
    return json.dumps({"StartAt": "Each", "States": {"Each": each}})


def ended_children(sfn: Any, execution: str) -> int:
    """How many children have succeeded so far."""
    runs = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    return sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["executionCounts"]["succeeded"] if runs else 0


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_map_run_that_is_killed_again_and_again_has_every_result_once(tmp_path: Path, kind: str) -> None:
    execution = ""
    for turn in range(KILLS):
        with server(tmp_path) as (process, url):
            sfn = client(url, "stepfunctions")
            if not execution:
                client(url, "sqs").create_queue(QueueName="results")
                arn = sfn.create_state_machine(name="m", definition=machine(kind), roleArn=ROLE)["stateMachineArn"]
                given = json.dumps(list(range(CHILDREN)))
                execution = sfn.start_execution(stateMachineArn=arn, input=given)["executionArn"]
            while ended_children(sfn, execution) < CHILDREN * (turn + 1) // (KILLS + 2):
                pass  # each look is a request: the kill comes somewhere on the way, wherever that is
            process.send_signal(signal.SIGKILL)
    with server(tmp_path) as (process, url):
        control(url, "POST", "clock", {"action": "settle"})
        sfn, sqs = client(url, "stepfunctions"), client(url, "sqs")
        ended = sfn.describe_execution(executionArn=execution)
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
        assert json.loads(ended["output"]) == list(range(CHILDREN))
        run = sfn.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
        counts = sfn.describe_map_run(mapRunArn=run)["executionCounts"]
        assert (counts["total"], counts["succeeded"]) == (CHILDREN, CHILDREN)
        told: list[int] = []
        once = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200}
        while messages := sqs.receive_message(QueueUrl=QUEUE, **once).get("Messages"):
            told += [int(message["Body"]) for message in messages]
        if kind == "STANDARD":
            assert sorted(told) == list(range(CHILDREN))
        else:  # an Express child that was running begins anew: at least once, as on AWS
            assert sorted(set(told)) == list(range(CHILDREN))
        assert control(url, "GET", "queue")["total"] == 0
