"""Metric filters and subscription filters: what is done with events as they arrive. The doing is watchers.py's."""

from __future__ import annotations

from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.model import milliseconds
from emulator.services.logs.operations.destinations import check_destination
from emulator.services.logs.operations.state import LogsState, page, require_group, require_pattern
from emulator.services.logs.patterns.conditions import number_of
from emulator.services.logs.store import METRIC, SUBSCRIPTION, Filter
from emulator.services.logs.streaming import stream_of
from emulator.services.logs.watchers import function_exists

PAGE = 50
MOST_SUBSCRIPTIONS = 2
MOST_METRIC_FILTERS = 100
_LEFT_OUT = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields", "emitSystemFieldDimensions")


class FilterOperations(LogsState):
    """The operations on filters."""

    def put_subscription_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Have a function or a stream given what a pattern chooses; wire.py has tried whether a stream takes it."""
        group = require_group(tx, scope, request)
        require_pattern(request["filterPattern"])
        _refuse_left_out("PutSubscriptionFilter", request)
        arn = Arn.parse(request["destinationArn"])
        if arn is None:
            raise model.invalid("destinationArn is not a valid ARN.")
        streaming = stream_of(request["destinationArn"]) is not None
        named = arn.service == "logs" and arn.resource.startswith("destination:")
        if arn.service != "lambda" and not streaming and not named:
            raise NotEmulated(
                "logs", f"PutSubscriptionFilter to {arn.service}", "to functions, streams and destinations only"
            )
        if streaming and not request.get("roleArn"):  # texts of both quoted from memory of users: unverified
            raise model.invalid(f"destinationArn for vendor {arn.service} cannot be used without roleArn")
        if named:
            check_destination(tx, scope, request["destinationArn"])
        elif not streaming and request.get("roleArn"):
            raise model.invalid("destinationArn for vendor lambda cannot be used with roleArn")
        elif not streaming and not function_exists(self.calls, tx, scope, request["destinationArn"]):
            raise model.invalid(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute"
                " your function."
            )
        _check_limit(tx, group.id, SUBSCRIPTION, request["filterName"], MOST_SUBSCRIPTIONS)
        settings = {
            "destinationArn": request["destinationArn"],
            "roleArn": request.get("roleArn"),
            "distribution": request.get("distribution") or "ByLogStream",
        }
        now = milliseconds(tx.now)
        store.put_filter(tx, group.id, SUBSCRIPTION, request["filterName"], now, request["filterPattern"], settings)
        return {}

    def describe_subscription_filters(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A group's subscription filters, by name."""
        found = _prefixed(store.filters_of(tx, require_group(tx, scope, request).id, SUBSCRIPTION), request)
        filters, token = page(found, request, PAGE, lambda each: each.name)
        return {
            "subscriptionFilters": [
                {
                    "filterName": each.name,
                    "logGroupName": each.group_name,
                    "filterPattern": each.pattern,
                    **each.settings,
                    "creationTime": each.created_at,
                }
                for each in filters
            ],
            "nextToken": token,
        }

    def delete_subscription_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """End a subscription."""
        return _delete(tx, scope, request, SUBSCRIPTION, "subscription")

    def put_metric_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Have a metric counted of what a pattern chooses."""
        group = require_group(tx, scope, request)
        require_pattern(request["filterPattern"])
        _refuse_left_out("PutMetricFilter", request)
        for transformation in request["metricTransformations"]:
            _check_transformation(transformation)
        _check_limit(tx, group.id, METRIC, request["filterName"], MOST_METRIC_FILTERS)
        settings = {"metricTransformations": request["metricTransformations"]}
        now = milliseconds(tx.now)
        store.put_filter(tx, group.id, METRIC, request["filterName"], now, request["filterPattern"], settings)
        return {}

    def describe_metric_filters(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Metric filters of a group, or of all groups, or of one metric."""
        name, namespace = request.get("metricName"), request.get("metricNamespace")
        if (name is None) != (namespace is None):
            raise model.invalid("metricName and metricNamespace must be specified together.")
        if request.get("logGroupName") is None:
            found = store.all_filters(tx, scope, METRIC)
        else:
            found = store.filters_of(tx, require_group(tx, scope, request).id, METRIC)
        if name is not None:
            found = [each for each in found if _counts(each, name, namespace)]
        filters, token = page(_prefixed(found, request), request, PAGE, lambda each: [each.group_name, each.name])
        return {
            "metricFilters": [
                {
                    "filterName": each.name,
                    "filterPattern": each.pattern,
                    "metricTransformations": each.settings["metricTransformations"],
                    "creationTime": each.created_at,
                    "logGroupName": each.group_name,
                }
                for each in filters
            ],
            "nextToken": token,
        }

    def delete_metric_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Stop counting; what was counted stays."""
        return _delete(tx, scope, request, METRIC, "metric")

    def test_metric_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Which of some messages a pattern would choose, and what it takes from them."""
        pattern = require_pattern(request["filterPattern"])
        matches: list[dict[str, Any]] = []
        for number, message in enumerate(request["logEventMessages"], 1):
            values = pattern.extract(message)
            if values is not None:
                matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": values})
        return {"matches": matches}


def _refuse_left_out(operation: str, request: dict[str, Any]) -> None:
    for member in _LEFT_OUT:
        if request.get(member):
            raise NotEmulated("logs", f"{operation} with {member}")


def _check_limit(tx: Transaction, group_id: int, kind: str, name: str, most: int) -> None:
    names = {each.name for each in store.filters_of(tx, group_id, kind)}
    if len(names | {name}) > most:
        raise AwsError("LimitExceededException", "Resource limit exceeded.", 400)


def _check_transformation(transformation: dict[str, Any]) -> None:
    value = transformation["metricValue"]
    if not value.startswith("$") and number_of(value) is None:
        raise model.invalid(f"Invalid metric transformation: metricValue '{value}' is neither a number nor a field")
    if transformation["metricNamespace"].startswith("AWS/"):
        raise model.invalid("Invalid metric transformation: metricNamespace must not start with AWS/")
    dimensions = transformation.get("dimensions") or {}
    if dimensions and transformation.get("defaultValue") is not None:
        raise model.invalid("Invalid metric transformation: dimensions and default value are mutually exclusive.")
    if len(dimensions) > 3:
        raise model.invalid("Invalid metric transformation: at most 3 dimensions are allowed")
    if any(not reference.startswith("$") for reference in dimensions.values()):
        raise model.invalid("Invalid metric transformation: a dimension's value must be a field")


def _prefixed(found: list[Filter], request: dict[str, Any]) -> list[Filter]:
    prefix = request.get("filterNamePrefix") or ""
    return [each for each in found if each.name.startswith(prefix)]


def _counts(each: Filter, name: str, namespace: str | None) -> bool:
    return any(
        transformation["metricName"] == name and transformation["metricNamespace"] == namespace
        for transformation in each.settings["metricTransformations"]
    )


def _delete(tx: Transaction, scope: Scope, request: dict[str, Any], kind: str, word: str) -> dict[str, Any]:
    if not store.delete_filter(tx, require_group(tx, scope, request).id, kind, request["filterName"]):
        raise AwsError("ResourceNotFoundException", f"The specified {word} filter does not exist.", 400)
    return {}
