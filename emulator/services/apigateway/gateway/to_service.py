"""Type AWS to any service but Lambda: the mapped request, signed by the gateway, as the service reads it (3.17).

Knows how an `action/` or `path/` URI becomes a request, and that services of the query protocol answer JSON to
whoever accepts it. What the request means is the service's own business (`AwsApis`).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zlib import crc32

from emulator.aws.addressing import service_of_endpoint
from emulator.aws.apis import AwsApis
from emulator.aws.errors import NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import ServiceModel, load_service, service_names
from emulator.ports import Clock
from emulator.services.apigateway.gateway import endpoint, large_bodies
from emulator.services.apigateway.gateway.deadline import Deadline
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, configuration_error
from emulator.services.apigateway.gateway.query_as_json import as_json
from emulator.services.apigateway.gateway.responses import EndpointAnswer
from emulator.services.apigateway.gateway.routing import Snapshot

_URI = re.compile(r"^arn:[a-z\-]+:apigateway:([^:]*):(?:([^:]+)\.)?([^:.]+):(path|action)/(.*)$", re.S)
_ROLE = re.compile(r"^arn:[a-z\-]+:iam::(\d{12}):")
_FORM = "application/x-www-form-urlencoded"


class ServiceIntegration:
    """Calls AWS services for APIs."""

    def __init__(self, apis: AwsApis, clock: Clock, deadline: Deadline) -> None:
        self._apis = apis
        self._clock = clock
        self._deadline = deadline

    async def call(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        integration: dict[str, Any],
        mapped: dict[str, dict[str, Any]],
        body: bytes,
        seconds: float,
    ) -> EndpointAnswer:
        """Call the service; the integration response is selected by the status of its answer."""
        request, model = service_request(exchange, snapshot, integration, mapped, body)
        url = f"https://{request.header('host')}{request.path}{'?' + request.query if request.query else ''}"
        exchange.calls(url, request.headers, request.body, self._clock.now())
        try:
            answer = await self._deadline.within(seconds, self._answer(request))
        except Failure:
            exchange.trace.add("timeout", whose="integration", seconds=seconds)
            raise
        answer = understood(self._apis, model, request, answer)
        exchange.received(answer.status, answer.headers, answer.body, self._clock.now())
        return EndpointAnswer(str(answer.status), answer.status, answer.headers, answer.body)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        # The call holds time still by itself, and gives the hold back where AWS makes its caller wait.
        with self._clock.parked():
            return await self._apis.answer(request)


def understood(apis: AwsApis, model: ServiceModel, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The service's answer, in JSON if that was asked for. Raises NotEmulated for what the emulator refused by name."""
    for name, value in answer.headers:
        if name.lower() == "x-emulator-error":
            text = answer.body.decode("utf-8", "replace")[:300]
            raise NotEmulated(model.name, "an integration's request", f"{value}: {text}")
    spoken = model.spoken_in(request)
    if "query" in spoken.protocols and "json" in request.header("accept"):
        return as_json(spoken, request, answer)
    if "json" in spoken.protocols and apis.delegates(model.name):
        return _compact(answer)
    return answer


def _compact(answer: HttpResponse) -> HttpResponse:
    """JSON without spaces and in UTF-8, as AWS's services write it; the library that stands for them writes both."""
    try:
        document = large_bodies.loads(answer.body.decode())
        body = large_bodies.dumps(document, _write_json).encode()
    except (ValueError, RecursionError):  # no JSON, or half a surrogate pair: as it is
        return answer
    replaced = {"content-length": str(len(body)), "x-amz-crc32": str(crc32(body))}
    headers = [(name, replaced.get(name.lower(), value)) for name, value in answer.headers]
    return HttpResponse(answer.status, headers, body)


def _write_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def service_request(
    exchange: Exchange,
    snapshot: Snapshot,
    integration: dict[str, Any],
    mapped: dict[str, dict[str, Any]],
    body: bytes,
) -> tuple[HttpRequest, ServiceModel]:
    """The signed request that an `action/` or `path/` URI means. Raises the failure of one that means none."""
    found = _URI.match(endpoint.with_stage_variables(exchange, integration["uri"]))
    if found is None:
        raise configuration_error("Invalid endpoint address")
    region, subdomain, prefix, kind, rest = found.groups()
    service = service_of_endpoint(prefix, service_names().__contains__)
    if service is None:
        raise configuration_error("Invalid endpoint address")
    model = load_service(service)
    method = integration.get("httpMethod") or "POST"
    query = endpoint.query_pairs(mapped["querystring"])
    headers = endpoint.checked_headers(mapped["header"])
    names = {name.lower(): value for name, value in headers}
    if kind == "path":
        location, _, given = endpoint.with_parameters(rest, mapped["path"]).partition("?")
        path = "/" + location.lstrip("/")
        if subdomain and prefix == "s3":
            path = f"/{subdomain}{path}"
    else:
        path = "/"
        operation, _, given = rest.partition("&")
        _name_operation(model, operation, names, headers, query, body)
    query = [*parse_qsl(given, keep_blank_values=True), *query]
    role = _ROLE.match(endpoint.with_stage_variables(exchange, integration.get("credentials") or ""))
    account = role.group(1) if role else snapshot.scope.account
    own_region = region or snapshot.scope.region
    scope = f"{account}/{endpoint.amz_date(exchange.now)[:8]}/{own_region}/{prefix}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    headers = endpoint.with_own_headers(exchange, headers)
    host = f"{prefix}.{own_region}.amazonaws.com"
    headers += [("Host", host), ("Authorization", signed), ("X-Amz-Date", endpoint.amz_date(exchange.now))]
    actual = exchange.request.method if method == "ANY" else method
    if actual in ("GET", "HEAD"):
        body = b""
    request = HttpRequest(actual, path, urlencode(query), headers, body, scheme="https")
    return request, model


def _name_operation(
    model: ServiceModel,
    operation: str,
    names: dict[str, str],
    headers: list[tuple[str, str]],
    query: list[tuple[str, str]],
    body: bytes,
) -> None:
    """Name the operation of an `action/` URI as the service's protocol does, unless the mappings have.

    Recorded for Step Functions and DynamoDB, which need no X-Amz-Target; taken to hold for all services that speak
    JSON (unverified).
    """
    if "x-amz-target" in names:
        return
    form = names.get("content-type", "").startswith(_FORM)
    if "json" in model.protocols and not form and not query:
        headers.append(("X-Amz-Target", f"{model.metadata.get('targetPrefix', '')}.{operation}"))
        if "content-type" not in names:
            headers.append(("Content-Type", f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}"))
        return
    if not (form and b"Action=" in body):
        query.append(("Action", operation))
    if not any(name == "Version" for name, _ in query) and b"Version=" not in body:
        query.append(("Version", str(model.metadata.get("apiVersion", ""))))
