"""One service calling an operation of another, in its own transaction: a hand-off and its cause are one commit.

Decides where the operation lives, not what it means. A native operation runs at once, and if it refuses nothing of
it is kept. A delegated one cannot take part in a commit: a durable job calls it afterwards.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.ports import SupportingServices, Transaction


class Calls:
    """The one way from service to service where AWS itself calls one for another (destinations, targets, …)."""

    def __init__(self, services: Services, supporting: SupportingServices) -> None:
        self._services = services
        self._supporting = supporting

    def call(
        self, tx: Transaction, scope: Scope, service: str, operation: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Call boto3's `service`.`operation` with a request in its shape, as `scope`.

        Raises the AwsError of a native operation that refuses (nothing of it is kept then) and NotEmulated.
        """
        native = self._services.get(service)
        method = native.transactional(operation) if native is not None else None
        if method is None:
            raise NotEmulated(service, operation)
        with tx.nested():
            return method(tx, scope, request)
