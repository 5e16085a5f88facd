"""AWS's wire protocols: requests → parameters, results and errors → bytes, rules → AWS's sentences.

All of it is compiled lazily from botocore's service models, read as data. `load_service(name)` is the way in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.protocol.failures import serialize_error
from emulator.aws.protocol.model import Operation, ServiceModel, load_service, service_names


def validate(operation: Operation, parameters: Mapping[str, Any]) -> None:
    """Raise AwsError if `parameters` break the model's constraints on the operation."""
    operation.validate(parameters)


__all__ = ["Operation", "ServiceModel", "load_service", "serialize_error", "service_names", "validate"]
