"""What a caller can ask of Step Functions: one method per AWS operation, in boto3's shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .activities import ActivityOperations
from .callbacks import CallbackOperations
from .executions import ExecutionOperations
from .express import ExpressOperations
from .state_machines import StateMachineOperations
from .versions import VersionOperations


class Operations(
    StateMachineOperations,
    VersionOperations,
    ExecutionOperations,
    ExpressOperations,
    ActivityOperations,
    CallbackOperations,
):
    """All operations over one shared state (`state.StepFunctionsState`)."""


def operation_table(operations: Operations) -> dict[str, Callable[..., Any]]:
    """AWS's names of the operations."""
    o = operations
    return {
        "CreateStateMachine": o.create_state_machine,
        "UpdateStateMachine": o.update_state_machine,
        "DescribeStateMachine": o.describe_state_machine,
        "DeleteStateMachine": o.delete_state_machine,
        "ListStateMachines": o.list_state_machines,
        "ValidateStateMachineDefinition": o.validate_state_machine_definition,
        "PublishStateMachineVersion": o.publish_state_machine_version,
        "DeleteStateMachineVersion": o.delete_state_machine_version,
        "ListStateMachineVersions": o.list_state_machine_versions,
        "CreateStateMachineAlias": o.create_state_machine_alias,
        "DescribeStateMachineAlias": o.describe_state_machine_alias,
        "UpdateStateMachineAlias": o.update_state_machine_alias,
        "DeleteStateMachineAlias": o.delete_state_machine_alias,
        "ListStateMachineAliases": o.list_state_machine_aliases,
        "StartExecution": o.start_execution,
        "StartSyncExecution": o.start_sync_execution,
        "StopExecution": o.stop_execution,
        "RedriveExecution": o.redrive_execution,
        "DescribeExecution": o.describe_execution,
        "ListExecutions": o.list_executions,
        "GetExecutionHistory": o.get_execution_history,
        "DescribeStateMachineForExecution": o.describe_state_machine_for_execution,
        "DescribeMapRun": o.describe_map_run,
        "ListMapRuns": o.list_map_runs,
        "UpdateMapRun": o.update_map_run,
        "ListTagsForResource": o.list_tags_for_resource,
        "TagResource": o.tag_resource,
        "UntagResource": o.untag_resource,
        "CreateActivity": o.create_activity,
        "DescribeActivity": o.describe_activity,
        "DeleteActivity": o.delete_activity,
        "ListActivities": o.list_activities,
        "GetActivityTask": o.get_activity_task,
        "SendTaskSuccess": o.send_task_success,
        "SendTaskFailure": o.send_task_failure,
        "SendTaskHeartbeat": o.send_task_heartbeat,
    }


__all__ = ["Operations", "operation_table"]
