"""Parameter mapping expressions: which are well formed, and which may be used where (3.3).

Pure text rules, shared by the control plane (which refuses) and the data plane (which evaluates).
"""

from __future__ import annotations

import re

from emulator.aws.http import is_header_name

_NAME = r"[A-Za-z0-9._\-$!#%&'*+^`|~\[\]@]+"
_PLACE = r"(path|querystring|multivaluequerystring|header|multivalueheader)"
METHOD_REQUEST = re.compile(rf"^method\.request\.{_PLACE}\.({_NAME})$")
METHOD_BODY = re.compile(r"^method\.request\.body(?:\.(.+))?$")
INTEGRATION_REQUEST = re.compile(rf"^integration\.request\.(path|querystring|header)\.({_NAME})$")
METHOD_RESPONSE = re.compile(rf"^method\.response\.header\.({_NAME})$")
INTEGRATION_RESPONSE = re.compile(rf"^integration\.response\.(header|multivalueheader)\.({_NAME})$")
INTEGRATION_BODY = re.compile(r"^integration\.response\.body(?:\.(.+))?$")
GATEWAY_RESPONSE = re.compile(r"^gatewayresponse\.(header|path|querystring)\.(.+)$")
CONTEXT = re.compile(r"^context\.(.+)$")
STAGE_VARIABLE = re.compile(r"^stageVariables\.([A-Za-z0-9_]+)$")
STATIC = re.compile(r"^'(.*)'$", re.S)

_PREFIX = "Invalid mapping expression specified: Validation Result: warnings : [], errors : ["


def malformed(expression: str) -> str:
    """AWS's text for what is no mapping expression at all [R:test_put_integration_request_parameter_bool_type]."""
    return f"{_PREFIX}Invalid mapping expression specified: {expression}]"


def undeclared(expression: str) -> str:
    """AWS's text for a parameter that the method does not declare [P]."""
    return f"{_PREFIX}Invalid mapping expression parameter specified: {expression}]"


def request_mapping_problem(target: str, source: str, declared: dict[str, bool], path: str) -> str | None:
    """Why `integration.request.*: source` cannot be accepted, or None."""
    if not INTEGRATION_REQUEST.match(target):
        return malformed(target)
    if STATIC.match(source) or CONTEXT.match(source) or STAGE_VARIABLE.match(source) or METHOD_BODY.match(source):
        return None
    match = METHOD_REQUEST.match(source)
    if match is None:
        return malformed(source)
    place, name = match.groups()
    single = f"method.request.{place.removeprefix('multivalue')}.{name}"
    if single in declared or source in declared:
        return None
    if place == "path" and ("{" + name + "}" in path or "{" + name + "+}" in path):
        return None
    return undeclared(source)


def response_mapping_problem(target: str, source: str, declared: dict[str, bool]) -> str | None:
    """Why `method.response.header.*: source` cannot be accepted, or None."""
    if not METHOD_RESPONSE.match(target):
        return malformed(target)
    if target not in declared:
        return undeclared(target)
    for pattern in (STATIC, CONTEXT, STAGE_VARIABLE, INTEGRATION_RESPONSE, INTEGRATION_BODY):
        if pattern.match(source):
            return None
    return malformed(source)


def gateway_response_problem(target: str) -> str | None:
    """Why a gateway response cannot have this parameter, or None (that AWS says it so is unverified)."""
    match = GATEWAY_RESPONSE.match(target)
    if match is None or (match.group(1) == "header" and not is_header_name(match.group(2))):
        return malformed(target)
    return None


def method_parameter_problem(declared: dict[str, bool]) -> str | None:
    """Why a method's requestParameters cannot be accepted, or None [R:test_method_request_parameters]."""
    names: set[str] = set()
    for parameter in declared:
        match = METHOD_REQUEST.match(parameter)
        if match is None:
            return malformed(parameter)
        if match.group(2) in names:
            return "Parameter names must be unique across querystring, header and path"
        names.add(match.group(2))
    return None
