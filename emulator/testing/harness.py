"""A whole emulator in a background thread of the test process, with time that moves on request."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.importing import uncollected
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.app import Emulator

T = TypeVar("T")
START_TIMEOUT_SECONDS = 120
"""Host time: a start takes half a second, or many where a dozen others compute."""
CALL_TIMEOUT_SECONDS = 120


class RunningEmulator:
    """Serves on a free port, in memory and with frozen time unless `settings` say otherwise."""

    def __init__(
        self, settings: Settings | None = None, make: Callable[[Settings, str], Emulator] | None = None
    ) -> None:
        self.settings = settings or Settings(port=0, data=None, frozen=True)
        self._make = make
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._clients: list[Any] = []
        self._plain_clients: dict[str, Any] = {}
        """Those made without options, by service: to make one takes 10 ms, a test a dozen."""
        self.emulator: Emulator
        self.url = ""

    def __enter__(self) -> RunningEmulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and return once the port answers. Raises what the start raised."""
        self._thread = threading.Thread(target=self._main, name="emulator", daemon=True)
        with uncollected():
            self._thread.start()
            if not self._ready.wait(START_TIMEOUT_SECONDS):
                raise TimeoutError("the emulator did not start")
        if self._error is not None:
            raise self._error

    def close_clients(self) -> None:
        """Close the connections of every client made so far; those made without options connect anew when asked."""
        for made in (*self._clients, *self._plain_clients.values()):
            made.close()
        self._clients.clear()

    def stop(self) -> None:
        """End the emulator as a polite exit would. Again, it does nothing."""
        self.close_clients()
        self._plain_clients.clear()  # a start after it has another address
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(CALL_TIMEOUT_SECONDS)
            self._stop = None

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this emulator, without retries (a test wants to see the first answer)."""
        if not options:
            if service not in self._plain_clients:
                self._plain_clients[service] = self._make_client(service)
            return self._plain_clients[service]
        made = self._make_client(service, **options)
        self._clients.append(made)
        return made

    def _make_client(self, service: str, **options: Any) -> Any:
        import boto3
        from botocore.config import Config

        settings: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(
                retries={"total_max_attempts": 1},
                read_timeout=60,
                parameter_validation=True,
                inject_host_prefix=False,  # no resolver knows `sync-127.0.0.1`
            ),
        }
        return boto3.client(service, **{**settings, **options})

    def data_plane(self, api_id: str, stage: str, path: str = "") -> str:
        """The URL of a path of a deployed REST API."""
        return f"{self.url}/_aws/execute-api/{api_id}/{stage}/{path.lstrip('/')}"

    def advance(self, seconds: float) -> None:
        """Move AWS time; everything that falls due on the way has run when this returns."""
        self.call(lambda: self.emulator.advance(seconds))

    def settle(self) -> None:
        """Run every consequence of what has happened."""
        self.call(self.emulator.settle)

    def now(self) -> float:
        """AWS time, epoch seconds."""
        return self.emulator.clock.now()

    def inbox(self) -> list[dict[str, Any]]:
        """Every message sent, oldest first."""
        return self.control("GET", "inbox")["messages"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask `/_emulator/{path}` and return its JSON."""
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=CALL_TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    def reset(self) -> None:
        """Forget everything but the time."""
        self.call(self.emulator.reset)

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the emulator's loop and wait for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(CALL_TIMEOUT_SECONDS)

    def failures(self) -> list[str]:
        """Job handlers that raised: mistakes of the emulator."""
        return list(self.emulator.worker.failures)

    def _main(self) -> None:
        import uvloop

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # handed to the thread that waits in start()
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        from emulator.app import Emulator, serve_until

        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()

        def announce(emulator: Emulator) -> None:
            self.emulator = emulator
            emulator.crash = None
            self.url = emulator.base_url.replace("localhost", "127.0.0.1")
            self._ready.set()

        await serve_until(self.settings, announce, self._stop, self._make or Emulator)


def in_process(settings: Settings, base_url: str) -> Emulator:
    """Make an emulator whose functions run in this process (`RunningEmulator(make=in_process)`); Python's only."""
    from emulator.adapters.inline_runtime import InlineRuntime
    from emulator.app import Emulator

    def runtime(emulator: Emulator) -> InlineRuntime:
        return InlineRuntime(emulator.clock, emulator.live, emulator.work_dir, lambda: emulator.base_url)

    return Emulator(settings, base_url, make_runtime=runtime)
