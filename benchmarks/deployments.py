"""Deployments: a template of 200 resources created, deployed again unchanged, changed in one place, and deleted.

Wall clock and CPU time of this process, which holds server and client. Asked: 200 resources in under 2 s, unchanged in
under 0.3 s.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator

RESOURCES = 200
SETTLED = "_COMPLETE"


def template(delay: int = 0) -> str:
    """Queues, each with the one before it as its dead-letter queue, and topics."""
    resources: dict[str, Any] = {"Topic0": {"Type": "AWS::SNS::Topic"}}
    for number in range(RESOURCES // 2):
        properties: dict[str, Any] = {"DelaySeconds": delay if number == 7 else 0}
        if number:
            arn = {"Fn::GetAtt": [f"Queue{number - 1}", "Arn"]}
            properties["RedrivePolicy"] = {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
        resources[f"Queue{number}"] = {"Type": "AWS::SQS::Queue", "Properties": properties}
        resources[f"Topic{number}"] = {"Type": "AWS::SNS::Topic"}
    return json.dumps({"Resources": resources}, separators=(",", ":"))


@contextlib.contextmanager
def measured(what: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{what:<28} {time.perf_counter() - wall:7.3f} s   {time.process_time() - cpu:7.3f} s CPU")


def until_settled(client: Any, stack_id: str) -> None:
    while "IN_PROGRESS" in (status := client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]):
        time.sleep(0.02)
    assert status.endswith(SETTLED), status


def main() -> None:
    """Measure on a durable store, as `emulator` has by default."""
    with tempfile.TemporaryDirectory() as folder, RunningEmulator(Settings(port=0, data=Path(folder))) as running:
        client = running.client("cloudformation")
        client.describe_stacks()
        with measured(f"create {RESOURCES} resources"):
            stack_id = client.create_stack(StackName="bench", TemplateBody=template())["StackId"]
            until_settled(client, stack_id)
        with measured("unchanged"), contextlib.suppress(ClientError):
            client.update_stack(StackName="bench", TemplateBody=template())
        with measured("one resource changed"):
            client.update_stack(StackName="bench", TemplateBody=template(5))
            until_settled(client, stack_id)
        with measured("delete"):
            client.delete_stack(StackName="bench")
            until_settled(client, stack_id)


if __name__ == "__main__":
    main()
