"""Mappings of X-Amz-Invocation-Type that do something else than they seem to, and calls of Lambda that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.integrations import Integration
from emulator.deploy.template.lint.project import Project

_TYPES = ("Event", "RequestResponse", "DryRun")


def check(project: Project) -> Iterator[Finding]:
    """All of it, integration by integration."""
    for item in project.integrations:
        yield from _invocation_type(project, item)
        if item.type in ("AWS", "AWS_PROXY") and item.kind == "rest" and _calls_lambda(project, item):
            yield from _method(project, item)


def _calls_lambda(project: Project, item: Integration) -> bool:
    in_text = isinstance(item.uri, str) and ":lambda:path/" in item.uri
    return in_text or project.function_of(item.uri) is not None


def _method(project: Project, item: Integration) -> Iterator[Finding]:
    if item.http_method not in (None, "POST"):
        yield Finding(
            "lambda-needs-post",
            "error",
            f"{item.label} answers 500: Lambda is called by POST only, and the integration's method is "
            f"{item.http_method}",
            project.at((*item.path, "httpMethod")),
            "the integration's method is not the client's: set it to POST",
        )


def _invocation_type(project: Project, item: Integration) -> Iterator[Finding]:
    mapping = item.invocation_type
    if mapping is None:
        return
    name, value = mapping
    where = project.at((*item.parameters_path, name))
    if item.kind == "http":
        yield Finding(
            "reserved-header",
            "error",
            f"{item.label}: HTTP APIs refuse to map x-amz- headers",
            where,
            "use an integration with SQS, EventBridge or Step Functions, or a function that invokes the other one",
        )
    elif item.type == "AWS_PROXY":
        yield Finding(
            "invocation-type-on-proxy",
            "error",
            f"{item.label} stays synchronous: a proxy integration ignores its request parameters",
            where,
            "use type AWS, with templates",
        )
    elif value in _TYPES:
        yield Finding(
            "unquoted-static-value",
            "error",
            f"{item.label}: AWS refuses {value} as a mapping (400 Invalid mapping expression specified)",
            where,
            f"a static value has quotes of its own: \"'{value}'\"",
        )
    elif isinstance(value, str) and value.startswith("method.request."):
        if value not in item.required or not item.validated:
            missing = "is not required" if value not in item.required else "is required, and no validator looks for it"
            yield Finding(
                "unvalidated-invocation-type",
                "warning",
                f"{item.label} is synchronous for every client that does not send {value.rpartition('.')[2]}: it "
                f"{missing}",
                where,
                "require the parameter, with a request validator that validates parameters; or map \"'Event'\"",
            )
    elif isinstance(value, str) and value.startswith("'") and value.strip("'") not in _TYPES:
        yield Finding(
            "unknown-invocation-type",
            "error",
            f"{item.label} answers 500: Lambda knows no invocation type {value.strip(chr(39))}",
            where,
            "Event, RequestResponse or DryRun, spelled so",
        )
