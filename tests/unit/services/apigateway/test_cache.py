"""A stage's cache: whose answers are remembered, under which key, how long, and who may have one forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.http import HttpResponse
from emulator.services.apigateway.gateway import cache as subject
from emulator.services.apigateway.gateway.cache import Cache
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from tests.unit.services.apigateway.support import NOW, exchange

ON: dict[str, Any] = {"cachingEnabled": True, "cacheTtlInSeconds": 60, "requireAuthorizationForCacheControl": True}
SIGNED = ("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/execute-api/aws4_request, Signature=0")
NEW = ("Cache-Control", "no-store, max-age=0")


def asked(settings: dict[str, Any] | None = None, **more: Any) -> Exchange:
    arguments: dict[str, Any] = {"settings": {**ON, **(settings or {})}, "has_cache": True, **more}
    return exchange(**arguments)


def answered(cache: Cache, body: bytes = b"one", now: float = NOW, status: int = 200, **more: Any) -> Exchange:
    """A request whose answer the cache has seen."""
    made = asked(**more)
    assert cache.find(made) is None
    cache.keep(made, HttpResponse(status, [("X-A", "1")], body), now)
    return made


@pytest.mark.parametrize("status", [200, 404, 500])
def test_an_answer_is_remembered_for_its_time_whatever_its_status(status: int) -> None:
    cache = Cache()
    assert answered(cache, status=status).cache_hit is False
    again = asked(now=NOW + 59.9)
    found = cache.find(again)
    assert found is not None and again.cache_hit is True
    assert (found.status, found.headers, found.body) == (status, [("X-A", "1")], b"one")
    assert cache.find(asked(now=NOW + 60)) is None


@pytest.mark.parametrize(
    "more",
    [
        {"has_cache": False},
        {"settings": {**ON, "cachingEnabled": False}},
        {"settings": {**ON, "cacheTtlInSeconds": 0}},
        {"settings": {}},
        {"method": "POST"},
    ],
)
def test_nothing_is_remembered_where_nobody_asked_for_it(more: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"settings": ON, "has_cache": True, **more}
    made = exchange(**arguments)
    cache = Cache()
    assert cache.find(made) is None and made.cache_key is None and made.cache_hit is None
    cache.keep(made, HttpResponse(200), NOW)
    assert cache.find(made) is None


def test_a_method_with_settings_of_its_own_is_remembered_whatever_it_is() -> None:
    cache = Cache()
    answered(cache, method="POST", settings_key="~1pets~1{id}/POST")
    assert cache.find(asked(method="POST", settings_key="~1pets~1{id}/POST")) is not None


def test_only_the_parameters_of_the_key_tell_answers_apart() -> None:
    integration: dict[str, Any] = {
        "type": "HTTP",
        "cacheKeyParameters": [
            "method.request.path.id",
            "method.request.header.X-A",
            "integration.request.querystring.to",
        ],
        "requestParameters": {"integration.request.querystring.to": "method.request.querystring.q"},
    }
    same: Any = {"integration": integration, "query": "q=1&other=1", "headers": [("x-a", "1")]}
    cache = Cache()
    answered(cache, **same)
    assert cache.find(asked(None, **{**same, "query": "q=1&other=2"})) is not None
    changes: list[dict[str, Any]] = [{"query": "q=2"}, {"query": ""}, {"headers": []}, {"parameters": {"id": "8"}}]
    for change in changes:
        assert cache.find(asked(None, **{**same, **change})) is None, change


def test_without_key_parameters_the_query_makes_no_difference() -> None:
    cache = Cache()
    answered(cache, query="a=1")
    assert cache.find(asked(query="a=2")) is not None


def test_resources_share_answers_by_their_namespace() -> None:
    cache = Cache()
    answered(cache, integration={"type": "HTTP", "cacheNamespace": "shared"})
    assert cache.find(asked(integration={"type": "HTTP", "cacheNamespace": "shared"})) is not None
    assert cache.find(asked(integration={"type": "HTTP", "cacheNamespace": "other"})) is None


def test_a_canary_has_a_cache_of_its_own_unless_it_uses_the_stage_s() -> None:
    cache = Cache()
    answered(cache)
    assert cache.find(asked(canary=False)) is not None
    assert cache.find(asked(canary=True)) is None
    assert cache.find(asked(canary=True, canary_shares_cache=True)) is not None


@pytest.mark.parametrize(
    ("settings", "headers", "forgotten", "warning"),
    [
        ({}, [NEW], False, True),
        ({}, [("Cache-Control", "max-age=10")], False, False),
        ({}, [NEW, SIGNED], True, False),
        ({"requireAuthorizationForCacheControl": False}, [NEW], True, False),
        ({"unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITHOUT_RESPONSE_HEADER"}, [NEW], False, False),
    ],
)
def test_a_caller_may_have_an_answer_forgotten(
    settings: dict[str, Any], headers: list[tuple[str, str]], forgotten: bool, warning: bool
) -> None:
    cache = Cache()
    answered(cache, settings=settings)
    made = asked(settings, headers=headers)
    assert (cache.find(made) is None, made.cache_warning) == (forgotten, warning)


def test_a_caller_who_may_not_is_refused_if_the_stage_says_so() -> None:
    cache = Cache()
    strategy = {"unauthorizedCacheControlHeaderStrategy": "FAIL_WITH_403"}
    answered(cache, settings=strategy)
    with pytest.raises(Failure) as refused:
        cache.find(asked(strategy, headers=[NEW]))
    assert refused.value.kind == "ACCESS_DENIED"


def test_flushing_a_stage_leaves_the_others() -> None:
    cache = Cache()
    answered(cache)
    cache.flush("api1", "prod")
    assert cache.find(asked()) is not None
    cache.flush("api1", "dev")
    assert cache.find(asked()) is None


def test_memory_is_bounded_and_large_answers_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache()
    answered(cache, b"x" * (subject.LARGEST_ANSWER + 1))
    assert cache.find(asked()) is None
    monkeypatch.setattr(subject, "LARGEST_CACHE", 5000)
    keyed: dict[str, Any] = {"type": "HTTP", "cacheKeyParameters": ["method.request.querystring.q"]}
    for number in range(10):
        answered(cache, b"x" * 1000, integration=keyed, query=f"q={number}")
    found = [cache.find(asked(integration=keyed, query=f"q={number}")) is not None for number in range(10)]
    assert found == [False] * 8 + [True] * 2
