"""`/_emulator/inbox` and `/_emulator/mail`: mail as JSON and as pages, what it carries along, waiting, releasing."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Body, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from emulator import control_worlds
from emulator.aws.addressing import DEFAULT_ACCOUNT, REGION
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.control_clock import Refused
from emulator.ports import MailerUnavailable, MailSubmission, SubmissionRefused
from emulator.services.ses import inbox, inbox_pages, model, tracking
from emulator.services.ses.inbox import Search
from emulator.services.ses.operations.engagement import Reader
from emulator.services.ses.operations.incoming import NobodyReceives

if TYPE_CHECKING:
    from emulator.app import Emulator

LONGEST_WAIT_SECONDS = 366 * 86400.0
ACCOUNT = re.compile(r"[0-9]{12}")


def add_routes(app: FastAPI, emulator: Emulator) -> None:
    """Add the inbox to the control API."""

    def problem(status: int, message: str) -> JSONResponse:
        return JSONResponse({"message": message}, status)

    def no_message(message_id: str) -> JSONResponse:
        return problem(404, f"there is no message {message_id}; GET /_emulator/inbox lists them")

    async def list_inbox(
        to: str = "",
        sender: str = Query("", alias="from"),
        subject: str = "",
        q: str = "",
        since: str = "",
        limit: int = 0,
        wait: float = 0.0,
        account: str = "",
    ) -> Any:
        """Messages sent, oldest first: to and from (parts of addresses), subject, q (words anywhere), since (epoch
        seconds or ISO 8601), limit (the last ones), account. With wait, answers as soon as there is one, or
        408 after so many seconds of AWS time."""
        earliest = _moment(since)
        if since and earliest is None:
            return problem(400, "since is a time in epoch seconds or ISO 8601")
        if not 0 <= wait <= LONGEST_WAIT_SECONDS or limit < 0:
            return problem(400, "wait is between 0 and a year in seconds, limit 0 or more")
        search = Search(to, sender, subject, q, earliest, limit, account)
        found = await control_worlds.find_mail(emulator, search, wait)
        if found or not wait:
            return {"messages": found}
        text = f"no such message came within {wait:g} s of AWS time"
        return JSONResponse({"message": text, "messages": []}, 408)

    async def inbox_page(q: str = "") -> Any:
        """The inbox for people."""
        search = Search(q=q, limit=1000)
        messages = await emulator.store.read(lambda tx: inbox.list_messages(tx, search=search))
        html = inbox_pages.render_inbox_page(messages, q)
        return HTMLResponse(html, headers={"Content-Security-Policy": inbox_pages.SEARCH_POLICY})

    async def read_message(message_id: str, request: Request) -> Any:
        """One message: a page in a browser, JSON for everyone else."""
        message = await emulator.store.read(lambda tx: inbox.get_message(tx, message_id))
        if message is None:
            return no_message(message_id)
        if "text/html" not in request.headers.get("accept", ""):
            return message
        html = await emulator.store.read(lambda tx: inbox.get_html(tx, message_id))
        policy = inbox_pages.message_page_policy(emulator.base_url)
        page = inbox_pages.render_message_page(message, html, policy)
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    async def read_raw(message_id: str) -> Any:
        """The source of a message, as SES sent it."""
        message = await emulator.store.read(lambda tx: inbox.get_raw(tx, message_id))
        return no_message(message_id) if message is None else _file(message.raw, "message/rfc822", f"{message_id}.eml")

    async def read_html(message_id: str) -> Any:
        """The HTML of a message alone, made harmless: no scripts, nothing loaded from anywhere."""
        html = await emulator.store.read(lambda tx: inbox.get_html(tx, message_id))
        if html is None:
            return problem(404, f"there is no message {message_id} with HTML")
        return HTMLResponse(html, headers={"Content-Security-Policy": inbox_pages.MESSAGE_POLICY})

    async def read_attachment(message_id: str, number: int) -> Any:
        """An attachment of a message, by its number from 0, to be kept as a file."""
        part = await emulator.store.read(lambda tx: inbox.get_attachment(tx, message_id, number))
        if part is None:
            return problem(404, f"message {message_id} has no attachment {number}")
        return _file(part.content, part.content_type, part.filename or f"attachment-{number}")

    async def release(message_id: str, request: dict[str, Any] = Body(examples=[{"smtp": "localhost:1025"}])) -> Any:
        """Hand a message to a real mail server (smtp, else the one of --smtp), to its recipients or to others."""
        to, smtp = request.get("to"), request.get("smtp")
        if to is not None and not (isinstance(to, list) and to and all(isinstance(each, str) for each in to)):
            return problem(400, '"to" is a list of addresses')
        if smtp is not None and not isinstance(smtp, str):
            return problem(400, '"smtp" is host:port')
        _check_members(request, {"smtp", "to"})
        try:
            to = [model.parse_address(text).mailbox for text in to] if to else None
        except model.Refused as error:
            return problem(400, f'"to" is a list of addresses: {error.message}')
        try:
            recipients = await emulator.release(message_id, to, smtp)
        except ValueError as error:
            return problem(400, str(error))
        except MailerUnavailable as error:
            return problem(502, f"the mail server did not take it: {error}")
        return no_message(message_id) if recipients is None else {"released": message_id, "to": recipients}

    async def inbound(
        request: dict[str, Any] = Body(
            examples=[{"from": "ada@example.org", "to": ["in@example.com"], "subject": "Hi", "text": "Hello"}]
        ),
        account: str = "",
        region: str = "",
    ) -> Any:
        """Mail from outside, for SES's receipt rules: from, to and raw (the whole message), or subject, text, html.

        Whose rules: of the account and region with the verified identity that it is for; or those that are given, in
        the query or the body.
        """
        owner = _owner(request, account, region, {"from", "to", "raw", "subject", "text", "html"})
        to = request.get("to")
        texts = {name: request.get(name) for name in ("from", "raw", "subject", "text", "html")}
        if not (isinstance(to, list) and to and all(isinstance(each, str) for each in to)):
            return problem(400, '"to" is a list of addresses')
        if not texts["from"] or not all(text is None or isinstance(text, str) for text in texts.values()):
            return problem(400, '"from" is an address, and raw, subject, text and html are texts')
        try:
            if texts["raw"] is None:
                raw = _written(texts, to, *await emulator.store.read(lambda tx: (tx.now, tx.new_id())))
            else:
                raw = texts["raw"].encode("utf-8", "replace")
            mail = MailSubmission(texts["from"], tuple(to), raw, "", "127.0.0.1")
            return {"id": await emulator.receive_mail(mail, *owner)}
        except NobodyReceives as refused:
            return problem(422, f"550 nobody receives this: {refused.missing}")
        except SubmissionRefused as refused:
            return problem(422, str(refused))
        except ValueError as error:
            return problem(400, str(error))

    async def texts(
        request: dict[str, Any] = Body(examples=[{"from": "+491701234567", "text": "STOP"}]),
        account: str = "",
        region: str = "",
    ) -> Any:
        """A text message from a phone to SNS: STOP and its like opt the number out, anything else does nothing.

        To the default account and region, or to those that are given, in the query or the body.
        """
        named = _owner(request, account, region, {"from", "text"})
        number, text = request.get("from"), request.get("text")
        if not isinstance(number, str) or not isinstance(text, str):
            return problem(400, '"from" is a phone number, "text" a text')
        scope = Scope(named[0] or DEFAULT_ACCOUNT, named[1] or emulator.settings.region)
        try:
            out = await emulator.store.transact(lambda tx: emulator.sns.texts.reply(tx, scope, number, text))
        except AwsError as refused:
            return problem(400, refused.message)
        return {"opted_out": out}

    async def verify(token: str) -> Any:
        """What the link of a verification mail does."""
        verified, onward = await emulator.store.transact(lambda tx: emulator.ses.verification.confirm(tx, token))
        if onward.startswith(("http://", "https://")):
            return RedirectResponse(onward, 302)
        if verified:
            return Response("The address is verified.\n", media_type="text/plain")
        return problem(404, "this link is unknown or has expired")

    async def opened(message_id: str, request: Request) -> Any:
        """What the picture of a tracked message does: SES tells of an Open."""
        reader = _reader(request)
        known = await emulator.store.transact(lambda tx: emulator.ses.engagement.opened(tx, message_id, reader))
        if not known:
            return no_message(message_id)
        headers = {"Cache-Control": "no-cache, no-store", "X-Content-Type-Options": "nosniff"}
        return Response(tracking.PIXEL, media_type="image/gif", headers=headers)

    async def clicked(message_id: str, number: int, request: Request) -> Any:
        """What a link of a tracked message does: SES tells of a Click, and sends the reader on."""
        reader = _reader(request)
        change = lambda tx: emulator.ses.engagement.clicked(tx, message_id, number, reader)  # noqa: E731
        url = await emulator.store.transact(change)
        return no_message(message_id) if url is None else RedirectResponse(url, 302)

    async def unsubscribe_page(message_id: str) -> Any:
        """What the link that leaves a contact list shows: whether one really wants to."""
        found = await emulator.store.read(lambda tx: emulator.ses.engagement.subscription(tx, message_id))
        if found is None:
            return no_message(message_id)
        sent = found[1].sent
        html = inbox_pages.render_unsubscribe_page(sent.contact_list, sent.topic, found[1].recipients[0])
        return HTMLResponse(html, headers={"Content-Security-Policy": inbox_pages.SEARCH_POLICY})

    async def unsubscribe(message_id: str, page: bool = False) -> Any:
        """Leaves the contact list or topic that a message was sent by, as a mail program's button or the page asks."""
        source = "UnsubscribePage" if page else "UnsubscribeHeader"
        change = lambda tx: emulator.ses.engagement.unsubscribe(tx, message_id, source)  # noqa: E731
        if await emulator.store.transact(change):
            return Response("You have unsubscribed.\n", media_type="text/plain")
        return no_message(message_id)

    async def complain(message_id: str, request: dict[str, Any] = Body(examples=[{"to": "ada@example.org"}])) -> Any:
        """Marks a message as spam, as a recipient would: SES tells of a Complaint and suppresses the address."""
        to = request.get("to")
        _check_members(request, {"to"})
        if not isinstance(to, str):
            return problem(400, '"to" is a recipient of the message')
        known = await emulator.store.transact(lambda tx: emulator.ses.engagement.complained(tx, message_id, to))
        return {"complained": message_id} if known else problem(404, f"there is no message {message_id} to {to}")

    async def delete_message(message_id: str) -> Any:
        """Forget one message."""
        deleted = await emulator.store.transact(lambda tx: inbox.delete_messages(tx, message_id))
        return {"deleted": deleted} if deleted else no_message(message_id)

    async def empty() -> dict[str, int]:
        """Forget every message; identities and templates stay."""
        return {"deleted": await emulator.store.transact(inbox.delete_messages)}

    app.add_api_route("/_emulator/inbox", list_inbox, methods=["GET"])
    app.add_api_route("/_emulator/inbox", empty, methods=["DELETE"])
    app.add_api_route("/_emulator/verify/{token}", verify, methods=["GET"])
    app.add_api_route(tracking.OPENED_PATH + "{message_id}", opened, methods=["GET"])
    app.add_api_route(tracking.CLICKED_PATH + "{message_id}/{number}", clicked, methods=["GET"])
    app.add_api_route(tracking.UNSUBSCRIBE_PATH + "{message_id}", unsubscribe_page, methods=["GET"])
    app.add_api_route(tracking.UNSUBSCRIBE_PATH + "{message_id}", unsubscribe, methods=["POST"])
    app.add_api_route("/_emulator/inbox/{message_id}/complain", complain, methods=["POST"])
    app.add_api_route("/_emulator/inbound", inbound, methods=["POST"])
    app.add_api_route("/_emulator/texts", texts, methods=["POST"])
    app.add_api_route("/_emulator/mail", inbox_page, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/_emulator/inbox/{message_id}", read_message, methods=["GET"])
    app.add_api_route("/_emulator/inbox/{message_id}", delete_message, methods=["DELETE"])
    app.add_api_route("/_emulator/inbox/{message_id}/raw", read_raw, methods=["GET"])
    app.add_api_route("/_emulator/inbox/{message_id}/html", read_html, methods=["GET"])
    app.add_api_route("/_emulator/inbox/{message_id}/attachments/{number}", read_attachment, methods=["GET"])
    app.add_api_route("/_emulator/inbox/{message_id}/release", release, methods=["POST"])


def _reader(request: Request) -> Reader:
    return Reader(request.client.host if request.client else "127.0.0.1", request.headers.get("user-agent", "")[:1024])


def _check_members(request: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(request) - known)
    if unknown:
        raise Refused(400, f"{unknown[0]!r:.100} is not known here; a body has {', '.join(sorted(known))}")


def _owner(request: dict[str, Any], account: str, region: str, known: set[str]) -> tuple[str, str]:
    """Account and region that a request names, in its query or its body; empty where it does not. Raises `Refused`."""
    _check_members(request, known | {"account", "region"})
    found: list[str] = []
    for name, asked, form in (("account", account, ACCOUNT), ("region", region, REGION)):
        given = request.get(name, asked)
        if not isinstance(given, str) or not (given == "" or form.fullmatch(given)):
            raise Refused(400, f'"{name}" is no {name}: {str(given)!r:.60}')
        if asked not in ("", given):
            raise Refused(400, f"the query says {name} {asked:.40}, the body {given}")
        found.append(given)
    return found[0], found[1]


def _written(texts: dict[str, Any], to: list[str], now: float, fresh_id: str) -> bytes:
    """A message from its parts, as the sender's mail program would write it. Raises ValueError for a bad header."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = texts["from"], ", ".join(to), texts["subject"] or ""
    domain = texts["from"].rpartition("@")[2].rstrip("> ")
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{fresh_id}@{domain if re.fullmatch(r'[A-Za-z0-9.-]+', domain) else 'localhost'}>"
    message.set_content(texts["text"] or "")
    if texts["html"] is not None:
        message.add_alternative(texts["html"], subtype="html")
    try:
        return message.as_bytes()
    except UnicodeError:
        raise ValueError("the message has characters that no mail can have") from None


def _file(content: bytes, kind: str, name: str) -> Response:
    """Foreign bytes: kept as a file, never shown by the browser as a page of the emulator's."""
    shown = kind if kind.isascii() and kind.isprintable() and "/" in kind else "application/octet-stream"
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": inbox_pages.MESSAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Content-Type": shown,
    }
    return Response(content, headers=headers)


def _moment(text: str) -> float | None:
    """Epoch seconds of a time in either form; None of what is none."""
    try:
        found = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return found if math.isfinite(found) else None
