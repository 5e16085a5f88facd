"""Whether parameters obey the model's constraints, and AWS's sentence for each one they break.

Constraints come from the model; the tables below hold what recordings of real AWS say differently. Patterns are Java's:
those that cannot be said in Python are not checked, and no pattern runs on a text long enough to make it slow.
Wire types are parse.py's business.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from emulator.aws.errors import validation_errors

if TYPE_CHECKING:
    from emulator.aws.protocol.model import Operation, ServiceModel, Shape

Check = Callable[[Any, str, list[str]], None]

VALIDATION_CODE = {
    "sesv2": "BadRequestException",
    "apigatewayv2": "BadRequestException",
    "ses": "ValidationError",
    "sns": "ValidationError",
    "cloudwatch": "ValidationError",
    "logs": "InvalidParameterException",
    "sqs": "InvalidParameterValue",
}
"""The code of a violation; ValidationException elsewhere. API Gateway v1 is recorded with ValidationException."""

BODY_PREFIX = frozenset({"apigateway"})
"""Services whose body members are named below `<operation>Input.`, path labels not [R: apigateway_api]."""

UNCHECKED = {
    ("lambda", "functionName"): "name forms, lengths and patterns have moved on (lambda_invoke.md 1.1)",
    ("lambda", "runtime"): "Lambda's own text, with another code [R: test_lambda_api]",
    ("lambda", "payload"): "size is Invoke's own answer (lambda_invoke.md 1.3)",
    ("lambda", "code.zipFile"): "size is the service's own answer",
    ("apigatewaymanagementapi", "data"): "size is the service's own answer",
    ("sqs", "attributes"): "unknown names are InvalidAttributeName, values InvalidAttributeValue",
    ("sqs", "attributeNames"): "as attributes",
    ("sqs", "messageSystemAttributeNames"): "as attributes",
    ("sqs", "messageAttributes"): "SQS's own texts",
    ("sqs", "messageSystemAttributes"): "SQS's own texts",
    ("sqs", "entries"): "batch errors have codes of their own, and each entry fails alone",
    ("ses", "notificationType"): "InvalidParameterValue with SES's own text [R: test_ses]",
    ("stepfunctions", "input"): "size and JSON are InvalidExecutionInput",
    ("stepfunctions", "definition"): "an empty or too long definition is InvalidDefinition",
    ("stepfunctions", "stateMachineArn"): "malformed ARNs are InvalidArn (stepfunctions.md 5.10)",
    ("stepfunctions", "executionArn"): "InvalidArn",
    ("stepfunctions", "activityArn"): "InvalidArn",
    ("stepfunctions", "resourceArn"): "InvalidArn",
    ("stepfunctions", "output"): "InvalidOutput",
    ("stepfunctions", "taskToken"): "InvalidToken",
}
"""Members of which only presence is checked here, and why."""

UNCHECKED_OPERATIONS = {
    ("apigateway", "PutIntegrationResponse", "responseTemplates"): "null is a template [R: ...response_templates]",
    ("stepfunctions", "StartExecution", "name"): "InvalidName",
    ("stepfunctions", "StartSyncExecution", "name"): "InvalidName",
    ("stepfunctions", "CreateStateMachine", "name"): "InvalidName",
    ("stepfunctions", "CreateActivity", "name"): "InvalidName",
    **{
        ("lambda", operation, "qualifier"): "told together with what is wrong with the name [R: test_lambda_api]"
        for operation in ("GetFunction", "GetFunctionConfiguration", "DeleteFunction", "Invoke")
    },
}

ENUM_ORDER = (
    ("add", "remove", "move", "test", "replace", "copy"),
    ("HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"),
    ("ipv4", "dualstack"),
    ("PRIVATE", "EDGE", "REGIONAL"),
    (
        *("REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "AUTHORIZER_CONFIGURATION_ERROR", "MISSING_AUTHENTICATION_TOKEN"),
        *("BAD_REQUEST_BODY", "INVALID_SIGNATURE", "INVALID_API_KEY", "BAD_REQUEST_PARAMETERS", "AUTHORIZER_FAILURE"),
        *("UNAUTHORIZED", "INTEGRATION_TIMEOUT", "ACCESS_DENIED", "DEFAULT_4XX", "DEFAULT_5XX", "WAF_FILTERED"),
        *("QUOTA_EXCEEDED", "THROTTLED", "API_CONFIGURATION_ERROR", "UNSUPPORTED_MEDIA_TYPE", "INTEGRATION_FAILURE"),
        "EXPIRED_TOKEN",
    ),
    (
        *("RESPONSE_BODY", "RESPONSE", "METHOD", "MODEL", "AUTHORIZER", "RESPONSE_HEADER", "RESOURCE"),
        *("PATH_PARAMETER", "REQUEST_BODY", "QUERY_PARAMETER", "API", "REQUEST_HEADER"),
    ),
    ("x86_64", "arm64"),
    ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"),
    ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    ("Terminate", "Allow"),
    ("PublishedVersions", "None"),
    ("RESPONSE_STREAM", "BUFFERED"),
)
"""Enumerations as AWS prints them, where recorded: its order is arbitrary but stable. Others print in model order."""

_LONGEST_MATCHED = 10_000
_LONGEST_MATCHED_NESTED = 24
_NESTED_REPEAT = re.compile(r"[+*}][^()]*\)+[*+{]|\)[*+?][^()]*\)+[*+{]")


def validator_of(operation: Operation) -> Callable[[Mapping[str, Any]], None]:
    """A function that raises AwsError if parameters break the operation's constraints."""
    service, shape = operation.service, operation.input
    code = VALIDATION_CODE.get(service.name, "ValidationException")
    if shape is None:
        return lambda parameters: None
    compiler = _Compiler(service, operation.name)
    wrap = service.name in BODY_PREFIX
    body_prefix = _lower_first(operation.name) + "Input." if wrap else ""
    required = set(shape.get("required", ()))
    members: list[tuple[str, str, bool, Check | None]] = []
    for name, member in shape.get("members", {}).items():
        bare = _lower_first(name)
        in_body = "location" not in member and name != shape.get("payload")
        check = None if compiler.skips(bare) else compiler.shape(member["shape"])
        if check is not None or name in required:
            members.append((name, (body_prefix if in_body else "") + bare, name in required, check))
    if wrap:
        members.sort(key=lambda item: not item[1].startswith(body_prefix))

    def validate(parameters: Mapping[str, Any]) -> None:
        problems: list[str] = []
        for name, path, needed, check in members:
            value = parameters.get(name)
            if value is None:
                if needed:
                    problems.append(_null(path))
            elif check is not None:
                check(value, path, problems)
        if problems:
            raise validation_errors(problems, code)

    return validate


class _Compiler:
    """Compiles shapes into checks; None where a shape can break nothing."""

    def __init__(self, service: ServiceModel, operation: str) -> None:
        self._service = service
        self._operation = operation
        self._compiled: dict[str, Check | None] = {}

    def skips(self, path: str) -> bool:
        """Whether only the presence of a member is checked."""
        service = self._service.name
        return (service, path) in UNCHECKED or (service, self._operation, path) in UNCHECKED_OPERATIONS

    def shape(self, name: str) -> Check | None:
        """The check of a shape."""
        if name in self._compiled:
            return self._compiled[name]

        def tied(value: Any, path: str, problems: list[str]) -> None:
            check = self._compiled[name]
            if check is not None:
                check(value, path, problems)

        self._compiled[name] = tied
        shape = self._service.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            made = self._structure(shape)
        elif kind == "list":
            made = self._list(shape)
        elif kind == "map":
            made = self._map(shape)
        else:
            made = _scalar_check(_constraints(shape))
        self._compiled[name] = made
        return made

    def _structure(self, shape: Shape) -> Check | None:
        required = set(shape.get("required", ()))
        members: list[tuple[str, str, bool, Check | None]] = []
        for name, member in shape.get("members", {}).items():
            check = self.shape(member["shape"])
            if check is not None or name in required:
                members.append((name, _lower_first(name), name in required, check))
        if not members:
            return None
        service, prefix = self._service.name, self._operation[:1].lower() + self._operation[1:] + "Input."

        def verify(value: Any, path: str, problems: list[str]) -> None:
            for name, bare, needed, check in members:
                below = f"{path}.{bare}"
                item = value.get(name)
                if item is None:
                    if needed:
                        problems.append(_null(below))
                elif check is not None and (service, below.removeprefix(prefix)) not in UNCHECKED:
                    check(item, below, problems)

        return verify

    def _list(self, shape: Shape) -> Check | None:
        size = _size_checks(shape)
        item_shape = self._service.shapes[shape["member"]["shape"]]
        scalar = item_shape["type"] not in ("structure", "list", "map")
        constraints = _constraints(item_shape) if scalar else []
        item = None if scalar else self.shape(shape["member"]["shape"])
        listed = _listed(constraints, self._service.name, "enum" in item_shape)
        items_named = shape["member"]["shape"] if item_shape["type"] == "structure" else ""

        def verify(value: Any, path: str, problems: list[str]) -> None:
            _check_size(size, value, path, problems, items_named)
            if scalar:
                if any(each is None or any(broken(each) for broken, _ in constraints) for each in value):
                    problems.append(_problem(_show(value), path, f"Member must satisfy constraint: [{listed}]"))
                return
            for index, each in enumerate(value, 1):
                below = f"{path}.{index}.member"
                if each is None:
                    problems.append(_null(below))
                elif item is not None:
                    item(each, below, problems)

        return verify

    def _map(self, shape: Shape) -> Check | None:
        size = _size_checks(shape)
        keys = _constraints(self._service.shapes[shape["key"]["shape"]])
        value_shape = self._service.shapes[shape["value"]["shape"]]
        scalar = value_shape["type"] not in ("structure", "list", "map")
        values = _constraints(value_shape) if scalar else []
        item = None if scalar else self.shape(shape["value"]["shape"])
        key_text, value_text = (", ".join([*(text for _, text in each), _NOT_NULL]) for each in (keys, values))

        def verify(value: Any, path: str, problems: list[str]) -> None:
            _check_size(size, value, path, problems)
            if any(broken(key) for key in value for broken, _ in keys):
                problems.append(_problem(_show(value), path, f"Map keys must satisfy constraint: [{key_text}]"))
            if any(each is None or any(broken(each) for broken, _ in values) for each in value.values()):
                problems.append(_problem(_show(value), path, f"Map value must satisfy constraint: [{value_text}]"))
            elif item is not None:
                for key, each in value.items():
                    item(each, f"{path}.{key}.member", problems)

        return verify


# ── single constraints ──────────────────────────────────────────────────────────────────────────

Constraint = tuple[Callable[[Any], bool], str]
"""(is it broken by this value, AWS's sentence)."""
_NOT_NULL = "Member must not be null"


def _constraints(shape: Shape) -> list[Constraint]:
    kind = shape["type"]
    found: list[Constraint] = []
    if kind in ("string", "blob"):
        found += _size_checks(shape)
    elif kind in ("integer", "long", "float", "double"):
        whole = kind in ("integer", "long")
        if "max" in shape:
            top = int(shape["max"]) if whole else float(shape["max"])
            found.append((lambda value: value > top, f"Member must have value less than or equal to {top}"))
        if "min" in shape:
            low = int(shape["min"]) if whole else float(shape["min"])
            found.append((lambda value: value < low, f"Member must have value greater than or equal to {low}"))
    if "pattern" in shape and kind == "string":
        matcher = compile_java_pattern(shape["pattern"])
        if matcher is not None:
            sentence = f"Member must satisfy regular expression pattern: {shape['pattern']}"
            found.append((_pattern_breaks(matcher, shape["pattern"]), sentence))
    if "enum" in shape:
        allowed = frozenset(shape["enum"])
        shown = ", ".join(_enum_order(list(shape["enum"])))
        found.append((lambda value: value not in allowed, f"Member must satisfy enum value set: [{shown}]"))
    return found


def _enum_order(values: list[str]) -> list[str]:
    known = set(values)
    for order in ENUM_ORDER:
        if known == set(order):
            return list(order)
    return values


def _size_checks(shape: Shape) -> list[Constraint]:
    found: list[Constraint] = []
    if "max" in shape:
        top = int(shape["max"])
        found.append((lambda value: _length(value) > top, f"Member must have length less than or equal to {top}"))
    if "min" in shape:
        low = int(shape["min"])
        found.append((lambda value: _length(value) < low, f"Member must have length greater than or equal to {low}"))
    return found


def _check_size(size: list[Constraint], value: Any, path: str, problems: list[str], items_named: str = "") -> None:
    """`items_named`: the name of the structure that a list's items are, which Java prints before each of them."""
    for broken, sentence in size:
        if broken(value):
            shown = _show(value) if not items_named else f"'{_show_structures(items_named, value)}'"
            problems.append(_problem(shown, path, sentence))


def _show_structures(name: str, items: list[Any]) -> str:
    """`[Name(member=value, …), …]` [R:test_error_create_alias_invalid_router_configs]."""
    return "[" + ", ".join(f"{name}({_show_scalar(item)[1:-1]})" for item in items[:200]) + "]"


def _scalar_check(constraints: list[Constraint]) -> Check | None:
    if not constraints:
        return None

    def verify(value: Any, path: str, problems: list[str]) -> None:
        for broken, sentence in constraints:
            if broken(value):
                problems.append(_problem(f"'{_show_scalar(value)}'", path, sentence))

    return verify


def _listed(constraints: list[Constraint], service: str, enumerated: bool) -> str:
    """Recorded: Lambda names null with enumerations (architectures), not with patterns (subnetIds)."""
    texts = [text for _, text in constraints]
    if not texts or (service == "lambda" and enumerated):
        texts.append(_NOT_NULL)
    return ", ".join(texts)


def _length(value: Any) -> int:
    """Java's length: UTF-16 units of a text."""
    if isinstance(value, str) and not value.isascii():
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return len(value)


# ── Java's regular expressions ──────────────────────────────────────────────────────────────────


def _pattern_breaks(matcher: re.Pattern[str], pattern: str) -> Callable[[Any], bool]:
    longest = _LONGEST_MATCHED_NESTED if _NESTED_REPEAT.search(pattern) else _LONGEST_MATCHED
    return lambda value: len(value) <= longest and matcher.fullmatch(value) is None


@cache
def compile_java_pattern(pattern: str) -> re.Pattern[str] | None:
    r"""A Java pattern in Python, or None if it cannot be said. `\p{…}` becomes explicit ranges."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(_translate(pattern))
    except (re.error, FutureWarning, DeprecationWarning, KeyError, OverflowError, RecursionError):
        return None


_POSIX_CLASSES = {
    "ASCII": r"\x00-\x7f",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Alnum": "A-Za-z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Space": r" \t\n\x0b\f\r",
    "XDigit": "0-9a-fA-F",
    "Cntrl": r"\x00-\x1f\x7f",
}


def _translate(pattern: str) -> str:
    out: list[str] = []
    at, in_class = 0, False
    while at < len(pattern):
        char = pattern[at]
        named = re.compile(r"\\([pP])(?:\{(?:Is)?(\w+)\}|(\w))").match(pattern, at)
        if named:
            ranges = _ranges(named.group(2) or named.group(3))
            negative = named.group(1) == "P"
            if in_class and negative:
                raise KeyError("a negated property inside a class")
            out.append(ranges if in_class else f"[{'^' if negative else ''}{ranges}]")
            at = named.end()
            continue
        if char == "\\":
            pair = pattern[at : at + 2]
            out.append({"\\z": "\\Z", "\\/": "/", "\\h": r" \t" if in_class else r"[ \t]"}.get(pair, pair))
            at += 2
            continue
        if char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif pattern.startswith("(?<", at) and pattern[at + 3 : at + 4] not in ("=", "!"):
            out.append("(?P<")
            at += 3
            continue
        out.append(char)
        at += 1
    return "".join(out)


@cache
def _ranges(name: str) -> str:
    """A general category (`L`, `Zs`) as ranges of a character class; beyond the BMP everything passes."""
    if name in _POSIX_CLASSES:
        return _POSIX_CLASSES[name]
    if name not in ("L", "M", "N", "P", "S", "Z", "C", "Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Zs", "Zl", "Zp", "Cc"):
        raise KeyError(name)
    parts: list[str] = []
    start: int | None = None
    for code in range(0x10001):
        inside = code < 0x10000 and unicodedata.category(chr(code)).startswith(name)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            parts.append(f"\\u{start:04x}-\\u{code - 1:04x}")
            start = None
    return "".join(parts) + "\\U00010000-\\U0010ffff"


# ── words ───────────────────────────────────────────────────────────────────────────────────────


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: {_NOT_NULL}"


def _problem(shown: str, path: str, sentence: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {sentence}"


def _show(value: Any) -> str:
    return f"'{_show_scalar(value)}'"


def _show_scalar(value: Any) -> str:
    """A value as Java prints it, bounded."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_show_scalar(item) for item in value[:200]) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_show_scalar(item)}" for key, item in list(value.items())[:200]) + "}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)
