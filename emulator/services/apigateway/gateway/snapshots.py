"""Compiled deployments, the last that were asked for.

A deployment is frozen, so what is kept of it needs no invalidation: which deployment a stage points to is read from
the store on every request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from emulator.ports import Transaction

MOST_SNAPSHOTS = 256

Frozen = TypeVar("Frozen")
Compiled = TypeVar("Compiled")


class Snapshots(Generic[Frozen, Compiled]):
    """`load(tx, api_id, deployment_id)` finds what a deployment froze; `compile_` makes it ready to answer."""

    def __init__(
        self, load: Callable[[Transaction, str, str], Frozen | None], compile_: Callable[[Frozen], Compiled]
    ) -> None:
        self._load, self._compile = load, compile_
        self._kept: dict[tuple[str, str], Compiled] = {}

    def find(self, tx: Transaction, api_id: str, deployment_id: str) -> Compiled | None:
        """A deployment, or None if there is none of that id."""
        found = self._kept.get((api_id, deployment_id))
        if found is None:
            frozen = self._load(tx, api_id, deployment_id)
            if frozen is None:
                return None
            while len(self._kept) >= MOST_SNAPSHOTS:
                self._kept.pop(next(iter(self._kept)))
            found = self._kept[api_id, deployment_id] = self._compile(frozen)
        return found

    def forget(self) -> None:
        """Compile anew (after a reset)."""
        self._kept.clear()
