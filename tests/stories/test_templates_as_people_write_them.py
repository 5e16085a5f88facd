"""Every template of `tests/templates` deploys: packaged as tools do, created, and deleted without a rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.deploy.template import artifacts, parse
from tests.stories.telling import package

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


CODE = package("def handler(event, context):\n    return event\n")


def packaged(aws, name):
    """The template with what it names uploaded, as JSON."""
    for bucket, key in (("code", "shop.zip"), ("code", "workers.zip"), ("artifacts", "mail.zip")):
        aws.s3.create_bucket(Bucket=bucket)
        aws.s3.put_object(Bucket=bucket, Key=key, Body=CODE)
    aws.s3.create_bucket(Bucket="templates")
    aws.s3.put_object(Bucket="templates", Key="network.yaml", Body=NETWORK.encode())
    aws.ssm.put_parameter(Name="/mail/token", Value="t", Type="String")
    document = parse((TEMPLATES / name).read_text(), name)
    bodies = {"code": CODE, "layer": CODE, "text": MACHINE.encode(), "template": STORAGE.encode()}
    placed = {}
    for item in artifacts.local_artifacts(document):
        key = item.location.strip("./")
        aws.s3.put_object(Bucket="code", Key=key, Body=bodies[item.kind])
        placed[item.path] = item.placed("code", key)
    return json.dumps(artifacts.with_artifacts(document, placed).value)


def ended(aws, clock, stack, status):
    """What the stack is once it is no longer that: as much of AWS time passes as that takes.

    No more: schedules of a template would never end.
    """
    for _ in range(60):
        found = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if found != status:
            break
        clock.advance(1)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_deployed_and_deleted(aws, clock, name):
    stack = aws.cloudformation.create_stack(
        StackName="sample",
        TemplateBody=packaged(aws, name),
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        DisableRollback=True,
    )["StackId"]
    status = ended(aws, clock, stack, "CREATE_IN_PROGRESS")
    events = aws.cloudformation.describe_stack_events(StackName="sample")["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    assert [(event["LogicalResourceId"], event.get("ResourceStatusReason")) for event in failed] == []
    assert status == "CREATE_COMPLETE"
    aws.cloudformation.delete_stack(StackName=stack)
    assert ended(aws, clock, stack, "DELETE_IN_PROGRESS") == "DELETE_COMPLETE"
