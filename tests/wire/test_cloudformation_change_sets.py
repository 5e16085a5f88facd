"""Change sets, and the looks at templates that tools take before they deploy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, queue, resources, settled, template


def refusal(call: Any, **parameters: Any) -> str:
    """`Code: text` of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def described(emulator: RunningEmulator, body: str, kind: str = "UPDATE", **more: Any) -> dict[str, Any]:
    client = emulator.client("cloudformation")
    client.create_change_set(StackName="demo", ChangeSetName="one", ChangeSetType=kind, TemplateBody=body, **more)
    return client.describe_change_set(StackName="demo", ChangeSetName="one")


def test_a_change_set_creates_a_stack_that_is_under_review_until_then(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    found = described(emulator, template({"A": queue(), "B": queue()}), "CREATE", Description="first")
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [change["ResourceChange"]["Action"] for change in found["Changes"]] == ["Add", "Add"]
    assert client.describe_stacks(StackName="demo")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert client.get_template(StackName="demo")["TemplateBody"] == {}
    client.get_waiter("change_set_create_complete").wait(StackName="demo", ChangeSetName="one")
    client.execute_change_set(StackName="demo", ChangeSetName="one")
    client.get_waiter("stack_create_complete").wait(StackName="demo", WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    stack = settled(emulator)
    assert stack["ChangeSetId"] == found["ChangeSetId"]
    assert history(emulator)[0] == ("demo", "REVIEW_IN_PROGRESS", "User Initiated")
    text = refusal(client.execute_change_set, StackName="demo", ChangeSetName="one")
    assert text.startswith("InvalidChangeSetStatus: ChangeSet [arn:")


def test_a_change_set_tells_what_would_change_and_why(emulator: RunningEmulator) -> None:
    def body(name: str, *more: str) -> str:
        user = queue(
            DelaySeconds={"Ref": "Delay"},
            RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3},
        )
        added = {item: queue() for item in more}
        return template(
            {"Dead": queue(QueueName=name), "Main": user, **added},
            Parameters={"Delay": {"Type": "Number", "Default": "1"}},
        )

    create(emulator, body("first", "Gone"))
    parameters = [{"ParameterKey": "Delay", "ParameterValue": "2"}]
    found = described(emulator, body("second", "New"), Parameters=parameters)
    changes = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in found["Changes"]}
    assert {name: (change["Action"], change.get("Replacement")) for name, change in changes.items()} == {
        "Dead": ("Modify", "True"),
        "Main": ("Modify", "False"),
        "New": ("Add", None),
        "Gone": ("Remove", None),
    }
    assert changes["Dead"]["Details"] == [
        {
            "Target": {"Attribute": "Properties", "Name": "QueueName", "RequiresRecreation": "Always"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
    ]
    causes = [
        (item["Evaluation"], item["ChangeSource"], item.get("CausingEntity")) for item in changes["Main"]["Details"]
    ]
    assert (
        causes
        == [
            ("Static", "ParameterReference", "Delay"),
            ("Dynamic", "DirectModification", None),
            ("Dynamic", "ResourceAttribute", "Dead.Arn"),
        ]
        or ("Dynamic", "ResourceAttribute", "Dead.Arn") in causes
    )
    before = resources(emulator)
    emulator.client("cloudformation").execute_change_set(StackName="demo", ChangeSetName="one")
    assert settled(emulator)["StackStatus"] == "UPDATE_COMPLETE"
    after = resources(emulator)
    assert after["Dead"] != before["Dead"] and after["Main"] == before["Main"] and "Gone" not in after


def test_a_replacement_may_hang_on_what_is_not_known_yet(emulator: RunningEmulator) -> None:
    def body(name: str) -> str:
        derived = {"Fn::Join": ["-", ["after", {"Fn::GetAtt": ["First", "QueueName"]}]]}
        return template({"First": queue(QueueName=name), "Second": queue(QueueName=derived)})

    create(emulator, body("one"))
    found = described(emulator, body("two"))
    changes = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in found["Changes"]}
    assert (changes["First"]["Replacement"], changes["Second"]["Replacement"]) == ("True", "Conditional")
    assert changes["Second"]["Details"][0]["CausingEntity"] == "First.QueueName"


def test_a_change_set_without_changes_failed(emulator: RunningEmulator) -> None:
    body = template({"A": queue()})
    create(emulator, body)
    found = described(emulator, body)
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert found["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to create a change set."
    )
    client = emulator.client("cloudformation")
    assert [item["ChangeSetName"] for item in client.list_change_sets(StackName="demo")["Summaries"]] == ["one"]
    client.delete_change_set(StackName="demo", ChangeSetName="one")
    text = refusal(client.describe_change_set, StackName="demo", ChangeSetName="one")
    assert text == "ChangeSetNotFound: ChangeSet [one] does not exist"


def test_what_change_sets_refuse(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    body = template({"A": queue()})
    make = client.create_change_set
    assert refusal(make, StackName="demo", ChangeSetName="one", TemplateBody=body) == (
        "ValidationError: Stack [demo] does not exist"
    )
    create(emulator, body)
    text = refusal(make, StackName="demo", ChangeSetName="one", TemplateBody=body, ChangeSetType="CREATE")
    assert "already exists and cannot be created again" in text
    text = refusal(make, StackName="demo", ChangeSetName="one", TemplateBody=body, ChangeSetType="IMPORT")
    assert text.startswith("NotImplemented")
    make(StackName="demo", ChangeSetName="one", TemplateBody=body)
    text = refusal(make, StackName="demo", ChangeSetName="one", TemplateBody=body)
    assert text == "AlreadyExistsException: ChangeSet one already exists"


def test_a_template_is_validated_and_summed_up(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": "r"}}
    body = template(
        {"A": queue(), "R": role},
        Description="what it is",
        Parameters={"P": {"Type": "String", "Default": "x", "AllowedValues": ["x", "y"], "NoEcho": True}},
    )
    found = client.validate_template(TemplateBody=body)
    assert found["Description"] == "what it is"
    assert found["Parameters"] == [{"ParameterKey": "P", "DefaultValue": "x", "NoEcho": True}]
    assert found["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert found["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
    summary = client.get_template_summary(TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue", "AWS::IAM::Role"]
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["x", "y"]}
    text = refusal(client.validate_template, TemplateBody="Resources: {}")
    assert text == "ValidationError: Template format error: At least one Resources member must be defined."
    text = refusal(client.create_stack, StackName="demo", TemplateBody=body)
    assert text == "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"


def test_the_template_is_given_back_as_it_came_and_after_its_transforms(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    body = """# a remark
Transform: AWS::LanguageExtensions
Resources:
  A:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Select [0, [first, second]]
"""
    create(emulator, body, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert client.get_template(StackName="demo")["TemplateBody"] == body
    processed = client.get_template(StackName="demo", TemplateStage="Processed")["TemplateBody"]
    shown = json.loads(processed) if isinstance(processed, str) else processed
    assert "Transform" not in shown and shown["Resources"]["A"]["Type"] == "AWS::SQS::Queue"


def test_cdk_finds_its_bootstrap_without_one(emulator: RunningEmulator) -> None:
    bucket = "cdk-hnb659fds-assets-000000000000-us-east-1"
    name = "/cdk-bootstrap/hnb659fds/version"
    assert int(emulator.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]) >= 28
    s3 = emulator.client("s3")
    s3.head_bucket(Bucket=bucket)
    body = template(
        {"A": queue(), "Metadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2"}}},
        Parameters={"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}},
        Rules={
            "CheckBootstrapVersion": {
                "Assertions": [
                    {
                        "Assert": {
                            "Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]
                        },
                        "AssertDescription": "CDK bootstrap stack version 6 required.",
                    }
                ]
            }
        },
    )
    s3.put_object(Bucket=bucket, Key="abc.json", Body=body.encode())
    client = emulator.client("cloudformation")
    url = f"https://s3.us-east-1.amazonaws.com/{bucket}/abc.json"
    client.create_change_set(StackName="demo", ChangeSetName="cdk", ChangeSetType="CREATE", TemplateURL=url)
    client.execute_change_set(StackName="demo", ChangeSetName="cdk")
    stack = settled(emulator)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Parameters"][0]["ResolvedValue"].isdecimal()
    emulator.client("ssm").put_parameter(Name=name, Value="99", Type="String")
    assert emulator.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "99"
    assert emulator.client("sts").assume_role(
        RoleArn="arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1", RoleSessionName="cdk"
    )["Credentials"]


def test_cdks_own_bootstrap_can_be_deployed_first(emulator: RunningEmulator) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "cdk-hnb659fds-assets-000000000000-us-east-1"}}
    assert create(emulator, template({"StagingBucket": bucket}))["StackStatus"] == "CREATE_COMPLETE"
    again = create(emulator, template({"StagingBucket": bucket}), "again")
    assert again["StackStatus"] == "ROLLBACK_COMPLETE"
