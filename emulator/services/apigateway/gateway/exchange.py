"""One request on its way through the pipeline: its parts, decoded once, and AWS's `$context`. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote

from emulator.aws.http import HttpRequest
from emulator.aws.http_payload import access_key
from emulator.aws.lazily import lazily
from emulator.aws.request_traces import LONGEST_TEXT, MOST_ITEMS, RequestTrace
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.gateway.compression import unpacked
from emulator.services.apigateway.gateway.routing import Route
from emulator.services.apigateway.gateway.vtl.values import MISSING

DROPPED = frozenset(
    [
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "transfer-encoding",
        "trailer",
        "upgrade",
        "www-authenticate",
    ]
)
"""Headers no mapping and no event ever sees (3.1)."""


class Exchange:
    """A request, where it goes, and what is known of it."""

    # What access logs tell besides; most requests have none of it, so that it costs them nothing.
    function_status: int | None = None
    """What a proxied function returned as its `statusCode`."""
    endpoint_headers: Sequence[tuple[str, str]] = ()
    """Of the integration's answer: the endpoint's request id is among them."""
    first_content_latency: int | None = None
    """Milliseconds until the first piece of a streamed body."""
    phases: Mapping[str, dict[str, Any]] = MappingProxyType({})
    """How authentication, the authorizer and authorization went: error, status, latency."""

    def __init__(
        self,
        request: HttpRequest,
        where: Address,
        route: Route,
        ids: tuple[str, str, str],
        now: float,
        stage_variables: dict[str, str],
        deployment_id: str,
        account: str,
        trace: RequestTrace,
    ) -> None:
        self.request = request
        self.where = where
        self.route = route
        self.request_id, self._extended, self._trace = ids
        self.now = now
        self.stage_variables = stage_variables
        self.deployment_id = deployment_id
        self.account = account
        self.headers = [header for header in request.headers if header[0].lower() not in DROPPED]
        self.trace = trace
        """What has happened so far; the execution log is made of it."""
        self.integration_status: int | None = None
        self.integration_latency: int | None = None
        """Milliseconds of AWS time."""
        self.called_at = now
        self.authorizer: dict[str, Any] | None = None
        """`$context.authorizer`, once an authorizer has let the request go on."""
        self.error: dict[str, Any] | None = None
        """`$context.error`, once the request has failed."""
        self.settings_key = "*/*"
        self.settings: dict[str, Any] = {}
        """The stage's settings of the method, and under which name they stand there."""
        self.has_cache = False
        """Whether the stage has a cache cluster."""
        self.cache_key: tuple[Any, ...] | None = None
        """Where the stage's cache remembers the answer; None if it does not."""
        self.cache_hit: bool | None = None
        self.cache_warning = False
        """The client's Cache-Control was ignored, and the answer says so."""
        self.canary_shares_cache = False
        self.streamed_bytes = 0
        """Of a body that is no part of the answer, but streamed."""
        self.canary: bool | None = None
        """Whether the canary answers; None on a stage without one."""
        self.usage_key: str | None = None
        """The API key that an authorizer named."""
        self.path_parameters = {name: unquote(value) for name, value in route.parameters.items()}
        """As mappings, templates and validators see them: decoded (unverified). Events have them as sent [R]."""

    def use_authorizer(self, principal_id: str, told: dict[str, Any], latency: int) -> None:
        """Tell mappings, templates and events what the authorizer said."""
        self.authorizer = {"principalId": principal_id, "integrationLatency": latency, **told}
        if self.has_context:
            self.context["authorizer"] = self.authorizer

    def use_claims(self, claims: dict[str, str]) -> None:
        """Tell mappings, templates and events the claims of the caller's token."""
        self.authorizer = {"claims": claims}
        if self.has_context:
            self.context["authorizer"] = self.authorizer

    def unpack(self) -> None:
        """Undo the compression of the body, before anything has read it. Raises the failure that ends the request."""
        coding = self.header("Content-Encoding")
        if coding is None:
            return
        self.request.body = unpacked(coding, self.request.body)
        self.headers = [(name, value) for name, value in self.headers if name.lower() != "content-encoding"]
        for made in ("single_headers", "_folded_headers"):  # by the look for the header
            self.__dict__.pop(made, None)

    def went(self, phase: str, status: int, error: str = "", **more: Any) -> None:
        """Keep how a phase before the integration ended. What AWS says where is known by names only (unverified)."""
        self.phases = {**self.phases, phase: {"status": status, "error": error, "latency": 0, **more}}

    def forget_call(self) -> None:
        """Of an authorizer's function: it is no integration."""
        self.integration_status = self.integration_latency = None
        self.endpoint_headers = ()

    def calls(self, url: str, headers: list[tuple[str, str]], body: bytes, now: float) -> None:
        """The endpoint is about to be called."""
        self.called_at = now
        self.trace.weigh(body)
        self.trace.add("integration request", url=url, headers=headers, body=body)

    def received(self, status: int, headers: list[tuple[str, str]], body: bytes | None, now: float) -> None:
        """Keep how the endpoint answered; None is a body that is yet to come."""
        self.integration_status = status
        self.endpoint_headers = headers
        self.integration_latency = round((now - self.called_at) * 1000)
        latency = self.integration_latency
        if len(headers) > MOST_ITEMS or sum([len(value) for _, value in headers]) > LONGEST_TEXT:
            self.trace.heavy = True
        self.trace.weigh(body)
        self.trace.add("integration response", status=status, latency=latency, headers=headers, body=body)

    @property
    def has_context(self) -> bool:
        """Whether `context` has been made: templates and authorizers change it."""
        return "context" in self.__dict__

    @lazily
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order, decoded once."""
        return parse_qsl(self.request.query, keep_blank_values=True) if self.request.query else []

    @lazily
    def body_text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced, as AWS does for types that are not binary."""
        return self.request.body.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        """The last value of a header: the exact case first, then any (HTTP/2 and ASGI lose the case)."""
        found = self.single_headers.get(name)
        return self._folded_headers.get(name.lower()) if found is None else found

    def header_values(self, name: str) -> list[str]:
        """All values of a header."""
        folded = name.lower()
        return [value for key, value in self.headers if key.lower() == folded]

    def query_values(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in self.query if key == name]

    @lazily
    def single_headers(self) -> dict[str, str]:
        """Header → last value."""
        return dict(self.headers)

    @lazily
    def _folded_headers(self) -> dict[str, str]:
        """Header in lower case → last value."""
        return {name.lower(): value for name, value in self.headers}

    @lazily
    def single_query(self) -> dict[str, str]:
        """Query parameter → last value."""
        return dict(self.query)

    @lazily
    def content_type(self) -> str:
        """The request's media type without parameters; none counts as application/json (3.4)."""
        return (self.header("Content-Type") or "application/json").partition(";")[0].strip().lower()

    @lazily
    def extended_request_id(self) -> str:
        """The value of x-amz-apigw-id."""
        return extended_request_id(self._extended)

    @lazily
    def trace_id(self) -> str:
        """The trace header that goes on: the client's, or a new root."""
        return self.header("X-Amzn-Trace-Id") or f"Root=1-{int(self.now):08x}-{self._trace.replace('-', '')[:24]}"

    @lazily
    def signed(self) -> bool:
        """Whether the request has a signature; it is not verified."""
        return access_key(self.request) is not None

    @lazily
    def domain(self) -> str:
        """The host name the client used, without port."""
        return self.request.header("host").partition(":")[0] or "localhost"

    @lazily
    def stage_path(self) -> str:
        """The path with its stage, as sent [R:test_lambda_aws_proxy_integration]; on a custom domain name all of it."""
        return f"/{self.where.stage}{self.where.path}" if self.where.base_path is None else self.client_path

    @lazily
    def client_path(self) -> str:
        """The path without its stage, as sent but for slashes repeated at its beginning [R:test_lambda_aws_proxy_…].

        On a custom domain name it has its base path (3.10).
        """
        return "/" + ((self.where.base_path or "") + self.where.path).lstrip("/")

    @lazily
    def domain_prefix(self) -> str:
        """The API's id, or the first label of a custom domain name."""
        return self.where.api_id if self.where.base_path is None else self.domain.partition(".")[0]

    @lazily
    def request_time(self) -> str:
        """Common log format, UTC."""
        return _common_log_time(int(self.now))

    @lazily
    def identity(self) -> dict[str, Any]:
        """The caller, as far as anything is known (3.20)."""
        return {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "cognitoIdentityId": None,
            "caller": None,
            "sourceIp": self.request.source_ip,
            "principalOrgId": None,
            "accessKey": None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": None,
            "userAgent": self.header("User-Agent"),
            "user": None,
        }

    def use_caller(self, caller: dict[str, Any] | None) -> None:
        """Know who has signed: for methods with IAM authorization only [D: api-gateway-mapping-template-reference]."""
        if caller is not None:
            self.identity.update(
                {
                    "accountId": caller["accountId"],
                    "caller": caller["callerId"],
                    "accessKey": caller["accessKey"],
                    "userArn": caller["userArn"],
                    "user": caller["userId"],
                }
            )

    @lazily
    def context(self) -> dict[str, Any]:
        """`$context` for templates and mappings, in AWS's order [R:test_sqs_amz_json_protocol]."""
        made = {name: make(self) for name, make in _CONTEXT.items()}
        if self.authorizer is not None:
            made["authorizer"] = self.authorizer
        if self.canary is not None:
            made["isCanaryRequest"] = "true" if self.canary else "false"
        return made

    def whole_context(self) -> dict[str, Any]:
        """`context`, for who may have to wait until somebody wants it."""
        return self.context

    def forget_context(self) -> None:
        """Compute `context` anew when it is next asked for."""
        self.__dict__.pop("context", None)

    def peek(self, name: str) -> Any:
        """One text or number of `context`, without making all of it; MISSING if only the whole tells."""
        make = _CONTEXT.get(name) if name not in _CHANGEABLE and not self.has_context else None
        return MISSING if make is None else make(self)


_CONTEXT: dict[str, Callable[[Exchange], Any]] = {
    "resourceId": lambda exchange: exchange.route.resource_id,
    "resourcePath": lambda exchange: exchange.route.resource_path,
    "httpMethod": lambda exchange: exchange.request.method,
    "extendedRequestId": lambda exchange: exchange.extended_request_id,
    "requestTime": lambda exchange: exchange.request_time,
    "path": lambda exchange: exchange.stage_path,
    "accountId": lambda exchange: exchange.account,
    "protocol": lambda exchange: f"HTTP/{exchange.request.http_version}",
    "requestOverride": lambda _: {"header": {}, "path": {}, "querystring": {}},
    "stage": lambda exchange: exchange.where.stage,
    "domainPrefix": lambda exchange: exchange.domain_prefix,
    "requestTimeEpoch": lambda exchange: int(exchange.now * 1000),
    "requestId": lambda exchange: exchange.request_id,
    "identity": lambda exchange: exchange.identity,
    "domainName": lambda exchange: exchange.domain,
    "deploymentId": lambda exchange: exchange.deployment_id,
    "responseOverride": lambda _: {"header": {}},
    "apiId": lambda exchange: exchange.where.api_id,
}
_CHANGEABLE = frozenset(["requestOverride", "responseOverride", "identity"])
"""What templates may put something into."""


@lru_cache(maxsize=64)
def extended_request_id(drawn: str) -> str:
    """What is sent as x-amz-apigw-id, of a UUID drawn for it; asked for twice in most requests."""
    return base64.b64encode(bytes.fromhex(drawn.replace("-", ""))[:11]).decode()


@lru_cache(maxsize=64)
def _common_log_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
