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
    timelines: list[str] = field(default_factory=list[str])
    """Of those that ended because something was raised within them."""


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
            each.timelines.append(timeline_of(world))


def timeline_of(world: Emulator) -> str:
    """As text, even if it cannot be told: what made the test fail matters more."""
    try:
        return str(world.timeline())
    except Exception as problem:
        return f"cannot be shown: {problem!r}"
