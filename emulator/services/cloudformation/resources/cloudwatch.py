"""Alarms and dashboards."""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import retag
from emulator.services.cloudformation.resources.types import Call, Made, NameForm, ResourceType, Steps, Subject, words

_ALARM = (
    "ActionConfiguration ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm"
    " Dimensions EvaluateLowSampleCountPercentile EvaluationCriteria EvaluationInterval EvaluationPeriods"
    " EvaluationWindow ExtendedStatistic InsufficientDataActions MetricName Metrics Namespace OKActions Period"
    " Statistic Threshold ThresholdMetricId TreatMissingData Unit WarmUpConfiguration"
)


def _put_alarm(it: Subject) -> Steps:
    return (yield from _put(it, "PutMetricAlarm", _ALARM))


def _put(it: Subject, operation: str, properties: str) -> Steps:
    """Made or changed: the operation sets the whole alarm, but for the tags of one that is there."""
    name = it.physical_id or it.name
    arn = f"arn:aws:cloudwatch:{it.scope.region}:{it.scope.account}:alarm:{name}"
    request = {**it.wanted(*properties.split()), "AlarmName": name}
    if it.physical_id:
        yield Call(operation, request)
        yield from retag(it, arn)
    else:
        yield Call(operation, {**request, "Tags": it.all_tags() or None})
    return Made(name, {"Arn": arn})


def _delete_alarm(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteAlarms", {"AlarmNames": [it.physical_id]})
    return None


def _put_dashboard(it: Subject) -> Steps:
    name = it.physical_id or it.name
    yield Call("PutDashboard", {"DashboardName": name, **it.wanted("DashboardBody")})
    return Made(name)


def _delete_dashboard(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteDashboards", {"DashboardNames": [it.physical_id]})
    return None


TYPES = [
    ResourceType(
        name="AWS::CloudWatch::Alarm",
        service="cloudwatch",
        properties=words(f"{_ALARM} Tags"),
        replaces=words("AlarmName"),
        named_by="AlarmName",
        name_form=NameForm(255),
        create=_put_alarm,
        update=_put_alarm,
        delete=_delete_alarm,
    ),
    ResourceType(
        name="AWS::CloudWatch::Dashboard",
        service="cloudwatch",
        properties=words("DashboardBody DashboardName Tags"),
        required=words("DashboardBody"),
        no_effect=words("Tags"),
        replaces=words("DashboardName"),
        named_by="DashboardName",
        name_form=NameForm(255),
        create=_put_dashboard,
        update=_put_dashboard,
        delete=_delete_dashboard,
    ),
]
