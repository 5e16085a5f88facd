"""What a function behind an HTTP API gets: payload formats 2.0 and 1.0, of integrations and of authorizers (4.4). Pure.

Members that have nothing to say are left out in 2.0 and null in 1.0, as on AWS; order of keys as AWS documents it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from emulator.aws.http import HttpRequest
from emulator.aws.http_payload import body_text, headers_and_cookies, is_hop_by_hop, joined_query, log_time
from emulator.services.apigatewayv2.gateway.exchange import Exchange

Event = dict[str, Any]


def event_2(exchange: Exchange, request: HttpRequest, path: str | None) -> Event:
    """Payload format 2.0 for a (mapped) request."""
    event: Event = {"version": "2.0", "routeKey": exchange.route["RouteKey"]}
    event.update(_common_2(exchange, request, path))
    body, is_base64 = body_text(request)
    if body is not None:
        event["body"] = body
    _add_parameters(exchange, event)
    event["isBase64Encoded"] = is_base64
    return event


def authorizer_event_2(exchange: Exchange, identity: list[str]) -> Event:
    """What a Lambda authorizer of format 2.0 gets: no body."""
    event: Event = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": route_arn(exchange),
        "identitySource": identity,
        "routeKey": exchange.route["RouteKey"],
        **_common_2(exchange, exchange.request, None),
    }
    _add_parameters(exchange, event)
    return event


def route_arn(exchange: Exchange) -> str:
    """The ARN that policies of authorizers speak about."""
    api = exchange.api
    where = f"{api.id}/{exchange.stage_name}/{exchange.request.method}{unquote(exchange.path)}"
    return f"arn:aws:execute-api:{api.region}:{api.account}:{where}"


def _common_2(exchange: Exchange, request: HttpRequest, path: str | None) -> Event:
    raw_path = exchange.with_stage(unquote(path or exchange.path))  # decoded, whatever its name says [P]
    headers, cookies = headers_and_cookies(request, exchange.port, exchange.trace_root)
    event: Event = {"rawPath": raw_path, "rawQueryString": request.query}
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    query = joined_query(request.query)
    if query:
        event["queryStringParameters"] = query
    context: Event = {"accountId": exchange.api.account, "apiId": exchange.api.id}
    if exchange.authorizer:
        context["authorizer"] = exchange.authorizer
    event["requestContext"] = {
        **context,
        "domainName": exchange.domain_name,
        "domainPrefix": exchange.domain_prefix,
        "http": {
            "method": request.method,
            "path": raw_path,
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "requestId": exchange.request_id,
        "routeKey": exchange.route["RouteKey"],
        "stage": exchange.stage_name,
        "time": log_time(exchange.now),
        "timeEpoch": int(exchange.now * 1000),
    }
    return event


def _add_parameters(exchange: Exchange, event: Event) -> None:
    if exchange.taken is not None and exchange.taken.path_parameters:
        event["pathParameters"] = exchange.taken.path_parameters
    if exchange.stage_variables:
        event["stageVariables"] = exchange.stage_variables


# ── 1.0 ──


def event_1(exchange: Exchange, request: HttpRequest, path: str | None) -> Event:
    """Payload format 1.0 for a (mapped) request: a REST API's, with `version`."""
    body, is_base64 = body_text(request)
    return {"version": "1.0", **_common_1(exchange, request, path), "body": body, "isBase64Encoded": is_base64}


def authorizer_event_1(exchange: Exchange, identity: list[str]) -> Event:
    """What a Lambda authorizer of format 1.0 gets."""
    source = ",".join(identity)
    head = {"version": "1.0", "type": "REQUEST", "methodArn": route_arn(exchange)}
    return {
        **head,
        "identitySource": source,
        "authorizationToken": source,
        **_common_1(exchange, exchange.request, None),
    }


def _common_1(exchange: Exchange, request: HttpRequest, path: str | None) -> Event:
    shown_path = exchange.with_stage(unquote(path or exchange.path))
    headers = _all_headers(exchange, request)
    query = parse_qsl(request.query, keep_blank_values=True)
    key = exchange.route["RouteKey"]
    resource = key.partition(" ")[2] or key
    parameters = exchange.taken.path_parameters if exchange.taken is not None else {}
    authorizer: Event = {}
    if exchange.authorizer_variables:
        authorizer["authorizer"] = dict(exchange.authorizer_variables)
        if "jwt" in exchange.authorizer:
            authorizer["authorizer"]["scopes"] = exchange.authorizer["jwt"]["scopes"]
    return {
        "resource": resource,
        "path": shown_path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "requestContext": {
            "accountId": exchange.api.account,
            "apiId": exchange.api.id,
            **authorizer,
            "domainName": exchange.domain_name,
            "domainPrefix": exchange.domain_prefix,
            "extendedRequestId": exchange.request_id,
            "httpMethod": request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAmr": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": request.source_ip,
                "user": None,
                "userAgent": request.header("user-agent"),
                "userArn": None,
            },
            "path": shown_path,
            "protocol": f"HTTP/{request.http_version}",
            "requestId": exchange.request_id,
            "requestTime": log_time(exchange.now),
            "requestTimeEpoch": int(exchange.now * 1000),
            "resourceId": key,
            "resourcePath": resource,
            "stage": exchange.stage_name,
        },
        "pathParameters": parameters or None,
        "stageVariables": exchange.stage_variables or None,
    }


def _all_headers(exchange: Exchange, request: HttpRequest) -> dict[str, list[str]]:
    single, _ = headers_and_cookies(request, exchange.port, exchange.trace_root)
    headers = {name: [value] for name, value in single.items()}
    for name, values in _grouped([(name.lower(), value) for name, value in request.headers]).items():
        if not is_hop_by_hop(name) and not name.startswith("x-forwarded-"):
            headers[name] = values
    return dict(sorted(headers.items()))


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for name, value in pairs:
        result.setdefault(name, []).append(value)
    return result
