"""A stack that is changed again and again, rightly and wrongly: what is there is what it says, and nothing else."""

from __future__ import annotations

import json
import random

import pytest
from botocore.exceptions import ClientError

SETTLED = {
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
}


def template(dice):
    """Some queues, some of them named, some used by others as dead-letter queues; now and then one that cannot be."""
    names = [name for name in "ABCDEF" if dice.random() < 0.7] or ["A"]
    resources = {}
    for index, name in enumerate(names):
        properties = {"DelaySeconds": dice.choice([0, 1, 2])}
        if dice.random() < 0.1:
            properties["DelaySeconds"] = 9999
        if dice.random() < 0.4:
            properties["QueueName"] = f"{name}-{dice.choice('xy')}"
        if index and dice.random() < 0.6:
            arn = {"Fn::GetAtt": [dice.choice(names[:index]), "Arn"]}
            properties["RedrivePolicy"] = {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
        resources[name] = {"Type": "AWS::SQS::Queue", "Properties": properties}
    return resources


def status(aws):
    """The stack's, or nothing if there is none."""
    stacks = aws.cloudformation.describe_stacks()["Stacks"]
    return stacks[0]["StackStatus"] if stacks else ""


def listed(aws):
    return aws.cloudformation.describe_stack_resources(StackName="demo")["StackResources"]


def change(aws, dice, body):
    """Whatever somebody may want of a stack in that state."""
    stack, state = {"StackName": "demo"}, status(aws)
    try:
        if not state:
            aws.cloudformation.create_stack(**stack, TemplateBody=body, DisableRollback=dice.random() < 0.3)
        elif dice.random() < 0.15 or state == "ROLLBACK_COMPLETE":
            aws.cloudformation.delete_stack(**stack)
        elif state.endswith("_FAILED") and dice.random() < 0.4:
            aws.cloudformation.rollback_stack(**stack)
        else:
            aws.cloudformation.update_stack(**stack, TemplateBody=body, DisableRollback=dice.random() < 0.3)
    except ClientError as refused:
        assert "No updates" in str(refused)


def there(aws):
    """The queues that there are."""
    return sorted(aws.sqs.list_queues().get("QueueUrls", []))


def said(aws):
    """The queues that there are, as the stack has it."""
    if not status(aws):
        return []
    assert status(aws) in SETTLED
    standing = [item for item in listed(aws) if item["ResourceStatus"] != "DELETE_COMPLETE"]
    return sorted(item["PhysicalResourceId"] for item in standing if item.get("PhysicalResourceId"))


def is_as_written(aws, resources):
    """Every queue is as the template says."""
    urls = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in listed(aws)}
    assert set(urls) == set(resources)
    for name, resource in resources.items():
        wanted = resource["Properties"]
        found = aws.sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["All"])["Attributes"]
        assert found["DelaySeconds"] == str(wanted["DelaySeconds"])
        if "QueueName" in wanted:
            assert urls[name].endswith(f"/{wanted['QueueName']}")
        assert ("RedrivePolicy" in found) == ("RedrivePolicy" in wanted)
        if "RedrivePolicy" in wanted:
            dead = urls[wanted["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]].rpartition("/")[2]
            assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(f":{dead}")


@pytest.mark.parametrize("seed", range(6))
def test_what_is_there_is_what_the_stack_says(aws, emulator, clock, seed):
    dice = random.Random(seed)
    last = None  # that was deployed as it is written
    for _ in range(12):
        resources = template(dice)
        change(aws, dice, json.dumps({"Resources": resources}))
        emulator.settle()
        clock.advance(61)  # the name of a deleted queue can be used again
        state = status(aws)
        if state == "UPDATE_FAILED":  # what was replaced is still there, for a rollback
            assert set(said(aws)) <= set(there(aws))
        else:
            assert said(aws) == there(aws)
        if state in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            last = resources if "9999" not in json.dumps(resources) else last
            assert last is not None
            is_as_written(aws, last)
        elif state == "UPDATE_ROLLBACK_COMPLETE" and last is not None:
            is_as_written(aws, last)
        elif not state:
            last = None
