"""Reads AWS's service models and answers: which operation is this request, and which codec does it speak?

The models are botocore's `service-2.json` files, read as data: botocore itself is never imported. Everything is
lazy; a service costs a few milliseconds when first asked for and an operation a fraction of one. This file knows
routes, protocols and shapes; it knows neither bytes (see parse, serialize) nor AWS's rules (see validate).
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol.query_names import speaks_query, spoken_in_query

Shape = Mapping[str, Any]
MOST_REMEMBERED_PATHS = 1024
LONGEST_REMEMBERED_PATH = 200
SUPPORTED_PROTOCOLS = ("query", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor")


@cache
def data_directory() -> Path:
    """botocore's folder of service models."""
    spec = importlib.util.find_spec("botocore")
    assert spec is not None and spec.origin is not None, "botocore is a declared dependency: its models are our models"
    return Path(spec.origin).parent / "data"


@cache
def service_names() -> frozenset[str]:
    """All service names that botocore has a model of."""
    return frozenset(entry.name for entry in data_directory().iterdir() if entry.is_dir())


@cache
def load_service(name: str) -> ServiceModel:
    """The newest model of a service by botocore's name. Raises KeyError if there is none."""
    if name not in service_names():
        raise KeyError(name)
    newest = sorted(path for path in (data_directory() / name).iterdir() if path.is_dir())[-1]
    packed = newest / "service-2.json.gz"
    if packed.exists():
        description = json.loads(gzip.decompress(packed.read_bytes()))
    else:
        description = json.loads((newest / "service-2.json").read_bytes())
    return ServiceModel(name, description)


class ServiceModel:
    """One service: its metadata, shapes, operations and routes."""

    def __init__(self, name: str, description: Mapping[str, Any]) -> None:
        self.name = name
        self.metadata: Mapping[str, Any] = description["metadata"]
        self.shapes: Mapping[str, Shape] = description["shapes"]
        self._descriptions: Mapping[str, Mapping[str, Any]] = description["operations"]
        self._operations: dict[str, Operation] = {}
        self._routes: _Routes | None = None
        self._matched: dict[tuple[str, str], tuple[str, dict[str, str]] | None] = {}
        self._errors: dict[str, tuple[str, Shape]] | None = None
        declared = self.metadata.get("protocols") or [self.metadata["protocol"]]
        self.protocols: tuple[str, ...] = tuple(item for item in declared if item in SUPPORTED_PROTOCOLS)
        if not self.protocols and self.metadata["protocol"] == "ec2":
            self.protocols = ("query",)

        self._query_form: Callable[[], ServiceModel] | None = None
        if speaks_query(name, self.metadata):
            self._query_form = cache(lambda: ServiceModel(name, spoken_in_query(name, description)))
        self.takes_compressed_requests = any("requestcompression" in item for item in self._descriptions.values())

    def spoken_in(self, request: HttpRequest) -> ServiceModel:
        """The model by which to read a request: another one if it comes from a client of before the move to JSON."""
        if self._query_form is None or request.header("x-amz-target") or request.header("smithy-protocol"):
            return self
        return self._query_form()

    @property
    def protocol(self) -> str:
        """The protocol the service prefers."""
        return self.protocols[0]

    def operation_names(self) -> list[str]:
        """Names of all operations, sorted."""
        return sorted(self._descriptions)

    def has_operation(self, name: str) -> bool:
        """Whether the model knows the operation."""
        return name in self._descriptions

    def operation(self, name: str) -> Operation:
        """An operation by its name, `CreateFunction`. Raises KeyError."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = Operation(self, name, self._descriptions[name])
        return found

    def protocol_of(self, request: HttpRequest) -> str:
        """The protocol a request is written in, among those the service speaks."""
        if len(self.protocols) == 1:
            return self.protocols[0]
        if request.header("smithy-protocol") == "rpc-v2-cbor" and "smithy-rpc-v2-cbor" in self.protocols:
            return "smithy-rpc-v2-cbor"
        if request.header("x-amz-target") and "json" in self.protocols:
            return "json"
        if "query" in self.protocols:
            return "query"
        return self.protocols[0]

    def match_rest(self, method: str, path: str, query: str) -> tuple[str, dict[str, str]] | None:
        """The operation of a REST request and its decoded path labels, or None.

        `path` is percent-encoded. A literal segment wins over a label and a label over a greedy one; a route that
        asks for a query literal (`?mode=import`) wins over one that does not.
        """
        if self._routes is None:
            self._routes = _Routes(self._descriptions)
        if query:
            return self._routes.match(method, path, query)
        # The same few functions and APIs are asked for again and again; `labels` is only read (2 µs of an invocation).
        key = (method, path)
        if key in self._matched:
            return self._matched[key]
        found = self._routes.match(method, path, "")
        if len(path) <= LONGEST_REMEMBERED_PATH:
            if len(self._matched) >= MOST_REMEMBERED_PATHS:
                self._matched.clear()
            self._matched[key] = found
        return found

    def match_name(self, request: HttpRequest) -> str | None:
        """The operation named by a request of a protocol without routes (`X-Amz-Target`, `Action`, CBOR path)."""
        target = request.header("x-amz-target")
        if target:
            return target.rpartition(".")[2]
        if request.header("smithy-protocol") == "rpc-v2-cbor":
            return request.path.rpartition("/operation/")[2] or None
        for source in (request.query, request.body.decode("utf-8", "replace") if request.body else ""):
            if "Action=" in source:
                for key, value in parse_qsl(source, keep_blank_values=True):
                    if key == "Action":
                        return value
        return None

    def error_shape(self, code: str) -> tuple[str, Shape] | None:
        """Name and shape of the error that a wire code or shape name means."""
        if self._errors is None:
            self._errors = {}
            for name, shape in self.shapes.items():
                if shape.get("exception"):
                    self._errors[name] = (name, shape)
                    self._errors.setdefault(shape.get("error", {}).get("code", name), (name, shape))
        return self._errors.get(code)


class Operation:
    """One operation with its codec; parsers and serialisers are built when first used."""

    def __init__(self, service: ServiceModel, name: str, description: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.description = description
        self.http: Mapping[str, Any] = description.get("http", {"method": "POST", "requestUri": "/"})
        self.input_name: str | None = description.get("input", {}).get("shape")
        self.output_name: str | None = description.get("output", {}).get("shape")
        self._parsers: dict[str, Any] = {}
        self._serializers: dict[str, Any] = {}
        self._validator: Any = None

    @property
    def input(self) -> Shape | None:
        """The input structure."""
        return self.service.shapes[self.input_name] if self.input_name else None

    @property
    def output(self) -> Shape | None:
        """The output structure."""
        return self.service.shapes[self.output_name] if self.output_name else None

    def parse(self, request: HttpRequest, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The request's parameters in boto3's shape. Raises AwsError (SerializationException) for malformed input.

        `labels` are the path labels if `match_rest` has found them already.
        """
        service = self.service
        protocol = service.protocols[0] if len(service.protocols) == 1 else service.protocol_of(request)
        parser = self._parsers.get(protocol)
        if parser is None:
            from emulator.aws.protocol.parse import request_parser

            parser = self._parsers[protocol] = request_parser(self, protocol)
        if labels is None:
            found = service.match_rest(request.method, request.path, request.query) if "rest" in protocol else None
            labels = found[1] if found else {}
        return parser(request, labels)

    def serialize(self, result: Mapping[str, Any], request_id: str, protocol: str | None = None) -> HttpResponse:
        """A result in boto3's shape as an HTTP answer."""
        protocol = protocol or self.service.protocols[0]
        serializer = self._serializers.get(protocol)
        if serializer is None:
            from emulator.aws.protocol.serialize import response_serializer

            serializer = self._serializers[protocol] = response_serializer(self, protocol)
        return serializer(result, request_id)

    def serialize_error(self, error: AwsError, request_id: str, protocol: str | None = None) -> HttpResponse:
        """An error as this service writes it."""
        from emulator.aws.protocol.failures import serialize_error

        return serialize_error(self.service, error, request_id, protocol)

    def validate(self, parameters: Mapping[str, Any]) -> None:
        """Raise AwsError if `parameters` break the model's constraints."""
        if self._validator is None:
            from emulator.aws.protocol.validate import validator_of

            self._validator = validator_of(self)
        self._validator(parameters)


class _Node:
    __slots__ = ("greedy", "label", "leaves", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.leaves: dict[str, list[tuple[list[tuple[str, str]], list[str], str]]] = {}


class _Routes:
    """A tree over path segments; each leaf lists its operations by method, the most demanding first."""

    def __init__(self, operations: Mapping[str, Mapping[str, Any]]) -> None:
        self._root = _Node()
        for name, description in operations.items():
            http = description["http"]
            path, _, query = http["requestUri"].partition("?")
            node, labels = self._root, []
            for segment in _segments(path):
                if segment.startswith("{") and segment.endswith("+}"):
                    labels.append(segment[1:-2])
                    node.greedy = node.greedy or _Node()
                    node = node.greedy
                elif segment.startswith("{"):
                    labels.append(segment[1:-1])
                    node.label = node.label or _Node()
                    node = node.label
                else:
                    node = node.literals.setdefault(segment, _Node())
            leaves = node.leaves.setdefault(http["method"], [])
            leaves.append((parse_qsl(query, keep_blank_values=True), labels, name))
            leaves.sort(key=lambda leaf: -len(leaf[0]))

    def match(self, method: str, path: str, query: str) -> tuple[str, dict[str, str]] | None:
        return self._walk(self._root, _segments(path), 0, [], method, query)

    def _walk(
        self, node: _Node, segments: list[str], at: int, values: list[str], method: str, query: str
    ) -> tuple[str, dict[str, str]] | None:
        if at == len(segments):
            return self._leaf(node, values, method, query)
        segment = segments[at]
        child = node.literals.get(segment)
        if child is not None:
            found = self._walk(child, segments, at + 1, values, method, query)
            if found is not None:
                return found
        if node.label is not None and segment:
            found = self._walk(node.label, segments, at + 1, [*values, segment], method, query)
            if found is not None:
                return found
        if node.greedy is not None:
            for end in range(len(segments), at, -1):
                taken = [*values, "/".join(segments[at:end])]
                found = self._walk(node.greedy, segments, end, taken, method, query)
                if found is not None:
                    return found
        return None

    def _leaf(self, node: _Node, values: list[str], method: str, query: str) -> tuple[str, dict[str, str]] | None:
        for wanted, labels, name in node.leaves.get(method, ()):
            if wanted:
                given = parse_qsl(query, keep_blank_values=True)
                if not all(pair in given for pair in wanted):
                    continue
            return name, {label: unquote(value) for label, value in zip(labels, values, strict=True)}
        return None


def _segments(path: str) -> list[str]:
    trimmed = path[1:] if path.startswith("/") else path
    if trimmed.endswith("/"):
        trimmed = trimmed[:-1]
    return trimmed.split("/") if trimmed else []
