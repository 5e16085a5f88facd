"""A look at a stack under way: in time that runs it gets the stack's end, if that comes in the first seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import resources, template

GATE = template(
    {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Gate": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60", "Count": 1},
        },
    }
)


def opened(emulator: RunningEmulator) -> None:
    """Let the stack `gated` come to its end, once it waits."""
    made: dict[str, str] = {}
    while "Gate" not in made:  # each look is a request
        made = resources(emulator, "gated")
    said = {"Status": "SUCCESS", "Reason": "ready", "UniqueId": "1", "Data": ""}
    httpx.put(made["Handle"], json=said).raise_for_status()


def test_a_look_in_the_first_seconds_of_an_operation_gets_its_end() -> None:
    with RunningEmulator(Settings(port=0, data=None)) as emulator, ThreadPoolExecutor() as pool:
        client = emulator.client("cloudformation")
        client.create_stack(StackName="gated", TemplateBody=GATE)
        look = pool.submit(client.describe_stacks, StackName="gated")
        opened(emulator)
        assert look.result()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
        with pytest.raises(client.exceptions.ClientError, match="Stack with id none does not exist"):
            client.describe_stacks(StackName="none")


def test_a_look_in_frozen_time_gets_what_there_is(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    client.create_stack(StackName="gated", TemplateBody=GATE)
    assert client.describe_stacks(StackName="gated")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
