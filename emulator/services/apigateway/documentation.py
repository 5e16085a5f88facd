"""Documentation of an API: where its parts may be, which there could be, and what an imported file says. Pure.

A part is `{id, location, properties}`; `properties` is the text of a JSON object, as on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from emulator.services.apigateway.model import Api, bad_request

Location = dict[str, str]

_MEMBERS: dict[str, tuple[str, ...]] = {
    "API": (),
    "AUTHORIZER": ("name",),
    "MODEL": ("name",),
    "RESOURCE": ("path",),
    "METHOD": ("path", "method"),
    "PATH_PARAMETER": ("path", "method", "name"),
    "QUERY_PARAMETER": ("path", "method", "name"),
    "REQUEST_HEADER": ("path", "method", "name"),
    "REQUEST_BODY": ("path", "method"),
    "RESPONSE": ("path", "method", "statusCode"),
    "RESPONSE_HEADER": ("path", "method", "statusCode", "name"),
    "RESPONSE_BODY": ("path", "method", "statusCode"),
}
"""Type of a part → members that its location may have besides (AWS, DocumentationPartLocation)."""
_PARAMETERS = {"path": "PATH_PARAMETER", "querystring": "QUERY_PARAMETER", "header": "REQUEST_HEADER"}
_BAD_FILE = "Unable to build importer with provided input."


def checked_location(given: dict[str, Any]) -> Location:
    """A location as it is kept. Raises AWS's BadRequestException; its texts are unverified."""
    kind = str(given.get("type"))
    allowed = _MEMBERS.get(kind)
    if allowed is None:
        raise bad_request(f"Invalid documentation part type specified: {kind}")
    for member in given:
        if member != "type" and member not in allowed:
            raise bad_request(f"Documentation part location of type {kind} does not allow '{member}'")
    if "name" in allowed and not given.get("name"):
        raise bad_request(f"Documentation part location of type {kind} requires a name")
    path = given.get("path")
    if path is not None and not str(path).startswith("/"):
        raise bad_request(f"Invalid documentation part path specified: {path}")
    return {"type": kind, **{name: str(given[name]) for name in allowed if given.get(name) is not None}}


def checked_properties(text: str) -> str:
    """Properties as they are kept: the text of a JSON object. Raises BadRequestException (text unverified)."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise bad_request("Documentation part properties must be a JSON object")
    return text


def described(location: Location) -> str:
    """A location as an error names it: `type 'METHOD', path '/', method 'GET'` (unverified)."""
    return ", ".join(f"{member} '{value}'" for member, value in location.items())


def parts_of_file(body: bytes) -> list[dict[str, Any]]:
    """The parts in an OpenAPI file or a file of parts. Raises AWS's error [R:…_documentation_parts_bad_file]."""
    text = body.decode("utf-8", "replace")
    try:
        if text.lstrip().startswith("{"):
            document = json.loads(text)
        else:
            from emulator.services.apigateway.safe_yaml import load  # imported for the first YAML file only

            document = load(text)
    except (ValueError, RecursionError):
        raise bad_request(_BAD_FILE) from None
    if not isinstance(document, dict):
        raise bad_request(_BAD_FILE)
    held = document.get("x-amazon-apigateway-documentation", document)
    if not isinstance(held, dict) or not isinstance(held.get("documentationParts"), list):
        raise bad_request(_BAD_FILE)
    return parts_of(held)


def parts_of(held: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts in an `x-amazon-apigateway-documentation` object, checked, without ids."""
    parts: list[dict[str, Any]] = []
    given = held.get("documentationParts") or []
    if not isinstance(given, list):
        raise bad_request(_BAD_FILE)
    for item in given:
        if not isinstance(item, dict) or not isinstance(item.get("location"), dict):
            raise bad_request(_BAD_FILE)
        properties = item.get("properties")
        text = properties if isinstance(properties, str) else json.dumps(properties, separators=(",", ":"))
        parts.append({"location": checked_location(item["location"]), "properties": checked_properties(text)})
    return parts


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Old parts with new ones: at the same place a new part keeps the old id and is laid over the old properties."""
    by_place = {json.dumps(part["location"], sort_keys=True): part for part in old}
    for part in new:
        place = json.dumps(part["location"], sort_keys=True)
        known = by_place.get(place)
        if known is not None:
            properties = {**json.loads(known["properties"]), **json.loads(part["properties"])}
            part = {**part, "id": known["id"], "properties": json.dumps(properties, separators=(",", ":"))}
        by_place[place] = part
    return list(by_place.values())


def places(api: Api) -> Iterator[Location]:
    """Every entity of an API that could have a part, in the order of the tree."""
    yield {"type": "API"}
    for authorizer in api.authorizers.values():
        yield {"type": "AUTHORIZER", "name": authorizer["name"]}
    for name in api.models:
        yield {"type": "MODEL", "name": name}
    for resource in api.resources.values():
        path = resource["path"]
        yield {"type": "RESOURCE", "path": path}
        for name, method in (resource.get("resourceMethods") or {}).items():
            yield from _of_method(path, name, method)


def _of_method(path: str, name: str, method: dict[str, Any]) -> Iterator[Location]:
    where = {"path": path, "method": name}
    yield {"type": "METHOD", **where}
    for parameter in method.get("requestParameters") or {}:
        _, _, place, short = parameter.split(".", 3)
        yield {"type": _PARAMETERS.get(place, "QUERY_PARAMETER"), **where, "name": short}
    if method.get("requestModels"):
        yield {"type": "REQUEST_BODY", **where}
    for status, response in (method.get("methodResponses") or {}).items():
        answer = {**where, "statusCode": status}
        yield {"type": "RESPONSE", **answer}
        for parameter in response.get("responseParameters") or {}:
            yield {"type": "RESPONSE_HEADER", **answer, "name": parameter.split(".", 3)[3]}
        if response.get("responseModels"):
            yield {"type": "RESPONSE_BODY", **answer}


def chosen(part: dict[str, Any], request: dict[str, Any]) -> bool:
    """Whether GetDocumentationParts asks for a part."""
    location = part["location"]
    wanted, path, name = request.get("type"), request.get("path"), request.get("nameQuery")
    return (
        (wanted is None or location["type"] == wanted)
        and (path is None or location.get("path") == path)
        and (name is None or name in location.get("name", ""))
    )
