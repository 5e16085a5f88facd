"""A session beside an emulator: one that runs already, or one of its own that ends with it.

Decides who waits for whom. The emulator serves on the main thread; the session, a client, has a thread.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from emulator.deploy.up.presence import HEALTH_SECONDS, Presence, instance_at
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.screen import Screen
from emulator.deploy.up.session import Options, Session
from emulator.deploy.up.stacks import Client

if TYPE_CHECKING:
    from emulator.adapters.console import Console
    from emulator.deploy.up.project import Project
    from emulator.settings import Settings

LOOK_SECONDS = 0.25
"""Host time between looks at the files of a template."""
PRESENCE_LOOKS = 4
"""Looks at the files for one at the emulator."""
STARTING_SECONDS = 15.0
"""How long another emulator may take from taking its port to its first answer."""


def client_of(url: str, region: str) -> Client:
    """boto3's clients of an emulator, each made once."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            import boto3
            from botocore.config import Config

            made[service] = boto3.client(
                service,
                endpoint_url=url,
                region_name=region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(
                    retries={"total_max_attempts": 1},
                    read_timeout=120,
                    inject_host_prefix=False,
                    s3={"addressing_style": "path"},
                ),
            )
        return made[service]

    return client


def answers(url: str) -> bool:
    """Whether an emulator answers there."""
    return _who_answers(url) == "emulator"


def _who_answers(url: str) -> Literal["emulator", "nobody", "somebody else"]:
    try:
        with urllib.request.urlopen(f"{url}/_emulator/health", timeout=HEALTH_SECONDS) as answer:
            return "emulator" if json.load(answer).get("status") == "running" else "somebody else"
    except (TimeoutError, urllib.error.URLError) as error:
        return "somebody else" if isinstance(error, urllib.error.HTTPError) else "nobody"
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        return "somebody else"


def starts(url: str, say: Callable[[str], None], wait: Callable[[float], None] = time.sleep) -> bool:
    """Whether an emulator that has the port already, and answers nobody yet, answers in time."""
    ends = time.monotonic() + STARTING_SECONDS
    who = _who_answers(url)
    if who == "nobody":
        say(f"the port of {url} is taken, and nobody answers there yet: waiting")
    while who == "nobody" and time.monotonic() < ends:
        wait(LOOK_SECONDS)
        who = _who_answers(url)
    return who == "emulator"


def change_settings(url: str, values: dict[str, Any]) -> None:
    """Change live settings of an emulator. Raises Problem."""
    request = urllib.request.Request(
        f"{url}/_emulator/settings",
        method="PUT",
        data=json.dumps(values).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10):
            return
    except urllib.error.URLError as error:
        raise Problem(f"{url} does not take the settings {', '.join(values)}: {error}.") from error


def watch(session: Session, stopped: Callable[[float], bool], presence: Presence | None = None) -> None:
    """Deploy again after each change until `stopped(seconds)`, which waits, is true; also to an emulator that has taken
    the place of another.
    """
    looks = 0
    while not stopped(LOOK_SECONDS):
        looks += 1
        happened = presence.look() if presence is not None and looks % PRESENCE_LOOKS == 0 else "as before"
        if happened == "gone":
            session.note("the emulator does not answer any more; when it does again, this deploys again")
        elif happened == "back":
            session.note("the emulator was ended and is back: deploying again")
            session.again()
        elif session.changed() and not (presence is not None and presence.away):
            session.deploy()


def beside(url: str, project: Project, options: Options, screen: Screen, once: bool) -> int:
    """Deploy to an emulator that runs already; the exit code."""
    presence = Presence(lambda: instance_at(url))
    session = Session(project, options, client_of(url, options.region), url, screen)
    good = session.deploy()
    if once:
        return 0 if good else 1
    screen.note("watching for changes; Ctrl-C ends this, and leaves emulator and deployment as they are")
    try:
        watch(session, lambda seconds: threading.Event().wait(seconds), presence)
    except KeyboardInterrupt:
        screen.say("")
    return 0


class OwnEmulator:
    """An emulator that begins and ends with a session."""

    def __init__(
        self, settings: Settings, live: dict[str, Any], project: Project, options: Options, screen: Screen
    ) -> None:
        self._settings = settings
        self._live = live
        self._project = project
        self._options = options
        self._screen = screen
        self._stopping = threading.Event()
        self._code = 0

    def run(self, once: bool, watching: bool, console: Console | None) -> int:
        """Serve and deploy until Ctrl-C, or with `once` until it is deployed; the exit code.

        Raises what `app.serve` raises.
        """
        from emulator.app import serve

        def announce(running: Any) -> None:
            running.live.change(self._live)
            self._screen.say(f"emulator answers on {running.base_url}")
            arguments = (running.base_url, once, watching)
            threading.Thread(target=self._work, args=arguments, name="up", daemon=True).start()

        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            serve(self._settings, announce, console)
        finally:
            self._stopping.set()
            for number, handler in handlers.items():  # a loop that has ended would swallow Ctrl-C
                signal.signal(number, handler)
        return self._code

    def _work(self, url: str, once: bool, watching: bool) -> None:
        try:
            client = client_of(url.replace("localhost", "127.0.0.1"), self._options.region)
            session = Session(self._project, self._options, client, url, self._screen)
            good = session.deploy()
            if once:
                self._end(0 if good else 1)
            elif watching:
                self._screen.note("\nwatching for changes; Ctrl-C ends it")
                watch(session, self._stopping.wait)
            elif not good:
                self._end(1)
        except Exception:
            if self._stopping.is_set():  # it was in the middle of a question when the emulator ended
                return
            self._end(1)
            raise

    def _end(self, code: int) -> None:
        self._code = code
        if not self._stopping.is_set():
            os.kill(os.getpid(), signal.SIGTERM)  # as Ctrl-C: the emulator ends as it ever does
