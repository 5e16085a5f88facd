"""What a caller can ask of CloudWatch: one method per AWS action, grouped by what they are about."""

from __future__ import annotations

from emulator.services.cloudwatch.operations.alarms import AlarmOperations
from emulator.services.cloudwatch.operations.dashboards import DashboardOperations
from emulator.services.cloudwatch.operations.data import DataOperations
from emulator.services.cloudwatch.operations.metrics import MetricOperations
from emulator.services.cloudwatch.recording import Recording
from emulator.services.cloudwatch.watching import Watching

__all__ = ["CloudWatchOperations"]


class CloudWatchOperations(MetricOperations, DataOperations, AlarmOperations, DashboardOperations):
    """Every emulated operation of CloudWatch."""

    def __init__(self, recording: Recording, watching: Watching) -> None:
        super().__init__(recording)
        self.watching = watching
