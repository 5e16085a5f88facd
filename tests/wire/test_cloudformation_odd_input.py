"""Templates and answers that make no sense: refused or failed in AWS's words; never a 500, a traceback or a hang."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.services.cloudformation.resources.table import table
from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import queue, resources, settled, template

ODD: list[Any] = [5, "x", ["x"], [{"a": 1}], {"a": {"b": [1]}}, [[]], True]
SETTLED = ("CREATE_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_COMPLETE", "CREATE_FAILED")
NATIVE = sorted(
    row.name
    for row in table().values()
    if row.properties and row.service in ("sqs", "sns", "lambda", "events", "logs", "stepfunctions", "apigateway")
)


@pytest.mark.parametrize("odd", ODD, ids=[json.dumps(item) for item in ODD])
def test_properties_of_any_form_fail_their_resource_and_nothing_else(emulator: RunningEmulator, odd: Any) -> None:
    """One stack for each type, whose properties all have the same odd value."""
    client = emulator.client("cloudformation")
    for index, name in enumerate(NATIVE):
        properties = dict.fromkeys(sorted(table()[name].properties or ()), odd)
        body = template({"Odd": {"Type": name, "Properties": properties}})
        client.create_stack(StackName=f"odd-{index}", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    emulator.settle()
    summaries = client.list_stacks()["StackSummaries"]
    assert {summary["StackStatus"] for summary in summaries} <= set(SETTLED)
    assert emulator.failures() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Either Template URL or Template Body must be specified."),
        ("[]", "Template format error: unsupported structure."),
        ("{", "Template format error: JSON not well-formed."),
        ("Resources: [1]", "Template format error"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Oops: 1}}", "Oops"),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref B}}}",
            "Unresolved resource dependencies",
        ),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DeletionPolicy: Snapshot}}", "does not support deletion policy"),
    ],
)
def test_what_is_no_template_is_refused(emulator: RunningEmulator, body: str, said: str) -> None:
    client = emulator.client("cloudformation")
    for call in (client.create_stack, client.validate_template):
        if call == client.validate_template and "Snapshot" in body:
            continue
        parameters = (
            {"TemplateBody": body} if call == client.validate_template else {"StackName": "demo", "TemplateBody": body}
        )
        try:
            call(**parameters)
            raise AssertionError(f"{body} was accepted")
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "ValidationError"
            assert said in refused.response["Error"]["Message"]
        except Exception as refused:  # botocore itself wants one character at least
            assert "Invalid length" in str(refused)
    assert client.describe_stacks()["Stacks"] == []


def test_templates_over_awss_limits_are_refused(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    with pytest.raises(ClientError, match="less than or equal to 51200"):
        client.create_stack(StackName="demo", TemplateBody=template({"A": queue()}, Description="x" * 60_000))
    with pytest.raises(ClientError, match="greater than maximum allowed, 500"):
        client.create_stack(StackName="demo", TemplateBody=template({f"A{i}": queue() for i in range(501)}))


@pytest.mark.parametrize("url", ["x", "https://example.com", "s3://", "https://s3.amazonaws.com/nowhere/at/all.json"])
def test_template_urls_that_lead_nowhere_are_refused(emulator: RunningEmulator, url: str) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        emulator.client("cloudformation").create_stack(StackName="demo", TemplateURL=url)


@pytest.mark.parametrize("name", ["1abc", "a_b", "a" * 129])
def test_names_that_no_stack_may_have_are_refused(emulator: RunningEmulator, name: str) -> None:
    with pytest.raises(ClientError, match="regular expression pattern"):
        emulator.client("cloudformation").create_stack(StackName=name, TemplateBody=template({"A": queue()}))


@pytest.mark.parametrize(
    "body", ["", "5", "[]", '{"Status": []}', '{"Status": "SUCCESS"}', '{"UniqueId": {}, "Data": [1]}']
)
def test_signals_of_any_form_are_taken_and_may_not_count(emulator: RunningEmulator, body: str) -> None:
    wait = {"Handle": {"Ref": "Handle"}, "Timeout": 60, "Count": 2}
    condition = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": wait}
    text = template({"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "Wait": condition})
    emulator.client("cloudformation").create_stack(StackName="demo", TemplateBody=text)
    emulator.advance(1)
    assert httpx.put(resources(emulator)["Handle"], content=body).status_code == 200
    assert settled(emulator)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert emulator.failures() == []


def test_answers_to_nobody_are_refused(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/cloudformation-custom-resource-response-useast1"
    assert httpx.put(f"{url}/nobody", content="{}").status_code == 403
    assert httpx.put(f"{url}/a%7Cb%7Cc", content="{}").status_code == 403
    assert httpx.get(f"{url}/a%7Cb%7Cc").status_code == 405
