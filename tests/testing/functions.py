"""Functions that tests of the harness deploy."""

import io
import json
import zipfile
from typing import Any

from emulator.testing.aws import Aws

SLEEPER = """
import time
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    if event.get("fail"):
        raise RuntimeError("as asked")
    return {"left": context.get_remaining_time_in_millis(), "now": time.time()}
"""


def package(source: str, name: str = "app.py") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, source)
    return archive.getvalue()


def create(aws: Aws, name: str = "worker", source: str = SLEEPER, timeout: int = 60, **more: Any) -> str:
    created = aws.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=f"arn:aws:iam::{aws.account}:role/tests",
        Handler="app.handler",
        Code={"ZipFile": package(source)},
        Timeout=timeout,
        **more,
    )
    return created["FunctionArn"]


def send(aws: Aws, name: str = "worker", **event: Any) -> None:
    aws.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))


def invoke(aws: Aws, name: str = "worker", **event: Any) -> Any:
    return json.loads(aws.lambda_.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())
