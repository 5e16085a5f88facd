"""What a fault plan does on the way from service to service, and from a client to what is deployed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from emulator import faults
from emulator.aws.addressing import host_name
from emulator.aws.calls import SERVICE_MEMBER, Calls
from emulator.aws.edge import DataPlane
from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.faults import Faults
from emulator.ports import Clock, SupportingServices, Transaction

_NAMED_BY = {
    "SendMessage": "QueueUrl",
    "Publish": "TopicArn",
    "Invoke": "FunctionName",
    "StartExecution": "stateMachineArn",
}
"""Operations by which AWS delivers, and the member that says to whom."""
_AGAIN = "-again"
LONGEST_NAME = 80
"""Of an execution."""
_SAID = {503: "Service Unavailable", 504: "Endpoint request timed out"}


Owner = tuple[str, str]
"""The account, and the name by which it knows what is asked for: of a function URL the function's."""


class FaultyCalls(Calls):
    """Calls between services, of which a plan may strike deliveries to destinations."""

    def __init__(self, services: Services, supporting: SupportingServices, plans: Faults) -> None:
        super().__init__(services, supporting)
        self._plans = plans

    def call(
        self, tx: Transaction, scope: Scope, service: str, operation: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Call an operation, unless the plan has it fail; twice, if the plan says so."""
        name = _destination(operation, request) if self._plans.active else ""
        if not name:
            return super().call(tx, scope, service, operation, request)
        fault = self._plans.strike(faults.DESTINATION, name, scope.account, faults.KINDS[faults.DESTINATION])
        if fault is None:
            return super().call(tx, scope, service, operation, request)
        if fault.fault == faults.TWICE or fault.after:
            super().call(tx, scope, service, operation, request)
        if fault.fault == faults.TWICE:
            return super().call(tx, scope, service, operation, _again(operation, request))
        if fault.fault == faults.THROTTLE:
            raise AwsError(fault.error or "ThrottlingException", fault.message or "Rate exceeded", 400)
        raise AwsError(fault.error or "InternalFailure", fault.message or "injected by the fault plan", 500)


def _destination(operation: str, request: dict[str, Any]) -> str:
    """The name of whom AWS delivers to by a call; empty if the call is none of these."""
    if operation in _NAMED_BY:
        return _last_part(str(request.get(_NAMED_BY[operation], "")))
    if operation == "PutEvents" and SERVICE_MEMBER not in request:  # what services tell of themselves goes nowhere else
        return _last_part(str(request["Entries"][0].get("EventBusName") or "default"))
    return ""


def _again(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The second delivery: a machine would take an execution of the same name for the first."""
    if operation == "StartExecution" and request.get("name"):
        return {**request, "name": f"{request['name'][: LONGEST_NAME - len(_AGAIN)]}{_AGAIN}"}
    return request


def _last_part(name: str) -> str:
    """The name in an ARN or a URL of a queue; of a function without its qualifier."""
    if name.startswith("arn:"):
        parts = name.split(":")
        return parts[6] if len(parts) > 6 and parts[2] in ("lambda", "states") else parts[-1].rpartition("/")[2]
    return name.rpartition("/")[2]


class FaultyPlane:
    """A data plane whose clients may wait, or be told that the gateway has failed."""

    def __init__(
        self, plane: DataPlane, clock: Clock, plans: Faults, owner_of: Callable[[str], Awaitable[Owner]]
    ) -> None:
        """`owner_of` says whose an API or a function URL is, by its id."""
        self._plane, self._clock, self._plans, self._owner_of = plane, clock, plans, owner_of
        self.guarded = getattr(plane, "guarded", False)

    def match(self, host: str, path: str) -> Any | None:
        """As the plane's."""
        return self._plane.match(host, path)

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Answer a request; the caller holds the clock busy."""
        if not self._plans.active:
            return await self._plane.handle(request, match)
        where = match[1] if type(match) is tuple else match  # of a custom domain name: who answers, and where
        identifier: str = getattr(where, "api_id", "") or getattr(where, "url_id", "")
        if not identifier:
            return await self._plane.handle(request, match)
        paths = [where.path]
        if hasattr(where, "api_id"):
            paths.append(f"/{where.path[1:].partition('/')[2]}")  # an HTTP API's path may begin with the stage
        if where is not match:
            paths += [request.path]
        account, name = await self._owner_of(identifier)
        host = [host_name(request.header("host"))] if where is not match else []
        names = [*(f"{request.method} {path}" for path in paths), identifier, *([name] if name else []), *host]
        fault = self._plans.strike(faults.GATEWAY, names, account, faults.KINDS[faults.GATEWAY])
        if fault is None:
            return await self._plane.handle(request, match)
        if fault.fault == faults.SLOW:
            with self._clock.parked():
                who = f"{names[0]} (fault: the gateway is slow)"
                await self._clock.sleep_until(self._clock.now() + fault.delay, who)
            return await self._plane.handle(request, match)
        if fault.after:
            await self._plane.handle(request, match)
        text = fault.message or _SAID.get(fault.status, "Internal server error")
        headers = [("Content-Type", "application/json"), ("x-emulator-fault", "gateway")]
        return HttpResponse(fault.status, headers, json.dumps({"message": text}).encode())
