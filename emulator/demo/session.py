"""An ephemeral emulator, a clock that the session moves, and HTTP requests that wait in the background.

Decides how time passes for the demo and the drill. In virtual time the session moves AWS time in small steps and
looks at what happened after each; in real time it looks now and then. What to show is not known here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from emulator.settings import Settings
from emulator.testing import RunningEmulator

STEP_SECONDS = 1.0
POLL_SECONDS = 0.25
NOTICE_SECONDS = 0.01
REACHED_TIMEOUT_SECONDS = 10.0
CLIENT_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP client saw."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: str
    after_seconds: float
    """AWS time between sending and receiving."""


@dataclass(slots=True)
class Request:
    """A request on its way, in its own thread as in a client of its own."""

    sent_at: float
    """AWS time, epoch seconds."""
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    error: Exception | None = None

    def result(self) -> Answer:
        """The answer. Raises what the client raised."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None, "the request is still under way"
        return self.answer


class Session:
    """`with Session(real=False) as session:` – an emulator that lives as long as the block."""

    def __init__(self, real: bool = False, port: int = 0) -> None:
        self.real = real
        self.running = RunningEmulator(Settings(data=None, port=port, frozen=not real))
        self.started_at = 0.0

    def __enter__(self) -> Session:
        self.running.start()
        self._http = httpx.Client(base_url=self.running.url, timeout=CLIENT_TIMEOUT_SECONDS, trust_env=False)
        self.started_at = self.now()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self.running.stop()

    @property
    def url(self) -> str:
        """Where the emulator answers."""
        return self.running.url

    def client(self, service: str) -> Any:
        """A boto3 client, as any program would make it."""
        return self.running.client(service)

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def now(self) -> float:
        """AWS time, epoch seconds."""
        return self.get("clock")["now"]

    def pass_time(self, limit_seconds: float) -> Iterator[float]:
        """Let AWS time pass and yield it after each step, until `limit_seconds` are over."""
        start = self.now()
        while (now := self.now()) < start + limit_seconds:
            if self.real:
                time.sleep(POLL_SECONDS)
            else:
                self.move("advance", seconds=STEP_SECONDS)
                time.sleep(NOTICE_SECONDS)  # host time: lets a client's thread notice its answer
            yield now
        raise TimeoutError(f"nothing more happened within {limit_seconds:g} s of AWS time")

    def wait_for(self, request: Request, limit_seconds: float = 120.0) -> Answer:
        """Let time pass until the request is answered."""
        if not request.answered.wait(NOTICE_SECONDS):
            for _ in self.pass_time(limit_seconds):
                if request.answered.is_set():
                    break
        return request.result()

    def move(self, action: str, **values: float) -> None:
        """POST /_emulator/clock."""
        self._http.post("/_emulator/clock", json={"action": action, **values}).raise_for_status()

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def get(self, page: str) -> Any:
        """GET /_emulator/{page}."""
        return self._http.get(f"/_emulator/{page}").raise_for_status().json()

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Request:
        """POST in a thread; returns once the whole request has been handed to the network."""
        request = Request(sent_at=self.now())
        reached = threading.Event()

        def trace(event: str, info: object) -> None:
            if event == "http11.send_request_body.complete":
                reached.set()

        def send() -> None:
            try:
                with httpx.Client(timeout=CLIENT_TIMEOUT_SECONDS, trust_env=False) as client:
                    response = client.post(self.url + path, json=body, headers=headers, extensions={"trace": trace})
                request.answer = Answer(
                    response.status_code,
                    response.reason_phrase,
                    dict(response.headers),
                    response.text,
                    self.now() - request.sent_at,
                )
            except Exception as error:
                request.error = error
            finally:
                reached.set()
                request.answered.set()

        threading.Thread(target=send, name=f"POST {path}", daemon=True).start()
        reached.wait(REACHED_TIMEOUT_SECONDS)
        if not self.real:
            time.sleep(NOTICE_SECONDS)  # host time: the server has the request before the clock is moved
        return request

    def until(self, done: Callable[[], bool], limit_seconds: float, look: Callable[[], None]) -> None:
        """Let time pass, calling `look` after each step, until `done`."""
        look()
        for _ in self.pass_time(limit_seconds):
            look()
            if done():
                return
