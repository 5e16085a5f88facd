"""Function URLs: addresses, CORS decisions and the beginning of streams, without a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from emulator.aws.http import HttpResponse
from emulator.services.lambda_.url_plane.answer import LONGEST_PRELUDE, Malformed, split_prelude
from emulator.services.lambda_.url_plane.plane import Pieces
from emulator.services.lambda_.urls import Address, address, cors_headers, url_of


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("abc1.lambda-url.us-east-1.localhost", "/x%20y", Address("abc1", "/x%20y")),
        ("abc1.lambda-url.eu-west-1.on.aws", "/", Address("abc1", "/")),
        ("localhost", "/_aws/lambda-url/abc1", Address("abc1", "/")),
        ("localhost", "/_aws/lambda-url/abc1/", Address("abc1", "/")),
        ("localhost", "/_aws/lambda-url/abc1/a//b", Address("abc1", "/a//b")),
        ("localhost", "/_aws/lambda-url/", None),
        ("localhost", "/_aws/lambda-url/A.b/", None),
        ("lambda-url.us-east-1.localhost", "/", None),
        ("lambda.us-east-1.localhost", "/", None),
    ],
)
def test_a_url_is_found_by_host_or_by_path(host: str, path: str, expected: Address | None) -> None:
    assert address(host, path) == expected


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://localhost:4566", "http://id.lambda-url.r.localhost:4566/"),
        ("http://emulator:80", "http://id.lambda-url.r.emulator:80/"),
        ("http://192.168.0.7:4566", "http://id.lambda-url.r.localhost:4566/"),
        ("http://[::1]:4566", "http://id.lambda-url.r.localhost:4566/"),
    ],
)
def test_a_url_names_the_emulator_and_its_port(base_url: str, expected: str) -> None:
    assert url_of("id", "r", base_url) == expected


@pytest.mark.parametrize(
    ("cors", "headers", "expected"),
    [
        ({"AllowOrigins": ["*"]}, {"origin": "https://a"}, {"Access-Control-Allow-Origin": "*"}),
        (
            {"AllowOrigins": ["*"], "AllowCredentials": True},
            {"origin": "https://a"},
            {
                "Access-Control-Allow-Origin": "https://a",
                "Vary": "Origin",
                "Access-Control-Allow-Credentials": "true",
            },
        ),
        ({"AllowOrigins": ["https://A"]}, {"origin": "https://a"}, {"Access-Control-Allow-Origin": "https://a"}),
        ({"AllowOrigins": ["https://b"]}, {"origin": "https://a"}, {}),
        ({"AllowOrigins": ["*"]}, {}, {}),
        ({"MaxAge": 3}, {"origin": "https://a"}, {}),
    ],
)
def test_what_cors_settings_add(cors: dict[str, Any], headers: dict[str, str], expected: dict[str, str]) -> None:
    added = dict(cors_headers(cors, headers, preflight=False))
    assert {name: added.get(name) for name in expected} == expected
    assert expected or not added


def test_a_star_for_methods_and_headers_is_answered_in_words_where_credentials_are_allowed() -> None:
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"], "AllowCredentials": True}
    asked = {
        "origin": "https://a",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-a, x-b",
    }
    added = dict(cors_headers(cors, asked, preflight=True))
    assert added["Access-Control-Allow-Methods"] == "PUT"
    assert added["Access-Control-Allow-Headers"] == "x-a, x-b"


def test_a_page_that_is_allowed_may_call_this_machine() -> None:
    asked = {
        "origin": "https://a",
        "access-control-request-method": "GET",
        "access-control-request-private-network": "true",
    }
    cors = {"AllowOrigins": ["https://a"], "AllowMethods": ["GET"]}
    assert dict(cors_headers(cors, asked, preflight=True))["Access-Control-Allow-Private-Network"] == "true"
    assert cors_headers(cors, {**asked, "origin": "https://b"}, preflight=True) == []


# ── the beginning of a stream ──

METADATA = json.dumps({"statusCode": 418, "headers": {"X-A": "b"}, "cookies": ["c=d"]}).encode()
OCTETS = [("Content-Type", "application/octet-stream")]


def test_a_prelude_sets_status_headers_and_cookies_however_it_is_cut() -> None:
    whole = METADATA + b"\0" * 8 + b"body"
    for cut in range(1, len(METADATA) + 8):
        assert split_prelude(whole[:cut], complete=False) is None
    for cut in range(len(METADATA) + 8, len(whole) + 1):
        begun = split_prelude(whole[:cut], complete=False)
        assert begun is not None
        response, body = begun
        assert response == HttpResponse(418, [("X-A", "b"), ("Set-Cookie", "c=d"), *OCTETS])
        assert body == whole[len(METADATA) + 8 : cut]


@pytest.mark.parametrize(
    ("received", "complete"),
    [
        (b"text", False),
        (b"\0\0", False),
        (b'{"a": 1}\n{"a": 2}\n', False),
        (b'{"a": 1}', True),
        (b'{"a": ', True),
        (b"{no json" + b"\0" * 8, False),
        (b"", True),
        (b"{" + b"x" * LONGEST_PRELUDE, False),
    ],
)
def test_a_stream_without_prelude_is_octets(received: bytes, complete: bool) -> None:
    assert split_prelude(received, complete) == (HttpResponse(200, OCTETS), received)


def test_a_stream_that_may_have_a_prelude_is_waited_for() -> None:
    for received in (b"", b" ", b"{", b'{"a": 1}', b'{"a": 1}\0\0'):
        assert split_prelude(received, complete=False) is None


def test_a_prelude_that_is_no_answer_is_malformed() -> None:
    with pytest.raises(Malformed):
        split_prelude(b'{"statusCode": "no"}' + b"\0" * 8, complete=False)


def test_beyond_the_limit_of_a_stream_nothing_is_kept() -> None:
    async def test() -> None:
        pieces = Pieces(10)
        pieces.add(b"a")
        pieces.add(b"")
        pieces.add(bytes(9))
        assert not pieces.cut
        pieces.add(b"b")
        pieces.end()
        assert pieces.cut
        assert await pieces.next() == b"a"
        assert await pieces.next() == bytes(9)
        assert await pieces.next() is None

    asyncio.run(test())
