"""Routes and addresses of HTTP APIs: the search agrees with a plain reading of AWS's rules, whatever is asked."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.errors import AwsError
from emulator.services.apigatewayv2.gateway.address import address, stage_candidates
from emulator.services.apigatewayv2.gateway.routing import Snapshot
from emulator.services.apigatewayv2.model import Api, check_unique, split_route_key

PARTS = st.sampled_from(["a", "b", "{x}", "{y}"])
KEYS = st.builds(
    lambda method, parts, greedy: f"{method} /{'/'.join([*parts, *greedy])}",
    st.sampled_from(["GET", "ANY", "POST"]),
    st.lists(PARTS, max_size=3),
    st.sampled_from([[], ["{p+}"]]),
)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "a b", ""]), max_size=5).map(
    lambda parts: "/" + "/".join(quote(part) for part in parts)
)


def api_of(keys: list[str]) -> Api:
    api = Api("id", "0" * 12, "us-east-1", {})
    for number, key in enumerate(keys):
        try:
            check_unique(api, key)
        except AwsError:
            continue
        api.routes[str(number)] = {"RouteKey": key, "RouteId": str(number)}
    return api


def fits(key: str, method: str, segments: list[str]) -> bool:
    """Whether a route may take a request at all, read off AWS's sentence."""
    if key == "$default":
        return True
    wanted, parts = split_route_key(key)
    if wanted not in (method, "ANY"):
        return False
    fixed = [part for part in parts if not part.endswith("+}")]
    if len(fixed) < len(parts):
        if len(segments) <= len(fixed) or not any(segments[len(fixed) :]):
            return False
    elif len(segments) != len(fixed):
        return False
    return all(
        (segment != "") if part[0] == "{" else part == segment for part, segment in zip(fixed, segments, strict=False)
    )


@given(st.lists(KEYS, max_size=8), PATHS, st.sampled_from(["GET", "POST", "PUT"]), st.booleans())
def test_a_route_is_taken_exactly_if_one_fits_and_full_matches_come_before_greedy_ones(
    keys: list[str], path: str, method: str, with_default: bool
) -> None:
    try:
        for key in keys:
            split_route_key(key)
    except AwsError:
        return  # a variable named twice
    api = api_of([*keys, *(["$default"] if with_default else [])])
    segments = [part.replace("%20", " ") for part in path[1:].split("/")] if path != "/" else []
    fitting = [route["RouteKey"] for route in api.routes.values() if fits(route["RouteKey"], method, segments)]
    taken = Snapshot(api).take(method, path)
    assert (taken is None) == (not fitting)
    if taken is None:
        return
    key = taken.route["RouteKey"]
    assert key in fitting

    def rank(other: str) -> int:
        return 2 if other == "$default" else 1 if other.endswith("+}") else 0

    assert rank(key) == min(rank(other) for other in fitting)
    if rank(key) < 2:
        same_path = [other for other in fitting if other.partition(" ")[2] == key.partition(" ")[2]]
        assert not (key.startswith("ANY") and any(not other.startswith("ANY") for other in same_path))


@given(st.text(max_size=60))
def test_any_text_is_a_route_key_or_refused(text: str) -> None:
    try:
        method, segments = split_route_key(text)
    except AwsError as error:
        assert error.status == 400
    else:
        assert text == "$default" or text in (f"{method} /{'/'.join(segments)}", f"{method} /")


def test_path_parameters_are_decoded_and_a_greedy_one_holds_slashes() -> None:
    snapshot = Snapshot(api_of(["GET /files/{owner}/{path+}"]))
    taken = snapshot.take("GET", "/files/a%2Fb/c%20d/e")
    assert taken is not None
    assert taken.path_parameters == {"owner": "a/b", "path": "c d/e"}


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("abc.execute-api.us-east-1.localhost", "/dev/x", [("dev", "/x"), ("$default", "/dev/x")]),
        ("abc.execute-api.localhost", "/", [("", "/"), ("$default", "/")]),
        ("abc.execute-api.us-east-1.localhost", "/$default/x", [("$default", "/$default/x")]),
        ("localhost", "/_aws/execute-api/abc/$default/x", [("$default", "/x")]),
        ("localhost", "/_aws/execute-api/abc", [("", "/"), ("$default", "/")]),
    ],
)
def test_the_first_segment_may_be_a_stage(host: str, path: str, expected: list[tuple[str, str]]) -> None:
    where = address(host, path)
    assert where is not None
    assert (where.api_id, stage_candidates(where)) == ("abc", expected)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("localhost", "/x"),
        ("abc.execute-api.us-east-1.example.com", "/"),
        ("localhost", "/restapis/a/b/_user_request_/"),
    ],
)
def test_other_addresses_are_not_for_an_api(host: str, path: str) -> None:
    assert address(host, path) is None
