"""The inbox: every message that SES accepted, to be read by people and by tests. Reads only, changes nothing.

Decides what a message looks like as JSON and as a page. A mail's HTML is foreign: it is shown inside a sandboxed frame
without scripts, under a policy that loads nothing from anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import store
from emulator.services.ses.model import Message

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of both pages; send it as a header too."""


def list_messages(tx: Transaction, to: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
    """All messages, oldest first; `to` finds part of any recipient, `subject` part of the subject, in any case."""
    found = [_as_json(scope, message) for scope, message in store.list_messages(tx)]
    if to:
        found = [message for message in found if any(to.lower() in text.lower() for text in _all_recipients(message))]
    if subject:
        found = [message for message in found if subject.lower() in message["subject"].lower()]
    return found


def get_message(tx: Transaction, identifier: str) -> dict[str, Any] | None:
    """One message by its SES message id."""
    found = store.get_message(tx, identifier)
    return _as_json(*found) if found else None


def _all_recipients(message: dict[str, Any]) -> list[str]:
    return [*message["to"], *message["cc"], *message["bcc"]]


def _as_json(scope: Scope, message: Message) -> dict[str, Any]:
    content = message.content
    return {
        "id": message.id,
        "sent_at": _iso(message.sent_at),
        "account": scope.account,
        "region": scope.region,
        "from": message.source,
        "to": list(message.to),
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "headers": [{"name": name, "value": value} for name, value in content.headers],
        "attachments": [
            {"filename": name, "content_type": kind, "size": size} for name, kind, size in content.attachments
        ],
        "tags": [{"name": name, "value": value} for name, value in message.tags],
        "delivery": {"state": message.delivery, "detail": message.delivery_detail},
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ── pages ───────────────────────────────────────────────────────────────────────────────────────

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem}a{color:#0b5cad}dl{display:grid;grid-template-columns:7rem 1fr;gap:.2rem .8rem}
dt{color:#57606a}dd{margin:0;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;
padding:1rem;border-radius:6px}
iframe{width:100%;height:30rem;border:1px solid #d0d7de;border-radius:6px;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d0d7de;
overflow-wrap:anywhere;vertical-align:top}
"""


def render_inbox_page(messages: list[dict[str, Any]]) -> str:
    """The list of messages as a page, newest first."""
    if not messages:
        return _page("Inbox", "<h1>Inbox</h1><p>No message yet. Whatever is sent through SES appears here.</p>")
    rows = "".join(
        f"<tr><td>{_text(message['sent_at'])}</td><td>{_text(message['from'])}</td>"
        f"<td>{_text(', '.join(_all_recipients(message)))}</td>"
        f'<td><a href="/_emulator/inbox/{quote(message["id"], safe="")}">'
        f"{_text(message['subject'] or '(no subject)')}</a></td><td>{_text(message['delivery']['state'])}</td></tr>"
        for message in reversed(messages)
    )
    head = "<tr><th>Sent</th><th>From</th><th>To</th><th>Subject</th><th>Delivery</th></tr>"
    return _page("Inbox", f"<h1>Inbox</h1><table><thead>{head}</thead><tbody>{rows}</tbody></table>")


def render_message_page(message: dict[str, Any]) -> str:
    """One message as a page that a person can read."""
    delivery = message["delivery"]
    facts = [
        ("From", message["from"]),
        ("To", ", ".join(message["to"])),
        ("Cc", ", ".join(message["cc"])),
        ("Bcc", ", ".join(message["bcc"])),
        ("Reply-To", ", ".join(message["reply_to"])),
        ("Sent", message["sent_at"]),
        ("Delivery", " – ".join(filter(None, (delivery["state"], delivery["detail"])))),
        ("Attachments", ", ".join(f"{part['filename']} ({part['size']:,} bytes)" for part in message["attachments"])),
        ("Tags", ", ".join(f"{tag['name']}={tag['value']}" for tag in message["tags"])),
        ("Message id", message["id"]),
        ("Account", f"{message['account']} in {message['region']}"),
    ]
    subject = message["subject"] or "(no subject)"
    listed = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in facts if value)
    parts = [f'<p><a href="/_emulator/inbox">Inbox</a></p><h1>{_text(subject)}</h1><dl>{listed}</dl>']
    if message["text"] is not None:
        parts.append(f"<h2>Text</h2><pre>{_text(message['text'])}</pre>")
    if message["html"] is not None:
        srcdoc = _text(message["html"])
        parts.append(f'<h2>HTML</h2><iframe sandbox="" title="The HTML of this message" srcdoc="{srcdoc}"></iframe>')
    headers = "\n".join(f"{header['name']}: {header['value']}" for header in message["headers"])
    parts.append(f"<details><summary>Headers</summary><pre>{_text(headers)}</pre></details>")
    return _page(subject, "".join(parts))


def _text(value: str) -> str:
    return escape(str(value), quote=True)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(PAGE_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
