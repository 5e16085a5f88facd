"""A session's emulator that was ended, or begun again, in another terminal."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from emulator.deploy.up import running
from emulator.deploy.up.presence import Instance, Presence, instance_at


def presence_of(*seen: Instance) -> Presence:
    answers = iter(seen)
    return Presence(lambda: next(answers))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (["a", "a"], ["as before"]),
        (["a", None, None, "b"], ["gone", "as before", "back"]),
        (["a", None, "", "a"], ["gone", "as before", "back"]),
        (["a", "b", "b"], ["back", "as before"]),
        (["a", "", "a", "b"], ["as before", "as before", "back"]),
        (["", "a", "b"], ["as before", "back"]),
    ],
)
def test_an_emulator_is_gone_when_nobody_listens_and_back_when_one_says_who_it_is(
    seen: list[Instance], told: list[str]
) -> None:
    presence = presence_of(*seen)
    assert [presence.look() for _ in told] == told


def test_a_port_nobody_listens_on_has_no_instance() -> None:
    with socket.socket() as bound:  # and not listening: nobody else gets it
        bound.bind(("127.0.0.1", 0))
        assert instance_at(f"http://127.0.0.1:{bound.getsockname()[1]}") is None


class Recorded:
    """A session whose files have changed."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def changed(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.done.append(name)


def test_watching_waits_for_an_emulator_that_is_gone_and_goes_on_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "PRESENCE_LOOKS", 2)
    session, ends = Recorded(), iter([False] * 7 + [True])
    running.watch(session, lambda _: next(ends), presence_of("a", None, None, "b"))  # type: ignore[arg-type]
    assert session.done == ["deploy", "note", "note", "again", "deploy"]
