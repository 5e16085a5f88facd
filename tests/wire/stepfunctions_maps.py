"""What the tests of distributed Maps share: a machine of one Map, its run, what S3 holds, and histories in short."""

from __future__ import annotations

import json
from typing import Any

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
ARN = "arn:aws:states:us-east-1:000000000000"
BUCKET = "items"
PASS = {"Only": {"Type": "Pass", "End": True}}


def distributed(states: dict[str, Any] = PASS, kind: str = "STANDARD", **more: Any) -> dict[str, Any]:
    """A Map in mode DISTRIBUTED; what it does by default is to hand its items on."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    processor = {"ProcessorConfig": config, "StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **more}


def reader(kind: str, key: str = "file", **config: Any) -> dict[str, Any]:
    """An ItemReader of an object."""
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": BUCKET, "Key": key},
        "ReaderConfig": {"InputType": kind, **config},
    }


def put(emulator: RunningEmulator, body: str | bytes, key: str = "file", bucket: str = BUCKET) -> None:
    """An object in a bucket, which is made."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=body)


def get(emulator: RunningEmulator, key: str, bucket: str = BUCKET) -> Any:
    """What an object in JSON holds."""
    return json.loads(emulator.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def create(emulator: RunningEmulator, state: dict[str, Any], name: str = "m", **machine: Any) -> str:
    """A machine of one state, called Map."""
    definition = json.dumps({"StartAt": "Map", "States": {"Map": state}, **machine})
    answer = emulator.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return answer["stateMachineArn"]


def run(emulator: RunningEmulator, state: dict[str, Any], given: Any = None, **machine: Any) -> dict[str, Any]:
    """How an execution of such a machine ended."""
    arn = create(emulator, state, **machine)
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input=json.dumps({} if given is None else given))
    emulator.settle()
    return sfn.describe_execution(executionArn=execution["executionArn"])


def output(emulator: RunningEmulator, state: dict[str, Any], given: Any = None, **machine: Any) -> Any:
    """What it put out, having succeeded."""
    ended = run(emulator, state, given, **machine)
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    return json.loads(ended["output"])


def failure(emulator: RunningEmulator, state: dict[str, Any], given: Any = None, **machine: Any) -> tuple[str, str]:
    """(error, cause) of its failure."""
    ended = run(emulator, state, given, **machine)
    assert ended["status"] == "FAILED"
    return ended["error"], ended["cause"]


def history(emulator: RunningEmulator, execution: str) -> list[dict[str, Any]]:
    """All events."""
    client = emulator.client("stepfunctions")
    return client.get_execution_history(executionArn=execution, maxResults=1000)["events"]


def short(events: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """(id, previous id, type) of events."""
    return [(event["id"], event["previousEventId"], event["type"]) for event in events]


def map_run(emulator: RunningEmulator, execution: str) -> dict[str, Any]:
    """The one map run of an execution, described."""
    sfn = emulator.client("stepfunctions")
    [listed] = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    return sfn.describe_map_run(mapRunArn=listed["mapRunArn"])


def children(emulator: RunningEmulator, map_run_arn: str, **more: Any) -> list[dict[str, Any]]:
    """The children of a map run, oldest first."""
    return emulator.client("stepfunctions").list_executions(mapRunArn=map_run_arn, **more)["executions"][::-1]
