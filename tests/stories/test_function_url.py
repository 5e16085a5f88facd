"""A page of another site calls a function, as a browser lets it: preflights, CORS headers, cookies, streams."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stories.telling import function, kept, send

COUNTS_VISITS = """
import json

def handler(event, context):
    cookies = dict(cookie.split("=", 1) for cookie in event.get("cookies", []))
    visits = int(cookies.get("visits", "0")) + 1
    name = json.loads(event["body"])["name"] if event.get("body") else "nobody"
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "X-Visits": str(visits)},
        "cookies": [f"visits={visits}; SameSite=None; Secure"],
        "body": json.dumps({"greeting": f"hello {name}"}),
    }
"""
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


class Blocked(Exception):
    """The browser does not let the page see the answer, or does not even send the request."""


class Page:
    """A script on a page of `origin`: `fetch` with credentials, under the browser's rules for other sites."""

    def __init__(self, origin):
        self.origin = origin
        self.cookies = {}
        self._network = httpx.Client()

    def close(self):
        self._network.close()

    def fetch(self, url, method="GET", body=None, content_type="text/plain"):
        if method not in ("GET", "HEAD", "POST") or (body is not None and content_type not in SIMPLE_TYPES):
            asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
            answer = self._send(url, "OPTIONS", asked)
            allowed = answer.headers.get("access-control-allow-methods", "").split(",")
            headers = answer.headers.get("access-control-allow-headers", "").lower().split(",")
            if not (answer.is_success and method in allowed and "content-type" in headers and self._sees(answer)):
                raise Blocked
        headers = {"Content-Type": content_type} if body is not None else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._send(url, method, headers, body)
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if not self._sees(answer):
            raise Blocked
        return answer

    def _sees(self, answer):
        return (
            answer.headers.get("access-control-allow-origin") == self.origin
            and answer.headers.get("access-control-allow-credentials") == "true"
        )

    def _send(self, url, method, headers, body=None):
        """Browsers know that `*.localhost` is this machine; the resolver here may not."""
        parts = urlsplit(url)
        where = f"http://127.0.0.1:{parts.port}{parts.path or '/'}"
        context = {
            "Host": parts.netloc,
            "Origin": self.origin,
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "cors",
        }
        return self._network.request(method, where, headers={**context, **headers}, content=body)


@pytest.fixture
def page():
    page = Page("https://shop.example")
    yield page
    page.close()


@pytest.fixture
def stranger():
    page = Page("https://evil.example")
    yield page
    page.close()


@pytest.fixture
def url(aws):
    function(aws, "f", COUNTS_VISITS)
    cors = {
        "AllowOrigins": ["https://shop.example"],
        "AllowMethods": ["GET", "PUT", "POST"],
        "AllowHeaders": ["content-type"],
        "ExposeHeaders": ["x-visits"],
        "AllowCredentials": True,
    }
    return aws.lambda_.create_function_url_config(FunctionName="f", AuthType="NONE", Cors=cors)["FunctionUrl"]


def test_a_page_that_is_allowed_calls_the_function_and_is_recognised(url, page):
    put = page.fetch(url, "PUT", json.dumps({"name": "ann"}), "application/json")
    assert put.json() == {"greeting": "hello ann"}
    assert put.headers["x-visits"] == "1" and put.headers["access-control-expose-headers"] == "x-visits"
    assert page.fetch(url).headers["x-visits"] == "2"


def test_a_page_that_is_not_allowed_sees_nothing(url, stranger):
    with pytest.raises(Blocked):
        stranger.fetch(url, "PUT", "{}", "application/json")
    with pytest.raises(Blocked):
        stranger.fetch(url)


def test_no_page_reaches_the_control_plane_that_made_the_url(emulator, url, page, stranger):
    for visitor in (page, stranger):
        for path in ("/2015-03-31/functions/f/invocations", "/_emulator/reset"):
            with pytest.raises(Blocked):
                visitor.fetch(emulator.url + path, "POST", "{}")
    assert page.fetch(url).headers["x-visits"] == "1"  # nothing was invoked or forgotten


def test_an_allowed_page_still_sees_why_a_call_failed(aws, url, page):
    aws.lambda_.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert page.fetch(url).status_code == 429


def test_calls_through_a_url_are_invocations_like_any_other(emulator, url, page):
    answer = page.fetch(url)
    assert [attempt["request_id"] for attempt in emulator.attempts()] == [answer.headers["x-amzn-requestid"]]


CALLS_ANOTHER = """
import os, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

def handler(event, context):
    request = AWSRequest("GET", event["url"], headers={"Host": event["host"]})
    SigV4Auth(Session().get_credentials(), "lambda", os.environ["AWS_REGION"]).add_auth(request)
    signed = urllib.request.Request(event["url"], headers=dict(request.headers.items()))
    with urllib.request.urlopen(signed) as answer:
        assert answer.read() == b"rested"
"""
SLEEPS = """
import time

def handler(event, context):
    time.sleep(600)
    return "rested"
"""


def test_a_function_calls_the_signed_url_of_another_that_sleeps_for_minutes(aws, emulator):
    function(aws, "callee", SLEEPS, Timeout=900)
    function(aws, "caller", CALLS_ANOTHER, Timeout=900, MemorySize=512)
    made = aws.lambda_.create_function_url_config(FunctionName="callee", AuthType="AWS_IAM")["FunctionUrl"]
    parts = urlsplit(made)
    send(aws, "caller", {"url": f"http://127.0.0.1:{parts.port}/", "host": parts.netloc})
    emulator.settle()
    [caller] = emulator.attempts("caller")
    [callee] = emulator.attempts("callee")
    assert (caller["outcome"], callee["outcome"]) == ("success", "success")
    assert round(caller["ended_at"] - caller["started_at"]) == 600


def test_a_url_is_the_same_after_a_restart(tmp_path):
    with kept(tmp_path) as (_, aws):
        function(aws, "f", COUNTS_VISITS)
        before = aws.lambda_.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    with kept(tmp_path) as (_, aws):
        after = aws.lambda_.get_function_url_config(FunctionName="f")["FunctionUrl"]
        assert urlsplit(after).hostname == urlsplit(before).hostname
        assert aws.http.get(after).json() == {"greeting": "hello nobody"}
