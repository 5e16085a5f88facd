"""Properties that AWS added lately: they work, or they are refused in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import ROLE, create, history, resources, template, update

PROVIDER = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:some"


def function(**more: Any) -> dict[str, Any]:
    """A function in a template."""
    code = {"ZipFile": "def handler(event, context):\n    return 1\n"}
    given = {"Runtime": "python3.12", "Handler": "index.handler", "Role": ROLE, "Code": code, **more}
    return {"Type": "AWS::Lambda::Function", "Properties": given}


def failure(emulator: RunningEmulator, logical_id: str) -> str:
    """Why a resource failed."""
    return next(why for name, status, why in history(emulator) if name == logical_id and status.endswith("_FAILED"))


@pytest.mark.parametrize(
    ("name", "value", "where", "words"),
    [
        ("FunctionScalingConfig", {"MinExecutionEnvironments": 1}, "AWS::Lambda::Function", "managed instances: leave"),
        ("PublishToLatestPublished", True, "AWS::Lambda::Function", "managed instances: leave"),
        (
            "CapacityProviderConfig",
            {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}},
            "CreateFunction",
            "managed instances: leave",
        ),
        ("TenancyConfig", {"TenantIsolationMode": "PER_TENANT"}, "CreateFunction", "tenant isolation: leave"),
        ("DurableConfig", {"ExecutionTimeout": 5}, "CreateFunction", "durable functions: state machines"),
    ],
)
def test_what_functions_cannot_do_here_is_refused_with_advice(
    emulator: RunningEmulator, name: str, value: Any, where: str, words: str
) -> None:
    assert create(emulator, template({"F": function(**{name: value})}))["StackStatus"] == "ROLLBACK_COMPLETE"
    why = failure(emulator, "F")
    assert why.startswith(f"lambda.{where} with {name} is not emulated ({words}")


def test_a_function_that_asks_for_nothing_new_deploys(emulator: RunningEmulator) -> None:
    made = create(emulator, template({"F": function(PublishToLatestPublished=False)}))
    assert made["StackStatus"] == "CREATE_COMPLETE"


def test_a_bucket_of_the_accounts_own_namespace_is_named_by_its_prefix(emulator: RunningEmulator) -> None:
    def body(**properties: str) -> str:
        return template({"B": {"Type": "AWS::S3::Bucket", "Properties": properties}})

    own = {"BucketNamespace": "account-regional"}
    create(emulator, body(BucketNamePrefix="my-app", **own))
    assert resources(emulator) == {"B": "my-app-000000000000-us-east-1-an"}
    update(emulator, body(BucketNamePrefix="other", **own))
    assert resources(emulator) == {"B": "other-000000000000-us-east-1-an"}
    update(emulator, body(BucketName="short", **own))
    assert "must end with -000000000000-us-east-1-an" in failure(emulator, "B")
    assert resources(emulator) == {"B": "other-000000000000-us-east-1-an"}


def test_a_topic_takes_messages_as_large_as_its_template_says(emulator: RunningEmulator) -> None:
    def body(size: int, protocol: str = "sqs") -> str:
        queue = {"Type": "AWS::SQS::Queue"}
        subscription = [{"Protocol": protocol, "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]}}]
        topic = {
            "Type": "AWS::SNS::Topic",
            "Properties": {"MaximumMessageSize": size, "Subscription": subscription},
        }
        return template({"Q": queue, "T": topic})

    sns = emulator.client("sns")
    create(emulator, body(1048576))
    made = resources(emulator)
    sns.publish(TopicArn=made["T"], Message="x" * 1_000_000)
    with pytest.raises(sns.exceptions.InvalidParameterException, match="Message too long"):
        sns.publish(TopicArn=made["T"], Message="x" * 1_048_577)
    update(emulator, body(1024))
    with pytest.raises(sns.exceptions.InvalidParameterException, match="Message too long"):
        sns.publish(TopicArn=made["T"], Message="x" * 1025)


def test_an_apis_version_and_endpoint_change_in_place(emulator: RunningEmulator) -> None:
    def body(version: str, address: str) -> str:
        endpoint = {"Types": ["REGIONAL"], "IpAddressType": address}
        properties = {"Name": "api", "Version": version, "EndpointConfiguration": endpoint}
        mock = {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": properties,
        }
        return template({"A": mock})

    create(emulator, body("1", "ipv4"))
    first = resources(emulator)["A"]
    update(emulator, body("2", "dualstack"))
    shown = emulator.client("apigateway").get_rest_api(restApiId=first)
    assert (resources(emulator)["A"], shown["version"]) == (first, "2")
    assert shown["endpointConfiguration"] == {"types": ["REGIONAL"], "ipAddressType": "dualstack"}


def test_users_do_not_take_away_the_tags_that_a_stack_gave_its_api(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}}}))
    apigateway = emulator.client("apigateway")
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{resources(emulator)['A']}"
    before = apigateway.get_tags(resourceArn=arn)["tags"]
    assert before["aws:cloudformation:stack-name"] == "demo"
    with pytest.raises(apigateway.exceptions.BadRequestException, match="Invalid tag specified"):
        apigateway.untag_resource(resourceArn=arn, tagKeys=["aws:cloudformation:stack-name"])
    assert apigateway.get_tags(resourceArn=arn)["tags"] == before
