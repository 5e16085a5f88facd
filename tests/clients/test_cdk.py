"""`cdk bootstrap`, `cdk deploy`, `cdk destroy`: the sample application as a stack, and one of two stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import TOOLS, Tool
from tests.clients.support import SECOND_EDITION, edit, edit_sample, lives, mails, outputs, report_by_mail, sample

pytestmark = pytest.mark.real_process

MODULES = str(TOOLS / "node_modules")


def deploy(tool: Tool, folder: Path, cdk: str = "cdk", **more: str) -> None:
    tool(cdk, "deploy", "--all", "--require-approval", "never", folder=folder, NODE_PATH=MODULES, **more)


def remove(tool: Tool, folder: Path, cdk: str = "cdk", **more: str) -> None:
    tool(cdk, "destroy", "--all", "--force", folder=folder, NODE_PATH=MODULES, **more)


def test_the_cdk_bootstraps_deploys_and_destroys_the_sample_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, copied = application("cdk"), sample(tmp_path)
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    tool("cdk", "bootstrap", "aws://000000000000/us-east-1", "--no-notices", folder=tmp_path)

    def drive(edition: str) -> None:
        api = outputs(emulator, "Reports")["ApiId"]
        report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports", edition)

    lives(
        emulator,
        deploy=partial(deploy, tool, folder, SAMPLE=str(copied)),
        drive=drive,
        change=partial(edit_sample, copied / "sample_functions/notify/app.py"),
        remove=partial(remove, tool, folder, SAMPLE=str(copied)),
    )


@pytest.mark.parametrize("cdk", ["cdk", "cdklocal"])
def test_the_cdk_and_its_wrapper_deploy_two_stacks_without_a_bootstrap(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path], cdk: str
) -> None:
    folder = application("cdk_orders")
    emulator.client("sesv2").create_email_identity(EmailIdentity="orders@example.com")

    def drive(edition: str) -> None:
        found = outputs(emulator, "Orders")
        api = found["Url"].split("//")[1].split(".")[0]
        before = len(emulator.inbox())
        order = {"id": "o1", "to": "ada@example.com"}
        answer = httpx.post(f"{emulator.url}/_aws/execute-api/{api}/orders", json=order)
        assert (answer.status_code, answer.json()) == (202, {"accepted": "o1"})
        emulator.client("s3").put_object(Bucket=found["FilesName"], Key="list.txt", Body=b"one\ntwo\n")
        emulator.settle()
        assert mails(emulator, before) == [
            ("ada@example.com", f"Order o1 is on its way{edition}"),
            ("office@example.com", "list.txt has 2 lines"),
        ]
        emulator.advance(3600)
        assert mails(emulator, before)[-1] == ("office@example.com", "list.txt has 2 lines")
        assert ("office@example.com", "An hour has passed") in mails(emulator, before)
        emulator.client("s3").delete_object(Bucket=found["FilesName"], Key="list.txt")

    lives(
        emulator,
        deploy=partial(deploy, tool, folder, cdk),
        drive=drive,
        change=partial(edit, folder / "functions/orders.py", "on its way", f"on its way{SECOND_EDITION}"),
        remove=partial(remove, tool, folder, cdk),
    )
