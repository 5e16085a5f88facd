"""AWS time as a test moves it. One server has one time: worlds that live side by side share it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.testing.servers import told

if TYPE_CHECKING:
    from emulator.testing.servers import Server


__tracebackhide__ = told


class Clock:
    """AWS time: frozen unless somebody resumes it, and moving by itself only while a client waits for an answer."""

    def __init__(self, server: Server, account: str) -> None:
        self._server = server
        self._account = account

    def now(self) -> float:
        """Seconds of AWS time since 1970."""
        return self._state()["now"]

    def datetime(self) -> datetime:
        """AWS time as a datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> float:
        """Move time; everything that falls due on the way has run when this returns. The time it is then."""
        moved = seconds + 60 * minutes + 3600 * hours + 86400 * days
        if moved < 0:
            raise ValueError("AWS time never goes back")
        return self._change("advance", until=self.now() + moved)["now"]

    def to_next(self) -> bool:
        """Move time to what is due next and run it. False if nothing is due within a year."""
        return self._change("next")["moved"]

    def settle(self) -> None:
        """Run every consequence of what has happened in this world, however late it is due (a year at most).

        Handlers that sleep and clients that poll are waited for whosever they are: `why()` names them.
        """
        self._change("settle", account=self._account)

    def freeze(self) -> None:
        """Time stands still until somebody moves it: as it is when a test begins."""
        self._change("freeze")

    def resume(self) -> None:
        """Time passes as on the host."""
        self._change("resume")

    def scale(self, factor: float) -> None:
        """Time passes `factor` times as fast as on the host."""
        self._change("scale", factor=factor)

    def auto(self, wanted: bool = True) -> None:
        """Whether frozen time moves by itself, from due time to due time, while a client waits for an answer."""
        self._change("auto", wanted=wanted)

    def why(self) -> str:
        """Who holds time still, who waits for it, and what is due next: for a test that does not come to its end."""
        return "\n".join(self._state()["why"])

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._state()["mode"] == "frozen"

    def _state(self) -> dict[str, Any]:
        return self._server.ask("GET", "clock")

    def _change(self, action: str, **more: Any) -> dict[str, Any]:
        return self._server.ask("POST", "clock", {"action": action, **more})
