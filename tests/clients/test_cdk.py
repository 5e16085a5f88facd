"""`cdk bootstrap` and `cdk deploy`: the sample application as a stack of the CDK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import TOOLS, Tool
from tests.clients.support import outputs, report_by_mail, sample

pytestmark = pytest.mark.real_process


def test_the_cdk_bootstraps_deploys_and_destroys_the_sample_application(
    emulator: RunningEmulator, tool: Tool, application: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = application("cdk")
    more = {"SAMPLE": str(sample(tmp_path)), "NODE_PATH": str(TOOLS / "node_modules")}
    emulator.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    tool("cdk", "bootstrap", "aws://000000000000/us-east-1", folder=folder, **more)
    tool("cdk", "deploy", "--require-approval", "never", folder=folder, **more)
    api = outputs(emulator, "Reports")["ApiId"]
    report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports")
    emulator.control("POST", "clock", {"action": "resume"})
    tool("cdk", "destroy", "--force", folder=folder, **more)
    assert emulator.client("apigateway").get_rest_apis()["items"] == []
