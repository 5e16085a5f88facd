"""Recursion and runtime management configs through boto3; and that every operation is answered or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.aws.protocol import load_service
from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, without_metadata

NOT_FOUND = ("ResourceNotFoundException", 404, f"Function not found: {ARN[:-1]}g")


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[Any]:
    client = emulator.client("lambda")
    create(client)
    yield client


def test_loops_are_stopped_unless_a_function_allows_them(client: Any) -> None:
    read = client.get_function_recursion_config
    assert without_metadata(read(FunctionName="f")) == {"RecursiveLoop": "Terminate"}
    put = client.put_function_recursion_config(FunctionName=ARN, RecursiveLoop="Allow")
    assert without_metadata(put) == {"RecursiveLoop": "Allow"}
    assert without_metadata(read(FunctionName="f")) == {"RecursiveLoop": "Allow"}
    client.update_function_configuration(FunctionName="f", Timeout=5)
    assert read(FunctionName="f")["RecursiveLoop"] == "Allow"


def test_errors_of_recursion_configs(client: Any) -> None:
    put = client.put_function_recursion_config
    assert error_of(lambda: put(FunctionName="f", RecursiveLoop="InvalidValue")) == (
        "ValidationException",
        400,
        "1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Terminate, Allow]",
    )
    assert error_of(lambda: put(FunctionName="g", RecursiveLoop="Allow")) == NOT_FOUND
    assert error_of(lambda: client.get_function_recursion_config(FunctionName="g")) == NOT_FOUND
    code, status, text = error_of(lambda: put(FunctionName="f:live", RecursiveLoop="Allow"))
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith("1 validation error detected: Value 'f:live' at 'functionName' failed to satisfy")


def test_runtime_updates_are_kept_per_version(client: Any) -> None:
    client.publish_version(FunctionName="f")
    read = client.get_runtime_management_config
    auto = {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"}
    assert without_metadata(read(FunctionName="f")) == auto
    runtime = f"arn:aws:lambda:us-east-1::runtime:{'0' * 64}"
    put = client.put_runtime_management_config(
        FunctionName="f", Qualifier="1", UpdateRuntimeOn="Manual", RuntimeVersionArn=runtime
    )
    manual = {"UpdateRuntimeOn": "Manual", "FunctionArn": f"{ARN}:1", "RuntimeVersionArn": runtime}
    assert without_metadata(put) == manual
    assert without_metadata(read(FunctionName="f", Qualifier="1")) == manual
    assert without_metadata(read(FunctionName="f")) == auto
    code, status, _ = error_of(lambda: client.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="Manual"))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert error_of(lambda: read(FunctionName="g")) == NOT_FOUND
    client.delete_function(FunctionName="f")
    create(client)
    assert without_metadata(read(FunctionName="f")) == auto


def test_every_operation_of_the_model_is_answered_or_refused_by_name_and_listed(emulator: RunningEmulator) -> None:
    listed = (Path(__file__).parents[2] / "docs/compatibility.md").read_text()
    service = emulator.emulator.services.get("lambda")
    assert service is not None
    model = load_service("lambda")
    assert [name for name in model.operation_names() if name not in listed] == []
    durable = f"{ARN}:$LATEST/durable-execution/a/b"
    client = emulator.client("lambda")
    for name, work in {
        "ListCapacityProviders": client.list_capacity_providers,
        "GetDurableExecution": lambda: client.get_durable_execution(DurableExecutionArn=durable),
    }.items():
        assert name not in service.operations
        code, status, text = error_of(work)
        assert (code, status) == ("NotImplemented", 501)
        assert text.startswith(f"lambda.{name} is not emulated")


# ── tags ──


def test_everything_that_can_have_tags_has_them(emulator: RunningEmulator, client: Any) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    queue_arn = "arn:aws:sqs:us-east-1:000000000000:" + queue.rpartition("/")[2]
    mapping = client.create_event_source_mapping(FunctionName="f", EventSourceArn=queue_arn, Tags={"a": "1"})
    publishers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"]}
    config = client.create_code_signing_config(AllowedPublishers=publishers, Tags={"a": "1"})["CodeSigningConfig"]
    client.tag_resource(Resource=ARN, Tags={"a": "1"})
    for arn in (ARN, config["CodeSigningConfigArn"], mapping["EventSourceMappingArn"]):
        assert client.list_tags(Resource=arn)["Tags"] == {"a": "1"}
        client.tag_resource(Resource=arn, Tags={"b": "2"})
        client.untag_resource(Resource=arn, TagKeys=["a", "c"])
        assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
        refused = error_of(lambda: client.tag_resource(Resource=arn, Tags={str(n): "" for n in range(50)}))  # noqa: B023
        assert refused == ("InvalidParameterValueException", 400, "Number of tags exceeds resource tag limit.")
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}


def test_tags_of_what_is_not_there(client: Any) -> None:
    assert error_of(lambda: client.list_tags(Resource=f"{ARN[:-1]}g")) == NOT_FOUND
    own = "arn:aws:lambda:us-east-1:000000000000"
    for resource in (
        f"{own}:code-signing-config:csc-00000000000000000",
        f"{own}:event-source-mapping:00000000-0000-0000-0000-000000000000",
    ):
        assert error_of(lambda: client.list_tags(Resource=resource))[:2] == ("ResourceNotFoundException", 404)  # noqa: B023
    code, status, text = error_of(lambda: client.list_tags(Resource=f"{ARN}:1"))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text == "Tags on function aliases and versions are not supported. Please specify a function ARN."
    code, status, _ = error_of(lambda: client.list_tags(Resource=f"{own}:layer:tools"))
    assert (code, status) == ("ValidationException", 400)
