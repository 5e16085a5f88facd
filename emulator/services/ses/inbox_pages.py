"""The inbox for people: plain pages without scripts.

A mail's HTML is foreign: it is shown inside a sandboxed frame without scripts, under a policy that loads nothing from
anywhere but what the message carries along.
"""

from __future__ import annotations

from html import escape
from typing import Any

from emulator.services.ses.inbox import all_recipients, path_of
from emulator.services.ses.tracking import OPENED_PATH

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of pages; send it as a header too."""
SEARCH_POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
"""Of the list, which has a form."""
MESSAGE_POLICY = f"sandbox; {PAGE_POLICY}"
"""Of the HTML of a message alone, and of what it carries along."""

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem}a{color:#0b5cad}dl{display:grid;grid-template-columns:7rem 1fr;gap:.2rem .8rem}
dt{color:#57606a}dd{margin:0;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;
padding:1rem;border-radius:6px}input{font:inherit;padding:.2rem .4rem}ul{margin:0;padding-left:1.2rem}
iframe{width:100%;height:30rem;border:1px solid #d0d7de;border-radius:6px;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d0d7de;
overflow-wrap:anywhere;vertical-align:top}
"""


def render_inbox_page(messages: list[dict[str, Any]], q: str = "") -> str:
    """The list of messages as a page, newest first."""
    form = (
        '<p><a href="/_emulator/undelivered">What could not be delivered</a></p>'
        '<form method="get" action="/_emulator/mail"><label>Search '
        f'<input name="q" value="{_text(q)}"></label> <button>Find</button></form>'
    )
    if not messages:
        nothing = "No message has these words." if q else "No message yet. Whatever is sent through SES appears here."
        return _page("Inbox", f"<h1>Inbox</h1>{form}<p>{nothing}</p>", SEARCH_POLICY)
    rows = "".join(
        f"<tr><td>{_text(message['sent_at'])}</td><td>{_text(message['from'])}</td>"
        f"<td>{_text(', '.join(all_recipients(message)))}</td>"
        f'<td><a href="{_text(path_of(message["id"]))}">'
        f"{_text(message['subject'] or '(no subject)')}</a></td><td>{_text(message['delivery']['state'])}</td></tr>"
        for message in reversed(messages)
    )
    head = "<tr><th>Sent</th><th>From</th><th>To</th><th>Subject</th><th>Delivery</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return _page("Inbox", f"<h1>Inbox</h1>{form}{table}", SEARCH_POLICY)


def message_page_policy(base_url: str) -> str:
    """Of a message's page: besides, SES's picture may be loaded, so that to read a message here is to open it."""
    address = base_url if set(base_url).isdisjoint("'\";, ") else ""
    return PAGE_POLICY.replace("img-src data:", f"img-src data: {address}{OPENED_PATH}") if address else PAGE_POLICY


def render_unsubscribe_page(contact_list: str, topic: str, address: str) -> str:
    """What the link that leaves a list leads to."""
    what = f"mail about {topic} of the list {contact_list}" if topic else f"mail of the list {contact_list}"
    body = (
        f"<h1>Unsubscribe</h1><p>{_text(address)} will get no more {_text(what)}.</p>"
        '<form method="post" action="?page=true"><button>Unsubscribe</button></form>'
    )
    return _page("Unsubscribe", body, SEARCH_POLICY)


def render_undelivered_page(found: list[dict[str, Any]]) -> str:
    """What could not be delivered as a page: what failed, why, and when it is tried next."""
    if not found:
        return _page("Undelivered", "<h1>Undelivered</h1><p>Everything has been delivered.</p>", PAGE_POLICY)
    rows = "".join(
        f"<tr><td>{_text(each['what'])}</td><td>{_text(', '.join(each['to']))}</td><td>{_subject_of(each)}</td>"
        f"<td>{_text(each['state'])}</td><td>{_text(each['why'])}</td>"
        f"<td>{_text(each['next_try_at'] or 'never')}</td></tr>"
        for each in found
    )
    head = "<tr><th>What</th><th>To</th><th>Subject</th><th>State</th><th>Why</th><th>Next try</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    back = '<p><a href="/_emulator/mail">Inbox</a></p>'
    return _page("Undelivered", f"{back}<h1>Undelivered</h1>{table}", PAGE_POLICY)


def _subject_of(each: dict[str, Any]) -> str:
    subject = _text(each["subject"] or "(no subject)")
    return f'<a href="{_text(each["path"])}">{subject}</a>' if each["path"] else subject


def render_message_page(message: dict[str, Any], html: str | None = None, policy: str = PAGE_POLICY) -> str:
    """One message as a page that a person can read; `html` is its HTML with what it carries along."""
    delivery = message["delivery"]
    facts = [
        ("From", message["from"]),
        ("To", ", ".join(message["to"])),
        ("Cc", ", ".join(message["cc"])),
        ("Bcc", ", ".join(message["bcc"])),
        ("Reply-To", ", ".join(message["reply_to"])),
        ("Sent", message["sent_at"]),
        ("Sent by", ", ".join(f"{name} {value}" for name, value in message["sent_by"].items())),
        ("Delivery", " – ".join(filter(None, (delivery["state"], delivery["detail"])))),
        ("Tags", ", ".join(f"{tag['name']}={tag['value']}" for tag in message["tags"])),
        ("Set", message["configuration_set"]),
        ("Template", message["template"]),
        ("Message id", message["id"]),
        ("Account", f"{message['account']} in {message['region']}"),
    ]
    subject = message["subject"] or "(no subject)"
    listed = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in facts if value)
    files = "".join(
        f'<li><a href="{_text(part["path"])}">{_text(part["filename"] or "(no name)")}</a>'
        f" {_text(part['content_type'])}, {part['size']:,} bytes</li>"
        for part in message["attachments"]
    )
    listed += f"<dt>Attachments</dt><dd><ul>{files}</ul></dd>" if files else ""
    path = _text(message["raw_path"])
    parts = [
        f'<p><a href="/_emulator/mail">Inbox</a> · <a href="{path}">raw source</a></p>'
        f"<h1>{_text(subject)}</h1><dl>{listed}</dl>"
    ]
    if message["text"] is not None:
        parts.append(f"<h2>Text</h2><pre>{_text(message['text'])}</pre>")
    if message["html"] is not None:
        srcdoc = _text(message["html"] if html is None else html)
        parts.append(f'<h2>HTML</h2><iframe sandbox="" title="The HTML of this message" srcdoc="{srcdoc}"></iframe>')
    if message["links"]:
        links = "".join(f"<li>{_link(link)}</li>" for link in message["links"])
        parts.append(f"<details><summary>Links</summary><ul>{links}</ul></details>")
    headers = "\n".join(f"{header['name']}: {header['value']}" for header in message["headers"])
    parts.append(f"<details><summary>Headers</summary><pre>{_text(headers)}</pre></details>")
    return _page(subject, "".join(parts), policy)


def _link(address: str) -> str:
    """A link that can be followed, if it leads to the web; whoever follows it does not say where from."""
    if not address.lower().startswith(("http://", "https://")):
        return _text(address)
    return f'<a href="{_text(address)}" rel="noreferrer noopener nofollow" target="_blank">{_text(address)}</a>'


def _text(value: str) -> str:
    return escape(str(value), quote=True)


def _page(title: str, body: str, policy: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
