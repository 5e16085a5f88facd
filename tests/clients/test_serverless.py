"""Serverless 3: an application of its own, with its asynchronous events, a queue, a schedule and a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import TOOLS, Tool
from tests.clients.support import freeze, outputs

pytestmark = pytest.mark.real_process


def test_serverless_deploys_drives_and_removes_an_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = application("serverless")
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")  # where Serverless looks for plugins
    emulator.client("s3").create_bucket(Bucket="serverless-deployments")
    emulator.client("ses").verify_email_identity(EmailAddress="reports@example.com")
    tool("serverless", "deploy", folder=folder)
    found = outputs(emulator, "reports-dev")
    [api] = emulator.client("apigateway").get_rest_apis()["items"]
    freeze(emulator)
    url = f"{emulator.url}/_aws/execute-api/{api['id']}/dev/reports"
    later = httpx.post(url, json={"id": "q3", "to": "ada@example.com"})
    assert (later.status_code, later.text) == (200, "")
    now = httpx.post(f"{url}/now", json={"id": "q4", "to": "grace@example.com"})
    assert (now.status_code, now.json()) == (200, {"ready": "q4"})
    emulator.client("sqs").send_message(QueueUrl=found["JobsUrl"], MessageBody="alan@example.com")
    emulator.advance(3600)
    mails = sorted((message["to"][0], message["subject"]) for message in emulator.inbox())
    assert mails == [
        ("ada@example.com", "Report q3 is ready"),
        ("alan@example.com", "Your job was taken"),
        ("grace@example.com", "Report q4 is ready"),
        ("hourly@example.com", "An hour has passed"),
    ]
    emulator.control("POST", "clock", {"action": "resume"})
    tool("serverless", "remove", folder=folder)
    assert emulator.client("lambda").list_functions()["Functions"] == []
