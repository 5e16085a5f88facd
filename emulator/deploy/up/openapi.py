"""A template of an OpenAPI file and a folder of functions, for people who have no template.

Decides which function an operation means and how it is integrated; docs/deploy.md has the convention. What the file
says with `x-amazon-apigateway-…` stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.deploy.template.document import Document, Mark
from emulator.deploy.template.document import Path as Node
from emulator.deploy.up.problem import Problem, shown

STAGE = "prod"
INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
NODE_RUNTIME = "nodejs22.x"
TIMEOUT_SECONDS = 29
"""Of a function: an API waits no longer for it."""
_ROLE = "arn:aws:iam::000000000000:role/functions"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", ANY_METHOD)
_FILES = ("app", "lambda_function", "index", "handler", "main")
_SUFFIXES = (".py", ".mjs", ".js", ".cjs")
_PYTHON_HANDLER = re.compile(r"^(?:async )?def ((?:lambda_)?handler)\(", re.MULTILINE)
_PLACE = re.compile(r"\$\{(\w+)(?:\.Arn)?\}")
_ARN = re.compile(r"arn:aws[\w-]*:lambda:[\w-]*:\d*:function:([\w-]+)")
_LAMBDA = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s.Arn}/invocations"


@dataclass(frozen=True)
class Handler:
    """Code that was found for an operation."""

    name: str
    folder: Path
    handler: str
    """`app.handler`"""
    runtime: str

    @property
    def logical_id(self) -> str:
        """A name that templates take."""
        words = re.findall(r"[A-Za-z0-9]+", self.name)
        return "".join(word[0].upper() + word[1:] for word in words)


def template_of(document: Document, functions: Path) -> Document:
    """The document of a template with that API and the functions it calls. Raises Problem."""
    found = _Functions(functions)
    body = dict(document.value)
    body["paths"] = {
        route: _with_integrations(document, route, methods, found) if isinstance(methods, dict) else methods
        for route, methods in (body.get("paths") or {}).items()
    }
    resources: dict[str, Any] = {}
    for handler in found.used.values():
        resources |= _function(handler)
    newer = _is_http_api(body)
    resources |= _http_api(body) if newer else _rest_api(body)
    for handler in found.used.values():
        resources[f"{handler.logical_id}MayBeCalled"] = _permission(handler)
    api = Mark(0, 0, {"Properties": Mark(0, 0, {"Body": _marks(document)})})
    marks = Mark(0, 0, {"Resources": Mark(0, 0, {"Api": api})})
    return Document({"Resources": resources}, document.text, document.file, marks)


def _marks(document: Document) -> Mark:
    from emulator.deploy.template.yaml_text import load

    return document.marks or load(document.text, document.file, aliases=True)[1]


# ── operations ──


def _with_integrations(document: Document, route: str, methods: dict[str, Any], found: _Functions) -> dict[str, Any]:
    made = dict(methods)
    for method, operation in methods.items():
        if method.lower() not in _METHODS or not isinstance(operation, dict):
            continue
        node: Node = ("paths", route, method)
        integration = operation.get(INTEGRATION)
        if isinstance(integration, dict):
            made[method] = {**operation, INTEGRATION: _resolved(document, node, integration, found)}
        elif integration is None:
            named = operation.get("operationId")
            label = f"{'ANY' if method == ANY_METHOD else method.upper()} {route}"
            handler = found.find(str(named)) if named else None
            handler = handler or found.everything()
            if handler is None:
                raise Problem(
                    f"{label} has no function: {found.wanted(str(named)) if named else 'it has no operationId'}.",
                    document.location(node),
                    next_step=f"Name it {INTEGRATION}, or write the function there.",
                )
            uri = {"Fn::Sub": _LAMBDA % handler.logical_id}
            made[method] = {**operation, INTEGRATION: {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}}
    return made


def _resolved(document: Document, node: Node, integration: dict[str, Any], found: _Functions) -> dict[str, Any]:
    """The integration with its function, by whatever way it names one."""
    uri = integration.get("uri")
    text = uri.get("Fn::Sub") if isinstance(uri, dict) else uri
    if not isinstance(text, str):
        return integration
    literal = _ARN.search(text)
    named = [literal.group(1)] if literal else [name for name in _PLACE.findall(text) if not name.startswith("AWS")]
    if not named or (not literal and ":lambda:path/" not in text and not text.startswith("${")):
        return integration
    handler = found.find(named[0])
    if handler is None:
        raise Problem(
            f"The function {named[0]} is not there: {found.wanted(named[0])}.",
            document.location((*node, INTEGRATION, "uri")),
        )
    if "response-streaming-invocations" in text:
        sub = (_LAMBDA % handler.logical_id).replace("/invocations", "/response-streaming-invocations")
        return {**integration, "uri": {"Fn::Sub": sub.replace("2015-03-31", "2021-11-15")}}
    return {**integration, "uri": {"Fn::Sub": _LAMBDA % handler.logical_id}}


def _is_http_api(body: Mapping[str, Any]) -> bool:
    """Whether an integration says what only HTTP APIs know."""
    return any("payloadFormatVersion" in integration for integration in _integrations(body))


def _integrations(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in body["paths"].values():
        for operation in methods.values() if isinstance(methods, dict) else ():
            integration = operation.get(INTEGRATION) if isinstance(operation, dict) else None
            if isinstance(integration, dict):
                yield integration


# ── functions ──


class _Functions:
    """The functions of a folder, found by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.used: dict[str, Handler] = {}
        self._by_name: dict[str, Path] = {}
        if not folder.is_dir():
            raise Problem(
                f"{shown(folder)} is no folder.", next_step="Name the folder of the functions with --functions DIR."
            )
        for path in sorted(folder.iterdir()):
            if not path.name.startswith(("_", ".")) and (path.is_dir() or path.suffix in _SUFFIXES):
                self._by_name.setdefault(path.stem if path.is_file() else path.name, path)
        for name, path in list(self._by_name.items()):
            self._by_name.setdefault(_plain(name), path)

    def find(self, name: str) -> Handler | None:
        """The function of a name: its folder, or its file."""
        path = self._by_name.get(name) or self._by_name.get(_plain(name))
        if path is None:
            return None
        return self._use(_in_folder(name, path) if path.is_dir() else _in_file(name, path.parent, path))

    def everything(self) -> Handler | None:
        """The function that is the folder itself, which answers what has none of its own."""
        return self._use(_in_folder(self._folder.name or "function", self._folder))

    def wanted(self, name: str) -> str:
        """Where a function was looked for."""
        folder = shown(self._folder / name)
        return f"there is neither a folder {folder} with {_FILES[0]}.py or {_FILES[2]}.mjs nor {name}.py"

    def _use(self, handler: Handler | None) -> Handler | None:
        if handler is not None:
            return self.used.setdefault(handler.logical_id, handler)
        return None


def _plain(name: str) -> str:
    """`submit` of `SubmitFunction`, `submit_handler`, `submit`."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"(?<=.)(function|handler|lambda)\Z", "", plain)


def _in_folder(name: str, folder: Path) -> Handler | None:
    for stem in _FILES:
        for suffix in _SUFFIXES:
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return _in_file(name, folder, path)
    return None


def _in_file(name: str, folder: Path, path: Path) -> Handler:
    if path.suffix != ".py":
        return Handler(name, folder, f"{path.stem}.handler", NODE_RUNTIME)
    match = _PYTHON_HANDLER.search(path.read_text("utf-8", "replace"))
    member = match.group(1) if match else "handler"
    return Handler(name, folder, f"{path.stem}.{member}", f"python3.{sys.version_info.minor}")


# ── resources ──


def _function(handler: Handler) -> dict[str, Any]:
    properties = {
        "Code": str(handler.folder),
        "Handler": handler.handler,
        "Runtime": handler.runtime,
        "Timeout": TIMEOUT_SECONDS,
        "MemorySize": 256,
        "Role": _ROLE,
    }
    return {handler.logical_id: {"Type": "AWS::Lambda::Function", "Properties": properties}}


def _permission(handler: Handler) -> dict[str, Any]:
    properties = {
        "FunctionName": {"Ref": handler.logical_id},
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"},
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


def _rest_api(body: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment is a snapshot: another body needs another one, as SAM names them."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:10]
    deployment = f"Deployment{digest}"
    api = {"Ref": "Api"}
    return {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}},
        deployment: {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": api}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": api, "DeploymentId": {"Ref": deployment}, "StageName": STAGE},
        },
    }


def _http_api(body: Mapping[str, Any]) -> dict[str, Any]:
    api = {"Ref": "Api"}
    return {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": api, "StageName": "$default", "AutoDeploy": True},
        },
    }
