"""Functions that run after their callers were answered, and whose failures nobody hears of.

AWS: an event is tried three times in about three minutes; then it goes to the dead-letter queue and the on-failure
destination, or nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.project import Item, Project


def check(project: Project) -> Iterator[Finding]:
    """Functions without a place for lost events, and places that are none."""
    heard = _with_destination(project)
    callers: dict[str, list[str]] = {}
    for function, caller in _callers(project):
        callers.setdefault(function, []).append(caller)
    for name, who in callers.items():
        function = project.functions[name]
        if name not in heard and not function.dead_letter:
            shown = ", ".join(dict.fromkeys(who))
            yield Finding(
                "lost-events",
                "warning",
                f"{name} is invoked asynchronously ({shown}): an event that fails three times is lost, because there "
                "is "
                "neither a dead-letter queue nor a destination for failures",
                project.at(("Resources", name)),
                "DeadLetterQueue, or EventInvokeConfig with OnFailure (SAM); DeadLetterConfig or "
                "AWS::Lambda::EventInvokeConfig",
            )
    yield from _fifo(project)


def _with_destination(project: Project) -> set[str]:
    found: set[str] = set()
    for item in project.all_of("AWS::Lambda::EventInvokeConfig"):
        destinations: Any = item.properties.get("DestinationConfig")
        if isinstance(destinations, dict) and destinations.get("OnFailure"):
            function = project.function_of(item.properties.get("FunctionName"))
            if function is not None:
                found.add(function.name)
    return found


def _callers(project: Project) -> Iterator[tuple[str, str]]:
    """(function, who invokes it without waiting)."""
    for integration in project.integrations:
        if integration.asynchronous:
            yield from _named(project, integration.uri, integration.label)
    for item in project.items.values():
        properties = item.properties
        if item.type == "AWS::SNS::Subscription" and properties.get("Protocol") == "lambda":
            yield from _named(project, properties.get("Endpoint"), f"subscription {item.logical_id}")
        elif item.type == "AWS::SNS::Topic":
            for entry in _items(properties.get("Subscription")):
                if entry.get("Protocol") == "lambda":
                    yield from _named(project, entry.get("Endpoint"), f"topic {item.logical_id}")
        elif item.type == "AWS::Events::Rule":
            for target in _items(properties.get("Targets")):
                yield from _named(project, target.get("Arn"), f"rule {item.logical_id}")
        elif item.type == "AWS::Scheduler::Schedule" and isinstance(properties.get("Target"), dict):
            yield from _named(project, properties["Target"].get("Arn"), f"schedule {item.logical_id}")
        elif item.type == "AWS::S3::Bucket" and isinstance(properties.get("NotificationConfiguration"), dict):
            for entry in _items(properties["NotificationConfiguration"].get("LambdaConfigurations")):
                yield from _named(project, entry.get("Function"), f"bucket {item.logical_id}")
        elif item.type == "AWS::Logs::SubscriptionFilter":
            yield from _named(project, properties.get("DestinationArn"), f"filter {item.logical_id}")


def _named(project: Project, value: Any, who: str) -> Iterator[tuple[str, str]]:
    function = project.function_of(value)
    if function is not None:
        yield function.name, who


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _fifo(project: Project) -> Iterator[Finding]:
    for function in project.functions.values():
        value: Any = function.dead_letter
        target = _fifo_target(project, value.get("TargetArn") if isinstance(value, dict) else None)
        if target is not None:
            yield _refused(
                project, function.name, target, ("Resources", function.name, "Properties", "DeadLetterConfig")
            )
    for item in project.all_of("AWS::Lambda::EventInvokeConfig"):
        destinations: Any = item.properties.get("DestinationConfig")
        for end in ("OnSuccess", "OnFailure"):
            side = destinations.get(end) if isinstance(destinations, dict) else None
            target = _fifo_target(project, side.get("Destination") if isinstance(side, dict) else None)
            if target is not None:
                yield _refused(project, item.logical_id, target, (*item.path, "DestinationConfig"))


def _fifo_target(project: Project, value: Any) -> Item | None:
    found = project.item_of(value, "AWS::SQS::Queue", "AWS::SNS::Topic")
    fifo = found and found.properties.get("FifoQueue", found.properties.get("FifoTopic"))
    return found if str(fifo).lower() == "true" else None


def _refused(project: Project, name: str, target: Item, path: tuple[str | int, ...]) -> Finding:
    return Finding(
        "fifo-destination",
        "error",
        f"{name} cannot deliver to {target.logical_id}: FIFO queues and topics are no destinations of asynchronous "
        "invocations",
        project.at(path),
    )
