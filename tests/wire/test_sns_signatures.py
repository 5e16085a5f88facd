"""Signatures of SNS verify with the certificate that their SigningCertURL serves."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from emulator.testing import RunningEmulator

SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""As the developer guide says, in this order."""


def verify(message: dict[str, Any]) -> None:
    """Raise InvalidSignature unless a message is as its sender signed it."""
    answer = httpx.get(message["SigningCertURL"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-pem-file")
    key: Any = x509.load_pem_x509_certificate(answer.content).public_key()
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if name in message)
    algorithm = {"1": hashes.SHA1, "2": hashes.SHA256}[message["SignatureVersion"]]()
    key.verify(base64.b64decode(message["Signature"]), text.encode(), PKCS1v15(), algorithm)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Surprise"])
def test_a_notification_verifies_and_a_changed_one_does_not(
    emulator: RunningEmulator, version: str, subject: str | None
) -> None:
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    topic = sns.create_topic(Name="t", Attributes={"SignatureVersion": version})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q")
    sns.publish(TopicArn=topic, Message="grüß\nGott", **({"Subject": subject} if subject else {}))
    [received] = sqs.receive_message(QueueUrl=url)["Messages"]
    message = json.loads(received["Body"])
    assert message["SignatureVersion"] == version
    verify(message)
    with pytest.raises(InvalidSignature):
        verify({**message, "Message": "other"})


def test_a_request_to_confirm_verifies(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="user@example.com")
    emulator.settle()
    [mail] = emulator.inbox()
    verify(json.loads(mail["text"]))


def test_the_certificate_is_only_read(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="user@example.com")
    emulator.settle()
    url = json.loads(emulator.inbox()[0]["text"])["SigningCertURL"]
    assert httpx.post(url).status_code == 405
    assert httpx.get(url.replace(".pem", "x.pem")).status_code >= 400
