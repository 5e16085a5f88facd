"""Signature Version 4, by AWS's own example of a signed request [D: sigv4 test suite, get-vanilla-query-order]."""

from __future__ import annotations

import pytest

from emulator.aws.http import HttpRequest
from emulator.aws.sigv4 import canonical_request, is_valid, signature_of

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature="
HEADERS = [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")]


def signed(signature: str, path: str = "/", query: str = "") -> HttpRequest:
    return HttpRequest("GET", path, query, [*HEADERS, ("Authorization", f"AWS4-HMAC-SHA256 {SCOPE}{signature}")])


def test_aws_s_example_is_valid_and_nothing_else_is() -> None:
    request = signed("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    given = signature_of(request)
    assert given is not None
    assert is_valid(request, given, SECRET)
    assert not is_valid(request, given, SECRET.lower())
    other = signed("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", query="a=1")
    assert not is_valid(other, given, SECRET)


@pytest.mark.parametrize(
    ("path", "query", "lines"),
    [
        ("/", "Param2=value2&Param1=value1", ["/", "Param1=value1&Param2=value2"]),
        ("/a/./b/../c//d/", "", ["/a/c/d/", ""]),
        ("/%20/%C3%A4", "a=%20&b&c=x+y", ["/%2520/%25C3%25A4", "a=%20&b=&c=x%2By"]),
    ],
)
def test_paths_and_queries_have_one_form(path: str, query: str, lines: list[str]) -> None:
    request = signed("0", path, query)
    given = signature_of(request)
    assert given is not None
    assert canonical_request(request, given).split("\n")[1:3] == lines


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0"]
)
def test_what_is_no_signature_is_none(header: str) -> None:
    assert signature_of(HttpRequest("GET", "/", "", [("Authorization", header)])) is None
