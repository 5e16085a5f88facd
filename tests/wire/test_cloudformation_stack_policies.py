"""Stack policies: what an update may not touch stays as it is, and the update goes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, queue, resources, settled, template, update


def policy(**denied: Any) -> str:
    """Everything is allowed but one thing."""
    every = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    return json.dumps({"Statement": [every, {"Effect": "Deny", "Principal": "*", **denied}]})


KEEP_A = policy(Action="Update:Modify", Resource="LogicalResourceId/A")


def failures(emulator: RunningEmulator) -> list[tuple[str, str]]:
    return [(who, why) for who, status, why in history(emulator) if status == "UPDATE_FAILED"]


def test_a_resource_that_may_not_be_modified_fails_the_update(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(), "B": queue()}), StackPolicyBody=KEEP_A)
    assert update(emulator, template({"A": queue(), "B": queue(DelaySeconds=1)}))["StackStatus"] == "UPDATE_COMPLETE"
    stack = update(emulator, template({"A": queue(DelaySeconds=2), "B": queue(DelaySeconds=1)}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert failures(emulator) == [
        (
            "A",
            "Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource "
            "[LogicalResourceId/A]",
        )
    ]
    url = resources(emulator)["A"]
    got = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert got["Attributes"]["DelaySeconds"] == "0"


def test_a_resource_that_may_not_be_deleted_stays(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(), "B": queue()}))
    kept = policy(Action=["Update:Delete"], Resource="*", Condition={"StringLike": {"ResourceType": ["AWS::SQS::*"]}})
    emulator.client("cloudformation").set_stack_policy(StackName="demo", StackPolicyBody=kept)
    before = resources(emulator)
    assert update(emulator, template({"B": queue()}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert resources(emulator) == before
    emulator.client("cloudformation").delete_stack(StackName="demo")
    emulator.settle()
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_policy_during_an_update_counts_for_that_update_only(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue()}), StackPolicyBody=KEEP_A)
    everything = json.dumps({"Statement": {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}})
    changed = template({"A": queue(DelaySeconds=1)})
    assert update(emulator, changed, StackPolicyDuringUpdateBody=everything)["StackStatus"] == "UPDATE_COMPLETE"
    assert update(emulator, template({"A": queue()}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert emulator.client("cloudformation").get_stack_policy(StackName="demo")["StackPolicyBody"] == KEEP_A


def test_what_no_statement_allows_is_denied(emulator: RunningEmulator) -> None:
    only_b = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/A"}
    create(emulator, template({"A": queue()}), StackPolicyBody=json.dumps({"Statement": [only_b]}))
    assert update(emulator, template({"A": queue(DelaySeconds=1)}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert failures(emulator)[0][1].startswith("Action not allowed by stack policy")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Statement": [{"Effect": "Deny"}]}', policy(Action="sqs:*", Resource="*"), policy(Action="*")]
)
def test_what_is_no_policy_is_refused(emulator: RunningEmulator, text: str) -> None:
    with pytest.raises(ClientError, match="Invalid stack policy"):
        emulator.client("cloudformation").create_stack(
            StackName="demo", TemplateBody=template({"A": queue()}), StackPolicyBody=text
        )
    emulator.settle()
    assert emulator.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_rollback_may_undo_what_an_update_has_changed(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(), "B": queue()}))
    body = template({"A": queue(DelaySeconds=1), "B": {**queue(DelaySeconds=9999), "DependsOn": "A"}})
    denying = policy(Action="Update:Replace", Resource="*")
    assert update(emulator, body, StackPolicyBody=denying)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
