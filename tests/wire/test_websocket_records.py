"""What conversations leave behind: metrics, access logs, execution logs, traces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION
from tests.wire.websocket_support import WebSocketApi, echo, websocket_api

Emulator = RunningEmulator
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:talks"


def lines(emulator: Emulator, group: str) -> list[str]:
    logs = emulator.client("logs")
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def total(emulator: Emulator, name: str, dimensions: dict[str, str]) -> float:
    found = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApiGateway",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=emulator.now() - 3600,
        EndTime=emulator.now() + 3600,
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def talked(emulator: Emulator, **stage: Any) -> WebSocketApi:
    """One connection, a message that is answered, one that fails, one that has no route, one from the backend."""
    api = websocket_api(emulator, stage=stage)
    function = api.function(echo(emulator))
    api.route("$connect", function)
    api.route("good", function)
    with api.talk() as client:
        client.say({"action": "good"})
        number = client.json()["requestContext"]["connectionId"]
        client.say({"action": "good", "do": "raise"})
        client.json()
        client.say({"action": "nowhere"})
        client.json()
        api.management().post_to_connection(ConnectionId=number, Data=b"x")
        client.hear()
    emulator.settle()
    return api


def test_metrics_are_counted_by_api_by_stage_and_by_route(emulator: Emulator) -> None:
    api = talked(emulator, DefaultRouteSettings={"DetailedMetricsEnabled": True})
    for dimensions in ({"ApiId": api.id}, {"ApiId": api.id, "Stage": "prod"}):
        counted = {
            name: total(emulator, name, dimensions)
            for name in ("ConnectCount", "MessageCount", "ClientError", "ExecutionError", "IntegrationError")
        }
        assert counted == {
            "ConnectCount": 1,
            "MessageCount": 4,
            "ClientError": 1,
            "ExecutionError": 1,
            "IntegrationError": 0,
        }
    assert total(emulator, "MessageCount", {"ApiId": api.id, "Stage": "prod", "Route": "good"}) == 2


def test_access_logs_have_a_line_for_each_event(emulator: Emulator) -> None:
    form = (
        "$context.eventType $context.routeKey $context.status $context.connectionId $context.error.message $context.x"
    )
    talked(emulator, AccessLogSettings={"DestinationArn": GROUP, "Format": form})
    found = [line.split(" ") for line in lines(emulator, "talks")]
    assert [(parts[0], parts[1], parts[2]) for parts in found] == [
        ("CONNECT", "$connect", "200"),
        ("MESSAGE", "good", "200"),
        ("MESSAGE", "good", "502"),
        ("MESSAGE", "$default", "403"),
    ]
    assert len({parts[3] for parts in found}) == 1
    assert [" ".join(parts[4:]) for parts in found] == ["- -", "- -", "Internal server error -", "Forbidden -"]


@pytest.mark.parametrize(("level", "data"), [("INFO", True), ("INFO", False), ("ERROR", True), ("OFF", True)])
def test_execution_logs_are_written_by_level(emulator: Emulator, level: str, data: bool) -> None:
    api = talked(emulator, DefaultRouteSettings={"LoggingLevel": level, "DataTraceEnabled": data})
    groups = {group["logGroupName"] for group in emulator.client("logs").describe_log_groups()["logGroups"]}
    name = f"/aws/apigateway/{api.id}/prod"
    assert (name in groups) == (level != "OFF")
    if level == "OFF":
        return
    text = "\n".join(lines(emulator, name))
    assert "Lambda execution failed due to customer function error: intended" in text
    assert ("Received CONNECT for route $connect" in text) == (level == "INFO")
    assert ('"action": "good"' in text) == data


def test_every_event_leaves_a_trace_of_its_steps(emulator: Emulator) -> None:
    api = talked(emulator)
    found = emulator.control("GET", "requests")["requests"]
    kinds = [(item["kind"], item["method"], item["route"], item["status"]) for item in reversed(found)]
    assert kinds == [
        ("WEBSOCKET", "CONNECT", "$connect", 200),
        ("WEBSOCKET", "MESSAGE", "good", 200),
        ("WEBSOCKET", "MESSAGE", "good", 502),
        ("WEBSOCKET", "MESSAGE", "$default", 403),
    ]
    assert found[0]["api"] == api.id
    whole = emulator.control("GET", f"requests/{found[2]['id']}")
    called = next(step for step in whole["steps"] if step["step"] == "integration request")
    assert called["url"] == FUNCTION + "echo"
    assert json.loads(called["body"])["requestContext"]["routeKey"] == "good"


def test_a_long_message_with_execution_logs_is_answered(emulator: Emulator) -> None:
    settings = {"LoggingLevel": "INFO", "DataTraceEnabled": True}
    api = websocket_api(emulator, stage={"DefaultRouteSettings": settings})
    api.route("$default", api.function(echo(emulator)))
    with api.talk() as client:
        client.say("x" * 32_000)
        assert len(client.json()["body"]) == 32_000
