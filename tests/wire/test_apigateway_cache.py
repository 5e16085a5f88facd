"""The cache of a stage, through the control plane: on, hit, flushed, counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, aws, create_function, function_uri

NEW = {"Cache-Control": "max-age=0"}


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    """`GET /` answers how often its function has run."""
    made = RestApi(emulator)
    create_function(
        emulator, "count", "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return len(runs)\n"
    )
    uri = function_uri("count").partition("us-east-1:")[2]
    declared = {"method.request.querystring.q": False}
    made.method("/", "GET", aws(uri, cacheKeyParameters=["method.request.querystring.q"]), requestParameters=declared)
    made.method("/", "POST", aws(uri))
    made.deploy(cacheClusterEnabled=True, cacheClusterSize="0.5")
    patch(made, **{"caching/enabled": "true", "caching/ttlInSeconds": "60"})
    return made


def patch(api: RestApi, **settings: str) -> None:
    operations = [{"op": "replace", "path": f"/*/*/{name}", "value": value} for name, value in settings.items()]
    api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=operations)


def total(emulator: RunningEmulator, name: str) -> Any:
    now = datetime.fromtimestamp(emulator.now(), UTC)
    points = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApiGateway",
        MetricName=name,
        Dimensions=[{"Name": "ApiName", "Value": "test"}, {"Name": "Stage", "Value": "dev"}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=1200,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_answers_are_remembered_for_their_time_by_key_and_until_flushed(
    emulator: RunningEmulator, api: RestApi
) -> None:
    def get(query: str = "", **more: Any) -> str:
        return api.request("GET", query, **more).text

    assert [get(), get(), get("?other=1"), get("?q=1"), get("?q=1")] == ["1", "1", "1", "2", "2"]
    assert (total(emulator, "CacheHitCount"), total(emulator, "CacheMissCount")) == (3, 2)
    assert [api.request("POST").text for _ in range(2)] == ["3", "4"]  # settings of all methods hold for GET only
    emulator.advance(60)
    assert get() == "5"
    api.client.flush_stage_cache(restApiId=api.id, stageName="dev")
    assert [get(), get()] == ["6", "6"]
    stage = [{"op": "replace", "path": "/cacheClusterEnabled", "value": "false"}]
    api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=stage)
    assert [get(), get()] == ["7", "8"]


def test_a_client_may_ask_for_a_new_answer_if_the_stage_lets_it(api: RestApi) -> None:
    def get(**headers: str) -> Any:
        return api.request("GET", headers=headers)

    assert get().text == "1"
    warned = get(**NEW)
    assert warned.text == "1"
    assert warned.headers["Warning"] == "199 Cache-control headers were ignored because the caller was unauthorized."
    patch(api, **{"caching/unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITHOUT_RESPONSE_HEADER"})
    assert get(**NEW).text == "1" and "Warning" not in get(**NEW).headers
    patch(api, **{"caching/unauthorizedCacheControlHeaderStrategy": "FAIL_WITH_403"})
    assert get(**NEW).status_code == 403
    assert get().text == "1"
    patch(api, **{"caching/requireAuthorizationForCacheControl": "false"})
    assert [get(**NEW).text, get().text] == ["2", "2"]


def test_the_trace_says_whether_the_cache_answered(emulator: RunningEmulator, api: RestApi) -> None:
    for found in (False, True):
        api.request("GET", "?q=1")
        [last, *_] = emulator.control("GET", "requests")["requests"]
        steps = {step["step"]: step for step in emulator.control("GET", f"requests/{last['id']}")["steps"]}
        assert steps["cache"]["found"] is found
        assert ("integration request" in steps) is not found
