"""Where a world lives: an emulator in this process, or one that somebody else has started.

Both answer the same questions, those of `/_emulator`. In this process they are calls on the emulator's loop, so that
the first test need not load what serves the control API; elsewhere they are requests.
"""

from __future__ import annotations

import http.client
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, cast

from emulator import __version__
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.app import Emulator as App
    from emulator.faults import FaultPlan
    from emulator.testing.harness import RunningEmulator

CALL_TIMEOUT_SECONDS = 120
"""Host time: nothing that a test asks for computes longer."""


class HarnessError(Exception):
    """The emulator did not do what the test asked of it; the text says why."""


def told(excinfo: Any) -> bool:
    """Whether what was raised is an answer to the test, so that our frames say nothing: pytest hides them then.

    Modules that tests call have it as their `__tracebackhide__`.
    """
    return excinfo.errisinstance((HarnessError, AssertionError, ValueError))


__tracebackhide__ = told


@contextmanager
def refusals() -> Generator[None]:
    """What the control API refuses is a HarnessError with its text."""
    from emulator.control_clock import Refused

    try:
        yield
    except Refused as refusal:
        raise HarnessError(refusal.message) from None


class Server(ABC):
    """An emulator, whoever runs it."""

    url: str
    region: str

    @abstractmethod
    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """What `/_emulator/{path}` answers. Raises HarnessError with its text if it refuses."""

    @abstractmethod
    def begin(self) -> str:
        """Begin a world; its account."""

    @abstractmethod
    def end(self, account: str) -> list[str]:
        """End a world; what the emulator itself did wrong meanwhile, as far as one can know."""

    @abstractmethod
    def save(self, account: str) -> bytes:
        """A snapshot of a world. Raises HarnessError if something of it cannot be written."""

    @abstractmethod
    def close(self) -> None:
        """Whoever uses this server is done."""


class RemoteServer(Server):
    """An emulator at a URL. Raises HarnessError if there is none."""

    version: str = "unknown"

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").replace("//localhost", "//127.0.0.1")
        if not self.url.startswith(("http://", "https://")):
            raise HarnessError(f"{url!r} is no URL of an emulator, such as http://localhost:4566")
        health = self.ask("GET", "health")
        if not isinstance(health, dict) or "services" not in health:
            raise HarnessError(f"what answers at {self.url} is no emulator")
        self._held: dict[str, Any] = {}
        self.version = str(cast("dict[str, Any]", health).get("version", "unknown"))
        self.region = "us-east-1"

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        text = urllib.parse.urlencode({name: value for name, value in query.items() if value not in (None, "")})
        content = None if body is None else json.dumps(body).encode()
        status, said = self._request(method, f"{path}{'?' + text if text else ''}", content)
        return self._answer(f"{method} /_emulator/{path}", status, said)

    def _request(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer. Raises HarnessError if there is none."""
        status, answer = self._open(method, path, content)
        try:
            with answer:
                return status, answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise HarnessError(f"the emulator at {self.url} does not answer: {problem!r}") from None

    def _open(self, method: str, path: str, content: bytes | None = None) -> tuple[int, Any]:
        """Status of an answer, and what reads it. Raises HarnessError if there is none."""
        headers = {"Content-Type": "application/json"}
        try:
            request = urllib.request.Request(f"{self.url}/_emulator/{path}", content, headers, method=method)
            answer = urllib.request.urlopen(request, timeout=CALL_TIMEOUT_SECONDS)
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal
        except urllib.error.URLError as problem:
            raise HarnessError(f"there is no emulator at {self.url}: {problem.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise HarnessError(f"the emulator at {self.url} does not answer: {problem!r}") from None
        return answer.status, answer

    def _answer(self, question: str, status: int, said: bytes) -> Any:
        """What is said, as JSON. Raises HarnessError if it is a refusal."""
        try:
            answer = json.loads(said)
        except ValueError:
            raise HarnessError(f"what answers at {self.url} is no emulator") from None
        if status < 400 or status == 408:  # nobody's fault: no such message came
            return answer
        raise self._refusal(question, status, answer)

    def _refusal(self, question: str, status: int, answer: Any) -> HarnessError:
        """What an answer says that is none."""
        said: dict[str, Any] = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
        if "message" in said:
            return HarnessError(str(said["message"]))
        if status in (404, 405):
            versions = f"it is of version {self.version}, the harness of {__version__}"
            return HarnessError(f"the emulator at {self.url} does not know {question}: {versions}")
        return HarnessError(f"{question}: {status}")

    def begin(self) -> str:
        """It lasts as long as our connection: whatever becomes of this process, it does not outlive it."""
        status, answer = self._open("POST", "worlds?hold=true")
        with ExitStack() as unless_begun:
            unless_begun.enter_context(answer)
            begun = self._answer("POST /_emulator/worlds", status, answer.readline())
            unless_begun.pop_all()
        self._held[begun["account"]] = answer
        self.region = begun["region"]
        return begun["account"]

    def end(self, account: str) -> list[str]:
        self.ask("DELETE", f"worlds/{account}")
        if account in self._held:
            self._held.pop(account).close()
        return []

    def save(self, account: str) -> bytes:
        status, content = self._request("GET", f"snapshot?account={account}")
        if status != 200:
            raise self._refusal("GET /_emulator/snapshot", status, json.loads(content or b"{}"))
        return content

    def close(self) -> None:
        for answer in self._held.values():
            answer.close()
        self._held.clear()


class LocalServer(Server):
    """An emulator in a thread of this process: its own, or `running`, which somebody else stops."""

    def __init__(
        self, settings: Settings | None = None, functions: str = "processes", running: RunningEmulator | None = None
    ) -> None:
        from emulator.testing.harness import in_process
        from emulator.testing.mortal import MortalEmulator

        if functions not in ("processes", "threads"):
            raise ValueError(f'functions run in "processes" or "threads", not in {functions!r}')
        self._owns = running is None
        self.functions = functions
        self.running = running or MortalEmulator(settings, in_process if functions == "threads" else None)
        if self._owns:
            self.running.start()
        self.url = self.running.url
        self.region = self.running.settings.region
        self._alive: set[str] = set()
        self._restored = False

    @classmethod
    def restored(cls, content: bytes, functions: str = "processes", faults: FaultPlan | None = None) -> LocalServer:
        """One that goes on from a snapshot, at its time, under a plan. Raises HarnessError for what is none."""
        from emulator import snapshots

        with refusals():
            about = snapshots.about(content)
        begun = Settings(port=0, data=None, frozen=True, start_at=about.now, region=about.region)
        server = cls(begun, functions)
        try:
            with refusals():
                server.call(lambda: snapshots.restore(server.app, content, faults))
        except HarnessError:
            server.close()
            raise
        server._restored = True
        server.ask("POST", "clock", {"action": "auto"})
        return server

    def restore_library(self, content: bytes) -> None:
        """Delegated services keep what they did at a world's snapshot: the library's state is the process's."""
        from emulator import snapshots

        self.call(lambda: snapshots.restore_library(self.app, content))

    def save(self, account: str) -> bytes:
        from emulator import snapshots

        with refusals():
            return self.call(lambda: snapshots.save(self.app, account))

    @property
    def app(self) -> App:
        """The emulator itself."""
        return self.running.emulator

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        from emulator.control_clock import Refused
        from emulator.testing.questions import find

        work = find(method, path, body, query)
        try:
            return self.call(lambda: work(self.app))
        except Refused as refusal:
            raise HarnessError(refusal.message) from None

    def call(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a coroutine on the emulator's loop."""
        return self.running.call(work)

    def begin(self) -> str:
        account: str = self.ask("POST", "worlds")["account"]
        self._alive.add(account)
        return account

    def end(self, account: str) -> list[str]:
        """The last world to end leaves a server as it was started, but for the time: settings too are as before."""
        self._alive.discard(account)
        if self._restored:  # it ends with its world; the library's state is the whole process's, and stays
            pass
        elif self._alive:
            self.ask("DELETE", f"worlds/{account}")
        else:
            self.running.reset()
        failures = self.running.failures()
        self.app.worker.failures.clear()
        return failures

    def close(self) -> None:
        if not self._owns:
            return
        self.running.stop()
        if "emulator.testing.client_pool" in sys.modules:
            from emulator.testing import client_pool

            client_pool.forget(self.url)
