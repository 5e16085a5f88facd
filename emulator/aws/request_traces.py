"""What happened to the last requests of deployed APIs, step by step: `GET /_emulator/requests`.

A step keeps references to what the pipeline has at hand anyway; text is made of it when somebody looks. What is kept
is bounded in number (a setting) and in size (payloads are cut once their request is over). Knows no service: data
planes name their steps, and a REST API's execution log is written from the same ones. Pure but for the ring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.settings import LiveSettings

LONGEST_TEXT = 16 * 1024
"""Bytes or characters of one payload, template or header that are kept."""
MOST_ITEMS = 100
"""Headers, or members of a map, that are kept of a step."""
_DEEPEST = 8


class Step(NamedTuple):
    """One thing that happened, when in AWS time, and what was seen."""

    name: str
    at: float
    facts: dict[str, Any]


class RequestTrace:
    """One request on its way; `problem` says why the gateway itself ended it."""

    __slots__ = (
        "_now", "_steps", "api_id", "api_name", "ended_at", "heavy", "kind", "method", "path", "problem", "query",
        "request_id", "route", "stage", "started_at", "status",
    )  # fmt: skip

    def __init__(self, now: Callable[[], float], kind: str, request: HttpRequest, request_id: str) -> None:
        self._now = now
        self.kind = kind
        """`REST` or `HTTP`, the kind of API."""
        self.request_id = request_id
        self.method = request.method
        self.path = request.path
        self.query = request.query
        self.api_id = self.api_name = self.stage = self.route = ""
        self.status: int | None = None
        self.problem = ""
        self.started_at = now()
        self.ended_at: float | None = None
        self.heavy = False
        """Whether something is so long that it is cut once the request is over. Few are, and looking through all that
        a request has left would take longer than leaving it."""
        self.weigh(request.body)
        self._steps: list[tuple[str, float, dict[str, Any]]] = [
            ("request", self.started_at, {"headers": request.headers, "body": request.body})
        ]

    @property
    def steps(self) -> list[Step]:
        """What has happened, in order."""
        return [Step(*step) for step in self._steps]

    def add(self, name: str, /, **facts: Any) -> dict[str, Any]:
        """Write a step down. What `facts` refer to must not change any more; what is missing may be put in later."""
        self._steps.append((name, self._now(), facts))
        return facts

    def weigh(self, *payloads: str | bytes | None) -> None:
        """Say what a step holds that can be long: bodies, rendered text, what a template has set."""
        for payload in payloads:
            if payload is not None and len(payload) > LONGEST_TEXT:
                self.heavy = True

    def find(self, name: str) -> Step | None:
        """The last step of a name."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def end(self, answer: HttpResponse) -> None:
        """The client has its answer, or the head of one that is streamed."""
        body = None if answer.stream is not None else answer.body
        self.weigh(body)
        self.add("response", status=answer.status, headers=answer.headers, body=body)
        self.status = answer.status
        self.ended_at = self._now()

    def summary(self) -> dict[str, Any]:
        """One line of the list."""
        ended = self.ended_at if self.ended_at is not None else self._now()
        timeout = self.find("timeout")
        return {
            "id": self.request_id,
            "at": self.started_at,
            "kind": self.kind,
            "api": self.api_id,
            "name": self.api_name,
            "stage": self.stage,
            "method": self.method,
            "path": self.path,
            "route": self.route or None,
            "status": self.status,
            "milliseconds": _milliseconds(ended - self.started_at),
            "problem": self.problem or None,
            "timeout": _shown(timeout.facts) if timeout is not None else None,
        }

    def document(self) -> dict[str, Any]:
        """Everything, with the time since the request began and the time until the next step, in AWS milliseconds."""
        steps: list[dict[str, Any]] = []
        happened = self.steps
        ends = [step.at for step in happened[1:]] + [self.ended_at or happened[-1].at]
        for step, end in zip(happened, ends, strict=True):
            since, took = _milliseconds(step.at - self.started_at), _milliseconds(end - step.at)
            steps.append({"step": step.name, "at_milliseconds": since, "took_milliseconds": took, **_shown(step.facts)})
        return {**self.summary(), "query": self.query, "steps": steps}


class RequestTraces:
    """The last requests, newest last."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._kept: deque[RequestTrace] = deque()

    def following(self, trace: RequestTrace) -> _Following:
        """Keep a request from its beginning, so that one that hangs is seen; cut what is long once it is over."""
        self._kept.append(trace)
        while len(self._kept) > self._settings.kept_requests:
            self._kept.popleft()
        return _Following(trace)

    def last(self) -> list[RequestTrace]:
        """All that is kept, newest first."""
        return [*reversed(self._kept)]

    def get(self, request_id: str) -> RequestTrace | None:
        """One request by its id."""
        return next((trace for trace in reversed(self._kept) if trace.request_id == request_id), None)

    def forget(self) -> None:
        """Forget all."""
        self._kept.clear()


class _Following:
    """A request that is under way: `with`, at a third of what a generator as context manager costs."""

    __slots__ = ("_trace",)

    def __init__(self, trace: RequestTrace) -> None:
        self._trace = trace

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception):
            self._trace.problem = f"{type(error).__name__}: {error}"[:LONGEST_TEXT]
        if self._trace.heavy:
            for step in self._trace.steps:
                _cut(step.facts)


def _cut(facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        if isinstance(value, (bytes, str)):
            if len(value) > LONGEST_TEXT:
                facts[name] = Cut(value[:LONGEST_TEXT], len(value))
        elif isinstance(value, (list, dict)):
            facts[name] = _bounded(cast("Any", value), _DEEPEST)


class Cut(NamedTuple):
    """The beginning of something long."""

    beginning: str | bytes
    length: int


def _bounded(value: Any, depth: int) -> Any:
    """The same value, or one with its long parts cut."""
    if isinstance(value, (str, bytes)):
        return Cut(value[:LONGEST_TEXT], len(value)) if len(value) > LONGEST_TEXT else value
    if isinstance(value, Cut) or not isinstance(value, (list, tuple, dict)):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        named: dict[Any, Any] = value
        return {str(key)[:LONGEST_TEXT]: _bounded(item, depth - 1) for key, item in [*named.items()][:MOST_ITEMS]}
    items: list[Any] = [*value][:MOST_ITEMS]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple):
        return tuple(_bounded(item, depth - 1) for item in items)
    return [_bounded(item, depth - 1) for item in items]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _shown(value: Any, depth: int = _DEEPEST) -> Any:
    """A fact as JSON: bytes as text, pairs of headers as a map, what is long with a note of its length."""
    if isinstance(value, Cut):
        return f"{_text(value.beginning)} … [{value.length} in all]"
    if isinstance(value, (bytes, str)):
        return _text(value)
    if isinstance(value, dict):
        named: dict[Any, Any] = value
        return {str(key): _shown(item, depth - 1) if depth else "…" for key, item in named.items()}
    if isinstance(value, (list, tuple)):
        items: list[Any] = [*value]  # pyright: ignore[reportUnknownVariableType]
        if items and all(isinstance(item, tuple) and not isinstance(item, Cut) and len(item) == 2 for item in items):
            return _headers(items)
        return [_shown(item, depth - 1) if depth else "…" for item in items]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _headers(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        key, text = str(name), _shown(value)
        if key in result:
            before = result[key]
            result[key] = [*before, text] if isinstance(before, list) else [before, text]
        else:
            result[key] = text
    return result


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
