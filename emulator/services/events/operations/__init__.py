"""What a caller can ask of EventBridge, one method per AWS action; the table that the edge and other services use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.services.events.operations.api_destinations import ApiDestinationOperations
from emulator.services.events.operations.archives import ArchiveOperations
from emulator.services.events.operations.buses import BusOperations
from emulator.services.events.operations.connections import ConnectionOperations
from emulator.services.events.operations.events import EventOperations
from emulator.services.events.operations.rules import RuleOperations
from emulator.services.events.routing import Router


class EventBridgeOperations:
    """All operations of EventBridge."""

    def __init__(self, router: Router) -> None:
        self.buses = BusOperations()
        self.rules = RuleOperations()
        self.events = EventOperations(router)
        self.archives = ArchiveOperations()
        self.connections = ConnectionOperations()
        self.api_destinations = ApiDestinationOperations()

    def table(self) -> dict[str, Callable[..., Any]]:
        """From AWS's name to method."""
        buses, rules, events, archives = self.buses, self.rules, self.events, self.archives
        connections, destinations = self.connections, self.api_destinations
        return {
            "CreateEventBus": buses.create_event_bus,
            "UpdateEventBus": buses.update_event_bus,
            "DeleteEventBus": buses.delete_event_bus,
            "DescribeEventBus": buses.describe_event_bus,
            "ListEventBuses": buses.list_event_buses,
            "PutPermission": buses.put_permission,
            "RemovePermission": buses.remove_permission,
            "TagResource": buses.tag_resource,
            "UntagResource": buses.untag_resource,
            "ListTagsForResource": buses.list_tags_for_resource,
            "PutRule": rules.put_rule,
            "DeleteRule": rules.delete_rule,
            "DescribeRule": rules.describe_rule,
            "ListRules": rules.list_rules,
            "EnableRule": rules.enable_rule,
            "DisableRule": rules.disable_rule,
            "ListRuleNamesByTarget": rules.list_rule_names_by_target,
            "PutTargets": rules.put_targets,
            "RemoveTargets": rules.remove_targets,
            "ListTargetsByRule": rules.list_targets_by_rule,
            "PutEvents": events.put_events,
            "TestEventPattern": events.test_event_pattern,
            "CreateArchive": archives.create_archive,
            "UpdateArchive": archives.update_archive,
            "DescribeArchive": archives.describe_archive,
            "DeleteArchive": archives.delete_archive,
            "ListArchives": archives.list_archives,
            "StartReplay": archives.start_replay,
            "DescribeReplay": archives.describe_replay,
            "CancelReplay": archives.cancel_replay,
            "ListReplays": archives.list_replays,
            "CreateConnection": connections.create_connection,
            "UpdateConnection": connections.update_connection,
            "DescribeConnection": connections.describe_connection,
            "DeleteConnection": connections.delete_connection,
            "DeauthorizeConnection": connections.deauthorize_connection,
            "ListConnections": connections.list_connections,
            "CreateApiDestination": destinations.create_api_destination,
            "UpdateApiDestination": destinations.update_api_destination,
            "DescribeApiDestination": destinations.describe_api_destination,
            "DeleteApiDestination": destinations.delete_api_destination,
            "ListApiDestinations": destinations.list_api_destinations,
        }
