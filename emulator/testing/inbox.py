"""The mail of a world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.testing.servers import told

if TYPE_CHECKING:
    from emulator.testing.servers import Server

DEFAULT_WAIT_SECONDS = 86400.0
"""Of AWS time, which costs no host time while it is frozen."""


__tracebackhide__ = told


class Message(dict[str, Any]):
    """A message as `/_emulator/inbox` shows it; its members are attributes too: `message.subject`, `message.to`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self["from" if name == "sender" else name]
        except KeyError:
            raise AttributeError(f"a message has no {name!r}; it has: {', '.join(self)}") from None


class Inbox:
    """Every message that SES has accepted in this world."""

    def __init__(self, server: Server, account: str) -> None:
        self._server, self._account = server, account

    @property
    def messages(self) -> list[Message]:
        """All messages, oldest first."""
        return self.find()

    def find(self, *, to: str = "", sender: str = "", subject: str = "", q: str = "") -> list[Message]:
        """Messages of which parts fit: of a recipient, the sender, the subject; `q` are words anywhere."""
        return self._ask({"to": to, "from": sender, "subject": subject, "q": q})

    def wait(
        self, *, to: str = "", sender: str = "", subject: str = "", q: str = "", seconds: float = DEFAULT_WAIT_SECONDS
    ) -> Message:
        """The first message that fits; AWS time moves until it comes. Fails the test after `seconds` of it."""
        asked = {"to": to, "from": sender, "subject": subject, "q": q}
        found = self._ask({**asked, "wait": seconds})
        if found:
            return found[0]
        wanted = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value) or "any"
        there = "\n".join(f"  {each.subject!r} to {', '.join(each.to)}" for each in self.messages) or "  none at all"
        raise AssertionError(f"no message ({wanted}) came within {seconds:g} s of AWS time; there are:\n{there}")

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Any:
        return iter(self.messages)

    def _ask(self, query: dict[str, Any]) -> list[Message]:
        answer = self._server.ask("GET", "inbox", account=self._account, **query)
        return [Message(each) for each in answer["messages"]]
