"""Tags of functions and reserved concurrency: what is kept, and AWS's words for what is not."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of

REFUSED = "InvalidParameterValueException", 400


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client that sends what its own model refuses, of an emulator with a function `f`."""
    client = emulator.client("lambda", config=Config(retries={"total_max_attempts": 1}, parameter_validation=False))
    create(client, Publish=True)
    return client


def test_tags_come_and_go(client: Any) -> None:
    assert "Tags" not in client.get_function(FunctionName="f")
    assert client.list_tags(Resource=ARN)["Tags"] == {}
    assert client.tag_resource(Resource=ARN, Tags={"a": "1", "b": ""})["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.tag_resource(Resource=ARN, Tags={"a": "2"})
    assert client.get_function(FunctionName="f")["Tags"] == {"a": "2", "b": ""}
    gone = client.untag_resource(Resource=ARN, TagKeys=["a", "unknown"])
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags(Resource=ARN)["Tags"] == {"b": ""}


def test_tags_belong_to_functions_and_are_fifty_at_most(client: Any) -> None:
    unsupported = (
        *REFUSED,
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    )
    for qualifier in ("1", "$LATEST", "live"):
        arn = f"{ARN}:{qualifier}"
        assert error_of(lambda arn=arn: client.tag_resource(Resource=arn, Tags={"a": "b"})) == unsupported
        assert error_of(lambda arn=arn: client.list_tags(Resource=arn)) == unsupported
    many = {f"k{number}": "" for number in range(51)}
    too_many = (*REFUSED, "Number of tags exceeds resource tag limit.")
    assert error_of(lambda: client.tag_resource(Resource=ARN, Tags=many)) == too_many
    many.popitem()
    client.tag_resource(Resource=ARN, Tags=many)
    assert error_of(lambda: client.tag_resource(Resource=ARN, Tags={"one more": ""})) == too_many
    client.tag_resource(Resource=ARN, Tags={"k0": "an old key is no more"})


def test_what_cannot_be_tagged_is_told_in_aws_words(client: Any) -> None:
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}x")
    assert error_of(lambda: client.tag_resource(Resource=f"{ARN}x", Tags={"a": "b"})) == missing
    assert error_of(lambda: client.untag_resource(Resource=f"{ARN}x", TagKeys=["a"])) == missing
    assert error_of(lambda: client.list_tags(Resource=f"{ARN}x")) == missing
    assert error_of(lambda: client.tag_resource(Resource=ARN, Tags={})) == (
        *REFUSED,
        "An error occurred and the request cannot be processed.",
    )
    assert error_of(lambda: client.untag_resource(Resource=ARN, TagKeys=[])) == (
        "ValidationException",
        400,
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
    )
    code, _, text = error_of(lambda: client.list_tags(Resource="arn:aws:something"))
    assert code == "ValidationException"
    assert text.startswith("1 validation error detected: Value 'arn:aws:something' at 'resource' failed to satisfy")


def test_reserved_concurrency_is_set_and_taken_back(client: Any) -> None:
    answer = client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=100)
    assert answer["ReservedConcurrentExecutions"] == 100
    assert client.get_function_concurrency(FunctionName=ARN)["ReservedConcurrentExecutions"] == 100
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 900
    assert client.delete_function_concurrency(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="f")


def test_reserved_concurrency_is_refused_in_aws_words(client: Any) -> None:
    put = client.put_function_concurrency
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}x")
    assert error_of(lambda: put(FunctionName="fx", ReservedConcurrentExecutions=1)) == missing
    assert error_of(lambda: client.get_function_concurrency(FunctionName="fx")) == missing
    assert error_of(lambda: client.delete_function_concurrency(FunctionName="fx")) == missing
    least = (
        *REFUSED,
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100].",
    )
    for wanted in (901, 5000):
        assert error_of(lambda wanted=wanted: put(FunctionName="f", ReservedConcurrentExecutions=wanted)) == least
    assert error_of(lambda: put(FunctionName="f", ReservedConcurrentExecutions=-1)) == (
        "ValidationException",
        400,
        "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: "
        "Member must have value greater than or equal to 0",
    )
    put(FunctionName="f", ReservedConcurrentExecutions=900)


def test_names_of_awss_own_are_no_tags(client: Any) -> None:
    for tags in ({"aws:mine": "x"}, {"AWS:mine": "x"}):
        assert error_of(lambda: client.tag_resource(Resource=ARN, Tags=tags))[:2] == REFUSED  # noqa: B023
        assert error_of(lambda: create(client, "g", Tags=tags))[:2] == REFUSED  # noqa: B023
    assert client.list_tags(Resource=ARN)["Tags"] == {}
