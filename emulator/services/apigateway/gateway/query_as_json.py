"""Answers of the query protocol in JSON: what services such as SQS and SNS send to whoever accepts it (3.17).

The gateway accepts JSON unless a mapping says otherwise, so integrations see `{"SendMessageResponse": {…}}`. Members
that the answer lacks are null. The shape is the documented one; the order of members is alphabetical (unverified).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import ServiceModel

_NUMBERS = ("integer", "long", "float", "double")


def as_json(model: ServiceModel, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """`answer` in JSON if it is one of the query protocol, else itself."""
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    if "xml" not in kind:
        return answer
    # The emulator's own XML: no entities, no document type.
    root = ElementTree.fromstring(answer.body)
    if answer.status >= 300:
        document: Any = _error(root)
    else:
        operation = model.match_name(request) or ""
        document = _response(model, operation, root)
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-type"]
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return HttpResponse(answer.status, [*headers, ("Content-Type", "application/json")], body)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in element if _name(child) == name), None)


def _text(element: ElementTree.Element | None, name: str) -> str | None:
    child = _child(element, name) if element is not None else None
    return (child.text or "") if child is not None else None


def _error(root: ElementTree.Element) -> dict[str, Any]:
    error = _child(root, "Error")
    return {
        "Error": {name: _text(error, name) for name in ("Code", "Message", "Type")},
        "RequestId": _text(root, "RequestId"),
    }


def _response(model: ServiceModel, operation: str, root: ElementTree.Element) -> dict[str, Any]:
    metadata = {"RequestId": _text(_child(root, "ResponseMetadata"), "RequestId")}
    answer: dict[str, Any] = {"ResponseMetadata": metadata}
    if model.has_operation(operation):
        output = model.operation(operation).output
        result = _child(root, f"{operation}Result")
        if output is not None and output.get("members"):
            answer[f"{operation}Result"] = _structure(model, output, result)
    return {_name(root): answer}


def _structure(model: ServiceModel, shape: Mapping[str, Any], element: ElementTree.Element | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, member in sorted(shape.get("members", {}).items()):
        wire: str = member.get("locationName") or name
        result[name] = _value(model, member, element, wire)
    return result


def _value(model: ServiceModel, member: Mapping[str, Any], parent: ElementTree.Element | None, wire: str) -> Any:
    shape = model.shapes[member["shape"]]
    kind = shape["type"]
    flat = bool(shape.get("flattened") or member.get("flattened"))
    if kind == "list":
        item = shape["member"]
        name = (item.get("locationName") or wire) if flat else (item.get("locationName") or "member")
        holder = parent if flat else (_child(parent, wire) if parent is not None else None)
        if holder is None:
            return None
        found = [child for child in holder if _name(child) == name]
        return [_one(model, item, child) for child in found] if found or not flat else None
    if kind == "map":
        entries = parent if flat else (_child(parent, wire) if parent is not None else None)
        if entries is None:
            return None
        entry_name = wire if flat else "entry"
        key = shape["key"].get("locationName") or "key"
        value = shape["value"].get("locationName") or "value"
        pairs: dict[str, Any] = {}
        for entry in entries:
            holder = _child(entry, value)
            if _name(entry) == entry_name and holder is not None:
                pairs[_text(entry, key) or ""] = _one(model, shape["value"], holder)
        return pairs or (None if flat else {})
    element = _child(parent, wire) if parent is not None else None
    return None if element is None else _one(model, member, element)


def _one(model: ServiceModel, member: Mapping[str, Any], element: ElementTree.Element) -> Any:
    shape = model.shapes[member["shape"]]
    kind = shape["type"]
    if kind == "structure":
        return _structure(model, shape, element)
    text = element.text or ""
    if kind == "boolean":
        return text == "true"
    if kind in _NUMBERS:
        return json.loads(text)
    if kind == "timestamp":
        return datetime.fromisoformat(text).timestamp()  # as services that speak JSON write it (unverified here)
    return text
