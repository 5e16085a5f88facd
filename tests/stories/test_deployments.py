"""A stack that is changed again and again, rightly and wrongly: what is there is what it says, and nothing else."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

SETTLED = {
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
}


def template(dice: random.Random) -> dict[str, Any]:
    """Some queues, some of them named, some used by others as dead-letter queues; now and then one that cannot be."""
    names = [name for name in "ABCDEF" if dice.random() < 0.7] or ["A"]
    resources: dict[str, Any] = {}
    for index, name in enumerate(names):
        properties: dict[str, Any] = {"DelaySeconds": dice.choice([0, 1, 2])}
        if dice.random() < 0.1:
            properties["DelaySeconds"] = 9999
        if dice.random() < 0.4:
            properties["QueueName"] = f"{name}-{dice.choice('xy')}"
        if index and dice.random() < 0.6:
            arn = {"Fn::GetAtt": [dice.choice(names[:index]), "Arn"]}
            properties["RedrivePolicy"] = {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
        resources[name] = {"Type": "AWS::SQS::Queue", "Properties": properties}
    return resources


def there(emulator: RunningEmulator) -> list[str]:
    return sorted(emulator.client("sqs").list_queues().get("QueueUrls", []))


def said(emulator: RunningEmulator) -> list[str]:
    client = emulator.client("cloudformation")
    stacks = client.describe_stacks()["Stacks"]
    if not stacks:
        return []
    assert stacks[0]["StackStatus"] in SETTLED
    listed = client.describe_stack_resources(StackName="demo")["StackResources"]
    return sorted(
        item["PhysicalResourceId"]
        for item in listed
        if item.get("PhysicalResourceId") and item["ResourceStatus"] != "DELETE_COMPLETE"
    )


def delays(emulator: RunningEmulator, resources: dict[str, Any]) -> None:
    """Every queue is as the template says."""
    listed = emulator.client("cloudformation").describe_stack_resources(StackName="demo")["StackResources"]
    assert {item["LogicalResourceId"] for item in listed} == set(resources)
    urls = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in listed}
    arns = {name: url.rpartition("/")[2] for name, url in urls.items()}
    for name, resource in resources.items():
        wanted = resource["Properties"]
        found = emulator.client("sqs").get_queue_attributes(QueueUrl=urls[name], AttributeNames=["All"])["Attributes"]
        assert found["DelaySeconds"] == str(wanted["DelaySeconds"])
        if "QueueName" in wanted:
            assert arns[name] == wanted["QueueName"]
        policy = wanted.get("RedrivePolicy")
        assert ("RedrivePolicy" in found) == (policy is not None)
        if policy is not None:
            target = policy["deadLetterTargetArn"]["Fn::GetAtt"][0]
            assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(f":{arns[target]}")


@pytest.mark.parametrize("seed", range(6))
def test_what_is_there_is_what_the_stack_says(emulator: RunningEmulator, seed: int) -> None:
    dice = random.Random(seed)
    client = emulator.client("cloudformation")
    last: dict[str, Any] | None = None
    for _ in range(12):
        resources = template(dice)
        body = json.dumps({"Resources": resources})
        stacks = client.describe_stacks()["Stacks"]
        status = stacks[0]["StackStatus"] if stacks else ""
        try:
            if not stacks:
                client.create_stack(StackName="demo", TemplateBody=body, DisableRollback=dice.random() < 0.3)
            elif dice.random() < 0.15 or status == "ROLLBACK_COMPLETE":
                client.delete_stack(StackName="demo")
            elif status.endswith("_FAILED") and dice.random() < 0.4:
                client.rollback_stack(StackName="demo")
            else:
                client.update_stack(StackName="demo", TemplateBody=body, DisableRollback=dice.random() < 0.3)
        except ClientError as refused:
            assert "No updates" in str(refused)
        emulator.settle()
        emulator.advance(61)  # the name of a deleted queue can be used again
        stacks = client.describe_stacks()["Stacks"]
        status = stacks[0]["StackStatus"] if stacks else ""
        if status == "UPDATE_FAILED":  # what was replaced is still there, for a rollback
            assert set(said(emulator)) <= set(there(emulator))
        else:
            assert said(emulator) == there(emulator)
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            last = resources if "9999" not in body else last
            assert last is not None
            delays(emulator, last)
        elif status == "UPDATE_ROLLBACK_COMPLETE" and last is not None:
            delays(emulator, last)
        elif not stacks:
            last = None
    assert emulator.failures() == []
