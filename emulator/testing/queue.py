"""A queue of a world, in a word or two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.testing.servers import told

if TYPE_CHECKING:
    from emulator.testing.aws import Aws

SHORT_SECONDS = 0


__tracebackhide__ = told


class Queue:
    """An SQS queue by its name, URL or ARN."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self.name = name.rpartition(":" if name.startswith("arn:") else "/")[2]

    @property
    def url(self) -> str:
        """Its URL."""
        return self._aws.sqs.get_queue_url(QueueName=self.name)["QueueUrl"]

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self._attribute("QueueArn")

    def __len__(self) -> int:
        """How many messages there are: visible, in flight and delayed."""
        names = ("", "NotVisible", "Delayed")
        return sum(int(self._attribute(f"ApproximateNumberOfMessages{name}")) for name in names)

    def send(self, body: Any, **more: Any) -> str:
        """Send a message, text or what becomes JSON; its id."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self._aws.sqs.send_message(QueueUrl=self.url, MessageBody=text, **more)["MessageId"]

    def receive(self, limit: int = 10, wait_seconds: int = SHORT_SECONDS) -> list[dict[str, Any]]:
        """Receive up to `limit` messages and delete them, as boto3 shows them."""
        url, found = self.url, list[dict[str, Any]]()
        while len(found) < limit:
            asked = {"MaxNumberOfMessages": min(10, limit - len(found)), "WaitTimeSeconds": wait_seconds}
            messages = self._aws.sqs.receive_message(
                QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"], **asked
            ).get("Messages", [])
            if not messages:
                break
            for each in messages:
                self._aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            found += messages
            wait_seconds = SHORT_SECONDS
        return found

    def bodies(self, limit: int = 10) -> list[str]:
        """`receive`, and the texts alone."""
        return [each["Body"] for each in self.receive(limit)]

    def _attribute(self, name: str) -> str:
        asked: Any = [name]
        return self._aws.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=asked)["Attributes"][name]
