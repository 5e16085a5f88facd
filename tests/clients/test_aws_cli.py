"""`aws cloudformation package` and `deploy`: the sample application, and one with an HTTP API, a queue and a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.sam_application import changed, driven
from tests.clients.support import drive_sample, edit_sample, lives, sample

pytestmark = pytest.mark.real_process

CAPABLE = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")


def deploy(tool: Tool, folder: Path, name: str, *more: str, aws: str = "aws", template: str = "template.yaml") -> None:
    package = ("--template-file", template, "--s3-bucket", "packages", "--output-template-file", "packaged.yaml")
    tool(aws, "cloudformation", "package", *package, folder=folder)
    stack = ("--template-file", "packaged.yaml", "--stack-name", name, "--no-fail-on-empty-changeset")
    tool(aws, "cloudformation", "deploy", *stack, *CAPABLE, *more, folder=folder)


def remove(tool: Tool, folder: Path, name: str, aws: str = "aws") -> None:
    tool(aws, "cloudformation", "delete-stack", "--stack-name", name, folder=folder)
    tool(aws, "cloudformation", "wait", "stack-delete-complete", "--stack-name", name, folder=folder)


def test_the_aws_cli_deploys_the_sample_application(emulator: RunningEmulator, tool: Tool, tmp_path: Path) -> None:
    folder = sample(tmp_path) / "sample_functions"
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    tool("aws", "s3", "mb", "s3://packages", folder=folder)
    sender = ("--parameter-overrides", "SenderAddress=reports@example.com")

    lives(
        emulator,
        deploy=partial(deploy, tool, folder, "sample", *sender),
        drive=partial(drive_sample, emulator),
        change=partial(edit_sample, folder / "notify/app.py"),
        remove=partial(remove, tool, folder, "sample"),
    )


@pytest.mark.parametrize("aws", ["aws", "awslocal"])
def test_the_aws_cli_and_its_wrapper_deploy_a_second_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path], aws: str
) -> None:
    folder = application("sam")
    tool(aws, "s3", "mb", "s3://packages", folder=folder)
    lives(
        emulator,
        deploy=partial(deploy, tool, folder, "second", aws=aws),
        drive=partial(driven, emulator),
        change=partial(changed, folder),
        remove=partial(remove, tool, folder, "second", aws=aws),
    )
