"""What a caller can ask of CloudWatch: one method per AWS action, grouped by what they are about."""

from __future__ import annotations

from emulator.services.cloudwatch.operations.data import DataOperations
from emulator.services.cloudwatch.operations.metrics import MetricOperations

__all__ = ["CloudWatchOperations"]


class CloudWatchOperations(MetricOperations, DataOperations):
    """Every emulated operation of CloudWatch."""
