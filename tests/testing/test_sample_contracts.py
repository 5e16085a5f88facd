"""What the sample application answers, as a contract: recorded anew from AWS with `--contract-record` and a role.

`REPORT_ROLE_ARN=arn:… pytest --contract-record tests/testing/test_sample_contracts.py` deploys it to the account that
boto3 is configured for, and deletes it again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from emulator.demo.deploy import Deployed, deploy, report
from emulator.testing.aws import Aws
from emulator.testing.contracts import Contract


@pytest.fixture
def application(aws: Aws) -> Iterator[Deployed]:
    deployed = deploy(aws.client, aws.region, os.environ.get("REPORT_ROLE_ARN"))
    yield deployed
    if "REPORT_ROLE_ARN" in os.environ:
        aws.apigateway.delete_rest_api(restApiId=deployed.api_id)
        aws.stepfunctions.delete_state_machine(stateMachineArn=deployed.state_machine_arn)
        for arn in deployed.functions.values():
            with contextlib.suppress(aws.lambda_.exceptions.ResourceNotFoundException):
                aws.lambda_.delete_function(FunctionName=arn)


@pytest.mark.usefixtures("application")
def test_what_clients_of_the_api_are_answered(aws: Aws, contract: Contract) -> None:
    contract.match("accepted", aws.http.post("/reports", json=report("ada@example.com")))
    contract.match("incomplete", aws.http.post("/reports", json={"report_id": "1"}))
    contract.match(
        "no JSON", aws.http.post("/reports", content="nothing", headers={"Content-Type": "application/json"})
    )
    contract.match("no such path", aws.http.get("/invoices"))
    contract.match("no such method", aws.http.delete("/reports"))


def test_what_was_deployed(aws: Aws, application: Deployed, contract: Contract) -> None:
    sizes = ["CodeSize", "CodeSha256", "State*", "LastUpdateStatus*", "Role"]
    contract.match("function", aws.lambda_.get_function_configuration(FunctionName="report-submit"), ignore=sizes)
    machine = aws.stepfunctions.describe_state_machine(stateMachineArn=application.state_machine_arn)
    contract.match("state machine", machine, ignore=["definition", "roleArn"])
    integration = {"restApiId": application.api_id, "resourceId": _resource(aws, application), "httpMethod": "POST"}
    contract.match("integration", aws.apigateway.get_integration(**integration))


def _resource(aws: Aws, application: Deployed) -> str:
    resources = aws.apigateway.get_resources(restApiId=application.api_id)["items"]
    return next(each["id"] for each in resources if each["path"] == "/reports")
