"""Someone writes a function: it runs from their folder, they edit it, and the next call answers with the new code."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import RunningEmulator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "reports"
    source.mkdir()
    (source / "app.py").write_text("def handler(event, context):\n    return 'first'\n")
    return source


@pytest.fixture
def lambda_(emulator: RunningEmulator, folder: Path) -> Any:
    client = emulator.client("lambda")
    client.create_function(
        FunctionName="reports", Runtime="python3.12", Role="arn:aws:iam::000000000000:role/r", Handler="app.handler",
        Code={"S3Bucket": "hot-reload", "S3Key": str(folder)}, Timeout=30,
    )  # fmt: skip
    return client


def call(lambda_: Any) -> Any:
    return json.load(lambda_.invoke(FunctionName="reports")["Payload"])


def test_an_edit_answers_at_the_next_call_and_a_slip_is_shown_until_it_is_mended(lambda_: Any, folder: Path) -> None:
    assert call(lambda_) == "first"
    (folder / "app.py").write_text("from texts import second\ndef handler(event, context):\n    return second\n")
    (folder / "texts.py").write_text("second = 'second'\n")
    assert call(lambda_) == "second"
    (folder / "texts.py").write_text("second = \n")
    failed = lambda_.invoke(FunctionName="reports", LogType="Tail")
    assert failed["FunctionError"] == "Unhandled"
    assert json.load(failed["Payload"])["errorType"] == "Runtime.UserCodeSyntaxError"
    assert b"START RequestId" in base64.b64decode(failed["LogResult"])
    (folder / "texts.py").write_text("second = 'mended'\n")
    assert call(lambda_) == "mended"


def test_the_last_good_code_answers_meanwhile_on_request(lambda_: Any, folder: Path, emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"hot_reload_keep_last_good": True})
    assert call(lambda_) == "first"
    (folder / "app.py").write_text("def handler(:\n")
    answered = lambda_.invoke(FunctionName="reports", LogType="Tail")
    assert json.load(answered["Payload"]) == "first"
    start, remark = base64.b64decode(answered["LogResult"]).decode().splitlines()[:2]
    assert start.startswith("START RequestId")
    assert remark.startswith("[emulator] the code as it is now cannot be loaded (Runtime.UserCodeSyntaxError: ")
    (folder / "app.py").write_text("def handler(event, context):\n    return 'mended'\n")
    assert call(lambda_) == "mended"


def test_an_event_that_waits_for_its_retry_runs_the_code_of_then(
    lambda_: Any, folder: Path, emulator: RunningEmulator
) -> None:
    (folder / "app.py").write_text("def handler(event, context):\n    raise ValueError('not yet')\n")
    lambda_.invoke(FunctionName="reports", InvocationType="Event", Payload=b'{"n": 1}')
    emulator.advance(1)
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    emulator.settle()
    attempts = emulator.control("GET", "timeline")["invocations"]
    assert [attempt["outcome"] for attempt in attempts] == ["function_error", "success"]
