"""Calls that AWS refuses because nothing allows them: functions without a permission, queues without a policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.links import sources
from emulator.deploy.template.lint.project import Item, Project


def check(project: Project) -> Iterator[Finding]:
    """What the template calls and does not allow."""
    yield from _functions(project)
    yield from _queues(project)
    yield from _deployments(project)


def _functions(project: Project) -> Iterator[Finding]:
    allowed = {
        (function.name, str(item.properties.get("Principal")))
        for item in project.all_of("AWS::Lambda::Permission")
        for function in [project.function_of(item.properties.get("FunctionName"))]
        if function is not None
    }
    calls: list[tuple[Any, str, str, tuple[str | int, ...], str]] = [
        (item.uri, "apigateway.amazonaws.com", item.label, item.path, "answers 500")
        for item in project.integrations
        if item.type in ("AWS", "AWS_PROXY") and not item.credentials
    ]
    for item in project.all_of("AWS::Events::Rule"):
        for index, target in enumerate(_items(item.properties.get("Targets"))):
            if not target.get("RoleArn"):
                path = (*item.path, "Targets", index)
                calls.append(
                    (target.get("Arn"), "events.amazonaws.com", f"rule {item.logical_id}", path, "never runs it")
                )
    for item in project.all_of("AWS::SNS::Subscription"):
        if item.properties.get("Protocol") == "lambda":
            label = f"subscription {item.logical_id}"
            calls.append((item.properties.get("Endpoint"), "sns.amazonaws.com", label, item.path, "never runs it"))
    for target, principal, label, path, outcome in calls:
        function = project.function_of(target)
        if function is None:
            continue
        if not {(function.name, principal), (function.name, "*")} & allowed:
            yield Finding(
                "missing-permission",
                "error",
                f"{label} {outcome}: nothing allows {principal} to invoke {function.name}",
                project.at(path),
                "AWS::Lambda::Permission (SAM makes it for its events), or credentials of the integration",
            )


def _queues(project: Project) -> Iterator[Finding]:
    with_policy = {
        name for item in project.all_of("AWS::SQS::QueuePolicy") for name in sources(item.properties.get("Queues"))
    } | {
        name for item in project.all_of("AWS::SQS::QueueInlinePolicy") for name in sources(item.properties.get("Queue"))
    }
    for item, value, path in _sends(project):
        queue = project.item_of(value, "AWS::SQS::Queue")
        if queue is not None and queue.logical_id not in with_policy:
            yield Finding(
                "missing-queue-policy",
                "error",
                f"messages of {item.logical_id} never reach {queue.logical_id}: no queue policy allows them",
                project.at(path),
                "AWS::SQS::QueuePolicy",
            )


def _sends(project: Project) -> Iterator[tuple[Item, Any, tuple[str | int, ...]]]:
    for item in project.all_of("AWS::SNS::Subscription"):
        if item.properties.get("Protocol") == "sqs":
            yield item, item.properties.get("Endpoint"), (*item.path, "Endpoint")
    for item in project.all_of("AWS::Events::Rule"):
        for index, target in enumerate(_items(item.properties.get("Targets"))):
            if not target.get("RoleArn"):
                yield item, target.get("Arn"), (*item.path, "Targets", index)


def _deployments(project: Project) -> Iterator[Finding]:
    """A deployment is a snapshot: methods that are made after it are not in it."""
    methods: dict[str, list[str]] = {}
    for item in project.all_of("AWS::ApiGateway::Method"):
        for api in sources(item.properties.get("RestApiId")):
            methods.setdefault(api, []).append(item.logical_id)
    for item in project.all_of("AWS::ApiGateway::Deployment"):
        before = project.after(item.logical_id)
        for api in sources(item.properties.get("RestApiId")):
            late = [name for name in methods.get(api, []) if name not in before]
            if late:
                yield Finding(
                    "deployment-before-methods",
                    "error" if len(late) == len(methods[api]) else "warning",
                    f"{item.logical_id} may be made before {', '.join(late)}, and then has no such methods",
                    project.at(("Resources", item.logical_id)),
                    f"DependsOn: [{', '.join(late)}]",
                )


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
