"""DescribeStacks of a stack under way answers a little later, when the stack has settled.

Decides how long. Tools look once as soon as they have begun an operation, and then sleep for 5 s (CDK), 15 s or 30 s
(SAM, the AWS CLI: the delays of their waiters) although a deployment is over here after one. So whoever looks in the
first seconds of an operation gets its end, if it comes in these seconds; the answer is one that AWS gives, only later.
Never in frozen time: there nothing would move meanwhile.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Clock, Store, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.operations import CloudFormationOperations

PATIENCE_SECONDS = 5.0
"""After the stack's last event of its own. No tool sleeps for less between two looks than this makes it wait."""
_LOOK_SECONDS = 0.05


class Patience:
    """Holds a look at a stack that is under way."""

    def __init__(self, rows: Store, clock: Clock, operations: CloudFormationOperations) -> None:
        self._rows = rows
        self._clock = clock
        self._operations = operations

    async def settled(self, scope: Scope, name: str) -> None:
        """Return once a stack has settled, or these seconds are over; at once if there is no such stack."""
        while self._clock.passes:
            until = await self._rows.read(lambda tx: self._until(tx, scope, name))
            if until is None or self._clock.now() >= until:
                return
            with self._clock.parked():
                await self._clock.sleep_until(self._clock.now() + _LOOK_SECONDS, "cloudformation.DescribeStacks")

    def _until(self, tx: Transaction, scope: Scope, name: str) -> float | None:
        stack = self._operations.find(tx, scope, name)
        if stack is None or not stack.in_progress or stack.status == "REVIEW_IN_PROGRESS":
            return None
        began = store.own_event_at(tx, stack)
        return None if began is None else began + PATIENCE_SECONDS


def is_look(operation: str, request: dict[str, Any]) -> bool:
    """Whether a request looks at one stack, to see how it is."""
    return operation == "DescribeStacks" and bool(request.get("StackName"))
