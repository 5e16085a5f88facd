"""What every Mailer promises: a message arrives as it was handed over, or the caller learns that it did not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from emulator.adapters.smtp import SmtpMailer
from emulator.ports import MailerUnavailable, MailRefused, OutgoingMail
from tests.free_port import free_port
from tests.stuck import STUCK_SECONDS

RAW = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\n\r\n.dot\r\nGr\xc3\xb6\xc3\x9fe\r\n"
MAIL = OutgoingMail("id", "a@example.com", ["b@example.org", "c@example.org"], RAW)


class Receiver:
    """A mail server's handler that answers as it is told and remembers what it took."""

    def __init__(self) -> None:
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"
        self.received: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 — aiosmtpd
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 — aiosmtpd names it
        if self.data_answer.startswith("250"):
            self.received.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return self.data_answer


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, SmtpMailer]]:
    handler = Receiver()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), ready_timeout=STUCK_SECONDS)
    controller.start()
    try:
        yield handler, SmtpMailer("127.0.0.1", controller.port)
    finally:
        controller.stop()


def test_a_message_arrives_byte_for_byte_at_every_recipient(receiver: tuple[Receiver, SmtpMailer]) -> None:
    handler, mailer = receiver
    asyncio.run(mailer.send(MAIL))
    assert handler.received == [("a@example.com", ["b@example.org", "c@example.org"], RAW)]


@pytest.mark.parametrize("part", ["recipient_answer", "data_answer"])
def test_a_temporary_refusal_is_unavailability(receiver: tuple[Receiver, SmtpMailer], part: str) -> None:
    handler, mailer = receiver
    setattr(handler, part, "451 try later")
    with pytest.raises(MailerUnavailable, match="451") as caught:
        asyncio.run(mailer.send(MAIL))
    assert not isinstance(caught.value, MailRefused)


@pytest.mark.parametrize("part", ["recipient_answer", "data_answer"])
def test_a_permanent_refusal_is_final(receiver: tuple[Receiver, SmtpMailer], part: str) -> None:
    handler, mailer = receiver
    setattr(handler, part, "550 no such user")
    with pytest.raises(MailRefused, match="550 no such user"):
        asyncio.run(mailer.send(MAIL))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(MailerUnavailable):
        asyncio.run(SmtpMailer("127.0.0.1", free_port()).send(MAIL))


def test_the_address_of_a_relay_is_read_or_refused() -> None:
    mailer = SmtpMailer.from_address("mail.localhost:1025")
    assert (mailer.host, mailer.port) == ("mail.localhost", 1025)
    assert SmtpMailer.from_address("mailpit").port == 25
    assert SmtpMailer.from_address("[::1]:1025").host == "::1"
    for text in ("", ":25", "host:x", "host:0"):
        with pytest.raises(ValueError, match="host:port"):
            SmtpMailer.from_address(text)
