"""Email through real boto3 clients and plain HTTP."""

from __future__ import annotations

import json
import urllib.request

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

UNVERIFIED = (
    "Email address is not verified. The following identities failed the check in region US-EAST-1: reports@example.com"
)


def send_v2(emulator: RunningEmulator, **changes: object) -> str:
    simple = {"Subject": {"Data": "Report"}, "Body": {"Text": {"Data": "Total: 42"}, "Html": {"Data": "<b>42</b>"}}}
    request = {
        "FromEmailAddress": "reports@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Content": {"Simple": simple},
        **changes,
    }
    return emulator.client("sesv2").send_email(**request)["MessageId"]


def test_a_message_sent_through_v2_is_in_the_inbox_once(emulator: RunningEmulator) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    identifier = send_v2(emulator)
    [message] = emulator.inbox()
    assert (message["id"], message["text"], message["html"]) == (identifier, "Total: 42", "<b>42</b>")
    emulator.settle()
    [message] = emulator.inbox()
    assert message["delivery"]["state"] == "delivered"


def test_both_apis_of_ses_share_identities_and_messages(emulator: RunningEmulator) -> None:
    ses = emulator.client("ses")
    ses.verify_email_identity(EmailAddress="reports@example.com")
    assert ses.list_identities()["Identities"] == ["reports@example.com"]
    ses.send_email(
        Source="reports@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Message={"Subject": {"Data": "v1"}, "Body": {"Text": {"Data": "x"}}},
    )
    raw = b"From: reports@example.com\r\nTo: bob@example.org\r\nSubject: raw\r\n\r\nx"
    ses.send_raw_email(RawMessage={"Data": raw})
    send_v2(emulator, Content={"Raw": {"Data": raw.replace(b"raw", b"raw v2")}})
    assert [message["subject"] for message in emulator.inbox()] == ["v1", "raw", "raw v2"]
    assert ses.get_send_quota()["SentLast24Hours"] == 3.0
    assert emulator.client("sesv2").get_account()["SendingEnabled"] is True
    assert len(ses.get_send_statistics()["SendDataPoints"]) == 1
    identity = emulator.client("sesv2").get_email_identity(EmailIdentity="reports@example.com")
    assert identity["VerificationStatus"] == "SUCCESS"


def test_an_unverified_sender_gets_the_exact_error_of_both_apis(emulator: RunningEmulator) -> None:
    with pytest.raises(ClientError) as v2:
        send_v2(emulator)
    with pytest.raises(ClientError) as v1:
        emulator.client("ses").send_email(
            Source="reports@example.com",
            Destination={"ToAddresses": ["ada@example.org"]},
            Message={"Subject": {"Data": "v1"}, "Body": {"Text": {"Data": "x"}}},
        )
    for caught in (v1, v2):
        assert caught.value.response["Error"]["Code"] == "MessageRejected"
        assert caught.value.response["Error"]["Message"] == UNVERIFIED
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert emulator.inbox() == []


def test_an_unknown_configuration_set_is_named(emulator: RunningEmulator) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    with pytest.raises(ClientError, match=r"Configuration set <x> does not exist\.") as caught:
        send_v2(emulator, ConfigurationSetName="x")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"


def test_a_message_is_readable_over_plain_http(emulator: RunningEmulator) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    identifier = send_v2(emulator)
    with urllib.request.urlopen(f"{emulator.url}/_emulator/inbox") as answer:
        assert json.load(answer)["messages"][0]["id"] == identifier
    page = urllib.request.Request(f"{emulator.url}/_emulator/inbox/{identifier}", headers={"Accept": "text/html"})
    with urllib.request.urlopen(page) as answer:
        assert "Total: 42" in answer.read().decode()
