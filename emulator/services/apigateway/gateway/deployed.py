"""Which deployment answers a request: the stage it points to now, a canary's share included (3.14)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.snapshots import MOST_SNAPSHOTS, Snapshots


class Deployed(NamedTuple):
    """A compiled deployment, and the stage that points to it; `stage["canary"]` says whether the canary answers."""

    snapshot: Snapshot
    stage: dict[str, Any]


class Deployments:
    """Compiled deployments, the last that were asked for."""

    def __init__(self) -> None:
        self._snapshots = Snapshots(store.load_snapshot, Snapshot)

    def forget(self) -> None:
        """Compile anew (after a reset)."""
        self._snapshots.forget()

    def find(self, tx: Transaction, where: Address) -> Deployed | None:
        """What answers at an address, or None if nothing is deployed there."""
        row = store.stage_row(tx, where.api_id, where.stage)
        if row is None:
            return None
        stage = {**_stage_of(row[1])}
        canary = stage.get("canarySettings")
        if canary:
            stage["canary"] = tx.random() * 100 < canary["percentTraffic"]
        deployment = canary["deploymentId"] if canary and stage["canary"] else row[0]
        snapshot = self._snapshots.find(tx, where.api_id, deployment)
        if snapshot is None:
            return None
        if snapshot.api.settings.get("disableExecuteApiEndpoint") and where.base_path is None:
            return None
        return Deployed(snapshot, stage)


@lru_cache(maxsize=MOST_SNAPSHOTS)
def _stage_of(text: str) -> dict[str, Any]:
    """A stage as it is kept; its parts are only read."""
    return json.loads(text)
