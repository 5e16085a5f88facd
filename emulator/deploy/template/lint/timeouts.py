"""A client that is told 504 while the function still runs.

AWS: an integration waits 29 seconds at most, unless a quota says more (REST), or 30 (HTTP), or 29 (WebSocket); the
function runs on. A WebSocket's client has no HTTP answer: it hears of it in a message.
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.project import Project


def check(project: Project) -> Iterator[Finding]:
    """Integrations that give up before their functions do."""
    for item in project.integrations:
        if item.always_asynchronous or item.streams:
            continue
        function = project.function_of(item.uri)
        if function is None or function.timeout_seconds is None or function.timeout_seconds <= item.timeout_seconds:
            continue
        ends = "gives up" if item.kind == "websocket" else "answers 504"
        yield Finding(
            "gateway-timeout",
            "warning",
            f"{item.label} {ends} after {item.timeout_seconds:g} s, while {function.name} may run for "
            f"{function.timeout_seconds:g} s and runs on",
            project.at(function.path),
            "give the function less time, or let it run after the answer: X-Amz-Invocation-Type 'Event', a queue, a "
            "state "
            "machine",
        )
