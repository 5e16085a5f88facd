"""Chalice: an application by `chalice deploy`, which calls the services itself, and the sample by `chalice package`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients import test_aws_cli
from tests.clients.conftest import Tool
from tests.clients.support import SECOND_EDITION, edit, edit_sample, lives, mails, outputs, report_by_mail, sample

pytestmark = pytest.mark.real_process


def test_chalice_packages_the_sample_application_for_cloudformation(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = application("chalice_sample")
    library = folder / "chalicelib"
    sample(folder, flat=True)
    shutil.move(folder / "sample_functions", library / "sample_functions")
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    tool("aws", "s3", "mb", "s3://packages", folder=folder)

    def deploy() -> None:
        tool("chalice", "package", "--stage", "prod", "--merge-template", "resources.json", "packaged", folder=folder)
        test_aws_cli.deploy(tool, folder / "packaged", "sample", template="sam.json")

    def drive(edition: str) -> None:
        api = outputs(emulator, "sample")["RestAPIId"]
        report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports", edition)

    lives(
        emulator,
        deploy=deploy,
        drive=drive,
        change=partial(edit_sample, library / "sample_functions/notify/app.py"),
        remove=partial(test_aws_cli.remove, tool, folder, "sample"),
    )


def test_chalice_deploys_a_second_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = application("chalice")
    queue = emulator.client("sqs").create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    emulator.client("ses").verify_email_identity(EmailAddress="reports@example.com")

    def drive(edition: str) -> None:
        before = len(emulator.inbox())
        deployed = json.loads((folder / ".chalice/deployed/dev.json").read_text())["resources"]
        [api] = [each["rest_api_id"] for each in deployed if each["resource_type"] == "rest_api"]
        answer = httpx.post(f"{emulator.url}/_aws/execute-api/{api}/api/reports/q3", json={"to": "ada@example.com"})
        assert (answer.status_code, answer.json()) == (202, {"accepted": "q3"})
        emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="grace@example.com")
        emulator.advance(3600)
        assert mails(emulator, before) == [
            ("ada@example.com", f"Report q3 is ready{edition}"),
            ("grace@example.com", "Your job was taken"),
            ("hourly@example.com", "An hour has passed"),
        ]

    lives(
        emulator,
        deploy=partial(tool, "chalice", "deploy", folder=folder),
        drive=drive,
        change=partial(edit, folder / "app.py", "is ready", f"is ready{SECOND_EDITION}"),
        remove=partial(tool, "chalice", "delete", folder=folder),
        touches_all=True,
    )
