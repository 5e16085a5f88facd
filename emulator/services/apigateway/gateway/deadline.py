"""How long the gateway waits for what it calls: the integration timeout in AWS time (3.8), and the failure it is."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from emulator.aws import deadline
from emulator.ports import Clock
from emulator.services.apigateway.gateway.failures import Failure

T = TypeVar("T")


class Deadline:
    """Waits for work, no longer than told; what is late runs on, and nobody hears of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadline = deadline.Deadline(clock, "apigateway: integration")

    def now(self) -> float:
        """AWS time."""
        return self._clock.now()

    async def within(self, seconds: float, work: Coroutine[Any, Any, T], late: str = "INTEGRATION_TIMEOUT") -> T:
        """The result of `work`, which may take `seconds` of AWS time. Raises the failure `late`."""
        try:
            return await self._deadline.within(seconds, work)
        except deadline.Late:
            raise Failure(late, reason="Execution failed due to a timeout error") from None
