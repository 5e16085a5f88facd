"""A request to an AWS API, answered: which operation it is, its call, and every failure as the service would say it.

Decides nothing about who may come in or what a connection may cost (edge.py does). Besides the edge, API Gateway's
integrations with AWS services answer their requests here.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from emulator.aws.addressing import Address, address_of
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import ServiceModel, load_service, serialize_error, service_names
from emulator.aws.protocol.compression import unpack_request
from emulator.aws.service import FrontDoorLimit, Service, Services
from emulator.ports import Clock, SupportingServices
from emulator.uuids import new_uuid

_FORM = "application/x-www-form-urlencoded"
_FORM_PROTOCOLS = ("query", "ec2")
_OF_CONTENT = ("content-type", "content-length")


class AwsApis:
    """Answers raw requests to native and delegated AWS services; keeps nothing."""

    def __init__(
        self,
        services: Services,
        supporting: SupportingServices,
        clock: Clock,
        region: str,
        request_ids: Callable[[], str] | None = None,
    ) -> None:
        self._new_request_id = request_ids or new_uuid
        self._services = services
        self._supporting = supporting
        self._clock = clock
        self._region = region

    def delegates(self, service: str) -> bool:
        """Whether the supporting services answer for a service, in bytes of their own."""
        return self._services.get(service) is None

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer of the service that a request is for; never raises for what a request holds."""
        address = address_of(request, service_names().__contains__, self._region)
        request_id = self._new_request_id()
        name = address.service
        service = self._services.get(name) if name is not None else None
        if name is None:
            text = (
                f"The emulator cannot tell which AWS service {request.method} {request.path[:200]} is for: the request"
                " is not signed, names no X-Amz-Target and matches no path of an emulated service."
            )
            return as_json(404, {"message": text}, [("x-amzn-RequestId", request_id)])
        if service is None:
            if self._supporting.supports(name):
                return await self._forward(name, request, request_id)
            return _no_such_service(name, request, request_id)
        return await self._call(service, address, request, request_id)

    async def _call(self, service: Service, address: Address, request: HttpRequest, request_id: str) -> HttpResponse:
        model = load_service(service.name).spoken_in(request)
        protocol = model.protocols[0] if len(model.protocols) == 1 else model.protocol_of(request)
        labels: dict[str, str] | None = None
        try:
            unpack_request(model, request)
        except AwsError as error:
            return model_error(model, error, request_id, protocol)
        if protocol.startswith("rest-"):
            found = model.match_rest(request.method, request.path, request.query)
            operation_name, labels = found if found is not None else (None, None)
        else:
            operation_name = model.match_name(request)
        if operation_name is None or not model.has_operation(operation_name):
            return model_error(model, _unknown_operation(model, protocol, operation_name), request_id, protocol)
        operation = model.operation(operation_name)
        with self._clock.busy(f"{service.name}.{operation_name}"):
            try:
                _check_front_door(service.front_door_limits.get(operation_name), len(request.body))
                parameters = operation.parse(request, labels)
                operation.validate(parameters)
                prepare = getattr(service, "prepare", None)
                if prepare is not None:
                    prepare(operation_name, request, parameters)
                result = await service.call(operation_name, address.scope, parameters, request_id)
                response = operation.serialize(result, request_id, protocol)
                finish = getattr(service, "finish", None)
                if finish is not None:
                    finish(operation_name, result, response)
                return response
            except AwsError as error:
                reword = getattr(service, "reworded", None)
                said = error if reword is None else reword(operation_name, request, error)
                return model_error(model, said, request_id, protocol)
            except NotEmulated as missing:
                return _not_emulated(model, missing, request_id, protocol)
            except Exception:
                report(f"{service.name}.{operation_name}")
                return model_error(model, _internal_failure(), request_id, protocol)

    async def _forward(self, name: str, request: HttpRequest, request_id: str) -> HttpResponse:
        """Hand a raw request to the delegated services."""
        host = request.header("host") or "localhost"
        spoken = load_service(name).spoken_in(request)
        if spoken is not load_service(name) and spoken.match_name(request) is not None:
            return await self._forward_query(spoken, request, request_id)
        url = f"{request.scheme}://{host}{request.path}{'?' + request.query if request.query else ''}"
        model = load_service(name)
        protocol = model.protocol_of(request)
        sent, content = request.headers, request.body
        if protocol in _FORM_PROTOCOLS and not request.header("content-type").startswith(_FORM):
            # AWS reads what the URL says, whatever else comes with it; the library goes by the content's type.
            sent = [pair for pair in sent if pair[0].lower() not in _OF_CONTENT]
            content = content if b"Action=" in content else b""
            if request.method == "POST":
                sent.append(("Content-Type", _FORM))
        with self._clock.busy(name):
            try:
                status, headers, body = await self._supporting.handle(name, request.method, url, sent, content)
            except NotEmulated as missing:
                return _not_emulated(model, missing, request_id, protocol)
            except AwsError as error:
                return model_error(model, error, request_id, protocol)
            except Exception:
                report(f"{name} {request.method} {request.path}")
                return model_error(model, _internal_failure(), request_id, protocol)
        if not any(key.lower() in ("x-amzn-requestid", "x-amz-request-id") for key, _ in headers):
            headers.append(("x-amzn-RequestId", request_id))
        return HttpResponse(status, headers, body)

    async def _forward_query(self, spoken: ServiceModel, request: HttpRequest, request_id: str) -> HttpResponse:
        """Hand on in JSON what an older client has sent as a form, and answer it in XML."""
        name = spoken.match_name(request) or ""
        if not spoken.has_operation(name):
            return model_error(spoken, _unknown_operation(spoken, "query", name), request_id, "query")
        operation = spoken.operation(name)
        try:
            parameters = operation.parse(request)
        except AwsError as error:
            return model_error(spoken, error, request_id, "query")
        replaced = ("content-type", "content-length", "accept")
        headers = [pair for pair in request.headers if pair[0].lower() not in replaced]
        headers += [
            ("X-Amz-Target", f"{spoken.metadata['targetPrefix']}.{name}"),
            ("Content-Type", f"application/x-amz-json-{spoken.metadata['jsonVersion']}"),
        ]
        body = json.dumps(parameters, default=str).encode()
        forwarded = HttpRequest("POST", "/", "", headers, body, scheme=request.scheme)
        answer = await self._forward(spoken.name, forwarded, request_id)
        said: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status < 300:
            return operation.serialize(said, request_id)
        code = str(said.get("__type", "InternalFailure")).rpartition("#")[2]
        text = str(said.get("message") or said.get("Message") or "")
        response = model_error(spoken, AwsError(code, text, answer.status), request_id, "query")
        response.headers += [pair for pair in answer.headers if pair[0] == "x-emulator-error"]
        return response


# ── answers that no service gives ───────────────────────────────────────────────────────────────


def model_error(model: ServiceModel, error: AwsError, request_id: str, protocol: str | None) -> HttpResponse:
    """An error in the protocol of a service."""
    return serialize_error(model, error, request_id, protocol)


def as_json(status: int, value: Any, headers: list[tuple[str, str]]) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, [*headers, ("Content-Type", "application/json")], json.dumps(value).encode())


def _check_front_door(limit: FrontDoorLimit | None, size: int) -> None:
    if limit is not None and size > limit.refused_above:
        text = f"Request must be smaller than {limit.named_bytes} bytes for the {limit.named} operation"
        raise AwsError("RequestEntityTooLargeException", text, 413)


def _unknown_operation(model: ServiceModel, protocol: str, name: str | None) -> AwsError:
    if protocol == "query":
        version = model.metadata.get("apiVersion", "")
        return AwsError("InvalidAction", f"Could not find operation {name or ''} for version {version}", 400)
    if protocol.startswith("rest-"):
        return AwsError("UnknownOperationException", "Unknown Operation Exception", 404)
    return AwsError("UnknownOperationException", f"Unknown operation {name or ''}".rstrip(), 400)


def _no_such_service(name: str, request: HttpRequest, request_id: str) -> HttpResponse:
    text = f"The service {name} is not emulated; see docs/compatibility.md"
    model = load_service(name)
    if not model.protocols:
        response = as_json(501, {"message": text}, [("x-amzn-RequestId", request_id)])
    else:
        response = model_error(model, AwsError("NotImplemented", text, 501), request_id, model.protocol_of(request))
    response.headers.append(("x-emulator-error", "not-emulated"))
    return response


def missing_text(missing: NotEmulated) -> str:
    """What a refusal by name says."""
    detail = f" ({missing.detail})" if missing.detail else ""
    return f"{missing.service}.{missing.operation} is not emulated{detail}; see docs/compatibility.md"


def _not_emulated(model: ServiceModel, missing: NotEmulated, request_id: str, protocol: str) -> HttpResponse:
    response = model_error(model, AwsError("NotImplemented", missing_text(missing), 501), request_id, protocol)
    response.headers.append(("x-emulator-error", "not-emulated"))
    return response


def _internal_failure() -> AwsError:
    text = "The request processing has failed because of an unknown error, exception or failure."
    return AwsError("InternalFailure", text, 500)


def report(what: str) -> None:
    """We erred: the traceback goes to stderr, never to the client."""
    print(f"unexpected failure in {what}", file=sys.stderr)
    traceback.print_exc(file=sys.stderr)
