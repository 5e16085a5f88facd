"""CloudWatch alarms through boto3: made, evaluated on the emulator's clock, heard by topics and functions."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ALARM = {
    "AlarmName": "slow",
    "Namespace": "App",
    "MetricName": "Latency",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 100.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"


@pytest.fixture
def cloudwatch(emulator: RunningEmulator) -> Any:
    return emulator.client("cloudwatch")


def put(cloudwatch: Any, value: float) -> None:
    cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Latency", "Value": value}])


def described(cloudwatch: Any, name: str = "slow") -> dict[str, Any]:
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


def refused(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_alarm_goes_off_at_the_end_of_the_period_and_back_when_data_ends(
    emulator: RunningEmulator, cloudwatch: Any
) -> None:
    cloudwatch.put_metric_alarm(**ALARM, AlarmDescription="too slow")
    new = described(cloudwatch)
    assert (new["StateValue"], new["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert new["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:slow"
    put(cloudwatch, 250)
    assert described(cloudwatch)["StateValue"] == "INSUFFICIENT_DATA"
    emulator.advance(60)
    gone_off = described(cloudwatch)
    assert gone_off["StateValue"] == "ALARM"
    assert gone_off["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [250.0 (")
    assert json.loads(gone_off["StateReasonData"])["recentDatapoints"] == [250.0]
    put(cloudwatch, 50)
    emulator.advance(60)
    assert described(cloudwatch)["StateValue"] == "OK"
    before = emulator.now()
    emulator.settle()
    assert described(cloudwatch)["StateValue"] == "INSUFFICIENT_DATA"
    assert emulator.now() - before < 600
    items = cloudwatch.describe_alarm_history(AlarmName="slow", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [
        "Alarm updated from OK to INSUFFICIENT_DATA",
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]


def test_an_alarm_tells_a_topic_and_a_function(emulator: RunningEmulator, cloudwatch: Any) -> None:
    code = "import json, boto3\n\ndef handler(event, context):\n    boto3.client('ssm').put_parameter(\n"
    code += "        Name='/alarm', Value=json.dumps(event), Type='String')\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    function = emulator.client("lambda").create_function(
        FunctionName="hear",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    sns.create_topic(Name="alarms")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC, function])
    put(cloudwatch, 250)
    emulator.advance(60)
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["Subject"] == 'ALARM: "slow" in US East (N. Virginia)'
    notice = json.loads(envelope["Message"])
    assert (notice["AlarmName"], notice["OldStateValue"], notice["NewStateValue"]) == (
        "slow",
        "INSUFFICIENT_DATA",
        "ALARM",
    )
    assert notice["Trigger"]["MetricName"] == "Latency"
    event = json.loads(emulator.client("ssm").get_parameter(Name="/alarm")["Parameter"]["Value"])
    assert event["alarmData"]["state"]["value"] == "ALARM"
    assert event["alarmArn"].endswith(":alarm:slow")
    items = cloudwatch.describe_alarm_history(AlarmName="slow", HistoryItemType="Action")["AlarmHistoryItems"]
    assert {item["HistorySummary"] for item in items} == {
        f"Successfully executed action {TOPIC}",
        f"Successfully executed action {function}",
    }


def test_an_action_that_fails_is_in_the_history_and_hinders_nothing(emulator: RunningEmulator, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC])
    cloudwatch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="a test")
    assert described(cloudwatch)["StateValue"] == "ALARM"
    [item] = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"] == f"Failed to execute action {TOPIC}"


def test_actions_can_be_switched_off(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC])
    cloudwatch.disable_alarm_actions(AlarmNames=["slow"])
    cloudwatch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="a test")
    assert described(cloudwatch)["ActionsEnabled"] is False
    assert cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"] == []
    cloudwatch.enable_alarm_actions(AlarmNames=["slow"])
    assert described(cloudwatch)["ActionsEnabled"] is True


def test_an_alarm_can_watch_an_expression(emulator: RunningEmulator, cloudwatch: Any) -> None:
    metric = {"Namespace": "App", "MetricName": "Latency"}
    cloudwatch.put_metric_alarm(
        AlarmName="share",
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="LessThanThreshold",
        Metrics=[
            {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
            {"Id": "e", "Expression": "m / 100"},
        ],
    )
    put(cloudwatch, 50)
    emulator.advance(60)
    assert described(cloudwatch, "share")["StateValue"] == "ALARM"


def test_alarms_are_found_tagged_and_deleted(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": "other", "MetricName": "Other"})
    listed = cloudwatch.describe_alarms(AlarmNamePrefix="s", StateValue="INSUFFICIENT_DATA")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in listed] == ["slow"]
    pages = cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 1})
    assert [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]] == ["other", "slow"]
    of_metric = cloudwatch.describe_alarms_for_metric(Namespace="App", MetricName="Other")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in of_metric] == ["other"]
    arn = described(cloudwatch)["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refused(cloudwatch.delete_alarms, AlarmNames=["slow", "none"]) == ("ResourceNotFound", 404)
    cloudwatch.delete_alarms(AlarmNames=["slow", "other"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    state = {"AlarmName": "slow", "StateValue": "OK", "StateReason": ""}
    assert refused(cloudwatch.set_alarm_state, **state) == ("ResourceNotFound", 404)


@pytest.mark.parametrize(
    ("changed", "code", "status"),
    [
        ({"Threshold": None}, "ValidationError", 400),
        ({"Statistic": None}, "ValidationError", 400),
        ({"ExtendedStatistic": "p99"}, "ValidationError", 400),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "ValidationError", 400),
        ({"Period": 61}, "ValidationError", 400),
        ({"EvaluationPeriods": 2000}, "ValidationError", 400),
        ({"DatapointsToAlarm": 2}, "ValidationError", 400),
        ({"TreatMissingData": "no"}, "ValidationError", 400),
        ({"AlarmActions": ["nowhere"]}, "ValidationError", 400),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "NotImplemented", 501),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplemented", 501),
    ],
)
def test_an_alarm_that_cannot_be_is_refused(cloudwatch: Any, changed: dict[str, Any], code: str, status: int) -> None:
    given = {name: value for name, value in {**ALARM, **changed}.items() if value is not None}
    assert refused(cloudwatch.put_metric_alarm, **given) == (code, status)
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
