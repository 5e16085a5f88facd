"""First-class service integrations: which subtypes there are and what each asks of whom (4.7). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.services.apigateway.model import bad_request


@dataclass(frozen=True, slots=True)
class ServiceAction:
    """What an integration subtype calls: boto3's service and operation, and its parameters."""

    service: str
    operation: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    """Parameters whose name differs from the operation's member."""

    def member_of(self, parameter: str) -> str:
        """The operation's member for a parameter."""
        return dict(self.renamed).get(parameter, parameter)


_EXECUTION = (
    ("StateMachineArn", "stateMachineArn"),
    ("Name", "name"),
    ("Input", "input"),
    ("TraceHeader", "traceHeader"),
)
_STOPPED = (("ExecutionArn", "executionArn"), ("Cause", "cause"), ("Error", "error"))
_SENT = ("DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes")
_RECEIVED = (
    "AttributeNames",
    "MaxNumberOfMessages",
    "MessageAttributeNames",
    "ReceiveRequestAttemptId",
    "VisibilityTimeout",
    "WaitTimeSeconds",
)

ACTIONS = {
    "StepFunctions-StartExecution": ServiceAction(
        "stepfunctions", "StartExecution", ("StateMachineArn",), ("Name", "Input", "Region"), _EXECUTION
    ),
    "StepFunctions-StartSyncExecution": ServiceAction(
        "stepfunctions",
        "StartSyncExecution",
        ("StateMachineArn",),
        ("Name", "Input", "Region", "TraceHeader"),
        _EXECUTION,
    ),
    "StepFunctions-StopExecution": ServiceAction(
        "stepfunctions", "StopExecution", ("ExecutionArn",), ("Cause", "Error", "Region"), _STOPPED
    ),
    "SQS-SendMessage": ServiceAction("sqs", "SendMessage", ("QueueUrl", "MessageBody"), (*_SENT, "Region")),
    "SQS-ReceiveMessage": ServiceAction("sqs", "ReceiveMessage", ("QueueUrl",), (*_RECEIVED, "Region")),
    "SQS-DeleteMessage": ServiceAction("sqs", "DeleteMessage", ("ReceiptHandle", "QueueUrl"), ("Region",)),
    "SQS-PurgeQueue": ServiceAction("sqs", "PurgeQueue", ("QueueUrl",), ("Region",)),
    "Kinesis-PutRecord": ServiceAction(
        "kinesis",
        "PutRecord",
        ("StreamName", "Data", "PartitionKey"),
        ("SequenceNumberForOrdering", "ExplicitHashKey", "Region"),
    ),
    "EventBridge-PutEvents": ServiceAction(
        "events",
        "PutEvents",
        ("Detail", "DetailType", "Source"),
        ("Time", "EventBusName", "Resources", "Region", "TraceHeader"),
    ),
}
_ABSENT = ("AppConfig-GetConfiguration",)


def action_of(subtype: str) -> ServiceAction:
    """The action of an integration subtype. Raises AWS's 400 (text unverified), or NotEmulated."""
    if subtype in _ABSENT:
        raise NotEmulated("apigatewayv2", "CreateIntegration", f"IntegrationSubtype {subtype}")
    action = ACTIONS.get(subtype)
    if action is None:
        raise bad_request(f"Invalid integration subtype specified: {subtype}")
    return action


def check_parameters(action: ServiceAction, parameters: dict[str, Any]) -> None:
    """Raise AWS's 400 unless the required parameters are there and no others than the optional (texts unverified)."""
    missing = [name for name in action.required if not parameters.get(name)]
    if missing:
        raise bad_request(f"Missing required parameters for the integration subtype: {', '.join(missing)}")
    unknown = [name for name in parameters if name not in (*action.required, *action.optional)]
    if unknown:
        raise bad_request(f"Invalid parameters for the integration subtype: {', '.join(unknown)}")
