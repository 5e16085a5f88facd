"""Terraform, as far as it goes without a provider: no registry of packages has AWS's, which Terraform fetches itself.

What is in its own binary is tried: state and its lock in S3. Of `tflocal`, where it would point the provider to.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emulator.testing import RunningEmulator
from tests.clients.conftest import Tool
from tests.clients.support import edit

pytestmark = pytest.mark.real_process

STATE = """
terraform {
  backend "s3" {
    bucket                      = "terraform-state"
    key                         = "reports.tfstate"
    region                      = "us-east-1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
  }
}
resource "terraform_data" "release" { input = "1.0" }
"""

OFFLINE = {"CHECKPOINT_DISABLE": "1"}


def test_terraform_keeps_its_state_and_its_lock_in_s3(emulator: RunningEmulator, tool: Tool, tmp_path: Path) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="terraform-state")
    (tmp_path / "main.tf").write_text(STATE)

    def released() -> list[str]:
        tool("terraform", "apply", "-auto-approve", "-no-color", folder=tmp_path, **OFFLINE)
        state = json.loads(s3.get_object(Bucket="terraform-state", Key="reports.tfstate")["Body"].read())
        return [each["attributes"]["output"]["value"] for item in state["resources"] for each in item["instances"]]

    tool("terraform", "init", "-no-color", folder=tmp_path, **OFFLINE)
    assert released() == ["1.0"]
    edit(tmp_path / "main.tf", "1.0", "1.1")
    assert released() == ["1.1"]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="terraform-state")["Contents"]] == ["reports.tfstate"]


def test_tflocal_points_aws_provider_to_the_emulator(emulator: RunningEmulator, tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('provider "aws" { region = "us-east-1" }\n')
    tool("terraform", "version", folder=tmp_path, **OFFLINE)  # without it there is nothing to wrap
    tool("tflocal", "plan", folder=tmp_path, DRY_RUN="1", S3_HOSTNAME="127.0.0.1", **OFFLINE)
    written = (tmp_path / "localstack_providers_override.tf").read_text()
    endpoints = dict(re.findall(r'(\w+) += "(http[^"]*)"', written))
    ours = {"apigateway", "apigatewayv2", "lambda", "sfn", "sqs", "sns", "ses", "events", "iam", "s3"}
    assert {name: endpoints.get(name) for name in ours} == dict.fromkeys(ours, emulator.url)
