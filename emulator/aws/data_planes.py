"""The data planes together: what answers requests to what users have deployed, for those inside who send one.

A service that calls a deployed API or a function URL (a task of a state machine, say) is a client of it like any other,
but needs no socket: frozen time could not move while one waited at the other end of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.aws.addressing import host_name
from emulator.aws.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from emulator.aws.edge import DataPlane


class DataPlanes:
    """All data planes, in the order in which they are asked; `app.py` fills it once they are mounted."""

    def __init__(self) -> None:
        self._planes: list[DataPlane] = []

    def add(self, planes: Sequence[DataPlane]) -> None:
        """Offer data planes."""
        self._planes += planes

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request, its body whole; None if it is for nothing that is deployed here.

        The caller holds the clock `busy`. Raises NotEmulated.
        """
        host = host_name(request.header("host"))
        for plane in self._planes:
            match = plane.match(host, request.path)
            if match is None:
                continue
            response = await plane.handle(request, match)
            if response.stream is not None:
                response.body, response.stream = b"".join([piece async for piece in response.stream]), None
            return response
        return None
