"""API Gateway killed before and after every commit: what it accepted happens, what it was told is whole or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, create_function, quiet_logs
from tests.stuck import STUCK_SECONDS

__all__ = ["quiet_logs"]

KEEPS = """
import os
def handler(event, context):
    fd = os.open(event["diary"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (context.aws_request_id + "\\n").encode())
    os.close(fd)
"""
EVENT = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}


def the_api(client: Any) -> str | None:
    """The id of the story's API, if it has been created."""
    found = [item["id"] for item in client.get_rest_apis()["items"]]
    assert len(found) <= 1
    return found[0] if found else None


def build(client: Any, function: str) -> None:
    """Deploy `POST /events`; a step that is done already is not done again, as a careful tool works."""
    api = the_api(client) or client.create_rest_api(name="story")["id"]
    resources = {item["path"]: item for item in client.get_resources(restApiId=api)["items"]}
    if "/events" not in resources:
        client.create_resource(restApiId=api, parentId=resources["/"]["id"], pathPart="events")
        resources = {item["path"]: item for item in client.get_resources(restApiId=api)["items"]}
    ids = {"restApiId": api, "resourceId": resources["/events"]["id"], "httpMethod": "POST"}
    if "POST" not in resources["/events"].get("resourceMethods", {}):
        client.put_method(**ids, authorizationType="NONE")
    if "200" not in client.get_method(**ids).get("methodResponses", {}):
        client.put_method_response(**ids, statusCode="200")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    client.put_integration(**ids, type="AWS", integrationHttpMethod="POST", uri=uri, requestParameters=EVENT)
    client.put_integration_response(**ids, statusCode="200")
    if "dev" not in [stage["stageName"] for stage in client.get_stages(restApiId=api)["item"]]:
        client.create_deployment(restApiId=api, stageName="dev")
    patch = [{"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}]
    client.update_stage(restApiId=api, stageName="dev", patchOperations=patch)


def post(aws: RunningEmulator, diary: Path) -> httpx.Response:
    api = the_api(aws.client("apigateway"))
    assert api is not None
    return httpx.post(aws.data_plane(api, "dev", "events"), json={"diary": str(diary)}, timeout=STUCK_SECONDS)


class EventRoute:
    """A route that accepts events for a function."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        build(aws.client("apigateway"), create_function(aws, "keeps", KEEPS))

    def act(self, aws: RunningEmulator) -> bool:
        return accepted(lambda: post(aws, self.diary))

    def verify(self, aws: RunningEmulator) -> None:
        attempts = {attempt["request_id"] for attempt in aws.control("GET", "timeline")["invocations"]}
        kept = set(self.diary.read_text().split())
        assert kept and attempts <= kept, "an accepted event has run"
        assert len(kept) <= 2, "one for each request of the client"
        assert aws.control("GET", "queue")["total"] == 0


class ControlPlane:
    """An API that is built step by step, and then asked."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        create_function(aws, "keeps", KEEPS)

    def act(self, aws: RunningEmulator) -> bool:
        arn = "arn:aws:lambda:us-east-1:000000000000:function:keeps"
        return accepted(lambda: build(aws.client("apigateway"), arn))

    def verify(self, aws: RunningEmulator) -> None:
        client = aws.client("apigateway")
        api = the_api(client)
        assert api is not None
        paths = sorted(item["path"] for item in client.get_resources(restApiId=api)["items"])
        assert paths == ["/", "/events"]
        [stage] = client.get_stages(restApiId=api)["item"]
        deployments = [item["id"] for item in client.get_deployments(restApiId=api)["items"]]
        assert deployments == [stage["deploymentId"]]
        assert stage["methodSettings"]["*/*"]["loggingLevel"] == "INFO"
        answer = post(aws, self.diary)
        assert (answer.status_code, answer.content) == (200, b""), json.dumps(answer.text)
        aws.settle()
        assert len(self.diary.read_text().split()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_route_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        route = EventRoute(diary)
        return Story(route.prepare, route.act, route.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_control_plane_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        plane = ControlPlane(diary)
        return Story(plane.prepare, plane.act, plane.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8
