"""What a test has go wrong in its world: one call a fault, or a whole plan. docs/time-and-faults.md has every fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.faults import FaultPlan
from emulator.testing.servers import told

if TYPE_CHECKING:
    from emulator.testing.servers import Server


__tracebackhide__ = told


class Faults:
    """Faults of one world. `name` may hold `*`; more of a fault: times, skip, probability, seconds, after, error, …"""

    def __init__(self, server: Server, account: str) -> None:
        self._server, self._account = server, account

    def function(self, name: str, fault: str, **more: Any) -> None:
        """A function: error, timeout, throttle, crash, slow; its events: twice, out_of_order."""
        self._add("function", name, fault, more)

    def state(self, name: str, fault: str, **more: Any) -> None:
        """A Task state (of `machine`, or any): error, timeout, throttle, slow, twice."""
        self._add("state", name, fault, more)

    def destination(self, name: str, fault: str, **more: Any) -> None:
        """A queue, topic, function or machine to which AWS itself delivers: error, throttle, twice."""
        self._add("destination", name, fault, more)

    def queue(self, name: str, fault: str, **more: Any) -> None:
        """A message sent to a standard queue: twice, out_of_order, slow, lost."""
        self._add("queue", name, fault, more)

    def gateway(self, name: str, fault: str, **more: Any) -> None:
        """A request to a deployed API or function URL: slow, error (status).

        By `METHOD /path`, or the API's or URL's id, the function's name, the custom domain name.
        """
        self._add("gateway", name, fault, more)

    def websocket(self, name: str, fault: str, **more: Any) -> None:
        """A WebSocket's message, by its route key, `@connections` or the API's id: error, slow, lost, crash.

        A client that connects, by `$connect`: error (status), slow.
        """
        self._add("websocket", name, fault, more)

    def mail(self, to: str, fault: str, **more: Any) -> None:
        """Mail to a recipient: refused by their server, lost after SES has accepted it."""
        self._add("mail", to, fault, more)

    def store(self, fault: str, **more: Any) -> None:
        """A commit (the first one, or that after `skip` others), of any world of this server: error, crash."""
        self._server.ask("POST", "faults", {"store": "*", "fault": fault, **more})

    def put(self, plan: FaultPlan) -> None:
        """From now on this is the plan; what was is forgotten."""
        self._server.ask("PUT", "faults", plan.to_json(), account=self._account)

    def load(self, path: str | Path) -> None:
        """The plan in a file. Raises BadPlan."""
        self.put(FaultPlan.from_text(Path(path).read_text()))

    def seed(self, seed: int) -> None:
        """Begin an empty plan whose dice follow from this number."""
        self.put(FaultPlan(seed=seed))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._server.ask("DELETE", "faults", account=self._account)

    @property
    def plan(self) -> FaultPlan:
        """What is to go wrong."""
        report = self._report()
        counted = ("met", "struck")
        listed = [{name: value for name, value in each.items() if name not in counted} for each in report["faults"]]
        return FaultPlan.from_json({"seed": report["seed"], "faults": listed})

    @property
    def strikes(self) -> list[dict[str, Any]]:
        """What has gone wrong, in its order: when, what, and how."""
        return self._report()["strikes"]

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Calls that could have failed since there was a plan, even an empty one: `{"function": "x", "calls": 3}`."""
        return self._report()["seen"]

    def _add(self, target: str, name: str, fault: str, more: dict[str, Any]) -> None:
        self._server.ask("POST", "faults", {target: name, "fault": fault, **more}, account=self._account)

    def _report(self) -> dict[str, Any]:
        return self._server.ask("GET", "faults", account=self._account)
