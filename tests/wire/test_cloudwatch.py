"""CloudWatch through boto3: metrics put, listed, asked by statistics and by queries, over every protocol."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.testing import RunningEmulator


@pytest.fixture
def cloudwatch(emulator: RunningEmulator) -> Any:
    return emulator.client("cloudwatch")


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def put(cloudwatch: Any, *values: float, name: str = "Latency", **more: Any) -> None:
    data = [{"MetricName": name, "Value": value, **more} for value in values]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)


def statistics(emulator: RunningEmulator, cloudwatch: Any, *names: str, **more: Any) -> list[dict[str, Any]]:
    """Datapoints of the hour around now, oldest first."""
    kind = "ExtendedStatistics" if names[0].startswith(("p", "TM", "IQM", "PR")) else "Statistics"
    asked = {
        "Namespace": "App",
        "MetricName": "Latency",
        "StartTime": emulator.now() - 1800,
        "EndTime": emulator.now() + 1800,
        "Period": 60,
        kind: list(names),
        **more,
    }
    return sorted(cloudwatch.get_metric_statistics(**asked)["Datapoints"], key=lambda point: point["Timestamp"])


# ── putting and listing ─────────────────────────────────────────────────────────────────────────


def test_values_become_statistics_of_their_minute(emulator: RunningEmulator, cloudwatch: Any) -> None:
    put(cloudwatch, 1, 2, 6, Unit="Seconds")
    [point] = statistics(emulator, cloudwatch, "SampleCount", "Sum", "Average", "Minimum", "Maximum")
    minute = datetime.fromtimestamp(emulator.now() // 60 * 60, UTC)
    assert point == {
        "Timestamp": minute,
        "SampleCount": 3.0,
        "Sum": 9.0,
        "Average": 3.0,
        "Minimum": 1.0,
        "Maximum": 6.0,
        "Unit": "Seconds",
    }


def test_units_are_told_apart(emulator: RunningEmulator, cloudwatch: Any) -> None:
    put(cloudwatch, 1, Unit="Seconds")
    put(cloudwatch, 1000, Unit="Milliseconds")
    assert len(statistics(emulator, cloudwatch, "Sum")) == 2
    [point] = statistics(emulator, cloudwatch, "Sum", Unit="Milliseconds")
    assert point["Sum"] == 1000.0


def test_values_with_counts_and_statistic_sets_are_added_up(emulator: RunningEmulator, cloudwatch: Any) -> None:
    cloudwatch.put_metric_data(
        Namespace="App",
        MetricData=[
            {"MetricName": "Latency", "Values": [1.0, 3.0], "Counts": [2.0, 1.0]},
            {"MetricName": "Latency", "Values": [10.0]},
        ],
    )
    [point] = statistics(emulator, cloudwatch, "p50", "p100")
    assert point["ExtendedStatistics"] == {"p50": 1.0, "p100": 10.0}
    whole = {"SampleCount": 2.0, "Sum": 5.0, "Minimum": 0.5, "Maximum": 4.5}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Latency", "StatisticValues": whole}])
    [point] = statistics(emulator, cloudwatch, "SampleCount", "Sum", "Minimum", "Maximum")
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (6.0, 20.0, 0.5, 10.0)
    assert statistics(emulator, cloudwatch, "p50") == []


def test_metrics_are_listed_with_their_dimensions(emulator: RunningEmulator, cloudwatch: Any) -> None:
    put(cloudwatch, 1, Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}])
    put(cloudwatch, 1, name="Other")
    listed = cloudwatch.list_metrics()["Metrics"]
    dimensions = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    assert listed == [
        {"Namespace": "App", "MetricName": "Latency", "Dimensions": dimensions},
        {"Namespace": "App", "MetricName": "Other", "Dimensions": []},
    ]
    assert cloudwatch.list_metrics(Namespace="None")["Metrics"] == []
    assert cloudwatch.list_metrics(MetricName="Other")["Metrics"] == listed[1:]
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "a"}])["Metrics"] == listed[:1]
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "a", "Value": "2"}])["Metrics"] == []
    emulator.advance(4 * 3600)
    assert cloudwatch.list_metrics(RecentlyActive="PT3H")["Metrics"] == []
    assert len(cloudwatch.list_metrics()["Metrics"]) == 2
    emulator.advance(15 * 86_400)
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_long_lists_come_in_pages(cloudwatch: Any) -> None:
    data = [{"MetricName": f"m{number:04}", "Value": 1} for number in range(700)]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)
    pages = [len(page["Metrics"]) for page in cloudwatch.get_paginator("list_metrics").paginate()]
    assert pages == [500, 200]


def test_a_large_request_is_compressed_by_boto3_and_understood(emulator: RunningEmulator, cloudwatch: Any) -> None:
    data = [{"MetricName": "Latency", "Value": float(number)} for number in range(1000)]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)
    [point] = statistics(emulator, cloudwatch, "SampleCount")
    assert point["SampleCount"] == 1000.0


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "MissingParameter"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Value": 1e200}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 7}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": 1.0}, "InvalidParameterValue"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "1"}] * 2}, "InvalidParameterValue"),
    ],
)
def test_a_datum_that_cannot_be_is_refused(cloudwatch: Any, datum: dict[str, Any], code: str) -> None:
    data = [{"MetricName": "m", **datum}]
    assert refused(cloudwatch.put_metric_data, Namespace="App", MetricData=data)[0] == code
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_namespaces_of_aws_are_refused(cloudwatch: Any) -> None:
    data = [{"MetricName": "m", "Value": 1}]
    assert refused(cloudwatch.put_metric_data, Namespace="AWS/Lambda", MetricData=data) == (
        "InvalidParameterValue",
        "The value AWS/ for parameter Namespace is invalid.",
    )


# ── statistics ──────────────────────────────────────────────────────────────────────────────────


def test_periods_are_counted_from_the_start(emulator: RunningEmulator, cloudwatch: Any) -> None:
    begin = emulator.now()
    for _ in range(4):
        put(cloudwatch, 1)
        emulator.advance(60)
    points = statistics(emulator, cloudwatch, "Sum", StartTime=begin, EndTime=begin + 300, Period=120)
    assert [point["Sum"] for point in points] == [2.0, 2.0]
    gaps = [(point["Timestamp"].timestamp() - begin // 60 * 60) for point in points]
    assert gaps == [0.0, 120.0]


def test_values_of_high_resolution_keep_their_second_for_three_hours(
    emulator: RunningEmulator, cloudwatch: Any
) -> None:
    at = emulator.now() // 60 * 60
    for second in (1, 2, 15):
        put(cloudwatch, 1, StorageResolution=1, Timestamp=at + second)
    asked = {"StartTime": at, "EndTime": at + 60, "Period": 10}
    assert [point["Sum"] for point in statistics(emulator, cloudwatch, "Sum", **asked)] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Period": 61}, "InvalidParameterValue"),
        ({"StartTime": 100, "EndTime": 100}, "InvalidParameterCombination"),
        ({"StartTime": 0, "EndTime": 86_400 * 2}, "InvalidParameterCombination"),
        ({"Statistics": None}, "MissingParameter"),
        ({"ExtendedStatistics": ["p50"]}, "InvalidParameterCombination"),
        ({"ExtendedStatistics": ["p101"], "Statistics": None}, "InvalidParameterValue"),
    ],
)
def test_questions_that_have_no_answer_are_refused(cloudwatch: Any, changed: dict[str, Any], code: str) -> None:
    asked = {
        "Namespace": "App",
        "MetricName": "m",
        "StartTime": 0,
        "EndTime": 3600,
        "Period": 60,
        "Statistics": ["Sum"],
        **changed,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    assert refused(cloudwatch.get_metric_statistics, **given)[0] == code


def test_many_writes_become_minutes_and_say_the_same(emulator: RunningEmulator, cloudwatch: Any) -> None:
    recording = emulator.emulator.cloudwatch.operations.recording

    async def write() -> None:
        def change(tx: Any) -> None:
            for number in range(4321):
                recording.add(tx, Scope(), "App", {}, [Datum("Latency", number % 100, "Milliseconds")])

        await emulator.emulator.store.transact(change)

    emulator.call(write)
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    before = statistics(emulator, cloudwatch, *names), statistics(emulator, cloudwatch, "p90", "TM(10%:90%)")
    emulator.settle()
    after = statistics(emulator, cloudwatch, *names), statistics(emulator, cloudwatch, "p90", "TM(10%:90%)")
    assert before == after
    assert before[0][0]["SampleCount"] == 4321.0

    async def waiting() -> int:
        count = await emulator.emulator.store.read(
            lambda tx: tx.execute("SELECT count(*) FROM metric_write").fetchone()
        )
        return count[0]

    assert emulator.call(waiting) < 2000


# ── GetMetricData ───────────────────────────────────────────────────────────────────────────────


def ask(emulator: RunningEmulator, cloudwatch: Any, queries: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    at = emulator.now() // 60 * 60
    given = {"StartTime": at - 600, "EndTime": at + 600, "ScanBy": "TimestampAscending", **more}
    return cloudwatch.get_metric_data(MetricDataQueries=queries, **given)


def stat(identifier: str, name: str, statistic: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "App", "MetricName": name}
    return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}, **more}


def test_metrics_and_expressions_are_answered_together(emulator: RunningEmulator, cloudwatch: Any) -> None:
    for errors, calls in ((1, 4), (0, 5), (2, 0)):
        put(cloudwatch, errors, name="Errors")
        put(cloudwatch, calls, name="Calls")
        emulator.advance(60)
    queries = [
        stat("errors", "Errors", ReturnData=False),
        stat("calls", "Calls", Label="All calls"),
        {"Id": "rate", "Expression": "100 * errors / calls"},
        {"Id": "both", "Expression": "SUM(METRICS())"},
        {"Id": "share", "Expression": "calls / SUM(calls)"},
        {"Id": "up", "Expression": "RUNNING_SUM(errors) - 1"},
    ]
    results = ask(emulator, cloudwatch, queries)["MetricDataResults"]
    values = {result["Id"]: result["Values"] for result in results}
    assert values["calls"] == [4.0, 5.0, 0.0]
    assert values["rate"] == [25.0, 0.0]
    assert values["both"] == [5.0, 5.0, 2.0]
    assert values["share"] == pytest.approx([4 / 9, 5 / 9, 0.0])
    assert values["up"] == [0.0, 0.0, 2.0]
    assert [result["Label"] for result in results] == ["All calls", "rate", "both", "share", "up"]
    assert {result["StatusCode"] for result in results} == {"Complete"}


def test_gaps_can_be_filled(emulator: RunningEmulator, cloudwatch: Any) -> None:
    put(cloudwatch, 3)
    queries = [stat("m", "Latency", ReturnData=False), {"Id": "e", "Expression": "FILL(m, 0)"}]
    [result] = ask(emulator, cloudwatch, queries)["MetricDataResults"]
    assert (len(result["Values"]), sum(result["Values"])) == (20, 3.0)


def test_long_answers_come_in_pages(emulator: RunningEmulator, cloudwatch: Any) -> None:
    for _ in range(5):
        put(cloudwatch, 1)
        emulator.advance(60)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[stat("m", "Latency")],
        StartTime=emulator.now() - 600,
        EndTime=emulator.now() + 60,
        MaxDatapoints=2,
    )
    assert [len(page["MetricDataResults"][0]["Values"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    "expression",
    ["m1 +", "nothing * 2", "1 + 1", "((((" * 20 + "m1", "m1 m1", "[m1", "", "%", "e1 + e2", "PERIOD(1)", "m1 ^"],
)
def test_an_expression_that_says_nothing_is_refused(
    emulator: RunningEmulator, cloudwatch: Any, expression: str
) -> None:
    queries = [stat("m1", "Latency"), {"Id": "e1", "Expression": expression or " "}, {"Id": "e2", "Expression": "e1"}]
    assert refused(ask, emulator=emulator, cloudwatch=cloudwatch, queries=queries)[0] == "ValidationError"


@pytest.mark.parametrize("expression", ["SEARCH('a', 'Sum', 60)", "IF(m1 > 1, 1, 0)", "m1 > 1", "METRICS()"])
def test_mathematics_that_is_not_emulated_is_refused_by_name(
    emulator: RunningEmulator, cloudwatch: Any, expression: str
) -> None:
    with pytest.raises(ClientError) as caught:
        ask(emulator, cloudwatch, [stat("m1", "Latency"), {"Id": "e1", "Expression": expression}])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_contributor_insights_are_refused_by_name(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as caught:
        cloudwatch.describe_insight_rules()
    assert "cloudwatch.DescribeInsightRules is not emulated" in caught.value.response["Error"]["Message"]


# ── protocols ───────────────────────────────────────────────────────────────────────────────────


def test_the_query_protocol_is_spoken_too(emulator: RunningEmulator) -> None:
    def call(**form: str) -> tuple[int, str]:
        body = urllib.parse.urlencode({"Version": "2010-08-01", **form}).encode()
        try:
            with urllib.request.urlopen(emulator.url, body) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    datum = {"MetricData.member.1.MetricName": "m", "MetricData.member.1.Value": "2"}
    assert call(Action="PutMetricData", Namespace="App", **datum)[0] == 200
    status, listed = call(Action="ListMetrics")
    assert status == 200 and "<MetricName>m</MetricName>" in listed
    status, problem = call(Action="PutMetricData", Namespace="AWS/X", **datum)
    assert status == 400 and "<Code>InvalidParameterValue</Code>" in problem


def test_the_json_protocol_is_spoken_too(emulator: RunningEmulator) -> None:
    request = urllib.request.Request(
        emulator.url,
        b'{"Namespace": "App", "MetricData": [{"MetricName": "m", "Value": 2}]}',
        {"X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData", "Content-Type": "application/x-amz-json-1.0"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert emulator.client("cloudwatch").list_metrics()["Metrics"][0]["MetricName"] == "m"


def test_a_body_that_only_says_it_is_compressed_is_refused(emulator: RunningEmulator) -> None:
    target = "GraniteServiceVersion20100801.PutMetricData"
    request = urllib.request.Request(emulator.url, b"{}", {"X-Amz-Target": target, "Content-Encoding": "gzip"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == 400
