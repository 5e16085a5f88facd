"""Mail that means harm: headers smuggled in, too many recipients, too large, malformed, bombs. Refused or harmless."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.test_ses_events import error_of

RAW = b"From: a@example.com\r\nTo: ada@example.org\r\nSubject: s\r\n"


@pytest.fixture
def verified(emulator: RunningEmulator) -> RunningEmulator:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    return emulator


def mail(**changes: Any) -> dict[str, Any]:
    """A v2 request; `subject`, `to`, `sender`, `reply_to`, `headers` take the place of what is good."""
    simple: dict[str, Any] = {
        "Subject": {"Data": changes.get("subject", "s")},
        "Body": {"Text": {"Data": "t"}},
        "Headers": changes.get("headers", []),
    }
    return {
        "FromEmailAddress": changes.get("sender", "a@example.com"),
        "Destination": {"ToAddresses": changes.get("to", ["ada@example.org"])},
        "ReplyToAddresses": changes.get("reply_to", []),
        "Content": {"Simple": simple},
    }


SMUGGLED = "x@example.com\r\nBcc: spy@example.org"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "s\r\nBcc: spy@example.org"},
        {"subject": "s\nX: y"},
        {"subject": "s\rX: y"},
        {"subject": "s\u2028Bcc: spy@example.org"},
        {"sender": SMUGGLED},
        {"sender": '"A\r\nBcc: spy@example.org" <a@example.com>'},
        {"to": [SMUGGLED]},
        {"to": ["<x@example.com>\r\nBcc: spy@example.org"]},
        {"reply_to": [SMUGGLED]},
        {"headers": [{"Name": "X-A", "Value": "b\r\nBcc: spy@example.org"}]},
        {"headers": [{"Name": "X-A\r\nBcc", "Value": "spy@example.org"}]},
        {"headers": [{"Name": "Bcc", "Value": "spy@example.org"}]},
    ],
)
def test_a_header_cannot_be_smuggled_into_a_message(verified: RunningEmulator, changes: dict[str, Any]) -> None:
    code, text, status = error_of(verified.client("sesv2").send_email, **mail(**changes))
    assert (code, status) == ("BadRequestException", 400)
    assert "Traceback" not in text
    assert verified.inbox() == []


@pytest.mark.parametrize(
    "field",
    [
        {"Source": "a@example.com\r\nBcc: spy@example.org"},
        {"Destination": {"ToAddresses": ["x@example.com\nBcc: spy@example.org"]}},
        {"ReplyToAddresses": ["x@example.com\r\nBcc: spy@example.org"]},
        {"ReturnPath": "x@example.com\r\nBcc: spy@example.org"},
        {"Message": {"Subject": {"Data": "s\r\nBcc: spy@example.org"}, "Body": {"Text": {"Data": "t"}}}},
    ],
)
def test_the_older_api_lets_none_in_either(verified: RunningEmulator, field: dict[str, Any]) -> None:
    request: dict[str, Any] = {
        "Source": "a@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Message": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    }
    assert error_of(verified.client("ses").send_email, **{**request, **field})[0] == "InvalidParameterValue"
    assert verified.inbox() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.com\r\nTo: ada@example.org\r\nTo: spy@example.org\r\n\r\nx",
        b"From: a@example.com\r\nFrom: b@example.com\r\nTo: ada@example.org\r\n\r\nx",
        b"From: a@example.com\r\nTo: ada@example.org\r\nno colon here\r\n\r\nx",
        b"From: a@example.com\r\nTo: ada@example.org\r\n: nameless\r\n\r\nx",
        b"From: a@example.com\r\nTo: ada@example.org\r\nX\xff: y\r\n\r\nx",
        b"To: ada@example.org\r\n\r\nx",
        b"From: a@example.com\r\n\r\nx",
        b"From: a@example.com\r\nTo: not an address\r\n\r\nx",
        b"",
        b"\0\0\0",
    ],
)
def test_a_raw_message_that_is_none_is_refused(verified: RunningEmulator, raw: bytes) -> None:
    v1, v2 = verified.client("ses"), verified.client("sesv2")
    for answer in (
        error_of(v1.send_raw_email, RawMessage={"Data": raw}),
        error_of(v2.send_email, Content={"Raw": {"Data": raw}}),
    ):
        assert answer[0] in ("InvalidParameterValue", "BadRequestException", "ValidationError")
        assert answer[2] == 400
    assert verified.inbox() == []


def test_fifty_recipients_are_reached_and_fifty_one_are_not(verified: RunningEmulator) -> None:
    v1, v2 = verified.client("ses"), verified.client("sesv2")
    many = [f"r{number}@example.org" for number in range(51)]
    v2.send_email(**mail(to=many[:50]))
    assert error_of(v2.send_email, **mail(to=many)) == ("BadRequestException", "Recipient count exceeds 50.", 400)
    raw = b"From: a@example.com\r\nTo: " + ", ".join(many).encode() + b"\r\n\r\nx"
    assert error_of(v1.send_raw_email, RawMessage={"Data": raw})[1] == "Recipient count exceeds 50."
    answer = error_of(v1.send_raw_email, RawMessage={"Data": RAW + b"\r\nx"}, Destinations=many)
    assert answer[1] == "Recipient count exceeds 50."
    assert len(verified.inbox()) == 1


def nested(depth: int) -> bytes:
    """A message in a message in a message."""
    head = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(depth)
    )
    return RAW + b"MIME-Version: 1.0\r\n" + head.encode() + b"Content-Type: text/plain\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        nested(20),
        nested(1200),
        RAW + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="never"\r\n\r\n--other\r\n\r\nx',
        RAW + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\nx",
        RAW + b"Content-Type: text/html; charset=no-such\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        RAW + b"Content-Type: ;;;===\r\nContent-Disposition: attachment; filename*=x'y'%ff%zz\r\n\r\nx",
        RAW + b"Content-Type: message/rfc822\r\n\r\n" + RAW + b"\r\nx",
        RAW + b"X-Folded: " + b"\r\n a" * 5000 + b"\r\n\r\nx",
        RAW + b"\r\n" + bytes(range(256)) * 10,
    ],
)
def test_malformed_mime_is_refused_or_shown_and_never_breaks_the_inbox(verified: RunningEmulator, raw: bytes) -> None:
    v2 = verified.client("sesv2")
    try:
        identifier = v2.send_email(Content={"Raw": {"Data": raw}})["MessageId"]
    except v2.exceptions.BadRequestException:
        assert verified.inbox() == []
        return
    message = verified.control("GET", f"inbox/{identifier}")
    assert message["subject"] == "s"
    verified.settle()
    assert verified.inbox()[0]["delivery"]["state"] == "delivered"


def test_a_bomb_is_carried_and_never_opened(verified: RunningEmulator) -> None:
    inner = gzip.compress(b"\0" * 50_000_000)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(20):
            file.writestr(f"../../{number}.gz", inner)
    bomb = archive.getvalue()
    assert len(bomb) < 1_000_000
    content = mail()
    content["Content"]["Simple"]["Attachments"] = [{"FileName": "bomb.zip", "RawContent": bomb}]
    identifier = verified.client("sesv2").send_email(**content)["MessageId"]
    verified.settle()
    [attachment] = verified.control("GET", f"inbox/{identifier}")["attachments"]
    assert attachment["size"] == len(bomb)
    encoded = base64.encodebytes(bomb).replace(b"\n", b"\r\n")
    raw = (
        RAW + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="../../bomb.zip"\r\n\r\n' + encoded + b"--b--\r\n"
    )
    identifier = verified.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    [attachment] = verified.control("GET", f"inbox/{identifier}")["attachments"]
    assert (attachment["filename"], attachment["size"]) == ("../../bomb.zip", len(bomb))


def test_a_message_beyond_the_limit_is_refused_by_each_api(verified: RunningEmulator) -> None:
    large = RAW + b"\r\n" + (b"x" * 76 + b"\r\n") * 150_000
    answer = error_of(verified.client("ses").send_raw_email, RawMessage={"Data": large})
    assert answer == (
        "InvalidParameterValue",
        f"Message length is more than 10485760 bytes long: '{len(large)}'.",
        400,
    )
    assert verified.inbox() == []


def test_incoming_mail_that_means_harm_is_refused_or_told_of_harmlessly(verified: RunningEmulator) -> None:
    ses = verified.client("ses")
    ses.create_receipt_rule_set(RuleSetName="set")
    ses.set_active_receipt_rule_set(RuleSetName="set")
    actions = [{"AddHeaderAction": {"HeaderName": "X-Seen", "HeaderValue": "y"}}]
    rule = {"Name": "r", "Enabled": True, "Actions": actions}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule)
    for value in ("a\r\nBcc: spy@example.org", "\n"):
        bad = {"AddHeaderAction": {"HeaderName": "X-Seen", "HeaderValue": value}}
        answer = error_of(ses.create_receipt_rule, RuleSetName="set", Rule={**rule, "Name": "bad", "Actions": [bad]})
        assert answer[2] == 400
    for raw in (nested(1200).decode(), "\0\0", ": x\r\n\r\n", "no colon\r\n\r\n"):
        body = {"from": "ada@outside.org", "to": ["orders@example.com"], "raw": raw}
        try:
            verified.control("POST", "inbound", body)
        except Exception as refused:  # noqa: BLE001 - the harness raises urllib's error
            assert getattr(refused, "code", None) == 422
            getattr(refused, "close", lambda: None)()
    verified.settle()


_PARTS = b"From: ada@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
_WORDS = b"=?utf-8?q?a?= " * 50_000


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"From: ada@example.com\r\nSubject: " + _WORDS + b"\r\n\r\nx", "header of the message is too long"),
        (b"From: ada@example.com\r\n" + b"X-A: b\r\n" * 5_000 + b"\r\nx", "too many headers"),
        (_PARTS + b"--b\r\n\r\nx\r\n" * 5_000 + b"--b--\r\n", "more than 500 MIME parts"),
        (_PARTS + b"--b\r\nContent-Disposition: attachment; filename=" + _WORDS + b"\r\n\r\nx\r\n--b--", "too long"),
        (
            b"From: ada@example.com\r\n"
            + b"".join(
                b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3_000)
            ),
            "nested too deeply",
        ),
    ],
)
def test_a_message_that_takes_too_long_to_read_is_refused_unread(
    verified: RunningEmulator, raw: bytes, text: str
) -> None:
    code, message, _ = error_of(
        verified.client("ses").send_raw_email,
        RawMessage={"Data": raw},
        Source="ada@example.com",
        Destinations=["grace@example.com"],
    )
    assert code == "InvalidParameterValue" and text in message


def test_a_subject_of_a_book_is_refused(verified: RunningEmulator) -> None:
    message = {"Subject": {"Data": "é " * 100_000}, "Body": {"Text": {"Data": "x"}}}
    destination = {"ToAddresses": ["grace@example.com"]}
    send = verified.client("ses").send_email
    code, _, _ = error_of(send, Source="ada@example.com", Destination=destination, Message=message)
    assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    "name", ["a.exe", "x.BAT", "pay.pdf.js", "noext", "", "a:b.txt", "a/b.txt", "a<b>.txt", "..exe"]
)
def test_a_file_that_ses_does_not_take_is_refused_by_its_name(verified: RunningEmulator, name: str) -> None:
    request = mail()
    request["Content"]["Simple"]["Attachments"] = [{"FileName": name, "RawContent": b"x"}]
    code, text, status = error_of(verified.client("sesv2").send_email, **request)
    assert (code, status) == ("BadRequestException", 400)
    assert f"Illegal filename '{name}'" in text
    assert verified.inbox() == []


def test_a_raw_message_with_a_restricted_file_is_refused(verified: RunningEmulator) -> None:
    part = (
        b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="A.Exe"\r\n\r\nx\r\n--b'
    )
    raw = RAW + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' + part + b"--\r\n"
    answer = error_of(verified.client("ses").send_raw_email, RawMessage={"Data": raw})
    assert answer == ("InvalidParameterValue", "Illegal filename 'A.Exe'.", 400)
    verified.client("ses").send_raw_email(RawMessage={"Data": raw.replace(b"A.Exe", b"A.Txt")})
    assert len(verified.inbox()) == 1


def test_an_attachment_without_an_extension_gets_that_of_its_type(verified: RunningEmulator) -> None:
    request = mail()
    files = [{"FileName": name, "RawContent": b"x", "ContentType": "application/pdf"} for name in ("bill", "", "b.txt")]
    request["Content"]["Simple"]["Attachments"] = files
    verified.client("sesv2").send_email(**request)
    [message] = verified.inbox()
    assert [each["filename"] for each in message["attachments"]] == ["bill.pdf", "attachment.pdf", "b.txt"]
