"""Odd numbers and texts sent to CloudWatch Logs and metrics: AWS's 4xx or an answer, never a failure of ours."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.aws.errors import NotEmulated
from emulator.services.cloudwatch.mathematics import Environment, InvalidExpression, evaluate
from emulator.testing import RunningEmulator

LOGS, METRICS = "Logs_20140328", "GraniteServiceVersion20100801"
NUMBERS = [-1, 2**63 - 1, 10**30, 1e300, -1e300, float("nan"), "1"]


def ask(emulator: RunningEmulator, target: str, operation: str, body: dict[str, Any]) -> int:
    request = urllib.request.Request(
        emulator.url,
        json.dumps(body).encode(),
        {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.1"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def filled(emulator: RunningEmulator) -> RunningEmulator:
    """An emulator with one log event and one metric value."""
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": round(emulator.now() * 1000), "message": "m"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    emulator.client("cloudwatch").put_metric_data(Namespace="App", MetricData=[{"MetricName": "m", "Value": 1}])
    return emulator


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_odd_numbers_cause_no_failure_of_ours(filled: RunningEmulator, number: Any) -> None:
    stream = {"logGroupName": "g", "logStreamName": "s"}
    metric = {"Namespace": "App", "MetricName": "m", "Period": 60, "Statistics": ["Sum"]}
    datum = {"MetricName": "m", "Value": 1}
    stat = {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    query = [{"Id": "a", "MetricStat": stat}, {"Id": "b", "Expression": "FILL(a, 0)"}]
    alarm = {
        "AlarmName": "a",
        **{name: metric[name] for name in ("Namespace", "MetricName", "Period")},
        "Statistic": "Sum",
        "Threshold": 1,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (LOGS, "GetLogEvents", {**stream, "startTime": number}),
        (LOGS, "GetLogEvents", {**stream, "endTime": number}),
        (LOGS, "GetLogEvents", {**stream, "startTime": number, "startFromHead": True}),
        (LOGS, "FilterLogEvents", {"logGroupName": "g", "startTime": number}),
        (LOGS, "FilterLogEvents", {"logGroupName": "g", "endTime": number, "startFromHead": False}),
        (LOGS, "FilterLogEvents", {"logGroupName": "g", "limit": number}),
        (LOGS, "PutLogEvents", {**stream, "logEvents": [{"timestamp": number, "message": "m"}]}),
        (LOGS, "PutRetentionPolicy", {"logGroupName": "g", "retentionInDays": number}),
        (LOGS, "DescribeLogStreams", {"logGroupName": "g", "nextToken": number}),
        (METRICS, "PutMetricData", {"Namespace": "App", "MetricData": [{**datum, "Timestamp": number}]}),
        (METRICS, "PutMetricData", {"Namespace": "App", "MetricData": [{**datum, "Value": number}]}),
        (METRICS, "PutMetricData", {"Namespace": "App", "MetricData": [{**datum, "StorageResolution": number}]}),
        (METRICS, "GetMetricStatistics", {**metric, "StartTime": number, "EndTime": 1}),
        (METRICS, "GetMetricStatistics", {**metric, "StartTime": 1, "EndTime": number}),
        (METRICS, "GetMetricStatistics", {**metric, "StartTime": 1, "EndTime": 100, "Period": number}),
        (METRICS, "GetMetricData", {"MetricDataQueries": query, "StartTime": number, "EndTime": 4e9}),
        (METRICS, "GetMetricData", {"MetricDataQueries": query, "StartTime": 0, "EndTime": number}),
        (METRICS, "GetMetricData", {"MetricDataQueries": query, "StartTime": 0, "EndTime": 9, "MaxDatapoints": number}),
        (METRICS, "PutMetricAlarm", {**alarm, "Period": number}),
        (METRICS, "PutMetricAlarm", {**alarm, "EvaluationPeriods": number}),
        (METRICS, "PutMetricAlarm", {**alarm, "Threshold": number}),
        (METRICS, "DescribeAlarmHistory", {"StartDate": number, "EndDate": number}),
    ]
    answers = {f"{operation} {body}": ask(filled, target, operation, body) for target, operation, body in asked}
    assert {what: status for what, status in answers.items() if status >= 500} == {}
    filled.advance(120)


PIECES = st.sampled_from(
    [
        *("m1", "m2", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "1", "1e308", "0", ".5", "SUM(", "METRICS()"),
        *("FILL(", "REPEAT", "PERIOD(m1)", "RATE(", "DIFF(", "CEIL(", "RUNNING_SUM(", "METRIC_COUNT(", "'x'", '"'),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=14).map(" ".join), st.text(max_size=30)))
def test_no_expression_breaks_metric_math(expression: str) -> None:
    environment = Environment(
        {"m1": {0: 1.0, 60: -2.5}, "m2": {60: 1e308}}, {"m1": 60, "m2": 60}, ["m1", "m2"], [0, 60]
    )
    try:
        evaluate(expression, environment)
    except (InvalidExpression, NotEmulated):
        pass
