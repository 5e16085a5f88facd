"""What becomes of stacks: updates, replacements, failures, rollbacks, deletions; all told as AWS tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, queue, resources, settled, template, update

BROKEN = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 9999}}


def refusal(call: Any, **parameters: Any) -> str:
    """`Code: text` of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def queue_names(emulator: RunningEmulator) -> list[str]:
    urls = emulator.client("sqs").list_queues().get("QueueUrls", [])
    return sorted(url.rpartition("/")[2] for url in urls)


def test_an_update_touches_what_differs_and_nothing_else(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(), "B": queue(DelaySeconds=1)}))
    before = resources(emulator)
    told = len(history(emulator))
    stack = update(emulator, template({"A": queue(), "B": queue(DelaySeconds=2)}))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert resources(emulator) == before
    assert history(emulator)[told:] == [
        ("demo", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("B", "UPDATE_IN_PROGRESS", ""),
        ("B", "UPDATE_COMPLETE", ""),
        ("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("demo", "UPDATE_COMPLETE", ""),
    ]


def test_an_update_without_changes_is_refused(emulator: RunningEmulator) -> None:
    body = template({"A": queue()}, Outputs={"Url": {"Value": {"Ref": "A"}}})
    create(emulator, body)
    text = refusal(emulator.client("cloudformation").update_stack, StackName="demo", TemplateBody=body)
    assert text == "ValidationError: No updates are to be performed."


def test_a_property_that_cannot_change_makes_a_new_resource_and_deletes_the_old(emulator: RunningEmulator) -> None:
    def body(name: str) -> str:
        user = queue(RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3})
        return template({"Dead": queue(QueueName=name), "Main": user})

    create(emulator, body("first"))
    told = len(history(emulator))
    update(emulator, body("second"))
    assert history(emulator)[told:] == [
        ("demo", "UPDATE_IN_PROGRESS", "User Initiated"),
        (
            "Dead",
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.",
        ),
        ("Dead", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Dead", "UPDATE_COMPLETE", ""),
        ("Main", "UPDATE_IN_PROGRESS", ""),
        ("Main", "UPDATE_COMPLETE", ""),
        ("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("Dead", "DELETE_IN_PROGRESS", ""),
        ("Dead", "DELETE_COMPLETE", ""),
        ("demo", "UPDATE_COMPLETE", ""),
    ]
    names = queue_names(emulator)
    assert "second" in names and "first" not in names


def test_update_replace_policy_retain_keeps_the_old_one(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": {**queue(QueueName="first"), "UpdateReplacePolicy": "Retain"}}))
    update(emulator, template({"A": {**queue(QueueName="second"), "UpdateReplacePolicy": "Retain"}}))
    assert queue_names(emulator) == ["first", "second"]
    assert ("A", "DELETE_SKIPPED", "") in history(emulator)


def test_what_a_template_no_longer_has_is_deleted_in_the_cleanup(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(QueueName="a"), "B": queue(QueueName="b")}))
    update(emulator, template({"A": queue(QueueName="a")}))
    assert queue_names(emulator) == ["a"]
    assert list(resources(emulator)) == ["A"]
    assert history(emulator)[-4:] == [
        ("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("B", "DELETE_IN_PROGRESS", ""),
        ("B", "DELETE_COMPLETE", ""),
        ("demo", "UPDATE_COMPLETE", ""),
    ]


def test_a_failed_creation_is_rolled_back(emulator: RunningEmulator) -> None:
    body = template({"Good": queue(QueueName="good"), "Bad": {**BROKEN, "DependsOn": "Good"}})
    stack = create(emulator, body)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = history(emulator)
    assert events[6][:2] == ("demo", "ROLLBACK_IN_PROGRESS")
    assert events[6][2] == "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    assert events[5][:2] == ("Bad", "CREATE_FAILED") and "DelaySeconds" in events[5][2]
    assert events[7:] == [
        ("Bad", "DELETE_COMPLETE", ""),
        ("Good", "DELETE_IN_PROGRESS", ""),
        ("Good", "DELETE_COMPLETE", ""),
        ("demo", "ROLLBACK_COMPLETE", ""),
    ]
    assert queue_names(emulator) == []


def test_what_a_failed_creation_leads_to_is_the_owners_choice(emulator: RunningEmulator) -> None:
    body = template({"Good": queue(QueueName="good"), "Bad": {**BROKEN, "DependsOn": "Good"}})
    kept = create(emulator, body, "kept", OnFailure="DO_NOTHING")
    assert kept["StackStatus"] == "CREATE_FAILED"
    assert kept["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    assert queue_names(emulator) == ["good"]
    emulator.client("cloudformation").rollback_stack(StackName="kept")
    assert settled(emulator, "kept")["StackStatus"] == "ROLLBACK_COMPLETE"
    emulator.advance(60)
    made = emulator.client("cloudformation").create_stack(StackName="gone", TemplateBody=body, OnFailure="DELETE")
    assert settled(emulator, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert queue_names(emulator) == []


def test_a_failed_update_gives_everything_back(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(DelaySeconds=1), "B": queue(QueueName="b1")}))
    before = resources(emulator)
    changed = {
        "A": queue(DelaySeconds=2),
        "B": {**queue(QueueName="b2"), "DependsOn": "A"},
        "C": {**queue(QueueName="c"), "DependsOn": "B"},
        "Bad": {**BROKEN, "DependsOn": "C"},
    }
    told = len(history(emulator))
    stack = update(emulator, template(changed))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert resources(emulator) == before
    assert "b1" in queue_names(emulator) and not {"b2", "c"} & set(queue_names(emulator))
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=before["A"], AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"] == {"DelaySeconds": "1"}
    events = [event[:2] for event in history(emulator)[told:] if event[0] == "demo"]
    assert events == [
        ("demo", "UPDATE_IN_PROGRESS"),
        ("demo", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("demo", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("demo", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    again = update(emulator, template({"A": queue(DelaySeconds=3), "B": queue(QueueName="b1")}))
    assert again["StackStatus"] == "UPDATE_COMPLETE"


def test_a_failed_update_gives_delegated_resources_back(emulator: RunningEmulator) -> None:
    def bucket(status: str) -> dict[str, Any]:
        return {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": status}}}

    create(emulator, template({"B": bucket("Enabled")}))
    before = resources(emulator)
    broken = {"B": bucket("Suspended"), "New": {**bucket("Enabled"), "DependsOn": "B"}}
    stack = update(emulator, template({**broken, "Bad": {**BROKEN, "DependsOn": "New"}}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert resources(emulator) == before
    s3 = emulator.client("s3")
    assert [item["Name"] for item in s3.list_buckets()["Buckets"]] == [before["B"]]
    assert s3.get_bucket_versioning(Bucket=before["B"])["Status"] == "Enabled"


def test_a_delegated_resource_that_is_made_in_part_is_deleted(emulator: RunningEmulator) -> None:
    broken = {"VersioningConfiguration": {"Status": "Nonsense"}, "BucketName": "made-in-part"}
    body = template({"B": {"Type": "AWS::S3::Bucket", "Properties": broken}})
    assert create(emulator, body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert emulator.client("s3").list_buckets()["Buckets"] == []


def test_a_failed_update_can_be_kept_and_mended(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(DelaySeconds=1)}))
    broken = template({"A": queue(DelaySeconds=2), "Bad": {**BROKEN, "DependsOn": "A"}})
    assert update(emulator, broken, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    mended = template({"A": queue(DelaySeconds=2), "Bad": queue()})
    assert update(emulator, mended)["StackStatus"] == "UPDATE_COMPLETE"
    assert set(resources(emulator)) == {"A", "Bad"}


def test_a_failed_update_that_was_kept_can_still_be_rolled_back(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(DelaySeconds=1)}))
    broken = template(
        {"A": queue(DelaySeconds=2), "New": queue(QueueName="new"), "Bad": {**BROKEN, "DependsOn": "New"}}
    )
    update(emulator, broken, DisableRollback=True)
    emulator.client("cloudformation").rollback_stack(StackName="demo")
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    attributes = emulator.client("sqs").get_queue_attributes(
        QueueUrl=resources(emulator)["A"], AttributeNames=["DelaySeconds"]
    )
    assert attributes["Attributes"] == {"DelaySeconds": "1"}
    assert "new" not in queue_names(emulator)


def test_deletion_goes_from_users_to_what_they_use_and_keeps_what_is_to_be_retained(emulator: RunningEmulator) -> None:
    main = queue(RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3})
    kept = {**queue(QueueName="kept"), "DeletionPolicy": "Retain"}
    stack = create(emulator, template({"Dead": queue(), "Main": main, "Kept": kept}))
    told = len(history(emulator))
    client = emulator.client("cloudformation")
    client.delete_stack(StackName="demo")
    client.get_waiter("stack_delete_complete").wait(StackName="demo")
    assert refusal(client.describe_stacks, StackName="demo") == "ValidationError: Stack with id demo does not exist"
    assert queue_names(emulator) == ["kept"]
    events = history(emulator, stack["StackId"])[told:]
    assert events.index(("Main", "DELETE_COMPLETE", "")) < events.index(("Dead", "DELETE_IN_PROGRESS", ""))
    assert ("Kept", "DELETE_SKIPPED", "") in events
    assert events[-1] == ("demo", "DELETE_COMPLETE", "")
    deleted = client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [item["StackName"] for item in deleted] == ["demo"]


def test_what_a_rolled_back_creation_retains(emulator: RunningEmulator) -> None:
    kept = {**queue(QueueName="kept"), "DeletionPolicy": "Retain"}
    gone = {**queue(QueueName="gone"), "DeletionPolicy": "RetainExceptOnCreate"}
    bad = {**BROKEN, "DependsOn": ["Kept", "Gone"]}
    assert create(emulator, template({"Kept": kept, "Gone": gone, "Bad": bad}))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert queue_names(emulator) == ["kept"]
    again = {**queue(QueueName="again"), "DeletionPolicy": "Retain"}
    body = template({"Kept": again, "Bad": {**BROKEN, "DependsOn": "Kept"}})
    create(emulator, body, "other", RetainExceptOnCreate=True)
    assert queue_names(emulator) == ["kept"]


def test_a_protected_stack_is_not_deleted(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue()}), EnableTerminationProtection=True)
    client = emulator.client("cloudformation")
    assert refusal(client.delete_stack, StackName="demo") == (
        "ValidationError: Stack [demo] cannot be deleted while TerminationProtection is enabled"
    )
    client.update_termination_protection(StackName="demo", EnableTerminationProtection=False)
    client.delete_stack(StackName="demo")
    emulator.settle()
    assert client.describe_stacks()["Stacks"] == []


def test_exports_in_use_are_neither_changed_nor_deleted(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")

    def exporting(value: str) -> str:
        return template({"A": queue()}, Outputs={"Out": {"Value": value, "Export": {"Name": "shared"}}})

    create(emulator, exporting("one"), "giver")
    taker = {"A": queue(QueueName={"Fn::Sub": ["taker-${name}", {"name": {"Fn::ImportValue": "shared"}}]})}
    create(emulator, template(taker), "taker")
    assert queue_names(emulator)[-1] == "taker-one"
    assert [(item["Name"], item["Value"]) for item in client.list_exports()["Exports"]] == [("shared", "one")]
    assert client.list_imports(ExportName="shared")["Imports"] == ["taker"]
    expected = "ValidationError: Export shared cannot be deleted as it is in use by taker"
    assert refusal(client.delete_stack, StackName="giver") == expected
    stack = update(emulator, exporting("two"), "giver")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [event[2] for event in history(emulator, "giver") if event[1] == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert reasons == ["Export shared cannot be updated as it is in use by taker. "]
    client.delete_stack(StackName="taker")
    emulator.settle()
    assert update(emulator, exporting("two"), "giver")["StackStatus"] == "UPDATE_COMPLETE"
    assert create(emulator, exporting("x"), "other")["StackStatus"] == "ROLLBACK_COMPLETE"
    unknown = template({"A": queue(QueueName={"Fn::ImportValue": "nowhere"})})
    text = refusal(client.create_stack, StackName="lost", TemplateBody=unknown)
    assert text == "ValidationError: No export named nowhere found."


def test_parameters_tags_and_previous_values(emulator: RunningEmulator) -> None:
    body = template(
        {"A": queue(DelaySeconds={"Ref": "Delay"})},
        Parameters={"Delay": {"Type": "Number"}, "Secret": {"Type": "String", "NoEcho": True, "Default": "x"}},
    )
    client = emulator.client("cloudformation")
    missing = refusal(client.create_stack, StackName="demo", TemplateBody=body)
    assert missing == "ValidationError: Parameters: [Delay] must have values"
    given = [{"ParameterKey": "Delay", "ParameterValue": "7"}]
    tags = [{"Key": "team", "Value": "red"}]
    stack = create(emulator, body, Parameters=given, Tags=tags)
    assert stack["Parameters"] == [
        {"ParameterKey": "Delay", "ParameterValue": "7"},
        {"ParameterKey": "Secret", "ParameterValue": "****"},
    ]
    url = resources(emulator)["A"]
    assert emulator.client("sqs").list_queue_tags(QueueUrl=url)["Tags"]["team"] == "red"
    previous = [{"ParameterKey": "Delay", "UsePreviousValue": True}]
    client.update_stack(
        StackName="demo", UsePreviousTemplate=True, Parameters=previous, Tags=[{"Key": "team", "Value": "blue"}]
    )
    assert settled(emulator)["StackStatus"] == "UPDATE_COMPLETE"
    assert emulator.client("sqs").list_queue_tags(QueueUrl=url)["Tags"]["team"] == "blue"


def test_capabilities_must_be_acknowledged(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    sam = json.dumps(
        {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {"T": {"Type": "AWS::Serverless::SimpleTable"}, "Q": queue()},
        }
    )
    assert refusal(client.create_stack, StackName="sam", TemplateBody=sam).startswith(
        ("InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_AUTO_EXPAND]", "ValidationError")
    )


def test_unknown_types_are_named_or_skipped(emulator: RunningEmulator) -> None:
    body = json.dumps({"Resources": {"X": {"Type": "AWS::Nothing::Here"}, "A": queue()}}, indent=1)
    client = emulator.client("cloudformation")
    text = refusal(client.create_stack, StackName="demo", TemplateBody=body)
    assert text == (
        "ValidationError: Template format error: Unrecognized resource types: [AWS::Nothing::Here (X, line 3)]"
    )
    emulator.control("PUT", "settings", {"skip_unknown_resources": True})
    assert create(emulator, body)["StackStatus"] == "CREATE_COMPLETE"
    assert ("X", "CREATE_COMPLETE", "Its type is not emulated: the resource is inert") in history(emulator)


def test_notifications_are_published(emulator: RunningEmulator) -> None:
    topic = emulator.client("sns").create_topic(Name="told")["TopicArn"]
    url = emulator.client("sqs").create_queue(QueueName="ears")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:ears"
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    create(emulator, template({"A": queue()}), NotificationARNs=[topic])
    texts: list[str] = []
    while found := emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        texts += [json.loads(message["Body"])["Message"] for message in found]
    assert len(texts) == 5
    assert any("ResourceStatus='CREATE_COMPLETE'\n" in text and "LogicalResourceId='A'\n" in text for text in texts)


def test_a_document_that_is_read_beside_the_loop_belongs_to_the_api_that_is_made(emulator: RunningEmulator) -> None:
    body = {"openapi": "3.0.1", "info": {"title": "long"}, "paths": {f"/{number}": {} for number in range(2000)}}
    stack = create(emulator, template({"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}}}))
    assert stack["StackStatus"] == "CREATE_COMPLETE", history(emulator)
    rest = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": {**body, "paths": {"/a": {}}}}}
    assert create(emulator, template({"Api": rest}), "rest")["StackStatus"] == "CREATE_COMPLETE"
    [api] = emulator.client("apigateway").get_rest_apis()["items"]
    assert {item["path"] for item in emulator.client("apigateway").get_resources(restApiId=api["id"])["items"]} == {
        "/",
        "/a",
    }


def test_the_name_of_a_queue_that_was_rolled_back_is_there_at_once(emulator: RunningEmulator) -> None:
    emulator.client("cloudformation").create_stack(
        StackName="demo", TemplateBody=template({"A": queue(QueueName="mine"), "B": {**BROKEN, "DependsOn": "A"}})
    )
    assert settled(emulator)["StackStatus"] == "ROLLBACK_COMPLETE"
    emulator.client("cloudformation").delete_stack(StackName="demo")
    emulator.settle()
    began = emulator.now()
    assert create(emulator, template({"A": queue(QueueName="mine")}))["StackStatus"] == "CREATE_COMPLETE"
    assert emulator.now() - began < 1
