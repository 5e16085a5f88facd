"""Queues that functions are polled from: how long a message stays hidden, and where one goes that always fails."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.project import DEFAULT_VISIBILITY_SECONDS, Project
from emulator.deploy.template.model import as_number


def check(project: Project) -> Iterator[Finding]:
    """The queue of each event source mapping of the template."""
    for item in project.all_of("AWS::Lambda::EventSourceMapping"):
        queue = project.item_of(item.properties.get("EventSourceArn"), "AWS::SQS::Queue")
        function = project.function_of(item.properties.get("FunctionName"))
        if queue is None:
            continue
        if not queue.properties.get("RedrivePolicy"):
            yield Finding(
                "queue-without-dead-letter-queue",
                "warning",
                f"a message of {queue.logical_id} that always fails is tried again until it expires: the queue has no "
                "dead-letter queue",
                project.at(("Resources", queue.logical_id)),
                "RedrivePolicy with deadLetterTargetArn and maxReceiveCount",
            )
        hidden = as_number(queue.properties.get("VisibilityTimeout", DEFAULT_VISIBILITY_SECONDS))
        if function is None or hidden is None or function.timeout_seconds is None:
            continue
        where = project.at((*queue.path, "VisibilityTimeout"))
        window = as_number(item.properties.get("MaximumBatchingWindowInSeconds", 0)) or 0.0
        if hidden < function.timeout_seconds:
            yield Finding(
                "visibility-timeout",
                "error",
                f"AWS refuses to poll {queue.logical_id} for {function.name}: its visibility timeout of {hidden:g} s "
                "is less "
                f"than the function's timeout of {function.timeout_seconds:g} s",
                where,
                f"AWS advises six times the function's timeout: {6 * function.timeout_seconds + window:g} s",
            )
        elif hidden < 6 * function.timeout_seconds + window:
            yield Finding(
                "short-visibility-timeout",
                "advice",
                f"messages of {queue.logical_id} may come again while {function.name} is throttled: the visibility "
                "timeout is "
                f"{hidden:g} s, and AWS advises six times the function's timeout of {function.timeout_seconds:g} s"
                + (f" and the batching window of {window:g} s" if window else ""),
                where,
                f"VisibilityTimeout: {6 * function.timeout_seconds + window:g}",
            )
