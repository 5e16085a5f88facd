"""DescribeMapRun, ListMapRuns, UpdateMapRun, and the executions of a map run [R:sfn_api_map_run].

Decides texts of errors and answers; what moves a map run is map_runs/driver.py's. Texts of refusals are unverified.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import model
from emulator.services.stepfunctions.map_runs import store as map_runs
from emulator.services.stepfunctions.map_runs.model import Counts, MapRun
from emulator.services.stepfunctions.operations.state import StepFunctionsState, page


class MapRunOperations(StepFunctionsState):
    """What a caller can ask about map runs."""

    def describe_map_run(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One map run: limits, progress, redrives."""
        run = self.map_run(tx, scope, request["mapRunArn"])
        execution = self.stored_execution(tx, run.execution_id)
        for_good = map_runs.not_redrivable(tx, run)
        answer: dict[str, Any] = {
            "mapRunArn": run.arn,
            "executionArn": execution.arn,
            "status": run.status,
            "startDate": run.started_at,
            "maxConcurrency": run.max_concurrency,
            "toleratedFailurePercentage": run.tolerated_percentage or 0.0,
            "toleratedFailureCount": run.tolerated_count or 0,
            "itemCounts": _counts(run, run.items, run.queued, for_good[1]),
            "executionCounts": _counts(run, run.executions, 0, for_good[0]),
            "redriveCount": run.redrive_count,
        }
        for name, at in (("stopDate", run.stopped_at), ("redriveDate", run.redriven_at)):
            if at is not None:
                answer[name] = at
        return answer

    def list_map_runs(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Map runs that an execution started, newest first."""
        size = model.page_size(request, 1024)
        execution = self.execution(tx, scope, request["executionArn"])
        found = map_runs.list_of(tx, execution.id, model.read_token(request, tx.now), size + 1)
        items: list[dict[str, Any]] = []
        for run in found[:size]:
            item: dict[str, Any] = {
                "executionArn": execution.arn,
                "mapRunArn": run.arn,
                "stateMachineArn": run.machine_arn,
                "startDate": run.started_at,
            }
            items.append(item if run.stopped_at is None else {**item, "stopDate": run.stopped_at})
        return page(tx, request, {"mapRuns": items}, found[size - 1].id if len(found) > size else None)

    def update_map_run(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change concurrency and tolerance of a map run in progress, at once."""
        run = self.map_run(tx, scope, request["mapRunArn"])
        names = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
        if not any(request.get(name) is not None for name in names):
            raise AwsError("MissingRequiredParameter", f"At least one of these is required: {', '.join(names)}")
        if run.status != "RUNNING":
            raise validation_errors([f"The map run '{run.arn}' is {run.status} and cannot be updated"])
        run.max_concurrency = _given(request, "maxConcurrency", run.max_concurrency)
        run.tolerated_count = _given(request, "toleratedFailureCount", run.tolerated_count)
        run.tolerated_percentage = _given(request, "toleratedFailurePercentage", run.tolerated_percentage)
        map_runs.update_limits(tx, run)
        return {}

    def map_run(self, tx: Transaction, scope: Scope, arn: str) -> MapRun:
        """The map run with this ARN. Raises ResourceNotFound, InvalidArn."""
        model.check_arn(arn, "mapRun")
        run = map_runs.find(tx, scope, arn)
        if run is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return run


def _given(request: dict[str, Any], name: str, otherwise: Any) -> Any:
    value = request.get(name)
    return otherwise if value is None else value


def _counts(run: MapRun, counts: Counts, pending: int, not_redrivable: int) -> dict[str, int]:
    return {
        "pending": pending,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "timedOut": counts.timed_out,
        "aborted": counts.aborted,
        "total": sum(counts) + pending,
        "resultsWritten": counts.ended if run.results_written else 0,
        "failuresNotRedrivable": not_redrivable,
        "pendingRedrive": counts.pending_redrive,
    }
