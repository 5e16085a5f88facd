"""Results in boto3's shape → bytes of an answer, by closures compiled once per operation.

Members that are absent or None are left out. Timestamps are epoch seconds or datetimes and leave in the form the
protocol and the model ask for, with milliseconds. Errors are written by failures.py.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from emulator.aws.http import HttpResponse
from emulator.aws.protocol.cbor import EpochSeconds
from emulator.aws.protocol.cbor import encode as encode_cbor

if TYPE_CHECKING:
    from emulator.aws.protocol.model import Operation, ServiceModel, Shape

Writer = Callable[[Any], Any]
ResponseSerializer = Callable[[Mapping[str, Any], str], HttpResponse]

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def xml_text(value: str) -> str:
    """Text as XML 1.0 can carry it."""
    return escape(_NOT_XML.sub("\ufffd", value))


# ── timestamps and scalars ──────────────────────────────────────────────────────────────────────


def _epoch(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)


def _unix(value: Any) -> Any:
    seconds = round(_epoch(value), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _iso(value: Any) -> str:
    moment = datetime.fromtimestamp(round(_epoch(value), 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _http_date(value: Any) -> str:
    return formatdate(_epoch(value), usegmt=True)


_TIME_WRITERS: dict[str, Writer] = {"unixTimestamp": _unix, "iso8601": _iso, "rfc822": _http_date}


def _base64(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _time_format(shape: Shape, member: Mapping[str, Any], default: str) -> str:
    return member.get("timestampFormat") or shape.get("timestampFormat") or default


def _text(shape: Shape, member: Mapping[str, Any], time_format: str) -> Callable[[Any], str]:
    """Writer of a scalar that travels as text."""
    kind = shape["type"]
    if kind == "timestamp":
        write = _TIME_WRITERS[_time_format(shape, member, time_format)]
        return lambda value: str(write(value))
    if kind == "blob":
        return _base64
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    return str


# ── JSON and CBOR ───────────────────────────────────────────────────────────────────────────────


class _Tree:
    """Compiles shapes into writers of plain values; None stands for a value that needs no change."""

    def __init__(self, service: ServiceModel, cbor: bool = False) -> None:
        self._service = service
        self._cbor = cbor
        self._compiled: dict[str, Writer] = {}

    def member(self, member: Mapping[str, Any]) -> Writer | None:
        """The writer of a member."""
        shape = self._service.shapes[member["shape"]]
        kind = shape["type"]
        if kind == "timestamp":
            if self._cbor:
                return lambda value: EpochSeconds(round(_epoch(value), 3))
            return _TIME_WRITERS[_time_format(shape, member, "unixTimestamp")]
        if kind == "blob":
            return (lambda value: value.encode() if isinstance(value, str) else value) if self._cbor else _base64
        if kind == "list":
            item = self.member(shape["member"])
            return list if item is None else (lambda value: [None if each is None else item(each) for each in value])
        if kind == "map":
            item = self.member(shape["value"])
            return dict if item is None else (lambda value: {key: item(each) for key, each in value.items()})
        if kind == "structure" and not shape.get("document"):
            return self._structure_by_name(member["shape"], shape)
        return None

    def _structure_by_name(self, name: str, shape: Shape) -> Writer:
        found = self._compiled.get(name)
        if found is not None:
            return found
        self._compiled[name] = lambda value: self._compiled[name](value)
        self._compiled[name] = made = self.structure(shape, list(shape.get("members", {})))
        return made

    def structure(self, shape: Shape, names: list[str]) -> Writer:
        """The writer of a structure's members `names`."""
        described = shape.get("members", {})
        members = {name: (described[name].get("locationName", name), self.member(described[name])) for name in names}

        def write(value: Mapping[str, Any]) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for name, item in value.items():
                if item is None:
                    continue
                member = members.get(name)
                if member is not None:
                    convert = member[1]
                    out[member[0]] = item if convert is None else convert(item)
            return out

        return write


# ── XML ─────────────────────────────────────────────────────────────────────────────────────────


def xml_element(
    service: ServiceModel, tag: str, member: Mapping[str, Any], value: Any, names: list[str] | None = None
) -> str:
    """One member as XML, in the model's order of members; `names` restricts a structure's."""
    shape = service.shapes[member["shape"]]
    kind = shape["type"]
    attributes = _namespace(member.get("xmlNamespace") or shape.get("xmlNamespace"))
    if kind == "structure":
        inner, more = _xml_members(service, shape, value, names)
        return f"<{tag}{attributes}{more}>{inner}</{tag}>"
    if kind == "list":
        item = shape["member"]
        if shape.get("flattened") or member.get("flattened"):
            return "".join(xml_element(service, tag, item, each) for each in value)
        name = item.get("locationName", "member")
        return f"<{tag}{attributes}>" + "".join(xml_element(service, name, item, each) for each in value) + f"</{tag}>"
    if kind == "map":
        key_name, value_name = shape["key"].get("locationName", "key"), shape["value"].get("locationName", "value")
        flat = shape.get("flattened") or member.get("flattened")
        entry = tag if flat else "entry"
        entries = "".join(
            f"<{entry}><{key_name}>{xml_text(str(key))}</{key_name}>"
            f"{xml_element(service, value_name, shape['value'], each)}</{entry}>"
            for key, each in value.items()
        )
        return entries if flat else f"<{tag}{attributes}>{entries}</{tag}>"
    return f"<{tag}{attributes}>{xml_text(_text(shape, member, 'iso8601')(value))}</{tag}>"


def _xml_members(service: ServiceModel, shape: Shape, value: Any, names: list[str] | None) -> tuple[str, str]:
    parts: list[str] = []
    attributes = ""
    for name, member in shape.get("members", {}).items():
        item = value.get(name)
        if item is None or (names is not None and name not in names):
            continue
        target = service.shapes[member["shape"]]
        tag = member.get("locationName", name)
        if member.get("xmlAttribute"):
            attributes += f" {tag}={quoteattr(_NOT_XML.sub('', str(item)))}"
            continue
        if target["type"] == "list" and (target.get("flattened") or member.get("flattened")):
            tag = member.get("locationName") or target["member"].get("locationName", name)
        parts.append(xml_element(service, tag, member, item))
    return "".join(parts), attributes


def _namespace(declared: Any) -> str:
    if not declared:
        return ""
    if isinstance(declared, str):
        return f" xmlns={quoteattr(declared)}"
    prefix = declared.get("prefix")
    return f" xmlns{':' + prefix if prefix else ''}={quoteattr(declared['uri'])}"


# ── whole answers ───────────────────────────────────────────────────────────────────────────────


def response_serializer(operation: Operation, protocol: str) -> ResponseSerializer:
    """The serialiser of an operation's results in one protocol."""
    if protocol in ("rest-json", "rest-xml"):
        return _rest_serializer(operation, protocol)
    service, shape = operation.service, operation.output
    if protocol == "query":
        return _query_serializer(operation, shape)
    cbor = protocol == "smithy-rpc-v2-cbor"
    write = _Tree(service, cbor).structure(shape, list(shape.get("members", {}))) if shape else None
    if cbor:
        fixed = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return lambda result, request_id: HttpResponse(
            200, [*fixed, ("x-amzn-RequestId", request_id)], encode_cbor(write(result) if write else {})
        )
    content_type = f"application/x-amz-json-{service.metadata.get('jsonVersion', '1.0')}"
    return lambda result, request_id: HttpResponse(
        200,
        [("x-amzn-RequestId", request_id), ("Content-Type", content_type)],
        to_json(write(result)) if write else b"",
    )


def _query_serializer(operation: Operation, shape: Shape | None) -> ResponseSerializer:
    service, name = operation.service, operation.name
    namespace = _namespace(service.metadata.get("xmlNamespace"))
    wrapper = operation.description.get("output", {}).get("resultWrapper")

    def serialize(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        inner = _xml_members(service, shape, result, None)[0] if shape else ""
        if wrapper:
            inner = f"<{wrapper}>{inner}</{wrapper}>"
        text = (
            f"<{name}Response{namespace}>{inner}<ResponseMetadata><RequestId>{xml_text(request_id)}</RequestId>"
            f"</ResponseMetadata></{name}Response>"
        )
        return HttpResponse(200, [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")], text.encode())

    return serialize


def _rest_serializer(operation: Operation, protocol: str) -> ResponseSerializer:
    service, shape = operation.service, operation.output
    status = int(operation.http.get("responseCode", 200))
    if shape is None:
        return lambda result, request_id: HttpResponse(status, [("x-amzn-RequestId", request_id)])
    members: Mapping[str, Any] = shape.get("members", {})
    payload = shape.get("payload")
    headers: list[tuple[str, str, Callable[[Any], str]]] = []
    prefixes: list[tuple[str, str]] = []
    status_member: str | None = None
    body_names: list[str] = []
    for name, member in members.items():
        location = member.get("location")
        target = service.shapes[member["shape"]]
        if location == "header":
            headers.append((name, member.get("locationName", name), _header_text(service, target, member)))
        elif location == "headers":
            prefixes.append((name, member.get("locationName", "")))
        elif location == "statusCode":
            status_member = name
        elif name != payload:
            body_names.append(name)
    write_body = _rest_body(operation, shape, payload, body_names, protocol)

    def serialize(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        out = [("x-amzn-RequestId", request_id)]
        typed = False
        for name, wire, convert in headers:
            value = result.get(name)
            if value is not None:
                out.append((wire, convert(value)))
                typed = typed or wire == "Content-Type"
        for name, prefix in prefixes:
            out.extend((prefix + key, str(value)) for key, value in (result.get(name) or {}).items())
        code = status
        if status_member is not None:
            code = int(result.get(status_member) or status)
        content_type, body = write_body(result)
        if body and not typed:
            out.append(("Content-Type", content_type))
        return HttpResponse(code, out, b"" if code == 204 else body)

    return serialize


def _header_text(service: ServiceModel, shape: Shape, member: Mapping[str, Any]) -> Callable[[Any], str]:
    if shape["type"] == "list":
        item = _text(service.shapes[shape["member"]["shape"]], shape["member"], "rfc822")
        return lambda value: ", ".join(item(each) for each in value)
    write = _text(shape, member, "rfc822")
    return lambda value: write(value).replace("\r", " ").replace("\n", " ")


def _rest_body(
    operation: Operation, shape: Shape, payload: str | None, body_names: list[str], protocol: str
) -> Callable[[Mapping[str, Any]], tuple[str, bytes]]:
    service = operation.service
    plain = "application/xml" if protocol == "rest-xml" else "application/json"
    if payload is not None:
        member = shape["members"][payload]
        target = service.shapes[member["shape"]]
        if target["type"] == "blob":
            return lambda result: (plain, _bytes(result.get(payload)))
        if target["type"] == "string":
            return lambda result: (plain, _bytes(result.get(payload)))
        if protocol == "rest-xml":
            tag = member.get("locationName") or target.get("locationName") or member["shape"]
            return lambda result: (plain, _xml_document(service, tag, member, result.get(payload), None))
        write = _Tree(service).member(member) or (lambda value: value)
        return lambda result: (plain, b"" if result.get(payload) is None else to_json(write(result[payload])))
    if not body_names:
        return lambda result: (plain, b"")
    if protocol == "rest-xml":
        assert operation.output_name is not None
        tag = operation.description["output"].get("locationName") or shape.get("locationName") or operation.output_name
        root = {"shape": operation.output_name, "xmlNamespace": service.metadata.get("xmlNamespace")}
        return lambda result: (plain, _xml_document(service, tag, root, result, body_names))
    write_members = _Tree(service).structure(shape, body_names)
    return lambda result: (plain, to_json(write_members(result)))


def _xml_document(
    service: ServiceModel, tag: str, member: Mapping[str, Any], value: Any, names: list[str] | None
) -> bytes:
    if value is None:
        return b""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml_element(service, tag, member, value, names).encode()


def _bytes(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return value if isinstance(value, bytes) else value.read()
