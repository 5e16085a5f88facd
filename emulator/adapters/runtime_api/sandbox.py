"""One execution environment as its Runtime API sees it: a runtime, its extensions, and at most one invocation.

Pure: calls and invocations in, responses and events out; no socket, no clock, no process. An init phase and an
invocation are complete when the runtime and every extension have asked for what comes next.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from emulator.ports import LARGEST_RESPONSE_BYTES, RESPONSE_TOO_LARGE, RESPONSE_TOO_LARGE_TYPE

from . import replies
from .extensions import INVOKE, SHUTDOWN, Answer, Extension, Extensions, Standing
from .replies import Request, Response
from .states import Call, State, after

RUNTIME_PREFIX = "/2018-06-01/"
EXTENSION_PREFIX = "/2020-01-01/extension/"
TELEMETRY_PATH = "/2022-07-01/telemetry"
LOGS_PATH = "/2020-08-15/logs"
MODE_HEADER = "lambda-runtime-function-response-mode"
ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"
ERROR_BODY_HEADER = "lambda-runtime-function-error-body"
TRUNCATED_RESPONSE = "Runtime.TruncatedResponse"


@dataclass(frozen=True, slots=True)
class Work:
    """An invocation, as a runtime receives it."""

    request_id: str
    payload: bytes
    deadline_ms: int
    invoked_function_arn: str
    trace_id: str = ""
    client_context: str | None = None
    on_chunk: Callable[[bytes], None] | None = None
    """Takes the pieces of a streamed response; None collects them."""


class Outcome(NamedTuple):
    """What the runtime answered: the function's JSON, or with an error type the error's, verbatim."""

    body: bytes
    error_type: str | None = None


class Observer(Protocol):
    """Who owns the sandbox, and what it is told. Nothing here is called twice for the same reason."""

    def extensions_registered(self) -> None:
        """The runtime may start."""

    def initialised(self) -> None:
        """Runtime and extensions wait for an invocation."""

    def init_failed(self, outcome: Outcome) -> None:
        """The runtime reported that it cannot start."""

    def answered(self, outcome: Outcome) -> None:
        """The runtime has sent its response or error; it or an extension may still be at work."""

    def completed(self, outcome: Outcome) -> None:
        """Runtime and extensions are done with the invocation."""

    def extension_failed(self, extension: Extension) -> None:
        """An extension reported an error."""

    def subscribe(self, name: str, request: Request) -> Response:
        """A call of the Telemetry API by an extension."""
        ...


class Sink(Protocol):
    """Takes a streamed body."""

    def write(self, data: bytes) -> None: ...
    def end(self, headers: Mapping[str, str]) -> Response: ...
    def abort(self) -> None: ...


class Sandbox:
    """The protocol. With `native`, the runtime speaks another one and tells by `runtime_ready` and `runtime_done`."""

    def __init__(self, observer: Observer, about: dict[str, str], account: str, native: bool = False) -> None:
        self._observer, self._native = observer, native
        self.extensions = Extensions(about, account, self._extensions_changed)
        self.state = State.STARTED
        self._waiting: Answer | None = None
        self._work: Work | None = None
        self._outcome: Outcome | None = None
        self._runtime_may_start = False
        self._initialised = False
        self._reported_failure = False

    # ── what the environment does ──

    def begin(self) -> None:
        """Every external extension that will be started is known (`extensions.expect`)."""
        self._extensions_changed()

    def invoke(self, work: Work) -> None:
        """Hand an invocation to the runtime and the extensions."""
        assert self._work is None and self._initialised, self.state
        self._work, self._outcome = work, None
        self.extensions.send(
            {
                "eventType": INVOKE,
                "deadlineMs": work.deadline_ms,
                "requestId": work.request_id,
                "invokedFunctionArn": work.invoked_function_arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": work.trace_id},
            }
        )
        if self._native:
            self.state = State.RUNNING
        elif self._waiting is not None:
            answer, self._waiting = self._waiting, None
            self._deliver(work, answer)

    def shutdown(self, reason: str, deadline_ms: int) -> None:
        """Tell the extensions that the environment ends: SPINDOWN, TIMEOUT or FAILURE."""
        self._work = None
        self.extensions.send({"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms})

    def runtime_ready(self) -> None:
        """A native runtime has loaded the function."""
        self.state = State.READY
        self._progress()

    def runtime_done(self, outcome: Outcome) -> None:
        """A native runtime has answered and waits."""
        self.state = State.READY
        self._settle(outcome)

    def withdraw(self, answer: Answer) -> None:
        """The connection of a waiting call is gone."""
        if self._waiting is answer:
            self._waiting = None
        self.extensions.withdraw(answer)

    # ── calls ──

    def call(self, request: Request, answer: Answer) -> None:
        """One complete request. `answer` may be called much later."""
        path = request.path.partition("?")[0]
        if path.startswith(RUNTIME_PREFIX):
            self._runtime_call(request, path.removeprefix(RUNTIME_PREFIX), answer)
        elif path.startswith(EXTENSION_PREFIX):
            self._extension_call(request, path.removeprefix(EXTENSION_PREFIX), answer)
        elif path == TELEMETRY_PATH:
            caller = self.extensions.caller(request)
            if request.method != "PUT":
                answer(replies.METHOD_NOT_ALLOWED)
            else:
                answer(caller if isinstance(caller, Response) else self._observer.subscribe(caller.name, request))
        elif path == LOGS_PATH:
            text = "The Logs API is not emulated; AWS has superseded it with the Telemetry API"
            answer(replies.failure(501, "Logs.NotSupported", text))
        else:
            answer(replies.NOT_FOUND)

    def stream(self, request: Request) -> Sink | Response | None:
        """Whether the body of this request is to be taken as it comes; asked when its headers are complete."""
        mode = request.headers.get(MODE_HEADER)
        if mode is None:
            return None
        parts = request.path.partition("?")[0].removeprefix(RUNTIME_PREFIX).split("/")
        if request.method != "POST" or parts[:2] != ["runtime", "invocation"] or parts[3:] != ["response"]:
            return None
        if mode.lower() != "streaming":
            return replies.INVALID_RESPONSE_MODE
        refused = self._refusal(Call.RESPONSE, parts[2])
        if refused is not None:
            return refused
        assert self._work is not None
        self.state = State.STREAMING
        return _Stream(self, self._work)

    def _runtime_call(self, request: Request, path: str, answer: Answer) -> None:
        method, parts = request.method, path.split("/")
        match parts:
            case ["ping"]:
                answer(Response(200, b"pong"))
            case ["runtime", "invocation", "next"]:
                self._next(answer) if method == "GET" else answer(replies.METHOD_NOT_ALLOWED)
            case ["runtime", "restore", "next"]:
                self._restore(answer) if method == "GET" else answer(replies.METHOD_NOT_ALLOWED)
            case _ if method != "POST":
                answer(replies.NOT_FOUND if parts[0] != "runtime" else replies.METHOD_NOT_ALLOWED)
            case ["runtime", "invocation", request_id, "response"]:
                answer(self._respond(request, Call.RESPONSE, request_id))
            case ["runtime", "invocation", request_id, "error"]:
                answer(self._respond(request, Call.ERROR, request_id))
            case ["runtime", "init", "error"]:
                answer(self._fail(request, Call.INIT_ERROR))
            case ["runtime", "restore", "error"]:
                answer(self._fail(request, Call.RESTORE_ERROR))
            case _:
                answer(replies.NOT_FOUND)

    def _extension_call(self, request: Request, path: str, answer: Answer) -> None:
        match request.method, path:
            case "POST", "register":
                answer(self.extensions.register(request))
            case "GET", "event/next":
                self.extensions.next(request, answer)
            case "POST", "init/error":
                answer(self.extensions.error(request, initialising=True))
            case "POST", "exit/error":
                answer(self.extensions.error(request, initialising=False))
            case _, "register" | "event/next" | "init/error" | "exit/error":
                answer(replies.METHOD_NOT_ALLOWED)
            case _:
                answer(replies.NOT_FOUND)

    def _next(self, answer: Answer) -> None:
        state = after(self.state, Call.NEXT)
        if state is None or self._native:
            return answer(replies.runtime_state(self.state.value, Call.NEXT.value))
        self.state, self._waiting = state, answer
        if state is State.RUNNING or (self._work is not None and self._outcome is None):
            assert self._work is not None
            self._waiting = None
            return self._deliver(self._work, answer)
        self._progress()

    def _deliver(self, work: Work, answer: Answer) -> None:
        self.state = State.RUNNING
        headers = {
            "Lambda-Runtime-Aws-Request-Id": work.request_id,
            "Lambda-Runtime-Deadline-Ms": str(work.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": work.invoked_function_arn,
        }
        if work.trace_id:
            headers["Lambda-Runtime-Trace-Id"] = work.trace_id
        if work.client_context:
            headers["Lambda-Runtime-Client-Context"] = work.client_context
        answer(Response(200, work.payload, headers))

    def _restore(self, answer: Answer) -> None:
        state = after(self.state, Call.RESTORE_NEXT)
        if state is None:
            return answer(replies.runtime_state(self.state.value, Call.RESTORE_NEXT.value))
        self.state = state
        answer(Response(200, b""))

    def _refusal(self, call: Call, request_id: str) -> Response | None:
        if self._native or after(self.state, call) is None:
            if self.state in (State.RESPONSE_SENT, State.STREAMING):
                return replies.INVALID_REQUEST_ID  # answered already
            return replies.runtime_state(self.state.value, call.value)
        assert self._work is not None
        return None if request_id == self._work.request_id else replies.INVALID_REQUEST_ID

    def _respond(self, request: Request, call: Call, request_id: str) -> Response:
        refused = self._refusal(call, request_id)
        if refused is not None:
            return refused
        self.state = State.RESPONSE_SENT
        if request.too_large:
            self._settle(too_large())
            return replies.RESPONSE_TOO_LARGE
        if call is Call.ERROR:
            self._settle(_error(request))
        else:
            self._settle(Outcome(request.body))
        return replies.ACCEPTED

    def _fail(self, request: Request, call: Call) -> Response:
        state = after(self.state, call)
        if state is None or self._native:
            return replies.runtime_state(self.state.value, call.value)
        self.state = state
        self._observer.init_failed(_error(request))
        return replies.ACCEPTED

    # ── what follows ──

    def streamed(self, outcome: Outcome) -> None:
        """The body of a streamed response has ended."""
        if self.state is State.STREAMING:
            self.state = State.RESPONSE_SENT
            self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._observer.answered(outcome)
        self._progress()

    def _extensions_changed(self) -> None:
        failed = self.extensions.failed()
        if failed is not None:
            if not self._reported_failure:
                self._reported_failure = True
                self._observer.extension_failed(failed)
            return
        if not self._runtime_may_start and self.extensions.all_registered():
            self._runtime_may_start = True
            self._observer.extensions_registered()
        self._progress()

    def _progress(self) -> None:
        if self.state is not State.READY or not self.extensions.all_ready():
            if self.state is State.READY:
                self.extensions.closed = True
            return
        if not self._initialised:
            self._initialised = self.extensions.closed = True
            self._observer.initialised()
        elif self._work is not None and self._outcome is not None:
            outcome, self._work, self._outcome = self._outcome, None, None
            self._observer.completed(outcome)


class _Stream:
    """The body of one streamed response."""

    def __init__(self, sandbox: Sandbox, work: Work) -> None:
        self._sandbox, self._work = sandbox, work
        self._collected: bytearray | None = bytearray() if work.on_chunk is None else None
        self._too_large = False

    def write(self, data: bytes) -> None:
        if self._sandbox.state is not State.STREAMING:
            return
        if self._collected is None:
            assert self._work.on_chunk is not None
            self._work.on_chunk(data)
        elif len(self._collected) + len(data) > LARGEST_RESPONSE_BYTES:
            self._too_large, self._collected = True, bytearray()
        elif not self._too_large:
            self._collected += data

    def end(self, headers: Mapping[str, str]) -> Response:
        """The body is complete; `headers` include the trailers."""
        body = b"" if self._collected is None else bytes(self._collected)
        error_type = headers.get(ERROR_TYPE_HEADER)
        if error_type:
            self._sandbox.streamed(Outcome(_error_body(headers, error_type), error_type))
        elif self._too_large:
            self._sandbox.streamed(too_large())
            return replies.RESPONSE_TOO_LARGE
        else:
            self._sandbox.streamed(Outcome(body))
        return replies.ACCEPTED

    def abort(self) -> None:
        """The connection ended before the body did."""
        message = "Response stream was truncated"  # unverified
        body = json.dumps({"errorType": TRUNCATED_RESPONSE, "errorMessage": message}, separators=(",", ":"))
        self._sandbox.streamed(Outcome(body.encode(), TRUNCATED_RESPONSE))


def too_large() -> Outcome:
    return Outcome(RESPONSE_TOO_LARGE, RESPONSE_TOO_LARGE_TYPE)


def _error(request: Request) -> Outcome:
    """The body is relayed verbatim; the type is the body's, else the header's."""
    header = request.headers.get(ERROR_TYPE_HEADER) or "Runtime.Unknown"
    body = request.body or json.dumps({"errorType": header}, separators=(",", ":")).encode()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    named = value.get("errorType") if isinstance(value, dict) else None
    return Outcome(body, named if isinstance(named, str) and named else header)


def _error_body(headers: Mapping[str, str], error_type: str) -> bytes:
    """The error of a stream that failed midway: base64 of JSON in a trailer."""
    try:
        return base64.b64decode(headers.get(ERROR_BODY_HEADER, ""), validate=True) or _plain(error_type)
    except ValueError:
        return _plain(error_type)


def _plain(error_type: str) -> bytes:
    return json.dumps({"errorType": error_type}, separators=(",", ":")).encode()


__all__ = ["Extension", "Observer", "Outcome", "Sandbox", "Sink", "Standing", "Work"]
