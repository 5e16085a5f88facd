"""Serverless 3: the sample application, and one with asynchronous events, a queue, a schedule and a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import TOOLS, Tool
from tests.clients.support import (
    SECOND_EDITION,
    edit,
    edit_sample,
    lives,
    mails,
    outputs,
    report_by_mail,
    sample,
)

pytestmark = pytest.mark.real_process


def with_plugins(folder: Path) -> Path:
    """A service's folder, with the modules where Serverless looks for plugins."""
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    return folder


def address(emulator: RunningEmulator) -> str:
    """Where the API of the one service is."""
    [api] = emulator.client("apigateway").get_rest_apis()["items"]
    return f"{emulator.url}/_aws/execute-api/{api['id']}"


def test_serverless_deploys_the_sample_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = with_plugins(application("serverless_sample"))
    sample(folder, flat=True)
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    lives(
        emulator,
        deploy=partial(tool, "serverless", "deploy", folder=folder),
        drive=lambda edition: report_by_mail(emulator, f"{address(emulator)}/prod/reports", edition),
        change=partial(edit_sample, folder / "sample_functions/notify/app.py"),
        remove=partial(tool, "serverless", "remove", folder=folder),
    )


def test_serverless_deploys_a_second_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = with_plugins(application("serverless"))
    emulator.client("s3").create_bucket(Bucket="serverless-deployments")
    emulator.client("ses").verify_email_identity(EmailAddress="reports@example.com")

    def drive(edition: str) -> None:
        url, before = f"{address(emulator)}/dev/reports", len(emulator.inbox())
        later = httpx.post(url, json={"id": "q3", "to": "ada@example.com"})
        assert (later.status_code, later.text) == (200, "")
        now = httpx.post(f"{url}/now", json={"id": "q4", "to": "grace@example.com"})
        assert (now.status_code, now.json()) == (200, {"ready": "q4"})
        jobs = outputs(emulator, "reports-dev")["JobsUrl"]
        emulator.client("sqs").send_message(QueueUrl=jobs, MessageBody="alan@example.com")
        emulator.advance(3600)
        assert mails(emulator, before) == [
            ("ada@example.com", f"Report q3 is ready{edition}"),
            ("alan@example.com", "Your job was taken"),
            ("grace@example.com", f"Report q4 is ready{edition}"),
            ("hourly@example.com", "An hour has passed"),
        ]

    lives(
        emulator,
        deploy=partial(tool, "serverless", "deploy", folder=folder),
        drive=drive,
        change=partial(edit, folder / "handler.py", "is ready", f"is ready{SECOND_EDITION}"),
        remove=partial(tool, "serverless", "remove", folder=folder),
    )
