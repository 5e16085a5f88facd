"""`sam build` and `sam deploy`: the sample application, and one with an HTTP API, a queue, a table and a topic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.sam_application import changed, driven
from tests.clients.support import drive_sample, edit, edit_sample, lives, sample

pytestmark = pytest.mark.real_process


def deploy(tool: Tool, folder: Path, name: str, *more: str, sam: str = "sam") -> None:
    tool(sam, "build", folder=folder)
    options = ("--stack-name", name, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    tool(sam, "deploy", "--no-confirm-changeset", "--no-fail-on-empty-changeset", *options, *more, folder=folder)


def remove(tool: Tool, folder: Path, name: str, sam: str = "sam") -> None:
    tool(sam, "delete", "--no-prompts", "--stack-name", name, "--region", "us-east-1", folder=folder)


def test_sam_deploys_the_sample_application(emulator: RunningEmulator, tool: Tool, tmp_path: Path) -> None:
    folder = sample(tmp_path) / "sample_functions"
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    sender = ("--parameter-overrides", "SenderAddress=reports@example.com")

    lives(
        emulator,
        deploy=partial(deploy, tool, folder, "sample", *sender),
        drive=partial(drive_sample, emulator),
        change=partial(edit_sample, folder / "notify/app.py"),
        remove=partial(remove, tool, folder, "sample"),
    )


@pytest.mark.parametrize("sam", ["sam", "samlocal"])
def test_sam_and_its_wrapper_deploy_a_second_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path], sam: str
) -> None:
    folder = application("sam")
    running = f"python{sys.version_info.major}.{sys.version_info.minor}"
    edit(folder / "template.yaml", "python3.13", running)  # SAM builds with the interpreter of the runtime
    lives(
        emulator,
        deploy=partial(deploy, tool, folder, "second", sam=sam),
        drive=partial(driven, emulator),
        change=partial(changed, folder),
        remove=partial(remove, tool, folder, "second", sam=sam),
    )
