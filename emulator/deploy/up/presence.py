"""Whether the emulator that a session deploys to is there, and still the one it was: somebody may have ended it, or
begun it again, in another terminal.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Literal

HEALTH_SECONDS = 5.0

Instance = str | None
"""Which emulator answers: another one for each that begins. None: nobody listens there."""


def instance_at(url: str) -> Instance:
    """Who answers there; empty if somebody does and does not say who, or not in time."""
    try:
        with urllib.request.urlopen(f"{url}/_emulator/health", timeout=HEALTH_SECONDS) as answer:
            return str(json.load(answer).get("instance", ""))
    except urllib.error.URLError as error:  # a busy one is there
        return None if isinstance(error.reason, ConnectionRefusedError) else ""
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        return ""


class Presence:
    """The emulator of a session, looked at from time to time."""

    def __init__(self, look: Callable[[], Instance]) -> None:
        self._look = look
        self._known = look()
        self.away = False
        """Whether nobody answers."""

    def look(self) -> Literal["as before", "gone", "back"]:
        """What has happened since the last look; `back` is another emulator, or the same after a time."""
        found = self._look()
        if found is None:
            if self.away:
                return "as before"
            self.away = True
            return "gone"
        another = bool(found and self._known and found != self._known)
        if not found and self.away:
            return "as before"  # it listens, and does not answer yet
        self._known = found or self._known
        if self.away or another:
            self.away = False
            return "back"
        return "as before"
