"""HTTP_PROXY: a request to an endpoint outside, and its answer as it is."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import quote, urlsplit, urlunsplit

from emulator.aws.errors import NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.http_payload import is_hop_by_hop
from emulator.ports import EndpointUnreachable, HttpSender
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import Failure
from emulator.services.apigatewayv2.gateway.functions import with_variables
from emulator.services.apigatewayv2.model import Document

LARGEST_ANSWER = 10 * 1024 * 1024
_NOT_SENT = ("host", "content-length", "forwarded", "via")
_NOT_PASSED_BACK = ("content-length", "date", "via")
"""The gateway's own answer has them; but HEAD's, which has no body, the length of the one that GET would have."""


async def call(
    http: HttpSender,
    exchange: Exchange,
    integration: Document,
    request: HttpRequest,
    path: str | None,
    private: Sequence[str] = (),
) -> HttpResponse:
    """The endpoint's answer. Raises the 503 of an endpoint that cannot be reached or is too slow (4.5)."""
    uri = integration["IntegrationUri"]
    if uri.startswith("arn:"):
        # [D: http-api-develop-integrations-private]: the path is the client's, and has the stage in it.
        uri, path = _behind(uri, private), path or exchange.with_stage(exchange.path)
    method = integration.get("IntegrationMethod") or "ANY"
    method = request.method if method == "ANY" else method
    url = _url(exchange, uri, request.query, path)
    headers = [pair for pair in request.headers if _is_sent(pair[0].lower())]
    seen = {name.lower() for name, _ in headers}
    if "x-amzn-trace-id" not in seen:
        headers.append(("X-Amzn-Trace-Id", exchange.trace_root))
    host = exchange.domain_name
    # [K]: HTTP APIs send the standard header, REST APIs X-Forwarded-*.
    headers.append(("Forwarded", f"by=127.0.0.1;for={request.source_ip};host={host};proto={request.scheme}"))
    headers.append(("Via", f"HTTP/{request.http_version} AmazonAPIGateway"))
    seconds = integration["TimeoutInMillis"] / 1000
    try:
        status, given, body = await http.exchange(method, url, headers, request.body, seconds, LARGEST_ANSWER)
    except EndpointUnreachable as problem:
        raise Failure(503, str(problem)) from None
    except OverflowError:
        raise Failure(500, "The integration's response is too large") from None
    answer = [pair for pair in given if not is_hop_by_hop(pair[0].lower()) and pair[0].lower() not in _NOT_PASSED_BACK]
    if request.method == "HEAD":
        answer += [pair for pair in given if pair[0].lower() == "content-length"]
    return HttpResponse(status if 200 <= status <= 599 else 500, answer, body)


def _behind(arn: str, private: Sequence[str]) -> str:
    """Where the setting says that a private integration leads. Raises NotEmulated if it does not."""
    for entry in private:
        pattern, _, url = entry.partition("=")
        if fnmatchcase(arn, pattern.strip()):
            return url.strip()
    hint = "what is behind a load balancer's or Cloud Map's ARN, the setting private_integrations says"
    raise NotEmulated("apigatewayv2", "a private integration", hint)


def _is_sent(name: str) -> bool:
    return not is_hop_by_hop(name) and name not in _NOT_SENT and not name.startswith("x-forwarded-")


def _url(exchange: Exchange, uri: str, query: str, path: str | None) -> str:
    """The integration's URI with stage variables, path parameters, the client's query and `overwrite:path`."""
    uri = with_variables(uri, exchange)
    for name, value in (exchange.taken.path_parameters if exchange.taken is not None else {}).items():
        for variable in (f"{{{name}}}", f"{{{name}+}}"):
            uri = uri.replace(variable, quote(value, safe="/:@!$&'()*+,;=~-._", errors="replace"))
    try:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
    except ValueError:
        raise Failure(500, "Invalid HTTP endpoint specified for URI") from None
    queries = "&".join(part for part in (parts.query, query) if part)
    return urlunsplit((parts.scheme, parts.netloc, path or parts.path, queries, ""))
