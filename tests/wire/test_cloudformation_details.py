"""What else CloudFormation answers: tokens, policies, single resources, pages, drift as data, what is adopted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, queue, resources, settled, template, update


def refusal(call: Any, **parameters: Any) -> str:
    """`Code: text` of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_a_request_with_the_same_token_is_one_request(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    body = template({"A": queue()})
    first = client.create_stack(StackName="demo", TemplateBody=body, ClientRequestToken="one")["StackId"]
    assert client.create_stack(StackName="demo", TemplateBody=body, ClientRequestToken="one")["StackId"] == first
    assert refusal(client.create_stack, StackName="demo", TemplateBody=body, ClientRequestToken="two") == (
        "AlreadyExistsException: Stack [demo] already exists"
    )
    emulator.settle()
    changed = template({"A": queue(DelaySeconds=1)})
    for _ in range(2):
        client.update_stack(StackName="demo", TemplateBody=changed, ClientRequestToken="three")
        assert settled(emulator)["StackStatus"] == "UPDATE_COMPLETE"
    events = client.describe_stack_events(StackName="demo")["StackEvents"]
    assert {event.get("ClientRequestToken") for event in events} == {"one", "three"}


def test_one_resource_of_a_stack(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": {**queue(), "Metadata": {"note": "x"}}}))
    client = emulator.client("cloudformation")
    found = client.describe_stack_resource(StackName="demo", LogicalResourceId="A")["StackResourceDetail"]
    assert json.loads(found["Metadata"]) == {"note": "x"}
    by_physical = client.describe_stack_resources(PhysicalResourceId=found["PhysicalResourceId"])["StackResources"]
    assert [item["StackName"] for item in by_physical] == ["demo"]
    assert refusal(client.describe_stack_resource, StackName="demo", LogicalResourceId="B") == (
        "ValidationError: Resource B does not exist for stack demo"
    )
    assert refusal(client.describe_stack_resource, StackName="none", LogicalResourceId="B") == (
        "ValidationError: Stack 'none' does not exist"
    )


def test_long_lists_come_in_pages(emulator: RunningEmulator) -> None:
    create(emulator, template({f"Q{index}": queue() for index in range(120)}))
    client = emulator.client("cloudformation")
    pages = list(client.get_paginator("list_stack_resources").paginate(StackName="demo"))
    assert [len(page["StackResourceSummaries"]) for page in pages] == [100, 20]
    assert len(history(emulator)) == 120 * 3 + 2
    for index in range(3):
        client.create_change_set(
            StackName=f"new-{index}", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template({"A": queue()})
        )
    names = [stack["StackName"] for stack in client.describe_stacks()["Stacks"]]
    assert sorted(names) == ["demo", "new-0", "new-1", "new-2"]


def test_what_is_kept_as_data(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue()}))
    client = emulator.client("cloudformation")
    policy = json.dumps({"Statement": []})
    client.set_stack_policy(StackName="demo", StackPolicyBody=policy)
    assert client.get_stack_policy(StackName="demo")["StackPolicyBody"] == policy
    assert refusal(client.set_stack_policy, StackName="demo", StackPolicyBody="{").startswith("ValidationError")
    drift = client.detect_stack_drift(StackName="demo")["StackDriftDetectionId"]
    status = client.describe_stack_drift_detection_status(StackDriftDetectionId=drift)
    assert status["DetectionStatus"] == "DETECTION_COMPLETE"
    assert client.describe_stack_resource_drifts(StackName="demo")["StackResourceDrifts"] == []
    assert {"Name": "StackLimit", "Value": 2000} in client.describe_account_limits()["AccountLimits"]
    assert client.estimate_template_cost(TemplateBody=template({"A": queue()}))["Url"].startswith("https://")


def test_what_is_not_emulated_is_refused_by_name(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    text = refusal(client.create_stack_set, StackSetName="set", TemplateBody=template({"A": queue()}))
    assert text.startswith("NotImplemented: cloudformation.CreateStackSet is not emulated")


def test_a_creation_may_take_over_what_is_there(emulator: RunningEmulator) -> None:
    emulator.client("s3").create_bucket(Bucket="there-before")
    body = template({"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "there-before"}}})
    assert create(emulator, body, "refused")["StackStatus"] == "ROLLBACK_COMPLETE"
    client = emulator.client("cloudformation")
    client.create_change_set(
        StackName="demo", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=body, ImportExistingResources=True
    )
    client.execute_change_set(StackName="demo", ChangeSetName="one")
    assert settled(emulator)["StackStatus"] == "CREATE_COMPLETE"
    assert resources(emulator) == {"B": "there-before"}


def test_dynamic_references_are_resolved_when_a_resource_is_made(emulator: RunningEmulator) -> None:
    emulator.client("ssm").put_parameter(Name="/delay", Value="7", Type="String")
    emulator.client("secretsmanager").create_secret(Name="named", SecretString='{"name": "from-secret"}')
    resolved = queue(
        DelaySeconds="{{resolve:ssm:/delay}}", QueueName="{{resolve:secretsmanager:named:SecretString:name}}"
    )
    create(emulator, template({"A": resolved}))
    url = resources(emulator)["A"]
    assert url.endswith("/from-secret")
    told = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert told["Attributes"] == {"DelaySeconds": "7"}
    lost = update(emulator, template({"A": queue(DelaySeconds="{{resolve:ssm:/nowhere}}")}))
    assert lost["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_an_attribute_that_is_not_emulated_fails_the_resource_that_asks_for_it(emulator: RunningEmulator) -> None:
    asks = queue(QueueName={"Fn::GetAtt": ["A", "State"]})
    found = {"Type": "AWS::EventSchemas::Discoverer", "Properties": {"SourceArn": "arn:aws:events:::event-bus/default"}}
    assert create(emulator, template({"A": found, "B": asks}))["StackStatus"] == "ROLLBACK_COMPLETE"
    text = "Template error: resource A does not support attribute type State in Fn::GetAtt"
    assert ("B", "CREATE_FAILED", text) in history(emulator)


@pytest.mark.parametrize("kind", ["SQS::Queue", "Scheduler::ScheduleGroup", "Cognito::UserPool", "IAM::Policy"])
def test_an_attribute_that_a_type_has_not_is_refused_before_anything_is_made(
    emulator: RunningEmulator, kind: str
) -> None:
    other = {"Type": f"AWS::{kind}", "Properties": {}}
    body = template({"A": other, "B": queue()}, Outputs={"O": {"Value": {"Fn::Sub": "${A.Nothing}"}}})
    assert refusal(emulator.client("cloudformation").create_stack, StackName="demo", TemplateBody=body) == (
        "ValidationError: Template error: resource A does not support attribute type Nothing in Fn::GetAtt"
    )
    emulator.settle()
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == []


def test_status_changes_are_events_of_the_default_bus(emulator: RunningEmulator) -> None:
    url = emulator.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    events = emulator.client("events")
    events.put_rule(Name="stacks", EventPattern='{"source": ["aws.cloudformation"]}')
    events.put_targets(Rule="stacks", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:heard"}])
    create(emulator, template({"A": queue()}))
    messages = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    heard = [json.loads(message["Body"]) for message in messages]
    said = [(event["detail-type"].split()[1], event["detail"]["status-details"]["status"]) for event in heard]
    assert sorted(said) == [
        ("Resource", "CREATE_COMPLETE"),
        ("Resource", "CREATE_IN_PROGRESS"),
        ("Resource", "CREATE_IN_PROGRESS"),
        ("Stack", "CREATE_COMPLETE"),
        ("Stack", "CREATE_IN_PROGRESS"),
    ]
