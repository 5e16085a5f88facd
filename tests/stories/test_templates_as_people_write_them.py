"""Every template of `tests/templates` deploys: packaged as tools do, created, and deleted without a rest."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from emulator.deploy.template import artifacts, parse
from emulator.testing import RunningEmulator

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
NAMES = sorted(path.name for path in TEMPLATES.iterdir() if path.name != "connected.yaml")
"""Not the one that asks for CodeDeploy, which is not emulated."""

NETWORK = """
Parameters: {Table: {Type: String}}
Resources: {Q: {Type: AWS::SQS::Queue}}
Outputs: {Vpc: {Value: !Ref Table}}
"""
STORAGE = """
Parameters: {Name: {Type: String}}
Resources: {T: {Type: AWS::SQS::Queue}}
Outputs: {Table: {Value: !GetAtt T.QueueName}}
"""
MACHINE = """
StartAt: Wait
States:
  Wait: {Type: Wait, Seconds: ${Wait}, Next: Render}
  Render: {Type: Task, Resource: '${RenderArn}', End: true}
"""


def _archive() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    return body.getvalue()


def _packaged(emulator: RunningEmulator, name: str) -> str:
    """The template with what it names uploaded, as JSON."""
    s3 = emulator.client("s3")
    for bucket, key in (("code", "shop.zip"), ("code", "workers.zip"), ("artifacts", "mail.zip")):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=_archive())
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="network.yaml", Body=NETWORK.encode())
    emulator.client("ssm").put_parameter(Name="/mail/token", Value="t", Type="String")
    document = parse((TEMPLATES / name).read_text(), name)
    bodies = {"code": _archive(), "layer": _archive(), "text": MACHINE.encode(), "template": STORAGE.encode()}
    placed: dict[tuple[str | int, ...], Any] = {}
    for item in artifacts.local_artifacts(document):
        key = item.location.strip("./")
        s3.put_object(Bucket="code", Key=key, Body=bodies[item.kind])
        placed[item.path] = item.placed("code", key)
    return json.dumps(artifacts.with_artifacts(document, placed).value)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_deployed_and_deleted(emulator: RunningEmulator, name: str) -> None:
    client = emulator.client("cloudformation")
    client.create_stack(
        StackName="sample",
        TemplateBody=_packaged(emulator, name),
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        DisableRollback=True,
    )
    _finish(emulator, client, "CREATE_IN_PROGRESS")
    failed = [
        (event["LogicalResourceId"], event.get("ResourceStatusReason"))
        for event in client.describe_stack_events(StackName="sample")["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED")
    ]
    assert failed == []
    [stack] = client.describe_stacks(StackName="sample")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    client.delete_stack(StackName=stack["StackId"])
    _finish(emulator, client, "DELETE_IN_PROGRESS", stack["StackId"])
    assert client.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def _finish(emulator: RunningEmulator, client: Any, status: str, stack: str = "sample") -> None:
    """Let AWS time go on, and no further than the deployment takes: schedules of a template would never end."""
    for _ in range(60):
        if client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] != status:
            return
        emulator.advance(1)
