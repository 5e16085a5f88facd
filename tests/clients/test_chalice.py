"""`chalice deploy`, which calls the services themselves: no CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.support import freeze

pytestmark = pytest.mark.real_process


def test_chalice_deploys_drives_changes_and_deletes_an_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = application("chalice")
    queue = emulator.client("sqs").create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    emulator.client("ses").verify_email_identity(EmailAddress="reports@example.com")

    assert "Rest API URL" in tool("chalice", "deploy", folder=folder)
    deployed = json.loads((folder / ".chalice/deployed/dev.json").read_text())["resources"]
    freeze(emulator)
    [api] = [each["rest_api_id"] for each in deployed if each["resource_type"] == "rest_api"]
    answer = httpx.post(f"{emulator.url}/_aws/execute-api/{api}/api/reports/q3", json={"to": "ada@example.com"})
    assert (answer.status_code, answer.json()) == (202, {"accepted": "q3"})
    emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="grace@example.com")
    emulator.advance(3600)
    mails = sorted((message["to"][0], message["subject"]) for message in emulator.inbox())
    assert mails == [
        ("ada@example.com", "Report q3 is ready"),
        ("grace@example.com", "Your job was taken"),
        ("hourly@example.com", "An hour has passed"),
    ]

    source = folder / "app.py"
    source.write_text(source.read_text().replace("is ready", "is done"))
    tool("chalice", "deploy", folder=folder)
    httpx.post(f"{emulator.url}/_aws/execute-api/{api}/api/reports/q4", json={"to": "ada@example.com"})
    emulator.advance(1)
    assert "Report q4 is done" in [message["subject"] for message in emulator.inbox()]

    tool("chalice", "delete", folder=folder)
    assert emulator.client("lambda").list_functions()["Functions"] == []
    assert emulator.client("apigateway").get_rest_apis()["items"] == []
