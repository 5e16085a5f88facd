"""The mailer that hands messages to a real mail server over SMTP (Mailpit, a relay).

Decides which SMTP answers are worth another try. Knows nothing of SES, of jobs or of the store; the conversation runs
in a thread, because smtplib blocks. No TLS and no login: the relay is a tool on the developer's own machine or network.
"""

from __future__ import annotations

import asyncio
import smtplib

from emulator.ports import Mailer, MailerUnavailable, MailRefused, OutgoingMail

CONVERSATION_TIMEOUT_SECONDS = 15.0


class SmtpMailer(Mailer):
    """Sends each message in a conversation of its own."""

    def __init__(self, host: str, port: int = 25, timeout_seconds: float = CONVERSATION_TIMEOUT_SECONDS) -> None:
        self.host = host
        self.port = port
        self.timeout_seconds = timeout_seconds

    @staticmethod
    def from_address(text: str) -> SmtpMailer:
        """A mailer for `host:port`, `host` (port 25) or `[ipv6]:port`. Raises ValueError, saying what is expected."""
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, "25"
        host = host.strip("[]")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"a mail server is host:port, not {text!r}")
        return SmtpMailer(host, int(port))

    async def send(self, mail: OutgoingMail) -> None:
        """Hand the message over. Raises `MailerUnavailable` to be called again, `MailRefused` to give up."""
        await asyncio.to_thread(self._send, mail)

    def _send(self, mail: OutgoingMail) -> None:
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds) as server:
                server.sendmail(mail.sender, list(mail.recipients), mail.raw)
        except smtplib.SMTPRecipientsRefused as error:
            answers = list(error.recipients.values())
            text = "; ".join(f"{to}: {_answer(*answer)}" for to, answer in error.recipients.items())
            raise _failure(min((code for code, _ in answers), default=0), text) from error
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code, _answer(error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailerUnavailable(f"{self.host}:{self.port}: {error or type(error).__name__}") from error


def _failure(code: int, text: str) -> MailerUnavailable:
    return MailRefused(text) if 500 <= code <= 599 else MailerUnavailable(text)


def _answer(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
