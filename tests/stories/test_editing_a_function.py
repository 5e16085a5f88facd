"""Someone writes a function: it runs from their folder, they edit it, and the next call answers with the new code."""

from __future__ import annotations

import base64
import json

import pytest

from tests.stories.telling import function, invoke, send


@pytest.fixture
def folder(aws, tmp_path):
    """Where the function `reports` runs from."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return 'first'\n")
    function(aws, "reports", "", Code={"S3Bucket": "hot-reload", "S3Key": str(folder)})
    return folder


def invoke_with_log(aws):
    """The answer of the function, and what its log says of this call."""
    answer = aws.lambda_.invoke(FunctionName="reports", LogType="Tail")
    return answer, base64.b64decode(answer["LogResult"]).decode()


def test_an_edit_answers_at_the_next_call_and_a_slip_is_shown_until_it_is_mended(aws, folder):
    assert invoke(aws, "reports") == "first"

    (folder / "app.py").write_text("from texts import second\ndef handler(event, context):\n    return second\n")
    (folder / "texts.py").write_text("second = 'second'\n")
    assert invoke(aws, "reports") == "second"

    (folder / "texts.py").write_text("second = \n")
    failed, log = invoke_with_log(aws)
    assert failed["FunctionError"] == "Unhandled"
    assert json.load(failed["Payload"])["errorType"] == "Runtime.UserCodeSyntaxError"
    assert "START RequestId" in log

    (folder / "texts.py").write_text("second = 'mended'\n")
    assert invoke(aws, "reports") == "mended"


def test_the_last_good_code_answers_meanwhile_on_request(aws, emulator, folder):
    emulator.settings(hot_reload_keep_last_good=True)
    assert invoke(aws, "reports") == "first"

    (folder / "app.py").write_text("def handler(:\n")
    answered, log = invoke_with_log(aws)
    assert json.load(answered["Payload"]) == "first"
    start, remark = log.splitlines()[:2]
    assert start.startswith("START RequestId")
    assert remark.startswith("[emulator] the code as it is now cannot be loaded (Runtime.UserCodeSyntaxError: ")

    (folder / "app.py").write_text("def handler(event, context):\n    return 'mended'\n")
    assert invoke(aws, "reports") == "mended"


def test_an_event_that_waits_for_its_retry_runs_the_code_of_then(aws, emulator, clock, folder):
    (folder / "app.py").write_text("def handler(event, context):\n    raise ValueError('not yet')\n")
    send(aws, "reports", {"n": 1})
    clock.advance(1)
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    emulator.settle()
    assert [attempt["outcome"] for attempt in emulator.attempts()] == ["function_error", "success"]
