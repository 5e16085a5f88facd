"""One request to an HTTP API, with all that the steps of its way need to know of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.aws.http import HttpRequest
from emulator.aws.http_payload import headers_and_cookies, joined_query, log_time
from emulator.aws.lazily import lazily
from emulator.aws.request_traces import RequestTrace
from emulator.services.apigatewayv2.gateway.failures import GATEWAY
from emulator.services.apigatewayv2.gateway.routing import Taken
from emulator.services.apigatewayv2.model import DEFAULT, Api, Document


@dataclass
class Exchange:
    """`path` is the path within the stage, as sent; `request` is the client's."""

    request: HttpRequest
    api: Api
    stage: Document
    path: str
    host: str
    taken: Taken | None
    ids: tuple[str, str]
    now: float
    base_url: str
    trace: RequestTrace
    authorizer: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the authorizer found out, as the event's `requestContext.authorizer` shows it."""
    mapped_path: str | None = None
    """What a custom domain name's mapping took off the path; None at the API's own address."""
    before: str = GATEWAY
    """Before whom it is."""
    integration_seconds: float | None = None
    """How long the integration was waited for, once it was called."""
    integration_status: int | None = None
    """What the integration answered with; Lambda, if it is a function."""
    function_status: int | None = None
    """What a function returned as its `statusCode`."""
    endpoint_headers: Sequence[tuple[str, str]] = ()
    """Of the integration's answer: the endpoint's request id is among them."""

    @property
    def route(self) -> Document:
        """The route taken; asked only where there is one."""
        assert self.taken is not None, "a request without a route has been answered"
        return self.taken.route

    @lazily
    def request_id(self) -> str:
        """The request's id, in `Apigw-Requestid` and in the event."""
        return request_id_of(self.ids[0])

    @lazily
    def trace_root(self) -> str:
        """The trace header that goes on: the client's, or a new root."""
        given = self.request.header("x-amzn-trace-id")
        return given or f"Root=1-{int(self.now):08x}-{self.ids[1].replace('-', '')[:24]}"

    @property
    def stage_name(self) -> str:
        """The stage."""
        return self.stage["StageName"]

    @property
    def stage_variables(self) -> dict[str, str]:
        """The stage's variables."""
        return self.stage.get("StageVariables") or {}

    def with_stage(self, path: str) -> str:
        """A path with the stage before it, unless that is `$default` [D].

        With a custom domain name it is the path that the client asked for (unverified).
        """
        if self.mapped_path is not None:
            return self.mapped_path + path
        return path if self.stage_name == DEFAULT else f"/{self.stage_name}{path}"

    @lazily
    def port(self) -> int:
        """The port that clients use."""
        return urlsplit(self.base_url).port or (443 if self.request.scheme == "https" else 80)

    @lazily
    def domain_name(self) -> str:
        """The API's own name, or the one the client used."""
        if self.mapped_path is not None or self.host.startswith(self.api.id + "."):
            return self.host
        return f"{self.api.id}.execute-api.{self.api.region}.localhost"

    @property
    def domain_prefix(self) -> str:
        """The first label of the domain name: the API's id, or a custom domain name's."""
        return self.domain_name.partition(".")[0]

    @lazily
    def headers(self) -> dict[str, str]:
        """The client's headers as functions see them, cookies among them."""
        headers, cookies = headers_and_cookies(self.request, self.port, self.trace_root)
        return {**headers, **({"cookie": "; ".join(cookies)} if cookies else {})}

    @lazily
    def query(self) -> dict[str, str]:
        """Query parameters, repeated ones joined."""
        return joined_query(self.request.query)

    @lazily
    def context(self) -> dict[str, Any]:
        """`$context` for mappings, identity sources and access logs."""
        agent = self.request.header("user-agent")
        return {
            "accountId": self.api.account,
            "apiId": self.api.id,
            "domainName": self.domain_name,
            "domainPrefix": self.domain_prefix,
            "extendedRequestId": self.request_id,
            "httpMethod": self.request.method,
            "identity": {"sourceIp": self.request.source_ip, "userAgent": agent},
            "path": self.with_stage(unquote(self.path)),
            "protocol": f"HTTP/{self.request.http_version}",
            "requestId": self.request_id,
            "requestTime": log_time(self.now),
            "requestTimeEpoch": str(int(self.now * 1000)),
            "routeKey": self.route["RouteKey"] if self.taken is not None else "",
            "stage": self.stage_name,
            "authorizer": self.authorizer_variables,
        }

    @property
    def authorizer_variables(self) -> dict[str, Any]:
        """`$context.authorizer`: claims of a token, or what a function returned as its context."""
        if "jwt" in self.authorizer:
            return {"claims": self.authorizer["jwt"]["claims"]}
        return self.authorizer.get("lambda") or {}


def request_id_of(uuid_text: str) -> str:
    """Fifteen random characters and `=`, as AWS's extended request ids are [K]."""
    return base64.b64encode(bytes.fromhex(uuid_text.replace("-", ""))[:11]).decode()
