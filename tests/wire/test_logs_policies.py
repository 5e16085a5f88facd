"""Resource policies and saved queries of CloudWatch Logs, by boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

POLICY = '{"Version": "2012-10-17", "Statement": []}'


def test_resource_policies_are_kept_changed_and_deleted(emulator: RunningEmulator) -> None:
    logs = emulator.client("logs")
    made = logs.put_resource_policy(policyName="deliver", policyDocument="{}")["resourcePolicy"]
    assert made["lastUpdatedTime"] == round(emulator.now() * 1000)
    logs.put_resource_policy(policyName="deliver", policyDocument=POLICY)
    [found] = logs.describe_resource_policies()["resourcePolicies"]
    assert (found["policyName"], found["policyDocument"]) == ("deliver", POLICY)
    logs.delete_resource_policy(policyName="deliver")
    with pytest.raises(ClientError, match="does not exist"):
        logs.delete_resource_policy(policyName="deliver")


def test_an_account_has_ten_resource_policies_and_they_are_json(emulator: RunningEmulator) -> None:
    logs = emulator.client("logs")
    for index in range(10):
        logs.put_resource_policy(policyName=f"policy-{index}", policyDocument=POLICY)
    with pytest.raises(ClientError, match="LimitExceeded"):
        logs.put_resource_policy(policyName="eleventh", policyDocument=POLICY)
    with pytest.raises(ClientError, match="Unable to parse"):
        logs.put_resource_policy(policyName="policy-0", policyDocument="{")
    assert len(logs.describe_resource_policies(limit=4)["resourcePolicies"]) == 4


def test_saved_queries_are_found_by_the_beginning_of_their_name(emulator: RunningEmulator) -> None:
    logs = emulator.client("logs")
    one = logs.put_query_definition(name="errors", queryString="fields @message")["queryDefinitionId"]
    logs.put_query_definition(name="slow", queryString="fields @duration")
    logs.put_query_definition(name="errors/all", queryString="fields @timestamp", queryDefinitionId=one)
    [found] = logs.describe_query_definitions(queryDefinitionNamePrefix="err")["queryDefinitions"]
    assert (found["queryDefinitionId"], found["name"]) == (one, "errors/all")
    assert logs.delete_query_definition(queryDefinitionId=one)["success"]
    with pytest.raises(ClientError, match="does not exist"):
        logs.put_query_definition(name="errors", queryString="fields @message", queryDefinitionId=one)
