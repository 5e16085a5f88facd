"""What a caller can ask of event source mappings: Create, Get, List, Update, Delete.

A change takes effect at once: its answer tells the state of passage (`Creating`, `Updating`, `Deleting`) as AWS's does,
and the next Get the state after it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources import mapping as rules
from emulator.services.lambda_.event_sources import store as tables
from emulator.services.lambda_.event_sources.mapping import SourceMapping
from emulator.services.lambda_.event_sources.polling import Polling
from emulator.services.lambda_.event_sources.streams.polling import StreamPolling
from emulator.services.lambda_.event_sources.streams.settings import DEFAULT_BATCH_SIZE, is_stream, new_settings
from emulator.services.lambda_.event_sources.streams.source import StreamNotFound, StreamUnreadable
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.functions import read_marker, write_marker
from emulator.services.lambda_.operations.state import Resolved
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import invalid_parameter, not_found
from emulator.services.sqs.operations import SqsOperations

Request = dict[str, Any]

PAGE = 100
_STREAM_MEMBER = "_stream"
"""A member that no model has: where a mapping begins to read each shard, asked of the stream before the transaction."""


class EventSourceOperations:
    """The operations on event source mappings."""

    def __init__(
        self, functions: LambdaOperations, queues: SqsOperations, polling: Polling, streams: StreamPolling
    ) -> None:
        self._functions = functions
        self._queues = queues
        self._polling = polling
        self._streams = streams

    async def with_stream(self, request: Request) -> Request:
        """A CreateEventSourceMapping with what the stream's own service knows of it, if the source is a stream."""
        arn = request.get("EventSourceArn") or ""
        if not is_stream(arn):
            return request
        rules.check_members(request, stream=True)
        settings = new_settings(arn, request)
        try:
            return {**request, _STREAM_MEMBER: await self._streams.begin(arn, settings)}
        except StreamNotFound:
            raise rules.no_such_stream(arn) from None
        except StreamUnreadable as problem:
            raise invalid_parameter(str(problem)) from None

    def create_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Let a function read a queue or a stream."""
        source_arn = rules.check_source(request)
        function = names.parse(request["FunctionName"], scope, action="CreateEventSourceMapping")
        absent = rules.absent_source(source_arn)
        if absent is not None:
            self._resolve(tx, function)
            raise absent
        streaming = is_stream(source_arn)
        rules.check_members(request, streaming)
        new = SourceMapping(tx.new_id(), scope, function, source_arn, True, tx.now)
        if streaming:
            new = replace(new, batch_size=DEFAULT_BATCH_SIZE, stream=new_settings(source_arn, request))
        new = rules.changed(new, request)
        self._check_ends(tx, new)
        for poller in tables.of_source(tx, source_arn):
            if poller.mapping.function == function:
                raise rules.duplicate(poller.mapping)
        if not streaming:
            self._polling.watch(source_arn)
        tables.insert(tx, new, dict(request.get("Tags") or {}))
        if streaming:
            self._streams.add(tx, new, request[_STREAM_MEMBER])
        else:
            self._polling.plan(tx, new.uuid)
        return self._shown(tx, new, "Creating" if new.enabled else None)

    def get_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A mapping by UUID."""
        return self._shown(tx, self._existing(tx, scope, request))

    def list_event_source_mappings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Mappings, of one source or function if asked."""
        name = request.get("FunctionName")
        function = names.parse(name, scope, action="ListEventSourceMappings") if name else None
        size = min(request.get("MaxItems") or PAGE, PAGE)
        after = read_marker(request.get("Marker"))
        found = tables.listed(tx, scope, request.get("EventSourceArn"), function, after, size + 1)
        result: dict[str, Any] = {"EventSourceMappings": [self._shown(tx, item) for item in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].uuid)
        return result

    def update_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the settings that the request names."""
        before = self._existing(tx, scope, request)
        rules.check_members(request, before.stream is not None)
        after = rules.changed(replace(before, last_modified=tx.now), request)
        if request.get("FunctionName"):
            function = names.parse(request["FunctionName"], scope, action="UpdateEventSourceMapping")
            after = replace(after, function=function)
            for poller in tables.of_source(tx, after.source_arn):
                if poller.mapping.function == function and poller.mapping.uuid != after.uuid:
                    raise rules.duplicate(poller.mapping)
        self._check_ends(tx, after)
        tables.update(tx, after)
        if after.stream is not None:
            self._streams.changed(tx, before, after)
        else:
            self._polling.plan(tx, after.uuid)
        if before.enabled == after.enabled:
            return self._shown(tx, after, "Updating")
        return self._shown(tx, after, "Enabling" if after.enabled else "Disabling")

    def delete_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Stop reading; a batch that runs is brought to its end."""
        existing = self._existing(tx, scope, request)
        shown = self._shown(tx, existing, "Deleting")
        if existing.stream is not None:
            self._streams.remove(tx, existing.uuid)
        else:
            self._polling.stop(tx, existing.uuid)
        tables.delete(tx, existing.uuid)
        return shown

    def _shown(self, tx: Transaction, mapping: SourceMapping, state: str | None = None) -> dict[str, Any]:
        last = self._streams.last_result(tx, mapping.uuid) if mapping.stream is not None else ""
        return mapping.describe(state, last)

    def _existing(self, tx: Transaction, scope: Scope, request: Request) -> SourceMapping:
        poller = tables.find(tx, request["UUID"])
        if poller is None or poller.mapping.scope != scope:
            raise not_found("The resource you requested does not exist.")
        return poller.mapping

    def _resolve(self, tx: Transaction, named: names.FunctionName) -> Resolved:
        try:
            return self._functions.resolve_in(tx, named)
        except AwsError:
            raise invalid_parameter("Function does not exist") from None

    def _check_ends(self, tx: Transaction, mapping: SourceMapping) -> None:
        """The function exists, and a queue does and hides messages long enough for it."""
        function = self._resolve(tx, mapping.function)
        if mapping.stream is not None:
            return
        queue = self._queues.find_by_arn(tx, mapping.source_arn)
        if queue is None or queue.scope.region != mapping.scope.region:
            raise rules.no_such_queue()
        visibility = queue.settings.visibility_timeout_seconds
        problem = rules.visibility_too_short(visibility, function.spec.timeout_seconds)
        if problem is not None:
            raise problem
