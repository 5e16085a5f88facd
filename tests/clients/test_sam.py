"""`sam build` and `sam deploy`: the sample application, and one with an HTTP API, a queue, a table and a topic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.support import freeze, outputs, report_by_mail, sample

pytestmark = pytest.mark.real_process


def deploy(tool: Tool, folder: Path, name: str, *more: str) -> None:
    tool("sam", "build", "--no-cached", folder=folder)
    options = ("--stack-name", name, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    tool("sam", "deploy", "--no-confirm-changeset", "--no-fail-on-empty-changeset", *options, *more, folder=folder)


def test_sam_deploys_the_sample_application(emulator: RunningEmulator, tool: Tool, tmp_path: Path) -> None:
    folder = sample(tmp_path)
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    deploy(tool, folder / "sample_functions", "sample", "--parameter-overrides", "SenderAddress=reports@example.com")
    api = outputs(emulator, "sample")["ReportsUrl"].split("//")[1].split(".")[0]
    report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports")


def test_sam_deploys_changes_and_deletes_a_second_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path]
) -> None:
    folder = application("sam")
    template = folder / "template.yaml"  # SAM builds with the interpreter of the runtime, which must be there
    running = f"python{sys.version_info.major}.{sys.version_info.minor}"
    template.write_text(template.read_text().replace("python3.13", running))
    deploy(tool, folder, "second")
    found = outputs(emulator, "second")
    freeze(emulator)
    answer = httpx.post(f"{emulator.url}/_aws/execute-api/{found['ApiId']}/reports", json={"id": "q3"})
    assert answer.status_code == 202
    emulator.settle()
    assert [message["subject"] for message in emulator.inbox()][:1] == ["AWS Notification - Subscription Confirmation"]
    tool("sam", "delete", "--no-prompts", "--stack-name", "second", "--region", "us-east-1", folder=folder)
    assert emulator.client("lambda").list_functions()["Functions"] == []
