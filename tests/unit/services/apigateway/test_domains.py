"""Custom domain names: which mapping answers a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from emulator.services.apigateway.domains import NO_STAGE, choose

KEYS = some.lists(some.sampled_from(["", "a", "a/b", "a/b/c", "b"]), unique=True)


def mappings(*keys: str) -> list[dict[str, str]]:
    return [{"id": key, "key": key, "apiId": f"api of {key}", "stage": "dev", "protocol": "REST"} for key in keys]


@given(KEYS, some.sampled_from(["a/b/c", "ab", "b/a", "", "a"]))
def test_the_mapping_with_the_longest_key_that_begins_the_path_is_chosen(keys: list[str], path: str) -> None:
    levels = any("/" in key for key in keys)
    fitting = [
        key for key in keys if not key or (path if levels else f"{path}/").startswith(key if levels else f"{key}/")
    ]
    found = choose(mappings(*keys), f"/{path}")
    if not fitting:
        assert found.stage == NO_STAGE
    else:
        longest = max(fitting, key=len)
        assert (found.api_id, found.stage) == (f"api of {longest}", "dev")
        assert found.path.startswith("/") and found.path.removeprefix("/") == path[len(longest) :].removeprefix("/")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/orders", "orders"),
        ("/orders/v1/items", "orders/v1/items"),
        ("/orders/v2/items", "orders/v2/items"),
        ("/orders/v1/items/123", "orders/v1/items"),
        ("/orders/v2/items/categories/5", "orders/v2/items/categories"),
        ("/customers", ""),
        ("/ordersandmore", "orders"),
    ],
)
def test_the_example_of_aws(path: str, key: str) -> None:
    """[D: rest-api-mappings, http-api-mappings]"""
    made = mappings("", "orders", "orders/v1/items", "orders/v2/items", "orders/v2/items/categories")
    assert choose(made, path).api_id == f"api of {key}"


def test_keys_of_one_level_end_where_segments_do() -> None:
    assert choose(mappings("", "orders"), "/ordersandmore").api_id == "api of "


def test_a_mapping_without_a_stage_takes_it_from_the_path() -> None:
    [mapping] = mappings("all")
    del mapping["stage"]
    assert choose([mapping], "/all/dev/pets")[2:5] == ("dev", "/all/dev", "/pets")
    assert choose([mapping], "/all")[2:5] == (NO_STAGE, "/all/", "/")
