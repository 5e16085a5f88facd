"""The inbox: every message that SES accepted, to be read by people and by tests. Reads only, changes nothing.

Decides what a message looks like as JSON, and which messages a search finds. What people see is inbox_pages.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import mime, store, store_documents
from emulator.services.ses.events import iso
from emulator.services.ses.model import Message

MOST_LINKS = 1000
LARGEST_INLINE_BYTES = 5 * 1024 * 1024
"""Of pictures that a message's HTML names by `cid:` and carries along, all together."""


@dataclass(frozen=True, slots=True)
class Search:
    """What messages are looked for; every word in any case, all that is given must fit."""

    to: str = ""
    """Part of any recipient."""
    sender: str = ""
    """Part of From or of the envelope sender."""
    subject: str = ""
    q: str = ""
    """Words that are all somewhere: addresses, subject, text, HTML, headers."""
    since: float | None = None
    """Epoch seconds of AWS time at which a message was sent at the earliest."""
    limit: int = 0
    """The last so many; 0 is all."""
    account: str = ""
    """Whose messages; empty is everybody's."""

    def finds(self, message: Message) -> bool:
        """Whether a message fits."""
        recipients = (*message.to, *message.cc, *message.bcc)
        if self.since is not None and message.sent_at < self.since:
            return False
        if self.to and not any(_holds(text, self.to) for text in recipients):
            return False
        if self.sender and not (_holds(message.source, self.sender) or _holds(message.envelope_sender, self.sender)):
            return False
        content = message.content
        if self.subject and not _holds(content.subject, self.subject):
            return False
        if self.q:
            words = [content.subject, content.text or "", content.html or "", message.source, *recipients]
            everything = "\n".join([*words, *(f"{name}: {value}" for name, value in content.headers)]).casefold()
            return all(word in everything for word in self.q.casefold().split())
        return True


def _holds(text: str, part: str) -> bool:
    return part.casefold() in text.casefold()


def list_messages(
    tx: Transaction, to: str | None = None, subject: str | None = None, search: Search | None = None
) -> list[dict[str, Any]]:
    """Messages that a search finds, oldest first."""
    wanted = search or Search(to or "", subject=subject or "")
    found = [
        (scope, message)
        for scope, message in store.list_messages(tx)
        if wanted.account in ("", scope.account) and message.delivery != "lost" and wanted.finds(message)
    ]
    return [_as_json(scope, message) for scope, message in (found[-wanted.limit :] if wanted.limit else found)]


def list_undelivered(tx: Transaction) -> list[dict[str, Any]]:
    """Messages that have come back, were not sent, or wait after a failure for their next try; oldest first."""
    found = ((scope, message) for scope, message in store.list_messages(tx, undelivered=True))
    return [_as_json(scope, message) for scope, message in found]


def get_message(tx: Transaction, identifier: str) -> dict[str, Any] | None:
    """One message by its SES message id."""
    found = store.get_message(tx, identifier)
    return _as_json(*found) if found else None


def get_raw(tx: Transaction, identifier: str) -> Message | None:
    """One message with its bytes."""
    found = store.get_message(tx, identifier)
    return found[1] if found else None


def get_attachment(tx: Transaction, identifier: str, number: int) -> mime.Part | None:
    """An attachment of a message, as it came, by its number from 0."""
    message = get_raw(tx, identifier)
    if message is None:
        return None
    parts = mime.attached(message.raw)
    return parts[number] if 0 <= number < len(parts) else None


def get_html(tx: Transaction, identifier: str) -> str | None:
    """The HTML of a message, with the pictures it carries along; None if it has none."""
    message = get_raw(tx, identifier)
    if message is None or message.content.html is None:
        return None
    pictures: dict[str, str] = {}
    room = LARGEST_INLINE_BYTES
    for part in mime.attached(message.raw) if "cid:" in message.content.html else ():
        if part.content_id and part.content_type.startswith("image/") and len(part.content) <= room:
            room -= len(part.content)
            pictures[part.content_id] = part.as_data_url()
    return re.sub(
        r"cid:([^\"'\s)>]+)", lambda found: pictures.get(found[1], found[0]), message.content.html, flags=re.IGNORECASE
    )


def delete_messages(tx: Transaction, identifier: str | None = None) -> int:
    """Forget one message or all; how many. What counts them (quotas, statistics) counts them no more."""
    store_documents.forget_messages(tx, identifier)
    return store.delete_messages(tx, identifier)


def all_recipients(message: dict[str, Any]) -> list[str]:
    """To, Cc and Bcc of a message as JSON."""
    return [*message["to"], *message["cc"], *message["bcc"]]


def path_of(identifier: str) -> str:
    """Where a message is shown."""
    return f"/_emulator/inbox/{quote(identifier, safe='')}"


def _as_json(scope: Scope, message: Message) -> dict[str, Any]:
    content, sent = message.content, message.sent
    return {
        "id": message.id,
        "sent_at": iso(message.sent_at),
        "account": scope.account,
        "region": scope.region,
        "from": message.source,
        "envelope_sender": message.envelope_sender,
        "to": list(message.to),
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "headers": [{"name": name, "value": value} for name, value in content.headers],
        "attachments": [
            {
                "filename": name,
                "content_type": kind,
                "size": size,
                "path": f"{path_of(message.id)}/attachments/{number}",
            }
            for number, (name, kind, size) in enumerate(content.attachments)
        ],
        "links": list(_links(content.text, content.html)),
        "tags": [{"name": name, "value": value} for name, value in message.tags],
        "operation": sent.operation,
        "configuration_set": sent.configuration_set,
        "template": sent.template,
        "sent_by": dict(sent.sent_by),
        "delivery": {"state": message.delivery, "detail": message.delivery_detail},
        "raw_path": f"{path_of(message.id)}/raw",
    }


def _links(text: str | None, html: str | None) -> list[str]:
    """Addresses that a reader could follow, each once, in order."""
    found: dict[str, None] = {}
    for link in _hrefs(html or ""):
        found.setdefault(link)
    for link in re.findall(r"https?://[^\s<>\"')\]]+", text or ""):
        found.setdefault(link.rstrip(".,;:!?"))
    return list(found)[:MOST_LINKS]


def _hrefs(html: str) -> Iterator[str]:
    if "href" not in html.lower():
        return
    reader = _Hrefs()
    try:
        reader.feed(html)
    except (AssertionError, ValueError):  # what the standard library's parser makes of broken declarations
        pass
    yield from reader.found


class _Hrefs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "area"):
            self.found += [value.strip() for name, value in attrs if name == "href" and value and len(value) < 8192]
