"""What a caller can ask of Lambda: one method per AWS operation, in boto3's shapes."""

from __future__ import annotations

from emulator.services.lambda_.operations.event_configs import EventConfigOperations
from emulator.services.lambda_.operations.functions import FunctionOperations
from emulator.services.lambda_.operations.governance import GovernanceOperations
from emulator.services.lambda_.operations.invoke import InvokeOperations
from emulator.services.lambda_.operations.layers import LayerOperations
from emulator.services.lambda_.operations.urls import UrlOperations


class LambdaOperations(
    FunctionOperations, EventConfigOperations, GovernanceOperations, InvokeOperations, LayerOperations, UrlOperations
):
    """All operations over one shared state (`state.LambdaState`)."""


__all__ = ["LambdaOperations"]
