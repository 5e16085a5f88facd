"""What a deployed stack has for its user: APIs with their routes, functions, machines, queues, topics, buckets, tables.

Decides, from what the services say now, whether a route answers when the work is done or when it is accepted. Knows no
file and prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emulator.deploy.up.stacks import Client, Stacks

How = Literal["synchronous", "asynchronous", "as the caller says", "mock", "WebSocket"]

_ACCEPTED = re.compile(
    r"states:action/StartExecution\b|sqs:action/SendMessage|sns:action/Publish|events:action/PutEvents"
    r"|kinesis:action/PutRecord|firehose:action/PutRecord"
)
"""URIs of AWS integrations that answer before anything was worked on."""
_ACCEPTED_SUBTYPES = frozenset(
    {
        "EventBridge-PutEvents",
        "SQS-SendMessage",
        "StepFunctions-StartExecution",
        "Kinesis-PutRecord",
    }
)
_ON_AWS = re.compile(r"\A(https|wss)://([a-z0-9]{10})\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?(?=/|\Z)")
SAMS_OWN_STAGE = "made by SAM beside yours; OpenApiVersion: 3.0.1 in Globals of Api leaves it out"
"""SAM names each deployment's stage `Stage`, unless an OpenApiVersion is given (SAM's FAQ and its issue 191)."""
_PLAIN = {"https": "http", "wss": "ws"}
_FUNCTION = re.compile(r":function:([A-Za-z0-9_-]+)")
_INVOCATION_TYPE = "integration.request.header.x-amz-invocation-type"


@dataclass(frozen=True)
class Route:
    """One method and path of an API."""

    method: str
    path: str
    how: How
    target: str
    """What is behind it, in a word or two."""


@dataclass(frozen=True)
class Api:
    """A stage of an API."""

    kind: Literal["REST API", "HTTP API", "WebSocket API", "function URL"]
    name: str
    url: str
    routes: tuple[Route, ...]
    note: str = ""
    """Why there is such a stage, where its author may wonder."""


@dataclass(frozen=True)
class Function:
    """A function."""

    logical_id: str
    name: str
    runtime: str


@dataclass(frozen=True)
class Thing:
    """Anything else that has one address: a queue's URL, a machine's ARN, a bucket's name."""

    kind: str
    logical_id: str
    address: str


@dataclass(frozen=True)
class Deployed:
    """What is there."""

    apis: tuple[Api, ...]
    functions: tuple[Function, ...]
    things: tuple[Thing, ...]
    outputs: tuple[tuple[str, str], ...]
    inert: tuple[str, ...] = ()
    """Resources whose types are not emulated, with their types."""


_THINGS = {
    "AWS::StepFunctions::StateMachine": "state machine",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::S3::Bucket": "bucket",
    "AWS::DynamoDB::Table": "table",
    "AWS::Events::EventBus": "event bus",
    "AWS::Kinesis::Stream": "stream",
    "AWS::SES::EmailIdentity": "email identity",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::Pipes::Pipe": "pipe",
    "AWS::Cognito::UserPool": "user pool",
}


def survey(client: Client, stacks: Stacks, name: str, base_url: str) -> Deployed:
    """What a stack and those nested in it have."""
    resources = stacks.resources(name)
    by_type: dict[str, list[dict[str, Any]]] = {}
    for item in resources:
        if item.get("PhysicalResourceId"):
            by_type.setdefault(item["ResourceType"], []).append(item)
    stages = {item["PhysicalResourceId"] for item in by_type.get("AWS::ApiGateway::Stage", [])}
    apis = [
        *(api for item in by_type.get("AWS::ApiGateway::RestApi", []) for api in _rest(client, item, base_url, stages)),
        *(api for item in by_type.get("AWS::ApiGatewayV2::Api", []) for api in _newer(client, item, base_url)),
        *(_url(client, item, base_url) for item in by_type.get("AWS::Lambda::Url", [])),
    ]
    functions = list(_functions(client, by_type.get("AWS::Lambda::Function", [])))
    things = [
        Thing(word, item["LogicalResourceId"], item["PhysicalResourceId"])
        for kind, word in _THINGS.items()
        for item in by_type.get(kind, [])
    ]
    outputs = [(item["OutputKey"], _here(item["OutputValue"], base_url)) for item in stacks.outputs(name)]
    return Deployed(tuple(apis), tuple(functions), tuple(things), tuple(outputs))


def _here(value: str, base_url: str) -> str:
    """An API's address on AWS as the one on this machine, so that it can be copied; all else as it is."""
    return _ON_AWS.sub(
        lambda match: f"{base_url.replace('http', _PLAIN[match[1]], 1)}/_aws/execute-api/{match[2]}", value
    )


# ── REST APIs ──


def _rest(client: Client, item: Mapping[str, Any], base_url: str, own: Collection[str]) -> Iterable[Api]:
    """`own` are the names of stages that are resources."""
    apigateway, api_id = client("apigateway"), item["PhysicalResourceId"]
    name = apigateway.get_rest_api(restApiId=api_id)["name"]
    routes: list[Route] = []
    for page in apigateway.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"]):
        for resource in page["items"]:
            for method, settings in (resource.get("resourceMethods") or {}).items():
                integration = settings.get("methodIntegration")
                if integration is not None and method != "OPTIONS":
                    routes.append(Route(method, resource["path"], *_behind(integration)))
    routes.sort(key=lambda route: (route.path, route.method))
    names = [stage["stageName"] for stage in apigateway.get_stages(restApiId=api_id)["item"]]
    extra = {"Stage"} - set(own) if len(names) > 1 else set[str]()
    for stage in sorted(names, key=lambda each: (each in extra, each)):
        note = SAMS_OWN_STAGE if stage in extra else ""
        yield Api("REST API", name, f"{base_url}/_aws/execute-api/{api_id}/{stage}", tuple(routes), note)


def _behind(integration: Mapping[str, Any]) -> tuple[How, str]:
    """How a REST API's integration answers, and what it calls."""
    kind, uri = integration.get("type"), str(integration.get("uri") or "")
    function = _FUNCTION.search(uri)
    if kind == "MOCK":
        return "mock", "mock"
    if function is not None and kind == "AWS":
        return _invoked(integration), function.group(1)
    if function is not None:
        streams = " (streamed)" if "response-streaming-invocations" in uri else ""
        return "synchronous", function.group(1) + streams
    if kind == "AWS":
        return ("asynchronous" if _is_accepted(integration, uri) else "synchronous"), _action(uri)
    return "synchronous", uri


def _is_accepted(integration: Mapping[str, Any], uri: str) -> bool:
    if ":sqs:path/" in uri:  # the request says which operation of the queue is meant
        return "SendMessage" in str((integration.get("requestParameters"), integration.get("requestTemplates")))
    return _ACCEPTED.search(uri) is not None


def _invoked(integration: Mapping[str, Any]) -> How:
    for name, value in (integration.get("requestParameters") or {}).items():
        if name.lower() == _INVOCATION_TYPE:
            if value == "'Event'":
                return "asynchronous"
            return "synchronous" if str(value).startswith("'") else "as the caller says"
    return "synchronous"


def _action(uri: str) -> str:
    """`states StartExecution` of `arn:aws:apigateway:us-east-1:states:action/StartExecution`."""
    parts = uri.split(":", 5)
    if len(parts) < 6:
        return uri
    kind, _, rest = parts[5].partition("/")
    return f"{parts[4]} {rest}" if kind == "action" else f"{parts[4]} {rest.rpartition('/')[2]}"


# ── HTTP and WebSocket APIs ──


def _newer(client: Client, item: Mapping[str, Any], base_url: str) -> Iterable[Api]:
    gateway, api_id = client("apigatewayv2"), item["PhysicalResourceId"]
    api = gateway.get_api(ApiId=api_id)
    socket = api["ProtocolType"] == "WEBSOCKET"
    integrations = {
        found["IntegrationId"]: found
        for page in gateway.get_paginator("get_integrations").paginate(ApiId=api_id)
        for found in page["Items"]
    }
    routes: list[Route] = []
    for page in gateway.get_paginator("get_routes").paginate(ApiId=api_id):
        for route in page["Items"]:
            method, _, path = route["RouteKey"].rpartition(" ")
            target = integrations.get(str(route.get("Target", "")).removeprefix("integrations/"))
            if target is not None:
                how, behind = _of_route(target)
                routes.append(Route(method or "ANY", path, "WebSocket" if socket else how, behind))
    routes.sort(key=lambda route: (route.path, route.method))
    for stage in gateway.get_stages(ApiId=api_id)["Items"]:
        name = stage["StageName"]
        url = f"{base_url}/_aws/execute-api/{api_id}" + ("" if name == "$default" else f"/{name}")
        kind = "WebSocket API" if socket else "HTTP API"
        yield Api(kind, api["Name"], url.replace("http://", "ws://", 1) if socket else url, tuple(routes))


def _of_route(integration: Mapping[str, Any]) -> tuple[How, str]:
    subtype = integration.get("IntegrationSubtype")
    if subtype:
        return ("asynchronous" if subtype in _ACCEPTED_SUBTYPES else "synchronous"), subtype.replace("-", " ")
    uri = str(integration.get("IntegrationUri") or "")
    function = _FUNCTION.search(uri)
    if integration.get("IntegrationType") == "MOCK":
        return "mock", "mock"
    return "synchronous", function.group(1) if function else uri


# ── functions ──


def _url(client: Client, item: Mapping[str, Any], base_url: str) -> Api:
    """A function URL; the physical id is the function's ARN."""
    from urllib.parse import urlsplit

    name = str(item["PhysicalResourceId"])
    config = client("lambda").get_function_url_config(FunctionName=name)
    found = _FUNCTION.search(name)
    function = found.group(1) if found else name
    url_id = (urlsplit(config["FunctionUrl"]).hostname or "").partition(".")[0]
    mode = " (streamed)" if config.get("InvokeMode") == "RESPONSE_STREAM" else ""
    route = Route("ANY", "/", "synchronous", function + mode)
    return Api("function URL", function, f"{base_url}/_aws/lambda-url/{url_id}", (route,))


def _functions(client: Client, items: Sequence[Mapping[str, Any]]) -> Iterable[Function]:
    ids = {item["PhysicalResourceId"]: item["LogicalResourceId"] for item in items}
    for page in client("lambda").get_paginator("list_functions").paginate() if items else ():
        for config in page["Functions"]:
            name = config["FunctionName"]
            if name in ids:
                yield Function(ids[name], name, config.get("Runtime") or config.get("PackageType") or "")
