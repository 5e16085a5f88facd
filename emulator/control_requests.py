"""The pages of `/_emulator/requests`: the last requests to deployed APIs, and the steps of one.

Plain HTML without scripts, as the other pages; what they show is what the same address answers as JSON.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.4rem 0 .2rem}a{color:#0b5cad}.bad{color:#b42318}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #d0d7de;
overflow-wrap:anywhere;vertical-align:top}th{font-weight:500;color:#57606a}td:first-child{white-space:nowrap}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;padding:.5rem;border-radius:6px;margin:0}
"""


def render_list(requests: list[dict[str, Any]]) -> str:
    """The list, newest first."""
    if not requests:
        return _page("Requests", "<h1>Requests</h1><p>No deployed API has been asked anything yet.</p>")
    head = "<tr><th>At</th><th>Request</th><th>Status</th><th>ms</th><th>API</th><th>Problem</th></tr>"
    rows = "".join(
        f"<tr><td>{_time(each['at'])}</td>"
        f'<td><a href="/_emulator/requests/{quote(each["id"], safe="")}">'
        f"{escape(each['method'])} {escape(each['path'])}</a></td>"
        f"<td>{_status(each['status'])}</td><td>{each['milliseconds']:g}</td>"
        f"<td>{escape(each['name'])} {escape(each['stage'])}</td><td>{escape(each['problem'] or '')}</td></tr>"
        for each in requests
    )
    return _page("Requests", f"<h1>Requests</h1><table><thead>{head}</thead><tbody>{rows}</tbody></table>")


def render_one(request: dict[str, Any]) -> str:
    """One request, step by step."""
    title = f"{request['method']} {request['path']}"
    summary = {name: value for name, value in request.items() if name not in ("steps", "at", "status")}
    parts = [
        f"<h1>{escape(title)} {_status(request['status'])}</h1><p>{_time(request['at'])} in AWS time. "
        '<a href="/_emulator/requests">all requests</a></p>',
        _facts(summary),
    ]
    for step in request["steps"]:
        facts = {name: value for name, value in step.items() if name not in ("step", "at_milliseconds")}
        parts.append(f"<h2>+{step['at_milliseconds']:g} ms {escape(step['step'])}</h2>{_facts(facts)}")
    return _page(title, "".join(parts))


def _facts(facts: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{_value(value)}</td></tr>" for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"<pre>{escape(value)}</pre>" if "\n" in value or len(value) > 80 else escape(value)
    if value is None or isinstance(value, (bool, int, float)):
        return escape(json.dumps(value))
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"


def _status(status: int | None) -> str:
    return f'<span class="bad">{status}</span>' if status is None or status >= 400 else str(status)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
