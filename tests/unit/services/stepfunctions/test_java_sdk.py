"""Names of the Java SDK, by which Step Functions calls services, and parameters as it takes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from emulator.aws.protocol import service_names
from emulator.services.stepfunctions.java_sdk import botocore_name, class_name, exception_name
from emulator.services.stepfunctions.task_parameters import from_boto3, to_boto3


@pytest.mark.parametrize(
    ("service_id", "name"),
    [
        ("DynamoDB", "DynamoDb"), ("SESv2", "SesV2"), ("SFN", "Sfn"), ("S3", "S3"), ("EC2", "Ec2"), ("SSM", "Ssm"),
        ("Secrets Manager", "SecretsManager"), ("CloudWatch Logs", "CloudWatchLogs"), ("EventBridge", "EventBridge"),
        ("ApiGatewayV2", "ApiGatewayV2"), ("API Gateway", "ApiGateway"), ("KMS", "Kms"), ("S3 Control", "S3Control"),
        ("Cognito Identity Provider", "CognitoIdentityProvider"), ("SageMaker", "SageMaker"), ("Lambda", "Lambda"),
    ],
)  # fmt: skip
def test_a_service_is_called_as_its_java_client(service_id: str, name: str) -> None:
    assert class_name(service_id) == name


@pytest.mark.parametrize(
    ("arn_name", "name"),
    [
        ("sfn", "stepfunctions"), ("dynamodb", "dynamodb"), ("cloudwatchlogs", "logs"), ("eventbridge", "events"),
        ("cognitoidentityprovider", "cognito-idp"), ("cognitoidentity", "cognito-identity"), ("s3control", "s3control"),
        ("elasticloadbalancingv2", "elbv2"), ("applicationautoscaling", "application-autoscaling"),
        ("stepfunctions", None), ("logs", None), ("nothing", None),
    ],
)  # fmt: skip
def test_services_are_named_in_arns_as_in_java(arn_name: str, name: str | None) -> None:
    assert botocore_name(arn_name, service_names()) == name


def test_every_name_that_differs_is_a_service_of_botocore() -> None:
    from emulator.services.stepfunctions import java_sdk

    table: dict[str, str] = java_sdk._BOTOCORE_NAMES  # pyright: ignore[reportPrivateUsage]
    assert set(table.values()) <= service_names()


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("NoSuchKey", "NoSuchKeyException"), ("ResourceNotFoundException", "ResourceNotFoundException"),
        ("DBInstanceNotFoundFault", "DBInstanceNotFoundException"), ("QueueDoesNotExist", "QueueDoesNotExistException"),
    ],
)  # fmt: skip
def test_errors_are_named_as_exceptions(shape: str, name: str) -> None:
    assert exception_name(shape) == name


def operation(service: str, name: str) -> Any:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service).operation_model(name)


def test_parameters_are_checked_member_by_member() -> None:
    shape = operation("dynamodb", "PutItem").input_shape
    problems: list[str] = []
    given = {"TableName": ["t"], "Item": {"id": {"S": 1, "Bad": 2}, "ok": {"N": "1", "NULL": True}}, "Item2": None}
    to_boto3(shape, given, problems)
    assert problems == [
        "The field 'Item2' is not supported by Step Functions",
        "The field 'Bad' is not supported by Step Functions",
        "The value of the field 'S' has an invalid format",
    ]


@pytest.mark.parametrize("moment", ["yesterday", 5, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", {}])
def test_moments_that_are_none_are_told(moment: Any) -> None:
    problems: list[str] = []
    to_boto3(operation("logs", "CreateExportTask").input_shape, {"From": "x"}, problems)
    assert problems == ["The value of the field 'From' has an invalid format"]
    problems = []
    to_boto3(operation("cloudwatch", "GetMetricData").input_shape, {"StartTime": moment}, problems)
    assert problems == ["The value of the field 'StartTime' has an invalid format"]


def test_what_no_model_knows_is_not_shown() -> None:
    shape = operation("lambda", "Invoke").output_shape
    assert from_boto3(shape, {"StatusCode": 200, "Payload": b"\xff\x00", "_request_id": "x"}) == {
        "StatusCode": 200,
        "Payload": "/wA=",
    }
