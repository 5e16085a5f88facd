"""One test as a page: what it said, and everything that happened in its world, in AWS time.

Pure. The page is whole in itself: no script, nothing loaded from anywhere; the HTML of a mail is foreign and shown in a
sandboxed frame under the same policy. It can be kept as an artefact of CI and opened from a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
LONGEST_TEXT = 64 * 1024
"""Characters of one payload, log or message that are shown."""

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .4rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #d0d7de;
overflow-wrap:anywhere;vertical-align:top}th{font-weight:500;color:#57606a}td:first-child{white-space:nowrap;
text-align:right;font-variant-numeric:tabular-nums}td:nth-child(2){white-space:nowrap;color:#57606a}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;padding:.5rem;border-radius:6px;margin:.2rem 0}
details{margin:.3rem 0}summary{cursor:pointer}.failed{color:#b42318}.passed{color:#1a7f37}.skipped{color:#9a6700}
tr.fault td{color:#b42318}tr.mail td{background:#f3f9f4}tr.due td{color:#57606a}
iframe{width:100%;height:24rem;border:1px solid #d0d7de;border-radius:6px;background:#fff}
"""


@dataclass(slots=True)
class Story:
    """What is told of a test."""

    test: str
    begun_at: float = 0.0
    """AWS time at which its world began."""
    timeline: dict[str, Any] = field(default_factory=dict[str, Any])
    """As `/_emulator/timeline` answers."""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    executions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    plan: str = ""
    """What was to go wrong, as code."""
    outcome: str = "passed"
    seconds: float = 0.0
    """Host time that the test took."""
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Headed texts of pytest's report: the failure, captured output."""


def render(story: Story) -> str:
    """The page."""
    parts = [
        f'<h1>{_text(story.test)} <span class="{_text(story.outcome)}">{_text(story.outcome)}</span></h1>',
        f"<p>{story.seconds:.3f} s of this machine's time; {_span(story)} of AWS time.</p>",
        *(f"<h2>{_text(title)}</h2>{_pre(text)}" for title, text in story.said),
    ]
    if story.plan:
        parts.append(f"<h2>Fault plan</h2>{_pre(story.plan)}")
    parts.append(f"<h2>Timeline</h2>{_timeline(story)}")
    parts += _section("Requests", [_request(each) for each in story.requests])
    parts += _section("Executions", [_execution(each) for each in story.executions])
    parts += _section("Mail", [_mail(each) for each in story.messages])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(story.test)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _span(story: Story) -> str:
    now = story.timeline.get("now", story.begun_at)
    return f"{now - story.begun_at:g} s"


def _timeline(story: Story) -> str:
    rows = [_row(story, each["at"], each["kind"], each["text"]) for each in story.timeline.get("events", [])]
    due = [_row(story, each["at"], "due", f"{each['kind']} {each['about']}") for each in story.timeline.get("next", [])]
    if not rows and not due:
        return "<p>Nothing has happened.</p>"
    return f"<table>{''.join([*rows, *due])}</table>"


def _row(story: Story, at: float, kind: str, text: str) -> str:
    moment = f"{max(at - story.begun_at, 0.0):+.3f} s"
    return f'<tr class="{_text(kind)}"><td>{moment}</td><td>{_text(kind)}</td><td>{_text(_cut(text))}</td></tr>'


def _request(request: dict[str, Any]) -> str:
    steps = "".join(
        f"<details><summary>+{step['at_milliseconds']:g} ms {_text(step['step'])}</summary>"
        f"{_json({name: item for name, item in step.items() if name not in ('step', 'at_milliseconds')})}</details>"
        for step in request["steps"]
    )
    title = f"{request['method']} {request['path']} → {request['status'] or 'unanswered'}"
    return f"<details><summary>{_text(title)}</summary>{steps}</details>"


def _execution(execution: dict[str, Any]) -> str:
    failure = ": ".join(execution[name] for name in ("error", "cause") if execution.get(name))
    title = f"{execution['machine']}/{execution['name']} {execution['status']} {failure}"
    states = " → ".join(execution["states"])
    return (
        f"<details><summary>{_text(_cut(title))}</summary><p>{_text(states)}</p>"
        f"<p>Input</p>{_json(execution['input'])}<p>Output</p>{_json(execution['output'])}</details>"
    )


def _mail(message: dict[str, Any]) -> str:
    to = ", ".join([*message["to"], *message["cc"], *message["bcc"]])
    said = f"<p>From {_text(message['from'])}; {_text(message['delivery']['state'])}.</p>"
    if message.get("html"):
        document = f'<meta http-equiv="Content-Security-Policy" content="{_text(POLICY)}">{_cut(message["html"])}'
        said += f'<iframe sandbox="" title="The HTML of this message" srcdoc="{_text(document)}"></iframe>'
    if message.get("text"):
        said += _pre(message["text"])
    title = f"{message['subject'] or '(no subject)'} to {to}"
    return f"<details><summary>{_text(title)}</summary>{said}</details>"


def _section(title: str, shown: Iterable[str]) -> list[str]:
    content = "".join(shown)
    return [f"<h2>{title}</h2>{content}"] if content else []


def _json(value: Any) -> str:
    return _pre(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _pre(text: str) -> str:
    return f"<pre>{_text(_cut(text))}</pre>"


def _cut(text: str) -> str:
    left = len(text) - LONGEST_TEXT
    return text if left <= 0 else f"{text[:LONGEST_TEXT]}\n… {left} characters more"


def _text(value: Any) -> str:
    """Text as HTML; what no HTML document may hold is shown as Python would write it."""
    return escape("".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in str(value)))
