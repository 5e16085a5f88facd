"""Alarms at work: when they are evaluated, how their state changes, whom they tell.

An alarm is evaluated at the next full step of its clock after values arrive, and again while values are in its sight;
then it rests, so that frozen time can settle. Telling is a call of another service in the same transaction.

Values of some metrics never end, because they are measured every minute (`alarms.SAMPLED`). An alarm on one of them is
evaluated for as long; once it has been as often as a change needs to be seen, settling waits for it no longer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.cloudwatch import store
from emulator.services.cloudwatch.alarms import EXTRA_PERIODS, Alarm, judge, moment
from emulator.services.cloudwatch.solving import solve

ALARM_JOB = "cloudwatch.alarm"
CALM_JOB = "cloudwatch.alarm.calm"
"""The evaluation of an alarm that has seen all that happened: only more samples are to come."""

REGION_NAMES = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "sa-east-1": "South America (Sao Paulo)",
}


class Watching:
    """The alarms of every account."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def saw(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str]) -> None:
        """Values have arrived: alarms that rest and watch them are evaluated at their next step."""
        if not store.anything_watched(tx, scope):
            return
        for alarm in self._watchers(tx, scope, namespace, dimension_sets, calm=True):
            self.wake(tx, alarm)

    def sampled(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str]) -> None:
        """Values have been measured though nothing may have happened: who is evaluated anyway stays as calm."""
        if not store.anything_watched(tx, scope):
            return
        for alarm in self._watchers(tx, scope, namespace, dimension_sets, calm=False):
            self.wake(tx, alarm)

    def wake(self, tx: Transaction, alarm: Alarm) -> None:
        """Have an alarm evaluated at its next step, unless it will be anyway."""
        following = store.next_evaluation(tx, alarm.scope, alarm.name)
        if following is not None and following > 0:
            return
        if following is not None:
            jobs.cancel(tx, self._key(alarm.scope, alarm.name))
        self._schedule(tx, alarm, alarm.patience)

    def go_on(self, tx: Transaction, alarm: Alarm, in_sight: bool, patience: int) -> None:
        """After an evaluation: queue the next, if one is needed. `patience` is how many more settling waits for."""
        if in_sight or (alarm.sampled and patience > 0):
            self._schedule(tx, alarm, patience - 1)

    def _schedule(self, tx: Transaction, alarm: Alarm, patience: int) -> None:
        due_at = float((int(tx.now) // alarm.step + 1) * alarm.step)
        calm = alarm.sampled and patience <= 0
        scope, name = alarm.scope, alarm.name
        payload = {"account": scope.account, "region": scope.region, "name": name, "patience": patience}
        jobs.enqueue(tx, CALM_JOB if calm else ALARM_JOB, payload, due_at, key=self._key(scope, name))
        store.note_evaluation(tx, scope, name, -due_at if calm else due_at)

    def _watchers(
        self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str], calm: bool
    ) -> list[Alarm]:
        """Alarms that watch these dimensions and rest, or (`calm`) have nothing but samples to come."""
        found: list[Alarm] = []
        for dimensions in dimension_sets:
            for name in store.resting_alarms(tx, scope, namespace, dimensions, calm):
                alarm = store.get_alarm(tx, scope, name)
                assert alarm is not None, "it has just been found"
                found.append(alarm)
        return found

    def forget(self, tx: Transaction, scope: Scope, name: str) -> None:
        """An alarm is deleted: its evaluation is, too."""
        jobs.cancel(tx, self._key(scope, name))

    def evaluate(self, tx: Transaction, alarm: Alarm) -> bool:
        """Bring an alarm's state up to date; False once nothing measured is left in its sight."""
        points = self._points(tx, alarm)
        verdict = judge(alarm, points)
        if verdict.state is not None and verdict.state != alarm.state:
            self.change(tx, alarm, verdict.state, verdict.reason, self._data(tx, alarm, points))
        return any(value is not None for _, value in points)

    def change(self, tx: Transaction, alarm: Alarm, state: str, reason: str, data: str | None) -> Alarm:
        """Put an alarm in a state, write its history and call its actions."""
        changed = replace(alarm, state=state, reason=reason, reason_data=data, changed_at=tx.now)
        store.put_alarm(tx, changed, watched_by(changed))
        before = {"stateValue": alarm.state, "stateReason": alarm.reason}
        after = {"stateValue": state, "stateReason": reason}
        entry = {"version": "1.0", "oldState": before, "newState": after}
        summary = f"Alarm updated from {alarm.state} to {state}"
        store.add_history(tx, alarm.scope, alarm.name, tx.now, "StateUpdate", summary, entry)
        if changed.actions_enabled and state != alarm.state:
            for action in changed.actions(state):
                self._act(tx, alarm, changed, action)
        return changed

    def _points(self, tx: Transaction, alarm: Alarm) -> list[tuple[int, float | None]]:
        until = int(tx.now) // alarm.step * alarm.step
        periods: int = alarm.settings["EvaluationPeriods"] + EXTRA_PERIODS
        since = until - periods * alarm.period
        queries = alarm.queries
        wanted = next(query["Id"] for query in queries if query.get("ReturnData") is not False)
        try:
            found = solve(tx, alarm.scope, queries, since, until)[wanted]
        except (AwsError, NotEmulated):  # an expression that has no answer has no datapoints
            found = {}
        return [(begin, found.get(begin)) for begin in range(since, until, alarm.period)]

    def _data(self, tx: Transaction, alarm: Alarm, points: list[tuple[int, float | None]]) -> str:
        evaluated = [(begin, value) for begin, value in points if value is not None]
        evaluated = evaluated[-alarm.settings["EvaluationPeriods"] :]
        data: dict[str, Any] = {"version": "1.0", "queryDate": moment(tx.now)}
        if evaluated:
            data["startDate"] = moment(evaluated[0][0])
        if alarm.settings.get("Statistic"):
            data["statistic"] = alarm.settings["Statistic"]
        data["period"] = alarm.period
        data["recentDatapoints"] = [value for _, value in evaluated]
        data["threshold"] = float(alarm.settings["Threshold"])
        data["evaluatedDatapoints"] = [{"timestamp": moment(begin), "value": value} for begin, value in evaluated]
        return json.dumps(data, separators=(",", ":"))[:4000]

    def _act(self, tx: Transaction, before: Alarm, alarm: Alarm, action: str) -> None:
        scope = alarm.scope
        arn = Arn.parse(action)
        assert arn is not None, "PutMetricAlarm has checked its actions"
        if arn.service == "sns":
            subject = f'{alarm.state}: "{alarm.name}" in {REGION_NAMES.get(scope.region, scope.region)}'
            message = json.dumps(_notice(before, alarm), separators=(",", ":"))
            request: dict[str, Any] = {"TopicArn": action, "Subject": subject[:100], "Message": message}
            service, operation = "sns", "Publish"
        else:
            payload = json.dumps(_event(before, alarm)).encode()
            request = {"FunctionName": action, "InvocationType": "Event", "Payload": payload}
            service, operation = "lambda", "Invoke"
        entry: dict[str, Any] = {"actionState": "Succeeded", "notificationResource": action}
        summary = f"Successfully executed action {action}"
        try:
            self._context.calls.call(tx, scope, service, operation, request)
        except (AwsError, NotEmulated) as problem:
            entry |= {"actionState": "Failed", "error": str(problem)}
            summary = f"Failed to execute action {action}"
        store.add_history(tx, scope, alarm.name, tx.now, "Action", summary[:255], entry)

    def _key(self, scope: Scope, name: str) -> str:
        return f"{ALARM_JOB}:{scope.account}:{scope.region}:{name}"


def watched_by(alarm: Alarm) -> set[tuple[str, str]]:
    """(namespace, dimensions) of every metric an alarm looks at."""
    found: set[tuple[str, str]] = set()
    for query in alarm.queries:
        stat = query.get("MetricStat")
        if stat is not None:
            metric = stat["Metric"]
            dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions") or []}
            found.add((metric["Namespace"], store.dimensions_key(dimensions)))
    return found


def _notice(before: Alarm, alarm: Alarm) -> dict[str, Any]:
    """What a topic is told [D: SNS notifications of alarms]."""
    settings, scope = alarm.settings, alarm.scope
    trigger: dict[str, Any] = {
        "MetricName": settings.get("MetricName"),
        "Namespace": settings.get("Namespace"),
        "StatisticType": "Statistic" if settings.get("Statistic") else "ExtendedStatistic",
        "Statistic": (settings.get("Statistic") or settings.get("ExtendedStatistic") or "").upper(),
        "Unit": settings.get("Unit"),
        "Dimensions": [{"value": each["Value"], "name": each["Name"]} for each in settings.get("Dimensions") or []],
        "Period": alarm.period,
    }
    if settings.get("Metrics"):
        trigger = {"Metrics": settings["Metrics"], "Period": alarm.period}
    trigger |= {
        "EvaluationPeriods": settings["EvaluationPeriods"],
        "DatapointsToAlarm": settings.get("DatapointsToAlarm") or settings["EvaluationPeriods"],
        "ComparisonOperator": settings["ComparisonOperator"],
        "Threshold": float(settings["Threshold"]),
        "TreatMissingData": settings.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": settings.get("EvaluateLowSampleCountPercentile") or "",
    }
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": scope.account,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured_at),
        "NewStateValue": alarm.state,
        "NewStateReason": alarm.reason,
        "StateChangeTime": moment(alarm.changed_at),
        "Region": REGION_NAMES.get(scope.region, scope.region),
        "AlarmArn": alarm.arn,
        "OldStateValue": before.state,
        "OKActions": settings.get("OKActions") or [],
        "AlarmActions": settings.get("AlarmActions") or [],
        "InsufficientDataActions": settings.get("InsufficientDataActions") or [],
        "Trigger": trigger,
    }


def _event(before: Alarm, alarm: Alarm) -> dict[str, Any]:
    """What a function is given [D: Lambda alarm actions]."""
    metrics: list[dict[str, Any]] = []
    for query in alarm.queries:
        shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData") is not False}
        stat = query.get("MetricStat")
        if stat is None:
            shown["expression"] = query["Expression"]
        else:
            dimensions = {each["Name"]: each["Value"] for each in stat["Metric"].get("Dimensions") or []}
            metric = {"namespace": stat["Metric"]["Namespace"], "name": stat["Metric"]["MetricName"]}
            metric["dimensions"] = dimensions
            shown["metricStat"] = {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}
        metrics.append(shown)
    configuration: dict[str, Any] = {"metrics": metrics}
    if alarm.settings.get("AlarmDescription"):
        configuration["description"] = alarm.settings["AlarmDescription"]
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": alarm.scope.account,
        "time": moment(alarm.changed_at),
        "region": alarm.scope.region,
        "alarmData": {
            "alarmName": alarm.name,
            "state": _state(alarm),
            "previousState": _state(before),
            "configuration": configuration,
        },
    }


def _state(alarm: Alarm) -> dict[str, Any]:
    state = {"value": alarm.state, "reason": alarm.reason, "timestamp": moment(alarm.changed_at)}
    if alarm.reason_data:
        state["reasonData"] = alarm.reason_data
    return state
