"""The ports: everything the emulator needs from outside, and the values that cross them.

Awaits exist only here. A change of state is a synchronous function of a `Transaction`; whoever stands
at the edge opens it with `Store.transact`. This file decides shapes and promises; it knows no adapter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Json = Any
"""The user's JSON: the one thing that really can be anything."""


# ── time ────────────────────────────────────────────────────────────────────────────────────────


class Clock(ABC):
    """AWS time: every timestamp and every wait that a user can observe, in epoch seconds.

    The clock also counts who is at work, because virtual time may only move while nobody is.
    """

    @abstractmethod
    def now(self) -> float:
        """The AWS time, in epoch seconds."""

    @abstractmethod
    async def sleep_until(self, due_at: float, who: str = "") -> None:
        """Return once AWS time has reached `due_at`. The caller holds no `busy` meanwhile (see `parked`).

        `who` tells people whose caller seems to hang in frozen time what is waited for.
        """

    @abstractmethod
    def busy(self, reason: str) -> AbstractContextManager[None]:
        """Hold frozen time still while the block runs; `reason` explains a settle that does not end."""

    @abstractmethod
    def halted(self, reason: str) -> AbstractContextManager[None]:
        """Like `busy`, and time that runs or is scaled stands still too: somebody looks at a breakpoint."""

    @abstractmethod
    def parked(self) -> AbstractContextManager[None]:
        """Inside `busy`: give the hold back while the block waits for time or for another `busy` holder."""

    @property
    @abstractmethod
    def virtual(self) -> bool:
        """True while time is frozen or scaled, so that a handler's `time.sleep` must ask this clock."""

    @property
    @abstractmethod
    def passes(self) -> bool:
        """True while time passes by itself, at whatever speed."""


# ── store ───────────────────────────────────────────────────────────────────────────────────────


class Cursor(Protocol):
    """What `Transaction.execute` returns: rows are plain tuples."""

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    @property
    def rowcount(self) -> int: ...
    @property
    def lastrowid(self) -> int | None: ...


class Transaction(ABC):
    """One atomic change. It exists only while a change function runs, which never awaits."""

    now: float
    """AWS time at which the change runs, epoch seconds."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one statement (`?` placeholders)."""

    @abstractmethod
    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement that returns nothing for each of `rows`."""

    @abstractmethod
    def nested(self) -> AbstractContextManager[None]:
        """A part of the change that is undone alone when the block raises; the exception goes on."""

    @abstractmethod
    def new_id(self) -> str:
        """A fresh lower-case UUID; seeded in tests."""

    @abstractmethod
    def random(self) -> float:
        """A number in [0, 1); seeded in tests."""

    @abstractmethod
    def wake(self, due_at: float, kind: str = "") -> None:
        """Once this change is committed, tell the worker that a job of `kind` (any, if empty) is due at `due_at`."""

    @abstractmethod
    def gather(self, write: Callable[[Transaction, list[Any]], None], item: Any) -> None:
        """Have `write(tx, items)` run once before this transaction commits, with the items of all changes it holds.

        For records of which many changes write the like. An item of a change that is undone is not among them.
        """

    @abstractmethod
    def after_commit(self, effect: Callable[[], None]) -> None:
        """Once this change is committed, and before its caller goes on, call `effect`: for what lives in memory only.

        Nothing that was promised may depend on it: whoever crashes in between has lost it, with all that is in memory.
        """


class Store(ABC):
    """Where everything durable lives."""

    @abstractmethod
    async def transact(self, change: Callable[[Transaction], T]) -> T:
        """Run `change` in a transaction and return its result once it is committed.

        Raises whatever `change` raises, and then nothing of it is kept.
        """

    @abstractmethod
    def post(self, change: Callable[[Transaction], None]) -> None:
        """Have `change` run in the next transaction and go on at once: for records that no answer promises.

        Whoever reads or changes anything later finds it done; if nobody does, it waits a few milliseconds of host time
        for others to share its commit. A change that fails is logged.
        """

    @abstractmethod
    async def read(self, query: Callable[[Transaction], T], behind: bool = False) -> T:
        """Run a query that changes nothing, on committed data.

        `behind` spares the way of every request a commit: what was posted may be missing, what was answered is not.
        """

    @abstractmethod
    def add_schema(self, ddl: str) -> None:
        """Create a service's tables (`CREATE TABLE IF NOT EXISTS …;`). Called once, before serving."""

    @abstractmethod
    def on_wake(self, listener: Callable[[Mapping[str, float]], None]) -> None:
        """Call `listener(earliest due time by kind of job)` after each commit that scheduled something."""

    @abstractmethod
    async def reset(self) -> None:
        """Delete every row of every table."""

    @abstractmethod
    def close(self) -> None:
        """Release the store; everything committed stays."""


# ── functions ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CodeSource:
    """A zip archive by content: a function's package or a layer's content."""

    sha256: str
    load: Callable[[], Awaitable[bytes]]
    """The archive's bytes; called when no extracted copy of `sha256` exists yet."""


class LogEvent(NamedTuple):
    """One log event of a function: when it was written (AWS epoch seconds) and its text.

    The text ends with a newline, but for records that AWS's runtimes write without one (`[ERROR] …`).
    """

    at: float
    message: str


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of one function, as an execution environment needs it."""

    key: str
    """Environments are pooled by this: it changes whenever code or configuration change."""
    arn: str
    """Unqualified function ARN."""
    name: str
    version: str
    runtime: str
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: Mapping[str, str]
    code_sha256: str
    load_code: Callable[[], Awaitable[bytes]]
    """The deployment package (zip bytes); called when no extracted copy of `code_sha256` exists yet."""
    account: str
    region: str
    log_group: str
    layers: Sequence[CodeSource] = ()
    """Merged into /opt in this order; later ones win."""
    source_directory: str | None = None
    """Run this folder of the machine instead of a package (hot reload)."""
    required_directory: str | None = None
    """A folder whose content is to be found as if it were in that one, too, after what is: what its code requires."""
    initialization_type: str = "on-demand"
    """`on-demand`, `provisioned-concurrency` or `snap-start`."""
    log_format: str = "Text"
    """`Text` or `JSON`, with the two levels below for JSON only."""
    runtime_version_arn: str = ""
    """What the first line of an environment's log calls the version of the runtime."""
    application_log_level: str | None = None
    system_log_level: str | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One attempt at running a function."""

    request_id: str
    payload: bytes
    """JSON text."""
    invoked_function_arn: str
    client_context: str | None = None
    """JSON text, synchronous invocations only."""
    trace_id: str = ""
    want_log_tail: bool = False
    on_chunk: Callable[[bytes], None] | None = None
    """Called with each piece of a response that the function streams; the result's payload is then empty.

    None asks for a buffered response, whatever the function does. A function that does not stream calls it never.
    """
    on_logs: Callable[[str, Sequence[LogEvent]], None] | None = None
    """Called now and then while the function runs, with a log stream and what was written since the last call.

    The result's `logs` are then the rest. A runtime may call it never; an invocation that ends soon does not.
    """


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """How an attempt ended. The user's code failing is a value, never an exception."""

    payload: bytes
    """The function's JSON, or AWS's error JSON when `function_error` is set."""
    function_error: str | None = None
    """`Unhandled` when the function failed."""
    error_type: str | None = None
    log_tail: bytes = b""
    """Up to the last 4,096 bytes of START … REPORT, when asked for."""
    took_seconds: float = 0.0
    init_seconds: float | None = None
    """Set on a cold start only."""
    logs: Sequence[LogEvent] = field(default_factory=tuple)
    """Everything that belongs into the function's log stream since the last invocation there, in order.

    Without what `Invocation.on_logs` was given before.
    """
    log_stream: str = ""
    used_memory_mb: int = 0


@dataclass(frozen=True, slots=True)
class Provision:
    """Environments of one function that are to be there before anybody invokes it."""

    function: FunctionSpec
    count: int
    on_logs: Callable[[str, Sequence[LogEvent]], None]
    """Called with a log stream and what the init phase of an environment wrote there."""


LARGEST_RESPONSE_BYTES = 6_291_556
"""Of a buffered response: AWS allows 100 bytes more than 6 MB."""
RESPONSE_TOO_LARGE_TYPE = "Function.ResponseSizeTooLarge"
RESPONSE_TOO_LARGE = (
    f'{{"errorMessage":"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE_BYTES} bytes).",'
    f'"errorType":"{RESPONSE_TOO_LARGE_TYPE}"}}'
).encode()
"""The payload instead of one that is larger: no request id, no trace [R:test_lambda_too_large_response]."""


class FunctionRuntime(ABC):
    """Runs functions in execution environments: one invocation at a time each, reused while warm."""

    @abstractmethod
    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        """Run one invocation to its end, its timeout or its crash. Never raises for the user's failures.

        Holds `Clock.busy` itself while the function computes and gives it back while it sleeps in virtual time;
        the caller therefore wraps the await in `Clock.parked()`.
        """

    async def provision(self, owner: str, wanted: Sequence[Provision]) -> str | None:
        """Start environments ahead of invocations and keep them, replacing what ends, until `owner` wants others.

        Returns when they are started: the type of the error if one of them could not be initialised, else None.
        Holds `Clock.busy` as `run` does. A runtime that has nothing to start does nothing; one may start fewer.
        """
        return None

    def calling(self, session_token: str) -> AbstractAsyncContextManager[None]:
        """While the emulator serves a request that a function sent: the function waits, so it holds no time still.

        `session_token` is the request's X-Amz-Security-Token; one that no function has does nothing.
        """
        return nullcontext()

    def caller(self, session_token: str) -> tuple[str, str] | None:
        """The ARN of the function that has this session token, and the id of its invocation; None if nobody knows."""
        return None

    @abstractmethod
    async def discard(self, function_arn: str, version: str | None = None) -> None:
        """End idle environments of a function (updated or deleted); running ones end after their invocation.

        With `version` only those of that version: published versions outlive an update of `$LATEST`.
        """

    @abstractmethod
    async def reset(self, account: str | None = None) -> None:
        """End every environment, running or not; with `account` those of its functions only."""

    @abstractmethod
    async def aclose(self) -> None:
        """End everything; no process stays behind."""


# ── mail ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A message on its way to a real mail server."""

    message_id: str
    sender: str
    recipients: Sequence[str]
    raw: bytes
    """The complete RFC 5322 message."""


class MailerUnavailable(Exception):
    """The relay did not take the message now; the delivery job tries again later."""


class MailRefused(MailerUnavailable):
    """The relay said no for good: trying again is pointless, the message bounced."""


@dataclass(frozen=True, slots=True)
class MailSubmission:
    """A message that came by SMTP, with the envelope that it came in."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    user: str
    """Who has logged in; empty if nobody has."""
    source_ip: str


class SubmissionRefused(Exception):
    """A message that came by SMTP is not taken; the text is the reply, with its code."""


class Mailer(ABC):
    """Takes mail out of the emulator. The inbox is in the store; a Mailer is what may follow it."""

    @abstractmethod
    async def send(self, mail: OutgoingMail) -> None:
        """Hand the message over; raise `MailerUnavailable` to be called again, `MailRefused` to give up."""


# ── endpoints outside ───────────────────────────────────────────────────────────────────────────


class EndpointUnreachable(Exception):
    """The endpoint did not answer: no such host, refused, or too slow. The text says which."""


class EndpointUnknown(EndpointUnreachable):
    """There is no such host."""


class EndpointTooSlow(EndpointUnreachable):
    """The endpoint's answer was not complete in time."""


class HttpSender(ABC):
    """Calls the HTTP endpoints that users name (SNS subscriptions, API Gateway's HTTP integrations)."""

    @abstractmethod
    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> int:
        """The status of the answer, redirects not followed. Host time. Raises `EndpointUnreachable`."""

    @abstractmethod
    async def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_seconds: float,
        largest_body: int,
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body (as sent: not decompressed) of the answer; redirects are answers.

        Headers are sent as given, with Host and Content-Length added. Host time, for all of the exchange. Raises
        `EndpointTooSlow`, `EndpointUnknown`, `EndpointUnreachable`, and `OverflowError` for a body of more than
        `largest_body` bytes.
        """

    @abstractmethod
    async def stream(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_seconds: float,
        idle_seconds: float,
    ) -> tuple[int, list[tuple[str, str]], AsyncGenerator[bytes]]:
        """Like `exchange`, but the body comes piece by piece and may be of any length.

        All of it must have come within `timeout_seconds`, and each piece within `idle_seconds`; else, and if the
        endpoint breaks off, the generator raises `EndpointUnreachable`. Whoever has it must close it.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is open."""


# ── the services around the path ────────────────────────────────────────────────────────────────


class DelegatedRequest(NamedTuple):
    """A raw request to a delegated service, as a client sent it."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The last value of a header, by lower-case name; empty if there is none."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), "")


DelegatedAnswer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body of a delegated service's answer."""
AskLibrary = Callable[[DelegatedRequest], Awaitable[DelegatedAnswer]]
Around = Callable[[DelegatedRequest, AskLibrary], Awaitable[DelegatedAnswer]]
"""`await around(request, ask)` answers a request to a delegated service: by `ask`, before or after which it does more,
or on its own. Raises what `SupportingServices.handle` raises."""


class SupportingServices(ABC):
    """Services that are delegated to a library: reached by raw HTTP request."""

    @abstractmethod
    def surround(self, service: str, around: Around) -> None:
        """Have `around` answer the requests to a service, whoever sends them: for what follows from them here.

        Several are nested, the last one outermost.
        """

    @abstractmethod
    async def handle(
        self, service: str, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Answer one AWS request: (status, headers, body)."""

    @abstractmethod
    def supports(self, service: str) -> bool:
        """Whether `service` (botocore name) is answered at all."""

    @abstractmethod
    async def reset(self, account: str | None = None) -> None:
        """Forget everything, or everything of one account."""
