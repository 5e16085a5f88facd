"""Log streams: made, listed, deleted."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.ingest import sweep_later
from emulator.services.logs.model import LogGroup, LogStream, milliseconds
from emulator.services.logs.operations.state import LogsState, page, require_group, require_stream

PAGE = 50


class StreamOperations(LogsState):
    """The operations on log streams."""

    def create_log_stream(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make a stream. Raises ResourceNotFoundException, ResourceAlreadyExistsException."""
        group = require_group(tx, scope, request)
        if store.get_stream(tx, group.id, request["logStreamName"]) is not None:
            raise model.exists("stream")
        store.add_stream(tx, group.id, request["logStreamName"], milliseconds(tx.now))
        sweep_later(tx, group)
        return {}

    def delete_log_stream(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a stream with its events."""
        group = require_group(tx, scope, request)
        store.delete_stream(tx, require_stream(tx, group, request["logStreamName"]).id)
        return {}

    def describe_log_streams(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Streams by name or by their last event."""
        group = require_group(tx, scope, request)
        by_last_event = request.get("orderBy") == "LastEventTime"
        prefix = request.get("logStreamNamePrefix")
        if by_last_event and prefix:
            raise model.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        found = store.streams(tx, group.id, prefix or "", bool(request.get("descending")), by_last_event)
        streams, token = page(found, request, PAGE, lambda stream: stream.name)
        return {"logStreams": [_described(group, stream) for stream in streams], "nextToken": token}


def _described(group: LogGroup, stream: LogStream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_at,
        "firstEventTimestamp": stream.first_event_at,
        "lastEventTimestamp": stream.last_event_at,
        "lastIngestionTime": stream.last_ingested_at,
        "uploadSequenceToken": sequence_token(stream.id, stream.last_ingested_at or 0),
        "arn": f"{group.arn}:log-stream:{stream.name}",
        "storedBytes": 0,  # AWS reports 0 for streams since 2019 [D]
    }


def sequence_token(stream_id: int, at: int) -> str:
    """A token of the form AWS gives; nobody checks it any more, on AWS neither [D: PutLogEvents]."""
    return f"49{stream_id:018d}{at:036d}"
