"""`/_emulator/requests`: what happened to each request of a deployed API, step by step."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock
from tests.wire.http_api_support import ask, http_api, while_time_passes


def requests(emulator: RunningEmulator, query: str = "") -> list[dict[str, Any]]:
    return httpx.get(f"{emulator.url}/_emulator/requests{query}").json()["requests"]


def trace(emulator: RunningEmulator, number: int = 0) -> dict[str, Any]:
    """The `number`-th last request."""
    found = requests(emulator)[number]
    return httpx.get(f"{emulator.url}/_emulator/requests/{found['id']}").json()


def steps(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in document["steps"]}


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def test_a_rest_request_shows_mappings_templates_call_and_answer(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event\n")
    template = '#set($context.responseOverride.status = 201){"said": $input.json("$.a")}'
    integration = {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "uri": function_uri("echo"),
        "requestTemplates": {"application/json": template},
        "requestParameters": {"integration.request.header.X-Who": "method.request.header.X-Who"},
    }
    response = {"responseTemplates": {"application/json": '{"got": $input.json("$.said")}'}}
    declared = {"method.request.header.X-Who": False}
    api.method("/say/{what}", "POST", integration, {"200": response}, requestParameters=declared)
    api.deploy()
    answered = api.request("POST", "/say/hello?q=1", json={"a": [1]}, headers={"X-Who": "me"})
    assert (answered.status_code, answered.json()) == (201, {"got": [1]})
    document = trace(emulator)
    assert document["id"] == answered.headers["x-amzn-RequestId"]
    assert (document["kind"], document["api"], document["stage"], document["status"]) == ("REST", api.id, "dev", 201)
    assert (document["route"], document["query"], document["problem"]) == ("/say/{what}", "q=1", None)
    seen = steps(document)
    assert [*seen] == [
        "request",
        "route",
        "request template",
        "request mapping",
        "integration request",
        "integration response",
        "integration response chosen",
        "response template",
        "response mapping",
        "response",
    ]
    assert seen["route"]["parameters"] == {"what": "hello"}
    assert (seen["request template"]["template"], seen["request template"]["rendered"]) == (template, '{"said": [1]}')
    assert seen["request mapping"]["header"] == {"X-Who": "me"}
    assert seen["integration request"]["body"] == '{"said": [1]}'
    assert seen["integration response"]["body"] == '{"said": [1]}'
    assert seen["integration response chosen"]["pattern"] is None
    assert seen["response mapping"]["status"] == 201
    assert seen["response"]["body"] == '{"got": [1]}'


@pytest.mark.parametrize("whose", ["integration", "function"])
def test_the_trace_says_which_timeout_ended_a_request(emulator: RunningEmulator, api: RestApi, whose: str) -> None:
    create_function(emulator, "slow", "import time\ndef handler(event, context):\n    time.sleep(10)\n")
    integration: dict[str, Any] = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("slow")}
    if whose == "integration":
        emulator.client("lambda").update_function_configuration(FunctionName="slow", Timeout=20)
        integration["timeoutInMillis"] = 2500
    api.method("/", "GET", integration)
    api.deploy()
    answered = while_time_passes(emulator, lambda: ask(api.url()))
    assert answered.status == (504 if whose == "integration" else 502)
    [found] = requests(emulator)
    assert found["timeout"]["whose"] == whose
    assert found["milliseconds"] == (2500 if whose == "integration" else 3000)
    took = steps(trace(emulator))["integration request"]["took_milliseconds"]
    assert took == found["milliseconds"]


def test_decisions_on_throttling_and_keys_are_shown(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/", "GET", **mock(), apiKeyRequired=True)
    api.deploy()
    for name, value in (("burstLimit", "1"), ("rateLimit", "1")):
        patch = {"op": "replace", "path": f"/*/*/throttling/{name}", "value": value}
        api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=[patch])
    assert [api.request("GET").status_code for _ in range(2)] == [403, 429]
    assert steps(trace(emulator, 1))["api key"] == {
        "step": "api key",
        "at_milliseconds": 0,
        "took_milliseconds": 0,
        "admitted": False,
        "why": "the request has none",
    }
    throttled = steps(trace(emulator))
    assert throttled["throttle"]["admitted"] is False and throttled["throttle"]["setting"] == "*/*"
    assert throttled["failure"]["gateway_response"] == "THROTTLED"


def test_long_payloads_are_cut_and_old_requests_forgotten(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/", "POST", **mock(body="$input.body"))
    api.deploy()
    httpx.put(f"{emulator.url}/_emulator/settings", json={"kept_requests": 2})
    for _ in range(3):
        api.request("POST", content=b"x" * 100_000)
    assert len(requests(emulator)) == 2
    body = steps(trace(emulator))["request"]["body"]
    assert len(body) < 17_000 and body.endswith(" … [100000 in all]")
    httpx.put(f"{emulator.url}/_emulator/settings", json={"kept_requests": 0})
    api.request("POST")
    assert requests(emulator) == []


def test_the_list_is_filtered_and_has_a_page_for_people(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    api.request("GET", headers={"X-A": "<script>"})
    api.request("GET", "/nowhere")
    assert [found["status"] for found in requests(emulator)] == [403, 200]
    assert [found["path"] for found in requests(emulator, "?failed=true")] == [
        httpx.URL(api.url("/nowhere")).path,
    ]
    assert requests(emulator, "?api=other") == [] and len(requests(emulator, "?limit=1")) == 1
    page = httpx.get(f"{emulator.url}/_emulator/requests", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html") and "default-src 'none'" in str(page.headers)
    one = httpx.get(f"{emulator.url}/_emulator/requests/{requests(emulator)[1]['id']}", headers={"Accept": "text/html"})
    assert "&lt;script&gt;" in one.text and "<script" not in one.text
    gone = httpx.get(f"{emulator.url}/_emulator/requests/none")
    assert gone.status_code == 404 and "/_emulator/requests" in gone.json()["message"]


def test_a_request_to_an_http_api_leaves_its_steps(emulator: RunningEmulator) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return {'statusCode': 201, 'body': 'hi'}\n")
    api = http_api(emulator)
    api.route("GET /pets/{id}", api.function("echo"))
    assert (api.ask("/pets/7").status, api.ask("/none").status) == (201, 404)
    failed, answered = trace(emulator), trace(emulator, 1)
    assert (failed["kind"], failed["status"], failed["problem"]) == ("HTTP", 404, "No route matches the request")
    seen = steps(answered)
    assert seen["route"]["route"] == "GET /pets/{id}" and seen["route"]["parameters"] == {"id": "7"}
    assert json.loads(seen["integration request"]["body"])["rawPath"].endswith("/pets/7")
    assert json.loads(seen["integration response"]["body"]) == {"statusCode": 201, "body": "hi"}
    assert seen["response"]["status"] == 201
