"""Deployments killed before and after every commit: after a restart they finish, or they roll back; never half."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.support import ROLE
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, quiet_logs

__all__ = ["quiet_logs"]

DEAD = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}}
CUSTOM = """
import os, urllib.parse
import cfnresponse
def handler(event, context):
    path = urllib.parse.urlsplit(event["ResponseURL"]).path
    event["ResponseURL"] = os.environ["AWS_ENDPOINT_URL"] + path  # each life has another port; people's have one
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Kind": event["RequestType"]}, "thing")
"""
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": CUSTOM},
        "Timeout": 30,
    },
}


def body(delay: int, dead: str, **more: Any) -> str:
    arn = {"Fn::GetAtt": ["Dead", "Arn"]}
    main = {"DelaySeconds": delay, "RedrivePolicy": {"deadLetterTargetArn": arn, "maxReceiveCount": 2}}
    resources = {
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": dead}},
        "Main": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "main", **main}},
        **more,
    }
    return json.dumps({"Resources": resources, "Outputs": {"Url": {"Value": {"Ref": "Main"}}}})


def stack(aws: RunningEmulator) -> dict[str, Any]:
    return aws.client("cloudformation").describe_stacks(StackName="demo")["Stacks"][0]


def told(aws: RunningEmulator, name: str) -> list[str]:
    events = aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [f"{event['LogicalResourceId']} {event['ResourceStatus']}" for event in reversed(events)]


def queues(aws: RunningEmulator) -> list[str]:
    return sorted(url.rpartition("/")[2] for url in aws.client("sqs").list_queues().get("QueueUrls", []))


def create(aws: RunningEmulator, text: str) -> bool:
    client = aws.client("cloudformation")
    return accepted(lambda: client.create_stack(StackName="demo", TemplateBody=text, ClientRequestToken="create"))


def change(aws: RunningEmulator, text: str) -> bool:
    client = aws.client("cloudformation")
    return accepted(lambda: client.update_stack(StackName="demo", TemplateBody=text, ClientRequestToken="update"))


def verify_idle(aws: RunningEmulator) -> None:
    assert aws.control("GET", "queue")["total"] == 0


def verify_created(aws: RunningEmulator) -> None:
    assert stack(aws)["StackStatus"] == "CREATE_COMPLETE"
    assert queues(aws) == ["dead", "main"]
    steps = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    each = [f"{name} {step}" for name in ("Dead", "Main") for step in steps]
    assert told(aws, "demo") == ["demo CREATE_IN_PROGRESS", *each, "demo CREATE_COMPLETE"]
    verify_idle(aws)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(lambda aws: None, lambda aws: create(aws, body(1, "dead")), verify_created)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) >= 4


def prepare_demo(aws: RunningEmulator) -> None:
    create(aws, body(1, "dead"))
    aws.settle()


def verify_replaced(aws: RunningEmulator) -> None:
    assert stack(aws)["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == ["dead-2", "main"]
    events = told(aws, "demo")
    assert events.count("Dead DELETE_COMPLETE") == 1 and events.count("Main UPDATE_COMPLETE") == 1
    verify_idle(aws)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_replacement_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(prepare_demo, lambda aws: change(aws, body(2, "dead-2")), verify_replaced)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) >= 5


def verify_rolled_back(aws: RunningEmulator) -> None:
    assert stack(aws)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert queues(aws) == ["dead", "main"]
    client = aws.client("sqs")
    url = client.get_queue_url(QueueName="main")["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds", "RedrivePolicy"])
    assert attributes["Attributes"]["DelaySeconds"] == "1"
    assert attributes["Attributes"]["RedrivePolicy"].count("demo") == 0
    assert ":dead" in attributes["Attributes"]["RedrivePolicy"]
    verify_idle(aws)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rollback_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    bad = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 9999}, "DependsOn": "Main"}
    story = Story(prepare_demo, lambda aws: change(aws, body(2, "dead-2", Bad=bad)), verify_rolled_back)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) >= 7


def delete(aws: RunningEmulator) -> bool:
    client = aws.client("cloudformation")
    return accepted(lambda: client.delete_stack(StackName="demo"))


def verify_deleted(aws: RunningEmulator) -> None:
    assert aws.client("cloudformation").describe_stacks()["Stacks"] == []
    assert queues(aws) == []
    verify_idle(aws)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(prepare_demo, delete, verify_deleted)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) >= 3


def verify_custom(aws: RunningEmulator) -> None:
    assert stack(aws)["StackStatus"] == "CREATE_COMPLETE"
    assert told(aws, "demo").count("Thing CREATE_COMPLETE") == 1
    found = aws.client("cloudformation").describe_stack_resource(StackName="demo", LogicalResourceId="Thing")
    assert found["StackResourceDetail"]["PhysicalResourceId"] == "thing"
    verify_idle(aws)


def test_a_custom_resource_survives_a_crash_after_every_commit(tmp_path: Path) -> None:
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Maker", "Arn"]}}}
    text = json.dumps({"Resources": {"Maker": FUNCTION, "Thing": thing}})
    story = Story(lambda aws: None, lambda aws: create(aws, text), verify_custom)
    assert crash_at_every_commit(tmp_path, lambda _: story, "after") >= 4


def verify_delegated(aws: RunningEmulator) -> None:
    assert stack(aws)["StackStatus"] == "CREATE_COMPLETE"
    listed = aws.client("cloudformation").describe_stack_resources(StackName="demo")["StackResources"]
    made = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in listed}
    assert aws.client("s3").get_bucket_versioning(Bucket=made["Bucket"])["Status"] == "Enabled"
    assert made["Queue"].endswith(made["Bucket"])
    for name in ("Bucket", "Queue"):
        assert told(aws, "demo").count(f"{name} CREATE_COMPLETE") == 1
    verify_idle(aws)


def test_delegated_resources_survive_a_crash_before_every_commit(tmp_path: Path) -> None:
    """Their library lives on in this process, as AWS would: it is asked again for what it has made already."""
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Bucket"}}}
    text = json.dumps({"Resources": {"Bucket": bucket, "Queue": queue}})
    story = Story(lambda aws: None, lambda aws: create(aws, text), verify_delegated)
    assert crash_at_every_commit(tmp_path, lambda _: story, "before") >= 4


INNER = json.dumps(
    {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
    }
)
OUTER = json.dumps(
    {
        "Resources": {
            "Inner": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": "https://nested-story.s3.amazonaws.com/inner.json"},
            }
        },
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Url"]}}},
    }
)


def prepare_nested(aws: RunningEmulator) -> None:
    aws.client("s3").create_bucket(Bucket="nested-story")
    aws.client("s3").put_object(Bucket="nested-story", Key="inner.json", Body=INNER.encode())


def verify_nested(aws: RunningEmulator) -> None:
    [made] = aws.client("sqs").list_queues()["QueueUrls"]
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    assert [item["StackStatus"] for item in stacks] == ["CREATE_COMPLETE"] * 2
    assert stack(aws)["Outputs"][0]["OutputValue"].endswith(made.rpartition("/")[2])
    verify_idle(aws)


def test_a_nested_stack_survives_a_crash_after_every_commit(tmp_path: Path) -> None:
    story = Story(prepare_nested, lambda aws: create(aws, OUTER), verify_nested)
    assert crash_at_every_commit(tmp_path, lambda _: story, "after") >= 6
