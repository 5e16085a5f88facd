"""Metric alarms: made, described, switched, deleted. Their work is watching.py's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import model, store
from emulator.services.cloudwatch.alarms import OPERATORS, TREATMENTS, Alarm
from emulator.services.cloudwatch.distribution import parse_extended
from emulator.services.cloudwatch.solving import check_queries
from emulator.services.cloudwatch.watching import Watching, watched_by

PAGE = 100
ACTION_MEMBERS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_LEFT_OUT = ("ThresholdMetricId", "EvaluationCriteria", "EvaluationWindow", "WarmUpConfiguration", "EvaluationInterval")


class AlarmOperations:
    """The operations on alarms."""

    watching: Watching

    def put_metric_alarm(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make or change an alarm; a changed one keeps its state."""
        _check(request)
        name = request["AlarmName"]
        settings = {key: value for key, value in request.items() if key not in ("AlarmName", "Tags", "ActionsEnabled")}
        enabled = request.get("ActionsEnabled") is not False
        known = store.get_alarm(tx, scope, name)
        if known is None:
            tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
            alarm = Alarm(scope, name, settings, tx.now, changed_at=tx.now, actions_enabled=enabled, tags=tags)
        else:
            alarm = replace(known, settings=settings, configured_at=tx.now, actions_enabled=enabled)
        store.put_alarm(tx, alarm, watched_by(alarm))
        verb = "created" if known is None else "updated"
        store.add_history(
            tx, scope, name, tx.now, "ConfigurationUpdate", f'Alarm "{name}" {verb}'[:255], {"version": "1.0"}
        )
        self.watching.wake(tx, alarm)
        return {}

    def describe_alarms(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Alarms by name."""
        for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if request.get(member):
                raise NotEmulated("cloudwatch", f"DescribeAlarms with {member}", "composite alarms")
        if request.get("AlarmNames") and request.get("AlarmNamePrefix"):
            raise model.validation_error("AlarmNames and AlarmNamePrefix cannot be specified together.")
        found = list(_asked(store.alarms(tx, scope), request))
        begin = _read_token(request.get("NextToken"))
        end = begin + (request.get("MaxRecords") or 50)
        if request.get("AlarmTypes") and "MetricAlarm" not in request["AlarmTypes"]:
            found = []
        return {
            "CompositeAlarms": [],
            "MetricAlarms": [_described(alarm) for alarm in found[begin:end]],
            "NextToken": str(end) if len(found) > end else None,
        }

    def describe_alarms_for_metric(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Alarms of exactly one metric."""
        wanted = model.dimensions_of(request.get("Dimensions"))
        found: list[dict[str, Any]] = []
        for alarm in store.alarms(tx, scope):
            settings = alarm.settings
            same = all(settings.get(member) == request[member] for member in ("MetricName", "Namespace"))
            same = same and model.dimensions_of(settings.get("Dimensions")) == wanted
            optional = ("Statistic", "ExtendedStatistic", "Period", "Unit")
            if same and all(request.get(member) in (None, settings.get(member)) for member in optional):
                found.append(_described(alarm))
        return {"MetricAlarms": found}

    def describe_alarm_history(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What happened to alarms, the latest first unless asked otherwise."""
        items = [
            row
            for row in store.history(tx, scope, request.get("AlarmName"))
            if request.get("HistoryItemType") in (None, row[3])
            and (request.get("StartDate") is None or row[2] >= model.epoch(request["StartDate"]))
            and (request.get("EndDate") is None or row[2] <= model.epoch(request["EndDate"]))
        ]
        if request.get("ScanBy") != "TimestampAscending":
            items.reverse()
        begin = _read_token(request.get("NextToken"))
        end = begin + (request.get("MaxRecords") or PAGE)
        return {
            "AlarmHistoryItems": [
                {
                    "AlarmName": alarm,
                    "AlarmType": "MetricAlarm",
                    "Timestamp": at,
                    "HistoryItemType": kind,
                    "HistorySummary": summary,
                    "HistoryData": data,
                }
                for _, alarm, at, kind, summary, data in items[begin:end]
            ],
            "NextToken": str(end) if len(items) > end else None,
        }

    def set_alarm_state(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Put an alarm in a state by hand, with its actions; the next evaluation may change it back."""
        alarm = _require(tx, scope, request["AlarmName"])
        self.watching.change(tx, alarm, request["StateValue"], request["StateReason"], request.get("StateReasonData"))
        self.watching.wake(tx, alarm)
        return {}

    def delete_alarms(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete alarms, all or none."""
        for name in request["AlarmNames"]:
            _require(tx, scope, name)
        for name in request["AlarmNames"]:
            store.delete_alarm(tx, scope, name)
            self.watching.forget(tx, scope, name)
        return {}

    def enable_alarm_actions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Let alarms act again."""
        return _switch(tx, scope, request, True)

    def disable_alarm_actions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Let alarms change their state without acting."""
        return _switch(tx, scope, request, False)

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags to an alarm."""
        alarm = _by_arn(tx, scope, request["ResourceARN"])
        tags = {**(alarm.tags or {}), **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
        store.put_alarm(tx, replace(alarm, tags=tags), watched_by(alarm))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take tags from an alarm."""
        alarm = _by_arn(tx, scope, request["ResourceARN"])
        tags = {key: value for key, value in (alarm.tags or {}).items() if key not in request["TagKeys"]}
        store.put_alarm(tx, replace(alarm, tags=tags), watched_by(alarm))
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """An alarm's tags."""
        tags = _by_arn(tx, scope, request["ResourceARN"]).tags or {}
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _check(request: dict[str, Any]) -> None:
    """Refuse what cannot be an alarm. The texts are unverified."""
    for member in _LEFT_OUT:
        if request.get(member):
            raise NotEmulated("cloudwatch", f"PutMetricAlarm with {member}")
    operator = request.get("ComparisonOperator")
    if operator is None:
        raise model.validation_error("The parameter ComparisonOperator is required.")
    if operator not in OPERATORS:
        raise NotEmulated("cloudwatch", f"PutMetricAlarm with {operator}", "anomaly detection")
    if request.get("Threshold") is None:
        raise model.validation_error("The parameter Threshold is required.")
    evaluated = request.get("EvaluationPeriods")
    if evaluated is None:
        raise model.validation_error("The parameter EvaluationPeriods is required.")
    if (request.get("DatapointsToAlarm") or 1) > evaluated:
        raise model.validation_error("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    if request.get("TreatMissingData") not in (None, *TREATMENTS):
        raise model.validation_error(
            f"The value {request['TreatMissingData']} for parameter TreatMissingData is not one of"
            f" {', '.join(TREATMENTS)}."
        )
    if request.get("Metrics"):
        _check_metrics(request)
    else:
        _check_metric(request)
    period = Alarm(Scope(), "", request, 0.0).period
    if period * evaluated > (86400 if period < 3600 else 7 * 86400):
        raise model.validation_error("Metrics cannot be checked across more than a day (EvaluationPeriods * Period).")
    for member in ACTION_MEMBERS:
        for action in request.get(member) or []:
            _check_action(action)


def _check_metric(request: dict[str, Any]) -> None:
    for member in ("MetricName", "Namespace", "Period"):
        if request.get(member) is None:
            raise model.validation_error(f"The parameter {member} is required.")
    if (request.get("Statistic") is None) == (request.get("ExtendedStatistic") is None):
        raise model.validation_error("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if request.get("ExtendedStatistic") and parse_extended(request["ExtendedStatistic"]) is None:
        raise model.validation_error(
            f"The value {request['ExtendedStatistic']} for ExtendedStatistic is not supported."
        )
    if request["Period"] not in (10, 20, 30) and request["Period"] % 60:
        raise model.validation_error("Period must be 10, 20, 30 or a multiple of 60.")
    model.dimensions_of(request.get("Dimensions"))


def _check_metrics(request: dict[str, Any]) -> None:
    for member in ("MetricName", "Namespace", "Period", "Statistic", "ExtendedStatistic", "Dimensions"):
        if request.get(member):
            raise model.validation_error(f"The parameters Metrics and {member} are mutually exclusive.")
    check_queries(request["Metrics"])
    returned = [query for query in request["Metrics"] if query.get("ReturnData") is not False]
    if len(returned) != 1:
        raise model.validation_error("Exactly one element of the metrics list should return data.")


def _check_action(action: str) -> None:
    arn = Arn.parse(action)
    if arn is None:
        raise model.validation_error(f"Invalid arn syntax: {action}")
    if arn.service not in ("sns", "lambda"):
        raise NotEmulated("cloudwatch", f"alarm action {arn.service}", "alarms call SNS topics and functions")


def _require(tx: Transaction, scope: Scope, name: str) -> Alarm:
    alarm = store.get_alarm(tx, scope, name)
    if alarm is None:
        raise AwsError("ResourceNotFound", f"Alarm {name} does not exist", 404)
    return alarm


def _by_arn(tx: Transaction, scope: Scope, text: str) -> Alarm:
    arn = Arn.parse(text)
    if arn is None or arn.service != "cloudwatch" or not arn.resource.startswith("alarm:"):
        raise model.invalid(f"The value {text} for parameter ResourceARN is invalid.")
    alarm = store.get_alarm(tx, scope, arn.resource.removeprefix("alarm:"))
    if alarm is None:
        raise AwsError("ResourceNotFoundException", f"Unknown resource {text}", 404)
    return alarm


def _switch(tx: Transaction, scope: Scope, request: dict[str, Any], enabled: bool) -> dict[str, Any]:
    for name in request["AlarmNames"]:
        alarm = store.get_alarm(tx, scope, name)
        if alarm is not None:
            store.put_alarm(tx, replace(alarm, actions_enabled=enabled), watched_by(alarm))
    return {}


def _asked(alarms: Iterator[Alarm], request: dict[str, Any]) -> Iterator[Alarm]:
    names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix") or ""
    for alarm in alarms:
        if names and alarm.name not in names:
            continue
        if not alarm.name.startswith(prefix) or request.get("StateValue") not in (None, alarm.state):
            continue
        wanted = request.get("ActionPrefix")
        actions = [action for member in ACTION_MEMBERS for action in alarm.settings.get(member) or []]
        if wanted is None or any(action.startswith(wanted) for action in actions):
            yield alarm


def _described(alarm: Alarm) -> dict[str, Any]:
    settings = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": [], **alarm.settings}
    if not settings.get("Metrics"):
        settings["Dimensions"] = settings.get("Dimensions") or []
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.actions_enabled,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateReasonData": alarm.reason_data,
        "StateUpdatedTimestamp": alarm.changed_at,
        "StateTransitionedTimestamp": alarm.changed_at,
        **settings,
    }


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise AwsError("InvalidNextToken", "The specified nextToken is invalid.", 400)
    return int(token)
