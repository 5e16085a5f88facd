"""A request in the middle of the pipeline, without a server."""

from __future__ import annotations

from typing import Any

from emulator.aws.http import HttpRequest
from emulator.aws.request_traces import RequestTrace
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.routing import Route, Snapshot
from emulator.services.apigateway.model import Api

NOW = 1_700_000_000.0
IDS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "3" * 32)


def exchange(
    method: str = "GET",
    path: str = "/pets/7",
    query: str = "",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    integration: dict[str, Any] | None = None,
    parameters: dict[str, str] | None = None,
    **settings: Any,
) -> Exchange:
    """An exchange at `/pets/{id}`; `settings` are attributes to set."""
    request = HttpRequest(method, path, query, headers or [], body)
    definition: dict[str, Any] = {"httpMethod": method, "methodIntegration": integration or {"type": "MOCK"}}
    route = Route(definition, "res1", "/pets/{id}", {"id": "7"} if parameters is None else parameters, None)
    trace = RequestTrace(lambda: NOW, "REST", request, IDS[0])
    where = Address("api1", "dev", path)
    made = Exchange(request, where, route, IDS, NOW, {"v": "1"}, "dep1", "000000000000", trace)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def snapshot(**settings: Any) -> Snapshot:
    """A deployment without resources."""
    return Snapshot(Api("api1", "000000000000", "us-east-1", settings))
