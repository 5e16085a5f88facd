"""`/_emulator/*`: what people and tests may ask of the emulator itself."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

import httpx

from emulator.testing import RunningEmulator

ROOT = Path(__file__).resolve().parents[2]


def post_clock(emulator: RunningEmulator, **body: object) -> httpx.Response:
    return httpx.post(f"{emulator.url}/_emulator/clock", json=body)


def test_health_names_the_services_on_both_paths(emulator: RunningEmulator) -> None:
    for path in ("/_emulator/health", "/_localstack/health"):
        answer = httpx.get(emulator.url + path)
        assert answer.status_code == 200
        assert {"lambda", "apigateway", "stepfunctions", "ses", "sesv2", "s3", "sts"} <= set(answer.json()["services"])
    assert httpx.get(f"{emulator.url}/_emulator/health").json()["instance"] == answer.json()["instance"] != ""


def test_the_clock_advances_by_what_was_asked_and_shows_it(emulator: RunningEmulator) -> None:
    before = httpx.get(f"{emulator.url}/_emulator/clock").json()
    after = post_clock(emulator, action="advance", seconds=90).json()
    assert after["now"] - before["now"] == 90
    assert after["mode"] == "frozen"
    assert abs(datetime.fromisoformat(after["iso"]).timestamp() - after["now"]) < 0.001


def test_a_scaled_or_resumed_clock_never_goes_back(emulator: RunningEmulator) -> None:
    start = emulator.now()
    try:
        assert post_clock(emulator, action="scale", factor=1000).json()["mode"] == "scaled"
        resumed = post_clock(emulator, action="resume").json()
        assert resumed["mode"] == "real"
        assert resumed["now"] >= start
    finally:
        frozen = post_clock(emulator, action="freeze").json()
    assert frozen["mode"] == "frozen"
    assert frozen["now"] >= resumed["now"]


def test_a_wrong_clock_request_says_what_is_possible(emulator: RunningEmulator) -> None:
    for body in ({}, {"action": "jump"}, {"action": "advance"}, {"action": "advance", "seconds": -1}):
        answer = post_clock(emulator, **body)
        assert answer.status_code == 400
        assert answer.json()["message"]


def test_only_a_world_that_is_there_can_be_settled(emulator: RunningEmulator) -> None:
    for account, status, words in (
        ("nope", 400, "twelve digits"),
        (["x"], 400, "twelve digits"),
        ("700000999999", 404, "there is no world"),
    ):
        answer = post_clock(emulator, action="settle", account=account)
        assert (answer.status_code, words in answer.json()["message"]) == (status, True)
    for account in ("", None, "123456789012"):
        assert post_clock(emulator, action="settle", account=account).status_code == 200


def test_curl_needs_no_content_type_and_a_body_that_is_no_object_is_told_what_is(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/_emulator/clock"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    moved = httpx.post(url, content=b'{"action": "advance", "seconds": 1}', headers=form)
    assert (moved.status_code, moved.json()["mode"]) == (200, "frozen")
    foreign = httpx.post(url, content=b'{"action": "settle"}', headers={**form, "Origin": "https://example.com"})
    assert foreign.status_code == 403
    for content in (b"seconds=1", b"[]", b""):
        refused = httpx.post(url, content=content)
        assert refused.status_code == 400
        assert refused.json() == {
            "message": """send a JSON object, for example -d '{"action": "advance", "seconds": 60}'"""
        }
    odd = httpx.get(f"{emulator.url}/_emulator/queue?limit=many")
    assert odd.status_code == 400 and odd.json()["message"].startswith("limit: ")


def test_the_clock_says_how_far_it_is_ahead_of_the_machine(emulator: RunningEmulator) -> None:
    before = httpx.get(f"{emulator.url}/_emulator/clock").json()["ahead_of_host_seconds"]
    after = post_clock(emulator, action="advance", seconds=3600).json()["ahead_of_host_seconds"]
    assert 3540 < after - before <= 3600  # the machine's own clock went on a little


def test_the_documentation_loads_nothing_from_elsewhere_and_shows_every_operation(emulator: RunningEmulator) -> None:
    page = httpx.get(f"{emulator.url}/_emulator/docs")
    described = httpx.get(f"{emulator.url}/_emulator/openapi.json").json()["paths"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text and "https://" not in page.text
    assert all(path in page.text for path in described) and "/_emulator/clock" in described
    assert "/_emulator/clock -d &#x27;{&quot;action&quot;: &quot;advance&quot;" in page.text
    undescribed = [
        path for path, methods in described.items() for each in methods.values() if not each.get("description")
    ]
    assert undescribed == []


def test_every_request_that_the_documentation_names_is_described(emulator: RunningEmulator) -> None:
    described = httpx.get(f"{emulator.url}/_emulator/openapi.json").json()["paths"]
    known = {re.sub(r"\{[^}]*\}", "{}", path): set(methods) for path, methods in described.items()}
    texts = [file.read_text() for file in (ROOT / "docs").glob("*.md")]
    named = {pair for text in texts for pair in re.findall(r"`(GET|POST|PUT|DELETE) (/_emulator/[\w/{}.-]+)", text)}
    unknown = {
        f"{method} {path}"
        for method, path in named
        if path not in ("/_emulator/docs", "/_emulator/openapi.json")
        and method.lower() not in known.get(re.sub(r"\{[^}]*\}", "{}", path), ())
    }
    assert len(named) > 10 and unknown == set()


def test_settings_show_their_meaning_change_and_come_back_on_reset(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/_emulator/settings"
    assert httpx.get(url).json()["async_first_retry_delay_seconds"]["value"] == 60
    changed = httpx.put(url, json={"async_first_retry_delay_seconds": 5}).json()
    assert changed["async_first_retry_delay_seconds"]["value"] == 5
    refused = httpx.put(url, json={"async_first_retry_delay_seconds": 6, "no_such_setting": 1})
    assert refused.status_code == 400
    assert "no_such_setting" in refused.json()["message"]
    assert httpx.get(url).json()["async_first_retry_delay_seconds"]["value"] == 5
    assert httpx.post(f"{emulator.url}/_emulator/reset").json() == {"status": "reset"}
    assert httpx.get(url).json()["async_first_retry_delay_seconds"]["value"] == 60


def test_an_unknown_message_is_a_404_that_says_where_to_look(emulator: RunningEmulator) -> None:
    answer = httpx.get(f"{emulator.url}/_emulator/inbox/none")
    assert answer.status_code == 404
    assert "/_emulator/inbox" in answer.json()["message"]


def test_the_code_of_a_function_is_where_get_function_says(emulator: RunningEmulator) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "def handler(event, context): return 1\n")
    client = emulator.client("lambda")
    client.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    location = client.get_function(FunctionName="f")["Code"]["Location"]
    assert httpx.get(location).content == archive.getvalue()
