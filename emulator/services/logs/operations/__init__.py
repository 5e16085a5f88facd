"""What a caller can ask of CloudWatch Logs: one method per AWS action, grouped by what they are about."""

from __future__ import annotations

from emulator.services.logs.operations.destinations import DestinationOperations
from emulator.services.logs.operations.events import EventOperations
from emulator.services.logs.operations.filters import FilterOperations
from emulator.services.logs.operations.groups import GroupOperations
from emulator.services.logs.operations.policies import PolicyOperations
from emulator.services.logs.operations.streams import StreamOperations
from emulator.services.logs.operations.tags import TagOperations

__all__ = ["LogsOperations"]


class LogsOperations(
    GroupOperations,
    StreamOperations,
    EventOperations,
    FilterOperations,
    DestinationOperations,
    PolicyOperations,
    TagOperations,
):
    """Every emulated operation of CloudWatch Logs."""
