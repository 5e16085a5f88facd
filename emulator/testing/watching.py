"""Who hears of the worlds that a test has, however it came by them: a fixture, `with Emulator()`, `async with`.

The plugin sets `test` while a test is run. Without pytest nobody listens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from emulator.testing.world import Emulator


class Watcher(Protocol):
    """Who is told of worlds: `config.stash[WATCHERS].append(…)`. `item` is the test, as pytest has it."""

    def begins(self, world: Emulator, item: Any) -> None:
        """A test's world begins: nothing is in it yet."""
        ...

    def ends(self, world: Emulator, item: Any) -> None:
        """A test is over, and its world is about to be forgotten."""
        ...


@dataclass(slots=True)
class Test:
    """The test that is run now."""

    item: Any
    watchers: list[Watcher]
    worlds: list[Emulator] = field(default_factory=list["Emulator"])
    """Those it has now."""
    timelines: dict[Emulator, str] = field(default_factory=dict["Emulator", str])
    """Of those in which something failed before they ended, as they were then."""


test: list[Test] = []
"""It, or nothing."""


def begins(world: Emulator) -> None:
    """A world has begun."""
    for each in test:
        each.worlds.append(world)
        for watcher in each.watchers:
            watcher.begins(world, each.item)


def ends(world: Emulator) -> None:
    """A world is about to end."""
    for each in test:
        if world in each.worlds:
            each.worlds.remove(world)
            for watcher in each.watchers:
                watcher.ends(world, each.item)


def fails(world: Emulator) -> None:
    """Something was raised within a world that ends therefore."""
    for each in test:
        if world in each.worlds:
            each.timelines[world] = timeline_of(world)


def fails_now() -> None:
    """The test fails, and its worlds may end before anybody else hears of it: as a unittest.TestCase tears down."""
    for each in test:
        for world in each.worlds:
            each.timelines[world] = timeline_of(world)


def timelines() -> list[str]:
    """Of each world of the test that has failed."""
    found = [told for each in test for told in each.timelines.values()]
    return found + [timeline_of(world) for each in test for world in each.worlds if world not in each.timelines]


def timeline_of(world: Emulator) -> str:
    """As text, even if it cannot be told: what made the test fail matters more."""
    try:
        return str(world.timeline())
    except Exception as problem:
        return f"cannot be shown: {problem!r}"
