"""One event of a conversation on its way to an integration: a connection begins, says something, or ends.

It is an exchange of REST APIs with another context, so that their templates, mappings and requests to AWS services
are the same code. Shapes of events: AWS, websocket-connect-route-… and apigateway-websocket-api-lambda-auth. Pure.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from emulator.aws.http import HttpRequest
from emulator.aws.lazily import lazily
from emulator.aws.request_traces import RequestTrace
from emulator.aws.scope import Scope
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.gateway.exchange import Exchange as RestExchange
from emulator.services.apigateway.gateway.routing import Route
from emulator.services.apigateway.gateway.vtl import Template, VtlSyntaxError
from emulator.services.apigatewayv2.gateway.exchange import request_id_of
from emulator.services.apigatewayv2.model import Api, Document
from emulator.services.apigatewayv2.websocket.connections import Connection

Event = dict[str, Any]
CONNECTED, SAID, GONE = "CONNECT", "MESSAGE", "DISCONNECT"


class Snapshot:
    """What a deployment froze, ready to serve conversations."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.scope: Scope = api.scope
        self.routes = {route["RouteKey"]: route for route in api.routes.values()}
        self._templates: dict[str, Template | None] = {}
        self._schemas: dict[str, jsonschema_rs.Draft4Validator | None] = {}

    def template(self, source: str) -> Template | None:
        """The compiled template; None if it cannot be read."""
        if source not in self._templates:
            try:
                self._templates[source] = Template(source)
            except (VtlSyntaxError, RecursionError):
                self._templates[source] = None
        return self._templates[source]

    def schema(self, name: str) -> jsonschema_rs.Draft4Validator | None:
        """The compiled schema of a model; None if there is no such model, or it cannot be compiled."""
        if name not in self._schemas:
            self._schemas[name] = self._compiled(name)
        return self._schemas[name]

    def _compiled(self, name: str) -> jsonschema_rs.Draft4Validator | None:
        text = next((model.get("Schema") for model in self.api.models.values() if model["Name"] == name), None)
        if text is None:
            return None
        try:
            return jsonschema_rs.Draft4Validator(text, pattern_options=jsonschema_rs.RegexOptions(), retriever=_refuse)
        except (ValueError, TypeError, RecursionError, jsonschema_rs.ReferencingError):
            return None


def _refuse(uri: str) -> Any:
    """A schema may not make the emulator fetch anything."""
    raise ValueError(f"{uri} is not a model of this API")


class Exchange(RestExchange):
    """An event of a connection; `request` is the upgrade request, or a message as the body of one."""

    def __init__(
        self,
        connection: Connection,
        snapshot: Snapshot,
        stage: Document,
        kind: str,
        key: str,
        request: HttpRequest,
        ids: tuple[str, str, str],
        trace: RequestTrace,
    ) -> None:
        super().__init__(
            request,
            Address(connection.api_id, connection.stage_name, "/"),
            _NO_ROUTE,
            ids,
            trace.started_at,
            stage.get("StageVariables") or {},
            stage.get("DeploymentId") or "",
            snapshot.scope.account,
            trace,
        )
        self.connection = connection
        self.deployed = snapshot
        self.stage = stage
        self.kind = kind
        self.key = key
        self.ended: tuple[int, str] | None = None
        """Of a connection that is gone: status code and reason."""
        self.request_id = request_id_of(ids[0])
        self.invocation_id = ids[2]
        """The request id of a function that is invoked."""
        self._message_id = request_id_of(ids[1])

    @property
    def taken(self) -> Document:
        """The route, empty if there is none of this key."""
        return self.deployed.routes.get(self.key) or {}

    @property
    def message(self) -> str:
        """What the client said."""
        return self.body_text

    @lazily
    def shown_context(self) -> Event:
        """`requestContext` of events, in AWS's order."""
        connection, kind = self.connection, self.kind
        shown: Event = {"routeKey": self.key}
        if connection.authorizer is not None:
            shown["authorizer"] = connection.authorizer
        if kind == SAID:
            shown["messageId"] = self._message_id
        if self.ended is not None:
            shown["disconnectStatusCode"] = self.ended[0]
        shown |= {"eventType": kind, "extendedRequestId": self.request_id, "requestTime": self.request_time}
        shown["messageDirection"] = "IN"
        if self.ended is not None:
            shown["disconnectReason"] = self.ended[1]
        return shown | {
            "stage": connection.stage_name,
            "connectedAt": int(connection.connected_at * 1000),
            "requestTimeEpoch": int(self.now * 1000),
            "identity": connection.identity,
            "requestId": self.request_id,
            "domainName": connection.domain_name,
            "connectionId": connection.id,
            "apiId": connection.api_id,
        }

    @lazily
    def context(self) -> dict[str, Any]:
        """`$context` for templates, mappings and access logs."""
        return {
            **self.shown_context,
            "accountId": self.account,
            "requestOverride": {"header": {}, "path": {}, "querystring": {}},
            "responseOverride": {"header": {}},
        }

    def forget_context(self) -> None:
        """The authorizer has spoken: whoever asks from now on sees it."""
        for name in ("context", "shown_context"):
            self.__dict__.pop(name, None)

    def event(self) -> Event:
        """What a function behind a proxy integration gets."""
        event: Event = {}
        if self.kind == CONNECTED:
            event |= _of_upgrade(self, hop_by_hop=False)
        elif self.kind == GONE:
            headers = {
                "Host": self.connection.domain_name,
                "x-api-key": "",
                "X-Forwarded-For": "",
                "x-restapi": "",
            }
            event |= {"headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()}}
        event["requestContext"] = self.shown_context
        if self.stage_variables:
            event["stageVariables"] = self.stage_variables
        if self.kind == SAID:
            event["body"] = self.message
        event["isBase64Encoded"] = False
        return event

    def authorizer_event(self) -> Event:
        """What a REQUEST authorizer gets: all headers of the upgrade, and maps that are empty instead of absent."""
        return {
            "type": "REQUEST",
            "methodArn": self.method_arn,
            "headers": {},
            "multiValueHeaders": {},
            "queryStringParameters": {},
            "multiValueQueryStringParameters": {},
            **_of_upgrade(self, hop_by_hop=True),
            "stageVariables": self.stage_variables,
            "requestContext": self.shown_context,
        }

    @property
    def method_arn(self) -> str:
        """The ARN that policies of authorizers speak about."""
        scope, connection = self.deployed.scope, self.connection
        where = f"{connection.api_id}/{connection.stage_name}/{self.key}"
        return f"arn:aws:execute-api:{scope.region}:{scope.account}:{where}"


_NO_ROUTE = Route({}, "", "", {}, None)
_HOP_BY_HOP = {"Connection": "upgrade", "content-length": "0", "Upgrade": "websocket"}


def _of_upgrade(exchange: Exchange, hop_by_hop: bool) -> Event:
    """Headers and query of the upgrade request, with what AWS's front end adds."""
    request = exchange.request
    several: dict[str, list[str]] = {}
    for name, value in exchange.headers:
        if not name.lower().startswith("x-forwarded-"):
            several.setdefault(name, []).append(value)
    several["Host"] = [exchange.connection.domain_name]
    several.pop("host", None)
    if not any(name.lower() == "x-amzn-trace-id" for name in several):
        several["X-Amzn-Trace-Id"] = [exchange.trace_id]
    several["X-Forwarded-For"] = [request.source_ip]
    several["X-Forwarded-Port"] = [str(exchange.connection.port)]
    several["X-Forwarded-Proto"] = [request.scheme]
    if hop_by_hop:
        several |= {name: [value] for name, value in _HOP_BY_HOP.items()}
    several = dict(sorted(several.items()))
    event: Event = {
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
    }
    if exchange.query:
        event["queryStringParameters"] = exchange.single_query
        event["multiValueQueryStringParameters"] = {name: exchange.query_values(name) for name, _ in exchange.query}
    return event
