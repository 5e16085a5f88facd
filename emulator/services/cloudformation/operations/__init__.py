"""CloudFormation's operations by AWS's names. Each file is a part of what a caller can ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.services.cloudformation.operations.change_sets import ChangeSetOperations
from emulator.services.cloudformation.operations.describing import DescribingOperations
from emulator.services.cloudformation.operations.stack_settings import SettingOperations
from emulator.services.cloudformation.operations.templates import TemplateOperations


class CloudFormationOperations(ChangeSetOperations, SettingOperations, DescribingOperations, TemplateOperations):
    """All of them."""

    def table(self) -> dict[str, Callable[..., Any]]:
        """Operations by AWS's names."""
        return {
            "CreateStack": self.create_stack,
            "UpdateStack": self.update_stack,
            "DeleteStack": self.delete_stack,
            "CancelUpdateStack": self.cancel_update_stack,
            "ContinueUpdateRollback": self.continue_update_rollback,
            "RollbackStack": self.rollback_stack,
            "DescribeStacks": self.describe_stacks,
            "ListStacks": self.list_stacks,
            "ListStackResources": self.list_stack_resources,
            "DescribeStackResources": self.describe_stack_resources,
            "DescribeStackResource": self.describe_stack_resource,
            "DescribeStackEvents": self.describe_stack_events,
            "GetTemplate": self.get_template,
            "ListExports": self.list_exports,
            "ListImports": self.list_imports,
            "DescribeAccountLimits": self.describe_account_limits,
            "CreateChangeSet": self.create_change_set,
            "DescribeChangeSet": self.describe_change_set,
            "ExecuteChangeSet": self.execute_change_set,
            "DeleteChangeSet": self.delete_change_set,
            "ListChangeSets": self.list_change_sets,
            "ValidateTemplate": self.validate_template,
            "GetTemplateSummary": self.get_template_summary,
            "EstimateTemplateCost": self.estimate_template_cost,
            "UpdateTerminationProtection": self.update_termination_protection,
            "SetStackPolicy": self.set_stack_policy,
            "GetStackPolicy": self.get_stack_policy,
            "SignalResource": self.signal_resource,
            "DetectStackDrift": self.detect_stack_drift,
            "DescribeStackDriftDetectionStatus": self.describe_stack_drift_detection_status,
            "DescribeStackResourceDrifts": self.describe_stack_resource_drifts,
        }
