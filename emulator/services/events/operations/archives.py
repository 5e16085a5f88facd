"""Archives of a bus's events, and replaying them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events import archive as kept
from emulator.services.events.archive import Archive, Replay
from emulator.services.events.model import invalid, not_found
from emulator.services.events.operations.buses import required_bus
from emulator.services.events.operations.paging import page
from emulator.services.events.operations.rules import check_pattern

REPLAY = "events.replay"
"""Job kind: the next events of a replay. Payload {account, region, replay, after}."""


class ArchiveOperations:
    """EventBridge's operations on archives and replays."""

    def create_archive(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a bus's events from now on."""
        name = request["ArchiveName"]
        bus = required_bus(tx, scope, _bus_arn(request["EventSourceArn"], scope))
        if request.get("EventPattern"):
            check_pattern(request["EventPattern"])
        if kept.find_archive(tx, scope, name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
        made = Archive(
            scope,
            name,
            bus.arn,
            tx.now,
            request.get("Description"),
            request.get("EventPattern") or None,
            int(request.get("RetentionDays") or 0),
            request.get("KmsKeyIdentifier"),
        )
        kept.put_archive(tx, made)
        return {"ArchiveArn": made.arn, "State": "ENABLED", "CreationTime": made.created_at}

    def update_archive(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change what an archive keeps, and for how long."""
        found = _archive(tx, scope, request["ArchiveName"])
        if request.get("EventPattern"):
            check_pattern(request["EventPattern"])
        changed = replace(
            found,
            description=request.get("Description", found.description),
            pattern=request.get("EventPattern", found.pattern) or None,
            retention_days=int(request.get("RetentionDays", found.retention_days) or 0),
            kms_key=request.get("KmsKeyIdentifier", found.kms_key),
        )
        kept.put_archive(tx, changed)
        return {"ArchiveArn": changed.arn, "State": "ENABLED", "CreationTime": changed.created_at}

    def describe_archive(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """An archive."""
        found = _archive(tx, scope, request["ArchiveName"])
        members = {
            "ArchiveArn": found.arn,
            **_shown(tx, found),
            "Description": found.description,
            "EventPattern": found.pattern,
            "KmsKeyIdentifier": found.kms_key,
        }
        return {name: value for name, value in members.items() if value is not None}

    def delete_archive(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete an archive and its events."""
        kept.delete_archive(tx, _archive(tx, scope, request["ArchiveName"]))
        return {}

    def list_archives(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Archives by name."""
        archives = {found.name: found for found in kept.list_archives(tx, scope)}
        wanted = [
            name
            for name, found in archives.items()
            if name.startswith(request.get("NamePrefix") or "")
            and request.get("EventSourceArn") in (None, found.bus_arn)
            and request.get("State") in (None, "ENABLED")
        ]
        names, more = page(request, wanted)
        return {"Archives": [_shown(tx, archives[name]) for name in names], **more}

    # ── replays ─────────────────────────────────────────────────────────────────────────────────

    def start_replay(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Send archived events to their bus again."""
        name = request["ReplayName"]
        arn = Arn.parse(request["EventSourceArn"])
        archive_name = arn.resource.removeprefix("archive/") if arn is not None else request["EventSourceArn"]
        found = kept.find_archive(tx, scope, archive_name)
        if found is None or found.arn != request["EventSourceArn"]:
            reason = f"Archive {archive_name} does not exist."
            raise invalid(f"Parameter EventSourceArn is not valid. Reason: {reason}")
        destination: dict[str, Any] = request["Destination"]
        if destination["Arn"] != found.bus_arn:
            raise invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
        begins_at, ends_at = _time(request["EventStartTime"]), _time(request["EventEndTime"])
        if begins_at >= ends_at:
            reason = "EventStartTime must be before EventEndTime."
            raise invalid(f"Parameter EventEndTime is not valid. Reason: {reason}")
        if kept.find_replay(tx, scope, name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
        replay = Replay(
            scope,
            name,
            request.get("Description"),
            found.name,
            found.arn,
            destination,
            begins_at,
            ends_at,
            "STARTING",
            tx.now,
        )
        kept.put_replay(tx, replay)
        payload = {"account": scope.account, "region": scope.region, "replay": name, "after": [-1.0, 0]}
        jobs.enqueue(tx, REPLAY, payload, owner=replay.arn)
        return {"ReplayArn": replay.arn, "State": replay.state, "ReplayStartTime": replay.started_at}

    def describe_replay(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A replay and how far it is."""
        replay = _replay(tx, scope, request["ReplayName"])
        shown = {**replay.shown(), "ReplayArn": replay.arn, "Destination": dict(replay.destination)}
        return shown | ({"Description": replay.description} if replay.description else {})

    def cancel_replay(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Stop a replay that is not finished."""
        replay = _replay(tx, scope, request["ReplayName"])
        if replay.state not in ("STARTING", "RUNNING"):
            text = f"Replay {replay.name} is not in a valid state for this operation."
            raise AwsError("IllegalStatusException", text)
        kept.put_replay(tx, replace(replay, state="CANCELLED", ended_at=tx.now))
        return {"ReplayArn": replay.arn, "State": "CANCELLED"}

    def list_replays(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Replays by name."""
        replays = {found.name: found for found in kept.list_replays(tx, scope)}
        wanted = [
            name
            for name, found in replays.items()
            if name.startswith(request.get("NamePrefix") or "")
            and request.get("EventSourceArn") in (None, found.source_arn)
            and request.get("State") in (None, found.state)
        ]
        names, more = page(request, wanted)
        return {"Replays": [replays[name].shown() for name in names], **more}


def _archive(tx: Transaction, scope: Scope, name: str) -> Archive:
    found = kept.find_archive(tx, scope, name)
    if found is None:
        raise not_found(f"Archive {name} does not exist.")
    return found


def _replay(tx: Transaction, scope: Scope, name: str) -> Replay:
    found = kept.find_replay(tx, scope, name)
    if found is None:
        raise not_found(f"Replay {name} does not exist.")
    return found


def _bus_arn(text: str, scope: Scope) -> str:
    """The bus an archive is for, which must be the account's own (unverified text)."""
    arn = Arn.parse(text)
    if arn is None or not arn.resource.startswith("event-bus/") or arn.account != scope.account:
        raise invalid("Parameter EventSourceArn is not valid.")
    return text


def _shown(tx: Transaction, found: Archive) -> Mapping[str, Any]:
    count, size = kept.measure(tx, found)
    return {
        "ArchiveName": found.name,
        "EventSourceArn": found.bus_arn,
        "State": "ENABLED",
        "RetentionDays": found.retention_days,
        "SizeBytes": size,
        "EventCount": count,
        "CreationTime": found.created_at,
    }


def _time(given: Any) -> float:
    return given.timestamp() if hasattr(given, "timestamp") else float(given)
