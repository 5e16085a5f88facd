"""What a caller can ask of SQS: one method per AWS operation, in boto3's shapes."""

from __future__ import annotations

from emulator.services.sqs.operations.gauges import GaugeOperations
from emulator.services.sqs.operations.move_tasks import MoveTaskOperations
from emulator.services.sqs.operations.permissions import PermissionOperations
from emulator.services.sqs.operations.queues import QueueOperations
from emulator.services.sqs.operations.sending import SendOperations


class SqsOperations(QueueOperations, SendOperations, MoveTaskOperations, PermissionOperations, GaugeOperations):
    """All operations over one shared state (`state.SqsState`)."""


__all__ = ["SqsOperations"]
