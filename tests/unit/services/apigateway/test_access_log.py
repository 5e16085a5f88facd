"""Variables of access logs: where a name ends, and what of it is worth nothing."""

from __future__ import annotations

import time

import pytest

from emulator.services.apigateway.gateway import access_log

KNOWN = {
    "requestId": "r",
    "status": 200,
    "stage": "dev",
    "yes": True,
    "empty": "",
    "nothing": None,
    "lines": "a\nb",
    "authorizer": {"claims": {"cognito:username": "ann", "http://x.y/z": "no", "a.b": "c", "a": "short"}},
    "integration": {"latency": 3},
}


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("$context.requestId", "r"),
        ('{"id":"$context.requestId","n":$context.status}', '{"id":"r","n":200}'),
        ("$context.requestId-$context.stage", "r-dev"),
        ("$context.requestId:$context.stage.", "r:dev."),
        ("$context.yes $context.lines", "true a b"),
        ("$context.authorizer.claims.cognito:username", "ann"),
        ("$context.authorizer.claims.a.b $context.authorizer.claims.a", "c short"),
        ("$context.authorizer.claims $context.integration", "- -"),
        ("$context.authorizer.claims.none.", "-."),
        ("$context.nothing.below $context.status...", "- 200..."),
        ("$context.empty|$context.nothing|$context.statusCode|$context.STATUS", "-|-|-|-"),
        ("$context.integration.latency.more", "-"),
        ("$context $ctx $context. $stageVariables.x", "$context $ctx $context. $stageVariables.x"),
    ],
)
def test_a_variable_ends_where_no_name_goes_on(form: str, line: str) -> None:
    assert access_log.filled(form, KNOWN) == line


def test_names_of_punctuation_cost_no_more_than_others() -> None:
    started = time.process_time()
    assert access_log.filled("$context." + ".:-" * 1000, KNOWN)
    assert access_log.filled("$context." + "authorizer." * 1000, KNOWN)
    assert time.process_time() - started < 5
