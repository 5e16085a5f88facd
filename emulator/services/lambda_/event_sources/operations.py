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
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.functions import read_marker, write_marker
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import invalid_parameter, not_found
from emulator.services.sqs.operations import SqsOperations

Request = dict[str, Any]

PAGE = 100


class EventSourceOperations:
    """The operations on event source mappings."""

    def __init__(self, functions: LambdaOperations, queues: SqsOperations, polling: Polling) -> None:
        self._functions = functions
        self._queues = queues
        self._polling = polling

    def create_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Let a function read a queue."""
        source_arn = rules.check_source(request)
        rules.check_members(request)
        function = names.parse(request["FunctionName"], scope, action="CreateEventSourceMapping")
        new = SourceMapping(tx.new_id(), scope, function, source_arn, True, tx.now)
        new = rules.changed(new, request)
        self._check_ends(tx, new)
        for poller in tables.of_source(tx, source_arn):
            if poller.mapping.function == function:
                raise rules.duplicate(poller.mapping)
        self._polling.watch(source_arn)
        tables.insert(tx, new, dict(request.get("Tags") or {}))
        self._polling.plan(tx, new.uuid)
        return new.describe("Creating" if new.enabled else None)

    def get_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A mapping by UUID."""
        return self._existing(tx, scope, request).describe()

    def list_event_source_mappings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Mappings, of one source or function if asked."""
        name = request.get("FunctionName")
        function = names.parse(name, scope, action="ListEventSourceMappings") if name else None
        size = min(request.get("MaxItems") or PAGE, PAGE)
        after = read_marker(request.get("Marker"))
        found = tables.listed(tx, scope, request.get("EventSourceArn"), function, after, size + 1)
        result: dict[str, Any] = {"EventSourceMappings": [item.describe() for item in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].uuid)
        return result

    def update_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the settings that the request names."""
        before = self._existing(tx, scope, request)
        rules.check_members(request)
        after = rules.changed(replace(before, last_modified=tx.now), request)
        if request.get("FunctionName"):
            function = names.parse(request["FunctionName"], scope, action="UpdateEventSourceMapping")
            after = replace(after, function=function)
            for poller in tables.of_source(tx, after.source_arn):
                if poller.mapping.function == function and poller.mapping.uuid != after.uuid:
                    raise rules.duplicate(poller.mapping)
        self._check_ends(tx, after)
        tables.update(tx, after)
        self._polling.plan(tx, after.uuid)
        if before.enabled == after.enabled:
            return after.describe("Updating")
        return after.describe("Enabling" if after.enabled else "Disabling")

    def delete_event_source_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Stop reading; a batch that runs is brought to its end."""
        existing = self._existing(tx, scope, request)
        self._polling.stop(tx, existing.uuid)
        tables.delete(tx, existing.uuid)
        return existing.describe("Deleting")

    def _existing(self, tx: Transaction, scope: Scope, request: Request) -> SourceMapping:
        poller = tables.find(tx, request["UUID"])
        if poller is None or poller.mapping.scope != scope:
            raise not_found("The resource you requested does not exist.")
        return poller.mapping

    def _check_ends(self, tx: Transaction, mapping: SourceMapping) -> None:
        """The function and the queue exist, and the queue hides messages long enough for the function."""
        try:
            function = self._functions.resolve_in(tx, mapping.function)
        except AwsError:
            raise invalid_parameter("Function does not exist") from None
        queue = self._queues.find_by_arn(tx, mapping.source_arn)
        if queue is None or queue.scope.region != mapping.scope.region:
            raise rules.no_such_queue()
        visibility = queue.settings.visibility_timeout_seconds
        problem = rules.visibility_too_short(visibility, function.spec.timeout_seconds)
        if problem is not None:
            raise problem
