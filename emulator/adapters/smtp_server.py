"""The SMTP interface: mail that applications hand over by SMTP instead of by an API, as at email-smtp.{region}.

Decides the conversation: greeting, login, sizes, what is answered to what. Whether a message is accepted is for whoever
was given as `submit` and `receive` to say, and nothing is answered before they have. aiosmtpd speaks the protocol.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from emulator.ports import MailSubmission, SubmissionRefused

LARGEST_MESSAGE_BYTES = 40 * 1024 * 1024
MOST_RECIPIENTS = 100
"""Of one conversation; how many a message may have is SES's to say."""
IDLE_SECONDS = 300.0
SMTP_PASSWORD_VERSION = 4
"""The first byte of an SMTP password that SES's algorithm derives from a secret key [D]."""
_ACCESS_KEY = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}")

Accept = Callable[[MailSubmission], Awaitable[str]]


class SmtpUnavailable(Exception):
    """The SMTP interface cannot listen; the text says why."""


class SmtpServer:
    """Listens on one address. Who has logged in sends (`submit`); mail of others comes in from outside (`receive`)."""

    def __init__(self, host: str, port: int, submit: Accept, receive: Accept, certificate: Path | None = None) -> None:
        self.host = host
        self.port = port
        self._submit = submit
        self._receive = receive
        self._certificate = certificate
        self._server: asyncio.Server | None = None
        self._conversations: set[Any] = set()

    async def start(self) -> None:
        """Listen. Raises `SmtpUnavailable` if the port is taken or the certificate cannot be read."""
        from aiosmtpd.smtp import SMTP

        context: ssl.SSLContext | None = None
        if self._certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                context.load_cert_chain(self._certificate)
            except (OSError, ValueError) as error:  # SSLError is an OSError
                raise SmtpUnavailable(f"The certificate {self._certificate} cannot be used: {error}.") from None
        loop = asyncio.get_running_loop()

        def conversation() -> Any:
            return SMTP(
                self,
                data_size_limit=LARGEST_MESSAGE_BYTES,
                enable_SMTPUTF8=False,
                hostname="email-smtp.amazonaws.com",
                ident="ESMTP SimpleEmailService",
                tls_context=context,
                timeout=IDLE_SECONDS,
                auth_require_tls=False,
                authenticator=_authenticate,
                loop=loop,
            )

        try:
            self._server = await loop.create_server(conversation, self.host, self.port)
        except OSError as error:
            where = f"port {self.port} on {self.host}"
            raise SmtpUnavailable(f"The SMTP interface cannot listen to {where}: {error.strerror}.") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Listen no more. What was answered with 250 is kept; conversations under way end."""
        if self._server is not None:
            self._server.close()
            self._server = None

    # ── what aiosmtpd asks ──────────────────────────────────────────────────────────────────────

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, rcpt_options: list[str]) -> str:
        """A recipient is taken note of; too many are not."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """A whole message: accepted once whoever decides has committed it."""
        peer = session.peer[0] if session.peer else "127.0.0.1"
        user = session.auth_data.decode("utf-8", "replace") if session.auth_data else ""
        mail = MailSubmission(
            envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.content or b""), user, peer
        )
        try:
            identifier = await (self._submit(mail) if user else self._receive(mail))
        except SubmissionRefused as refused:
            return _one_line(str(refused))
        return f"250 Ok {identifier}"

    async def handle_exception(self, error: Exception) -> str:
        """A mistake of ours: the client is to come again."""
        return "451 Temporary service failure"


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, auth_data: Any) -> Any:
    """SES's answer to a login. No secret is known here: of an access key's password only the form is checked."""
    from aiosmtpd.smtp import AuthResult

    user = bytes(getattr(auth_data, "login", b"") or b"")
    password = bytes(getattr(auth_data, "password", b"") or b"")
    known = bool(user and password)
    if known and _ACCESS_KEY.fullmatch(user.decode("latin-1")):
        known = _is_smtp_password(password)
    if known:
        return AuthResult(success=True, auth_data=user)
    return AuthResult(success=False, handled=False, message="535 Authentication Credentials Invalid")


def _is_smtp_password(password: bytes) -> bool:
    """Whether a password is of the form that SES derives from a secret key: a version and a SHA-256, in base64."""
    try:
        found = base64.b64decode(password, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(found) == 33 and found[0] == SMTP_PASSWORD_VERSION


def _one_line(reply: str) -> str:
    """A reply fits on one line of SMTP and is ASCII."""
    return re.sub(r"[^ -~]+", " ", reply)[:500]
