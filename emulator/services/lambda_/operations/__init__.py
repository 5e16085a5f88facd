"""What a caller can ask of Lambda: one method per AWS operation, in boto3's shapes."""

from __future__ import annotations

from emulator.services.lambda_.operations.aliases import AliasOperations
from emulator.services.lambda_.operations.code_signing import CodeSigningOperations
from emulator.services.lambda_.operations.event_configs import EventConfigOperations
from emulator.services.lambda_.operations.function_settings import FunctionSettingOperations
from emulator.services.lambda_.operations.functions import FunctionOperations
from emulator.services.lambda_.operations.layers import LayerOperations
from emulator.services.lambda_.operations.packages import PackageOperations
from emulator.services.lambda_.operations.policies import PolicyOperations
from emulator.services.lambda_.operations.provisioned import ProvisionedOperations
from emulator.services.lambda_.operations.reserved_concurrency import ReservedConcurrencyOperations
from emulator.services.lambda_.operations.response_stream import ResponseStreamOperations
from emulator.services.lambda_.operations.tags import TagOperations
from emulator.services.lambda_.operations.urls import UrlOperations
from emulator.services.lambda_.operations.versions import VersionOperations


class LambdaOperations(
    FunctionOperations,
    VersionOperations,
    AliasOperations,
    PolicyOperations,
    ProvisionedOperations,
    PackageOperations,
    EventConfigOperations,
    ReservedConcurrencyOperations,
    ResponseStreamOperations,
    LayerOperations,
    UrlOperations,
    CodeSigningOperations,
    FunctionSettingOperations,
    TagOperations,
):
    """All operations over one shared state (`state.LambdaState`)."""


__all__ = ["LambdaOperations"]
