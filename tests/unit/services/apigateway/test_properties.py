"""Whatever a client or a user writes: routes as a naive oracle finds them, and no input that crashes or runs away."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import quote, unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.apigateway.gateway import (
    execution_log,
    jsonpath,
    mapping,
    patterns,
    proxy_event,
    records,
    responses,
    templates,
)
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.vtl.values import MAX_TEXT
from emulator.services.apigateway.model import Api
from tests.unit.services.apigateway.support import exchange, snapshot

bounded = settings(max_examples=150, deadline=None, derandomize=True)

# ── routes ──────────────────────────────────────────────────────────────────────────────────────

LITERALS = ["a", "b", "c", "a b", "ü", "a+", "%"]
part = st.sampled_from([*LITERALS, "{x}", "{proxy+}"])
paths = st.lists(st.lists(part, max_size=4), min_size=1, max_size=12)
asked = st.lists(st.sampled_from([*LITERALS, "d", "{x}", "..", "a/b"]), max_size=5)
methods = st.sampled_from(["GET", "POST", "ANY"])


def deployed(tree: list[list[str]], declared: list[str]) -> tuple[Snapshot, dict[str, str]]:
    """A deployment of paths (as far as AWS allows them), and path → its declared method."""
    resources: dict[str, Any] = {}
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for number, parts in enumerate(tree):
        cut = next((index + 1 for index, piece in enumerate(parts) if piece.endswith("+}")), len(parts))
        parts = parts[:cut]
        for length in range(len(parts) + 1):
            path = "/" + "/".join(parts[:length])
            integration = {"methodIntegration": {"type": "MOCK"}} if length == len(parts) else None
            resource = resources.setdefault(path, {"id": f"r{len(resources)}", "path": path, "resourceMethods": {}})
            if integration is not None and path not in found:
                found[path] = declared[number % len(declared)]
                resource["resourceMethods"][found[path]] = {**integration, "httpMethod": found[path]}
                names[path] = resource["id"]
    api = Api("api1", "000000000000", "us-east-1", {}, resources={item["id"]: item for item in resources.values()})
    return Snapshot(api), found


def oracle(declared: dict[str, str], method: str, parts: list[str]) -> str | None:
    """Of all paths that match, the one that is literal earliest, then variable, then greedy."""
    best: tuple[list[int], str] | None = None
    for path, own in declared.items():
        pattern = [piece for piece in path.split("/") if piece]
        rank: list[int] = []
        position = 0
        for piece in pattern:
            if position >= len(parts):
                break
            if piece.endswith("+}"):
                rank.append(2)
                position = len(parts)
            elif piece.startswith("{"):
                rank.append(1)
                position += 1
            elif piece == parts[position]:
                rank.append(0)
                position += 1
            else:
                break
        if len(rank) == len(pattern) and position == len(parts) and own in (method, "ANY"):
            best = min(best, (rank, path)) if best else (rank, path)
    return best[1] if best else None


@bounded
@given(paths, st.lists(methods, min_size=1, max_size=4), st.sampled_from(["GET", "POST"]), asked)
def test_a_path_leads_where_a_naive_search_finds_it(
    tree: list[list[str]], declared: list[str], method: str, parts: list[str]
) -> None:
    deployment, known = deployed(tree, declared)
    path = "/" + "/".join(quote(piece, safe="") for piece in parts)
    route = deployment.route(method, path)
    assert (route.resource_path if route else None) == oracle(known, method, parts)
    if route:
        values = {name: unquote(value) for name, value in route.parameters.items()}
        assert all(value for value in values.values()) and set(values) <= {"x", "proxy"}


# ── expressions ─────────────────────────────────────────────────────────────────────────────────

HEAD = ["method.request.", "integration.request.", "context.", "stageVariables.", "'", "$", "", "method.request.body."]
expression = st.builds(lambda head, tail: head + tail, st.sampled_from(HEAD), st.text(max_size=40))
body = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
header = st.tuples(st.text("abcABC-", min_size=1, max_size=8), st.text(max_size=20))


@bounded
@given(expression, body, st.lists(header, max_size=4), st.text(max_size=30))
def test_a_mapping_gives_a_value_nothing_or_the_client_s_error(
    source: str, sent: bytes, headers: list[tuple[str, str]], query: str
) -> None:
    made = exchange("POST", headers=headers, body=sent, query=query)
    try:
        mapping.request_value(made, source)
        mapping.request_parameters(made, {"integration.request.header.X": source})
    except Failure as failure:
        assert failure.kind == "BAD_REQUEST_BODY"
    mapping.response_headers(made, {"method.response.header.X": source}, headers, made.body_text)


@bounded
@given(st.text("$.*[]?()@'\"<>=!,:0123456789ab ", max_size=40), body)
def test_a_json_path_gives_a_value_or_says_that_it_is_none(path: str, sent: bytes) -> None:
    try:
        document = json.loads(sent)
    except ValueError:
        document = sent.decode("utf-8", "replace")
    try:
        jsonpath.find(path, document)
    except jsonpath.JsonPathError:
        pass


@bounded
@given(st.text("ab.*+?()[]{}|\\^$d0-9,", max_size=25), st.text("ab \n", max_size=60), st.text("$01\\ab", max_size=6))
def test_an_expression_of_the_user_takes_no_time(pattern: str, subject: str, replacement: str) -> None:
    began = time.process_time()
    patterns.matches(pattern, subject * 20)
    for work in (
        lambda: patterns.replace(pattern, replacement, subject * 20),
        lambda: patterns.split(pattern, subject),
    ):
        try:
            work()
        except patterns.PatternError:
            pass
    assert time.process_time() - began < 5


# ── templates ───────────────────────────────────────────────────────────────────────────────────

FRAGMENTS = [
    "#set($x = ", "#set($context.requestOverride.header.a = ", "#foreach($i in ", "#if(", "#elseif(", "#else", "#end",
    "#break", "#stop", "##", "#*", "*#", "$", "${", "$!{", "}", ")", "(", "[", "]", "{", ",", ":", ".", "..", "'", '"',
    "$x", "$i", "$input", "$input.json('$')", "$input.path('$.a')", "$input.params()", "$input.body", "$util",
    "$util.parseJson(", "$util.urlDecode(", "$util.base64Decode(", "$util.escapeJavaScript(", "$context",
    "$stageVariables", "$foreach.index", ".size()", ".add(", ".put('k',", ".get(0)", ".keySet()", ".entrySet()",
    ".replaceAll('(a*)*b', '$1')", ".split(',')", ".substring(1, 2)", ".class", ".toString()", "1", "0", "-", "+", "*",
    "/", "%", "==", "!=", "<", "&&", "||", "!", "true", "null", "[1..1000000]", "[0..9]", " ", "\n", "é", "\x00", "t",
]  # fmt: skip
template = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(template, body)
def test_a_template_renders_bounded_text_or_fails_as_aws_does(source: str, sent: bytes) -> None:
    made = exchange("POST", body=sent)
    began = time.process_time()
    try:
        text = asyncio.run(templates.render(made, snapshot(), source, made.body_text, "request template"))
        assert len(text) <= MAX_TEXT
    except Failure as failure:
        assert failure.kind in ("API_CONFIGURATION_ERROR", "BAD_REQUEST_BODY")
    assert time.process_time() - began < 10


# ── answers and logs ────────────────────────────────────────────────────────────────────────────


@bounded
@given(body)
def test_a_function_s_answer_is_one_or_a_bad_gateway(payload: bytes) -> None:
    made = exchange()
    for answer in (payload, b'{"statusCode": 200, "headers": ' + payload + b"}", b'{"body": ' + payload + b"}"):
        try:
            given_back = proxy_event.proxy_response(made, snapshot(binaryMediaTypes=["*/*"]), answer)
            assert 200 <= given_back.status <= 599
        except Failure as failure:
            assert (failure.kind, failure.status) == ("API_CONFIGURATION_ERROR", 502)
    responses.error_message(payload)


@bounded
@given(st.text("$context.idaefrl_{}", max_size=60), body, st.lists(header, max_size=3), st.text(max_size=20))
def test_every_request_can_be_logged(form: str, sent: bytes, headers: list[tuple[str, str]], query: str) -> None:
    made = exchange("POST", headers=headers, body=sent, query=query)
    made.trace.add("integration request", url="u", headers=headers, body=sent)
    made.received(200, headers, sent, made.now)
    answer = responses.HttpResponse(200, headers, sent)
    made.trace.end(answer)
    assert records.access_line(made, form, answer, made.now + 1) is not None
    assert execution_log.lines(made, "/x")[-1] == "Method completed with status: 200"
    json.dumps(made.trace.document())
