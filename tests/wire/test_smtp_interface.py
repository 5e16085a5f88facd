"""Mail handed over by SMTP: the same checks as SendRawEmail, and nothing is answered before it is kept."""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.adapters.smtp_server import SmtpUnavailable
from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

MESSAGE = (
    "From: Reports <reports@example.com>\r\nTo: ada@example.org\r\nSubject: By SMTP\r\n"
    "X-SES-MESSAGE-TAGS: campaign=one\r\n\r\nHello\r\n"
)
PASSWORD = base64.b64encode(b"\x04" + b"x" * 32).decode()


@pytest.fixture(scope="module")
def served() -> Iterator[RunningEmulator]:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, smtp_port=0)) as running:
        yield running


@pytest.fixture
def smtp(served: RunningEmulator) -> Iterator[smtplib.SMTP]:
    served.reset()
    served.client("sesv2").create_email_identity(EmailIdentity="example.com")
    assert served.emulator.smtp_server is not None
    with smtplib.SMTP("127.0.0.1", served.emulator.smtp_server.port, timeout=STUCK_SECONDS) as client:
        yield client


def refusal(client: smtplib.SMTP, sender: str, to: list[str], message: str) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail(sender, to, message)
    assert isinstance(caught.value.smtp_error, bytes)
    return caught.value.smtp_code, caught.value.smtp_error.decode()


def test_a_message_by_smtp_is_in_the_inbox_when_it_is_answered(served: RunningEmulator, smtp: smtplib.SMTP) -> None:
    smtp.login("AKIAIOSFODNN7EXAMPLE", PASSWORD)
    smtp.mail("reports@example.com")
    smtp.rcpt("ada@example.org")
    smtp.rcpt("hidden@example.org")
    code, text = smtp.data(MESSAGE)
    [message] = served.inbox()
    assert (code, text.decode()) == (250, f"Ok {message['id']}")
    assert (message["subject"], message["text"], message["bcc"]) == ("By SMTP", "Hello", ["hidden@example.org"])
    assert message["tags"] == [{"name": "campaign", "value": "one"}]
    served.settle()
    assert served.inbox()[0]["delivery"]["state"] == "delivered"


def test_smtp_refuses_as_ses_does(served: RunningEmulator, smtp: smtplib.SMTP) -> None:
    smtp.login("user", "any password")
    answer = refusal(smtp, "a@nobody.org", ["ada@example.org"], MESSAGE)
    text = "Email address is not verified. The following identities failed the check in region US-EAST-1: a@nobody.org"
    assert answer == (554, f"Message rejected: {text}")
    many = [f"a{number}@example.org" for number in range(51)]
    assert refusal(smtp, "reports@example.com", many, MESSAGE)[1].endswith("Recipient count exceeds 50.")
    assert refusal(smtp, "reports@example.com", ["ada@example.org"], "no header\r\n")[0] == 554
    unknown = "X-SES-CONFIGURATION-SET: x\r\n" + MESSAGE
    answer = refusal(smtp, "reports@example.com", ["ada@example.org"], unknown)
    assert answer == (554, "Transaction failed: Configuration set <x> does not exist.")
    served.control("PUT", "settings", {"ses_enforce_quotas": True, "ses_daily_quota": 0})
    answer = refusal(smtp, "reports@example.com", ["ada@example.org"], MESSAGE)
    assert answer == (454, "Throttling failure: Daily message quota exceeded.")
    assert served.inbox() == []


def test_an_access_key_needs_an_smtp_password(smtp: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        smtp.login("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert (caught.value.smtp_code, caught.value.smtp_error) == (535, b"Authentication Credentials Invalid")


def test_without_login_nothing_is_sent(served: RunningEmulator, smtp: smtplib.SMTP) -> None:
    assert refusal(smtp, "reports@example.com", ["ada@example.org"], MESSAGE) == (530, "Authentication required")
    assert served.inbox() == []


def certificate(path: Path) -> Path:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_with_a_certificate_there_is_starttls_and_a_taken_port_is_named(tmp_path: Path) -> None:
    pem = certificate(tmp_path / "smtp.pem")
    settings = Settings(port=0, data=None, frozen=True, smtp_port=0, smtp_certificate=pem)
    with RunningEmulator(settings) as emulator:
        emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
        assert emulator.emulator.smtp_server is not None
        port = emulator.emulator.smtp_server.port
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", port, timeout=STUCK_SECONDS) as client:
            client.starttls(context=trusting)
            client.login("user", "password")
            client.sendmail("reports@example.com", ["ada@example.org"], MESSAGE)
        assert len(emulator.inbox()) == 1
        with pytest.raises(SmtpUnavailable, match=f"port {port} on 127.0.0.1"):
            RunningEmulator(Settings(port=0, data=None, frozen=True, smtp_port=port)).start()
    wrong = Settings(port=0, data=None, frozen=True, smtp_port=0, smtp_certificate=tmp_path / "missing.pem")
    with pytest.raises(SmtpUnavailable, match="cannot be used"):
        RunningEmulator(wrong).start()
