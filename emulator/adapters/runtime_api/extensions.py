"""The extensions of one execution environment: who registered for what, and who is still at work.

Pure: calls in, responses out. Knows neither processes nor sockets. Source: AWS's documentation of the Extensions API
and reference lambda_invoke.md 1.8.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import replies
from .replies import Request, Response

Answer = Callable[[Response], None]

MOST_EXTENSIONS = 10
INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"


class Standing(Enum):
    """How far an extension is; the values are AWS's names."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"


@dataclass(slots=True)
class Extension:
    """One extension."""

    name: str
    external: bool
    identifier: str = ""
    events: tuple[str, ...] = ()
    standing: Standing = Standing.STARTED
    waiting: Answer | None = None
    error_type: str = ""
    pending: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Extensions:
    """The registry. `changed` is called after every step that may complete an init or an invocation."""

    def __init__(self, about: dict[str, str], account: str, changed: Callable[[], None]) -> None:
        self._about, self._account, self._changed = about, account, changed
        self._all: dict[str, Extension] = {}
        self.closed = False
        """Registration ends with the init phase."""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._all.values())

    def expect(self, name: str) -> None:
        """An external extension is about to be started."""
        self._all[name] = Extension(name, external=True)

    def all_registered(self) -> bool:
        """Whether every external one has registered: the runtime may start."""
        return all(extension.standing is not Standing.STARTED for extension in self._all.values())

    def all_ready(self) -> bool:
        """Whether every one has asked for its next event."""
        return all(extension.standing is Standing.READY for extension in self._all.values())

    def failed(self) -> Extension | None:
        """The first one that reported an error."""
        broken = (Standing.INIT_ERROR, Standing.EXIT_ERROR)
        return next((each for each in self._all.values() if each.standing in broken), None)

    # ── what happens to them ──

    def exited(self, name: str) -> Extension | None:
        extension = self._all.get(name)
        if extension is not None and extension.standing is not Standing.EXITED:
            extension.waiting = None
            if extension.standing not in (Standing.INIT_ERROR, Standing.EXIT_ERROR):
                extension.standing = Standing.EXITED
        return extension

    def send(self, event: dict[str, Any]) -> None:
        """Hand an event to everyone who registered for it."""
        for extension in self._all.values():
            if event["eventType"] in extension.events and extension.standing is not Standing.EXITED:
                if extension.waiting is not None:
                    _deliver(extension, event)
                else:
                    extension.pending.append(event)
                    if extension.standing is Standing.READY:  # its poll was cut
                        extension.standing = Standing.RUNNING

    # ── calls ──

    def register(self, request: Request) -> Response:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return replies.INVALID_EXTENSION_NAME
        try:
            body = json.loads(request.body or b"{}")
            events = body.get("events", []) if isinstance(body, dict) else None
        except (ValueError, RecursionError):
            events = None
        if not isinstance(events, list):
            return replies.INVALID_REQUEST_FORMAT
        extension = self._all.get(name)
        if extension is not None and extension.standing is not Standing.STARTED:
            return replies.extension_state(extension.standing.value, Standing.REGISTERED.value, name)
        if self.closed:
            return replies.REGISTRATION_CLOSED
        for event in events:
            if event not in (INVOKE, SHUTDOWN):
                return replies.invalid_event_type(event)
        if extension is None:
            if SHUTDOWN in events:
                return replies.shutdown_not_for_internal(name)
            if len(self._all) >= MOST_EXTENSIONS:
                return replies.TOO_MANY_EXTENSIONS
            extension = self._all[name] = Extension(name, external=False)
        extension.identifier = str(uuid.uuid4())
        extension.events = tuple(events)
        extension.standing = Standing.REGISTERED
        about = dict(self._about)
        wanted = request.headers.get("lambda-extension-accept-feature", "")
        if "accountId" in [feature.strip() for feature in wanted.split(",")]:
            about["accountId"] = self._account
        self._changed()
        body = json.dumps(about, separators=(",", ":")).encode()
        return Response(200, body, {"Lambda-Extension-Identifier": extension.identifier})

    def next(self, request: Request, answer: Answer) -> None:
        extension = self.caller(request)
        if isinstance(extension, Response):
            return answer(extension)
        if extension.standing not in (Standing.REGISTERED, Standing.READY, Standing.RUNNING):
            return answer(replies.extension_state(extension.standing.value, "Ready", extension.name))
        extension.standing, extension.waiting = Standing.READY, answer
        if extension.pending:
            _deliver(extension, extension.pending.pop(0))
        self._changed()

    def withdraw(self, answer: Answer) -> None:
        """The connection on which an extension polled is gone; it may poll again."""
        for extension in self._all.values():
            if extension.waiting is answer:
                extension.waiting = None

    def error(self, request: Request, initialising: bool) -> Response:
        """`/init/error` or `/exit/error`: the extension gives up and is expected to exit."""
        extension = self.caller(request)
        if isinstance(extension, Response):
            return extension
        error_type = request.headers.get("lambda-extension-function-error-type")
        if not error_type:
            return replies.MISSING_ERROR_TYPE
        wanted = Standing.INIT_ERROR if initialising else Standing.EXIT_ERROR
        possible = (Standing.REGISTERED,) if initialising else (Standing.READY, Standing.RUNNING, Standing.REGISTERED)
        if extension.standing not in possible:
            return replies.extension_state(extension.standing.value, wanted.value, extension.name)
        extension.standing, extension.error_type = wanted, error_type
        self._changed()
        return replies.ACCEPTED

    def caller(self, request: Request) -> Extension | Response:
        """Who sent it, or why that is unknown."""
        identifier = request.headers.get("lambda-extension-identifier")
        if not identifier:
            return replies.MISSING_IDENTIFIER
        try:
            uuid.UUID(identifier)
        except ValueError:
            return replies.INVALID_IDENTIFIER
        for extension in self._all.values():
            if extension.identifier == identifier:
                return extension
        return replies.unknown_identifier(identifier)


def _deliver(extension: Extension, event: dict[str, Any]) -> None:
    answer, extension.waiting = extension.waiting, None
    assert answer is not None
    extension.standing = Standing.RUNNING
    body = json.dumps(event, separators=(",", ":")).encode()
    answer(Response(200, body, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}))
