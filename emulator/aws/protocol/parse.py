"""Bytes of a request → parameters in boto3's shape, by closures compiled once per operation.

Input is untrusted: whatever is wrong with it becomes AWS's SerializationException (or the service's own word for
it), never an exception of Python. Members the model does not know are passed over, as AWS's parsers do [K]; whether
values obey the model's constraints is decided by validate.py.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest
from emulator.aws.protocol.cbor import CborError
from emulator.aws.protocol.cbor import decode as decode_cbor

if TYPE_CHECKING:
    from emulator.aws.protocol.model import Operation, ServiceModel, Shape

Parser = Callable[[Any], Any]
RequestParser = Callable[[HttpRequest, Mapping[str, str]], dict[str, Any]]

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_JAVA_CLASS = {
    bool: "java.lang.Boolean",
    int: "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    float: "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    str: "java.lang.String",
    list: "java.util.ArrayList",
    dict: "java.util.LinkedHashMap",
}
_INTEGER_RANGE = {"integer": 2**31, "long": 2**63}


def malformed(text: str) -> AwsError:
    """The answer to input that is not of the operation's form."""
    return AwsError("SerializationException", text, 400)


def _mistyped(value: Any, wanted: str) -> AwsError:
    """Recorded for API Gateway, apigateway_rest.md 3.2: `class java.lang.Boolean can not be converted to an String`."""
    return malformed(f"class {_JAVA_CLASS.get(type(value), 'java.lang.Object')} can not be converted to an {wanted}")


# ── scalars ─────────────────────────────────────────────────────────────────────────────────────


def _string(value: Any) -> Any:
    if type(value) is str:
        return value
    raise _mistyped(value, "String")


def _boolean(value: Any) -> Any:
    if value is True or value is False:
        return value
    raise _mistyped(value, "Boolean")


def _integer_parser(kind: str) -> Parser:
    bound, name = _INTEGER_RANGE[kind], kind.capitalize()

    def parse(value: Any) -> Any:
        if type(value) is float and value == value and abs(value) < bound:
            value = int(value)
        if type(value) is not int:
            raise _mistyped(value, name)
        if not -bound <= value < bound:
            raise malformed(f"Numeric value out of range of {name}")
        return value

    return parse


def _double(value: Any) -> Any:
    if type(value) is int and abs(value) < 1 << 1000:
        return float(value)
    if type(value) is float:
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise _mistyped(value, "Double")


def _blob(value: Any) -> Any:
    if type(value) is bytes:
        return value
    if type(value) is str:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as problem:
            raise malformed("Invalid base64 encoded blob") from problem
    raise _mistyped(value, "ByteBuffer")


def _instant(value: Any) -> Any:
    """Epoch seconds from a number, an ISO 8601 text or an HTTP date; naive texts are UTC."""
    if type(value) in (int, float) and abs(value) < 1e14:
        return float(value)
    if isinstance(value, float):
        return float(value)
    if type(value) is str:
        for read in (float, _from_iso, _from_http_date):
            try:
                seconds = read(value)
            except (ValueError, TypeError, OverflowError, IndexError):
                continue
            if abs(seconds) < 1e14:
                return seconds
        raise malformed(f"Unparseable timestamp: {value[:100]}")
    raise _mistyped(value, "Date")


def _from_iso(text: str) -> float:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _from_http_date(text: str) -> float:
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_SCALARS: dict[str, Parser] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "integer": _integer_parser("integer"),
    "long": _integer_parser("long"),
    "double": _double,
    "float": _double,
    "blob": _blob,
    "timestamp": _instant,
}


def _from_text(shape: Shape) -> Parser:
    """Parser of a scalar that travels as text: header, query, label, form field, XML."""
    kind = shape["type"]
    if kind in ("string", "character"):
        return lambda text: text
    if kind == "boolean":
        return lambda text: _BOOLEAN_WORDS[text.lower()] if text.lower() in _BOOLEAN_WORDS else _boolean(text)
    if kind in ("integer", "long"):
        parse = _SCALARS[kind]

        def integer(text: str) -> Any:
            if len(text) > 20 or not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text):
                raise malformed(f"STRING_VALUE can not be converted to an {kind.capitalize()}")
            return parse(int(text))

        return integer
    if kind in ("double", "float"):

        def number(text: str) -> Any:
            try:
                return float(text)
            except ValueError:
                raise malformed("STRING_VALUE can not be converted to a Double") from None

        return number
    return _SCALARS[kind]


_BOOLEAN_WORDS = {"true": True, "false": False}


# ── JSON and CBOR bodies ────────────────────────────────────────────────────────────────────────


class _Tree:
    """Compiles shapes into parsers of decoded JSON or CBOR; recursive shapes are tied together lazily."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._compiled: dict[str, Parser] = {}

    def shape(self, name: str) -> Parser:
        """The parser of a shape."""
        found = self._compiled.get(name)
        if found is not None:
            return found
        self._compiled[name] = lambda value: self._compiled[name](value)
        self._compiled[name] = made = self._make(self._service.shapes[name])
        return made

    def _make(self, shape: Shape) -> Parser:
        kind = shape["type"]
        if kind == "structure":
            return _any_document if shape.get("document") else self.structure(shape, list(shape.get("members", {})))
        if kind == "list":
            return self._list(self.shape(shape["member"]["shape"]))
        if kind == "map":
            return self._map(self.shape(shape["value"]["shape"]))
        return _SCALARS[kind]

    def structure(self, shape: Shape, names: list[str]) -> Parser:
        """The parser of a structure's members `names`."""
        described = shape.get("members", {})
        members = {
            described[name].get("locationName", name): (name, self.shape(described[name]["shape"])) for name in names
        }

        def parse(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise malformed("Unexpected field type" if not isinstance(value, list) else _LIST_TEXT)
            out: dict[str, Any] = {}
            for key, item in value.items():
                member = members.get(key)
                if member is not None and item is not None:
                    out[member[0]] = member[1](item)
            return out

        return parse

    def _list(self, item: Parser) -> Parser:
        def parse(value: Any) -> list[Any]:
            if type(value) is not list:
                raise malformed(_STRUCT_TEXT if isinstance(value, dict) else "Expected list or null")
            return [None if each is None else item(each) for each in value]

        return parse

    def _map(self, item: Parser) -> Parser:
        def parse(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise malformed(_LIST_TEXT if isinstance(value, list) else "Expected map or null")
            return {key: None if each is None else item(each) for key, each in value.items()}

        return parse


_LIST_TEXT = "Start of list found where not expected"
_STRUCT_TEXT = "Start of structure or map found where not expected."


def _any_document(value: Any) -> Any:
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def load_json(body: bytes) -> Any:
    """Strict JSON of a request body. Raises AwsError for anything else, however deep or odd.

    A lone surrogate becomes `?`, as when Java writes it as UTF-8.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as problem:
        raise malformed("Request body is not valid UTF-8") from problem
    except (ValueError, RecursionError) as problem:
        raise malformed(_json_problem(problem)) from problem
    return _without_surrogates(value) if _SURROGATE_ESCAPE.search(body) else value


def _json_problem(problem: Exception) -> str:
    if isinstance(problem, json.JSONDecodeError):
        if problem.pos >= len(problem.doc.rstrip()):
            return f"Unexpected end-of-input: line: {problem.lineno}, column: {problem.colno}"
        code = ord(problem.doc[problem.pos])
        shown = f"'{chr(code)}' (code {code})" if code >= 32 else f"(CTRL-CHAR, code {code})"
        return f"Unexpected character ({shown}): line: {problem.lineno}, column: {problem.colno}"
    return "Request body is not valid JSON"


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


# ── form fields (query protocol) ────────────────────────────────────────────────────────────────


class _Form:
    """Compiles shapes into parsers of a tree of form fields; `{"": text}` is a leaf."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service

    def read(self, shape: Shape, node: dict[str, Any]) -> Any:
        """The value of `shape` under a tree node."""
        kind = shape["type"]
        if kind == "structure":
            out: dict[str, Any] = {}
            for name, member in shape.get("members", {}).items():
                target = self._service.shapes[member["shape"]]
                wire = member.get("locationName", name)
                if target["type"] == "list" and (target.get("flattened") or member.get("flattened")):
                    wire = target["member"].get("locationName", wire)
                if wire in node:
                    out[name] = self.read({**target, **_FLAT} if member.get("flattened") else target, node[wire])
            return out
        if kind == "list":
            if not shape.get("flattened"):
                node = node.get(shape["member"].get("locationName", "member"), {})
            item = self._service.shapes[shape["member"]["shape"]]
            return [self.read(item, node[index]) for index in _numbered(node)]
        if kind == "map":
            if not shape.get("flattened"):
                node = node.get("entry", {})
            key_name, value_name = shape["key"].get("locationName", "key"), shape["value"].get("locationName", "value")
            item = self._service.shapes[shape["value"]["shape"]]
            entries = [node[index] for index in _numbered(node)]
            return {
                entry[key_name].get("", ""): self.read(item, entry.get(value_name, {"": ""}))
                for entry in entries
                if key_name in entry
            }
        if "" not in node:
            raise AwsError("MalformedInput", "Start of structure or map found where not expected.")
        return _from_text(shape)(node[""])


_FLAT = {"flattened": True}


def _numbered(node: dict[str, Any]) -> list[str]:
    indexes = [key for key in node if key.isascii() and key.isdigit() and len(key) < 7]
    if len(indexes) != len([key for key in node if key]):
        raise AwsError("MalformedInput", "Key is not a valid list index.")
    return sorted(indexes, key=int)


def form_tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a.b.1=x` fields as nested dictionaries, leaves under the empty key."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        node = root
        parts = key.split(".")
        if len(parts) > 100:
            raise AwsError("MalformedInput", "Key is nested too deeply.")
        for part in parts:
            node = node.setdefault(part, {}) if part else node
        node[""] = value
    return root


# ── XML bodies ──────────────────────────────────────────────────────────────────────────────────


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def read_xml(service: ServiceModel, shape: Shape, element: ElementTree.Element) -> Any:
    """The value of `shape` in an XML element."""
    kind = shape["type"]
    if kind == "structure":
        out: dict[str, Any] = {}
        attributes = {_local(key): value for key, value in element.attrib.items()}
        for name, member in shape.get("members", {}).items():
            target = service.shapes[member["shape"]]
            wire = member.get("locationName", name)
            if member.get("xmlAttribute"):
                if _local(wire.replace(":", "}")) in attributes:
                    out[name] = attributes[_local(wire.replace(":", "}"))]
                continue
            flat = target.get("flattened") or member.get("flattened")
            if flat and target["type"] == "list":
                wire = member.get("locationName") or target["member"].get("locationName", name)
            found = [child for child in element if _local(child.tag) == wire]
            if found and flat and target["type"] == "list":
                item = service.shapes[target["member"]["shape"]]
                out[name] = [read_xml(service, item, child) for child in found]
            elif found:
                out[name] = read_xml(service, target, found[0])
        return out
    if kind == "list":
        item = service.shapes[shape["member"]["shape"]]
        return [read_xml(service, item, child) for child in element]
    if kind == "map":
        key_name, value_name = shape["key"].get("locationName", "key"), shape["value"].get("locationName", "value")
        value_shape = service.shapes[shape["value"]["shape"]]
        pairs: dict[str, Any] = {}
        for entry in element:
            parts = {_local(child.tag): child for child in entry}
            if key_name in parts and value_name in parts:
                pairs[parts[key_name].text or ""] = read_xml(service, value_shape, parts[value_name])
        return pairs
    return _from_text(shape)(element.text or "")


def load_xml(body: bytes) -> ElementTree.Element:
    """The root of an XML body; document types are refused, so no entity can grow."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate")
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, RecursionError) as problem:
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", text) from problem


# ── whole requests ──────────────────────────────────────────────────────────────────────────────


def request_parser(operation: Operation, protocol: str) -> RequestParser:
    """The parser of an operation's requests in one protocol."""
    shape = operation.input
    if shape is None:
        return lambda request, labels: {}
    if protocol in ("rest-json", "rest-xml"):
        return _rest_parser(operation, shape, protocol)
    if protocol == "query":
        form = _Form(operation.service)

        def parse_query(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, Any]:
            body = request.body.decode("utf-8", "replace")
            pairs = parse_qsl(request.query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
            return form.read(shape, form_tree(pairs))

        return parse_query
    tree = _Tree(operation.service).structure(shape, list(shape.get("members", {})))
    if protocol == "smithy-rpc-v2-cbor":

        def parse_cbor(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, Any]:
            try:
                return tree(decode_cbor(request.body) if request.body else {})
            except CborError as problem:
                raise malformed("Request body is not valid CBOR") from problem

        return parse_cbor
    return lambda request, labels: tree(load_json(request.body) if request.body.strip() else {})


def _rest_parser(operation: Operation, shape: Shape, protocol: str) -> RequestParser:
    service = operation.service
    members: Mapping[str, Any] = shape.get("members", {})
    bound: list[tuple[str, str, str, Parser]] = []
    repeated: list[tuple[str, str, Parser]] = []
    body_names: list[str] = []
    query_map: tuple[str, bool] | None = None
    query_names: set[str] = set()
    for name, member in members.items():
        location = member.get("location")
        if location is None:
            if name != shape.get("payload"):
                body_names.append(name)
            continue
        target = service.shapes[member["shape"]]
        wire = member.get("locationName", name)
        if location == "headers":
            bound.append((name, "headers", wire.lower(), _string))
        elif target["type"] == "map":
            query_map = (name, service.shapes[target["value"]["shape"]]["type"] == "list")
        elif target["type"] == "list":
            item = _from_text(service.shapes[target["member"]["shape"]])
            if location == "querystring":
                repeated.append((name, wire, item))
                query_names.add(wire)
            else:
                bound.append((name, "header", wire.lower(), _comma_separated(item)))
        else:
            if location == "querystring":
                query_names.add(wire)
            key = wire.lower() if location == "header" else wire
            bound.append((name, location, key, _from_text(target)))
    read_body = _rest_body(operation, shape, body_names, protocol)
    needs_query = bool(repeated or query_map or query_names)
    literal_query = dict(parse_qsl(operation.http["requestUri"].partition("?")[2], keep_blank_values=True))

    def parse(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        pairs = parse_qsl(request.query, keep_blank_values=True) if request.query and needs_query else []
        single = dict(pairs)
        for name, location, key, convert in bound:
            if location == "header":
                text = request.header(key, _ABSENT)
                if text is not _ABSENT:
                    out[name] = convert(text)
            elif location == "uri":
                if key in labels:
                    out[name] = convert(labels[key])
            elif location == "querystring":
                if key in single:
                    out[name] = convert(single[key])
            else:
                found = {h[len(key) :]: v for h, v in request.headers if h.lower().startswith(key)}
                if found:
                    out[name] = found
        for name, key, convert in repeated:
            values = [convert(value) for given, value in pairs if given == key]
            if values:
                out[name] = values
        if query_map is not None:
            rest = [(k, v) for k, v in pairs if k not in query_names and k not in literal_query]
            if rest:
                grouped: dict[str, list[str]] = {}
                for k, v in rest:
                    grouped.setdefault(k, []).append(v)
                out[query_map[0]] = grouped if query_map[1] else dict(rest)
        if request.body and read_body is not None:
            out.update(read_body(request.body))
        return out

    return parse


_ABSENT = "\0absent"


def _comma_separated(item: Parser) -> Parser:
    return lambda text: [item(part.strip()) for part in text.split(",") if part.strip()]


def _rest_body(
    operation: Operation, shape: Shape, body_names: list[str], protocol: str
) -> Callable[[bytes], dict[str, Any]] | None:
    service = operation.service
    payload = shape.get("payload")
    if payload is not None:
        target_name = shape["members"][payload]["shape"]
        target = service.shapes[target_name]
        if target["type"] == "blob":
            return lambda body: {payload: body}
        if target["type"] == "string":
            return lambda body: {payload: body.decode("utf-8", "replace")}
        if protocol == "rest-xml":
            return lambda body: {payload: read_xml(service, target, load_xml(body))}
        tree = _Tree(service).shape(target_name)
        return lambda body: {payload: tree(load_json(body))}
    if not body_names:
        return None
    if protocol == "rest-xml":
        only = {**shape, "members": {name: shape["members"][name] for name in body_names}}
        return lambda body: read_xml(service, only, load_xml(body))
    tree = _Tree(service).structure(shape, body_names)
    return lambda body: tree(load_json(body)) if body.strip() else {}
