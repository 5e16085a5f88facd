"""One service calling an operation of another, in its own transaction: a hand-off and its cause are one commit.

Decides where the operation lives, not what it means. A native operation runs at once, and if it refuses nothing of
it is kept. A delegated one cannot take part in a commit: whoever calls it does so from a durable job.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.ports import SupportingServices, Transaction

TRACE_MEMBER = "_trace_id"
"""A member that no model has: `X-Amzn-Trace-Id` on its way from a request, or a caller here, to an operation."""

SERVICE_MEMBER = "_from_service"
"""As above, set to True in a PutEvents: an AWS service speaks, which may name a source that begins with `aws.`."""

ENDED_MEMBER = "_ended"
"""As above, in an Invoke of type Event: [kind, payload] of the job that is told how the event has ended, once it has;
its payload then has the member `ended`."""

EXECUTION_MEMBER = "_execution_arn"
"""As above: the execution of a state machine whose task makes the request."""


class Calls:
    """The one way from service to service where AWS itself calls one for another (destinations, targets, …)."""

    def __init__(self, services: Services, supporting: SupportingServices) -> None:
        self._services = services
        self._supporting = supporting
        self._models: dict[str, Any] = {}

    def is_native(self, service: str) -> bool:
        """Whether `call` reaches a service; the others are reached by `delegated`."""
        return self._services.get(service) is not None

    def call(
        self, tx: Transaction, scope: Scope, service: str, operation: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Call boto3's `service`.`operation` with a request in its shape, as `scope`.

        Raises the AwsError of a native operation that refuses (nothing of it is kept then) and NotEmulated.
        """
        native = self._services.get(service)
        method = native.transactional(operation) if native is not None else None
        if method is None:
            raise NotEmulated(service, operation)
        with tx.nested():
            return method(tx, scope, request)

    async def delegated(self, scope: Scope, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call an operation of a delegated service. Raises the AwsError it answers with, or NotEmulated.

        A payload of the result (GetObject's `Body`) is bytes. botocore writes and reads the bytes, as it would for a
        client; it is imported here because the start of the emulator does without it.
        """
        if not self._supporting.supports(service):
            raise NotEmulated(service, operation)
        from botocore.awsrequest import HeadersDict
        from botocore.parsers import create_parser
        from botocore.serialize import create_serializer

        operations = self._model(service)
        described: Any = operations.operation_model(operation)
        protocol: str = operations.resolved_protocol
        serializer: Any = create_serializer(protocol, False)
        made: dict[str, Any] = serializer.serialize_to_request(request, described)
        status, headers, body = await self._supporting.handle(
            service, made["method"], _url(service, made), _headers(scope, service, made), _body(made["body"])
        )
        parser: Any = create_parser(protocol)
        payload = _blob(described.output_shape) if status < 300 else None
        received = HeadersDict({"Content-Length": str(len(body)), **dict(headers)})
        answer = {"status_code": status, "headers": received, "body": b"" if payload is not None else body}
        result: dict[str, Any] = parser.parse(answer, described.output_shape)
        if payload is not None:  # botocore would decode it as text
            result[payload] = body
        if status >= 300:
            error: dict[str, Any] = result.get("Error", {})
            raise AwsError(error.get("Code") or str(status), error.get("Message") or "", status)
        result.pop("ResponseMetadata", None)
        return result

    def _model(self, service: str) -> Any:
        """botocore's model of a service, read once: the large ones take tens of milliseconds."""
        if service not in self._models:
            from botocore.loaders import Loader
            from botocore.model import ServiceModel

            self._models[service] = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        return self._models[service]


def _blob(shape: Any) -> str | None:
    """The member of an output that is the body's bytes as they are."""
    if shape is None:
        return None
    name = shape.serialization.get("payload")
    return name if name is not None and shape.members[name].type_name == "blob" else None


def _url(service: str, made: dict[str, Any]) -> str:
    query = made["query_string"]
    text = urlencode(query) if isinstance(query, dict) else str(query or "")
    path: str = made["url_path"]
    return f"http://{service}.localhost{path}{('&' if '?' in path else '?') + text if text else ''}"


def _headers(scope: Scope, service: str, made: dict[str, Any]) -> list[tuple[str, str]]:
    credential = f"{scope.account}/20260101/{scope.region}/{service}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={'0' * 64}"
    return [*((str(name), str(value)) for name, value in made["headers"].items()), ("Authorization", signed)]


def _body(body: Any) -> bytes:
    if isinstance(body, dict):  # the query protocol's form
        return urlencode(body).encode()
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else body.read()
