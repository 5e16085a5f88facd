"""`aws cloudformation package` and `deploy`: the sample application, and one with an HTTP API, a queue and a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.support import freeze, outputs, report_by_mail, sample

pytestmark = pytest.mark.real_process


@pytest.fixture
def aws(emulator: RunningEmulator, tool: Tool) -> Callable[..., str]:
    """The CLI of version 1, which has to be told the endpoint with every command."""
    return lambda *arguments, folder: tool("aws", "--endpoint-url", emulator.url, *arguments, folder=folder)


def deploy(aws: Callable[..., str], folder: Path, name: str, *more: str) -> None:
    aws("s3", "mb", "s3://packages", folder=folder)
    package = ("--template-file", "template.yaml", "--s3-bucket", "packages", "--output-template-file", "packaged.yaml")
    aws("cloudformation", "package", *package, folder=folder)
    capable = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    stack = ("--template-file", "packaged.yaml", "--stack-name", name)
    aws("cloudformation", "deploy", *stack, *capable, *more, folder=folder)


def test_the_aws_cli_deploys_the_sample_application(
    emulator: RunningEmulator, aws: Callable[..., str], tmp_path: Path
) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    sender = "SenderAddress=reports@example.com"
    deploy(aws, sample(tmp_path) / "sample_functions", "sample", "--parameter-overrides", sender)
    api = outputs(emulator, "sample")["ReportsUrl"].split("//")[1].split(".")[0]
    report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports")


def test_the_aws_cli_deploys_and_deletes_a_second_application(
    emulator: RunningEmulator, aws: Callable[..., str], application: Callable[[str], Path]
) -> None:
    folder = application("sam")
    deploy(aws, folder, "second")
    found = outputs(emulator, "second")
    aws(
        "cloudformation",
        "deploy",
        "--template-file",
        "packaged.yaml",
        "--stack-name",
        "second",
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
        "--no-fail-on-empty-changeset",
        folder=folder,
    )
    freeze(emulator)
    answer = httpx.post(f"{emulator.url}/_aws/execute-api/{found['ApiId']}/reports", json={"id": "q3"})
    assert answer.status_code == 202
    emulator.settle()
    emulator.control("POST", "clock", {"action": "resume"})
    aws("cloudformation", "delete-stack", "--stack-name", "second", folder=folder)
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "second", folder=folder)
    assert emulator.client("lambda").list_functions()["Functions"] == []
