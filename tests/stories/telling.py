"""The vocabulary of the stories: a function, a machine, an event in a line. All else is the plugin's and boto3's."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from emulator.testing.aws import Aws
from emulator.testing.servers import LocalServer


def role(aws: Aws) -> str:
    """Whatever needs a role gets this one."""
    return f"arn:aws:iam::{aws.account}:role/story"


def package(source: str, name: str = "app.py") -> bytes:
    """A deployment package of one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, textwrap.dedent(source))
    return archive.getvalue()


def function(aws: Aws, name: str, source: str, variables: dict[str, str] | None = None, **settings: Any) -> str:
    """A Python function, whose `handler` is in the source; its ARN."""
    made = aws.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role(aws),
        Handler="app.handler",
        Code={"ZipFile": package(source)},
        Environment={"Variables": variables or {}},
        **{"Timeout": 60, **settings},
    )
    return made["FunctionArn"]


def invoke(aws: Aws, name: str, event: Any = None) -> Any:
    """What the function answers to a caller that waits."""
    return json.load(aws.lambda_.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])


def send(aws: Aws, name: str, event: Any = None) -> str:
    """Hand an event to Lambda, which accepts it and says no more; its request id."""
    answer = aws.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    return answer["ResponseMetadata"]["RequestId"]


def machine(aws: Aws, definition: dict[str, Any], name: str = "story", kind: str = "STANDARD") -> str:
    """A state machine; its ARN."""
    made = aws.stepfunctions.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=role(aws), type=kind
    )
    return made["stateMachineArn"]


def one(state: dict[str, Any]) -> dict[str, Any]:
    """A definition of one state."""
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


def start(aws: Aws, definition: dict[str, Any], value: Any = None) -> str:
    """An execution of a new machine; its ARN."""
    given = json.dumps({} if value is None else value)
    return aws.stepfunctions.start_execution(stateMachineArn=machine(aws, definition), input=given)["executionArn"]


def history(aws: Aws, execution: str) -> list[str]:
    """The types of an execution's events."""
    told = aws.stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)
    return [event["type"] for event in told["events"]]


@contextmanager
def kept(folder: Path) -> Generator[tuple[RunningEmulator, Aws]]:
    """An emulator that keeps everything in a folder, and the clients of its account. Again, it has been restarted."""
    with RunningEmulator(Settings(data=folder, port=0, frozen=True)) as running:
        aws = Aws(LocalServer(running=running), "000000000000")
        try:
            yield running, aws
        finally:
            aws.close()
